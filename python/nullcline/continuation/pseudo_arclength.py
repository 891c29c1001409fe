"""Pseudo-arclength continuation: follow the solution curve of N equations in N + 1 unknowns.

A step is a tangent predictor and Newton's corrector in the hyperplane across it, both through one
bordered matrix, which stays regular at folds (Keller, in Applications of Bifurcation Theory, 1977;
Allgower and Georg, Introduction to Numerical Continuation Methods, 2003, chapters 6 and 10). Its
determinant changes sign where an odd number of other curves cross (the same, chapter 8), and where
a step has jumped to a curve that passes near by: the first is passed and noted, the second undone.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nullcline.continuation.bordered import border
from nullcline.continuation.branch_points import Kind, approach, n_passed
from nullcline.continuation.curve_problem import CurveStop, scale_of, solve
from nullcline.continuation.factored import Factored

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nullcline.continuation.bordered import Bordered
    from nullcline.continuation.curve_problem import Matrix, Problem, Vector

FIRST_STEP = 0.05
SMALLEST_STEP = 1e-6
CORRECTIONS = 6
"""Newton's iterations in one step, at most."""

CORRECTED = 1e-10
"""A correction this small, against the scale of the point, is the last one."""

SOLVED = 1e-14
"""So is one of a residual that small: it is rounding, which a nearly singular matrix magnifies."""

CHORDS = 12
"""Corrections by the factors of the point that a step comes from, at most."""

SLOWEST = 0.5
"""A correction that is longer than this part of the one before says that the Jacobian is another
one by half, so that the step is too long. Newton's method would go on, and at times to a curve that
passes near by."""

EASY = 3
EASY_CONTRACTION = 0.06
"""A step that takes Newton's method so few corrections, or whose second correction is this part of
the first, may be followed by one that is longer by `GROWTH`. On trained and random networks the two
tell the same: of 575 steps with 3 of Newton's corrections the ratio was below for four out of five,
of 360 with 4 it was above for as many."""

GROWTH = 1.5

LARGEST_TURN = np.cos(np.radians(20))
SMALL_TURN = np.cos(np.radians(7))
"""Cosines: a step that turns the tangent by more is repeated shorter, by less may be prolonged."""

LARGEST_CORRECTION = 0.3
"""In steps: a corrector that goes further is on its way to another branch."""

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

RESOLVED = 1e-3
"""A longer step that passes two branch points is repeated shorter, until it passes one."""


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


class _Here(NamedTuple):
    """A point of the curve, its unit tangent, what corrects steps from it, and how it curves.

    `bordered` is None where a curve begins at a branch point; `curvature` where it begins.
    """

    point: Vector
    tangent: Vector
    bordered: Bordered | None
    curvature: Vector | None = None


class _Corrected(NamedTuple):
    """A point of the curve that a step leads to, and whether it was easily found."""

    point: Vector
    is_easy: bool


def follow(
    problem: Problem,
    start: Vector,
    tangent: Vector,
    *,
    largest_step: float,
    max_points: int,
    first_step: float = FIRST_STEP,
    kind: Kind = Kind.ORDINARY,
    bordered: Bordered | None = None,
) -> Branch:
    """Follow the curve from a point on it along a unit tangent until it ends.

    Parameters
    ----------
    problem
        What defines the curve.
    start, tangent
        A point on the curve inside the region, and the direction to go; shape (N + 1,).
    largest_step
        Longest step, in arclength.
    max_points
        Points of the branch, at most, the start included.
    first_step
        Where steps begin, in arclength, unless `largest_step` is shorter.
    kind
        What the start is: at a branch point no determinant's sign is to be had.
    bordered
        The Jacobian at the start, bordered and factored, if that has been done.

    Returns
    -------
    Branch
        From the start to the end.
    """
    with np.errstate(under="ignore"):
        if bordered is None and kind is Kind.ORDINARY:
            bordered = border(problem, start, tangent)
        walk = _Walk(problem, _Here(start, tangent, bordered), kind)
        step = min(first_step, largest_step)
        while len(walk.points) < max_points and walk.stop is None:
            if step < SMALLEST_STEP:
                walk.stop = walk.obstacle
                break
            step = min(step * walk.go(step), largest_step)
        return walk.branch()


class _Walk:
    """The curve as far as it has been followed, and what stands in its way."""

    def __init__(self, problem: Problem, start: _Here, kind: Kind) -> None:
        self.points, self.tangents, self.lengths = [start.point], [start.tangent], [0.0]
        self.stop: CurveStop | None = None
        self.obstacle = CurveStop.STEP
        self.problem = problem
        self._kind = kind
        self._here = start
        self._crossings: list[tuple[Vector, float]] = []
        self._sign = None if start.bordered is None else start.bordered.sign_towards(start.tangent)
        distances = problem.distances(start.point)
        self._arrived = np.where(distances >= ARRIVED, ARRIVED, NEARER * distances)

    def go(self, step: float) -> float:
        """Go a step, or stop; return how long the next one may be, or how long this one, in steps.

        What costs nothing is asked first: a step that leaves the region is never factored.
        """
        corrected = _corrected(self.problem, self._here, step)
        if corrected is None:
            return self._halved()
        out = self._out(corrected.point)
        if out is not None and not out.has_arrived:
            self.obstacle = out.beyond
            return out.part
        ahead = _ahead(self.problem, self._here, corrected.point)
        if ahead is None:
            return self._halved()
        if out is not None:
            self.stop = self.obstacle = out.beyond
            return out.part
        turn = float(ahead.tangent @ self._here.tangent)
        part = self._arrive(ahead, step)
        return GROWTH if part == 1 and corrected.is_easy and turn > SMALL_TURN else part

    def _arrive(self, ahead: _Here, step: float) -> float:
        """Go to a point unless its determinant says that the step has jumped, or is too long."""
        if step > RESOLVED and self._n_passed(ahead) > 1:
            return 0.5
        if not self._keeps_to_the_curve(ahead, step):
            return self._halved()
        if _passes(self.points[0], self.tangents[0], self._here.point, ahead, step):
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

    def _n_passed(self, ahead: _Here) -> int:
        """Return how many branch points a step passes, as far as its ends tell."""
        if len(self.points) == 1:  # the beginning may be one
            return 0
        before, after = self._here.bordered, ahead.bordered
        if isinstance(before, Factored) and isinstance(after, Factored):
            return n_passed(before, after)
        return 0

    def _keeps_to_the_curve(self, ahead: _Here, step: float) -> bool:
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


def turning_point(problem: Problem, branch: Branch, k: int, depth: int = 3) -> Vector:
    """Return where the last unknown turns back, between the branch's points k and k + 1.

    Where the curve cannot be corrected at all steps between, it is first followed in shorter ones.
    """
    from scipy.optimize import brentq  # it takes longer to load than all of `import nullcline`

    point, tangent = branch.points[k], branch.tangents[k]
    length = float(tangent @ (branch.points[k + 1] - point))
    found: list[Vector] = [point]
    here = _Here(point, tangent, border(problem, point, tangent))

    def slope(step: float) -> float:
        if step == 0:
            return float(tangent[-1])
        corrected = _corrected(problem, here, step)
        ahead = None if corrected is None else _ahead(problem, here, corrected.point)
        if ahead is None:
            raise _NoPointError
        found[0] = ahead.point
        return float(ahead.tangent[-1])

    try:
        with np.errstate(under="ignore"):
            slope(float(brentq(slope, 0, length, xtol=1e-13)))
    except (_NoPointError, ValueError):  # ValueError: at its end the step finds no change of sign
        finer = follow(
            problem, point, tangent, largest_step=length / 8, max_points=17, first_step=length / 8
        )
        turns = turns_of(finer.tangents[:, -1])
        if depth > 0 and len(turns) > 0:
            return turning_point(problem, finer, int(turns[0]), depth - 1)
        ends = np.abs(branch.tangents[k : k + 2, -1])
        return np.average(branch.points[k : k + 2], axis=0, weights=ends[::-1])
    return found[0]


class _NoPointError(ArithmeticError):
    """No point of the curve could be found at a step shorter than one that was taken."""


def turns_of(slopes: Vector) -> NDArray[np.intp]:
    """Return the numbers k of the points after which a slope has the other sign."""
    signs = np.sign(slopes)
    known = np.flatnonzero(signs)
    changes = np.flatnonzero(np.diff(signs[known]) != 0)
    return known[changes]


def _ahead(problem: Problem, here: _Here, point: Vector) -> _Here | None:
    """Return the point that a step has led to with all that the next one needs; None on failure.

    This is where a step's one factorization is made.
    """
    found = border(problem, point, here.tangent)
    if found is None or found.tangent @ here.tangent < LARGEST_TURN:
        return None
    length = float(np.linalg.norm(point - here.point))
    curvature = (found.tangent - here.tangent) / length if length > 0 else None
    return _Here(point, found.tangent, found, curvature)


def _corrected(problem: Problem, here: _Here, step: float) -> _Corrected | None:
    """Return to the curve across the tangent, unless that leads far away.

    Steps so short that they should succeed have Newton's method besides.
    """
    found = None if here.bordered is None else _chords(problem, here, here.bordered, step)
    if found is None and (here.bordered is None or step <= RESOLVED):
        found = _newton(problem, here, step)
    return found


def _chords(problem: Problem, here: _Here, bordered: Bordered, step: float) -> _Corrected | None:
    """Correct by what solves at the point that the step comes from; None where that goes badly.

    The first guess follows the curve round as it has last turned.
    """
    predicted = here.point + step * here.tangent
    y = predicted + _bend(here, step)
    updates = _Updates()
    for _ in range(CHORDS):
        residual = problem.function(y)
        move = updates.improved(-bordered.across(residual, here.tangent))
        if move is None:
            break
        y = y + move
        if not np.linalg.norm(y - predicted) <= LARGEST_CORRECTION * step:
            break
        if _is_last(y, move, residual):
            return _Corrected(y, updates.contraction <= EASY_CONTRACTION)
    return None


class _Updates:
    """Broyden's first updates of an inverse, which take in how J changes along a step.

    (Kelley, Iterative Methods for Linear and Nonlinear Equations, 1995, section 7.3.)

    Attributes
    ----------
    contraction
        The second move's length by the inverse as it was, against the first's; 0 before.
    """

    def __init__(self) -> None:
        self.contraction = 0.0
        self._moves: list[Vector] = []

    def improved(self, move: Vector) -> Vector | None:
        """Return the next move for that of the inverse as it was; None if it is too long."""
        moves = self._moves
        if len(moves) == 1:
            self.contraction = float(np.linalg.norm(move) / np.linalg.norm(moves[0]))
        for known, next_known in pairwise(moves):
            move = move + (known @ move) / (known @ known) * next_known
        if moves:
            square = float(moves[-1] @ moves[-1])
            rate = float(moves[-1] @ move) / square
            if not (self.contraction <= SLOWEST and rate <= SLOWEST):
                return None
            move = move / (1 - rate)
            if not move @ move <= SLOWEST**2 * square:
                return None
        moves.append(move)
        return move


def _bend(here: _Here, step: float) -> Vector:
    """Return how far across the tangent the curve lies after a step if it turns on as it did."""
    if here.curvature is None:
        return np.zeros_like(here.point)
    across = here.curvature - (here.curvature @ here.tangent) * here.tangent
    bend: Vector = step**2 / 2 * across
    return bend if np.linalg.norm(bend) <= LARGEST_CORRECTION * step else np.zeros_like(bend)


def _newton(problem: Problem, here: _Here, step: float) -> _Corrected | None:
    """Correct by Newton's method."""
    predicted = here.point + step * here.tangent
    y = predicted
    for n in range(1, CORRECTIONS + 1):
        residual = np.append(problem.function(y), here.tangent @ (y - predicted))
        change = solve(np.vstack([problem.jacobian(y), here.tangent]), residual)
        if change is None:
            return None
        y = y - change
        if np.linalg.norm(y - predicted) > LARGEST_CORRECTION * step:
            return None
        if _is_last(y, change, residual):
            return _Corrected(y, n <= EASY)
    return None


def _is_last(y: Vector, change: Vector, residual: Vector) -> bool:
    """Tell whether a correction that has led to y is the last one."""
    scale = scale_of(y)
    small = float(np.linalg.norm(change)) <= CORRECTED * scale
    return small or float(np.abs(residual).max()) <= SOLVED * scale


def _arc(before: Vector, tangent: Vector, after: Vector, onward: Vector) -> float:
    """Return the length between two points, as of an arc of a circle that turns as much."""
    chord = float(np.linalg.norm(after - before))
    half = min(float(np.linalg.norm(onward - tangent)) / 2, 1.0)
    return chord * (float(np.arcsin(half)) / half if half > 1e-8 else 1.0)


def _passes(start: Vector, tangent: Vector, before: Vector, ahead: _Here, step: float) -> bool:
    """Tell whether a step goes past the start again, in the direction that it was left."""
    after = ahead.point
    if tangent @ (before - start) >= 0 or tangent @ (after - start) < 0:
        return False
    if ahead.tangent @ tangent < LARGEST_TURN:
        return False
    along = after - before
    nearest = before + along * np.clip(along @ (start - before) / (along @ along), 0, 1)
    return bool(np.linalg.norm(nearest - start) < step / 4)
