"""Pseudo-arclength continuation: follow the solution curve of N equations in N + 1 unknowns.

A step is a tangent predictor and Newton's corrector in the hyperplane across it, both through one
bordered matrix, which stays regular at folds (Keller, in Applications of Bifurcation Theory, 1977;
Allgower and Georg, Introduction to Numerical Continuation Methods, 2003, chapters 6 and 10).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable

Vector: TypeAlias = NDArray[np.float64]
Matrix: TypeAlias = NDArray[np.float64]

FIRST_STEP = 0.05
SMALLEST_STEP = 1e-6
CORRECTIONS = 6
"""Newton's iterations in one step, at most."""

CORRECTED = 1e-10
"""A correction this small is the last one."""

EASY = 3
"""A step that takes so few corrections may be followed by a longer one."""

LARGEST_TURN = np.cos(np.radians(20))
SMALL_TURN = np.cos(np.radians(7))
"""Cosines: a step that turns the tangent by more is repeated shorter, by less may be prolonged."""

LARGEST_CORRECTION = 0.3
"""In steps: a corrector that goes further is on its way to another branch."""

AT_BOUNDARY = 1e-3
"""A curve that comes this close to the boundary has arrived."""

NEARER = 1e-3
"""One that begins nearer has arrived at this part of the distance that it begins at."""


class CurveStop(Enum):
    """Why a curve stops; the values are what users read."""

    BOUNDARY = "the curve reached the boundary"
    CLOSED = "the curve came back to where it began"
    POINTS = "the limit of points was reached"
    STEP = "no step along the curve could be found: it may branch here"


@dataclass(frozen=True, eq=False)
class Problem:
    """The equations, their Jacobian (N, N + 1), and how far inside the region a point is.

    The margin may be infinite: a curve in a region without a boundary stops for another reason.
    """

    function: Callable[[Vector], Vector]
    jacobian: Callable[[Vector], Matrix]
    margin: Callable[[Vector], float]


@dataclass(frozen=True, eq=False)
class Branch:
    """Points (m, N + 1) of a curve in order, unit tangents, arclengths, and why it stops."""

    points: Matrix
    tangents: Matrix
    arclength: Vector
    stop: CurveStop


def tangent_at(jacobian: Matrix) -> Vector:
    """Return the unit vector that spans the null space, its largest entry positive."""
    tangent: Vector = np.linalg.svd(jacobian)[2][-1]
    return tangent * float(np.sign(tangent[np.argmax(np.abs(tangent))]))


def follow(
    problem: Problem,
    start: Vector,
    tangent: Vector,
    *,
    largest_step: float,
    max_points: int,
    first_step: float = FIRST_STEP,
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

    Returns
    -------
    Branch
        From the start to the end.
    """
    points, tangents, lengths = [start], [tangent], [0.0]
    step = min(first_step, largest_step)
    stop = CurveStop.POINTS
    arrived = _where_it_arrives(problem.margin(start))
    while len(points) < max_points:
        if problem.margin(points[-1]) < arrived or arrived <= 0:
            stop = CurveStop.BOUNDARY
            break
        if step < SMALLEST_STEP:
            stop = CurveStop.STEP
            break
        corrected = _step(problem, points[-1], tangents[-1], step)
        if corrected is None:
            step /= 2
            continue
        point, onward, n_corrections = corrected
        if problem.margin(point) <= 0:
            step *= _share_inside(problem.margin(points[-1]), problem.margin(point), arrived)
            continue
        turn = float(onward @ tangents[-1])
        points.append(point)
        tangents.append(onward)
        lengths.append(lengths[-1] + step)
        if _passes(start, tangent, points[-2], point, step, onward):
            stop = CurveStop.CLOSED
            break
        if n_corrections <= EASY and turn > SMALL_TURN:
            step = min(1.5 * step, largest_step)
    return Branch(np.array(points), np.array(tangents), np.array(lengths), stop)


def turning_point(problem: Problem, branch: Branch, k: int) -> Vector:
    """Return where the last unknown turns back, between the branch's points k and k + 1."""
    from scipy.optimize import brentq  # it takes longer to load than all of `import nullcline`

    point, tangent = branch.points[k], branch.tangents[k]
    length = float(branch.arclength[k + 1] - branch.arclength[k])
    found: list[Vector] = [point]

    def slope(step: float) -> float:
        if step == 0:
            return float(tangent[-1])
        corrected = _step(problem, point, tangent, step)
        if corrected is None:
            raise ArithmeticError("a step shorter than one that was taken failed")
        found[0] = corrected[0]
        return float(corrected[1][-1])

    slope(float(brentq(slope, 0, length, xtol=1e-13)))
    return found[0]


def _step(
    problem: Problem, point: Vector, tangent: Vector, step: float
) -> tuple[Vector, Vector, int] | None:
    """Return the next point, its tangent and the number of corrections, or None on failure."""
    corrected = _correct(problem, point + step * tangent, tangent, step)
    if corrected is None:
        return None
    y, n_corrections = corrected
    onward = _solve(_bordered(problem, y, tangent), np.eye(len(y))[-1])
    if onward is None:
        return None
    onward = onward / float(np.linalg.norm(onward))
    return None if onward @ tangent < LARGEST_TURN else (y, onward, n_corrections)


def _correct(
    problem: Problem, predicted: Vector, tangent: Vector, step: float
) -> tuple[Vector, int] | None:
    """Return to the curve across the tangent by Newton's method, unless that leads far away."""
    y = predicted
    for n_corrections in range(1, CORRECTIONS + 1):
        residual = np.append(problem.function(y), tangent @ (y - predicted))
        correction = _solve(_bordered(problem, y, tangent), residual)
        if correction is None:
            return None
        y = y - correction
        if np.linalg.norm(y - predicted) > LARGEST_CORRECTION * step:
            return None
        if np.linalg.norm(correction) <= CORRECTED:
            return y, n_corrections
    return None


def _bordered(problem: Problem, y: Vector, tangent: Vector) -> Matrix:
    return np.vstack([problem.jacobian(y), tangent])


def _solve(matrix: Matrix, right: Vector) -> Vector | None:
    try:
        solution = np.linalg.solve(matrix, right).astype(np.float64, copy=False)
    except np.linalg.LinAlgError:
        return None
    return solution if np.isfinite(solution).all() else None


def _where_it_arrives(margin_at_start: float) -> float:
    """Return the margin at which a curve has arrived at the boundary.

    A unit that is all but off, in a network whose rates are positive, lies near its face from the
    beginning: that is no arrival.
    """
    return AT_BOUNDARY if margin_at_start >= AT_BOUNDARY else NEARER * margin_at_start


def _share_inside(margin_before: float, margin_after: float, arrived: float) -> float:
    """Return the part of a step that ends just inside, if the margin falls linearly."""
    part = (margin_before - arrived / 2) / (margin_before - margin_after)
    return float(np.clip(part, 0.1, 0.9))


def _passes(
    start: Vector, tangent: Vector, before: Vector, after: Vector, step: float, onward: Vector
) -> bool:
    """Tell whether the last step went past the start again, in the direction that it was left."""
    if tangent @ (before - start) >= 0 or tangent @ (after - start) < 0 or onward @ tangent <= 0:
        return False
    along = after - before
    nearest = before + along * np.clip(along @ (start - before) / (along @ along), 0, 1)
    return bool(np.linalg.norm(nearest - start) < step / 4)
