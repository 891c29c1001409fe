"""States and inputs that are to be a cell's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nullcline.cells.protocol import require_cell

if TYPE_CHECKING:
    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell


def require_states_of(cell: Cell, h: Floats, inputs: Floats | None) -> None:
    """Raise unless this is a cell, and states (n, S) and inputs (n, D) are as long as its own."""
    require_cell(cell)
    if cell.state_size != h.shape[1]:
        raise ValueError(
            f"cell has states of {cell.state_size} numbers, and these have {h.shape[1]}"
        )
    if inputs is not None and cell.input_size != inputs.shape[1]:
        raise ValueError(
            f"cell reads inputs of {cell.input_size} numbers, and these have {inputs.shape[1]}"
        )
