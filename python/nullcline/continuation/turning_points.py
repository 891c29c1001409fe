"""Where the last unknown of a curve turns back: the folds of a branch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline.continuation.bordered import border
from nullcline.continuation.corrector import CurvePoint, correct, point_ahead
from nullcline.continuation.curve_problem import Place
from nullcline.continuation.pseudo_arclength import CLOSEST, follow

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nullcline.continuation.curve_problem import Problem, Vector
    from nullcline.continuation.pseudo_arclength import Branch


AT_CROSSING = 0.1
"""In steps: a turn this near to a branch point is that of the arms of its pitchfork."""


def folds_of(problem: Problem, branch: Branch) -> list[Place]:
    """Return where the last unknown turns back other than at a branch point, in order."""
    places = []
    for k in turns_of(branch.tangents[:, -1]).tolist():
        point = turning_point(problem, branch, k)
        if not _branches(branch, k, point):
            length = branch.arclength[k] + float(np.linalg.norm(point - branch.points[k]))
            places.append(Place(point, float(min(length, branch.arclength[k + 1]))))
    return places


def _branches(branch: Branch, k: int, point: Vector) -> bool:
    """Tell whether a curve turns back at a branch point between points k and k + 1, a pitchfork."""
    low, high = branch.arclength[k : k + 2]
    lengths = branch.crossing_arclength
    within = (lengths >= low - CLOSEST) & (lengths <= high + CLOSEST)
    distances = np.linalg.norm(branch.crossings[within] - point, axis=1)
    return bool((distances <= max(AT_CROSSING * (high - low), CLOSEST)).any())


def turning_point(problem: Problem, branch: Branch, k: int, depth: int = 3) -> Vector:
    """Return where the last unknown turns back, between the branch's points k and k + 1.

    Where the curve cannot be corrected at all steps between, it is first followed in shorter ones.
    """
    from scipy.optimize import brentq  # it takes longer to load than all of `import nullcline`

    point, tangent = branch.points[k], branch.tangents[k]
    length = float(tangent @ (branch.points[k + 1] - point))
    found: list[Vector] = [point]
    here = CurvePoint(point, tangent, border(problem, point, tangent))

    def slope(step: float) -> float:
        if step == 0:
            return float(tangent[-1])
        corrected = correct(problem, here, step)
        ahead = None if corrected is None else point_ahead(problem, here, corrected.point)
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
