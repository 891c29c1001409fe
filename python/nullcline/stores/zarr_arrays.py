"""Arrays on disk in Zarr's format, version 2, without compression: a file for each chunk of rows.

Any library of Zarr's reads them. They are written here, and not by one, because a chunk has to be
on the disk whole or not at all, and because these libraries differ in what they promise of that;
the format itself is a file of JSON beside the bytes. A chunk is as long as all others, as Zarr has
it: what the last one lacks of rows is zeros.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support.reading import FileError, open_regular, read_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

PARTIAL = ".partial"
"""The one file of a store that may be cut short: what is written becomes another by its name."""

_ATTRIBUTES = ".zattrs"


def put(store: Path, name: str, content: bytes | memoryview, *, sync: bool = True) -> None:
    """Write a file of a store, whole or not at all, in a store that this process has locked.

    `_support.files.replacing` is for folders that several processes may write to, and looks through
    the folder for what others left: too much where there are 100,000 files in it.

    With `sync` the file also outlives a power cut. That costs many times the writing, and chunks
    do without: their digests tell if one was lost.

    Raises
    ------
    OSError
        The file cannot be written, as on a full disk; `filename` is the file's.
    """
    partial = store / PARTIAL
    try:
        with partial.open("wb") as file:
            file.write(content)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        partial.replace(store / name)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(store / name)) from error


def put_json(store: Path, name: str, value: object) -> None:
    """Write a file of JSON of a store, whole or not at all."""
    put(store, name, _json(value))


def _json(value: object) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False).encode() + b"\n"


@dataclass(frozen=True)
class ZarrArray:
    """An array in the folder of a store.

    Attributes
    ----------
    store, name
        The folder, and the array's own within it.
    shape
        Of which only the rows are cut into chunks.
    dtype
        Of the numbers; on disk their bytes run from low to high.
    rows
        How many rows a chunk has.
    dimensions
        What the axes are called, for xarray.
    """

    store: Path
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    rows: int
    dimensions: tuple[str, ...]

    @property
    def n_chunks(self) -> int:
        """How many chunks there are."""
        return -(-self.shape[0] // self.rows)

    def bounds(self, chunk: int) -> tuple[int, int]:
        """Return the first row of a chunk, and the one after its last."""
        return chunk * self.rows, min((chunk + 1) * self.rows, self.shape[0])

    def describe(self) -> None:
        """Write what says how to read it."""
        (self.store / self.name).mkdir(exist_ok=True)
        if not (self.store / self.name / _ATTRIBUTES).exists():
            self.put_attributes({})
        put(self.store, f"{self.name}/.zarray", self._description())

    def put_attributes(self, attributes: Mapping[str, object]) -> None:
        """Write its attributes anew."""
        named = {"_ARRAY_DIMENSIONS": list(self.dimensions), **attributes}
        put_json(self.store, f"{self.name}/{_ATTRIBUTES}", named)

    def attributes(self) -> Any:
        """Return its attributes."""
        return read_json(self.store / self.name / _ATTRIBUTES, "attributes of a stored array")

    def require_described(self) -> None:
        """Raise FileError unless the file that says how to read it is there, and sound."""
        path = self.store / self.name / ".zarray"
        if path.read_bytes() != self._description():
            raise FileError(f"{path} is damaged: it does not describe the array that is there")

    def write(self, chunk: int, values: NDArray[Any]) -> bytes:
        """Write a chunk, whole or not at all; return the digest of it."""
        padded = self._padded(values)
        put(self.store, self._file(chunk), _bytes_of(padded), sync=False)
        return _digest(padded)

    def digest(self, values: NDArray[Any]) -> bytes:
        """Return the digest of the chunk that these rows would be."""
        return _digest(self._padded(values))

    def read(self, chunk: int, expected: bytes | None = None) -> NDArray[Any]:
        """Return the rows of a chunk.

        Raises
        ------
        FileError
            If its file is missing or of another size, or has not the digest that is expected.
        """
        path = self.store / self._file(chunk)
        values = np.empty((self.rows, *self.shape[1:]), self._on_disk())
        try:
            with open_regular(path) as file:
                there = os.fstat(file.fileno()).st_size
                if there == values.nbytes and values.nbytes:
                    file.readinto(values.data)  # type: ignore[attr-defined]
        except FileNotFoundError as error:
            raise FileError(f"{path} is missing") from error
        if there != values.nbytes:
            raise FileError(f"{path} is damaged: it has {there} bytes, not {values.nbytes}")
        if expected is not None and _digest(values) != expected:
            raise FileError(f"{path} is damaged, or its digest is: they do not agree")
        first, end = self.bounds(chunk)
        return values[: end - first].astype(self.dtype, copy=False)

    def has(self, chunk: int) -> bool:
        """Tell whether a chunk's file is there."""
        return (self.store / self._file(chunk)).exists()

    def remove(self, chunk: int) -> None:
        """Remove a chunk, if it is there."""
        (self.store / self._file(chunk)).unlink(missing_ok=True)

    def _padded(self, values: NDArray[Any]) -> NDArray[Any]:
        padded = np.zeros((self.rows, *self.shape[1:]), self._on_disk())
        padded[: len(values)] = values
        return padded

    def _file(self, chunk: int) -> str:
        return f"{self.name}/" + ".".join([str(chunk), *["0"] * (len(self.shape) - 1)])

    def _on_disk(self) -> np.dtype[Any]:
        return self.dtype.newbyteorder("<")

    def _description(self) -> bytes:
        return _json(
            {
                "zarr_format": 2,
                "shape": list(self.shape),
                "chunks": [self.rows, *[max(1, length) for length in self.shape[1:]]],
                "dtype": self._on_disk().str,
                "compressor": None,
                "filters": None,
                "fill_value": None,
                "order": "C",
            }
        )


def _digest(values: NDArray[Any]) -> bytes:
    """Return the SHA-256 of numbers as they lie on the disk."""
    return hashlib.sha256(_bytes_of(values)).digest()


def _bytes_of(values: NDArray[Any]) -> bytes | memoryview:
    return values.data.cast("B") if values.size else b""
