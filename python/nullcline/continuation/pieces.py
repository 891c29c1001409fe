"""A piece of a curve between two of its points, and any point of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline.continuation.curve_problem import scale_of, solve

if TYPE_CHECKING:
    from nullcline.continuation.curve_problem import Matrix, Problem, Vector

CORRECTIONS = 10
CORRECTED = 1e-12
"""Newton's iterations to a point between two others, and a last correction, against its scale."""

SOLVED = 1e-15
"""A residual that is zero to rounding, where nothing is to be corrected."""


class Piece:
    """The curve between two neighbouring points."""

    def __init__(self, problem: Problem, ends: Matrix) -> None:
        self._problem = problem
        self._begin, self._chord = ends[0], ends[1] - ends[0]
        self._unit = self._chord / max(float(np.linalg.norm(self._chord)), 1e-300)

    def at(self, part: float) -> Vector | None:
        """Return the point of the curve across the chord; None where Newton's method finds none."""
        across = self._begin + part * self._chord
        y: Vector = across
        for _ in range(CORRECTIONS):
            residual = np.append(self._problem.function(y), self._unit @ (y - across))
            if float(np.abs(residual).max()) <= SOLVED * scale_of(y):
                return y
            jacobian = np.vstack([self._problem.jacobian(y), self._unit])
            change = solve(jacobian, residual)
            if change is None:
                return None
            y = y - change
            if np.linalg.norm(y - across) > np.linalg.norm(self._chord):
                return None
            if float(np.abs(change).max()) <= CORRECTED * scale_of(y):
                return y
        return None
