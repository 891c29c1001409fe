"""
Fixed points as the input moves
===============================

A memory ends where a strong enough input folds it away: there the stable point meets a saddle, and
beyond it neither is left. Between the two folds the network remembers what it was told last.
"""

import numpy as np

import nullcline as nc
from nullcline import plotting

rng = np.random.default_rng(1)
units = 30
bit = rng.choice([-1.0, 1.0], units)
weights = 1.5 * np.outer(bit, bit) / units + 0.5 * rng.normal(size=(units, units)) / units**0.5
cell = nc.LeakyRNN(bit[:, None], weights, np.zeros(units), alpha=0.2)

# %%
# From a strong negative input, where there is one point, to a strong positive one.
low = nc.find_fixed_points(cell, -bit[None], [-0.5]).unique()
branch = nc.follow_input(cell, low, [1.0], reach=1.0, largest_step=0.2)

# %%
# The height is what the network says of the bit: a readout of the fixed point.
with plotting.style():
    plotting.input_branch(branch, along=bit / units, name="what the network says of the bit")
