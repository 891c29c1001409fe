"""FixedPointFinder's picture of fixed points, under its name and with its arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import pyplot as plt

from nullcline._native.blas import one_blas_thread
from nullcline.plotting.panels import ZOOM_3D, add_legend
from nullcline.plotting.points import (
    add_lines,
    draw_marks,
    draw_trajectories,
    mark_handles,
    point_kinds,
)
from nullcline.plotting.projection import Projection
from nullcline.plotting.theme import BLUE, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike, NDArray

    from nullcline.compat.fpf.fixed_points import FixedPoints

    Matrix = NDArray[np.float64]

MODES_DRAWN = 3
"""Modes of a point at most, those of largest |λ|; of them those that grow."""

SIDE = 6
"""Of a new figure, in inches."""


def plot_fps(
    fps: FixedPoints,
    state_traj: Any = None,
    plot_batch_idx: ArrayLike | None = None,
    plot_start_time: int = 0,
    plot_stop_time: int | None = None,
    mode_scale: float = 0.25,
    fig: Figure | None = None,
) -> Figure:
    """Draw fixed points, their unstable modes and trajectories in three principal components.

    The components are those of all of `state_traj`, without it those of the points. Networks of one
    or two units are drawn in a plane. Points differ in shape and colour, by stability and, if they
    were found here, by kind.

    Parameters
    ----------
    fps
        The points; FixedPointFinder's own will do too.
    state_traj
        Trials, shape (n_batch, n_time, n_states); of an LSTM also a pair with the parts `h` and
        `c`, such as TensorFlow's `LSTMStateTuple`. Steps with NaN are left out.
    plot_batch_idx
        Which trials to draw; all by default.
    plot_start_time, plot_stop_time
        From which step on, and up to which; all by default.
    mode_scale
        A mode is a line through its point, |λ| times `mode_scale` long to either side.
    fig
        Where to draw; by default a new figure of pyplot, whose window opens if there are windows.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.

    Raises
    ------
    ValueError
        If there is no `xstar`, or `state_traj` does not fit it.
    IndexError
        If `plot_batch_idx` names a trial that is not there.
    """
    if fps.xstar is None:
        raise ValueError("fps must have xstar: there are no points to draw")
    h = np.asarray(fps.xstar, np.float64)
    trials = None if state_traj is None else _trials(state_traj, h.shape[1])
    projection = _components(h if trials is None else trials.reshape(-1, h.shape[1]), h.shape[1])
    figure = fig
    if figure is None:
        figure = plt.figure(figsize=(SIDE, SIDE), layout="constrained")
    ax = figure.add_subplot(projection="3d" if len(projection) == 3 else None)
    if len(projection) == 3:
        ax.set_box_aspect(None, zoom=ZOOM_3D)  # type: ignore[call-arg]
    if trials is not None:
        steps = slice(max(int(plot_start_time), 0), plot_stop_time)
        shown = _chosen(trials, plot_batch_idx)[:, steps]
        draw_trajectories(ax, list(projection(shown)), BLUE)
    _draw_points(ax, fps, h, projection, mode_scale)
    for name, label in zip("xyz", projection.labels, strict=False):
        getattr(ax, f"set_{name}label")(label)
    if fig is None and getattr(figure.canvas, "required_interactive_framework", None):
        plt.show(block=False)
        plt.pause(1e-10)
    return figure


def _trials(state_traj: Any, n_states: int) -> Matrix:
    """Return trials, shape (n_batch, n_time, n_states), NaN where a state is not finite."""
    given = state_traj
    if hasattr(given, "h") and hasattr(given, "c"):
        parts = [np.asarray(given.h), np.asarray(given.c)]
        given = parts[0] if parts[0].shape[-1] == n_states else np.concatenate(parts, axis=-1)
    trials = np.array(given, np.float64)
    if trials.ndim != 3 or trials.shape[2] != n_states:
        raise ValueError(
            f"state_traj must have shape (n_batch, n_time, {n_states}), as fps has, not "
            f"{trials.shape}"
        )
    trials[~np.isfinite(trials).all(axis=2)] = np.nan
    return trials


def _chosen(trials: Matrix, plot_batch_idx: ArrayLike | None) -> Matrix:
    if plot_batch_idx is None:
        return trials
    numbers = np.atleast_1d(np.asarray(plot_batch_idx, np.intp))
    n = len(trials)
    if ((numbers < -n) | (numbers >= n)).any():
        raise IndexError(f"plot_batch_idx must hold numbers of trials, 0 to {n - 1}")
    return trials[numbers]


def _components(rows: Matrix, n_states: int) -> Projection:
    """Return three principal components of states, or the units of a network that has no three."""
    if n_states < 3:
        return Projection.of_units(range(n_states), n_states) if n_states == 2 else _line()
    finite = rows[np.isfinite(rows).all(axis=1)]
    return Projection.principal(finite if len(finite) else np.zeros((1, n_states)), 3)


def _line() -> Projection:
    """Return the plane in which the states of one unit are drawn, at height zero."""
    return Projection.principal(np.zeros((1, 1)), 2)


def _draw_points(
    ax: Axes, fps: FixedPoints, h: Matrix, projection: Projection, mode_scale: float
) -> None:
    """Draw points with the marks of what is known of them, and the modes that grow."""
    kind = getattr(fps, "kind", None)
    kind = np.full(len(h), "fixed") if kind is None else np.asarray(kind)
    modes = _modes(fps)
    if modes is None:
        marks = point_kinds(kind)
    else:
        values, vectors = modes
        stability = np.full(len(h), "undecided")  # as where a Jacobian is not finite
        known = np.isfinite(values).all(axis=1)
        stable = (np.abs(values[known]) < 1).all(axis=1)
        stability[known] = np.where(stable, "stable", "unstable")
        marks = point_kinds(kind, stability, values)
        ends = projection(_lines_of_modes(h, values, vectors, mode_scale))
        add_lines(ax, ends, colors=VERMILION, linewidths=1.4, zorder=3, label="modes")
    draw_marks(ax, projection(h), marks, np.full(len(h), 36.0))
    add_legend(ax, mark_handles(set(marks.tolist())))


def _lines_of_modes(
    h: Matrix, values: NDArray[Any], vectors: NDArray[Any], mode_scale: float
) -> Matrix:
    """Return the ends of a line along each mode that grows, shape (m, 2, n_states)."""
    lines = [np.zeros((0, 2, h.shape[1]))]
    for place, value, vector in zip(h, values, vectors, strict=True):
        largest = np.argsort(-np.abs(value), kind="stable")[:MODES_DRAWN]
        growing = largest[np.abs(value[largest]) > 1]
        reach = mode_scale * np.abs(value[growing])[:, None] * vector[:, growing].real.T
        lines.append(np.stack([place - reach, place + reach], axis=1))
    return np.concatenate(lines)


@one_blas_thread()
def _modes(fps: FixedPoints) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """Return eigenvalues and eigenvectors, those of the Jacobians where they are not there yet."""
    if fps.eigval_J_xstar is not None:
        return np.asarray(fps.eigval_J_xstar), np.asarray(fps.eigvec_J_xstar)
    if fps.J_xstar is None or len(fps.J_xstar) == 0:
        return None
    jacobians = np.asarray(fps.J_xstar, np.float64)
    whole = np.isfinite(jacobians).all(axis=(1, 2))
    values = np.full(jacobians.shape[:2], np.nan, complex)
    vectors = np.full(jacobians.shape, np.nan, complex)
    values[whole], vectors[whole] = np.linalg.eig(jacobians[whole])
    return values, vectors
