"""The file of a `Linearization`: a NumPy archive (.npz) without pickled objects, with the cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support import archive, validation
from nullcline.cells.cell_record import pack_cell, require_fit, unpack_cell
from nullcline.linearization.stability import STABILITIES

if TYPE_CHECKING:
    import os
    from typing import BinaryIO

    from numpy.typing import NDArray

    from nullcline.cells.protocol import Cell

_FORMAT = "nullcline.Linearization"
_VERSION = 1


def write_linearization(
    path: str | os.PathLike[str], cell: Cell, columns: dict[str, NDArray[Any]]
) -> None:
    """Write a linearization, whole or not at all."""
    archive.write(path, _FORMAT, _VERSION, {**columns, **pack_cell(cell)})


def read_linearization(file: BinaryIO) -> dict[str, Any]:
    """Return the fields of the `Linearization` in a file; call it within `reading`."""
    arrays = archive.read(file, _FORMAT, (_VERSION,))
    cell = unpack_cell(arrays)
    if cell is None:
        raise ValueError("it lacks the cell")
    h, inputs = arrays["h"], arrays.get("inputs")
    require_fit(cell, h, inputs)
    for name, array in {"h": h, "inputs": inputs}.items():
        if array is not None:
            validation.require_finite(name, array)
    if inputs is not None and len(inputs) not in {1, len(h)}:
        raise ValueError(f"it has {len(inputs)} inputs for {len(h)} points")
    n, size = h.shape
    k = arrays["eigenvalues"].shape[-1]
    expected: dict[str, tuple[tuple[int, ...], str]] = {
        "eigenvalues": ((n, k), "c16"),
        "right": ((n, size, k), "c16"),
        "left": ((n, k, size), "c16"),
        "time_constants": ((n, k), "f8"),
        "eigenvalue_errors": ((n, k), "f8"),
        "stability": ((n,), "U"),
    }
    if arrays.keys() - {"h", "inputs"} != expected.keys() or not 1 <= k <= size:
        raise ValueError("it has other columns")
    for name, (shape, kind) in expected.items():
        found = arrays[name]
        if found.shape != shape or not found.dtype.str[1:].startswith(kind):
            raise ValueError(f"it has {name} of shape {found.shape} and type {found.dtype}")
    if not np.isin(arrays["stability"], STABILITIES).all():
        raise ValueError("it has a stability that is none")
    return {"inputs": None, **arrays, "cell": cell}
