"""Where another curve crosses: branch points, located, and the directions that are open there.

At a simple branch point the Jacobian J (N, N + 1) of the equations G loses one rank: Jᵀψ = 0 for
one ψ, and two directions φ₁, φ₂ are mapped to zero. Those of the two curves are α φ₁ + β φ₂ with
ψ · G''(α φ₁ + β φ₂)² = 0, the algebraic bifurcation equation (Keller, in Applications of
Bifurcation Theory, 1977; Allgower and Georg, Introduction to Numerical Continuation Methods, 2003,
chapter 8).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nullcline.continuation.curve_problem import scale_of, solve

if TYPE_CHECKING:
    from collections.abc import Callable

    from nullcline.continuation.bordered import Bordered
    from nullcline.continuation.curve_problem import Matrix, Problem, Vector

SINGULAR = 1e-9
"""Singular values this small, against the largest or 1, count as zero where a curve begins."""

ITERATIONS = 12
"""Newton's iterations to a branch point, at most."""

LOCATED = 1e-8
"""A correction this small, against the scale of the point, is the last but one."""

DIFFERENCE = 1e-5
"""How far a derivative of J looks to either side, against the scale of the point."""

ARNOLDI_STEPS = 20
"""Enough for the eigenvalues that stand apart from the others."""

FIRST_LOOK = 8
FAR = 0.5
"""No eigenvalue is below 0 if by so many steps none is seen this far from 1: those that stand apart
are seen first, and from within."""

CURVED = 1e-6
"""Second derivatives below count as zero."""


class Approach(NamedTuple):
    """Where two curves come nearest, and what is left of G there: zero to rounding if they meet."""

    point: Vector
    gap: float


def approach(problem: Problem, before: Vector, after: Vector) -> Approach | None:
    """Return where another curve comes nearest between two points of one; None if that is not seen.

    Newton's method for G(y) + γ ψ = 0 and J(y)ᵀ ψ = 0, whose solution is a simple branch point
    where γ = 0; elsewhere the curves turn away from each other, an imperfect bifurcation.
    """
    middle = (before + after) / 2
    y, gamma = middle, 0.0
    last = False
    for _ in range(ITERATIONS):
        corrected = _corrected(problem, y, gamma)
        if corrected is None:
            return None
        moved = float(np.linalg.norm(corrected[0] - y))
        y, gamma = corrected
        if np.linalg.norm(y - middle) > np.linalg.norm(after - before):
            return None
        if last:
            return Approach(y, abs(gamma))
        last = moved <= LOCATED * scale_of(y)
    return None


def _corrected(problem: Problem, y: Vector, gamma: float) -> tuple[Vector, float] | None:
    """Return the next iterate of Newton's method for the branch point."""
    jacobian = problem.jacobian(y)
    if not np.isfinite(jacobian).all():
        return None
    left, singular_values, right = np.linalg.svd(jacobian)
    psi, phi = left[:, -1], right[-2:]
    matrix = np.zeros((len(y) + 1, len(y) + 1))
    matrix[:-2, :-1], matrix[:-2, -1] = jacobian, psi
    matrix[-2:, :-1] = [psi @ _derivative(problem, y, direction) for direction in phi]
    right_side = np.concatenate(
        [problem.function(y) + gamma * psi, [singular_values[-1]], np.zeros(1)]
    )
    if not np.isfinite(matrix).all():
        return None
    change = solve(matrix, right_side)
    if change is None:
        return None
    return y - change[:-1], gamma - float(change[-1])


def _derivative(problem: Problem, y: Vector, direction: Vector) -> Matrix:
    """Return the derivative of J along a unit direction."""
    step = DIFFERENCE * scale_of(y)
    forward, backward = (problem.jacobian(y + sign * step * direction) for sign in (1, -1))
    derivative: Matrix = (forward - backward) / (2 * step)
    return derivative


def n_passed(before: Bordered, after: Bordered) -> int:
    """Return how often the determinant changes its sign between two matrices of the same row.

    The row is that of `after`. The determinant is zero at (1 - θ) M₀ + θ M₁ for a θ between 0 and 1
    where M₁⁻¹ M₀ has an eigenvalue below zero. Of large matrices those are seen that Arnoldi's
    method finds in a few steps: eigenvalues lie about 1, and where something crosses far from it.
    """
    matrix, row = before.matrix, after.matrix[-1]

    def product(v: Vector) -> Vector:
        image = matrix @ v
        image[-1] = row @ v
        return after.solve(image)

    size = len(row)
    if size <= 2 * ARNOLDI_STEPS:
        small = np.column_stack([product(unit) for unit in np.eye(size)])
    else:
        small = _hessenberg(product, np.random.default_rng(0).normal(size=size))
    if not np.isfinite(small).all():
        return 0
    eigenvalues = np.linalg.eigvals(small)
    return int(np.sum((eigenvalues.imag == 0) & (eigenvalues.real < 0)))


def _hessenberg(product: Callable[[Vector], Vector], start: Vector) -> Matrix:
    """Return what Arnoldi's method makes of a matrix, (m, m), m = ARNOLDI_STEPS at most.

    It stops after `FIRST_LOOK` steps where all eigenvalues that are seen by then are near 1.
    """
    basis = np.zeros((ARNOLDI_STEPS + 1, len(start)))
    hessenberg = np.zeros((ARNOLDI_STEPS + 1, ARNOLDI_STEPS))
    basis[0] = start / np.linalg.norm(start)
    for j in range(ARNOLDI_STEPS):
        image = product(basis[j])
        known = basis[: j + 1]
        for _ in range(2):  # twice is enough to be orthogonal
            parts = known @ image
            hessenberg[: j + 1, j] += parts
            image -= parts @ known
        length = float(np.sqrt(image @ image))
        if not length > SINGULAR:
            return hessenberg[: j + 1, : j + 1]
        hessenberg[j + 1, j] = length
        np.divide(image, length, out=basis[j + 1])
        if j + 1 == FIRST_LOOK:
            seen = hessenberg[:FIRST_LOOK, :FIRST_LOOK]
            if not np.isfinite(seen).all() or np.abs(np.linalg.eigvals(seen) - 1).max() < FAR:
                return seen
    return hessenberg[:-1]


class Kind(Enum):
    """What a point of a curve is."""

    ORDINARY = auto()
    CROSSING = auto()
    DEGENERATE = auto()


@dataclass(frozen=True, eq=False)
class OpenDirections:
    """The unit tangents of the curves through a point, (t, N + 1), and what it is.

    One tangent at an ordinary point, two at a simple branch point. At a degenerate one those of
    curves are not known: the one that is given is the direction that J maps to zero in which the
    last unknown moves most.
    """

    tangents: Matrix
    kind: Kind


def open_directions(problem: Problem, y: Vector) -> OpenDirections:
    """Return where curves go from a point.

    Raises
    ------
    ValueError
        If the Jacobian is not finite.
    """
    jacobian = problem.jacobian(y)
    require_finite_jacobian(jacobian)
    left, singular_values, right = np.linalg.svd(jacobian)
    rank = int(np.sum(singular_values > SINGULAR * max(1.0, float(singular_values[0]))))
    if rank == len(singular_values):
        return OpenDirections(right[-1:], Kind.ORDINARY)
    if rank == len(singular_values) - 1:
        crossing = _crossing(problem, y, left[:, -1], right[-2:])
        if crossing is not None:
            return OpenDirections(crossing, Kind.CROSSING)
    null = right[rank:]
    along = null[:, -1] @ null
    length = float(np.linalg.norm(along))
    only = along / length if length > SINGULAR else null[-1]
    return OpenDirections(only[None], Kind.DEGENERATE)


def require_finite_jacobian(jacobian: Matrix) -> None:
    """Raise ValueError if the Jacobian where a curve is to begin is not finite."""
    if not np.isfinite(jacobian).all():
        raise ValueError("point has a Jacobian that is not finite: no curve can be followed there")


def _crossing(problem: Problem, y: Vector, psi: Vector, phi: Matrix) -> Matrix | None:
    """Return the two tangents at a simple branch point, None where the equation has no two."""
    slopes = [psi @ _derivative(problem, y, direction) for direction in phi]
    form = np.array([[slope @ direction for direction in phi] for slope in slopes])
    (low, high), axes = np.linalg.eigh((form + form.T) / 2)
    if not (low < -CURVED and high > CURVED):
        return None
    return np.array(
        [
            (np.sqrt(high) * axes[:, 0] + sign * np.sqrt(-low) * axes[:, 1])
            / np.sqrt(high - low)
            @ phi
            for sign in (1, -1)
        ]
    )
