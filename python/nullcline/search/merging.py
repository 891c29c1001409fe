"""Which ends are one point: in which order they are taken, which may meet, and which merge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from nullcline.search.kinds import ranks

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from nullcline._support.validation import Floats

_TELLING_COORDINATES = 16
"""Distinct points nearly always differ in one of so many coordinates, those that vary most. Of
2,000 ends of a flip-flop of 4 bits two already name each end's own point alone, and no other
(`benchmarks.constants`); 16 leave room for networks of many bits, and cost a tree little."""

_FEW = 1000
"""Up to so many points, comparing one with all takes no longer than asking a tree of them, whose
import takes 60 ms more (two cores, distinct points of 64 numbers: 9 ms either way)."""


class _Ends(Protocol):
    """The columns of `FixedPoints` that say which ends are one point."""

    @property
    def h(self) -> Floats: ...
    @property
    def q(self) -> NDArray[np.float64]: ...
    @property
    def kind(self) -> NDArray[np.str_]: ...
    @property
    def iterations(self) -> NDArray[np.int32]: ...
    @property
    def starts(self) -> Floats: ...
    @property
    def inputs(self) -> Floats | None: ...
    @property
    def condition(self) -> NDArray[Any] | None: ...


def from_best_to_worst(ends: _Ends) -> NDArray[np.intp]:
    """Order rows by kind, then q, then by all else, so that their given order plays no part."""
    others = (*_ranks_of_inputs(ends), _rank(ends.starts), ends.iterations, _rank(ends.h))
    return np.lexsort((*others, ends.q, ranks(ends.kind)))


def owners(ends: _Ends, tolerance: float) -> NDArray[np.intp]:
    """Return for each row the first one before it, or itself, that it is merged into.

    Rows of different inputs or conditions stay apart.
    """
    owner = np.empty(len(ends.h), np.intp)
    for group in alike(ends):
        owner[group] = group[merge(ends.h[group], tolerance)]
    return owner


def alike(ends: _Ends) -> list[NDArray[np.intp]]:
    """Return the numbers of rows of one input and condition, group by group, rising in each."""
    if len(ends.h) == 0:
        return []
    inputs, conditions = _ranks_of_inputs(ends)
    order = np.lexsort((conditions, inputs))
    changes = (np.diff(inputs[order]) != 0) | (np.diff(conditions[order]) != 0)
    return np.split(order, np.flatnonzero(changes) + 1)


def _ranks_of_inputs(ends: _Ends) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return numbers that are equal where inputs are, and where conditions are."""
    none = np.zeros(len(ends.h), np.intp)
    return (
        none if ends.inputs is None else _rank(ends.inputs + 0.0),  # -0.0 becomes 0.0
        none if ends.condition is None else np.unique(ends.condition, return_inverse=True)[1],
    )


def _rank(rows: Floats) -> NDArray[np.intp]:
    """Return each row's number in some order that depends on their bytes alone."""
    width = rows.itemsize * rows.shape[1]
    if width == 0:
        return np.zeros(len(rows), np.intp)
    as_bytes = np.ascontiguousarray(rows).view(np.dtype((np.void, width))).reshape(-1)
    return np.unique(as_bytes, return_inverse=True)[1].reshape(-1)


def merge(points: Floats, tolerance: float) -> NDArray[np.intp]:
    """Return for each point the first one before it, or itself, that it is merged into.

    A k-d tree of the coordinates that vary most names the candidates: O(n log n), where comparing
    all pairs would be quadratic, as long as those coordinates tell points apart. A point that is
    not finite is near no other.
    """
    finite = np.flatnonzero(np.isfinite(points).all(axis=1))
    if len(finite) < len(points):
        apart = np.arange(len(points))
        apart[finite] = finite[merge(points[finite], tolerance)]
        return apart
    if len(points) <= 1:
        return np.zeros(len(points), np.intp)
    owner = np.full(len(points), -1, np.intp)
    with np.errstate(over="ignore"):  # an LSTM's c may be of 1e300: what varies that much tells
        spread = points.var(axis=0, dtype=np.float64)
    telling = np.argsort(-spread)[:_TELLING_COORDINATES]
    radius = tolerance * (1 + 1e-9) + np.finfo(np.float64).tiny
    candidates = _neighbours(points[:, telling].astype(np.float64), radius)
    for i in range(len(points)):
        if owner[i] < 0:
            near = candidates(i)
            near = near[owner[near] < 0]
            near = near[np.abs(points[near] - points[i]).max(axis=1) <= tolerance]
            owner[near] = i
    return owner


def _neighbours(shadows: Floats, radius: float) -> Callable[[int], NDArray[np.intp]]:
    """Return what names the points whose shadows are within a radius of one's, in any order."""
    if len(shadows) <= _FEW:

        def compare(i: int) -> NDArray[np.intp]:
            return np.flatnonzero((np.abs(shadows - shadows[i]) <= radius).all(axis=1))

        return compare
    from scipy.spatial import KDTree

    # Splitting in the middle, not at the median: the median of a saturated unit is where most are.
    tree = KDTree(shadows, balanced_tree=False)
    return lambda i: np.array(tree.query_ball_point(shadows[i], radius, p=np.inf), np.intp)
