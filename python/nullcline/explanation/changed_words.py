"""What a change of one word would do, by real forward passes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nullcline.text import UNK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nullcline.explanation.network import Network
    from nullcline.text import Vocabulary

COMMON = 5000
"""Words of the vocabulary, the most common ones, among which the most opposed are looked for."""


@dataclass(frozen=True)
class WordChange:
    """One word less, or another in its place.

    Attributes
    ----------
    word
        The word of the text, from 0.
    replacement
        What stands in its place; None where it is left out.
    logit
        What the logit would be.
    probability
        The probability of the class that the logit speaks for.
    predicted
        What the verdict would be.
    moved
        By how much the margin of the verdict would fall: the logit of the predicted class above
        the largest of the others.
    flips
        Whether the verdict would be another.
    """

    word: int
    replacement: str | None
    logit: float
    probability: float
    predicted: int
    moved: float
    flips: bool


def logits_without(
    network: Network,
    words: NDArray[np.int64],
    left_out: Sequence[int],
    replaced: Sequence[tuple[int, int]] = (),
) -> NDArray[np.float64]:
    """Return the logits of a text with one word left out, or another in its place.

    All changed texts are read side by side, each from where it parts from the text on: half the
    steps of reading each by itself.

    Parameters
    ----------
    network
        The network.
    words
        The text's word indices, shape (T,).
    left_out
        The words to leave out, one at a time, from 0. Without its only word a text is one unknown
        word, as a text without tokens is.
    replaced
        The words to replace, and by which word of the vocabulary.

    Returns
    -------
    (len(left_out) + len(replaced), K) array
        The logits of each class, in this order.
    """
    if len(words) == 1:
        replaced = [*((word, UNK) for word in left_out), *replaced]
        left_out = []
    changes = [*((word, None) for word in left_out), *replaced]
    order = sorted(range(len(changes)), key=lambda i: changes[i][0])
    states = network.starts(1 + len(changes))  # the first row is the text itself
    n, done = 1, 0
    for t, word in enumerate(words.tolist()):
        before = [state[:1].copy() for state in states]
        _assign(states, slice(n), network.step([state[:n] for state in states], word))
        while done < len(order) and changes[order[done]][0] == t:
            other = changes[order[done]][1]
            _assign(
                states, slice(n, n + 1), before if other is None else network.step(before, other)
            )
            n, done = n + 1, done + 1
    logits = np.empty((len(changes), len(network.bias)))
    logits[order] = network.logits(states)[1:]
    return logits


def _assign(
    states: list[NDArray[np.float64]], rows: slice, new: Sequence[NDArray[np.float64]]
) -> None:
    for state, changed in zip(states, new, strict=True):
        state[rows] = changed


def opposed_words(
    network: Network, vocabulary: Vocabulary, weights: NDArray[np.float64], n: int
) -> list[str]:
    """Return the common words that, read alone, say the least of a contrast, the least first.

    Parameters
    ----------
    network, vocabulary
        The network and its words.
    weights
        Of the last layer's outputs, shape (H,): what a word is to say little of.
    n
        How many.
    """
    common = np.arange(UNK + 1, min(len(vocabulary), UNK + 1 + COMMON))
    states = network.step(network.starts(len(common)), common)
    said = states[-1][:, : len(weights)] @ weights
    return [vocabulary.words[common[i]] for i in np.argsort(said, kind="stable")[:n]]


def telling(changes: Sequence[WordChange], n: int) -> list[WordChange]:
    """Return the n changes that tell most: those that flip the verdict first, then by movement.

    Half of them leave a word out, as far as there are, and half put another in its place, of each
    word at most one.
    """
    ranked = sorted(changes, key=lambda change: (not change.flips, -change.moved))
    without = [change for change in ranked if change.replacement is None]
    best: dict[int, WordChange] = {}
    for change in ranked:
        if change.replacement is not None:
            best.setdefault(change.word, change)
    n_without = max(n // 2, n - len(best))
    return [*without[:n_without], *list(best.values())[: n - min(n_without, len(without))]]
