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
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nullcline.continuation.bordered import Bordered, border
from nullcline.continuation.curve_problem import scale_of, solve
from nullcline.continuation.factored import Factored, factor
from nullcline.continuation.krylov_space import KrylovSpace
from nullcline.continuation.singular_vectors import smallest_by_products

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from nullcline.continuation.curve_problem import CurveMap, Matrix, Problem, Vector

SINGULAR = 1e-9
"""Singular values this small, against the largest or 1, count as zero where a curve begins."""

PLAINLY = 1e3
INVERSE_ITERATIONS = 4
"""So many find the smallest singular value to a factor of two or so, where it matters; one that is
larger than `SINGULAR` by a thousand is not it."""

LARGEST_DECOMPOSED = 64
"""A larger Jacobian is not decomposed into all its singular values where a few vectors will do."""

ITERATIONS = 12
"""Newton's iterations to a branch point, at most."""

LOCATED = 1e-8
"""A correction this small, against the scale of the point, is the last but one."""

DIFFERENCE = 1e-5
"""How far a derivative of J looks to either side, against the scale of the point."""

ARNOLDI_STEPS = 20
"""Enough for the eigenvalues that stand apart from the others."""

FIRST_LOOK = 5
FAR = 0.3
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


def n_passed(before: Factored, after: Factored) -> int:
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

    eigenvalues = _outer_eigenvalues(product, len(row))
    return int(np.sum((eigenvalues.imag == 0) & (eigenvalues.real < 0)))


def _outer_eigenvalues(product: Callable[[Vector], Vector], size: int) -> NDArray[Any]:
    """Return those eigenvalues of a matrix that stand apart from 1, maybe with others."""
    small = size <= 2 * ARNOLDI_STEPS
    start = np.random.default_rng(0).normal(size=size)
    space = KrylovSpace(product, start, size if small else ARNOLDI_STEPS)
    nothing = np.zeros(0)
    while space.grow():
        if space.size == FIRST_LOOK and not small:
            if not np.isfinite(space.hessenberg).all():
                return nothing
            seen = np.linalg.eigvals(space.hessenberg)
            if np.abs(seen - 1).max() < FAR:
                return nothing
    return np.linalg.eigvals(space.hessenberg) if np.isfinite(space.hessenberg).all() else nothing


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
    last unknown moves most. Where one direction is plainly the only one, there is the Jacobian
    too, bordered and factored.
    """

    tangents: Matrix
    kind: Kind
    bordered: Bordered | None = None


def open_directions(problem: Problem, y: Vector) -> OpenDirections:
    """Return where curves go from a point.

    Raises
    ------
    ValueError
        If the Jacobian is not finite.
    """
    if problem.products is not None:
        along = _open_by_products(problem, problem.products(y), y)
        if along is not None:
            return OpenDirections(along.tangent[None], Kind.ORDINARY, along)
    jacobian = problem.jacobian(y)
    require_finite_jacobian(jacobian)
    only = _plainly_one(jacobian) if len(y) > LARGEST_DECOMPOSED else None
    if only is not None:
        return OpenDirections(only.tangent[None], Kind.ORDINARY, only)
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


def _open_by_products(problem: Problem, jacobian: CurveMap, y: Vector) -> Bordered | None:
    """Return the Jacobian, bordered, of a large problem, as far as one direction is seen.

    It is the vector of the smallest eigenvalue of Jᵀ J. That no other is open is taken for granted
    where a bordered system can then be solved by products.
    """
    along = smallest_by_products(lambda v: jacobian.vjp(jacobian.jvp(v)), len(y), 1)
    return None if along is None else border(problem, y, along[0])


def _plainly_one(jacobian: Matrix) -> Factored | None:
    """Return the Jacobian, bordered, if it is far from losing a rank; None if that is not sure.

    Inverse iteration finds the smallest singular value from above: that x of J x = z is shortest
    which lies across the tangent, and Jᵀ z = x has one solution for it.
    """
    rng = np.random.default_rng(0)
    found = factor(jacobian, _unit(rng.normal(size=jacobian.shape[1:])), single=False)
    if found is None:
        return None
    z = _unit(rng.normal(size=jacobian.shape[:1]))
    for _ in range(INVERSE_ITERATIONS):
        x = found.across(z, found.tangent)
        z = found.solve_transposed(x)[:-1]
        smallest = float(np.linalg.norm(z)) ** -0.5
        z = _unit(z)
    largest = max(1.0, float(np.linalg.norm(jacobian)))
    return found if smallest > PLAINLY * SINGULAR * largest else None


def _unit(vector: NDArray[Any]) -> Vector:
    scaled: Vector = vector / float(np.linalg.norm(vector))
    return scaled


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
