"""Fixed points of trained recurrent networks: found fast, in float64, and linearized."""

from __future__ import annotations

from nullcline import cuda
from nullcline.cells import GRU, LSTM, MGU, RNN, UGRNN, FunctionCell, OriginalGRU
from nullcline.certify.certificates import Certificates
from nullcline.linearization.dimensionality import participation_ratio, participation_ratio_of_variances
from nullcline.search.fixed_points import FixedPoints
from nullcline.continuation.input_branch import InputBranch, follow_input
from nullcline.interop.function import from_function
from nullcline.interop import (
    Bidirectional,
    from_flax,
    from_keras,
    from_safetensors,
    from_torch,
)
from nullcline.continuation.line_attractor import LineAttractor, measure_line_attractor
from nullcline.linearization.prediction import (
    DistanceBins,
    LinearPrediction,
    predict_next_states,
    predict_sequences,
)
from nullcline.linearization.linear_map import Linearization, linearize
from nullcline.search.find import find_fixed_points
from nullcline.cells.stack import Stack
from nullcline.continuation.fibers import Curve, Trace, trace
from nullcline.linearization.input_effects import RankCorrelation, WordEffects, impulse_response, word_effects

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
