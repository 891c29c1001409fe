"""Which networks count as trained, by the rule that stands in `nullcline.study.trained`."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nullcline.study.trained import MARGIN, is_trained, training_outcome
from nullcline.text import Split
from nullcline.training import train
from testing.tiny_study import SETTINGS, tiny_corpus

if TYPE_CHECKING:
    from pathlib import Path


@given(n=st.integers(1, 20_000), share=st.floats(0, 1))
def test_a_network_that_says_the_same_of_all_reviews_is_not_trained(n: int, share: float) -> None:
    most = max(1, round(share * n))
    assert not is_trained(most / n, n, most / n)


@given(n=st.integers(1, 20_000), correct=st.integers(0, 20_000), chance=st.floats(0.05, 0.95))
def test_more_right_answers_never_make_a_network_untrained(
    n: int, correct: int, chance: float
) -> None:
    correct = min(correct, n - 1)
    if is_trained(correct / n, n, chance):
        assert is_trained((correct + 1) / n, n, chance)
        assert correct / n > chance + MARGIN


def test_the_rule_is_a_bound_above_chance_by_a_margin() -> None:
    """Wilson's lower bounds of 95%, by hand: 0.5877 of 60 in 100, and 0.5936 of 610 in 1,000."""
    assert is_trained(0.5936, 10_000, 0.5 + 0.0337)
    assert not is_trained(0.60, 100, 0.5)  # bound 0.502
    assert not is_trained(0.58, 1_000, 0.5)  # bound 0.549
    assert is_trained(0.59, 1_000, 0.5)  # bound 0.559


def test_a_loss_that_is_none_is_no_training() -> None:
    assert not is_trained(math.nan, 100, 0.5)


@pytest.mark.parametrize(
    ("accuracy", "n", "chance", "name"),
    [(1.5, 10, 0.5, "accuracy"), (0.5, 10, -0.1, "chance"), (0.5, 0, 0.5, "of must lie")],
)
def test_what_is_no_share_is_refused(accuracy: float, n: int, chance: float, name: str) -> None:
    with pytest.raises(ValueError, match=name):
        is_trained(accuracy, n, chance)


def test_a_network_that_learns_is_trained_and_one_that_cannot_is_not(tmp_path: Path) -> None:
    corpus = tiny_corpus(300)
    settings = replace(SETTINGS, learning_rate=0.02)
    learned = training_outcome(train(corpus, settings, tmp_path / "a", progress=False), corpus)
    assert learned["trained"]
    assert learned["validation_accuracy"] > 0.9
    mute = replace(corpus, train=Split(("film",) * 300, corpus.train.labels))
    failed = training_outcome(train(mute, settings, tmp_path / "b", progress=False), mute)
    assert not failed["trained"]
    assert failed["validation_chance"] == learned["validation_chance"]


def test_the_outcome_is_of_the_epoch_whose_weights_were_kept(tmp_path: Path) -> None:
    corpus = tiny_corpus(60)
    checkpoint = train(corpus, SETTINGS, tmp_path, progress=False)
    accuracies = [epoch.validation_accuracy for epoch in checkpoint.history]
    found = training_outcome(checkpoint, corpus)
    assert found["validation_accuracy"] == accuracies[checkpoint.best_epoch - 1]
    labels = checkpoint.reviews(corpus, "validation").labels
    assert found["validation_chance"] == np.bincount(labels).max() / len(labels)
