"""FixedPointFinder's rule of distance: which ends lie far from where all starts were."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline._support.norms import unit_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nullcline._support.validation import Floats


def far_from(starts: Floats, h: Floats, threshold: float) -> NDArray[np.bool_]:
    """Tell which `h` are at least `threshold` mean distances of the starts from their centroid."""
    begun, ended = starts.astype(np.float64), h.astype(np.float64)
    unit = unit_of(begun, ended)
    centroid = (begun / unit).mean(axis=0)
    scale = np.linalg.norm(begun / unit - centroid, axis=1).mean()
    distance = np.linalg.norm(ended / unit - centroid, axis=1)
    # A single start, or equal ones, have no scale: then nothing is far.
    mask: NDArray[np.bool_] = (distance >= threshold * scale) & (scale > 0)
    return mask
