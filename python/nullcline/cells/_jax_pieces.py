"""Batches of rows in pieces of a few sizes, since JAX compiles anew for every shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from nullcline._support.validation import Floats

SIZES = (8, 64)
"""Rows that are computed in one call. A batch is cut into pieces of these, at most half of each of
which is filling. (At 256 units a product of 8 rows takes 0.2 to 0.3 of the time of one of 64.
Searches of 500 starts took no less CPU time with pieces of 512 as well, and 0.3 to 0.7 s more to
compile.)"""

Piece = tuple[int, Any]
"""How many rows of a piece are no filling, and what was computed of it."""


def in_pieces(compute: Callable[..., Any], arrays: Sequence[Floats]) -> list[Piece]:
    """Return what is computed of each piece of a batch, which may be under way still."""
    return [
        (end - begin, compute(*(filled(array[begin:end], size) for array in arrays)))
        for begin, end, size in pieces(len(arrays[0]), SIZES[-1])
    ]


def joined(parts: Sequence[Piece]) -> Any:
    """Return the rows of all pieces as an array that shares no memory, or as a tuple of them."""
    if isinstance(parts[0][1], tuple):
        n_arrays = len(parts[0][1])
        return tuple(joined([(n, found[k]) for n, found in parts]) for k in range(n_arrays))
    return np.concatenate([np.asarray(found)[:n] for n, found in parts])


def pieces(n_rows: int, most: int) -> Iterator[tuple[int, int, int]]:
    """Yield where the pieces of a batch begin and end, and the sizes that they are filled to.

    A piece is as large as can be, of at most `most` rows, and at least half full.
    """
    sizes = [size for size in SIZES if size <= most] or [1]
    begin = 0
    while begin < n_rows:
        left = n_rows - begin
        size = max((size for size in sizes if size < 2 * left), default=sizes[0])
        yield begin, min(begin + size, n_rows), size
        begin += size


def filled(rows: Floats, size: int) -> Floats:
    """Return the rows, and the last one again up to a size: no other values are as harmless."""
    if len(rows) == size:
        return rows
    return np.concatenate([rows, np.repeat(rows[-1:], size - len(rows), axis=0)])
