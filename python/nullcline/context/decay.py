"""For how long a context changes what words do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nullcline._native.blas import one_blas_thread
from nullcline._support import validation
from nullcline._support.shown import Shown, Table, first_rows
from nullcline.context.setting import setting_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from nullcline.cells import Cell

    Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class ContextDecay(Shown):
    """How much each of C contexts changes the effects of words, 0 to n neutral steps later.

    Attributes
    ----------
    size
        Root mean square over the words of what the context changes in their effects, after each
        number of neutral steps, shape (C, n + 1); over all readouts, where there are several.
    """

    size: Array

    @property
    def share(self) -> Array:
        """`size` as a part of what it is at once, shape (C, n + 1); NaN where that is nothing."""
        at_once = self.size[:, :1]
        return self.size / np.where(at_once > 0, at_once, np.nan)

    @property
    def half_life(self) -> Array:
        """Steps until `size` is half of what it is at once, for the first time, shape (C,).

        Between two steps it is taken to fall exponentially. Infinite where it stays above half for
        all n steps; NaN where the context changes nothing at once.
        """
        return np.array([_first_half(row) for row in self.share])

    def __len__(self) -> int:
        return len(self.size)

    def __repr__(self) -> str:
        return f"ContextDecay({len(self)} contexts, {self.size.shape[1] - 1} steps)"

    def _table(self) -> Table:
        half_life = self.half_life
        rows = [(i, self.size[i, 0], half_life[i]) for i in first_rows(len(self))]
        return Table(("context", "size at once", "half-life, steps"), rows, len(self))


@one_blas_thread()
def context_decay(
    cell: Cell,
    contexts: ArrayLike,
    embeddings: ArrayLike,
    readout: ArrayLike,
    origin: ArrayLike,
    *,
    n_steps: int = 20,
    x: ArrayLike | None = None,
    delay: int = 0,
) -> ContextDecay:
    """Return how a context's change of what words do fades while neutral inputs are read.

    After t steps of x̄ the context's state is h_mod(t) and the origin's h*(t), which stays where it
    is if it is a fixed point. What is left of the change, for a word x, is

    ::

        wᵀ [J_inp(h_mod(t), x̄) - J_inp(h*(t), x̄)] (x - x̄)

    and `size` its root mean square over the words. Modifiers of sentiment act on the next few
    words (Maheswaranathan and Sussillo, ICML 2020); what a context moves along a line attractor
    stays, and with it whatever depends on the place on the line.

    Parameters
    ----------
    cell, contexts, embeddings, readout, origin, x, delay
        As in `context_effects`.
    n_steps
        Neutral steps, 0 or more.

    Returns
    -------
    ContextDecay
        A row for each context.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, width or value, or the cell no input Jacobian.
    """
    given = setting_of(cell, contexts, embeddings, readout, origin, x)
    delay = validation.whole_number("delay", delay, 0)
    n_steps = validation.whole_number("n_steps", n_steps, 0)
    sizes = []
    for states in given.neutral_steps(np.concatenate([given.origin, given.contexts]), n_steps):
        effects = given.sensitivities(states, delay) @ given.drives.T
        sizes.append(np.sqrt(np.mean((effects[1:] - effects[0]) ** 2, axis=(1, 2))))
    return ContextDecay(np.array(sizes).T)


def _first_half(share: Array) -> float:
    if np.isnan(share[0]):
        return float("nan")
    below = np.flatnonzero(share <= 0.5)
    if not len(below):
        return float("inf")
    after = int(below[0])
    before = after - 1
    if share[after] == 0:
        return float(after)
    fall = np.log(share[before] / share[after])
    return float(before + np.log(2 * share[before]) / fall)
