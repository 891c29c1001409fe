"""Curves that were traced, and the points that were met on them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from nullcline._support.deprecation import deprecated_attribute
from nullcline._support.shown import Shown, Table, first_rows
from nullcline.linearization.linear_map import spectral_radius

if TYPE_CHECKING:
    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell
    from nullcline.continuation.curve_problem import Matrix, Vector
    from nullcline.search.fixed_points import FixedPoints


@dataclass(frozen=True, eq=False)
class Curve(Shown):
    """A curve of states whose outputs h have G(h) = τ w, w a fixed unit vector, in order along it.

    Attributes
    ----------
    h
        States, shape (m, S).
    tau, tau_slope
        τ and dτ / d arclength, shape (m,): τ is zero at fixed points, |τ| has a minimum by a ghost.
    q
        Speeds, shape (m,).
    arclength
        Along (h, τ), shape (m,); 0 at the point that the curve was traced from.
    tangents
        d outputs / d arclength, shape (m, H).
    direction
        w, shape (H,).
    branch_h
        Where another curve of the same equation crosses this one, to rounding, shape (b, S), as in
        networks with a symmetry. The curve is followed straight on.
    branch_arclength
        Their place along the curve, shape (b,).
    ends
        Why the curve ends, on the side where it begins and on the other: one of the sentences of
        `CurveStop`.
    cell
        The cell that was traced.
    inputs
        The constant input that the curve was traced with, shape (1, D); None for zero.
    """

    h: Matrix
    tau: Vector
    tau_slope: Vector
    q: Floats
    arclength: Vector
    tangents: Matrix
    direction: Vector
    branch_h: Matrix
    branch_arclength: Vector
    ends: tuple[str, str]
    cell: Cell
    inputs: Floats | None

    slowest = deprecated_attribute("spectral_radius")

    def __len__(self) -> int:
        return len(self.h)

    def __repr__(self) -> str:
        length = self.arclength[-1] - self.arclength[0]
        return f"Curve({len(self)} states, {length:.3g} long; S = {self.h.shape[1]})"

    @cached_property
    def spectral_radius(self) -> Vector:
        """The largest |λ| of J_rec at each state, shape (m,), computed when first asked for."""
        return np.array([spectral_radius(self.cell, h, self.inputs) for h in self.h])


@dataclass(frozen=True, eq=False)
class Trace(Shown):
    """What `trace` found: the curves, and the distinct points on them.

    Attributes
    ----------
    curves
        One per point and direction that was asked for.
    points
        The fixed points that the curves cross and the ghosts that they pass: polished, labelled and
        merged as in a search; `count` says how often each was met.
    """

    curves: tuple[Curve, ...]
    points: FixedPoints

    def __repr__(self) -> str:
        n_states = sum(map(len, self.curves))
        size = self.points.h.shape[1]
        return (
            f"Trace({len(self.curves)} curves of {n_states} states, {len(self.points)} points; "
            f"S = {size})"
        )

    def _table(self) -> Table:
        n = len(self.curves)
        rows = [(f"curve {i}", repr(self.curves[i])) for i in first_rows(n)]
        return Table(("", ""), [("points", repr(self.points)), *rows], n + 1)
