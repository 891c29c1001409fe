"""FixedPointFinder's rule of distance: which ends lie far from where all starts were."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nullcline._support.validation import Floats


def far_from(starts: Floats, h: Floats, threshold: float) -> NDArray[np.bool_]:
    """Tell which `h` are at least `threshold` mean distances of the starts from their centroid."""
    centroid = starts.mean(axis=0, dtype=np.float64)
    scale = np.linalg.norm(starts - centroid, axis=1).mean()
    distance = np.linalg.norm(h - centroid, axis=1)
    # A single start, or equal ones, have no scale: then nothing is far.
    mask: NDArray[np.bool_] = (distance >= threshold * scale) & (scale > 0)
    return mask
