"""
Basins of attraction
====================

Which memory does a state end in? The network runs from every state of a plane, all at once, until
each has settled at a stable point. The boundaries run through the saddles.
"""

import numpy as np

import nullcline as nc
from nullcline import plotting

rng = np.random.default_rng(3)

# %%
# Two units that excite themselves and disturb each other, with a plane that is all there is.
weights = np.array([[2.2, -0.3], [0.3, 1.9]])
cell = nc.LeakyRNN(np.eye(2), weights, np.zeros(2), alpha=0.2)
points = nc.find_fixed_points(cell, rng.uniform(-1, 1, (100, 2))).unique()

# %%
# The numbers are rows of `points`. Saddles and a repeller lie on the boundaries.
plane = plotting.Projection.of_units([0, 1], size=2)
with plotting.style():
    ax = plotting.basins(cell, plane, points, resolution=161)
    unstable = ~nc.linearize(cell, points).is_stable
    plotting.fixed_points(points.select(unstable), projection=plane, ax=ax)
