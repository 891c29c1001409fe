"""Rows of an array that may be larger than memory: checked as a whole, read a piece at a time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support import validation

if TYPE_CHECKING:
    from nullcline._support.validation import Floats


class GivenRows:
    """The rows of an array of NumPy, a memory map, or an array of Dask, Zarr or HDF5.

    Parameters
    ----------
    name
        The argument's name, for messages.
    value
        The array, or what NumPy makes one of; of what has a shape, a type and rows, no more than
        the rows that are asked for is read.
    width
        How many columns it must have.
    dtype
        The type that rows are read in, as `validation.floats` takes it.
    outputs
        As in `validation.require_rows`.

    Raises
    ------
    TypeError, ValueError
        If it is no array of this type and shape.
    """

    def __init__(
        self, name: str, value: Any, width: int, dtype: np.dtype[Any], outputs: int | None = None
    ) -> None:
        validation.require_one_array(name, value, width)
        if not all(hasattr(value, needed) for needed in ("shape", "dtype", "__getitem__")):
            value = validation.floats(name, value, dtype, finite=False)
        shape = tuple(value.shape)
        if shape and isinstance(shape[0], float) and math.isnan(shape[0]):
            raise ValueError(
                f"{name} must have a known number of rows: pass {name}.compute_chunk_sizes()"
            )
        validation.require_rows(name, shape, width, outputs)
        self._name = name
        self._value = value
        self._dtype = dtype
        self.shape = int(shape[0]), width
        self.read(0, 0)  # of a type that is refused no chunk is

    def __len__(self) -> int:
        return self.shape[0]

    def read(self, first: int, end: int) -> Floats:
        """Return some rows; call it from the first to the last.

        Raises
        ------
        ValueError
            If they hold NaN or infinity: the message is that of all rows together, so it reads all
            that follow.
        """
        rows = self._rows(first, end)
        finite = np.isfinite(rows)
        if finite.all():
            return rows
        row, column = np.argwhere(~finite)[0]
        step = max(1, end - first)
        wrong = sum(
            int((~np.isfinite(self._rows(at, min(at + step, len(self))))).sum())
            for at in range(first, len(self), step)
        )
        size = math.prod(self.shape)
        raise validation.not_finite(self._name, wrong, size, (first + int(row), int(column)))

    def _rows(self, first: int, end: int) -> Floats:
        rows = validation.floats(self._name, self._value[first:end], self._dtype, finite=False)
        if rows.shape != (end - first, self.shape[1]):
            raise ValueError(
                f"{self._name} must have the rows that its shape {self.shape} says: of rows "
                f"{first} to {end - 1} it gave an array of shape {rows.shape}"
            )
        return rows
