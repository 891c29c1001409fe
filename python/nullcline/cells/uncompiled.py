"""Cells whose step and derivatives Python computes: the compiled solvers call back for them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline import _core, _validation

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from nullcline._validation import Floats


class UncompiledCell(ABC):
    """A map F(s, x) that is given by functions of many states at a time.

    The search is by the same solvers as for compiled cells, Levenberg–Marquardt's method with dense
    Jacobians by default, and is slower: every step calls Python. `residual` is F(s, x) - s, since
    nothing is known that would reduce it, and outputs are the whole state.

    Parameters
    ----------
    state_size, input_size
        S and D.
    dtype
        The type that it computes in.
    bounds
        The least and the largest number that a state may hold, for the search.
    """

    def __init__(
        self, state_size: int, input_size: int, dtype: np.dtype[Any], bounds: tuple[float, float]
    ) -> None:
        self._state_size = state_size
        self._input_size = input_size
        self._dtype = dtype
        make: Any = _core.Function64 if dtype == np.float64 else _core.Function32
        functions = self._step, self._jacobian, self._vjp
        self._compiled = make(state_size, input_size, *bounds, *functions)

    @abstractmethod
    def _step(self, h: Floats, x: Floats) -> Floats:
        """Return F, shape (n, S), for checked states (n, S) and inputs (n, D)."""

    @abstractmethod
    def _jacobian(self, h: Floats, x: Floats) -> Floats:
        """Return ∂F/∂s, shape (n, S, S)."""

    @abstractmethod
    def _input_jacobian(self, h: Floats, x: Floats) -> Floats:
        """Return ∂F/∂x, shape (n, S, D)."""

    def _vjp(self, h: Floats, x: Floats, u: Floats) -> Floats:
        """Return uᵀ ∂F/∂s, shape (n, S)."""
        product: Floats = np.einsum("nj,njk->nk", u, self._jacobian(h, x))
        return product

    @property
    def hidden_size(self) -> int:
        """H = S: all of a state is output."""
        return self._state_size

    @property
    def state_size(self) -> int:
        """S, the length of a state."""
        return self._state_size

    @property
    def input_size(self) -> int:
        """D, the length of an input."""
        return self._input_size

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type that it computes in."""
        return self._dtype

    @property
    def compiled(self) -> Any:
        """What searches; it expects arrays that are checked already."""
        return self._compiled

    def step(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return F(s, x), shape (n, S)."""
        return self._step(*self._checked(h, x))

    def speed(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return q = mean((s - F(s, x))²), shape (n,)."""
        states, inputs = self._checked(h, x)
        speed: Floats = np.mean((states - self._step(states, inputs)) ** 2, axis=1)
        return speed

    def jacobian(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return J_rec = ∂F/∂s, shape (n, S, S)."""
        return self._jacobian(*self._checked(h, x))

    def input_jacobian(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return J_inp = ∂F/∂x, shape (n, S, D)."""
        return self._input_jacobian(*self._checked(h, x))

    def jvp(self, h: ArrayLike, x: ArrayLike | None, v: ArrayLike) -> Floats:
        """Return J_rec v, shape (n, S), for `v` of shape (n, S)."""
        jacobian = self.jacobian(h, x)
        product: Floats = np.einsum("njk,nk->nj", jacobian, self._vectors("v", v, jacobian))
        return product

    def vjp(self, h: ArrayLike, x: ArrayLike | None, u: ArrayLike) -> Floats:
        """Return uᵀ J_rec, shape (n, S), for `u` of shape (n, S)."""
        states, inputs = self._checked(h, x)
        return self._vjp(states, inputs, self._vectors("u", u, states[:, None]))

    def input_jvp(self, h: ArrayLike, x: ArrayLike | None, v: ArrayLike) -> Floats:
        """Return J_inp v, shape (n, S), for `v` of shape (n, D)."""
        jacobian = self.input_jacobian(h, x)
        product: Floats = np.einsum("njk,nk->nj", jacobian, self._vectors("v", v, jacobian))
        return product

    def input_vjp(self, h: ArrayLike, x: ArrayLike | None, u: ArrayLike) -> Floats:
        """Return uᵀ J_inp, shape (n, D), for `u` of shape (n, S)."""
        jacobian = self.input_jacobian(h, x)
        rows = np.swapaxes(jacobian, 1, 2)
        product: Floats = np.einsum("nkj,nj->nk", rows, self._vectors("u", u, rows))
        return product

    def residual(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return F(s, x) - s, shape (n, S)."""
        states, inputs = self._checked(h, x)
        residual: Floats = self._step(states, inputs) - states
        return residual

    def residual_jacobian(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return ∂F/∂s - I, shape (n, S, S)."""
        jacobian: Floats = self.jacobian(h, x) - np.eye(self._state_size, dtype=self._dtype)
        return jacobian

    def residual_input_jvp(self, h: ArrayLike, x: ArrayLike | None, v: ArrayLike) -> Floats:
        """Return J_inp v, shape (n, S): the residual's derivative by the input is the step's."""
        return self.input_jvp(h, x, v)

    def outputs_of(self, h: Floats) -> Floats:
        """Return the states themselves."""
        return h

    def state_of(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return the states themselves."""
        return self._checked(h, x)[0]

    def _checked(self, h: ArrayLike, x: ArrayLike | None) -> tuple[Floats, Floats]:
        """Return states and an input for each."""
        states = _validation.rows("h", h, self._state_size, self._dtype)
        shape = len(states), self._input_size
        inputs = _validation.inputs("x", x, shape, self._dtype)
        if inputs is None:
            return states, np.zeros(shape, self._dtype)
        return states, np.ascontiguousarray(np.broadcast_to(inputs, shape))

    def _vectors(self, name: str, value: ArrayLike, matrices: Floats) -> Floats:
        """Check one vector for each matrix, as long as its rows."""
        shape = matrices.shape[0], matrices.shape[2]
        return _validation.matching_rows(name, value, shape, self._dtype)
