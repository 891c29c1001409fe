"""The enumeration of all fixed points: asked for here, and read into what is told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nullcline._native import _core
from nullcline._native.blas import one_blas_thread
from nullcline._support import validation
from nullcline.cells.compiled import thread_count
from nullcline.certify.balls import UP
from nullcline.enumeration.network import read_network, require_few_unknowns
from nullcline.enumeration.one_point import one_point
from nullcline.enumeration.result import Enumeration
from nullcline.search.fixed_points import FixedPoints
from nullcline.search.kinds import FIXED, ZERO
from nullcline.search.progress import reporter

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from nullcline.cells.protocol import Cell
    from nullcline.enumeration.low_rank import Factors
    from nullcline.enumeration.network import Network
    from nullcline.search.progress import Report

    Matrix = NDArray[np.float64]

ALL = "every other part of the box is proved to hold no fixed point"
ONE = "there is exactly one, since I - W is proved to be a P-matrix: "
UNBOUNDED = (
    "the points found are all within the largest bound tried, beyond which others cannot be "
    "excluded: a linear region is singular, or nearly so, and a line of fixed points may leave it"
)
ENDS = (
    "boxes at the resolution stayed open: a degenerate fixed point lies there, such as a pitchfork "
    "or a fold, a unit exactly at a kink, or a line of fixed points",
    "max_boxes were looked at before all were; those that were not are open: give more, or a "
    "longer search",
    "patience ran out before all boxes were looked at; those that were not are open",
    "more boxes stayed open at the resolution than isolated fixed points leave: there is a line of "
    "fixed points, or a coarser resolution is needed",
)
"""Why boxes are open, by the core's number of how it ended."""

STOPPED = (1, 2)
"""The numbers of limits that the caller set."""

TICKS = 1000
"""Into how many parts a search is divided for progress."""

BOUNDS = (1e3, 1e6, 1e9, 1e12)
"""Bounds of a ReLU network's outputs that are tried, in units of its largest drive."""


class _Found(NamedTuple):
    """Boxes that hold one fixed point each, their indices, open boxes, and how it ended."""

    exists: tuple[Matrix, Matrix]
    indices: NDArray[np.int8]
    open: tuple[Matrix, Matrix]
    n_boxes: int
    end: int


def enumerate_fixed_points(
    cell: Cell,
    inputs: ArrayLike | None = None,
    *,
    max_boxes: int = 1_000_000,
    patience: float | None = None,
    resolution: float = 1e-8,
    n_threads: int | None = None,
    progress: bool | Report = False,
) -> Enumeration:
    """Find all fixed points of a small or low-rank network, each proved, and prove that they are.

    - Cells with bounded outputs and about ten units (often more): the box of outputs is divided.
      On each part the equations are enclosed between parallel planes, which contract it; Krawczyk's
      operator proves exactly one fixed point in it, or none; else it is halved. Gated cells take
      the most boxes.
    - `RNN`, `LeakyRNN` and `RateRNN` whose recurrence has a low rank R, given as factors or found
      in the matrix: the same in the R variables κ = Nᵀh, for thousands of units.
    - ReLU networks of about twenty units: their linear regions, with bounds that leave out most. Of
      any number of units if I - W is proved to be a P-matrix, since there is one point then.

    Every rounding is outward (`nullcline.certify`), so that what is proved is proved of the network
    with the weights and the input as they are stored. docs/enumeration.md derives it.

    Parameters
    ----------
    cell
        A cell whose equations the core knows; not a stack, nor a function.
    inputs
        The constant input, shape (D,) or (1, D); None for zero input.
    max_boxes
        The most boxes to look at. Those that are left are open. The bound of a ReLU network's
        outputs is proved by searches of their own, each with these limits.
    patience
        The most seconds to take; None for no limit. What is found then depends on the machine.
    resolution
        The largest width of a box that stays open because nothing can be proved of it, as around a
        degenerate point.
    n_threads
        The most threads to use; None for one per processor. The result does not depend on it.
    progress
        True for a bar on stderr, or a function that is called with how many thousandths of the
        search are done, and with 1000; what it raises ends the search.

    Returns
    -------
    Enumeration
        The points, with radii and indices; whether they are all; and the open boxes.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or value, or the cell cannot be enumerated; the
        message says what can be done instead.
    KeyboardInterrupt
        After Ctrl-C.

    References
    ----------
    Neumaier, Interval Methods for Systems of Equations (1990), chapter 5; Krawczyk, Computing 4
    (1969) 187; de Figueiredo and Stolfi, Numerical Algorithms 37 (2004) 147; for ReLU networks
    Cottle, Pang and Stone, The Linear Complementarity Problem (1992), and Eisenmann, Monfared,
    Göring and Durstewitz, NeurIPS (2023), whose SCYFI samples what this exhausts.

    Examples
    --------
    >>> found = nc.enumerate_fixed_points(cell)  # doctest: +SKIP
    >>> found.complete, len(found), found.index  # doctest: +SKIP
    """
    network = read_network(cell, inputs)
    most = validation.whole_number("max_boxes", max_boxes, 1, 2**62)
    seconds = np.inf if patience is None else validation.tolerance("patience", patience)
    finest = validation.tolerance("resolution", resolution)
    if not 1e-13 <= finest <= 1:
        raise ValueError(f"resolution must lie between 1e-13 and 1, not be {finest:g}")
    threads = thread_count(n_threads)
    with reporter(progress, TICKS, what="boxes", unit="‰") as report, one_blas_thread():
        limits = _core.EnumerationLimits(most, seconds, finest, threads, _thousandths(report))
        method, found, reason = _enumerate(network, limits)
        if report is not None:
            report(TICKS, TICKS)
    return _told(network, method, found, reason)


def _thousandths(report: Report | None) -> Callable[[float], None] | None:
    if report is None:
        return None
    return lambda share: report(int(TICKS * share), TICKS)


def _enumerate(network: Network, limits: Any) -> tuple[str, _Found, str]:
    """Choose what is divided; return its name, what was found, and why it is or is not all."""
    if network.is_rectified:
        return "regions", *(_of_one_point(network) or _of_regions(network, limits))
    if network.factors is None:
        found = _Found(
            *_core.enumerate_cell(
                network.kind,
                network.weight,
                *network.drive,
                network.parameters,
                network.activations,
                network.low,
                network.high,
                limits,
            )
        )
        return "boxes", found, _reason(found)
    found = _of_latent_variables(network, network.factors, limits)
    return "latent", found, _reason(found)


def _of_latent_variables(network: Network, factors: Factors, limits: Any) -> _Found:
    reach = 1.000001 * np.abs(factors.right).sum(axis=0) + 1e-300  # bounded activations are <= 1
    return _Found(
        *_core.enumerate_latent(
            *factors,
            *network.drive,
            network.activations or [],
            network.of_arguments,
            -reach,
            reach,
            limits,
        )
    )


def _of_one_point(network: Network) -> tuple[_Found, str] | None:
    """Return the one fixed point, and why there is no other; None if there may be more."""
    proved = one_point(network)
    if proved is None:
        require_few_unknowns(network)
        return None
    box, why = proved
    nothing = np.zeros((0, len(box.middle)))
    found = _Found(
        (box.low[None], box.high[None]), np.ones(1, np.int8), (nothing, nothing), n_boxes=0, end=0
    )
    return found, ONE + why


def _of_regions(network: Network, limits: Any) -> tuple[_Found, str]:
    drive = float(np.abs(network.drive).max()) or 1.0
    n_boxes = 0
    for bound in (factor * drive for factor in BOUNDS):
        is_bounded, n, end = _core.bounded_relu(network.weight, *network.drive, bound, limits)
        n_boxes += n
        if is_bounded or end in STOPPED:
            break
    found = _Found(
        *_core.enumerate_relu(network.weight, *network.drive, bound, network.of_arguments, limits)
    )
    found = found._replace(n_boxes=found.n_boxes + n_boxes)
    if is_bounded:
        return found, _reason(found)
    size = network.cell.hidden_size
    beyond = np.full((1, size), -np.inf if network.of_arguments else 0), np.full((1, size), np.inf)
    boxes = [np.concatenate(ends) for ends in zip(found.open, beyond, strict=True)]
    reason = ENDS[end] if end in STOPPED else UNBOUNDED
    return found._replace(open=(boxes[0], boxes[1])), reason


def _reason(found: _Found) -> str:
    return ALL if len(found.open[0]) == 0 else ENDS[found.end]


def _told(network: Network, method: str, found: _Found, reason: str) -> Enumeration:
    cell = network.cell
    n = len(found.indices)
    low, high = np.zeros((n, cell.state_size)), np.zeros((n, cell.state_size))
    for i, (below, above) in enumerate(zip(*found.exists, strict=True)):
        low[i], high[i] = network.core.complete(below, above, *network.drive)
    middle = low / 2 + high / 2
    order = np.lexsort(middle.T[::-1])
    low, high, h = low[order], high[order], middle[order].astype(cell.dtype)
    wide = h.astype(np.float64)
    radius = UP * np.maximum(high - wide, wide - low).max(axis=1, initial=0)
    points = FixedPoints(
        h=h,
        q=cell.speed(h, network.x).astype(np.float64),
        kind=np.full(n, FIXED),
        reason=np.full(n, ZERO),
        iterations=np.zeros(n, np.int32),
        starts=h.copy(),
        inputs=None if network.x is None else np.repeat(network.x, n, axis=0),
        tol_unique=_apart(wide),
        count=np.ones(n, np.int64),
        cell=cell,
    )
    return Enumeration(
        points,
        radius,
        found.indices[order],
        *found.open,
        n_boxes=found.n_boxes,
        method=method,
        reason=reason,
    )


def _apart(states: Matrix) -> float:
    """Return a `tol_unique` that merges no two of these points: at most its default."""
    if len(states) < 2:
        return 1e-3
    from scipy.spatial import cKDTree

    nearest = np.asarray(cKDTree(states).query(states, k=2, p=np.inf)[0])
    return min(1e-3, float(nearest[:, 1].min()) / 2)
