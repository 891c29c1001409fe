"""A fixed point followed as the input moves: where it goes, and where it folds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np

from nullcline._native.blas import one_blas_thread
from nullcline._support import validation
from nullcline._support.deprecation import deprecated_attribute
from nullcline._support.shown import Shown
from nullcline.cells.compiled import thread_count
from nullcline.cells.residual_maps import residual_map
from nullcline.continuation.branch_points import Kind, open_directions
from nullcline.continuation.curve_problem import LARGEST_WRITTEN_OUT, MapWithColumn, Problem
from nullcline.continuation.pseudo_arclength import follow
from nullcline.continuation.starting_points import require_smooth_float64, starting_points
from nullcline.continuation.turning_points import turning_point, turns_of
from nullcline.linearization.linear_map import spectral_radius
from nullcline.search.find import find_fixed_points

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from nullcline.cells.protocol import Cell
    from nullcline.continuation.curve_problem import CurveMap, Matrix, Vector
    from nullcline.continuation.pseudo_arclength import Branch
    from nullcline.search.fixed_points import FixedPoints


AT_CROSSING = 0.1
"""In steps: a turn this near to a branch point is that of the arms of its pitchfork."""


@dataclass(frozen=True, eq=False)
class InputBranch(Shown):
    """The fixed points of one branch, for inputs x + s d, in their order along it.

    Attributes
    ----------
    h
        The fixed points, shape (m, S).
    s
        How far the input has moved, shape (m,); 0 at the beginning.
    inputs
        x + s d, shape (m, D).
    arclength
        Along (h, s), shape (m,).
    fold_h, fold_s
        Where the branch turns back in s, shapes (f, S) and (f,): there a stable and an unstable
        fixed point meet, and beyond it neither is.
    branch_h, branch_s
        Where another branch crosses this one, to rounding, shapes (b, S) and (b,): a pitchfork, as
        in networks with a symmetry, or an exchange of stability. The branch is followed straight
        on; along the arms of a pitchfork that is from one arm to the other, and s turns back.
    end
        Why the branch ends: one of the sentences of `CurveStop`.
    cell
        The cell that was followed.
    """

    h: Matrix
    s: Vector
    inputs: Matrix
    arclength: Vector
    fold_h: Matrix
    fold_s: Vector
    branch_h: Matrix
    branch_s: Vector
    end: str
    cell: Cell

    slowest = deprecated_attribute("spectral_radius")

    def __len__(self) -> int:
        return len(self.h)

    def __repr__(self) -> str:
        reach = f"s from {self.s.min():.3g} to {self.s.max():.3g}"
        special = f"{len(self.fold_s)} folds"
        if len(self.branch_s):
            special += f", {len(self.branch_s)} branch points"
        return f"InputBranch({len(self)} points, {special}, {reach}; S = {self.h.shape[1]})"

    @cached_property
    def spectral_radius(self) -> Vector:
        """The largest |λ| of J_rec at each point, shape (m,), computed when first asked for."""
        pairs = zip(self.h, self.inputs, strict=True)
        return np.array([spectral_radius(self.cell, h, x) for h, x in pairs])


@one_blas_thread()
def follow_input(
    cell: Cell,
    point: FixedPoints | ArrayLike,
    direction: ArrayLike,
    inputs: ArrayLike | None = None,
    *,
    reach: float = 1.0,
    largest_step: float = 1.0,
    max_points: int = 1000,
    n_threads: int | None = None,
) -> InputBranch:
    """Follow a fixed point while the input moves along a direction, such as a word's embedding.

    Pseudo-arclength continuation of G(h, x + s d) = 0 in (h, s), G being the reduced residual of
    the outputs h, which goes round folds: past one, s runs back and the branch goes on with the
    other kind of point, and straight on where branches cross. (Allgower and Georg, Introduction to
    Numerical Continuation Methods, 2003, chapters 2, 6 and 8.) A step takes one factorization; from
    H = 4097 on none, but products by GMRES, and branch points are not looked for.

    Parameters
    ----------
    cell
        The cell: a smooth one that computes in float64.
    point
        `FixedPoints` of one row, or a state (S,), which first goes to its end: a fixed point.
    direction
        d, shape (D,).
    inputs
        x, the input to begin with, shape (D,), None for zero; for `FixedPoints` their own.
    reach
        The branch ends at |s| = `reach`, to within 1e-3, unless it crosses a face of the cell's
        `box` before, as it can where bounds were given to `from_function`.
    largest_step
        The longest step, in arclength.
    max_points
        The most points of the branch.
    n_threads
        As in `find_fixed_points`.

    Returns
    -------
    InputBranch
        From s = 0, first towards positive s.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or value, the cell is not a smooth float64 one, or
        `point` is no single fixed point, or its Jacobian is not finite.
    """
    require_smooth_float64(cell)
    max_points = validation.whole_number("max_points", max_points, 2)
    n_threads = thread_count(n_threads)
    for name, value in (("reach", reach), ("largest_step", largest_step)):
        if validation.tolerance(name, value) <= 0:
            raise ValueError(f"{name} must be positive")
    d = validation.inputs("direction", direction, (1, cell.input_size), cell.dtype)
    if d is None or not d.any():
        raise ValueError(f"direction must have shape ({cell.input_size},), and not be zero")
    search = partial(find_fixed_points, cell, n_threads=n_threads)
    starts = starting_points(cell, point, inputs, search)
    if len(starts) != 1 or starts.kind[0] != "fixed":
        raise ValueError(f"point must be one fixed point, not {starts!r}")
    x = np.zeros((1, cell.input_size)) if starts.inputs is None else starts.inputs
    problem = _branch_problem(cell, x[0], d[0], reach)
    branch = _followed(
        problem, np.append(cell.outputs_of(starts.h)[0], 0.0), largest_step, max_points
    )

    def states(points: Matrix) -> Matrix:
        there = x + points[:, -1:] * d
        return cell.state_of(points[:, :-1], there).astype(np.float64, copy=False)

    folds = _folds(problem, branch)
    return InputBranch(
        h=states(branch.points),
        s=branch.points[:, -1],
        inputs=x + branch.points[:, -1:] * d,
        arclength=branch.arclength,
        fold_h=states(folds),
        fold_s=folds[:, -1],
        branch_h=states(branch.crossings),
        branch_s=branch.crossings[:, -1],
        end=branch.stop.value,
        cell=cell,
    )


def _followed(problem: Problem, start: Vector, largest_step: float, max_points: int) -> Branch:
    """Return the branch from a point towards positive s; of two, the one that moves s more."""
    leaving = open_directions(problem, start)
    tangent = leaving.tangents[np.argmax(np.abs(leaving.tangents[:, -1]))]
    branch = follow(
        problem,
        start,
        tangent if tangent[-1] >= 0 else -tangent,
        largest_step=largest_step,
        max_points=max_points,
        kind=leaving.kind,
        bordered=leaving.bordered,
    )
    if leaving.kind is not Kind.CROSSING:
        return branch
    return replace(
        branch,
        crossings=np.vstack([start, branch.crossings]),
        crossing_arclength=np.append(0.0, branch.crossing_arclength),
    )


def _branch_problem(cell: Cell, x: Vector, d: Vector, reach: float) -> Problem:
    """Return G(h, x + s d) = 0 in the unknowns (h, s), inside the box and within reach."""

    def along(y: Vector) -> Vector:
        change: Vector = cell.residual_input_jvp(y[None, :-1], x + y[-1] * d, d[None])[0]
        return change

    def function(y: Vector) -> Vector:
        return residual_map(cell, y[:-1], x + y[-1] * d).residual

    def jacobian(y: Vector) -> Matrix:
        own = cell.residual_jacobian(y[None, :-1], x + y[-1] * d)[0]
        return np.column_stack([own, along(y)])

    def products(y: Vector) -> CurveMap:
        return MapWithColumn(residual_map(cell, y[:-1], x + y[-1] * d), along(y))

    def rooms(y: Vector) -> Vector:
        return cell.box_at(x + y[-1] * d).room(y[:-1])

    is_large = cell.hidden_size > LARGEST_WRITTEN_OUT
    return Problem(function, jacobian, rooms, reach, products if is_large else None)


def _folds(problem: Problem, branch: Branch) -> Matrix:
    """Return where s turns back other than at a branch point, shape (f, H + 1)."""
    turns = turns_of(branch.tangents[:, -1])
    points = [turning_point(problem, branch, int(k)) for k in turns]
    folds = [
        point
        for point, k in zip(points, turns, strict=True)
        if not _branches(branch, int(k), point)
    ]
    return np.array(folds).reshape(-1, branch.points.shape[1])


def _branches(branch: Branch, k: int, point: Vector) -> bool:
    """Tell whether s turns back at a branch point between points k and k + 1, a pitchfork."""
    low, high = branch.arclength[k : k + 2]
    within = (branch.crossing_arclength >= low) & (branch.crossing_arclength <= high)
    distances = np.linalg.norm(branch.crossings[within] - point, axis=1)
    return bool((distances <= AT_CROSSING * (high - low)).any())
