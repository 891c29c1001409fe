"""The sign of a determinant, proved by a bound of every rounding error.

Let A be a matrix of which each entry is known to within E, L U a factorization of A with its rows
permuted by P, as floating point finds it, and X any matrix. If in the sup norm ‖I - X B‖ < 1, then
B is regular. That bound is convex in B. So if it holds at P L U and at every matrix within E of A,
it holds on the way from one to the other, no matrix on that way is singular, and the determinant
has one sign there: that of det(P L U), the sign of P times those of U's diagonal, which is exact.

X is the inverse that LAPACK makes of L U. The factorization differs from A by at most γ_n |L| |U|
(Higham, Accuracy and Stability of Numerical Algorithms, 2002, theorem 9.3, for any order of
summation); `SLACK` times as much is allowed for, as libraries multiply by reciprocals where the
theorem divides.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from nullcline.certify.balls import UP, relative_error

if TYPE_CHECKING:
    from nullcline.certify.balls import Matrix, Vector

SLACK = 4
"""How much worse than its theorem says a factorization may be: several times what blocks and
reciprocals can add."""


class Factored:
    """A matrix with its factors and what floating point finds for its inverse.

    Parameters
    ----------
    matrix
        Shape (N, N).

    Attributes
    ----------
    inverse
        Shape (N, N); None where the matrix is singular to rounding, or something is not finite.
    """

    def __init__(self, matrix: Matrix) -> None:
        from scipy.linalg.lapack import dgetrf, dgetri

        self._matrix = matrix
        self.inverse: Matrix | None = None
        if not np.isfinite(matrix).all():
            return
        self._factors, self._pivots, info = dgetrf(matrix)
        if info == 0:
            # With room for blocks of 64; SciPy's own choice is blocks of 3, twice as slow at 256.
            inverse, info = dgetri(self._factors, self._pivots, lwork=64 * len(matrix))
            if info == 0 and np.isfinite(inverse).all():
                self.inverse = inverse

    @cached_property
    def defects(self) -> Vector:
        """Bounds of the row sums of |I - X A|, for the inverse X that is known, shape (N,)."""
        if self.inverse is None:
            return np.full(len(self._matrix), np.inf)
        size, magnitude = len(self._matrix), np.abs(self.inverse)
        with np.errstate(over="ignore", invalid="ignore"):
            left = np.abs(np.eye(size) - self.inverse @ self._matrix).sum(axis=1)
            sizes = magnitude @ np.abs(self._matrix).sum(axis=1)
            bounds: Vector = UP * (left + relative_error(size + 2) * (sizes + 1))
        return bounds

    def determinant_sign(self, error: Matrix | None = None) -> int:
        """Return the sign of det A, the same for every A within an error of the matrix.

        Parameters
        ----------
        error
            A bound of each entry's error, shape (N, N); None for an exact matrix.

        Returns
        -------
        int
            +1 or -1, proved; 0 where the bound of all errors does not tell.
        """
        if self.inverse is None:
            return 0
        apart = SLACK * relative_error(len(self._matrix)) * self._product_sums()
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite proves nothing
            if error is not None:
                apart = apart + error.sum(axis=1)
            bounds = self.defects + UP * (np.abs(self.inverse) @ (UP * apart))
        if not (UP * bounds < 1).all():
            return 0
        n_negative = np.count_nonzero(np.diag(self._factors) < 0)
        n_swaps = np.count_nonzero(self._pivots != np.arange(len(self._matrix)))
        return -1 if (n_negative + n_swaps) % 2 else 1

    def _product_sums(self) -> Vector:
        """Return the row sums of P |L| |U|, which LAPACK keeps in one matrix."""
        magnitude = np.abs(self._factors)
        upper = np.triu(magnitude).sum(axis=1)
        sums: Vector = UP * (np.tril(magnitude, -1) @ upper + upper)
        for i in reversed(range(len(sums))):
            j = self._pivots[i]
            sums[[i, j]] = sums[[j, i]]
        return sums
