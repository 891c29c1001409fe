"""The parameters of a layer as arrays that a cell takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support import validation

if TYPE_CHECKING:
    from pathlib import Path

    from nullcline._support.validation import Floats


def parameter(name: str, value: Any, dtype: np.dtype[Any]) -> Floats:
    """Return a copy of an array or tensor in the type that the cell computes in.

    Raises
    ------
    TypeError
        If `value` is not of a floating-point type that fits in float64; bfloat16 is one.
    ValueError
        If it has no values (on the meta device, or abstract), or a value is NaN or infinite, or
        becomes so in `dtype`.
    """
    convert = _from_tensor if validation.is_tensor(value) else _from_array
    converted = convert(name, value, dtype)
    validation.require_finite(name, converted)
    return converted


def parameter_in(path: Path, name: str, value: Any, dtype: np.dtype[Any]) -> Floats:
    """Return `parameter` of what a file holds, which errors name."""
    try:
        return parameter(name, value, dtype)
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{path}: {error}") from error


def _from_tensor(name: str, tensor: Any, dtype: np.dtype[Any]) -> Floats:
    import torch

    if tensor.is_meta:
        raise ValueError(f"{name} lies on the meta device and has no values; load the weights")
    if not tensor.is_floating_point():
        raise TypeError(f"{name} must have a floating-point type, not {tensor.dtype}")
    array: Floats = tensor.detach().to("cpu", getattr(torch, dtype.name), copy=True).numpy()
    return array


def _from_array(name: str, value: Any, dtype: np.dtype[Any]) -> Floats:
    try:
        array = np.asarray(value)
    except TypeError:  # a tracer, or what stands for one
        array = np.empty((), object)
    if array.dtype == object and hasattr(value, "shape"):
        raise ValueError(
            f"{name} is abstract: it has a shape and no values; pass initialized or trained "
            "parameters"
        )
    if array.dtype.kind in "biu" or not np.can_cast(array.dtype, np.float64):
        raise TypeError(f"{name} must have a floating-point type, not {array.dtype}")
    with np.errstate(over="ignore"):  # infinities are reported by name
        return array.astype(dtype)
