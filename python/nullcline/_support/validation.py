"""Checks of what the front door is given: each names the argument that is wrong and the fix."""

from __future__ import annotations

import math
import sys
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterable

    import torch
    from numpy.typing import ArrayLike, DTypeLike

Floats: TypeAlias = NDArray[np.floating[Any]]

FLOATS = (np.dtype(np.float64), np.dtype(np.float32))
"""The types that cells compute in."""


def float_type(dtype: DTypeLike | torch.dtype) -> np.dtype[Any]:
    """Return `dtype`, NumPy's or PyTorch's, if cells can compute in it."""
    name: Any = str(dtype).removeprefix("torch.") if type(dtype).__module__ == "torch" else dtype
    try:
        found: np.dtype[Any] = np.dtype(name)
    except TypeError:
        found = np.dtype(object)
    if found not in FLOATS:
        raise TypeError(f"dtype must be numpy.float64 or numpy.float32, not {dtype!r}")
    return found


def floats(
    name: str, value: ArrayLike, dtype: np.dtype[Any] | None = None, *, finite: bool = True
) -> Floats:
    """Return `value` as a finite, C-contiguous array, copied only where it has to be.

    Parameters
    ----------
    name
        The argument's name, for the message.
    value
        An array of float64, float32 or whole numbers, or what NumPy makes one of; a tensor of
        PyTorch is taken without a copy if it is on the CPU.
    dtype
        The type to return; by default the type that `value` has, float64 for whole numbers.
        float32 is promoted to float64, which is exact; the other way loses digits and is refused.
    finite
        Whether NaN and infinity are refused.

    Raises
    ------
    TypeError
        If `value` is no array of these types, or of float64 where float32 is needed.
    ValueError
        If a value is masked, NaN or infinite, a whole number with too many digits, or lies on the
        meta device.
    """
    array = _array(name, value)
    if is_whole(array):
        array = _exactly(name, array, dtype or np.dtype(np.float64))
    require_type(name, value, array.dtype, dtype)
    native = array.dtype.newbyteorder("=")
    converted: Floats = np.require(array, dtype or native, ["C", "ALIGNED"])
    if finite:
        require_finite(name, converted)
    return converted


def require_type(
    name: str, value: object, found: np.dtype[Any], wanted: np.dtype[Any] | None
) -> None:
    """Raise TypeError unless `value`, which is of type `found`, can be had as `wanted`."""
    native = found.newbyteorder("=")
    if native not in FLOATS:
        shown = str(found) if found.kind != "O" else f"an array of {type(value).__name__}"
        is_no_array = isinstance(value, str | list | tuple) or (
            found.kind == "O" and not hasattr(value, "astype")
        )
        mend = "an array of numbers" if is_no_array else _cast(name, value, "float64")
        raise TypeError(f"{name} must be float64 or float32, not {shown}; pass {mend}")
    if wanted is not None and not np.can_cast(native, wanted):
        raise TypeError(
            f"{name} is {native} and the cell {wanted}: pass {_cast(name, value, str(wanted))}, "
            f"or make a cell of {native}"
        )


def of_one_type(**given: Any) -> dict[str, Floats]:
    """Return arrays as `floats` does, of the wider of their types; whole numbers have none."""
    arrays = {name: _array(name, value) for name, value in given.items()}
    floating = [array for array in arrays.values() if not is_whole(array)]
    for name, array in arrays.items():
        if not is_whole(array):
            require_type(name, given[name], array.dtype, None)
    dtype = np.result_type(*floating) if floating else np.dtype(np.float64)
    return {name: floats(name, array, dtype) for name, array in arrays.items()}


def is_whole(array: NDArray[Any]) -> bool:
    """Whether an array is of integers, of any size."""
    return array.dtype.kind in "iu"


def _exactly(name: str, array: NDArray[Any], dtype: np.dtype[Any]) -> Floats:
    """Return whole numbers in a floating-point type that holds each of them."""
    most = 2 ** (np.finfo(dtype).nmant + 1)
    if ((array > most) | (array < -most)).any():
        raise ValueError(
            f"{name} must hold numbers that {dtype} holds, and has integers beyond {most}: pass "
            f"{name} in floating point, rounded as you want it"
        )
    return array.astype(dtype)


def require_finite(name: str, array: Floats) -> None:
    """Raise ValueError if a value of `array` is NaN or infinite."""
    finite = np.isfinite(array)
    if not finite.all():
        wrong = np.argwhere(~finite)
        raise not_finite(name, len(wrong), array.size, wrong[0])


def not_finite(name: str, n_wrong: int, size: int, first: Iterable[int]) -> ValueError:
    """Return what to raise where some of `size` values, at `first` for one, are not finite."""
    place = ", ".join(str(index) for index in first)
    return ValueError(
        f"{name} must be finite, but {n_wrong} of its {size} values are NaN or infinite, the first "
        f"at [{place}]"
    )


def rows(
    name: str, value: ArrayLike, width: int, dtype: np.dtype[Any], outputs: int | None = None
) -> Floats:
    """Return `value` as an array of shape (n, width); `outputs` as in `require_rows`."""
    require_one_array(name, value, width)
    array = floats(name, value, dtype)
    require_rows(name, array.shape, width, outputs)
    return array


def require_one_array(name: str, value: object, width: int) -> None:
    """Raise ValueError if rows are given as a tuple of arrays of rows, such as PyTorch's (h, c)."""
    if isinstance(value, tuple) and any(getattr(part, "ndim", 0) > 1 for part in value):
        raise ValueError(
            f"{name} must be one array of shape (n, {width}), not {len(value)} of them: an LSTM's "
            f"(h, c) are one state {_JOINED}"
        )


def require_rows(name: str, shape: tuple[int, ...], width: int, outputs: int | None = None) -> None:
    """Raise ValueError unless `shape` is (n, width).

    Where rows are states, and these hold more than the outputs, `outputs` is how many those are.
    """
    if len(shape) != 2 or shape[1] != width:
        raise ValueError(
            f"{name} must have shape (n, {width}), not {shape}{_mend(name, shape, width, outputs)}"
        )


_JOINED = "[h, c] of width 2H, numpy.concatenate([h, c], axis=1), h and c of shape (n, H) each"


def _mend(name: str, shape: tuple[int, ...], width: int, outputs: int | None) -> str:
    """Return how rows of another shape can be passed, if that is plain to see."""
    if shape == (width,):
        return f"; for a single row pass {name}[None]"
    if len(shape) == 3 and shape[2] == width:
        if shape[0] == 1:
            return f"; for one layer's or one sequence's rows pass {name}[0]"
        return f"; for the rows of all {shape[0]} pass {name}.reshape(-1, {width})"
    if len(shape) == 3 and shape[0] * shape[2] == width:
        return f"; for states of {shape[0]} parts, side by side, pass concatenate({name}, axis=1)"
    if outputs is not None and outputs < width and shape[-1:] == (outputs,):
        return (
            f"; h alone is an LSTM's output, and its state {_JOINED}, or cell.state_of(h), where c "
            "is at rest"
        )
    return ""


def matching_rows(
    name: str, value: ArrayLike, shape: tuple[int, int], dtype: np.dtype[Any]
) -> Floats:
    """Return `value` as an array of `shape`, one row for each state."""
    array = rows(name, value, shape[1], dtype)
    if len(array) != shape[0]:
        raise ValueError(f"{name} must have a row for each state: {shape}, not {array.shape}")
    return array


def inputs(
    name: str, value: ArrayLike | None, shape: tuple[int, int], dtype: np.dtype[Any]
) -> Floats | None:
    """Return `value` as None (no input), shape (1, D) (one for all) or (n, D), for `shape` (n, D).

    A vector (D,) is one input for all.
    """
    if value is None:
        return None
    array = floats(name, value, dtype)
    require_inputs(name, array.shape, shape)
    return np.atleast_2d(array)


def require_inputs(name: str, found: tuple[int, ...], shape: tuple[int, int]) -> None:
    """Raise ValueError unless `found` is (D,), (1, D) or (n, D), for `shape` (n, D)."""
    n, width = shape
    if found not in {(width,), (1, width), (n, width)}:
        raise ValueError(
            f"{name} must be None or have shape ({width},), (1, {width}) or {shape}, not {found}"
        )


def whole_number(name: str, value: object, minimum: int, maximum: int = 2**31 - 1) -> int:
    """Return `value` as an int between `minimum` and `maximum`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} must be an integer, not {value!r}")
    number = int(value)
    if not minimum <= number <= maximum:
        raise ValueError(f"{name} must lie between {minimum} and {maximum}, not be {number}")
    return number


def tolerance(name: str, value: object) -> float:
    """Return `value` as a finite float that is not negative."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, not {value!r}")
    number = float(value)
    if not (math.isfinite(number) and number >= 0):
        raise ValueError(f"{name} must be finite and not negative, not {number}")
    return number


def _array(name: str, value: Any) -> NDArray[Any]:
    """Return `value` as NumPy sees it, without a copy if it is an array or a tensor."""
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise ValueError(f"{name} has masked entries; fill them, or leave out their rows")
    if is_tensor(value):
        return _tensor_as_array(name, value)
    try:
        return np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{name} cannot be read as a NumPy array: {error}") from error


def _tensor_as_array(name: str, tensor: Any) -> NDArray[Any]:
    if tensor.device.type == "meta":
        raise ValueError(f"{name} is a tensor on the meta device, which has no values")
    if not _is_whole_tensor(tensor):
        require_float_tensor(name, tensor)
    try:
        array: NDArray[Any] = tensor.detach().resolve_neg().cpu().numpy()
    except (TypeError, RuntimeError) as error:  # sparse, quantized, ...
        raise TypeError(f"{name} cannot be read as a NumPy array: {error}") from error
    return array


def require_float_tensor(name: str, tensor: Any) -> None:
    """Raise TypeError unless a tensor of PyTorch is of float64 or float32."""
    if not tensor.is_floating_point() or tensor.element_size() < 4:
        raise TypeError(
            f"{name} must be float64 or float32, not {tensor.dtype}; pass {name}.double()"
        )


def _is_whole_tensor(tensor: Any) -> bool:
    other = tensor.is_floating_point() or tensor.is_complex() or tensor.is_quantized
    return not other and str(tensor.dtype) != "torch.bool"


def is_tensor(value: object) -> bool:
    """Whether `value` is PyTorch's; without loading PyTorch, whose tensors need it loaded."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def _cast(name: str, value: object, dtype: str) -> str:
    if is_tensor(value):
        return f"{name}.to(torch.{dtype})"
    return f"{name}.astype(numpy.{dtype})"
