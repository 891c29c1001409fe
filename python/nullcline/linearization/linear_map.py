"""The linear map around a point: Jacobians, modes, time constants, stability."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from nullcline._native.blas import one_blas_thread
from nullcline._support import validation
from nullcline.cells import available_threads, require_cell
from nullcline.search.fixed_points import FixedPoints

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import ArrayLike, NDArray

    from nullcline._support.validation import Floats
    from nullcline.cells import Cell

    _Modes: TypeAlias = tuple[
        NDArray[np.complex128], NDArray[np.complex128], NDArray[np.complex128]
    ]


@dataclass(frozen=True, eq=False, repr=False)
class Linearization:
    """The linear maps around n points: `h' ≈ h* + J_rec (h - h*) + J_inp (x - x*)`.

    Attributes
    ----------
    cell
        The cell.
    h
        The states, shape (n, S).
    inputs
        The input at each point, shape (n, D), or (1, D) for one at all; None for zero input.
    eigenvalues
        Of `J_rec`, shape (n, k), complex, k = S unless fewer were asked for; by falling modulus, so
        the slowest mode of a stable point comes first, and of a conjugate pair the one with
        positive imaginary part.
    right
        Right eigenvectors, shape (n, S, k): *column* `right[i, :, j]`, of length 1, belongs to
        `eigenvalues[i, j]`.
    left
        Left eigenvectors, shape (n, k, S): *row* `left[i, j]`, scaled so that its product with
        `right[i, :, j]` is 1. Where eigenvalues are distinct, `left[i] @ right[i]` is the identity,
        and `left[i] @ (h - h*)` are the coordinates of a state in the modes. The length of a row is
        the condition number of its eigenvalue. Where that is infinite to rounding (a defective
        eigenvalue: the two vectors are orthogonal), no such scale exists and the row is NaN.
    time_constants
        τ = 1 / |ln|λ|| in steps, shape (n, k): how long a mode takes to fall, or to grow, by a
        factor of e. Infinite where |λ| = 1, zero where λ = 0.
    is_stable
        Whether every |λ| < 1, shape (n,). (This is a map, not a flow: the sign of a real part says
        nothing.)
    """

    cell: Cell
    h: Floats
    inputs: Floats | None
    eigenvalues: NDArray[np.complex128]
    right: NDArray[np.complex128]
    left: NDArray[np.complex128]
    time_constants: NDArray[np.float64]
    is_stable: NDArray[np.bool_]

    @cached_property
    def J_rec(self) -> Floats:  # noqa: N802 - what it is called in every paper
        """∂F/∂h, shape (n, S, S), in the cell's type; computed when first asked for."""
        return self.cell.jacobian(self.h, self.inputs)

    @cached_property
    def J_inp(self) -> Floats:  # noqa: N802
        """∂F/∂x, shape (n, S, D), in the cell's type; computed when first asked for."""
        return self.cell.input_jacobian(self.h, self.inputs)

    @cached_property
    def physical_time_constants(self) -> NDArray[np.float64]:
        """Time constants in the unit of the cell's `dt` and `tau`, shape (n, k).

        Raises
        ------
        ValueError
            If the cell has no `dt`: it was not made of `dt` and `tau`, or knows no unit of time.
        """
        dt = getattr(self.cell, "dt", None)
        if dt is None:
            raise ValueError("the cell knows no unit of time: make it with dt and tau")
        return self.time_constants * float(dt)

    def by_time_constant(self) -> Linearization:
        """Return the linearization with its modes, left and right, by falling time constant.

        Modes come by falling |λ| from `linearize`, those that grow fastest first. The slowest, in
        which a state is held longest, is the one with |λ| nearest to 1 (Maheswaranathan et al.,
        NeurIPS 2019: τ = 1 / |ln|λ||); τ = ∞ comes first. Equals, conjugate pairs
        among them, keep their order. Where only some modes were found, those are sorted.
        """
        order = np.argsort(-self.time_constants, axis=1, kind="stable")
        return replace(
            self,
            eigenvalues=np.take_along_axis(self.eigenvalues, order, axis=1),
            right=np.take_along_axis(self.right, order[:, None, :], axis=2),
            left=np.take_along_axis(self.left, order[:, :, None], axis=1),
            time_constants=np.take_along_axis(self.time_constants, order, axis=1),
        )

    def __len__(self) -> int:
        return len(self.h)

    def __repr__(self) -> str:
        return (
            f"Linearization({len(self)} points, {np.sum(self.is_stable)} stable; "
            f"S = {self.h.shape[1]})"
        )


def linearize(
    cell: Cell,
    points: FixedPoints | ArrayLike,
    inputs: ArrayLike | None = None,
    *,
    k: int | None = None,
    n_threads: int | None = None,
) -> Linearization:
    """Linearize a cell around points, fixed or not.

    The eigenvalue problem is solved in float64 whatever the cell's type: all modes by LAPACK's
    `geev`, the k slowest by ARPACK (Lehoucq, Sorensen and Yang 1998) with products of `J_rec`,
    which is then never formed: memory is O(n S k).

    Parameters
    ----------
    cell
        The cell.
    points
        Result of a search, or states of shape (n, S).
    inputs
        The input at the points: None (zero input), shape (D,), (1, D) or (n, D). The result of a
        search carries its own, so that none may be given with it.
    k
        How many modes to find, those of largest |λ|; None for all. Meant for large S, where only
        the slowest matter. From k = S - 1 on, all are found and the first k kept.
    n_threads
        Threads, each with points of its own; None for as many as this process may use processors.

    Returns
    -------
    Linearization
        The modes, one entry per point, and Jacobians on demand.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or shape, or the Jacobian overflows.
    RuntimeError
        If ARPACK does not converge: ask for more modes, or for all.
    """
    require_cell(cell)
    if isinstance(points, FixedPoints):
        if inputs is not None:
            raise ValueError("inputs must be None: these points carry the inputs of their search")
        points = points.numpy()
        states: ArrayLike = points.h
        inputs = points.inputs
    else:
        states = points
    h = validation.rows("points", states, cell.state_size, cell.dtype, cell.hidden_size).copy()
    x = validation.inputs("inputs", inputs, (len(h), cell.input_size), cell.dtype)
    size = cell.state_size
    k = size if k is None else validation.whole_number("k", k, 1, size)
    n_threads = available_threads() if n_threads is None else n_threads
    n_threads = validation.whole_number("n_threads", n_threads, 1)

    def modes(i: int) -> _Modes:
        own = x if x is None or len(x) == 1 else x[i : i + 1]
        find = _all_modes if k >= size - 1 else partial(_slowest_modes, k=k)
        return find(cell, h[i : i + 1], own)

    eigenvalues = np.empty((len(h), k), np.complex128)
    right, left = np.empty((len(h), size, k), np.complex128), np.empty((len(h), k, size), complex)
    with one_blas_thread():
        for i, (values, columns, rows) in enumerate(_spread(modes, len(h), n_threads)):
            eigenvalues[i], right[i], left[i] = values[:k], columns[:, :k], rows[:k]
    modulus: NDArray[np.float64] = np.abs(eigenvalues)
    with np.errstate(divide="ignore"):
        time_constants = 1 / np.abs(np.log(modulus))
    return Linearization(
        cell=cell,
        h=h,
        inputs=None if x is None else x.copy(),
        eigenvalues=eigenvalues,
        right=right,
        left=left,
        time_constants=time_constants,
        is_stable=np.all(modulus < 1, axis=1),
    )


def _spread(work: Callable[[int], _Modes], n: int, n_threads: int) -> Iterator[_Modes]:
    """Yield work(0), ..., work(n - 1), done in threads; Ctrl-C drops what has not begun."""
    if min(n, n_threads) <= 1:
        yield from map(work, range(n))
        return
    pool = ThreadPoolExecutor(min(n, n_threads))
    try:
        yield from pool.map(work, range(n))
    finally:
        pool.shutdown(cancel_futures=True)


def _all_modes(cell: Cell, h: Floats, x: Floats | None) -> _Modes:
    """Return eigenvalues, right eigenvectors (columns) and left ones (rows), slowest first."""
    from scipy.linalg import eig

    jacobian = cell.jacobian(h, x)[0].astype(np.float64)
    validation.require_finite("J_rec", jacobian)
    # LAPACK's own left vectors, not the inverse of the right ones: a few modes without good
    # eigenvectors would spoil those of all others in the inverse.
    found: Any = eig(jacobian, left=True, right=True)
    eigenvalues, left, right = found
    order = _slowest_first(eigenvalues)
    return eigenvalues[order], right[:, order], _scaled(left[:, order].conj().T, right[:, order])


def _slowest_modes(cell: Cell, h: Floats, x: Floats | None, k: int) -> _Modes:
    """Return eigenvalues and both eigenvectors of the k modes of largest modulus, by products."""

    def product(of: Callable[[Floats, Floats | None, Floats], Floats], v: Any) -> Any:
        return of(h, x, v.reshape(1, -1).astype(cell.dtype)).reshape(-1).astype(np.float64)

    precision = 0 if cell.dtype == np.float64 else 10 * float(np.finfo(cell.dtype).eps)
    arnoldi = partial(_arnoldi, size=cell.state_size, k=k, precision=precision)
    eigenvalues, right = arnoldi(partial(product, cell.jvp))
    others, left = arnoldi(partial(product, cell.vjp))
    # The two sets are the same but for rounding, and a pair may be cut at the end of either.
    order = [int(np.argmin(np.abs(others - value))) for value in eigenvalues]
    return eigenvalues, right, _scaled(left[:, order].T, right)


def _arnoldi(
    product: Callable[[Any], Any], *, size: int, k: int, precision: float
) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Return the k eigenvalues of largest modulus and their vectors, as columns of length 1."""
    from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigs

    operator: Any = LinearOperator((size, size), matvec=product, dtype=np.float64)
    # One more than asked for, so that a conjugate pair at the end is whole and its first kept.
    wanted = min(k + 1, size - 2)
    start = np.random.default_rng(0).normal(size=size)  # the same vectors every time
    try:
        found: Any = eigs(operator, wanted, v0=start, ncv=min(size, 2 * wanted + 20), tol=precision)
    except ArpackNoConvergence as error:
        raise RuntimeError(
            f"the {k} slowest modes did not converge: ask for a few more, or for all with k=None"
        ) from error
    eigenvalues, vectors = found
    order = _slowest_first(eigenvalues)[:k]
    return eigenvalues[order], vectors[:, order]


def _slowest_first(eigenvalues: NDArray[np.complex128]) -> NDArray[np.intp]:
    return np.lexsort((-eigenvalues.imag, -eigenvalues.real, -np.abs(eigenvalues)))


def _scaled(left: NDArray[np.complex128], right: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Scale left rows so that each has the product 1 with its right column."""
    products = np.einsum("kj,jk->k", left, right)
    defective = np.abs(products) <= 10 * len(right) * np.finfo(np.float64).eps
    products[defective] = np.nan
    scaled: NDArray[np.complex128] = left / products[:, None]
    return scaled


def spectral_radius(cell: Cell, h: Floats, x: Floats | None) -> float:
    """Return the largest |λ| of J_rec at one state, shape (S,)."""
    return float(np.abs(np.linalg.eigvals(cell.jacobian(h[None], x)[0])).max())
