"""NumPy's .npy format, read strictly: the header by a pattern, the values only if they fit it.

NumPy's own reader evaluates the header as Python (what that raises or warns of depends on the
damage) and makes the array before it looks for the values.
"""

from __future__ import annotations

import math
import re
from typing import IO, TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MAGIC = b"\x93NUMPY"
_LENGTH_BYTES = {1: 2, 2: 4}
"""How many bytes the header's length has, by the version of the format."""

_LONGEST_HEADER = 10_000
_MOST_EMPTY = 10_000_000
_CHUNK = 1 << 20
_HEADER = re.compile(
    rb"\{'descr': '([<>|][biufcU]\d{1,9})', 'fortran_order': (False|True), "
    rb"'shape': \(((?:\d{1,18}(?:, \d{1,18})*,?)?)\), \} *\n"
)


def read_npy(stream: IO[bytes], size: int) -> NDArray[Any]:
    """Return the array of numbers, truth values or text in a stream of `size` bytes.

    Raises
    ------
    ValueError, TypeError
        If the bytes are not exactly that.
    """
    start = _take(stream, len(_MAGIC) + 2)
    width = _LENGTH_BYTES.get(start[6])
    if start[:6] != _MAGIC or width is None:
        raise ValueError("a member is no array")
    length = int.from_bytes(_take(stream, width), "little")
    header = _HEADER.fullmatch(_take(stream, min(length, _LONGEST_HEADER)))
    if header is None:
        raise ValueError("the header of an array is none, or of a type that is not read")
    dtype = np.dtype(header[1].decode())
    shape = tuple(int(part) for part in header[3].replace(b",", b" ").split())
    require_few_empty(shape, dtype.itemsize)
    n_bytes = math.prod(shape) * dtype.itemsize
    if size != len(start) + width + length + n_bytes:
        raise ValueError(f"an array of shape {shape} and type {dtype} has other bytes")
    raw = _values(stream, n_bytes)
    _require_sound(raw, dtype)
    values: NDArray[Any] = np.ndarray(
        shape,
        dtype,
        buffer=raw.data if n_bytes else b"",
        order="F" if header[2] == b"True" else "C",
    )
    return values.astype(dtype.newbyteorder("="), copy=False) if n_bytes else values.copy()


def require_few_empty(shape: tuple[int, ...], itemsize: int) -> None:
    """Raise ValueError for rows without end that have no bytes, and so cost a file nothing."""
    if 0 in (*shape, itemsize) and math.prod(length for length in shape if length) > _MOST_EMPTY:
        raise ValueError(f"an array of shape {shape} has no bytes")


def _take(stream: IO[bytes], length: int) -> bytes:
    part = stream.read(length)
    if len(part) < length:
        raise ValueError("it ends within an array")
    return part


def _values(stream: IO[bytes], n_bytes: int) -> NDArray[np.uint8]:
    raw = np.empty(n_bytes, np.uint8)
    for at in range(0, n_bytes, _CHUNK):
        part = _take(stream, min(_CHUNK, n_bytes - at))
        raw[at : at + _CHUNK] = np.frombuffer(part, np.uint8)
    if stream.read(1):  # at its end, zipfile compares the checksum
        raise ValueError("an array has more bytes than its shape")
    return raw


def _require_sound(raw: NDArray[np.uint8], dtype: np.dtype[Any]) -> None:
    """Raise ValueError for bytes that are no value of their type, which would fail later."""
    if dtype.kind == "b" and raw.max(initial=0) > 1:
        raise ValueError("an array of truth values holds others")
    if dtype.kind == "U":
        codes = raw.view(f"{dtype.str[0]}u4")
        if ((codes > 0x10FFFF) | ((codes >= 0xD800) & (codes < 0xE000))).any():
            raise ValueError("an array of text holds what is no character")
