"""Where eigenvalues of a step's Jacobian cross the unit circle along a curve of fixed points.

Eigenvalues at the two ends of a piece of the curve are matched. A piece whose change is that of one
event, a real eigenvalue or one conjugate pair that crosses, is searched by the modulus as a test
function (Kuznetsov, Elements of Applied Bifurcation Theory, chapter 10); any other, and one in
which an eigenvalue may have gone through the circle and back, is halved.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from nullcline.continuation.pieces import Piece

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from nullcline.continuation.curve_problem import Matrix, Problem, Vector

    Complex: TypeAlias = NDArray[np.complex128]
    Spectrum: TypeAlias = Callable[[Vector], Complex]

HALVINGS = 24
"""A piece so often halved holds more than one event at one place, as far as rounding tells."""

SUSPICIONS = 5
"""So often a piece is halved of which the ends tell of no event, but leave room for two."""

NEAR = 0.2
"""Eigenvalues that are together so near to the circle at both ends are also looked at between."""

CONJUGATE = 1e-8
"""Eigenvalues that differ by so little from each other's conjugates are a pair."""

REAL = 1e-12
"""Imaginary parts below this share of the modulus count as zero."""


class Crossing(NamedTuple):
    """A point of the curve at which eigenvalues cross the circle.

    `piece` is the number of the points' interval that it lies in, and `part` where in it.
    `eigenvalue` has an imaginary part of at least zero, and `is_single` says that only it, or it
    and its conjugate, are known to cross here.
    """

    point: Vector
    piece: int
    part: float
    eigenvalue: complex
    is_single: bool


class _End(NamedTuple):
    """An end of a piece: where it is between two points of the curve, and the eigenvalues there."""

    part: float
    eigenvalues: Complex


class _Piece(Piece):
    """One along which eigenvalues are known."""

    def __init__(self, problem: Problem, spectrum: Spectrum, ends: Matrix) -> None:
        super().__init__(problem, ends)
        self._spectrum = spectrum

    def end(self, part: float) -> _End | None:
        """Return the eigenvalues at a part of the piece."""
        point = self.at(part)
        return None if point is None else _End(part, self._spectrum(point))

    def crossings(
        self, one: _End, other: _End, depth: int = 0, bend: float = NEAR
    ) -> Iterator[tuple[float, complex, bool]]:
        """Yield part, eigenvalue and whether it is a single one for each event between two ends.

        `bend` is how far eigenvalues may lie from the straight line between their ends.
        """
        before, after = _matched(one.eigenvalues, other.eigenvalues)
        crossed = (np.abs(before) > 1) != (np.abs(after) > 1)
        events = np.flatnonzero(crossed & (_upper(before) | _upper(after)))
        certain = len(events) == 0 or _is_one_event(before[crossed], after[crossed])
        is_suspect = bool(_may_have_been_across(before, after, bend)[~crossed].any())
        halved = not certain and depth < HALVINGS
        if halved or (is_suspect and depth < SUSPICIONS):
            middle = self.end((one.part + other.part) / 2)
            if middle is not None:
                bend = _bend(before, middle.eigenvalues, after)
                yield from self.crossings(one, middle, depth + 1, bend)
                yield from self.crossings(middle, other, depth + 1, bend)
                return
        for k in events:
            known = _End(one.part, before[k : k + 1]), _End(other.part, after[k : k + 1])
            if certain:
                yield (*self._located(*known), True)
            else:
                value = complex(before[k] + after[k]) / 2
                yield (one.part + other.part) / 2, complex(value.real, abs(value.imag)), False

    def _located(self, one: _End, other: _End) -> tuple[float, complex]:
        """Return where one eigenvalue, or the upper one of a pair, is on the circle."""
        from scipy.optimize import brentq  # it takes longer to load than all of `import nullcline`

        first, last = complex(one.eigenvalues[0]), complex(other.eigenvalues[0])
        found, at = [first], [one.part]

        def excess(part: float) -> float:
            if part in (one.part, other.part):
                found[0] = first if part == one.part else last
            else:
                there = self.end(part)
                if there is None:
                    raise _NoPointError
                share = (part - one.part) / (other.part - one.part)
                near = np.argmin(np.abs(there.eigenvalues - (first + share * (last - first))))
                found[0] = complex(there.eigenvalues[near])
            at[0] = part
            return abs(found[0]) - 1

        with suppress(_NoPointError, ValueError):  # ValueError: the eigenvalue was another's
            excess(float(brentq(excess, one.part, other.part, xtol=1e-15, rtol=1e-14)))
        return at[0], complex(found[0].real, abs(found[0].imag))


class _NoPointError(ArithmeticError):
    """Newton's method found no point of the curve between two that are known."""


def circle_crossings(problem: Problem, points: Matrix, spectrum: Spectrum) -> list[Crossing]:
    """Return where eigenvalues cross the unit circle, in their order along a curve.

    Parameters
    ----------
    problem
        What defines the curve.
    points
        Points of it in their order, shape (m, N + 1).
    spectrum
        Gives the eigenvalues at a point.
    """
    found: list[Crossing] = []
    ends = [spectrum(point) for point in points]
    for k, (before, after) in enumerate(pairwise(ends)):
        piece = _Piece(problem, spectrum, points[k : k + 2])
        for part, value, is_single in piece.crossings(_End(0.0, before), _End(1.0, after)):
            point = piece.at(part)
            if point is None:
                point = (1 - part) * points[k] + part * points[k + 1]
            found.append(Crossing(point, k, part, value, is_single))
    return found


def _matched(one: Complex, other: Complex) -> tuple[Complex, Complex]:
    """Return both in an order in which those that belong together lie beside each other."""
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(np.abs(one[:, None] - other))
    return one[rows], other[columns]


def _upper(values: Complex) -> NDArray[np.bool_]:
    upper: NDArray[np.bool_] = values.imag >= 0
    return upper


def _is_one_event(before: Complex, after: Complex) -> bool:
    """Tell whether what crosses is one real eigenvalue, or a pair off the real axis."""
    ends = np.stack([before, after])
    is_real = np.abs(ends.imag) <= REAL * np.abs(ends)
    if len(before) == 1:
        return bool(is_real.all() and before.real[0] * after.real[0] > 0)
    if len(before) != 2 or is_real.any():
        return False
    is_pair = np.abs(ends[:, 0] - ends[:, 1].conj()) <= CONJUGATE
    return bool(is_pair.all() and before.imag[0] * after.imag[0] > 0)


def _may_have_been_across(before: Complex, after: Complex, bend: float) -> NDArray[np.bool_]:
    """Tell which eigenvalues have moved so far that the circle may have been within their way."""
    room = np.abs(np.abs(before) - 1) + np.abs(np.abs(after) - 1)
    across: NDArray[np.bool_] = room < np.abs(after - before) + bend
    return across


def _bend(before: Complex, middle: Complex, after: Complex) -> float:
    """Return how far eigenvalues near the circle lie from the middle of their ends, at most."""
    expected, found = _matched((before + after) / 2, middle)
    is_near = np.abs(np.abs(expected) - 1) < NEAR
    return float(np.abs(expected - found)[is_near].max(initial=0))


def nearest_eigenvectors(jacobian: Matrix, value: complex) -> tuple[complex, Any, Any]:
    """Return the eigenvalue nearest to a number, and its right (S,) and left (S,) eigenvectors.

    The right one has length 1, and its largest entry is real and positive; the product of the left
    one with it is 1, which is NaN where the eigenvalue is defective to rounding.
    """
    from scipy.linalg import eig

    values, left, right = (np.asarray(part) for part in eig(jacobian, left=True))
    k = int(np.argmin(np.abs(values - value)))
    r = right[:, k] / np.linalg.norm(right[:, k])
    r = r * np.exp(-1j * np.angle(r[np.argmax(np.abs(r))]))
    row = left[:, k].conj()
    product = row @ r
    if abs(product) <= 1e-12 * float(np.linalg.norm(row)):
        return complex(values[k]), r, np.full_like(row, np.nan)
    return complex(values[k]), r, row / product
