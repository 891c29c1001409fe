"""The linear map around a point: Jacobians, modes, time constants, stability."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline import _validation
from nullcline._blas import one_blas_thread
from nullcline.cells import require_cell
from nullcline.fixed_points import FixedPoints

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from nullcline._validation import Floats
    from nullcline.cells import Cell


@dataclass(frozen=True, eq=False, repr=False)
class Linearization:
    """The linear maps around n points: `h' ≈ h* + J_rec (h - h*) + J_inp (x - x*)`.

    Attributes
    ----------
    J_rec
        ∂F/∂h, shape (n, H, H), in the cell's type.
    J_inp
        ∂F/∂x, shape (n, H, D), in the cell's type.
    eigenvalues
        Of `J_rec`, shape (n, H), complex; by falling modulus, so the slowest mode of a stable point
        comes first, and of a conjugate pair the one with positive imaginary part.
    right
        Right eigenvectors, shape (n, H, H): *column* `right[i, :, k]`, of length 1, belongs to
        `eigenvalues[i, k]`.
    left
        Left eigenvectors, shape (n, H, H): *row* `left[i, k]`, scaled so that its product with
        `right[i, :, k]` is 1. Where eigenvalues are distinct, `left[i] @ right[i]` is the identity,
        and `left[i] @ (h - h*)` are the coordinates of a state in the modes. The length of a row is
        the condition number of its eigenvalue. Where that is infinite to rounding (a defective
        eigenvalue: the two vectors are orthogonal), no such scale exists and the row is NaN.
    time_constants
        τ = 1 / |ln|λ|| in steps, shape (n, H): how long a mode takes to fall, or to grow, by a
        factor of e. Infinite where |λ| = 1, zero where λ = 0.
    is_stable
        Whether every |λ| < 1, shape (n,). (This is a map, not a flow: the sign of a real part says
        nothing.)
    """

    J_rec: Floats
    J_inp: Floats
    eigenvalues: NDArray[np.complex128]
    right: NDArray[np.complex128]
    left: NDArray[np.complex128]
    time_constants: NDArray[np.float64]
    is_stable: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.J_rec)

    def __repr__(self) -> str:
        return (
            f"Linearization({len(self)} points, {np.sum(self.is_stable)} stable; "
            f"H = {self.J_rec.shape[1]})"
        )


def linearize(
    cell: Cell, points: FixedPoints | ArrayLike, inputs: ArrayLike | None = None
) -> Linearization:
    """Linearize a cell around points, fixed or not.

    The eigenvalue problem is solved in float64 whatever the cell's type, by LAPACK's `geev`.

    Parameters
    ----------
    cell
        The cell.
    points
        Result of a search, or states of shape (n, H).
    inputs
        The input at the points: None (zero input), shape (D,), (1, D) or (n, D). The result of a
        search carries its own, so that none may be given with it.

    Returns
    -------
    Linearization
        Jacobians and modes, one entry a point. Memory is O(n H²).

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or shape, or the Jacobian overflows.
    """
    require_cell(cell)
    if isinstance(points, FixedPoints):
        if inputs is not None:
            raise ValueError("inputs must be None: these points carry the inputs of their search")
        states: ArrayLike = points.h
        inputs = points.inputs
    else:
        states = points
    h = _validation.rows("points", states, cell.hidden_size, cell.dtype)
    x = _validation.inputs("inputs", inputs, (len(h), cell.input_size), cell.dtype)
    recurrent, input_ = cell.jacobian(h, x), cell.input_jacobian(h, x)
    _validation.require_finite("J_rec", recurrent)
    eigenvalues = np.empty(h.shape, np.complex128)
    right, left = np.empty(recurrent.shape, np.complex128), np.empty(recurrent.shape, np.complex128)
    with one_blas_thread():
        for i, jacobian in enumerate(recurrent):
            eigenvalues[i], right[i], left[i] = _modes(jacobian.astype(np.float64))
    modulus: NDArray[np.float64] = np.abs(eigenvalues)
    with np.errstate(divide="ignore"):
        time_constants = 1 / np.abs(np.log(modulus))
    return Linearization(
        J_rec=recurrent,
        J_inp=input_,
        eigenvalues=eigenvalues,
        right=right,
        left=left,
        time_constants=time_constants,
        is_stable=np.all(modulus < 1, axis=1),
    )


def _modes(
    jacobian: NDArray[np.float64],
) -> tuple[NDArray[np.complex128], NDArray[np.complex128], NDArray[np.complex128]]:
    """Return eigenvalues, right eigenvectors (columns) and left ones (rows), slowest first."""
    from scipy.linalg import eig

    # LAPACK's own left vectors, not the inverse of the right ones: a few modes without good
    # eigenvectors would spoil those of all others in the inverse.
    found: Any = eig(jacobian, left=True, right=True)
    eigenvalues, left, right = found
    order = np.lexsort((-eigenvalues.imag, -eigenvalues.real, -np.abs(eigenvalues)))
    right, left = right[:, order], left[:, order].conj().T
    products = np.einsum("kj,jk->k", left, right)
    defective = np.abs(products) <= 10 * len(jacobian) * np.finfo(np.float64).eps
    products[defective] = np.nan
    return eigenvalues[order], right, left / products[:, None]


def spectral_radius(cell: Cell, h: Floats, x: Floats | None) -> float:
    """Return the largest |λ| of J_rec at one state, shape (H,)."""
    return float(np.abs(np.linalg.eigvals(cell.jacobian(h[None], x)[0])).max())
