"""Fixed points of trained recurrent networks: found fast, in float64, and linearized."""

from __future__ import annotations

from nullcline import cuda
from nullcline.cells import GRU, LSTM, MGU, RNN, UGRNN, FunctionCell, OriginalGRU
from nullcline.certify import Certificates
from nullcline.dimensionality import participation_ratio, participation_ratio_of_variances
from nullcline.fixed_points import FixedPoints
from nullcline.follow_input import InputBranch, follow_input
from nullcline.from_function import from_function
from nullcline.interop import (
    Bidirectional,
    from_flax,
    from_keras,
    from_safetensors,
    from_torch,
)
from nullcline.line_attractor import LineAttractor, measure_line_attractor
from nullcline.linear_prediction import (
    DistanceBins,
    LinearPrediction,
    predict_next_states,
    predict_sequences,
)
from nullcline.linearize import Linearization, linearize
from nullcline.search import find_fixed_points
from nullcline.stack import Stack
from nullcline.trace import Curve, Trace, trace
from nullcline.word_effects import RankCorrelation, WordEffects, impulse_response, word_effects

__all__ = [
    "GRU",
    "LSTM",
    "MGU",
    "RNN",
    "UGRNN",
    "Bidirectional",
    "Certificates",
    "Curve",
    "DistanceBins",
    "FixedPoints",
    "FunctionCell",
    "InputBranch",
    "LineAttractor",
    "LinearPrediction",
    "Linearization",
    "OriginalGRU",
    "RankCorrelation",
    "Stack",
    "Trace",
    "WordEffects",
    "__version__",
    "cuda",
    "find_fixed_points",
    "follow_input",
    "from_flax",
    "from_function",
    "from_keras",
    "from_safetensors",
    "from_torch",
    "impulse_response",
    "linearize",
    "measure_line_attractor",
    "participation_ratio",
    "participation_ratio_of_variances",
    "predict_next_states",
    "predict_sequences",
    "trace",
    "word_effects",
]


def _version() -> str:
    from importlib import metadata

    try:
        return metadata.version("nullcline")
    except metadata.PackageNotFoundError:  # run from the source folder
        return "0+unknown"


__version__ = _version()
