"""The figure of modifiers in one network: four panels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from nullcline.plotting.theme import BLACK, BLUE, GREY, ORANGE, PANEL, SKY, VERMILION
from nullcline.study.figure_plan import FigurePlan

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nullcline.study.context_results import ContextAnalysis
    from nullcline.study.results import NetworkAnalysis

LOOKS: dict[str, tuple[str, str, str]] = {
    "negator": (VERMILION, "v", "-"),
    "intensifier": (BLUE, "^", "--"),
}
"""Colour, mark and line of each kind."""

CAPTION = (
    "Top left: what words of valence do to the readout after a modifier, against what they do "
    "without it; on the dotted line nothing is changed, and a fit that falls says that meanings "
    "are flipped. Top right: what a modifier changes while the network goes on reading zero, as a "
    "part of that at once; each line is a modifier. Bottom left: the shares of the modifiers' "
    "displacements along the directions of their subspace, the line that integrates left out. "
    "Bottom right: accuracy of the whole network, without the modifiers' subspace, and without as "
    "many directions of other words, or random ones, on reviews with modifiers and without; bars "
    "reach over the 95% interval of the loss, or from the least to the most of those drawn."
)

_PREFERRED = ("not", "very", "never", "extremely")


def context_plans(network: NetworkAnalysis) -> tuple[FigurePlan, ...]:
    """Return the figure of a network's modifiers; none where they were not analysed."""
    context = network.context
    if context is None:
        return ()
    return (
        FigurePlan(
            f"{network.n_layers}-layer-context",
            lambda _: draw_context(context),
            "What modifiers do to the words after them",
            CAPTION,
        ),
    )


def draw_context(context: ContextAnalysis) -> Figure:
    """Draw what modifiers do, for how long, in which directions, and what that is worth."""
    figure = Figure(figsize=(2.5 * PANEL, 2 * PANEL), layout="constrained")
    (effects, decay), (subspace, ablation) = figure.subplots(2, 2)
    _draw_effects(context, effects)
    _draw_decay(context, decay)
    _draw_subspace(context, subspace)
    _draw_ablation(context, ablation)
    return figure


def _shown(context: ContextAnalysis) -> list[int]:
    """Return a modifier or two to draw words for: those of the paper, as far as there are."""
    places = [context.modifiers.index(word) for word in _PREFERRED if word in context.modifiers]
    first_of = [context.kinds.index(kind) for kind in LOOKS if kind in context.kinds]
    return [
        next((i for i in places if context.kinds[i] == context.kinds[first]), first)
        for first in first_of
    ]


def _draw_effects(context: ContextAnalysis, ax: Axes) -> None:
    reach = 1.05 * np.abs(context.plain).max()
    ends = np.array([-reach, reach])
    ax.plot(ends, ends, color=GREY, ls=":", lw=1)
    ax.axhline(0, color=GREY, lw=0.8)
    ax.axvline(0, color=GREY, lw=0.8)
    for i in _shown(context):
        colour, marker, line = LOOKS[context.kinds[i]]
        slope = context.slopes[i]
        ax.scatter(
            context.plain, context.modified[i], s=14, color=colour, marker=marker, alpha=0.5, lw=0
        )
        ax.plot(
            ends, slope * ends, color=colour, ls=line, lw=1.4,
            label=f"“{context.modifiers[i]}”, slope {slope:.2f}".replace("-", "−"),
        )  # fmt: skip
    ax.set(
        xlabel="effect of a word on the logit", ylabel="effect after the modifier",
        title="Words of valence",
    )  # fmt: skip
    ax.legend(fontsize=7.5)


def _draw_decay(context: ContextAnalysis, ax: Axes) -> None:
    steps = np.arange(context.decay.shape[1])
    for kind, (colour, _, line) in LOOKS.items():
        rows = context.decay[context.of_kind(kind)]
        for number, row in enumerate(rows):
            ax.plot(steps, row, color=colour, ls=line, lw=0.9, label=f"{kind}s" * (number == 0))
    ax.axhline(0.5, color=GREY, ls=":", lw=1)
    half_life = float(np.median(context.half_lives))
    said = f"{half_life:.1f} steps" if np.isfinite(half_life) else "longer than this"
    ax.set(
        xlabel="steps after the modifier", ylabel="change of words' effects", ylim=(0, 1.5),
        title=f"Median half-life {said}",
    )  # fmt: skip
    ax.legend(fontsize=7.5)


def _draw_subspace(context: ContextAnalysis, ax: Axes) -> None:
    shown = context.explained[:10]
    places = np.arange(1, len(shown) + 1)
    ax.bar(places, shown, color=SKY, width=0.7)
    ax.plot(places, np.cumsum(shown), color=BLACK, marker="o", ms=3.5, lw=1, label="together")
    ax.axhline(0.9, color=GREY, ls=":", lw=1)
    ax.set(
        xlabel="direction", ylabel="share of displacements", ylim=(0, 1.05), xticks=places,
        title=f"{context.dimension} for 90% of {len(context.modifiers)} modifiers",
    )  # fmt: skip
    ax.legend(fontsize=7.5, loc="center right")


def _draw_ablation(context: ContextAnalysis, ax: Axes) -> None:
    bars: tuple[tuple[str, str, Any], ...] = (
        ("whole", GREY, lambda a: (a.modifiers.first, None)),
        (
            "no modifier subspace",
            VERMILION,
            lambda a: (
                a.modifiers.second,
                (a.modifiers.first + a.modifiers.low, a.modifiers.first + a.modifiers.high),
            ),
        ),
        ("no directions of other words", ORANGE, lambda a: _drawn(a.other_words)),
        ("no random directions", SKY, lambda a: _drawn(a.random)),
    )
    accuracies = [of(each)[0] for _, _, of in bars for each in context.ablations]
    floor = 0.4 if min(accuracies, default=1.0) > 0.4 else 0.0
    width = 0.8 / len(bars)
    for place, (label, colour, of) in enumerate(bars):
        for group, each in enumerate(context.ablations):
            height, ends = of(each)
            x = group + (place - (len(bars) - 1) / 2) * width
            ax.bar(x, height, width * 0.9, color=colour, label=label if group == 0 else None)
            if ends is not None:
                ax.plot([x, x], ends, color=BLACK, lw=1.2)
    names = [f"{each.reviews}\n({each.modifiers.n})" for each in context.ablations]
    ax.set(
        xticks=range(len(names)), xticklabels=names, ylabel="accuracy",
        ylim=(floor, 1 + 0.47 * (1 - floor)), yticks=np.arange(floor, 1.01, 0.2), title="Reviews",
    )  # fmt: skip
    ax.grid(visible=False, axis="x")
    ax.legend(fontsize=7, loc="upper center", ncols=2)


def _drawn(values: tuple[float, ...]) -> tuple[float, tuple[float, float]]:
    return float(np.mean(values)), (min(values), max(values))
