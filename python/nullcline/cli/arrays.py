"""Arrays that commands read: states that a network visits, and the inputs that it reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support import archive
from nullcline._support.npy import read_npy
from nullcline._support.reading import FileError, reading, size_of
from nullcline.interop.weight_files import FileFormat, format_of

if TYPE_CHECKING:
    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell

FILE_OF_ARRAYS = "a file of an array, .npy, or of several, .npz (FILE.npz:NAME says which)"


def read_states(where: str, cell: Cell) -> Floats:
    """Return the states in a file as rows, shape (n, S), in the cell's type.

    An array of trajectories, (trials, time, S), gives all of their states.

    Raises
    ------
    OSError, ValueError, TypeError
        If the file cannot be read, or what it holds are no states of the cell.
    """
    array = read_trajectories(where, cell)
    _require_finite(where, array)
    return array.reshape(-1, array.shape[-1])


def read_trajectories(where: str, cell: Cell) -> Floats:
    """Return the states in a file in the shape that they have, (n, S) or (trials, time, S).

    Trials of different lengths may be filled up with NaN.
    """
    array = _numbers(where, one_array(where), cell)
    if array.ndim == 1:
        array = array[None]
    if array.ndim not in {2, 3}:
        raise ValueError(
            f"{where} has shape {array.shape}: states have shape (n, S), trajectories "
            "(trials, time, S)"
        )
    _require_width(where, "states", array, cell.state_size, _of(cell))
    if array.size == 0:
        raise ValueError(f"{where} holds no states: its shape is {array.shape}")
    return array


def read_inputs(where: str, cell: Cell) -> Floats | dict[str, Floats]:
    """Return the inputs in a file, shape (D,) or (n, D); of an archive of several, conditions.

    Raises
    ------
    OSError, ValueError, TypeError
        If the file cannot be read, or what it holds are no inputs of the cell.
    """
    arrays = _arrays(where)
    found = {}
    for name, raw in arrays.items():
        label = where if len(arrays) == 1 else f"{where}:{name}"
        array = _numbers(label, raw, cell)
        _require_width(label, "inputs", array, cell.input_size, _of(cell))
        _require_finite(label, array)
        found[name] = array.reshape(-1, array.shape[-1]) if array.ndim == 3 else array
    if len(found) == 1:
        return next(iter(found.values()))
    if any(array.ndim != 1 for array in found.values()):
        raise ValueError(
            f"{where} holds several arrays, {_listed(found)}: either choose one ({where}:NAME), or "
            f"give a condition in each, of shape ({cell.input_size},)"
        )
    return found


def random_states(n: int, cell: Cell, seed: int) -> Floats:
    """Return states whose outputs are drawn uniformly from the box of the cell, (n, S)."""
    if n < 1:
        raise ValueError(f"random must be at least 1, not {n}")
    box = cell.box
    if not (np.isfinite(box.low).all() and np.isfinite(box.high).all()):
        raise ValueError(
            f"random must be left out: the outputs of {_of(cell)} have no bounds to draw between; "
            "pass states that the network visits (--states)"
        )
    outputs = np.random.default_rng(seed).uniform(box.low, box.high, (n, cell.hidden_size))
    return cell.state_of(outputs.astype(cell.dtype))


def one_array(where: str) -> Any:
    """Return the array in FILE, or that of FILE:NAME, whatever its shape."""
    arrays = _arrays(where)
    if len(arrays) > 1:
        if "states" in arrays:
            return arrays["states"]
        raise ValueError(
            f"{where} holds several arrays, {_listed(arrays)}: choose one as {where}:NAME"
        )
    return next(iter(arrays.values()))


def _arrays(where: str) -> dict[str, Any]:
    """Return the arrays of FILE or of FILE:NAME, by their names."""
    path, name = Path(where), ""
    if not path.exists() and ":" in where:
        file, _, name = where.rpartition(":")
        path = Path(file)
    arrays = read_arrays(path)
    if name and name not in arrays:
        raise ValueError(f"{path} holds no array {name!r}, but {_listed(arrays)}")
    if not arrays:
        raise ValueError(f"{path} holds no array")
    return {name: arrays[name]} if name else arrays


def read_arrays(path: Path) -> dict[str, Any]:
    """Return the arrays of an .npz archive by their names; that of an .npy file has none."""
    found = format_of(path)
    if found is FileFormat.NPY:
        with reading(path, "an array of NumPy") as file:
            return {"": read_npy(file, size_of(file))}
    if found is FileFormat.NPZ:
        with reading(path, "an archive of NumPy") as file:
            return archive.read_arrays(file)
    raise FileError(f"{path} is {found.value}: pass {FILE_OF_ARRAYS}")


def _numbers(where: str, array: Any, cell: Cell) -> Floats:
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{where} must hold numbers, not {array.dtype}")
    with np.errstate(over="ignore"):  # an infinity is reported
        converted: Floats = array.astype(cell.dtype)
    return converted


def _require_width(where: str, what: str, array: Floats, width: int, of: str) -> None:
    if array.ndim == 0 or array.shape[-1] != width:
        raise ValueError(f"{where} has shape {array.shape}, and {of} has {what} of width {width}")


def _require_finite(where: str, array: Floats) -> None:
    finite = np.isfinite(array).all(axis=-1)
    if not finite.all():
        raise ValueError(
            f"{where}: {np.sum(~finite)} of {finite.size} rows hold NaN or infinite numbers; leave "
            "these out"
        )


def _of(cell: Cell) -> str:
    name = type(cell).__name__
    state = ", whose states are [h, c]" if cell.state_size == 2 * cell.hidden_size else ""
    return f"the {name} of {cell.hidden_size} units{state}"


def _listed(arrays: dict[str, Any]) -> str:
    parts = [f"{name} {array.shape}" for name, array in arrays.items()]
    return ", ".join(parts[:8]) + (f" and {len(parts) - 8} more" if len(parts) > 8 else "")
