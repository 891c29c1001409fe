"""The baseline: a logistic regression on the counts of a review's words, whatever their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csr_array

from nullcline.training.settings import SPLITS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from nullcline.text import Corpus
    from nullcline.training.batches import EncodedReviews
    from nullcline.training.checkpoint import Checkpoint

PENALTIES = (1e-2, 1e-1, 1.0)
"""The regularizations (scikit-learn's C) of which the validation reviews choose one."""

MAX_ITERATIONS = 2000
TOLERANCE = 1e-6
"""The fit stops where the gradient is smaller than this."""


@dataclass(frozen=True, eq=False)
class BagOfWords:
    """A logistic regression on word counts.

    Parameters
    ----------
    weights
        What each word of the vocabulary adds to the logit of the second of two classes, shape
        (n_words,), or to the logit of each of more classes, shape (classes, n_words).
    train_accuracy, test_accuracy
        Share of the reviews classified correctly, in [0, 1].
    penalty
        The inverse strength C of its regularization.
    intercept
        What a review without words has: a logit of the second of two classes, shape (), or of each
        of more, shape (classes,).
    """

    weights: NDArray[np.float64]
    train_accuracy: float
    test_accuracy: float
    penalty: float
    intercept: NDArray[np.float64]

    @property
    def contrast(self) -> NDArray[np.float64]:
        """What each word says for the last class against the first, shape (n_words,)."""
        weights = np.atleast_2d(self.weights)  # two classes share one logit
        contrast: NDArray[np.float64] = (
            weights[0] if len(weights) == 1 else weights[-1] - weights[0]
        )
        return contrast


def fit_bag_of_words(checkpoint: Checkpoint, corpus: Corpus) -> BagOfWords:
    """Fit the baseline of a network: from the words that it read, in the reviews that it read.

    Parameters
    ----------
    checkpoint
        A finished training run.
    corpus
        The corpus that it was trained on.

    Returns
    -------
    BagOfWords
        The fit with the highest validation accuracy among `PENALTIES`; of equals, the strongest.
    """
    reviews = {name: checkpoint.reviews(corpus, name) for name in SPLITS}
    counts = {name: word_counts(its, len(checkpoint.vocabulary)) for name, its in reviews.items()}
    fitted, penalty = best_regression(counts, {name: its.labels for name, its in reviews.items()})
    weights = np.asarray(fitted.coef_, np.float64)
    intercept = np.asarray(fitted.intercept_, np.float64)
    return BagOfWords(
        weights=weights[0] if len(weights) == 1 else weights,
        train_accuracy=float(fitted.score(counts["train"], reviews["train"].labels)),
        test_accuracy=float(fitted.score(counts["test"], reviews["test"].labels)),
        penalty=penalty,
        intercept=intercept[0] if len(intercept) == 1 else intercept,
    )


def best_regression(
    counts: Mapping[str, csr_array], labels: Mapping[str, NDArray[np.int64]]
) -> tuple[Any, float]:
    """Return the logistic regression of the highest validation accuracy, and its penalty.

    Of those among `PENALTIES` that are equally good, the strongest. Both arguments have "train" and
    "validation".
    """
    from sklearn.linear_model import LogisticRegression

    fitted = [
        LogisticRegression(C=penalty, max_iter=MAX_ITERATIONS, tol=TOLERANCE).fit(
            counts["train"], labels["train"]
        )
        for penalty in PENALTIES
    ]
    scores = [model.score(counts["validation"], labels["validation"]) for model in fitted]
    best = int(np.argmax(scores))
    return fitted[best], PENALTIES[best]


def word_counts(reviews: EncodedReviews, n_words: int) -> csr_array:
    """Return how often each review has each word, shape (n, n_words)."""
    words = np.concatenate([np.asarray(review) for review in reviews.indices])
    starts = np.concatenate([[0], np.cumsum(reviews.lengths)])
    counts = csr_array((np.ones(len(words)), words, starts), shape=(len(reviews), n_words))
    counts.sum_duplicates()
    return counts
