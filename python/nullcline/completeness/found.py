"""What a search for all fixed points found, how, and what the degree says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support import archive
from nullcline._support.reading import reading
from nullcline._support.shown import Shown, Table, first_rows
from nullcline.cells.cell_record import can_be_packed, known_cell
from nullcline.search.fixed_points import FixedPoints
from nullcline.search.points_file import pack_points, unpack_points

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

    from nullcline.cells.protocol import Cell
    from nullcline.search.degree import Completeness

START, FIBER, DEFLATION, HOMOTOPY = WAYS = ("start", "fiber", "deflation", "homotopy")
"""How a point was found: from a start; on a directional fiber through another point; by Newton's
method with all known ones divided out; at the end of a homotopy."""

_FORMAT = "nullcline.AllFixedPoints"
_VERSION = 1
_TYPES = {"how": ("U",), "directions": ("i8",), "rounds": ("i8",), "settled": ("b",)}


@dataclass(frozen=True, eq=False, repr=False)
class AllFixedPoints(Shown):
    """The distinct fixed points that a search for all of them found, at c inputs.

    Attributes
    ----------
    points
        The points, all of them "fixed", those of the first input before those of the second;
        `points.index` has their indices.
    how
        How each was first found, shape (n,): from a "start", on a "fiber" through another one, by
        "deflation", or by a "homotopy". Of a stack, the last of these that a layer needed.
    directions
        In how many directions a fiber was followed through each, shape (n,); through a joint point
        of a stack, in the layer with the fewest.
    completeness
        What the sum of their indices says, input by input. Printed, it is a sentence for each.
    rounds
        The rounds of effort that were spent on each input, shape (c,).
    settled
        Whether, at each input, the sum is 1 and a whole round after it found nothing new, shape
        (c,); of a stack, in each layer at each point of those below. That is no proof, but the most
        that a search can say.
    """

    points: FixedPoints
    how: NDArray[np.str_]
    directions: NDArray[np.int64]
    completeness: Completeness
    rounds: NDArray[np.int64]
    settled: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.points)

    def __repr__(self) -> str:
        ways = [f"{n} by {way}" for way in WAYS if (n := int(np.sum(self.how == way)))]
        said = [", ".join(ways) or "none", self.completeness.summary]
        if len(self.settled) and self.settled.all():
            said.append("settled")
        return f"AllFixedPoints({len(self)} points: {'; '.join(filter(None, said))})"

    def _table(self) -> Table:
        columns: dict[str, Any] = {
            "how": self.how,
            "directions": self.directions,
            "q": self.points.q,
            "starts": self.points.count,
        }
        if self.points.condition is not None:
            columns["condition"] = self.points.condition
        rows = [(i, *(column[i] for column in columns.values())) for i in first_rows(len(self))]
        return Table(("", *columns), rows, len(self))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a NumPy archive (.npz) without pickled objects, whole or not at all.

        It holds the cell, too, if a file can; a function must be given to `load`.

        Raises
        ------
        OSError
            If it cannot be written; what stood under `path` is then unchanged.
        """
        points = self.points.numpy()
        cell = known_cell(points.cell, "points")
        arrays = pack_points(
            points._rows(), points.tol_unique, cell if can_be_packed(cell) else None
        )
        arrays |= {name: getattr(self, name) for name in _TYPES}
        archive.write(path, _FORMAT, _VERSION, arrays)

    @classmethod
    def load(cls, path: str | os.PathLike[str], cell: Cell | None = None) -> AllFixedPoints:
        """Read what `save` wrote.

        Parameters
        ----------
        path
            The file.
        cell
            The cell, needed where the file does not hold it.

        Raises
        ------
        OSError
            If `path` cannot be opened.
        ValueError
            If it was not written by `save`, or is damaged, or no cell is known.
        """
        with reading(path, "a file of all fixed points") as file:
            arrays = archive.read(file, _FORMAT, (_VERSION,))
            own = {name: arrays.pop(name) for name in _TYPES}
            archive.require_types(own, _TYPES)
            fields = unpack_points(arrays, file)
            points = FixedPoints(**{**fields, "cell": cell or fields["cell"]})
            if not len(own["how"]) == len(own["directions"]) == len(points):
                raise ValueError("its columns have different lengths")
        return cls(points=points, completeness=points.completeness(), **own)
