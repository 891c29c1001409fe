"""NumPy archives (.npz) without pickled objects: written whole or not at all, read with care.

Results are kept as columns, arrays of one entry a row (`write`, `read`), or as records, dataclasses
with arrays somewhere in them (`write_record`, `read_record`). Either says what it is and in which
version of its format.
"""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from nullcline._support import zips
from nullcline._support.files import replacing
from nullcline._support.npy import read_npy
from nullcline._support.reading import size_of
from nullcline._support.records import pack, unpack

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from typing import BinaryIO

    from numpy.typing import NDArray

T = TypeVar("T")


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


def require_types(columns: Mapping[str, NDArray[Any]], types: Mapping[str, Sequence[str]]) -> None:
    """Raise TypeError for a column that is not in `types` or is of none of its types there.

    A type is the beginning of NumPy's string for it, without the byte order: "f" or "f8", "U".
    """
    for name, column in columns.items():
        if not column.dtype.str[1:].startswith(tuple(types.get(name, ()))):
            raise TypeError(f"it has {name} of type {column.dtype}")


def write_record(
    path: str | os.PathLike[str],
    kind: str,
    record: Any,
    *,
    omit: Mapping[type, Collection[str]] | None = None,
) -> None:
    """Write a dataclass that `pack` takes: its arrays, compressed, beside the rest as JSON.

    `kind` is its format with the version; `omit` is that of `pack`.
    """
    packed, arrays = pack(record, omit=omit)
    text = json.dumps({"format": kind, **packed})
    write_arrays(path, {**arrays, "record": np.array(text)}, compressed=True)


def read_record(file: BinaryIO, kind: str, made: type[T]) -> T:
    """Return the record of the class `made` that `write_record` wrote; call it within `reading`."""
    arrays = read_arrays(file)
    packed = json.loads(arrays.pop("record").item())
    if packed.pop("format") != kind:
        raise ValueError(f"its format is unknown, not {kind!r}")
    return unpack(made, packed, arrays)


def write_arrays(
    path: str | os.PathLike[str], arrays: dict[str, Any], *, compressed: bool = False
) -> None:
    """Write `arrays` to `path` under their names, whole or not at all; objects are refused."""
    # As `np.savez` does it, which takes `allow_pickle` for one more array before NumPy 2, and does
    # not close its file where the disk is full.
    method = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w", method) as file:
        for name, array in arrays.items():
            with file.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)


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
