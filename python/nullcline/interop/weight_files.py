"""Cells from a file of weights, whichever framework wrote it; the file's first bytes say which."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support import archive, validation, zips
from nullcline._support.reading import FileError, open_regular, reading, size_of
from nullcline.interop._keras_file import read_keras
from nullcline.interop._named_parameters import cells_of, prefixes
from nullcline.interop._parameters import parameter_in
from nullcline.interop._state_dict import read_state_dict
from nullcline.interop.safetensors import from_safetensors, open_safetensors

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from typing import BinaryIO

    from numpy.typing import DTypeLike


class FileFormat(Enum):
    """What a file is, as far as its first bytes and the names of its members tell."""

    NPY = "an array of NumPy"
    NPZ = "an archive of NumPy"
    SAFETENSORS = "a safetensors file"
    TORCH = "a file of PyTorch"
    KERAS = "a file of Keras"
    UNKNOWN = "none of these"


_LONGEST_HEADER = 100_000_000
"""Of a safetensors file, by its specification."""

_KEEPING_WEIGHTS = {
    FileFormat.NPZ,
    FileFormat.SAFETENSORS,
    FileFormat.TORCH,
    FileFormat.KERAS,
}


@dataclass(frozen=True)
class WeightsFile:
    """The recurrent layers of a file.

    Attributes
    ----------
    format
        What the file is.
    layers
        A cell, or a `Bidirectional`, for each.
    names
        What the file calls each; empty where it has no name.
    prefix
        What precedes the names of PyTorch's parameters.
    ordered
        Whether data pass through the layers in this order, which weights alone need not say.
    """

    format: FileFormat
    layers: list[Any]
    names: list[str]
    prefix: str = ""
    ordered: bool = True


def format_of(path: str | os.PathLike[str]) -> FileFormat:
    """Return what a file is.

    Raises
    ------
    OSError
        If it cannot be opened.
    FileError
        If it is no regular file, or a damaged archive.
    """
    with open_regular(path) as file:
        first = file.read(9)
    if first.startswith(b"\x93NUMPY"):
        return FileFormat.NPY
    if first.startswith(b"\x89HDF\r\n\x1a\n"):
        return FileFormat.KERAS
    if first.startswith(b"\x80"):  # a pickle, as PyTorch's were
        return FileFormat.TORCH
    if first[8:] == b"{" and int.from_bytes(first[:8], "little") <= _LONGEST_HEADER:
        return FileFormat.SAFETENSORS
    if first.startswith(b"PK\x03\x04"):
        with reading(path, "a zip archive") as file:
            return _format_of_archive(Path(path), file)
    return FileFormat.UNKNOWN


def _format_of_archive(path: Path, file: BinaryIO) -> FileFormat:
    with zipfile.ZipFile(file) as opened:
        names = [member.filename for member in zips.members(path, opened, size_of(file))]
    if any(name.endswith(("/data.pkl", "/constants.pkl")) for name in names):
        return FileFormat.TORCH
    if {"config.json", "model.weights.h5"} <= set(names):
        return FileFormat.KERAS
    if all(name.endswith(".npy") for name in names):
        return FileFormat.NPZ
    return FileFormat.UNKNOWN


def read_weights(
    path: str | os.PathLike[str],
    *,
    prefix: str | None = None,
    kind: str | None = None,
    nonlinearity: str | None = None,
    dtype: DTypeLike = np.float64,
) -> WeightsFile:
    """Make cells of a file of weights, one per layer.

    Parameters
    ----------
    path
        A safetensors file, a state dict or a checkpoint that `torch.save` wrote (opened with
        `weights_only`, so that nothing in it runs), a model or weights of Keras 3 (.keras, .h5,
        .weights.h5), or an .npz archive of arrays under PyTorch's names.
    prefix
        What precedes the names of PyTorch's parameters, or the end of it; None where one recurrent
        module alone is in the file.
    kind, nonlinearity
        As in `nullcline.from_safetensors`.
    dtype
        What the cells compute in.

    Raises
    ------
    OSError
        If the file cannot be opened.
    ModuleNotFoundError
        If what it is read with is not installed; the message names it.
    ValueError, TypeError, NotImplementedError
        If it is damaged or of another kind, or its layers have no cells here; the message names the
        file and the mend.
    """
    found = format_of(path)
    if found not in _KEEPING_WEIGHTS:
        raise FileError(
            f"{path} is no file of weights: pass a safetensors file, a state dict of PyTorch (.pt, "
            ".pth, .ckpt), a model or weights of Keras (.keras, .h5), or an .npz archive of arrays "
            "under PyTorch's names"
        )
    if found is FileFormat.KERAS:
        _require_no(f"prefix with {path}, whose layers have names", prefix)
        _require_no(f"kind with {path}, which says what its layers are", kind)
        layers, names, ordered = read_keras(Path(path), nonlinearity=nonlinearity, dtype=dtype)
        return WeightsFile(found, layers, names, ordered=ordered)
    options = {"kind": kind, "nonlinearity": nonlinearity}
    if found is FileFormat.SAFETENSORS:
        with open_safetensors(path) as file:
            chosen = _chosen(Path(path), list(file.keys()), prefix)
        layers = from_safetensors(path, prefix=chosen, dtype=dtype, **options)
    else:
        arrays = _named(Path(path), found)
        chosen = _chosen(Path(path), list(arrays), prefix)
        target = validation.float_type(dtype)
        layers = cells_of(
            Path(path),
            list(arrays),
            lambda name: parameter_in(Path(path), name, arrays[name], target),
            prefix=chosen,
            **options,
        )
    return WeightsFile(found, layers, [""] * len(layers), chosen)


def prefixes_in(path: str | os.PathLike[str]) -> list[str]:
    """Return what precedes PyTorch's parameters of each recurrent module in a file of weights.

    It is empty where a file names none of them, as Keras's do not.

    Raises
    ------
    OSError, ModuleNotFoundError, ValueError
        As of `read_weights`.
    """
    found = format_of(path)
    if found is FileFormat.SAFETENSORS:
        with open_safetensors(path) as file:
            return prefixes(list(file.keys()))
    if found in {FileFormat.TORCH, FileFormat.NPZ}:
        return prefixes(list(_named(Path(path), found)))
    return []


def _named(path: Path, found: FileFormat) -> dict[str, Any]:
    if found is FileFormat.TORCH:
        return read_state_dict(path)
    with reading(path, "an archive of NumPy") as file:
        return archive.read_arrays(file)


def _chosen(path: Path, names: Sequence[str], prefix: str | None) -> str:
    """Return the prefix that is meant: the only one, or the one that ends as asked for."""
    there = prefixes(names)
    if not there:
        some = ", ".join(map(repr, list(names)[:3]))
        raise FileError(
            f"{path} holds no recurrent layer: no weight_hh_l0 or weight_hh is among its "
            f"{len(names)} names, such as {some}"
        )
    fitting = [one for one in there if one.endswith(prefix or "")]
    if prefix in there:
        return str(prefix)
    if len(fitting) != 1:
        raise ValueError(
            f"prefix must say which recurrent module of {path} is meant, one of "
            f"{', '.join(map(repr, there))}" + (f", not {prefix!r}" if prefix else "")
        )
    return fitting[0]


def _require_no(what: str, value: object) -> None:
    if value is not None:
        raise ValueError(f"leave out {what}")
