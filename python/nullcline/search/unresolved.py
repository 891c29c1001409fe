"""The last resort of a search: starts that it leaves without a zero follow a path to one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline.search.kinds import FIXED
from nullcline.search.progress import share_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from nullcline.search.columns import SearchColumns
    from nullcline.search.problem import SearchProblem
    from nullcline.search.progress import Report


def search_unresolved(
    problem: SearchProblem,
    report: Report | None,
    search: Callable[[SearchProblem, Report | None], SearchColumns],
) -> SearchColumns:
    """Return where starts end, those without a zero at the first attempt after a second one.

    The second one, by the method `problem.unresolved`, is from the start itself. A start that ends
    in no zero then either keeps its first end, which may be a ghost. Its iterations are those of
    both.
    """
    first = replace(problem, unresolved=None)
    ends = search(first, share_of(report, 0, 2))
    rows = np.flatnonzero(ends.kind != FIXED)
    if len(rows) > 0:
        again = search(_of_rows(first, rows), _second_half(report, problem.n_starts))
        steps = ends.iterations.copy()
        steps[rows] += again.iterations
        found = again.kind == FIXED
        ends = ends.put(rows[found], again.take(np.flatnonzero(found)))._replace(iterations=steps)
    elif report is not None:
        report(problem.n_starts, problem.n_starts)
    return ends


def _of_rows(problem: SearchProblem, rows: NDArray[np.intp]) -> SearchProblem:
    """Return the search by homotopy from some of the starts, which are on the host."""
    starts: Any = problem.starts
    x: Any = problem.inputs
    return replace(
        problem,
        method="homotopy",
        starts=starts[rows],
        inputs=x if x is None or len(x) == 1 else x[rows],
        condition=None,
    )


def _second_half(report: Report | None, n_starts: int) -> Report | None:
    """Return what reports the second half of a search from so many starts, from some of them."""
    if report is None:
        return None

    def report_half(done: int, total: int) -> None:
        report((n_starts + n_starts * done // total) // 2, n_starts)

    return report_half
