"""The figure of a line attractor: where it runs, how wide it is, and which way it points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D

from nullcline.linearization.resolution import known_time_constants, write_time_constant
from nullcline.plotting.panels import add_legend, panels_or_new
from nullcline.plotting.points import draw_marks, mark_handles, point_kinds
from nullcline.plotting.projection import Projection
from nullcline.plotting.theme import BLACK, BLUE, GREY, ORANGE, VERMILION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from nullcline.continuation.line_attractor import LineAttractor
    from nullcline.plotting.panels import Panels
    from nullcline.search.fixed_points import FixedPoints

WIDTH_BINS = 15


def line_attractor(
    measured: LineAttractor,
    states: NDArray[np.floating[Any]],
    points: FixedPoints | None = None,
    *,
    stability: NDArray[np.str_] | None = None,
    projection: Projection | None = None,
    ax: Sequence[Axes] | Panels | None = None,
) -> Panels:
    """Draw a line attractor: in a plane, its width along it, and its angles.

    Parameters
    ----------
    measured
        From `measure_line_attractor`.
    states
        The visited states that it was measured against, shape (n, S).
    points
        Fixed and slow points to mark.
    stability
        Of these, as in `Linearization.stability`; by default they are drawn as neither stable nor
        unstable.
    projection
        The plane; the states' first two principal components by default.
    ax
        Where to draw, three; a new figure by default.

    Returns
    -------
    numpy.ndarray of matplotlib.axes.Axes
        The plane, the width, the angles.
    """
    plane, width, angles = axes_of = panels_or_new(ax, 3, width=1.25, height=1.2)
    _make_room(plane.figure)
    projection = projection or Projection.principal(states)
    handles = _draw_plane(plane, measured, states, projection)
    if points is not None:
        marks = point_kinds(points.kind, stability)
        draw_marks(plane, projection(points.h), marks, np.full(len(points), 60.0))
        handles += [
            entry for entry in mark_handles(set(marks.tolist())) if entry.get_linestyle() == "None"
        ]
    add_legend(plane, handles)
    _draw_width(width, measured)
    _draw_angles(angles, measured)
    return axes_of


def _make_room(figure: Any) -> None:
    """Keep the name of a colour bar apart from that of the next panel's axis."""
    engine = figure.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.set(w_pad=0.12)


def _draw_plane(
    ax: Axes, measured: LineAttractor, states: NDArray[np.floating[Any]], projection: Projection
) -> list[Line2D]:
    """Draw states and line; return what the legend is to say."""
    x, y = projection(states).T
    cloud = ax.scatter(
        x, y, s=6, c=measured.state_positions, cmap="cividis", lw=0, alpha=0.6,
        rasterized=True,
    )  # fmt: skip
    line = projection(measured.h).T
    ax.plot(*line, color="white", lw=4)
    ax.plot(*line, color=BLACK, lw=1.8)
    if np.ptp(measured.state_positions):
        ax.figure.colorbar(cloud, ax=ax, label="position along the line", pad=0.02)
    x_name, y_name = projection.labels
    ax.set_xlabel(x_name)
    ax.set_ylabel(y_name)
    ax.set_title(
        f"The line has {100 * measured.explained_variance:.0f}% of the variance,\n"
        f"its chord {100 * measured.explained_by_chord:.0f}%"
    )
    return [Line2D([], [], color=BLACK, lw=1.8, label="line attractor, visited part")]


def _draw_width(ax: Axes, measured: LineAttractor) -> None:
    """Draw the states' distances from the line, and their root mean square along it."""
    low, high = measured.visited
    along, distance = measured.state_positions, measured.state_distances
    ax.scatter(along, distance, s=6, color=GREY, alpha=0.5, lw=0, rasterized=True)
    edges = np.linspace(low, high, WIDTH_BINS + 1)
    bin_of = np.searchsorted(edges, along, side="right") - 1
    middle = (edges[:-1] + edges[1:]) / 2
    inside = [distance[bin_of == i] for i in range(WIDTH_BINS)]
    rms = np.array([np.sqrt(np.mean(part**2)) if len(part) else np.nan for part in inside])
    ax.plot(middle, rms, marker="o", ms=4, color=BLUE, label="root mean square")
    ax.axvspan(low, high, color=BLUE, alpha=0.06, lw=0, label="visited part")
    ax.set_ylim(bottom=0)
    ax.set_xlabel("position along the line")
    ax.set_ylabel("distance from the line")
    ax.set_title(
        f"length {measured.length:.2f}, width {measured.width:.2f},\naspect {measured.aspect:.1f}"
    )
    add_legend(ax, ax.get_legend_handles_labels()[0])


def _draw_angles(ax: Axes, measured: LineAttractor) -> None:
    """Draw the angles between tangent, nearest mode and readout, and what random ones have."""
    random = np.degrees(1 / np.sqrt(measured.h.shape[1]))
    ax.axhspan(90 - random, 90, color=GREY, alpha=0.3, lw=0, label="random directions")
    for values, colour, shape, name in (
        (measured.tangent_to_mode, BLUE, "o", "tangent – mode"),
        (measured.tangent_to_readout, ORANGE, "s", "tangent – readout"),
        (measured.mode_to_readout, VERMILION, "^", "mode – readout"),
    ):
        if values is not None:
            ax.plot(measured.positions, values, marker=shape, ms=4, color=colour, label=name)
    ax.set_ylim(0, 92)
    ax.set_yticks(range(0, 91, 15))
    ax.set_xlabel("position along the line")
    ax.set_ylabel("angle (degrees)")
    known = known_time_constants(np.exp(-1 / measured.time_constants))
    shortest, longest = (write_time_constant(tau) for tau in (known.min(), known.max()))
    ax.set_title(
        "Directions along the line; the mode is that\n"
        f"of the longest τ, {shortest} to {longest} steps"
    )
    add_legend(ax, ax.get_legend_handles_labels()[0])
