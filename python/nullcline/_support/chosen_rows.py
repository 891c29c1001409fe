"""Results that are rows: some of them by brackets or by a name, and one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from nullcline._support.row_numbers import require_rows_alone, row_numbers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from nullcline._support.row_numbers import Rows

_Own = TypeVar("_Own", bound="ChosenRows")


class ChosenRows:
    """A result with a row for each of several things, some of which `select` returns."""

    _INSTEAD = "one of its attributes"
    """What to pass where an array is asked for."""

    def select(self: _Own, which: Any) -> _Own:
        """Return some of the rows."""
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError

    def __getitem__(self: _Own, which: str | Rows) -> _Own:
        require_rows_alone(which)
        return self.select(which)

    def __iter__(self: _Own) -> Iterator[_Own]:
        return (self.select(i) for i in range(len(self)))

    def __array__(self, *_: Any, **__: Any) -> NDArray[Any]:
        raise TypeError(f"no array is made of {type(self).__name__}: pass {self._INSTEAD}")


def named_rows(which: Any, column: NDArray[np.str_], names: Sequence[str]) -> NDArray[np.intp]:
    """Return the numbers of the rows that `which` means: a name in a column, or rows.

    Raises
    ------
    ValueError
        If it is none of the names, or as `row_numbers` raises it.
    TypeError, IndexError
        As `row_numbers` raises them.
    """
    if not isinstance(which, str):
        return row_numbers(which, len(column))
    if which not in names:
        raise ValueError(f"which must be one of {', '.join(names)}, not {which!r}")
    return np.flatnonzero(column == which)
