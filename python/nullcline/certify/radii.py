"""The radii within which one zero is proved, given the bounds of the radii polynomial.

`nullcline.certify.certificates` states the theorem.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nullcline.certify.balls import TINY, UP, bound

if TYPE_CHECKING:
    from collections.abc import Callable

    from nullcline.certify.balls import Matrix, Vector

BALLS = 2.0 ** -np.arange(40)
"""Radii of the balls over which the curvature is bounded, the largest first."""


@dataclass(frozen=True)
class Radii:
    """Radii of existence and uniqueness, NaN where nothing is proved, and K, the last one tried."""

    exists: float
    unique: float
    k: float


def best_radii(
    curvature: Callable[[float], Vector], magnitude: Matrix, y: float, z: float
) -> Radii:
    """Return the radii proved over the best of balls: the smaller, the lower K, and the reach.

    Parameters
    ----------
    curvature
        Bounds the second derivative of each of G's parts over all states within a radius.
    magnitude
        |A|.
    y, z
        Y and Z, which is below 1.
    """
    best = Radii(np.nan, np.nan, np.nan)
    # K over the least ball says how far any may reach: those of more than twice that reach less.
    k = bound(magnitude @ curvature(float(BALLS[-1])))
    reach = (1 - z) / k if np.isfinite(k) else 0.0
    for within in BALLS[reach >= BALLS / 2]:
        k = bound(magnitude @ curvature(float(within)))
        if not np.isfinite(k):
            continue
        unique = min(float(within), (1 - z) / k / UP)
        exists = smallest_root(y, z, k)
        if exists <= unique and not unique <= best.unique:
            best = Radii(exists, unique, k)
        if unique == within:  # smaller balls reach less
            break
    return Radii(np.nan, np.nan, k) if np.isnan(best.unique) else best


def smallest_root(y: float, z: float, k: float) -> float:
    """Return an r with y + z r + k r² / 2 <= r and z + k r < 1, near the least one; or infinity."""
    discriminant = (1 - z) ** 2 - 2 * k * y
    if not discriminant > 0:
        return np.inf
    r = 2 * y / (1 - z + np.sqrt(discriminant)) * (1 + 1e-6) + TINY
    holds = (y + z * r + k * r * r / 2) * UP <= r and (z + k * r) * UP < 1
    return r if holds else np.inf
