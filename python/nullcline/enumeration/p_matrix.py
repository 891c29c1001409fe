"""Whether a matrix is a P-matrix, all of whose principal minors are positive, proved.

Three tests, of which each proves it; none proves that a matrix is no P-matrix.

- An H-matrix with a positive diagonal is one. M is an H-matrix if a vector x > 0 has <M> x > 0,
  <M> being |m_ii| on the diagonal and -|m_ij| beside it: M is dominated by its diagonal, once its
  columns are scaled by x (Berman and Plemmons, Nonnegative Matrices in the Mathematical Sciences,
  1994, chapter 6). M-matrices are H-matrices.
- A matrix whose symmetric part is positive definite is one.
- M is a P-matrix if and only if m_11 > 0 and both M without its first row and column and the Schur
  complement of m_11 are (Tsatsomeros and Li, BIT 40 (2000) 410): the signs of all 2^n - 1 pivots.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline.certify.balls import TINY, UNIT, UP, relative_error
from nullcline.certify.positive_definite import is_positive_definite

if TYPE_CHECKING:
    from nullcline.certify.balls import Ball

MOST_BY_MINORS = 14
"""Units of which all minors are computed: those of 14 take 0.05 s and 30 MB."""

DOMINATED = "it is an H-matrix with a positive diagonal"
DEFINITE = "its symmetric part is positive definite"
MINORS = "all of its principal minors are positive"


def why_p_matrix(matrix: Ball) -> str | None:
    """Return how every matrix of a ball (N, N) is proved to be a P-matrix; None if it is not."""
    if not np.isfinite(matrix.magnitude()).all():
        return None
    with np.errstate(all="ignore"):  # what overflows proves nothing
        if not (np.diag(matrix.low) > 0).all():
            return None
        if _is_dominated(matrix):
            return DOMINATED
        if _has_definite_symmetric_part(matrix):
            return DEFINITE
        if len(matrix.middle) <= MOST_BY_MINORS and _has_positive_minors(matrix):
            return MINORS
    return None


def _is_dominated(matrix: Ball) -> bool:
    n = len(matrix.middle)
    sizes = matrix.magnitude()
    np.fill_diagonal(sizes, 0)
    diagonal = np.diag(matrix.low)
    try:
        x = np.linalg.solve(np.diag(diagonal) - sizes, np.ones(n))
    except np.linalg.LinAlgError:
        return False
    if not (np.isfinite(x).all() and (x > 0).all()):
        return False
    own, others = diagonal * x, sizes @ x
    return bool((own - others > relative_error(n + 4) * (own + others) * UP + TINY).all())


def _has_definite_symmetric_part(matrix: Ball) -> bool:
    total = matrix.middle + matrix.middle.T
    off = UNIT * np.abs(total) + matrix.radius + matrix.radius.T
    # The error is symmetric, so its norm is at most its largest row sum.
    return is_positive_definite(total, UP * float(off.sum(axis=1).max(initial=0)))


def _has_positive_minors(matrix: Ball) -> bool:
    """Whether all pivots are positive, those of 2^k submatrices at the k-th step."""
    middle, radius = matrix.middle[None], matrix.radius[None]
    while middle.shape[1] > 0:
        pivot, pivot_radius = middle[:, 0, 0], radius[:, 0, 0]
        least = pivot - pivot_radius * UP - TINY
        if not (least > 0).all():
            return False
        without, without_radius = middle[:, 1:, 1:], radius[:, 1:, 1:]
        row, column = middle[:, :1, 1:], middle[:, 1:, :1]
        row_radius, column_radius = radius[:, :1, 1:], radius[:, 1:, :1]
        part = row / pivot[:, None, None]
        spread = (row_radius + np.abs(part) * pivot_radius[:, None, None]) / least[:, None, None]
        spread = UP * (spread + 4 * UNIT * np.abs(part)) + TINY
        taken = column * part
        complement = without - taken
        off = without_radius + np.abs(column) * spread + column_radius * (np.abs(part) + spread)
        off = UP * (off + 4 * UNIT * (np.abs(taken) + np.abs(complement))) + TINY
        middle = np.concatenate([without, complement])
        radius = np.concatenate([without_radius, off])
    return True
