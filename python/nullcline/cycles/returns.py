"""Where an orbit all but returns after k steps: good places to begin Newton's method for a cycle.

A cycle of k states that an orbit passes by, stable or not, shows as a small |h_(t+k) - h_t|: so the
unstable cycles within chaos are found (Lathrop and Kostelich, Phys. Rev. A 40 (1989) 4028).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nullcline.cycles.evaluation import Driven

    Array = NDArray[np.float64]

PASSING = 20
"""Part of the steps, one in so many, that an orbit takes before it is looked at."""

MEMORY = 2**27
"""Bytes of orbits that are held at once."""


def nearest_returns(driven: Driven, states: Array, k: int, n_steps: int, many: int) -> Array:
    """Return the k states that begin at each of an orbit's nearest returns, (many, n, k, S).

    Returns are at the phase 0, from the nearest on, and none of them within k steps of a nearer
    one. Where an orbit has fewer, the last one is there again; where it runs away, its start.
    """
    n, size = states.shape
    found = np.empty((many, n, k, size))
    at_once = max(1, MEMORY // (8 * size * (n_steps + k)))
    for first in range(0, n, at_once):
        rows = np.arange(first, min(first + at_once, n))
        own = driven.take(rows)
        with np.errstate(all="ignore"):  # an orbit may run away
            orbits = own.orbit(states[rows], n_steps + k)
        for i, row in enumerate(rows):
            for j, begin in enumerate(_begins(orbits[i], k, n_steps, driven.turn, many)):
                found[j, row] = orbits[i, begin : begin + k]
    return found


def _begins(orbit: Array, k: int, n_steps: int, turn: int, many: int) -> list[int]:
    """Return the steps at which the nearest returns of an orbit (n_steps + k, S) begin."""
    passing = n_steps // PASSING
    passing -= passing % turn
    at = np.arange(passing, n_steps, turn)
    if len(at) == 0:
        return [0] * many
    with np.errstate(all="ignore"):
        away = np.abs(orbit[at + k] - orbit[at]).max(axis=1)
    away[~np.isfinite(away)] = np.inf
    begins: list[int] = []
    while len(begins) < many:
        nearest = int(away.argmin())
        if not np.isfinite(away[nearest]):
            begins.append(begins[-1] if begins else 0)
            continue
        begins.append(int(at[nearest]))
        away[np.abs(at - at[nearest]) <= k] = np.inf
    return begins
