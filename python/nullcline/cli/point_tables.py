"""Tables of points: what they are, how slow, and how the network moves around them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline.cli.tables import Table
from nullcline.linearization.resolution import GROWTH, known_time_constants, side_of_circle
from nullcline.search.kinds import FIXED, UNCONVERGED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nullcline.cli.subject import Subject
    from nullcline.linearization.linear_map import Linearization
    from nullcline.search.fixed_points import FixedPoints


def points_table(points: FixedPoints, title: str) -> Table:
    """Return a row for each point, numbered from 0."""
    columns = ["point", "kind", "q", "norm", "starts", "index"]
    norms = np.linalg.norm(points.h.astype(np.float64), axis=1).tolist()
    rows = [
        [i, str(points.kind[i]), float(points.q[i]), norm, int(points.count[i]), index]
        for i, (norm, index) in enumerate(zip(norms, _indices(points), strict=True))
    ]
    if points.condition is not None:
        columns.append("condition")
        for row, label in zip(rows, points.condition.tolist(), strict=True):
            row.append(label)
    return Table(title, columns, rows)


def _indices(points: FixedPoints) -> list[int | None]:
    """Return the index of each fixed point; None for other ends, or where no cell is known."""
    if points.cell is None:
        return [None] * len(points)
    found = zip(points.index.tolist(), points.kind.tolist(), strict=True)
    return [index if kind == FIXED else None for index, kind in found]


def linearization_table(found: Linearization, title: str, subject: Subject | None = None) -> Table:
    """Return a row for each point: is it stable, its largest |λ|, its slowest modes.

    The numbers and kinds of points, and how slow the network is there, are those of the subject.
    """
    taus = known_time_constants(found.eigenvalues, found.eigenvalue_errors)
    sides = side_of_circle(found.eigenvalues, found.eigenvalue_errors)
    columns: dict[str, Sequence[Any]] = {"point": range(len(found))}
    if subject is not None:
        columns = {
            "point": subject.numbers.tolist(),
            "kind": kinds_of(subject.points),
            "q": subject.points.q.tolist(),
        }
    columns |= {
        "stability": found.stability.tolist(),
        "largest |λ|": np.abs(found.eigenvalues).max(axis=1).tolist(),
        "longest τ": taus.max(axis=1).tolist(),
        "growing": np.sum(sides == GROWTH, axis=1).tolist(),
    }
    return Table(title, list(columns), list(zip(*columns.values(), strict=True)))


def kinds_of(points: FixedPoints) -> list[str | None]:
    """Return the kinds of points; None for a state that is none."""
    return [None if kind == UNCONVERGED else kind for kind in points.kind.tolist()]
