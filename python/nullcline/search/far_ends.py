"""Ends so far out that rounding hides the step, so that any state there looks fixed.

A map F(s) = s + g(s) with a bounded g moves no state of a size of 1e16 in float64: the step is lost
in the sum. Newton's method can throw a start that far, where a derivative is nearly singular.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

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


def without_far_ends(problem: SearchProblem, ends: SearchColumns) -> SearchColumns:
    """Return ends on the host, those no more called fixed that would be so halfway to zero as well.

    Cells whose outputs are bounded have none.
    """
    cell = problem.cell
    if np.isfinite(cell.box.low).all() and np.isfinite(cell.box.high).all():
        return ends
    precision = cell.precision if isinstance(cell, HasPrecision) else cell.dtype
    rounding = 64 * float(np.finfo(precision).eps)  # as the core has it for functions
    sizes = 1 + np.linalg.norm(ends.h.astype(np.float64), axis=1)
    far = np.flatnonzero((ends.kind == FIXED) & (rounding * sizes > _COARSE))
    if len(far) == 0:
        return ends
    x = problem.inputs_on_host()
    if x is not None and len(x) > 1:
        x = x[far]
    undecided = far[_moves_little(cell, ends.h[far] / 2, x, rounding)]
    count = len(undecided)
    kind, reason = np.full(count, UNCONVERGED), np.full(count, UNDECIDABLE)
    return ends.put(undecided, ends.take(undecided)._replace(kind=kind, reason=reason))


def _moves_little(cell: Cell, h: Floats, x: Floats | None, rounding: float) -> NDArray[np.bool_]:
    """Whether states move by no more than rounding may make of their size."""
    with np.errstate(all="ignore"):
        moved = cell.step(h, x) - h
    bound = rounding * (1 + np.linalg.norm(h, axis=1, keepdims=True))
    little: NDArray[np.bool_] = (np.abs(moved) <= bound).all(axis=1)
    return little
