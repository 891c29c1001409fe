"""Of which cells the indices of all fixed points sum to 1, and of which nothing is known.

Let n be the reduced map, continuous, and B a box that n takes into itself. With c in the interior
of B the homotopy h - (1 - t) c - t n(h) has no zero on the faces of B while t < 1, so that the
degree of I - n over (a box a little larger than) B is that of I - c: 1. If all fixed points are
regular, it is the sum of their indices. They are finite in number then, and odd.

A compiled cell's n takes all states into its `box`: tanh, logistic and hard tanh are bounded, and
so are the gates' products with them. That of a stack takes them into the boxes of its layers side
by side, each at the inputs that the box below holds. A function is taken at its word, that states
within its bounds stay there, unless states drawn at random leave them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline.cells.protocol import HasCoreWeights, Layered

if TYPE_CHECKING:
    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell

N_TRIED = 64
"""States within a function's bounds that are stepped, half of them corners."""

UNBOUNDED = (
    "its outputs are not bounded, as those of ReLU are not, so that nothing is known of the sum of "
    "the indices"
)
NO_BOUNDS = (
    "the function was given no bounds: from_function(..., bounds=...) says which its states keep to"
)
LEAVES = "the function takes states out of the bounds that it was given"


def why_no_degree(cell: Cell, x: Floats | None = None) -> str | None:
    """Return why nothing is known of the sum of a cell's indices; None where it is 1.

    Parameters
    ----------
    cell
        The cell.
    x
        The input, shape (D,); None for zero input.
    """
    box = cell.box_at(x)
    is_function = not isinstance(cell, HasCoreWeights | Layered)
    if not (np.isfinite(box.low).all() and np.isfinite(box.high).all()):
        return NO_BOUNDS if is_function else UNBOUNDED
    return LEAVES if is_function and _leaves_box(cell, x) else None


def _leaves_box(cell: Cell, x: Floats | None) -> bool:
    """Tell whether a step from some states of a box, the same each time, leaves it."""
    box, rng = cell.box_at(x), np.random.default_rng(0)
    within = rng.uniform(size=(N_TRIED, len(box.low)))
    within[: N_TRIED // 2] = np.round(within[: N_TRIED // 2])
    states = (box.low + within * (box.high - box.low)).astype(cell.dtype)
    following = cell.outputs_of(cell.step(states, x))
    width = float(np.max(box.high - box.low))
    return bool((box.room(following) < -64 * np.finfo(cell.dtype).eps * width).any())
