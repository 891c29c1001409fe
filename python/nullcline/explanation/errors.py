"""The texts of a corpus that a network is most sure of, and wrong about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from nullcline._support import validation
from nullcline.explanation.network import Network, margins

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nullcline.text import Corpus
    from nullcline.training import Checkpoint


@dataclass(frozen=True)
class Mistake:
    """A test text that the network misclassifies.

    Attributes
    ----------
    row
        Its row among the corpus's test texts.
    text, label
        The text, and its true class.
    predicted
        The class that the network favours.
    margin
        By how much the true class's logit is below the largest.
    """

    row: int
    text: str
    label: int
    predicted: int
    margin: float


def confident_mistakes(
    checkpoint: Checkpoint, corpus: Corpus, n: int | None = None, *, progress: bool = False
) -> list[Mistake]:
    """Return the test texts that a network is most sure of, and wrong about.

    Parameters
    ----------
    checkpoint
        A finished training run.
    corpus
        The corpus that it was trained on.
    n
        How many, at most; None for all.
    progress
        Show a progress bar.

    Returns
    -------
    list of Mistake
        Those with the largest margins first.

    Raises
    ------
    CheckpointError
        The corpus has changed since.
    TypeError, ValueError
        `n` is no number from 1 on.
    """
    if n is not None:
        n = validation.whole_number("n", n, 1)
    checkpoint.require_corpus(corpus)
    logits = read_texts(checkpoint, corpus.test.texts, progress=progress)
    predicted = logits.argmax(axis=1)
    labels = corpus.test.labels
    wrong = np.flatnonzero(predicted != labels)
    margin = np.array([-margins(logits[row : row + 1], int(labels[row]))[0] for row in wrong])
    order = wrong[np.argsort(-margin, kind="stable")]
    by_row = dict(zip(wrong.tolist(), margin.tolist(), strict=True))
    return [
        Mistake(
            row=row,
            text=corpus.test.texts[row],
            label=int(labels[row]),
            predicted=int(predicted[row]),
            margin=by_row[row],
        )
        for row in order[:n].tolist()
    ]


def read_texts(
    checkpoint: Checkpoint, texts: Sequence[str], *, progress: bool = False
) -> NDArray[np.float64]:
    """Return the logits of each class at the end of every text, shape (n, K)."""
    read = [checkpoint.encode(text) for text in texts]
    words = sum(len(text) for text in read)
    with tqdm(
        total=words, desc="test texts", unit="word", unit_scale=True, disable=not progress
    ) as bar:
        return Network(checkpoint).read(read, lambda rows, _: bar.update(len(rows)))
