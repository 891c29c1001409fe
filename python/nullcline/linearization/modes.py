"""Eigenvalues with both eigenvectors: all of a matrix, or the slowest few by products alone."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nullcline._support import validation

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell

    Complex = NDArray[np.complex128]
    Matrix = NDArray[np.float64]
    Product = Callable[[Any], Any]

ILL_CONDITIONED = 1e7
"""A mode whose condition number is larger may be far off, or one of a defective group."""

AGREEMENT = 1e-6
"""To what part of the largest |λ| eigenvalues found in two ways must agree."""


RESTARTS = 100
"""Arnoldi's method is restarted so often at most; a dense matrix of this size is quicker then."""

FAR = 1e-100, 1e100
"""Between these LAPACK does not scale a matrix."""


class Modes(NamedTuple):
    """Eigenvalues (k,), right eigenvectors (S, k), of length 1, and left ones (k, S)."""

    eigenvalues: Complex
    right: Complex
    left: Complex


def all_modes(jacobian: Matrix) -> Modes:
    """Return all modes of a matrix, by falling |λ|.

    Raises
    ------
    ValueError
        If the matrix is not finite, or so large that its eigenvalues overflow.
    """
    from scipy.linalg import eig

    validation.require_finite("J_rec", jacobian)
    scale = _far_scale(jacobian)
    # LAPACK's own left vectors, not the inverse of the right ones: a few modes without good
    # eigenvectors would spoil those of all others in the inverse.
    found: Any = eig(jacobian / scale, left=True, right=True)
    eigenvalues, left, right = found[0] * scale, found[1], found[2]
    parts = np.stack([eigenvalues.real, eigenvalues.imag])
    validation.require_finite("the eigenvalues of J_rec", parts)
    order = slowest_first(eigenvalues)
    left, right = left[:, order].conj().T, right[:, order]
    return Modes(eigenvalues[order], right, _scaled(left, right))


def _far_scale(jacobian: Matrix) -> float:
    """Return the power of two to divide a matrix by that is very large or very small, or 1.

    LAPACK does so itself, and some releases do not undo it: eigenvalues of 1e150 came as 1e138.
    """
    largest = float(np.abs(jacobian).max(initial=0))
    if largest == 0 or FAR[0] < largest < FAR[1]:
        return 1.0
    return float(2.0 ** np.floor(np.log2(largest)))


def slowest_modes(cell: Cell, h: Floats, x: Floats | None, k: int) -> Modes | None:
    """Return the k modes of largest |λ| at one state (1, S), k < S - 1, by products alone.

    None where they are not to be trusted. Arnoldi's method sees one vector of an eigenspace, and
    stops short in an invariant subspace (J = 0), among eigenvalues of one modulus (J orthogonal),
    or at a defective group. So what it finds is checked: the modes of J and of its transpose
    against each other, and what is left of J without them against the last of them.

    Raises
    ------
    ValueError
        If a product is not finite.
    """

    def product(of: Callable[[Floats, Floats | None, Floats], Floats], v: Any) -> Any:
        image = of(h, x, v.reshape(1, -1).astype(cell.dtype)).reshape(-1).astype(np.float64)
        validation.require_finite("J_rec", image)
        return image

    jvp, vjp = partial(product, cell.jvp), partial(product, cell.vjp)
    precision = 0 if cell.dtype == np.float64 else 10 * float(np.finfo(cell.dtype).eps)
    arnoldi = partial(_arnoldi, size=cell.state_size, precision=precision)
    # One more than asked for, so that a conjugate pair at the end is whole and its first kept.
    wanted = min(k + 1, cell.state_size - 2)
    found, transposed = arnoldi(jvp, wanted=wanted), arnoldi(vjp, wanted=wanted)
    if found is None or transposed is None:
        return None
    (eigenvalues, right), (others, left) = found, transposed
    distances = np.abs(others - eigenvalues[:, None])
    order = distances.argmin(axis=1)
    agreement = max(AGREEMENT, precision) * float(np.abs(eigenvalues[0]))
    if (distances[:k].min(axis=1) > agreement).any() or len(set(order[:k])) < k:
        return None
    modes = Modes(eigenvalues[:k], right[:, :k], _scaled(left[:, order[:k]].T, right[:, :k]))
    if not (np.linalg.norm(modes.left, axis=1) < ILL_CONDITIONED).all():
        return None
    rest = arnoldi(lambda v: jvp(v) - _without(modes, v), wanted=1)
    if rest is None or np.abs(rest[0][0]) > np.abs(modes.eigenvalues[-1]) + agreement:
        return None
    return modes


def _without(modes: Modes, v: Any) -> Any:
    """Return the part of J v that lies in the modes, whose conjugate partners are part of them."""
    first = modes.eigenvalues.imag > 0
    paired = np.append(modes.eigenvalues.imag[1:] < 0, False)
    weights = np.where(first & ~paired, 2, 1) * modes.eigenvalues
    return (modes.right @ (weights * (modes.left @ v.reshape(-1)))).real


def _arnoldi(
    product: Product, *, size: int, wanted: int, precision: float
) -> tuple[Complex, Complex] | None:
    """Return eigenvalues of largest modulus and vectors of length 1, or None if it does not end."""
    from scipy.sparse.linalg import ArpackError, LinearOperator, eigs

    operator: Any = LinearOperator((size, size), matvec=product, dtype=np.float64)
    start = np.random.default_rng(0).normal(size=size)  # the same vectors every time
    try:
        found: Any = eigs(
            operator,
            wanted,
            v0=start,
            ncv=min(size, 2 * wanted + 20),
            maxiter=RESTARTS,
            tol=precision,
        )
    except ArpackError:  # no convergence, no start, no shifts
        return None
    eigenvalues, vectors = found
    if len(eigenvalues) < wanted or not np.isfinite(eigenvalues).all():
        return None
    order = slowest_first(eigenvalues)
    return eigenvalues[order], vectors[:, order]


def slowest_first(eigenvalues: Complex) -> NDArray[np.intp]:
    """Return the order by falling modulus, in which a conjugate pair's upper one comes first."""
    return np.lexsort((-eigenvalues.imag, -eigenvalues.real, -np.abs(eigenvalues)))


def _scaled(left: Complex, right: Complex) -> Complex:
    """Scale left rows so that each has the product 1 with its right column."""
    products = np.einsum("kj,jk->k", left, right)
    defective = np.abs(products) <= 10 * len(right) * np.finfo(np.float64).eps
    products[defective] = np.nan
    scaled: Complex = left / products[:, None]
    return scaled
