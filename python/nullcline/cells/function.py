"""Cells of a function that PyTorch differentiates: the compiled solvers call back for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._native import _core
from nullcline._native.blas import one_blas_thread
from nullcline._support import validation
from nullcline._support.exiting import over_before_exit

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from numpy.typing import ArrayLike

    from nullcline._support.validation import Floats
    from nullcline.cells.box import Box

    Step = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class FunctionCell:
    """A map F(s, x) of which nothing is known but its values and its derivatives.

    `from_function` makes it. It has the methods of all cells. The search is by the same solvers,
    Levenberg–Marquardt's method with dense Jacobians by default, and is slower: every step calls
    Python. `residual` is F(s, x) - s, since nothing is known that would reduce it, and outputs are
    the whole state.

    Parameters
    ----------
    f
        ``f(inputs, states)``, as `from_function` takes it.
    n_states, n_inputs
        S and D.
    dtype
        The type that it computes in.
    box
        The bounds of its states, which may be infinite.
    is_smooth
        Whether its derivatives are continuous.
    """

    def __init__(
        self,
        f: Step,
        n_states: int,
        n_inputs: int,
        dtype: np.dtype[Any],
        box: Box,
        *,
        is_smooth: bool,
    ) -> None:
        self._f = f
        self._state_size = n_states
        self._input_size = n_inputs
        self._dtype = dtype
        self._box = box
        self._is_smooth = is_smooth
        make: Any = _core.Function64 if dtype == np.float64 else _core.Function32
        functions = (
            over_before_exit(self._step),
            over_before_exit(self._jacobian),
            over_before_exit(self._vjp),
        )
        largest = float(np.finfo(dtype).max)  # the core's numbers are finite
        bounds = np.clip([box.low[0], box.high[0]], -largest, largest).tolist()
        with one_blas_thread():
            self._compiled = make(n_states, n_inputs, *bounds, *functions)

    def __repr__(self) -> str:
        return f"FunctionCell({self._f!r}, n_states={self.state_size}, n_inputs={self.input_size})"

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
        """The type that the cell computes in, float64 or float32."""
        return self._dtype

    @property
    def box(self) -> Box:
        """The bounds of the states, infinite where none were given."""
        return self._box

    def box_at(self, x: ArrayLike | Box | None) -> Box:  # noqa: ARG002 - the same at every input
        """Return the bounds of the states, which are the same at every input."""
        return self._box

    @property
    def is_smooth(self) -> bool:
        """Whether the derivatives are continuous, as said to `from_function` or seen by it."""
        return self._is_smooth

    @property
    def compiled(self) -> Any:
        """The compiled cell, which searches; it expects arrays that are checked already."""
        return self._compiled

    def step(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return the next state F(s, x), shape (n, S), for states of shape (n, S)."""
        return self._step(*self._checked(h, x))

    def speed(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return the speed q = mean((s - F(s, x))²), shape (n,), for states of shape (n, S)."""
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
        """Return the residual F(s, x) - s, shape (n, S), whose zeros are the fixed points."""
        states, inputs = self._checked(h, x)
        residual: Floats = self._step(states, inputs) - states
        return residual

    def residual_jacobian(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return the Jacobian of the residual, ∂F/∂s - I, shape (n, S, S)."""
        jacobian: Floats = self.jacobian(h, x) - np.eye(self._state_size, dtype=self._dtype)
        return jacobian

    def residual_input_jvp(self, h: ArrayLike, x: ArrayLike | None, v: ArrayLike) -> Floats:
        """Return J_inp v, shape (n, S): the residual's derivative is that of the step."""
        return self.input_jvp(h, x, v)

    def outputs_of(self, h: Floats) -> Floats:
        """Return the outputs of states (n, S), which are the states themselves."""
        return h

    def state_of(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return the states with these outputs, which are the outputs themselves."""
        return self._checked(h, x)[0]

    def _step(self, h: Floats, x: Floats) -> Floats:
        import torch

        with torch.no_grad():
            return self._array(self._next(_tensor(h), _tensor(x)))

    def _jacobian(self, h: Floats, x: Floats) -> Floats:
        return self._derivative(h, x, by=0)

    def _input_jacobian(self, h: Floats, x: Floats) -> Floats:
        return self._derivative(h, x, by=1)

    def _vjp(self, h: Floats, x: Floats, u: Floats) -> Floats:
        import torch

        inputs = _tensor(x)
        found: tuple[Any, ...] = torch.func.vjp(
            lambda states: self._next(states, inputs), _tensor(h)
        )
        return self._array(found[1](_tensor(u))[0])

    def _next(self, h: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        found = self._f(x, h)
        self._require_states(found, h)
        return found

    def _next_of_one(self, h: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return self._next(h[None], x[None])[0]

    def _derivative(self, h: Floats, x: Floats, *, by: int) -> Floats:
        """Return each row's Jacobian by its state (0) or its input (1)."""
        import torch

        shape = len(h), self.state_size, (h, x)[by].shape[1]
        if 0 in shape:  # vmap takes no empty batch
            return np.zeros(shape, self.dtype)
        function = torch.func.jacrev(self._next_of_one, argnums=by)
        return self._array(torch.func.vmap(function)(_tensor(h), _tensor(x)))

    def _array(self, tensor: torch.Tensor) -> Floats:
        array: Floats = tensor.detach().numpy()
        return array

    def _require_states(self, found: object, h: torch.Tensor) -> None:
        """Raise unless `f` has returned states like those that it was given."""
        import torch

        if not isinstance(found, torch.Tensor):
            raise TypeError(
                f"f must return the next states as a tensor, not {type(found).__name__}"
                + ("; return its state alone" if isinstance(found, tuple) else "")
            )
        if found.shape != h.shape:
            raise ValueError(
                f"f must return states of the shape that it was given, {tuple(h.shape)}, "
                f"not {tuple(found.shape)}"
            )
        if found.dtype != h.dtype:
            raise TypeError(
                f"f must compute in {self.dtype}, and returned {found.dtype}: "
                f"give it weights of that type, or say dtype={found.dtype}".replace("torch.", "")
            )

    def _checked(self, h: ArrayLike, x: ArrayLike | None) -> tuple[Floats, Floats]:
        """Return states and an input for each."""
        states = validation.rows("h", h, self._state_size, self._dtype)
        shape = len(states), self._input_size
        inputs = validation.inputs("x", x, shape, self._dtype)
        if inputs is None:
            return states, np.zeros(shape, self._dtype)
        return states, np.ascontiguousarray(np.broadcast_to(inputs, shape))

    def _vectors(self, name: str, value: ArrayLike, matrices: Floats) -> Floats:
        """Check one vector for each matrix, as long as its rows."""
        shape = matrices.shape[0], matrices.shape[2]
        return validation.matching_rows(name, value, shape, self._dtype)


def _tensor(array: Floats) -> torch.Tensor:
    """Return an array as a tensor; PyTorch has none that are read-only."""
    import torch

    return torch.from_numpy(np.require(array, requirements=["C", "W"]))
