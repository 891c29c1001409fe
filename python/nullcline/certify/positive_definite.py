"""Whether a symmetric matrix is positive definite, proved by a factorization in floating point.

It is if Cholesky's factorization of A - c I ends, with c >= γ_(n+1) / (1 - γ_(n+1)) tr A (Rump, BIT
46 (2006) 433).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline.certify.balls import TINY, UP, relative_error

if TYPE_CHECKING:
    from nullcline.certify.balls import Matrix


def is_positive_definite(matrix: Matrix, error: float) -> bool:
    """Tell whether every symmetric matrix is that differs by `error`, in the 2-norm, at most.

    Parameters
    ----------
    matrix
        Symmetric to the bit, shape (N, N).
    error
        Not negative.
    """
    n = len(matrix)
    trace = float(np.abs(np.diag(matrix)).sum())
    shift = UP * (error + 2 * relative_error(n + 4) * trace) + TINY
    if not (np.isfinite(shift) and np.isfinite(matrix).all()):
        return False  # which Cholesky's factorization does not notice
    try:
        np.linalg.cholesky(matrix - shift * np.eye(n))
    except np.linalg.LinAlgError:
        return False
    return True
