"""A point of a sheet with its tangent plane, from one factorization that corrects points nearby."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline.continuation.curve_problem import scale_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from nullcline.continuation.curve_problem import Matrix, Vector
    from nullcline.continuation.sheet_problem import SheetProblem

CHORDS = 10
"""Newton steps with one factorization, at most, before others are made."""

NEWTONS = 6
SLOW = 0.3
"""A step that is longer than this part of the one before asks for a new factorization."""

EXACT = 1e-11
"""A step that is so short beside the point has ended the correction."""


class TangentPlane:
    """The matrix [J; Rᵀ] at a point, factored, where R (N + 2, 2) spans a plane nearby.

    Attributes
    ----------
    point
        y, shape (N + 2,).
    tangents
        Two orthonormal vectors that J maps to zero, as near to R as can be, shape (N + 2, 2).
    cosine
        Of the largest angle between the two planes.
    sign
        That of the determinant: one and the same along a sheet whose planes turn steadily.
    """

    def __init__(self, jacobian: Matrix, point: Vector, rows: Matrix) -> None:
        from scipy.linalg.lapack import dgetrf, dgetrs

        self._dgetrs = dgetrs
        self.point = point
        factors, pivots, info = dgetrf(np.vstack([jacobian, rows.T]).T)
        if info != 0:
            raise np.linalg.LinAlgError
        self._factors, self._pivots = factors, pivots
        swaps = np.count_nonzero(pivots != np.arange(len(pivots)))
        below = np.count_nonzero(np.diag(factors) < 0)
        self.sign = -1 if (swaps + below) % 2 else 1
        right = np.zeros((len(point), 2))
        right[-2:] = np.eye(2)
        leading = self._solve(right)
        if not np.isfinite(leading).all():
            raise np.linalg.LinAlgError
        left, lengths, across = np.linalg.svd(leading, full_matrices=False)
        self.tangents: Matrix = left @ across
        self.cosine = float(1 / lengths[0])

    def across(self, residual: Vector) -> Vector:
        """Return d with J d = residual, orthogonal to the tangent plane."""
        step = self._solve(np.append(residual, [0.0, 0.0]))
        orthogonal: Vector = step - self.tangents @ (self.tangents.T @ step)
        return orthogonal

    def onto(self, residual: Vector, beside: Vector) -> Vector:
        """Return d with J d = residual and Rᵀ d = beside, shape (2,)."""
        step: Vector = self._solve(np.append(residual, beside))
        return step

    def _solve(self, right: Matrix) -> Matrix:
        solved: Matrix = self._dgetrs(self._factors, self._pivots, right, trans=1)[0]
        return solved


class Corrector:
    """Newton's method from a predicted point to the sheet, and the factorizations it has made."""

    def __init__(self, problem: SheetProblem) -> None:
        self.problem = problem
        self.factorizations = 0

    def plane(self, point: Vector, rows: Matrix) -> TangentPlane | None:
        """Return the tangent plane at a point; None where the equations do not have full rank."""
        jacobian = self.problem.jacobian(point)
        if not np.isfinite(jacobian).all():
            return None
        self.factorizations += 1
        try:
            return TangentPlane(jacobian, point, rows)
        except np.linalg.LinAlgError:
            return None

    def corrected(self, plane: TangentPlane, start: Vector) -> Vector | None:
        """Return the sheet's point beside `start`, orthogonal to a plane; None where none is found.

        With the factors at the plane's point as long as that goes well, then with new ones.
        """
        return self._newton(start, plane, plane.tangents, lambda at, _, value: at.across(value))

    def met(self, start: Vector, rows: Matrix, target: Vector) -> Vector | None:
        """Return the sheet's point y near `start` that has rowsᵀ y = target; None without one."""
        plane = self.plane(start, rows)
        if plane is None:
            return None
        return self._newton(
            start, plane, rows, lambda at, y, value: at.onto(value, rows.T @ y - target)
        )

    def _newton(
        self,
        y: Vector,
        at: TangentPlane,
        rows: Matrix,
        step_of: Callable[[TangentPlane, Vector, Vector], Vector],
    ) -> Vector | None:
        newtons, last = 0, np.inf
        for _ in range(CHORDS + NEWTONS):
            residual = self.problem.function(y)
            if not np.isfinite(residual).all():
                return None
            step = step_of(at, y, residual)
            length = float(np.abs(step).max())
            if not np.isfinite(length):
                return None
            y = y - step
            if length <= EXACT * scale_of(y):
                return y
            if length > SLOW * last:
                if newtons == NEWTONS:
                    return None
                newtons += 1
                fresh = self.plane(y, rows)
                if fresh is None:
                    return None
                at, last = fresh, np.inf
            else:
                last = length
        return None
