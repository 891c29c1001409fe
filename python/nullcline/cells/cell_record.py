"""Cells as arrays that a file can hold without pickles, and back again.

A file has the weights of a cell under their names and, as JSON, of what class the cell is and what
else it is made of. So a cell that is read is made by its constructor, which checks all of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping  # noqa: TC003 - records are read by the types of their fields
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray  # noqa: TC002

from nullcline._support.records import pack, unpack
from nullcline.cells.bidirectional import Bidirectional
from nullcline.cells.gru import GRU
from nullcline.cells.leaky_rnn import LeakyRNN
from nullcline.cells.lstm import LSTM
from nullcline.cells.mgu import MGU
from nullcline.cells.original_gru import OriginalGRU
from nullcline.cells.rate_rnn import RateRNN
from nullcline.cells.rnn import RNN
from nullcline.cells.stack import Stack
from nullcline.cells.ugrnn import UGRNN

if TYPE_CHECKING:
    from nullcline.cells.protocol import Cell

_CLASSES: dict[str, Any] = {
    made.__name__: made for made in (GRU, OriginalGRU, LSTM, UGRNN, MGU, RNN, LeakyRNN, RateRNN)
}

_KEY = "cell"
"""The name of the record in a file; arrays are under it, as in a folder."""

_FACTORS = "weight_hh[0]", "weight_hh[1]"
"""The names of the two arrays that a recurrence of low rank is given as."""


@dataclass(frozen=True)
class CellRecord:
    """A cell's class, the arrays and other arguments that it is made of, or its layers."""

    kind: str
    arrays: Mapping[str, NDArray[Any]]
    options: Mapping[str, Any]
    layers: tuple[CellRecord, ...]


def can_be_packed(cell: Cell) -> bool:
    """Tell whether a file without pickles can hold a cell."""
    if type(cell) is Stack:
        return all(map(can_be_packed, cell.cells))
    return _CLASSES.get(type(cell).__name__) is type(cell)


def known_cell(cell: Cell | None, owner: str) -> Cell:
    """Return the cell that shall be saved with what is called `owner`; raise if it has none."""
    if cell is None:
        raise ValueError(
            f"cell must be False where {owner}.cell is None; tell it with "
            f"dataclasses.replace({owner}, cell=...)"
        )
    return cell


def pack_cell(cell: Cell) -> dict[str, NDArray[Any]]:
    """Return the arrays that a file holds of a cell.

    Raises
    ------
    TypeError
        If no file can hold it, as no file without pickles can hold a function.
    """
    record, arrays = pack(_record(cell))
    return {_KEY: np.array(json.dumps(record)), **{_KEY + at: arrays[at] for at in arrays}}


def unpack_cell(arrays: dict[str, NDArray[Any]]) -> Cell | None:
    """Take a cell out of the arrays of a file; None if it holds none.

    It raises whatever a damaged record leads to.
    """
    if _KEY not in arrays:
        return None
    record = json.loads(arrays.pop(_KEY).item())
    own = {name: arrays.pop(name) for name in list(arrays) if name.startswith(f"{_KEY}/")}
    return _cell(unpack(CellRecord, record, {at.removeprefix(_KEY): own[at] for at in own}))


def require_fit(cell: Cell, h: NDArray[Any], inputs: NDArray[Any] | None) -> None:
    """Raise ValueError unless states and inputs that were read are a cell's, by sizes and type."""
    for name, array, width in (("h", h, cell.state_size), ("inputs", inputs, cell.input_size)):
        if array is None:
            continue
        if array.ndim != 2 or array.shape[1] != width or array.dtype != cell.dtype:
            raise ValueError(
                f"its {name} must have shape (n, {width}) and type {cell.dtype}, as its cell says, "
                f"not {array.shape} and {array.dtype}"
            )


def same_cell(first: Cell, second: Cell) -> bool:
    """Tell whether two cells are made of the same, to the bit; a function is so of itself alone."""
    if first is second:
        return True
    if not (can_be_packed(first) and can_be_packed(second)):
        return False
    one, other = pack_cell(first), pack_cell(second)
    return one.keys() == other.keys() and all(
        one[name].dtype == other[name].dtype and np.array_equal(one[name], other[name])
        for name in one
    )


def _record(cell: Any) -> CellRecord:
    if type(cell) is Stack:
        return CellRecord("Stack", {}, {}, tuple(_record(layer) for layer in cell.layers))
    if type(cell) is Bidirectional:
        return CellRecord("Bidirectional", {}, {}, tuple(map(_record, cell)))
    name = type(cell).__name__
    if not can_be_packed(cell):
        raise TypeError(
            f"a file without pickles holds no cell of class {name}: save without the cell and keep "
            "what you make it of (a function: its code), or pickle the whole object"
        )
    arguments = cell.arguments()
    factors = arguments["weight_hh"]
    if isinstance(factors, tuple):
        del arguments["weight_hh"]
        arguments |= zip(_FACTORS, factors, strict=True)
    arrays = {at: value for at, value in arguments.items() if isinstance(value, np.ndarray)}
    options = {at: value for at, value in arguments.items() if at not in arrays}
    return CellRecord(name, arrays, options, ())


def _cell(record: CellRecord) -> Cell:
    if record.kind == "Stack":
        return Stack([_layer(layer) for layer in record.layers])
    if record.kind not in _CLASSES:
        raise ValueError(f"it holds a cell of class {record.kind}, which is none that is known")
    arrays: dict[str, Any] = dict(record.arrays)
    if _FACTORS[0] in arrays:
        arrays["weight_hh"] = tuple(arrays.pop(name) for name in _FACTORS)
    cell: Cell = _CLASSES[record.kind](**arrays, **record.options)
    return cell


def _layer(record: CellRecord) -> Cell | Bidirectional:
    if record.kind != "Bidirectional":
        return _cell(record)
    forward, backward = (_cell(own) for own in record.layers)
    return Bidirectional(cast("Any", forward), cast("Any", backward))
