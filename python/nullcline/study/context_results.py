"""What was found of modifiers in one network: the record that figures, claims and files share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support.records import as_json
from nullcline.context import PairedAccuracy

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAD = 0.01
"""The least lead of a network over a bag of words of which shares are taken, in accuracy."""

_ARRAYS_OF_WORDS = ("plain", "modified", "other_slopes", "linear_plain", "linear_modified")
"""What is too long for readers of results.json, and is in the file of the analysis."""


@dataclass(frozen=True)
class Ablation:
    """Reviews read with a subspace projected out of the state at every step.

    Attributes
    ----------
    reviews
        Which: "with modifiers", or "without".
    modifiers
        Accuracies of the whole network and without the modifiers' subspace.
    other_words, random
        Accuracies without subspaces of the same dimension that are made of other words in the same
        way, and that are drawn at random; the line that integrates is left in all.
    """

    reviews: str
    modifiers: PairedAccuracy
    other_words: tuple[float, ...]
    random: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class ContextAnalysis:
    """What C modifiers do to V words of valence, in one network.

    Attributes
    ----------
    modifiers, kinds
        The modifiers that the vocabulary has, and whether each is a "negator" or an "intensifier".
    missing
        Those of the lists that it does not have.
    words
        The words of valence.
    delay
        Neutral steps between a word and the readout of its effect.
    origin_logit
        The readout, last class against first, at the state that contexts start from, the intercept
        left out.
    plain, modified
        What each word does to the readout when the network reads it, alone, (V,), and after each
        modifier, (C, V).
    linear_plain, linear_modified
        The same by wᵀ J_inp x, of the readout at once.
    slopes
        By which factor each modifier multiplies the words' effects, shape (C,): below 0 it flips
        them.
    slopes_at_once
        The same by the linear formula, of the readout right after the word.
    linear_r2
        R² of what modifiers change in the words' effects at once: the linear formula for what the
        network does.
    other_slopes
        The slopes of other common words, shape (N,).
    start_slope
        That of the state before the first word.
    told_apart
        How often a modifier, drawn at random, changes the effects of words by more than another
        common word does (the area under the ROC curve).
    decay
        What each modifier changes, as a part of that at once, 0 to n neutral steps later, shape
        (C, n + 1).
    half_lives
        Steps until half of it is gone, shape (C,).
    carriers
        The time constant of the mode that carries most of each modifier, the slowest mode left out,
        shape (C,).
    slowest
        The time constant of the slowest mode there.
    explained
        Which share of the modifiers' displacements each direction of their subspace explains.
    dimension
        How many directions explain 90% of them.
    along_line
        Which share of the displacements lies along the line, and is left out.
    ablations
        For reviews with modifiers and without; a kind of which there is none is left out.
    bag_accuracy, bag_in_context_accuracy, network_accuracy
        Test accuracy of a bag of words, of one in which words after modifiers have weights of their
        own, and of the network.
    """

    modifiers: tuple[str, ...]
    kinds: tuple[str, ...]
    missing: tuple[str, ...]
    words: tuple[str, ...]
    delay: int
    origin_logit: float
    plain: NDArray[np.float64]
    modified: NDArray[np.float64]
    linear_plain: NDArray[np.float64]
    linear_modified: NDArray[np.float64]
    slopes: NDArray[np.float64]
    slopes_at_once: NDArray[np.float64]
    linear_r2: float
    other_slopes: NDArray[np.float64]
    start_slope: float
    told_apart: float
    decay: NDArray[np.float64]
    half_lives: NDArray[np.float64]
    carriers: NDArray[np.float64]
    slowest: float
    explained: NDArray[np.float64]
    dimension: int
    along_line: float
    ablations: tuple[Ablation, ...]
    bag_accuracy: float
    bag_in_context_accuracy: float
    network_accuracy: float

    def of_kind(self, kind: str) -> NDArray[np.bool_]:
        """Return which modifiers are of a kind, shape (C,)."""
        return np.array([each == kind for each in self.kinds], bool)

    def median_slope(self, kind: str) -> float | None:
        """Return the median slope of the modifiers of a kind; None where there is none."""
        chosen = self.slopes[self.of_kind(kind)]
        return float(np.median(chosen)) if len(chosen) else None

    def ablation(self, reviews: str) -> Ablation | None:
        """Return the ablation of reviews "with modifiers" or "without"."""
        return next((each for each in self.ablations if each.reviews == reviews), None)

    @property
    def recovered(self) -> float | None:
        """Which share of what the network has over the bag of words modifiers give the bag.

        None where the network is not better than the bag by `LEAD`.
        """
        lead = self.network_accuracy - self.bag_accuracy
        return (self.bag_in_context_accuracy - self.bag_accuracy) / lead if lead >= LEAD else None

    def to_json(self) -> dict[str, Any]:
        """Return every number as plain Python values, but those of each word."""
        own = {name: value for name, value in vars(self).items() if name not in _ARRAYS_OF_WORDS}
        found: dict[str, Any] = as_json({**own, "recovered": self.recovered})
        return found
