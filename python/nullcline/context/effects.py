"""What words do to a readout after a context, beside what they do without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nullcline._native.blas import one_blas_thread
from nullcline._support import validation
from nullcline._support.row_numbers import row_numbers
from nullcline._support.shown import Shown, Table, first_rows
from nullcline.context.setting import setting_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from nullcline._support.row_numbers import Rows
    from nullcline._support.validation import Floats
    from nullcline.cells import Cell
    from nullcline.context.setting import Setting

    Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class ContextEffects(Shown):
    """What each of V words does to a readout, without a context and after each of C contexts.

    With K readouts, given as rows, arrays have an axis K before that of the words.

    Attributes
    ----------
    plain, modified
        wᵀ J_inp (x - x̄) at the origin, shape (V,), and at each context, shape (C, V): the linear
        formula.
    exact_plain, exact_modified
        What the word changes in the readout when the network reads it, shapes (V,) and (C, V).
    delay
        Neutral steps between the word and the readout.
    """

    plain: Array
    modified: Array
    exact_plain: Array
    exact_modified: Array
    delay: int

    @property
    def change(self) -> Array:
        """What each context changes in the words' effects, shape (C, V): the linear formula."""
        return self.modified - self.plain

    @property
    def exact_change(self) -> Array:
        """The same when the network reads context and word, without what the context does itself.

        Shape (C, V): (word after context - context alone) - (word alone - neither).
        """
        return self.exact_modified - self.exact_plain

    @property
    def size(self) -> Array:
        """The root mean square of `change` over the words, shape (C,)."""
        return _rms(self.change)

    @property
    def exact_size(self) -> Array:
        """The root mean square of `exact_change` over the words, shape (C,)."""
        return _rms(self.exact_change)

    @property
    def r2(self) -> Array:
        """How much of `exact_change` the linear formula explains, R² over the words, shape (C,).

        1 - Σ(exact - linear)² / Σ exact²; NaN where the context changes nothing.
        """
        error, total = _rms(self.exact_change - self.change), self.exact_size
        return 1 - (error / np.where(total > 0, total, np.nan)) ** 2

    def slopes(self, words: Rows = slice(None), *, exact: bool = False) -> Array:
        """Return by which factor each context multiplies the effects of words, shape (C,).

        The least squares fit of modified = slope · plain: below 0 the context flips what the words
        say, between 0 and 1 it weakens and above 1 it strengthens it.

        Parameters
        ----------
        words
            Which words: a mask (V,), row numbers or a slice. All by default.
        exact
            Whether the slope is of `exact_modified` on `exact_plain`.

        Returns
        -------
        numpy.ndarray
            NaN where the words do nothing without the context.

        Raises
        ------
        TypeError, ValueError
            If `words` are no rows, or none.
        """
        rows = row_numbers(words, len(self))
        if not len(rows):
            raise ValueError("words must choose at least one word")
        plain = (self.exact_plain if exact else self.plain)[..., rows]
        modified = (self.exact_modified if exact else self.modified)[..., rows]
        with np.errstate(invalid="ignore", divide="ignore"):
            slopes: Array = (plain * modified).sum(axis=-1) / (plain**2).sum(axis=-1)
        return slopes

    def __len__(self) -> int:
        return int(self.plain.shape[-1])

    def __repr__(self) -> str:
        later = f", {self.delay} steps later" if self.delay else ""
        return f"ContextEffects({len(self)} words after {len(self.modified)} contexts{later})"

    def _table(self) -> Table:
        shown = first_rows(len(self.modified))
        slopes, exact = self.slopes(), self.slopes(exact=True)
        rows = [(i, *(str(np.round(column[i], 3)) for column in (slopes, exact))) for i in shown]
        return Table(("context", "slope", "slope, exact"), rows, len(self.modified))


@one_blas_thread()
def context_effects(
    cell: Cell,
    contexts: ArrayLike,
    embeddings: ArrayLike,
    readout: ArrayLike,
    origin: ArrayLike,
    *,
    x: ArrayLike | None = None,
    delay: int = 0,
) -> ContextEffects:
    """Return what words do to a readout at an origin, and in other states, such as after "not".

    Near the origin h* a word x moves the readout w by wᵀ J_inp(h*, x̄) (x - x̄). A modifier moves
    the state to h_mod, where the input Jacobian is another, and so the word does

    ::

        wᵀ [J_inp(h_mod, x̄) - J_inp(h*, x̄)] (x - x̄)

    more than it does without the modifier (Maheswaranathan and Sussillo, ICML 2020). To know how
    good this linear formula is, the network itself reads the words:

    ::

        w·[F(h_mod, x) - F(h_mod, x̄)] - w·[F(h*, x) - F(h*, x̄)]

    what a word does after the modifier, less what it does without, in neither of which is what the
    modifier does itself. With a `delay` of k > 0 the readout is read after k more steps of x̄, by
    which time what does not last is gone: F stands for that step and those after it, and wᵀ J_inp
    for its derivative by the word, wᵀ J_rec(h_k) ... J_rec(h_1) J_inp(h_0), along the path of the
    neutral input.

    Parameters
    ----------
    cell
        The cell: any that has an input Jacobian, of one layer or a `Stack`.
    contexts
        States after the contexts, shape (C, S): ``cell.step(origin[None], modifier)``, say.
    embeddings
        The words, shape (V, D).
    readout
        Weights of the outputs (H,) or of the whole state (S,), or of each of K classes, (K, H) or
        (K, S). A left eigenvector, too, is such a row (of a real eigenvalue).
    origin
        The state without a context, shape (S,): a fixed point, or any other.
    x
        The neutral input x̄, shape (D,); zero by default.
    delay
        Steps of x̄ between the word and the readout, 0 or more.

    Returns
    -------
    ContextEffects
        A row for each context.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, width or value, or the cell no input Jacobian.
    """
    given = setting_of(cell, contexts, embeddings, readout, origin, x)
    delay = validation.whole_number("delay", delay, 0)
    states = np.concatenate([given.origin, given.contexts])
    linear = given.sensitivities(states, delay) @ given.drives.T
    exact = np.array([_read_words(given, state, delay) for state in states])
    if given.is_single:
        linear, exact = linear[:, 0], exact[:, 0]
    return ContextEffects(linear[0], linear[1:], exact[0], exact[1:], delay)


def _read_words(given: Setting, state: Floats, delay: int) -> Array:
    """Return what each word changes in the readouts if it is read at a state, (K, V)."""
    after = given.cell.step(np.tile(state, (len(given.words), 1)), given.words)
    without = given.cell.step(state[None], given.neutral)
    for _ in range(delay):
        after, without = (given.cell.step(each, given.neutral) for each in (after, without))
    return (given.read(after) - given.read(without)).T


def _rms(values: Array) -> Array:
    size: Array = np.sqrt(np.mean(values**2, axis=-1))
    return size
