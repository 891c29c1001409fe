"""The linear map around a point: its modes, what it predicts, and what inputs do to it."""

from nullcline.linearization.dimensionality import (
    participation_ratio,
    participation_ratio_of_variances,
)
from nullcline.linearization.input_effects import (
    RankCorrelation,
    WordEffects,
    impulse_response,
    word_effects,
)
from nullcline.linearization.joining import concatenate
from nullcline.linearization.linear_map import Linearization, linearize
from nullcline.linearization.prediction import (
    DistanceBins,
    LinearPrediction,
    predict_next_states,
    predict_sequences,
)

__all__ = [
    "DistanceBins",
    "LinearPrediction",
    "Linearization",
    "RankCorrelation",
    "WordEffects",
    "concatenate",
    "impulse_response",
    "linearize",
    "participation_ratio",
    "participation_ratio_of_variances",
    "predict_next_states",
    "predict_sequences",
    "word_effects",
]
