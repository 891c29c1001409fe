"""The search for cycles: asked for and checked here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nullcline._support import validation
from nullcline.cells.compiled import thread_count
from nullcline.cycles.chunks import of_tiles
from nullcline.cycles.closing import CLOSED, ITERATIONS, close
from nullcline.cycles.cycle_set import Cycles
from nullcline.cycles.kinds import CYCLE, CYCLE_KINDS, FIXED, UNCLOSED
from nullcline.cycles.multipliers import Multipliers, multipliers
from nullcline.cycles.observing import PATIENCE, Limits, observe
from nullcline.cycles.phases import Found, begun, found_at, least, merged, numbered
from nullcline.cycles.recurrence import longest_of, run
from nullcline.cycles.returns import nearest_returns
from nullcline.cycles.starts import read_starts
from nullcline.distribution import spread_over
from nullcline.search.progress import reporter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from nullcline.cells.protocol import Cell
    from nullcline.cycles.closing import Closed
    from nullcline.cycles.evaluation import Driven
    from nullcline.distribution import Spread
    from nullcline.distribution.executors import GivenExecutor
    from nullcline.search.progress import Report

    Array = NDArray[np.float64]

FIRST = 30
"""Iterations from the states that a start goes through, after which it is tried elsewhere."""

RETURNS = 2
"""So many nearest returns of an orbit are tried. Of the 1,152 searches of `benchmarks.constants`,
for cycles of 2 and 5 states, 665 close without a return, and 927 with one, two or four of them;
with FIRST at 15, 30 and 60 922, 927 and 932 do."""

WATCHED = 4
"""Orbits that settle on no cycle are watched so many times as long as they were given to settle."""

_MOST = 100_000
"""The longest period that may be asked for; far above what memory holds of any cell."""


def find_cycles(
    cell: Cell,
    starts: ArrayLike | None = None,
    period: int | Iterable[int] | None = None,
    inputs: ArrayLike | None = None,
    *,
    n_steps: int = 1000,
    tol_unique: float = 1e-6,
    max_iterations: int = ITERATIONS,
    seed: int | None = 0,
    executor: GivenExecutor | None = None,
    chunk_size: int | None = None,
    progress: bool | Report = False,
) -> Cycles:
    """Find cycles of a cell: states h_1 ... h_k with F(h_j) = h_(j+1) and F(h_k) = h_1.

    With a period k, Newton's method is started at the k states that each start goes through, and
    takes the whole cycle at once; it finds stable and unstable cycles. Where it finds none within
    30 iterations, it begins again where the start's orbit of `n_steps` all but returns after k
    steps. Without a period, starts are run for `n_steps`, and the cycles are those that they have
    then come back to; Newton's method makes them exact. What comes back to none is watched, as by
    `find_attractors`, and told: it is chaotic, quasi-periodic, or unsettled.

    Parameters
    ----------
    cell
        The cell: any of the package's, a function, or a `Stack` whose layers have one direction.
    starts
        States to start from, shape (n, S). None for the states to which 64 states of the cell's
        box, drawn uniformly, have come after `n_steps`.
    period
        How many states a cycle has, 1 or more; or several such numbers, such as ``range(1, 9)``,
        each of which is sought from every start. A cycle with a shorter period that divides it is
        found too, and told by its least period. None for what simulation comes back to.
    inputs
        The input: None (zero input); constant, of shape (D,), (1, D) or (n, D); or m inputs that
        are read in turn, again and again, of shape (1, m, D) or (n, m, D). Periods are then
        multiples of m, and the first state of a cycle reads the first input. Without starts, one
        for all.
    n_steps
        Steps of the simulation, from 0; without a period, up to 16 times as many for orbits that
        they leave unsettled, which are watched four times as long. With a period, 0 begins at the
        starts alone.
    tol_unique
        How close in every coordinate two cycles must be to be one, begun where they are nearest.
    max_iterations
        The most iterations of Newton's method, per start and period.
    seed
        Of the states that are drawn where no starts are given.
    executor, chunk_size
        Who follows the orbits, and how many a worker gets at a time, as in `find_fixed_points`: 64,
        or a multiple, to which other numbers are rounded up.
    progress
        True for a bar on stderr, or a function that is called with the number of searches that are
        done and of all; what it raises ends it. There is one for every start
        and period, and 64 are done at a time.

    Returns
    -------
    Cycles
        One row a distinct cycle, by rising period, and those that most starts ended in first.
        `ends` says how each search ended, and `unconverged` why, where it found none.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or value; the message names it and the fix.

    Notes
    -----
    Newton's equations of the whole cycle are solved by structured orthogonal elimination (Wright,
    SIAM J. Sci. Stat. Comput. 13 (1992) 742), which forms no product of Jacobians; steps are
    Powell's dogleg in a trust region. Multipliers come from a product of triangular factors
    (Bojanczyk, Golub and Van Dooren 1992). All is in float64; of a float32 cell too, with its
    weights as they are. A cycle takes O(k S³) operations an iteration, and O(k S²) memory.

    Examples
    --------
    A unit that turns its sign round has a cycle of two states, and an unstable fixed point between.

    >>> cell = nc.RNN([[0.0]], [[-2.0]], [0.0], [0.0])  # doctest: +SKIP
    >>> nc.find_cycles(cell)  # doctest: +SKIP
    Cycles(1 of period 2: 1 stable; S = 1)
    """
    n_steps = validation.whole_number("n_steps", n_steps, 0)
    max_iterations = validation.whole_number("max_iterations", max_iterations, 0)
    tolerance = validation.tolerance("tol_unique", tol_unique)
    spread = spread_over(executor, chunk_size, None, thread_count(None))
    states, driven = read_starts(cell, starts, inputs, seed)
    verdicts = None
    periods = None if period is None else _read_periods(period, driven.turn)
    n_searches = len(states) * (1 if periods is None else len(periods))
    with reporter(progress, n_searches, what="cycles", unit="search") as report:
        if periods is None:
            searched, verdicts = _recurring(driven, states, n_steps, tolerance, spread, report)
        else:
            if starts is None:
                states = run(driven, states, n_steps + -n_steps % driven.turn)
            limits = _limits(max_iterations, n_steps)
            every = [(k, limits, n_steps) for k in periods]
            ends = of_tiles(spread, _ended, driven, states, every, report)
            searched = _sought(driven, ends, tolerance)
    cycles, _ = as_rows(cell, driven, searched.found, verdicts, searched.lost, tolerance)
    return replace(cycles, ends=searched.ends)


def _read_periods(period: Any, turn: int) -> list[int]:
    if isinstance(period, str | bytes | int | np.integer) or not isinstance(period, Iterable):
        periods = [validation.whole_number("period", period, 1, _MOST)]
    else:
        periods = sorted({validation.whole_number("period", k, 1, _MOST) for k in period})
    if not periods:
        raise ValueError("period must hold at least one number of states")
    fitting = [k for k in periods if k % turn == 0]
    if not fitting:
        raise ValueError(
            f"period must be a multiple of {turn}, after so many steps the inputs begin again, not "
            f"{', '.join(map(str, periods))}"
        )
    return fitting


class _Searched(NamedTuple):
    """The cycles that were found, how each search ended, and why those did that found none."""

    found: list[Found]
    ends: NDArray[np.str_]
    lost: list[str]


def _recurring(
    driven: Driven,
    states: Array,
    n_steps: int,
    tolerance: float,
    spread: Spread | None,
    report: Report | None,
) -> tuple[_Searched, list[Multipliers]]:
    """Return the cycles that orbits come back to, one for each orbit, and what others do."""
    limits = Limits(n_steps, WATCHED * n_steps, longest_of(driven), tolerance, PATIENCE)
    seen = observe(driven, states, limits, spread, report)
    lost = seen.reason[~np.isin(seen.kind, CYCLE_KINDS)].tolist()
    return _Searched(seen.found, seen.kind, lost), seen.verdicts


class _Ended(NamedTuple):
    """Of a tile of starts: the cycles that Newton's method ended on, and the reasons of all."""

    found: list[Found]
    reason: NDArray[np.str_]


def _sought(driven: Driven, ended: Iterable[list[_Ended]], tolerance: float) -> _Searched:
    """Return the cycles that Newton's method found, each period's tiles in turn, and the others."""
    found: list[Found] = []
    ends: list[str] = []
    lost: list[str] = []
    for tiles in ended:
        own = least(driven, numbered([tile.found for tile in tiles]), tolerance)
        found += own
        reason = np.concatenate([tile.reason for tile in tiles])
        end = np.full(len(reason), UNCLOSED, "U14")
        end[reason == CLOSED] = [FIXED if len(of.states) == 1 else CYCLE for of in own]
        ends += end.tolist()
        lost += reason[reason != CLOSED].tolist()
    return _Searched(found, np.array(ends, "U14"), lost)


def _limits(max_iterations: int, n_steps: int) -> list[int]:
    """Return the iterations from each start, and from each of its nearest returns."""
    limits = []
    for _ in range(RETURNS if n_steps > 0 else 0):
        limits.append(min(FIRST, max_iterations))
        max_iterations -= limits[-1]
    limits.append(max_iterations)
    return limits[:1] + [limit for limit in limits[1:] if limit > 0]


def _ended(driven: Driven, states: Array, k: int, limits: list[int], n_steps: int) -> _Ended:
    """Search from the starts of a tile."""
    ends = _closed(driven, states, k, limits, n_steps)
    return _Ended(found_at(ends), ends.reason)


def _closed(driven: Driven, states: Array, k: int, limits: list[int], n_steps: int) -> Closed:
    """Return where Newton's method ends: from the starts, or from the returns of their orbits."""
    with np.errstate(all="ignore"):
        orbits = driven.orbit(states, k)
    ends = close(driven, orbits, limits[0])
    left = np.flatnonzero(~ends.is_closed)
    if len(left) == 0 or len(limits) == 1:
        return ends
    returns = nearest_returns(driven.take(left), states[left], k, n_steps, len(limits) - 1)
    for orbits, limit in zip(returns, limits[1:], strict=True):
        is_open = ~ends.is_closed[left]
        rows = left[is_open]
        ends.put(rows, close(driven.take(rows), orbits[is_open], limit))
    return ends


def as_rows(
    cell: Cell,
    driven: Driven,
    found: list[Found],
    verdicts: list[Multipliers] | None,
    lost: Sequence[str],
    tolerance: float,
) -> tuple[Cycles, NDArray[np.intp]]:
    """Return distinct cycles as rows, and the row of each that was found.

    Multipliers are computed where they are not given.
    """
    owner = merged(found, driven, tolerance)
    kept, counts = np.unique(owner, return_counts=True)
    rows = []
    for i, count in zip(kept.tolist(), counts.tolist(), strict=True):
        states = begun(found[i].states, driven.turn)
        rows.append((len(states), -count, tuple(states[0]), i, states))
    rows.sort(key=lambda row: row[:4])
    size = cell.state_size
    cycles = [states for *_, states in rows]
    numbers = [row[3] for row in rows]
    own = [
        multipliers(driven.take(np.array([found[i].orbit])), found[i].states, found[i].correction)
        if verdicts is None
        else verdicts[i]
        for i in numbers
    ]
    inputs = driven.inputs
    if inputs is not None:
        orbits = np.array([found[i].orbit if len(inputs) > 1 else 0 for i in numbers], np.intp)
        inputs = inputs[orbits]
    period = np.array([len(states) for states in cycles], np.int64)
    row_of = np.empty(len(found), np.intp)
    row_of[numbers] = np.arange(len(numbers))
    cycles_found = Cycles(
        h=np.concatenate([np.empty((0, size)), *cycles]),
        period=period,
        kind=np.where(period == 1, FIXED, CYCLE),
        multipliers=np.array([m.values for m in own], np.complex128).reshape(len(own), size),
        multiplier_errors=np.array([m.errors for m in own], np.float64).reshape(len(own), size),
        stability=np.array([m.stability for m in own], "U9"),
        determinant_signs=np.array([m.signs for m in own], np.int8).reshape(len(own), 2),
        residual=np.array([found[i].residual for i in numbers], np.float64),
        count=np.array([-row[1] for row in rows], np.int64),
        inputs=inputs,
        unconverged=np.array(lost, np.str_) if lost else np.zeros(0, "U1"),
        tol_unique=tolerance,
        cell=cell,
    )
    return cycles_found, row_of[owner]
