"""Bags of words that this process has fitted: networks that read the same reviews have the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nullcline.training.bag_of_words import fit_bag_of_words
from nullcline.training.checkpoint import VOCABULARY_FILE

if TYPE_CHECKING:
    from collections.abc import Hashable

    from nullcline.text import Corpus
    from nullcline.training import Checkpoint
    from nullcline.training.bag_of_words import BagOfWords

MOST_KEPT = 64
"""Bags that are kept, those fitted last; of 25,000 words and two classes each takes 0.2 MB. A sweep
of a cell after another needs one for each seed."""

_fitted: dict[Hashable, BagOfWords] = {}


def baseline_of(checkpoint: Checkpoint, corpus: Corpus) -> BagOfWords:
    """Return the bag of words beside a network, fitted once for all that read the same words.

    Parameters
    ----------
    checkpoint
        A finished training run.
    corpus
        The corpus that it was trained on, as `Checkpoint.require_corpus` has found.
    """
    settings = checkpoint.settings
    vocabulary = checkpoint.files.get(VOCABULARY_FILE)
    if checkpoint.corpus_sha256 is None or vocabulary is None:  # an early run
        return fit_bag_of_words(checkpoint, corpus)
    key = (
        checkpoint.corpus_sha256, vocabulary, settings.seed, settings.validation_fraction,
        settings.train_size, settings.max_tokens,
    )  # fmt: skip
    if key not in _fitted:
        if len(_fitted) >= MOST_KEPT:
            del _fitted[next(iter(_fitted))]
        _fitted[key] = fit_bag_of_words(checkpoint, corpus)
    return _fitted[key]
