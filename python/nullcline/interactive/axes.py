"""Three directions to look along: principal components, the readout, or those that are given."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from nullcline._native.blas import one_blas_thread
from nullcline._support import validation
from nullcline._support.components import principal_components

if TYPE_CHECKING:
    from typing import TypeGuard

    from numpy.typing import ArrayLike, NDArray

    from nullcline.plotting.projection import Projection

    Matrix = NDArray[np.float64]
    Vector = NDArray[np.float64]

READOUT = "readout"

N_AXES = 3


@dataclass(frozen=True, eq=False)
class Axes:
    """Three axes in the space of states.

    Parameters
    ----------
    centre
        The state at their origin, shape (S,).
    directions
        Shape (3, S); zero where states have fewer directions than three.
    names
        What each is called, a component with its share of the variance.
    """

    centre: Vector
    directions: Matrix
    names: tuple[str, ...]

    def place(self, states: NDArray[np.floating[Any]]) -> Matrix:
        """Return the coordinates of states (n, S), shape (n, 3)."""
        with np.errstate(invalid="ignore"):  # what is not finite has no place
            places: Matrix = (states.astype(np.float64) - self.centre) @ self.directions.T
        return places


@one_blas_thread()
def axes_through(
    states: NDArray[np.floating[Any]],
    projection: Projection | ArrayLike | None,
    readout: Vector | None,
) -> Axes:
    """Return axes through states: those asked for first, then principal components beside them.

    Parameters
    ----------
    states
        Finite, shape (n, S).
    projection
        None, "readout", up to three directions, shape (k, S), or a `Projection` on so many axes.
    readout
        Shape (S,). Components point to where it rises; without it, their largest entry is positive.
    """
    width = states.shape[1]
    centre = states.mean(axis=0, dtype=np.float64) if len(states) else np.zeros(width)
    first, names = _asked_for(projection, readout, width)
    away = states.astype(np.float64) - centre
    total = float(np.sum(away**2))
    if len(first):
        basis = np.linalg.qr(first.T)[0]
        away -= (away @ basis) @ basis.T
    components, squares = _principal(away, N_AXES - len(first))
    number = 1 + (len(first) if _is_projection(projection) else 0)
    for j, (component, square) in enumerate(zip(components, squares, strict=True)):
        share = 100 * square / total if total > 0 else 0.0
        names.append(f"component {number + j} ({share:.0f}%)")
        toward = component @ readout if readout is not None else 0.0
        if (toward or component[np.argmax(np.abs(component))]) < 0:
            components[j] = -component
    at = projection.centre if _is_projection(projection) else centre
    return Axes(at, np.concatenate([first, components]), tuple(names))


def _asked_for(
    projection: Projection | ArrayLike | None, readout: Vector | None, width: int
) -> tuple[Matrix, list[str]]:
    if projection is None:
        return np.zeros((0, width)), []
    if isinstance(projection, str):
        if projection != READOUT:
            raise ValueError(
                f'projection must be None, "readout" or directions (k, S), not {projection!r}'
            )
        if readout is None:
            raise ValueError('projection="readout" needs a readout')
        return (readout / np.linalg.norm(readout))[None], ["along the readout"]
    if _is_projection(projection):
        given, names = projection.axes, list(projection.labels)
    else:
        given = validation.floats("projection", cast("ArrayLike", projection)).astype(np.float64)
        names = [f"axis {i + 1}" for i in range(len(given))] if given.ndim == 2 else []
    if given.ndim != 2 or given.shape[1] != width or not 1 <= len(given) <= N_AXES:
        raise ValueError(
            f"projection must have shape (k, {width}) with k = 1, 2 or 3, not {given.shape}"
        )
    return given, names


def _is_projection(projection: object) -> TypeGuard[Projection]:
    """Whether it is one of those of plots, whose module needs matplotlib, as a page does not."""
    plots = sys.modules.get("nullcline.plotting.projection")
    return plots is not None and isinstance(projection, plots.Projection)


def _principal(away: Matrix, count: int) -> tuple[Matrix, Vector]:
    """Return `count` principal components of centred states, and their sums of squares.

    Those that rounding alone would tell, as of states in a plane, are zero.
    """
    if count == 0 or len(away) == 0:
        return np.zeros((count, away.shape[1])), np.zeros(count)
    found = principal_components(away, count)
    shares = found.explained_variance_ratio
    real = shares > shares[0] * away.shape[1] * np.finfo(np.float64).eps
    squares: Vector = np.where(real, shares, 0) * np.sum(away**2)
    return np.where(real[:, None], found.components, 0), squares
