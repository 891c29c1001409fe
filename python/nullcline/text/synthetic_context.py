"""A generated sentiment language in which some words change what the next ones say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline._support.validation import whole_number
from nullcline.text.generated import generate_texts, generate_word_vectors, grade_names
from nullcline.text.synthetic import DIRECTION, STEPS, VALENCES
from nullcline.text.tokens import tokenize

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from nullcline.text.corpus import Corpus
    from nullcline.text.vectors import WordVectors

__all__ = [
    "FACTORS",
    "INTENSIFIERS",
    "NEGATORS",
    "REACH",
    "best_bag_of_words_accuracy",
    "generate_context_corpus",
    "generate_context_vectors",
    "modulated_valences",
]

NEGATORS = ("not", "never", "hardly")
"""Words that flip the valence of the next `REACH` words."""

INTENSIFIERS = ("very", "extremely", "really")
"""Words that double it."""

FACTORS = dict.fromkeys(NEGATORS, -1.0) | dict.fromkeys(INTENSIFIERS, 2.0)
"""What each of these multiplies a valence by."""

REACH = 3
"""Words that a modifier acts on: those that come next, whatever they are."""

_LENGTHS = (8, 24)  # words a review; one mark comes on top
_SHARES = {"negators": 0.10, "intensifiers": 0.08, "valences": 0.35}  # of the words; the rest: 0
_VECTOR_STEP = 1.6  # along the direction that words of a kind share

_BY_VALENCE = {
    valence: tuple(word for word, its in VALENCES.items() if its == valence)
    for valence in sorted(set(VALENCES.values()))
}


def modulated_valences(words: Sequence[str]) -> NDArray[np.float64]:
    """Return what each word of a review adds to its sum: the known answer.

    Word t adds its valence times the factors of all modifiers among the `REACH` words before it:

    ::

        v_t Π_{j=1..3} f_{t-j}

    where f is -1 of a negator, 2 of an intensifier, and 1 of any other word. Two negators cancel.

    Parameters
    ----------
    words
        The words, in order; a word that the language does not have is neutral, and a mark at the
        end changes nothing.

    Returns
    -------
    numpy.ndarray
        One number a word.
    """
    factors = np.array([FACTORS.get(word, 1.0) for word in words])
    valences = np.array([float(VALENCES.get(word, 0)) for word in words])
    return _modulated(valences, factors)


def _modulated(valences: NDArray[np.float64], factors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return valences times the factors before them, along the last axis."""
    modulated = valences.copy()
    for back in range(1, min(REACH, valences.shape[-1] - 1) + 1):
        modulated[..., back:] *= factors[..., :-back]
    return modulated


def generate_context_corpus(*, n_train: int = 8_000, n_test: int = 2_000, seed: int = 0) -> Corpus:
    """Generate reviews whose label is the sign of the sum of their modulated valences.

    Words are drawn one by one, so that which are near each other is chance: a network must both
    add up the review and let a modifier change the next `REACH` words (`modulated_valences`). The
    sum is never 0, and so the right label is certain: the Bayes accuracy is 1. A model that sees
    which words there are and not their order cannot do as well as that, however well it is made
    (`best_bag_of_words_accuracy`). After the toy language of Maheswaranathan and Sussillo (ICML
    2020, section 4), in which "not good" is worth -1 and "very awesome" 4.

    Parameters
    ----------
    n_train, n_test
        Reviews in each split, one or more.
    seed
        Seed, from 0 on.

    Returns
    -------
    Corpus
        Reviews of 9 to 25 tokens, both classes equally common to within one review, the test split
        independent of the train split.

    Raises
    ------
    TypeError, ValueError
        A number of reviews is no whole number from 1 on, or the seed none from 0 on.
    """
    return generate_texts(
        "synthetic-context",
        grade_names(2),
        _review,
        n_train=n_train,
        n_test=n_test,
        seed=seed,
        stream=(2020,),
    )


def _review(label: int, generator: np.random.Generator) -> str:
    while True:
        words = _draw_words(int(generator.integers(*_LENGTHS, endpoint=True)), generator)
        total = modulated_valences(words).sum()
        if total != 0:
            break
    if (total > 0) != label:
        words = [_opposite(word, generator) for word in words]
    return " ".join(words).capitalize() + "."


def _draw_words(length: int, generator: np.random.Generator) -> list[str]:
    kinds = generator.choice(4, length, p=[*_SHARES.values(), 1 - sum(_SHARES.values())])
    graded = [valence for valence in _BY_VALENCE if valence]
    words = []
    for kind, place in zip(kinds.tolist(), generator.random((length, 2)), strict=True):
        of_valence = _BY_VALENCE[graded[int(place[0] * len(graded))] if kind == 2 else 0]
        choices = (NEGATORS, INTENSIFIERS, of_valence, of_valence)[kind]
        words.append(choices[int(place[1] * len(choices))])
    return words


def _opposite(word: str, generator: np.random.Generator) -> str:
    """Return a word of the opposite valence; of one that has none, the word itself."""
    valence = VALENCES.get(word, 0)
    if valence == 0:
        return word
    choices = _BY_VALENCE[-valence]
    return choices[int(generator.integers(len(choices)))]


def generate_context_vectors(
    words: Iterable[str], *, dimension: int = 100, seed: int = 0
) -> WordVectors:
    """Generate vectors for the words of the language: noise, valence, and the kind of modifier.

    Words of valence and neutral ones have those of `nullcline.text.synthetic.generate_vectors`;
    negators share a direction, and intensifiers another.

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
    steps = (
        {word: (*valence, 0.0, 0.0) for word, valence in STEPS.items()}
        | dict.fromkeys(NEGATORS, (0.0, _VECTOR_STEP, 0.0))
        | dict.fromkeys(INTENSIFIERS, (0.0, 0.0, _VECTOR_STEP))
    )
    ordered = sorted(words, key=FACTORS.__contains__)  # modifiers come last
    directions = [DIRECTION, " negators", " intensifiers"]
    return generate_word_vectors(ordered, steps, directions, dimension=dimension, seed=seed)


def best_bag_of_words_accuracy(
    texts: Sequence[str], *, n_orders: int = 200, seed: int = 0
) -> tuple[float, float]:
    """Return between which bounds the accuracy lies that no bag of words can surpass.

    Words are drawn one by one, so that all orders of a review's words are equally likely, and of
    two classes the better guess from the counts c alone is the one that more orders have:

    ::

        accuracy = E_c[max_y P(y | c)],   P(y | c) = share of orders whose sum has the sign y

    P is estimated from orders drawn at random. The class that half of them choose, judged by the
    other half, is right a little too rarely (the lower bound); judged by the same half, a little
    too often (the upper). Orders that sum to 0 are none of the language.

    Parameters
    ----------
    texts
        Reviews of the language: whose counts the mean is over.
    n_orders
        Orders drawn for each review, 2 or more.
    seed
        Seed of the draw.

    Returns
    -------
    lower, upper : float
        Each within its own sampling error.

    Raises
    ------
    TypeError, ValueError
        If there is no review, or `n_orders` or `seed` is out of its range.
    """
    whole_number("n_orders", n_orders, 2)
    generator = np.random.default_rng(whole_number("seed", seed, 0))
    if not len(texts):
        raise ValueError("texts must hold at least one review of the language")
    bounds = np.array([_sorted_out(text, n_orders // 2, generator) for text in texts])
    lower, upper = bounds.mean(axis=0)
    return float(lower), float(upper)


def _sorted_out(text: str, half: int, generator: np.random.Generator) -> tuple[float, float]:
    """Return how often the class that half of the orders choose is right: in the rest, in it."""
    words = [word for word in tokenize(text) if word != "."]
    order = generator.permuted(np.tile(np.arange(len(words)), (2 * half, 1)), axis=1)
    factors = np.array([FACTORS.get(word, 1.0) for word in words])[order]
    valences = np.array([float(VALENCES.get(word, 0)) for word in words])[order]
    signs = np.sign(_modulated(valences, factors).sum(axis=1))
    chosen, judged = (_share_positive(part) for part in (signs[:half], signs[half:]))
    guess = chosen >= 0.5
    return (judged if guess else 1 - judged), (chosen if guess else 1 - chosen)


def _share_positive(signs: NDArray[np.float64]) -> float:
    counted = signs[signs != 0]
    return float((counted > 0).mean()) if len(counted) else 0.5
