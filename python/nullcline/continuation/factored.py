"""The Jacobian at a point of a curve, bordered by a row, and what one factorization of it solves.

With J (N, N + 1) of full rank and a row that is not across the curve, the matrix [J; row] is
regular, at folds too (Keller, in Applications of Bifurcation Theory, 1977). What solves it solves
for every other row as well: the difference lies along the curve's tangent t, which J maps to zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nullcline.continuation.curve_problem import Matrix, Vector

SINGLE_PRECISION_FROM = 512
"""Matrices of this many unknowns are factored in float32, which takes two thirds of the time of
float64, with the refinement that makes as much of it (`benchmarks/curve_constants.py`)."""

REFINED = 1e-14
"""A solution whose residual is this small, against the right side, is refined no further."""

REFINEMENTS = 4
CONTRACTION = 1e-2
"""Each refinement must leave at most this part of the residual, or the matrix is so nearly singular
that float32 says nothing, of its determinant's sign neither: then float64's factors are made."""


class Factored:
    """The matrix [J; row] and its factors.

    Attributes
    ----------
    matrix
        [J; row], shape (N + 1, N + 1).
    sign
        The sign of its determinant.
    tangent
        The unit vector that J maps to zero, on the same side as the row.
    """

    def __init__(self, matrix: Matrix, *, single: bool) -> None:
        self.matrix = matrix
        self._single = single
        self._factors, self._pivots, self.sign = _factored(matrix, single=single)
        unit = np.zeros(len(matrix))
        unit[-1] = 1
        along = self._solved_well(unit)
        self.tangent: Vector = along / float(np.linalg.norm(along))

    def sign_towards(self, tangent: Vector) -> float:
        """Return the sign of the determinant of [J; tangent], of the tangent of either side."""
        return self.sign if self.tangent @ tangent > 0 else -self.sign

    def solve(self, right: Vector) -> Vector:
        """Return what solves the system to the precision of the factors."""
        return self._solve(right, trans=1)

    def solve_transposed(self, right: Vector) -> Vector:
        """Return what solves the transposed system to the precision of the factors."""
        return self._solve(right, trans=0)

    def across(self, residual: Vector, tangent: Vector) -> Vector:
        """Return d with J d = residual across the curve's tangent, to the factors' precision."""
        right = np.empty(len(self.matrix))
        right[:-1], right[-1] = residual, 0
        found = self.solve(right)
        return found - (tangent @ found) * tangent

    def _solved_well(self, right: Vector) -> Vector:
        """Return what solves the system to rounding; from here on with factors that can."""
        found = self.solve(right)
        if not self._single:
            return found
        size = float(np.abs(right).max())
        left = right - self.matrix @ found
        for _ in range(REFINEMENTS):
            was = float(np.abs(left).max())
            if was <= REFINED * size:
                return found
            found = found + self.solve(left)
            left = right - self.matrix @ found
            if not float(np.abs(left).max()) <= max(CONTRACTION * was, REFINED * size):
                break
        else:
            return found
        self._single = False
        self._factors, self._pivots, self.sign = _factored(self.matrix, single=False)
        return self.solve(right)

    def _solve(self, right: Vector, trans: int) -> Vector:
        from scipy.linalg.lapack import dgetrs, sgetrs

        if self._single:
            scale = float(np.abs(right).max()) or 1.0
            small = (right / scale).astype(np.float32)
            rough: NDArray[np.float32] = sgetrs(self._factors, self._pivots, small, trans=trans)[0]
            return scale * rough.astype(np.float64)
        solution: Vector = dgetrs(self._factors, self._pivots, right, trans=trans)[0]
        return solution


def factor(jacobian: Matrix, row: Vector, *, single: bool | None = None) -> Factored | None:
    """Factor [J; row]; None if it is singular, or holds or gives something not finite.

    Parameters
    ----------
    jacobian, row
        J (N, N + 1), and a row of N + 1 numbers.
    single
        Whether to factor in float32; None for what is faster.
    """
    matrix = np.empty((len(row), len(row)))
    matrix[:-1], matrix[-1] = jacobian, row
    if single is None:
        single = len(row) > SINGLE_PRECISION_FROM
    for precision in (True, False) if single else (False,):
        with np.errstate(all="ignore"):
            try:
                found = Factored(matrix, single=precision)
            except np.linalg.LinAlgError:
                continue
            if np.isfinite(found.tangent).all():
                return found
    return None


def _factored(matrix: Matrix, *, single: bool) -> tuple[Matrix, NDArray[np.int32], float]:
    """Return factors of the transposed matrix, which lies as LAPACK wants it, pivots and sign."""
    from scipy.linalg.lapack import dgetrf, sgetrf

    if single:
        factors, pivots, info = sgetrf(matrix.astype(np.float32).T, overwrite_a=True)
    else:
        factors, pivots, info = dgetrf(matrix.T)
    if info != 0:
        raise np.linalg.LinAlgError
    n_swaps = np.count_nonzero(pivots != np.arange(len(pivots)))
    n_negative = np.count_nonzero(np.diagonal(factors) < 0)
    return factors, pivots, -1.0 if (n_swaps + n_negative) % 2 else 1.0
