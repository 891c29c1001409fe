"""Ends so far out that rounding hides the step, so that any state there looks fixed.

A map F(s) = s + g(s) with a bounded g moves no state of a size of 1e16 in float64: the step is lost
in the sum. Newton's method can throw a start that far, where a derivative is nearly singular.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline._support.norms import row_norms
from nullcline.cells.protocol import HasPrecision
from nullcline.search.kinds import FIXED, UNCONVERGED, UNDECIDABLE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell
    from nullcline.search.columns import SearchColumns
    from nullcline.search.problem import SearchProblem

_COARSE = 1e-3
"""A residual that rounding alone may make is too large to tell a zero by, as in the core."""

_SETTLED = 1 / 8
"""Of the bound on rounding, which holds for the worst: at a zero a residual is mostly below it."""

_NEAR = 1e-3
"""A zero is one where Newton's step is no longer than this part of the state's size."""


def without_far_ends(problem: SearchProblem, ends: SearchColumns) -> SearchColumns:
    """Return ends on the host, those no more called fixed of which rounding hides that they move.

    They would be fixed halfway to the origin as well, or Newton's step from them leads far away.
    Cells whose outputs are bounded have none.
    """
    cell = problem.cell
    if np.isfinite(cell.box.low).all() and np.isfinite(cell.box.high).all():
        return ends
    precision = cell.precision if isinstance(cell, HasPrecision) else cell.dtype
    rounding = 64 * float(np.finfo(precision).eps)  # as the core has it for functions
    sizes = 1 + row_norms(ends.h)
    far = np.flatnonzero((ends.kind == FIXED) & (rounding * sizes > _COARSE))
    if len(far) == 0:
        return ends
    x = problem.inputs_on_host()
    if x is not None and len(x) > 1:
        x = x[far]
    h = ends.h[far]
    undecided = far[(_moves_by(cell, h / 2, x) <= rounding) | ~_is_near_zero(cell, h, x, rounding)]
    count = len(undecided)
    kind, reason = np.full(count, UNCONVERGED), np.full(count, UNDECIDABLE)
    return ends.put(undecided, ends.take(undecided)._replace(kind=kind, reason=reason))


def _moves_by(cell: Cell, h: Floats, x: Floats | None) -> NDArray[np.float64]:
    """Return how far a number of each state moves at most, as a part of the state's size."""
    with np.errstate(all="ignore"):
        moved = np.abs(cell.step(h, x) - h).max(axis=1)
    parts: NDArray[np.float64] = moved / (1 + row_norms(h))
    return parts


def _is_near_zero(cell: Cell, h: Floats, x: Floats | None, rounding: float) -> NDArray[np.bool_]:
    """Tell states whose residual is small beside rounding, or whose Newton step is beside them."""
    near = _moves_by(cell, h, x) <= _SETTLED * rounding
    for i in np.flatnonzero(~near):
        own_x = x if x is None or len(x) == 1 else x[[i]]
        residual = (cell.step(h[[i]], own_x) - h[[i]])[0].astype(np.float64)
        jacobian = cell.jacobian(h[[i]], own_x)[0].astype(np.float64)
        step = np.linalg.lstsq(np.eye(len(residual)) - jacobian, residual)[0]
        unexplained = residual - (step - jacobian @ step)
        length, error, size = row_norms(np.array([step, unexplained, h[i]]))
        near[i] = length <= _NEAR * size and error <= _NEAR
    return near
