"""Where the classes lie in a layer, and in how many dimensions it holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline.geometry import (
    class_geometry,
    intrinsic_dimension,
    perturbation_decay,
    readout_angles,
    settle,
    slow_modes,
)
from nullcline.linearization.linear_map import linearize
from nullcline.linearization.resolution import (
    GROWTH,
    OPEN,
    known_time_constants,
    side_of_circle,
)
from nullcline.study.class_results import UNKNOWN, ClassAnalysis

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nullcline.cells import Cell
    from nullcline.linearization.linear_map import Linearization
    from nullcline.search.fixed_points import FixedPoints

N_FINAL = 1000
"""Reviews after which states are looked at, at most."""

STEPS = 10
"""Steps without a word in which what decays fast is gone.

As many as a mode takes, at least, to fall by a factor of e, for the study to call it lasting
(`nullcline.study.line_attractor_claims`).
"""

N_COUNTED = 100
"""Fixed points whose unstable modes are counted, at most."""

N_TIME_CONSTANTS = 12
"""How many of the longest time constants at the middle are kept."""

SHOWN = 3
"""Principal components that are kept to be drawn."""


def analyse_classes(
    cell: Cell,
    final: NDArray[np.float32],
    labels: NDArray[np.int64],
    unique: FixedPoints,
    *,
    readout: NDArray[np.float64] | None,
) -> ClassAnalysis | None:
    """Measure where the classes lie among a layer's states after whole reviews.

    Parameters
    ----------
    cell
        The layer.
    final, labels
        Its states after whole reviews, shape (m, S), and the class of each, (m,).
    unique
        Its distinct fixed and slow points.
    readout
        All rows of the readout, (K, H) or (1, H); None for a layer that has none.

    Returns
    -------
    ClassAnalysis or None
        None where all reviews are of one class, or states do not differ.
    """
    states = final.astype(cell.dtype)
    settled = settle(cell, states, STEPS)
    if len(np.unique(labels)) < 2 or not _tells_apart(settled, labels):
        return None
    dimension = intrinsic_dimension(settled)
    plane = dimension.components
    shown = _Axes(states)
    geometry = class_geometry(settled, labels)
    modes, counted = _modes(cell, unique)
    centre = _centre(unique, geometry.vertices)
    at_centre = None if centre is None else linearize(cell, unique.select([centre]))
    return ClassAnalysis(
        labels=labels,
        final_projection=shown.project(states),
        vertex_projection=shown.project(geometry.vertices),
        point_projection=shown.project(unique.h),
        readout_projection=None if readout is None else shown.directions(_rows_of(readout)),
        final=intrinsic_dimension(states),
        settled=dimension,
        points=intrinsic_dimension(unique.h) if _differ(unique.h) else None,
        geometry=geometry,
        readout_angles=_readout_angles(settled[:, : cell.hidden_size], readout, plane),
        decay=perturbation_decay(cell, states, min(plane, states.shape[1] - 1), steps=STEPS)
        if states.shape[1] > 1
        else None,
        centre=centre,
        time_constants=_longest(at_centre),
        slow=None if at_centre is None else int(slow_modes(at_centre, STEPS)[0]),
        gap=None
        if at_centre is None or at_centre.time_constants.shape[1] < 2
        else int(slow_modes(at_centre)[0]),
        n_unstable=_n_unstable(len(unique), modes, counted),
        steps=STEPS,
    )


class _Axes:
    """The first principal components of states, padded with zeros where there are fewer."""

    def __init__(self, states: NDArray[np.floating]) -> None:
        array = states.astype(np.float64)
        self._mean = array.mean(axis=0)
        _, _, axes = np.linalg.svd(array - self._mean, full_matrices=False)
        self._axes = np.zeros((SHOWN, array.shape[1]))
        self._axes[: len(axes[:SHOWN])] = axes[:SHOWN]

    def project(self, states: NDArray[np.floating]) -> NDArray[np.float64]:
        return np.asarray((states - self._mean) @ self._axes.T)

    def directions(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return unit vectors of outputs along the axes; of a state the outputs come first."""
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        return np.asarray(rows / np.where(lengths, lengths, 1) @ self._axes[:, : rows.shape[1]].T)


def _rows_of(readout: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weights of each class, by how they differ from the mean of all."""
    if len(readout) == 1:
        return np.concatenate([-readout, readout])
    return np.asarray(readout - readout.mean(axis=0))


def _tells_apart(states: NDArray[np.floating], labels: NDArray[np.int64]) -> bool:
    means = np.array([states[labels == label].mean(axis=0) for label in np.unique(labels)])
    return _differ(states) and len(np.unique(means, axis=0)) == len(means)


def _differ(states: NDArray[np.floating]) -> bool:
    return len(states) > 1 and bool(np.ptp(states, axis=0).any())


def _readout_angles(
    outputs: NDArray[np.floating], readout: NDArray[np.float64] | None, plane: int
) -> NDArray[np.float64] | None:
    if readout is None:
        return None
    varied = int(np.linalg.matrix_rank(outputs - outputs.mean(axis=0)))
    return readout_angles(outputs, readout, min(plane, varied)) if varied else None


def _modes(cell: Cell, unique: FixedPoints) -> tuple[Linearization | None, NDArray[np.intp]]:
    """Linearize at the fixed points, the ends of most starts first, as far as there are."""
    fixed = np.flatnonzero(unique.kind == "fixed")
    rows = fixed[np.argsort(-unique.count[fixed], kind="stable")][:N_COUNTED]
    return (linearize(cell, unique.select(rows)) if len(rows) else None), rows


def _n_unstable(n: int, modes: Linearization | None, rows: NDArray[np.intp]) -> NDArray[np.int64]:
    found = np.full(n, UNKNOWN, np.int64)
    if modes is not None:
        sides = side_of_circle(modes.eigenvalues, modes.eigenvalue_errors)
        is_open = (sides == OPEN).any(axis=1)
        found[rows] = np.where(is_open, UNKNOWN, (sides == GROWTH).sum(axis=1))
    return found


def _centre(unique: FixedPoints, vertices: NDArray[np.float64]) -> int | None:
    """Return the row of the point nearest to the middle of the classes."""
    if len(unique) == 0:
        return None
    return int(np.linalg.norm(unique.h - vertices.mean(axis=0), axis=1).argmin())


def _longest(modes: Linearization | None) -> NDArray[np.float64]:
    if modes is None:
        return np.empty(0)
    taus = known_time_constants(modes.eigenvalues[0], modes.eigenvalue_errors[0])
    return np.asarray(-np.sort(-taus)[:N_TIME_CONSTANTS])
