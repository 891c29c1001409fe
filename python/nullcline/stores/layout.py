"""A store as a folder that Zarr reads as a group: its arrays, and the rows of points in them.

The columns `h`, `q`, `kind`, `reason` and `iterations` have a row for each start under each
condition, and `starts`, and `inputs` where each start has its own, a row for each start. Kinds and
reasons are numbered, and the attribute `texts` of their arrays says what the numbers mean.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nullcline._support.reading import FileError
from nullcline.search.fixed_points import FixedPoints
from nullcline.search.kinds import KINDS, ranks
from nullcline.stores.description import FILE, FOLDER
from nullcline.stores.tables import Table
from nullcline.stores.zarr_arrays import PARTIAL, ZarrArray, put, put_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell
    from nullcline.stores.description import Description

GIVEN, FOUND = "given", "found"
"""The arrays of the digests of what was given, and of what was found."""

_ZARR = ".zgroup"
_BEGUN = ".begun"
"""What tells a store that is being made from a group of Zarr of somebody else's."""

_TEXTS, _SUM = "texts", "sha256"


class FoundRows(NamedTuple):
    """Rows of points as they are sent and written: texts, which repeat, by their numbers.

    Attributes
    ----------
    h, q, iterations
        As in `FixedPoints`.
    kind
        The numbers of kinds in `KINDS`.
    reason
        The numbers of reasons in `reasons`.
    reasons
        The distinct ones.
    """

    h: Floats
    q: NDArray[np.float64]
    kind: NDArray[np.uint8]
    reason: NDArray[np.unsignedinteger[Any]]
    iterations: NDArray[np.int32]
    reasons: list[str]

    @classmethod
    def of(cls, points: FixedPoints) -> FoundRows:
        """Return the rows of points on the host."""
        reasons, reason = np.unique(points.reason, return_inverse=True)
        return cls(
            points.h,
            points.q,
            ranks(points.kind).astype(np.uint8),
            reason.astype(np.min_scalar_type(len(reasons))),
            points.iterations,
            reasons.tolist(),
        )


class Layout:
    """Where the rows of a described search are.

    Parameters
    ----------
    store
        The folder.
    description
        What the store says of its search.
    cell
        The cell of the points that are read.
    """

    def __init__(self, store: Path, description: Description, cell: Cell | None) -> None:
        self.store = store
        self.description = description
        self.cell = cell
        own, n = description.settings, description.n_rows
        states, floats = own.state_size, np.dtype(own.dtype)

        def column(
            name: str, n: int, dtype: Any, row: str, *wide: tuple[int, str]
        ) -> tuple[str, ZarrArray]:
            shape = n, *(length for length, _ in wide)
            axes = row, *(axis for _, axis in wide)
            rows = max(1, min(own.chunk_size, n))
            return name, ZarrArray(store, name, shape, np.dtype(dtype), rows, axes)

        start = "point" if n == own.n_starts else "start"
        given = [column("starts", own.n_starts, floats, start, (states, "unit"))]
        if own.per_start:
            width = own.input_size, "input"
            given.append(column("inputs", own.n_starts, floats, start, width))
        self.given = Table.of(GIVEN, dict(given))
        self.found = Table.of(
            FOUND,
            dict(
                [
                    column("h", n, floats, "point", (states, "unit")),
                    column("q", n, np.float64, "point"),
                    column("kind", n, np.uint8, "point"),
                    column("reason", n, np.uint16, "point"),
                    column("iterations", n, np.int32, "point"),
                ]
            ),
        )

    def create(self) -> None:
        """Make the arrays, and in the end what says that this is a store."""
        put(self.store, _BEGUN, b"")
        self.describe()
        self._write_texts("kind", list(KINDS))
        self._write_texts("reason", [])
        self.description.write(self.store)
        self.describe()

    def describe(self) -> None:
        """Write anew what says how to read the arrays."""
        put_json(self.store, _ZARR, {"zarr_format": 2})
        self.given.describe()
        self.found.describe()
        if self.is_made():  # the bytes that describe the search are an array of them
            n = (self.store / FILE).stat().st_size
            ZarrArray(self.store, FOLDER, (n,), np.dtype(np.uint8), n, ("search_byte",)).describe()
            (self.store / _BEGUN).unlink(missing_ok=True)

    def is_made(self) -> bool:
        """Tell whether there is a store in the folder."""
        return (self.store / FILE).exists()

    def is_begun(self) -> bool:
        """Tell whether a store was being made in the folder."""
        return (self.store / _BEGUN).exists()

    def remove(self) -> None:
        """Remove what `create` has made, and what was written since."""
        for name in (FOLDER, *self.given.columns, *self.found.columns, GIVEN, FOUND):
            shutil.rmtree(self.store / name)
        for name in (_ZARR, PARTIAL):
            (self.store / name).unlink(missing_ok=True)

    def require_described(self) -> None:
        """Raise FileError if a file is damaged that says how to read the arrays."""
        self.given.require_described()
        self.found.require_described()

    def missing(self) -> list[int]:
        """Return the numbers of the chunks that have not been found."""
        return [chunk for chunk in range(self.found.n_chunks) if not self.found.has(chunk)]

    # What was given, for each row of what was found

    def starts(self, first: int, end: int) -> Floats:
        """Return the starts of some rows, shape (end - first, S)."""
        return self._per_start("starts", first, end)

    def inputs(self, first: int, end: int) -> Floats | None:
        """Return the inputs of some rows, shape (end - first, D), or (1, D) if all have one."""
        inputs, labels = self.description.inputs, self.description.labels
        if self.description.settings.per_start:
            return self._per_start("inputs", first, end)
        if inputs is None or labels is None:
            return inputs
        per_row: Floats = inputs[self._conditions(first, end)]
        return per_row

    def condition(self, first: int, end: int) -> NDArray[Any] | None:
        """Return the labels of some rows."""
        labels = self.description.labels
        return None if labels is None else labels[self._conditions(first, end)]

    def _conditions(self, first: int, end: int) -> NDArray[np.intp]:
        return np.arange(first, end) // max(1, self.description.settings.n_starts)

    def _per_start(self, name: str, first: int, end: int) -> Floats:
        """Return a column of what was given; all starts come under one condition, and again."""
        n, parts = self.description.settings.n_starts, []
        while first < end:
            at = first % n
            stop = min(n, at + end - first)
            parts.append(self.given.read_rows(name, at, stop))
            first += stop - at
        array = self.given.columns[name]
        return np.concatenate(parts) if parts else np.empty((0, *array.shape[1:]), array.dtype)

    # Points

    def write(self, chunk: int, rows: FoundRows) -> None:
        """Write the rows of a chunk."""
        known = self.reasons.tolist()
        if new := sorted(set(rows.reasons) - set(known)):
            known += new
            self._write_texts("reason", known)
        number = np.array([known.index(text) for text in rows.reasons], np.uint16)
        columns = {name: getattr(rows, name) for name in self.found.columns}
        self.found.write(chunk, {**columns, "reason": number[rows.reason]})

    def forget(self, first: int, end: int) -> None:
        """Take back all chunks that were found from some of the starts."""
        n, size = self.description.settings.n_starts, self.found.rows
        for before in range(0, self.description.n_rows, n):
            for chunk in range((before + first) // size, -(-(before + end) // size)):
                self.found.take_back(chunk)

    def read(self, chunk: int) -> FixedPoints:
        """Return the rows of a chunk."""
        first, end = self.found.bounds(chunk)
        return self._points(first, end, lambda name: self.found.read(chunk, name))

    def read_rows(self, first: int, end: int) -> FixedPoints:
        """Return some rows."""
        return self._points(first, end, lambda name: self.found.read_rows(name, first, end))

    def texts(self, name: str, numbers: NDArray[Any]) -> NDArray[np.str_]:
        """Return the kinds or reasons that numbers stand for."""
        texts = np.array(KINDS) if name == "kind" else self.reasons
        if numbers.max(initial=0) >= max(1, len(texts)):
            raise FileError(f"{self.store / name} is damaged: a number in it has no meaning")
        return texts[numbers] if len(numbers) else np.empty(0, "U1")

    def _points(self, first: int, end: int, column: Callable[[str], NDArray[Any]]) -> FixedPoints:
        inputs = self.inputs(first, end)
        n = end - first
        return FixedPoints(
            h=column("h"),
            q=column("q"),
            kind=self.texts("kind", column("kind")),
            reason=self.texts("reason", column("reason")),
            iterations=column("iterations"),
            starts=self.starts(first, end),
            inputs=None if inputs is None else np.broadcast_to(inputs, (n, inputs.shape[1])),
            tol_unique=self.description.settings.tol_unique,
            count=np.ones(n, np.int64),
            condition=self.condition(first, end),
            cell=self.cell,
        )

    # Texts, which are written before the first number that stands for them

    @cached_property
    def reasons(self) -> NDArray[np.str_]:
        """What the numbers in the column of reasons mean."""
        array = self.found.columns["reason"]
        found = array.attributes()
        texts = found.get(_TEXTS) if isinstance(found, dict) else None
        if texts is None or found.get(_SUM) != _sum_of(texts):
            raise FileError(f"{self.store / array.name / '.zattrs'} is damaged: its sum is another")
        return np.array(texts, np.str_)

    def _write_texts(self, name: str, texts: list[str]) -> None:
        self.found.columns[name].put_attributes({_TEXTS: texts, _SUM: _sum_of(texts)})
        if name == "reason":
            self.__dict__["reasons"] = np.array(texts, np.str_)


def _sum_of(texts: object) -> str:
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()
