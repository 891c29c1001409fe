"""How accuracy, dimensionality and points change with the number of reviews to learn from."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from nullcline.plotting.theme import PANEL, style
from nullcline.study.figures import save_figure

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from nullcline.study.results import NetworkAnalysis

FILE = "train-size.png"


def draw_sizes(
    networks: Sequence[NetworkAnalysis], directory: str | os.PathLike[str]
) -> Path | None:
    """Draw the networks' measures against their number of training reviews.

    Parameters
    ----------
    networks
        Networks of any corpora, cells and depths; one line joins those that differ in the number of
        reviews alone, and of the deep ones the last layer is shown.
    directory
        The folder of the picture.

    Returns
    -------
    pathlib.Path or None
        The picture; None if no two networks differ in the number of reviews alone.
    """
    lines: defaultdict[tuple[str, str, int, str], list[NetworkAnalysis]] = defaultdict(list)
    for network in networks:
        lines[network.corpus, network.cell, network.n_layers, network.split].append(network)
    several = {key: sorted(line, key=lambda one: one.n_train) for key, line in lines.items()
               if len({one.n_train for one in line}) > 1}  # fmt: skip
    if not several:
        return None
    path = Path(directory) / FILE
    with style():
        return save_figure(_figure(several), path)


def _figure(lines: dict[tuple[str, str, int, str], list[NetworkAnalysis]]) -> Figure:
    figure = Figure(figsize=(PANEL * 3.6, 0.8 + PANEL), layout="constrained")
    accuracy, dimensions, points = figure.subplots(1, 3)
    for number, ((corpus, cell, depth, split), line) in enumerate(lines.items()):
        colour = f"C{number % 10}"
        sizes = [network.n_train for network in line]
        tops = [network.layers[-1] for network in line]
        name = f"{corpus}, {cell}" + (f", {depth} layers" if depth > 1 else "")
        name += "" if split == "test" else f", {split} states"
        accuracy.plot(sizes, [one.test_accuracy for one in line], "o-", color=colour, label=name)
        if all(one.train_accuracy is not None for one in line):
            accuracy.plot(sizes, [one.train_accuracy for one in line], "o:", color=colour)
        dimensions.plot(sizes, [top.participation_ratio for top in tops], "o-", color=colour)
        points.plot(sizes, [top.distinct_of_kind("fixed") for top in tops], "o-", color=colour)
        points.plot(sizes, [top.distinct_of_kind("slow") for top in tops], "D:", color=colour)
    accuracy.set_ylabel("accuracy on test (–) and training (···) reviews")
    accuracy.yaxis.set_major_formatter(PercentFormatter(1))
    dimensions.set_ylabel("participation ratio of visited states")
    points.set_ylabel("distinct fixed (–) and slow (···) points")
    points.yaxis.set_major_locator(MaxNLocator(integer=True))
    for axes in (accuracy, dimensions, points):
        axes.set_xscale("log")
        axes.set_xlabel("training reviews")
    legend = figure.legend(loc="outside lower center", ncols=4)
    for text in legend.get_texts():
        text.set_parse_math(False)  # a corpus may be called what a file is
    return figure
