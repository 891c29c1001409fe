"""The file of `FixedPoints`: a NumPy archive (.npz) without pickled objects.

Version 3 is written where the file holds the cell, and version 2 otherwise. Version 1, which is
read too, has no conditions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support import archive, validation
from nullcline._support.reading import require_bounded, size_of
from nullcline.cells.cell_record import pack_cell, require_fit, unpack_cell

if TYPE_CHECKING:
    import os
    from typing import BinaryIO

    from nullcline.cells.protocol import Cell

_FORMAT = "nullcline.FixedPoints"
_VERSIONS = (1, 2, 3)
"""Those that are read."""
_WITHOUT_CELL, _WITH_CELL = 2, 3

_FLOATS = ("f4", "f8")
_INTEGERS = ("i4", "i8")
_TYPES: dict[str, tuple[str, ...]] = {
    "h": _FLOATS,
    "q": _FLOATS,
    "kind": ("U",),
    "reason": ("U",),
    "iterations": _INTEGERS,
    "starts": _FLOATS,
    "inputs": _FLOATS,
    "count": _INTEGERS,
    "condition": ("U", "i", "u", "f"),
}
"""The columns of a file, and what they may be of."""

# Columns of texts, which a file holds as the distinct ones and their numbers: a sentence per row
# would outweigh small states.
_TEXTS = ("kind", "reason", "condition")


def write_points(
    path: str | os.PathLike[str], columns: dict[str, Any], tol_unique: float, cell: Cell | None
) -> None:
    """Write the columns of points, and maybe their cell, whole or not at all."""
    arrays = pack_points(columns, tol_unique, cell)
    archive.write(path, _FORMAT, _WITHOUT_CELL if cell is None else _WITH_CELL, arrays)


def pack_points(columns: dict[str, Any], tol_unique: float, cell: Cell | None) -> dict[str, Any]:
    """Return the arrays that a file holds of points, and maybe of their cell."""
    arrays = dict(columns)
    if cell is not None:
        require_fit(cell, columns["h"], columns.get("inputs"))
        arrays |= pack_cell(cell)
    for name in (name for name in _TEXTS if name in arrays):
        texts, codes = np.unique(arrays.pop(name), return_inverse=True)
        code = np.min_scalar_type(len(texts))
        arrays |= {f"{name}_texts": texts, f"{name}_codes": codes.astype(code)}
    return {**arrays, "tol_unique": np.array(tol_unique)}


def read_points(file: BinaryIO) -> dict[str, Any]:
    """Return the fields of the `FixedPoints` in a file; call it within `reading`.

    Columns that are there have the types that `write_points` gave them. What remains to be wrong
    with them, their shapes, `FixedPoints` refuses.
    """
    return unpack_points(archive.read(file, _FORMAT, _VERSIONS), file)


def unpack_points(arrays: dict[str, Any], file: BinaryIO) -> dict[str, Any]:
    """Return the fields of the `FixedPoints` that these arrays of a file are."""
    cell = unpack_cell(arrays)
    for name in (name for name in _TEXTS if f"{name}_texts" in arrays):
        texts, codes = arrays.pop(f"{name}_texts"), arrays.pop(f"{name}_codes")
        if texts.ndim != 1 or codes.dtype.kind != "u":
            raise TypeError("its texts are not numbered")
        require_bounded(file.name, texts.itemsize * codes.size, size_of(file))
        arrays[name] = texts[codes]
    tol_unique = validation.tolerance("tol_unique", arrays.pop("tol_unique").item())
    archive.require_types(arrays, _TYPES)
    if arrays["count"].min(initial=1) < 1:
        raise ValueError("count must be 1 or more")
    if cell is not None:
        require_fit(cell, arrays["h"], arrays.get("inputs"))
    return {"inputs": None, **arrays, "tol_unique": tol_unique, "cell": cell}
