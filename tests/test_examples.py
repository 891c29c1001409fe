"""The reviews that are shown are of the corpus, in its own language."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from nullcline.study.descriptions import annotate_valences, describe_corpus, name_of_corpus
from nullcline.study.examples import LENGTHS, OF_IMDB, examples_of, summed_valence
from nullcline.study.pca import Moments
from nullcline.study.states import visit_states
from nullcline.study.walks import example_walks
from nullcline.text import Corpus, Split, load_corpus, tokenize
from nullcline.text.synthetic import VALENCES, generate_corpus
from nullcline.text.zhang import LAYOUTS
from nullcline.training import train
from testing.tiny_study import SETTINGS, tiny_corpus

if TYPE_CHECKING:
    from pathlib import Path


def corpus_of(*reviews: tuple[str, int], classes: int = 2) -> Corpus:
    texts, labels = zip(*reviews, strict=True)
    split = Split(texts, np.array(labels, np.int64))
    return Corpus("own.csv", split, split, tuple(f"class {i}" for i in range(classes)))


@pytest.mark.parametrize("classes", range(2, 8))
def test_examples_of_the_language_are_of_its_words_and_of_their_class(classes: int) -> None:
    corpus = generate_corpus(n_train=400, n_test=1, classes=classes)
    valence = {
        label: [
            summed_valence(text)
            for text, own in zip(corpus.train.texts, corpus.train.labels, strict=True)
            if own == label
        ]
        for label in (0, classes - 1)
    }
    last, first = examples_of(corpus)
    assert (last.label, first.label) == (classes - 1, 0)
    for example in (last, first):
        words = [token for token in tokenize(example.text) if token.isalpha()]
        assert set(words) <= set(VALENCES)
        assert 18 <= len(words) <= 48
        assert f"{abs(summed_valence(example.text))}" in example.origin
    assert summed_valence(last.text) >= min(valence[classes - 1])
    assert summed_valence(first.text) <= max(valence[0])


def test_examples_of_other_corpora_are_their_first_test_reviews_that_are_short() -> None:
    long, short = "word " * (LENGTHS[1] + 1), "too short"
    fitting = "a review that is as long as a review should be to be read"
    corpus = corpus_of(
        (long, 2), (short, 0), (fitting, 1), (fitting + " here", 2), (fitting, 2), (short, 0),
        classes=3,
    )  # fmt: skip
    last, first = examples_of(corpus)
    assert (last.text, last.label) == (fitting + " here", 2)
    assert last.origin == "review 4 of the test reviews"
    assert (first.text, first.label) == (short, 0)  # none is longer


def test_a_class_without_a_review_has_no_example() -> None:
    assert [example.label for example in examples_of(corpus_of(("a", 1), ("b", 1)))] == [1]


@pytest.mark.skipif(
    not os.environ.get("NULLCLINE_DATA"),
    reason="set NULLCLINE_DATA to a folder with the archive of imdb",
)
def test_the_papers_examples_are_parts_of_test_reviews() -> None:
    corpus = load_corpus("imdb", progress=False)
    for label, text in enumerate(OF_IMDB):
        beginning = " ".join(tokenize(text)[-12:])
        containing = [
            own
            for review, own in zip(corpus.test.texts, corpus.test.labels, strict=True)
            if beginning in " ".join(tokenize(review))
        ]
        assert containing == [label]


@pytest.mark.parametrize("classes", [2, 3])
def test_a_walk_says_what_the_network_says(tmp_path: Path, classes: int) -> None:
    corpus = tiny_corpus(classes=classes)
    trained = train(
        corpus, replace(SETTINGS, classes=classes), tmp_path, device="cpu", progress=False
    )
    own = replace(corpus, name="own.csv", test=Split((*corpus.test.texts[:20], ""), np.append(
        corpus.test.labels[:20], 0
    )))  # fmt: skip
    visited = visit_states(trained.model(), trained.reviews(corpus), n_sample=40, seed=0)
    components = [states.moments.principal_components() for states in visited]
    examples = (*examples_of(own), replace(examples_of(own)[0], text=""))
    ((last, first, empty),) = example_walks(trained, trained.model(), components, examples)
    for walk, example in zip((last, first), examples, strict=False):
        assert walk.tokens == tuple(tokenize(example.text))
        assert (walk.label, walk.origin) == (example.label, example.origin)
        assert walk.is_right == (walk.predicted == walk.label)
    if classes == 2:
        assert last.predicted == (last.probability > 0.5)
    assert empty.projection.shape == (len(empty.tokens), 2) == (1, 2)


# Signs


def test_every_layers_first_component_points_to_the_last_class(tmp_path: Path) -> None:
    corpus = tiny_corpus()
    settings = replace(SETTINGS, layers=3, epochs=2)
    trained = train(corpus, settings, tmp_path, device="cpu", progress=False)
    for states in visit_states(trained.model(), trained.reviews(corpus), n_sample=200, seed=0):
        towards = states.towards(1)
        found = states.moments.principal_components(towards)
        along = found.project(states.sample, 1)[:, 0]
        assert along[states.sample_labels == 1].mean() > along[states.sample_labels == 0].mean()
        turned = states.moments.principal_components(-towards)
        np.testing.assert_array_equal(turned.components, -found.components)
    np.testing.assert_array_equal(states.towards(5), 0)  # no state is of that class


def test_without_a_direction_the_largest_entry_is_positive() -> None:
    moments = Moments(4)
    moments.add(np.random.default_rng(0).normal(size=(50, 4)))
    for towards in (None, np.zeros(4)):
        components = moments.principal_components(towards).components
        largest = np.abs(components).argmax(axis=1)
        assert (components[np.arange(4), largest] > 0).all()


# What is said of a corpus


def test_the_language_is_described_with_an_example() -> None:
    said = describe_corpus("synthetic", ("negative", "positive"))
    assert "of 113 words" in said
    assert "three marks of punctuation" in said
    assert said.count(". ") <= 3  # two sentences, and those of the example
    assert "superb (+3) in a charming (+2) scene" in said
    assert said.endswith("adds up to +8 and is positive.")
    assert "5 grades" in describe_corpus("synthetic", tuple("abcde"))
    assert annotate_valences("An awful film.") == "An awful (−3) film."


@pytest.mark.parametrize("corpus", ["synthetic-context", "imdb", "sst", *LAYOUTS, "own.csv"])
def test_every_corpus_is_described(corpus: str) -> None:
    said = describe_corpus(corpus, ("no", "yes"))
    assert f"“{corpus}” is" in said
    assert ("a file of texts" in said) == (corpus == "own.csv")
    assert name_of_corpus(corpus)
