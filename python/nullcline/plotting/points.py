"""The figure of a search: the points that it found among the states that the network visits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.lines import Line2D

from nullcline.plotting.panels import legend_below, panels, point_mark
from nullcline.plotting.theme import BLACK, GREY, MARKERS, VERMILION
from nullcline.search.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Collection

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from nullcline.search.fixed_points import FixedPoints

    Vector = NDArray[np.float64]


def fixed_points(points: FixedPoints, states: NDArray[np.floating[Any]]) -> Figure:
    """Draw points over visited states, on the states' first two principal components.

    Parameters
    ----------
    points
        Distinct points, as `FixedPoints.unique` returns them. Circles are fixed points, diamonds
        slow points, with their speed in colour, squares other minima of the speed; size grows with
        the number of starts.
    states
        Visited states, shape (n, S), at least two.
    """
    figure, (axes,) = panels(1, width=1.75, height=1.1)
    mean, plane, shares = plane_of(states.astype(np.float64))
    colours = speed_colours(points.q[points.kind == "slow"])
    draw_cloud(axes, (states - mean) @ plane.T)
    draw_points(axes, (points.h - mean) @ plane.T, points, int(points.count.sum()), colours)
    axes.set_xlabel(f"component 1 ({shares[0]:.0f}% of variance)")
    axes.set_ylabel(f"component 2 ({shares[1]:.0f}%)")
    axes.set_title(count_kinds(points))
    if (points.kind == "slow").any():
        figure.colorbar(colours, ax=axes, shrink=0.85, pad=0.02, label="speed q of slow points")
    legend_below(figure, point_marks(set(points.kind.tolist())))
    return figure


def count_kinds(points: FixedPoints) -> str:
    """Return how many points there are of each kind, in words."""
    counts = [(kind, int(np.sum(points.kind == kind))) for kind in KINDS]
    return ", ".join(f"{count} {kind}" for kind, count in counts if count) or "no point"


def plane_of(states: Vector) -> tuple[Vector, Vector, Vector]:
    """Return the mean of states, their first two components (2, S), and the variance's shares in %.

    The second component, which one-dimensional states lack, is then nothing, and so are the shares
    of states that do not differ.
    """
    mean = states.mean(axis=0)
    _, spread, components = np.linalg.svd(states - mean, full_matrices=False)
    plane = np.zeros((2, states.shape[1]))
    plane[: len(components[:2])] = components[:2]
    shares = np.zeros(max(2, len(spread)))
    if spread.any():
        parts = (spread / spread[0]) ** 2
        shares[: len(spread)] = 100 * parts / parts.sum()
    return mean, plane, shares


def speed_colours(speeds: Vector) -> ScalarMappable:
    """Return colours for the speeds of slow points, which may be none."""
    norm = LogNorm(speeds.min() / 2, speeds.max() * 2) if len(speeds) else None
    return ScalarMappable(norm, "cividis")


def draw_cloud(axes: Axes, places: Vector) -> None:
    """Draw visited states, shape (n, 2), as a grey cloud."""
    x, y = places.T
    axes.scatter(x, y, s=3, color=GREY, alpha=0.25, lw=0, rasterized=True)


def draw_points(
    axes: Axes, places: Vector, points: FixedPoints, n_starts: int, colours: ScalarMappable
) -> None:
    """Draw points at their places, shape (n, 2), each kind with its mark."""
    faces: dict[str, Any] = {
        "fixed": VERMILION,
        "slow": colours.to_rgba(points.q[points.kind == "slow"]),
    }
    for kind, marker in MARKERS.items():
        of_kind = points.kind == kind
        x, y = places[of_kind].T
        axes.scatter(
            x,
            y,
            s=40 + 160 * np.sqrt(points.count[of_kind] / n_starts),
            c=faces.get(kind, "white"),
            marker=marker,
            edgecolors=BLACK,
            linewidths=0.8,
            zorder=3,
        )


def point_marks(kinds: Collection[str]) -> list[Line2D]:
    """Return what stands in a legend for points of these kinds, and for visited states."""
    state = Line2D([], [], ls="", marker=".", color=GREY, label="visited state")
    return [*(point_mark(kind) for kind in KINDS if kind in kinds), state]
