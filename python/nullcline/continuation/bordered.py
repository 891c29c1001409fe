"""The Jacobian at a point of a curve, bordered by a row: factored, or by products."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from nullcline.continuation.by_products import ByProducts, border_by_products
from nullcline.continuation.factored import Factored, factor

if TYPE_CHECKING:
    from nullcline.continuation.curve_problem import Problem, Vector

Bordered: TypeAlias = Factored | ByProducts


def border(problem: Problem, y: Vector, row: Vector) -> Bordered | None:
    """Return [J; row] at a point with its tangent; None where it is singular or not finite.

    By products where the problem has them and they lead to the tangent, else factored.
    """
    if problem.products is not None:
        found = border_by_products(problem.products(y), row)
        if found is not None:
            return found
    return factor(problem.jacobian(y), row)
