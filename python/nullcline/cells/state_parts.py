"""States of several arrays: how they are one row, and how a row is these arrays again."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nullcline._support import nested, validation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import ArrayLike

    from nullcline._support.validation import Floats


class StatePart(NamedTuple):
    """One of the arrays that a state is made of.

    Attributes
    ----------
    name
        What the network calls it.
    columns
        Where it is in a row.
    shape
        The shape of one row's part.
    axis
        Which axis of the network's own array counts the rows: 1 where layers come first.
    """

    name: str
    columns: slice
    shape: tuple[int, ...]
    axis: int


class StateParts:
    """The arrays that a state is made of, in the order in which a row holds them.

    Parameters
    ----------
    form
        A nest of tuples, lists and mappings with a leaf, whatever it is, for each array.
    names
        What they are called.
    shapes
        The shape of each for one row.
    axes
        Which axis of each counts the rows.
    """

    def __init__(
        self,
        form: Any,
        names: Sequence[str],
        shapes: Sequence[tuple[int, ...]],
        axes: Sequence[int],
    ) -> None:
        self.form = form
        ends = np.cumsum([0, *map(math.prod, shapes)]).tolist()
        columns = map(slice, ends[:-1], ends[1:])
        self._parts = tuple(map(StatePart, names, columns, map(tuple, shapes), axes))

    @classmethod
    def in_rows(cls, names: Sequence[str], size: int) -> StateParts:
        """Return parts of one size, each of which has its own rows, and a tuple of several."""
        count = len(names)
        return cls((0,) * count if count > 1 else 0, names, [(size,)] * count, [0] * count)

    def __iter__(self) -> Iterator[StatePart]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def __getitem__(self, name: str) -> StatePart:
        for part in self._parts:
            if part.name == name:
                return part
        raise KeyError(f"{name!r} is none of the parts of a state: {', '.join(self.names)}")

    def __repr__(self) -> str:
        shown = (f"{part.name}: {'x'.join(map(str, part.shape))}" for part in self)
        return f"StateParts({', '.join(shown)})"

    @property
    def names(self) -> list[str]:
        """What the parts are called."""
        return [part.name for part in self]

    @property
    def state_size(self) -> int:
        """S, the length of a row."""
        return int(self._parts[-1].columns.stop)

    def join(self, arrays: Sequence[ArrayLike], dtype: np.dtype[Any]) -> Floats:
        """Return rows, shape (n, S), of the parts' arrays."""
        parts = [
            _as_rows(part, validation.floats(part.name, array, dtype))
            for part, array in zip(self, arrays, strict=True)
        ]
        counts = {len(rows) for rows in parts}
        if len(counts) > 1:
            found = ", ".join(
                f"{len(rows)} of {part.name}" for part, rows in zip(self, parts, strict=True)
            )
            raise ValueError(f"the parts of states must have as many rows, not {found}")
        return np.concatenate(parts, axis=1)

    def split(self, rows: Floats) -> Any:
        """Return the arrays of rows, (n, S), in the form that the network has them in."""
        arrays = [
            np.moveaxis(rows[:, part.columns].reshape(-1, *part.shape), 0, part.axis)
            for part in self
        ]
        return nested.rebuilt(self.form, arrays)


class HasParts:
    """A cell whose states are arrays of the network's own, side by side in a row."""

    @property
    def parts(self) -> StateParts:
        """The names, columns and shapes of the arrays that a state is made of."""
        raise NotImplementedError

    def join(self, state: Any = None, /, **parts: ArrayLike) -> Floats:
        """Return states as rows, shape (n, S), of the network's own arrays.

        Parameters
        ----------
        state
            Arrays or tensors in the form that the network has them in, such as ``(h, c)``; one row
            may lack the axis that counts rows, and those of one layer may have an axis for it.
        **parts
            The same by the names of the `parts`: ``join(h=h, c=c)``.

        Raises
        ------
        TypeError
            If `state` has another form, parts are missing, or one has no numbers.
        ValueError
            If an array has another shape, or they differ in their numbers of rows.
        """
        own: Any = self
        return self.parts.join(_given(self.parts, state, parts), own.dtype)

    def split(self, h: ArrayLike) -> Any:
        """Return the network's own arrays of states, shape (n, S), in the form it has them in."""
        own: Any = self
        return self.parts.split(validation.rows("h", h, own.state_size, own.dtype))


def _given(parts: StateParts, state: Any, named: dict[str, Any]) -> list[Any]:
    """Return an array for each part, as given in one of two ways."""
    names = parts.names
    if state is None:
        if set(named) != set(names):
            raise TypeError(f"join takes all parts of a state, {', '.join(names)}, not {[*named]}")
        return [named[name] for name in names]
    if named:
        raise TypeError("join takes a state, or its parts by their names, and not both")
    found = [state] if len(names) == 1 and _is_array(state) else nested.matched(parts.form, state)
    if found is None:
        form = nested.rebuilt(parts.form, names)
        raise TypeError(f"state must have the form {form}, not that of {type(state).__name__}")
    return found


def _is_array(state: Any) -> bool:
    return isinstance(state, np.ndarray) or validation.is_tensor(state)


def _as_rows(part: StatePart, array: Floats) -> Floats:
    """Return a part's rows, shape (n, its length)."""
    size = len(part.shape)
    if array.ndim == size + 2 and part.axis == 0 and array.shape[0] == 1:  # of one layer
        array = array[0]
    if array.ndim == size:  # one row
        array = np.expand_dims(array, part.axis)
    rows = np.moveaxis(array, part.axis, 0) if array.ndim == size + 1 else array
    if rows.shape[1:] != part.shape:
        expected = [str(length) for length in part.shape]
        expected.insert(part.axis, "n")
        shape = f"({', '.join(expected)}{',' * (len(expected) == 1)})"
        raise ValueError(f"{part.name} must have shape {shape}, not {array.shape}")
    return np.ascontiguousarray(rows.reshape(len(rows), math.prod(part.shape)))
