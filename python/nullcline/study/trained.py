"""Which networks count as trained: a rule that was set down before any network was judged by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline.sweeps.statistics import wilson_interval
from nullcline.training.checkpoint import split_of

if TYPE_CHECKING:
    from nullcline.text import Corpus
    from nullcline.training import Checkpoint

MARGIN = 0.05
"""How far above chance the accuracy must be, of all reviews: 5 of 100.

It is a convention. Networks whose training failed are at chance itself, all others far above: in a
trial with a learning rate of 1e6 all five kinds of cells ended within 0.01 of it.
"""


def is_trained(accuracy: float, n_reviews: int, chance: float) -> bool:
    """Tell whether a network counts as trained, by its accuracy on the validation reviews.

    It does if the lower end of Wilson's interval of 95% of the accuracy is at least `MARGIN` above
    chance. One that says the same of all reviews does not, whatever they are, and neither does one
    of which a few reviews cannot tell.

    Parameters
    ----------
    accuracy
        Share of the validation reviews that are classified correctly, in [0, 1], after the epoch
        whose weights were kept. NaN is no training.
    n_reviews
        How many validation reviews there are.
    chance
        Share of them that are of their most common class.

    Raises
    ------
    ValueError
        There is no review, or a share is beyond [0, 1].
    """
    if not 0 <= chance <= 1:
        raise ValueError(f"chance must be a share in [0, 1], not {chance}")
    if np.isnan(accuracy):
        return False
    if not 0 <= accuracy <= 1:
        raise ValueError(f"accuracy must be a share in [0, 1], not {accuracy}")
    low, _ = wilson_interval(round(accuracy * n_reviews), n_reviews)
    return low >= chance + MARGIN


def training_outcome(checkpoint: Checkpoint, corpus: Corpus) -> dict[str, Any]:
    """Return what came of a training, as columns of a network's rows.

    Returns
    -------
    dict
        `trained`, whether `is_trained` holds; `validation_accuracy` after the epoch whose weights
        were kept; and `validation_chance`, the share of the validation reviews that are of their
        most common class.
    """
    split, rows = split_of(corpus, checkpoint.settings, "validation")
    labels = split.labels[rows]
    accuracy = checkpoint.history[checkpoint.best_epoch - 1].validation_accuracy
    chance = float(np.bincount(labels).max() / len(labels))
    return {
        "trained": is_trained(accuracy, len(labels), chance),
        "validation_accuracy": accuracy,
        "validation_chance": chance,
    }
