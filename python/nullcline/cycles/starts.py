"""Where orbits begin: states and inputs as users give them, or states that are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline._support import validation
from nullcline.cycles.evaluation import Driven

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from nullcline.cells.protocol import Cell

    Array = NDArray[np.float64]

N_STATES = 64
"""So many states orbits begin at, where none are given."""

_LARGEST_SEED = 2**128 - 1


def read_starts(
    cell: Cell, starts: ArrayLike | None, inputs: ArrayLike | None, seed: int | None
) -> tuple[Array, Driven]:
    """Return starts, (n, S), drawn if there are none, and the cell with its inputs."""
    if seed is not None:
        seed = validation.whole_number("seed", seed, 0, _LARGEST_SEED)
    if starts is None:
        driven = Driven.of(cell, inputs, 1)
        first = None if driven.inputs is None else driven.inputs[0, 0]
        return states_within(driven.cell, first, N_STATES, seed), driven
    size = getattr(cell, "state_size", 0), getattr(cell, "hidden_size", 0)
    if not all(size):
        Driven.of(cell, None, 1)  # it is no cell, and says so
    states = validation.rows("starts", starts, size[0], cell.dtype, size[1]).astype(np.float64)
    return states, Driven.of(cell, inputs, len(states))


def states_within(cell: Cell, x: Array | None, n: int, seed: int | None) -> Array:
    """Return n states whose outputs are drawn uniformly from the box at an input, (D,).

    Where the box has no faces, they are normal within it; what else a state has, such as an LSTM's
    c, is at its equilibrium.
    """
    rng = np.random.default_rng(seed)
    given = None if x is None else x.astype(cell.dtype)
    box = cell.box_at(given)
    has_faces = np.isfinite(box.low) & np.isfinite(box.high)
    low, high = np.where(has_faces, box.low, 0), np.where(has_faces, box.high, 1)
    uniform = rng.uniform(low, high, (n, cell.hidden_size))
    normal = np.clip(rng.normal(size=uniform.shape), box.low, box.high)
    outputs = np.where(has_faces, uniform, normal).astype(cell.dtype)
    return cell.state_of(outputs, given).astype(np.float64)
