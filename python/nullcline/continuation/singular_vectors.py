"""The directions in which a matrix maps least: its smallest singular values' vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline.continuation.krylov_space import KrylovSpace

if TYPE_CHECKING:
    from collections.abc import Callable

    from nullcline.continuation.curve_problem import Matrix, Vector

LARGEST_DECOMPOSED = 64
"""Of a larger matrix some of the vectors are found without the others."""

MOST = 60
"""Products with the inverse, at most; one vector takes a third of them, three nearly all."""

FOUND = 1e-13
"""A Ritz pair whose residual is this small, against the largest eigenvalue, is found."""

MOST_PRODUCTS = 300
KNOWN = 1e-10
"""The same without an inverse, by many more products and to fewer digits."""

LOOK_EVERY = 3
"""Products between two looks at what has been found."""


def smallest_left_vectors(matrix: Matrix, n: int) -> list[Vector]:
    """Return the left singular vectors of the n smallest singular values, the smallest first.

    A square matrix is factored once, and Lanczos's method applied to the inverse of A Aᵀ, whose
    largest eigenvalues those are; where that does not find them, all are.
    """
    if len(matrix) > LARGEST_DECOMPOSED and n <= MOST // 4:
        found = _by_lanczos(matrix, n)
        if found is not None:
            return found
    left = np.linalg.svd(matrix)[0]
    return [_one_way_round(left[:, -1 - i]) for i in range(n)]


def smallest_by_products(
    product: Callable[[Vector], Vector], size: int, n: int
) -> list[Vector] | None:
    """Return eigenvectors of the n smallest eigenvalues of a symmetric map, None if not found.

    By its products alone, so that they are known to `KNOWN` only.
    """
    with np.errstate(all="ignore"):
        found = _lanczos(lambda v: -product(v), size, n, MOST_PRODUCTS, KNOWN)
    return None if found is None else [_one_way_round(vector) for vector in found]


def _by_lanczos(matrix: Matrix, n: int) -> list[Vector] | None:
    from scipy.linalg.lapack import dgetrf, dgetrs

    factors, pivots, info = dgetrf(matrix.T)  # of the transpose, which lies as LAPACK wants it
    if info != 0:
        return None

    def product(v: Vector) -> Vector:
        solved = dgetrs(factors, pivots, v, trans=1)[0]
        again: Vector = dgetrs(factors, pivots, solved)[0]
        return again

    with np.errstate(all="ignore"):
        found = _lanczos(product, len(matrix), n, MOST, FOUND)
    return None if found is None else [_one_way_round(vector) for vector in found]


def _lanczos(
    product: Callable[[Vector], Vector], size: int, n: int, most: int, tolerance: float
) -> list[Vector] | None:
    """Return unit eigenvectors of the n largest eigenvalues of a symmetric map, the largest first.

    None if `most` products do not find them to a residual of `tolerance` times the largest modulus.
    """
    space = KrylovSpace(product, np.random.default_rng(0).normal(size=size), min(most, size))
    while True:
        goes_on = space.grow()
        if goes_on and (space.size < 2 * n or space.size % LOOK_EVERY):
            continue
        if space.size < n or not np.isfinite(space.hessenberg).all():
            return None
        values, vectors = np.linalg.eigh(space.hessenberg)
        out = space.tall[-1, -1] * np.abs(vectors[-1, -n:]).max() if goes_on else 0.0
        if out <= tolerance * np.abs(values).max():
            found = vectors[:, ::-1][:, :n].T @ space.basis
            return [vector / np.linalg.norm(vector) for vector in found]
        if not goes_on:
            return None


def _one_way_round(vector: Vector) -> Vector:
    """Return a vector or its negative, whichever has its largest entry above zero."""
    return vector * float(np.sign(vector[np.argmax(np.abs(vector))]) or 1.0)
