"""The two-dimensional slow manifold through a point, as a mesh on which nullclines lie."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from nullcline._native.blas import one_blas_thread
from nullcline._support import validation
from nullcline.cells.double_precision import in_float64
from nullcline.continuation.branch_points import require_finite_jacobian
from nullcline.continuation.curve_problem import LARGEST_WRITTEN_OUT
from nullcline.continuation.pseudo_arclength import ROUNDED
from nullcline.continuation.sheet_mesh import ON_FACE, Covering
from nullcline.continuation.sheet_problem import Region, SheetProblem
from nullcline.continuation.sheets import Sheet, SheetStop, fixed_on
from nullcline.continuation.slowest_modes import slowest_modes
from nullcline.continuation.starting_points import (
    require_smooth_float64,
    starting_points,
    starting_points_of_twin,
)
from nullcline.continuation.tangent_plane import Corrector
from nullcline.search.find import find_fixed_points
from nullcline.search.kinds import MINIMUM, SLOW

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from nullcline._support.validation import Floats
    from nullcline.cells.box import Box
    from nullcline.cells.protocol import Cell
    from nullcline.continuation.curve_problem import Matrix, Vector
    from nullcline.continuation.sheet_mesh import Mesh
    from nullcline.continuation.tangent_plane import TangentPlane
    from nullcline.search.fixed_points import FixedPoints

STEPS = 20
"""Default steps from the first vertex to the edge of the rectangle."""

STEPS_IN_BOX = 30
"""Default steps along half of the box's diagonal."""

FEWEST_STEPS = 3
"""To the edge, and along half of the box's diagonal, however long steps may be."""

SMALLEST_EXTENT = 1e-6
"""Smaller rectangles are not told from their rounding at the faces."""

PARALLEL = 1e-8
"""Directions whose angle has a smaller sine are parallel."""

SINGULAR = 1e-12
"""A singular value of [DG, -W] this small, beside the largest, leaves the surface undefined."""

ACROSS = 0.5
"""A mode is taken at a slow point if so much of it is across the direction of G."""

ONTO = 20
"""Newton steps from a slow point that is not on the sheet to it."""


@one_blas_thread()
def trace_sheet(
    cell: Cell,
    point: FixedPoints | ArrayLike,
    inputs: ArrayLike | None = None,
    *,
    directions: ArrayLike | None = None,
    beyond: bool = False,
    extent: float | tuple[float, float] | None = None,
    largest_step: float | None = None,
    max_vertices: int = 4000,
    tol_unique: float = 1e-3,
    tol_slow: float = 1e-6,
    n_threads: int | None = None,
) -> Sheet:
    """Cover the two-dimensional slow manifold through a fixed or slow point with a mesh.

    The surface is {h : G(h) = τ₁ w₁ + τ₂ w₂} for the reduced residual G of outputs h, a GRU's
    n(h) - h: a Lyapunov–Schmidt reduction in two slow directions, and the fibers of `trace` side by
    side. On it the curves τ₁ = 0 and τ₂ = 0 are nullclines, which meet at its fixed points. It is
    covered by discs in its tangent planes (Henderson, Int. J. Bifurcation and Chaos 12 (2002) 451),
    round folds and up to a face of the cell's `box`, by one factorization of H + 2 rows a vertex.

    Parameters
    ----------
    cell
        The cell, of at most 4096 units. One of float32 is followed as the cell of float64 with its
        weights.
    point
        `FixedPoints` of one row, fixed or slow, or a state of shape (S,), which first goes to its
        end.
    inputs
        The constant input, None or shape (D,); for `FixedPoints` their own.
    directions
        w₁ and w₂, shape (2, H), of any length. By default the two eigenvectors of ∂G/∂h whose
        eigenvalues have the largest real parts, or such a pair's real and imaginary part, to which
        the sheet is then tangent: the modes of the reduced map that decay most slowly or grow. At a
        slow point the direction of G(h), and the first of these across it. With two outputs, the
        units themselves are natural: `np.eye(2)` has the nullclines of the reduced map.
    beyond
        Whether to follow the sheet beyond the faces of the box, as `trace` does, in which case
        fixed points near its corners may lie on one sheet.
    extent
        How far to go from the point along the axes of the chart, both ways, one number or two; None
        for the faces alone, or with `beyond` half of the box's diagonal. A cell whose outputs have
        no bounds needs it.
    largest_step
        The distance between neighbours, in (h, τ), where the sheet bends little; by default a 20th
        of the extent, or a 30th of half of the box's diagonal.
    max_vertices
        The most vertices. The mesh grows from the point outwards.
    tol_unique, tol_slow, n_threads
        As in `find_fixed_points`, which polishes the points on the sheet.

    Returns
    -------
    Sheet
        The mesh; `Sheet.ends` says where it ends.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or value, the cell is not smooth, the point is
        neither fixed nor slow, or the surface has no tangent plane there.
    """
    twin = in_float64(cell)
    require_smooth_float64(twin)
    _require_size(twin)
    own = None if directions is None else _two_directions(directions, twin.hidden_size)
    reach = None if extent is None else _two_extents(extent)
    if largest_step is not None and validation.tolerance("largest_step", largest_step) <= 0:
        raise ValueError("largest_step must be positive")
    most = validation.whole_number("max_vertices", max_vertices, 3)
    search = partial(
        find_fixed_points, cell, tol_unique=tol_unique, tol_slow=tol_slow, n_threads=n_threads
    )
    starts = _one_row(starting_points(cell, point, inputs, search))
    finer = starts if twin is cell else starting_points_of_twin(twin, starts)
    x = None if finer.inputs is None else finer.inputs[:1]
    box = twin.box_at(x)
    reach, radius = _sizes(box, reach, largest_step, beyond)

    h = twin.outputs_of(finer.h)[0]
    w = own if own is not None else _slow_directions(twin, x, h, str(finer.kind[0]))
    corrector = Corrector(SheetProblem(twin, x, w))
    plane = _first_plane(corrector, h, w)
    region = _region(box, plane, reach, beyond)
    mesh = Covering(corrector, region, plane, radius, most).cover()
    in_h = np.swapaxes(mesh.tangents[:, :-2], 1, 2)
    fixed = fixed_on(corrector, mesh.points, in_h, mesh.triangles)
    met = np.concatenate([finer.h, twin.state_of(fixed, x)]).astype(cell.dtype)
    own_x = None if starts.inputs is None else starts.inputs[:1]
    points = search(met, own_x, method="lm").unique()
    return _sheet_of(twin, x, w, region, mesh, points, corrector.factorizations)


# Arguments


def _require_size(cell: Cell) -> None:
    if cell.hidden_size < 2:
        raise ValueError("cell must have two units or more for a sheet")
    if cell.hidden_size > LARGEST_WRITTEN_OUT:
        raise ValueError(
            f"cell must have at most {LARGEST_WRITTEN_OUT} units for a sheet, not "
            f"{cell.hidden_size}: trace its curves instead"
        )


def _two_directions(given: ArrayLike, size: int) -> Matrix:
    """Check directions of the user's, and return them as unit vectors (2, H)."""
    rows = validation.floats("directions", given).astype(np.float64)
    if rows.shape != (2, size):
        raise ValueError(f"directions must have shape (2, {size}), not {rows.shape}")
    validation.require_finite("directions", rows)
    largest = np.abs(rows).max(axis=1, keepdims=True)
    if not largest.all():
        raise ValueError("directions must not hold a row of zeros")
    rows = rows / largest
    units: Matrix = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    if np.linalg.svd(units, compute_uv=False)[-1] <= PARALLEL:
        raise ValueError("directions must not be parallel: they span no sheet")
    return units


def _two_extents(given: float | tuple[float, float]) -> Vector:
    reach = validation.floats("extent", given).astype(np.float64)
    if reach.shape not in {(), (2,)} or not np.isfinite(reach).all():
        raise ValueError("extent must be one number or two, finite")
    if not (reach >= SMALLEST_EXTENT).all():
        raise ValueError(f"extent must be positive, at least {SMALLEST_EXTENT:g}")
    return np.broadcast_to(reach, (2,)).copy()


def _one_row(points: FixedPoints) -> FixedPoints:
    if len(points) != 1:
        raise ValueError(
            f"point must be one point, not {len(points)}: a sheet is traced from one, such as "
            "points.select('fixed')[0]"
        )
    return points


def _sizes(
    box: Box, reach: Vector | None, largest_step: float | None, beyond: bool
) -> tuple[Vector, float]:
    """Return how far the chart goes along both axes, and the first disc's radius."""
    half = float(np.linalg.norm(box.high - box.low)) / 2
    if reach is None and not np.isfinite(half):
        raise ValueError(
            "extent must be given for a cell whose outputs have no bounds: it is not known how far "
            "its sheet is to be followed"
        )
    radius = half / STEPS_IN_BOX
    if reach is None:
        reach = np.full(2, half if beyond else np.inf)
    if np.isfinite(reach).all():
        radius = float(reach.max()) / STEPS
    if largest_step is not None:
        radius = min(float(largest_step), half / FEWEST_STEPS, float(reach.min()) / FEWEST_STEPS)
    return reach, radius


# Where the sheet begins


def _slow_directions(cell: Cell, x: Floats | None, h: Vector, kind: str) -> Matrix:
    """Return w₁ and w₂ at a fixed or slow point."""
    jacobian = cell.residual_jacobian(h[None], x)[0]
    require_finite_jacobian(jacobian)
    slowest = slowest_modes(jacobian)
    residual = cell.residual(h[None], x)[0].astype(np.float64)
    largest = np.abs(residual).max()
    if kind not in {SLOW, MINIMUM} or largest == 0:
        return slowest
    residual /= largest  # squares of what is left of a multiple root may vanish
    first = residual / np.linalg.norm(residual)
    across = slowest - np.outer(slowest @ first, first)
    lengths = np.linalg.norm(across, axis=1)
    chosen = 0 if lengths[0] > ACROSS else 1
    return np.array([first, across[chosen] / lengths[chosen]])


def _first_plane(corrector: Corrector, h: Vector, w: Matrix) -> TangentPlane:
    """Return the tangent plane at the sheet's point by outputs h; ValueError if there is none."""
    residual = corrector.problem.function(np.append(h, [0.0, 0.0]))
    y = np.append(h, np.linalg.lstsq(w.T, residual, rcond=None)[0])
    for _ in range(ONTO):
        rows = _null_space(corrector.problem.jacobian(y))
        plane = corrector.plane(y, rows)
        if plane is None:
            break
        step = plane.across(corrector.problem.function(y))
        if not np.isfinite(step).all():
            break
        if np.abs(step).max() <= ROUNDED:
            return plane
        y = y - step
    raise ValueError(
        "point lies by no sheet of these directions: Newton's method finds none near it; give "
        "other directions"
    )


def _null_space(jacobian: Matrix) -> Matrix:
    """Return an orthonormal basis (H + 2, 2) of what [DG, -W] maps to zero."""
    require_finite_jacobian(jacobian)
    _, values, right = np.linalg.svd(jacobian)
    if values[-1] <= SINGULAR * values[0]:
        raise ValueError(
            "point has no sheet of these directions: [∂G/∂h, w₁, w₂] does not have full rank "
            "there, so that it has no tangent plane; give directions that hold what ∂G/∂h misses"
        )
    basis: Matrix = right[-2:].T
    return basis


def _region(box: Box, plane: TangentPlane, reach: Vector, beyond: bool) -> Region:
    """Return the part of the sheet that is covered, with the chart at its first point."""
    size = len(box.low)
    faces = np.full((2, size), [[-np.inf], [np.inf]]) if beyond else np.array([box.low, box.high])
    return Region(faces[0], faces[1], _chart_axes(plane.tangents), plane.point[:size], reach)


def _chart_axes(tangents: Matrix) -> Matrix:
    """Return orthonormal axes (2, H) of a tangent plane in h, the first along τ₂ = constant."""
    slope = tangents[-1]
    first = np.array([slope[1], -slope[0]]) if np.abs(slope).max() > SINGULAR else np.eye(2)[0]
    plane = tangents[:-2] @ np.column_stack([first, [-first[1], first[0]]])
    axes = np.linalg.qr(plane)[0].T
    largest = np.abs(axes).argmax(axis=1)
    signed: Matrix = axes * np.sign(axes[[0, 1], largest])[:, None]
    return signed


def _sheet_of(
    cell: Cell,
    x: Floats | None,
    w: Matrix,
    region: Region,
    mesh: Mesh,
    points: FixedPoints,
    factorizations: int,
) -> Sheet:
    outputs = mesh.points[:, :-2]
    states = cell.state_of(outputs, x).astype(np.float64, copy=False)
    is_inside = cell.box_at(x).room(outputs).min(axis=1) >= -2 * ON_FACE
    q = np.full(len(states), np.nan)
    q[is_inside] = cell.speed(states[is_inside], x)
    met = (mesh.met_face, mesh.met_extent, mesh.met_limit, mesh.met_end)
    return Sheet(
        h=states,
        tau=mesh.points[:, -2:],
        triangles=mesh.triangles,
        q=q,
        chart=(outputs - region.origin) @ region.axes.T,
        tangents=np.swapaxes(mesh.tangents[:, :-2], 1, 2),
        axes=region.axes,
        origin=region.origin,
        directions=w,
        points=points,
        ends=tuple(stop.value for stop, is_met in zip(SheetStop, met, strict=True) if is_met),
        n_factorizations=factorizations,
        cell=cell,
        inputs=x,
        is_inside=is_inside,
    )
