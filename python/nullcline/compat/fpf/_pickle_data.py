"""A pickle read as data: opcodes are parsed and nothing is imported, looked up or called.

`pickle` runs what a file names. This reads the few opcodes that NumPy's arrays and plain values
need, as Python 2 wrote them (protocol 0) and Python 3 writes them (3 to 5), and refuses all others.
A name is no more than a key into `_NAMES`. Every byte that is kept is a part of the file, so memory
is bounded by the file's size, which lengths, shapes or memo numbers in a hostile one are not.
"""

from __future__ import annotations

import codecs
import math
import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Dtype: TypeAlias = np.dtype[Any]


def parse(content: bytes) -> dict[str, Any]:
    """Return the dictionary that a pickle holds: arrays (read-only), scalars, strings and None.

    Raises
    ------
    ValueError, TypeError, LookupError, OverflowError
        If the bytes are no such pickle, or name anything but NumPy's arrays, scalars and types.
    """
    found = _Machine(content).run()
    if not isinstance(found, dict):
        raise TypeError(f"it holds a {type(found).__name__}, not a dictionary")
    return {name: _finished(name, value) for name, value in found.items()}


# What a pickle of arrays builds

_MOST_DIMENSIONS = 8


@dataclass
class _Type:
    """A dtype, of which the byte order comes after the rest."""

    dtype: Dtype

    def build(self, state: Any) -> None:
        _, order, *structure = state
        if any(part is not None for part in structure[:3]):
            raise ValueError("it holds a structured array")
        self.dtype = np.dtype(_text(order) + self.dtype.str[1:])


@dataclass
class _Array:
    """An array, of which everything comes after it is made."""

    values: NDArray[Any] | None = None

    def build(self, state: Any) -> None:
        _, shape, dtype, in_fortran_order, raw = state
        self.values = _array(raw, dtype, shape, "F" if in_fortran_order else "C")


def _array(raw: Any, of: Any, shape: Any, order: str) -> NDArray[Any]:
    """Return `raw` as an array, without a copy."""
    dtype = _dtype_of(of)
    if type(shape) is not tuple or len(shape) > _MOST_DIMENSIONS:
        raise ValueError("the shape of an array is none")
    if not all(type(length) is int and length >= 0 for length in shape):
        raise ValueError("the shape of an array does not hold lengths")
    if len(raw) != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"an array of shape {shape} and type {dtype} has {len(raw)} bytes")
    values: NDArray[Any] = np.frombuffer(raw, dtype)
    if dtype == np.bool_ and values.view(np.uint8).max(initial=0) > 1:
        raise ValueError("an array of truth values holds others")
    return values.reshape(shape, order="F" if order == "F" else "C")


def _dtype_of(value: Any) -> Dtype:
    if isinstance(value, _Type):
        return value.dtype
    if isinstance(value, np.dtype):
        return value
    raise TypeError(f"a dtype is a {type(value).__name__}")


# What the names in a pickle stand for


@dataclass(frozen=True)
class _Maker:
    """What a pickle may call, which is ours and makes one of the above."""

    make: Callable[..., Any]


def _make_type(spec: Any, *_: Any) -> _Type:
    spec = _text(spec)
    if not re.fullmatch(r"[biufc]\d{1,2}", spec):
        raise ValueError(f"it holds an array of the type {spec!r}, not of numbers")
    return _Type(np.dtype(spec))


def _make_array(*_: Any) -> _Array:
    return _Array()


def _make_array_of_buffer(raw: Any, dtype: Any, shape: Any, order: Any) -> _Array:
    return _Array(_array(raw, dtype, shape, _text(order)))


def _make_scalar(dtype: Any, raw: Any) -> Any:
    return _array(raw, dtype, (), "C")[()]


_CORES = ("numpy.core", "numpy._core")
"""Its name before NumPy 2, and since."""

_NAMES: dict[str, Any] = {
    "numpy.ndarray": None,
    "numpy.dtype": _Maker(_make_type),
    **{f"{core}.multiarray._reconstruct": _Maker(_make_array) for core in _CORES},
    **{f"{core}.multiarray.scalar": _Maker(_make_scalar) for core in _CORES},
    **{f"{core}.numeric._frombuffer": _Maker(_make_array_of_buffer) for core in _CORES},
    **{
        f"numpy.{name}": np.dtype(name)
        for name in ("float16", "float32", "float64", "complex64", "complex128")
    },
}


# The opcodes


class _Machine:
    """The stack that a pickle's opcodes work on."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0
        self._stack: list[Any] = []
        self._marked: list[list[Any]] = []
        self._memo: dict[int, Any] = {}

    def run(self) -> Any:
        """Follow the opcodes to the last one and return what is then on top."""
        while (opcode := self._take(1)) != b".":
            if opcode in _VALUES:
                self._stack.append(_VALUES[opcode](self))
            elif opcode in _ACTIONS:
                _ACTIONS[opcode](self)
            else:
                raise ValueError(f"it has the opcode {opcode!r}, which no array needs")
        return self._stack.pop()

    # Parts of the file

    def _take(self, length: int) -> bytes:
        part = self._content[self._at : self._at + length]
        if len(part) < length:
            raise ValueError("it ends early")
        self._at += length
        return part

    def _line(self) -> bytes:
        end = self._content.find(b"\n", self._at)
        if end < 0:
            raise ValueError("it ends early")
        return self._take(end + 1 - self._at)[:-1]

    def _number(self, width: int) -> int:
        return int.from_bytes(self._take(width), "little")

    def _bytes(self, width: int) -> bytes:
        return self._take(self._number(width))

    # Values

    def _integer_line(self) -> int | bool:
        line = self._line()
        return line == b"01" if line in {b"00", b"01"} else int(line)

    def _quoted_line(self) -> bytes:
        line = self._line()
        if not re.fullmatch(rb"""(['"])(?:[^\\]|\\[\\'"nrt]|\\x[0-9a-f]{2})*\1""", line):
            raise ValueError("a string is not quoted as Python 2 does it")
        return codecs.escape_decode(line[1:-1])[0]

    def _signed(self, width: int) -> int:
        return int.from_bytes(self._take(width), "little", signed=True)

    def _remembered(self, key: int) -> Any:
        return self._memo[key]

    # Actions

    def _skip(self, length: int) -> None:
        self._take(length)

    def _mark(self) -> None:
        self._marked.append(self._stack)
        self._stack = []

    def _since_mark(self) -> list[Any]:
        items, self._stack = self._stack, self._marked.pop()
        return items

    def _tuple(self, length: int | None = None) -> None:
        if length is None:
            items = self._since_mark()
        else:
            items = [self._stack.pop() for _ in range(length)][::-1]
        self._stack.append(tuple(items))

    def _dict(self) -> None:
        items = self._since_mark()
        self._stack.append({})
        self._set(items)

    def _set(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if type(target) is not dict or len(items) % 2:
            raise ValueError("items are set in no dictionary")
        target.update(zip(map(_text, items[::2]), items[1::2], strict=True))

    def _set_one(self) -> None:
        self._set([self._stack.pop(), self._stack.pop()][::-1])

    def _name(self, module: Any, name: Any) -> None:
        full = f"{_text(module)}.{_text(name)}"
        if full not in _NAMES:
            raise ValueError(f"it refers to {full}, which no array needs: it may be hostile")
        self._stack.append(_NAMES[full])

    def _name_on_stack(self) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        self._name(module, name)

    def _reduce(self) -> None:
        arguments, maker = self._stack.pop(), self._stack.pop()
        if not isinstance(maker, _Maker) or type(arguments) is not tuple:
            raise ValueError("it calls what cannot be called")
        self._stack.append(maker.make(*arguments))

    def _build(self) -> None:
        state, target = self._stack.pop(), self._stack[-1]
        if not isinstance(target, _Type | _Array) or type(state) is not tuple:
            raise ValueError("it sets the state of what has none")
        target.build(state)

    def _remember(self, key: int) -> None:
        self._memo[key] = self._stack[-1]


_VALUES: dict[bytes, Callable[[_Machine], Any]] = {
    b"N": lambda _: None,
    b"\x88": lambda _: True,
    b"\x89": lambda _: False,
    b"I": _Machine._integer_line,
    b"L": lambda m: int(m._line().removesuffix(b"L")),
    b"K": lambda m: m._number(1),
    b"M": lambda m: m._number(2),
    b"J": lambda m: m._signed(4),
    b"\x8a": lambda m: m._signed(m._number(1)),
    b"F": lambda m: float(m._line()),
    b"G": lambda m: struct.unpack(">d", m._take(8))[0],
    b"S": _Machine._quoted_line,
    b"X": lambda m: m._bytes(4).decode(),
    b"\x8c": lambda m: m._bytes(1).decode(),
    b"B": lambda m: m._bytes(4),
    b"C": lambda m: m._bytes(1),
    b"\x96": lambda m: m._bytes(8),
    b")": lambda _: (),
    b"}": lambda _: {},
    b"g": lambda m: m._remembered(int(m._line())),
    b"h": lambda m: m._remembered(m._number(1)),
    b"j": lambda m: m._remembered(m._number(4)),
}
"""Opcodes that put a value on the stack."""

_ACTIONS: dict[bytes, Callable[[_Machine], None]] = {
    b"\x80": lambda m: m._skip(1),
    b"\x95": lambda m: m._skip(8),
    b"(": _Machine._mark,
    b"t": _Machine._tuple,
    b"\x85": lambda m: m._tuple(1),
    b"\x86": lambda m: m._tuple(2),
    b"\x87": lambda m: m._tuple(3),
    b"d": _Machine._dict,
    b"s": _Machine._set_one,
    b"u": lambda m: m._set(m._since_mark()),
    b"c": lambda m: m._name(m._line(), m._line()),
    b"\x93": _Machine._name_on_stack,
    b"R": _Machine._reduce,
    b"b": _Machine._build,
    b"p": lambda m: m._remember(int(m._line())),
    b"q": lambda m: m._remember(m._number(1)),
    b"r": lambda m: m._remember(m._number(4)),
    b"\x94": lambda m: m._remember(len(m._memo)),
}
"""Opcodes that work on what is there."""


def _text(value: Any) -> str:
    """Return a string, which Python 2 kept as bytes."""
    if isinstance(value, bytes):
        return value.decode("ascii")
    if isinstance(value, str):
        return value
    raise TypeError(f"a {type(value).__name__} stands where a string should")


def _finished(name: str, value: Any) -> Any:
    if isinstance(value, _Array):
        if value.values is None:
            raise ValueError(f"the array {name} has no values")
        return value.values
    if isinstance(value, _Type):
        return value.dtype
    if value is None or isinstance(value, bool | int | float | str | np.dtype | np.generic):
        return value
    raise ValueError(f"{name} is a {type(value).__name__}")
