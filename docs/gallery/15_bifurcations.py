"""
Bifurcations, of one network and of its training
================================================

A network with a symmetry has a pitchfork: where its gain is large enough, one memory becomes two.
"""

import numpy as np

import nullcline as nc
from nullcline import plotting

# %%
# The input is the gain, the reset gate of a GRU that is odd in h.
rng = np.random.default_rng(0)
square = rng.normal(size=(4, 4))
weights = np.zeros((12, 4))
weights[8:] = 1.2 * (square + square.T)
gain = np.zeros((12, 1))
gain[:4] = 1
cell = nc.GRU(gain, weights)
rest = nc.follow_input(cell, np.zeros(4), [1.0], [-3.0], reach=5.0)
for point in rest.bifurcations:
    print(point)

# %%
# Branches that cross are followed on request, to both sides.
with plotting.style():
    plotting.input_branch([rest, *rest.switch()])

# %%
# With a bias as the second input, the pitchfork is a cusp, in which two curves of folds end.
unit = nc.GRU(np.array([[1.0, 0], [0, 0], [0, 1]]), np.array([[0.0], [0], [4]]))
fold = nc.follow_input(unit, [-0.95], [0.0, 1.0]).bifurcations[0]
folds = nc.fold_curve(unit, fold, [1.0, 0.0], [0.0, 1.0], reach=2.0)
with plotting.style():
    plotting.fold_curve(folds, names=("change of the gain's input", "change of the bias"))

# %%
# As weights grow from checkpoint to checkpoint, memories are born in pairs, and turn into
# oscillations.
weights = rng.normal(size=(36, 12))
cells = [
    nc.GRU(np.zeros((36, 1)), scale * weights, 0.1 * rng.normal(size=36))
    for scale in (0.3, 0.6, 0.9, 1.2, 1.5)
]
starts = rng.uniform(-1, 1, (200, 12))
path = nc.follow_training(cells, [nc.find_fixed_points(one, starts) for one in cells])
for event in path.events:
    print(event)
with plotting.style():
    plotting.training_path(path)
