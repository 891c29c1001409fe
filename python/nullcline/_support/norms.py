"""Euclidean norms of numbers so large that their squares are not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
    finite = np.where(np.isfinite(values), values, 0)
    scale = _units(np.abs(finite).max(axis=-1, initial=0))
    with np.errstate(over="ignore", invalid="ignore"):
        norms: NDArray[np.float64] = np.linalg.norm(values / scale[..., None], axis=-1) * scale
    return norms


def unit_of(*arrays: NDArray[np.float64]) -> float:
    """Return what to divide all finite numbers by so that squares of them are: 1 if they are."""
    largest = max(np.abs(x[np.isfinite(x)]).max(initial=0) for x in arrays)
    return float(_units(largest))


def _units(largest: Any) -> NDArray[np.float64]:
    return np.where(largest > _LARGE, largest, 1.0)
