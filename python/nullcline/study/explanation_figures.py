"""Figures of what the linearization of a network explains; they follow the paper's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nullcline.plotting.line import line_attractor
from nullcline.plotting.theme import BLACK, BLUE, ORANGE
from nullcline.plotting.words import instantaneous_and_steady, word_projections
from nullcline.study.figure_plan import FigurePlan
from nullcline.study.layer_panels import panel_per_layer

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

    from nullcline.study.results import NetworkAnalysis

LOWEST_R2 = -0.5
"""An R² below this is drawn here."""


def explanations(network: NetworkAnalysis) -> tuple[FigurePlan, ...]:
    """Return the figures that the network's analyses allow: none, if no point was found."""
    found = [(layer, layer.dynamics) for layer in network.layers if layer.dynamics is not None]
    if not found:
        return ()
    depth = f"{network.n_layers}-layer"
    figures = [
        FigurePlan(
            f"{depth}-prediction",
            prediction,
            "How well the linear map around the nearest point predicts the next state of sampled "
            "visited states, and how far that goes, against the distance to the point.",
        )
    ]
    figures += [
        FigurePlan(
            f"{depth}-line-{layer.layer}",
            _of(line_attractor, dynamics.line, layer.sample, layer.unique),
            f"The line attractor of layer {layer.layer}: the slow manifold through a point over "
            "the visited states, the states' distance to it, and the angles between its "
            "tangent, the slowest mode and the readout.",
        )
        for layer, dynamics in found
        if dynamics.line is not None
    ]
    words = found[0][1].words
    if words is not None:
        figures.append(
            FigurePlan(
                f"{depth}-words",
                _of(word_projections, words.effects, words.weights, words.words),
                "What each of the most common words does to the slowest mode of the first layer, "
                "against its weight in a bag-of-words regression.",
            )
        )
    if words is not None and words.effects.steady is not None:
        figures.append(
            FigurePlan(
                f"{depth}-effects",
                _of(instantaneous_and_steady, words.effects, words.words),
                "What each word does to the readout at once, and what of it lasts in the slow "
                "mode.",
            )
        )
    return tuple(figures)


def _of(draw: Callable[..., Figure], *arguments: object) -> Callable[[NetworkAnalysis], Figure]:
    """Return what draws these, whichever network is given."""
    return lambda _: draw(*arguments)


def prediction(network: NetworkAnalysis) -> Figure:
    """Draw R² of the next state against distance from the point, one panel per layer."""
    figure, axes_of = panel_per_layer(network)
    for layer, axes in zip(network.layers, axes_of, strict=True):
        dynamics = layer.dynamics
        axes.set_xlabel("distance from the nearest point")
        if dynamics is None:
            axes.set_title(f"layer {layer.layer}: no point")
            continue
        bins = dynamics.next_by_distance
        for values, name, colour, marker in (
            (bins.r2, "next state", BLUE, "o"),
            (bins.r2_of_change, "change", ORANGE, "s"),
        ):
            axes.plot(bins.distance, values.clip(min=LOWEST_R2), marker=marker, ms=4,
                      color=colour, label=name)  # fmt: skip
        axes.axhline(0, color=BLACK, lw=0.8)
        axes.set_ylim(LOWEST_R2 - 0.05, 1.05)
        axes.set_title(
            f"layer {layer.layer}: R² = {dynamics.next_state_r2:.3f}, "
            f"of the change {dynamics.next_change_r2:.3f}"
        )
        axes.legend(loc="lower left")
    axes_of[0].set_ylabel("R² of the linear prediction")
    return figure
