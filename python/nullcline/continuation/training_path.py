"""What became of fixed points in training: a table of points by checkpoints, and the events."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from nullcline._native.blas import one_blas_thread
from nullcline._support import validation
from nullcline._support.shown import Shown, Table, first_rows
from nullcline.continuation.bifurcation_points import (
    Bifurcation,
    BifurcationPoint,
    FollowedCurve,
    bifurcations_on,
)
from nullcline.continuation.checkpoints import require_alike
from nullcline.continuation.starting_points import require_smooth_float64
from nullcline.continuation.training_curves import Node, Segment, Web
from nullcline.search.find import find_fixed_points
from nullcline.search.fixed_points import FixedPoints

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nullcline.cells.protocol import Cell
    from nullcline.continuation.curve_problem import Matrix, Vector
    from nullcline.continuation.training_curves import Arc

BORN, VANISHED = "born", "vanished"

ZERO = 1e-9
"""The residual at given points, against their outputs or 1: a search in float64 leaves 1e-13."""


@dataclass(frozen=True, eq=False, repr=False)
class TrainingEvent(Shown):
    """Two fixed points that are born together in a fold or a pitchfork, or vanish together.

    Attributes
    ----------
    what
        "born" or "vanished".
    time
        When, in checkpoints: 2.25 is a quarter of the way from the third to the fourth.
    points
        The numbers of the two, rows of `TrainingPath.h`.
    h
        The state there, shape (S,).
    ghost_h
        Where a search leads that begins there at the checkpoint before a birth, or after an end,
        shape (S,): the ghost that they come from or leave, if `has_ghost`.
    ghost_kind
        "slow", "minimum", "fixed" or "unconverged".
    ghost_q
        Its speed q.
    """

    what: str
    time: float
    points: tuple[int, int]
    h: Vector
    ghost_h: Vector
    ghost_kind: str
    ghost_q: float

    def __repr__(self) -> str:
        one, other = self.points
        ghost = f"a ghost of q = {self.ghost_q:.2g}" if self.has_ghost else "no ghost"
        whence = "from" if self.what == BORN else "leaving"
        return (
            f"TrainingEvent(points {one} and {other} {self.what} at {self.time:.4g}, {whence} "
            f"{ghost})"
        )

    @property
    def has_ghost(self) -> bool:
        """Whether there is a ghost at the checkpoint: a minimum of the speed, slow or not."""
        return self.ghost_kind in ("slow", "minimum")


@dataclass(frozen=True, eq=False)
class TrainingCurve:
    """A curve of fixed points between two checkpoints, or round a fold back to one.

    Attributes
    ----------
    time
        In checkpoints, shape (m,).
    h
        The fixed points, shape (m, S).
    arclength
        Along the curve, shape (m,).
    spectral_radius
        The largest |λ| of J_rec at each, shape (m,).
    points
        The number of the point at either end, -1 where the curve was lost.
    bifurcations
        The codimension-one points on it; their `s` is the time.
    """

    time: Vector
    h: Matrix
    arclength: Vector
    spectral_radius: Vector
    points: tuple[int, int]
    bifurcations: tuple[BifurcationPoint, ...]


@dataclass(frozen=True, eq=False, repr=False)
class TrainingPath(Shown):
    """Fixed points followed through K checkpoints, one row a point that keeps its identity.

    Attributes
    ----------
    cells
        The checkpoints.
    inputs
        The input, shape (D,).
    h
        Where each point is at each checkpoint, shape (p, K, S), NaN where it is not.
    exists
        Whether it is there, shape (p, K).
    n_unstable
        How many eigenvalues of J_rec are outside of the unit circle, shape (p, K); -1 where the
        point is not there.
    was_given
        Whether it was given at that checkpoint, shape (p, K), or found by following.
    events
        Births and ends in their order in time.
    faults
        Sentences that say which curves could not be followed to a checkpoint; none if all could.
    arcs
        The curves, each between two checkpoints.
    rows
        The number of the point at either end of each curve, -1 where the curve was lost, (arcs, 2).
    """

    cells: tuple[Cell, ...]
    inputs: Vector
    h: NDArray[np.float64]
    exists: NDArray[np.bool_]
    n_unstable: NDArray[np.int64]
    was_given: NDArray[np.bool_]
    events: tuple[TrainingEvent, ...]
    faults: tuple[str, ...]
    arcs: tuple[Arc, ...]
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.h)

    def __repr__(self) -> str:
        counts = [sum(event.what == what for event in self.events) for what in (BORN, VANISHED)]
        lost = f", {len(self.faults)} curves lost" if self.faults else ""
        return (
            f"TrainingPath({len(self)} points over {len(self.cells)} checkpoints: {counts[0]} "
            f"births, {counts[1]} ends{lost}; S = {self.h.shape[2]})"
        )

    @property
    def is_stable(self) -> NDArray[np.bool_]:
        """Whether a point is there and no eigenvalue is outside of the circle, shape (p, K)."""
        stable: NDArray[np.bool_] = self.n_unstable == 0
        return stable

    @property
    def born(self) -> NDArray[np.int64]:
        """The first checkpoint at which each point is, shape (p,)."""
        first: NDArray[np.int64] = self.exists.argmax(axis=1)
        return first

    @property
    def last(self) -> NDArray[np.int64]:
        """The last checkpoint at which each point is, shape (p,)."""
        last: NDArray[np.int64] = len(self.cells) - 1 - self.exists[:, ::-1].argmax(axis=1)
        return last

    @cached_property
    def curves(self) -> tuple[TrainingCurve, ...]:
        """The curves of `arcs` with stability and bifurcations, computed when first asked for."""
        segments = [
            Segment(self.cells[k], self.cells[k + 1], self.inputs)
            for k in range(len(self.cells) - 1)
        ]
        with one_blas_thread():
            return tuple(
                _curve(segments[arc.segment], arc, self.inputs, (int(ends[0]), int(ends[1])))
                for arc, ends in zip(self.arcs, self.rows, strict=True)
            )

    def changes_of_stability(self) -> list[tuple[int, BifurcationPoint]]:
        """Return the number of a point and a bifurcation on its way, other than a fold, by time."""
        found = [
            (max(curve.points), point)
            for curve in self.curves
            for point in curve.bifurcations
            if point.kind is not Bifurcation.FOLD
        ]
        return sorted(found, key=lambda one: one[1].s)

    def _table(self) -> Table:
        rows = (
            (i, int(self.born[i]), int(self.last[i]), _runs(self.is_stable[i]))
            for i in first_rows(len(self))
        )
        return Table(("point", "first checkpoint", "last", "stable at"), rows, len(self))


def _runs(flags: NDArray[np.bool_]) -> str:
    """Return in words at which checkpoints something holds."""
    at = np.flatnonzero(flags)
    if len(at) == 0:
        return "none"
    runs = np.split(at, np.flatnonzero(np.diff(at) > 1) + 1)
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)


@one_blas_thread()
def follow_training(
    cells: Sequence[Cell],
    points: FixedPoints | Sequence[FixedPoints],
    *,
    largest_step: float = 0.5,
    max_points: int = 1000,
) -> TrainingPath:
    """Follow fixed points through the checkpoints of a training.

    Between two checkpoints all weights move on a straight line, and each fixed point is followed by
    pseudo-arclength continuation (as in `follow_input`), round folds: a curve that comes back to
    the checkpoint that it left is two points that vanish together, or, from the later side, are
    born together. Every curve through a given point is followed to its end, so that points are also
    found which were not given. What is on no such curve is not found: `completeness()` of the
    points of each checkpoint tells whether any must be missing.

    Parameters
    ----------
    cells
        At least two checkpoints: cells of one class and size, smooth ones of float64, such as GRUs
        or a `Stack` of them.
    points
        The fixed points of each checkpoint, as many as there are cells, or of the first one alone;
        rows of other kinds are left out. All at one input.
    largest_step
        The longest step, in arclength, one checkpoint to the next being 1.
    max_points
        The most points of one curve between two checkpoints.

    Returns
    -------
    TrainingPath

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or value, cells are no checkpoints of one network,
        or there is no fixed point to follow.
    """
    made = _checked_cells(cells)
    limit = validation.whole_number("max_points", max_points, 2)
    if validation.tolerance("largest_step", largest_step) <= 0:
        raise ValueError("largest_step must be positive")
    outputs, x = _given(made, points)
    n_given = [len(known) for known in outputs]
    web = Web(made, outputs, x)
    web.follow_all(largest_step, limit)
    return _path(made, x, web, n_given)


def _checked_cells(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    made = tuple(cells) if isinstance(cells, list | tuple) else ()
    if len(made) < 2:
        raise ValueError("cells must be a list of at least two checkpoints, in their order")
    for cell in made:
        require_smooth_float64(cell)
    require_alike(made)
    return made


def _given(
    cells: tuple[Cell, ...], points: FixedPoints | Sequence[FixedPoints]
) -> tuple[list[list[Vector]], Vector]:
    """Return the outputs of the given fixed points of each checkpoint, and their one input."""
    parts = [points] if isinstance(points, FixedPoints) else list(points)
    if not all(isinstance(part, FixedPoints) for part in parts):
        raise TypeError("points must be FixedPoints, or a list of them, one for each checkpoint")
    if len(parts) not in (1, len(cells)):
        raise ValueError(
            f"points must be those of the first checkpoint or of each, {len(cells)}, not "
            f"{len(parts)}"
        )
    known: list[list[Vector]] = [[] for _ in cells]
    seen: list[Vector] = []
    for k, part in enumerate(parts):
        if part.h.shape[1] != cells[k].state_size:
            raise ValueError(
                f"points[{k}] has states of {part.h.shape[1]} numbers, and its cell of "
                f"{cells[k].state_size}"
            )
        fixed = part.select("fixed")
        distinct = fixed.unique() if len(fixed) else fixed.numpy()
        rows = np.zeros((1, cells[k].input_size)) if distinct.inputs is None else distinct.inputs
        seen += list(rows)
        outputs = cells[k].outputs_of(distinct.h).astype(np.float64, copy=False)
        left = np.abs(cells[k].residual(outputs, distinct.inputs)).max(initial=0)
        if not left <= ZERO * max(1.0, float(np.abs(outputs).max(initial=0))):
            raise ValueError(
                f"points[{k}] must be fixed points of cells[{k}], which leaves a residual of "
                f"{left:.2g} at them: search with that very cell"
            )
        known[k] = list(outputs)
    if not any(known):
        raise ValueError("points holds no fixed point to follow")
    if any((row != seen[0]).any() for row in seen):
        raise ValueError("points must have one input for all rows and checkpoints")
    return known, seen[0]


def _path(cells: tuple[Cell, ...], x: Vector, web: Web, n_given: list[int]) -> TrainingPath:
    """Return what users read of all curves."""
    number = _numbers(web)
    shape = (max(number.values()) + 1, len(cells))
    h = np.full((*shape, cells[0].state_size), np.nan)
    n_unstable = np.full(shape, -1)
    was_given = np.zeros(shape, dtype=bool)
    for node, row in number.items():
        k, i = node
        state = cells[k].state_of(web.outputs[k][i][None], x)
        moduli = np.abs(np.linalg.eigvals(cells[k].jacobian(state, x)[0]))
        h[row, k], n_unstable[row, k] = state[0], np.count_nonzero(moduli > 1)
        was_given[row, k] = i < n_given[k]
    rows = [[-1 if n is None else number[n] for n in (arc.before, arc.after)] for arc in web.arcs]
    events = [
        _event(cells, x, web.segments[arc.segment], arc, (min(ends), max(ends)))
        for arc, ends in zip(web.arcs, rows, strict=True)
        if _comes_back(arc) and (arc.folds or arc.branchings)
    ]
    return TrainingPath(
        cells=cells,
        inputs=x,
        h=h,
        exists=n_unstable >= 0,
        n_unstable=n_unstable,
        was_given=was_given,
        events=tuple(sorted(events, key=lambda event: event.time)),
        faults=tuple(web.faults),
        arcs=tuple(web.arcs),
        rows=np.array(rows, np.int64).reshape(-1, 2),
    )


def _numbers(web: Web) -> dict[Node, int]:
    """Return the number of the point that each fixed point of a checkpoint is.

    A point is the same at two checkpoints where a curve leads from one to the other.
    """
    onward = {
        min(arc.before, arc.after): max(arc.before, arc.after)
        for arc in web.arcs
        if arc.after is not None and not _comes_back(arc)
    }
    number: dict[Node, int] = {}
    nodes = sorted(Node(k, i) for k, known in enumerate(web.outputs) for i in range(len(known)))
    count = 0
    for first in nodes:
        node: Node | None = first
        if first in number:
            continue
        while node is not None and node not in number:
            number[node] = count
            node = onward.get(node)
        count += 1
    return number


def _comes_back(arc: Arc) -> bool:
    """Tell whether a curve ends at the checkpoint that it left."""
    return arc.after is not None and arc.before.checkpoint == arc.after.checkpoint


def _event(
    cells: tuple[Cell, ...], x: Vector, segment: Segment, arc: Arc, points: tuple[int, int]
) -> TrainingEvent:
    """Return the birth or the end that a curve which comes back is."""
    is_birth = arc.before.checkpoint > arc.segment
    choose = min if is_birth else max
    turns = arc.folds or arc.branchings
    fold = choose((place.point for place in turns), key=lambda y: float(y[-1]))
    h = segment.state(fold)
    elsewhere = cells[arc.segment if is_birth else arc.segment + 1]
    ghost = find_fixed_points(elsewhere, h[None], x, method="lm", n_threads=1)
    return TrainingEvent(
        what=BORN if is_birth else VANISHED,
        time=arc.segment + float(fold[-1]),
        points=points,
        h=h,
        ghost_h=ghost.h[0],
        ghost_kind=str(ghost.kind[0]),
        ghost_q=float(ghost.q[0]),
    )


def _curve(segment: Segment, arc: Arc, x: Vector, points: tuple[int, int]) -> TrainingCurve:
    """Return one curve in the time of checkpoints."""
    found = bifurcations_on(
        FollowedCurve(
            problem=segment.problem,
            points=arc.points,
            arclength=arc.arclength,
            folds=arc.folds,
            branchings=arc.branchings,
            step_jacobian=segment.step_jacobian,
            full=lambda y: (segment.state(y), x),
        )
    )
    radii = [np.abs(np.linalg.eigvals(segment.step_jacobian(y))).max() for y in arc.points]
    return TrainingCurve(
        time=arc.segment + arc.points[:, -1],
        h=np.array([segment.state(y) for y in arc.points]),
        arclength=arc.arclength,
        spectral_radius=np.array(radii),
        points=points,
        bifurcations=tuple(replace(point, s=arc.segment + point.s) for point in found),
    )
