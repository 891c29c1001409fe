"""A search on a GPU: arrays are read where they lie, and ends lie where the starts do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._native.blas import give_routines, one_blas_thread
from nullcline.gpu import availability
from nullcline.gpu.arrays import DeviceView, like, source, streams
from nullcline.search.columns import SearchColumns
from nullcline.search.confirm import confirm, rows_to_confirm

if TYPE_CHECKING:
    from nullcline.search.problem import SearchProblem
    from nullcline.search.progress import Report


def search_on_gpu(problem: SearchProblem, report: Report | None) -> SearchColumns:
    """Return where the starts of a problem end; `h` and `q` lie where the starts do."""
    n, dtype = problem.n_starts, problem.cell.dtype
    shape = n, problem.cell.state_size
    if not isinstance(problem.starts, DeviceView):
        h, q = np.empty(shape, dtype), np.empty(n)
        found = _search(problem, report, h.ctypes.data, q.ctypes.data)
        return confirm(problem, SearchColumns.of(h, q, found))
    module = availability.gpu_module()
    h_there = module.DeviceArray(shape, dtype == np.float64, problem.gpu)
    q_there = module.DeviceArray((n,), True, problem.gpu)
    found = _search(problem, report, h_there.address, q_there.address)
    ends = SearchColumns.of(h_there, q_there, found)
    if len(rows_to_confirm(problem, ends)):
        on_host = SearchColumns.of(h_there.numpy(), q_there.numpy(), found)
        ends = confirm(problem, on_host)
        h_there.assign(source(ends.h))
        q_there.assign(source(ends.q[None]))
    return ends._replace(h=like(problem.given, h_there), q=like(problem.given, q_there))


def _search(problem: SearchProblem, report: Report | None, h: int, q: int) -> Any:
    """Search, writing ends and their speeds to the addresses `h` and `q`."""
    module = availability.gpu_module()
    give_routines(module)
    search = module.search64 if problem.cell.dtype == np.float64 else module.search32
    cell: Any = problem.cell  # it has them: `read_problem` saw to it
    with one_blas_thread():  # passes over a few starts are the processor's
        return search(
            cell.core_weights(),
            source(problem.starts),
            None if problem.inputs is None else source(problem.inputs),
            h=h,
            q=q,
            device=problem.gpu,
            streams=streams(problem.starts, problem.inputs),
            progress=report,
            n_threads=problem.n_threads,
            **problem.options(),
        )
