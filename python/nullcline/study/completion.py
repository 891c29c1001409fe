"""The fixed points of a layer that its search from visited states did not meet."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from nullcline.completeness import find_all_fixed_points
from nullcline.linearization.joining import concatenate
from nullcline.search.kinds import FIXED
from nullcline.search.merging import merge

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nullcline._support.validation import Floats
    from nullcline.cells import Cell
    from nullcline.search.fixed_points import FixedPoints
    from nullcline.study.settings import AnalysisSettings

EFFORT = 3
"""Rounds at most. A layer of which all points are known takes one, by whose curves no new one is
met; one that brings new points is followed by another."""

SEARCH = "search"
"""How the ends of the search were found; the others by a way of `nullcline.AllFixedPoints.how`."""


def complete(
    cell: Cell, ends: FixedPoints, settings: AnalysisSettings, inputs: Floats | None = None
) -> tuple[FixedPoints, NDArray[np.str_]]:
    """Return the distinct ends of a search with the fixed points that it missed, and how.

    Parameters
    ----------
    cell
        The layer, or a stack of all.
    ends
        The ends of its search, one row per start.
    settings
        Those of the search.
    inputs
        Its constant input, shape (D,); None for zero.

    Returns
    -------
    unique
        The distinct ends as they are (`FixedPoints.unique`), and after them the fixed points that
        `nullcline.find_all_fixed_points` found beyond, in which no start ended: `count` is 0.
    how
        How each was found, shape (u,): by the "search", from another "start", drawn in all of the
        layer's box, on a "fiber", by "deflation" or by a "homotopy".
    """
    unique = ends.unique()
    found = find_all_fixed_points(
        cell,
        inputs,
        starts=ends.h if len(ends) else None,
        effort=EFFORT,
        tol_unique=settings.tol_unique,
        n_threads=settings.n_threads,
        seed=settings.seed,
    )
    is_new = ~_are_among(found.points, unique.select(FIXED))
    new = found.points.select(is_new)
    new = replace(new, count=np.zeros_like(new.count))
    how = np.concatenate([np.full(len(unique), SEARCH), found.how[is_new]])
    return concatenate([unique, new]), how


def _are_among(points: FixedPoints, known: FixedPoints) -> NDArray[np.bool_]:
    """Tell which points are among known ones, all of which are distinct."""
    owner = merge(np.concatenate([known.h, points.h]), known.tol_unique)
    return owner[len(known) :] < len(known)
