"""What each start settles on: asked for here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline._support import validation
from nullcline.cells.compiled import thread_count
from nullcline.cycles.attractor_set import Attractors
from nullcline.cycles.find import as_rows
from nullcline.cycles.observing import FEWEST, LONGER, PATIENCE, SHORT, Limits, observe
from nullcline.cycles.recurrence import longest_of
from nullcline.cycles.starts import read_starts
from nullcline.distribution import spread_over
from nullcline.search.progress import reporter

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from nullcline.cells.protocol import Cell
    from nullcline.distribution.executors import GivenExecutor
    from nullcline.search.progress import Report

MOST_PATIENCE = 8
"""Sixty-five thousand times as many steps."""


def find_attractors(
    cell: Cell,
    starts: ArrayLike | None = None,
    inputs: ArrayLike | None = None,
    *,
    n_steps: int = 4000,
    transient: int = 1000,
    longest: int | None = None,
    patience: int = PATIENCE,
    tol_unique: float = 1e-6,
    seed: int | None = 0,
    executor: GivenExecutor | None = None,
    chunk_size: int | None = None,
    progress: bool | Report = False,
) -> Attractors:
    """Simulate a cell from every start, and say what each orbit settles on.

    After the transient, orbits that come back after up to `longest` steps are taken to their fixed
    points and cycles by Newton's method, which must lead to one that is near and not unstable. What
    does not come back is watched for `n_steps`: where the largest Lyapunov exponent is 0 and
    weighted means of both halves agree, the orbit is quasi-periodic, and its frequency is measured;
    where that exponent is above 0 by three standard errors, it is chaotic. What neither tells is
    given four times as many steps, `patience` times; what is left is unsettled.

    Parameters
    ----------
    cell
        The cell: any of the package's, a function, or a `Stack` whose layers have one direction.
    starts
        States to start from, shape (n, S); None for 64 states drawn uniformly from the cell's box.
    inputs
        The input, constant or in turn, as in `find_cycles`.
    n_steps
        Steps in which an orbit that does not come back is watched, 32 or more, and at least 32
        turns of inputs that are read in turn.
    transient
        Steps before.
    longest
        The longest cycle that is looked for, in steps. None for 64, and with patience four times as
        many each time, up to 1024 and to what fits in a gigabyte.
    patience
        How often what is unsettled is given four times as many steps, 0 to 8.
    tol_unique
        How close in every coordinate two cycles must be to be one, begun where they are nearest.
    seed
        Of the states that are drawn where no starts are given.
    executor, chunk_size
        Who follows the orbits, and how many a worker gets at a time, as in `find_fixed_points`: 64,
        or a multiple, to which other numbers are rounded up.
    progress
        True for a bar on stderr, or a function that is called with the number of orbits that are
        done and of all; what it raises ends it. 64 are followed at a time.

    Returns
    -------
    Attractors
        One row a start: kind, period, rotation number and largest exponent, and the distinct fixed
        points and cycles.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or value; the message names it and the fix.

    Notes
    -----
    This is what was seen in so many steps, and no proof: a transient may be longer, and a cycle of
    more than `longest` states is "unsettled". Weighted means: Das, Sander, Saiki and Yorke (2017);
    the exponent: `lyapunov_exponents`.
    """
    n_steps = validation.whole_number("n_steps", n_steps, FEWEST)
    transient = validation.whole_number("transient", transient, 0)
    patience = validation.whole_number("patience", patience, 0, MOST_PATIENCE)
    if longest is not None:
        longest = validation.whole_number("longest", longest, 1, 100_000)
    tolerance = validation.tolerance("tol_unique", tol_unique)
    spread = spread_over(executor, chunk_size, None, thread_count(None))
    states, driven = read_starts(cell, starts, inputs, seed)
    if longest is None:
        longest = min(longest_of(driven), SHORT * LONGER**patience)
    limits = Limits(transient, n_steps, longest, tolerance, patience)
    with reporter(progress, len(states), what="attractors", unit="orbit") as report:
        seen = observe(driven, states, limits, spread, report)
    cycles, numbers = as_rows(cell, driven, seen.found, seen.verdicts, [], tolerance)
    cycle = np.full(len(states), -1, np.intp)
    cycle[[found.orbit for found in seen.found]] = numbers
    return Attractors(
        kind=seen.kind,
        reason=seen.reason,
        period=seen.period,
        rotation_number=seen.rotation_number,
        exponent=seen.exponent,
        exponent_error=seen.exponent_error,
        h=seen.h,
        cycle=cycle,
        cycles=cycles,
        cell=cell,
    )
