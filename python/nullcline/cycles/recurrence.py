"""What orbits settle on, as far as they come back: simulated, and closed by Newton's method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nullcline._native.blas import one_blas_thread
from nullcline.cycles.closing import BYTES, MOST_MEMORY, close
from nullcline.cycles.multipliers import Multipliers, multipliers
from nullcline.cycles.phases import Found, distance, found_at, least, merged
from nullcline.linearization.stability import UNSTABLE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nullcline.cycles.evaluation import Driven

    Array = NDArray[np.float64]

NEAR = 1e-3
"""An orbit that comes back so near, against its size, may be about to settle on a cycle there."""

AROUND = 1e-2
"""The cycle is then no further from it than this."""

LONGEST = 1024
"""The longest cycle that is looked for where nothing is said, if Newton's method has the memory."""

LEAST = 64
"""The longest cycle that is looked for whatever its memory, and at every near return."""

NEARER = 0.5
"""A longer one is looked for where no shorter return was nearer, in units of that: an orbit that
comes to rest slowly is near all of its last states, and its best returns are the shortest."""


def longest_of(driven: Driven) -> int:
    """Return the longest cycle of a cell that is looked for where nothing is said."""
    fits = MOST_MEMORY // (BYTES * driven.cell.state_size**2)
    return max(LEAST, min(LONGEST, fits))


@dataclass(frozen=True, eq=False)
class Settled:
    """What orbits settle on that come back.

    Attributes
    ----------
    orbits
        The last states of each orbit, shape (n, w, S), the first of them at the phase 0.
    cycles
        The distinct cycles that they settle on.
    multipliers
        Of each of the cycles.
    which
        The number of each orbit's cycle, -1 where it comes back to none, shape (n,).
    """

    orbits: Array
    cycles: list[Found]
    multipliers: list[Multipliers]
    which: NDArray[np.intp]


@one_blas_thread()
def run(driven: Driven, states: Array, n_steps: int) -> Array:
    """Return where orbits are after so many steps, shape (n, S)."""
    with np.errstate(all="ignore"):  # an orbit may run away
        for t in range(n_steps):
            following = driven.step(states, t)
            if driven.turn == 1 and np.array_equal(following, states):
                break
            states = following
    return states


@one_blas_thread()
def settle(driven: Driven, states: Array, n_steps: int, longest: int, tolerance: float) -> Settled:
    """Run orbits, and find the cycles of up to so many states that they have come to.

    An orbit has settled on a cycle if it came back to where it was k steps before, and Newton's
    method leads from there to a cycle of k states that is not unstable, lies there, and is no
    further from the orbit than it was from the states before. Shorter cycles come before longer
    ones.
    """
    turn = driven.turn
    longest = max(longest - longest % turn, turn)
    n_steps += -n_steps % turn
    states = run(driven, states, n_steps)
    with np.errstate(all="ignore"):
        orbits = driven.orbit(states, 2 * longest + 1)
        back = np.abs(orbits[:, longest:] - orbits[:, longest : longest + 1]).max(axis=2)
    size = np.maximum(1, np.abs(orbits).max(axis=(1, 2)))
    which = np.full(len(orbits), -1, np.intp)
    found: list[Found] = []
    verdicts: list[Multipliers] = []
    for k in range(turn, longest + 1, turn):
        near = (which < 0) & (back[:, k] <= NEAR * size)
        if k > LEAST:
            near &= back[:, k] <= NEARER * back[:, turn:k:turn].min(axis=1)
        rows = np.flatnonzero(near)
        if len(rows) == 0:
            continue
        # From the phase 0 on: the window is as long as whole turns of the inputs.
        ends = close(driven.take(rows), orbits[rows, longest : longest + k])
        cycles = [
            c._replace(orbit=int(rows[c.orbit]))
            for c in least(driven.take(rows), found_at(ends), tolerance)
        ]
        every = [*found, *cycles]
        owner = merged(every, driven, tolerance)
        for i, cycle in enumerate(cycles, start=len(found)):
            if not _leads_to(orbits[cycle.orbit], cycle, longest, size[cycle.orbit], turn):
                continue
            number = _known(found, verdicts, every[owner[i]], driven)
            if verdicts[number].stability != UNSTABLE:
                which[cycle.orbit] = number
    kept = [i for i in range(len(found)) if (which == i).any()]
    numbers = np.full(len(found) + 1, -1)
    numbers[kept] = np.arange(len(kept))
    return Settled(orbits, [found[i] for i in kept], [verdicts[i] for i in kept], numbers[which])


def _known(found: list[Found], verdicts: list[Multipliers], cycle: Found, driven: Driven) -> int:
    """Return the number of a cycle among those found, which it joins if it is a new one."""
    for number, other in enumerate(found):
        if other is cycle:
            return number
    own = driven.take(np.array([cycle.orbit]))
    found.append(cycle)
    verdicts.append(multipliers(own, cycle.states, cycle.correction))
    return len(found) - 1


def _leads_to(orbit: Array, cycle: Found, longest: int, size: float, turn: int) -> bool:
    """Tell whether an orbit is near a cycle and comes no further from it."""
    k = len(cycle.states)
    before = distance(cycle.states, orbit[:k], turn)
    after = distance(cycle.states, orbit[longest : longest + k], turn)
    rounding = 1e-9 * size
    return after <= AROUND * size and after <= max(before, rounding, 10 * cycle.correction)
