"""What orbits do in the long run: simulated, closed by Newton's method, or judged by exponents.

An orbit that comes back to a cycle is told by it. Any other is watched: its largest Lyapunov
exponent, and weighted means of its two halves, tell circles and chaos. What neither tells goes on
for longer: orbits near a point whose slowest mode decays by 0.3 % a step, as those of strong gated
networks do, need thousands of steps to settle.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nullcline._native.blas import one_blas_thread
from nullcline.cycles.chunks import of_tiles
from nullcline.cycles.exponents import along
from nullcline.cycles.frequency import agreement, rotation_number
from nullcline.cycles.kinds import CHAOTIC, CYCLE, FIXED, QUASI_PERIODIC, UNSETTLED
from nullcline.cycles.phases import merged, numbered
from nullcline.cycles.recurrence import settle
from nullcline.linearization.stability import STABLE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nullcline.cycles.evaluation import Driven
    from nullcline.cycles.exponents import LyapunovExponents
    from nullcline.cycles.multipliers import Multipliers
    from nullcline.cycles.phases import Found
    from nullcline.cycles.recurrence import Settled
    from nullcline.distribution import Spread
    from nullcline.search.progress import Report

    Array = NDArray[np.float64]

AGREE = 1e-5
"""Weighted means of two halves that agree to so many parts of the orbit's spread are those of a
quasi-periodic orbit (Sander and Meiss 2020 take 1e-9 to 1e-5, by the number of steps)."""

FLAT = 0.01
"""An exponent per step is no further from 0 on an invariant circle than this and its error."""

ERRORS = 3
"""An exponent above 0 by so many standard errors is one of chaos."""

PATIENCE = 2
"""So many times unsettled orbits get LONGER times as many steps: `benchmarks.constants`."""

LONGER = 4

SHORT = 64
"""The longest cycle that is looked for at first, and with LONGER times the steps as many times."""

FEWEST = 32
"""States that are watched at least, a turn of the inputs apart."""

MEMORY = 2**27
"""Bytes of the orbits that are kept to be looked at."""

AWAY = "it ran away to infinity"


class Limits(NamedTuple):
    """How long orbits are run, as `find_attractors` has it, and how near cycles are one."""

    transient: int
    n_steps: int
    longest: int
    tolerance: float
    patience: int


@dataclass(frozen=True, eq=False)
class Observed:
    """What n orbits do.

    Attributes
    ----------
    kind, reason, period, rotation_number, exponent, exponent_error, h
        As in `Attractors`, shape (n,) or (n, S).
    found
        The cycle of each orbit that settled on one, which is the number `orbit` of it.
    verdicts
        The multipliers of each of these.
    """

    kind: NDArray[np.str_]
    reason: NDArray[np.str_]
    period: Array
    rotation_number: Array
    exponent: Array
    exponent_error: Array
    h: Array
    found: list[Found]
    verdicts: list[Multipliers]

    @classmethod
    def of(cls, states: Array) -> Observed:
        """Return what is known of orbits before they begin: nothing."""
        n = len(states)
        kind, reason = np.full(n, UNSETTLED, "U14"), np.full(n, "", "U128")
        period, rotation, exponent, error = np.full((4, n), np.nan)
        return cls(kind, reason, period, rotation, exponent, error, states.copy(), [], [])

    @classmethod
    def joined(cls, tiles: list[Observed]) -> Observed:
        """Return what is known of the orbits of all tiles, one after the other."""
        whole: dict[str, Any] = {
            of.name: np.concatenate([getattr(tile, of.name) for tile in tiles])
            for of in fields(cls)
            if of.name not in {"found", "verdicts"}
        }
        verdicts = [verdict for tile in tiles for verdict in tile.verdicts]
        return cls(**whole, found=numbered([tile.found for tile in tiles]), verdicts=verdicts)


def observe(
    driven: Driven, states: Array, limits: Limits, spread: Spread | None, report: Report | None
) -> Observed:
    """Run orbits from states (n, S) at the phase 0, and say of each what it settles on."""
    (tiles,) = of_tiles(spread, _observed, driven, states, [limits], report)
    seen = Observed.joined(tiles)
    # Orbits of several tiles that settle on one cycle have what is known of its first finding.
    for i, owner in enumerate(merged(seen.found, driven, limits.tolerance).tolist()):
        seen.found[i] = seen.found[owner]._replace(orbit=seen.found[i].orbit)
        seen.verdicts[i] = seen.verdicts[owner]
        _tell(seen, seen.found[i], seen.verdicts[i])
    return seen


@one_blas_thread()
def _observed(
    driven: Driven,
    states: Array,
    transient: int,
    n_steps: int,
    longest: int,
    tolerance: float,
    patience: int,
) -> Observed:
    """Observe the orbits of a tile."""
    seen = Observed.of(states)
    n_steps = max(n_steps, FEWEST * driven.turn)
    left, spent = np.arange(len(states)), 0
    for times in LONGER ** np.arange(patience + 1):
        more = max(0, int(times) * transient - spent)
        is_last = times == LONGER**patience
        window = longest if is_last else min(longest, SHORT * int(times))
        _settle(driven, seen, left, more, window, tolerance)
        spent += more + int(times) * n_steps
        left = left[seen.kind[left] == UNSETTLED]
        finite = np.isfinite(seen.h[left]).all(axis=1)
        seen.reason[left[~finite]] = AWAY
        left = left[finite]
        _watch(driven, seen, left, int(times) * n_steps, spent)
        left = left[(seen.kind[left] == UNSETTLED) & (seen.reason[left] != AWAY)]
        if len(left) == 0:
            break
    return seen


def _settle(
    driven: Driven,
    seen: Observed,
    rows: NDArray[np.intp],
    n_steps: int,
    longest: int,
    tolerance: float,
) -> None:
    """Run orbits, and take in the cycles that they have settled on, and where they are."""
    at_once = max(1, MEMORY // (8 * (2 * longest + 1) * seen.h.shape[1]))
    for first in range(0, len(rows), at_once):
        some = rows[first : first + at_once]
        own = driven.take(some)
        _note_cycles(seen, some, settle(own, seen.h[some], n_steps, longest, tolerance))


def _note_cycles(seen: Observed, rows: NDArray[np.intp], settled: Settled) -> None:
    """Take in the cycles that some of the orbits have settled on, and where the others are."""
    seen.h[rows] = settled.orbits[:, -1]
    for i in np.flatnonzero(settled.which >= 0):
        row, number = int(rows[i]), settled.which[i]
        cycle = settled.cycles[number]
        seen.found.append(cycle._replace(orbit=row))
        seen.verdicts.append(settled.multipliers[number])
        seen.kind[row] = FIXED if len(cycle.states) == 1 else CYCLE


def _tell(seen: Observed, cycle: Found, verdict: Multipliers) -> None:
    """Say of an orbit what its cycle says."""
    row, period = cycle.orbit, len(cycle.states)
    seen.period[row] = period
    modulus = abs(verdict.values[0])
    with np.errstate(divide="ignore", invalid="ignore"):
        seen.exponent[row] = np.log(modulus) / period
        seen.exponent_error[row] = verdict.errors[0] / modulus / period
    seen.reason[row] = (
        "it comes back, and every multiplier lies within the unit circle"
        if verdict.stability == STABLE
        else "it comes back, to rounding; whether the cycle attracts is undecided"
    )


def _watch(
    driven: Driven, seen: Observed, rows: NDArray[np.intp], n_steps: int, spent: int
) -> None:
    """Judge orbits that did not come back."""
    at_once = max(1, MEMORY // (8 * n_steps * seen.h.shape[1]))
    for first in range(0, len(rows), at_once):
        some = rows[first : first + at_once]
        own = driven.take(some)
        begin, transient = seen.h[some], n_steps // 4
        with np.errstate(all="ignore"):  # an orbit may run away
            orbits = own.orbit(begin, transient + n_steps + 1)
        # The last state that is looked at is a whole number of turns after the first.
        run = orbits[:, : n_steps : driven.turn]
        seen.h[some] = run[:, -1]
        finite = np.isfinite(orbits[:, -1]).all(axis=1)
        seen.reason[some[~finite]] = AWAY
        kept = np.flatnonzero(finite)
        exponents = along(own.take(kept), begin[kept], n_steps, 1, transient=transient, seed=0)
        for i, own_exponents in zip(kept, exponents, strict=True):
            _judge(seen, some[i], run[i], own_exponents, driven.turn, spent)


def _judge(
    seen: Observed,
    row: np.intp,
    run: Array,
    exponents: LyapunovExponents,
    turn: int,
    spent: int,
) -> None:
    value, error = float(exponents.values[0, 0]), float(exponents.errors[0, 0])
    seen.exponent[row], seen.exponent_error[row] = value, error
    apart = agreement(run)
    if apart <= AGREE and abs(value) <= FLAT + ERRORS * error:
        turns = rotation_number(run)
        seen.kind[row] = QUASI_PERIODIC
        seen.rotation_number[row] = turns
        seen.period[row] = turn / turns if turns > 0 else np.inf
        seen.reason[row] = "its exponent is 0, and weighted means of both halves agree"
    elif value > ERRORS * error and apart > AGREE:
        seen.kind[row] = CHAOTIC
        seen.reason[row] = "its largest exponent is above 0 by three standard errors"
    elif value < -ERRORS * error:
        seen.reason[row] = (
            f"no recurrence within {spent} steps, though orbits near it come together: raise "
            "transient or longest"
        )
    else:
        seen.reason[row] = f"no recurrence within {spent} steps, and no chaos: raise patience"
