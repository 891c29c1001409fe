"""Several results as one: what must fit, and what their inputs, conditions and cell are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline.cells.cell_record import can_be_packed, same_cell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell


def require_equal(what: str, found: Sequence[object], mend: str) -> None:
    """Raise ValueError, which names the first part that differs, unless all parts have the same."""
    for i, value in enumerate(found):
        if value != found[0]:
            raise ValueError(
                f"parts must have the same {what}: parts[0] has {found[0]}, and parts[{i}] "
                f"{value}; {mend}"
            )


def joined_inputs(parts: Sequence[tuple[int, Floats | None]]) -> Floats | None:
    """Return an input for each row of parts that have n rows, and inputs (n, D), (1, D) or None.

    None, the zero input, stays None where all parts have it, and is zeros beside other inputs.
    """
    given = [inputs for _, inputs in parts if inputs is not None]
    if not given:
        return None
    width, dtype = given[0].shape[1], given[0].dtype
    widths = [inputs.shape[1] for inputs in given]
    require_equal("number of inputs", widths, "they are of two cells")
    rows = [
        np.zeros((n, width), dtype) if inputs is None else np.broadcast_to(inputs, (n, width))
        for n, inputs in parts
    ]
    return np.concatenate(rows)


def joined_conditions(parts: Sequence[NDArray[Any] | None]) -> NDArray[Any] | None:
    """Return the labels of all rows; None where no part has any."""
    kinds = [
        "none" if of is None else "strings" if of.dtype.kind == "U" else "numbers" for of in parts
    ]
    mend = "give each part labels with dataclasses.replace(part, condition=...)"
    require_equal("kind of conditions", kinds, mend)
    labels = [of for of in parts if of is not None]
    return np.concatenate(labels) if labels else None


def one_cell(cells: Sequence[Cell | None], states: Floats, inputs: Floats | None) -> Cell | None:
    """Return the cell of all parts; None where one does not know its cell.

    Cells that came back from other processes are others, and equal. Functions have nothing to
    compare but what they do: they are of one cell if they step alike from all of these states.
    """
    known = [cell for cell in cells if cell is not None]
    for cell in known[1:]:
        if not (same_cell(known[0], cell) or _step_alike(known[0], cell, states, inputs)):
            raise ValueError(
                f"parts must be of one cell, not of {known[0]} and of another one, {cell}, with "
                "other weights; join those of each cell by themselves"
            )
    return known[0] if len(known) == len(cells) else None


def _step_alike(first: Cell, second: Cell, states: Floats, inputs: Floats | None) -> bool:
    sizes = [(cell.state_size, cell.input_size, cell.dtype) for cell in (first, second)]
    if can_be_packed(first) or can_be_packed(second) or sizes[0] != sizes[1]:
        return False
    step, other = first.step(states, inputs), second.step(states, inputs)
    return bool(np.array_equal(step, other, equal_nan=True))
