"""The figures over seeds of networks by their depth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from docs.seeds_drawing import COLOURS, name_colours, set_scale, share, strip
from docs.seeds_numbers import COLUMNS
from docs.seeds_selection import OF_LINES
from nullcline.study.cell_names import CELL_NAMES
from nullcline.study.network_groups import numbers_of
from nullcline.study.point_results import JOINT

if TYPE_CHECKING:
    from collections.abc import Sequence

Row = dict[str, Any]

_STEP = 0.15
"""Between the places of two cells of one depth."""


def numbers(rows: Sequence[Row]) -> Figure:
    """Draw how the numbers of IMDB's networks change with depth, of the last layer.

    Words act on the first.
    """
    depths = sorted({row["n_layers"] for row in rows})
    figure = Figure(figsize=(11, 7.5), layout="constrained")
    panels = figure.subplots(3, 3)
    for axes, (heading, name, _) in zip(panels.flat, COLUMNS, strict=True):
        first = name == "words_rho"
        shown = [row for row in rows if row["layer"] == (1 if first else row["n_layers"])]
        for number, cell in enumerate(CELL_NAMES):
            for depth in depths:
                own = [row for row in shown if (row["cell"], row["n_layers"]) == (cell, depth)]
                place = depth + _STEP * (number - (len(CELL_NAMES) - 1) / 2)
                found = numbers_of(own).get(name, [])
                # The sign of a mode is that of the readout, which is another layer's.
                values = [abs(value) for value in found] if first else found
                strip(axes, place, values, COLOURS[cell], width=0.05)
        axes.set_xlim(depths[0] - 0.5, depths[-1] + 0.5)
        axes.set_xticks(depths)
        axes.set_xlabel("layers")
        of = "" if name == "test_accuracy" else f", {'first' if first else 'last'} layer"
        axes.set_ylabel(f"size of {heading}{of}" if first else heading + of)
        set_scale(axes, name)
    name_colours(figure, rows)
    return figure


def claims(shares: Sequence[Row]) -> Figure:
    """Draw in how many networks each claim about lines holds, by depth, a panel for each."""
    depths = sorted({row["n_layers"] for row in shares})
    figure = Figure(figsize=(11, 5.5), layout="constrained")
    panels = figure.subplots(2, 3, sharex=True, sharey=True)
    cells = list(CELL_NAMES)
    for axes, claim in zip(panels.flat, OF_LINES, strict=True):
        for row in shares:
            place = row["n_layers"] + _STEP * (cells.index(row["cell"]) - (len(cells) - 1) / 2)
            if row["claim"] == claim:
                share(axes, row, place - _STEP / 5, upright=True)
            if row["claim"] == f"{claim}, {JOINT} input":
                share(axes, row, place + _STEP / 5, upright=True, hollow=True)
        axes.set_title(claim)
        axes.set_xlim(depths[0] - 0.5, depths[-1] + 0.5)
        axes.set_xticks(depths)
        axes.yaxis.set_major_formatter(PercentFormatter(1))
    for axes in panels[-1]:
        axes.set_xlabel("layers")
    for axes in panels[:, 0]:
        axes.set_ylabel("of the networks")
    name_colours(figure, shares)
    return figure
