"""Real vectors and matrices known to within a radius, and the bounds that rounding errors have.

Sums and products follow the standard model (Higham, Accuracy and Stability of Numerical Algorithms,
2002, chapter 3), for any order of summation, with or without fused operations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Vector: TypeAlias = NDArray[np.float64]
Matrix: TypeAlias = NDArray[np.float64]

UNIT = 2.0**-53
"""Unit roundoff of float64."""

UP = 1 + 1e-10
"""Makes a bound of a sum of up to 10^5 terms that are not negative, itself rounded."""

TINY = 1e-290
"""More than what underflow can take away."""


def relative_error(n: int) -> float:
    """Return γ_n = n u / (1 - n u), the relative error of n operations (Higham 2002, lemma 3.1)."""
    return n * UNIT / (1 - n * UNIT) * UP


def bound(values: Vector) -> float:
    """Return a bound of the largest of `values`, which are rounded sums of terms not negative."""
    return float(np.max(values, initial=0)) * UP + TINY


@dataclass(frozen=True)
class Ball:
    """Real numbers, each known to lie within `radius` of `middle`, two arrays of one shape."""

    middle: Vector
    radius: Vector

    @classmethod
    def exactly(cls, middle: Vector) -> Ball:
        """Return a ball of radius zero."""
        return cls(middle, np.zeros_like(middle))

    @classmethod
    def between(cls, low: Vector, high: Vector) -> Ball:
        """Return the ball that holds a box, given its ends."""
        middle = low / 2 + high / 2
        return cls(middle, UP * np.maximum(middle - low, high - middle))

    @property
    def low(self) -> Vector:
        """A lower bound of the numbers, shape as theirs."""
        return self._moved(-self.radius)

    @property
    def high(self) -> Vector:
        """An upper bound of the numbers, shape as theirs."""
        return self._moved(self.radius)

    def magnitude(self) -> Vector:
        """Return a bound of the absolute values."""
        return UP * (np.abs(self.middle) + self.radius)

    def _moved(self, by: Vector) -> Vector:
        outward = np.where(by < 0, -np.inf, np.inf)
        moved: Vector = np.where(by == 0, self.middle, np.nextafter(self.middle + by, outward))
        return moved
