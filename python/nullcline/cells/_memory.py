"""Computing for many rows at once, or for fewer where memory does not last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nullcline._support.validation import Floats

_WORDS = ("allocate memory", "out of memory", "not enough memory", "RESOURCE_EXHAUSTED")
"""What libraries say of memory in errors of other types."""


def by_halves(
    compute: Callable[..., Any],
    *arrays: Floats,
    join: Callable[[Sequence[Any]], Any] = np.concatenate,
) -> Any:
    """Return what is computed of rows; in halves, which are joined, while memory is too small.

    Raises
    ------
    MemoryError
        If there is too little for a single row.
    """
    n = len(arrays[0])
    try:
        return compute(*arrays)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        if n == 1:
            raise MemoryError(
                "there is too little memory to compute f for a single state: close what else "
                "holds memory, or make f smaller"
            ) from error
    parts = slice(n // 2), slice(n // 2, n)
    return join([by_halves(compute, *(a[part] for a in arrays), join=join) for part in parts])


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that memory, the host's or a device's, is too small."""
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _WORDS)
