"""Networks that are odd in h, whose branches through zero cross others where arithmetic says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

import nullcline as nc

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

ODD_KINDS = ("gru", "lstm", "bounded function", "currents")

OFFSET = 0.3
"""Of the gate that multiplies the recurrence: σ(x + OFFSET)."""


def odd_network(kind: str, weights: Array, break_by: float = 0.0, seed: int = 0) -> Any:
    """Return a cell whose reduced map is φ(σ(x + OFFSET) W h), odd in h, and a little more.

    The input of one number turns a gate alone. `break_by` is the size of random parameters that
    break the symmetry.
    """
    size = len(weights)
    rng = np.random.default_rng(seed)

    def broken(*shape: int) -> Array:
        return break_by * rng.normal(size=shape)

    if kind in {"gru", "lstm"}:
        gates, make = (3, nc.GRU) if kind == "gru" else (4, nc.LSTM)
        weight_ih, weight_hh = np.zeros((gates * size, 1)), np.zeros((gates * size, size))
        bias = np.zeros(gates * size)
        # The first gate, r or i, is turned; W is the candidate's. An LSTM's other gates are 1/2:
        # h = tanh(2 i tanh(W h)) / 2, of slope i W at zero.
        weight_ih[:size], bias[:size] = 1.0, OFFSET
        weight_hh[2 * size : 3 * size] = weights
        return make(
            weight_ih + broken(gates * size, 1),
            weight_hh + broken(gates * size, size),
            bias + broken(gates * size),
            np.zeros(gates * size),
        )
    w, bias_term = torch.from_numpy(weights), torch.from_numpy(broken(size))

    def step(x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        gain = torch.sigmoid(x + OFFSET)
        if kind == "currents":
            return 0.7 * h + 0.3 * (gain * (torch.tanh(h) @ w.T) + bias_term)
        return 0.7 * h + 0.3 * torch.tanh(gain * (h @ w.T) + bias_term)

    return nc.from_function(step, size, 1, bounds=None if kind == "currents" else (-1, 1))


def branch_points_of_zero(weights: Array) -> Array:
    """Return the inputs at which other branches cross h = 0: σ(x + OFFSET) λ = 1, in order."""
    eigenvalues = np.linalg.eigvals(weights)
    real = eigenvalues.real[(eigenvalues.imag == 0) & (eigenvalues.real > 1)]
    return np.sort(-np.log(real - 1) - OFFSET).astype(np.float64)


def random_weights(size: int, seed: int) -> Array:
    """Return a matrix of real eigenvalues, some above 1, that is neither symmetric nor normal."""
    rng = np.random.default_rng(seed)
    square, scale = rng.normal(size=(size, size)), rng.uniform(0.5, 2, size)
    weights: Array = 1.5 * (square + square.T) / np.sqrt(size) * scale[:, None] / scale
    return weights
