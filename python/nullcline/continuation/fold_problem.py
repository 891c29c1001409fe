"""The folds of a network as a curve: their equations where the input moves in two directions.

The unknowns are outputs h, a null vector v and the shares s₁, s₂ of two directions of the input:
G(h, s) = 0, D_h G v = 0 and |v| = 1 (Kuznetsov, Elements of Applied Bifurcation Theory, section
10.2.1; Govaerts, Numerical Methods for Bifurcations of Dynamical Equilibria, 2000, chapter 3). The
system is regular at folds, and at cusps too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline.cells.residual_maps import residual_map
from nullcline.continuation.curve_problem import Problem, scale_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from nullcline.cells.protocol import Cell
    from nullcline.continuation.curve_problem import Matrix, Vector

DIFFERENCE = 1e-3
"""How far along v second derivatives look, against the scale of the outputs: differenced to the
fourth order they are then right to about 1e-12."""

CORRECTIONS = 20
CORRECTED = 1e-12
"""Newton's iterations to the nearest fold, and a last correction, against its scale."""


class FoldEquations:
    """The equations in the unknowns (h, v, s₁, s₂), 2 H + 2 of them."""

    def __init__(self, cell: Cell, x: Vector, directions: Matrix, reach: float) -> None:
        self._cell, self._x, self._directions = cell, x, directions
        self._reach = reach
        self.problem = Problem(self._function, self._jacobian, self._rooms, reach)

    def parts(self, y: Vector) -> tuple[Vector, Vector, Vector]:
        """Return outputs, null vector and input of unknowns."""
        size = self._cell.hidden_size
        return y[:size], y[size : 2 * size], self._x + y[-2:] @ self._directions

    def derivative(self, y: Vector) -> Matrix:
        """Return D_h G at a point, (H, H)."""
        h, _, x = self.parts(y)
        return self._own(h, x)

    def curvature(self, y: Vector, left: Vector) -> float:
        """Return half of left · D²G(v, v), which is zero at a cusp, left being D_h G's null row."""
        h, v, x = self.parts(y)
        second = self._along(h, v, lambda there: self._own(there, x) @ v)
        return float(left @ second) / 2

    def nearest_fold(self, h: Vector, v: Vector) -> Vector | None:
        """Return the fold that is nearest by Newton's method, s beginning at 0; None if none is."""
        y: Vector = np.concatenate([h, v, np.zeros(2)])
        for _ in range(CORRECTIONS):
            jacobian, residual = self._jacobian(y), self._function(y)
            if not (np.isfinite(jacobian).all() and np.isfinite(residual).all()):
                return None
            change: Vector = np.linalg.lstsq(jacobian, residual, rcond=None)[0].astype(np.float64)
            y = y - change
            if float(np.abs(change).max()) <= CORRECTED * scale_of(y):
                return y if (self.problem.distances(y) >= 0).all() else None
        return None

    def _function(self, y: Vector) -> Vector:
        h, v, x = self.parts(y)
        there = residual_map(self._cell, h, x)
        return np.concatenate([there.residual, there.jvp(v), [(v @ v - 1) / 2]])

    def _jacobian(self, y: Vector) -> Matrix:
        h, v, x = self.parts(y)
        size = len(h)
        jacobian = np.zeros((2 * size + 1, 2 * size + 2))
        own = self._own(h, x)
        jacobian[:size, :size] = jacobian[size : 2 * size, size : 2 * size] = own
        jacobian[:size, -2:] = self._by_inputs(h, x)
        jacobian[size : 2 * size, :size] = self._along(h, v, lambda there: self._own(there, x))
        jacobian[size : 2 * size, -2:] = self._along(h, v, lambda there: self._by_inputs(there, x))
        jacobian[-1, size : 2 * size] = v
        return jacobian

    def _own(self, h: Vector, x: Vector) -> Matrix:
        own: Matrix = self._cell.residual_jacobian(h[None], x)[0]
        return own

    def _by_inputs(self, h: Vector, x: Vector) -> Matrix:
        """Return ∂G/∂s, (H, 2)."""
        rows = np.repeat(h[None], 2, axis=0)
        change = self._cell.residual_input_jvp(rows, x, self._directions)
        return change.T.astype(np.float64, copy=False)

    def _along(self, h: Vector, v: Vector, of: Callable[[Vector], NDArray[np.float64]]) -> Matrix:
        """Return the derivative of something along v at h."""
        step = DIFFERENCE * scale_of(h)
        near, far = (of(h + k * step * v) - of(h - k * step * v) for k in (1, 2))
        derivative: Matrix = (8 * near - far) / (12 * step)
        return derivative

    def _rooms(self, y: Vector) -> Vector:
        h, _, x = self.parts(y)
        return np.append(self._cell.box_at(x).room(h), self._reach - abs(float(y[-2])))
