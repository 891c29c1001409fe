"""The speed as a landscape over a plane, and the flow in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

from nullcline.plotting.panels import add_title, axes_or_new, is_3d
from nullcline.plotting.planes import grid_on, in_batches
from nullcline.plotting.theme import BLACK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

    from nullcline.cells.protocol import Cell
    from nullcline.plotting.planes import Grid
    from nullcline.plotting.projection import Projection
    from nullcline.search.fixed_points import FixedPoints

LEVELS = 24
"""Colours of the landscape."""

TICKED = 6
"""Every so many of these have their speed written beside them, where powers of ten are too few."""

FLOOR = 0.005
"""So small a share of the states is drawn as no slower than the others: those in the pits around
fixed points, where the logarithm has no end.
"""


def speed_landscape(
    cell: Cell,
    plane: Projection | ArrayLike,
    around: FixedPoints | ArrayLike | None = None,
    *,
    inputs: ArrayLike | None = None,
    extent: Sequence[float] | None = None,
    resolution: int = 121,
    surface: bool | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the speed q over a plane of states, in the logarithm: valleys lead to slow points.

    Nothing is drawn outside of the box that a cell's outputs stay in: there a gated network can be
    slow without end, and never is.

    Parameters
    ----------
    cell
        The cell.
    plane
        A `Projection` of two axes, such as `Projection.principal(states)` or two modes of
        `Projection.of_modes`, or three states (3, S) that the plane runs through. A plane of an
        LSTM's outputs h has c at rest.
    around
        Points or states, shape (n, S), that the picture is to hold; by default those that the plane
        runs through. What lies beside the plane is not seen in the landscape: draw points over it
        with `fixed_points(..., projection=plane, ax=ax)`.
    inputs
        The constant input, shape (D,); by default that of the points, or zero.
    extent
        (x from, x to, y from, y to) on the plane, instead of `around`.
    resolution
        States along each side at which q is computed.
    surface
        Whether to draw a surface in three dimensions; by default if `ax` has three.
    ax
        Where to draw; None for a new figure of pyplot.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or value.
    """
    grid = grid_on(cell, plane, around, inputs, extent, resolution)
    solid = (ax is not None and is_3d(ax)) if surface is None else bool(surface)
    ax = axes_or_new(ax, dimensions=3 if solid else 2)
    if is_3d(ax) != solid:
        raise ValueError("ax must have three dimensions for a surface, and two for a map")
    q = in_batches(lambda h: cell.speed(h, grid.inputs), grid.states).astype(np.float64)
    q[~grid.is_inside | ~np.isfinite(q)] = np.nan
    positive = q[q > 0]  # neither NaN nor, at a fixed point, zero
    floor = float(np.quantile(positive, FLOOR)) if len(positive) else np.finfo(float).tiny
    q = grid.map(np.maximum(q, floor))
    (_draw_surface if solid else _draw_map)(ax, grid, q)
    _label(ax, grid)
    add_title(ax, "Speed q of the states on a plane")
    return ax


def flow(
    cell: Cell,
    plane: Projection | ArrayLike,
    around: FixedPoints | ArrayLike | None = None,
    *,
    inputs: ArrayLike | None = None,
    extent: Sequence[float] | None = None,
    resolution: int = 25,
    arrows: bool = False,
    colour: str = BLACK,
    ax: Axes | None = None,
) -> Axes:
    """Draw where a step leads the states on a plane: F(h) - h, projected on it.

    Parameters
    ----------
    cell, plane, around, inputs, extent, ax
        As in `speed_landscape`, on which the flow can be drawn.
    resolution
        States along each side at which the step is computed.
    arrows
        Whether to draw an arrow at each of them, all as long (how fast they are is the landscape's
        to say), rather than streamlines.
    colour
        Of the lines.

    Returns
    -------
    matplotlib.axes.Axes
        The axes. Their title says which share of a step lies in the plane, in the median: what
        leaves the plane is not seen.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or value.
    """
    grid = grid_on(cell, plane, around, inputs, extent, resolution)
    ax = axes_or_new(ax)
    after = in_batches(lambda h: cell.step(h, grid.inputs), grid.states)
    step: Any = (after - grid.states).astype(np.float64)
    step[~grid.is_inside | ~np.isfinite(step).all(axis=1)] = np.nan
    if grid.plane.size != cell.state_size:
        step = cell.outputs_of(step)
    u, v = np.moveaxis(grid.map(grid.plane.directions(step)), -1, 0)
    if arrows:
        length = np.hypot(u, v)
        length[length == 0] = np.nan
        ax.quiver(grid.x, grid.y, u / length, v / length, color=colour, pivot="mid",
                  angles="uv", width=0.003, zorder=1.5)  # fmt: skip
    else:
        ax.streamplot(grid.x, grid.y, u, v, color=colour, linewidth=0.6, arrowsize=0.7,
                      density=1.1, zorder=1.5)  # fmt: skip
    ax.set_xlim(grid.x[0], grid.x[-1])
    ax.set_ylim(grid.y[0], grid.y[-1])
    _label(ax, grid)
    share = _share_in_plane(grid, step)
    add_title(ax, f"{100 * share:.0f}% of a step lies in this plane (median)")
    return ax


def _draw_map(ax: Axes, grid: Grid, q: Any) -> None:
    shown = np.ma.masked_invalid(q)
    ax.set_facecolor("#eeeeee")
    if shown.count() == 0 or shown.min() == shown.max():  # no height to tell apart
        ax.pcolormesh(grid.x, grid.y, shown, shading="nearest", cmap="cividis", rasterized=True)
        return
    levels = np.geomspace(shown.min(), shown.max() * (1 + 1e-9), LEVELS + 1)
    filled = ax.contourf(grid.x, grid.y, shown, levels=levels, norm=LogNorm(), cmap="cividis")
    bar = ax.figure.colorbar(filled, ax=ax, pad=0.02, ticks=LogLocator(numticks=8))
    if levels[-1] < 100 * levels[0]:  # it may be that no power of ten lies between
        ticks = levels[::TICKED].tolist()
        bar.set_ticks(ticks, labels=[f"{q:.2g}" for q in ticks])
        bar.minorticks_off()
    bar.set_label("speed q")


def _draw_surface(ax: Axes, grid: Grid, q: Any) -> None:
    space: Any = ax
    height = np.log10(q)
    x, y = np.meshgrid(grid.x, grid.y)
    space.plot_surface(x, y, height, cmap="cividis", lw=0, rcount=120, ccount=120)
    space.zaxis.set_major_locator(MaxNLocator(6, integer=True))
    space.zaxis.set_major_formatter(FuncFormatter(lambda power, _: f"$10^{{{power:.0f}}}$"))
    space.set_zlabel("speed q")


def _label(ax: Axes, grid: Grid) -> None:
    ax.set_xlabel(grid.plane.labels[0], parse_math=False)
    ax.set_ylabel(grid.plane.labels[1], parse_math=False)


def _share_in_plane(grid: Grid, step: Any) -> float:
    """Return which share of a step's length lies in the plane, in the median over its states."""
    whole = np.linalg.norm(step, axis=1)
    orthonormal = np.linalg.qr(grid.plane.basis.T)[0]
    within = np.linalg.norm(step @ orthonormal, axis=1)
    moving = np.isfinite(whole) & (whole > 0)
    return float(np.median(within[moving] / whole[moving])) if moving.any() else 1.0
