"""
Paths that end in a fixed point
===============================

`method="homotopy"` takes every start a along the states h = (1 - λ) a + λ n(h), which a network
with bounded outputs leads from a, at λ = 0, to a fixed point, at λ = 1. They are the fixed points
of a network that reads λ, and so they can be seen by `follow_input`.
"""

import numpy as np
import torch
from matplotlib import pyplot as plt

import nullcline as nc
from nullcline import plotting

# %%
# A network of twelve tanh units with strong recurrence, and all of its fixed points.
rng = np.random.default_rng(3)
units = 12
weights = 4 * rng.normal(size=(units, units)) / units**0.5
found = nc.find_all_fixed_points(nc.RNN(np.zeros((units, 1)), weights))

# %%
# The path of a start is the branch, from λ = 0 on, of a network that goes to
# (1 - λ) a + λ tanh(W h).
W = torch.from_numpy(weights)


def path_from(start):
    a = torch.from_numpy(start)
    going = nc.from_function(lambda x, h: (1 - x) * a + x * torch.tanh(h @ W.T), units, 1)
    return nc.follow_input(going, start, [1.0], largest_step=0.2)


starts = rng.uniform(-1, 1, (5, units))
paths = [path_from(start) for start in starts]

# %%
# Where the paths come to λ = 1 there are fixed points, and none of them is a saddle with an odd
# number of growing modes. At folds a path turns back, and later forward again.
with plotting.style():
    _, axes = plt.subplots()
    height = plotting.Projection.principal(np.concatenate([path.h for path in paths]), 1)
    for path in paths:
        axes.plot(path.s, height(path.h)[:, 0], linewidth=1.2)
    axes.plot(np.zeros(len(starts)), height(starts)[:, 0], "k.", label="starts")
    index, at_rest = found.points.index, height(found.points.h)[:, 0]
    for sign, filled in ((1, "black"), (-1, "white")):
        own = at_rest[index == sign]
        label = f"fixed points of index {sign:+}"
        axes.plot(np.ones(len(own)), own, "o", color="black", markerfacecolor=filled, label=label)
    axes.set(xlabel="λ", ylabel="first principal component of the paths")
    axes.legend(loc="upper left")
