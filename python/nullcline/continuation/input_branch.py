"""A fixed point followed as the input moves: where it goes, and where it folds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np

from nullcline._native.blas import one_blas_thread
from nullcline._support import validation
from nullcline._support.deprecation import deprecated_attribute
from nullcline.cells.compiled import thread_count
from nullcline.continuation.pseudo_arclength import Problem, follow, tangent_at, turning_point
from nullcline.continuation.starting_points import require_smooth_float64, starting_points
from nullcline.linearization.linear_map import spectral_radius
from nullcline.search.find import find_fixed_points

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from nullcline.cells.protocol import Cell
    from nullcline.continuation.pseudo_arclength import Branch, Matrix, Vector
    from nullcline.search.fixed_points import FixedPoints


@dataclass(frozen=True, eq=False)
class InputBranch:
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
    end
        Why the branch ends.
    cell
        The cell that was followed.
    """

    h: Matrix
    s: Vector
    inputs: Matrix
    arclength: Vector
    fold_h: Matrix
    fold_s: Vector
    end: str
    cell: Cell

    slowest = deprecated_attribute("spectral_radius")

    def __len__(self) -> int:
        return len(self.h)

    def __repr__(self) -> str:
        reach = f"s from {self.s.min():.3g} to {self.s.max():.3g}"
        folds = f"{len(self.fold_s)} folds"
        return f"InputBranch({len(self)} points, {folds}, {reach}; S = {self.h.shape[1]})"

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
    other kind of point. (Allgower and Georg, Introduction to Numerical Continuation Methods, 2003,
    chapters 2 and 6.)

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
        The branch ends at |s| = `reach`, to within 1e-3, unless it meets a face of the cell's
        `box` before.
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
        `point` is no single fixed point.
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
    start = np.append(cell.outputs_of(starts.h)[0], 0.0)
    tangent = tangent_at(problem.jacobian(start))
    branch = follow(
        problem,
        start,
        tangent if tangent[-1] >= 0 else -tangent,
        largest_step=largest_step,
        max_points=max_points,
    )
    s = branch.points[:, -1]
    folds = _folds(problem, branch)
    inputs_there = x + s[:, None] * d
    return InputBranch(
        h=cell.state_of(branch.points[:, :-1], inputs_there).astype(np.float64, copy=False),
        s=s,
        inputs=inputs_there,
        arclength=branch.arclength,
        fold_h=cell.state_of(folds[:, :-1], x + folds[:, -1:] * d).astype(np.float64, copy=False),
        fold_s=folds[:, -1],
        end=branch.stop.value,
        cell=cell,
    )


def _branch_problem(cell: Cell, x: Vector, d: Vector, reach: float) -> Problem:
    """Return G(h, x + s d) = 0 in the unknowns (h, s), inside the box and within reach."""

    def function(y: Vector) -> Vector:
        residual: Vector = cell.residual(y[None, :-1], x + y[-1] * d)[0].astype(np.float64)
        return residual

    def jacobian(y: Vector) -> Matrix:
        h, at = y[None, :-1], x + y[-1] * d
        return np.column_stack(
            [cell.residual_jacobian(h, at)[0], cell.residual_input_jvp(h, at, d[None])[0]]
        )

    def margin(y: Vector) -> float:
        box = cell.box_at(x + y[-1] * d)
        return min(box.margin(y[:-1]), reach - abs(float(y[-1])))

    return Problem(function, jacobian, margin)


def _folds(problem: Problem, branch: Branch) -> Matrix:
    """Return the points where ds / d arclength changes its sign, shape (f, H + 1)."""
    slope = branch.tangents[:, -1]
    turns = np.flatnonzero(slope[:-1] * slope[1:] < 0)
    return np.array([turning_point(problem, branch, int(k)) for k in turns]).reshape(
        len(turns), branch.points.shape[1]
    )
