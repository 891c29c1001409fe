"""Matrices whose eigenvalues are hard to find, and networks whose Jacobian they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import nullcline as nc

if TYPE_CHECKING:
    from numpy.typing import NDArray


def linear_part(jacobian: NDArray[np.float64]) -> nc.RNN:
    """Return h' = tanh(J h), whose Jacobian at 0 is J."""
    return nc.RNN(np.zeros((len(jacobian), 1), jacobian.dtype), jacobian)


def hard_matrices(size: int, seed: int = 0) -> dict[str, NDArray[np.float64]]:
    """Return matrices whose eigenvalues are equal, defective, all zero, very large, and so on."""
    rng = np.random.default_rng(seed)
    normal = rng.normal(size=(size, size))
    orthogonal = np.linalg.qr(normal)[0]
    several = np.concatenate([np.full(min(size, 4), 0.95), rng.uniform(-0.5, 0.5, size)])[:size]
    oblique = normal + 3 * np.eye(size)
    return {
        "zero": np.zeros((size, size)),
        "multiple of I": 0.9 * np.eye(size),
        "orthogonal": orthogonal,
        "a cycle": np.roll(np.eye(size), 1, axis=0),
        "a delay line": np.eye(size, k=1),
        "one Jordan block": 0.5 * np.eye(size) + np.eye(size, k=1),
        "rank one": np.outer(normal[0], normal[-1]) / size,
        "antisymmetric": (normal - normal.T) / np.sqrt(size),
        "equal and normal": orthogonal @ np.diag(several) @ orthogonal.T,
        "equal and oblique": oblique @ np.diag(several) @ np.linalg.inv(oblique),
        "twins": np.kron(np.eye(2), normal[: (size + 1) // 2, : (size + 1) // 2]),
        "triangular": np.triu(normal) / np.sqrt(size),
        "far from normal": np.triu(normal, 1) + np.diag(several),
        "huge": 1e150 * normal,
    }
