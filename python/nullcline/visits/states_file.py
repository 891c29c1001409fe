"""The file of `VisitedStates`: a NumPy archive (.npz) without pickled objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support import archive, validation
from nullcline.cells.cell_record import pack_cell, unpack_cell

if TYPE_CHECKING:
    import os
    from typing import BinaryIO

    from nullcline.cells.protocol import Cell

_FORMAT = "nullcline.VisitedStates"
_VERSION = 1

_FLOATS = ("f4", "f8")
_TYPES: dict[str, tuple[str, ...]] = {
    "states": _FLOATS,
    "inputs": (*_FLOATS, "i", "u", "b"),
    "previous": _FLOATS,
    "positions": ("i8",),
    "sequences": ("i8",),
    "labels": ("U", "i", "u", "f", "b"),
}
"""The columns of a file, and what they may be of."""


def write_states(
    path: str | os.PathLike[str],
    layer: str,
    columns: dict[str, Any],
    n_visited: int,
    cell: Cell | None,
) -> None:
    """Write states, and maybe their cell, whole or not at all."""
    arrays = {"layer": np.array(layer), "n_visited": np.array(n_visited), **columns}
    if cell is not None:
        arrays |= pack_cell(cell)
    archive.write(path, _FORMAT, _VERSION, arrays)


def read_states(file: BinaryIO) -> dict[str, Any]:
    """Return the fields of the `VisitedStates` in a file; call it within `reading`."""
    arrays = archive.read(file, _FORMAT, (_VERSION,))
    cell = unpack_cell(arrays)
    layer = arrays.pop("layer").item()
    if not isinstance(layer, str):
        raise TypeError("its layer has no name")
    n_visited = validation.whole_number("n_visited", arrays.pop("n_visited").item(), 0, 2**63 - 1)
    archive.require_types(arrays, _TYPES)
    if arrays.keys() | {"labels"} != _TYPES.keys():
        raise ValueError("it has other columns")
    for name in ("states", "previous"):
        validation.require_finite(name, arrays[name])
    if cell is not None:
        found = arrays["states"].shape[1], arrays["inputs"].shape[1]
        if found != (cell.state_size, cell.input_size):
            raise ValueError(f"its states and inputs have widths {found}, unlike its cell")
    return {"labels": None, **arrays, "layer": layer, "n_visited": n_visited, "cell": cell}
