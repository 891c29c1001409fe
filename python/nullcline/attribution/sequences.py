"""The sequences that a network reads, of any lengths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support import validation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import ArrayLike, NDArray

    from nullcline._support.validation import Floats

LARGEST_CHUNK = 2**23
"""Numbers of states and inputs that are kept at a time: 64 MiB in float64, several times over."""


@dataclass(frozen=True)
class Sequences:
    """n sequences of inputs, of which text i has the first `lengths[i]`."""

    rows: Sequence[Floats]
    """Each text's own inputs, (T_i, D)."""
    lengths: NDArray[np.intp]
    n_steps: int
    """T, to which results are padded."""
    is_single: bool

    def chunks(
        self, numbers_per_step: int, most: int | None = None, largest: int = LARGEST_CHUNK
    ) -> Iterator[NDArray[np.intp]]:
        """Yield texts, those of like length together and the longest first, at most so many."""
        order = np.argsort(-self.lengths, kind="stable")
        while len(order):
            longest = max(int(self.lengths[order[0]]), 1)
            count = max(largest // (longest * numbers_per_step), 1)
            count = count if most is None else min(count, most)
            yield order[:count]
            order = order[count:]


def padded(rows: Sequence[Floats], width: int, dtype: np.dtype[Any]) -> Floats:
    """Return inputs of texts, (T_i, D) each, as (T, n, D), zero beyond their lengths."""
    inputs = np.zeros((max(map(len, rows), default=0), len(rows), width), dtype)
    for i, row in enumerate(rows):
        inputs[: len(row), i] = row
    return inputs


def sequences_of(
    inputs: ArrayLike | Sequence[ArrayLike],
    lengths: ArrayLike | None,
    width: int,
    dtype: np.dtype[Any],
) -> Sequences:
    """Return one sequence (T, D), several of one length (n, T, D), or a list of them.

    Raises
    ------
    TypeError, ValueError
        If they are no finite numbers of these shapes, or lengths do not fit them.
    """
    if _is_ragged(inputs):
        if lengths is not None:
            raise ValueError("lengths must be None: a list of sequences has lengths of its own")
        given: Any = inputs
        rows = [_sequence(f"inputs[{i}]", row, width, dtype) for i, row in enumerate(given)]
        own = np.array([len(row) for row in rows], np.intp)
        return Sequences(rows, own, int(own.max(initial=0)), is_single=False)
    array = validation.floats("inputs", inputs, dtype, finite=False)  # type: ignore[arg-type]
    if array.ndim == 2:
        if lengths is not None:
            raise ValueError("lengths must be None for one sequence: pass inputs[:length]")
        one = _sequence("inputs", array, width, dtype)
        return Sequences([one], np.array([len(one)], np.intp), len(one), is_single=True)
    if array.ndim != 3 or array.shape[2] != width:
        raise ValueError(
            f"inputs must have shape (T, {width}) or (n, T, {width}), or be a list of arrays "
            f"(T_i, {width}), not {array.shape}"
        )
    counted = _lengths(lengths, array.shape[0], array.shape[1])
    rows = [
        _sequence(f"inputs[{i}]", row[:length], width, dtype)
        for i, (row, length) in enumerate(zip(array, counted, strict=True))
    ]
    return Sequences(rows, counted, array.shape[1], is_single=False)


def _is_ragged(inputs: object) -> bool:
    """Whether these are sequences one by one: a list whose entries are matrices."""
    return isinstance(inputs, list | tuple) and all(np.ndim(row) != 1 for row in inputs)


def _sequence(name: str, value: ArrayLike, width: int, dtype: np.dtype[Any]) -> Floats:
    """Return one text's inputs (T, D)."""
    array = validation.floats(name, value, dtype)
    if array.ndim != 2 or array.shape[1] != width:
        raise ValueError(f"{name} must have shape (T, {width}), not {array.shape}")
    return array


def _lengths(lengths: ArrayLike | None, n: int, longest: int) -> NDArray[np.intp]:
    if lengths is None:
        return np.full(n, longest, np.intp)
    found = np.asarray(lengths.cpu() if validation.is_tensor(lengths) else lengths)  # type: ignore[union-attr]
    if found.shape != (n,) or found.dtype.kind not in "iu":
        raise ValueError(
            f"lengths must be {n} integers, one for each text, not {found.dtype} of shape "
            f"{found.shape}"
        )
    if n and not (found.min() >= 0 and found.max() <= longest):
        raise ValueError(
            f"lengths must lie between 0 and {longest}, the length that inputs are padded to"
        )
    return found.astype(np.intp)
