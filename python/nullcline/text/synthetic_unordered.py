"""A generated language of topics: classes without an order, each with words of its own.

After the categorical data of Aitken et al. (ICLR 2021): every word is evidence of one class, or of
none, and a text is of the class that most of its words are of. What a network must remember is by
how many words each class leads: one number fewer than there are classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline.text.evidence import Language

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["UNORDERED"]

_TOPICS = {
    "politics": "senate treaty minister election parliament vote embassy border",
    "sports": "goal match coach league striker stadium medal referee",
    "business": "market shares profit merger bank invoice dividend retail",
    "science": "laboratory molecule telescope theory genome neuron orbit enzyme",
    "music": "melody guitar orchestra singer chorus violin rhythm album",
    "food": "recipe bread butter oven spice soup vinegar dessert",
    "travel": "airport hotel island luggage passport harbour train beach",
    "health": "doctor vaccine nurse hospital symptom surgery therapy fever",
}
_WORDS = {topic: words.split() for topic, words in _TOPICS.items()}
_NAMES = tuple(_TOPICS)


def _label(sums: NDArray[np.int64], classes: int) -> int | None:
    """Return the class of most words; None where two have as many."""
    counts = sums[:classes]
    leading = int(counts.argmax())
    return leading if int(np.sum(counts == counts[leading])) == 1 else None


def _words(classes: int) -> tuple[str, ...]:
    return tuple(word for topic in _NAMES[:classes] for word in _WORDS[topic])


UNORDERED = Language(
    name="synthetic-unordered",
    evidence={
        word: tuple(int(other == topic) for other in _NAMES)
        for topic, words in _WORDS.items()
        for word in words
    },
    most_classes=len(_TOPICS),
    class_names=lambda classes: _NAMES[:classes],
    label=_label,
    words=_words,
)
"""The language; the numbers of a word say which of the topics it is of."""
