"""Fixed points of trained recurrent networks: found fast, in float64, and linearized."""

from __future__ import annotations

from nullcline import cuda
from nullcline.cells import GRU
from nullcline.certify import Certificates
from nullcline.fixed_points import FixedPoints
from nullcline.follow_input import InputBranch, follow_input
from nullcline.interop import (
    Bidirectional,
    from_flax,
    from_keras,
    from_safetensors,
    from_torch,
)
from nullcline.linearize import Linearization, linearize
from nullcline.search import find_fixed_points
from nullcline.trace import Curve, Trace, trace

__all__ = [
    "GRU",
    "Bidirectional",
    "Certificates",
    "Curve",
    "FixedPoints",
    "InputBranch",
    "Linearization",
    "Trace",
    "__version__",
    "cuda",
    "find_fixed_points",
    "follow_input",
    "from_flax",
    "from_keras",
    "from_safetensors",
    "from_torch",
    "linearize",
    "trace",
]


def _version() -> str:
    from importlib import metadata

    try:
        return metadata.version("nullcline")
    except metadata.PackageNotFoundError:  # run from the source folder
        return "0+unknown"


__version__ = _version()
