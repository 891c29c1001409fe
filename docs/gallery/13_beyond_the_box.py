"""
A fiber beyond the box
======================

A directional fiber may leave the box that a network's states stay in, and come back. Followed there,
too, it meets fixed points that lie on no piece of it that is seen from inside.
"""

import numpy as np

import nullcline as nc
from nullcline import plotting

# %%
# A random network of twenty units, of weights with standard deviation 4 / √20.
rng = np.random.default_rng(1)
weights = 4 * rng.normal(size=(40, 20)) / 20**0.5
cell = nc.UGRNN(np.zeros((40, 1)), weights, 0.1 * rng.normal(size=40))
starts = rng.uniform(-1, 1, (100, 20))
point = nc.find_fixed_points(cell, starts).unique().select("fixed")[:1]
traced = nc.trace(cell, point, beyond=True)

# %%
# Inside the box the curve is a line, outside dotted.
with plotting.style():
    plotting.curve(traced)

# %%
# From one fixed point to the next the index changes its sign, and their sum is 1.
print(traced.curves[0].indices)
with plotting.style():
    plotting.curve_profile(traced)
