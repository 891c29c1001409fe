"""The ways to fixed points of one cell at one input, each from what is known so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline.cells.protocol import HasCoreWeights, HasPrecision
from nullcline.continuation.fibers import trace
from nullcline.continuation.starting_points import NothingToTraceError
from nullcline.search.find import find_fixed_points

if TYPE_CHECKING:
    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell
    from nullcline.certify.balls import Vector
    from nullcline.continuation.curves import Trace
    from nullcline.distribution.executors import GivenExecutor
    from nullcline.search.fixed_points import FixedPoints

FAR = 3.0
"""Starts are drawn up to here in units that have no bounds."""

LONGEST = 4000
"""States of a curve to either side: those of tanh networks of 30 units at gain 4 had up to 3,000
in all."""


class Ways:
    """How to get at fixed points of a cell at an input, None or (1, D).

    Parameters
    ----------
    cell
        The cell.
    x
        The input.
    tol_unique, n_threads, executor
        As in `find_fixed_points`.
    """

    def __init__(
        self,
        cell: Cell,
        x: Floats | None,
        tol_unique: float,
        n_threads: int | None,
        executor: GivenExecutor | None,
    ) -> None:
        self._cell, self._x = cell, x
        self._tol_unique, self._n_threads = tol_unique, n_threads
        self._executor = executor
        self.hidden_size = cell.hidden_size
        box = cell.box_at(None if x is None else x[0])
        self.is_bounded = bool(np.isfinite(box.low).all() and np.isfinite(box.high).all())
        self.has_fibers = _can_be_followed(cell)

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

    def on_fibers(self, known: FixedPoints, direction: Vector) -> Trace | None:
        """Return the fibers of one direction through known points, and the points on them.

        They are followed beyond the box, where it has faces; in float64, where points of float32
        may be none: None if no point is left.
        """
        try:
            return trace(
                self._cell,
                known,
                beyond=self.is_bounded,
                directions=direction,
                max_points=LONGEST,
                **self._options(),
            )
        except NothingToTraceError:
            return None

    def _options(self) -> dict[str, Any]:
        return {
            "tol_unique": self._tol_unique,
            "n_threads": self._n_threads,
            "executor": self._executor,
        }


def _can_be_followed(cell: Cell) -> bool:
    """Whether curves of a cell can be followed: it is smooth, and exact enough."""
    return cell.is_smooth and (
        isinstance(cell, HasCoreWeights)
        or not isinstance(cell, HasPrecision)
        or cell.precision == np.float64
    )
