"""What each start settles on: asked for here, and judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline._native.blas import one_blas_thread
from nullcline._support import validation
from nullcline.cycles.attractor_set import Attractors
from nullcline.cycles.exponents import along
from nullcline.cycles.find import LONGEST, as_rows, read_starts
from nullcline.cycles.frequency import agreement, rotation_number
from nullcline.cycles.kinds import CHAOTIC, CYCLE, FIXED, QUASI_PERIODIC, UNSETTLED
from nullcline.cycles.recurrence import settle

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from nullcline.cells.protocol import Cell
    from nullcline.cycles.cycle_set import Cycles
    from nullcline.cycles.evaluation import Driven
    from nullcline.cycles.exponents import LyapunovExponents

    Array = NDArray[np.float64]

AGREE = 1e-5
"""Weighted means of two halves that agree to so many parts of the orbit's spread are those of a
quasi-periodic orbit (Sander and Meiss 2020 take 1e-9 to 1e-5, by the number of steps)."""

FLAT = 0.01
"""An exponent per step is no further from 0 on an invariant circle than this and its error."""

ERRORS = 3
"""An exponent above 0 by so many standard errors is one of chaos."""

MEMORY = 2**27
"""Bytes of the orbits that are kept to be looked at."""


def find_attractors(
    cell: Cell,
    starts: ArrayLike | None = None,
    inputs: ArrayLike | None = None,
    *,
    n_steps: int = 4000,
    transient: int = 1000,
    longest: int = LONGEST,
    tol_unique: float = 1e-6,
    seed: int | None = 0,
) -> Attractors:
    """Simulate a cell from every start, and say what each orbit settles on.

    After the transient, orbits that come back after up to `longest` steps are taken to their fixed
    points and cycles by Newton's method, which must lead to one that is near and not unstable. What
    does not come back is watched for `n_steps`: where the largest Lyapunov exponent is 0 and
    weighted means of both halves agree, the orbit is quasi-periodic, and its frequency is measured;
    where that exponent is above 0 by three standard errors, it is chaotic; else it is unsettled.

    Parameters
    ----------
    cell
        The cell: any of the package's, a function, or a `Stack` whose layers have one direction.
    starts
        States to start from, shape (n, S); None for 64 states drawn uniformly from the cell's box.
    inputs
        The input, constant or in turn, as in `find_cycles`.
    n_steps
        Steps in which an orbit that does not come back is watched, 32 or more.
    transient
        Steps before.
    longest
        The longest cycle that is looked for, in steps.
    tol_unique
        How close in every coordinate two cycles must be to be one, begun where they are nearest.
    seed
        Of the states that are drawn where no starts are given.

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
    n_steps = validation.whole_number("n_steps", n_steps, 32)
    transient = validation.whole_number("transient", transient, 0)
    longest = validation.whole_number("longest", longest, 1, 100_000)
    tolerance = validation.tolerance("tol_unique", tol_unique)
    states, driven = read_starts(cell, starts, inputs, seed)
    settled = settle(driven, states, transient, longest, tolerance)
    on_cycle = np.flatnonzero(settled.which >= 0)
    found = [
        settled.cycles[i]._replace(orbit=int(row))
        for row, i in zip(on_cycle, settled.which[on_cycle], strict=True)
    ]
    verdicts = [settled.multipliers[i] for i in settled.which[on_cycle]]
    cycles, numbers = as_rows(cell, driven, found, verdicts, [], tolerance)
    n = len(states)
    rows = Attractors(
        kind=np.full(n, UNSETTLED, "U14"),
        reason=np.full(n, "", "U128"),
        period=np.full(n, np.nan),
        rotation_number=np.full(n, np.nan),
        exponent=np.full(n, np.nan),
        exponent_error=np.full(n, np.nan),
        h=settled.orbits[:, -1].copy(),
        cycle=np.full(n, -1, np.intp),
        cycles=cycles,
        cell=cell,
    )
    _write_cycles(rows, on_cycle, numbers, cycles)
    _watch(driven, rows, settled.orbits, n_steps)
    return rows


def _write_cycles(
    rows: Attractors, on_cycle: NDArray[np.intp], numbers: NDArray[np.intp], cycles: Cycles
) -> None:
    rows.cycle[on_cycle] = numbers
    period = cycles.period[numbers]
    rows.period[on_cycle] = period
    rows.kind[on_cycle] = np.where(period == 1, FIXED, CYCLE)
    modulus, errors = np.abs(cycles.multipliers[numbers, 0]), cycles.multiplier_errors[numbers, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        rows.exponent[on_cycle] = np.log(modulus) / period
        rows.exponent_error[on_cycle] = errors / modulus / period
    open_ = cycles.stability[numbers] != "stable"
    rows.reason[on_cycle] = np.where(
        open_,
        "it comes back, to rounding; whether the cycle attracts is undecided",
        "it comes back, and every multiplier lies within the unit circle",
    )


@one_blas_thread()
def _watch(driven: Driven, rows: Attractors, orbits: Array, n_steps: int) -> None:
    """Judge the orbits that did not come back."""
    left = np.flatnonzero(rows.cycle < 0)
    finite = np.isfinite(orbits[left]).all(axis=(1, 2))
    rows.reason[left[~finite]] = "it ran away to infinity"
    left = left[finite]
    size, turn = orbits.shape[2], driven.turn
    at_once = max(1, MEMORY // (8 * n_steps * size))
    for first in range(0, len(left), at_once):
        some = left[first : first + at_once]
        own = driven.take(some)
        # The last state of the window is a whole number of turns after its first.
        begin = orbits[some, -1]
        run = own.orbit(begin, n_steps)[:, ::turn]
        exponents = along(own, begin, n_steps, 1, transient=n_steps // 4, seed=0)
        for i, row in enumerate(some):
            _judge(rows, row, run[i], exponents[i], turn)


def _judge(
    rows: Attractors, row: np.intp, run: Array, exponents: LyapunovExponents, turn: int
) -> None:
    value, error = float(exponents.values[0, 0]), float(exponents.errors[0, 0])
    rows.exponent[row], rows.exponent_error[row] = value, error
    rows.h[row] = run[-1]
    apart = agreement(run)
    if apart <= AGREE and abs(value) <= FLAT + ERRORS * error:
        turns = rotation_number(run)
        rows.kind[row] = QUASI_PERIODIC
        rows.rotation_number[row] = turns
        rows.period[row] = turn / turns if turns > 0 else np.inf
        rows.reason[row] = "its exponent is 0, and weighted means of both halves agree"
    elif value > ERRORS * error and apart > AGREE:
        rows.kind[row] = CHAOTIC
        rows.reason[row] = "its largest exponent is above 0 by three standard errors"
    elif value < -ERRORS * error:
        rows.reason[row] = (
            "orbits near it come together, but it came back to no cycle: raise transient or longest"
        )
    else:
        rows.reason[row] = "too few steps to tell: raise n_steps and transient"
