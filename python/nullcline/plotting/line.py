"""The figure of a line attractor: where it runs, how wide it is, and which way it points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.lines import Line2D

from nullcline.plotting.panels import panels, point_mark
from nullcline.plotting.points import plane_of
from nullcline.plotting.theme import BLACK, BLUE, GREY, MARKERS, ORANGE, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from nullcline.continuation.line_attractor import LineAttractor
    from nullcline.search.fixed_points import FixedPoints

    Vector = NDArray[np.float64]

WIDTH_BINS = 15


def line_attractor(
    measured: LineAttractor,
    states: NDArray[np.floating[Any]],
    points: FixedPoints | None = None,
) -> Figure:
    """Draw a line attractor: on two components, its width along it, and its angles.

    Parameters
    ----------
    measured
        From `measure_line_attractor`.
    states
        The visited states that it was measured against, shape (n, S).
    points
        Fixed and slow points to mark.
    """
    figure, (plane, width, angles) = panels(3, width=1.25)
    _draw_plane(plane, measured, states.astype(np.float64), points)
    _draw_width(width, measured)
    _draw_angles(angles, measured)
    return figure


def _draw_plane(
    axes: Axes, measured: LineAttractor, states: Vector, points: FixedPoints | None
) -> None:
    """Draw states, line and points on the states' first two components."""
    mean, plane, shares = plane_of(states)
    x, y = plane @ (states - mean).T
    cloud = axes.scatter(
        x, y, s=6, c=measured.state_positions, cmap="cividis", lw=0, alpha=0.6, rasterized=True
    )
    line = plane @ (measured.h - mean).T
    axes.plot(*line, color="white", lw=4)
    axes.plot(*line, color=BLACK, lw=1.8)
    handles = [Line2D([], [], color=BLACK, lw=1.8, label="line attractor, visited part")]
    marked = [] if points is None else [points.select(kind) for kind in MARKERS]
    for of_kind, (kind, marker) in zip(marked, MARKERS.items(), strict=False):
        if len(of_kind) == 0:
            continue
        face = VERMILION if kind == "fixed" else "white"
        x, y = plane @ (of_kind.h - mean).T
        axes.scatter(x, y, s=60, marker=marker, c=face, ec=BLACK, zorder=3)
        handles.append(point_mark(kind))
    axes.figure.colorbar(cloud, ax=axes, label="position along the line", pad=0.02)
    axes.set_xlabel(f"component 1 ({shares[0]:.0f}% of variance)")
    axes.set_ylabel(f"component 2 ({shares[1]:.0f}%)")
    axes.set_title(
        f"The line has {100 * measured.explained_variance:.0f}% of the variance,\n"
        f"its chord {100 * measured.explained_by_chord:.0f}%"
    )
    axes.legend(handles=handles, loc="best")


def _draw_width(axes: Axes, measured: LineAttractor) -> None:
    """Draw the states' distances from the line, and their root mean square along it."""
    low, high = measured.visited
    along, distance = measured.state_positions, measured.state_distances
    axes.scatter(along, distance, s=6, color=GREY, alpha=0.5, lw=0, rasterized=True)
    edges = np.linspace(low, high, WIDTH_BINS + 1)
    bin_of = np.searchsorted(edges, along, side="right") - 1
    middle = (edges[:-1] + edges[1:]) / 2
    inside = [distance[bin_of == i] for i in range(WIDTH_BINS)]
    rms = np.array([np.sqrt(np.mean(part**2)) if len(part) else np.nan for part in inside])
    axes.plot(middle, rms, marker="o", ms=4, color=BLUE, label="root mean square")
    axes.axvspan(low, high, color=BLUE, alpha=0.06, lw=0, label="visited part")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("position along the line")
    axes.set_ylabel("distance from the line")
    axes.set_title(
        f"length {measured.length:.2f}, width {measured.width:.2f},\naspect {measured.aspect:.1f}"
    )
    axes.legend(loc="best")


def _draw_angles(axes: Axes, measured: LineAttractor) -> None:
    """Draw the angles between tangent, slowest mode and readout, and what random ones have."""
    random = np.degrees(1 / np.sqrt(measured.h.shape[1]))
    axes.axhspan(90 - random, 90, color=GREY, alpha=0.3, lw=0, label="random directions")
    for values, colour, shape, name in (
        (measured.tangent_to_mode, BLUE, "o", "tangent – slowest right eigenvector"),
        (measured.tangent_to_readout, ORANGE, "s", "tangent – readout"),
        (measured.mode_to_readout, VERMILION, "^", "slowest right eigenvector – readout"),
    ):
        if values is not None:
            axes.plot(measured.positions, values, marker=shape, ms=4, color=colour, label=name)
    axes.set_ylim(0, 92)
    axes.set_yticks(range(0, 91, 15))
    axes.set_xlabel("position along the line")
    axes.set_ylabel("angle (degrees)")
    shortest, longest = measured.time_constants.min(), measured.time_constants.max()
    axes.set_title(f"directions along the line\n(slowest τ from {shortest:.3g} to {longest:.3g})")
    axes.legend(loc="center right", fontsize=7)
