"""What is said of one text: every number of an explanation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nullcline.explanation.changed_words import telling

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nullcline.explanation.changed_words import WordChange
    from nullcline.explanation.passages import Passage
    from nullcline.explanation.turning import Turn


@dataclass(frozen=True, eq=False)
class LayerPath:
    """A text's path through one layer.

    Attributes
    ----------
    number
        Number of the layer, from 1.
    path
        The state before the first word and after every word in the plane, shape (T + 1, 2).
    plane
        What the plane is of: "visited states", or "this path" where no others are at hand.
    explained
        Share of their variance along each axis, shape (2,).
    cloud, cloud_labels
        Visited states in the plane, (m, 2), and their texts' labels, (m,); empty without.
    points
        The layer's fixed and slow points with zero input, in the plane, shape (p, 2).
    kinds, counts, time_constants
        Of each point, shape (p,): "fixed", "slow" or "minimum"; how many starts of the search ended
        there; the time constant of its slowest mode in steps, NaN where unknown.
    said
        Of each point of the last layer, what the logit would be there, shape (p,); None for others.
    passages
        The points that the path passed, in this order.
    """

    number: int
    path: NDArray[np.float64]
    plane: str
    explained: NDArray[np.float64]
    cloud: NDArray[np.float64]
    cloud_labels: NDArray[np.int64]
    points: NDArray[np.float64]
    kinds: NDArray[np.str_]
    counts: NDArray[np.int64]
    time_constants: NDArray[np.float64]
    said: NDArray[np.float64] | None
    passages: tuple[Passage, ...]


@dataclass(frozen=True, eq=False)
class BagOpinion:
    """What the bag of words beside the network says of the same words.

    Attributes
    ----------
    weights
        What each word adds to the logit, shape (T,).
    logit, probability
        The logit, and the probability of the class that it speaks for.
    predicted
        The class that it favours.
    accuracy
        Share of the test texts that it classifies correctly.
    """

    weights: NDArray[np.float64]
    logit: float
    probability: float
    predicted: int
    accuracy: float


@dataclass(frozen=True, eq=False, repr=False)
class Account:
    """Why a network said what it did of one text, of which it read T words.

    ``logit = baseline + start + shares.sum()``, to `error`.

    Attributes
    ----------
    text
        The text.
    tokens
        The words as the network reads them; of a text without any, one that stands for an unknown
        word.
    places
        Where in the text each stands, ``text[start:end]``, shape (T, 2).
    known
        Whether each is in the network's vocabulary, shape (T,); all others are one and the same
        unknown word to it.
    unread
        How many words before the first of these the network does not read, since it reads the last
        `max_tokens` alone.
    classes
        What the classes are called.
    label
        The true class; None where it is not known.
    predicted
        The class that the network favours.
    target, towards, against
        What the logit speaks for: the number and the name of a class, and against what.
    logits, probabilities
        The logit, and the probability of the class `target`, before the first word and after every
        word if the text ended there, shape (T + 1,).
    verdicts
        The class that the network would favour there, shape (T + 1,).
    shares
        Each word's share of the logit, by what of it lasts to the end, shape (T,).
    at_once
        What the word would have added if the text had ended with it, shape (T,); `shares` less this
        is what later words made of it.
    start, baseline, error
        The share of the state that the network starts from; the logit of the baseline that
        everything is measured from; how far the sum is off.
    baseline_kind
        "fixed point", where the network comes to rest without words, or "trajectory", of the
        network that reads no words, where it does not (`nullcline.attribute`).
    turn
        Where the verdict turned; None where it never did.
    layers
        The path through each layer.
    changes
        What a change of one word would do: all that were tried.
    bag
        The opinion of the bag of words; None without a background.
    """

    text: str
    tokens: tuple[str, ...]
    places: NDArray[np.int64]
    known: NDArray[np.bool_]
    unread: int
    classes: tuple[str, ...]
    label: int | None
    predicted: int
    target: int
    towards: str
    against: str
    logits: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    verdicts: NDArray[np.int64]
    shares: NDArray[np.float64]
    at_once: NDArray[np.float64]
    start: float
    baseline: float
    baseline_kind: str
    error: float
    turn: Turn | None
    layers: tuple[LayerPath, ...]
    changes: tuple[WordChange, ...]
    bag: BagOpinion | None

    def __len__(self) -> int:
        return len(self.tokens)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.verdict!r}, {self.towards} {self.probabilities[-1]:.3f}, "
            f"{len(self)} words)"
        )

    @property
    def verdict(self) -> str:
        """What the class that the network favours is called."""
        return self.classes[self.predicted]

    @property
    def logit(self) -> float:
        """The logit at the end of the text."""
        return float(self.logits[-1])

    @property
    def is_right(self) -> bool | None:
        """Whether the verdict is the label; None without one."""
        return None if self.label is None else self.label == self.predicted

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know of how the text was read, in sentences."""
        said = []
        if self.places[-1, 1] == 0:
            said.append("The text has no words: the network reads one unknown word.")
        elif not self.known.any():
            said.append(
                "No word of the text is in the network's vocabulary: all are one and the same "
                "unknown word to it."
            )
        elif unknown := int(np.sum(~self.known)):
            are = "word is" if unknown == 1 else "words are"
            said.append(
                f"{unknown} {are} not in the network's vocabulary, and read as one and the same "
                "unknown word."
            )
        if self.unread:
            said.append(
                f"The network reads the last {len(self)} words alone; the {self.unread} before "
                "them are not read."
            )
        return tuple(said)

    def strongest(self, n: int = 5) -> list[int]:
        """Return the n words with the largest shares, of either sign, the largest first."""
        return [int(i) for i in np.argsort(-np.abs(self.shares), kind="stable")[:n]]

    def telling_changes(self, n: int = 8) -> list[WordChange]:
        """Return the changes that tell most: those that flip the verdict first, then by movement.

        Half of them leave a word out, as far as there are, and half put another in its place.
        """
        return telling(self.changes, n)
