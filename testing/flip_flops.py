"""Memories of bits by construction: tanh networks of low rank with 3^bits fixed points.

Each unit stands for one bit, and reads it with a sign: h = tanh(g M κ) with κ = Mᵀ h / n, where M
has one entry of 1 or -1 in each row, and n units have a bit. So κ_j = tanh(g κ_j) for each bit, two
memories and a 0 between them: 3^bits points, of which 2^bits are stable, and one with k zeros has k
unstable modes. Random numbers in M let bits know of each other: few of them move the points and
lose none, and more may join some in pairs.
"""

from __future__ import annotations

import numpy as np

import nullcline as nc

GAIN = 2.0
COUPLING = 0.1


def flip_flop(bits: int, size: int, seed: int = 0, coupling: float = COUPLING) -> nc.RNN:
    """Return a network that remembers so many bits in at least as many units."""
    rng = np.random.default_rng(seed)
    of = np.arange(size) % bits
    loadings = np.zeros((size, bits))
    loadings[np.arange(size), of] = rng.choice([-1.0, 1.0], size)
    loadings += coupling * rng.normal(size=(size, bits))
    return nc.RNN(loadings, GAIN * loadings @ loadings.T / np.bincount(of).mean())
