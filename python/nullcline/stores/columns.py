"""Columns of a store, of which no more is read than is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support.row_numbers import row_numbers
from nullcline._support.shown import Shown, Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from nullcline._support.row_numbers import Rows


class StoredColumn(Shown):
    """A column of a store: indexed as an array is, ``column[2:5]``, it is read and is one.

    ``column[:]`` is all of it. NumPy takes it as an array, which reads all of it, and
    ``dask.array.from_array`` reads it piece by piece.

    Attributes
    ----------
    shape, dtype, ndim
        As of an array.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        rows: int,
        read: Callable[[int, int], NDArray[Any]],
    ) -> None:
        self.shape = shape
        self.dtype = dtype
        self._rows_of_a_chunk = rows
        self._read = read

    @property
    def ndim(self) -> int:
        """How many axes it has."""
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, which: Rows | tuple[Any, ...]) -> Any:
        """Return the rows that are asked for, and of these what else is between the brackets."""
        rows, *rest = which if isinstance(which, tuple) else (which,)
        if isinstance(rows, slice):
            first, end, step = rows.indices(len(self))
            found = self._read(first, max(first, end)) if step > 0 else self._read(0, len(self))
            found = found[::step] if step > 0 else found[rows]
        else:
            found = self.take(row_numbers(rows, len(self)))
            if np.ndim(rows) == 0:
                found = found[0]
                return found[tuple(rest)] if rest else found
        return found[(slice(None), *rest)] if rest else found

    def take(self, rows: NDArray[np.intp]) -> NDArray[Any]:
        """Return rows of these numbers, in their order; each chunk of them is read once."""
        found = np.empty((len(rows), *self.shape[1:]), self.dtype)
        chunk_of = rows // self._rows_of_a_chunk
        for chunk in np.unique(chunk_of):
            first = int(chunk) * self._rows_of_a_chunk
            here = np.flatnonzero(chunk_of == chunk)
            part = self._read(first, min(first + self._rows_of_a_chunk, len(self)))
            found[here] = part[rows[here] - first]
        return found

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("a column of a store can be no array without a copy: it is on disk")
        return np.asarray(self._read(0, len(self)), dtype)

    def __repr__(self) -> str:
        return f"StoredColumn({' × '.join(map(str, self.shape))}, {self.dtype})"

    def _table(self) -> Table:
        rows = [("shape", " × ".join(map(str, self.shape))), ("type", str(self.dtype))]
        return Table(("attribute", ""), rows, len(rows))
