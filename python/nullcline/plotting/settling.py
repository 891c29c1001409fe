"""Where states settle, found by letting the network run from them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from nullcline.plotting.planes import in_batches

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell

UNSETTLED = -1

STEPS_BETWEEN = 20
"""Steps between two looks at where states are."""

NEAR = 0.1
"""A state is at an attractor within this share of the attractor's distance to any other point."""


def settle(
    cell: Cell,
    states: Floats,
    attractors: NDArray[np.float64],
    radii: NDArray[np.float64],
    inputs: Floats | None,
    max_steps: int,
    report: Callable[[int, int], None],
) -> NDArray[np.intp]:
    """Return the number of the attractor that each state settles at, `UNSETTLED` for none.

    It has settled when it is within an attractor's radius at two looks in a row.

    Parameters
    ----------
    cell
        The cell that runs.
    states
        Where it begins, shape (n, S).
    attractors, radii
        Stable fixed points, shape (m, S), and how near each counts as there, (m,).
    inputs
        The constant input, (1, D) or None.
    max_steps
        Steps after which a state counts as unsettled.
    report
        Is told how many states have settled, and how many there are.
    """
    labels = np.full(len(states), UNSETTLED, np.intp)
    before = labels.copy()
    running = np.arange(len(states))
    h = states
    for done in range(0, max_steps, STEPS_BETWEEN):
        if len(running) == 0 or len(attractors) == 0:
            break
        steps = min(STEPS_BETWEEN, max_steps - done)
        h = in_batches(partial(_run, cell, inputs, steps), h)
        at = _nearby(h, attractors, radii)
        settled = (at != UNSETTLED) & (at == before[running])
        labels[running[settled]] = at[settled]
        before[running] = at
        running, h = running[~settled], h[~settled]
        report(len(states) - len(running), len(states))
    return labels


def radii_of(
    attractors: NDArray[np.float64],
    known: NDArray[np.float64],
    states: NDArray[np.float64],
    same: float = 0.0,
) -> NDArray[np.float64]:
    """Return how near to each attractor counts as there: a share of the way to any other point.

    Where no other point is known, a share of the way to the farthest of the states: that all of
    them end at the only one that was given is to be found, and not taken for granted.

    Parameters
    ----------
    attractors, known, states
        Attractors, all points that are known, and where states begin, one a row.
    same
        Points no further apart than this, in each coordinate, are one.
    """
    radii = np.empty(len(attractors))
    for i, attractor in enumerate(attractors):
        away = known - attractor
        others = away[np.abs(away).max(axis=1) > same]
        if len(others):
            reach = np.linalg.norm(others, axis=1).min()
        else:
            reach = np.linalg.norm(states - attractor, axis=1).max(initial=0)
        radii[i] = NEAR * reach
    return radii


def _run(cell: Cell, inputs: Floats | None, steps: int, h: Floats) -> Floats:
    for _ in range(steps):
        h = cell.step(h, inputs)
    return h


def _nearby(
    h: Floats, attractors: NDArray[np.float64], radii: NDArray[np.float64]
) -> NDArray[np.intp]:
    """Return the nearest attractor of those within whose radius each state is."""
    distances = np.stack([np.linalg.norm(h - attractor, axis=1) for attractor in attractors])
    nearest = distances.argmin(axis=0)
    within = distances[nearest, np.arange(len(h))] <= radii[nearest]
    return np.where(within, nearest, UNSETTLED)
