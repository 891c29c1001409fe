"""The ways to fixed points of one cell at one input, each from what is known so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline.cells.double_precision import in_float64
from nullcline.cells.protocol import HasPrecision, Layered
from nullcline.continuation.fibers import trace
from nullcline.search.find import find_fixed_points
from nullcline.search.kinds import FIXED

if TYPE_CHECKING:
    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell
    from nullcline.search.fixed_points import FixedPoints

FAR = 3.0
"""Starts are drawn up to here in units that have no bounds."""


class Ways:
    """How to get at fixed points of a cell at an input, None or (1, D).

    Parameters
    ----------
    cell
        The cell.
    x
        The input.
    tol_unique, n_threads
        As in `find_fixed_points`.
    """

    def __init__(
        self, cell: Cell, x: Floats | None, tol_unique: float, n_threads: int | None
    ) -> None:
        self._cell, self._x = cell, x
        self._tol_unique, self._n_threads = tol_unique, n_threads
        self._twin = in_float64(cell)
        parts = self._twin.cells if isinstance(self._twin, Layered) else (self._twin,)
        precisions = {
            part.precision if isinstance(part, HasPrecision) else part.dtype for part in parts
        }
        self.has_fibers = cell.is_smooth and precisions == {np.dtype(np.float64)}
        self.has_deflation = not isinstance(cell, Layered)
        self.has_homotopies = False
        self.n_directions = cell.hidden_size

    def drawn(self, n: int, rng: np.random.Generator) -> Floats:
        """Return states with outputs anywhere in the cell's box."""
        box = self._cell.box_at(None if self._x is None else self._x[0])
        low, high = np.maximum(box.low, -FAR), np.minimum(box.high, FAR)
        outputs = rng.uniform(low, np.maximum(high, low), (n, len(low)))
        return self._cell.state_of(outputs.astype(self._cell.dtype), self._x)

    def from_starts(self, states: Floats) -> FixedPoints:
        """Return the ends of a search."""
        return find_fixed_points(self._cell, states, self._x, **self._options())

    def by_deflation(self, states: Floats, known: FixedPoints) -> FixedPoints:
        """Return the ends of a search with the known points divided out."""
        return find_fixed_points(self._cell, states, self._x, deflate=known, **self._options())

    def by_homotopy(self, states: Floats) -> FixedPoints:
        """Return the ends of homotopies."""
        return find_fixed_points(self._cell, states, self._x, method="homotopy", **self._options())

    def on_fibers(self, states: Floats, direction: int) -> FixedPoints:
        """Return the points on fibers through known ones, in one direction of each.

        Directions are numbered from 0 by rising singular value.
        """
        twin = self._twin
        x = None if self._x is None else self._x.astype(twin.dtype)[0]
        met = trace(
            twin,
            states.astype(twin.dtype),
            x,
            n_directions=direction + 1,
            tol_unique=self._tol_unique,
            n_threads=self._n_threads,
        ).points
        if twin is self._cell:
            return met
        return self.from_starts(met.select(FIXED).h.astype(self._cell.dtype))

    def _options(self) -> dict[str, Any]:
        return {"tol_unique": self._tol_unique, "n_threads": self._n_threads}
