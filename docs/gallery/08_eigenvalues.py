"""
Eigenvalues and time constants
==============================

The network is a map, so a mode decays where its eigenvalue lies inside the unit circle; how far
inside says how long the mode lasts. A rate network with a `dt` has time constants in its own unit.
"""

import numpy as np

import nullcline as nc
from nullcline import plotting

rng = np.random.default_rng(0)
units = 50

# %%
# A bit, in a network that turns: weights with large imaginary eigenvalues.
bit = rng.choice([-1.0, 1.0], units)
noise = rng.normal(size=(units, units)) / units**0.5
weights = 1.6 * np.outer(bit, bit) / units + 0.35 * (noise - noise.T) + 0.1 * noise
cell = nc.LeakyRNN(bit[:, None], weights, np.zeros(units), dt=10.0, tau=50.0)
starts = rng.uniform(-1, 1, (200, 1)) * bit + 0.1 * rng.normal(size=(200, units))
points = nc.find_fixed_points(cell, starts).unique().select("fixed")
modes = nc.linearize(cell, points)
names = [f"{'memory' if ok else 'threshold'} {i}" for i, ok in enumerate(modes.is_stable)]

# %%
# Unstable eigenvalues have a mark of their own.
with plotting.style():
    plotting.eigenvalues(modes, names)

# %%
# The slowest modes are those that remember.
with plotting.style():
    plotting.time_constants(modes, names)
