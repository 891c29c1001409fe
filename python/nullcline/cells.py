"""Cells: recurrent layers as maps, their exact Jacobians, and the products with them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from nullcline import _core, _validation
from nullcline._blas import one_blas_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike

    from nullcline._validation import Floats


@runtime_checkable
class Cell(Protocol):
    """One recurrent layer `h' = F(h, x)`, as the search and the linearization see it.

    States `h` have shape (n, H) and inputs `x` (n, D); `GRU` says what its arguments may be.
    """

    @property
    def hidden_size(self) -> int:
        """H, the number of units."""

    @property
    def input_size(self) -> int:
        """D, the length of an input."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type that the cell computes in."""

    @property
    def compiled(self) -> Any:
        """The compiled cell, which searches."""

    def step(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return F(h, x), shape (n, H)."""

    def residual(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return the residual whose zeros are the fixed points, shape (n, H)."""

    def speed(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return q = mean((h - F(h, x))²), shape (n,)."""

    def jacobian(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return J_rec = ∂F/∂h, shape (n, H, H)."""

    def jvp(self, h: ArrayLike, x: ArrayLike | None, v: ArrayLike) -> Floats:
        """Return J_rec v, shape (n, H)."""

    def vjp(self, h: ArrayLike, x: ArrayLike | None, u: ArrayLike) -> Floats:
        """Return uᵀ J_rec, shape (n, H)."""

    def residual_jacobian(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return the Jacobian of that residual, shape (n, H, H)."""

    def residual_input_jvp(self, h: ArrayLike, x: ArrayLike | None, v: ArrayLike) -> Floats:
        """Return the residual's derivative along a change of the input, shape (n, H)."""

    def input_jacobian(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return J_inp = ∂F/∂x, shape (n, H, D)."""


class GRU:
    """PyTorch's gated recurrent unit.

    ::

        r  = σ(W_ir x + b_ir + W_hr h + b_hr)
        z  = σ(W_iz x + b_iz + W_hz h + b_hz)
        n  = tanh(W_in x + b_in + r ∘ (W_hn h + b_hn))
        h' = F(h, x) = (1 - z) ∘ n + z ∘ h

    Weights are stacked in the order r, z, n, as `torch.nn.GRU` keeps them, and are copied. The cell
    computes in float32 if all of them are float32, in float64 otherwise.

    Parameters
    ----------
    weight_ih
        Input weights, shape (3H, D).
    weight_hh
        Recurrent weights, shape (3H, H).
    bias_ih, bias_hh
        Biases, shape (3H,); None for zeros.

    Raises
    ------
    TypeError
        If an array is neither float64 nor float32.
    ValueError
        If an array holds NaN or infinity, or shapes do not fit each other.

    Notes
    -----
    All methods take states `h` of shape (n, H) and inputs `x` that are None (zero input), of shape
    (D,) or (1, D) (one input for all states) or (n, D); arrays and tensors, float32 or float64,
    in any memory layout. A single state is passed as `h[None]`. float32 is promoted in a float64
    cell; float64 is refused by a float32 cell. Results have the cell's type. They do not depend,
    bit for bit, on the number of threads, which is that of the processors this process may use.
    """

    def __init__(
        self,
        weight_ih: ArrayLike,
        weight_hh: ArrayLike,
        bias_ih: ArrayLike | None = None,
        bias_hh: ArrayLike | None = None,
    ) -> None:
        arrays: list[Any] = _weights(
            weight_ih=weight_ih, weight_hh=weight_hh, bias_ih=bias_ih, bias_hh=bias_hh
        )
        self._dtype: np.dtype[Any] = arrays[0].dtype
        self._weights: tuple[Floats, ...] = tuple(array.copy() for array in arrays)
        for array in self._weights:
            array.flags.writeable = False
        with one_blas_thread():
            self._compiled: Any = (
                _core.GRU32(*arrays) if self._dtype == np.float32 else _core.GRU64(*arrays)
            )

    @property
    def hidden_size(self) -> int:
        """H, the number of units."""
        return int(self._compiled.hidden_size)

    @property
    def input_size(self) -> int:
        """D, the length of an input."""
        return int(self._compiled.input_size)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type that the cell computes in, float64 or float32."""
        return self._dtype

    @property
    def weight_ih(self) -> Floats:
        """Input weights, shape (3H, D), read-only."""
        return self._weights[0]

    @property
    def weight_hh(self) -> Floats:
        """Recurrent weights, shape (3H, H), read-only."""
        return self._weights[1]

    @property
    def bias_ih(self) -> Floats:
        """Biases, shape (3H,), read-only; zeros if none were given."""
        return self._weights[2]

    @property
    def bias_hh(self) -> Floats:
        """Biases on the recurrent side, shape (3H,), read-only; zeros if none were given."""
        return self._weights[3]

    @property
    def compiled(self) -> Any:
        """The compiled cell, which searches; it expects arrays that are checked already."""
        return self._compiled

    def step(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return the next state F(h, x), shape (n, H)."""
        return self._batched(self._compiled.step, h, x)

    def residual(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return the reduced residual n(h, x) - h, shape (n, H).

        It is zero exactly at the fixed points, because F(h) - h = (1 - z) ∘ (n(h) - h) and z < 1,
        and it is not flattened where z is close to 1.
        """
        return self._batched(self._compiled.residual, h, x)

    def speed(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return the speed q = mean((h - F(h, x))²), shape (n,).

        FixedPointFinder's is half the sum, `q * H / 2`.
        """
        return self._batched(self._compiled.speed, h, x)

    def jacobian(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return J_rec = ∂F/∂h, shape (n, H, H): element [i, j, k] is ∂F_j/∂h_k at state i."""
        return self._batched(self._compiled.jacobian, h, x)

    def residual_jacobian(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return the Jacobian of the reduced residual, ∂n/∂h - I, shape (n, H, H)."""
        return self._batched(self._compiled.residual_jacobian, h, x)

    def input_jacobian(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return J_inp = ∂F/∂x, shape (n, H, D): element [i, j, k] is ∂F_j/∂x_k at state i."""
        return self._batched(self._compiled.input_jacobian, h, x)

    def jvp(self, h: ArrayLike, x: ArrayLike | None, v: ArrayLike) -> Floats:
        """Return J_rec v, shape (n, H), for `v` of shape (n, H)."""
        return self._batched(self._compiled.jvp, h, x, v=(v, self.hidden_size))

    def vjp(self, h: ArrayLike, x: ArrayLike | None, u: ArrayLike) -> Floats:
        """Return uᵀ J_rec, shape (n, H), for `u` of shape (n, H)."""
        return self._batched(self._compiled.vjp, h, x, u=(u, self.hidden_size))

    def hvp(self, h: ArrayLike, x: ArrayLike | None, u: ArrayLike, v: ArrayLike) -> Floats:
        """Return Σ_j u_j (∂²F_j/∂h²) v, shape (n, H), for `u` and `v` of shape (n, H)."""
        size = self.hidden_size
        return self._batched(self._compiled.hvp, h, x, u=(u, size), v=(v, size))

    def input_jvp(self, h: ArrayLike, x: ArrayLike | None, v: ArrayLike) -> Floats:
        """Return J_inp v, shape (n, H), for `v` of shape (n, D)."""
        return self._batched(self._compiled.input_jvp, h, x, v=(v, self.input_size))

    def residual_input_jvp(self, h: ArrayLike, x: ArrayLike | None, v: ArrayLike) -> Floats:
        """Return ∂n/∂x v, the reduced residual's, shape (n, H), for `v` of shape (n, D)."""
        return self._batched(self._compiled.residual_input_jvp, h, x, v=(v, self.input_size))

    def input_vjp(self, h: ArrayLike, x: ArrayLike | None, u: ArrayLike) -> Floats:
        """Return uᵀ J_inp, shape (n, D), for `u` of shape (n, H)."""
        return self._batched(self._compiled.input_vjp, h, x, u=(u, self.hidden_size))

    def __repr__(self) -> str:
        return (
            f"GRU(input_size={self.input_size}, hidden_size={self.hidden_size}, dtype={self.dtype})"
        )

    def _batched(
        self,
        method: Callable[..., Floats],
        h: ArrayLike,
        x: ArrayLike | None,
        **vectors: tuple[ArrayLike, int],
    ) -> Floats:
        """Check states, inputs and further vectors, given with their length, and call `method`."""
        states = _validation.rows("h", h, self.hidden_size, self.dtype)
        n = len(states)
        inputs = _validation.inputs("x", x, (n, self.input_size), self.dtype)
        checked = [
            _validation.matching_rows(name, vector, (n, length), self.dtype)
            for name, (vector, length) in vectors.items()
        ]
        with one_blas_thread():
            return method(states, inputs, *checked, n_threads=available_threads())


def require_cell(cell: object) -> None:
    """Raise TypeError, with the way to a cell, if `cell` is none."""
    if isinstance(cell, Cell):
        return
    if isinstance(cell, list):
        raise TypeError("cell must be one cell, not a list: choose a layer, e.g. cells[0]")
    if isinstance(cell, tuple):
        raise TypeError("cell must be one cell, not a pair: choose .forward or .backward")
    raise TypeError(
        f"cell must be a nullcline cell, not {type(cell).__module__}.{type(cell).__qualname__}; "
        "nullcline.from_torch makes a list of them of a PyTorch module"
    )


def available_threads() -> int:
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _weights(**given: ArrayLike | None) -> list[Floats]:
    """Check the four weights and bring them to one type; missing biases are zeros."""
    arrays = {
        name: _validation.floats(name, value) for name, value in given.items() if value is not None
    }
    dtype = np.result_type(*arrays.values())
    weight_ih, weight_hh = arrays["weight_ih"], arrays["weight_hh"]
    if weight_hh.ndim != 2 or weight_hh.shape[1] < 1 or len(weight_hh) != 3 * weight_hh.shape[1]:
        raise ValueError(
            f"weight_hh must have shape (3H, H) with H >= 1 (gates r, z, n), not {weight_hh.shape}"
        )
    gates = len(weight_hh)
    if weight_ih.ndim != 2 or len(weight_ih) != gates or weight_ih.shape[1] < 1:
        raise ValueError(
            f"weight_ih must have shape ({gates}, D) with D >= 1, not {weight_ih.shape}; "
            "for a cell without input pass one column of zeros"
        )
    for name in ("bias_ih", "bias_hh"):
        bias = arrays.setdefault(name, np.zeros(gates, dtype))
        if bias.shape != (gates,):
            raise ValueError(f"{name} must have shape ({gates},), not {bias.shape}")
    return [arrays[name].astype(dtype, copy=False) for name in given]
