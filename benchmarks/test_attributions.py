"""What the comparison of attributions rests on: texts with words taken away, and its measures."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.attributions import curves, towards
from benchmarks.texts import Text
from nullcline.training import SentimentRNN


@pytest.fixture(scope="module")
def text() -> Text:
    torch.manual_seed(3)
    model = SentimentRNN(40, hidden_size=8, embedding_size=5, dropout=0).eval()
    return Text(model, np.random.default_rng(0).integers(2, 40, size=12), 1)


def test_a_word_that_is_masked_is_not_read(text: Text) -> None:
    kept = np.random.default_rng(1).random((300, text.n_words)) < 0.5
    logits = text.logits_of_masks(kept)
    for row, logit in zip(kept[:20], logits, strict=False):
        shorter = Text(text.model, text.words[row], 0)
        assert logit == pytest.approx(shorter.logit, abs=1e-6)


def test_the_empty_text_leaves_the_bias_alone(text: Text) -> None:
    empty = text.logits_of_masks(np.zeros((1, text.n_words)))
    assert empty[0] == pytest.approx(text.model.readout.bias.item(), abs=1e-7)


def test_words_that_speak_for_the_verdict_come_first(text: Text) -> None:
    order = towards(text, np.arange(text.n_words, dtype=float))
    assert order[0] == (text.n_words - 1 if text.verdict else 0)


def test_the_curves_of_shares_that_are_true_beat_their_reverse(text: Text) -> None:
    whole = text.logits_of_masks(np.ones((1, text.n_words)))
    shares = whole - text.logits_of_masks(~np.eye(text.n_words, dtype=bool))
    for better, worse in zip(curves(text, shares), curves(text, -shares), strict=True):
        assert better > worse
