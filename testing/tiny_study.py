"""A corpus and settings so small that a network trains on them in a second."""

from __future__ import annotations

import numpy as np

from nullcline.text import Corpus, Split
from nullcline.training import TrainingSettings

WORDS = {0: ("bad", "awful", "dull"), 1: ("good", "great", "fine"), 2: ("best", "perfect", "top")}
NEUTRAL = ("the", "film", "was", "a", "story", "and", "it")
NAMES = ("negative", "positive", "superb")

SETTINGS = TrainingSettings(hidden_size=8, embedding_size=6, epochs=3, batch_size=16, dropout=0.2)


def tiny_corpus(n_train: int = 120, n_test: int = 40, seed: int = 0, *, classes: int = 2) -> Corpus:
    """Return reviews of 1 to 12 words, of which about half carry the label."""
    rng = np.random.default_rng(seed)
    train, test = (_split(count, classes, rng) for count in (n_train, n_test))
    return Corpus("synthetic", train, test, NAMES[:classes])


def _split(n: int, classes: int, rng: np.random.Generator) -> Split:
    labels = np.arange(n, dtype=np.int64) % classes
    texts = tuple(
        " ".join(
            rng.choice(WORDS[label] if rng.random() < 0.5 else NEUTRAL)
            for _ in range(rng.integers(1, 13))
        )
        for label in labels.tolist()
    )
    return Split(texts, labels)
