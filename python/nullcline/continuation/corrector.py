"""Back to the curve after a step along its tangent, and what the next step needs of the point.

The factors of the point that a step comes from correct it, with Broyden's updates for how the
Jacobian changes along it (chord corrections); Newton's method does where these fail.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nullcline.continuation.bordered import border
from nullcline.continuation.curve_problem import scale_of, solve

if TYPE_CHECKING:
    from nullcline.continuation.bordered import Bordered
    from nullcline.continuation.curve_problem import Problem, Vector

CORRECTIONS = 6
"""Newton's iterations in one step, at most."""

CORRECTED = 1e-10
"""A correction this small, against the scale of the point, is the last one."""

SOLVED = 1e-14
"""So is one of a residual that small: it is rounding, which a nearly singular matrix magnifies."""

CHORDS = 12
"""Corrections by the factors of the point that a step comes from, at most."""

SLOWEST = 0.5
"""A correction that is longer than this part of the one before says that the Jacobian has changed
by half, so that the step is too long. Newton's method would go on, and at times to a curve that
passes near by."""

EASY = 3
EASY_CONTRACTION = 0.06
"""A step that takes Newton's method so few corrections, or whose second correction is this part of
the first, is an easy one, which a longer one may follow."""

LARGEST_CORRECTION = 0.3
"""In steps: a corrector that goes further is on its way to another branch."""

LARGEST_TURN = np.cos(np.radians(20))
"""A cosine: a step that turns the tangent by more is repeated shorter."""

RESOLVED = 1e-3
"""A step this short has Newton's method besides, and may pass two branch points at once."""


class CurvePoint(NamedTuple):
    """A point of the curve, its unit tangent, what corrects steps from it, and how it curves.

    `bordered` is None where a curve begins at a branch point; `curvature` where it begins.
    """

    point: Vector
    tangent: Vector
    bordered: Bordered | None
    curvature: Vector | None = None


class Corrected(NamedTuple):
    """A point of the curve that a step leads to, and whether it was easily found."""

    point: Vector
    is_easy: bool


def point_ahead(problem: Problem, here: CurvePoint, point: Vector) -> CurvePoint | None:
    """Return the point that a step has led to with all that the next one needs; None on failure.

    This is where a step's one factorization is made.
    """
    found = border(problem, point, here.tangent)
    if found is None or found.tangent @ here.tangent < LARGEST_TURN:
        return None
    length = float(np.linalg.norm(point - here.point))
    curvature = (found.tangent - here.tangent) / length if length > 0 else None
    return CurvePoint(point, found.tangent, found, curvature)


def correct(problem: Problem, here: CurvePoint, step: float) -> Corrected | None:
    """Return to the curve across the tangent, unless that leads far away.

    Steps so short that they should succeed have Newton's method besides.
    """
    found = None if here.bordered is None else _chords(problem, here, here.bordered, step)
    if found is None and (here.bordered is None or step <= RESOLVED):
        found = _newton(problem, here, step)
    return found


def _chords(
    problem: Problem, here: CurvePoint, bordered: Bordered, step: float
) -> Corrected | None:
    """Correct by what solves at the point that the step comes from; None where that goes badly.

    The first guess follows the curve round as it has last turned.
    """
    predicted = here.point + step * here.tangent
    y = predicted + _bend(here, step)
    updates = _BroydenUpdates()
    for _ in range(CHORDS):
        residual = problem.function(y)
        move = updates.improved(-bordered.across(residual, here.tangent))
        if move is None:
            break
        y = y + move
        if not np.linalg.norm(y - predicted) <= LARGEST_CORRECTION * step:
            break
        if _is_last(y, move, residual):
            return Corrected(y, updates.contraction <= EASY_CONTRACTION)
    return None


class _BroydenUpdates:
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


def _bend(here: CurvePoint, step: float) -> Vector:
    """Return how far across the tangent the curve lies after a step if it turns on as it did."""
    if here.curvature is None:
        return np.zeros_like(here.point)
    across = here.curvature - (here.curvature @ here.tangent) * here.tangent
    bend: Vector = step**2 / 2 * across
    return bend if np.linalg.norm(bend) <= LARGEST_CORRECTION * step else np.zeros_like(bend)


def _newton(problem: Problem, here: CurvePoint, step: float) -> Corrected | None:
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
            return Corrected(y, n <= EASY)
    return None


def _is_last(y: Vector, change: Vector, residual: Vector) -> bool:
    """Tell whether a correction that has led to y is the last one."""
    scale = scale_of(y)
    small = float(np.linalg.norm(change)) <= CORRECTED * scale
    return small or float(np.abs(residual).max()) <= SOLVED * scale
