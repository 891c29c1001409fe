"""A cell between two checkpoints of its training: weights on the straight line between them."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline.cells.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nullcline.cells.protocol import Cell
    from nullcline.continuation.curve_problem import Vector

KEPT = 12
"""Cells between checkpoints that are kept: a step asks at one place, a derivative at four more."""

DIFFERENCE = 2e-3
"""How far a derivative along the path looks, in epochs: its error of fourth order, and rounding,
are then both near 1e-13 of what is differentiated (`tests/test_training_path.py`)."""


def require_alike(cells: Sequence[Cell]) -> None:
    """Raise TypeError or ValueError unless cells are checkpoints of one network."""
    first = _arguments("cells[0]", cells[0])
    for k, cell in enumerate(cells):
        name = f"cells[{k}]"
        other = _arguments(name, cell)
        if type(cell) is not type(cells[0]) or other.keys() != first.keys():
            raise TypeError(
                f"{name} must be a {type(cells[0]).__name__} as cells[0] is, not "
                f"{type(cell).__name__}"
            )
        for at, value in first.items():
            if np.shape(value) != np.shape(other[at]):
                raise ValueError(
                    f"{name} must have the sizes of cells[0]: {at} of shape {np.shape(value)}, "
                    f"not {np.shape(other[at])}"
                )
            numbers = _is_number(value) and _is_number(other[at])
            if not numbers and value != other[at]:
                raise ValueError(
                    f"{name} must have the {at} of cells[0], {value!r}, not {other[at]!r}"
                )


class Interpolation:
    """The cells on the straight line between two checkpoints, at parts from 0 to 1."""

    def __init__(self, before: Cell, after: Cell) -> None:
        self._class: Any = type(before)
        self._ends = _arguments("cells", before), _arguments("cells", after)
        self._made: OrderedDict[float, Cell] = OrderedDict()

    def at(self, part: float) -> Cell:
        """Return the cell at a part of the way; a little before 0 or beyond 1, too."""
        if part not in self._made:
            before, after = self._ends
            made = {name: _between(name, before[name], after[name], part) for name in before}
            self._made[part] = _cell(self._class, made)
            if len(self._made) > KEPT:
                self._made.popitem(last=False)
        self._made.move_to_end(part)
        return self._made[part]

    def residual_change(self, h: Vector, x: Vector | None, part: float) -> Vector:
        """Return the derivative of the reduced residual along the path, (H,), at outputs (H,).

        Weights change in proportion to the part, but the residual does not: it is differenced, to
        the fourth order.
        """
        near, far = (
            self._residual(h, x, part + step) - self._residual(h, x, part - step)
            for step in (DIFFERENCE, 2 * DIFFERENCE)
        )
        change: Vector = (8 * near - far) / (12 * DIFFERENCE)
        return change

    def _residual(self, h: Vector, x: Vector | None, part: float) -> Vector:
        residual: Vector = self.at(part).residual(h[None], x)[0]
        return residual


def _arguments(name: str, cell: Any) -> dict[str, Any]:
    """Return what a cell is made of, by name; those of a stack's layers under their numbers."""
    if type(cell) is Stack:
        if cell.has_directions:
            raise TypeError(f"{name} must have layers of one direction to be followed")
        return {
            f"{k}/{at}": value
            for k, layer in enumerate(cell.cells)
            for at, value in {"class": type(layer), **_arguments(name, layer)}.items()
        }
    if not hasattr(cell, "arguments"):
        raise TypeError(
            f"{name} must be a cell with weights, such as a GRU or a Stack of them: between two of "
            f"{type(cell).__name__} there is no path"
        )
    found: dict[str, Any] = {}
    for at, value in cell.arguments().items():
        parts = value if isinstance(value, tuple) else (value,)
        names = [f"{at}[{k}]" for k in range(len(parts))] if len(parts) > 1 else [at]
        found |= zip(names, parts, strict=True)
    return found


def _cell(made_by: Any, arguments: dict[str, Any]) -> Cell:
    """Return the cell of such arguments."""
    cell: Cell
    if made_by is Stack:
        layers: dict[str, dict[str, Any]] = {}
        for name, value in arguments.items():
            number, _, at = name.partition("/")
            layers.setdefault(number, {})[at] = value
        cell = Stack([_cell(layer.pop("class"), layer) for layer in layers.values()])
        return cell
    own: dict[str, Any] = {}
    for name, value in arguments.items():
        at, bracket, _ = name.partition("[")
        own[at] = (*own.get(at, ()), value) if bracket else value
    cell = made_by(**own)
    return cell


def _between(name: str, before: Any, after: Any, part: float) -> Any:
    """Return an argument at a part of the way.

    A leak stays between both ends: beyond them it may be none, and no fixed point depends on it.
    """
    if not _is_number(before):
        return before
    between: NDArray[np.float64] = before + part * (np.asarray(after) - before)
    if name.rpartition("/")[2] in {"alpha", "dt"}:
        between = np.clip(between, np.minimum(before, after), np.maximum(before, after))
    return between if isinstance(before, np.ndarray) else float(between)


def _is_number(value: Any) -> bool:
    return isinstance(value, np.ndarray | float)
