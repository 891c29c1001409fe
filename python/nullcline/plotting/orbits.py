"""Cycles among states, and their multipliers beside the unit circle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch

from nullcline.cycles import Cycles
from nullcline.linearization.stability import STABLE, UNDECIDED, UNSTABLE
from nullcline.plotting.modes import draw_eigenvalues, eigenvalue_marks
from nullcline.plotting.panels import (
    COLOURS,
    add_legend,
    add_title,
    axes_or_new,
    is_3d,
    legend_below,
    panels_or_new,
)
from nullcline.plotting.projection import Projection, in_space
from nullcline.plotting.scenes import Scene, dimensions_of
from nullcline.plotting.theme import BLACK, BLUE, GREY, VERMILION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

    from nullcline.plotting.given_states import States
    from nullcline.plotting.panels import Panels
    from nullcline.search.fixed_points import FixedPoints

    Matrix = NDArray[np.float64]

MOST_ARROWS = 64
"""A cycle of more states is a line: its arrows would hide each other."""

MARKS: dict[str, dict[str, Any]] = {
    UNSTABLE: {"color": VERMILION, "marker": "*", "mfc": VERMILION},
    UNDECIDED: {"color": GREY, "marker": "P", "mfc": "white"},
    STABLE: {"color": BLUE, "marker": "p", "mfc": BLUE},
}
"""How cycles are drawn, by their stability, those above last: no shape is that of a point."""


def cycles(
    found: Cycles,
    states: States | None = None,
    points: FixedPoints | None = None,
    *,
    projection: Projection | ArrayLike | None = None,
    dimensions: int | None = None,
    legend: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw cycles among states and points: their states, joined in the order in which they come.

    Arrows show the way, where a cycle has at most 64 states. Fixed points among the cycles are
    drawn as those of a search are, if no `points` are given.

    Parameters
    ----------
    found
        What `find_cycles` found; at least one cycle.
    states
        Visited states, as in `fixed_points`.
    points
        Points to mark, as in `fixed_points`.
    projection
        The axes, as `Projection` or an array (k, S); by default the principal components of the
        states, or without them of the cycles.
    dimensions
        2 or 3; by default as many as `ax` has, or 2.
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
        If an argument has the wrong type, shape or value.
    """
    _require_cycles(found)
    k = dimensions_of(dimensions, ax)
    if projection is None and states is None:
        projection = Projection.principal(found.h, k)
    cloud = found.h[:0] if states is None else states
    scene = Scene(points, cloud, None, projection=projection)
    ax = axes_or_new(ax, dimensions=k, width=1.75)
    axes = scene.projection(k)
    scene.draw(ax, axes)
    handles = [*scene.handles()]
    add_title(ax, f"{len(found)} cycle{'s' * (len(found) > 1)}")
    for level, (stability, mark) in enumerate(MARKS.items()):
        own = found[found.stability == stability]
        for states_of in own.states:
            places = axes(in_space(states_of, axes.size, found.cell))
            _draw_cycle(ax, places, mark, 2.6 + 0.01 * level, bold=stability == STABLE)
        if len(own):
            label = f"{stability} cycle{'s' * (len(own) > 1)} ({_periods(own)})"
            handles.append(Line2D([], [], lw=1.2, mec=BLACK, ms=7, **mark, label=label))
    if legend:
        add_legend(ax, handles)
    return ax


def multipliers(
    found: Cycles,
    names: Sequence[str] | None = None,
    *,
    ax: Sequence[Axes] | Panels | None = None,
) -> Panels:
    """Draw the multipliers of each cycle beside the unit circle, one panel per cycle.

    What is too close together to be seen, or too close to the circle, is magnified beside it. Rings
    have the time constants that they are labelled with, in turns round the cycle.

    Parameters
    ----------
    found
        What `find_cycles` found; its first six cycles are drawn.
    names
        What to call them; "cycle 0" and so on by default.
    ax
        Where to draw, one for each of these cycles; a new figure by default.

    Returns
    -------
    numpy.ndarray of matplotlib.axes.Axes
        One for each cycle.

    Raises
    ------
    TypeError, ValueError
        If these are no cycles, or there are too few names, or other than as many axes.
    """
    _require_cycles(found)
    count = min(len(found), len(COLOURS))
    called = [f"cycle {i}" for i in range(count)] if names is None else list(names)[:count]
    if len(called) < count:
        raise ValueError(f"names must be {count} at least, one for each cycle, not {len(called)}")
    panels = panels_or_new(ax, count, width=1.4, height=1.05)
    for i, axes in enumerate(panels):
        values = found.multipliers[i]
        draw_eigenvalues(axes, values, found.multiplier_errors[i])
        axes.set_title(
            f"{called[i]}, of period {found.period[i]}: {found.stability[i]}, "
            f"largest |μ| = {np.abs(values[0]):.4f}",
            parse_math=False,
        )
        axes.set_xlabel("real part of the multiplier μ")
        axes.set_ylabel("imaginary part of μ")
    marks = eigenvalue_marks(found.multipliers[:count], found.multiplier_errors[:count])
    for mark in marks:
        text = str(mark.get_label())
        mark.set_label(text.replace("eigenvalue", "multiplier").replace("λ", "μ"))
    if ax is None:
        legend_below(panels[0].figure, marks)
    else:
        add_legend(panels[0], marks)
    return panels


def _require_cycles(found: object) -> None:
    if not isinstance(found, Cycles):
        raise TypeError(
            f"found must be what nullcline.find_cycles returns, not {type(found).__name__}"
        )
    if len(found) == 0:
        raise ValueError("found must hold at least one cycle")


def _periods(found: Cycles) -> str:
    """Return how many cycles have which period, in words."""
    periods, counts = np.unique(found.period, return_counts=True)
    each = [f"{count} of period {period}" for period, count in zip(periods, counts, strict=True)]
    return ", ".join(each[:3] + ["…"] * (len(each) > 3))


def _draw_cycle(
    ax: Axes, places: Matrix, mark: dict[str, Any], level: float, *, bold: bool
) -> None:
    """Draw the states of one cycle, (k, dimensions), and the way round it."""
    width, alpha = (1.3, 1.0) if bold else (0.7, 0.6)
    closed = np.concatenate([places, places[:1]])
    if len(places) > MOST_ARROWS or is_3d(ax):
        ax.plot(*closed.T, color=mark["color"], lw=width, alpha=alpha, zorder=level)
    elif len(places) > 1:
        for start, end in zip(places, closed[1:], strict=True):
            arrow = FancyArrowPatch(
                tuple(start), tuple(end), arrowstyle="-|>", mutation_scale=9, shrinkA=4, shrinkB=4,
                connectionstyle="arc3,rad=0.12", color=mark["color"], lw=width,
                alpha=alpha, zorder=level,
            )  # fmt: skip
            ax.add_patch(arrow)
    size = 7 if len(places) <= MOST_ARROWS else 3
    ax.plot(*places.T, ls="", mec=BLACK, mew=0.6, ms=size, zorder=level + 0.4, **mark)
