"""What all compiled cells have in common: the core's methods, with arguments checked."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from nullcline._native import _core
from nullcline._native.blas import one_blas_thread
from nullcline._support import validation
from nullcline._support.shown import Shown, Table, described
from nullcline._support.state import frozen, own_state
from nullcline._support.thread_limit import thread_limit
from nullcline.cells._weights import CellWeights
from nullcline.cells.box import Box
from nullcline.cells.state_parts import HasParts, StateParts

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from nullcline._support.validation import Floats

MOST_THREADS = 512
"""More are a slip of the pen: no result depends on them, and each takes memory."""


class CompiledCell(HasParts, CellWeights, Shown):
    """A cell whose equations the compiled core knows, such as `GRU`.

    Parameters
    ----------
    weight_ih
        Input weights, shape (gates H, D), the blocks of the gates stacked in the order that the
        class states.
    weight_hh
        Recurrent weights, shape (gates H, H), likewise.
    bias_ih, bias_hh
        Biases, shape (gates H,), likewise; None for zeros.

    Raises
    ------
    TypeError
        If an array is neither of float64, of float32 nor of integers.
    ValueError
        If an array holds NaN or infinity, or shapes do not fit each other.

    Notes
    -----
    Weights are copied. The cell computes in float32 if all of them are float32, and in float64
    otherwise; integers take the type of the others.

    All methods take states of shape (n, S), or outputs of shape (n, H) where they say so, and
    inputs `x` that are None (zero input), of shape (D,) or (1, D) (one input for all states) or
    (n, D); arrays and tensors, float32, float64 or integers, in any memory layout. A single state
    is passed as `h[None]`. float32 is promoted in a float64 cell; float64 is refused by a float32
    cell. Results have the cell's type. They do not depend, bit for bit, on the number of threads,
    which is that of the processors this process may use.
    """

    _order: ClassVar[tuple[int, ...]]
    """The numbers of these gates in the core's order."""
    _inner_gate: ClassVar[int | None] = None
    """The gate whose bias_hh stands within a product with another gate."""
    _kind: str
    """The core's name of the cell."""
    _activations: list[str] | None = None
    """Names of the units' activations, one for all or one each, where a cell has any."""
    _arrays: ClassVar[tuple[str, ...]] = ("_weights",)
    """The attributes that hold its weights, read-only."""

    def __init__(
        self,
        weight_ih: ArrayLike,
        weight_hh: ArrayLike,
        bias_ih: ArrayLike | None = None,
        bias_hh: ArrayLike | None = None,
    ) -> None:
        self._keep(weight_ih, weight_hh, bias_ih, bias_hh)
        self._compile()

    def _compile(self) -> None:
        """Make the compiled cell, once all that it is made from is kept."""
        make: Any = _core.Cell32 if self.dtype == np.float32 else _core.Cell64
        with one_blas_thread():
            self._compiled: Any = make(*self.core_weights())

    def __getstate__(self) -> dict[str, Any]:
        """Return what a pickle or a copy holds: all but the compiled cell, which is made anew."""
        return own_state(self, "_compiled")

    def __setstate__(self, state: dict[str, Any]) -> None:
        kept = {name: frozen(state[name]) for name in self._arrays}
        vars(self).update(state | kept)
        self._compile()

    @property
    def hidden_size(self) -> int:
        """H, the number of units."""
        return int(self._compiled.hidden_size)

    @property
    def state_size(self) -> int:
        """S, the length of a state."""
        return int(self._compiled.state_size)

    @property
    def input_size(self) -> int:
        """D, the length of an input."""
        return int(self._compiled.input_size)

    @property
    def parts(self) -> StateParts:
        """The parts of a state: h alone, or h and c of an LSTM."""
        return StateParts.in_rows(["h"], self.hidden_size)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type that the cell computes in, float64 or float32."""
        return self.weight_hh.dtype

    @property
    def box(self) -> Box:
        """The bounds of the outputs at zero input: (-1, 1) for gated cells and tanh."""
        return self.box_at(None)

    def box_at(self, x: ArrayLike | Box | None) -> Box:
        """Return the bounds of the outputs at an input, (D,), or at all inputs of a box.

        They are the same at every input but for a `RateRNN`.
        """
        inputs = None if isinstance(x, Box) else x
        checked = validation.inputs("x", inputs, (1, self.input_size), self.dtype)
        with one_blas_thread():
            low, high = self._compiled.bounds(checked)
        return Box(low.astype(np.float64), high.astype(np.float64))

    @property
    def is_smooth(self) -> bool:
        """Whether the derivatives of F are continuous: true unless an activation has kinks."""
        return set(self._activations or ()) <= set(_core.SMOOTH_ACTIVATIONS)

    @property
    def compiled(self) -> Any:
        """The compiled cell, which searches; it expects arrays that are checked already."""
        return self._compiled

    def core_weights(self) -> tuple[Any, ...]:
        """Return what compiled cells are made from: kind, weights, bias, parameters, activations.

        All stand in the core's order.

        Both biases of a gate are one number where they are added to each other; `bias_hh` of a
        gate within a product stays by itself.
        """
        kind, weight_ih, weight_hh, biases, inner, activations = self._core_arrays()
        with np.errstate(over="ignore"):  # an infinite sum saturates its gate
            bias = biases[0] + biases[1]
        return kind, weight_ih, weight_hh, bias, inner, activations

    def exact_weights(self) -> tuple[Any, ...]:
        """Return the same in float64, each bias by itself, so that nothing is rounded."""
        kind, *arrays, activations = self._core_arrays()
        wide = [None if array is None else array.astype(np.float64) for array in arrays]
        return kind, *wide, activations

    def _core_arrays(self) -> tuple[Any, ...]:
        """Return what `core_weights` does, with both biases, (2, gates H), and not their sum."""
        weight_ih, weight_hh, bias_ih, bias_hh = (
            self._by_gate(array)[list(self._order)] for array in self._weights
        )
        size = weight_hh.shape[-1]
        inner = None
        if self._inner_gate is not None:
            inner = bias_hh[None, self._order.index(self._inner_gate)].copy()
            bias_hh[self._order.index(self._inner_gate)] = 0
        return (
            self._kind,
            weight_ih.reshape(-1, weight_ih.shape[-1]),
            weight_hh.reshape(-1, size),
            np.stack([bias_ih.reshape(-1), bias_hh.reshape(-1)]),
            inner,
            self._activations,
        )

    def step(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return the next state F(s, x), shape (n, S), for states of shape (n, S)."""
        return self._of_states(self._compiled.step, h, x)

    def residual(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return the reduced residual of outputs (n, H), shape (n, H).

        It is zero exactly at the outputs of fixed points. It needs fewer weights and unknowns than
        F(s) - s, and no closed gate flattens it; the class says what it is.
        """
        return self._of_outputs(self._compiled.residual, h, x)

    def state_of(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return the states (n, S) with these outputs (n, H), all else at its equilibrium.

        An LSTM's c is what it would settle at if h were held; other cells' outputs are the state.
        """
        return self._of_outputs(self._compiled.complete, h, x)

    def outputs_of(self, h: Floats) -> Floats:
        """Return the outputs h, shape (n, H), of states of shape (n, S)."""
        return np.ascontiguousarray(h[:, : self.hidden_size])

    def speed(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return the speed q = mean((s - F(s, x))²), shape (n,), for states of shape (n, S).

        FixedPointFinder's is half the sum, `q * S / 2`.
        """
        return self._of_states(self._compiled.speed, h, x)

    def jacobian(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return J_rec = ∂F/∂s, shape (n, S, S): element [i, j, k] is ∂F_j/∂s_k at state i."""
        return self._of_states(self._compiled.jacobian, h, x)

    def speed_hessian(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return ∂²q/∂s², shape (n, S, S), of the speed q at states of shape (n, S)."""
        return self._of_states(self._compiled.speed_hessian, h, x)

    def residual_jacobian(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return the Jacobian of the reduced residual, shape (n, H, H), at outputs (n, H)."""
        return self._of_outputs(self._compiled.residual_jacobian, h, x)

    def input_jacobian(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return J_inp = ∂F/∂x, shape (n, S, D): element [i, j, k] is ∂F_j/∂x_k at state i."""
        return self._of_states(self._compiled.input_jacobian, h, x)

    def jvp(self, h: ArrayLike, x: ArrayLike | None, v: ArrayLike) -> Floats:
        """Return J_rec v, shape (n, S), for `v` of shape (n, S)."""
        return self._of_states(self._compiled.jvp, h, x, v=(v, self.state_size))

    def vjp(self, h: ArrayLike, x: ArrayLike | None, u: ArrayLike) -> Floats:
        """Return uᵀ J_rec, shape (n, S), for `u` of shape (n, S)."""
        return self._of_states(self._compiled.vjp, h, x, u=(u, self.state_size))

    def hvp(self, h: ArrayLike, x: ArrayLike | None, u: ArrayLike, v: ArrayLike) -> Floats:
        """Return Σ_j u_j (∂²F_j/∂s²) v, shape (n, S), for `u` and `v` of shape (n, S)."""
        size = self.state_size
        return self._of_states(self._compiled.hvp, h, x, u=(u, size), v=(v, size))

    def input_jvp(self, h: ArrayLike, x: ArrayLike | None, v: ArrayLike) -> Floats:
        """Return J_inp v, shape (n, S), for `v` of shape (n, D)."""
        return self._of_states(self._compiled.input_jvp, h, x, v=(v, self.input_size))

    def residual_input_jvp(self, h: ArrayLike, x: ArrayLike | None, v: ArrayLike) -> Floats:
        """Return the reduced residual's derivative along `v` (n, D) of the input, shape (n, H)."""
        return self._of_outputs(self._compiled.residual_input_jvp, h, x, v=(v, self.input_size))

    def input_vjp(self, h: ArrayLike, x: ArrayLike | None, u: ArrayLike) -> Floats:
        """Return uᵀ J_inp, shape (n, D), for `u` of shape (n, S)."""
        return self._of_states(self._compiled.input_vjp, h, x, u=(u, self.state_size))

    def secant_vjp(
        self, h0: ArrayLike, x0: ArrayLike, h: ArrayLike, x: ArrayLike, u: ArrayLike
    ) -> tuple[Floats, Floats]:
        """Return uᵀ J̄ and uᵀ B̄, shapes (n, S) and (n, D), for pairs of states and `u` (n, S).

        J̄ and B̄ are the secants of F from `(h0, x0)` to `(h, x)`, matrices of the form of J_rec and
        J_inp for which, to rounding and however far the two are from each other,

            F(h, x) - F(h0, x0) = J̄ (h - h0) + B̄ (x - x0).

        Every product in the cell's equations is shared out between its factors by their means,
        Δ(ab) = ā Δb + b̄ Δa, and every activation changes by its divided difference, Δσ = [σ(a) -
        σ(a0)] / (a - a0) Δa. Where the two meet, J̄ is J_rec and B̄ is J_inp.

        Parameters
        ----------
        h0, h
            States, shape (n, S).
        x0, x
            Their inputs, shape (n, D).
        u
            Covectors of F, shape (n, S).
        """
        covectors = (u, self.state_size)
        pulled: tuple[Floats, Floats] = self._of_pairs(
            self._compiled.secant_vjp, (h0, x0), (h, x), u=covectors
        )
        return pulled

    def secant_jvp(
        self,
        h0: ArrayLike,
        x0: ArrayLike,
        h: ArrayLike,
        x: ArrayLike,
        v: ArrayLike,
        w: ArrayLike,
    ) -> Floats:
        """Return J̄ v + B̄ w, shape (n, S), for `v` (n, S) and `w` (n, D): see `secant_vjp`."""
        vectors = {"v": (v, self.state_size), "w": (w, self.input_size)}
        pushed: Floats = self._of_pairs(self._compiled.secant_jvp, (h0, x0), (h, x), **vectors)
        return pushed

    def run_sequences(self, start: Floats, x: Floats, active: NDArray[np.int64]) -> Floats:
        """Return the states along sequences: see `RunsSequences`."""
        threads = available_threads()
        with one_blas_thread():
            states: Floats = self._compiled.run_sequences(start, x, active, n_threads=threads)
        return states

    def pull_back_sequences(self, *arrays: Any, keep_states: bool) -> tuple[Floats, ...]:
        """Return covectors pulled back along sequences: see `RunsSequences`."""
        threads = available_threads()
        with one_blas_thread():
            covectors: tuple[Floats, ...] = self._compiled.pull_back_sequences(
                *arrays, keep_states=keep_states, n_threads=threads
            )
        return covectors

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(input_size={self.input_size}, "
            f"hidden_size={self.hidden_size}, dtype={self.dtype})"
        )

    def _table(self) -> Table:
        sizes = {
            "H, units": self.hidden_size,
            "S, state": self.state_size,
            "D, input": self.input_size,
        }
        rows = [*sizes.items(), *((at, described(part)) for at, part in self.arguments().items())]
        return Table(("", ""), rows, len(rows))

    def _of_states(
        self,
        method: Callable[..., Floats],
        h: ArrayLike,
        x: ArrayLike | None,
        **vectors: tuple[ArrayLike, int],
    ) -> Floats:
        return self._batched(method, h, self.state_size, x, **vectors)

    def _of_outputs(
        self,
        method: Callable[..., Floats],
        h: ArrayLike,
        x: ArrayLike | None,
        **vectors: tuple[ArrayLike, int],
    ) -> Floats:
        return self._batched(method, h, self.hidden_size, x, **vectors)

    def _batched(
        self,
        method: Callable[..., Floats],
        h: ArrayLike,
        size: int,
        x: ArrayLike | None,
        **vectors: tuple[ArrayLike, int],
    ) -> Floats:
        """Check states, inputs and further vectors, given with their length, and call `method`."""
        states = validation.rows("h", h, size, self.dtype, self.hidden_size)
        n = len(states)
        inputs = validation.inputs("x", x, (n, self.input_size), self.dtype)
        checked = [
            validation.matching_rows(name, vector, (n, length), self.dtype)
            for name, (vector, length) in vectors.items()
        ]
        n_threads = available_threads() if n > 1 else 1  # asking takes as long as a small state
        with one_blas_thread():
            return method(states, inputs, *checked, n_threads=n_threads)

    def _of_pairs(
        self,
        method: Callable[..., Any],
        base: tuple[ArrayLike, ArrayLike],
        actual: tuple[ArrayLike, ArrayLike],
        **vectors: tuple[ArrayLike, int],
    ) -> Any:
        """Check pairs of states with their inputs, and vectors for each, and call `method`."""
        states = validation.rows("h0", base[0], self.state_size, self.dtype, self.hidden_size)
        named = {
            "x0": (base[1], self.input_size),
            "h": (actual[0], self.state_size),
            "x": (actual[1], self.input_size),
            **vectors,
        }
        checked = [
            validation.matching_rows(name, array, (len(states), width), self.dtype)
            for name, (array, width) in named.items()
        ]
        with one_blas_thread():
            return method(states, *checked, n_threads=available_threads())

    def _by_gate(self, array: Floats) -> Floats:
        """Return weights or biases with the gates along a first dimension of their own."""
        return array.reshape(len(self._gates), -1, *array.shape[1:])


def thread_count(n_threads: int | None) -> int:
    """Return how many threads to use: as many as asked for, or one per processor.

    Raises
    ------
    TypeError, ValueError
        If `n_threads` is no integer from 1 to `MOST_THREADS`.
    """
    if n_threads is None:
        return available_threads()
    return validation.whole_number("n_threads", n_threads, 1, MOST_THREADS)


def available_threads() -> int:
    """Return the number of processors that this process may use, or fewer on a worker."""
    limit = thread_limit()
    if limit is not None:
        return limit
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
