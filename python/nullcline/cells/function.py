"""Cells of a function that PyTorch differentiates: the compiled solvers call back for it."""

from __future__ import annotations

from copy import deepcopy
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._native import _core
from nullcline._native.blas import one_blas_thread
from nullcline._support import validation
from nullcline._support.by_value import picklable
from nullcline._support.exiting import over_before_exit
from nullcline._support.shown import Shown, Table, in_one_line
from nullcline._support.state import own_state
from nullcline.cells._linearized import InParts, Unrecorded
from nullcline.cells._memory import by_halves

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike

    from nullcline._support.validation import Floats
    from nullcline.cells._derivatives import Derivatives
    from nullcline.cells._linearized import Linearized
    from nullcline.cells.box import Box


class FunctionCell(Shown):
    """A map F(s, x) of which nothing is known but its values and its derivatives.

    `from_function` makes it. It has the methods of all cells. The search is by the same solvers,
    and calls Python for its products, for all waiting starts at once; it is slower by what those
    calls take. `residual` is F(s, x) - s, since nothing is known that would reduce it, and outputs
    are the whole state. Where memory is too small for all rows, they are computed in parts.

    Parameters
    ----------
    derivatives
        The function, ``f(inputs, states)``, and how it is differentiated.
    n_states, n_inputs
        S and D.
    dtype
        The type of its states.
    precision
        The type to whose rounding its values are exact: `dtype`, or float32.
    box
        The bounds of its states, which may be infinite.
    is_smooth
        Whether its derivatives are continuous.
    """

    def __init__(
        self,
        derivatives: Derivatives,
        n_states: int,
        n_inputs: int,
        dtype: np.dtype[Any],
        box: Box,
        *,
        precision: np.dtype[Any],
        is_smooth: bool,
    ) -> None:
        self._derivatives = derivatives
        self._state_size = n_states
        self._input_size = n_inputs
        self._dtype = dtype
        self._precision = precision
        self._box = box
        self._is_smooth = is_smooth
        self._compile()

    def _compile(self) -> None:
        """Make the compiled cell, which calls the function back."""
        dtype, precision, box = self._dtype, self._precision, self._box
        make: Any = _core.Function64 if precision == np.float64 else _core.Function32
        functions: list[Callable[..., Any]] = [
            self._step,
            self._jacobian,
            self._rough_jacobian,
            self._vjp,
            self._linearized,
        ]
        if precision != dtype:
            functions = [_in_single_precision(compute) for compute in functions]
        functions = [over_before_exit(compute) for compute in functions]
        largest = float(np.finfo(precision).max)  # the core's numbers are finite
        bounds = np.clip([box.low[0], box.high[0]], -largest, largest).tolist()
        with one_blas_thread():
            compiled = make(self._state_size, self._input_size, *bounds, *functions)
        self._compiled = compiled if precision == dtype else _SinglePrecisionSearch(compiled)

    def __getstate__(self) -> dict[str, Any]:
        """Return what a pickle holds: the function and what is known of it, nothing compiled.

        Raises
        ------
        pickle.PicklingError
            If the function cannot be pickled; the message says what to do.
        """
        derivatives = self._derivatives.of(picklable(self._derivatives.f))
        return own_state(self, "_compiled") | {"_derivatives": derivatives}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._compile()

    def __copy__(self) -> FunctionCell:
        return self._made_of(own_state(self, "_compiled"))

    def __deepcopy__(self, memo: dict[int, Any]) -> FunctionCell:
        return self._made_of(deepcopy(own_state(self, "_compiled"), memo))

    def _made_of(self, state: dict[str, Any]) -> FunctionCell:
        """Return a cell of this state; a copy needs no pickle of the function."""
        made = type(self).__new__(type(self))
        made.__setstate__(state)
        return made

    def __repr__(self) -> str:
        sizes = f"n_states={self.state_size}, n_inputs={self.input_size}"
        return f"FunctionCell({self._name()}, {sizes})"

    def _table(self) -> Table:
        low, high = self._box.low[0], self._box.high[0]
        rows = [
            ("f", self._name()),
            ("S, state", self._state_size),
            ("D, input", self._input_size),
            ("bounds", f"{low:g} to {high:g}"),
            ("smooth", self._is_smooth),
            ("type", self._dtype),
            ("precision", self._precision),
        ]
        return Table(("", ""), rows, len(rows))

    def _name(self) -> str:
        """Return what the function is called, or of what class it is."""
        f = self._derivatives.f
        return in_one_line(str(getattr(f, "__qualname__", type(f).__qualname__)), 60)

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
    def precision(self) -> np.dtype[Any]:
        """The type to whose rounding its values are exact: float32 if `f` uses it in part."""
        return self._precision

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
        states, inputs = self._checked(h, x)
        return self._jvp(states, inputs, self._vectors("v", v, states), by=0)

    def vjp(self, h: ArrayLike, x: ArrayLike | None, u: ArrayLike) -> Floats:
        """Return uᵀ J_rec, shape (n, S), for `u` of shape (n, S)."""
        states, inputs = self._checked(h, x)
        return self._vjp(states, inputs, self._vectors("u", u, states), by=0)

    def input_jvp(self, h: ArrayLike, x: ArrayLike | None, v: ArrayLike) -> Floats:
        """Return J_inp v, shape (n, S), for `v` of shape (n, D)."""
        states, inputs = self._checked(h, x)
        return self._jvp(states, inputs, self._vectors("v", v, inputs), by=1)

    def input_vjp(self, h: ArrayLike, x: ArrayLike | None, u: ArrayLike) -> Floats:
        """Return uᵀ J_inp, shape (n, D), for `u` of shape (n, S)."""
        states, inputs = self._checked(h, x)
        return self._vjp(states, inputs, self._vectors("u", u, states), by=1)

    def hvp(self, h: ArrayLike, x: ArrayLike | None, u: ArrayLike, v: ArrayLike) -> Floats:
        """Return Σ_i u_i ∂²F_i/∂s² v, shape (n, S), for `u` and `v` of shape (n, S)."""
        states, inputs = self._checked(h, x)
        weights, directions = self._vectors("u", u, states), self._vectors("v", v, states)
        if len(states) == 0:
            return np.zeros_like(states)
        found: Floats = by_halves(self._derivatives.curvature, states, inputs, weights, directions)
        return found

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
        if len(h) == 0:
            return np.zeros_like(h)
        found: Floats = by_halves(self._derivatives.step, h, x)
        return found

    def _jacobian(self, h: Floats, x: Floats) -> Floats:
        return self._derivative(h, x, by=0)

    def _input_jacobian(self, h: Floats, x: Floats) -> Floats:
        return self._derivative(h, x, by=1)

    def _jvp(self, h: Floats, x: Floats, v: Floats, *, by: int = 0) -> Floats:
        if v.size == 0:
            return np.zeros_like(h)
        found: Floats = by_halves(partial(self._derivatives.jvp, by=by), h, x, v)
        return found

    def _vjp(self, h: Floats, x: Floats, u: Floats, *, by: int = 0) -> Floats:
        wanted = (h, x)[by]
        if wanted.size == 0:
            return np.zeros_like(wanted)
        found: Floats = by_halves(partial(self._derivatives.vjp, by=by), h, x, u)
        return found

    def _linearized(self, h: Floats, x: Floats, u: Floats) -> _InSingle:
        """Return the function linearized at states, for directions, which need not be exact."""
        derivatives, dtype = self._derivatives, self._type_of_steps
        at = (_cast(array, dtype) for array in (h, x, u))
        linearized = getattr(derivatives, "linearized", partial(Unrecorded, derivatives))
        return _InSingle(by_halves(linearized, *at, join=InParts), dtype)

    def _rough_jacobian(self, h: Floats, x: Floats) -> Floats:
        """Return each row's Jacobian, for steps, which need not be exact."""
        at = (_cast(array, self._type_of_steps) for array in (h, x))
        return _single(by_halves(partial(self._derivatives.jacobian, by=0), *at))

    @property
    def _type_of_steps(self) -> Any:
        """The type in which `f` computes where that need not be exact."""
        return np.float32 if getattr(self._derivatives, "takes_single", False) else self._dtype

    def _derivative(self, h: Floats, x: Floats, *, by: int) -> Floats:
        """Return each row's Jacobian by its state (0) or its input (1)."""
        shape = len(h), self.state_size, (h, x)[by].shape[1]
        if 0 in shape:
            return np.zeros(shape, self.dtype)
        found: Floats = by_halves(partial(self._derivatives.jacobian, by=by), h, x)
        return found

    def _checked(self, h: ArrayLike, x: ArrayLike | None) -> tuple[Floats, Floats]:
        """Return states and an input for each."""
        states = validation.rows("h", h, self._state_size, self._dtype)
        shape = len(states), self._input_size
        inputs = validation.inputs("x", x, shape, self._dtype)
        if inputs is None:
            return states, np.zeros(shape, self._dtype)
        return states, np.ascontiguousarray(np.broadcast_to(inputs, shape))

    def _vectors(self, name: str, value: ArrayLike, like: Floats) -> Floats:
        """Check one vector for each row of an array, as long as that."""
        return validation.matching_rows(name, value, like.shape, self._dtype)


class _SinglePrecisionSearch:
    """The search of a function of float64 that computes in float32 in part.

    Its zeros are known to float32's rounding. So the compiled search is that of float32, whose
    labels allow for it, and `f` still gets and returns float64.
    """

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled

    def search(
        self, starts: Floats, x: Floats | None, *, deflated: Floats | None, **options: Any
    ) -> Any:
        """Search as the compiled cells do, in float64 outside and in float32 inside."""
        found = self._compiled.search(
            _single(starts),
            None if x is None else _single(x),
            deflated=None if deflated is None else _single(deflated),
            **options,
        )
        columns = {name: getattr(found, name) for name in ("q", "kind", "reason", "iterations")}
        return SimpleNamespace(h=found.h.astype(np.float64), **columns)


def _in_single_precision(compute: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of float64 as one of float32."""

    def rounded(*arrays: Floats) -> Any:
        found = compute(*(array.astype(np.float64) for array in arrays))
        return _single(found) if isinstance(found, np.ndarray) else found

    return rounded


class _InSingle:
    """A linearized function with arrays of float32, whatever it computes in itself."""

    def __init__(self, linearized: Linearized, dtype: Any) -> None:
        self._linearized = linearized
        self._dtype = dtype

    def pulled(self) -> Floats:
        return _single(self._linearized.pulled)

    @over_before_exit
    def forward(self, v: Floats) -> Floats:
        return _single(self._linearized.forward(_cast(v, self._dtype)))

    @over_before_exit
    def curved(self, v: Floats) -> tuple[Floats, Floats]:
        product, bent = self._linearized.curved(_cast(v, self._dtype))
        return _single(product), _single(bent)

    @over_before_exit
    def backward(self, u: Floats) -> Floats:
        return _single(self._linearized.backward(_cast(u, self._dtype)))


def _single(array: Floats) -> Floats:
    return _cast(array, np.float32)


def _cast(array: Floats, dtype: Any) -> Floats:
    with np.errstate(over="ignore"):  # infinities end a search by themselves
        cast: Floats = array.astype(dtype, copy=False)
        return cast
