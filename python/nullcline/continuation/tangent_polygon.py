"""A convex polygon in a tangent plane: what of it is nearer to its centre than to the neighbours'.

The edges are labelled by what cut them off: a neighbour's number, or one of the two below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nullcline.continuation.curve_problem import Matrix, Vector

OPEN = -1
"""The label of an edge that nothing has cut yet."""

CLOSED = -2
"""The label of an edge beyond which the sheet is not followed."""


class TangentPolygon:
    """Corners (k, 2), counterclockwise, and the labels (k,) of the edges that leave them."""

    def __init__(self, radius: float) -> None:
        square = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
        self.corners: Matrix = radius * square
        self.labels: NDArray[np.intp] = np.full(4, OPEN)

    def cut(self, normal: Vector, offset: float, label: int) -> None:
        """Keep what has normal · s ≤ offset."""
        beyond = self.corners @ normal - offset
        outside = beyond > 0
        if not outside.any():
            return
        if outside.all():
            self.corners, self.labels = np.zeros((0, 2)), np.zeros(0, np.intp)
            return
        n = len(outside)
        first = next(i for i in range(n) if outside[i] and not outside[i - 1])
        last = next(i for i in range(n) if outside[i] and not outside[(i + 1) % n])
        before, after = (first - 1) % n, (last + 1) % n
        entry = self._between(before, first, beyond)
        leave = self._between(last, after, beyond)
        kept = [(after + k) % n for k in range((before - after) % n + 1)]
        self.corners = np.vstack([self.corners[kept], entry, leave])
        self.labels = np.append(self.labels[kept], [label, self.labels[last]])

    def keep_nearer(self, places: Matrix, labels: Sequence[int]) -> None:
        """Keep what is nearer to the centre than to any of these places (n, 2).

        The nearest cut first. Then the polygon is small, and few of the others reach it.
        """
        lengths = np.hypot(*places.T)
        for k in lengths.argsort(kind="stable").tolist():
            if lengths[k] >= 2 * np.hypot(*self.corners.T).max(initial=0.0):
                return  # neither this place nor any that is further away cuts anything off
            self.cut(places[k], float(places[k] @ places[k]) / 2, labels[k])

    def outside(self, radius: float) -> Vector | None:
        """Return the corner furthest outside of a circle; None if there is none."""
        if len(self.corners) == 0:
            return None
        lengths = np.hypot(*self.corners.T)
        furthest = int(lengths.argmax())
        if lengths[furthest] <= radius * (1 + 1e-6):
            return None
        corner: Vector = self.corners[furthest]
        return corner

    def joints(self, radius: float) -> list[tuple[int, int]]:
        """Return the pairs of neighbours whose edges meet within a circle, counterclockwise."""
        lengths = np.hypot(*self.corners.T)
        pairs = zip(np.roll(self.labels, 1).tolist(), self.labels.tolist(), lengths, strict=True)
        return [(a, b) for a, b, far in pairs if a >= 0 and b >= 0 and a != b and far <= radius]

    def _between(self, i: int, j: int, beyond: Vector) -> Vector:
        share = beyond[i] / (beyond[i] - beyond[j])
        place: Vector = self.corners[i] + share * (self.corners[j] - self.corners[i])
        return place
