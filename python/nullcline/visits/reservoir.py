"""A uniform sample of a stream whose length nobody knows, in the memory of the sample alone.

Algorithm R (Vitter, *Random sampling with a reservoir*, ACM Trans. Math. Softw. 11 (1985) 37, who
gives it to Waterman): the first k rows fill the reservoir. Row i, counted from 0, then draws a
number below i + 1; if that is below k, the row takes this slot. Every row ends in the sample with
probability k / N, and every k of them with the same one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Index = NDArray[np.int64]


class Reservoir:
    """Which rows of a stream are kept, and where.

    The choice depends on the seed and on how many rows have come, not on what they hold or in what
    parts they come: streams that go along with each other keep the same rows.

    Parameters
    ----------
    size
        How many rows to keep; None for all.
    seed
        Seed of the draw.
    """

    def __init__(self, size: int | None, seed: int) -> None:
        self._size = size
        self._random = np.random.default_rng(seed)
        self.n_seen = 0

    def offer(self, n: int) -> tuple[Index, Index]:
        """Return slots, and which of the next n rows each of them is to hold from now on."""
        rows = np.arange(n)
        number = self.n_seen + rows
        self.n_seen += n
        if self._size is None:
            return number, rows
        late = number >= self._size
        slots = number.copy()
        slots[late] = self._random.integers(0, number[late] + 1)
        taken = slots < self._size
        slots, rows = slots[taken], rows[taken]
        # Of several rows that draw one slot, the last stays.
        slots, last = np.unique(slots[::-1], return_index=True)
        return slots, rows[len(rows) - 1 - last]

    def order(self) -> Index:
        """Return the slots in which the kept rows are, in the order in which to show them.

        A sample's order is random too, so that any first part of it is a sample. All rows are in
        the order in which they came.
        """
        if self._size is None:
            return np.arange(self.n_seen)
        return self._random.permutation(min(self._size, self.n_seen))


class Column:
    """What is kept of every row, under its slot: an array that grows."""

    def __init__(self) -> None:
        self._array: NDArray[Any] | None = None

    def put(self, slots: Index, values: NDArray[Any]) -> None:
        """Put rows into their slots."""
        if self._array is None:
            self._array = np.empty((0, *values.shape[1:]), values.dtype)
        needed = int(slots.max(initial=-1)) + 1
        dtype = np.result_type(self._array, values)  # texts may be longer than all before
        if needed > len(self._array) or dtype != self._array.dtype:
            length = max(needed, min(2 * len(self._array), len(self._array) + (1 << 20)))
            grown = np.empty((length, *self._array.shape[1:]), dtype)
            grown[: len(self._array)] = self._array
            self._array = grown
        self._array[slots] = values

    def rows(self, order: Index) -> NDArray[Any]:
        """Return what was put into slots, in an order."""
        if self._array is None:
            raise LookupError("nothing was put here")
        taken: NDArray[Any] = self._array[order]
        return taken
