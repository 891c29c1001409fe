"""The slow manifold through a point, as a curve on which fixed points and ghosts lie."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from nullcline._native.blas import one_blas_thread
from nullcline._support import validation
from nullcline.cells.compiled import thread_count
from nullcline.cells.protocol import HasCoreWeights
from nullcline.cells.residual_maps import residual_map
from nullcline.continuation.branch_points import (
    Kind,
    open_directions,
    require_finite_jacobian,
)
from nullcline.continuation.curve_problem import (
    LARGEST_WRITTEN_OUT,
    CurveStop,
    MapWithColumn,
    Problem,
)
from nullcline.continuation.curves import Curve, Trace
from nullcline.continuation.pseudo_arclength import Branch, follow
from nullcline.continuation.singular_vectors import smallest_by_products, smallest_left_vectors
from nullcline.continuation.starting_points import require_smooth_float64, starting_points
from nullcline.search.find import find_fixed_points
from nullcline.search.kinds import MINIMUM, SLOW

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell
    from nullcline.continuation.curve_problem import CurveMap, Matrix, Vector
    from nullcline.search.fixed_points import FixedPoints

IN_PARALLEL_FROM = 512
"""Curves of as many units are followed side by side: they spend their time in LAPACK and in the
compiled core, which let other threads of Python run."""

LARGEST_DENSE_POLISH = 1024
"""Points on a curve are polished by dense factors up to this size: they are too few, and too near
to their ends, for what "auto" prepares: on IMDB GRUs of 256 to 1024 units it took twice as long
(`benchmarks/curve_constants.py`)."""


@one_blas_thread()
def trace(
    cell: Cell,
    point: FixedPoints | ArrayLike,
    inputs: ArrayLike | None = None,
    *,
    n_directions: int = 1,
    largest_step: float = 1.0,
    max_points: int = 1000,
    tol_unique: float = 1e-3,
    tol_slow: float = 1e-6,
    n_threads: int | None = None,
) -> Trace:
    """Follow the slow manifold through fixed or slow points, both ways, to its ends.

    The curve is {h : G(h) = τ w} for the reduced residual G of outputs h, a GRU's n(h) - h, where w
    is the left singular vector of the smallest singular value of ∂G/∂h at a fixed point, and the
    direction of G(h) at a slow point. What a state has beside outputs, an LSTM's c, is at its
    equilibrium along it. There the network moves in one direction only: zeros of τ are fixed
    points, minima of |τ| lie by ghosts, and a line attractor is a long stretch of small τ. It is a
    directional fiber (Katz and Reggia, IEEE Trans. Neural Netw. Learn. Syst. 29 (2018) 3636), and a
    Lyapunov–Schmidt reduction in one slow direction. It ends at a face of the cell's `box`, where
    it comes back to its beginning, or, if it runs to infinity in a box without faces, after
    `max_points`; `Curve.ends` says which, in the sentences of `CurveStop`.

    A curve of thirty states takes about as many factorizations of a matrix of H + 1 rows; from
    H = 4097 on none, but products with the weights, by GMRES, in memory for 300 vectors at most.
    Branch points are then not looked for.

    Parameters
    ----------
    cell
        The cell.
    point
        `FixedPoints`, whose converged rows are traced, or states of shape (S,) or (n, S), each of
        which first goes to its end.
    inputs
        The constant input, None or shape (D,); for `FixedPoints` their own, which must be one.
    n_directions
        How many curves to follow through each fixed point, one per smallest singular value. (A
        slow point has one curve.)
    largest_step
        The longest step along a curve, in arclength.
    max_points
        The most states of a curve to either side.
    tol_unique, tol_slow
        As in `find_fixed_points`, which polishes the points on the curves.
    n_threads
        Threads for that, and for several curves of 512 units or more, each of which has one.

    Returns
    -------
    Trace
        Curves in the order of the points, for each in the order of its directions.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or value, the cell is not a smooth float64 one, no
        point is fixed or slow, or the Jacobian at one is not finite.
    """
    require_smooth_float64(cell)
    n_directions = validation.whole_number("n_directions", n_directions, 1, cell.hidden_size)
    max_points = validation.whole_number("max_points", max_points, 2)
    n_threads = thread_count(n_threads)
    if validation.tolerance("largest_step", largest_step) <= 0:
        raise ValueError("largest_step must be positive")
    search = partial(
        find_fixed_points, cell, tol_unique=tol_unique, tol_slow=tol_slow, n_threads=n_threads
    )
    starts = starting_points(cell, point, inputs, search)
    x = None if starts.inputs is None else starts.inputs[:1]
    begun = [
        (h, direction)
        for h, kind in zip(cell.outputs_of(starts.h), starts.kind, strict=True)
        for direction in _directions(cell, x, h, kind, n_directions)
    ]

    def followed(start: tuple[Vector, Vector]) -> Curve:
        return _curve(cell, x, *start, largest_step, max_points)

    is_worth_threads = cell.hidden_size >= IN_PARALLEL_FROM and isinstance(cell, HasCoreWeights)
    if len(begun) == 1 or n_threads == 1 or not is_worth_threads:
        curves = tuple(map(followed, begun))
    else:
        with ThreadPoolExecutor(min(n_threads, len(begun))) as pool:
            curves = tuple(pool.map(followed, begun))
    met = np.concatenate([starts.h, *(cell.state_of(_met_on(curve), x) for curve in curves)])
    method = "lm" if cell.hidden_size <= LARGEST_DENSE_POLISH else "auto"
    return Trace(curves, search(met, x, method=method).unique())


def _directions(
    cell: Cell, x: Floats | None, h: Vector, kind: str, n_directions: int
) -> list[Vector]:
    """Return the unit vectors w to trace along."""
    residual = cell.residual(h[None], x)[0].astype(np.float64)
    largest = np.abs(residual).max()
    if kind in {SLOW, MINIMUM} and largest > 0:
        residual /= largest  # squares of what is left of a multiple root may vanish
        return [residual / np.linalg.norm(residual)]
    if cell.hidden_size > LARGEST_WRITTEN_OUT:
        own = residual_map(cell, h, None if x is None else x[0])
        found = smallest_by_products(lambda u: own.jvp(own.vjp(u)), len(h), n_directions)
        if found is not None:
            return found
    jacobian = cell.residual_jacobian(h[None], x)[0]
    require_finite_jacobian(jacobian)
    return smallest_left_vectors(jacobian, n_directions)


def _curve(
    cell: Cell,
    x: Floats | None,
    h: Vector,
    direction: Vector,
    largest_step: float,
    max_points: int,
) -> Curve:
    """Follow one curve both ways and join the halves."""
    problem = _fiber(cell, x, direction)
    start = np.append(h, direction @ cell.residual(h[None], x)[0])
    leaving = open_directions(problem, start)
    tangent = leaving.tangents[np.argmax(np.abs(leaving.tangents[:, -1]))]
    tangent = tangent * float(np.sign(tangent[np.argmax(np.abs(tangent))]))
    walk = partial(
        follow,
        problem,
        start,
        largest_step=largest_step,
        max_points=max_points,
        kind=leaving.kind,
        bordered=leaving.bordered,
    )
    onward = walk(tangent)
    if onward.stop is CurveStop.CLOSED:
        return _curve_of(cell, x, direction, onward, (onward.stop, onward.stop))
    backward = walk(-tangent)
    joined = _joined(backward, onward)
    if leaving.kind is Kind.CROSSING:
        joined = replace(
            joined,
            crossings=np.vstack([start, joined.crossings]),
            crossing_arclength=np.append(0.0, joined.crossing_arclength),
        )
    return _curve_of(cell, x, direction, joined, (backward.stop, onward.stop))


def _joined(backward: Branch, onward: Branch) -> Branch:
    """Return one branch of two that begin at one point, the first of them reversed."""
    return Branch(
        np.concatenate([backward.points[:0:-1], onward.points]),
        np.concatenate([-backward.tangents[:0:-1], onward.tangents]),
        np.concatenate([-backward.arclength[:0:-1], onward.arclength]),
        np.concatenate([backward.crossings[::-1], onward.crossings]),
        np.concatenate([-backward.crossing_arclength[::-1], onward.crossing_arclength]),
        onward.stop,
    )


def _curve_of(
    cell: Cell,
    x: Floats | None,
    direction: Vector,
    branch: Branch,
    stops: tuple[CurveStop, CurveStop],
) -> Curve:
    """Return a branch in the unknowns (h, τ) as a curve of states."""
    states = cell.state_of(branch.points[:, :-1], x).astype(np.float64, copy=False)
    crossings = cell.state_of(branch.crossings[:, :-1], x).astype(np.float64, copy=False)
    return Curve(
        h=states,
        tau=branch.points[:, -1],
        tau_slope=branch.tangents[:, -1],
        q=cell.speed(states, x),
        arclength=branch.arclength,
        tangents=branch.tangents[:, :-1],
        direction=direction,
        branch_h=crossings,
        branch_arclength=branch.crossing_arclength,
        ends=(stops[0].value, stops[1].value),
        cell=cell,
        inputs=x,
    )


def _fiber(cell: Cell, x: Floats | None, direction: Vector) -> Problem:
    """Return G(h) = τ w in the unknowns (h, τ), inside the box of the outputs."""
    box = cell.box_at(x)
    one = None if x is None else np.ascontiguousarray(x[0])

    def function(y: Vector) -> Vector:
        residual: Vector = residual_map(cell, y[:-1], one).residual - y[-1] * direction
        return residual

    def jacobian(y: Vector) -> Matrix:
        return np.column_stack([cell.residual_jacobian(y[None, :-1], x)[0], -direction])

    def products(y: Vector) -> CurveMap:
        return MapWithColumn(residual_map(cell, y[:-1], one), -direction)

    return Problem(
        function,
        jacobian,
        lambda y: box.room(y[:-1]),
        products=products if cell.hidden_size > LARGEST_WRITTEN_OUT else None,
    )


def _met_on(curve: Curve) -> Matrix:
    """Return states near which the curve crosses a zero of τ or passes a minimum of |τ|."""
    tau, slope = curve.tau, curve.tau_slope
    side, trend = np.sign(tau), np.sign(tau) * np.sign(slope)
    crosses = side[:-1] * side[1:] < 0
    passes = ~crosses & (trend[:-1] < 0) & (trend[1:] > 0)
    weight = np.zeros(len(tau) - 1)
    for found, value in ((crosses, tau), (passes, slope)):
        before, after = value[:-1][found], value[1:][found]
        weight[found] = before / (before - after)
    met = crosses | passes
    outputs = curve.cell.outputs_of(curve.h)
    between: Matrix = outputs[:-1] + weight[:, None] * np.diff(outputs, axis=0)
    return between[met]
