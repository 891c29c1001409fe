"""The last word on the ends of a search: those called minima of q are, and others go on.

A compiled search judges by first derivatives. Here its ends at minima, and those where it stalled,
are tested by second ones. From an end that fails the search goes on: by Newton's method on the
reduced residual, and where that finds no zero by full steps of it, which may raise q first, or by
Newton's method on q. Most starts share such ends,
so that there are few.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline._native.blas import one_blas_thread
from nullcline.search.columns import SearchColumns
from nullcline.search.far_ends import without_far_ends
from nullcline.search.kinds import (
    ABOVE_TOLERANCE,
    AT_MINIMUM,
    BELOW_TOLERANCE,
    FIXED,
    LIMIT,
    MINIMUM,
    NOT_A_MINIMUM,
    SLOW,
    STALLED,
    UNCONVERGED,
)
from nullcline.search.merging import merge
from nullcline.search.minima import (
    DECREMENT,
    Bounds,
    Model,
    descend,
    is_minimum,
    is_minimum_by_products,
    lower_on_the_softest_line,
)
from nullcline.search.speed import Speed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from nullcline._support.validation import Floats
    from nullcline.search.problem import SearchProblem
    from nullcline.search.speed import Doubles

_MOST_STEPS = 100
"""Of Newton's method on q: at a zero of multiplicity m each takes 1 / (2 m - 1) of the way."""

_SAME = {"float64": 1e-5, "float32": 1e-3}
"""Ends this close share a Hessian where it leaves no doubt: those about one minimum of a trained
network scatter by less, and it changes by little over that distance."""

_CLEARLY = 0.5
"""A decrement by another state's Hessian leaves no doubt where it is this part of the largest."""

_NEAR = 1e-2
"""Newton's step from an end next to a zero is shorter than this; from a ghost it leads far away."""

_FULL_STEPS, _REACH = 16, 0.3
"""Newton's full steps from an end in a bent valley, such as a ring of nearly fixed points, and how
far a unit may come by them. Few ends need them: of 120 starts on six rings of 40 to 100 sigmoid
units 80 end at a zero with none or 8 of them, and 81 with 16 or 32, whether they may go to 0.1, 0.3
or 1 (`benchmarks.constants`)."""

_FLAT = 1e-8
"""The curvature, of a Hessian with a diagonal of ones, below which rounding may hide much."""

_LARGEST_DENSE = 1024
"""The longest state whose Hessian is written out, as for the compiled search's factors."""

_MOST_PRODUCTS = 30
"""Of the Hessian with a vector, for longer states: about the cost of writing it out at S = 2048."""

_MOST_NUMBERS = 2**23
"""Numbers of Hessians that are made at once."""


def confirm(problem: SearchProblem, ends: SearchColumns) -> SearchColumns:
    """Return the ends of a search, all on the host, with those that are called minima confirmed.

    Those of the gradient method and of Newton's are judged and not moved, as are those of starts
    with no iterations left.
    """
    rows = rows_to_confirm(problem, ends)
    if len(rows) > 0:
        ends = _confirmed(problem, ends, rows)
    return without_far_ends(problem, ends)


def _confirmed(
    problem: SearchProblem, ends: SearchColumns, rows: NDArray[np.intp]
) -> SearchColumns:
    """Return ends of which some rows are judged, and moved on where they may be."""
    left = _iterations_left(problem, ends)[rows]
    h, x = ends.h[rows], _inputs(problem, rows)
    first, alike = _distinct(np.column_stack([h, left] if problem.inputs is None else [h, left, x]))
    some = ends.take(rows[first])
    with one_blas_thread(), np.errstate(all="ignore"):  # weights may be as large as they like
        judged = _Judge(problem).judge(some, x[first], left[first])
    steps = ends.iterations[rows] + (judged.iterations - some.iterations)[alike]
    return ends.put(rows, judged.take(alike)._replace(iterations=steps))


def rows_to_confirm(problem: SearchProblem, ends: SearchColumns) -> NDArray[np.intp]:
    """Return the numbers of the rows that are called minima, or that the search left too early."""
    is_open = (ends.reason == AT_MINIMUM) | (ends.reason == ABOVE_TOLERANCE)
    if _may_move(problem):
        is_open |= ends.reason == STALLED
        if problem.max_iterations is None:  # the method's own limit, which is not the user's wish
            is_open |= ends.reason == LIMIT
    return np.flatnonzero(is_open)


def _may_move(problem: SearchProblem) -> bool:
    """Whether ends may be moved on, beyond what the method promises."""
    return problem.method not in {"newton", "gradient", "homotopy"} and problem.deflated is None


def _distinct(rows: Doubles) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the first of all rows that are equal, and for each row the number of its own."""
    numbers: dict[bytes, int] = {}
    alike = np.array([numbers.setdefault(row.tobytes(), len(numbers)) for row in rows], np.intp)
    first = np.unique(alike, return_index=True)[1]
    return first, alike


def _iterations_left(problem: SearchProblem, ends: SearchColumns) -> NDArray[np.intp]:
    """Return how many steps each start may still take."""
    if not _may_move(problem):
        return np.zeros(len(ends.kind), np.intp)
    if problem.max_iterations is None:
        return np.full(len(ends.kind), _MOST_STEPS)
    return np.clip(problem.max_iterations - ends.iterations.astype(np.intp), 0, _MOST_STEPS)


def _inputs(problem: SearchProblem, rows: NDArray[np.intp]) -> Doubles:
    """Return the inputs of some starts, a row each."""
    x = problem.inputs_on_host()
    if x is None:
        return np.zeros((len(rows), problem.cell.input_size))
    return x[rows if len(x) > 1 else np.zeros(len(rows), np.intp)].astype(np.float64)


def _with_zeros(
    ends: SearchColumns, rows: NDArray[np.intp], found: SearchColumns
) -> tuple[SearchColumns, NDArray[np.intp]]:
    """Return ends with the zeros that were found from some rows, and the rows without one."""
    at_zero = found.kind == FIXED
    zeros = rows[at_zero]
    own = found.take(np.flatnonzero(at_zero))
    iterations = ends.iterations[zeros] + own.iterations
    return ends.put(zeros, own._replace(iterations=iterations)), rows[~at_zero]


class _Judge:
    """What judges and moves the ends of one search."""

    def __init__(self, problem: SearchProblem) -> None:
        self._problem = problem
        self._cell = problem.cell
        self._speed = Speed(problem.cell, problem.n_threads)

    def judge(self, ends: SearchColumns, x: Doubles, left: NDArray[np.intp]) -> SearchColumns:
        """Return distinct ends with their last kinds, those that are no minima moved on."""
        h = ends.h.astype(np.float64)
        if self._speed.has_products and h.shape[1] > _LARGEST_DENSE:
            pairs = zip(h, x, strict=True)
            passed = np.array([self._is_minimum_by_products(*pair) for pair in pairs])
            return self._labelled(ends, passed)
        passed = self._are_minima(h, x)
        judged = self._labelled(ends, passed)
        others = ~passed & (left > 0)
        for steps in np.unique(left[others]):  # so that no end is cut short by another one's limit
            rows = np.flatnonzero(others & (left == steps))
            on = self._go_on(judged.take(rows), x[rows], left[rows])
            judged = judged.put(rows, on)
        return judged

    def _is_minimum_by_products(self, h: Doubles, x: Doubles) -> bool:
        return is_minimum_by_products(self._speed, h, x, self._box(x), _MOST_PRODUCTS)

    def _labelled(self, ends: SearchColumns, passed: NDArray[np.bool_]) -> SearchColumns:
        """Return ends with the kind and reason of minima where they passed, and only there."""
        slow = ends.q <= self._problem.tol_slow
        of_minimum = np.where(slow, AT_MINIMUM, ABOVE_TOLERANCE)
        is_kept = np.isin(ends.reason, (STALLED, LIMIT))
        of_other = np.where(is_kept, ends.reason, NOT_A_MINIMUM)
        is_slow = slow & passed
        if self._problem.method == "gradient":  # q <= tol_slow is all that it asks
            of_other, is_slow = np.where(slow, BELOW_TOLERANCE, of_other), slow
        kind = np.where(is_slow, SLOW, np.where(passed, MINIMUM, UNCONVERGED))
        return ends._replace(kind=kind, reason=np.where(passed, of_minimum, of_other))

    def _are_minima(self, h: Doubles, x: Doubles) -> NDArray[np.bool_]:
        """Test states, those that are nearly the same with one Hessian where it leaves no doubt."""
        passed = np.zeros(len(h), np.bool_)
        slopes = self._speed.slope(h, x)
        owner = merge(np.column_stack([h, x]), _SAME[self._speed.precision.name])
        leaders = np.unique(owner)
        while len(leaders):
            doubtful = np.zeros(len(h), np.bool_)
            for i, hessian in self._hessians(leaders, h, x):
                box = self._box(x[i])
                model = Model(h[i], slopes.q[i], slopes.gradient[i], hessian, box)
                factor = model.factor()
                passed[i] = is_minimum(model, factor) and self._ends_here(model, factor, x[i], box)
                others = np.flatnonzero((owner == i) & (np.arange(len(h)) != i))
                if len(others):
                    gradients = slopes.gradient[others]
                    clear = passed[i] & self._clearly(model, factor, box, h[others], gradients)
                    passed[others], doubtful[others] = clear, ~clear
            owner[doubtful] = leaders = np.flatnonzero(doubtful)
        return passed

    def _hessians(
        self, rows: NDArray[np.intp], h: Doubles, x: Doubles
    ) -> Iterator[tuple[np.intp, Doubles]]:
        """Yield numbers of rows with their Hessians, a few of which are in memory at a time."""
        most = max(1, _MOST_NUMBERS // h.shape[1] ** 2)
        for first in range(0, len(rows), most):
            some = rows[first : first + most]
            yield from zip(some, self._speed.hessian(h[some], x[some]), strict=True)

    def _box(self, x: Doubles) -> Bounds:
        """Return the bounds of a state with this input."""
        box, size = self._cell.box_at(x.astype(self._cell.dtype)), self._cell.state_size
        low, high = np.full(size, -np.inf), np.full(size, np.inf)
        low[: self._cell.hidden_size], high[: self._cell.hidden_size] = box.low, box.high
        return Bounds(low, high, 4 * float(np.finfo(self._speed.precision).eps))

    def _ends_here(self, model: Model, factor: Doubles | None, x: Doubles, box: Bounds) -> bool:
        """Whether q rises along the softest direction, and no zero is near where q is flat."""
        if not model.has_softest:
            return True
        soft = model.softest(factor)
        if soft.curvature < _FLAT and self._is_near_zero(model.h, x):
            return False
        return lower_on_the_softest_line(self._speed, model, soft, x, box) is None

    def _is_near_zero(self, h: Doubles, x: Doubles) -> bool:
        """Whether a zero may be as close as the step of Newton's method says."""
        outputs = h[None, : self._cell.hidden_size]
        step = self._speed.newton_step(outputs, x[None])
        if np.isnan(step).any():  # singular: at a zero of multiplicity, or at a fold
            return True
        return bool(np.abs(step).max() <= _NEAR * max(1.0, float(np.abs(outputs).max())))

    @staticmethod
    def _clearly(
        model: Model, factor: Doubles | None, box: Bounds, h: Doubles, gradients: Doubles
    ) -> NDArray[np.bool_]:
        """Whether states are minima without doubt, by the factored Hessian of one nearby."""
        if factor is None:
            return np.zeros(len(h), np.bool_)
        free = ~np.array([box.held(*pair) for pair in zip(h, gradients, strict=True)])
        alike = (free.sum(axis=1) == len(model.free)) & free[:, model.free].all(axis=1)
        part = gradients[:, model.free]
        decrements = np.sum(part * model.solve(factor, part.T).T, axis=1) / 2
        clear: NDArray[np.bool_] = alike & (decrements <= _CLEARLY * DECREMENT * model.q)
        return clear

    def _go_on(self, ends: SearchColumns, x: Doubles, left: NDArray[np.intp]) -> SearchColumns:
        """Move ends that are no minima on to a zero or a minimum, where there is a way."""
        found = self._search(ends.h, x, "newton", left)
        moved, rest = _with_zeros(ends, np.arange(len(left)), found)
        if len(rest):
            across = self._by_full_steps(ends.take(rest), x[rest], left[rest])
            moved, rest = _with_zeros(moved, rest, across)
        if len(rest):
            moved = moved.put(rest, self._descend(ends.take(rest), x[rest], left[rest]))
        return moved

    def _by_full_steps(
        self, ends: SearchColumns, x: Doubles, left: NDArray[np.intp]
    ) -> SearchColumns:
        """Take ends along full steps of Newton's method, whatever q does, if they stay close by.

        In a narrow valley that bends, a step along it raises q by what it leaves the floor, and the
        next one comes back to it; steps that must lower q are as short as q is small.
        """
        first = ends.h[:, : self._cell.hidden_size].astype(np.float64)
        outputs = first.copy()
        steps = min(_FULL_STEPS, int(left.min()))
        going = np.arange(len(outputs))
        for _ in range(steps):
            trial = outputs[going] + self._speed.newton_step(outputs[going], x[going])
            near = (np.abs(trial - first[going]) <= _REACH).all(axis=1)  # not where there is none
            going = going[near]
            outputs[going] = trial[near]
        dtype = self._cell.dtype
        states = self._cell.state_of(outputs.astype(dtype), x.astype(dtype))
        h = np.array([self._box(at).clip(state) for at, state in zip(x, states, strict=True)])
        found = self._search(h.astype(dtype), x, "auto", np.zeros(len(h), np.intp))
        return found._replace(iterations=np.full(len(h), steps, np.int32))

    def _descend(self, ends: SearchColumns, x: Doubles, left: NDArray[np.intp]) -> SearchColumns:
        """Descend q from ends by Newton's method on it."""
        descents = [
            descend(self._speed, h, inputs, self._box(inputs), int(most))
            for h, inputs, most in zip(ends.h.astype(np.float64), x, left, strict=True)
        ]
        h = np.array([descent.h for descent in descents]).astype(ends.h.dtype)
        is_finite = np.isfinite(h).all(axis=1)  # an LSTM's c may be none in single precision
        h = np.where(is_finite[:, None], h, ends.h)
        judged = self._search(h, x, "auto", np.zeros(len(h), np.intp))
        passed = is_finite & np.array([descent.is_minimum for descent in descents])
        labelled = self._labelled(judged._replace(reason=ends.reason), passed)
        at_zero = np.flatnonzero(judged.kind == FIXED)
        steps = np.array([descent.steps for descent in descents], np.int32)
        return labelled.put(at_zero, judged.take(at_zero))._replace(
            iterations=ends.iterations + steps
        )

    def _search(self, h: Floats, x: Doubles, method: str, left: NDArray[np.intp]) -> SearchColumns:
        """Search from ends with the compiled cell, by no more steps than are left to each."""
        limited = method != "newton" or self._problem.max_iterations is not None
        found = self._cell.compiled.search(
            np.ascontiguousarray(h),
            x.astype(self._cell.dtype),
            deflated=None,
            method=method,
            tol_slow=self._problem.tol_slow,
            max_iterations=int(left.min()) if limited else None,
            n_threads=self._problem.n_threads,
        )
        return SearchColumns.of(found.h, found.q, found)
