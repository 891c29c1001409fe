"""
Nullclines on a slow sheet
==========================

Near its fixed points a large network moves on a surface of few dimensions. `trace_sheet` covers the
two-dimensional one with a mesh: a phase plane, with nullclines that cross at every fixed point.
"""

import numpy as np

import nullcline as nc
from nullcline import plotting

rng = np.random.default_rng(0)
units = 60

# %%
# Two bits that lean on each other: a phase plane of sixty units, beyond the box dotted.
bits = np.zeros((2, units))
signs = rng.choice([-1.0, 1.0], (2, units // 2)) * rng.uniform(0.5, 1.5, (2, units // 2))
bits[0, : units // 2], bits[1, units // 2 :] = signs
mixed = np.array([[1.6, 0.3], [-0.2, 1.6]])
weights = bits.T @ mixed @ bits / (units // 2)
weights += 0.3 * rng.normal(size=(units, units)) / units**0.5
cell = nc.LeakyRNN(np.zeros((units, 1)), weights, np.zeros(units), alpha=0.2)
sheet = nc.trace_sheet(cell, np.zeros(units), beyond=True, extent=8)
with plotting.style():
    plotting.phase_plane(sheet)

# %%
# The same sheet in space.
with plotting.style():
    plotting.sheet(sheet)

# %%
# A ring attractor, not quite even: along the ring both nullclines nearly coincide, and where they
# cross it keeps a fixed point.
angles = 2 * np.pi * np.arange(units) / units
weights = 1.8 * 2 / units * np.cos(angles[:, None] - angles)
uneven = rng.normal(size=(units, units)) / units**0.5
weights += 0.02 * (uneven + uneven.T)
cell = nc.LeakyRNN(np.zeros((units, 1)), weights, np.zeros(units), alpha=0.2)
sheet = nc.trace_sheet(cell, np.zeros(units), beyond=True, extent=7)
with plotting.style():
    plotting.phase_plane(sheet)
