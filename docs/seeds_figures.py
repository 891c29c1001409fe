"""The figures over seeds: shares with their intervals, and how numbers are spread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from docs import seeds_depths
from docs.seeds_drawing import COLOURS, name_colours, set_scale, share, strip
from docs.seeds_numbers import COLUMNS
from docs.seeds_selection import OF_LINES, papers_claims, place_of_corpus, usual_units
from nullcline.plotting.theme import style
from nullcline.study.cell_names import CELL_NAMES
from nullcline.study.figures import save_figure
from nullcline.study.network_groups import numbers_of, rows_of_trained
from nullcline.study.over_seeds import claim_shares
from nullcline.study.verdicts import NEARLY_ALL

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

Row = dict[str, Any]

_ROW, _LEAST_ROWS = 0.2, 2
"""Inches of a line of a forest plot, and lines that the name of a claim takes."""

Blocks = dict[str, dict[str, float]]
"""The lines of each claim's cells."""


FIGURES = {
    "seeds-claims": (
        "For each claim, corpus and cell the share of networks in which it holds",
        "The share of networks in which each claim holds, with Wilson's interval of 95%. Dotted: "
        "one half; dashed: one and nine of ten. Networks of {units} units, as in all figures over "
        "seeds.",
    ),
    "seeds-papers-claims": (
        "For each claim of the paper and each cell the share of networks in which it holds",
        "The same for the claims of the paper on GRUs, on IMDB.",
    ),
    "seeds-numbers": (
        "Every number of the table, a dot a network, by corpus and cell",
        "Each dot is a network of {units} units; a circle is the median, a bar goes from quartile "
        "to quartile. R² below −3 is not drawn, nor is an infinite τ.",
    ),
    "seeds-depth": (
        "Accuracy, dimensions, points and time constants by depth, a dot a network",
        "Networks on IMDB of {units} units, by their depth: what is measured is of the last layer, "
        "but for the accuracy and for the words, which are of the first. R² below −3 is not drawn, "
        "nor is an infinite τ.",
    ),
    "seeds-lines-depth": (
        "For each claim about lines, depth and cell the share of networks in which it holds",
        "The share of networks on IMDB in which each claim about lines holds, by depth, with "
        "Wilson's interval of 95%: with zero input (filled), and where the layers below rest "
        "(hollow). Claims are of the last layer, but for that about words, which is of the first.",
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
    return lines_of(folder, usual_units(rows))


def lines_of(folder: Path, units: int) -> dict[str, str]:
    """Return what stands between the marks of the figures that are in a folder, and of others."""
    return {
        f"figure-{name}": f"![{shown}](images/{name}.png)\n*{said.format(units=units)}*"
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
        found["seeds-depth"] = seeds_depths.numbers(imdb)
        of_imdb = [row for row in shares if row["corpus"] == "imdb"]
        found["seeds-lines-depth"] = seeds_depths.claims(of_imdb)
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
    name_colours(figure, shares)
    return figure


def _papers(shares: Sequence[Row]) -> Figure:
    blocks = _blocks(shares, list(dict.fromkeys(row["claim"] for row in shares)))
    figure = Figure(figsize=(8.5, _height(blocks)), layout="constrained")
    _forest(figure.subplots(), shares, blocks)
    name_colours(figure, shares)
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
        share(axes, row, blocks[row["claim"]][row["cell"]])
    part, whole = NEARLY_ALL
    for middle, line in ((0.5, ":"), (part / whole, "--"), (1 - part / whole, "--")):
        axes.axvline(middle, color="0.6", linestyle=line, linewidth=0.8, zorder=0)
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
                strip(axes, place, values, COLOURS[cell])
                place += bool(own)
            axes.text((first + place - 1) / 2, 1.01, corpus, ha="center", va="bottom",
                      transform=axes.get_xaxis_transform(), fontsize="small")  # fmt: skip
            place += 1
        axes.set_ylabel(heading)
        axes.set_xticks([])
        set_scale(axes, name)
    name_colours(figure, rows)
    return figure
