"""Pseudo-arclength continuation: follow the solution curve of N equations in N + 1 unknowns.

A step is a tangent predictor and Newton's corrector in the hyperplane across it, both through one
bordered matrix, which stays regular at folds (Keller, in Applications of Bifurcation Theory, 1977;
Allgower and Georg, Introduction to Numerical Continuation Methods, 2003, chapters 6 and 10). Its
determinant changes sign where an odd number of other curves cross (the same, chapter 8), and where
a step has jumped to a curve that passes near by: the first is passed and noted, the second undone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nullcline.continuation.bordered import border
from nullcline.continuation.branch_points import Kind, approach, n_passed
from nullcline.continuation.corrector import (
    LARGEST_TURN,
    RESOLVED,
    CurvePoint,
    correct,
    point_ahead,
)
from nullcline.continuation.curve_problem import CurveStop, scale_of
from nullcline.continuation.factored import Factored

if TYPE_CHECKING:
    from collections.abc import Callable

    from nullcline.continuation.bordered import Bordered
    from nullcline.continuation.curve_problem import Matrix, Problem, Vector
    from nullcline.continuation.proved_steps import ProvedSteps

FIRST_STEP = 0.05
"""Where steps begin, in arclength. Flat: from 0.0125 to 0.2 the curves beyond the box of 24
networks meet the same points in 3,499 to 3,224 states (`benchmarks.constants`)."""

SMALLEST_STEP = 1e-6
"""A step that would be shorter ends the curve. None of those curves needs 1e-4."""
GROWTH = 1.5
"""How much longer a step may be than an easy one before it."""

SMALL_TURN = np.cos(np.radians(7))
"""A cosine: a step that turns the tangent by more is not followed by a longer one."""

ARRIVED = 1e-3
"""A curve that is this close to a border, and would cross it with the next step, has arrived."""

NEARER = 1e-3
"""One that begins nearer has arrived at this part of the distance that it begins at."""

ROUNDED = 1e-12
"""A saturated unit lies on its face, and may be rounded to this much outside."""

MET = 1e-12
"""Curves that leave so little of the equations between them meet, to rounding."""

CLOSEST = 1e-4
"""A change of the determinant's sign within so short a step is a branch point, simple or not."""


@dataclass(frozen=True, eq=False)
class Branch:
    """A curve.

    Points (m, N + 1) in order, unit tangents, arclengths, the branch points (b, N + 1) that it
    passes with their arclengths, and why it stops.
    """

    points: Matrix
    tangents: Matrix
    arclength: Vector
    crossings: Matrix
    crossing_arclength: Vector
    stop: CurveStop


def follow(
    problem: Problem,
    start: Vector,
    tangent: Vector,
    *,
    largest_step: float | Callable[[Vector], float],
    max_points: int,
    first_step: float = FIRST_STEP,
    kind: Kind = Kind.ORDINARY,
    bordered: Bordered | None = None,
    proved: ProvedSteps | None = None,
) -> Branch:
    """Follow the curve from a point on it along a unit tangent until it ends.

    Parameters
    ----------
    problem
        What defines the curve.
    start, tangent
        A point on the curve inside the region, and the direction to go; shape (N + 1,).
    largest_step
        Longest step, in arclength: a number, or from each point.
    max_points
        Points of the branch, at most, the start included.
    first_step
        Where steps begin, in arclength, unless `largest_step` is shorter.
    kind
        What the start is: at a branch point no determinant's sign is to be had.
    bordered
        The Jacobian at the start, bordered and factored, if that has been done.
    proved
        What proves steps, and keeps them; a step that it does not take is made shorter.

    Returns
    -------
    Branch
        From the start to the end.
    """
    with np.errstate(under="ignore"):
        if bordered is None and kind is Kind.ORDINARY:
            bordered = border(problem, start, tangent)
        walk = _Walk(problem, CurvePoint(start, tangent, bordered), kind, proved)
        longest = largest_step if callable(largest_step) else lambda _: largest_step
        step = min(first_step, longest(start))
        while len(walk.points) < max_points and walk.stop is None:
            if step < SMALLEST_STEP:
                walk.stop = walk.obstacle
                break
            step = min(step * walk.go(step), longest(walk.points[-1]))
        return walk.branch()


class _Walk:
    """The curve as far as it has been followed, and what stands in its way."""

    def __init__(
        self, problem: Problem, start: CurvePoint, kind: Kind, proved: ProvedSteps | None
    ) -> None:
        self.points, self.tangents, self.lengths = [start.point], [start.tangent], [0.0]
        self.stop: CurveStop | None = None
        self.obstacle = CurveStop.STEP
        self.problem = problem
        self._kind = kind
        self._proved = proved
        self._here = start
        self._crossings: list[tuple[Vector, float]] = []
        self._sign = None if start.bordered is None else start.bordered.sign_towards(start.tangent)
        distances = problem.distances(start.point)
        self._arrived = np.where(distances >= ARRIVED, ARRIVED, NEARER * distances)

    def go(self, step: float) -> float:
        """Go a step, or stop; return how long the next one may be, or how long this one, in steps.

        What costs nothing is asked first: a step that leaves the region is never factored.
        """
        corrected = correct(self.problem, self._here, step)
        if corrected is None:
            return self._halved()
        out = self._out(corrected.point)
        if out is not None and not out.has_arrived:
            self.obstacle = out.beyond
            return out.part
        ahead = point_ahead(self.problem, self._here, corrected.point)
        if ahead is None:
            return self._halved()
        if out is not None:
            self.stop = self.obstacle = out.beyond
            return out.part
        turn = float(ahead.tangent @ self._here.tangent)
        part = self._arrive(ahead, step)
        if part < 1 or not corrected.is_easy or turn <= SMALL_TURN:
            return part
        return GROWTH if self._proved is None or self._proved.may_be_longer else 1.0

    def _arrive(self, ahead: CurvePoint, step: float) -> float:
        """Go to a point unless its determinant says that the step has jumped, or is too long."""
        if step > RESOLVED and self._n_passed(ahead) > 1:
            return 0.5
        closes = _passes(self.points[0], self.tangents[0], self._here.point, ahead, step)
        if self._proved is not None:
            end = self.points[0] if closes else ahead.point
            if not self._proved.takes(self._here.point, end, closes=closes):
                self.obstacle = CurveStop.UNPROVED
                return 0.5
        if not self._keeps_to_the_curve(ahead, step):
            if self._proved is not None:
                self._proved.take_back()
            return self._halved()
        if closes:
            self._append(self.points[0], self.tangents[0])
            self.stop = CurveStop.CLOSED
        else:
            self._append(ahead.point, ahead.tangent)
            self._here = ahead
        return 1.0

    def branch(self) -> Branch:
        """Return what has been followed."""
        width = len(self.points[0])
        return Branch(
            np.array(self.points),
            np.array(self.tangents),
            np.array(self.lengths),
            np.array([point for point, _ in self._crossings]).reshape(-1, width),
            np.array([length for _, length in self._crossings]),
            self.stop or CurveStop.POINTS,
        )

    def _append(self, point: Vector, tangent: Vector) -> None:
        self.lengths.append(
            self.lengths[-1] + _arc(self.points[-1], self.tangents[-1], point, tangent)
        )
        self.points.append(point)
        self.tangents.append(tangent)

    def _halved(self) -> float:
        """Note why no step is found: the start's degeneracy only if there has been none."""
        begins = len(self.points) == 1 and self._kind is Kind.DEGENERATE
        self.obstacle = CurveStop.DEGENERATE if begins else CurveStop.STEP
        return 0.5

    def _n_passed(self, ahead: CurvePoint) -> int:
        """Return how many branch points a step passes, as far as its ends tell."""
        if len(self.points) == 1:  # the beginning may be one
            return 0
        before, after = self._here.bordered, ahead.bordered
        if isinstance(before, Factored) and isinstance(after, Factored):
            return n_passed(before, after)
        return 0

    def _keeps_to_the_curve(self, ahead: CurvePoint, step: float) -> bool:
        """Compare the determinant's signs, and note a branch point that the step has passed."""
        sign = None if ahead.bordered is None else ahead.bordered.sign
        before = self._here.point
        if self._sign is not None and sign is not None and sign != self._sign:
            crossing = self._crossing(before, ahead.point, step)
            if crossing is None:
                return False
            length = self.lengths[-1] + float(np.linalg.norm(crossing - before))
            self._crossings.append((crossing, length))
        self._sign = sign
        return True

    def _crossing(self, before: Vector, after: Vector, step: float) -> Vector | None:
        """Return the branch point that a step has passed; None if it has jumped, or is too long."""
        found = approach(self.problem, before, after)
        if found is None:
            return (before + after) / 2 if step <= CLOSEST else None
        return found.point if found.gap <= MET * scale_of(found.point) else None

    def _out(self, point: Vector) -> _Out | None:
        """Return how a step leaves the region, None if it does not."""
        here, there = self.problem.distances(self._here.point), self.problem.distances(point)
        out = there < np.minimum(here, 0) - ROUNDED
        if not out.any():
            return None
        here, there, arrived = here[out], there[out], self._arrived[out]
        part = ((here - arrived / 2) / (here - there)).min()
        return _Out(
            part=float(np.clip(part, 0.1, 0.9)),
            beyond=CurveStop.REACH if out[-1] else CurveStop.FACE,
            has_arrived=bool((here < arrived).all()),
        )


class _Out(NamedTuple):
    """The part of a step that ends just inside, what it crosses, and whether that is here."""

    part: float
    beyond: CurveStop
    has_arrived: bool


def _arc(before: Vector, tangent: Vector, after: Vector, onward: Vector) -> float:
    """Return the length between two points, as of an arc of a circle that turns as much."""
    chord = float(np.linalg.norm(after - before))
    half = min(float(np.linalg.norm(onward - tangent)) / 2, 1.0)
    return chord * (float(np.arcsin(half)) / half if half > 1e-8 else 1.0)


def _passes(start: Vector, tangent: Vector, before: Vector, ahead: CurvePoint, step: float) -> bool:
    """Tell whether a step goes past the start again, in the direction that it was left."""
    after = ahead.point
    if tangent @ (before - start) >= 0 or tangent @ (after - start) < 0:
        return False
    if ahead.tangent @ tangent < LARGEST_TURN:
        return False
    along = after - before
    nearest = before + along * np.clip(along @ (start - before) / (along @ along), 0, 1)
    return bool(np.linalg.norm(nearest - start) < step / 4)
