"""A generated sentiment language: words of graded valence among neutral ones, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from nullcline.text.corpus import Corpus, Split
from nullcline.text.vectors import WordVectors, draw_for_word

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["MARKS", "VALENCES", "generate_corpus", "generate_vectors", "punctuate"]

_WORDS = {
    -3: "awful terrible horrible dreadful atrocious abysmal unwatchable worst",
    -2: "bad poor boring stupid annoying lame dull weak",
    -1: "slow odd thin flat uneven forgettable predictable clumsy",
    0: (
        "the a an of to and in on with from about after before while then there here this that it "
        "he she they we i you was is were are has had film movie story scene actor actress "
        "director camera script music plot character ending dialogue role screen studio audience "
        "hour minute night day city house street woman man boy girl family friend war summer"
    ),
    1: "nice decent pleasant solid fair watchable neat likable",
    2: "good funny charming clever moving enjoyable fresh strong",
    3: "great superb brilliant wonderful excellent perfect masterful best",
}
MARKS = (".", "!", ",")
"""The marks between words, which are read as words."""

_CHOICES = {valence: words.split() for valence, words in _WORDS.items()}
VALENCES = {word: valence for valence, words in _CHOICES.items() for word in words}
"""The valence of each word, from -3 to 3."""

_LENGTHS = (18, 48)  # words a review; the marks come on top, 20 to 60 tokens in all
_SENTENCE = (6, 12)  # words a sentence
_LOADED_SHARE = 0.3  # of the words have a valence
_MARGIN = 2  # of two classes: the summed valence is at least this far from 0
_SPREAD = 6.8  # of the summed valence, its standard deviation, which cuts it into more grades
_MAX_GRADES = 7  # where a grade is a handful of sums wide
_NAMES = {2: ("negative", "positive")}
_VECTOR_NOISE = 0.4  # about the spread of GloVe's numbers
_VECTOR_STEP = 0.8  # along the direction of valence, a grade


def generate_corpus(
    *, n_train: int = 2_000, n_test: int = 1_000, classes: int = 2, seed: int = 0
) -> Corpus:
    """Generate reviews whose label is the sign, or the grade, of the summed valence of their words.

    Words are drawn one by one, most of them neutral, so that a network must add up the whole
    review to know the label. All classes are equally common, to within one review. Of more than
    two, the grades are cut where each takes about the same share of freely drawn reviews, between
    two sums, so that a label is free of noise.

    Parameters
    ----------
    n_train, n_test
        Reviews in each split, one or more.
    classes
        Number of grades, 2 to 7.
    seed
        Seed, from 0 on.

    Returns
    -------
    Corpus
        Reviews of 20 to 60 tokens, the test split independent of the train split.

    Raises
    ------
    ValueError
        A number of reviews is below 1, the seed is negative, or `classes` is out of its range.
    """
    for argument, count in (("n_train", n_train), ("n_test", n_test)):
        if count < 1:
            raise ValueError(f"{argument} must be 1 or more, not {count}")
    if seed < 0:
        raise ValueError(f"seed must be 0 or more, not {seed}")
    if not 2 <= classes <= _MAX_GRADES:
        raise ValueError(f"classes must be from 2 to {_MAX_GRADES}, not {classes}")
    train, test = (
        _generate_split(count, classes, np.random.default_rng([seed, part]))
        for part, count in enumerate((n_train, n_test))
    )
    names = _NAMES.get(classes, tuple(f"grade {number}" for number in range(1, classes + 1)))
    return Corpus("synthetic", train, test, names)


def _generate_split(count: int, classes: int, generator: np.random.Generator) -> Split:
    labels = generator.permutation(np.arange(count, dtype=np.int64) % classes)
    cuts = _cuts(classes)
    return Split(tuple(_review(int(label), cuts, generator) for label in labels), labels)


def _cuts(classes: int) -> NDArray[np.float64]:
    """Return the summed valences, none of them whole, that part each grade from the next."""
    shares = np.arange(1, classes) / classes
    return np.floor(_SPREAD * ndtri(shares)) + 0.5


def _review(label: int, cuts: NDArray[np.float64], generator: np.random.Generator) -> str:
    if len(cuts) == 1:
        valences = _draw_valences(generator, _MARGIN)
        if (valences.sum() > 0) != label:
            valences = -valences
    else:
        valences = _draw_valences(generator, 0)
        while np.searchsorted(cuts, valences.sum()) != label:
            valences = _draw_valences(generator, 0)
    words = []
    for valence, place in zip(valences.tolist(), generator.random(len(valences)), strict=True):
        choices = _CHOICES[valence]
        words.append(choices[int(place * len(choices))])
    return punctuate(words, generator)


def _draw_valences(generator: np.random.Generator, margin: int) -> NDArray[np.int64]:
    """Draw the valence of each word until their sum keeps the margin."""
    graded = np.array([valence for valence in _WORDS if valence])
    length = generator.integers(*_LENGTHS, endpoint=True)
    while True:
        loaded = generator.random(length) < _LOADED_SHARE
        valences = np.where(loaded, generator.choice(graded, length), 0)
        if abs(valences.sum()) >= margin:
            return valences


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


def generate_vectors(words: Iterable[str], *, dimension: int = 100, seed: int = 0) -> WordVectors:
    """Generate vectors for the words of the language: valence along one direction, and noise.

    Parameters
    ----------
    words
        Any words; those that the language does not have get no vector.
    dimension
        How many numbers a vector has, one or more.
    seed
        Seed, from 0 on. A word's vector depends on the word and the seed alone.

    Returns
    -------
    WordVectors

    Raises
    ------
    ValueError
        `dimension` is below 1, or the seed is negative.
    """
    if dimension < 1:
        raise ValueError(f"dimension must be 1 or more, not {dimension}")
    if seed < 0:
        raise ValueError(f"seed must be 0 or more, not {seed}")
    valences = VALENCES | dict.fromkeys(MARKS, 0)
    known = [word for word in dict.fromkeys(words) if word in valences]
    direction = draw_for_word("", dimension, seed)
    direction /= np.linalg.norm(direction)
    vectors = np.empty((len(known), dimension), dtype=np.float32)
    for row, word in enumerate(known):
        noise = _VECTOR_NOISE * draw_for_word(word, dimension, seed)
        vectors[row] = noise + _VECTOR_STEP * valences[word] * direction
    return WordVectors(tuple(known), vectors)
