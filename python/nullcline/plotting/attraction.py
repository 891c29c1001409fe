"""Basins of attraction in a plane of states."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch

from nullcline._support import validation
from nullcline.linearization.linear_map import Linearization, linearize, require_linearization
from nullcline.plotting.panels import add_legend, add_title, axes_or_new
from nullcline.plotting.planes import grid_on, on_plane
from nullcline.plotting.settling import UNSETTLED, radii_of, settle
from nullcline.plotting.theme import BLACK, colours_of
from nullcline.search.fixed_points import FixedPoints
from nullcline.search.merging import merge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

    from nullcline.cells.protocol import Cell
    from nullcline.plotting.planes import Grid
    from nullcline.plotting.projection import Projection

UNSETTLED_COLOUR = "#4d4d4d"
OUTSIDE_COLOUR = "#f4f4f4"

NAMED = 10
"""So many basins at most have a line each in the legend; all have their number in the picture."""

SECONDS_UNSHOWN = 3
"""What takes no longer has no bar."""


def basins(
    cell: Cell,
    plane: Projection | ArrayLike,
    points: FixedPoints,
    *,
    linearization: Linearization | None = None,
    inputs: ArrayLike | None = None,
    extent: Sequence[float] | None = None,
    resolution: int = 101,
    max_steps: int = 2000,
    progress: bool = True,
    legend: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw which stable point each state of a plane goes to, by letting the network run from it.

    A state has settled when it stays within a tenth of the way from a stable point to the nearest
    other one in `points`, or to the farthest state that is drawn if there is no other: so pass all
    points, saddles too. What has not settled after `max_steps`,
    such as on a cycle, on a slow manifold, or at a point that is not among these, has a colour of
    its own. Outside of the cell's box nothing is drawn.

    Parameters
    ----------
    cell
        The cell.
    plane
        As in `speed_landscape`.
    points
        The points that a search found; those that are stable are the attractors. Their number in
        the picture is their row, the first one where several ends are one point.
    linearization
        Of these points, row by row; made here by default.
    inputs
        The constant input, shape (D,); by default that of the points, or zero.
    extent
        (x from, x to, y from, y to) on the plane; by default around the points.
    resolution
        States along each side.
    max_steps
        The most steps that a state is given.
    progress
        Whether to show a bar (by tqdm, where it is installed) if it takes more than 3 seconds.
    legend
        Whether to write a legend, with each basin's share of the states.
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
    if not isinstance(points, FixedPoints):
        raise TypeError(
            f"points must be what find_fixed_points returns, not {type(points).__name__}"
        )
    max_steps = validation.whole_number("max_steps", max_steps, 1)
    points = points.numpy()
    grid = grid_on(cell, plane, points, inputs, extent, resolution)
    stable = _stable_rows(cell, points, linearization)
    attractors = points.h[stable].astype(np.float64)
    inside = np.flatnonzero(grid.is_inside)
    begun = grid.states[inside].astype(np.float64)
    radii = radii_of(attractors, points.h.astype(np.float64), begun, points.tol_unique)
    labels = np.full(len(grid.states), len(stable) + 1)
    with _bar(progress) as report:
        settled = settle(
            cell, grid.states[inside], attractors, radii, grid.inputs, max_steps, report
        )
    labels[inside] = np.where(settled == UNSETTLED, len(stable), settled)
    ax = axes_or_new(ax)
    _draw(ax, grid, labels, stable)
    places = on_plane(cell, grid.plane, attractors)
    for row, place in zip(stable, places, strict=True):
        ax.annotate(
            str(row), tuple(place), ha="center", va="center", fontsize=8, color=BLACK,
            bbox={"boxstyle": "circle,pad=0.25", "fc": "white", "ec": BLACK, "lw": 0.8},
        )  # fmt: skip
    if legend:
        add_legend(ax, _handles(settled, stable))
    return ax


def _stable_rows(
    cell: Cell, points: FixedPoints, linearization: Linearization | None
) -> NDArray[np.intp]:
    """Return the rows of the fixed points that are stable, the first of those that are one."""
    fixed = np.flatnonzero(points.kind == "fixed")
    fixed = fixed[np.unique(merge(points.h[fixed], points.tol_unique))]
    if linearization is not None:
        require_linearization(linearization)
        if len(linearization) != len(points):
            raise ValueError(
                f"linearization must be of these {len(points)} points, not of {len(linearization)}"
            )
        return fixed[linearization.is_stable[fixed]]
    if len(fixed) == 0:
        return fixed
    return fixed[linearize(cell, points.select(fixed)).is_stable]


def _draw(ax: Axes, grid: Grid, labels: NDArray[np.intp], stable: NDArray[np.intp]) -> None:
    colours = [*colours_of(len(stable)), UNSETTLED_COLOUR, OUTSIDE_COLOUR]
    ax.pcolormesh(
        grid.x,
        grid.y,
        grid.map(labels),
        cmap=ListedColormap(colours),
        vmin=-0.5,
        vmax=len(colours) - 0.5,
        alpha=0.75,
        shading="nearest",
        rasterized=True,
    )
    ax.set_xlabel(grid.plane.labels[0], parse_math=False)
    ax.set_ylabel(grid.plane.labels[1], parse_math=False)
    many = "s" * (len(stable) != 1)
    add_title(ax, f"Basins of {len(stable)} stable point{many}")


def _handles(settled: NDArray[np.intp], stable: NDArray[np.intp]) -> list[Patch]:
    total = max(len(settled), 1)
    entries = [
        Patch(fc=colour, alpha=0.75, label=f"to point {row}: {np.mean(settled == i):.0%}")
        for i, (row, colour) in enumerate(zip(stable, colours_of(len(stable)), strict=True))
    ]
    entries = entries[:NAMED]
    left = int(np.sum(settled == UNSETTLED))
    if left:
        share = f"{left / total:.0%}" if left >= total / 100 else f"{left} of {total} states"
        entries.append(Patch(fc=UNSETTLED_COLOUR, label=f"not settled: {share}"))
    return entries


@contextmanager
def _bar(progress: bool) -> Iterator[Callable[[int, int], None]]:
    """Yield what is told how many states have settled."""
    try:
        from tqdm import tqdm
    except ModuleNotFoundError:
        progress = False
    if not progress:
        yield _say_nothing
        return
    bar: Any
    with tqdm(desc="basins", unit="state", delay=SECONDS_UNSHOWN) as bar:

        def report(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield report


def _say_nothing(done: int, total: int) -> None:
    """Take how many states have settled, and leave it."""
