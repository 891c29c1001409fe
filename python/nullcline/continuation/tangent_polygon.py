"""A convex polygon in a tangent plane: what of it is nearer to its centre than to the neighbours'.

The edges are labelled by what cut them off: a neighbour's number, or one of the two below. Corners
and numbers are Python's own: of a handful of corners most of NumPy's time would be the calls.
"""

from __future__ import annotations

from math import hypot
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

Place = tuple[float, float]

OPEN = -1
"""The label of an edge that nothing has cut yet."""

CLOSED = -2
"""The label of an edge beyond which the sheet is not followed."""


class TangentPolygon:
    """Corners, counterclockwise, and the labels of the edges that leave them."""

    def __init__(self, radius: float) -> None:
        r = float(radius)
        self.corners: list[Place] = [(-r, -r), (r, -r), (r, r), (-r, r)]
        self.labels = [OPEN] * 4

    def cut(self, normal: Place, offset: float, label: int) -> None:
        """Keep what has normal · s ≤ offset."""
        a, b = normal
        beyond = [a * x + b * y - offset for x, y in self.corners]
        n = len(beyond)
        first = next((i for i in range(n) if beyond[i] > 0 >= beyond[i - 1]), None)
        if first is None:  # all of it is on one side
            if n and beyond[0] > 0:
                self.corners, self.labels = [], []
            return
        last = next(i for i in range(first, first + n) if beyond[(i + 1) % n] <= 0) % n
        before, after = (first - 1) % n, (last + 1) % n
        entry = self._between(before, first, beyond)
        leave = self._between(last, after, beyond)
        kept = [(after + k) % n for k in range((before - after) % n + 1)]
        self.corners = [*(self.corners[i] for i in kept), entry, leave]
        self.labels = [*(self.labels[i] for i in kept), label, self.labels[last]]

    def keep_nearer(self, places: Sequence[Place], labels: Sequence[int]) -> None:
        """Keep what is nearer to the centre than to any of these places.

        The nearest cut first. Then the polygon is small, and few of the others reach it.
        """
        lengths = [hypot(*place) for place in places]
        for k in sorted(range(len(places)), key=lengths.__getitem__):
            if lengths[k] >= 2 * self._reach():
                return  # neither this place nor any that is further away cuts anything off
            x, y = places[k]
            self.cut((x, y), (x * x + y * y) / 2, labels[k])

    def outside(self, radius: float) -> Place | None:
        """Return the corner furthest outside of a circle; None if there is none."""
        if self._reach() <= radius * (1 + 1e-6):
            return None
        return max(self.corners, key=lambda corner: hypot(*corner))

    def joints(self, radius: float) -> list[tuple[int, int]]:
        """Return the pairs of neighbours whose edges meet within a circle, counterclockwise."""
        joined = zip([*self.labels[-1:], *self.labels], self.labels, self.corners, strict=False)
        return [
            (a, b)
            for a, b, corner in joined
            if a >= 0 and b >= 0 and a != b and hypot(*corner) <= radius
        ]

    def _reach(self) -> float:
        return max((hypot(*corner) for corner in self.corners), default=0.0)

    def _between(self, i: int, j: int, beyond: Sequence[float]) -> Place:
        share = beyond[i] / (beyond[i] - beyond[j])
        (x, y), (u, v) = self.corners[i], self.corners[j]
        return (x + share * (u - x), y + share * (v - y))
