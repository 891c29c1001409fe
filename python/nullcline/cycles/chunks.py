"""Orbits in the hands of an executor's workers, each of which takes a chunk of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._native.blas import one_blas_thread
from nullcline.distribution import Chunk, by_cost, row_ranges

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from nullcline.cycles.evaluation import Driven
    from nullcline.distribution import Spread
    from nullcline.search.progress import Report

    Array = NDArray[np.float64]

TILE = 64
"""States that the core computes at a time, `states_per_tile` in cpp/include/nullcline/cells: the
last bits of a product depend on how many there are in the last tile. So chunks are whole tiles,
which are then those that one process computes, too."""

SECONDS_OF_STEP = 2e-9
"""Seconds that a step takes an orbit, over S²: some eight operations for each weight."""


def over_orbits(
    spread: Spread,
    function: Callable[..., Any],
    driven: Driven,
    orbits: Array,
    *arguments: Any,
    seconds: float,
    report: Report | None = None,
) -> list[Any]:
    """Return what workers make of the orbits, in their order, chunk by chunk.

    Parameters
    ----------
    spread
        Where to send them.
    function
        Gets the cell with some orbits' inputs, those orbits, and `arguments`.
    driven
        The cell and the inputs of all orbits.
    orbits
        States, shape (n, ...).
    arguments
        What else the function gets.
    seconds
        What an orbit takes, about.
    report
        What to tell how many orbits are done, of all.
    """
    size = by_cost(spread.chunk_size, max(seconds, 1e-6), 2 * orbits[:1].nbytes, multiple=TILE)
    chunks = [
        Chunk((function, own, some, *arguments), len(some))
        for own, some in _cut(driven, orbits, _whole_tiles(size))
    ]
    return spread.answers(_of_some_orbits, chunks, {"cell": driven.cell}, report)


def of_tiles(
    spread: Spread | None,
    function: Callable[..., Any],
    driven: Driven,
    orbits: Array,
    every: Sequence[tuple[Any, ...]],
    report: Report | None = None,
) -> Iterator[list[Any]]:
    """Yield what a function makes of each `TILE` orbits, in their order, for all its arguments.

    What a search does for some of its orbits depends, in the last bits, on which these are. So they
    go in tiles that are the same for one process and for any number of workers.

    Parameters
    ----------
    spread
        Where to send them; None for this process.
    function
        Gets the cell with a tile's inputs, the tile's orbits, and arguments.
    driven, orbits
        As `over_orbits` has them.
    every
        What else the function gets: all orbits are done with each of these.
    report
        What to tell how many of these are done, of all.
    """
    if spread is None:
        n = len(orbits)
        for i, arguments in enumerate(every):
            own = None if report is None else _after(i * n, n * len(every), report)
            yield _tile_by_tile({}, function, driven, orbits, *arguments, report=own)
        return
    parts = list(_cut(driven, orbits, _whole_tiles(spread.chunk_size or TILE)))
    chunks = [
        Chunk((function, own, some, *arguments), len(some))
        for arguments in every
        for own, some in parts
    ]
    answers = iter(spread.answers(_tile_by_tile, chunks, {"cell": driven.cell}, report))
    for _ in every:
        yield [tile for _ in parts for tile in next(answers)]


def _whole_tiles(n_rows: int) -> int:
    return n_rows + -n_rows % TILE


def _cut(driven: Driven, orbits: Array, size: int) -> Iterator[tuple[Driven, Array]]:
    """Yield orbits and the cell with their inputs, so many at a time; once where there are none."""
    for rows in row_ranges(len(orbits), size) if len(orbits) else [slice(0, 0)]:
        yield driven.take(np.arange(rows.start, rows.stop)), orbits[rows]


def _of_some_orbits(
    _: Mapping[str, Any], function: Callable[..., Any], *arguments: Any, **__: Any
) -> Any:
    """Call a function on a worker."""
    return function(*arguments)


@one_blas_thread()
def _tile_by_tile(
    _: Mapping[str, Any],
    function: Callable[..., Any],
    driven: Driven,
    orbits: Array,
    *arguments: Any,
    report: Report | None = None,
    **__: Any,
) -> list[Any]:
    """Call a function for one tile after the other."""
    answers: list[Any] = []
    done = 0
    for own, some in _cut(driven, orbits, TILE):
        answers.append(function(own, some, *arguments))
        done += len(some)
        if report is not None:  # a thread whose sender has ended stops here
            report(done, len(orbits))
    return answers


def _after(n_done: int, total: int, report: Report) -> Report:
    """Return what reports the progress of a part of all, after `n_done` of them."""

    def told(done: int, _: int) -> None:
        report(n_done + done, total)

    return told
