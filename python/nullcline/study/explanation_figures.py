"""Figures of what the linearization of a network explains; they follow the paper's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nullcline.plotting.line import line_attractor
from nullcline.plotting.panels import legend_below, panels
from nullcline.plotting.predictions import draw_r2
from nullcline.plotting.words import instantaneous_and_steady, word_projections
from nullcline.study.class_order import is_ordered
from nullcline.study.figure_plan import FigurePlan
from nullcline.study.layer_panels import layer_projection, named_lines, panel_per_layer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    from matplotlib.figure import Figure

    from nullcline.continuation.line_attractor import LineAttractor
    from nullcline.study.dynamics_results import DynamicsAnalysis, WordAnalysis
    from nullcline.study.layer_results import LayerAnalysis
    from nullcline.study.results import NetworkAnalysis

    Drawing: TypeAlias = Callable[[NetworkAnalysis], Figure]


PREDICTION = (
    "How well the linear map around the nearest point predicts the next state of sampled visited "
    "states (blue circles), and how far that goes (orange squares), against the distance to the "
    "point. R² is 1 where the prediction is exact and 0 where it is no better than the mean; what "
    "is below the axis is marked by an arrow, with its number."
)
LINE = (
    "Left: the slow manifold through a point (black), over the visited states, which are coloured "
    "by the nearest place along it. Middle: the states' distance to it, in the part that states "
    "are nearest to. Right: the angles between its tangent, the mode of the longest time constant "
    "and, in the last layer, the readout; 90° is what random directions have."
)
WORDS = (
    "What each of the {count} most common words does to {mode} of the first layer, against its "
    "weight in a bag-of-words regression{contrast}: a dot is a word, and Spearman's ρ says how "
    "well the two agree in order."
)
EFFECTS = (
    "What each word does to the readout{contrast} at once (across), and what of it lasts in {mode} "
    "(up). On the dotted line all of it lasts; words beside it do something at once that is gone "
    "soon after."
)
"""The captions."""


def explanations(network: NetworkAnalysis) -> tuple[FigurePlan, ...]:
    """Return the figures that the network's analyses allow: none, if no point was found."""
    found = [(layer, layer.dynamics) for layer in network.layers if layer.dynamics is not None]
    if not found:
        return ()
    depth = f"{network.n_layers}-layer"
    return (
        FigurePlan(f"{depth}-prediction", prediction, "What the linear map predicts", PREDICTION),
        *(
            FigurePlan(
                f"{depth}-line-{layer.layer}",
                _line(layer, dynamics.line),
                f"{_name_of_line(network)} of layer {layer.layer}",
                LINE,
            )
            for layer, dynamics in found
            if dynamics.line is not None
        ),
        *_word_figures(network, depth, found[0][1]),
    )


def _word_figures(
    network: NetworkAnalysis, depth: str, dynamics: DynamicsAnalysis
) -> Iterator[FigurePlan]:
    words = dynamics.words
    if words is None:
        return
    mode = "the mode that grows" if dynamics.grows[:1].any() else "the slowest mode"
    yield FigurePlan(
        f"{depth}-words",
        _words(words),
        f"What words do to {mode}",
        WORDS.format(count=len(words.words), mode=mode, contrast=_contrast(network)),
    )
    if words.effects.steady is not None:
        yield FigurePlan(
            f"{depth}-effects",
            _effects(words),
            "What words do at once, and what of it lasts",
            EFFECTS.format(mode=mode, contrast=_contrast(network)),
        )


def _name_of_line(network: NetworkAnalysis) -> str:
    """Return what the traced curve is called: of topics it is one of many on their manifold."""
    if len(network.classes) > 2 and is_ordered(network.corpus, network.classes) is False:
        return "A curve along the slow manifold"
    return "The line attractor"


def _contrast(network: NetworkAnalysis) -> str:
    """Return which of more than two classes are told apart by weights, in words."""
    if len(network.classes) == 2:
        return ""
    return f" (for “{network.classes[-1]}” against “{network.classes[0]}”)"


def prediction(network: NetworkAnalysis) -> Figure:
    """Draw R² of the next state against distance from the point, one panel per layer."""
    figure, axes_of = panel_per_layer(network)
    for layer, axes in zip(network.layers, axes_of, strict=True):
        dynamics = layer.dynamics
        axes.set_xlabel("distance from the nearest point")
        if dynamics is None:
            axes.set_title(f"layer {layer.layer}: no point")
            continue
        draw_r2(axes, dynamics.next_by_distance, ("next state", "its change"))
        axes.set_title(
            f"layer {layer.layer}: R² = {dynamics.next_state_r2:.3f},\n"
            f"of the change {dynamics.next_change_r2:.3f}".replace("-", "−")
        )
    axes_of[0].set_ylabel("R² of the linear prediction")
    legend_below(figure, next(filter(None, map(named_lines, axes_of))))
    return figure


def _line(layer: LayerAnalysis, line: LineAttractor) -> Drawing:
    def draw(_: NetworkAnalysis) -> Figure:
        figure, axes_of = panels(3, width=1.25, height=1.2)
        line_attractor(
            line,
            layer.sample,
            layer.unique,
            stability=layer.stability,
            projection=layer_projection(layer),
            ax=axes_of,
        )
        return figure

    return draw


def _words(words: WordAnalysis) -> Drawing:
    def draw(_: NetworkAnalysis) -> Figure:
        figure, (axes,) = panels(1, width=1.6, height=1.3)
        word_projections(words.effects, words.weights, words.words, ax=axes)
        return figure

    return draw


def _effects(words: WordAnalysis) -> Drawing:
    def draw(_: NetworkAnalysis) -> Figure:
        figure, (axes,) = panels(1, width=1.6, height=1.3)
        instantaneous_and_steady(words.effects, words.words, ax=axes)
        return figure

    return draw
