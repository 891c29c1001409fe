"""Where a curve begins: converged points, from a result or from states that go to their ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support import validation
from nullcline.cells.double_precision import in_float64
from nullcline.cells.protocol import HasPrecision, Layered, require_cell
from nullcline.search.find import find_fixed_points
from nullcline.search.fixed_points import FixedPoints
from nullcline.search.kinds import UNCONVERGED

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike

    from nullcline.cells.protocol import Cell


def require_smooth_float64(cell: Cell) -> None:
    """Raise TypeError unless `cell` is a smooth cell that computes in float64."""
    require_cell(cell)
    if not cell.is_smooth:
        raise TypeError(
            f"cell has units with kinks, and so have its curves, which cannot be followed: {cell}"
        )
    if cell.dtype != np.float64:
        raise TypeError(
            f"cell computes in {cell.dtype}, too coarse to follow a curve: make a float64 one"
        )
    for part in cell.cells if isinstance(cell, Layered) else (cell,):
        if isinstance(part, HasPrecision) and part.precision != cell.dtype:
            raise TypeError(
                f"cell computes in {part.precision} in part, too coarse to follow a curve: convert "
                f"the weights of its function and leave out casts: {part}"
            )


def twin_in_float64(cell: Cell) -> Cell:
    """Return the cell of float64 with a cell's weights: itself, if it is one, or a function."""
    require_cell(cell)
    if not isinstance(cell, Layered) or cell.dtype == np.float64:
        return in_float64(cell)
    made: Any = cell
    twin: Cell = type(made)([_doubled(layer) for layer in cell.layers])
    return twin


def _doubled(layer: Any) -> Any:
    """Return a layer of a stack, a cell or a pair of them, in float64."""
    if not isinstance(layer, tuple):
        return in_float64(layer)
    pair: Any = type(layer)
    return pair(*map(in_float64, layer))


def starting_points_of_twin(twin: Cell, points: FixedPoints) -> FixedPoints:
    """Return where the points of a cell of float32 lie for its twin of float64."""
    inputs = None if points.inputs is None else points.inputs[:1].astype(np.float64)
    states = twin.state_of(twin.outputs_of(points.h.astype(np.float64)), inputs)
    ends = find_fixed_points(twin, states, inputs, method="lm")
    converged = ends.select(ends.kind != UNCONVERGED)
    if len(converged) == 0:
        raise ValueError("point holds no point that is one in float64, too: none to trace from")
    return converged


def starting_points(
    cell: Cell,
    point: FixedPoints | ArrayLike,
    inputs: ArrayLike | None,
    search: Callable[..., FixedPoints],
) -> FixedPoints:
    """Return the converged points to trace from; states first go to their ends by `search`."""
    if isinstance(point, FixedPoints):
        if inputs is not None:
            raise ValueError("inputs must be None where point is FixedPoints, which have their own")
        if point.h.shape[1] != cell.state_size:
            raise ValueError(
                f"point has states of {point.h.shape[1]} numbers, and cell of {cell.state_size}"
            )
        ends = point.numpy()
        if ends.inputs is not None and (ends.inputs != ends.inputs[:1]).any():
            raise ValueError("point must have one input for all its rows; trace them one by one")
    else:
        validation.require_one_array("point", point, cell.state_size)
        states = np.atleast_2d(validation.floats("point", point))
        size, outputs = cell.state_size, cell.hidden_size
        states = validation.rows("point", states, size, cell.dtype, outputs)
        if inputs is not None and len(np.atleast_2d(validation.floats("inputs", inputs))) > 1:
            raise ValueError("inputs must be one input, shape (D,), for all points")
        ends = search(states, inputs)
    converged = ends.select(ends.kind != UNCONVERGED)
    if len(converged) == 0:
        raise ValueError("point holds no fixed or slow point to trace from")
    return converged
