"""What an enumeration found: every fixed point with its proof, and what stayed open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nullcline._support.shown import Shown, Table, first_rows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nullcline._support.row_numbers import Rows
    from nullcline.search.fixed_points import FixedPoints


@dataclass(frozen=True, eq=False, repr=False)
class Enumeration(Shown):
    """All fixed points of a cell at one input that are proved, and the boxes that stayed open.

    Where `complete` is true there are no others: that is a theorem about the real network whose
    weights and input are the floating-point numbers given. ``found[rows]`` are some of `points`.

    Attributes
    ----------
    points
        The fixed points, in the order of their coordinates, one row each.
    radius_exists
        One and only one fixed point lies within this distance of each row of `points`, in the sup
        norm, shape (n,).
    index
        The index sign det(I - Dn) of each, proved, shape (n,), int8; 0 where it is not.
    open_low, open_high
        The ends of the boxes of outputs in which there may be other fixed points, shape (m, H).
    n_boxes
        How many boxes were looked at.
    method
        What was divided: "boxes" of outputs, boxes of "latent" variables, or the linear "regions"
        of a ReLU network.
    reason
        Why it is complete, or why it is not, in a sentence.
    """

    points: FixedPoints
    radius_exists: NDArray[np.float64]
    index: NDArray[np.int8]
    open_low: NDArray[np.float64]
    open_high: NDArray[np.float64]
    n_boxes: int
    method: str
    reason: str

    @property
    def complete(self) -> bool:
        """Whether these are proved to be all fixed points."""
        return len(self.open_low) == 0

    @property
    def open_boxes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The lower and the upper ends of the open boxes, each of shape (m, H)."""
        return self.open_low, self.open_high

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, which: str | Rows) -> FixedPoints:
        return self.points[which]

    def __repr__(self) -> str:
        what = "complete" if self.complete else f"{len(self.open_low)} boxes open"
        return (
            f"Enumeration({len(self)} fixed points, {what}; index sum {int(self.index.sum())}, "
            f"{self.n_boxes} {self.method}, S = {self.points.h.shape[1]})"
        )

    def _table(self) -> Table:
        columns = (self.index, self.radius_exists, self.points.q)
        rows = [(i, *(column[i] for column in columns)) for i in first_rows(len(self))]
        return Table(("", "index", "radius_exists", "q"), rows, len(self))
