"""A fold followed as the input moves in two directions, through the cusps on its way."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._native.blas import one_blas_thread
from nullcline._support import validation
from nullcline._support.shown import Shown
from nullcline.continuation.bifurcation_points import Bifurcation, BifurcationPoint
from nullcline.continuation.branch_points import open_directions
from nullcline.continuation.curve_problem import LARGEST_WRITTEN_OUT, CurveStop
from nullcline.continuation.fold_problem import FoldEquations
from nullcline.continuation.pieces import Piece
from nullcline.continuation.pseudo_arclength import ARRIVED, follow
from nullcline.continuation.starting_points import require_smooth_float64

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from nullcline.cells.protocol import Cell
    from nullcline.continuation.curve_problem import Matrix, Vector
    from nullcline.continuation.pseudo_arclength import Branch

LARGEST = LARGEST_WRITTEN_OUT // 2
"""The most units: there are two unknowns for each."""


@dataclass(frozen=True, eq=False, repr=False)
class FoldCurve(Shown):
    """The folds of one curve in two inputs x + s₁ d₁ + s₂ d₂, in their order along it.

    On one side of the curve in the plane of s there are two fixed points more than on the other.

    Attributes
    ----------
    h
        Where the two meet, shape (m, S).
    s
        s₁ and s₂, shape (m, 2).
    inputs
        The inputs, shape (m, D).
    null
        The direction in outputs in which they come together, shape (m, H), of length 1: the null
        vector of I - Dn.
    arclength
        Along (h, null, s), shape (m,).
    cusp_h, cusp_s
        The cusps, where two curves of folds meet and end in the plane of s, shapes (c, S) and
        (c, 2): around one there are three fixed points on one side, and one on the other.
    ends
        Why the curve ends at its beginning and its end: sentences of `CurveStop`.
    cell
        The cell.
    """

    h: Matrix
    s: Matrix
    inputs: Matrix
    null: Matrix
    arclength: Vector
    cusp_h: Matrix
    cusp_s: Matrix
    ends: tuple[str, str]
    cell: Cell

    def __len__(self) -> int:
        return len(self.h)

    def __repr__(self) -> str:
        low, high = self.s.min(axis=0), self.s.max(axis=0)
        reach = " and ".join(f"{a:.3g} to {b:.3g}" for a, b in zip(low, high, strict=True))
        return (
            f"FoldCurve({len(self)} folds, {len(self.cusp_s)} cusps, s from {reach}; "
            f"S = {self.h.shape[1]})"
        )


@one_blas_thread()
def fold_curve(
    cell: Cell,
    point: BifurcationPoint | ArrayLike,
    direction_1: ArrayLike,
    direction_2: ArrayLike,
    inputs: ArrayLike | None = None,
    *,
    reach: float = 1.0,
    largest_step: float = 0.2,
    max_points: int = 1000,
) -> FoldCurve:
    """Follow a fold while the input moves in two directions, to both sides.

    Pseudo-arclength continuation of the extended system of a fold, which goes round cusps too
    (Kuznetsov, Elements of Applied Bifurcation Theory, section 10.2.1; Govaerts, Numerical Methods
    for Bifurcations of Dynamical Equilibria, 2000). A cusp is where w · D²G(v, v) changes its sign,
    v and w being the null vectors of D_h G.

    Parameters
    ----------
    cell
        The cell: a smooth one of float64, with 2048 units at most.
    point
        A fold of `InputBranch.bifurcations`, or a state near one, shape (S,), such as a row of
        `fold_h`.
    direction_1, direction_2
        d₁ and d₂, shape (D,), not parallel.
    inputs
        x, shape (D,), the input that s is counted from; None for that of the fold, or zero.
    reach
        The curve ends at |s₁| or |s₂| = `reach`, to within 1e-3.
    largest_step
        The longest step, in arclength.
    max_points
        The most points to either side.

    Returns
    -------
    FoldCurve

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or value, the cell is not a smooth float64 one, or
        there is no fold near the point.
    """
    require_smooth_float64(cell)
    if cell.hidden_size > LARGEST:
        raise ValueError(f"cell must have {LARGEST} units at most, not {cell.hidden_size}")
    limit = validation.whole_number("max_points", max_points, 2)
    for name, value in (("reach", reach), ("largest_step", largest_step)):
        if validation.tolerance(name, value) <= 0:
            raise ValueError(f"{name} must be positive")
    directions = _directions(cell, direction_1, direction_2)
    outputs, x = _fold(cell, point, inputs)
    equations = FoldEquations(cell, x, directions, reach)
    null = np.linalg.svd(cell.residual_jacobian(outputs[None], x)[0])[2][-1]
    start = equations.nearest_fold(outputs, null)
    if start is None:
        raise ValueError("point must be near a fold: none is found from it by Newton's method")
    tangent = open_directions(equations.problem, start).tangents[0]
    halves: list[Branch] = []
    for sign in (1, -1):
        half = follow(
            equations.problem,
            start,
            sign * tangent,
            largest_step=largest_step,
            max_points=limit,
        )
        halves.append(half)
        if half.stop is CurveStop.CLOSED:
            break
    return _curve(cell, equations, halves, reach)


def _directions(cell: Cell, direction_1: ArrayLike, direction_2: ArrayLike) -> Matrix:
    """Return both, (2, D); raise ValueError if one is none, or they are parallel."""
    rows = []
    for name, value in (("direction_1", direction_1), ("direction_2", direction_2)):
        row = validation.inputs(name, value, (1, cell.input_size), cell.dtype)
        if row is None or not row.any():
            raise ValueError(f"{name} must have shape ({cell.input_size},), and not be zero")
        rows.append(row[0].astype(np.float64))
    directions = np.array(rows)
    if np.linalg.matrix_rank(directions) < len(rows):
        raise ValueError("direction_2 must not be parallel to direction_1")
    return directions


def _fold(
    cell: Cell, point: BifurcationPoint | ArrayLike, inputs: ArrayLike | None
) -> tuple[Vector, Vector]:
    """Return the outputs of the fold that is given, and its input."""
    state: Any = point
    if isinstance(point, BifurcationPoint):
        if point.kind is not Bifurcation.FOLD:
            raise ValueError(f"point must be a fold, not a {point!r}")
        if inputs is not None:
            raise ValueError("inputs must be None where point is a fold, which has its own")
        if point.h.shape != (cell.state_size,):
            raise ValueError(
                f"point has a state of {len(point.h)} numbers, and cell of {cell.state_size}"
            )
        state, inputs = point.h, point.inputs
    validation.require_one_array("point", state, cell.state_size)
    size, outputs = cell.state_size, cell.hidden_size
    rows = np.atleast_2d(validation.floats("point", state))
    states = validation.rows("point", rows, size, cell.dtype, outputs)
    if len(states) != 1:
        raise ValueError(f"point must be one state, shape ({size},), not {len(states)}")
    x = validation.inputs("inputs", inputs, (1, cell.input_size), cell.dtype)
    where = np.zeros(cell.input_size) if x is None else x[0].astype(np.float64)
    return cell.outputs_of(states)[0].astype(np.float64), where


def _curve(cell: Cell, equations: FoldEquations, halves: list[Branch], reach: float) -> FoldCurve:
    """Return what users read of the curve to both sides of where it began; to one, if closed."""
    after = halves[0]
    points, arclength = after.points, after.arclength
    ends = (_end(halves[-1], reach), _end(after, reach))
    for before in halves[1:]:
        length = before.arclength[-1]
        points = np.vstack([before.points[:0:-1], points])
        arclength = np.append(length - before.arclength[:0:-1], length + arclength)
    cusps = _cusps(equations, points)
    size = cell.hidden_size

    def states(y: Matrix) -> Matrix:
        rows = [cell.state_of(h[None], x)[0] for h, _, x in map(equations.parts, y)]
        return np.array(rows, np.float64).reshape(-1, cell.state_size)

    return FoldCurve(
        h=states(points),
        s=points[:, -2:],
        inputs=np.array([equations.parts(y)[2] for y in points]),
        null=points[:, size : 2 * size],
        arclength=arclength,
        cusp_h=states(cusps),
        cusp_s=cusps[:, -2:],
        ends=ends,
        cell=cell,
    )


def _end(half: Branch, reach: float) -> str:
    """Return why a half ends; the first of both shares is a face to the walk along it."""
    at_reach = reach - abs(float(half.points[-1, -2])) <= ARRIVED
    is_reach = half.stop is CurveStop.FACE and at_reach
    return (CurveStop.REACH if is_reach else half.stop).value


def _cusps(equations: FoldEquations, points: Matrix) -> Matrix:
    """Return where the curvature of the fold changes its sign, (c, 2 H + 2)."""
    from scipy.optimize import brentq  # it takes longer to load than all of `import nullcline`

    lefts = [_left(equations, points[0], None)]
    for y in points[1:]:
        lefts.append(_left(equations, y, lefts[-1]))
    curved = [equations.curvature(y, left) for y, left in zip(points, lefts, strict=True)]
    found = []
    for k, (one, other) in enumerate(pairwise(curved)):
        if not one * other < 0:
            continue
        piece, left = Piece(equations.problem, points[k : k + 2]), lefts[k]

        def curvature(part: float, piece: Piece = piece, left: Vector = left) -> float:
            y = piece.at(part)
            return float("nan") if y is None else equations.curvature(y, _left(equations, y, left))

        try:
            at = piece.at(float(brentq(curvature, 0.0, 1.0, xtol=1e-14)))
        except ValueError:  # no point was found between
            at = None
        share = one / (one - other)
        found.append((1 - share) * points[k] + share * points[k + 1] if at is None else at)
    return np.array(found).reshape(-1, points.shape[1])


def _left(equations: FoldEquations, y: Vector, like: Vector | None) -> Vector:
    """Return the unit row that D_h G maps to zero, on the side of another."""
    left: Vector = np.linalg.svd(equations.derivative(y))[0][:, -1]
    return -left if like is not None and left @ like < 0 else left
