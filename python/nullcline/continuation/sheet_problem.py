"""A sheet as equations: G(h) = τ₁ w₁ + τ₂ w₂ in the unknowns (h, τ₁, τ₂), and where it ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nullcline.continuation.extended_map import ExtendedResidual, Saturation

if TYPE_CHECKING:
    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell
    from nullcline.continuation.curve_problem import Matrix, Vector


class SheetProblem:
    """H equations in the H + 2 unknowns y = (h, τ), with their Jacobian [DG, -W].

    Outside of the cell's box G is that of n(ψ(h)), as along a curve beyond it.

    Parameters
    ----------
    cell, x
        The cell, of float64, and its input, shape (1, D); None for zero.
    directions
        w₁ and w₂, shape (2, H).
    """

    def __init__(self, cell: Cell, x: Floats | None, directions: Matrix) -> None:
        self._residual = ExtendedResidual(cell, x, Saturation(cell.box_at(x)))
        self._directions = directions

    def function(self, y: Vector) -> Vector:
        """Return G(h) - τ₁ w₁ - τ₂ w₂, shape (H,)."""
        value: Vector = self._residual.residual(y[:-2]) - y[-2:] @ self._directions
        return value

    def jacobian(self, y: Vector) -> Matrix:
        """Return [DG, -W], shape (H, H + 2)."""
        return np.column_stack([self._residual.jacobian(y[:-2]), -self._directions.T])


@dataclass(frozen=True, eq=False)
class Region:
    """Where a sheet is drawn: between two corners in h, and in a rectangle of its chart.

    Attributes
    ----------
    low, high
        Faces in h, shape (H,), infinite where there are none.
    axes, origin
        The chart: coordinates are axes @ (h - origin), shapes (2, H) and (H,).
    extent
        How far the rectangle reaches from the origin along both axes, shape (2,).
    """

    low: Vector
    high: Vector
    axes: Matrix
    origin: Vector
    extent: Vector

    def rooms(self, y: Vector) -> Vector:
        """Return how far a point (h, τ) is from each of the 2 H + 4 faces, negative outside."""
        h = y[:-2]
        place = self.axes @ (h - self.origin)
        return np.concatenate([h - self.low, self.high - h, self.extent + place,
                               self.extent - place])  # fmt: skip

    def outward(self, face: int) -> Vector:
        """Return the unit normal of a face, shape (H + 2,)."""
        size = len(self.low)
        normal = np.zeros(size + 2)
        if face < 2 * size:
            normal[face % size] = -1.0 if face < size else 1.0
        else:
            low, axis = divmod(face - 2 * size, 2)
            normal[:-2] = self.axes[axis] if low else -self.axes[axis]
        return normal

    def is_in_rectangle(self, face: int) -> bool:
        """Whether a face is one of the chart's rectangle, and not one of h."""
        return face >= 2 * len(self.low)
