"""A fixed point followed as the input moves: where it goes, folds, branches and loses stability."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nullcline._native.blas import one_blas_thread
from nullcline._support import validation
from nullcline._support.deprecation import deprecated_attribute
from nullcline._support.shown import Shown
from nullcline.cells.compiled import thread_count
from nullcline.cells.residual_maps import residual_map
from nullcline.continuation.bifurcation_points import FollowedCurve, bifurcations_on
from nullcline.continuation.branch_points import Kind, open_directions
from nullcline.continuation.curve_problem import (
    LARGEST_WRITTEN_OUT,
    MapWithColumn,
    Place,
    Problem,
)
from nullcline.continuation.pseudo_arclength import follow
from nullcline.continuation.starting_points import require_smooth_float64, starting_points
from nullcline.continuation.turning_points import folds_of
from nullcline.linearization.linear_map import spectral_radius
from nullcline.search.find import find_fixed_points

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from nullcline.cells.protocol import Cell
    from nullcline.continuation.bifurcation_points import BifurcationPoint
    from nullcline.continuation.curve_problem import CurveMap, Matrix, Vector
    from nullcline.continuation.pseudo_arclength import Branch
    from nullcline.search.fixed_points import FixedPoints


class Limits(NamedTuple):
    """How far a branch is followed, in what steps, and to how many points."""

    reach: float
    largest_step: float
    max_points: int


@dataclass(frozen=True, eq=False)
class InputBranch(Shown):
    """The fixed points of one branch, for inputs x + s d, in their order along it.

    Attributes
    ----------
    h
        The fixed points, shape (m, S).
    s
        How far the input has moved, shape (m,); 0 where `follow_input` began.
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
    direction
        d, shape (D,).
    fold_arclength, branch_arclength
        Where along the branch these points are, shapes (f,) and (b,).
    limits
        `reach`, `largest_step` and `max_points` that it was followed with.
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
    direction: Vector
    fold_arclength: Vector
    branch_arclength: Vector
    limits: Limits

    slowest = deprecated_attribute("spectral_radius", goes="0.3.0")

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

    @cached_property
    def bifurcations(self) -> tuple[BifurcationPoint, ...]:
        """All codimension-one points of the branch, in order, located when first asked for.

        Beside folds and branch points, those where an eigenvalue of J_rec passes -1 (a flip) or a
        complex pair the unit circle (a Neimark-Sacker point). The eigenvalues at all points of the
        branch are compared, and more computed between two where the change is not that of one event
        (Kuznetsov, Elements of Applied Bifurcation Theory, chapter 10). Two that are nearer than
        rounding tells apart are `Bifurcation.UNRESOLVED`.

        Raises
        ------
        ValueError
            If the cell has more than 4096 units.
        """
        if self.cell.hidden_size > LARGEST_WRITTEN_OUT:
            raise ValueError(
                f"bifurcations are looked for in cells of {LARGEST_WRITTEN_OUT} units at most, not "
                f"{self.cell.hidden_size}: follow with small steps and linearize(..., k=) instead"
            )
        with one_blas_thread():
            return bifurcations_on(self._curve())

    def switch(
        self,
        i: int | None = None,
        *,
        reach: float | None = None,
        largest_step: float | None = None,
        max_points: int | None = None,
    ) -> tuple[InputBranch, ...]:
        """Follow the branch that crosses this one at a branch point, to both sides.

        Parameters
        ----------
        i
            The number of the branch point, as in `branch_s`; None for all, one after the other.
        reach, largest_step, max_points
            As in `follow_input`, |s| counted from the same input; by default what this branch was
            followed with.

        Returns
        -------
        tuple of InputBranch
            Two for each branch point: each begins there and leaves it to one side.

        Raises
        ------
        IndexError
            If there is no branch point of that number.
        ValueError
            If more than one other branch crosses there, as where a symmetry makes two
            eigenvalues equal, or a limit is out of range.
        """
        limits = _limits(
            self.limits.reach if reach is None else reach,
            self.limits.largest_step if largest_step is None else largest_step,
            self.limits.max_points if max_points is None else max_points,
        )
        count = len(self.branch_s)
        if i is not None and not 0 <= validation.whole_number("i", i, 0) < count:
            raise IndexError(f"i must be the number of one of {count} branch points, not {i}")
        chosen = range(count) if i is None else [i]
        with one_blas_thread():
            return tuple(half for k in chosen for half in self._switched(k, limits))

    def _switched(self, i: int, limits: Limits) -> tuple[InputBranch, InputBranch]:
        """Return the two halves of the branch that crosses at branch point i."""
        x = self._origin
        problem = _branch_problem(self.cell, x, self.direction, limits.reach)
        start = np.append(self.cell.outputs_of(self.branch_h[i][None])[0], self.branch_s[i])
        leaving = open_directions(problem, start)
        if leaving.kind is not Kind.CROSSING:
            raise ValueError(
                f"branch point {i} is a degenerate one, where it is not known how many branches "
                "cross: break its symmetry a little, and follow the branches that then pass by"
            )
        own = self._tangent_near(float(self.branch_arclength[i]))
        away = leaving.tangents[np.argmin(np.abs(leaving.tangents @ own))]
        halves = [
            _with_start(
                follow(
                    problem,
                    start,
                    sign * away,
                    largest_step=limits.largest_step,
                    max_points=limits.max_points,
                    kind=leaving.kind,
                )
            )
            for sign in (1, -1)
        ]
        first, second = (
            _input_branch(self.cell, x, self.direction, problem, half, limits) for half in halves
        )
        return first, second

    @property
    def _origin(self) -> Vector:
        """The input at s = 0."""
        origin: Vector = self.inputs[0] - self.s[0] * self.direction
        return origin

    def _unknowns(self, h: Matrix, s: Vector) -> Matrix:
        return np.column_stack([self.cell.outputs_of(h), s])

    def _tangent_near(self, length: float) -> Vector:
        """Return the direction of the branch by the points before and after a place on it.

        One of a single point was to leave it along s.
        """
        if len(self) == 1:
            return np.append(np.zeros(self.cell.hidden_size), 1.0)
        k = int(np.clip(np.searchsorted(self.arclength, length), 1, len(self) - 1))
        ends = self._unknowns(self.h[k - 1 : k + 1], self.s[k - 1 : k + 1])
        chord: Vector = ends[1] - ends[0]
        return chord / float(np.linalg.norm(chord))

    def _curve(self) -> FollowedCurve:
        """Return the branch as a curve in its unknowns (h, s)."""
        cell, x, d = self.cell, self._origin, self.direction

        def full(y: Vector) -> tuple[Vector, Vector]:
            there = x + y[-1] * d
            return cell.state_of(y[None, :-1], there)[0].astype(np.float64, copy=False), there

        def step_jacobian(y: Vector) -> Matrix:
            h, there = full(y)
            jacobian: Matrix = cell.jacobian(h[None], there)[0]
            validation.require_finite("J_rec", jacobian)
            return jacobian

        folds = self._unknowns(self.fold_h, self.fold_s)
        branchings = self._unknowns(self.branch_h, self.branch_s)
        return FollowedCurve(
            problem=_branch_problem(cell, x, d, np.inf),
            points=self._unknowns(self.h, self.s),
            arclength=self.arclength,
            folds=[Place(*at) for at in zip(folds, self.fold_arclength.tolist(), strict=True)],
            branchings=[
                Place(*at) for at in zip(branchings, self.branch_arclength.tolist(), strict=True)
            ],
            step_jacobian=step_jacobian,
            full=full,
        )


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
    limits = _limits(reach, largest_step, max_points)
    n_threads = thread_count(n_threads)
    d = validation.inputs("direction", direction, (1, cell.input_size), cell.dtype)
    if d is None or not d.any():
        raise ValueError(f"direction must have shape ({cell.input_size},), and not be zero")
    search = partial(find_fixed_points, cell, n_threads=n_threads)
    starts = starting_points(cell, point, inputs, search)
    if len(starts) != 1 or starts.kind[0] != "fixed":
        raise ValueError(f"point must be one fixed point, not {starts!r}")
    x = np.zeros(cell.input_size) if starts.inputs is None else starts.inputs[0]
    problem = _branch_problem(cell, x, d[0], limits.reach)
    branch = _followed(problem, np.append(cell.outputs_of(starts.h)[0], 0.0), limits)
    return _input_branch(cell, x, d[0], problem, branch, limits)


def _limits(reach: float, largest_step: float, max_points: int) -> Limits:
    """Return checked limits; raise TypeError or ValueError if one is none."""
    max_points = validation.whole_number("max_points", max_points, 2)
    for name, value in (("reach", reach), ("largest_step", largest_step)):
        if validation.tolerance(name, value) <= 0:
            raise ValueError(f"{name} must be positive")
    return Limits(float(reach), float(largest_step), max_points)


def _input_branch(
    cell: Cell, x: Vector, d: Vector, problem: Problem, branch: Branch, limits: Limits
) -> InputBranch:
    """Return what users read of a curve in (h, s)."""

    def states(points: Matrix) -> Matrix:
        there = x + points[:, -1:] * d
        return cell.state_of(points[:, :-1], there).astype(np.float64, copy=False)

    places = folds_of(problem, branch)
    folds = np.array([place.point for place in places]).reshape(-1, branch.points.shape[1])
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
        direction=d,
        fold_arclength=np.array([place.arclength for place in places]),
        branch_arclength=branch.crossing_arclength,
        limits=limits,
    )


def _followed(problem: Problem, start: Vector, limits: Limits) -> Branch:
    """Return the branch from a point towards positive s; of two, the one that moves s more."""
    leaving = open_directions(problem, start)
    tangent = leaving.tangents[np.argmax(np.abs(leaving.tangents[:, -1]))]
    branch = follow(
        problem,
        start,
        tangent if tangent[-1] >= 0 else -tangent,
        largest_step=limits.largest_step,
        max_points=limits.max_points,
        kind=leaving.kind,
        bordered=leaving.bordered,
    )
    return _with_start(branch) if leaving.kind is Kind.CROSSING else branch


def _with_start(branch: Branch) -> Branch:
    """Return a branch with its beginning as the first of its branch points."""
    return replace(
        branch,
        crossings=np.vstack([branch.points[:1], branch.crossings]),
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
