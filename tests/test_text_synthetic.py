"""The generated language: labels follow from valences, and the seed decides everything."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from nullcline.text import Vocabulary, load_corpus, load_vectors_for_corpus, tokenize
from nullcline.text.synthetic import VALENCES, generate_corpus, generate_vectors


def test_labels_are_the_signs_of_summed_valences() -> None:
    corpus = load_corpus("synthetic")
    for split, size in ((corpus.train, 2_000), (corpus.test, 1_000)):
        assert len(split) == size
        assert split.labels.sum() == size // 2
        for text, label in zip(split.texts, split.labels, strict=True):
            tokens = tokenize(text)
            assert 20 <= len(tokens) <= 60
            total = sum(VALENCES.get(token, 0) for token in tokens)
            assert abs(total) >= 2
            assert (total > 0) == label


@pytest.mark.parametrize("classes", [3, 4, 7])
def test_grades_cut_the_summed_valences_without_overlap(classes: int) -> None:
    corpus = generate_corpus(n_train=70, n_test=35, classes=classes)
    assert corpus.classes == tuple(f"grade {number}" for number in range(1, classes + 1))
    totals = [
        np.array([sum(VALENCES.get(token, 0) for token in tokenize(text)) for text in split.texts])
        for split in (corpus.train, corpus.test)
    ]
    total, labels = np.concatenate(totals), np.append(corpus.train.labels, corpus.test.labels)
    for grade in range(classes - 1):
        assert total[labels == grade].max() < total[labels == grade + 1].min()
    assert np.ptp(np.bincount(corpus.train.labels)) <= 1


def test_the_language_is_closed_and_mixed() -> None:
    corpus = generate_corpus(n_train=300, n_test=1)
    tokens = Counter(token for text in corpus.train.texts for token in tokenize(text))
    assert tokens.keys() <= VALENCES.keys() | {".", "!", ","}
    loaded = sum(count for token, count in tokens.items() if VALENCES.get(token))
    assert 0.2 < loaded / tokens.total() < 0.4


def test_the_seed_decides() -> None:
    ours, same, other = (generate_corpus(n_train=20, n_test=10, seed=seed) for seed in (1, 1, 2))
    assert ours.train.texts == same.train.texts
    assert ours.test.texts == same.test.texts
    np.testing.assert_array_equal(ours.train.labels, same.train.labels)
    assert ours.train.texts != other.train.texts
    assert not set(ours.train.texts) & set(ours.test.texts)
    longer = generate_corpus(n_train=30, n_test=10, seed=1)
    assert longer.test.texts == ours.test.texts


def test_vectors_carry_the_valence() -> None:
    corpus = load_corpus("synthetic")
    vocabulary = Vocabulary.build(map(tokenize, corpus.train.texts))
    vectors = load_vectors_for_corpus("synthetic", vocabulary.words, dimension=100)
    assert set(vectors.words) == set(vocabulary.words[2:])
    valences = np.array([VALENCES.get(word, 0) for word in vectors.words])
    centred = vectors.vectors - vectors.vectors.mean(axis=0)
    direction = valences @ centred
    projected = centred @ direction / np.linalg.norm(direction)
    assert np.corrcoef(projected, valences)[0, 1] > 0.9
    reordered = generate_vectors(vocabulary.words[::-1])
    np.testing.assert_array_equal(reordered.vectors[::-1], vectors.vectors)


def test_bad_arguments_are_named() -> None:
    for arguments, message in (
        ({"n_train": 0}, "n_train must lie between 1"),
        ({"n_test": -1}, "n_test must lie between 1"),
        ({"seed": -1}, "seed must lie between 0"),
        ({"classes": 1}, "classes must be from 2 to 7"),
    ):
        with pytest.raises(ValueError, match=message):
            generate_corpus(**arguments)
    with pytest.raises(TypeError, match=r"n_test must be an integer, not 2\.5"):
        generate_corpus(n_test=2.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="dimension must lie between 1"):
        generate_vectors(["good"], dimension=0)
    with pytest.raises(ValueError, match="seed must lie between 0"):
        generate_vectors(["good"], seed=-1)
