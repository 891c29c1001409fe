"""What is left of a push after some steps, along the plane that states lie in and across it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nullcline._support import validation
from nullcline._support.shown import Shown
from nullcline.cells.protocol import require_cell
from nullcline.geometry.components import plane_of, states_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from nullcline._support.validation import Floats
    from nullcline.cells import Cell


LARGEST_PUSH = 1e6
"""Radii of the cloud that a push may have: none is so long in earnest."""


@dataclass(frozen=True, eq=False)
class PerturbationDecay(Shown):
    """What is left of pushes after each step, as a part of their length.

    Attributes
    ----------
    along
        Of pushes within the plane of the states' first principal components, shape (T + 1,): the
        root mean square over the states. The first entry is 1, before any step.
    across
        Of pushes orthogonal to it.
    dimension
        Dimensions of the plane.
    size
        Length of a push.
    """

    along: NDArray[np.float64]
    across: NDArray[np.float64]
    dimension: int
    size: float

    @property
    def contrast(self) -> float:
        """How many times as much is left along the plane as across it, after the last step."""
        return float(self.along[-1] / self.across[-1]) if self.across[-1] else float("inf")

    def __repr__(self) -> str:
        return (
            f"PerturbationDecay({len(self.along) - 1} steps: {self.along[-1]:.3g} of a push left "
            f"along {self.dimension} dimensions, {self.across[-1]:.3g} across)"
        )


def settle(cell: Cell, states: ArrayLike, steps: int, inputs: ArrayLike | None = None) -> Floats:
    """Return where states are after some steps of the same input.

    What decays fast is gone by then, and what is left lies near the slow manifold: on it a
    classifier's states after a text show what it holds, without its reaction to the last word.

    Parameters
    ----------
    cell
        The cell.
    states
        Shape (n, S).
    steps
        How many, 0 or more.
    inputs
        The constant input: None (zero), (D,) or a row for each state, (n, D).

    Returns
    -------
    array, shape (n, S)

    Raises
    ------
    TypeError, ValueError
        An argument has the wrong type, shape or value.
    """
    require_cell(cell)
    found = validation.rows("states", states, cell.state_size, cell.dtype, cell.hidden_size)
    x = validation.inputs("inputs", inputs, (len(found), cell.input_size), cell.dtype)
    for _ in range(validation.whole_number("steps", steps, 0)):
        found = np.asarray(cell.step(found, x))
    return found


def perturbation_decay(
    cell: Cell,
    states: ArrayLike,
    dimension: int,
    *,
    steps: int = 10,
    size: float = 0.1,
    inputs: ArrayLike | None = None,
    seed: int = 0,
) -> PerturbationDecay:
    """Push states along the plane that they lie in, and off it, and return how both pushes decay.

    ::

        ‖F^t(h + δ) - F^t(h)‖ / ‖δ‖,   t = 0 ... T

    An attractor of few dimensions takes back what pushes states off it, and keeps what moves them
    along. Nothing is linearized: pushes have a length, and each state its own.

    Parameters
    ----------
    cell
        The cell.
    states
        Shape (n, S), S at least 2.
    dimension
        Dimensions of the plane of the states' first principal components, from 1 to S - 1.
    steps
        T, 1 or more.
    size
        Length of a push, in root mean square distances of the states from their mean.
    inputs
        The constant input: None (zero), (D,) or a row for each state, (n, D).
    seed
        Seed of the pushes' directions, one in the plane and one orthogonal to it for each state.

    Returns
    -------
    PerturbationDecay

    Raises
    ------
    TypeError, ValueError
        An argument has the wrong type, shape or value, or the states do not differ in so many
        directions.
    """
    require_cell(cell)
    given = validation.rows("states", states, cell.state_size, cell.dtype, cell.hidden_size)
    array = states_of("states", given)
    if array.shape[1] == 1:
        raise ValueError("states must hold 2 numbers or more: of one no direction is across")
    dimension = validation.whole_number("dimension", dimension, 1, array.shape[1] - 1)
    steps = validation.whole_number("steps", steps, 1)
    size = validation.tolerance("size", size)
    if not 0 < size <= LARGEST_PUSH:
        raise ValueError(f"size must lie above 0 and not above {LARGEST_PUSH:g}, not be {size:g}")
    plane = plane_of(array, dimension)
    length = size * float(np.sqrt(np.sum(array.var(axis=0))))
    rng = np.random.default_rng(validation.whole_number("seed", seed, 0))
    drawn = rng.standard_normal((2, *array.shape))
    drawn[0] = drawn[0] @ plane.T @ plane
    drawn[1] -= drawn[1] @ plane.T @ plane
    drawn *= length / np.linalg.norm(drawn, axis=2, keepdims=True)
    here = given
    pushed = [(array + push).astype(given.dtype) for push in drawn]
    left = np.ones((2, steps + 1))
    for step in range(1, steps + 1):
        here = settle(cell, here, 1, inputs)
        for side in (0, 1):
            pushed[side] = settle(cell, pushed[side], 1, inputs)
            away = pushed[side].astype(np.float64) - here
            left[side, step] = np.sqrt(np.mean(np.sum(away**2, axis=1))) / length
    return PerturbationDecay(left[0], left[1], dimension, length)
