"""Krylov's subspaces by Arnoldi's method: what a few products tell of a large matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from nullcline.continuation.curve_problem import Matrix, Vector

INVARIANT = 1e-14
"""A new vector this short, against the product that it is left of, is rounding: the subspace holds
all that products lead to."""


class KrylovSpace:
    """The span of v, A v, A² v, ..., one product after the other, in an orthonormal basis Q.

    A Q = Q H, but for the product of Q's last vector.

    Parameters
    ----------
    product
        v → A v.
    start
        v, not zero.
    most
        How many products at most: memory is for as many vectors, and one.

    Attributes
    ----------
    size
        The number of products so far.
    """

    def __init__(self, product: Callable[[Vector], Vector], start: Vector, most: int) -> None:
        self._product = product
        self._basis = np.zeros((most + 1, len(start)))
        self._hessenberg = np.zeros((most + 1, most))
        self._basis[0] = start / np.linalg.norm(start)
        self.size = 0

    @property
    def basis(self) -> Matrix:
        """The vectors of Q that products have been made of, as rows, (size, N)."""
        return self._basis[: self.size]

    @property
    def hessenberg(self) -> Matrix:
        """H, (size, size)."""
        return self._hessenberg[: self.size, : self.size]

    @property
    def tall(self) -> Matrix:
        """H and below it what leads out of the subspace, (size + 1, size)."""
        return self._hessenberg[: self.size + 1, : self.size]

    def grow(self) -> bool:
        """Make one more product; return whether there may be another.

        There is none where the subspace is invariant, `most` products are made, or one is not
        finite.
        """
        j = self.size
        image = self._product(self._basis[j])
        known = self._basis[: j + 1]
        whole = float(np.sqrt(image @ image))
        for _ in range(2):  # twice is enough to be orthogonal
            parts = known @ image
            self._hessenberg[: j + 1, j] += parts
            image -= parts @ known
        self.size = j + 1
        length = float(np.sqrt(image @ image))
        if not INVARIANT * whole < length < np.inf:
            return False
        self._hessenberg[j + 1, j] = length
        np.divide(image, length, out=self._basis[j + 1])
        return self.size < self._hessenberg.shape[1]
