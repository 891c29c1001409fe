"""The search for fixed points: asked for here, checked in `problem`, run on a processor or GPU."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support import validation
from nullcline._support.deprecation import warn_deprecated
from nullcline.cells.protocol import Layered
from nullcline.distribution import spread_over
from nullcline.search.chunks import search_in_chunks
from nullcline.search.confirm import confirm
from nullcline.search.cpu import search_on_cpu
from nullcline.search.fixed_points import FixedPoints
from nullcline.search.gpu import search_on_gpu
from nullcline.search.layers import search_layers
from nullcline.search.problem import read_problem
from nullcline.search.progress import reporter
from nullcline.search.unresolved import search_unresolved

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch
    from numpy.typing import ArrayLike

    from nullcline.cells.protocol import Cell
    from nullcline.distribution import Spread
    from nullcline.distribution.executors import GivenExecutor
    from nullcline.search.columns import SearchColumns
    from nullcline.search.problem import SearchProblem
    from nullcline.search.progress import Report


def find_fixed_points(
    cell: Cell,
    starts: ArrayLike,
    inputs: ArrayLike | Mapping[Any, ArrayLike] | None = None,
    *,
    method: str = "auto",
    unresolved: str | None = None,
    deflate: FixedPoints | ArrayLike | None = None,
    tol_unique: float = 1e-3,
    tol_slow: float = 1e-6,
    max_iterations: int | None = None,
    n_threads: int | None = None,
    device: str | torch.device = "cpu",
    executor: GivenExecutor | None = None,
    chunk_size: int | None = None,
    progress: bool | Report = False,
    seed: int | None = None,
) -> FixedPoints:
    """Search for the fixed and slow points of a cell, from every start to its end.

    The outputs of every fixed point, and of every state that the cell reaches, lie in its `box`:
    for a GRU the cube (-1, 1)^H. The search never leaves it. On the processor, the end of a start
    does not depend, bit for bit, on the other starts, on their order or on the number of threads;
    that of a function may, by rounding. Ctrl-C ends a search.

    Parameters
    ----------
    cell
        The cell, e.g. one of `from_torch(rnn)`; or a `Stack` of several, whose layers are searched
        jointly, from the first to the last.
    starts
        States to start from, shape (n, S), where S = H except for an LSTM, whose states are [h, c]
        of width 2H; n may be 0. Integers are taken as numbers; PyTorch's `h_n` of one layer is
        passed as ``h_n[0]``. A start outside the box is moved to the nearest state in it. More
        than memory holds are searched from by `search_to_store`.
    inputs
        The constant input: None (zero input), shape (D,) or (1, D) (one for all) or (n, D). Or
        labelled conditions, a mapping of labels, strings or numbers, to inputs of shape (D,), say
        ``{"left": x1, "right": x2}``: every start is searched under each of them. The result then
        has a row for every start under every condition, all under the first before all under the
        second, and `condition` holds their labels.
    method
        - "auto": whatever is fastest: "krylov", preconditioned by one factorization up to H = 1024,
          and then "lm" for all starts that it leaves.
        - "newton": Newton's method on the reduced residual; each step is cut to stay in the box and
          to go downhill.
        - "lm": Levenberg–Marquardt with dense factors; it ends in a zero or a local minimum of q.
        - "krylov": Newton's method in growing subspaces, which has the ends of "lm", with products
          of the weights and no Jacobian: memory O(n H).
        - "gradient": descent of q by Adam until q <= tol_slow, as in the paper; nothing then says
          that q would not fall further.
        - "homotopy": follows the path {h = (1 - λ) a + λ n(h)} from the start a to a fixed point,
          where it ends for all starts but a set of measure zero, if it is given the time [1]_;
          with dense factors. It finds no slow points, and of fixed points those of index +1. For
          bounded outputs, on the CPU.
    unresolved
        What starts do that "auto" leaves without a fixed point: None (they end where they are) or
        "homotopy" (they go on by it, from the start itself, within a limit of iterations of their
        own; those that come to no fixed point by it either end where "auto" left them).
    deflate
        Fixed points to divide out, so that starts end at others: states of shape (m, S), or the
        result of a search, whose fixed points are taken. Not for a stack. The search is then by
        Newton's method ("auto" or "newton"), starts that reach no other zero are "unconverged", and
        all starts must have one input.
    tol_unique
        How close in every coordinate two ends must be for `FixedPoints.unique` to merge them.
    tol_slow
        The largest q of a slow point, and where the gradient method stops. A local minimum with a
        larger q is of the kind "minimum".
    max_iterations
        The most iterations per start; None for the method's own limit. An iteration of "homotopy"
        is a solution of linear equations, of which it needs up to thousands, with one factorization
        for several. With 0, starts are judged where they are.
    n_threads
        The most threads to use, up to 512; None for one per processor that this process may use.
        No more are started than there are starts, and room for. In a search on a GPU they
        make the passes over a few starts only, where they are faster at it. With an executor they
        are those of each worker, 1 by default.
    device
        Where to search: "cpu"; "cuda:N", the NVIDIA GPU of that number; "cuda", the one that holds
        starts or inputs, else the first; or a `torch.device` of these. A GPU's ends equal the
        processor's to rounding, not bit for bit, and rounding decides where a start between two
        basins goes. Starts that are on the GPU already (a tensor of PyTorch, an array of CuPy or
        JAX, anything with DLPack or `__cuda_array_interface__`) are read there, in any strides;
        then `h`, `q`, `starts`, and `inputs` if they are on the GPU, are arrays of the starts'
        library on the GPU too, and `FixedPoints.numpy` brings them to the host.
        `nullcline.cuda.is_available` says whether there is a GPU. The layers of a stack meet on the
        host: its starts are brought there, and its ends are left there.
    executor
        Who searches, in chunks of the starts: anything with the `submit` of
        `concurrent.futures.Executor`, such as a `ProcessPoolExecutor`, Dask's
        ``client.get_executor()`` or mpi4py's `MPIPoolExecutor`; or a function that makes one, which
        is called again if the executor breaks. The result is that of this process alone, bit for
        bit, on processors of one kind, unless the cell is a function: docs/executors.md. None for
        this process.
    chunk_size
        How many starts a worker gets at a time; None for what takes it about a quarter of a second.
    progress
        True for a bar on stderr, or a function that is called with the number of starts that are
        done and of all; what it raises ends the search. In a stack, a start that is through one of
        L layers counts as done by 1/L.
    seed
        Deprecated, since no method draws random numbers. Anything but None warns, and changes
        nothing.

    Returns
    -------
    FixedPoints
        One row per start, in the order given; under labelled conditions, one per start and
        condition.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or value; the message names it and the fix.
    nullcline.cuda.CudaUnavailableError
        If the device is a GPU, and no search can run on one; a RuntimeError.
    MemoryError
        If memory, the GPU's or the host's, is too small.
    RuntimeError
        If no thread can be started; in a process that `progress` has forked; if an executor takes
        no tasks, its workers have another version of this package, or those that had one of the
        chunks were lost time after time.
    pickle.PicklingError
        If the cell cannot be sent to an executor's workers.
    KeyboardInterrupt
        After Ctrl-C.

    References
    ----------
    .. [1] Chow, Mallet-Paret and Yorke, "Finding zeroes of maps: homotopy methods that are
       constructive with probability one", Mathematics of Computation 32, 1978.
    """
    if seed is not None:
        _warn_of_seed(seed)
    tol_unique = validation.tolerance("tol_unique", tol_unique)
    if executor is not None and str(device) != "cpu":
        raise ValueError(
            f'executor searches on processors, not on {device}: pass device="cpu", or leave '
            "executor out"
        )
    problem = read_problem(
        cell,
        starts,
        inputs,
        method=method,
        unresolved=unresolved,
        deflate=deflate,
        tol_slow=tol_slow,
        max_iterations=max_iterations,
        n_threads=n_threads,
        device=device,
    )
    spread = spread_over(executor, chunk_size, n_threads, problem.n_threads)
    kept_starts, kept_inputs = problem.kept()  # copies: the caller may go on with the arrays
    with reporter(progress, problem.n_starts) as report:
        ends = _search(problem, report, spread)
    return FixedPoints(
        **ends._asdict(),
        starts=kept_starts,
        inputs=kept_inputs,
        tol_unique=tol_unique,
        count=np.ones(problem.n_starts, np.int64),
        condition=problem.condition,
        cell=cell,
    )


def _search(problem: SearchProblem, report: Report | None, spread: Spread | None) -> SearchColumns:
    """Choose who searches: layer by layer, one after another, a GPU, workers or the processor."""
    if isinstance(problem.cell, Layered):
        return search_layers(problem, report, partial(_search, spread=spread))
    if problem.unresolved is not None:
        return search_unresolved(problem, report, partial(_search, spread=spread))
    if problem.gpu is not None:
        return search_on_gpu(problem, report)
    if spread is not None:
        return confirm(problem, search_in_chunks(problem, report, spread))
    return confirm(problem, search_on_cpu(problem, report))


def _warn_of_seed(seed: int) -> None:
    validation.whole_number("seed", seed, 0, 2**64 - 1)
    instead = "no method draws random numbers, so leave it out"
    warn_deprecated("seed", instead, goes="0.3.0", stacklevel=3)
