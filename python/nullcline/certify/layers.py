"""The cells that a state is made of, each with what encloses its equations and what it reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline.cells.protocol import Layered
from nullcline.certify.balls import Ball
from nullcline.certify.enclosure import enclosure_for, why_not_enclosed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell
    from nullcline.certify.balls import Vector


class Layers:
    """One cell, or those of a stack from the first layer up."""

    def __init__(self, layers: list[list[Cell]]) -> None:
        self._layers = [[(cell, enclosure_for(cell)) for cell in layer] for layer in layers]

    @property
    def n_cells(self) -> int:
        """L, the number of cells."""
        return sum(map(len, self._layers))

    def at(
        self, state: Floats, x: Floats | None, radius_of: Callable[[int], float]
    ) -> Iterator[tuple[Callable[..., Any], Vector, Ball | None]]:
        """Yield each cell's enclosure, its own part of the state, and all that it may read.

        A layer reads what those below put out: outputs that lie within `radius_of(i)` of those in
        the state, for the i-th cell. It is asked for once cell i has been yielded.
        """
        read = None if x is None else Ball.exactly(x.astype(np.float64))
        start = number = 0
        for layer in self._layers:
            outputs, first = [], number
            for cell, enclose in layer:
                own = state[start : start + cell.state_size].astype(np.float64)
                start, number = start + cell.state_size, number + 1
                outputs.append(own[: cell.hidden_size])
                yield enclose, own, read
            radii = [np.full(len(part), radius_of(first + i)) for i, part in enumerate(outputs)]
            read = Ball(np.concatenate(outputs), np.concatenate(radii))


def enclosed_layers(cell: Cell) -> Layers:
    """Return the cells that a cell is made of, enclosed.

    Raises
    ------
    TypeError
        If one of them cannot be, with the reason.
    """
    reason = why_not_enclosed(cell)
    if reason is not None:
        raise TypeError(reason)
    if not isinstance(cell, Layered):
        return Layers([[cell]])
    return Layers([list(layer) if isinstance(layer, tuple) else [layer] for layer in cell.layers])
