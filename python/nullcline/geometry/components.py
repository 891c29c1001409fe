"""How the variance of states is shared out, and the plane of their first components."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._native.blas import one_blas_thread
from nullcline._support import validation

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Matrix = NDArray[np.float64]
    Vector = NDArray[np.float64]


LARGEST = 1e100
"""Numbers beyond which squares would not be finite any more, or their sums."""


def require_moderate(name: str, array: NDArray[Any]) -> None:
    """Raise ValueError if a number is so large that its square may overflow."""
    if float(np.abs(array).max(initial=0)) > LARGEST:
        raise ValueError(f"{name} must not be beyond {LARGEST:g}: scale them down")


def states_of(name: str, value: ArrayLike, least: int = 2) -> Matrix:
    """Return states as an array (n, S) of float64 with `least` rows or more, not all equal."""
    states = validation.floats(name, value)
    if states.ndim != 2:
        raise ValueError(f"{name} must have shape (n, S), not {states.shape}")
    if len(states) < least:
        raise ValueError(f"{name} must hold at least {least} states, not {len(states)}")
    require_moderate(name, states)
    if not np.ptp(states, axis=0).any():
        raise ValueError(f"{name} must differ: equal ones have no shape")
    return states.astype(np.float64)


def part(name: str, value: object) -> float:
    """Return `value` as a number above 0 and not above 1."""
    number = validation.tolerance(name, value)
    if not 0 < number <= 1:
        raise ValueError(f"{name} must lie above 0 and not above 1, not be {number}")
    return number


@one_blas_thread()
def variances_and_axes(states: Matrix) -> tuple[Vector, Matrix]:
    """Return the variance along each principal component, falling, and the components (k, S)."""
    centred = states - states.mean(axis=0)
    _, lengths, axes = np.linalg.svd(centred, full_matrices=False)
    return lengths**2 / len(states), axes


def components_for(variances: NDArray[Any], share: float) -> int:
    """Return how many of the first components have this share of the variance."""
    cumulative = np.cumsum(variances) / np.sum(variances)
    return int(np.searchsorted(cumulative, share - 1e-12) + 1)


def plane_of(states: Matrix, dimension: int) -> Matrix:
    """Return the first principal components of states, (dimension, S).

    Raises
    ------
    ValueError
        The states do not differ in so many directions.
    """
    variances, axes = variances_and_axes(states)
    there = int(np.sum(variances > variances[0] * np.finfo(float).eps ** 2 * states.size))
    if dimension > there:
        raise ValueError(
            f"dimension must be at most {there}, the directions in which these states differ, "
            f"not {dimension}"
        )
    return axes[:dimension]
