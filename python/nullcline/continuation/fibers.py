"""The slow manifold through a point, as a curve on which fixed points and ghosts lie."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._native.blas import one_blas_thread
from nullcline._support import validation
from nullcline.cells.compiled import thread_count
from nullcline.cells.double_precision import in_float64
from nullcline.cells.protocol import HasCoreWeights, require_cell
from nullcline.cells.residual_maps import residual_map
from nullcline.continuation.branch_points import require_finite_jacobian
from nullcline.continuation.curve_problem import LARGEST_WRITTEN_OUT
from nullcline.continuation.curves import Trace
from nullcline.continuation.one_fiber import Limits, follow_fiber
from nullcline.continuation.proved_steps import require_provable
from nullcline.continuation.singular_vectors import smallest_by_products, smallest_left_vectors
from nullcline.continuation.starting_points import (
    require_smooth_float64,
    starting_points,
    starting_points_of_twin,
)
from nullcline.distribution import Chunk, spread_over
from nullcline.search.find import find_fixed_points
from nullcline.search.kinds import MINIMUM, SLOW

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike

    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell
    from nullcline.continuation.curve_problem import Matrix, Vector
    from nullcline.continuation.curves import Curve
    from nullcline.distribution.executors import GivenExecutor
    from nullcline.search.fixed_points import FixedPoints

IN_PARALLEL_FROM = 512
"""Curves of as many units are followed side by side: they spend their time in LAPACK and in the
compiled core, which let other threads of Python run."""

ON_CURVE = 1e-7
"""A fixed point that is so near to one of a curve, in each unit, lies on it."""

LARGEST_DENSE_POLISH = 1024
"""Points on a curve are polished by dense factors up to this size: they are too few, and too near
to their ends, for what "auto" prepares: on IMDB GRUs of 256 to 1024 units it took twice as long
(`benchmarks/curve_constants.py`)."""


IN_BOX, BEYOND = 1000, 20_000
"""Points of a curve to either side, at most, where nothing is said: on random networks of 8 to 40
units and gains of 2 and 4 the longest curve beyond the box had 6,465 (`benchmarks/fibers.py`)."""


@one_blas_thread()
def trace(
    cell: Cell,
    point: FixedPoints | ArrayLike,
    inputs: ArrayLike | None = None,
    *,
    beyond: bool = False,
    max_tau: float | None = None,
    n_directions: int = 1,
    directions: ArrayLike | None = None,
    largest_step: float = 1.0,
    max_points: int | None = None,
    tol_unique: float = 1e-3,
    tol_slow: float = 1e-6,
    certified: bool = False,
    n_threads: int | None = None,
    executor: GivenExecutor | None = None,
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

    A fiber that leaves the box may come back to it, and meet more fixed points. With `beyond` it is
    followed outside, as a fiber of n(ψ(h)) - h, where ψ keeps what is in the box as it is and
    saturates in one a fifth wider; to a |τ| beyond which no fiber of the direction turns back. Of
    a cell of the compiled core that is proved. Its whole fiber is one curve from τ = -∞ to ∞, the
    indices of whose fixed points sum to 1, and closed curves, of sum 0; on each they alternate.
    `Curve.fault` says where that does not hold.

    A curve of thirty states takes about as many factorizations of a matrix of H + 1 rows; from
    H = 4097 on none, but products with the weights, by GMRES, in memory for 300 vectors at most.
    Branch points are then not looked for.

    Parameters
    ----------
    cell
        The cell. One of float32 is followed as the cell of float64 with its weights.
    point
        `FixedPoints`, whose converged rows are traced, or states of shape (S,) or (n, S), each of
        which first goes to its end.
    inputs
        The constant input, None or shape (D,); for `FixedPoints` their own, which must be one.
    beyond
        Whether to follow curves beyond the faces of the box.
    max_tau
        The |τ| at which a curve beyond the box ends at the latest; None for one from which on it is
        known not to turn back, or, where none is known, 1000 times the width of the box. A cell
        whose outputs have no bounds needs it. Of a function one is known if it takes the box a
        fifth wider than its bounds into its bounds, with derivatives below 1e12.
    n_directions
        How many curves to follow through each fixed point, one per smallest singular value. (A
        slow point has one curve.)
    directions
        Instead of these w of one's own for all fixed points, shape (k, H), of any length. A point
        that lies on an earlier curve of its direction then has no curve.
    largest_step
        The longest step along a curve, in arclength; outside of the box longer by the distance
        from it.
    max_points
        The most states of a curve to either side; None for 1000, or 20,000 with `beyond`.
    tol_unique, tol_slow
        As in `find_fixed_points`, which polishes the points on the curves.
    certified
        Whether a step is taken only if exactly one curve is proved to lie along it, and to be the
        one that the step before followed; else it is made shorter. `Curve.tube` holds the proofs.
        Where not even the shortest step is proved, as at a branch point, the curve ends, and `ends`
        says so. Each step that is tried takes an inverse of H x H besides.
    n_threads
        Threads for that, and for several curves of 512 units or more, each of which has one.
    executor
        Who follows the curves, as in `find_fixed_points`: a worker has one curve at a time, or, of
        directions of one's own, all of a direction.

    Returns
    -------
    Trace
        Curves in the order of the points, for each in the order of its directions.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or value, the cell is not smooth, no point is fixed
        or slow, the Jacobian at one is not finite, or the cell's outputs have no bounds and
        `max_tau` is None. With `certified`, if the cell is one that cannot be certified (see
        `certify_curve`), or has more than 4096 units.
    """
    require_cell(cell)
    twin = in_float64(cell)
    require_smooth_float64(twin)
    if certified:
        require_provable(twin)
    n_directions = validation.whole_number("n_directions", n_directions, 1, cell.hidden_size)
    most = (BEYOND if beyond else IN_BOX) if max_points is None else max_points
    most = validation.whole_number("max_points", most, 2)
    threads = thread_count(n_threads)
    spread = spread_over(executor, None, n_threads, threads)
    if validation.tolerance("largest_step", largest_step) <= 0:
        raise ValueError("largest_step must be positive")
    own = None if directions is None else _unit_rows(directions, cell.hidden_size, n_directions)
    search = partial(
        find_fixed_points, cell, tol_unique=tol_unique, tol_slow=tol_slow, n_threads=threads
    )
    starts = starting_points(cell, point, inputs, search)
    finer = starts if twin is cell else starting_points_of_twin(twin, starts)
    x = None if finer.inputs is None else finer.inputs[:1]
    limits = Limits(largest_step, most, beyond, _stated_bound(twin, x, beyond, max_tau), certified)
    begun = [
        (h, direction)
        for h, kind in zip(twin.outputs_of(finer.h), finer.kind, strict=True)
        for direction in _directions(twin, x, h, kind, n_directions, own)
    ]

    groups = _alike([direction for _, direction in begun], own)
    chunks = [Chunk(([(number, *begun[number]) for number in group],)) for group in groups]
    shared = {"cell": twin, "inputs": x, "limits": limits}
    if spread is not None:
        found = spread.answers(_followed, chunks, shared)
    else:
        is_worth_threads = cell.hidden_size >= IN_PARALLEL_FROM and isinstance(cell, HasCoreWeights)
        found = _in_threads(chunks, shared, threads if is_worth_threads else 1)
    numbered = sorted((pair for group in found for pair in group), key=itemgetter(0))
    curves = tuple(curve for _, curve in numbered)
    met = np.concatenate([finer.h, *(twin.state_of(_met_on(curve), x) for curve in curves)])
    if beyond:
        met = np.concatenate([met, *(curve.fixed_h for curve in curves)])
    method = "lm" if cell.hidden_size <= LARGEST_DENSE_POLISH else "auto"
    own_x = None if starts.inputs is None else starts.inputs[:1]
    points = search(met.astype(cell.dtype), own_x, method=method).unique()
    return Trace(curves, points, _faults(curves) if beyond else ())


def _in_threads(
    chunks: list[Chunk], shared: Mapping[str, Any], n_threads: int
) -> list[list[tuple[int, Curve]]]:
    """Follow groups of curves side by side."""
    if len(chunks) == 1 or n_threads == 1:
        return [_followed(shared, *chunk.arguments) for chunk in chunks]
    with ThreadPoolExecutor(min(n_threads, len(chunks))) as pool:
        return list(pool.map(lambda chunk: _followed(shared, *chunk.arguments), chunks))


def _followed(
    shared: Mapping[str, Any], begun: list[tuple[int, Vector, Vector]], **_: Any
) -> list[tuple[int, Curve]]:
    """Follow the curves of one group, each unless it is an earlier one."""
    curves: list[tuple[int, Curve]] = []
    for number, h, direction in begun:
        if not any(_meets(curve, h) for _, curve in curves):
            curve = follow_fiber(shared["cell"], shared["inputs"], h, direction, shared["limits"])
            curves.append((number, curve))
    return curves


def _stated_bound(
    cell: Cell, x: Floats | None, beyond: bool, max_tau: float | None
) -> float | None:
    """Check the bound of |τ| that is stated."""
    if max_tau is not None:
        if not beyond:
            raise ValueError("max_tau is for curves beyond the box: give beyond=True, too")
        if not validation.tolerance("max_tau", max_tau) > 0:
            raise ValueError("max_tau must be positive")
        return float(max_tau)
    box = cell.box_at(x)
    if beyond and not (np.isfinite(box.low).all() and np.isfinite(box.high).all()):
        raise ValueError(
            "max_tau must be given for a cell whose outputs have no bounds: it is not known how "
            f"far its curves are to be followed: {cell}"
        )
    return None


def _unit_rows(directions: ArrayLike, size: int, n_directions: int) -> Matrix:
    """Check directions of the user's, and return them as unit vectors (k, H)."""
    if n_directions != 1:
        raise ValueError("n_directions must be left out where directions are given")
    rows = np.atleast_2d(validation.floats("directions", directions)).astype(np.float64)
    if rows.ndim != 2 or rows.shape[1] != size or len(rows) == 0:
        raise ValueError(f"directions must have shape (k, {size}), not {np.shape(directions)}")
    validation.require_finite("directions", rows)
    largest = np.abs(rows).max(axis=1, keepdims=True)
    if not largest.all():
        raise ValueError("directions must not hold a row of zeros")
    rows = rows / largest
    units: Matrix = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return units


def _alike(directions: list[Vector], own: Matrix | None) -> list[list[int]]:
    """Return the numbers of the curves that share one of the user's directions; others alone."""
    known = np.zeros((0, 0)) if own is None else own
    groups: dict[int, list[int]] = {}
    for number, direction in enumerate(directions):
        same = np.flatnonzero([np.array_equal(direction, one) for one in known])
        groups.setdefault(int(same[0]) if len(same) else -1 - number, []).append(number)
    return list(groups.values())


def _faults(curves: tuple[Curve, ...]) -> tuple[str, ...]:
    """Return what is at fault with curves."""
    found = ((number, curve.fault) for number, curve in enumerate(curves))
    return tuple(f"curve {number}: {fault}" for number, fault in found if fault is not None)


def _meets(curve: Curve, h: Vector) -> bool:
    """Tell whether a fixed point lies on a curve."""
    outputs = curve.cell.outputs_of(curve.fixed_h)
    return bool((np.abs(outputs - h) <= ON_CURVE).all(axis=1).any())


def _directions(
    cell: Cell, x: Floats | None, h: Vector, kind: str, n_directions: int, own: Matrix | None
) -> list[Vector]:
    """Return the unit vectors w to trace along."""
    residual = cell.residual(h[None], x)[0].astype(np.float64)
    largest = np.abs(residual).max()
    if kind in {SLOW, MINIMUM} and largest > 0:
        residual /= largest  # squares of what is left of a multiple root may vanish
        return [residual / np.linalg.norm(residual)]
    if own is not None:
        return list(own)
    if cell.hidden_size > LARGEST_WRITTEN_OUT:
        at = residual_map(cell, h, None if x is None else x[0])
        found = smallest_by_products(lambda u: at.jvp(at.vjp(u)), len(h), n_directions)
        if found is not None:
            return found
    jacobian = cell.residual_jacobian(h[None], x)[0]
    require_finite_jacobian(jacobian)
    return smallest_left_vectors(jacobian, n_directions)


def _met_on(curve: Curve) -> Matrix:
    """Return outputs near which the curve crosses a zero of τ or passes a minimum of |τ|."""
    tau, slope = curve.tau, curve.tau_slope
    side, trend = np.sign(tau), np.sign(tau) * np.sign(slope)
    crosses = side[:-1] * side[1:] < 0
    passes = ~crosses & (trend[:-1] < 0) & (trend[1:] > 0)
    weight = np.zeros(len(tau) - 1)
    for found, value in ((crosses, tau), (passes, slope)):
        before, after = value[:-1][found], value[1:][found]
        weight[found] = before / (before - after)
    met = (crosses | passes) & curve.is_inside[:-1] & curve.is_inside[1:]
    outputs = curve.cell.outputs_of(curve.h)
    between: Matrix = outputs[:-1] + weight[:, None] * np.diff(outputs, axis=0)
    return between[met]
