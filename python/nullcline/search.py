"""The search for fixed points: what may be asked for, checked, and handed to the compiled core."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from nullcline import _core, _validation
from nullcline._blas import one_blas_thread
from nullcline.cells import available_threads, require_cell
from nullcline.fixed_points import KINDS, FixedPoints

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import ArrayLike

    from nullcline._validation import Floats
    from nullcline.cells import Cell

    Report: TypeAlias = Callable[[int, int], None]

METHODS = ("auto", "newton", "lm", "krylov", "gradient")
"""The solvers that a search may use."""


def find_fixed_points(
    cell: Cell,
    starts: ArrayLike,
    inputs: ArrayLike | None = None,
    *,
    method: str = "auto",
    deflate: FixedPoints | ArrayLike | None = None,
    tol_unique: float = 1e-3,
    tol_slow: float = 1e-6,
    max_iterations: int | None = None,
    n_threads: int | None = None,
    device: str = "cpu",
    progress: bool | Report = False,
    seed: int = 0,
) -> FixedPoints:
    """Search for fixed and slow points of a cell, from every start to its end.

    Every fixed point of a GRU, and every state that it reaches from zero, lies in the cube
    (-1, 1)^H; the search never leaves it. A start's end does not depend, bit for bit, on the other
    starts, their order or the number of threads. Ctrl-C ends a search.

    Parameters
    ----------
    cell
        The cell, e.g. one of `from_torch(rnn)`.
    starts
        States to start from, shape (n, H); n may be 0. Those outside of the cube start from the
        nearest state in it.
    inputs
        The constant input: None (zero input), shape (D,) or (1, D) (one for all) or (n, D).
    method
        "newton": Newton's method on the reduced residual, each step cut to stay in the cube and to
        go downhill. "lm": Levenberg–Marquardt with dense factors, which ends in a zero or a local
        minimum of q. "krylov": the same ends by Newton's method in growing subspaces, with products
        of the weights and no Jacobian: memory O(n H). "gradient": descent of q by Adam until q <=
        tol_slow, as in the paper; nothing says then that q would not fall further. "auto": what is
        fastest: "krylov", up to H = 1024 preconditioned by one factorization, with `lm` for all
        that it leaves.
    deflate
        Fixed points to be divided out, so that starts end at others: states of shape (m, H), or
        the result of a search, of which the fixed points are taken. The search is then Newton's
        ("auto" or "newton"), and starts that reach no further zero are "unconverged". All starts
        must have one input.
    tol_unique
        How close in every coordinate two ends must be for `FixedPoints.unique` to merge them.
    tol_slow
        The largest q of a slow point; where the gradient method stops.
    max_iterations
        Iterations for each start, at most; None for the method's own limit. With 0 the starts are
        judged where they are.
    n_threads
        Threads; None for as many as this process may use processors.
    device
        "cpu", the only one so far.
    progress
        True for a bar on stderr, or a function that is called with the number of starts that are
        done and of all; what it raises ends the search.
    seed
        Seed of what is random. No method draws random numbers so far: results are the same for
        every seed.

    Returns
    -------
    FixedPoints
        One row a start, in the order given.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or value; the message names it and the fix.
    KeyboardInterrupt
        After Ctrl-C.
    """
    require_cell(cell)
    h = _validation.rows("starts", starts, cell.hidden_size, cell.dtype)
    x = _validation.inputs("inputs", inputs, (len(h), cell.input_size), cell.dtype)
    _require_choice("method", method, METHODS)
    deflated = _zeros(deflate, method, x, cell)
    _require_choice("device", device, ("cpu",))
    tol_unique = _validation.tolerance("tol_unique", tol_unique)
    tol_slow = _validation.tolerance("tol_slow", tol_slow)
    if max_iterations is not None:
        max_iterations = _validation.whole_number("max_iterations", max_iterations, 0)
    if n_threads is None:
        n_threads = available_threads()
    n_threads = _validation.whole_number("n_threads", n_threads, 1)
    _validation.whole_number("seed", seed, 0, 2**64 - 1)
    with one_blas_thread(), _reporter(progress, len(h)) as report:
        found = cell.compiled.search(
            h,
            x,
            deflated=deflated,
            method=method,
            tol_slow=tol_slow,
            max_iterations=max_iterations,
            n_threads=n_threads,
            progress=report,
        )
    return FixedPoints(
        h=found.h,
        q=found.q,
        kind=np.array(KINDS)[found.kind],
        reason=np.array(_core.REASONS)[found.reason],
        iterations=found.iterations,
        starts=h.copy(),  # the caller may go on with the array
        inputs=None if x is None else np.broadcast_to(x.copy(), (len(h), cell.input_size)),
        tol_unique=tol_unique,
        count=np.ones(len(h), np.int64),
        cell=cell,
    )


def _zeros(
    deflate: FixedPoints | ArrayLike | None, method: str, x: Floats | None, cell: Cell
) -> Floats | None:
    """Return the states to be divided out, shape (m, H), if any."""
    if deflate is None:
        return None
    if method not in {"auto", "newton"}:
        raise ValueError(f'deflate needs method "auto" or "newton", not {method!r}')
    if x is not None and (x != x[:1]).any():
        raise ValueError("deflate needs one input for all starts: fixed points depend on it")
    states = deflate.select("fixed").unique().h if isinstance(deflate, FixedPoints) else deflate
    return _validation.rows("deflate", states, cell.hidden_size, cell.dtype)


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
