"""What a pickle of NumPy's arrays may name and build: stand-ins, which check all that they get."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from nullcline._support.npy import require_few_empty

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Dtype: TypeAlias = np.dtype[Any]

_MOST_DIMENSIONS = 8


@dataclass
class Type:
    """A dtype, of which the byte order comes after the rest."""

    dtype: Dtype

    def build(self, state: Any) -> None:
        """Take in what follows: the byte order."""
        _, order, *structure = state
        if any(part is not None for part in structure[:3]):
            raise ValueError("it holds a structured array")
        if text(order) not in {"<", ">", "|", "="}:  # NumPy would evaluate it
            raise ValueError("the byte order of a type is none")
        self.dtype = np.dtype(text(order) + self.dtype.str[1:])


@dataclass
class Array:
    """An array, of which everything comes after it is made."""

    values: NDArray[Any] | None = None

    def build(self, state: Any) -> None:
        """Take in what follows: shape, type and values."""
        _, shape, dtype, in_fortran_order, raw = state
        self.values = _array(raw, dtype, shape, "F" if in_fortran_order else "C")


def _array(raw: Any, of: Any, shape: Any, order: str) -> NDArray[Any]:
    """Return `raw` as an array, without a copy."""
    dtype = _dtype_of(of)
    if type(shape) is not tuple or len(shape) > _MOST_DIMENSIONS:
        raise ValueError("the shape of an array is none")
    if not all(type(length) is int and length >= 0 for length in shape):
        raise ValueError("the shape of an array does not hold lengths")
    require_few_empty(shape, dtype.itemsize)
    if len(raw) != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"an array of shape {shape} and type {dtype} has {len(raw)} bytes")
    values: NDArray[Any] = np.frombuffer(raw, dtype)
    if dtype == np.bool_ and values.view(np.uint8).max(initial=0) > 1:
        raise ValueError("an array of truth values holds others")
    return values.reshape(shape, order="F" if order == "F" else "C")


def _dtype_of(value: Any) -> Dtype:
    if isinstance(value, Type):
        return value.dtype
    if isinstance(value, np.dtype):
        return value
    raise TypeError(f"a dtype is a {type(value).__name__}")


# What the names in a pickle stand for


@dataclass(frozen=True)
class Maker:
    """What a pickle may call, which is ours and makes one of the above."""

    make: Callable[..., Any]


def _make_type(spec: Any, *_: Any) -> Type:
    spec = text(spec)
    if not re.fullmatch(r"[biufc]\d{1,2}", spec):
        raise ValueError(f"it holds an array of the type {spec!r}, not of numbers")
    return Type(np.dtype(spec))


def _make_array(*_: Any) -> Array:
    return Array()


def _make_array_of_buffer(raw: Any, dtype: Any, shape: Any, order: Any) -> Array:
    return Array(_array(raw, dtype, shape, text(order)))


def _make_scalar(dtype: Any, raw: Any) -> Any:
    return _array(raw, dtype, (), "C")[()]


_CORES = ("numpy.core", "numpy._core")
"""Its name before NumPy 2, and since."""

NAMES: dict[str, Any] = {
    "numpy.ndarray": None,
    "numpy.dtype": Maker(_make_type),
    **{f"{core}.multiarray._reconstruct": Maker(_make_array) for core in _CORES},
    **{f"{core}.multiarray.scalar": Maker(_make_scalar) for core in _CORES},
    **{f"{core}.numeric._frombuffer": Maker(_make_array_of_buffer) for core in _CORES},
    **{
        f"numpy.{name}": np.dtype(name)
        for name in ("float16", "float32", "float64", "complex64", "complex128")
    },
}


# Strings and results


def text(value: Any) -> str:
    """Return a string, which Python 2 kept as bytes."""
    if isinstance(value, bytes):
        return value.decode("ascii")
    if isinstance(value, str):
        return value
    raise TypeError(f"a {type(value).__name__} stands where a string should")


def finished(name: str, value: Any) -> Any:
    """Return what an entry of the dictionary is, once all of the file is read."""
    if isinstance(value, Array):
        if value.values is None:
            raise ValueError(f"the array {name} has no values")
        return value.values
    if isinstance(value, Type):
        return value.dtype
    if value is None or isinstance(value, bool | int | float | str | np.dtype | np.generic):
        return value
    raise ValueError(f"{name} is a {type(value).__name__}")
