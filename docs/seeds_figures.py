"""The figures over seeds: shares with their intervals, and how numbers are spread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter

from docs.seeds_numbers import COLUMNS
from docs.seeds_selection import OF_LINES, papers_claims, place_of_corpus, usual_units
from nullcline.plotting.theme import BLUE, GREEN, ORANGE, PINK, VERMILION, style
from nullcline.study.cell_names import CELL_NAMES
from nullcline.study.figures import save_figure
from nullcline.study.network_groups import numbers_of, rows_of_trained
from nullcline.study.over_seeds import claim_shares
from nullcline.study.verdicts import NEARLY_ALL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

Row = dict[str, Any]

COLOURS = dict(zip(CELL_NAMES, (BLUE, VERMILION, GREEN, ORANGE, PINK), strict=True))

_ROW, _LEAST_ROWS = 0.2, 2
"""Inches of a line of a forest plot, and lines that the name of a claim takes."""

Blocks = dict[str, dict[str, float]]
"""The lines of each claim's cells."""


FIGURES = {
    "seeds-claims": (
        "For each claim, corpus and cell the share of networks in which it holds",
        "The share of networks in which each claim holds, with Wilson's interval of 95%. Dotted: "
        "one half; dashed: one and nine of ten.",
    ),
    "seeds-papers-claims": (
        "For each claim of the paper and each cell the share of networks in which it holds",
        "The same for the claims of the paper on GRUs, on IMDB.",
    ),
    "seeds-numbers": (
        "Every number of the table, a dot a network, by corpus and cell",
        "Each dot is a network; a circle is the median, a bar goes from quartile to quartile. R² "
        "below −3 is not drawn.",
    ),
    "seeds-depth": (
        "Accuracy, dimensions, points and time constants by depth, a dot a network",
        "Networks on IMDB by their depth; all but the accuracy is of the last layer.",
    ),
}
"""What each figure shows, and what stands below it."""


def draw_all(rows: Sequence[Row], folder: Path) -> dict[str, str]:
    """Draw every figure of which there are networks, and remove the others.

    Returns
    -------
    dict
        What stands between the marks of the figures: each figure, or nothing.
    """
    with style():
        drawn = _figures(rows)
        for name in FIGURES:
            path = folder / f"{name}.png"
            if name in drawn:
                path.parent.mkdir(exist_ok=True)
                save_figure(drawn[name], path)
            else:
                path.unlink(missing_ok=True)
    return lines_of(folder)


def lines_of(folder: Path) -> dict[str, str]:
    """Return what stands between the marks of the figures that are in a folder, and of others."""
    return {
        f"figure-{name}": f"![{shown}](images/{name}.png)\n*{said}*"
        if (folder / f"{name}.png").is_file()
        else ""
        for name, (shown, said) in FIGURES.items()
    }


def _figures(rows: Sequence[Row]) -> dict[str, Figure]:
    units = usual_units(rows)
    own = rows_of_trained([row for row in rows if row["hidden_size"] == units])
    of_one = [row for row in own if row["n_layers"] == 1]
    imdb = [row for row in own if row["corpus"] == "imdb"]
    shares = claim_shares(own)
    lines = [row for row in shares if row["n_layers"] == 1 and row["claim"] in OF_LINES]
    papers = [row for row in shares
              if row["corpus"] == "imdb" and row["claim"] in papers_claims(rows)]  # fmt: skip
    found: dict[str, Figure] = {}
    if lines:
        found["seeds-claims"] = _by_corpus(lines)
    if papers:
        found["seeds-papers-claims"] = _papers(papers)
    if of_one:
        found["seeds-numbers"] = _numbers(of_one)
    if len({row["n_layers"] for row in imdb}) > 1:
        found["seeds-depth"] = _depths(imdb)
    return found


def _by_corpus(shares: Sequence[Row]) -> Figure:
    """Draw a panel for each corpus: in each a block for each claim, a line for each cell."""
    corpora = sorted({row["corpus"] for row in shares}, key=place_of_corpus)
    blocks = _blocks(shares, OF_LINES)
    figure = Figure(figsize=(1.6 + 2.6 * len(corpora), _height(blocks)), layout="constrained")
    panels = figure.subplots(1, len(corpora), sharey=True, squeeze=False)[0]
    for axes, corpus in zip(panels, corpora, strict=True):
        _forest(axes, [row for row in shares if row["corpus"] == corpus], blocks)
        axes.set_title(corpus)
    _name_colours(figure, shares)
    return figure


def _papers(shares: Sequence[Row]) -> Figure:
    blocks = _blocks(shares, list(dict.fromkeys(row["claim"] for row in shares)))
    figure = Figure(figsize=(8.5, _height(blocks)), layout="constrained")
    _forest(figure.subplots(), shares, blocks)
    _name_colours(figure, shares)
    return figure


def _blocks(shares: Sequence[Row], claims: Sequence[str]) -> Blocks:
    """Return where each claim's cells are drawn, from the top down: those that it is asked of."""
    found: Blocks = {}
    top = 0.0
    for claim in claims:
        asked = {row["cell"] for row in shares if row["claim"] == claim}
        cells = [cell for cell in CELL_NAMES if cell in asked]
        room = max(len(cells), _LEAST_ROWS)
        first = top + (room - len(cells)) / 2
        found[claim] = {cell: first + number for number, cell in enumerate(cells)}
        top += room + 1
    return found


def _rows(blocks: Blocks) -> int:
    return sum(max(len(cells), _LEAST_ROWS) + 1 for cells in blocks.values())


def _height(blocks: Blocks) -> float:
    return 0.9 + _ROW * _rows(blocks)


def _forest(axes: Axes, shares: Sequence[Row], blocks: Blocks) -> None:
    """Draw shares with intervals, from the top down: each claim's cells below one another."""
    for row in shares:
        at = blocks[row["claim"]][row["cell"]]
        ends = [[row["share"] - row["low"]], [row["high"] - row["share"]]]
        axes.errorbar(
            row["share"], at, xerr=ends, fmt="o", markersize=4, capsize=2, linewidth=1.2,
            color=COLOURS[row["cell"]],
        )  # fmt: skip
    part, whole = NEARLY_ALL
    for share, line in ((0.5, ":"), (part / whole, "--"), (1 - part / whole, "--")):
        axes.axvline(share, color="0.6", linestyle=line, linewidth=0.8, zorder=0)
    axes.set_xlim(-0.03, 1.03)
    axes.set_ylim(_rows(blocks) - 0.5, -1)
    axes.set_yticks([np.mean(list(cells.values())) for cells in blocks.values()])
    axes.set_yticklabels([_broken(claim) for claim in blocks])
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.set_xlabel("of the networks")


def _broken(claim: str, width: int = 44) -> str:
    """Return a claim in lines."""
    lines = [""]
    for word in claim.split():
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)


def _numbers(rows: Sequence[Row]) -> Figure:
    """Draw how the numbers of the tables are spread, a panel for each, by corpus and cell."""
    corpora = sorted({row["corpus"] for row in rows}, key=place_of_corpus)
    figure = Figure(figsize=(11, 7.5), layout="constrained")
    panels = figure.subplots(3, 3)
    for axes, (heading, name, _) in zip(panels.flat, COLUMNS, strict=True):
        place = 0
        for corpus in corpora:
            first = place
            for cell in CELL_NAMES:
                own = [row for row in rows if (row["corpus"], row["cell"]) == (corpus, cell)]
                values = numbers_of(own).get(name, [])
                _strip(axes, place, values, COLOURS[cell])
                place += bool(own)
            axes.text((first + place - 1) / 2, 1.01, corpus, ha="center", va="bottom",
                      transform=axes.get_xaxis_transform(), fontsize="small")  # fmt: skip
            place += 1
        axes.set_ylabel(heading)
        axes.set_xticks([])
        _scale(axes, name)
    _name_colours(figure, rows)
    return figure


def _depths(rows: Sequence[Row]) -> Figure:
    """Draw how the numbers of IMDB's networks change with depth, each of the last layer."""
    tops = [row for row in rows if row["layer"] == row["n_layers"]]
    depths = sorted({row["n_layers"] for row in tops})
    figure = Figure(figsize=(11, 7.5), layout="constrained")
    panels = figure.subplots(3, 3)
    for axes, (heading, name, _) in zip(panels.flat, COLUMNS, strict=True):
        for number, cell in enumerate(CELL_NAMES):
            for depth in depths:
                own = [row for row in tops if (row["cell"], row["n_layers"]) == (cell, depth)]
                place = depth + 0.15 * (number - (len(CELL_NAMES) - 1) / 2)
                _strip(axes, place, numbers_of(own).get(name, []), COLOURS[cell], width=0.05)
        axes.set_xlim(depths[0] - 0.5, depths[-1] + 0.5)
        axes.set_xticks(depths)
        axes.set_xlabel("layers")
        axes.set_ylabel(f"{heading}, last layer" if name != "test_accuracy" else heading)
        _scale(axes, name)
    _name_colours(figure, rows)
    return figure


def _strip(
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


def _scale(axes: Axes, name: str) -> None:
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


def _name_colours(figure: Figure, rows: Sequence[Row]) -> None:
    there = {row["cell"] for row in rows}
    handles = [Line2D([], [], marker="o", linestyle="", color=COLOURS[cell], label=name)
               for cell, name in CELL_NAMES.items() if cell in there]  # fmt: skip
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
