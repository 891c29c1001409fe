"""The baseline counts words, and is the logistic regression that it says it is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from nullcline.text import Corpus, Split
from nullcline.training import train
from nullcline.training.bag_of_words import PENALTIES, BagOfWords, fit_bag_of_words
from testing.tiny_study import NEUTRAL, SETTINGS, WORDS, tiny_corpus

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from nullcline.training import Checkpoint

CORPUS = tiny_corpus()


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return train(CORPUS, SETTINGS, tmp_path_factory.mktemp("run"), device="cpu", progress=False)


@pytest.fixture(scope="module")
def bag(checkpoint: Checkpoint) -> BagOfWords:
    return fit_bag_of_words(checkpoint, CORPUS)


def counts(checkpoint: Checkpoint, split: str) -> tuple[np.ndarray, np.ndarray]:
    reviews = checkpoint.reviews(CORPUS, split)
    n_words = len(checkpoint.vocabulary)
    rows = [np.bincount(review, minlength=n_words) for review in reviews.indices]
    return np.array(rows, float), reviews.labels


def test_words_weigh_what_they_say(checkpoint: Checkpoint, bag: BagOfWords) -> None:
    weight = dict(zip(checkpoint.vocabulary.words, bag.weights, strict=True))
    bad, good = ([weight[word] for word in WORDS[label]] for label in (0, 1))
    assert max(bad) < min(weight[word] for word in NEUTRAL)
    assert min(good) > max(weight[word] for word in NEUTRAL)


def test_it_is_the_regularized_regression(checkpoint: Checkpoint, bag: BagOfWords) -> None:
    x, labels = counts(checkpoint, "train")

    def objective(theta: np.ndarray) -> float:
        logits = x @ theta[1:] + theta[0]
        errors = np.logaddexp(0, np.where(labels == 1, -logits, logits)).sum()
        return float(bag.penalty * errors + theta[1:] @ theta[1:] / 2)

    best = minimize(objective, np.zeros(x.shape[1] + 1), tol=1e-8).x
    np.testing.assert_allclose(bag.weights, best[1:], atol=1e-4)
    np.testing.assert_allclose(bag.intercept, best[0], atol=1e-4)
    for split, accuracy in (("train", bag.train_accuracy), ("test", bag.test_accuracy)):
        x, labels = counts(checkpoint, split)
        assert accuracy == np.mean((x @ best[1:] + best[0] > 0) == (labels == 1))


def test_the_validation_reviews_choose_the_penalty(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of three fits, told apart by where they err, that which errs least on those alone."""
    asked: list[int] = []

    def score(self: LogisticRegression, x: object, y: NDArray[np.int64]) -> float:
        asked.append(len(y))
        return PENALTIES.index(self.C) % 2 if len(y) == n_validation else 1 - self.C

    n_validation = len(checkpoint.reviews(CORPUS, "validation"))
    assert n_validation not in {len(checkpoint.reviews(CORPUS, name)) for name in ("train", "test")}
    monkeypatch.setattr(LogisticRegression, "score", score)
    assert fit_bag_of_words(checkpoint, CORPUS).penalty == PENALTIES[1]
    assert asked.count(n_validation) == len(PENALTIES)


def test_more_classes_have_weights_each(tmp_path: Path) -> None:
    labels = np.arange(90) % 3
    texts = tuple(f"film {('bad', 'fine', 'great')[label]}" for label in labels)
    split = Split(texts, labels)
    corpus = Corpus("synthetic", split, split, ("low", "middle", "high"))
    settings = replace(SETTINGS, classes=3, epochs=1)
    checkpoint = train(corpus, settings, tmp_path, device="cpu", progress=False)
    bag = fit_bag_of_words(checkpoint, corpus)
    assert bag.weights.shape == (3, len(checkpoint.vocabulary))
    assert bag.intercept.shape == (3,)
    assert bag.test_accuracy == 1
    for label, word in enumerate(("bad", "fine", "great")):
        column = checkpoint.vocabulary.words.index(word)
        assert bag.weights[:, column].argmax() == label
