"""FixedPointFinder (Golub and Sussillo, JOSS 3 (2018) 1003) as this package's solvers answer it.

Where a program says ``from FixedPointFinderTorch import FixedPointFinderTorch``, it says
``from nullcline.compat.fpf import FixedPointFinderTorch``, and nothing else changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nullcline._support.lazy import lazy
from nullcline.compat.fpf._warn import MeaninglessArgumentWarning
from nullcline.compat.fpf.finder import FixedPointFinderTorch
from nullcline.compat.fpf.fixed_points import FixedPoints, read_fps

if TYPE_CHECKING:
    from nullcline.compat.fpf.plot_utils import plot_fps

__all__ = [
    "FixedPointFinderTorch",
    "FixedPoints",
    "MeaninglessArgumentWarning",
    "plot_fps",
    "read_fps",
]

# It loads matplotlib, which finding points does not need.
__getattr__, __dir__ = lazy(__name__, {"plot_fps": "plot_utils"})
