"""Fixed points followed as training goes on: which are born, which vanish, which lose stability.

Weights go from checkpoint to checkpoint on straight lines. Along each, a fixed point is followed by
pseudo-arclength continuation in (h, part of the line), to the next checkpoint or, round a fold,
back to the one that it came from: then two points are born together, or vanish. A point that no
curve has come to is followed too, forwards and backwards, so that all curves are whole.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nullcline.continuation.branch_points import open_directions
from nullcline.continuation.checkpoints import Interpolation
from nullcline.continuation.curve_problem import Place, Problem, scale_of, solve
from nullcline.continuation.pieces import Piece
from nullcline.continuation.pseudo_arclength import follow
from nullcline.continuation.turning_points import folds_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nullcline.cells.protocol import Cell
    from nullcline.continuation.curve_problem import Matrix, Vector
    from nullcline.continuation.pseudo_arclength import Branch

BEYOND = 0.02
"""Curves are followed so far beyond both checkpoints, in parts: they end where they pass them."""

SAME = 1e-7
"""Fixed points of one checkpoint that are no further apart, in any unit, are one."""

POLISHED = 4
"""Newton's iterations with the weights of the checkpoint that a curve ends at."""

LOST = "the curve came to no checkpoint: {reason}"
MET = "two curves came to one point from one side: one of them has jumped"


class Node(NamedTuple):
    """A fixed point of a checkpoint, by both their numbers."""

    checkpoint: int
    number: int


class Arc(NamedTuple):
    """A curve in (h, time in checkpoints) between two fixed points of checkpoints.

    `after` is None for one that was lost. `folds` and `branchings` are on it.
    """

    before: Node
    after: Node | None
    segment: int
    points: Matrix
    arclength: Vector
    folds: tuple[Place, ...]
    branchings: tuple[Place, ...]


class Segment:
    """The straight line between two checkpoints, and the curves of fixed points along it."""

    def __init__(self, before: Cell, after: Cell, x: Vector | None) -> None:
        self._cells, self._x = Interpolation(before, after), x
        self.problem = Problem(self._residual, self._jacobian, self._rooms)

    def step_jacobian(self, y: Vector) -> Matrix:
        """Return J_rec, (S, S), at outputs and part of the line, (H + 1,)."""
        cell = self._cells.at(float(y[-1]))
        jacobian: Matrix = cell.jacobian(cell.state_of(y[None, :-1], self._x), self._x)[0]
        return jacobian

    def state(self, y: Vector) -> Vector:
        """Return the state, (S,), at outputs and part of the line."""
        state: Vector = self._cells.at(float(y[-1])).state_of(y[None, :-1], self._x)[0]
        return state

    def _residual(self, y: Vector) -> Vector:
        residual: Vector = self._cells.at(float(y[-1])).residual(y[None, :-1], self._x)[0]
        return residual

    def _jacobian(self, y: Vector) -> Matrix:
        part = float(y[-1])
        own = self._cells.at(part).residual_jacobian(y[None, :-1], self._x)[0]
        return np.column_stack([own, self._cells.residual_change(y[:-1], self._x, part)])

    def _rooms(self, y: Vector) -> Vector:
        part = float(y[-1])
        box = self._cells.at(part).box_at(self._x).room(y[:-1])
        return np.append(box, [part + BEYOND, 1 + BEYOND - part])

    def walk(
        self, outputs: Vector, from_part: float, largest_step: float, max_points: int
    ) -> Branch:
        """Follow the curve from a fixed point of a checkpoint, at part 0 or 1, into the line."""
        start = np.append(outputs, from_part)
        leaving = open_directions(self.problem, start)
        tangent = leaving.tangents[np.argmax(np.abs(leaving.tangents[:, -1]))]
        inward = 1.0 if from_part == 0 else -1.0
        return follow(
            self.problem,
            start,
            tangent if inward * tangent[-1] >= 0 else -tangent,
            largest_step=largest_step,
            max_points=max_points,
            kind=leaving.kind,
            bordered=leaving.bordered,
        )

    def polished(self, y: Vector) -> Vector | None:
        """Return the fixed point at the very weights of a point of the curve; None on failure."""
        h = y.copy()
        for _ in range(POLISHED):
            change = solve(self._jacobian(h)[:, :-1], self._residual(h))
            if change is None:
                return None
            h[:-1] -= change
            if float(np.abs(change).max()) <= SAME * scale_of(h):
                return h
        return None


class Web:
    """All curves through known fixed points of checkpoints.

    Attributes
    ----------
    outputs
        Those of the fixed points of each checkpoint, known and found.
    arcs
        The curves between them.
    faults
        What went wrong, in sentences.
    """

    def __init__(
        self, cells: Sequence[Cell], outputs: list[list[Vector]], x: Vector | None
    ) -> None:
        self.outputs, self.arcs, self.faults = outputs, list[Arc](), list[str]()
        self.segments = [Segment(*pair, x) for pair in pairwise(cells)]
        self._left: set[tuple[Node, int]] = set()

    def follow_all(self, largest_step: float, max_points: int) -> None:
        """Follow every curve, from every point to either side, until none is left."""
        waiting = [Node(k, i) for k, known in enumerate(self.outputs) for i in range(len(known))]
        while waiting:
            node = waiting.pop(0)
            for segment in (node.checkpoint - 1, node.checkpoint):
                if not 0 <= segment < len(self.segments) or (node, segment) in self._left:
                    continue
                found = self._arc(node, segment, largest_step, max_points)
                if found is not None:
                    waiting.append(found)

    def _arc(self, node: Node, k: int, largest_step: float, max_points: int) -> Node | None:
        """Follow one curve; return the fixed point at its end, if it was not known."""
        segment, start = self.segments[k], float(node.checkpoint - k)
        outputs = self.outputs[node.checkpoint][node.number]
        branch = segment.walk(outputs, start, largest_step, max_points)
        self._left.add((node, k))
        end = _passes_an_end(branch.points[:, -1])
        last = None if end is None else _at_part(segment, branch.points[end - 1 : end + 1])
        if end is None or last is None:
            self.faults.append(LOST.format(reason=branch.stop.value))
            self.arcs.append(_cut(segment, branch, len(branch.points), None, node, None, k))
            return None
        after, is_new = self._node(k + round(float(last[-1])), last[:-1])
        if (after, k) in self._left:
            self.faults.append(MET)
        self._left.add((after, k))
        self.arcs.append(_cut(segment, branch, end, last, node, after, k))
        return after if is_new else None

    def _node(self, checkpoint: int, outputs: Vector) -> tuple[Node, bool]:
        """Return the number of a fixed point of a checkpoint, and whether it is a new one."""
        known = self.outputs[checkpoint]
        if known:
            distances = np.abs(np.array(known) - outputs).max(axis=1)
            nearest = int(distances.argmin())
            if distances[nearest] <= SAME * scale_of(outputs):
                return Node(checkpoint, nearest), False
        known.append(outputs)
        return Node(checkpoint, len(known) - 1), True


def _passes_an_end(part: Vector) -> int | None:
    """Return the number of the first point at which a curve has left its segment; None if none."""
    outside = np.flatnonzero((part[1:] < 0) | (part[1:] > 1))
    return int(outside[0]) + 1 if len(outside) else None


def _at_part(segment: Segment, ends: Matrix) -> Vector | None:
    """Return the point between two at which the weights are a checkpoint's."""
    from scipy.optimize import brentq  # it takes longer to load than all of `import nullcline`

    target = float(ends[1, -1] > 1)
    piece = Piece(segment.problem, ends)

    def past(share: float) -> float:
        point = ends[int(share)] if share in (0.0, 1.0) else piece.at(share)
        return float("nan") if point is None else float(point[-1]) - target

    try:
        point = piece.at(float(brentq(past, 0.0, 1.0, xtol=1e-12)))
    except ValueError:  # the curve is not found between the two, or they are on one side
        return None
    if point is None:
        return None
    return segment.polished(np.append(point[:-1], target))


def _cut(
    segment: Segment,
    branch: Branch,
    end: int,
    last: Vector | None,
    before: Node,
    after: Node | None,
    k: int,
) -> Arc:
    """Return a curve up to point `end`, which `last` takes the place of, with what is on it."""
    points, arclength = branch.points[:end], branch.arclength[:end]
    if last is not None:
        length = arclength[-1] + float(np.linalg.norm(last - points[-1]))
        points, arclength = np.vstack([points, last]), np.append(arclength, length)
    crossings = zip(branch.crossings, branch.crossing_arclength.tolist(), strict=True)
    return Arc(
        before=before,
        after=after,
        segment=k,
        points=points,
        arclength=arclength,
        folds=_up_to(arclength[-1], folds_of(segment.problem, branch)),
        branchings=_up_to(arclength[-1], [Place(*at) for at in crossings]),
    )


def _up_to(length: float, places: list[Place]) -> tuple[Place, ...]:
    return tuple(place for place in places if place.arclength <= length)
