"""A generated sentiment language: words of graded valence among neutral ones, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline.text.generated import (
    LENGTHS,
    MARKS,
    cuts_of_sums,
    generate_texts,
    generate_word_vectors,
    grade_names,
    punctuate,
    require_classes,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from nullcline.text.corpus import Corpus
    from nullcline.text.vectors import WordVectors

__all__ = ["VALENCES", "generate_corpus", "generate_vectors"]

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
_CHOICES = {valence: words.split() for valence, words in _WORDS.items()}
VALENCES = {word: valence for valence, words in _CHOICES.items() for word in words}
"""The valence of each word, from -3 to 3."""

_LOADED_SHARE = 0.3  # of the words have a valence
_MARGIN = 2  # of two classes: the summed valence is at least this far from 0
_SPREAD = 6.8  # of the summed valence, its standard deviation, which cuts it into more grades
_MAX_GRADES = 7  # where a grade is a handful of sums wide
_VECTOR_STEP = 0.8  # along the direction of valence, a grade

DIRECTION = ""
"""What the direction of valence in word vectors is drawn for."""

STEPS = {word: (_VECTOR_STEP * valence,) for word, valence in VALENCES.items()} | dict.fromkeys(
    MARKS, (0.0,)
)
"""How far the vector of each word is along it."""


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
    TypeError, ValueError
        A number of reviews is no whole number from 1 on, the seed none from 0 on, or `classes` is
        out of its range.
    """
    require_classes(classes, _MAX_GRADES)
    cuts = _cuts(classes)
    return generate_texts(
        "synthetic",
        grade_names(classes),
        lambda label, generator: _review(label, cuts, generator),
        n_train=n_train,
        n_test=n_test,
        seed=seed,
    )


def _cuts(classes: int) -> NDArray[np.float64]:
    """Return the summed valences, none of them whole, that part each grade from the next."""
    return cuts_of_sums(np.arange(1, classes) / classes, _SPREAD)


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
    length = generator.integers(*LENGTHS, endpoint=True)
    while True:
        loaded = generator.random(length) < _LOADED_SHARE
        valences = np.where(loaded, generator.choice(graded, length), 0)
        if abs(valences.sum()) >= margin:
            return valences


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
    TypeError, ValueError
        `dimension` is no whole number from 1 on, or the seed none from 0 on.
    """
    return generate_word_vectors(words, STEPS, [DIRECTION], dimension=dimension, seed=seed)
