"""The paper's figures of visited states: their variance, and where they lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.colors import to_hex, to_rgb
from matplotlib.lines import Line2D

from nullcline.plotting.dimensions import draw_cumulative
from nullcline.plotting.panels import legend_below
from nullcline.plotting.points import draw_cloud, draw_trajectories
from nullcline.plotting.theme import BLACK, BLUE, GREY, ORANGE
from nullcline.study.class_order import colours_of_classes
from nullcline.study.layer_panels import (
    label_components,
    layer_projection,
    layer_title,
    named_lines,
    panel_per_layer,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from nullcline.study.layer_results import Walk
    from nullcline.study.results import NetworkAnalysis

WORDS_MARKED = 6
"""Words of each example review written beside its path: those that moved the state most."""

LETTER, LINE = 0.02, 0.055
"""Room for a letter and for a line of words, in units of the cloud's extent along each axis."""


class Place(NamedTuple):
    """Where a word stands: its left end, and its width."""

    x: float
    y: float
    width: float

    def is_near(self, others: Iterable[Place]) -> bool:
        """Return whether one of the others is in the way."""
        return any(
            abs(self.y - other.y) < LINE
            and self.x < other.x + other.width
            and other.x < self.x + self.width
            for other in others
        )


def explained_variance(network: NetworkAnalysis) -> Figure:
    """Draw the cumulative explained variance, trained and untrained, one panel per layer."""
    figure, axes_of = panel_per_layer(network)
    for layer, axes in zip(network.layers, axes_of, strict=True):
        for ratio, name, colour, marker in (
            (layer.explained_variance_ratio, "trained", BLUE, "o"),
            (layer.explained_variance_ratio_untrained, "untrained", ORANGE, "s"),
        ):
            draw_cumulative(axes, ratio, name, colour, marker)
        axes.axhline(0.8, color=GREY, lw=0.8, ls=":")
        axes.axhline(0.9, color=GREY, lw=0.8, ls=":")
        axes.set_xlabel("number of principal components")
        axes.set_title(layer_title(network, layer))
    legend_below(figure, named_lines(axes_of[0]))
    return figure


def projections(network: NetworkAnalysis) -> Figure:
    """Draw the visited states and the example reviews on two components, one panel per layer."""
    figure, axes_of = panel_per_layer(network, height=1.15)
    colours = colours_of_classes(network.corpus, network.classes)
    for layer, axes in zip(network.layers, axes_of, strict=True):
        for label, colour in enumerate(colours):
            draw_cloud(axes, layer.sample_projection[layer.sample_labels == label], colour)
        spread = np.ptp(layer.sample_projection, axis=0)
        marked: list[Place] = []
        for walk in layer.walks:
            _draw_walk(axes, walk, _dark(colours[walk.label]), spread, marked)
        label_components(axes, layer_projection(layer))
        axes.set_title(layer_title(network, layer))
    handles = [
        Line2D([], [], ls="", marker="o", color=colour, label=f"states in {name} reviews")
        for colour, name in zip(colours, network.classes, strict=True)
    ]
    handles += [
        Line2D([], [], color=_dark(colours[walk.label]), lw=1.6, label=_walk_name(network, walk))
        for walk in network.layers[0].walks
    ]
    handles += [
        Line2D([], [], ls="", marker=marker, mfc=face, mec=BLACK, label=name)
        for marker, face, name in (("s", "white", "first word"), ("*", BLACK, "last word"))
    ]
    legend_below(figure, handles)
    for text in figure.legends[0].get_texts():
        text.set_parse_math(False)  # classes are called what the corpus calls them
    return figure


def _draw_walk(
    axes: Axes, walk: Walk, colour: str, spread: NDArray[np.float64], marked: list[Place]
) -> None:
    path = walk.projection
    axes.plot(*path.T, color="white", lw=3)  # so that the path is seen over the states
    draw_trajectories(axes, [path], colour)
    axes.scatter(path[0, 0], path[0, 1], s=22, marker="s", color="white", ec=colour, zorder=5)
    axes.scatter(path[-1, 0], path[-1, 1], s=90, marker="*", color=colour, ec="white", zorder=5)
    _mark_words(axes, walk, colour, spread, marked)


def _mark_words(
    axes: Axes, walk: Walk, colour: str, spread: NDArray[np.float64], marked: list[Place]
) -> None:
    """Write the words that moved the state most, where none of those `marked` so far is close."""
    steps = np.linalg.norm(np.diff(walk.projection, axis=0, prepend=walk.projection[:1]), axis=1)
    above = 5 if walk.label else -10
    places = walk.projection / np.where(spread > 0, spread, 1) + [0, above / 10 * LINE]
    written = 0
    for i in np.argsort(-steps):
        x, y = places[i]
        place = Place(float(x), float(y), LETTER * len(walk.tokens[i]))
        is_word = any(character.isalpha() for character in walk.tokens[i])
        if not is_word or written == WORDS_MARKED or steps[i] == 0 or place.is_near(marked):
            continue
        marked.append(place)
        written += 1
        axes.annotate(
            walk.tokens[i],
            tuple(walk.projection[i]),
            xytext=(4, above),
            textcoords="offset points",
            fontsize=7,
            color=colour,
            parse_math=False,
            zorder=6,
            bbox={"boxstyle": "round,pad=0.1", "fc": "white", "ec": "none", "alpha": 0.7},
        )


def _walk_name(network: NetworkAnalysis, walk: Walk) -> str:
    name, last = network.classes[walk.label], network.classes[-1]
    verdict = "" if walk.is_right else ",\nmisclassified"
    return f"{name} example: P({last}) = {walk.probability:.2f}{verdict}"


def _dark(colour: str) -> str:
    """Return a class's colour as the paths of its examples are drawn in, over its states."""
    red, green, blue = to_rgb(colour)
    return to_hex((0.6 * red, 0.6 * green, 0.6 * blue))
