"""Columns of equal rows whose chunks count once they are whole.

A chunk of all columns counts when its digests are there, a file that is written last. So it is
there or it is not, whatever ends the writing, and what is read is known to be what was written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support.reading import FileError
from nullcline.stores.zarr_arrays import ZarrArray

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_LENGTH = 32
"""Bytes of a digest, SHA-256."""


@dataclass(frozen=True)
class Table:
    """Some arrays of equal rows, and the digests by which their chunks count.

    Attributes
    ----------
    columns
        By their names, in the order of their digests.
    digests
        The bytes that each chunk of each column has, shape (chunks, columns, 32).
    """

    columns: Mapping[str, ZarrArray]
    digests: ZarrArray

    @classmethod
    def of(cls, name: str, columns: Mapping[str, ZarrArray]) -> Table:
        """Return columns with digests that are called `name`."""
        first = next(iter(columns.values()))
        shape = first.n_chunks, len(columns), _LENGTH
        axes = f"{name}_chunk", f"{name}_column", "digest"
        return cls(columns, ZarrArray(first.store, name, shape, np.dtype(np.uint8), 1, axes))

    @property
    def n_chunks(self) -> int:
        """How many chunks each column has."""
        return self.digests.n_chunks

    @property
    def rows(self) -> int:
        """How many rows a chunk has."""
        return next(iter(self.columns.values())).rows

    def bounds(self, chunk: int) -> tuple[int, int]:
        """Return the first row of a chunk, and the one after its last."""
        return next(iter(self.columns.values())).bounds(chunk)

    def describe(self) -> None:
        """Write what says how to read each array."""
        for array in (*self.columns.values(), self.digests):
            array.describe()

    def require_described(self) -> None:
        """Raise FileError if what says how to read an array is damaged."""
        for array in (*self.columns.values(), self.digests):
            array.require_described()

    def has(self, chunk: int) -> bool:
        """Tell whether a chunk counts."""
        return self.digests.has(chunk)

    def write(self, chunk: int, values: Mapping[str, NDArray[Any]]) -> None:
        """Write a chunk of all columns; it counts in the end."""
        digests = [array.write(chunk, values[name]) for name, array in self.columns.items()]
        self.digests.write(chunk, _numbers(digests)[None])

    def take_back(self, chunk: int) -> None:
        """Let a chunk count no longer."""
        self.digests.remove(chunk)

    def read(self, chunk: int, name: str) -> NDArray[Any]:
        """Return a chunk of a column, known to be what was written."""
        return self.columns[name].read(chunk, self._expected(chunk, name))

    def read_rows(self, name: str, first: int, end: int) -> NDArray[Any]:
        """Return some rows of a column."""
        array = self.columns[name]
        found = np.empty((end - first, *array.shape[1:]), array.dtype)
        for chunk in range(first // array.rows, -(-end // array.rows)):
            low, high = array.bounds(chunk)
            low, high = max(low, first), min(high, end)
            part = self.read(chunk, name)
            found[low - first : high - first] = part[low - chunk * array.rows :][: high - low]
        return found

    def holds(self, chunk: int, name: str, values: NDArray[Any]) -> bool:
        """Tell whether a chunk of a column was written from these rows."""
        return self.columns[name].digest(values) == self._expected(chunk, name)

    def damage(self, chunk: int) -> FileError | None:
        """Return what is wrong with a chunk that counts, if anything."""
        try:
            for name in self.columns:
                self.read(chunk, name)
        except FileError as error:
            return error
        return None

    def _expected(self, chunk: int, name: str) -> bytes:
        every: NDArray[np.uint8] = self.digests.read(chunk)[0]
        return bytes(every[list(self.columns).index(name)])


def _numbers(digests: list[bytes]) -> NDArray[np.uint8]:
    return np.frombuffer(b"".join(digests), np.uint8).reshape(len(digests), _LENGTH)
