"""NumPy archives (.npz) without pickled objects: written whole or not at all, read with care."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support import zips
from nullcline._support.files import replacing
from nullcline._support.npy import read_npy
from nullcline._support.reading import size_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO


def write(path: str | os.PathLike[str], kind: str, version: int, arrays: dict[str, Any]) -> None:
    """Write `arrays` to `path`, marked as a file of a `kind` and the `version` of its format."""
    write_arrays(path, {"format": np.array(kind), "version": np.array(version), **arrays})


def read(file: BinaryIO, kind: str, versions: Sequence[int]) -> dict[str, Any]:
    """Return the arrays of a file that `write` wrote.

    For any other it raises whatever the damage leads to: call it within `reading`. `versions` are
    those of the format that are understood, in rising order.
    """
    arrays = read_arrays(file)
    if arrays.pop("format").item() != kind:
        raise ValueError(f"its format is not {kind}")
    version = arrays.pop("version").item()
    if version not in versions:
        raise ValueError(
            f"its format has version {version}, and this nullcline reads up to {versions[-1]}"
        )
    return arrays


def write_arrays(
    path: str | os.PathLike[str], arrays: dict[str, Any], *, compressed: bool = False
) -> None:
    """Write `arrays` to `path` under their names, whole or not at all; objects are refused."""
    save = np.savez_compressed if compressed else np.savez
    with replacing(path) as temporary, temporary.open("wb") as file:
        save(file, allow_pickle=False, **arrays)


def read_arrays(file: BinaryIO) -> dict[str, Any]:
    """Return the arrays of an .npz file; call it within `reading`, whatever it raises."""
    with zipfile.ZipFile(file) as archive:
        arrays = {}
        for member in zips.members(Path(file.name), archive, size_of(file)):
            name, suffix = os.path.splitext(member.filename)  # noqa: PTH122 - no path, a key
            if suffix != ".npy":
                raise ValueError(f"its member {member.filename!r} is no array")
            with archive.open(member) as stream:
                arrays[name] = read_npy(stream, member.file_size)
    return arrays


def kind_of(file: BinaryIO) -> str | None:
    """Return the kind of a file that `write` wrote, None for others; call it within `reading`."""
    with zipfile.ZipFile(file) as opened:
        listed = zips.members(Path(file.name), opened, size_of(file))
        named = next((member for member in listed if member.filename == "format.npy"), None)
        if named is None:
            return None
        with opened.open(named) as stream:
            kind = read_npy(stream, named.file_size)
    return str(kind.item()) if kind.dtype.kind == "U" and kind.size == 1 else None
