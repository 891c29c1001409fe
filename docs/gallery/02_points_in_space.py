"""
Points in three dimensions
==========================

Three bits make eight memories at the corners of a cube, and up to 27 fixed points in all. The axes
are those of the network's own readouts, instead of principal components.
"""

import numpy as np

import nullcline as nc
from nullcline import plotting

rng = np.random.default_rng(0)
units, third = 60, 20

# %%
# Each third of the units drives itself, and reads out one bit.
bits = np.zeros((3, units))
for bit in range(3):
    bits[bit, bit * third : (bit + 1) * third] = rng.choice([-1.0, 1.0], third)
weights = 1.5 * bits.T @ bits / third + 0.1 * rng.normal(size=(units, units)) / units**0.5
cell = nc.LeakyRNN(bits.T, weights, np.zeros(units), alpha=0.2)
starts = rng.uniform(-1, 1, (800, 3)) @ bits
points = nc.find_fixed_points(cell, starts).unique()

# %%
# Trajectories begin close to the middle, at a point from which every bit can be set.
state = 0.02 * rng.normal(size=(30, units))
trajectories = [state]
for _ in range(120):
    trajectories.append(cell.step(trajectories[-1]))
readouts = plotting.Projection.onto(bits / third, names=["bit 1", "bit 2", "bit 3"])

# %%
# Three axes make a picture in space, which an interactive window turns.
with plotting.style():
    plotting.fixed_points(
        points, None, np.stack(trajectories, axis=1), projection=readouts, dimensions=3
    )
