"""Which rows an index means: a number, a slice, a mask or numbers of rows, as NumPy has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Rows: TypeAlias = int | slice | ArrayLike


def row_numbers(which: Any, n: int) -> NDArray[np.intp]:
    """Return the numbers, from 0 to n - 1, of the rows that `which` means among n.

    Raises
    ------
    TypeError
        If it is None, a truth value or an array of neither truth values nor integers.
    ValueError
        If it has more than one dimension, or is a mask of another length.
    IndexError
        If there is no row of a number.
    """
    if isinstance(which, slice):
        return np.arange(n)[which]
    if which is None or isinstance(which, bool | np.bool_):
        raise TypeError(f"which must be rows, by their numbers or a mask of {n}, not {which}")
    return _numbers(np.asarray(which), n)


def require_rows_alone(which: object) -> None:
    """Raise TypeError for what stands between brackets if it has a comma, as in points[0, 1]."""
    if isinstance(which, tuple):
        raise TypeError(
            "which must be rows alone, and several in a list: points[[0, 1]]; units are indexed in "
            "an attribute, points.h[0, 1]"
        )


def _numbers(index: NDArray[Any], n: int) -> NDArray[np.intp]:
    if index.size == 0 and index.dtype != bool:
        return np.empty(0, np.intp)
    if index.ndim > 1:
        raise ValueError(f"which must have one dimension, not shape {index.shape}")
    if index.dtype == bool:
        if len(index) != n:
            raise ValueError(f"a mask must have an entry for each of {n} rows, not {len(index)}")
        return np.flatnonzero(index)
    if not np.issubdtype(index.dtype, np.integer):
        raise TypeError(f"which must be a mask or row numbers, not {index.dtype}")
    index = np.atleast_1d(index)
    if index.min() < -n or index.max() >= n:
        there = f"0 to {n - 1}" if n else "and there are none"
        raise IndexError(f"which must hold numbers of rows, {there}")
    numbers: NDArray[np.intp] = np.arange(n)[index]
    return numbers
