"""The chunks that a store lacks, searched by an executor or here, and written as they come."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from nullcline.cells.compiled import thread_count
from nullcline.distribution import Chunk, send_chunks
from nullcline.search.find import find_fixed_points
from nullcline.stores.layout import FoundRows

if TYPE_CHECKING:
    from nullcline._support.validation import Floats
    from nullcline.distribution.executors import GivenExecutor
    from nullcline.search.progress import Report
    from nullcline.stores.layout import Layout


def find_missing(
    layout: Layout,
    shared: dict[str, Any],
    executor: GivenExecutor | None,
    n_threads: int | None,
    report: Report | None,
) -> None:
    """Search from all starts whose ends a store lacks, or has damaged, and write the ends.

    Parameters
    ----------
    layout
        The store, which holds all starts.
    shared
        The cell, and the options of `find_fixed_points`.
    executor, n_threads
        Who searches, with how many threads.
    report
        What to tell how many rows are there, of all.
    """
    _forget_damaged(layout)
    missing = layout.missing()
    lengths = [end - first for first, end in map(layout.found.bounds, missing)]
    total = layout.description.n_rows
    there = total - sum(lengths)

    def tell(done: int, _: int) -> None:
        if report is not None:
            report(there + done, total)

    if there:
        tell(0, 0)
    jobs = (Chunk(_given(layout, at), n) for at, n in zip(missing, lengths, strict=True))
    if executor is None:
        for at, job in zip(missing, jobs, strict=True):
            layout.write(at, _find(shared, *job.arguments, n_threads=n_threads, report=tell))
            there += job.n_rows
        return
    with send_chunks(
        executor,
        _find,
        jobs,
        shared=shared,
        n_threads=n_threads or 1,
        n_threads_here=thread_count(n_threads),
        report=tell,
        n_rows=sum(lengths),
    ) as answers:
        for number, rows in answers:
            layout.write(missing[number], rows)


def _forget_damaged(layout: Layout) -> None:
    """Let chunks that were found, and damaged since, count no longer."""
    for chunk in range(layout.found.n_chunks):
        if layout.found.has(chunk) and (damage := layout.found.damage(chunk)) is not None:
            warnings.warn(f"{damage}: this chunk is searched again", RuntimeWarning, stacklevel=4)
            layout.found.take_back(chunk)


def _given(layout: Layout, chunk: int) -> tuple[Floats, Floats | None]:
    first, end = layout.found.bounds(chunk)
    return layout.starts(first, end), layout.inputs(first, end)


def _find(
    shared: dict[str, Any],
    starts: Floats,
    inputs: Floats | None,
    *,
    n_threads: int | None,
    report: Report | None,
) -> FoundRows:
    """Search from the starts of a chunk, on a worker or here."""
    options = {**shared["options"], "n_threads": n_threads, "progress": report or False}
    return FoundRows.of(find_fixed_points(shared["cell"], starts, inputs, **options))
