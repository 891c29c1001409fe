"""What networks of rates with a leak have in common: the leak, the activations, the recurrence."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from nullcline._native import _core
from nullcline._support import validation
from nullcline._support.state import frozen
from nullcline.cells.compiled import CompiledCell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from nullcline._support.validation import Floats

ACTIVATIONS: tuple[str, ...] = _core.ACTIVATIONS
"""The names of the activation functions that units may have."""

_OTHER_NAMES = {"sigmoid": "logistic", "hardtanh": "hard_tanh", "linear": "identity"}
"""What PyTorch and Keras call some of them."""


class RateCell(CompiledCell):
    """A network of rates with a leak, such as `LeakyRNN` or `RateRNN`.

    Parameters
    ----------
    weight_ih
        Input weights U, shape (H, D).
    weight_hh
        Recurrent weights W, shape (H, H); or a pair (M, N) of factors, each of shape (H, R), of a
        recurrence W = M Nᵀ of rank R, whose products then take O(H R).
    bias
        b, shape (H,); None for zeros.
    alpha
        The leak α, 0 < α <= 1: a number, or one per unit, shape (H,).
    activation
        φ: "tanh"; "relu", max(u, 0); "logistic", 1 / (1 + exp(-u)); "softplus", ln(1 + exp(u));
        "hard_tanh", u cut at -1 and 1; "identity"; or "rectified_tanh", max(tanh(u), 0). One for
        all units, or a sequence of H. PyTorch's and Keras's "sigmoid", "hardtanh" and "linear" are
        understood, too.
    dt, tau
        Instead of `alpha`: the length of a step and the units' time constants, α = dt / tau, in one
        unit of time; `tau` a number, or one per unit, shape (H,). `Linearization` then also knows
        time constants in that unit. Or `dt` beside `alpha`, which tells the unit alone.

    Raises
    ------
    TypeError
        If an array is neither float64 nor float32, or not exactly one of `alpha` and the pair of
        `dt` and `tau` is given.
    ValueError
        If an array holds NaN or infinity, shapes do not fit each other, α is out of range, or there
        is no such activation.
    """

    _gates: ClassVar = ("a",)
    _order: ClassVar = (0,)
    _arrays: ClassVar = ("_input", "_bias", "_recurrence", "_alpha")

    def __init__(
        self,
        weight_ih: ArrayLike,
        weight_hh: ArrayLike | tuple[ArrayLike, ArrayLike],
        bias: ArrayLike | None = None,
        *,
        alpha: ArrayLike | None = None,
        activation: str | Sequence[str] = "tanh",
        dt: float | None = None,
        tau: ArrayLike | None = None,
    ) -> None:
        if isinstance(weight_hh, tuple) and len(weight_hh) != 2:
            raise ValueError(
                f"weight_hh must be an array or a pair of factors, not {len(weight_hh)} of them"
            )
        recurrence = weight_hh if isinstance(weight_hh, tuple) else (weight_hh,)
        arrays = _checked(weight_ih, recurrence, bias)
        self._input, self._bias, *self._recurrence = frozen(arrays)
        self._dt = None if dt is None else validation.tolerance("dt", dt)
        self._alpha: Floats = frozen(
            _leak(alpha, self._dt, tau, len(self._bias), self._input.dtype)
        )
        self._activations = _activation_names(activation, len(self._bias))
        self._compile()

    @property
    def weight_ih(self) -> Floats:
        """Input weights, shape (H, D), read-only."""
        return self._input

    @cached_property
    def weight_hh(self) -> Floats:
        """Recurrent weights, shape (H, H), read-only; of factors their product, made when asked."""
        if len(self._recurrence) == 1:
            return self._recurrence[0]
        left, right = self._recurrence
        product: Floats = frozen(left @ right.T)
        return product

    @property
    def factors(self) -> tuple[Floats, Floats] | None:
        """The factors (M, N) of the recurrence, each of shape (H, R), read-only; None if dense."""
        return (self._recurrence[0], self._recurrence[1]) if len(self._recurrence) == 2 else None

    @property
    def bias(self) -> Floats:
        """Biases, shape (H,), read-only; zeros if none were given."""
        return self._bias

    @property
    def bias_ih(self) -> Floats:
        """Biases, shape (H,), read-only, under the name that other cells have for them."""
        return self._bias

    @cached_property
    def bias_hh(self) -> Floats:
        """Zeros, shape (H,), read-only: all biases are in `bias`."""
        zeros: Floats = frozen(np.zeros_like(self._bias))
        return zeros

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type that the cell computes in, float64 or float32."""
        return self._input.dtype

    @property
    def alpha(self) -> Floats:
        """The leak of each unit, shape (H,), read-only."""
        return self._alpha

    @property
    def dt(self) -> float | None:
        """The length of a step, in the unit of `tau`; None where `alpha` was given without it."""
        return self._dt

    @property
    def activation(self) -> str | tuple[str, ...]:
        """The units' activation, or a tuple of H where they differ."""
        names = self._activations or []
        return names[0] if len(set(names)) == 1 else tuple(names)

    def arguments(self) -> dict[str, Any]:
        """Return what the class makes the same cell of: `type(cell)(**cell.arguments())`."""
        names = self._activations or []
        return {
            "weight_ih": self._input,
            "weight_hh": self.factors or self._recurrence[0],
            "bias": self._bias,
            "alpha": self._alpha,
            "activation": names[0] if len(names) == 1 else list(names),
            "dt": self._dt,
        }

    def core_weights(self) -> tuple[Any, ...]:
        """Return what the compiled cell is made from, see `CompiledCell.core_weights`."""
        recurrence: Any = self.factors or self._recurrence[0]
        return (
            self._kind,
            self._input,
            recurrence,
            self._bias,
            self._alpha[None],
            self._activations,
        )

    def exact_weights(self) -> tuple[Any, ...]:
        """Return the same in float64: see `CompiledCell.exact_weights`."""
        input_, bias, alpha, *recurrence = (
            array.astype(np.float64)
            for array in (self._input, self._bias, self._alpha, *self._recurrence)
        )
        return (
            self._kind,
            input_,
            (recurrence[0], recurrence[1]) if len(recurrence) == 2 else recurrence[0],
            bias[None],
            alpha[None],
            self._activations,
        )


def _checked(
    weight_ih: ArrayLike, recurrence: tuple[ArrayLike, ...], bias: ArrayLike | None
) -> list[Floats]:
    """Return input weights, bias, and the recurrence or its factors, of one type."""
    parts = ["weight_hh"] if len(recurrence) == 1 else ["weight_hh[0]", "weight_hh[1]"]
    given = {"weight_ih": weight_ih, **dict(zip(parts, recurrence, strict=True))}
    arrays = validation.of_one_type(**given, **({} if bias is None else {"bias": bias}))
    w_in, w = arrays["weight_ih"], [arrays[part] for part in parts]
    size = len(w[0]) if w[0].ndim > 0 else 0
    if size < 1 or any(array.ndim != 2 or len(array) != size for array in w):
        raise ValueError(
            "weight_hh must have shape (H, H), or be two factors of shape (H, R), H and R >= 1, "
            f"not {', '.join(str(array.shape) for array in w)}"
        )
    if len(w) == 1 and w[0].shape[1] != size:
        raise ValueError(f"weight_hh must have shape (H, H) with H >= 1, not {w[0].shape}")
    if w[0].shape[1] != w[-1].shape[1] or w[0].shape[1] < 1:
        raise ValueError(
            f"weight_hh must be factors of one rank R >= 1, not {w[0].shape} and {w[-1].shape}"
        )
    if w_in.ndim != 2 or len(w_in) != size or w_in.shape[1] < 1:
        raise ValueError(
            f"weight_ih must have shape ({size}, D) with D >= 1, not {w_in.shape}; "
            "for a cell without input pass one column of zeros"
        )
    b = arrays.get("bias", np.zeros(size, w_in.dtype))
    if b.shape != (size,):
        raise ValueError(f"bias must have shape ({size},), not {b.shape}")
    return [w_in, b, *w]


def _leak(
    alpha: ArrayLike | None,
    dt: float | None,
    tau: ArrayLike | None,
    size: int,
    dtype: np.dtype[Any],
) -> Floats:
    """Return α of each unit, shape (size,)."""
    if (alpha is None) == (tau is None) or (tau is not None and dt is None):
        raise TypeError("give the leak as alpha, or as dt and tau: exactly one of the two")
    name = "alpha" if alpha is not None else "tau"
    given = _per_unit(name, alpha if alpha is not None else tau, size)
    if name == "tau" and not (given > 0).all():
        raise ValueError("tau must be positive")
    if dt == 0:
        raise ValueError("dt must be positive and at most tau, not 0")
    wide = given if tau is None or dt is None else dt / given
    leak = wide.astype(dtype)  # float32 makes 1e-50 a zero
    if not ((leak > 0) & (leak <= 1)).all():
        what = "alpha must" if tau is None else "dt must be positive and at most tau, so that alpha"
        raise ValueError(f"{what} lie in (0, 1], not between {leak.min():g} and {leak.max():g}")
    return leak


def _per_unit(name: str, value: object, size: int) -> NDArray[np.float64]:
    """Return a number, or one per unit, as an array of shape (size,)."""
    try:
        array = np.asarray(value, np.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{name} must be a number, or one per unit: {error}") from error
    if isinstance(value, bool):
        raise TypeError(f"{name} must be a number, or one per unit, not {value}")
    if array.shape not in {(), (size,)}:
        raise ValueError(f"{name} must be a number or have shape ({size},), not {array.shape}")
    validation.require_finite(name, np.atleast_1d(array))
    return np.broadcast_to(array, (size,))


def _activation_names(activation: str | Sequence[str], size: int) -> list[str]:
    if not isinstance(activation, str | list | tuple):
        raise TypeError(
            f"activation must be a name, or a list of {size}, not {type(activation).__name__}"
        )
    names = [activation] if isinstance(activation, str) else list(activation)
    if not isinstance(activation, str) and len(names) != size:
        raise ValueError(f"activation must be one name or {size}, one per unit, not {len(names)}")
    names = [_OTHER_NAMES.get(name, name) for name in names]
    for name in names:
        if name not in ACTIVATIONS:
            raise ValueError(
                f"activation must be one of {', '.join(ACTIVATIONS)}, or one per unit, not {name!r}"
            )
    return names
