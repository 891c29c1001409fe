"""What the linearization of a layer explains: the records that figures, claims and files share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support.records import as_json
from nullcline.continuation.line_attractor import LineAttractor
from nullcline.linearization.input_effects import RankCorrelation, WordEffects
from nullcline.linearization.prediction import DistanceBins
from nullcline.linearization.resolution import DECAY, GROWTH, write_time_constant

if TYPE_CHECKING:
    from numpy.typing import NDArray

_OF_LINE = (
    "length", "width", "aspect", "offset", "r2", "explained_variance", "explained_by_chord",
    "explained_by_component", "positions", "time_constants", "tangent_to_mode",
    "tangent_to_readout", "mode_to_readout",
)  # fmt: skip
_OF_BINS = ("distance", "count", "r2", "r2_of_change")
_NUMBERS = (
    "point", "time_constants", "next_state_r2", "next_change_r2", "review_state_r2",
    "review_readout_r2",
)  # fmt: skip
"""What results.json holds of a line, of bins of distance, and of all else."""


@dataclass(frozen=True, eq=False)
class WordAnalysis:
    """What words do at a point, beside what each says for itself.

    Attributes
    ----------
    words
        The most common words of the vocabulary, W of them.
    weights
        Their weights in the bag of words, for the last class against the first, shape (W,).
    effects
        Their effects in the network (`nullcline.word_effects`).
    """

    words: tuple[str, ...]
    weights: NDArray[np.float64]
    effects: WordEffects

    @property
    def correlations(self) -> dict[str, RankCorrelation]:
        """How effects rank beside weights (`nullcline.WordEffects.rank_correlations`)."""
        return self.effects.rank_correlations(self.weights)


@dataclass(frozen=True, eq=False)
class DynamicsAnalysis:
    """What the linearization of one layer explains.

    Attributes
    ----------
    point
        The row of `LayerAnalysis.unique` that words are linearized around: the end of most starts.
    time_constants
        The longest at that point, by falling length, in steps; infinite where the error of the
        eigenvalue leaves open whether it lies inside the unit circle or outside.
    next_state_r2, next_change_r2
        R² of the next state, and of how far it goes, from sampled states, by the linear map around
        the nearest point.
    next_by_distance
        R² of both, in bins of the distance to that point.
    review_state_r2, review_readout_r2
        R² of the last state of a review, and of its readout, when the linear map has read all of
        it; None for the readout of any layer but the last.
    line
        The slow manifold through one of the points against the visited states; None if no curve
        runs where they are.
    words
        None in any layer but the first, whose inputs alone are words.
    growing
        Which of the time constants belong to modes that grow, |λ| > 1; None in early files, which
        do not say.
    """

    point: int
    time_constants: NDArray[np.float64]
    next_state_r2: float
    next_change_r2: float
    next_by_distance: DistanceBins
    review_state_r2: float
    review_readout_r2: float | None
    line: LineAttractor | None
    words: WordAnalysis | None
    growing: NDArray[np.bool_] | None = None

    @property
    def grows(self) -> NDArray[np.bool_]:
        """The same, where early files count as having none."""
        return np.zeros(len(self.time_constants), bool) if self.growing is None else self.growing

    @property
    def said_time_constants(self) -> list[str]:
        """The time constants in words, which say what grows."""
        return [
            write_time_constant(tau, GROWTH if grows else DECAY)
            for tau, grows in zip(self.time_constants, self.grows, strict=True)
        ]

    def to_json(self) -> dict[str, Any]:
        """Return every number as plain Python values, for results.json."""
        growing = {} if self.growing is None else {"growing": self.growing}
        found: dict[str, Any] = as_json(
            {
                **_chosen(self, _NUMBERS),
                **growing,
                "next_by_distance": _chosen(self.next_by_distance, _OF_BINS),
                "line": self.line and _chosen(self.line, _OF_LINE),
                "words": self.words and _word_summary(self.words),
            }
        )
        return found


def _chosen(record: object, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(record, name) for name in names}


def _word_summary(words: WordAnalysis) -> dict[str, Any]:
    rhos = {name: found.rho for name, found in words.correlations.items()}
    return {"count": len(words.words), "rank_correlations": rhos}
