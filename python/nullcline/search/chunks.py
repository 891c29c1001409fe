"""A search by the workers of an executor, each of which takes a chunk of the starts.

The end of a start of a compiled cell does not depend, bit for bit, on what is searched with it, so
that chunks change nothing. What looks at several ends at once, `confirm`, is not done in chunks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nullcline._native.blas import one_blas_thread
from nullcline.cells.protocol import HasCoreWeights
from nullcline.distribution import Chunk, by_cost, row_ranges
from nullcline.search.columns import SearchColumns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from nullcline._support.validation import Floats
    from nullcline.distribution.spread import Spread
    from nullcline.search.problem import SearchProblem
    from nullcline.search.progress import Report

_BY_PRODUCTS = 1e-8
"""Seconds that a start takes by "auto" or "krylov", over H²: 4e-9 on random GRUs of 64 to 1024
units, 1e-8 and 3e-8 on GRUs trained on IMDB."""

_BY_FACTORS = 6e-10
"""Seconds of a start by the other methods, over H³: "lm" takes 7 to 16 ms at 256 units."""

_OF_FUNCTIONS = 20
"""How many times longer a start of a function takes."""


class _Found(NamedTuple):
    """What the compiled core says of a chunk: see `SearchColumns.of`."""

    h: Floats
    q: NDArray[np.float64]
    kind: NDArray[np.uint8]
    reason: NDArray[np.uint8]
    iterations: NDArray[np.int32]


def search_in_chunks(
    problem: SearchProblem, report: Report | None, spread: Spread
) -> SearchColumns:
    """Return where the starts of a problem end, searched by an executor's workers."""
    starts: Any = problem.starts
    x: Any = problem.inputs
    has_own = x is not None and len(x) > 1
    shared = {
        "cell": problem.cell,
        "options": problem.options(),
        "inputs": None if has_own else x,
    }
    chunks = [
        Chunk((starts[rows], x[rows] if has_own else None), rows.stop - rows.start)
        for rows in row_ranges(problem.n_starts, _rows_of_a_chunk(problem, spread))
    ]
    parts = spread.answers(_search_chunk, chunks, shared, report)
    found = _Found(*map(np.concatenate, zip(*parts, strict=True))) if parts else _none(problem)
    return SearchColumns.of(found.h, found.q, found)


def _search_chunk(
    shared: Mapping[str, Any],
    starts: Floats,
    inputs: Floats | None,
    *,
    n_threads: int,
    report: Report | None,
) -> _Found:
    """Search from some starts, on a worker."""
    cell: Any = shared["cell"]
    with one_blas_thread():
        found = cell.compiled.search(
            np.ascontiguousarray(starts),
            shared["inputs"] if inputs is None else np.ascontiguousarray(inputs),
            n_threads=n_threads,
            progress=report,
            **shared["options"],
        )
    return _Found(found.h, found.q, found.kind, found.reason, found.iterations)


def _rows_of_a_chunk(problem: SearchProblem, spread: Spread) -> int:
    cell, by_products = problem.cell, problem.method in {"auto", "krylov"}
    size = cell.hidden_size
    seconds = _BY_PRODUCTS * size**2 if by_products else _BY_FACTORS * size**3
    if not isinstance(cell, HasCoreWeights):
        seconds *= _OF_FUNCTIONS
    bytes_of_row = (2 * cell.state_size + cell.input_size) * cell.dtype.itemsize
    # "auto" makes a factorization for all starts of a chunk, which takes as long as some H / 10.
    least = size if by_products else 1
    return by_cost(spread.chunk_size, max(seconds, 1e-6), bytes_of_row, least=least)


def _none(problem: SearchProblem) -> _Found:
    none = np.zeros(0, np.uint8)
    h = np.zeros((0, problem.cell.state_size), problem.cell.dtype)
    return _Found(h, np.zeros(0), none, none, np.zeros(0, np.int32))
