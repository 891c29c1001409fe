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

from nullcline.continuation.branch_points import Kind, approach, n_passed
from nullcline.continuation.curve_problem import CurveStop, scale_of, solve

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nullcline.continuation.curve_problem import Matrix, Problem, Solved, Vector

FIRST_STEP = 0.05
SMALLEST_STEP = 1e-6
CORRECTIONS = 6
"""Newton's iterations in one step, at most."""

CORRECTED = 1e-10
"""A correction this small, against the scale of the point, is the last one."""

SOLVED = 1e-14
"""So is one of a residual that small: it is rounding, which a nearly singular matrix magnifies."""

EASY = 3
"""A step that takes so few corrections may be followed by a longer one."""

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


class _Ahead(NamedTuple):
    """A point that a step leads to, its unit tangent, corrections, and its bordered matrix."""

    point: Vector
    tangent: Vector
    n_corrections: int
    matrix: Matrix
    solved: Solved


def follow(
    problem: Problem,
    start: Vector,
    tangent: Vector,
    *,
    largest_step: float,
    max_points: int,
    first_step: float = FIRST_STEP,
    kind: Kind = Kind.ORDINARY,
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

    Returns
    -------
    Branch
        From the start to the end.
    """
    with np.errstate(under="ignore"):
        return _walked(_Walk(problem, start, tangent, kind), largest_step, max_points, first_step)


def _walked(walk: _Walk, largest_step: float, max_points: int, first_step: float) -> Branch:
    """Go on until the curve ends, in steps as long as it lets them be."""
    step = min(first_step, largest_step)
    while len(walk.points) < max_points and walk.stop is None:
        if step < SMALLEST_STEP:
            walk.stop = walk.obstacle
            break
        ahead = _step(walk.problem, walk.points[-1], walk.tangents[-1], step)
        turn = 0.0 if ahead is None else float(ahead.tangent @ walk.tangents[-1])
        part = walk.go(ahead, step)
        if part < 1:
            step *= part
        elif ahead is not None and ahead.n_corrections <= EASY and turn > SMALL_TURN:
            step = min(1.5 * step, largest_step)
    return walk.branch()


class _Walk:
    """The curve as far as it has been followed, and what stands in its way."""

    def __init__(self, problem: Problem, start: Vector, tangent: Vector, kind: Kind) -> None:
        self.points, self.tangents, self.lengths = [start], [tangent], [0.0]
        self.stop: CurveStop | None = None
        self.obstacle = CurveStop.STEP
        self.problem = problem
        self._kind = kind
        self._crossings: list[tuple[Vector, float]] = []
        self._sign: float | None = None
        self._matrix: Matrix | None = None
        if kind is Kind.ORDINARY:
            bordered = solve(_bordered(problem, start, tangent), tangent)
            self._sign = None if bordered is None else bordered.sign
        distances = problem.distances(start)
        self._arrived = np.where(distances >= ARRIVED, ARRIVED, NEARER * distances)

    def go(self, ahead: _Ahead | None, step: float) -> float:
        """Go a step, or stop; return the part of it that is to be tried instead, 1 if done."""
        if ahead is None:
            self.obstacle = self._blocked()
            return 0.5
        part = self._part_inside(ahead.point)
        if part < 1:
            return part
        before = self.points[-1]
        if step > RESOLVED and self._n_passed(ahead) > 1:
            return 0.5
        if self._sign is not None and ahead.solved.sign != self._sign:
            crossing = self._crossing(before, ahead.point, step)
            if crossing is None:
                self.obstacle = self._blocked()
                return 0.5
            length = self.lengths[-1] + float(np.linalg.norm(crossing - before))
            self._crossings.append((crossing, length))
        if _passes(self.points[0], self.tangents[0], before, ahead, step):
            self._append(self.points[0], self.tangents[0])
            self.stop = CurveStop.CLOSED
        else:
            self._append(ahead.point, ahead.tangent)
            self._sign, self._matrix = ahead.solved.sign, ahead.matrix
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

    def _n_passed(self, ahead: _Ahead) -> int:
        """Return how many branch points a step passes, as far as its ends tell."""
        if self._matrix is None:  # at the beginning, which may be one
            return 0
        before = np.vstack([self._matrix[:-1], self.tangents[-1]])
        return n_passed(before, ahead.solved)

    def _crossing(self, before: Vector, after: Vector, step: float) -> Vector | None:
        """Return the branch point that a step has passed; None if it has jumped, or is too long."""
        found = approach(self.problem, before, after)
        if found is None:
            return (before + after) / 2 if step <= CLOSEST else None
        return found.point if found.gap <= MET * scale_of(found.point) else None

    def _blocked(self) -> CurveStop:
        """Return why no step is found: the start's degeneracy only if there has been none."""
        begins = len(self.points) == 1 and self._kind is Kind.DEGENERATE
        return CurveStop.DEGENERATE if begins else CurveStop.STEP

    def _part_inside(self, point: Vector) -> float:
        """Return the part of a step that ends just inside, 1 if all of it does; or stop there."""
        here, there = self.problem.distances(self.points[-1]), self.problem.distances(point)
        out = there < np.minimum(here, 0) - ROUNDED
        if not out.any():
            return 1.0
        here, there, arrived = here[out], there[out], self._arrived[out]
        beyond = CurveStop.REACH if out[-1] else CurveStop.FACE
        if (here < arrived).all():
            self.stop = beyond
        self.obstacle = beyond
        part = ((here - arrived / 2) / (here - there)).min()
        return float(np.clip(part, 0.1, 0.9))


def turning_point(problem: Problem, branch: Branch, k: int, depth: int = 3) -> Vector:
    """Return where the last unknown turns back, between the branch's points k and k + 1.

    Where the curve cannot be corrected at all steps between, it is first followed in shorter ones.
    """
    from scipy.optimize import brentq  # it takes longer to load than all of `import nullcline`

    point, tangent = branch.points[k], branch.tangents[k]
    length = float(tangent @ (branch.points[k + 1] - point))
    found: list[Vector] = [point]

    def slope(step: float) -> float:
        if step == 0:
            return float(tangent[-1])
        ahead = _step(problem, point, tangent, step)
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


def _step(problem: Problem, point: Vector, tangent: Vector, step: float) -> _Ahead | None:
    """Return what a step leads to, or None on failure."""
    corrected = _correct(problem, point + step * tangent, tangent, step)
    if corrected is None:
        return None
    y, n_corrections = corrected
    matrix = _bordered(problem, y, tangent)
    found = solve(matrix, np.eye(len(y))[-1])
    if found is None:
        return None
    onward = found.solution / float(np.linalg.norm(found.solution))
    turned = onward @ tangent < LARGEST_TURN
    return None if turned else _Ahead(y, onward, n_corrections, matrix, found)


def _correct(
    problem: Problem, predicted: Vector, tangent: Vector, step: float
) -> tuple[Vector, int] | None:
    """Return to the curve across the tangent by Newton's method, unless that leads far away."""
    y = predicted
    for n_corrections in range(1, CORRECTIONS + 1):
        residual = np.append(problem.function(y), tangent @ (y - predicted))
        found = solve(_bordered(problem, y, tangent), residual)
        if found is None:
            return None
        y = y - found.solution
        if np.linalg.norm(y - predicted) > LARGEST_CORRECTION * step:
            return None
        scale = scale_of(y)
        if (
            np.linalg.norm(found.solution) <= CORRECTED * scale
            or np.abs(residual).max() <= SOLVED * scale
        ):
            return y, n_corrections
    return None


def _bordered(problem: Problem, y: Vector, tangent: Vector) -> Matrix:
    return np.vstack([problem.jacobian(y), tangent])


def _arc(before: Vector, tangent: Vector, after: Vector, onward: Vector) -> float:
    """Return the length between two points, as of an arc of a circle that turns as much."""
    chord = float(np.linalg.norm(after - before))
    half = min(float(np.linalg.norm(onward - tangent)) / 2, 1.0)
    return chord * (float(np.arcsin(half)) / half if half > 1e-8 else 1.0)


def _passes(start: Vector, tangent: Vector, before: Vector, ahead: _Ahead, step: float) -> bool:
    """Tell whether a step goes past the start again, in the direction that it was left."""
    after = ahead.point
    if tangent @ (before - start) >= 0 or tangent @ (after - start) < 0:
        return False
    if ahead.tangent @ tangent < LARGEST_TURN:
        return False
    along = after - before
    nearest = before + along * np.clip(along @ (start - before) / (along @ along), 0, 1)
    return bool(np.linalg.norm(nearest - start) < step / 4)
