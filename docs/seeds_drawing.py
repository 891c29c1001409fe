"""What figures over seeds are drawn of: spreads of numbers, shares with intervals, colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter

from nullcline.plotting.theme import BLUE, GREEN, ORANGE, PINK, VERMILION
from nullcline.study.cell_names import CELL_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Row = dict[str, Any]

COLOURS = dict(zip(CELL_NAMES, (BLUE, VERMILION, GREEN, ORANGE, PINK), strict=True))


def strip(
    axes: Axes, place: float, values: Sequence[float], colour: str, width: float = 0.25
) -> None:
    """Draw every value beside its neighbours, the median, and a bar from quartile to quartile."""
    if not values:
        return
    shifts = np.random.default_rng(0).uniform(-width, width, len(values))
    axes.plot(place + shifts, values, ".", color=colour, alpha=0.45, markersize=4)
    lower, middle, upper = np.quantile(values, [0.25, 0.5, 0.75])
    axes.plot([place, place], [lower, upper], "-", color=colour, linewidth=2.5, alpha=0.9)
    axes.plot(place, middle, "o", color="white", markeredgecolor=colour, markersize=5)


LOGARITHMIC = ("time_constants",)

LEAST_R2 = -3.0
"""Of R² as far as it is drawn: what is below says no more than that."""


def set_scale(axes: Axes, name: str) -> None:
    """Give the axis of a number the scale and the format that suit it."""
    if name in LOGARITHMIC:
        axes.set_yscale("log")
    if name in {"fixed", "slow"}:
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    if name.endswith("_r2"):
        axes.set_ylim(max(axes.get_ylim()[0], LEAST_R2), 1.05)
    formats: dict[str, Callable[[], PercentFormatter]] = {
        "test_accuracy": lambda: PercentFormatter(1),
        "line_variance": lambda: PercentFormatter(1),
    }
    if name in formats:
        axes.yaxis.set_major_formatter(formats[name]())


def name_colours(figure: Figure, rows: Sequence[Row]) -> None:
    """Say below a figure which cell each colour is."""
    there = {row["cell"] for row in rows}
    handles = [Line2D([], [], marker="o", linestyle="", color=COLOURS[cell], label=name)
               for cell, name in CELL_NAMES.items() if cell in there]  # fmt: skip
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))


def share(axes: Axes, row: Row, at: float, *, upright: bool = False, hollow: bool = False) -> None:
    """Draw a share of networks as a dot with its interval."""
    ends = [[row["share"] - row["low"]], [row["high"] - row["share"]]]
    x, y = (at, row["share"]) if upright else (row["share"], at)
    axes.errorbar(
        x, y, xerr=None if upright else ends, yerr=ends if upright else None, fmt="o", markersize=4,
        capsize=2, linewidth=1.2, color=COLOURS[row["cell"]],
        markerfacecolor="white" if hollow else COLOURS[row["cell"]],
    )  # fmt: skip
