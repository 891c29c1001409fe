"""
One panel for each condition
============================

Fixed points move, appear and vanish as the input changes. A search over labelled inputs keeps the
label of every point, and each condition gets a panel on the same axes.
"""

import numpy as np

import nullcline as nc
from nullcline import plotting

rng = np.random.default_rng(1)
units = 30

# %%
# A bit that its input can set: the recurrence holds it, a strong input overrides it.
bit = rng.choice([-1.0, 1.0], units)
weights = 1.4 * np.outer(bit, bit) / units + 0.5 * rng.normal(size=(units, units)) / units**0.5
cell = nc.LeakyRNN(bit[:, None], weights, np.zeros(units), dt=10.0, tau=50.0)
conditions = {"down": [-0.4], "no input": [0.0], "up": [0.4]}

# %%
# Every condition runs from the same states.
starts = rng.uniform(-1, 1, (20, 1)) * bit + 0.3 * rng.normal(size=(20, units))
trajectories = {}
for label, value in conditions.items():
    path = [starts]
    for _ in range(60):
        path.append(cell.step(path[-1], value))
    trajectories[label] = np.stack(path, axis=1)
points = nc.find_fixed_points(cell, starts, conditions).unique()

# %%
# In panels, and all in one picture, where colour tells conditions apart and shape the points.
with plotting.style():
    plotting.panels_by_condition(points, trajectories=trajectories)

# %%
with plotting.style():
    plotting.fixed_points(points, trajectories=trajectories)
