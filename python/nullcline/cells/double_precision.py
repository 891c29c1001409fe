"""Cells of float32 as cells of float64 that have the same weights, to the bit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline.cells.cell_record import can_be_packed
from nullcline.cells.protocol import Layered

if TYPE_CHECKING:
    from nullcline.cells.protocol import Cell


def in_float64(cell: Cell) -> Cell:
    """Return a cell that computes the same in float64; a function stays what it is."""
    if cell.dtype == np.float64 or isinstance(cell, Layered) or not can_be_packed(cell):
        return cell
    made: Any = cell
    twin: Cell = type(made)(**{at: _doubled(part) for at, part in made.arguments().items()})
    return twin


def _doubled(part: Any) -> Any:
    if isinstance(part, tuple):
        return tuple(map(_doubled, part))
    return part.astype(np.float64) if isinstance(part, np.ndarray) else part
