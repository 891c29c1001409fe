"""Which cycles are one: their least periods, where they begin, and which differ in that alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nullcline.cycles.chunks import TILE
from nullcline.cycles.closing import CLOSED, close
from nullcline.cycles.evaluation import divisors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nullcline.cycles.closing import Closed
    from nullcline.cycles.evaluation import Driven

    Array = NDArray[np.float64]

CORRECTIONS = 10
"""States are off by no more than so many of the last Newton correction."""

LARGEST_CORRECTION = 1e-3
"""No correction counts as more: beyond it states say nothing of where a cycle is."""


class Found(NamedTuple):
    """A cycle: states (k, S), residual, correction, and the number of the orbit that led to it."""

    states: Array
    residual: float
    correction: float
    orbit: int


def found_at(ends: Closed) -> list[Found]:
    """Return the cycles that orbits ended on, which may go through shorter ones several times."""
    return [
        Found(ends.states[i].copy(), float(ends.residual[i]), float(ends.correction[i]), int(i))
        for i in np.flatnonzero(ends.is_closed)
    ]


def numbered(tiles: list[list[Found]]) -> list[Found]:
    """Return the cycles of all tiles of orbits, with the numbers of orbits among all."""
    return [
        cycle._replace(orbit=TILE * i + cycle.orbit)
        for i, tile in enumerate(tiles)
        for cycle in tile
    ]


def least(driven: Driven, found: list[Found], tolerance: float) -> list[Found]:
    """Return the same cycles, each gone through once."""
    owner = merged(found, driven, tolerance)
    once = {
        i: _once(driven.take(np.array([found[i].orbit])), found[i], tolerance)
        for i in np.unique(owner).tolist()
    }
    return [once[i]._replace(orbit=own.orbit) for i, own in zip(owner.tolist(), found, strict=True)]


def _once(driven: Driven, cycle: Found, tolerance: float) -> Found:
    """Return a cycle gone through once: states of the smallest period that are one cycle.

    A cycle just beyond a flip has halves that all but agree. So states that agree within the
    tolerance are taken to a cycle of the shorter period, and have it if they are where that is.
    """
    k = len(cycle.states)
    near = max(tolerance, _uncertainty(cycle))
    for d in divisors(k)[:-1]:
        if d % driven.turn or np.abs(np.roll(cycle.states, -d, axis=0) - cycle.states).max() > near:
            continue
        shorter = close(driven, cycle.states[None, :d])
        if shorter.reason[0] != CLOSED:
            continue
        once = Found(
            shorter.states[0], float(shorter.residual[0]), float(shorter.correction[0]), cycle.orbit
        )
        apart = np.abs(np.tile(once.states, (k // d, 1)) - cycle.states).max()
        if apart <= max(_uncertainty(once), _uncertainty(cycle), _rounding(driven, cycle)):
            return once
    return cycle


def _uncertainty(cycle: Found) -> float:
    return min(CORRECTIONS * cycle.correction, LARGEST_CORRECTION)


def _rounding(driven: Driven, cycle: Found) -> float:
    """Return what distances within are no more than rounding of the residual."""
    return float(np.sqrt(driven.rounding) * max(1.0, float(np.abs(cycle.states).max())))


def begun(states: Array, turn: int) -> Array:
    """Return a cycle (k, S) begun at the state that lies furthest in one fixed direction.

    Of those that read the first of the inputs, if the inputs take `turn` steps.
    """
    direction = np.cos(np.arange(1, states.shape[1] + 1) ** 2)  # generic: no symmetry is one of it
    first = turn * int(np.argmax(states[::turn] @ direction))
    return np.roll(states, -first, axis=0)


def distance(one: Array, other: Array, turn: int) -> float:
    """Return how far two cycles (k, S) are apart, begun where they are nearest."""
    shifts = range(0, len(one), turn)
    return min(float(np.abs(np.roll(other, -s, axis=0) - one).max()) for s in shifts)


def merged(found: list[Found], driven: Driven, tolerance: float) -> NDArray[np.intp]:
    """Return for each cycle the first one, or itself, that it is the same as.

    Cycles with the same period and the same inputs are one if there are beginnings from which all
    their coordinates are within the tolerance.
    """
    owner = np.empty(len(found), np.intp)
    kept: dict[tuple[int, bytes], list[int]] = {}
    means = [cycle.states.mean(axis=0) for cycle in found]
    for i, cycle in enumerate(found):
        alike = kept.setdefault((len(cycle.states), _read(driven, cycle.orbit)), [])
        for j in alike:
            if np.abs(means[i] - means[j]).max() > tolerance:
                continue
            if distance(found[j].states, cycle.states, driven.turn) <= tolerance:
                owner[i] = j
                break
        else:
            alike.append(i)
            owner[i] = i
    return owner


def _read(driven: Driven, orbit: int) -> bytes:
    inputs = driven.inputs
    if inputs is None:
        return b""
    read: bytes = (inputs[orbit if len(inputs) > 1 else 0] + 0.0).tobytes()  # -0.0 becomes 0.0
    return read
