"""Recurrences of low rank: their factors, and a bound of what the factors leave out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nullcline.certify.balls import TINY, UP, relative_error

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

NEGLIGIBLE = 2.0**-46
"""Singular values that are smaller beside the largest, times sqrt(H), are rounding: a product of
factors in float64 has them at 2^-52."""

SMALL = 1e-3
"""What is left out must contract, and by far: below 1/2 the equations for h have one solution."""


class Factors(NamedTuple):
    """W = left rightᵀ + E: factors of shape (H, R), and the row sums of |E|, shape (H,)."""

    left: Matrix
    right: Matrix
    remainder: NDArray[np.float64]

    @property
    def rank(self) -> int:
        """R."""
        return int(self.left.shape[1])


def factors_of(weight: Any) -> Factors | None:
    """Return the factors of a recurrence whose rank is at most half its size, if it has any.

    Factors that are given are exact, whatever their rank. Those of a matrix are of its singular
    value decomposition, with a bound of all that they and their rounding leave out of it.
    """
    if isinstance(weight, tuple):
        left, right = (np.ascontiguousarray(factor) for factor in weight)
        return Factors(left, right, np.zeros(len(left)))
    size = len(weight)
    u, s, vt = np.linalg.svd(weight)
    rank = max(int(np.sum(s > NEGLIGIBLE * np.sqrt(size) * s[0])), 1)
    if 2 * rank > size:
        return None
    left, right = np.ascontiguousarray(u[:, :rank] * s[:rank]), np.ascontiguousarray(vt[:rank].T)
    difference = np.abs(weight - left @ right.T)
    rounded = relative_error(rank + 2) * (np.abs(left) @ np.abs(right).T + np.abs(weight))
    remainder = UP * (difference + rounded).sum(axis=1) + TINY
    return Factors(left, right, remainder) if remainder.max() < SMALL else None
