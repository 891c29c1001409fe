"""A curve as the solutions of N equations in N + 1 unknowns, and the sentences that end it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable

    from nullcline.cells.residual_maps import ResidualMap

Vector: TypeAlias = NDArray[np.float64]
Matrix: TypeAlias = NDArray[np.float64]

LARGEST_WRITTEN_OUT = 4096
"""The most units of a cell whose Jacobian is written out and factored at every step. Beyond, curves
are followed by products: on widened IMDB GRUs a step by products took 1.7 times as long as one by
factors at 2048 units, and 0.9 times at 4096 (`benchmarks/curve_constants.py`)."""


class CurveStop(Enum):
    """Why a curve ends; the values are what users read."""

    REACH = "the input has moved as far as reach allows"
    FACE = "the curve reached a face of the cell's box"
    AWAY = "the curve went to infinity: beyond this τ it turns back no more"
    BOUND = "|τ| reached its bound, beyond which the curve may turn back"
    CLOSED = "the curve came back to where it began"
    POINTS = "the limit of points was reached"
    STEP = "no step along the curve could be found: it has a kink or a cusp here, or ends"
    UNPROVED = (
        "the curve could not be proved from here: not even the shortest step has exactly one curve "
        "along it, as at a branch point, or where rounding leaves it open"
    )
    DEGENERATE = (
        "no step could be found from where the curve begins: more than one direction is open "
        "there, on a surface of solutions or at a degenerate branch point"
    )


class CurveMap(Protocol):
    """The Jacobian (N, N + 1) at a point as a map."""

    def jvp(self, v: Vector) -> Vector:
        """Return J v, shape (N,)."""

    def vjp(self, u: Vector) -> Vector:
        """Return Jᵀ u, shape (N + 1,)."""


class MapWithColumn:
    """[A, b] as a map: A (N, N), itself one, of all unknowns but the last, whose column is b."""

    def __init__(self, own: ResidualMap, column: Vector) -> None:
        self._own, self._column = own, column

    def jvp(self, v: Vector) -> Vector:
        """Return A v₁ + b v₂, shape (N,), for v = (v₁, v₂)."""
        product: Vector = self._own.jvp(v[:-1]) + v[-1] * self._column
        return product

    def vjp(self, u: Vector) -> Vector:
        """Return (Aᵀ u, b · u), shape (N + 1,)."""
        return np.append(self._own.vjp(u), self._column @ u)


@dataclass(frozen=True, eq=False)
class Problem:
    """The equations, their Jacobian (N, N + 1), and the region that the curve stays in.

    `rooms` says how far a point is from each face of the region, negative outside; infinite where
    there is none. `reach` bounds the last unknown's modulus. `products` makes the Jacobian as a
    map, for problems so large that it is not to be written out as long as there is another way.
    """

    function: Callable[[Vector], Vector]
    jacobian: Callable[[Vector], Matrix]
    rooms: Callable[[Vector], Vector]
    reach: float = np.inf
    products: Callable[[Vector], CurveMap] | None = None

    def distances(self, y: Vector) -> Vector:
        """Return the distance from each face, and last of all from the reach."""
        return np.append(self.rooms(y), self.reach - abs(float(y[-1])))


class Place(NamedTuple):
    """A point (N + 1,) of a curve, and where along it."""

    point: Vector
    arclength: float


def solve(matrix: Matrix, right: Vector) -> Vector | None:
    """Return the solution of a square system; None if it is singular, or something not finite."""
    from scipy.linalg.lapack import dgesv

    _, _, solution, info = dgesv(matrix, right)
    if info != 0 or not np.isfinite(solution).all():
        return None
    found: Vector = solution
    return found


def scale_of(y: Vector) -> float:
    """Return what a length is to be small against at a point: 1, or its largest entry."""
    return max(1.0, float(np.abs(y).max()))
