"""NumPy archives (.npz) without pickled objects: written whole or not at all, read with care."""

from __future__ import annotations

import contextlib
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support.files import replacing

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO

UNREADABLE = (
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    OSError,
    RuntimeError,
    MemoryError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What NumPy and zipfile raise when bytes are not what they should be."""


@contextlib.contextmanager
def reading(path: str | os.PathLike[str], what: str) -> Iterator[BinaryIO]:
    """Yield a file to read; one of `UNREADABLE` within becomes a ValueError that names the file.

    Parameters
    ----------
    path
        Where it is. What opening it raises, OSError, is left as it is.
    what
        What it should be, with its article, for the message.
    """
    with Path(path).open("rb") as file:
        try:
            yield file
        except UNREADABLE as error:
            raise ValueError(f"{Path(path)} is not {what}, or it is damaged: {error}") from error


def write(path: str | os.PathLike[str], kind: str, version: int, arrays: dict[str, Any]) -> None:
    """Write `arrays` to `path`, marked as a file of a `kind` and the `version` of its format."""
    write_arrays(path, {"format": np.array(kind), "version": np.array(version), **arrays})


def read(file: BinaryIO, kind: str, versions: Sequence[int]) -> dict[str, Any]:
    """Return the arrays of a file that `write` wrote; raise one of `UNREADABLE` for any other.

    `versions` are those of the format that are understood, in rising order.
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
    """Return the arrays of an .npz file; raise one of `UNREADABLE` if it is damaged or none."""
    with zipfile.ZipFile(file) as archive:
        if damaged := archive.testzip():  # sums are checked before any header is believed
            raise ValueError(f"the checksum of {damaged} does not fit")
    file.seek(0)
    with np.load(file, allow_pickle=False) as archive:
        return dict(archive)
