"""How far the Jacobian of a cell's step, as it is computed, is from the true one.

An entry is a sum of terms that may cancel: z + (1 - z) ∂n/∂h may be a thousandth of a unit of
rounding of either. So what is rounded is no part of the entry but of its terms. Where the equations
are enclosed, so is every entry. Elsewhere terms are taken to be as large as 1, which a gate's part
of the identity is at most. A few units of rounding of the matrix are allowed for in any case: what
a cell computes in its own precision is not known better.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline._native import _core
from nullcline.cells.protocol import HasPrecision, Layered
from nullcline.certify.balls import UNIT, UP
from nullcline.certify.enclosure import can_be_enclosed

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell
    from nullcline.certify.balls import Matrix, Vector

UNITS = 4
"""Units of rounding in the matrix that are allowed for."""


def jacobian_rounding(cell: Cell) -> Callable[[Vector, Floats | None, Matrix], float]:
    """Return what bounds the norm of a Jacobian's error at a state (S,) and an input (D,)."""
    precision = cell.precision if isinstance(cell, HasPrecision) else cell.dtype
    unit = UNITS * float(np.finfo(precision).eps)
    if isinstance(cell, Layered) or not can_be_enclosed(cell):
        return lambda _state, _x, jacobian: unit * max(1.0, norm_bound(jacobian))
    known: Any = cell
    core = _core.CellEnclosure(*known.exact_weights())

    def rounded(state: Vector, x: Floats | None, jacobian: Matrix) -> float:
        read = None if x is None else x.astype(np.float64)
        drive = core.zero_input_drive() if read is None else core.drive(read, read)
        _, _, middle, radius = core.linearize(False, state, state, *drive)
        units = np.arange(len(middle))
        middle[units, units] += 1  # the core's is that of F(s) - s
        radius[units, units] += UNIT * np.abs(middle[units, units])
        off = norm_bound(UP * (np.abs(middle - jacobian) * (1 + 2 * UNIT) + radius))
        return max(off, unit * norm_bound(jacobian))

    return rounded


def norm_bound(matrix: Matrix) -> float:
    """Return a bound of the 2-norm of |matrix|."""
    sizes = np.abs(matrix)
    columns, rows = float(sizes.sum(axis=0).max()), float(sizes.sum(axis=1).max())
    return UP * float(np.sqrt(columns)) * float(np.sqrt(rows))
