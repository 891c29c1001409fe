"""The search for fixed points: what may be asked for, checked, and handed to a processor or GPU."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from nullcline._support import validation
from nullcline.search.conditions import under_conditions
from nullcline.search.cpu import CpuSearch
from nullcline.gpu.device import chosen_gpu
from nullcline.search.gpu import GpuSearch
from nullcline.search.layers import StackSearch
from nullcline.cells import available_threads, require_cell
from nullcline.search.fixed_points import FixedPoints
from nullcline.cells.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import torch
    from numpy.typing import ArrayLike

    from nullcline.gpu.device import Gpu
    from nullcline._support.validation import Floats
    from nullcline.cells import Cell

    Report: TypeAlias = Callable[[int, int], None]

METHODS = ("auto", "newton", "lm", "krylov", "gradient")
"""The solvers that a search may use."""


def find_fixed_points(
    cell: Cell,
    starts: ArrayLike,
    inputs: ArrayLike | Mapping[str, ArrayLike] | None = None,
    *,
    method: str = "auto",
    deflate: FixedPoints | ArrayLike | None = None,
    tol_unique: float = 1e-3,
    tol_slow: float = 1e-6,
    max_iterations: int | None = None,
    n_threads: int | None = None,
    device: str | torch.device = "cpu",
    progress: bool | Report = False,
    seed: int = 0,
) -> FixedPoints:
    """Search for fixed and slow points of a cell, from every start to its end.

    Every fixed point of a cell, and every state that it reaches, has its outputs in a box: of a GRU
    the cube (-1, 1)^H. The search never leaves it. On the processor a start's end does not depend,
    bit for bit, on the other starts, their order or the number of threads. Ctrl-C ends a search.

    Parameters
    ----------
    cell
        The cell, e.g. one of `from_torch(rnn)`; or a `Stack` of several, whose layers are searched
        jointly, from the first to the last.
    starts
        States to start from, shape (n, S), S = H but for an LSTM, whose states are [h, c]; n may be
        0. Those outside of the box start from the nearest state in it.
    inputs
        The constant input: None (zero input), shape (D,) or (1, D) (one for all) or (n, D). Or
        labelled conditions, a mapping of labels to inputs of shape (D,), say ``{"left": x1,
        "right": x2}``: every start is searched under each of them. The result then has a row for
        each of both, all starts under the first condition before all under the second, and
        `condition` holds their labels.
    method
        "newton": Newton's method on the reduced residual, each step cut to stay in the cube and to
        go downhill. "lm": Levenberg–Marquardt with dense factors, which ends in a zero or a local
        minimum of q. "krylov": the same ends by Newton's method in growing subspaces, with products
        of the weights and no Jacobian: memory O(n H). "gradient": descent of q by Adam until q <=
        tol_slow, as in the paper; nothing says then that q would not fall further. "auto": what is
        fastest: "krylov", up to H = 1024 preconditioned by one factorization, with `lm` for all
        that it leaves.
    deflate
        Fixed points to be divided out, so that starts end at others: states of shape (m, S), or
        the result of a search, of which the fixed points are taken. Not for a stack. The search is
        then Newton's ("auto" or "newton"), and starts that reach no further zero are "unconverged".
        All starts must have one input.
    tol_unique
        How close in every coordinate two ends must be for `FixedPoints.unique` to merge them.
    tol_slow
        The largest q of a slow point; where the gradient method stops.
    max_iterations
        Iterations for each start, at most; None for the method's own limit. With 0 the starts are
        judged where they are.
    n_threads
        Threads; None for as many as this process may use processors. A GPU has no use for them.
    device
        Where to search: "cpu"; "cuda:N", the NVIDIA GPU of that number; "cuda", the one that starts
        or inputs are on, else the first; or a `torch.device` of these. A GPU's ends are the
        processor's to rounding, not bit for bit, and rounding decides where a start between two
        basins goes. Starts that are on the GPU already (a tensor of PyTorch, an array of CuPy or
        JAX, anything with DLPack or `__cuda_array_interface__`) are read there, in any strides;
        then `h`, `q`, `starts`, and `inputs` if they are on the GPU, are arrays of the starts'
        library on the GPU too, and `FixedPoints.numpy` brings them to the host.
        `nullcline.cuda.is_available` says whether there is one. The layers of a stack meet on the
        host: its starts are brought there, and its ends are there.
    progress
        True for a bar on stderr, or a function that is called with the number of starts that are
        done and of all; what it raises ends the search. Of a stack, a start that is through one of
        L layers is done by 1/L.
    seed
        Seed of what is random. No method draws random numbers so far: results are the same for
        every seed.

    Returns
    -------
    FixedPoints
        One row a start, in the order given; under labelled conditions one a start and condition.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or value; the message names it and the fix.
    nullcline.cuda.CudaUnavailableError
        If the device is a GPU, and no search can run on one; a RuntimeError.
    MemoryError
        If memory, the GPU's or the host's, is too small.
    KeyboardInterrupt
        After Ctrl-C.
    """
    require_cell(cell)
    _require_choice("method", method, METHODS)
    tol_unique = validation.tolerance("tol_unique", tol_unique)
    tol_slow = validation.tolerance("tol_slow", tol_slow)
    if max_iterations is not None:
        max_iterations = validation.whole_number("max_iterations", max_iterations, 0)
    if n_threads is None:
        n_threads = available_threads()
    n_threads = validation.whole_number("n_threads", n_threads, 1)
    validation.whole_number("seed", seed, 0, 2**64 - 1)
    gpu = chosen_gpu(device)
    every_start, own_inputs, condition = under_conditions(cell, starts, inputs)
    search = _prepared(cell, every_start, own_inputs, n_threads=n_threads, gpu=gpu)
    deflated = _zeros(deflate, method, search, cell)
    kept_starts, kept_inputs = search.kept()  # copies: the caller may go on with the arrays
    with _reporter(progress, search.n_starts) as report:
        ends = search.run(
            deflated=deflated,
            method=method,
            tol_slow=tol_slow,
            max_iterations=max_iterations,
            progress=report,
        )
    return FixedPoints(
        **ends._asdict(),
        starts=kept_starts,
        inputs=kept_inputs,
        tol_unique=tol_unique,
        count=np.ones(search.n_starts, np.int64),
        condition=condition,
        cell=cell,
    )


def _prepared(
    cell: Cell, starts: ArrayLike, inputs: ArrayLike | None, *, n_threads: int, gpu: Gpu | None
) -> CpuSearch | GpuSearch | StackSearch:
    """Return the search of a cell on the processor or a GPU, or that of a stack, layer by layer."""
    if isinstance(cell, Stack):
        prepare = partial(_prepared, n_threads=n_threads, gpu=gpu)
        return StackSearch(cell, starts, inputs, prepare)
    if gpu is None:
        return CpuSearch(cell, starts, inputs, n_threads)
    return GpuSearch(cell, starts, inputs, gpu)


def _zeros(
    deflate: FixedPoints | ArrayLike | None,
    method: str,
    search: CpuSearch | GpuSearch | StackSearch,
    cell: Cell,
) -> Floats | None:
    """Return the states to be divided out, shape (m, H), if any."""
    if deflate is None:
        return None
    if isinstance(cell, Stack):
        raise ValueError(  # noqa: TRY004 - of the right type, but not with a stack
            "deflate must be None for a stack: search one of its cells, with the points of its "
            "layer, which stack.layer_points returns"
        )
    if method not in {"auto", "newton"}:
        raise ValueError(f'deflate needs method "auto" or "newton", not {method!r}')
    if not search.has_one_input():
        raise ValueError("deflate needs one input for all starts: fixed points depend on it")
    states = deflate.select("fixed").unique().h if isinstance(deflate, FixedPoints) else deflate
    known = validation.rows("deflate", states, cell.state_size, cell.dtype)
    return cell.outputs_of(known)  # the search's unknowns


def _require_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, not {value!r}")


@contextmanager
def _reporter(progress: bool | Report, n_starts: int) -> Iterator[Report | None]:
    """Yield what the core is to call with the starts that are done and all of them, if anything."""
    if callable(progress):
        yield progress
    elif not isinstance(progress, bool):
        raise TypeError(f"progress must be True, False or a function, not {progress!r}")
    elif not progress:
        yield None
    else:
        try:
            from tqdm import tqdm
        except ModuleNotFoundError:
            yield _count_on_stderr
            return
        with tqdm(total=n_starts, desc="fixed points", unit="start") as bar:

            def update(done: int, _: int) -> None:
                bar.update(done - bar.n)

            yield update


def _count_on_stderr(done: int, total: int) -> None:
    sys.stderr.write(f"\rfixed points: {done}/{total}" + ("\n" if done == total else ""))
    sys.stderr.flush()
