"""A line attractor measured: its length, its width, its share of the variance, its direction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nullcline._native.blas import one_blas_thread
from nullcline._support import validation
from nullcline._support.shown import Shown, Table, described
from nullcline.cells import require_cell
from nullcline.continuation.curves import Curve
from nullcline.linearization.linear_map import linearize
from nullcline.linearization.readout import readout_vector

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from nullcline.cells import Cell

    Vector = NDArray[np.float64]
    Matrix = NDArray[np.float64]

N_PIECES = 1000
"""Straight pieces that stand for the curve when states are projected on it."""

STATES_AT_ONCE = 4096
"""States that are projected in one product: what bounds the memory."""


@dataclass(frozen=True, eq=False)
class LineAttractor(Shown):
    """A slow manifold, traced as a curve, measured against the states that a network visits.

    Positions are arclengths along the curve in the space of states, 0 where it begins.

    Attributes
    ----------
    positions
        Positions, equally spaced over the visited part of the curve, shape (p,).
    h, tangents
        States on the curve and its unit tangents there, shape (p, S).
    time_constants
        The largest time constant of J_rec at each of them, shape (p,).
    tangent_to_mode
        Angle, in degrees from 0 to 90, between the tangent and the right eigenvector of that mode
        (the plane that real and imaginary part span, if it is complex), shape (p,).
    tangent_to_readout, mode_to_readout
        Angles between each of these and the readout, shape (p,); None without readout. Two random
        directions have 90° give or take 57°/√S.
    visited
        The part of the curve that states are nearest to, from and to a position.
    state_positions, state_distances
        Position of the nearest state on the curve, and distance to it, one per visited
        state, (n,).
    offset
        Distance between the visited states' mean and the mean of their nearest states on the curve:
        how far the curve lies beside the cloud.
    r2
        1 - Σ‖h - c(h)‖² / Σ‖h - mean‖², where c(h) is the nearest state on the curve; negative if
        the mean state is nearer than the curve.
    explained_variance
        R² without the offset: 1 - Var(h - c(h)) / Var(h).
    explained_by_chord
        Share of the visited variance along the straight line between the ends of the visited part.
    explained_by_component
        Share along the first principal component, the most that a straight line can have.
    """

    positions: Vector
    h: Matrix
    tangents: Matrix
    time_constants: Vector
    tangent_to_mode: Vector
    tangent_to_readout: Vector | None
    mode_to_readout: Vector | None
    visited: tuple[float, float]
    state_positions: Vector
    state_distances: Vector
    offset: float
    r2: float
    explained_variance: float
    explained_by_chord: float
    explained_by_component: float

    @property
    def length(self) -> float:
        """Arclength of the visited part."""
        return self.visited[1] - self.visited[0]

    @property
    def width(self) -> float:
        """Root mean square distance of visited states from the curve."""
        return float(np.sqrt(np.mean(self.state_distances**2)))

    @property
    def aspect(self) -> float:
        """Length over width; infinite if every state lies on the curve."""
        return self.length / self.width if self.width > 0 else float("inf")

    def _table(self) -> Table:
        names = ("length", "width", "aspect", "offset", "r2", "explained_variance")
        shares = ("explained_by_chord", "explained_by_component")
        rows = [(name, described(getattr(self, name))) for name in names + shares]
        return Table(("attribute", ""), rows, len(rows))

    def __repr__(self) -> str:
        return (
            f"LineAttractor(length {self.length:.3g}, width {self.width:.3g}, "
            f"explained variance {self.explained_variance:.3f})"
        )


def measure_line_attractor(
    cell: Cell,
    path: Curve | ArrayLike,
    states: ArrayLike,
    inputs: ArrayLike | None = None,
    readout: ArrayLike | None = None,
    *,
    central: float = 0.95,
    n_positions: int = 20,
) -> LineAttractor:
    """Measure a slow manifold against the states that a network visits.

    That fixed and slow points lie on a line, that the slowest right eigenvector points along it and
    the readout too, is how Maheswaranathan et al. (NeurIPS 2019) describe a line
    attractor; here the line is the curve that `trace` follows through those points, a state belongs
    to the nearest one on it (as on a principal curve: Hastie and Stuetzle, J. Am. Stat. Assoc. 84
    (1989) 502), and what they show is counted.

    Parameters
    ----------
    cell
        The cell.
    path
        A curve of `trace`, or states in the order along a line, shape (m, S) with m >= 2, such as
        fixed and slow points; between them it is a cubic spline. Of a curve that leaves the box the
        part counts that goes through its beginning.
    states
        Visited states, shape (n, S).
    inputs
        The constant input at the path, None (zero) or shape (D,); for a `Curve`, which has its own,
        None.
    readout
        Weights of the outputs, shape (H,), or of the whole state, shape (S,); None for none.
    central
        Share of the visited states, about the middle of their positions, whose positions make up
        the visited part: 1 counts the furthest one too.
    n_positions
        Positions at which the curve's direction and modes are found, 2 or more.

    Returns
    -------
    LineAttractor
        Length, width, shares of the variance, and angles along the curve.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or value, states do not differ, or all are nearest
        to one end of the path: it does not run where they are.
    """
    require_cell(cell)
    if isinstance(path, Curve):
        if inputs is not None:
            raise ValueError("inputs must be None: this curve carries the input it was traced with")
        inputs, path = path.inputs, path.h[_first_stretch(path)]
    nodes, visited_states = (
        validation.rows(name, rows, cell.state_size, cell.dtype, cell.hidden_size).astype(
            np.float64
        )
        for name, rows in (("path", path), ("states", states))
    )
    n_positions = validation.whole_number("n_positions", n_positions, 2)
    share = validation.tolerance("central", central)
    if not 0 < share <= 1:
        raise ValueError(f"central must lie above 0 and not above 1, not be {share}")
    line = _Line(nodes)
    positions, nearest = line.nearest(visited_states)
    visited = _visited(positions, share)
    at = np.linspace(*visited, n_positions)
    h, tangents = line.at(at)
    modes = linearize(cell, h.astype(cell.dtype), inputs).by_time_constant()
    slowest = modes.right[:, :, 0]
    weights = None if readout is None else readout_vector(cell, readout)
    chord = h[-1] - h[0]
    residual, centred = visited_states - nearest, visited_states - visited_states.mean(axis=0)
    total = np.sum(centred**2)
    return LineAttractor(
        positions=at,
        h=h,
        tangents=tangents,
        time_constants=modes.time_constants[:, 0],
        tangent_to_mode=_angles(tangents, slowest),
        tangent_to_readout=None if weights is None else _angles(weights, tangents),
        mode_to_readout=None if weights is None else _angles(weights, slowest),
        visited=visited,
        state_positions=positions,
        state_distances=np.linalg.norm(residual, axis=1),
        offset=float(np.linalg.norm(residual.mean(axis=0))),
        r2=float(1 - np.sum(residual**2) / total),
        explained_variance=float(1 - np.sum((residual - residual.mean(axis=0)) ** 2) / total),
        explained_by_chord=float(np.sum((centred @ chord) ** 2) / (chord @ chord * total)),
        explained_by_component=float(np.linalg.norm(centred, 2) ** 2 / total),
    )


def _first_stretch(curve: Curve) -> slice:
    """Return the states about a curve's beginning that are in the box one after the other."""
    begin = int(np.argmin(np.abs(curve.arclength)))
    outside = np.flatnonzero(~curve.is_inside)
    before, after = outside[outside < begin], outside[outside > begin]
    first = int(before[-1]) + 1 if len(before) else 0
    return slice(first, int(after[0]) if len(after) else len(curve))


class _Line:
    """A smooth curve through states in order, and the fine polygon that stands for it."""

    def __init__(self, nodes: Matrix) -> None:
        from scipy.interpolate import CubicSpline

        if len(nodes) < 2:
            raise ValueError(f"path must hold at least 2 states, not {len(nodes)}")
        steps = np.linalg.norm(np.diff(nodes, axis=0), axis=1)
        if (steps == 0).any():
            raise ValueError("path must not hold the same state twice in a row")
        knots = np.concatenate([[0], np.cumsum(steps)])
        self._spline = CubicSpline(knots, nodes)
        self._parameters = np.linspace(0, knots[-1], N_PIECES + 1)
        self._corners: Matrix = self._spline(self._parameters)
        self._pieces: Matrix = np.diff(self._corners, axis=0)
        self._lengths: Vector = np.linalg.norm(self._pieces, axis=1)
        self._arclength = np.concatenate([[0], np.cumsum(self._lengths)])

    def at(self, positions: Vector) -> tuple[Matrix, Matrix]:
        """Return the states at these positions and the unit tangents there."""
        parameters = np.interp(positions, self._arclength, self._parameters)
        tangents = self._spline(parameters, 1)
        return self._spline(parameters), tangents / np.linalg.norm(tangents, axis=1, keepdims=True)

    def nearest(self, states: Matrix) -> tuple[Vector, Matrix]:
        """Return the position of the nearest state on the polygon to each, and that state."""
        positions, nearest = np.empty(len(states)), np.empty_like(states)
        for first in range(0, len(states), STATES_AT_ONCE):
            rows = slice(first, first + STATES_AT_ONCE)
            positions[rows], nearest[rows] = self._nearest(states[rows])
        return positions, nearest

    def _nearest(self, states: Matrix) -> tuple[Vector, Matrix]:
        # Distances from the first corner, for the sake of the differences of squares below.
        origin = self._corners[0]
        begin, away = self._corners[:-1] - origin, states - origin
        along = away @ self._pieces.T - np.sum(begin * self._pieces, axis=1)
        part = np.clip(along / self._lengths**2, 0, 1)
        squared = np.sum(begin**2, axis=1) - 2 * away @ begin.T
        squared += part * (part * self._lengths**2 - 2 * along)
        piece = np.argmin(squared, axis=1)
        share = part[np.arange(len(states)), piece]
        positions: Vector = self._arclength[piece] + share * self._lengths[piece]
        return positions, self._corners[piece] + share[:, None] * self._pieces[piece]


def _visited(positions: Vector, central: float) -> tuple[float, float]:
    """Return between which positions the central share of states lies."""
    if len(positions) < 2:
        raise ValueError(f"states must hold at least 2 states, not {len(positions)}")
    low, high = np.quantile(positions, [(1 - central) / 2, (1 + central) / 2])
    if high <= low:
        raise ValueError(
            "states are all nearest to one place on path: it does not run where they are"
        )
    return float(low), float(high)


@one_blas_thread()
def _angles(first: NDArray[np.inexact], second: NDArray[np.inexact]) -> Vector:
    """Return the angle between real and maybe complex directions, row by row, in degrees.

    A complex direction counts as the plane of its real and imaginary part.
    """
    from scipy.linalg import subspace_angles

    real, other = np.broadcast_arrays(first, second)
    return np.array(
        [
            np.degrees(subspace_angles(a[:, None], _spanning(b))[-1])
            for a, b in zip(real, other, strict=True)
        ]
    )


def _spanning(direction: NDArray[np.inexact]) -> Matrix:
    """Return real columns that span a direction."""
    if not direction.imag.any():
        return np.ascontiguousarray(direction.real)[:, None]
    return np.column_stack([direction.real, direction.imag])
