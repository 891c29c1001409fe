"""
Cycles, and their multipliers
=============================

A network that does not come to rest may go round: through states that it comes back to again and
again. Blue cycles attract, vermilion ones repel, and arrows say in which order their states come.
A cycle attracts where every multiplier, an eigenvalue of one turn round it, lies within the unit
circle.
"""

import numpy as np

import nullcline as nc
from nullcline import plotting

rng = np.random.default_rng(3)
size = 30
patterns = rng.choice([-1.0, 1.0], (3, size))
weights = 1.4 * np.roll(patterns, -1, axis=0).T @ patterns / size  # each calls the next
weights += 0.2 * rng.normal(size=(size, size)) / size**0.5
cell = nc.RNN(np.zeros((size, 1)), weights)
starts = rng.uniform(-1, 1, (80, 3)) @ patterns
starts = np.clip(starts, -1, 1)
points = nc.find_fixed_points(cell, starts).unique()
found = nc.find_cycles(cell, starts, period=range(2, 7)).select("cycle")

# %%
# Cycles and fixed points in the plane of the cycles' states.
with plotting.style():
    plotting.cycles(found, points=points)

# %%
# The multipliers of a stable and of an unstable one beside the unit circle.
with plotting.style():
    plotting.multipliers(found[[0, 2]])
