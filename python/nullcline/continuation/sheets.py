"""A two-dimensional slow manifold as a mesh: its nullclines, where they meet, and its flow."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nullcline._native.blas import one_blas_thread
from nullcline._support.shown import Shown
from nullcline.certify.index import index_states
from nullcline.continuation.marching_triangles import between, zero_edges
from nullcline.continuation.sheet_mesh import ON_FACE
from nullcline.continuation.sheet_problem import SheetProblem
from nullcline.continuation.tangent_plane import Corrector
from nullcline.linearization.linear_map import spectral_radius

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell
    from nullcline.continuation.curve_problem import Matrix, Vector
    from nullcline.continuation.marching_triangles import Edge
    from nullcline.search.fixed_points import FixedPoints

ON_SHEET = 1e-6
"""A fixed point is on the sheet if the sheet's point above its place is so near to it."""

BISECTIONS = 6
"""Halvings of an edge, at most, until Newton's method finds its crossing with a nullcline."""

SAME = 1e-7
"""Fixed points that are no further apart, in any unit, are one."""

AT_ZERO = 1e-10
"""A |τ| of a vertex that is a fixed point's."""


class SheetStop(Enum):
    """Where a sheet ends; the values are what users read."""

    FACE = "the sheet reached faces of the cell's box"
    EXTENT = "the sheet fills the rectangle of its chart as far as extent allows"
    VERTICES = "the limit of vertices was reached"
    STEP = "no step could be found somewhere: the sheet has an edge or a singular point there"


class Nullcline(NamedTuple):
    """A polyline on a sheet along which τ₁ or τ₂ is zero.

    Attributes
    ----------
    h
        States, shape (m, S), each on the sheet to rounding; of a closed line the first again.
    chart
        Their coordinates in the sheet's chart, shape (m, 2).
    is_inside
        Whether each is in the cell's box, shape (m,).
    """

    h: Matrix
    chart: Matrix
    is_inside: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Sheet(Shown):
    """A surface of states whose outputs h have G(h) = τ₁ w₁ + τ₂ w₂, as a mesh of triangles.

    Outside of the cell's box, where a sheet of `trace_sheet(..., beyond=True)` goes, G is that of
    the map n(ψ(h)), which keeps what the cell reads near the box.

    Attributes
    ----------
    h
        States at the vertices, shape (V, S), the one that the sheet was traced from first.
    tau
        τ₁ and τ₂, shape (V, 2): both are zero at fixed points.
    triangles
        Vertices of each triangle, shape (T, 3), all the same way round.
    q
        Speeds, shape (V,); NaN outside of the box.
    chart
        Coordinates along `axes`, shape (V, 2): `axes @ (h - origin)` of outputs h.
    tangents
        Two orthonormal tangents of the surface of all (h, τ), of which these are the parts in h,
        shape (V, 2, H).
    axes
        An orthonormal basis, shape (2, H), of the tangent plane in h at the first vertex: the first
        axis is the direction in which τ₂ does not change.
    origin
        The outputs at the first vertex, shape (H,).
    directions
        w₁ and w₂, shape (2, H).
    points
        The fixed points on the sheet and, if it is one, the slow point that it was traced from:
        labelled and merged as in a search.
    ends
        Where it ends: some of the sentences of `SheetStop`; none of a closed surface.
    n_factorizations
        How many matrices of H + 2 rows were factored.
    cell
        The cell that was traced.
    inputs
        The constant input that it was traced with, shape (1, D); None for zero.
    is_inside
        Whether each state is in the cell's box, shape (V,).
    """

    h: Matrix
    tau: Matrix
    triangles: NDArray[np.intp]
    q: Floats
    chart: Matrix
    tangents: Matrix
    axes: Matrix
    origin: Vector
    directions: Matrix
    points: FixedPoints
    ends: tuple[str, ...]
    n_factorizations: int
    cell: Cell
    inputs: Floats | None
    is_inside: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.h)

    def __repr__(self) -> str:
        size = self.h.shape[1]
        return (
            f"Sheet({len(self)} vertices, {len(self.triangles)} triangles, {len(self.points)} "
            f"points; S = {size})"
        )

    @property
    def fixed_h(self) -> Matrix:
        """The fixed points on the sheet, where both kinds of nullclines meet, shape (k, S)."""
        return self._states(self._fixed)

    @property
    def fixed_chart(self) -> Matrix:
        """Their coordinates in the chart, shape (k, 2)."""
        return self._place(self._fixed)

    @cached_property
    def indices(self) -> NDArray[np.int8]:
        """Their indices sign det(I - Dn), shape (k,): +1 or -1, or 0 where it is not determined."""
        states = self.fixed_h
        x = None if self.inputs is None else np.repeat(self.inputs, len(states), axis=0)
        return index_states(self.cell, states, x)

    @property
    def index_sum(self) -> int:
        """The sum of `indices`; 1 where the sheet holds all fixed points of a bounded cell."""
        return int(self.indices.sum())

    @cached_property
    def is_stable(self) -> NDArray[np.bool_]:
        """Whether every |λ| of J_rec is below 1 at each of them, shape (k,)."""
        return np.array([spectral_radius(self.cell, h, self.inputs) < 1 for h in self.fixed_h],
                        np.bool_)  # fmt: skip

    @cached_property
    def nullclines(self) -> tuple[tuple[Nullcline, ...], tuple[Nullcline, ...]]:
        """The polylines τ₁ = 0, and the polylines τ₂ = 0.

        Each vertex of them lies on the sheet with that τ zero, to rounding; computed when first
        asked for, by about one factorization a vertex.
        """
        first, second = (self._lines(k) for k in range(2))
        return first, second

    @cached_property
    def flow(self) -> Matrix:
        """Where a step leads, F(h) - h of the outputs, projected on the chart, shape (V, 2).

        NaN outside of the box.
        """
        moved = np.full((len(self), 2), np.nan)
        states = self.h[self.is_inside]
        change = self.cell.outputs_of(self.cell.step(states, self._inputs_of(states)))
        moved[self.is_inside] = (change - self.cell.outputs_of(states)) @ self.axes.T
        return moved

    @property
    def reduced_flow(self) -> Matrix:
        """The reduced map's change n(h) - h = τ₁ w₁ + τ₂ w₂ on the chart, shape (V, 2)."""
        moved: Matrix = self.tau @ (self.directions @ self.axes.T)
        return moved

    @property
    def is_graph(self) -> bool:
        """Whether the chart tells all triangles' sides alike: the sheet has no fold in it."""
        corners = self.chart[self.triangles]
        (ax, ay), (bx, by) = (corners[:, 1] - corners[:, 0]).T, (corners[:, 2] - corners[:, 0]).T
        turned = ax * by - ay * bx
        return bool((turned > 0).all() or (turned < 0).all())

    # How they are computed

    @cached_property
    def _fixed(self) -> Matrix:
        """The outputs of the fixed points, shape (k, H)."""
        return fixed_on(self._corrector(), self._vertices(), self.tangents, self.triangles)

    def _lines(self, k: int) -> tuple[Nullcline, ...]:
        found = []
        box = self.cell.box_at(self.inputs)
        with one_blas_thread():
            corrector = self._corrector()
            for edges in zero_edges(self.tau[:, k], self.triangles):
                outputs = self._polished(corrector, k, edges)
                is_inside = box.room(outputs).min(axis=1) >= -2 * ON_FACE
                found.append(Nullcline(self._states(outputs), self._place(outputs), is_inside))
        return tuple(found)

    def _polished(self, corrector: Corrector, k: int, edges: list[Edge]) -> Matrix:
        """Return the outputs (m, H) where the sheet has τ_k = 0 near each edge's zero of it."""
        vertices = self._vertices()
        shares = between(self.tau[:, k], edges)
        crossings = []
        for (a, b), share in zip(edges, shares, strict=True):
            ends = vertices[[a, b]]
            crossings.append(self._crossing(corrector, k, ends, self.tangents[a], float(share)))
        return np.array(crossings)

    def _crossing(
        self, corrector: Corrector, k: int, ends: Matrix, tangents: Matrix, share: float
    ) -> Vector:
        """Return the outputs where τ_k is zero on the sheet, along an edge between two points.

        By Newton's method; where it fails, from a nearer start after a step of bisection.
        """
        size = ends.shape[1] - 2
        along = ends[1] - ends[0]
        rows = np.zeros((size + 2, 2))
        rows[size + k, 0] = 1
        rows[:size, 1] = _across(tangents, along[:size])
        target = np.array([0.0, rows[:, 1] @ ends[0]])
        low, high = ends
        start = (1 - share) * low + share * high
        for _ in range(BISECTIONS):
            met = corrector.met(start, rows, target)
            if met is not None and np.linalg.norm(met - start) <= np.linalg.norm(along):
                crossing: Vector = met[:size]
                return crossing
            on_edge = np.column_stack([along, rows[:, 1]])
            middle = (low + high) / 2
            found = corrector.met(middle, on_edge, np.array([along @ middle, target[1]]))
            if found is None:
                break
            if (found[size + k] >= 0) == (low[size + k] >= 0):
                low = found
            else:
                high = found
            share = float(low[size + k] / (low[size + k] - high[size + k]))
            start = (1 - share) * low + share * high
        rest: Vector = start[:size]
        return rest

    def _corrector(self) -> Corrector:
        return Corrector(SheetProblem(self.cell, self.inputs, self.directions))

    def _vertices(self) -> Matrix:
        return np.column_stack([self.cell.outputs_of(self.h), self.tau])

    def _inputs_of(self, states: Matrix) -> Floats | None:
        return None if self.inputs is None else np.repeat(self.inputs, len(states), axis=0)

    def _states(self, outputs: Matrix) -> Matrix:
        return self.cell.state_of(outputs, self.inputs).astype(np.float64, copy=False)

    def _place(self, outputs: Matrix) -> Matrix:
        placed: Matrix = (outputs - self.origin) @ self.axes.T
        return placed


@one_blas_thread()
def fixed_on(
    corrector: Corrector, vertices: Matrix, tangents: Matrix, triangles: NDArray[np.intp]
) -> Matrix:
    """Return the outputs (k, H) of the fixed points on a mesh, each once.

    By Newton's method from every triangle in which both τ change sign.

    Parameters
    ----------
    corrector
        Of the sheet.
    vertices
        Points (h, τ), shape (V, H + 2).
    tangents
        In h, at each, shape (V, 2, H).
    triangles
        Their numbers, shape (T, 3).
    """
    size = vertices.shape[1] - 2
    sides: NDArray[np.bool_] = vertices[triangles, -2:] >= 0
    mixed = np.asarray(sides.any(axis=1) & ~sides.all(axis=1)).all(axis=1)
    rows = np.eye(size + 2)[:, -2:]
    at_rest = np.abs(vertices[:, -2:]).max(axis=1) <= AT_ZERO
    found = list(vertices[at_rest, :-2])
    for corners in vertices[triangles[mixed]]:
        y = _zero_between(corners)
        met = corrector.met(y, rows, np.zeros(2))
        if met is None or any((np.abs(met[:size] - h) <= SAME).all() for h in found):
            continue
        nearest = int(np.linalg.norm(vertices - met, axis=1).argmin())
        if _is_above(corrector, vertices[nearest], tangents[nearest], met):
            found.append(met[:size])
    return np.array(found).reshape(-1, size)


def _is_above(corrector: Corrector, vertex: Vector, tangents: Matrix, y: Vector) -> bool:
    """Tell whether the sheet's point above a place in a vertex's tangent plane is y."""
    rows = np.vstack([tangents.T, np.zeros((2, 2))])
    plane = corrector.plane(vertex, rows)
    if plane is None:
        return False
    place = plane.tangents @ (plane.tangents.T @ (y - vertex))
    above = corrector.corrected(plane, vertex + place)
    return above is not None and bool(np.linalg.norm(above - y) <= ON_SHEET)


def _across(tangents: Matrix, along: Vector) -> Vector:
    """Return a unit vector in the span of two vectors (2, H), orthogonal to one near it."""
    basis = np.linalg.qr(tangents.T)[0]
    first, second = basis.T @ along
    across: Vector = basis @ np.array([-second, first])
    return across / (np.linalg.norm(across) or 1.0)


def _zero_between(corners: Matrix) -> Vector:
    """Return where both τ are zero in a triangle, to first order; its middle where that is out."""
    tau = corners[:, -2:]
    middle: Vector = corners.mean(axis=0)
    try:
        shares = np.linalg.solve(np.vstack([tau.T, np.ones(3)]), [0.0, 0.0, 1.0])
    except np.linalg.LinAlgError:
        return middle
    if not (np.abs(shares) <= 1).all():
        return middle
    zero: Vector = shares @ corners
    return zero
