"""Where a verdict turned: the last word after which the network changed its mind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nullcline.explanation.network import margins

if TYPE_CHECKING:
    from numpy.typing import NDArray

TURNERS = 3
"""How many words are named that turned a verdict, at most."""


@dataclass(frozen=True)
class Turn:
    """The last change of a verdict.

    Attributes
    ----------
    word
        The word at which the verdict became what it is in the end, from 0.
    place
        How much of the text had then been read, in (0, 1].
    before
        The class that the network favoured one word earlier.
    words
        The words that turned it, up to `TURNERS`, the strongest first: those that moved the
        verdict's margin most between its lowest value, since the verdict was last another, and
        this word.
    changes
        How often the verdict changed in all, this time included.
    """

    word: int
    place: float
    before: int
    words: tuple[int, ...]
    changes: int


def find_turn(logits: NDArray[np.float64]) -> Turn | None:
    """Return where the verdict turned for the last time; None where it never did.

    Parameters
    ----------
    logits
        The logit of each class before the first word and after every word, shape (T + 1, K).
    """
    verdicts = logits.argmax(axis=1)
    changed = np.flatnonzero(verdicts[1:] != verdicts[:-1])
    if len(changed) == 0:
        return None
    word = int(changed[-1])  # state word + 1 is the first of the last verdict
    margin = margins(logits, int(verdicts[-1]))
    final_before = np.flatnonzero(verdicts[: word + 1] == verdicts[-1])
    begin = int(final_before[-1]) + 1 if len(final_before) else 0
    lowest = begin + int(np.argmin(margin[begin : word + 1]))
    steps = np.diff(margin[lowest : word + 2])
    strongest = np.argsort(-steps, kind="stable")[:TURNERS]
    return Turn(
        word=word,
        place=(word + 1) / (len(logits) - 1),
        before=int(verdicts[word]),
        words=tuple(lowest + int(i) for i in strongest if steps[i] > 0),
        changes=len(changed),
    )
