"""The distinct fixed points that are known so far at one input, and how they were found."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline.completeness.found import WAYS
from nullcline.linearization.joining import concatenate
from nullcline.search.kinds import FIXED
from nullcline.search.merging import merge

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nullcline.search.degree import Completeness
    from nullcline.search.fixed_points import FixedPoints


_HOW = f"U{max(map(len, WAYS))}"


class KnownPoints:
    """A growing set of distinct fixed points.

    Attributes
    ----------
    points
        The points, the order in which they were found; `count` says how often each was met.
    how
        How each was first found, shape (n,).
    directions
        In how many directions a fiber was followed through each, shape (n,).
    """

    def __init__(
        self, points: FixedPoints, how: NDArray[np.str_], directions: NDArray[np.int64]
    ) -> None:
        self.points, self.how, self.directions = points, how, directions.copy()
        self._met = points

    @classmethod
    def begun(cls, ends: FixedPoints, way: str) -> KnownPoints:
        """Return the fixed points among the ends of a first search, at least one."""
        points = _merged(ends.select(FIXED).unique())
        known = cls(points, np.full(len(points), way, _HOW), np.zeros(len(points), np.int64))
        known._met = ends
        return known

    def __len__(self) -> int:
        return len(self.points)

    def add(self, found: FixedPoints, way: str) -> int:
        """Take in the fixed points of some ends, and return how many are new."""
        found = found.select(FIXED)
        if len(found) == 0:
            return 0
        had = len(self)
        self.points = _merged(concatenate([self.points, found]))
        n = len(self.points) - had
        self.how = np.concatenate([self.how, np.full(n, way, self.how.dtype)])
        self.directions = np.concatenate([self.directions, np.zeros(n, np.int64)])
        return n

    def among(self, met: FixedPoints) -> NDArray[np.bool_]:
        """Tell which of these are among others, shape (n,)."""
        if len(met) == 0:
            return np.zeros(len(self), np.bool_)
        owner = _owners(concatenate([self.points, met]))
        found = np.zeros(len(owner), np.bool_)
        found[owner[len(self) :]] = True
        return found[: len(self)]

    def labelled(self, label: NDArray[Any] | None) -> FixedPoints:
        """Return the points under the label of their input, shape (1,), if it has one."""
        return _labelled(self.points, label)

    def judged(self, label: NDArray[Any] | None = None) -> Completeness:
        """Return what the sum of the indices says."""
        # Where no point is known, the ends of the first search tell the input.
        return _labelled(self.points if len(self) else self._met, label).completeness()


def _owners(points: FixedPoints) -> NDArray[np.intp]:
    """Return for each point the first one before it, or itself, that it is one with.

    An LSTM's c follows from its outputs, but where a forget gate is nearly 1 it is so large that
    rounding of the outputs moves it further than `tol_unique`.
    """
    owner = merge(points.h, points.tol_unique)
    first = np.flatnonzero(owner == np.arange(len(owner)))
    cell: Any = points.cell
    by_outputs = merge(cell.outputs_of(points.h[first]), float(np.finfo(points.h.dtype).eps) ** 0.5)
    return first[by_outputs[np.searchsorted(first, owner)]]


def _merged(points: FixedPoints) -> FixedPoints:
    """Return the distinct ones of points in their order; `count` adds up."""
    owner = _owners(points)
    kept = np.flatnonzero(owner == np.arange(len(owner)))
    count = np.zeros(len(owner), np.int64)
    np.add.at(count, owner, points.count)
    return replace(points.select(kept), count=count[kept])


def _labelled(points: FixedPoints, label: NDArray[Any] | None) -> FixedPoints:
    return points if label is None else replace(points, condition=np.repeat(label, len(points)))
