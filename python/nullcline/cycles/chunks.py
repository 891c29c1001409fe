"""Orbits in the hands of an executor's workers, each of which takes a chunk of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline.distribution import Chunk, by_cost, row_ranges

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from nullcline.cycles.evaluation import Driven
    from nullcline.distribution import Spread

    Array = NDArray[np.float64]

_TILE = 64
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
    """
    size = by_cost(spread.chunk_size, max(seconds, 1e-6), 2 * orbits[:1].nbytes, multiple=_TILE)
    chunks = [
        Chunk(
            (function, driven.take(np.arange(rows.start, rows.stop)), orbits[rows], *arguments),
            rows.stop - rows.start,
        )
        for rows in row_ranges(len(orbits), size)
    ]
    return spread.answers(_of_some_orbits, chunks, {"cell": driven.cell})


def _of_some_orbits(
    _: Mapping[str, Any], function: Callable[..., Any], *arguments: Any, **__: Any
) -> Any:
    """Call a function on a worker."""
    return function(*arguments)
