"""The generated languages of evidence: labels follow from sums, and the seed decides everything."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import PurePath
from typing import TYPE_CHECKING

import numpy as np
import pytest

from nullcline.text import Vocabulary, load_corpus, load_vectors_for_corpus, tokenize
from nullcline.text.evidence import NEUTRAL
from nullcline.text.generated import MARKS
from nullcline.text.synthetic_ordered import ORDERED
from nullcline.text.synthetic_unordered import UNORDERED

if TYPE_CHECKING:
    from nullcline.text.evidence import Language

LANGUAGES = pytest.mark.parametrize("language", [UNORDERED, ORDERED], ids=lambda one: one.name)


@pytest.mark.parametrize("classes", [2, 3, 5, 8])
def test_a_text_is_of_the_topic_that_most_of_its_words_are_of(classes: int) -> None:
    corpus = UNORDERED.generate(n_train=40, n_test=20, classes=classes)
    assert len(corpus.classes) == classes
    for text, label in zip(corpus.train.texts, corpus.train.labels, strict=True):
        sums = UNORDERED.sums(text)
        assert (sums[label] > np.delete(sums, label)).all()
        assert not sums[classes:].any()


@pytest.mark.parametrize("classes", [2, 3, 4, 5, 7])
def test_grades_go_from_strong_over_mild_to_strong(classes: int) -> None:
    corpus = ORDERED.generate(n_train=200, n_test=10, classes=classes)
    sums = np.array([ORDERED.sums(text) for text in corpus.train.texts])
    place = corpus.train.labels - (classes - 1) / 2
    assert (np.sign(sums[:, 0]) == np.sign(place))[place != 0].all()
    by_distance = [sums[np.abs(place) == far, 1] for far in np.unique(np.abs(place))]
    for nearer, further in pairwise(by_distance):
        assert nearer.max() < further.min()


@LANGUAGES
def test_classes_are_equally_common_and_half_of_the_words_evidence(language: Language) -> None:
    corpus = language.generate(n_train=301, n_test=50, classes=5)
    assert np.ptp(np.bincount(corpus.train.labels)) <= 1
    words = Counter(word for text in corpus.train.texts for word in tokenize(text))
    assert words.keys() <= {*language.evidence, *NEUTRAL, *MARKS}
    evidence = sum(count for word, count in words.items() if word in language.evidence)
    assert 0.4 < evidence / sum(n for word, n in words.items() if word not in MARKS) < 0.6


@LANGUAGES
def test_words_are_of_one_kind_alone(language: Language) -> None:
    assert not set(language.evidence) & {*NEUTRAL, *MARKS}
    assert len(set(language.words(2)) | set(language.words(language.most_classes))) == len(
        language.evidence
    )


@LANGUAGES
def test_the_seed_decides(language: Language) -> None:
    ours, same, other = (language.generate(n_train=20, n_test=10, seed=s) for s in (1, 1, 2))
    assert ours.train.texts == same.train.texts
    assert ours.train.texts != other.train.texts
    assert not set(ours.train.texts) & set(ours.test.texts)


@LANGUAGES
def test_vectors_carry_the_evidence(language: Language) -> None:
    corpus = language.generate(n_train=300, n_test=1, classes=4)
    vocabulary = Vocabulary.build(map(tokenize, corpus.train.texts))
    found = load_vectors_for_corpus(language.name, vocabulary.words, dimension=60, seed=3)
    assert set(found.words) == set(vocabulary.words[2:])
    zero = np.zeros(len(next(iter(language.evidence.values()))))
    numbers = np.array([language.evidence.get(word, zero) for word in found.words])
    design = np.column_stack([numbers, np.ones(len(numbers))])
    fitted = design @ np.linalg.lstsq(design, found.vectors, rcond=None)[0]
    residual = found.vectors - fitted
    assert np.linalg.matrix_rank(fitted - fitted.mean(axis=0), tol=1e-3) == np.sum(
        numbers.any(axis=0)
    )
    assert residual.std() == pytest.approx(0.4, rel=0.1)
    alone = language.vectors(found.words[:1], dimension=60, seed=3)
    np.testing.assert_array_equal(alone.vectors[0], found.vectors[0])


@LANGUAGES
def test_corpora_are_loaded_by_name(language: Language) -> None:
    corpus = load_corpus(language.name, classes=3, seed=4)
    assert corpus.name == language.name
    assert corpus.train.texts == language.generate(classes=3, seed=4).train.texts


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("SYNTHETIC", "synthetic"),
        ("synthetic_context", "synthetic-context"),
        (PurePath("Synthetic_Ordered"), "synthetic-ordered"),
    ],
)
def test_vectors_are_found_by_every_name_that_the_corpus_is(
    given: PurePath | str, name: str
) -> None:
    assert load_corpus(given).name == name
    found = load_vectors_for_corpus(given, ["the", "superb"], dimension=7)
    own = load_vectors_for_corpus(name, ["the", "superb"], dimension=7)
    np.testing.assert_array_equal(found.vectors, own.vectors)


@LANGUAGES
def test_bad_arguments_are_named(language: Language) -> None:
    most = language.most_classes
    for arguments, message in (
        ({"n_train": 0}, "n_train must lie between 1"),
        ({"seed": -1}, "seed must lie between 0"),
        ({"classes": 1}, f"classes must be from 2 to {most}"),
        ({"classes": most + 1}, f"classes must be from 2 to {most}"),
    ):
        with pytest.raises(ValueError, match=message):
            language.generate(**arguments)
    with pytest.raises(TypeError, match=r"n_test must be an integer, not 2\.5"):
        language.generate(n_test=2.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="dimension must lie between 1"):
        language.vectors(["the"], dimension=0)
    with pytest.raises(ValueError, match="classes must be"):
        load_corpus(language.name, classes=most + 1)
