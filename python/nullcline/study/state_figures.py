"""The paper's figures of visited states: their variance, and where they lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter

from nullcline.plotting.panels import legend_below
from nullcline.plotting.theme import BLACK, BLUE, GREY, ORANGE, class_colours
from nullcline.study.layer_panels import label_components, layer_title, panel_per_layer

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from nullcline.study.layer_results import Walk
    from nullcline.study.results import NetworkAnalysis

COMPONENTS_SHOWN = 30
WORDS_MARKED = 6
"""Words of each example review written beside its path: those that moved the state most."""
WORDS_MARKED = 6
"""Words of each example review written beside its path: those that moved the state most."""

WORD_ROOM = np.array([0.09, 0.055])
"""Room that a word keeps free of others, in units of the cloud's extent along each axis."""


def explained_variance(network: NetworkAnalysis) -> Figure:
    """Draw the cumulative explained variance, trained and untrained, one panel per layer."""
    figure, axes_of = panel_per_layer(network)
    for layer, axes in zip(network.layers, axes_of, strict=True):
        for ratio, name, colour, marker in (
            (layer.explained_variance_ratio, "trained", BLUE, "o"),
            (layer.explained_variance_ratio_untrained, "untrained", ORANGE, "s"),
        ):
            shown = np.cumsum(ratio)[:COMPONENTS_SHOWN]
            axes.plot(
                np.arange(1, len(shown) + 1), shown, marker=marker, ms=3, color=colour, label=name
            )
        axes.axhline(0.8, color=GREY, lw=0.8, ls=":")
        axes.axhline(0.9, color=GREY, lw=0.8, ls=":")
        axes.set_ylim(0, 1.02)
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("number of principal components")
        axes.set_title(layer_title(network, layer))
    axes_of[0].set_ylabel("cumulative explained variance")
    axes_of[0].legend(loc="lower right")
    return figure


def projections(network: NetworkAnalysis) -> Figure:
    """Draw the visited states and the example reviews on two components, one panel per layer."""
    figure, axes_of = panel_per_layer(network, height=1.15)
    for layer, axes in zip(network.layers, axes_of, strict=True):
        for label, colour in enumerate(class_colours(len(network.classes))):
            x, y = layer.sample_projection[layer.sample_labels == label].T
            axes.scatter(x, y, s=3, color=colour, alpha=0.18, lw=0, rasterized=True)
        spread = np.ptp(layer.sample_projection, axis=0)
        marked: list[NDArray[np.float64]] = []
        for walk in layer.walks:
            _draw_walk(axes, walk, spread, marked)
        label_components(axes, layer)
        axes.set_title(layer_title(network, layer))
    handles = [
        Line2D([], [], ls="", marker="o", color=colour, label=f"states in {name} reviews")
        for colour, name in zip(class_colours(len(network.classes)), network.classes, strict=True)
    ]
    handles += [
        Line2D([], [], color=_dark(walk.label), lw=1.6, label=_walk_name(network, walk))
        for walk in network.layers[0].walks
    ]
    handles += [
        Line2D([], [], ls="", marker=marker, mfc=face, mec=BLACK, label=name)
        for marker, face, name in (("s", "white", "first word"), ("*", BLACK, "last word"))
    ]
    legend_below(figure, handles)
    return figure


def _draw_walk(
    axes: Axes, walk: Walk, spread: NDArray[np.float64], marked: list[NDArray[np.float64]]
) -> None:
    path = walk.projection
    colour = _dark(walk.label)
    axes.plot(*path.T, color="white", lw=3, zorder=3)
    axes.plot(*path.T, color=colour, lw=1.3, zorder=4)
    axes.scatter(path[0, 0], path[0, 1], s=22, marker="s", color="white", ec=colour, zorder=5)
    axes.scatter(path[-1, 0], path[-1, 1], s=90, marker="*", color=colour, ec="white", zorder=5)
    _mark_words(axes, walk, spread, marked)


def _mark_words(
    axes: Axes, walk: Walk, spread: NDArray[np.float64], marked: list[NDArray[np.float64]]
) -> None:
    """Write the words that moved the state most, where none of those `marked` so far is close."""
    steps = np.linalg.norm(np.diff(walk.projection, axis=0, prepend=walk.projection[:1]), axis=1)
    places = walk.projection / np.where(spread > 0, spread, 1)
    written = 0
    for i in np.argsort(-steps):
        crowded = any((np.abs(places[i] - other) < WORD_ROOM).all() for other in marked)
        is_word = any(character.isalpha() for character in walk.tokens[i])
        if crowded or not is_word or written == WORDS_MARKED or steps[i] == 0:
            continue
        marked.append(places[i])
        written += 1
        axes.annotate(
            walk.tokens[i],
            tuple(walk.projection[i]),
            xytext=(4, 5) if walk.label else (4, -10),
            textcoords="offset points",
            fontsize=7,
            color=_dark(walk.label),
            parse_math=False,
            zorder=6,
            bbox={"boxstyle": "round,pad=0.1", "fc": "white", "ec": "none", "alpha": 0.7},
        )


def _walk_name(network: NetworkAnalysis, walk: Walk) -> str:
    name, last = network.classes[walk.label], network.classes[-1]
    return f"{name} example, P({last}) = {walk.probability:.2f}"


def _dark(label: int) -> str:
    return "#00406b" if label else "#8a2f00"
