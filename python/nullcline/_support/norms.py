"""Euclidean norms of numbers so large that their squares are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LARGE = 1e150
"""The square of a larger number, or a sum of some, may be more than float64 holds."""


def row_norms(rows: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the Euclidean norm of each row, shape (...,) of (..., S), in float64.

    It is inf where that is larger than any float64, or a number is; NaN where a number is NaN.
    """
    values = rows.astype(np.float64)
    scale = scale_of(values)
    with np.errstate(over="ignore", invalid="ignore"):
        norms: NDArray[np.float64] = np.linalg.norm(values / scale, axis=-1) * scale
    return norms


def scale_of(*arrays: NDArray[np.float64]) -> float:
    """Return what to divide all numbers by so that squares of them are numbers: 1 if they are."""
    largest = max(float(np.abs(x[np.isfinite(x)]).max(initial=0)) for x in arrays)
    return largest if largest > _LARGE else 1.0
