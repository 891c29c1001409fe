"""The zeros of the last unknown along a curve: the fixed points on a fiber, in their order."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nullcline.continuation.bordered import border
from nullcline.continuation.corrector import CurvePoint, correct
from nullcline.continuation.turning_points import turning_point

if TYPE_CHECKING:
    from nullcline.continuation.curve_problem import Matrix, Problem, Vector
    from nullcline.continuation.pseudo_arclength import Branch


class Zeros(NamedTuple):
    """Points (k, N + 1) on a curve at which its last unknown is zero, and their arclengths."""

    points: Matrix
    arclength: Vector


def zeros_on(problem: Problem, branch: Branch, begins_at_zero: bool) -> Zeros:
    """Return the zeros, each once: those of a change of sign, and two where a turn lies beyond.

    Parameters
    ----------
    problem, branch
        The curve.
    begins_at_zero
        Whether its last unknown is zero, but for rounding, where its arclength is.
    """
    tau = branch.points[:, -1].copy()
    known = np.zeros(len(tau), bool)
    if begins_at_zero:
        known = branch.arclength == 0
        known |= (branch.points == branch.points[known]).all(axis=1)  # a closed curve's end
    tau[known] = 0
    after = np.where(known, branch.tangents[:, -1], tau)
    before = np.where(known, -branch.tangents[:, -1], tau)
    found: list[tuple[Vector, float]] = []
    for k in range(len(tau) - 1):
        if known[k]:
            found.append((branch.points[k], float(branch.arclength[k])))
        found += _between(problem, branch, k, tau, float(after[k]), float(before[k + 1]))
    if known[-1] and not known[:-1].any():
        found.append((branch.points[-1], float(branch.arclength[-1])))
    width = branch.points.shape[1]
    points = np.array([point for point, _ in found]).reshape(-1, width)
    return Zeros(points, np.array([length for _, length in found]))


def _between(
    problem: Problem, branch: Branch, k: int, tau: Vector, after: float, before: float
) -> list[tuple[Vector, float]]:
    """Return the zeros inside the step from point k, of the signs beside its ends."""
    start, tangent = branch.points[k], branch.tangents[k]
    length = float(tangent @ (branch.points[k + 1] - start))
    slope, onward = float(tangent[-1]), float(branch.tangents[k + 1, -1])
    opposite = after * before < 0
    if opposite and tau[k] != 0 and tau[k + 1] != 0:
        brackets = [(0.0, float(tau[k]), length, float(tau[k + 1]))]
    elif opposite or (after * slope < 0 and before * onward > 0):
        turn = turning_point(problem, branch, k)
        place, height = float(tangent @ (turn - start)), float(turn[-1])
        ends = ((0.0, float(tau[k])), (length, float(tau[k + 1])))
        brackets = [(*end, place, height) for end in ends if end[1] * height < 0]
    else:
        return []
    here = CurvePoint(start, tangent, border(problem, start, tangent))
    points = [_zero(problem, here, *bracket) for bracket in brackets]
    origin = float(branch.arclength[k])
    pairs = [(point, origin + float(np.linalg.norm(point - start))) for point in points]
    return sorted(pairs, key=lambda pair: pair[1])


def _zero(
    problem: Problem, here: CurvePoint, first: float, value: float, last: float, other: float
) -> Vector:
    """Return the point of the curve with a zero between two steps from one of its points."""
    from scipy.optimize import brentq  # it takes longer to load than all of `import nullcline`

    found = here.point + (first + (last - first) * value / (value - other)) * here.tangent

    def height(step: float) -> float:
        nonlocal found
        if step in (first, last):
            return value if step == first else other
        corrected = correct(problem, here, step)
        if corrected is None:
            raise _NoPointError
        found = corrected.point
        return float(found[-1])

    with suppress(_NoPointError):  # on the way to a cusp; then by a straight line, which is near
        height(float(brentq(height, first, last, xtol=1e-12)))
    return found


class _NoPointError(ArithmeticError):
    """No point of the curve could be found at a step shorter than one that was taken."""
