"""FixedPointFinder (Golub and Sussillo, JOSS 3 (2018) 1003) as this package's solvers answer it.

Where a program says ``from FixedPointFinderTorch import FixedPointFinderTorch``, it says
``from nullcline.compat.fpf import FixedPointFinderTorch``, and nothing else changes.
"""

from __future__ import annotations

from nullcline.compat.fpf._warn import MeaninglessArgumentWarning
from nullcline.compat.fpf.finder import FixedPointFinderTorch
from nullcline.compat.fpf.fixed_points import FixedPoints, read_fps

__all__ = ["FixedPointFinderTorch", "FixedPoints", "MeaninglessArgumentWarning", "read_fps"]
