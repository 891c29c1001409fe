"""The language of modifiers: labels follow from modulated valences, and counts do not tell them."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from nullcline.text import Vocabulary, load_corpus, load_vectors_for_corpus, tokenize
from nullcline.text.synthetic import VALENCES
from nullcline.text.synthetic_context import (
    FACTORS,
    REACH,
    best_bag_of_words_accuracy,
    generate_context_corpus,
    generate_context_vectors,
    modulated_valences,
)

WORDS = ["not", "good", "film", "bad", "superb", "the", "very", "not", "great"]


def summed(text: str) -> float:
    """Add a review up as one reads it, word by word."""
    words, total = tokenize(text), 0.0
    for place, word in enumerate(words):
        value = float(VALENCES.get(word, 0))
        for before in words[max(place - REACH, 0) : place]:
            value *= FACTORS.get(before, 1.0)
        total += value
    return total


def test_labels_are_the_signs_of_modulated_sums() -> None:
    corpus = load_corpus("synthetic-context")
    for split, size in ((corpus.train, 8_000), (corpus.test, 2_000)):
        assert len(split) == size
        assert split.labels.sum() == size // 2
        for text, label in zip(split.texts[:1_000], split.labels, strict=False):
            assert 9 <= len(tokenize(text)) <= 25
            assert summed(text) != 0
            assert (summed(text) > 0) == label


def test_modifiers_act_on_the_next_words_and_compose() -> None:
    found = modulated_valences(WORDS)
    np.testing.assert_array_equal(found, [0, -2, 0, 2, 3, 0, 0, 0, -6])
    assert modulated_valences(["never", "not", "good"])[2] == 2
    assert len(modulated_valences([])) == 0
    np.testing.assert_array_equal(modulated_valences(["good"]), [2])


def test_the_seed_decides() -> None:
    ours, same, other = (
        generate_context_corpus(n_train=20, n_test=10, seed=seed) for seed in (1, 1, 2)
    )
    assert ours.train.texts == same.train.texts
    assert ours.train.texts != other.train.texts
    assert not set(ours.train.texts) & set(ours.test.texts)


def test_no_bag_of_words_is_better_than_all_orders_allow() -> None:
    texts = ["Not good bad.", "Superb the not bad.", "Good film.", "Very awful good not."]
    exact = []
    for text in texts:
        signs = np.array([np.sign(summed(" ".join(o))) for o in permutations(tokenize(text)[:-1])])
        positive = (signs[signs != 0] > 0).mean()
        exact.append(max(positive, 1 - positive))
    lower, upper = best_bag_of_words_accuracy(texts, n_orders=4_000)
    assert lower - 0.01 <= np.mean(exact) <= upper + 0.01
    assert upper - lower < 0.02


def test_counts_tell_three_quarters_of_labels_at_most() -> None:
    corpus = load_corpus("synthetic-context")
    lower, upper = best_bag_of_words_accuracy(corpus.test.texts[:500])
    assert 0.69 < lower <= upper < 0.77


def test_vectors_tell_negators_from_intensifiers() -> None:
    corpus = generate_context_corpus(n_train=300, n_test=1)
    vocabulary = Vocabulary.build(map(tokenize, corpus.train.texts))
    vectors = load_vectors_for_corpus("synthetic-context", vocabulary.words, dimension=50)
    assert set(vectors.words) == set(vocabulary.words[2:])
    cosines = []
    for seed in range(20):  # of one seed's, noise hides what kinds share
        drawn = generate_context_vectors(["not", "never", "very", "film"], dimension=50, seed=seed)
        unit = drawn.vectors[[list(drawn.words).index(w) for w in ("not", "never", "very", "film")]]
        unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)
        cosines.append(unit[0] @ unit[1:].T)
    same, other, neutral = np.mean(cosines, axis=0)
    assert same > 0.15
    assert max(abs(other), abs(neutral)) < 0.1
    of = dict(zip(vectors.words, vectors.vectors, strict=True))
    reordered = generate_context_vectors(["not", "good"], dimension=50)
    np.testing.assert_array_equal(reordered.vectors[list(reordered.words).index("not")], of["not"])


def test_bad_arguments_are_named() -> None:
    for arguments, message in (
        ({"n_train": 0}, "n_train must lie between 1"),
        ({"n_test": -1}, "n_test must lie between 1"),
        ({"seed": -1}, "seed must lie between 0"),
    ):
        with pytest.raises(ValueError, match=message):
            generate_context_corpus(**arguments)
    with pytest.raises(ValueError, match="classes must be 2 for synthetic-context, not 3"):
        load_corpus("synthetic-context", classes=3)
    with pytest.raises(ValueError, match="texts must hold at least one"):
        best_bag_of_words_accuracy([])
    with pytest.raises(ValueError, match="n_orders must lie between 2"):
        best_bag_of_words_accuracy(["Good."], n_orders=1)
