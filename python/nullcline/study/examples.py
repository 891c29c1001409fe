"""Two reviews of a corpus, in its own language, whose paths the figures show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nullcline.text import tokenize
from nullcline.text.synthetic import VALENCES

if TYPE_CHECKING:
    from nullcline.text import Corpus

LENGTHS = (12, 36)
"""Tokens of an example: long enough to go somewhere, short enough to be read in a figure."""


@dataclass(frozen=True)
class Example:
    """A review that is shown: its text, its class, and where it is from."""

    text: str
    label: int
    origin: str


OF_THE_LANGUAGE = (
    "There was a nice city in this film, and a funny boy. The script was awful, the music boring "
    "and the ending terrible, a dull and stupid hour.",
    "The story was slow and the dialogue flat. Then the actress was superb in a charming scene, "
    "and the ending was great and moving.",
)
"""Of the generated language, one that begins well and ends badly, and one the other way round."""

OF_IMDB = (
    "First of all I hate those moronic rappers, who couldn't act if they had a gun pressed "
    "against their foreheads. All they do is curse and shoot each other and acting like "
    "cliché'e version of gangsters.",
    "It is by far one of the best comic book adaptations ever. "
    "I liked this one even more than X-men.",
)
"""The paper's two, each from a test review."""


def examples_of(corpus: Corpus) -> tuple[Example, ...]:
    """Return a review of the last class and one of the first, as far as the corpus has them.

    Those of the generated language are made of its words, and those of IMDB are the paper's. Of any
    other corpus they are the first test reviews of 12 to 36 tokens, whatever a network says of
    them; if none is of that length, the first of all.
    """
    classes = (len(corpus.classes) - 1, 0)
    if corpus.name == "synthetic":
        return tuple(_of_the_language(OF_THE_LANGUAGE[label > 0], label) for label in classes)
    if corpus.name == "imdb":
        return tuple(
            Example(OF_IMDB[label > 0], label, "from a test review of IMDB, as in the paper")
            for label in classes
        )
    found = (_first_of(corpus, label) for label in classes)
    return tuple(example for example in found if example is not None)


def summed_valence(text: str) -> int:
    """Return the sum of the valences of a text's words in the generated language."""
    return sum(VALENCES.get(word, 0) for word in tokenize(text))


def _of_the_language(text: str, label: int) -> Example:
    return Example(
        text,
        label,
        f"made of the language's words, whose valences add up to {summed_valence(text):+}".replace(
            "-", "−"
        ),
    )


def _first_of(corpus: Corpus, label: int) -> Example | None:
    rows = np.flatnonzero(corpus.test.labels == label)
    if len(rows) == 0:
        return None
    shortest, longest = LENGTHS
    fitting = (row for row in rows if shortest <= len(tokenize(corpus.test.texts[row])) <= longest)
    row = next(fitting, rows[0])
    return Example(corpus.test.texts[row], label, f"review {row + 1} of the test reviews")
