"""Cells of float32 as cells of float64 that have the same weights, to the bit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline.cells.cell_record import can_be_packed
from nullcline.cells.protocol import Layered
from nullcline.cells.stack import directions

if TYPE_CHECKING:
    from nullcline.cells.protocol import Cell


def in_float64(cell: Cell) -> Cell:
    """Return a cell that computes the same in float64; one with a function stays what it is."""
    if cell.dtype == np.float64:
        return cell
    if isinstance(cell, Layered):
        return _stack_in_float64(cell)
    if not can_be_packed(cell):
        return cell
    made: Any = cell
    twin: Cell = type(made)(**{at: _doubled(part) for at, part in made.arguments().items()})
    return twin


def _stack_in_float64(stack: Layered) -> Cell:
    """Return a stack of float64, or the same one where a layer stays what it is."""
    layers = [_layer_in_float64(layer) for layer in stack.layers]
    made: Any = stack
    twin: Cell = made
    if all(cell.dtype == np.float64 for layer in layers for cell in directions(layer)):
        twin = type(made)(layers)
    return twin


def _layer_in_float64(layer: Any) -> Any:
    """Return a layer of a stack, a cell or a pair of them, in float64."""
    if not isinstance(layer, tuple):
        return in_float64(layer)
    pair: Any = type(layer)
    return pair(*map(in_float64, layer))


def _doubled(part: Any) -> Any:
    if isinstance(part, tuple):
        return tuple(map(_doubled, part))
    return part.astype(np.float64) if isinstance(part, np.ndarray) else part
