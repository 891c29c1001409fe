"""A search on the processor: arrays checked and brought to its memory, threads without BLAS's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support import validation
from nullcline._native.blas import one_blas_thread
from nullcline.search.columns import Ends

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from nullcline._support.validation import Floats
    from nullcline.cells import Cell


class CpuSearch:
    """Where a search starts, checked, and how it runs.

    Parameters
    ----------
    cell, starts, inputs
        As in `find_fixed_points`.
    n_threads
        Threads.
    """

    def __init__(
        self, cell: Cell, starts: ArrayLike, inputs: ArrayLike | None, n_threads: int
    ) -> None:
        self._cell = cell
        self._n_threads = n_threads
        self._h = validation.rows("starts", starts, cell.state_size, cell.dtype)
        shape = len(self._h), cell.input_size
        self._x = validation.inputs("inputs", inputs, shape, cell.dtype)

    @property
    def n_starts(self) -> int:
        """How many starts there are."""
        return len(self._h)

    def has_one_input(self) -> bool:
        """Whether all starts have the same input."""
        return rows_are_equal(self._x)

    def kept(self) -> tuple[Floats, Floats | None]:
        """Return copies of starts and inputs, one row a start, for the result to keep."""
        return self._h.copy(), one_row_a_start(self._x, self.n_starts)

    def run(self, **options: Any) -> Ends:
        """Return where the starts end."""
        with one_blas_thread():
            found = self._cell.compiled.search(
                self._h, self._x, n_threads=self._n_threads, **options
            )
        return Ends.of(found.h, found.q, found)


def rows_are_equal(x: Floats | None) -> bool:
    """Whether inputs, if there are any, are the same in all rows."""
    return x is None or not (x != x[:1]).any()


def one_row_a_start(x: Floats | None, n: int) -> Floats | None:
    """Return a copy of inputs, if there are any, with their one row as n."""
    return None if x is None else np.broadcast_to(x.copy(), (n, x.shape[1]))
