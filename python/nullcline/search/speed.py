"""The speed q of one cell and its first two derivatives, in double precision where it can be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nullcline._native import _core
from nullcline.cells.protocol import HasCoreWeights, HasPrecision, HasSecondDerivatives

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell

    Doubles = NDArray[np.float64]


class Slope(NamedTuple):
    """q and its gradient at n states: shapes (n,) and (n, S)."""

    q: Doubles
    gradient: Doubles


class Speed:
    """q and its derivatives at states (n, S) with an input each (n, D), all of float64.

    Parameters
    ----------
    cell
        One whose equations are compiled is computed in double precision, whatever its own is: what
        tells a minimum from a slope is lost in the rounding of the other. A function is computed in
        its own.
    n_threads
        How many threads to use.

    Attributes
    ----------
    precision
        The type to whose rounding the search knows its ends.
    """

    def __init__(self, cell: Cell, n_threads: int) -> None:
        self._n_threads = n_threads
        self._cell = cell
        self.precision = cell.precision if isinstance(cell, HasPrecision) else cell.dtype
        self._twin: Any = None
        if isinstance(cell, HasCoreWeights):
            is_double = cell.dtype == np.float64
            self._twin = cell.compiled if is_double else _in_double(cell.core_weights())

    def at(self, h: Doubles, x: Doubles) -> Doubles:
        """Return q."""
        q: Doubles = np.mean((self._step(h, x) - h) ** 2, axis=1)
        return q

    def slope(self, h: Doubles, x: Doubles) -> Slope:
        """Return q and its gradient."""
        f = self._step(h, x) - h
        gradient = (self._vjp(h, x, f) - f) * (2 / h.shape[1])
        return Slope(np.mean(f**2, axis=1), gradient)

    def hessian(self, h: Doubles, x: Doubles) -> Doubles:
        """Return the Hessian of q, shape (n, S, S)."""
        if self._twin is not None:
            found: Doubles = self._twin.speed_hessian(h, x, self._n_threads)
            return found
        return np.stack([self._hessian_of_one(h[i], x[i]) for i in range(len(h))])

    def hessian_product(self, h: Doubles, x: Doubles, v: Doubles) -> Doubles:
        """Return the Hessian of q at one state (S,) times v, where there are products with it.

        It takes four products with the weights, or the like, and no matrix of S² numbers.
        """
        arguments = h[None], x[None]
        f = self._step(*arguments) - h
        change = self._jvp(*arguments, v[None]) - v
        pulled = self._vjp(*arguments, change) - change
        bent = self._hvp(*arguments, f, v[None])
        product: Doubles = (pulled + bent)[0] * (2 / len(h))
        return product

    @property
    def has_products(self) -> bool:
        """Whether there are products with second derivatives, whatever the states' length."""
        return self._twin is not None or isinstance(self._cell, HasSecondDerivatives)

    def newton_step(self, h: Doubles, x: Doubles) -> Doubles:
        """Return the step of Newton's method on the reduced residual, (n, H); NaN if there is none.

        `h` holds outputs, shape (n, H).
        """
        from scipy.linalg import lapack

        steps = np.full(h.shape, np.nan)
        for i in range(len(h)):  # one by one: a row of a product depends on how many rows it has
            residual, jacobian = self._reduced(h[i : i + 1], x[i : i + 1])
            factors, pivots, info = lapack.dgetrf(jacobian[0])
            if info == 0:
                steps[i], _ = lapack.dgetrs(factors, pivots, -residual[0])
        return steps

    def _reduced(self, h: Doubles, x: Doubles) -> tuple[Doubles, Doubles]:
        """Return the reduced residual and its Jacobian."""
        if self._twin is not None:
            residual = self._twin.residual(h, x, self._n_threads)
            return residual, self._twin.residual_jacobian(h, x, self._n_threads)
        outputs, inputs = h.astype(self._cell.dtype), x.astype(self._cell.dtype)
        residual = self._cell.residual(outputs, inputs)
        jacobian = self._cell.residual_jacobian(outputs, inputs)
        return residual.astype(np.float64), jacobian.astype(np.float64)

    def _hessian_of_one(self, h: Doubles, x: Doubles) -> Doubles:
        """Return (JᵀJ + C) 2 / S at one state, with C = Σ_k f_k ∂²F_k."""
        size, dtype = len(h), self._cell.dtype
        f = self._step(h[None], x[None])[0] - h
        j = self._cell.jacobian(h[None].astype(dtype), x[None].astype(dtype))[0] - np.eye(size)
        by_products = isinstance(self._cell, HasSecondDerivatives)
        c = self._bends(h, x, f) if by_products else self._bends_by_differences(h, x, f)
        hessian: Doubles = (j.T @ j + (c + c.T) / 2) * (2 / size)
        return hessian

    def _bends(self, h: Doubles, x: Doubles, f: Doubles) -> Doubles:
        """Return C by its products with unit vectors."""
        states, inputs, weights = (np.tile(row, (len(h), 1)) for row in (h, x, f))
        return self._hvp(states, inputs, weights, np.eye(len(h)))

    def _bends_by_differences(self, h: Doubles, x: Doubles, f: Doubles) -> Doubles:
        """Return C, the derivative of Jᵀf with f held: one product at each of 2 S states."""
        size, eps = len(h), float(np.finfo(self.precision).eps)
        widths = eps ** (1 / 3) * np.maximum(1, np.abs(h))
        around = np.concatenate([h + np.diag(widths), h - np.diag(widths)])
        inputs, covectors = (np.tile(row, (2 * size, 1)) for row in (x, f))
        after, before = np.split(self._vjp(around, inputs, covectors), 2)
        c: Doubles = (after - before) / (2 * widths[:, None])
        return c

    def _step(self, h: Doubles, x: Doubles) -> Doubles:
        if self._twin is not None:
            found: Doubles = self._twin.step(h, x, self._n_threads)
            return found
        dtype = self._cell.dtype
        return self._cell.step(h.astype(dtype), x.astype(dtype)).astype(np.float64)

    def _vjp(self, h: Doubles, x: Doubles, u: Doubles) -> Doubles:
        return self._product("vjp", h, x, u)

    def _jvp(self, h: Doubles, x: Doubles, v: Doubles) -> Doubles:
        return self._product("jvp", h, x, v)

    def _hvp(self, h: Doubles, x: Doubles, u: Doubles, v: Doubles) -> Doubles:
        return self._product("hvp", h, x, u, v)

    def _product(self, name: str, *arrays: Doubles) -> Doubles:
        """Return a product by the cell's method, or by its twin's, of this name."""
        if self._twin is not None:
            found: Doubles = getattr(self._twin, name)(*arrays, self._n_threads)
            return found
        dtype = self._cell.dtype
        product: Floats = getattr(self._cell, name)(*(array.astype(dtype) for array in arrays))
        return product.astype(np.float64)


def _in_double(weights: tuple[Any, ...]) -> Any:
    """Return the compiled cell of these weights in double precision."""

    def doubled(part: Any) -> Any:
        if isinstance(part, tuple):
            return tuple(doubled(array) for array in part)
        return part.astype(np.float64) if isinstance(part, np.ndarray) else part

    make: Any = _core.Cell64
    return make(*(doubled(part) for part in weights))
