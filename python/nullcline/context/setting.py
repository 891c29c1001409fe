"""What every measure of a context is asked of: states, words, readouts, and the input between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nullcline._support import validation
from nullcline.cells import require_cell
from nullcline.cells.protocol import Layered
from nullcline.linearization.readout import readout_vector

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from nullcline._support.validation import Floats
    from nullcline.cells import Cell

    Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Setting:
    """Arguments, checked.

    Parameters
    ----------
    cell
        The cell.
    origin, contexts
        States in the cell's type, (1, S) and (C, S).
    words
        Inputs in the cell's type, (V, D).
    neutral
        The input that stands for no word, (1, D).
    readouts
        In float64, (K, S).
    is_single
        Whether there was one readout, given as a vector.
    """

    cell: Cell
    origin: Floats
    contexts: Floats
    words: Floats
    neutral: Floats
    readouts: Array
    is_single: bool

    @property
    def drives(self) -> Array:
        """How far each word is from the neutral input, (V, D)."""
        return self.words.astype(np.float64) - self.neutral

    def neutral_steps(self, states: Floats, n_steps: int) -> list[Floats]:
        """Return states (n, S) and where they are after each of so many neutral steps."""
        path = [states]
        for _ in range(n_steps):
            path.append(self.cell.step(path[-1], self.neutral))
        return path

    def read(self, states: Floats) -> Array:
        """Return the readouts of states (n, S), shape (n, K)."""
        seen: Array = states.astype(np.float64) @ self.readouts.T
        return seen

    def sensitivities(self, states: Floats, delay: int) -> Array:
        """Return the derivative of the readouts by the input that is read at states (n, S).

        Of the readouts `delay` neutral steps after that input, whose value is the neutral one:
        shape (n, K, D).
        """
        path = self.neutral_steps(states, delay)
        n, k = len(states), len(self.readouts)
        found = np.empty((n, k, self.cell.input_size))
        for i, readout in enumerate(self.readouts):
            covectors = np.tile(readout, (n, 1)).astype(self.cell.dtype)
            for after in reversed(path[1:]):
                covectors = self.cell.vjp(after, self.neutral, covectors)
            found[:, i] = self.cell.input_vjp(states, self.neutral, covectors)
        return found


def setting_of(
    cell: Cell,
    contexts: ArrayLike,
    embeddings: ArrayLike,
    readout: ArrayLike,
    origin: ArrayLike,
    x: ArrayLike | None,
) -> Setting:
    """Check what a measure is given.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or value; the message names it.
    """
    require_sequential(cell)
    states = validation.rows("contexts", contexts, cell.state_size, cell.dtype, cell.hidden_size)
    if not len(states):
        raise ValueError("contexts must hold at least one state, such as that after a modifier")
    start = validation.floats("origin", origin, cell.dtype)
    if start.shape != (cell.state_size,):
        raise ValueError(
            f"origin must be one state, of shape ({cell.state_size},), not {start.shape}"
        )
    words = validation.rows("embeddings", embeddings, cell.input_size, cell.dtype)
    if not len(words):
        raise ValueError("embeddings must hold at least one word")
    given = validation.inputs("x", x, (1, cell.input_size), cell.dtype)
    neutral = np.zeros((1, cell.input_size), cell.dtype) if given is None else given
    readouts, is_single = _readouts(cell, readout)
    return Setting(cell, start[None], states, words, neutral, readouts, is_single)


def require_sequential(cell: Cell) -> None:
    """Raise unless a cell can be stepped in time and be differentiated by its input."""
    require_cell(cell)
    if cell.input_size == 0:
        raise ValueError("cell must read an input: nothing changes what it does to one of width 0")
    if isinstance(cell, Layered) and cell.has_directions:
        raise ValueError(
            "cell must go through time one way: a context lies before a word for the forward "
            "direction alone; pass that cell, pair.forward"
        )


def _readouts(cell: Cell, readout: ArrayLike) -> tuple[Array, bool]:
    given = validation.floats("readout", readout)
    if given.ndim == 2 and len(given):
        return np.array([readout_vector(cell, row) for row in given]), False
    return readout_vector(cell, given)[None], True
