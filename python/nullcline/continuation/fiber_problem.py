"""A directional fiber as equations: G(h) = τ w in the unknowns (h, τ), in the box or beyond it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline.cells.residual_maps import residual_map
from nullcline.continuation.curve_problem import LARGEST_WRITTEN_OUT, MapWithColumn, Problem
from nullcline.continuation.extended_map import ExtendedResidual, Saturation

if TYPE_CHECKING:
    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell
    from nullcline.continuation.curve_problem import CurveMap, Matrix, Vector


def fiber_in_box(cell: Cell, x: Floats | None, direction: Vector) -> Problem:
    """Return the fiber of a direction w (H,) inside the box of the outputs."""
    box = cell.box_at(x)
    one = None if x is None else np.ascontiguousarray(x[0])

    def function(y: Vector) -> Vector:
        residual: Vector = residual_map(cell, y[:-1], one).residual - y[-1] * direction
        return residual

    def jacobian(y: Vector) -> Matrix:
        return np.column_stack([cell.residual_jacobian(y[None, :-1], x)[0], -direction])

    def products(y: Vector) -> CurveMap:
        return MapWithColumn(residual_map(cell, y[:-1], one), -direction)

    return Problem(
        function,
        jacobian,
        lambda y: box.room(y[:-1]),
        products=products if cell.hidden_size > LARGEST_WRITTEN_OUT else None,
    )


def fiber_beyond(cell: Cell, x: Floats | None, direction: Vector, reach: float = np.inf) -> Problem:
    """Return the fiber of a direction w (H,) of the map that is extended beyond the box."""
    residual = ExtendedResidual(cell, x, Saturation(cell.box_at(x)))
    no_faces = np.full(1, np.inf)

    def function(y: Vector) -> Vector:
        left: Vector = residual.residual(y[:-1]) - y[-1] * direction
        return left

    def jacobian(y: Vector) -> Matrix:
        return np.column_stack([residual.jacobian(y[:-1]), -direction])

    def products(y: Vector) -> CurveMap:
        return MapWithColumn(residual.map_at(y[:-1]), -direction)

    return Problem(
        function,
        jacobian,
        lambda _: no_faces,
        reach=reach,
        products=products if cell.hidden_size > LARGEST_WRITTEN_OUT else None,
    )
