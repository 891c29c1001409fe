"""A search on the processor: threads of our own over the starts, and none of BLAS's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nullcline._native.blas import one_blas_thread
from nullcline.search.columns import SearchColumns

if TYPE_CHECKING:
    from nullcline.search.problem import SearchProblem
    from nullcline.search.progress import Report


def search_on_cpu(problem: SearchProblem, report: Report | None) -> SearchColumns:
    """Return where the starts of a problem end."""
    with one_blas_thread():
        found = problem.cell.compiled.search(
            problem.starts,
            problem.inputs,
            n_threads=problem.n_threads,
            progress=report,
            **problem.options(),
        )
    return SearchColumns.of(found.h, found.q, found)
