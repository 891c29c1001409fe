"""
How many dimensions states fill
===============================

Trained networks use few of their dimensions. The participation ratio counts them, and does not
depend on a threshold of explained variance.
"""

import numpy as np

import nullcline as nc
from nullcline import plotting

rng = np.random.default_rng(0)
units = 60


def variances(rank: int) -> np.ndarray:
    """Return the variances of the states of a network of that rank, driven by noise."""
    left, right = rng.normal(size=(2, units, rank))
    weights = 3 * left @ right.T / (units * rank) ** 0.5
    cell = nc.LeakyRNN(rng.normal(size=(units, 1)), weights, np.zeros(units), alpha=0.3)
    state, states = np.zeros((20, units)), []
    for _ in range(100):
        state = cell.step(state, 0.3 * rng.normal(size=(20, 1)))
        states.append(state)
    return np.linalg.eigvalsh(np.cov(np.concatenate(states).T))[::-1].clip(min=0)


# %%
# With strong random weights a network moves in as many dimensions as its recurrence has rank.
with plotting.style():
    plotting.dimensionality({f"rank {rank}": variances(rank) for rank in (2, 8, 60)})
