"""The paper's figures, named by its numbers, from the analyses of a network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle
from matplotlib.ticker import MaxNLocator, PercentFormatter

from nullcline._support.files import replacing
from nullcline.plotting.style import (
    BLACK,
    BLUE,
    DPI,
    GREY,
    MARKERS,
    ORANGE,
    PANEL,
    VERMILION,
    class_colours,
    style,
)
from nullcline.search.fixed_points import KINDS
from nullcline.study.explanation_figures import explanations
from nullcline.study.figure_plan import FigurePlan

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from nullcline.study.layer_results import LayerAnalysis, Walk
    from nullcline.study.results import NetworkAnalysis
    from nullcline.study.spectrum import Spectrum

COMPONENTS_SHOWN = 30
WORDS_MARKED = 6
"""Words of each example review written beside its path: those that moved the state most."""

SPECTRA_A_ROW = 3

LEGEND_ENTRY = 2.4
"""Room for one entry of a legend, in inches."""

WORD_ROOM = np.array([0.09, 0.055])
"""Room that a word keeps free of others, in units of the cloud's extent along each axis."""


def plans(n_layers: int) -> tuple[FigurePlan, ...]:
    """Return the paper's figures of a network of that depth, in the paper's order."""
    names = _NUMBERS.get(
        n_layers,
        tuple(f"{n_layers}-layers-{what}" for what in ("variance", "states", "points", "spectra")),
    )
    drawings = (
        (
            explained_variance,
            "Cumulative explained variance of the visited states, for the "
            "trained network and for the same network before training.",
        ),
        (
            projections,
            "Visited states on their first two principal components, coloured by the label of "
            "their review, with the two example reviews walked through them.",
        ),
        (
            fixed_points,
            "The distinct ends of a search from visited states, over the visited states (grey): "
            "circles are fixed points (zero to rounding), diamonds slow points (local minima of "
            "the speed q, its value in colour); size grows with the number of starts that ended "
            "there.",
        ),
        (
            eigenvalues,
            "Eigenvalues of the recurrent Jacobian at up to three points of each layer, with the "
            "unit circle: this is a map, so a mode is stable inside the circle, whatever the sign "
            "of its real part.",
        ),
    )
    return tuple(
        FigurePlan(name, draw, caption)
        for name, (draw, caption) in zip(names, drawings, strict=True)
    )


_NUMBERS = {
    1: ("1a", "1b", "1c", "5"),
    2: ("7", "8", "9", "10"),
    3: ("2", "3", "4", "6"),
    4: ("11", "12", "13", "14"),
}


def all_plans(network: NetworkAnalysis) -> tuple[FigurePlan, ...]:
    """Return the paper's figures of a network, and those of what its linearization explains."""
    return plans(network.n_layers) + explanations(network)


def draw_figures(
    network: NetworkAnalysis,
    directory: str | os.PathLike[str],
    formats: Sequence[str] = ("png", "svg"),
) -> dict[str, list[Path]]:
    """Draw all figures of a network into a folder, each file whole or not at all.

    Parameters
    ----------
    network
        The network's analyses.
    directory
        The folder, made if need be.
    formats
        Endings of the files to write.

    Returns
    -------
    dict
        The files of each figure, by its name.
    """
    files: dict[str, list[Path]] = {}
    for plan in all_plans(network):
        with style():
            figure = plan.draw(network)
            files[plan.name] = [
                _save(figure, Path(directory) / f"figure-{plan.name}.{ending}")
                for ending in formats
            ]
    return files


def explained_variance(network: NetworkAnalysis) -> Figure:
    """Draw the cumulative explained variance, trained and untrained, one panel a layer."""
    figure, panels = _one_row(network)
    for layer, axes in zip(network.layers, panels, strict=True):
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
        axes.set_title(_title(network, layer))
    panels[0].set_ylabel("cumulative explained variance")
    panels[0].legend(loc="lower right")
    return figure


def projections(network: NetworkAnalysis) -> Figure:
    """Draw the visited states and the example reviews on two components, one panel a layer."""
    figure, panels = _one_row(network, height=1.15)
    for layer, axes in zip(network.layers, panels, strict=True):
        for label, colour in enumerate(class_colours(len(network.classes))):
            cloud = layer.sample_projection[layer.sample_labels == label]
            axes.scatter(*cloud.T, s=3, color=colour, alpha=0.18, lw=0, rasterized=True)
        spread = np.ptp(layer.sample_projection, axis=0)
        marked: list[NDArray[np.float64]] = []
        for walk in layer.walks:
            _draw_walk(axes, walk, spread, marked)
        _label_components(axes, layer)
        axes.set_title(_title(network, layer))
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
    _legend_below(figure, handles)
    return figure


def fixed_points(network: NetworkAnalysis) -> Figure:
    """Draw the distinct ends of the search over the visited states, one panel a layer."""
    figure, panels = _one_row(network, height=1.1)
    slow = np.concatenate([layer.unique.q[layer.unique.kind == "slow"] for layer in network.layers])
    colours = ScalarMappable(
        LogNorm(slow.min() / 2, slow.max() * 2) if len(slow) else None, "cividis"
    )
    for layer, axes in zip(network.layers, panels, strict=True):
        axes.scatter(*layer.sample_projection.T, s=3, color=GREY, alpha=0.25, lw=0, rasterized=True)
        for kind, marker in MARKERS.items():
            of_kind = layer.unique.kind == kind
            axes.scatter(
                *layer.unique_projection[of_kind].T,
                s=40 + 160 * np.sqrt(layer.unique.count[of_kind] / len(layer.points)),
                c=colours.to_rgba(layer.unique.q[of_kind]) if kind == "slow" else VERMILION,
                marker=marker,
                edgecolors=BLACK,
                linewidths=0.8,
                zorder=3,
            )
        _label_components(axes, layer)
        axes.set_title(f"{_title(network, layer)}\n{_kinds(layer)}")
    if len(slow):
        bar = figure.colorbar(colours, ax=list(panels), shrink=0.85, pad=0.02)
        bar.set_label("speed q of slow points")
    handles = [
        Line2D(
            [],
            [],
            ls="",
            marker=MARKERS[kind],
            mfc=VERMILION if kind == "fixed" else "white",
            mec=BLACK,
            label=f"{kind} point",
        )
        for kind in KINDS
        if any(layer.distinct_of_kind(kind) for layer in network.layers)
    ]
    handles.append(Line2D([], [], ls="", marker=".", color=GREY, label="visited state"))
    _legend_below(figure, handles)
    return figure


def eigenvalues(network: NetworkAnalysis) -> Figure:
    """Draw the spectra at up to three points of each layer, layer after layer, in rows of three."""
    shown = [(layer, spectrum) for layer in network.layers for spectrum in layer.spectra]
    columns = min(max(len(shown), 1), SPECTRA_A_ROW)
    rows = max(1, -(-len(shown) // columns))
    figure = Figure(
        figsize=(PANEL * max(columns, 1.5), 0.4 + PANEL * 1.15 * rows), layout="constrained"
    )
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (layer, spectrum) in zip(panels, shown, strict=False):
        _draw_spectrum(axes, spectrum)
        axes.set_title(
            f"layer {layer.layer}: {spectrum.kind}, q = {spectrum.q:.1e}, "
            f"‖h‖ = {spectrum.norm:.2f}\n"
            f"slowest |λ| = {spectrum.spectral_radius:.4f}, "
            f"{spectrum.n_unstable} outside the circle",
            fontsize=8,
        )
    for axes in panels[len(shown) :]:
        axes.set_axis_off()
    handles = [
        Line2D([], [], ls="", marker="o", color=BLUE, label="eigenvalue, |λ| ≤ 1"),
        Line2D([], [], ls="", marker="^", color=VERMILION, label="eigenvalue, |λ| > 1"),
        Line2D([], [], color=BLACK, lw=0.8, label="unit circle"),
    ]
    _legend_below(figure, handles)
    return figure


def _one_row(network: NetworkAnalysis, height: float = 1.0) -> tuple[Figure, NDArray[np.object_]]:
    """Return a figure with one panel a layer, side by side."""
    columns = len(network.layers)
    width = PANEL * columns if columns > 1 else PANEL * 1.75
    figure = Figure(figsize=(width, 0.4 + PANEL * height), layout="constrained")
    return figure, figure.subplots(1, columns, squeeze=False)[0]


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


def _draw_spectrum(axes: Axes, spectrum: Spectrum) -> None:
    values = spectrum.eigenvalues
    unstable = spectrum.unstable
    axes.add_patch(Circle((0, 0), 1, fill=False, ec=BLACK, lw=0.8))
    axes.scatter(values[~unstable].real, values[~unstable].imag, s=9, color=BLUE, alpha=0.7)
    axes.scatter(values[unstable].real, values[unstable].imag, s=26, color=VERMILION, marker="^")
    reach = 1.1 * max(1.0, float(np.abs(values).max(initial=0)))
    axes.set_xlim(-reach, reach)
    axes.set_ylim(-reach, reach)
    axes.set_aspect("equal")
    axes.set_xlabel("real part of λ")
    axes.set_ylabel("imaginary part of λ")


def _label_components(axes: Axes, layer: LayerAnalysis) -> None:
    first, second = 100 * layer.explained_variance_ratio[[0, min(1, layer.mean.size - 1)]]
    axes.set_xlabel(f"component 1 ({first:.0f}% of variance)")
    axes.set_ylabel(f"component 2 ({second:.0f}%)")


def _title(network: NetworkAnalysis, layer: LayerAnalysis) -> str:
    depth = f"{network.n_layers}-layer network" if network.n_layers == 1 else ""
    return depth or f"layer {layer.layer} of {network.n_layers}"


def _kinds(layer: LayerAnalysis) -> str:
    counts = [(kind, layer.distinct_of_kind(kind)) for kind in KINDS]
    return ", ".join(f"{count} {kind}" for kind, count in counts if count) or "no point"


def _walk_name(network: NetworkAnalysis, walk: Walk) -> str:
    name, last = network.classes[walk.label], network.classes[-1]
    return f"{name} example, P({last}) = {walk.probability:.2f}"


def _dark(label: int) -> str:
    return "#00406b" if label else "#8a2f00"


def _legend_below(figure: Figure, handles: list[Line2D]) -> None:
    columns = max(1, int(figure.get_figwidth() / LEGEND_ENTRY))
    figure.legend(handles=handles, loc="outside lower center", ncols=min(columns, len(handles)))


def _save(figure: Figure, path: Path) -> Path:
    metadata = {"Date": None} if path.suffix == ".svg" else {}
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=DPI, metadata=metadata)
    return path
