"""
How many dimensions states fill
===============================

A network of 60 units fills few of its 60 dimensions. The participation ratio counts them, and does
not depend on a threshold of explained variance.
"""

import numpy as np

import nullcline as nc
from nullcline import plotting

rng = np.random.default_rng(0)
units = 60
weights = 0.7 * rng.normal(size=(units, units)) / units**0.5


def variances(inputs):
    """Return the variances of the states of the network, driven by noise of some dimensions."""
    cell = nc.LeakyRNN(rng.normal(size=(units, inputs)), weights, np.zeros(units), alpha=0.3)
    state, states = np.zeros((20, units)), []
    for _ in range(100):
        state = cell.step(state, 0.3 * rng.normal(size=(20, inputs)))
        states.append(state)
    return np.linalg.eigvalsh(np.cov(np.concatenate(states).T))[::-1].clip(min=0)


# %%
# The more inputs move it, the more dimensions its states fill.
with plotting.style():
    plotting.dimensionality({f"{n} inputs": variances(n) for n in (2, 8, 32)})
