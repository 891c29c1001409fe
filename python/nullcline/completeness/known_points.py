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
        points = ends.select(FIXED).unique()
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
        n = len(self)
        joined = concatenate([self.points, found])
        owner = merge(joined.h, joined.tol_unique)
        new = np.flatnonzero(owner == np.arange(len(joined)))[n:]
        count = np.zeros(len(joined), np.int64)
        np.add.at(count, owner, joined.count)
        kept = np.concatenate([np.arange(n), new])
        self.points = replace(joined.select(kept), count=count[kept])
        self.how = np.concatenate([self.how, np.full(len(new), way, self.how.dtype)])
        self.directions = np.concatenate([self.directions, np.zeros(len(new), np.int64)])
        return len(new)

    def index(self) -> NDArray[np.int8]:
        """Return the index of each."""
        return self.points.index

    def labelled(self, label: NDArray[Any] | None) -> FixedPoints:
        """Return the points under the label of their input, shape (1,), if it has one."""
        return _labelled(self.points, label)

    def judged(self, label: NDArray[Any] | None = None) -> Completeness:
        """Return what the sum of the indices says."""
        # Where no point is known, the ends of the first search tell the input.
        return _labelled(self.points if len(self) else self._met, label).completeness()


def _labelled(points: FixedPoints, label: NDArray[Any] | None) -> FixedPoints:
    return points if label is None else replace(points, condition=np.repeat(label, len(points)))
