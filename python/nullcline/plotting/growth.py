"""How points of a picture are marked, and the directions that grow at them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline.linearization.linear_map import linearize, require_linearization
from nullcline.plotting.points import point_kinds, unstable_directions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nullcline.linearization.linear_map import Linearization
    from nullcline.search.fixed_points import FixedPoints

    Matrix = NDArray[np.float64]
    Names = NDArray[np.str_]

LINEARIZED_UNASKED = 5e8
"""So many n S³ at most are linearized for a picture alone, which takes some seconds."""


class Growth:
    """Marks of points, and the directions that grow at them: whose each is, and unit vectors."""

    def __init__(self, marks: Names, owners: NDArray[np.intp], vectors: Matrix) -> None:
        self.marks, self.owners, self.vectors = marks, owners, vectors

    @classmethod
    def of(cls, points: FixedPoints, linearization: Linearization | None, most: int) -> Growth:
        """Return those of points by their linearization, or by one made here.

        Parameters
        ----------
        points
            The points.
        linearization
            Of these, row by row; None to linearize the fixed ones, if that takes some seconds.
        most
            The most directions at a point.
        """
        fixed = np.flatnonzero(points.kind == "fixed")
        if linearization is not None:
            require_linearization(linearization)
            if len(linearization) != len(points):
                raise ValueError(
                    f"linearization must be of these {len(points)} points, as "
                    f"nc.linearize(cell, points) is, not of {len(linearization)}"
                )
            return cls._by(points, np.arange(len(points)), linearization, most)
        cost = len(fixed) * points.h.shape[1] ** 3
        if points.cell is None or len(fixed) == 0 or cost > LINEARIZED_UNASKED:
            none = np.zeros(0, np.intp), np.zeros((0, points.h.shape[1]))
            return cls(point_kinds(points.kind), *none)
        return cls._by(points, fixed, linearize(points.cell, points.select(fixed)), most)

    @classmethod
    def _by(
        cls, points: FixedPoints, rows: NDArray[np.intp], linearization: Linearization, most: int
    ) -> Growth:
        every = linearization.eigenvalues.shape[1] == linearization.h.shape[1]
        marks = point_kinds(points.kind)
        marks[rows] = point_kinds(
            points.kind[rows], linearization.stability, linearization.eigenvalues if every else None
        )
        owners, vectors = unstable_directions(linearization, most)
        return cls(marks, rows[owners], vectors)._where(np.isin(marks, ["saddle", "repeller"]))

    def _where(self, grows: NDArray[np.bool_]) -> Growth:
        """Return the same marks, with the directions of these points alone."""
        kept = grows[self.owners]
        return Growth(self.marks, self.owners[kept], self.vectors[kept])

    def select(self, mask: NDArray[np.bool_]) -> Growth:
        """Return those of some of the points, by a mask."""
        kept = mask[self.owners]
        number = np.cumsum(mask) - 1
        return Growth(self.marks[mask], number[self.owners[kept]], self.vectors[kept])
