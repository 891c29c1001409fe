"""What a corpus must have, so that a network can be trained, chosen and tested."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline.training.checkpoint import split_of

if TYPE_CHECKING:
    from nullcline.text import Corpus
    from nullcline.training.settings import TrainingSettings


def require_reviews(corpus: Corpus, settings: TrainingSettings) -> None:
    """Raise unless there are reviews to train on, to choose an epoch by and to test on.

    Those to train on must be of all classes, or the network could not tell them apart; those to
    validate on of two or more, or whoever calls all reviews the same would be right.

    Raises
    ------
    ValueError
        A split is too small; the message names it and the mend.
    """
    if len(corpus.test) == 0:
        raise ValueError(
            f"{corpus.name} has no test reviews, and a network is tested on some: give the corpus "
            "a test split"
        )
    counts = {}
    for name in ("train", "validation"):
        split, rows = split_of(corpus, settings, name)
        counts[name] = np.bincount(split.labels[rows], minlength=len(corpus.classes))
    if 0 in counts["train"]:
        missing = corpus.classes[int(np.argmin(counts["train"]))]
        raise ValueError(
            f"none of the {counts['train'].sum()} reviews of {corpus.name} to train on is "
            f"{missing!r}: {_mend(corpus, settings)}"
        )
    if np.count_nonzero(counts["validation"]) < 2:
        n = counts["validation"].sum()
        only = corpus.classes[int(np.argmax(counts["validation"]))]
        raise ValueError(
            f"the validation reviews of {corpus.name} must be of two classes or more, to choose an "
            f"epoch by; {_are_all(n, only)}: {_mend(corpus, settings)}"
        )


def _are_all(n: int, only: str) -> str:
    if n == 0:
        return "there are none"
    return f"there is 1, {only!r}" if n == 1 else f"there are {n}, all {only!r}"


def _mend(corpus: Corpus, settings: TrainingSettings) -> str:
    if corpus.validation is not None:
        return "give the corpus more reviews" + (
            ", or a larger train_size" if settings.train_size is not None else ""
        )
    parts = ["give the corpus more reviews", "another seed", "another validation_fraction"]
    if settings.train_size is not None:
        parts.append("a larger train_size")
    return f"{', '.join(parts[:-1])} or {parts[-1]}"
