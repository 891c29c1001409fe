"""Sheets: a reduced phase plane with its nullclines, and the surface that it is a chart of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator
from matplotlib.tri import LinearTriInterpolator, Triangulation

from nullcline.continuation import Nullcline, Sheet
from nullcline.plotting.given_states import clouds_of
from nullcline.plotting.panels import add_legend, add_title, axes_or_new, is_3d
from nullcline.plotting.points import dot, draw_marks, mark_handles
from nullcline.plotting.projection import Projection, in_space
from nullcline.plotting.scenes import Scene
from nullcline.plotting.theme import BLACK, GREEN, GREY, ORANGE, PINK, SKY
from nullcline.search.kinds import FIXED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

    from nullcline.plotting.given_states import States

    Vector = NDArray[np.float64]
    Matrix = NDArray[np.float64]
    Clouds: TypeAlias = list[tuple[Any, Matrix]]

SPEEDS = LinearSegmentedColormap.from_list("speeds", ["#33415c", "#7d8fa9", "#c3cedb", "#f4f6f9"])
"""From the slowest, dark, to the fastest: pale enough for the colours of lines and points."""

LEVELS = 18
"""Colours of the speed."""

FLOOR = 0.01
"""So small a share of the vertices is drawn as no slower than the others: those by fixed points,
where the logarithm has no end."""

RESOLUTION = 60
"""Nodes along a side of the grid from which streamlines are drawn."""

ARROWS = 500
"""Arrows, about, where a sheet folds in its chart and has no streamlines."""

THINNEST = 1e-3
"""A surface thinner than this part of its width along an axis is drawn as flat along it."""

MANY = 40
"""More points than these, as along a ring, are drawn smaller."""

MARGIN = 0.08
"""Room around what is in the box, in its extent."""

CLOUDS = (PINK, SKY, "#9c8b1f", "#5b4b8a")
"""Colours of conditions: none that a nullcline, a stable point or a saddle has."""

OUTSIDE = "outside of the box"
NULLCLINES = ((ORANGE, "τ₁ = 0"), (GREEN, "τ₂ = 0"))


def phase_plane(
    sheet: Sheet,
    states: States | None = None,
    *,
    reduced: bool = False,
    arrows: bool = False,
    legend: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw the reduced phase plane of a sheet: speed, flow, nullclines, and where they meet.

    The plane is the sheet's chart. The slower the network is at a place, the darker; fixed points,
    where the two kinds of nullclines cross, are marked by their stability.

    Parameters
    ----------
    sheet
        What `trace_sheet` returned.
    states
        Visited states, shape (n, S) or (n, T, S), or a dictionary of them by condition: drawn where
        they are in the chart, however far from the sheet.
    reduced
        Whether the flow is that of the reduced map, n(h) - h, rather than of a step, F(h) - h.
    arrows
        Whether to draw it as arrows of one length rather than as streamlines; always where the
        sheet folds over itself in its chart.
    legend
        Whether to write a legend.
    ax
        Where to draw; None for a new figure of pyplot.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, or `ax` has three dimensions.
    """
    _require_sheet(sheet)
    ax = axes_or_new(ax, width=1.75, height=1.5)
    if is_3d(ax):
        raise ValueError("ax must have two dimensions: plotting.sheet draws the surface in three")
    triangles = Triangulation(sheet.chart[:, 0], sheet.chart[:, 1], sheet.triangles)
    _draw_speed(ax, sheet, triangles)
    size, cell = len(sheet.origin), sheet.cell
    clouds = [
        (label, (in_space(rows, size, cell) - sheet.origin) @ sheet.axes.T)
        for label, rows in clouds_of(states)
    ]
    visited = _draw_clouds(ax, clouds)
    moved = sheet.reduced_flow if reduced else sheet.flow
    if arrows or not sheet.is_graph:
        _draw_arrows(ax, sheet.chart, moved)
    else:
        _draw_streams(ax, triangles, moved)
    for line, colour, label in _lines_of(sheet):
        _draw_line(ax, line, line.chart, colour, label)
    names, h = _marked(sheet)
    draw_marks(ax, (sheet.cell.outputs_of(h) - sheet.origin) @ sheet.axes.T, names, _sizes(names))
    ax.set_xlabel("chart, first axis")
    ax.set_ylabel("chart, second axis")
    ax.grid(visible=False)
    ax.set_aspect("equal")
    (left, right), (bottom, top) = _limits(sheet, [places for _, places in clouds])
    ax.set_xlim(left, right)
    ax.set_ylim(bottom, top)
    add_title(ax, "Nullclines on a slow sheet" + _folds(sheet))
    if legend:
        marks = mark_handles(set(names.tolist()), directions=False)
        add_legend(ax, [*_line_handles(sheet), *marks, *visited])
    return ax


def sheet(
    sheet: Sheet,
    states: States | None = None,
    *,
    projection: Projection | ArrayLike | None = None,
    legend: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw a sheet as a surface in space, coloured by speed, with its nullclines and fixed points.

    Parameters
    ----------
    sheet
        What `trace_sheet` returned.
    states
        Visited states, as in `phase_plane`.
    projection
        The axes, as `Projection` or an array (3, S); by default the first three principal
        components of the sheet.
    legend
        Whether to write a legend.
    ax
        Axes of three dimensions; None for those of a new figure of pyplot.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or value.
    """
    _require_sheet(sheet)
    ax = axes_or_new(ax, dimensions=3, width=1.9)
    if not is_3d(ax):
        raise ValueError("ax must have three dimensions: plotting.phase_plane draws the chart")
    space: Any = ax
    inside = sheet.triangles[sheet.is_inside[sheet.triangles].all(axis=1)]
    if len(inside) == 0:
        raise ValueError("sheet must have a triangle in the cell's box to be drawn in space")
    seen = sheet.h[sheet.is_inside]
    given = Projection.principal(seen, 3) if projection is None else projection
    scene = Scene(None, seen[:0], None, projection=given)
    axes = scene.projection(3)
    scene.draw(ax, axes)
    q = _speeds(sheet)
    places = axes(in_space(sheet.h, axes.size, sheet.cell))
    surface = space.plot_trisurf(*places.T, triangles=inside, cmap=SPEEDS, lw=0.15,
                                 edgecolor="#ffffff60", antialiased=True, alpha=0.85)  # fmt: skip
    surface.set_array(np.exp(np.log(q)[inside].mean(axis=1)))
    surface.set_norm(LogNorm(np.nanmin(q), np.nanmax(q)))
    space.computed_zorder = False
    clouds = [
        (label, axes(in_space(rows, axes.size, sheet.cell))) for label, rows in clouds_of(states)
    ]
    visited = _draw_clouds(ax, clouds)
    for line, colour, label in _lines_of(sheet):
        _draw_line(ax, line, axes(in_space(line.h, axes.size, sheet.cell)), colour, label)
    names, h = _marked(sheet)
    draw_marks(ax, axes(in_space(h, axes.size, sheet.cell)), names, _sizes(names))
    _give_room(space, np.concatenate([places[sheet.is_inside], *(rows for _, rows in clouds)]))
    ax.set_title("A slow sheet, in space" + ("" if len(h) else ": no fixed point"))
    if legend:
        marks = mark_handles(set(names.tolist()), directions=False)
        add_legend(ax, [*_line_handles(sheet)[:2], *marks, *visited])
    return ax


def _require_sheet(given: object) -> None:
    if not isinstance(given, Sheet):
        raise TypeError(f"sheet must be what trace_sheet returns, not {type(given).__name__}")
    if len(given.triangles) == 0:
        raise ValueError("sheet must have a triangle to be drawn: trace it by shorter steps")


def _marked(sheet: Sheet) -> tuple[Any, Matrix]:
    """Return the names in `POINT_MARKS` of the points on a sheet, and their states.

    An unstable point of index 1 is called a repeller: it is one where no mode grows across.
    """
    unstable = np.array(["undecided", "repeller", "saddle"])[sheet.indices]
    names = np.where(sheet.is_stable, "stable", unstable)
    slow = sheet.points.select(sheet.points.kind != FIXED)
    return np.append(names, slow.kind).astype("U11"), np.vstack([sheet.fixed_h, slow.h])


def _sizes(names: Any) -> Vector:
    return np.full(len(names), 75.0 if len(names) <= MANY else 18.0)


def _give_room(space: Any, places: Matrix) -> None:
    """Fit the space to what is in the box, and let a flat sheet be seen flat, not its rounding."""
    widths = np.ptp(places, axis=0)
    middle = (places.min(axis=0) + places.max(axis=0)) / 2
    limits = (space.set_xlim, space.set_ylim, space.set_zlim)
    for width, centre, limit in zip(widths, middle, limits, strict=True):
        half = 0.5 * width if width >= THINNEST * widths.max() else 0.25 * widths.max()
        limit(centre - half, centre + half)


def _folds(sheet: Sheet) -> str:
    return "" if sheet.is_graph else " that folds in its chart"


def _lines_of(sheet: Sheet) -> Iterator[tuple[Nullcline, str, str]]:
    """Yield each nullcline with its colour and label."""
    for lines, (colour, label) in zip(sheet.nullclines, NULLCLINES, strict=True):
        for line in lines:
            yield line, colour, label


def _draw_line(ax: Axes, line: Nullcline, places: Matrix, colour: str, label: str) -> None:
    """Draw a nullcline, dotted where it is outside of the box."""
    inside = np.where(line.is_inside[:, None], places, np.nan)
    ax.plot(*inside.T, color="white", lw=4, zorder=2.4, solid_capstyle="round")
    ax.plot(*inside.T, color=colour, lw=2.2, zorder=2.5, solid_capstyle="round", label=label)
    if not line.is_inside.all():
        if is_3d(ax):  # whose limits are those of what is inside
            return
        ax.plot(*places.T, color=colour, lw=1.1, ls=":", zorder=2.3, label=OUTSIDE)


def _line_handles(sheet: Sheet) -> list[Line2D]:
    handles = [Line2D([], [], color=colour, lw=2.2, label=label) for colour, label in NULLCLINES]
    if not sheet.is_inside.all():
        handles.append(Line2D([], [], color=BLACK, lw=1.1, ls=":", label=OUTSIDE))
    return handles


def _limits(sheet: Sheet, clouds: list[Matrix]) -> Matrix:
    """Return from where to where a chart is drawn, shape (2, 2).

    Around what is in the box, as far as the sheet goes, and around visited states.
    """
    seen = sheet.chart[sheet.is_inside] if sheet.is_inside.any() else sheet.chart
    low, high = seen.min(axis=0), seen.max(axis=0)
    margin = MARGIN * (high - low)
    low = np.maximum(low - margin, sheet.chart.min(axis=0))
    high = np.minimum(high + margin, sheet.chart.max(axis=0))
    visited = np.concatenate([[low, high], *clouds])
    return np.column_stack([visited.min(axis=0), visited.max(axis=0)])


def _speeds(sheet: Sheet) -> Vector:
    """Return the speeds at the vertices, none slower than nearly all; NaN outside of the box."""
    q = np.asarray(sheet.q, np.float64)
    positive = q[q > 0]  # neither NaN nor, at a fixed point, zero
    floor = float(np.quantile(positive, FLOOR)) if len(positive) else np.finfo(float).tiny
    return np.maximum(q, floor)


def _draw_clouds(ax: Axes, clouds: Clouds) -> list[Line2D]:
    """Draw visited states at their places, and return what the legend is to say of them."""
    scatter: Any = ax.scatter  # of two dimensions or three
    handles = []
    for i, (label, places) in enumerate(clouds):
        colour = GREY if label is None else CLOUDS[i % len(CLOUDS)]
        name = "visited state" if label is None else str(label)
        scatter(
            *places.T, s=4, color=colour, alpha=0.6, lw=0, zorder=1.2, rasterized=True, label=name
        )
        handles.append(dot(colour, name))
    return handles


def _draw_speed(ax: Axes, sheet: Sheet, triangles: Triangulation) -> None:
    q = _speeds(sheet)
    seen = np.isfinite(q)
    ax.set_facecolor("#eeeeee")
    if not seen.any() or q[seen].min() == q[seen].max():  # no height to tell apart
        return
    drawn = Triangulation(triangles.x, triangles.y, sheet.triangles)
    drawn.set_mask(~seen[sheet.triangles].all(axis=1))
    levels = np.geomspace(q[seen].min(), q[seen].max() * (1 + 1e-9), LEVELS + 1)
    filled = ax.tricontourf(drawn, np.where(seen, q, levels[-1]), levels=levels, norm=LogNorm(),
                            cmap=SPEEDS)  # fmt: skip
    bar = ax.figure.colorbar(filled, ax=ax, pad=0.02, shrink=0.9, ticks=LogLocator(numticks=8))
    bar.set_label("speed q")


def _draw_streams(ax: Axes, triangles: Triangulation, moved: Matrix) -> None:
    """Draw streamlines of a field that is known at the vertices."""
    masked = Triangulation(triangles.x, triangles.y, triangles.triangles)
    finite = np.asarray(np.isfinite(moved).all(axis=1))
    masked.set_mask(~finite[triangles.triangles].all(axis=1))
    x = np.linspace(triangles.x.min(), triangles.x.max(), RESOLUTION)
    y = np.linspace(triangles.y.min(), triangles.y.max(), RESOLUTION)
    at = np.meshgrid(x, y)
    u, v = (
        np.ma.filled(LinearTriInterpolator(masked, np.nan_to_num(part))(*at), np.nan)
        for part in moved.T
    )
    ax.streamplot(x, y, u, v, color=BLACK, linewidth=0.6, arrowsize=0.7, density=1.5, zorder=1.5)


def _draw_arrows(ax: Axes, places: Matrix, moved: Matrix) -> None:
    """Draw arrows of one length at some of the vertices."""
    chosen = slice(None, None, max(1, len(places) // ARROWS))
    length = np.linalg.norm(moved[chosen], axis=1, keepdims=True)
    unit = moved[chosen] / np.where(length > 0, length, np.nan)
    ax.quiver(*places[chosen].T, *unit.T, color=BLACK, pivot="mid", angles="uv", width=0.003,
              zorder=1.5)  # fmt: skip
