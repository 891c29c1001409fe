"""Ball arithmetic on vectors: real numbers known to within a radius, every rounding error bounded.

Sums and products follow the standard model (Higham, Accuracy and Stability of Numerical Algorithms,
2002, chapter 3), for any order of summation, with or without fused operations; exp, tanh and cosh
are trusted to `FUNCTION_ERROR`, several times what C libraries and NumPy document.
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

FUNCTION_ERROR = 16 * UNIT
"""Relative error of exp, tanh, cosh and of what is made from one of them: 16 units of rounding."""

UP = 1 + 1e-10
"""Makes a bound of a sum of up to 10^5 terms that are not negative, itself rounded."""

TINY = 1e-290
"""More than what underflow can take away."""


def gamma(n: int) -> float:
    """Return γ_n = n u / (1 - n u), the relative error of n operations (Higham 2002, lemma 3.1)."""
    return n * UNIT / (1 - n * UNIT) * UP


def bound(values: Vector) -> float:
    """Return a bound of the largest of `values`, which are rounded sums of terms not negative."""
    return float(np.max(values, initial=0)) * UP + TINY


@dataclass(frozen=True)
class Ball:
    """Real numbers, each known to lie within `radius` of `middle`; both have shape (H,)."""

    middle: Vector
    radius: Vector

    def __add__(self, other: Ball) -> Ball:
        middle = self.middle + other.middle
        return Ball(middle, UP * (self.radius + other.radius + UNIT * np.abs(middle)))

    def __sub__(self, other: Ball) -> Ball:
        return self + Ball(-other.middle, other.radius)

    def __mul__(self, other: Ball) -> Ball:
        middle = self.middle * other.middle
        radius = self.magnitude() * other.radius + self.radius * np.abs(other.middle)
        return Ball(middle, UP * (radius + UNIT * np.abs(middle)) + TINY)

    def magnitude(self) -> Vector:
        """Return a bound of the absolute values."""
        return UP * (np.abs(self.middle) + self.radius)

    def tanh(self) -> Ball:
        """Return tanh, whose slope is at most 1."""
        middle = np.tanh(self.middle)
        return Ball(middle, UP * (self.radius + FUNCTION_ERROR * np.abs(middle)) + TINY)

    def logistic(self) -> Ball:
        """Return 1 / (1 + exp(-·)), whose slope is at most 1/4."""
        middle = 1 / (1 + np.exp(-self.middle))
        return Ball(middle, UP * (self.radius / 4 + FUNCTION_ERROR * middle) + TINY)

    def nearest_to_zero(self, reach: Vector) -> Vector:
        """Return a lower bound of |·| for all numbers within `reach` of the ball."""
        return np.maximum(np.abs(self.middle) / UP - UP * (self.radius + reach), 0)


def affine(terms: list[tuple[Matrix, Vector]], constants: list[Vector], size: int) -> Ball:
    """Return Σ W v + Σ b, each matrix and vector being exact."""
    n_operations = sum(matrix.shape[1] for matrix, _ in terms) + len(terms) + len(constants) + 1
    middle, magnitude = np.zeros(size), np.zeros(size)
    for matrix, vector in terms:
        middle = middle + matrix @ vector
        magnitude = magnitude + np.abs(matrix) @ np.abs(vector)
    for constant in constants:
        middle = middle + constant
        magnitude = magnitude + np.abs(constant)
    return Ball(middle, UP * gamma(n_operations) * magnitude + TINY)
