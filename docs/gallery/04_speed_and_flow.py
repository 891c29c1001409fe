"""
The speed as a landscape, and the flow in it
============================================

The speed q is how far a step moves a state, squared. Over a plane through three fixed points its
valleys lead to fixed points, and streamlines say where the network goes from every state on it.
"""

import numpy as np

import nullcline as nc
from nullcline import plotting

rng = np.random.default_rng(0)
units = 40
bits = np.zeros((2, units))
bits[0, : units // 2], bits[1, units // 2 :] = rng.choice([-1.0, 1.0], (2, units // 2))
weights = 1.6 * bits.T @ bits / (units // 2) + 0.1 * rng.normal(size=(units, units)) / units**0.5
cell = nc.LeakyRNN(bits.T, weights, np.zeros(units), alpha=0.2)
starts = rng.uniform(-1, 1, (300, 2)) @ bits
points = nc.find_fixed_points(cell, starts).unique()

# %%
# The plane: the first two principal components of the points. It could run through three states,
# `Projection.through(points.h[:3])`, or along two modes, `Projection.of_modes(nc.linearize(...))`.
plane = plotting.Projection.principal(points.h)
with plotting.style():
    ax = plotting.speed_landscape(cell, plane, points)
    plotting.flow(cell, plane, points, colour="white", ax=ax)
    plotting.fixed_points(points, projection=plane, n_directions=0, ax=ax)

# %%
# The same speed as a surface.
with plotting.style():
    plotting.speed_landscape(cell, plane, points, resolution=81, surface=True)
