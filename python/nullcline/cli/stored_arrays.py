"""Arrays that commands read as far as they need: .npy files and arrays of Zarr."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support.reading import explaining
from nullcline.cli.arrays import read_inputs, read_states
from nullcline.interop._frameworks import framework
from nullcline.interop.weight_files import FileFormat, format_of

if TYPE_CHECKING:
    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell


def stored_states(where: str, cell: Cell) -> Any:
    """Return the states in a file or folder, shape (n, S), in the cell's type; read when needed.

    An .npy file is mapped into memory; an .npz archive is read.
    """
    array = _on_disk(where)
    return read_states(where, cell) if array is None else _Rows(array, cell)


def stored_inputs(where: str, cell: Cell) -> Any:
    """Return the inputs in a file or folder, as `read_inputs` does; one for each state lazily."""
    array = _on_disk(where)
    is_long = array is not None and array.ndim > 1 and len(array) > 1
    return _Rows(array, cell) if is_long else read_inputs(where, cell)


def _on_disk(where: str) -> Any:
    """Return an array that is read when needed; None where there is none of these."""
    path = Path(where)
    if path.is_dir():
        zarr = framework("zarr", "scale")
        with explaining(path, "an array of Zarr"):
            return zarr.open_array(str(path), mode="r")
    if path.exists() and format_of(path) is FileFormat.NPY:
        with explaining(path, "an array of NumPy"):
            return np.load(path, mmap_mode="r", allow_pickle=False)
    return None


class _Rows:
    """The rows of an array in the cell's type; of trajectories, (trials, time, S), all states."""

    def __init__(self, array: Any, cell: Cell) -> None:
        if array.ndim == 3 and isinstance(array, np.ndarray):
            array = array.reshape(-1, array.shape[-1])
        self._array = array
        self.shape = array.shape
        self.dtype = cell.dtype if array.dtype.kind in "iuf" else array.dtype

    def __getitem__(self, rows: slice) -> Floats:
        with np.errstate(over="ignore"):  # an infinity is reported
            converted: Floats = np.asarray(self._array[rows]).astype(self.dtype)
        return converted
