"""The figure of where more classes than two lie in a layer, and in how many dimensions."""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import (
    LogLocator,
    MaxNLocator,
    NullFormatter,
    PercentFormatter,
    ScalarFormatter,
)

from nullcline.plotting.dimensions import draw_cumulative
from nullcline.plotting.panels import legend_below
from nullcline.plotting.theme import BLACK, BLUE, GREEN, GREY, ORANGE, PANEL, POINT_MARKS, VERMILION
from nullcline.study.class_order import colours_of_classes, is_ordered
from nullcline.study.class_results import UNKNOWN
from nullcline.study.figure_plan import FigurePlan
from nullcline.study.layer_panels import layer_title

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from nullcline.study.class_results import ClassAnalysis
    from nullcline.study.layer_results import LayerAnalysis
    from nullcline.study.results import NetworkAnalysis

    Matrix = NDArray[np.float64]

CAPTION = (
    "First: states after whole reviews on their first principal components, coloured by class, and "
    "the mean state of each class (star) after {steps} more steps without a word, with lines "
    "{edges}. Fixed points (circles are stable, triangles saddles) hold the number of their modes "
    "that grow; diamonds are slow points. Dashed, the directions that the readout reads for each "
    "class. Second: how much of the variance the first components have, of these states, of the "
    "states {steps} steps later, and of the points. Third: the longest time constants at the point "
    "nearest to the middle of the classes; the lines are at {steps} steps, and after as many modes "
    "as there are dimensions. Fourth: what is left of a push along the first components (as many "
    "as have 95% after {steps} steps) and of one across them."
)


def class_figures(network: NetworkAnalysis) -> Iterator[FigurePlan]:
    """Yield a figure for each layer of a network of more than two classes."""
    if len(network.classes) == 2:
        return
    for layer in network.layers:
        if layer.classes is not None:
            edges = (
                "from each class to the next"
                if is_ordered(network.corpus, network.classes)
                else "between all classes"
            )
            yield FigurePlan(
                f"{network.n_layers}-layer-classes-{layer.layer}",
                _drawing(layer, layer.classes),
                f"Where the classes lie in layer {layer.layer}",
                CAPTION.format(steps=layer.classes.steps, edges=edges),
            )


def _drawing(layer: LayerAnalysis, found: ClassAnalysis) -> Callable[[NetworkAnalysis], Figure]:
    def draw(network: NetworkAnalysis) -> Figure:
        deep = found.dimension > 2
        figure = Figure(figsize=(PANEL * 3.3, PANEL * 2.3), layout="constrained")
        first = figure.add_subplot(2, 2, 1, projection="3d" if deep else None)
        others = [figure.add_subplot(2, 2, place) for place in (2, 3, 4)]
        handles = draw_classes(first, network, layer, found)
        first.set_title(layer_title(network, layer))
        _draw_variances(others[0], found)
        _draw_time_constants(others[1], found)
        _draw_pushes(others[2], found)
        legend_below(figure, handles)
        for text in figure.legends[0].get_texts():
            text.set_parse_math(False)  # classes are called what the corpus calls them
        return figure

    return draw


def draw_classes(
    ax: Axes, network: NetworkAnalysis, layer: LayerAnalysis, found: ClassAnalysis
) -> list[Line2D]:
    """Draw states after reviews, classes and points in two dimensions or three.

    Returns
    -------
    list of Line2D
        What the legend is to say.
    """
    k = 3 if hasattr(ax, "get_zlim") else 2
    colours = colours_of_classes(network.corpus, network.classes)
    plot: Any = ax.plot  # of two dimensions or three
    scatter: Any = ax.scatter
    for label, colour in enumerate(colours):
        scatter(*found.final_projection[found.labels == label, :k].T, s=6, color=colour, alpha=0.4,
                lw=0, rasterized=True)  # fmt: skip
    vertices = found.vertex_projection[:, :k]
    for pair in _edges(network, len(vertices)):
        plot(*vertices[list(pair)].T, color=BLACK, lw=0.8, alpha=0.6, zorder=3)
    present = found.geometry.classes.tolist()
    if found.readout_projection is not None:
        centre = vertices.mean(axis=0)
        reach = 1.5 * np.linalg.norm(vertices - centre, axis=1).mean()
        for label, direction in enumerate(found.readout_projection[:, :k]):
            end = centre + reach * direction
            plot(*np.array([centre, end]).T, color=colours[label], lw=1.2, ls="--", zorder=3)
    for label, vertex in zip(present, vertices, strict=True):
        plot(*vertex[:, None], "*", ms=13, mfc=colours[label], mec="white", zorder=5)
    handles = _draw_points(ax, layer, found, k)
    shares = found.final.explained_variance_ratio
    for axis, name, share in zip("xyz"[:k], range(1, 4), shares, strict=False):
        getattr(ax, f"set_{axis}label")(f"component {name} ({share:.0%})")
    if k == 3:
        ax.set_box_aspect(None, zoom=0.95)  # type: ignore[call-arg]
    return [
        *(
            Line2D([], [], ls="", marker="o", color=colour, label=name)
            for colour, name in zip(colours, network.classes, strict=True)
        ),
        Line2D([], [], ls="", marker="*", ms=11, color=GREY, label="mean of a class"),
        *([] if found.readout_projection is None else [
            Line2D([], [], color=GREY, lw=1.2, ls="--", label="what the readout reads")
        ]),
        *handles,
    ]  # fmt: skip


def _edges(network: NetworkAnalysis, n: int) -> Iterator[tuple[int, int]]:
    if is_ordered(network.corpus, network.classes):
        return iter(pairwise(range(n)))
    return combinations(range(n), 2)


def _draw_points(ax: Axes, layer: LayerAnalysis, found: ClassAnalysis, k: int) -> list[Line2D]:
    """Draw the points, fixed ones with the number of their growing modes in them."""
    handles: dict[str, Line2D] = {}
    write: Any = ax.text
    plot: Any = ax.plot
    # White, since colours are the classes'.
    look: dict[str, Any] = {"ls": "", "mfc": "white", "mec": BLACK, "mew": 1}
    for kind, place, growing in zip(
        layer.unique.kind.tolist(), found.point_projection[:, :k], found.n_unstable, strict=True
    ):
        name = kind if kind != "fixed" else _stability(int(growing))
        mark = POINT_MARKS[name]
        plot(*place[:, None], marker=mark.marker, ms=11 if kind == "fixed" else 5, zorder=6, **look)
        if kind == "fixed" and growing != UNKNOWN:
            write(*place, str(growing), ha="center", va="center_baseline", fontsize=7, zorder=7)
        handles[name] = Line2D([], [], marker=mark.marker, label=mark.label, **look)
    return list(handles.values())


def _stability(growing: int) -> str:
    if growing == UNKNOWN:
        return "fixed"
    return "saddle" if growing else "stable"


def _draw_variances(ax: Axes, found: ClassAnalysis) -> None:
    sets = [("after reviews", found.final, BLUE, "o"),
            (f"{found.steps} steps later", found.settled, VERMILION, "s")]  # fmt: skip
    if found.points is not None:
        sets.append(("points", found.points, GREEN, "D"))
    for name, dimension, colour, marker in sets:
        n = dimension.components
        label = f"{name}: {n} for {dimension.share:.0%}"
        draw_cumulative(ax, dimension.explained_variance_ratio, label, colour, marker)
    ax.axhline(found.settled.share, color=GREY, lw=0.8, ls=":")
    ax.set_xlabel("number of principal components")
    ax.legend(loc="lower right")


def _draw_time_constants(ax: Axes, found: ClassAnalysis) -> None:
    ax.set_xlabel("mode, by falling time constant")
    ax.set_ylabel("time constant (steps)")
    taus = found.time_constants
    if not len(taus):
        ax.set_title("no point")
        return
    shown = np.where(np.isfinite(taus), taus, np.nan)
    ranks = np.arange(1, len(taus) + 1)
    ax.semilogy(ranks, shown, "o", color=BLUE, ms=5)
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter(ScalarFormatter())
    ax.yaxis.set_minor_formatter(NullFormatter())
    endless = ranks[~np.isfinite(taus)]
    top = 2 * max(found.steps, np.max(taus, initial=0, where=np.isfinite(taus)))
    ax.plot(endless, np.full(len(endless), top), "^", color=ORANGE, ms=6)
    ax.axhline(found.steps, color=GREY, lw=0.8, ls=":")
    ax.axvline(found.dimension + 0.5, color=VERMILION, lw=0.8, ls=":")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_title(f"{found.slow} of {found.steps} steps or more")


def _draw_pushes(ax: Axes, found: ClassAnalysis) -> None:
    decay = found.decay
    ax.set_xlabel("steps without a word")
    ax.set_ylabel("left of a push")
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    if decay is None:
        ax.set_title("one unit: no direction is across")
        return
    steps = np.arange(len(decay.along))
    dimensions = "1 dimension" if decay.dimension == 1 else f"{decay.dimension} dimensions"
    lines: Sequence[tuple[NDArray[np.float64], str, str, str]] = (
        (decay.along, f"along {dimensions}", BLUE, "o"), (decay.across, "across", VERMILION, "s")
    )  # fmt: skip
    for left, name, colour, marker in lines:
        ax.plot(steps, left, marker=marker, ms=3, color=colour, label=name)
    ax.set_ylim(bottom=0)
    ax.legend()
