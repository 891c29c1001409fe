"""The search for all joint fixed points of a stack, layer by layer.

What a layer does at rest depends on those below it alone: the joint Jacobian is block triangular.
So every joint fixed point is one of the first layer at the input, with one of the second at what
the first puts out there, and so on; its index is the product of theirs. Each layer is searched at
each fixed point of those below it, by every way that a cell has, and at each its indices sum to 1.
The joint set is settled where all of these searches are.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from nullcline.cells.stack import directions, next_output
from nullcline.completeness.found import WAYS, AllFixedPoints
from nullcline.search.columns import SearchColumns
from nullcline.search.find import find_fixed_points
from nullcline.search.fixed_points import FixedPoints
from nullcline.search.kinds import UNCONVERGED
from nullcline.search.layers import joint_ends

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell
    from nullcline.completeness.known_points import KnownPoints

MOST_SEARCHES = 64
"""Searches of each layer that a round begins, and as many that it goes on with: where layers have
many points, those above are searched at some of them after the others. 64 of a GRU of 256 units
take half a minute."""


class CellSearch(Protocol):
    """The search for all fixed points of one cell at one input."""

    known: KnownPoints
    rounds: int
    settled: bool
    is_over: bool

    def spend_a_round(self) -> None:
        """Look for more points."""


Begin: TypeAlias = (
    "Callable[[Cell, Floats | None, Floats | None, AllFixedPoints | None], CellSearch]"
)
"""How the search of a cell begins: at an input, from starts (None to draw them), with what is known
already."""

Part: TypeAlias = "tuple[KnownPoints, int]"
"""One cell's part of a joint point: what is known of the cell, and a row of it."""


@dataclass(frozen=True)
class _Branch:
    """A layer's search at one fixed point of the layers below.

    `first` is the number of its first cell, `rows` are those of the points that were known before
    in which the layers below are at that point; `above` has the searches of the next layer.
    """

    cells: tuple[Cell, ...]
    first: int
    x: Floats | None
    rows: NDArray[np.intp]
    searches: list[CellSearch]
    above: dict[tuple[int, ...], _Branch] = field(default_factory=dict)

    def points(self) -> Iterator[tuple[int, ...]]:
        """Yield the layer's points, as the number of each of its cells' points."""
        return product(*(range(len(search.known)) for search in self.searches))

    def states(self, point: tuple[int, ...]) -> list[Floats]:
        """Return the states (1, S_l) of its cells at a point."""
        pairs = zip(self.searches, point, strict=True)
        return [search.known.points.h[i : i + 1] for search, i in pairs]

    def put_out(self, point: tuple[int, ...]) -> Floats:
        """Return what the layer above reads at a point, (1, D_l)."""
        pairs = zip(self.cells, self.states(point), strict=True)
        return np.concatenate([next_output(cell, h, self.x) for cell, h in pairs], axis=1)

    def joint(self, n_above: int) -> Iterator[list[Part]]:
        """Yield the joint points of this layer and of `n_above` ones above it."""
        for point in self.points():
            own = [(search.known, i) for search, i in zip(self.searches, point, strict=True)]
            if n_above == 0:
                yield own
            elif point in self.above:
                yield from (own + rest for rest in self.above[point].joint(n_above - 1))


class LayerByLayer:
    """What is done on a stack at one input, and what is known there.

    Parameters
    ----------
    stack
        A `Stack`.
    x
        Its input, None or (1, D).
    starts
        Joint states, or None to draw each layer's.
    tol_unique
        As in `find_fixed_points`.
    label
        The label of the input, shape (1,), if it has one.
    before
        What is known already.
    begin
        How the search of one cell begins.
    """

    def __init__(
        self,
        stack: Any,
        x: Floats | None,
        starts: Floats | None,
        tol_unique: float,
        label: NDArray[Any] | None,
        before: AllFixedPoints | None,
        begin: Begin,
    ) -> None:
        self._stack, self._x, self._label = stack, x, label
        self._tol_unique, self._before, self._begin = tol_unique, before, begin
        self.rounds = 0 if before is None else int(before.rounds[0])
        self.settled = self.is_over = before is not None and bool(before.settled[0])
        self._starts = [None] * len(stack.cells) if starts is None else stack.split(starts)
        self._held = None if before is None else stack.split(before.points.h)
        rows = np.arange(0 if before is None else len(before))
        self._levels: list[list[_Branch]] = [[] for _ in stack.layers]
        self._levels[0].append(self._branch(0, 0, x, rows))
        for level in range(1, len(stack.layers)):
            self._grow(level)

    def spend_a_round(self) -> None:
        """Spend a round on the searches of every layer, those with the fewest rounds first."""
        self.rounds += 1
        for level, branches in enumerate(self._levels):
            if level > 0:
                self._grow(level)
            waiting = [search for of in branches for search in of.searches if not search.is_over]
            for search in sorted(waiting, key=lambda one: one.rounds)[:MOST_SEARCHES]:
                search.spend_a_round()
        searches = [search for level in self._levels for of in level for search in of.searches]
        if all(search.is_over for search in searches) and self._is_grown():
            self.is_over = True
            self.settled = all(search.settled for search in searches)

    def result(self) -> AllFixedPoints:
        """Return the joint points that are known."""
        joint = list(self._levels[0][0].joint(len(self._levels) - 1))
        points = self._points(joint)
        # A joint point was as hard to find as the hardest of its layers, and followed in as many
        # directions as the one that was followed least.
        hardest = [max(WAYS.index(str(known.how[i])) for known, i in parts) for parts in joint]
        fewest = [min(int(known.directions[i]) for known, i in parts) for parts in joint]
        return AllFixedPoints(
            points=points,
            how=np.array(WAYS)[np.array(hardest, np.intp)],
            directions=np.array(fewest, np.int64),
            # Where none is known, a state that is none tells the input.
            completeness=(points if joint else self._no_point()).completeness(),
            rounds=np.array([self.rounds], np.int64),
            settled=np.array([self.settled]),
        )

    def _grow(self, level: int) -> None:
        """Begin the searches of a layer at points of the one below that have none."""
        left = MOST_SEARCHES
        for below in self._levels[level - 1]:
            for point in below.points():
                if left == 0:
                    return
                if point not in below.above:
                    left -= 1
                    rows = below.rows
                    for i, state in enumerate(below.states(point), start=below.first):
                        rows = rows[self._is_held(i, rows, state)]
                    first = below.first + len(below.cells)
                    branch = self._branch(level, first, below.put_out(point), rows)
                    below.above[point] = branch
                    self._levels[level].append(branch)

    def _is_grown(self) -> bool:
        """Whether the layer above is searched at every point."""
        return all(
            point in below.above
            for level in self._levels[:-1]
            for below in level
            for point in below.points()
        )

    def _branch(self, level: int, first: int, x: Floats | None, rows: NDArray[np.intp]) -> _Branch:
        cells = directions(self._stack.layers[level])
        searches = [
            self._begin(cell, x, self._starts[i], self._known_before(i, x, rows))
            for i, cell in enumerate(cells, start=first)
        ]
        return _Branch(cells, first, x, rows, searches)

    def _is_held(self, i: int, rows: NDArray[np.intp], state: Floats) -> NDArray[np.bool_]:
        """Whether cell i has this state, (1, S_l), in points that were known before."""
        if self._held is None:
            return np.zeros(len(rows), np.bool_)
        equal: NDArray[np.bool_] = (self._held[i][rows] == state).all(axis=1)
        return equal

    def _known_before(
        self, i: int, x: Floats | None, rows: NDArray[np.intp]
    ) -> AllFixedPoints | None:
        """Return what is known of cell i already, by some of the joint points."""
        before, held = self._before, self._held
        if before is None or held is None or len(rows) == 0:
            return None
        _, firsts, owner = np.unique(held[i][rows], axis=0, return_index=True, return_inverse=True)
        order = np.argsort(firsts)
        joint = [rows[owner.reshape(-1) == number] for number in order]
        # The easiest of the joint ways is the hardest that the cell's own can have been.
        easiest = [min(WAYS.index(str(way)) for way in before.how[some]) for some in joint]
        states = held[i][rows[firsts[order]]]
        points = find_fixed_points(
            self._stack.cells[i], states, x, max_iterations=0, tol_unique=self._tol_unique
        )
        counts = [before.points.count[some].max() for some in joint]
        starts = self._stack.split(before.points.starts)[i][rows[firsts[order]]]
        return AllFixedPoints(
            points=replace(points, starts=starts, count=np.array(counts, np.int64)),
            how=np.array(WAYS)[np.array(easiest, np.intp)],
            directions=np.array([before.directions[some].max() for some in joint], np.int64),
            completeness=points.completeness(),
            rounds=before.rounds,
            settled=before.settled,
        )

    def _points(self, joint: list[list[Part]]) -> FixedPoints:
        """Return joint points, made of the layers' own."""
        if not joint:
            return self._no_point().select([])

        def column(cell: int, name: str) -> NDArray[Any]:
            parts = (parts[cell] for parts in joint)
            return np.concatenate([getattr(known.points, name)[i : i + 1] for known, i in parts])

        cells = range(len(self._stack.cells))
        columns = [
            SearchColumns(*(column(cell, name) for name in SearchColumns._fields)) for cell in cells
        ]
        return FixedPoints(
            **joint_ends(columns, self._stack.names)._asdict(),
            starts=np.concatenate([column(cell, "starts") for cell in cells], axis=1),
            inputs=None if self._x is None else np.repeat(self._x, len(joint), axis=0),
            tol_unique=self._tol_unique,
            count=np.min([column(cell, "count") for cell in cells], axis=0),
            condition=None if self._label is None else np.repeat(self._label, len(joint)),
            cell=self._stack,
        )

    def _no_point(self) -> FixedPoints:
        """Return a row that is no fixed point."""
        state = np.zeros((1, self._stack.state_size), self._stack.dtype)
        found = find_fixed_points(
            self._stack, state, self._x, max_iterations=0, tol_unique=self._tol_unique
        )
        return replace(found, kind=np.array([UNCONVERGED], found.kind.dtype), condition=self._label)
