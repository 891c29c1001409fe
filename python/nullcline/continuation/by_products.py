"""The bordered Jacobian of a large problem: solved by products, in memory for a few vectors.

[J; row] deflates what is nearly singular in J, the curve's tangent, so that GMRES (Saad and
Schultz, SIAM J. Sci. Stat. Comput. 7 (1986) 856) needs about as many products as the recurrence
without its slow mode; a network's J is near -1, and is taken with the other sign.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline.continuation.krylov_space import KrylovSpace

if TYPE_CHECKING:
    from collections.abc import Callable

    from nullcline.continuation.curve_problem import CurveMap, Vector

MOST_PRODUCTS = 120
"""Products of one solution, at most: vectors of the basis, and memory for as many."""

TANGENT = 1e-12
"""What J may leave of a unit tangent."""

INNER = 1e-2
"""What a correction may leave of the residual: the next one begins from its own."""


class ByProducts:
    """The matrix [J; row] as a map.

    The sign of its determinant is not to be had.

    Attributes
    ----------
    tangent
        The unit vector that J maps to zero, on the same side as the row.
    """

    sign: float | None = None

    def __init__(self, jacobian: CurveMap, row: Vector, tangent: Vector) -> None:
        self._jacobian = jacobian
        self._row = row
        self.tangent = tangent

    def sign_towards(self, tangent: Vector) -> None:
        """Return the sign of the determinant of [J; tangent]: it is not known."""

    def across(self, residual: Vector, tangent: Vector) -> Vector:
        """Return d with J d = residual, to a part of `INNER`, across the curve's tangent."""
        found = _solved(self._jacobian, self._row, residual, INNER)
        if found is None:
            return np.full(len(tangent), np.nan)
        return found - (tangent @ found) * tangent


def border_by_products(jacobian: CurveMap, row: Vector) -> ByProducts | None:
    """Return [J; row] with its tangent, found from that of the row; None if it is not."""
    unit = row / float(np.linalg.norm(row))
    left = jacobian.jvp(unit)
    size = float(np.linalg.norm(left))
    if not np.isfinite(size):
        return None
    tangent = unit
    if size > TANGENT:
        change = _solved(jacobian, unit, left, max(TANGENT / size, 1e-14))
        if change is None:
            return None
        tangent = unit - change
        tangent = tangent / float(np.linalg.norm(tangent))
    return ByProducts(jacobian, unit, tangent)


def _solved(jacobian: CurveMap, row: Vector, residual: Vector, tolerance: float) -> Vector | None:
    """Return d with J d = residual and row · d = 0, to a part of `tolerance`; None if not."""
    right = np.append(-residual, 0.0)

    def product(v: Vector) -> Vector:
        return np.append(-jacobian.jvp(v), row @ v)

    return gmres(product, right, tolerance, MOST_PRODUCTS)


def gmres(
    product: Callable[[Vector], Vector], right: Vector, tolerance: float, most: int
) -> Vector | None:
    """Return what a map takes to the right side, but for a part of `tolerance`.

    None if `most` products do not find it.
    """
    length = float(np.linalg.norm(right))
    if length == 0:
        return np.zeros_like(right)
    if not np.isfinite(length):
        return None
    space = KrylovSpace(product, right, min(most, len(right)))
    while True:
        goes_on = space.grow()
        tall = space.tall
        if not np.isfinite(tall).all():
            return None
        target = np.zeros(len(tall))
        target[0] = length
        weights = np.linalg.lstsq(tall, target, rcond=None)[0]
        if float(np.linalg.norm(target - tall @ weights)) <= tolerance * length:
            found: Vector = weights @ space.basis
            return found
        if not goes_on:
            return None
