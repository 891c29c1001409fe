"""The bag of words, and how often each word follows a modifier: the baseline that heeds context."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array, hstack

from nullcline.training.bag_of_words import best_regression, word_counts
from nullcline.training.batches import EncodedReviews
from nullcline.training.settings import SPLITS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nullcline.text import Corpus
    from nullcline.training.checkpoint import Checkpoint


@dataclass(frozen=True)
class BagInContext:
    """A logistic regression on word counts, and on those of words that follow modifiers.

    Attributes
    ----------
    train_accuracy, test_accuracy
        Share of the reviews classified correctly, in [0, 1].
    reach
        Words that count as following a modifier.
    penalty
        The inverse strength C of its regularization.
    """

    train_accuracy: float
    test_accuracy: float
    reach: int
    penalty: float


def fit_bag_in_context(
    checkpoint: Checkpoint,
    corpus: Corpus,
    groups: Sequence[Sequence[int]],
    *,
    reach: int,
) -> BagInContext:
    """Fit a bag of words in which a word after a modifier has a weight of its own.

    The logit is Σ_w (b_w n_w + Σ_g c_gw n_gw), where n_w counts word w, and n_gw how often it
    stands within `reach` words after a modifier of group g: the weight b_w becomes b_w + c_gw
    there. After the extended baselines of Maheswaranathan and Sussillo (ICML 2020), in which the
    reach falls off smoothly.

    Parameters
    ----------
    checkpoint
        A finished training run.
    corpus
        The corpus that it was trained on.
    groups
        The words of each group of modifiers, as rows of the vocabulary.
    reach
        Words after a modifier, 1 or more.

    Returns
    -------
    BagInContext
        Of the penalties of the plain bag of words, the one that the validation reviews choose.
    """
    reviews = {name: checkpoint.reviews(corpus, name) for name in SPLITS}
    n_words = len(checkpoint.vocabulary)
    counts = {name: counts_in_context(its, n_words, groups, reach) for name, its in reviews.items()}
    fitted, penalty = best_regression(counts, {name: its.labels for name, its in reviews.items()})
    accuracy = {name: float(fitted.score(counts[name], reviews[name].labels)) for name in SPLITS}
    return BagInContext(accuracy["train"], accuracy["test"], reach, penalty)


def counts_in_context(
    reviews: EncodedReviews, n_words: int, groups: Sequence[Sequence[int]], reach: int
) -> csr_array:
    """Return how often each review has each word, and has it after each group of modifiers.

    Shape (n, (1 + len(groups)) n_words).
    """
    parts = [word_counts(reviews, n_words)]
    for group in groups:
        rows = np.array(sorted(group), np.int64)
        followers = EncodedReviews(
            [review[_follows(np.isin(review, rows), reach)] for review in reviews.indices],
            reviews.labels,
        )
        parts.append(word_counts(followers, n_words))
    return csr_array(hstack(parts, format="csr"))


def _follows(is_modifier: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    """Return which words stand within `reach` words after a modifier."""
    follows = np.zeros_like(is_modifier)
    for back in range(1, min(reach, len(is_modifier) - 1) + 1):
        follows[back:] |= is_modifier[:-back]
    return follows
