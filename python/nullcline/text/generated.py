"""What generated languages share: how texts, grades and vectors are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from nullcline._support.validation import whole_number
from nullcline.text.corpus import Corpus, Split
from nullcline.text.vectors import LARGEST_SEED, WordVectors, draw_for_word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

LENGTHS = (18, 48)
"""The fewest and the most words of a text; the marks come on top, 20 to 60 tokens in all."""

MARKS = (".", "!", ",")
"""The marks between words, which are read as words."""

_SENTENCE = (6, 12)  # words a sentence
_VECTOR_NOISE = 0.4  # about the spread of GloVe's numbers


def generate_texts(
    name: str,
    classes: tuple[str, ...],
    text_of: Callable[[int, np.random.Generator], str],
    *,
    n_train: int,
    n_test: int,
    seed: int,
    stream: tuple[int, ...] = (),
) -> Corpus:
    """Generate a corpus whose classes are equally common in each split, to within one text.

    Parameters
    ----------
    name, classes
        What it and its classes are called.
    text_of
        Draws a text of a class.
    n_train, n_test
        Texts in each split, one or more.
    seed
        Seed, from 0 on.
    stream
        Numbers that tell its draws from those of other languages with the same seed.

    Returns
    -------
    Corpus
        The test split is independent of the train split.

    Raises
    ------
    TypeError, ValueError
        A number of texts is no whole number from 1 on, or the seed none from 0 on.
    """
    sizes = whole_number("n_train", n_train, 1), whole_number("n_test", n_test, 1)
    whole_number("seed", seed, 0, LARGEST_SEED)

    def split(part: int) -> Split:
        generator = np.random.default_rng([seed, part, *stream])
        labels = generator.permutation(np.arange(sizes[part], dtype=np.int64) % len(classes))
        return Split(tuple(text_of(label, generator) for label in labels.tolist()), labels)

    return Corpus(name, split(0), split(1), classes)


def require_classes(classes: int, most: int) -> None:
    """Raise ValueError unless a language of up to `most` classes can have so many."""
    if not 2 <= classes <= most:
        raise ValueError(f"classes must be from 2 to {most}, not {classes}")


def grade_names(classes: int) -> tuple[str, ...]:
    """Return what grades are called, from the lowest on."""
    if classes == 2:
        return ("negative", "positive")
    return tuple(f"grade {number}" for number in range(1, classes + 1))


def cuts_of_sums(shares: NDArray[np.float64], spread: float) -> NDArray[np.float64]:
    """Return numbers, none of them whole, below which given shares of sums of whole numbers are.

    Sums are taken to be normal around 0, with the standard deviation `spread`.
    """
    return np.floor(spread * ndtri(shares)) + 0.5


def punctuate(words: list[str], generator: np.random.Generator) -> str:
    """Return words cut into sentences; the long ones have a comma in the middle."""
    shortest, longest = _SENTENCE
    sentences = []
    while words:
        length = int(generator.integers(shortest, longest, endpoint=True))
        if len(words) - length < shortest:
            length = len(words)
        sentence, words = words[:length], words[length:]
        if length > longest:
            sentence[length // 2] += ","
        mark = "!" if generator.random() < 0.2 else "."
        sentences.append(" ".join(sentence).capitalize() + mark)
    return " ".join(sentences)


def generate_word_vectors(
    words: Iterable[str],
    steps: Mapping[str, Sequence[float]],
    directions: Sequence[str],
    *,
    dimension: int,
    seed: int,
) -> WordVectors:
    """Generate vectors of noise and of steps along directions, which are drawn at random.

    Parameters
    ----------
    words, dimension, seed
        As in `nullcline.text.synthetic.generate_vectors`, which raises what this does.
    steps
        How far each word of a language is along each direction; other words get no vector.
    directions
        What each is called: it is drawn by its name, as noise is by its word.
    """
    whole_number("dimension", dimension, 1)
    whole_number("seed", seed, 0, LARGEST_SEED)
    known = tuple(word for word in dict.fromkeys(words) if word in steps)
    noise, along = (
        np.array([draw_for_word(name, dimension, seed) for name in names]).reshape(-1, dimension)
        for names in (known, directions)
    )
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    lengths = np.array([steps[word] for word in known], np.float64).reshape(-1, len(directions))
    vectors = _VECTOR_NOISE * noise + lengths @ along
    return WordVectors(known, vectors.astype(np.float32))
