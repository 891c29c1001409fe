"""Into how many rows work is cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nullcline._support import validation

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 0.25
"""What a chunk is to take: long beside the milliseconds that sending one takes
(`benchmarks/executors.py`), and short beside a user's patience after Ctrl-C."""

_MOST_ROWS, _MOST_BYTES = 2**14, 2**22
"""Of a chunk: memory, and messages that every executor takes without complaint."""


def by_cost(
    chunk_size: int | None, seconds_per_row: float, bytes_per_row: int, *, least: int = 1
) -> int:
    """Return how many rows a chunk has: what the user says, or what takes `SECONDS`.

    It does not depend on the number of workers: so a function whose last bits depend on what is
    computed with it has the same answers on any number of them.

    Parameters
    ----------
    chunk_size
        What the user says, or None.
    seconds_per_row, bytes_per_row
        What a row takes, about.
    least
        Fewer rows do not pay.

    Raises
    ------
    TypeError, ValueError
        If `chunk_size` is no whole number of at least 1.
    """
    if chunk_size is not None:
        return validation.whole_number("chunk_size", chunk_size, 1)
    most = max(1, min(_MOST_ROWS, _MOST_BYTES // max(1, bytes_per_row)))
    return min(most, max(least, round(SECONDS / seconds_per_row)))


def row_ranges(n_rows: int, chunk_size: int) -> Iterator[slice]:
    """Yield the rows of every chunk."""
    for first in range(0, n_rows, chunk_size):
        yield slice(first, min(first + chunk_size, n_rows))
