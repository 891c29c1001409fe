"""What a search has written to a store, read as far as it is asked for."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support.reading import FileError
from nullcline._support.row_numbers import require_rows_alone, row_numbers
from nullcline._support.shown import Shown, Table
from nullcline.interop._frameworks import framework
from nullcline.search.kinds import KINDS
from nullcline.stores import description
from nullcline.stores.columns import StoredColumn
from nullcline.stores.description import Description
from nullcline.stores.distinct import distinct, joined
from nullcline.stores.layout import Layout

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from nullcline._support.row_numbers import Rows
    from nullcline.cells.protocol import Cell
    from nullcline.search.fixed_points import FixedPoints

_FINISH = "run the same search on it again, which goes on from there"


class StoredPoints(Shown):
    """The ends of a search that `nullcline.search_to_store` has written to a folder.

    They have the columns of `FixedPoints`, in the same order and of the same values, and are read
    from the disk as far as they are asked for: ``points.q[:1000]``, ``points.kind[:]``.
    ``points[rows]`` are some of the rows as `FixedPoints`, by a number, a slice, a mask, several
    numbers or a kind; ``points.chunks()`` yields all of them, a chunk at a time, and iteration goes
    row by row. What is read is known to be what was written: each chunk has a digest (SHA-256).

    They pickle as the path, which whoever unpickles them must be able to read.

    The folder is a group of Zarr (version 2 of the format, without compression), which any library
    of Zarr's reads; its kinds and reasons are numbered, and the attribute `texts` says how.

    Parameters
    ----------
    store
        The folder.
    cell
        The cell, where the store does not hold it, as it holds no function.

    Attributes
    ----------
    store
        The folder.
    h, q, kind, reason, iterations, starts, inputs, condition, count
        Columns as in `FixedPoints`; `inputs` and `condition` may be None. Indexed, they are arrays.
    tol_unique
        How close in every coordinate two ends must be to count as one point.
    cell
        The cell; None where the store does not hold it.
    chunk_size
        How many rows a chunk has.

    Raises
    ------
    FileNotFoundError
        If there is no store.
    ValueError
        If the search in it has not ended; if it is damaged, or of a newer version.
    """

    def __init__(self, store: str | os.PathLike[str], *, cell: Cell | None = None) -> None:
        self.store = Path(store).absolute()
        own = Description.read(_existing(self.store))
        self._given_cell = cell if own.cell is None else None
        self.cell = self._given_cell if own.cell is None else own.cell
        self._layout = layout = Layout(self.store, own, self.cell)
        layout.require_described()
        if missing := layout.missing():
            raise FileError(
                f"{self.store} holds a search that has not ended: {len(missing)} of its "
                f"{layout.found.n_chunks} chunks are missing; {_FINISH}"
            )
        self.tol_unique = own.settings.tol_unique
        self.chunk_size = own.settings.chunk_size
        n, rows, states = own.n_rows, max(1, min(self.chunk_size, own.n_rows)), own.settings
        floats, wide = np.dtype(states.dtype), (n, states.state_size)

        def column(
            shape: tuple[int, ...], dtype: Any, read: Callable[[int, int], NDArray[Any]]
        ) -> StoredColumn:
            return StoredColumn(shape, np.dtype(dtype), rows, read)

        self.h = column(wide, floats, partial(layout.found.read_rows, "h"))
        self.q = column((n,), np.float64, partial(layout.found.read_rows, "q"))
        self.kind = column((n,), np.array(KINDS).dtype, partial(self._texts, "kind"))
        self.reason = column((n,), layout.reasons.dtype, partial(self._texts, "reason"))
        self.iterations = column((n,), np.int32, partial(layout.found.read_rows, "iterations"))
        self.starts = column(wide, floats, layout.starts)
        self.inputs = (
            column((n, states.input_size), floats, self._inputs)
            if states.per_start or own.inputs is not None
            else None
        )
        self.condition = (
            None if own.labels is None else column((n,), own.labels.dtype, self._condition)
        )
        self.count = column((n,), np.int64, _ones)

    def __len__(self) -> int:
        return self._layout.description.n_rows

    def __getitem__(self, which: str | Rows) -> FixedPoints:
        require_rows_alone(which)
        return self.select(which)

    def __iter__(self) -> Iterator[FixedPoints]:
        return (point for chunk in self.chunks() for point in chunk)

    def __array__(self, *_: Any, **__: Any) -> NDArray[Any]:
        raise TypeError("StoredPoints are no array: pass their states, points.h")

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(StoredPoints, cell=self._given_cell), (str(self.store),)

    def __repr__(self) -> str:
        n = self._layout.found.n_chunks
        chunks = "1 chunk" if n == 1 else f"{n:,} chunks"
        return (
            f"StoredPoints({len(self):,} starts in {chunks}; S = {self.h.shape[1]}; "
            f"{self.store.name})"
        )

    def select(self, which: str | Rows) -> FixedPoints:
        """Return some of the rows, in memory: what ``points[which]`` is.

        Parameters
        ----------
        which
            As `FixedPoints.select` takes them. Rows of a kind are all of them; if they may be too
            many, go through `chunks`.

        Raises
        ------
        TypeError, ValueError, IndexError
            As `FixedPoints.select` raises them.
        FileError
            If a chunk is damaged; a ValueError.
        """
        if isinstance(which, slice) and which.step in {None, 1}:
            first, end, _ = which.indices(len(self))
            return self._layout.read_rows(first, max(first, end))
        if isinstance(which, str):
            return joined([self._none(), *(chunk.select(which) for chunk in self.chunks())])
        return self._take(row_numbers(which, len(self)))

    def chunks(self) -> Iterator[FixedPoints]:
        """Yield all rows, in their order, as `FixedPoints` of a chunk each."""
        return map(self._layout.read, range(self._layout.found.n_chunks))

    def load(self) -> FixedPoints:
        """Return all rows in memory."""
        return self._layout.read_rows(0, len(self))

    def unique(self, *, unconverged: bool = False) -> FixedPoints:
        """Return the distinct points among the ends, those that `FixedPoints.unique` returns.

        They are read a chunk at a time, mostly twice, and no more is kept than a chunk and the
        distinct points.

        Parameters
        ----------
        unconverged
            Whether unconverged ends take part; by default they are left out.

        Returns
        -------
        FixedPoints
            One row per distinct point, from the best to the worst; `count` says how many starts
            each stands for.
        """
        return distinct(self.chunks, self._none(), unconverged=unconverged)

    def to_dask(self) -> dict[str, Any]:
        """Return the columns as arrays of Dask, by their names, in chunks as on the disk.

        Raises
        ------
        ModuleNotFoundError
            If Dask is not installed.
        """
        make = framework("dask.array", "scale").from_array
        return {
            name: make(column, (self.chunk_size, *column.shape[1:]), name=False)
            for name, column in self._columns().items()
        }

    def _none(self) -> FixedPoints:
        return self._layout.read_rows(0, 0)

    def _take(self, rows: NDArray[np.intp]) -> FixedPoints:
        """Return rows of these numbers, in their order; each chunk of them is read once."""
        chunk_of = rows // self.chunk_size
        order = np.argsort(chunk_of, kind="stable")
        parts = [self._none()]
        for chunk in np.unique(chunk_of):
            here = rows[chunk_of == chunk] - chunk * self.chunk_size
            parts.append(self._layout.read(int(chunk)).select(here))
        place = np.empty(len(rows), np.intp)
        place[order] = np.arange(len(rows))
        return joined(parts).select(place)

    def _columns(self) -> dict[str, StoredColumn]:
        names = (*self._layout.found.columns, "starts", "inputs", "condition", "count")
        columns = {name: getattr(self, name) for name in names}
        return {name: column for name, column in columns.items() if column is not None}

    def _texts(self, name: str, first: int, end: int) -> NDArray[np.str_]:
        return self._layout.texts(name, self._layout.found.read_rows(name, first, end))

    def _inputs(self, first: int, end: int) -> NDArray[Any]:
        inputs: Any = self._layout.inputs(first, end)
        each: NDArray[Any] = np.broadcast_to(inputs, (end - first, inputs.shape[1]))
        return each

    def _condition(self, first: int, end: int) -> NDArray[Any]:
        return np.asarray(self._layout.condition(first, end))

    def _table(self) -> Table:
        rows = [(name, f"{column!r}") for name, column in self._columns().items()]
        return Table(("column", ""), rows, len(rows))


def _ones(first: int, end: int) -> NDArray[np.int64]:
    return np.ones(end - first, np.int64)


def _existing(store: Path) -> Path:
    if not (store / description.FILE).exists():
        raise FileNotFoundError(
            f"{store} is no store of points: nullcline.search_to_store writes one"
        )
    return store
