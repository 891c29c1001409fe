"""From points of a stack to the points of its layers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nullcline.cells.protocol import Layered
from nullcline.search.find import find_fixed_points
from nullcline.search.fixed_points import FixedPoints

if TYPE_CHECKING:
    from nullcline.cells.stack import Stack


def layer_points(stack: Stack, points: FixedPoints, *, tol_slow: float = 1e-6) -> list[FixedPoints]:
    """Return joint points as points of each layer, at the input that it reads there.

    These are what `linearize`, `FixedPoints.certify` and `trace` of one layer take. A layer above
    the first has an input for each row, the output of the layer below after one step: the points
    are those of the layer as it runs in the network, not those at zero input, which a search of
    that layer alone finds.

    Parameters
    ----------
    stack
        The stack that was searched.
    points
        The result of the search.
    tol_slow
        The largest q of a slow point, as in the search.

    Returns
    -------
    list of FixedPoints
        One per layer, with the rows of `points`. Each layer is judged afresh where it is: `kind`,
        `reason` and `q` are its own, and `iterations` is 0.

    Raises
    ------
    TypeError, ValueError
        If `stack` is no stack, or `points` is no result of a search or has states of another size.
    """
    if not isinstance(stack, Layered):
        raise TypeError(f"stack must be a nullcline.Stack, not {type(stack).__name__}")
    if not isinstance(points, FixedPoints):
        raise TypeError(f"points must be FixedPoints, not {type(points).__name__}")
    points = points.numpy()
    starts = stack.split(points.starts)
    inputs = stack.layer_inputs(points.h, points.inputs)
    return [
        replace(
            find_fixed_points(cell, own, x, tol_slow=tol_slow, max_iterations=0),
            starts=start,
            tol_unique=points.tol_unique,
            count=points.count,
            condition=points.condition,
        )
        for cell, own, x, start in zip(
            stack.cells, stack.split(points.h), inputs, starts, strict=True
        )
    ]
