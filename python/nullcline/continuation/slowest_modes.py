"""The two modes of a reduced map that decay most slowly, or grow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline.continuation.singular_vectors import smallest_left_vectors

if TYPE_CHECKING:
    from nullcline.continuation.curve_problem import Matrix

LARGEST_DECOMPOSED = 512
"""Of a larger matrix some eigenvectors are found without the others, by Arnoldi's method."""

SOME = 6
"""How many of them."""

PARALLEL = 1e-6
"""Eigenvectors whose angle has a smaller sine do not tell two directions apart."""


def slowest_modes(jacobian: Matrix) -> Matrix:
    """Return two unit vectors (2, H) of the eigenvalues of D(n - h) with the largest real parts.

    Eigenvectors of two real ones, or real and imaginary part of one of a pair, each with its
    largest entry above zero. Where there are no two, as at a defective eigenvalue, the left
    singular vectors of the two smallest singular values.
    """
    values, vectors = _eigenpairs(jacobian)
    order = np.lexsort([-values.imag, -values.real])  # of a pair the one above the axis first
    first, second = vectors[:, order[0]], vectors[:, order[1]]
    is_pair = values[order[0]].imag != 0
    found = np.array([first.real, first.imag if is_pair else second.real])
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    units = found / np.where(lengths > 0, lengths, 1)
    if np.linalg.svd(units, compute_uv=False)[-1] <= PARALLEL:
        return np.array(smallest_left_vectors(jacobian, 2))
    largest = np.abs(units).argmax(axis=1)
    turned: Matrix = units * np.sign(units[[0, 1], largest])[:, None]
    return turned


def _eigenpairs(jacobian: Matrix) -> tuple[np.ndarray, np.ndarray]:
    if len(jacobian) > LARGEST_DECOMPOSED:
        from scipy.sparse.linalg import ArpackError, eigs

        start = np.random.default_rng(0).normal(size=len(jacobian))
        try:
            values, vectors = eigs(jacobian, SOME, which="LR", v0=start)
        except ArpackError:
            pass
        else:
            return values, vectors
    return np.linalg.eig(jacobian)
