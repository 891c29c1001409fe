"""The codimension-one points of a branch: what happens there, and to which mode."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nullcline._support.shown import Shown
from nullcline.continuation.branch_points import Kind, open_directions
from nullcline.continuation.circle_crossings import circle_crossings, nearest_eigenvectors
from nullcline.continuation.curve_problem import Place
from nullcline.continuation.pseudo_arclength import CLOSEST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from nullcline.continuation.circle_crossings import Crossing
    from nullcline.continuation.curve_problem import Matrix, Problem, Vector

REAL_ANGLE = 1e-7
"""A pair this near to the real axis, in radians, is two real eigenvalues to rounding."""

SINGULAR = 1e-6
"""A smallest singular value of all derivatives below which another curve crosses."""

UPRIGHT = 1e-5
"""The largest share of the parameter in the direction of a curve that turns back there."""

SAME = 1e-3
"""Of an interval between points: eigenvalues that pass 1 no further from a fold or branch point
that is known pass there."""


class Bifurcation(Enum):
    """What happens at a point of a branch; the values are what users read."""

    FOLD = "fold: an eigenvalue is 1, two fixed points meet and vanish"
    PITCHFORK = "pitchfork: an eigenvalue is 1, and a branch crosses that turns back here"
    TRANSCRITICAL = "transcritical: an eigenvalue is 1, and a branch crosses with another stability"
    BRANCH_POINT = "branch point: an eigenvalue is 1, and more than one other branch may cross"
    FLIP = "flip: an eigenvalue is -1, a cycle of period 2 is born or absorbed"
    NEIMARK_SACKER = "Neimark-Sacker: a complex pair is on the unit circle, a closed curve is born"
    UNRESOLVED = "unresolved: several eigenvalues cross the unit circle at one place, to rounding"


@dataclass(frozen=True, eq=False, repr=False)
class BifurcationPoint(Shown):
    """A point of a branch of fixed points at which its stability, or its number, changes.

    Attributes
    ----------
    kind
        What happens: a `nullcline.continuation.Bifurcation`, whose value is a sentence.
    h
        The state, shape (S,).
    s
        The parameter: how far the input has moved, or the time in epochs.
    inputs
        The input, shape (D,).
    arclength
        Where the point is along its branch.
    eigenvalue
        Of J_rec, on the unit circle, with an imaginary part of at least 0.
    right
        Its right eigenvector, shape (S,), of length 1: the direction in which states leave.
    left
        Its left eigenvector, shape (S,), whose product with `right` is 1: what moves the mode; NaN
        where the eigenvalue is defective.
    """

    kind: Bifurcation
    h: Vector
    s: float
    inputs: Vector
    arclength: float
    eigenvalue: complex
    right: NDArray[np.complex128]
    left: NDArray[np.complex128]

    @property
    def angle(self) -> float:
        """The angle of the eigenvalue, in radians a step: 0 at folds, π at flips."""
        return abs(float(np.angle(self.eigenvalue)))

    @property
    def period(self) -> float:
        """2π / `angle`, in steps: 2 at flips, infinite where the eigenvalue is 1."""
        return float(2 * np.pi / self.angle) if self.angle > 0 else float("inf")

    def __repr__(self) -> str:
        name = self.kind.name.lower().replace("_", " ")
        turn = f", period {self.period:.4g}" if self.kind is Bifurcation.NEIMARK_SACKER else ""
        return f"BifurcationPoint({name} at s = {self.s:.6g}{turn}; S = {len(self.h)})"


class FollowedCurve(NamedTuple):
    """A curve of fixed points with what is known of it.

    `step_jacobian` gives J_rec at a point, `full` the state and the input there; `folds` and
    `branchings` have been found already.
    """

    problem: Problem
    points: Matrix
    arclength: Vector
    folds: Sequence[Place]
    branchings: Sequence[Place]
    step_jacobian: Callable[[Vector], Matrix]
    full: Callable[[Vector], tuple[Vector, Vector]]


@dataclass(frozen=True, eq=False)
class _Event:
    kind: Bifurcation
    place: Place
    eigenvalue: complex


def bifurcations_on(curve: FollowedCurve) -> tuple[BifurcationPoint, ...]:
    """Return all codimension-one points that are seen on a curve, in their order along it."""

    def spectrum(y: Vector) -> NDArray[np.complex128]:
        return np.linalg.eigvals(curve.step_jacobian(y)).astype(np.complex128)

    events = [_Event(Bifurcation.FOLD, place, 1) for place in curve.folds]
    events += [_Event(_branching(curve.problem, at.point), at, 1) for at in curve.branchings]
    known = np.array([event.place.arclength for event in events])
    crossings = circle_crossings(curve.problem, curve.points, spectrum)
    for piece, group in groupby(crossings, key=lambda crossing: crossing.piece):
        low, high = curve.arclength[piece : piece + 2]
        found = [_placed(curve.problem, crossing, low, high) for crossing in group]
        events += _without_known(found, known, low, high)
    return tuple(_described(curve, events))


def _placed(problem: Problem, crossing: Crossing, low: float, high: float) -> _Event:
    """Return a crossing as what happens there; arclengths of its piece's ends are given."""
    kind = _kind(problem, crossing.point, crossing.eigenvalue, crossing.is_single)
    at = Place(crossing.point, float(low + crossing.part * (high - low)))
    return _Event(kind, at, crossing.eigenvalue)


def _without_known(events: list[_Event], known: Vector, low: float, high: float) -> list[_Event]:
    """Leave out the eigenvalues that pass 1 where that is known; the events are of one piece.

    Of a known place within the piece it is the nearest one, and any that is very near.
    """
    margin = max(SAME * (high - low), CLOSEST)
    for length in known:
        is_within = low <= length <= high
        passing = [event for event in events if _is_at_one(event)]
        distances = [abs(event.place.arclength - length) for event in passing]
        least = max(min(distances, default=0.0), margin) if is_within else margin
        explained = [e for e, far in zip(passing, distances, strict=True) if far <= least]
        events = [event for event in events if event not in explained]
    return events


def _is_at_one(event: _Event) -> bool:
    """Tell whether the eigenvalue that crosses is a real one, at 1."""
    turns = event.kind is Bifurcation.NEIMARK_SACKER
    return not turns and abs(float(np.angle(event.eigenvalue))) < 1


def _described(curve: FollowedCurve, events: list[_Event]) -> Iterator[BifurcationPoint]:
    for event in sorted(events, key=lambda event: event.place.arclength):
        point, length = event.place
        h, x = curve.full(point)
        value, right, left = nearest_eigenvectors(curve.step_jacobian(point), event.eigenvalue)
        s = float(point[-1])
        yield BifurcationPoint(event.kind, h, s, x, length, value, right, left)


def _kind(problem: Problem, y: Vector, value: complex, is_single: bool) -> Bifurcation:
    """Return what happens where eigenvalues cross the circle at a number."""
    if not is_single:
        return Bifurcation.UNRESOLVED
    angle = abs(float(np.angle(value)))
    if REAL_ANGLE < angle < np.pi - REAL_ANGLE:
        return Bifurcation.NEIMARK_SACKER
    if angle > 1:
        return Bifurcation.FLIP
    smallest = float(np.linalg.svd(problem.jacobian(y), compute_uv=False)[-1])
    return Bifurcation.FOLD if smallest > SINGULAR else _branching(problem, y)


def _branching(problem: Problem, y: Vector) -> Bifurcation:
    """Return what kind of branch point is here, by the directions that are open."""
    leaving = open_directions(problem, y)
    if leaving.kind is not Kind.CROSSING:
        return Bifurcation.BRANCH_POINT
    upright = np.abs(leaving.tangents[:, -1]) <= UPRIGHT
    return Bifurcation.PITCHFORK if upright.any() else Bifurcation.TRANSCRITICAL
