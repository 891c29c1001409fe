"""
Fixed points among trajectories
===============================

A network that remembers two bits: its stable points are the four memories, its saddles the
thresholds between them. Lines run along the directions that grow; trajectories leave along them.
"""

import numpy as np

import nullcline as nc
from nullcline import plotting

rng = np.random.default_rng(0)
units = 40

# %%
# Each half of the units holds one bit: it drives itself along one direction, with a gain above 1.
# There is noise on the weights, as in a network that was trained.
bits = np.zeros((2, units))
bits[0, : units // 2], bits[1, units // 2 :] = rng.choice([-1.0, 1.0], (2, units // 2))
weights = 1.6 * bits.T @ bits / (units // 2) + 0.1 * rng.normal(size=(units, units)) / units**0.5
cell = nc.LeakyRNN(bits.T, weights, np.zeros(units), dt=10.0, tau=50.0)

# %%
# Trajectories from random states, and a search from the states on them.
state = rng.uniform(-0.7, 0.7, (60, 2)) @ bits + 0.1 * rng.normal(size=(60, units))
path = [state]
for _ in range(60):
    path.append(cell.step(path[-1]))
trajectories = np.stack(path, axis=1)
points = nc.find_fixed_points(cell, trajectories[:, ::5].reshape(-1, units)).unique()

# %%
# The picture: every fixed point is linearized, so that shape and colour can say what it is.
with plotting.style():
    plotting.fixed_points(points, trajectories=trajectories)

# %%
# The same, in the colours of time. The cell knows its `dt`, so time has its unit: milliseconds.
with plotting.style():
    plotting.fixed_points(points, trajectories=trajectories, colour="time")
