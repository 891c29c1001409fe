"""The file of `Cycles`: a NumPy archive (.npz) without pickled objects, maybe with the cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support import archive, validation
from nullcline.cells.cell_record import pack_cell, unpack_cell
from nullcline.cycles.kinds import CYCLE_KINDS, END_KINDS
from nullcline.linearization.stability import STABILITIES

if TYPE_CHECKING:
    import os
    from typing import BinaryIO

    from nullcline.cells.protocol import Cell

_FORMAT = "nullcline.Cycles"
_VERSION = 2
"""Files of version 1 have no `ends`."""

_TYPES: dict[str, tuple[str, ...]] = {
    "h": ("f8",),
    "period": ("i8",),
    "kind": ("U",),
    "multipliers": ("c16",),
    "multiplier_errors": ("f8",),
    "stability": ("U",),
    "determinant_signs": ("i1",),
    "residual": ("f8",),
    "count": ("i8",),
    "inputs": ("f8",),
    "unconverged": ("U",),
    "ends": ("U",),
}

_OF_ONE_DIMENSION = ("period", "kind", "stability", "residual", "count", "unconverged", "ends")


def write_cycles(
    path: str | os.PathLike[str], columns: dict[str, Any], tol_unique: float, cell: Cell | None
) -> None:
    """Write the columns of cycles, and maybe their cell, whole or not at all."""
    own = {} if cell is None else pack_cell(cell)
    tolerance = {"tol_unique": np.array(tol_unique)}
    archive.write(path, _FORMAT, _VERSION, {**columns, **tolerance, **own})


def read_cycles(file: BinaryIO) -> dict[str, Any]:
    """Return the fields of the `Cycles` in a file; call it within `reading`."""
    arrays = archive.read(file, _FORMAT, (1, _VERSION))
    cell = unpack_cell(arrays)
    tol_unique = validation.tolerance("tol_unique", arrays.pop("tol_unique").item())
    archive.require_types(arrays, _TYPES)
    h, inputs = arrays["h"], arrays.get("inputs")
    if h.ndim != 2 or (inputs is not None and inputs.ndim != 3):
        raise ValueError("it has states or inputs of another shape")
    for name in (
        "period",
        "kind",
        "stability",
        "residual",
        "count",
        "unconverged",
        *({"ends"} & arrays.keys()),
    ):
        if arrays[name].ndim != 1:
            raise ValueError(f"it has {name} of shape {arrays[name].shape}")
    for name in ("period", "count"):
        if arrays[name].min(initial=1) < 1:
            raise ValueError(f"{name} must be 1 or more")
    for name, known in (("kind", CYCLE_KINDS), ("stability", STABILITIES), ("ends", END_KINDS)):
        if not np.isin(arrays.get(name, []), known).all():
            raise ValueError(f"it has a {name} that is none")
    for name, array in (("h", h), ("inputs", inputs)):
        if array is not None:
            validation.require_finite(name, array)
    if cell is not None and h.shape[1] != cell.state_size:
        raise ValueError(f"its states must have {cell.state_size} numbers, as its cell says")
    if cell is not None and inputs is not None and inputs.shape[2] != cell.input_size:
        raise ValueError(f"its inputs must have {cell.input_size} numbers, as its cell says")
    return {"inputs": None, "ends": None, **arrays, "tol_unique": tol_unique, "cell": cell}
