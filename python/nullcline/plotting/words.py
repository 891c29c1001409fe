"""Figures of what words do: to the slow modes, and to the readout, now and later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from nullcline.plotting.panels import COLOURS, panels, write_words
from nullcline.plotting.theme import BLACK, BLUE, GREY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from nullcline.linearization.input_effects import WordEffects

    Vector = NDArray[np.float64]


def word_projections(
    effects: WordEffects, weights: NDArray[np.floating[Any]], words: Sequence[str] | None = None
) -> Figure:
    """Draw the words' projections on the slowest mode against their bag-of-words weights.

    Parameters
    ----------
    effects
        From `word_effects`.
    weights
        The words' weights in the other model, shape (W,).
    words
        The words, to write those that stand out.
    """
    figure, (axes,) = panels(1, width=1.6, height=1.3)
    projection = effects.projections[:, 0].real
    correlation = effects.rank_correlations(weights)["mode 1"]
    axes.axhline(0, color=GREY, lw=0.8)
    axes.axvline(0, color=GREY, lw=0.8)
    axes.scatter(weights, projection, s=8, color=BLUE, alpha=0.4, lw=0, rasterized=True)
    axes.set_xlabel("weight in the bag-of-words regression")
    axes.set_ylabel(r"projection $\ell_1 \cdot J_{inp}\,(x - x^*)$")
    axes.set_title(
        f"Words on the slowest mode (τ = {effects.time_constants[0]:.3g} steps): "
        f"Spearman's ρ = {correlation.rho:.2f}"
    )
    write_words(axes, np.asarray(weights, np.float64), projection, words)
    return figure


def instantaneous_and_steady(effects: WordEffects, words: Sequence[str] | None = None) -> Figure:
    """Draw what each word does to the readout at once against what lasts of it.

    Parameters
    ----------
    effects
        From `word_effects` with a readout.
    words
        The words, to write those that stand out.

    Raises
    ------
    ValueError
        If the effects were computed without a readout.
    """
    if effects.instantaneous is None or effects.steady is None:
        raise ValueError("effects must be computed with a readout: pass it to word_effects")
    figure, (axes,) = panels(1, width=1.6, height=1.3)
    axes.axline((0, 0), slope=1, color=GREY, lw=0.8, ls=":", label="all of it lasts")
    axes.axhline(0, color=GREY, lw=0.8)
    axes.axvline(0, color=GREY, lw=0.8)
    axes.scatter(
        effects.instantaneous, effects.steady, s=8, color=BLUE, alpha=0.4, lw=0, rasterized=True
    )
    axes.set_xlabel("instantaneous effect on the readout")
    slow = len(effects.eigenvalues)
    axes.set_ylabel("steady effect, on " + (f"{slow} slow modes" if slow > 1 else "the slow mode"))
    axes.set_title("What a word does at once, and what of it lasts")
    axes.legend()
    write_words(axes, effects.instantaneous, effects.steady, words)
    return figure


def word_responses(response: Vector, words: Sequence[str], steady: Vector | None = None) -> Figure:
    """Draw what some words do to the readout, step after step.

    Parameters
    ----------
    response
        From `impulse_response`, shape (n_steps + 1, W), of six words at most.
    words
        The words.
    steady
        Their steady effects, shape (W,), for a dotted line each.

    Raises
    ------
    ValueError
        If there are more than six words.
    """
    if len(words) > len(COLOURS):
        raise ValueError(f"words must be {len(COLOURS)} at most, not {len(words)}")
    figure, (axes,) = panels(1, width=1.6)
    for i, word in enumerate(words):
        axes.plot(response[:, i], color=COLOURS[i], label=word)
        if steady is not None:
            axes.axhline(steady[i], color=COLOURS[i], lw=0.8, ls=":")
    axes.axhline(0, color=BLACK, lw=0.8)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("steps after the word")
    axes.set_ylabel("effect on the readout")
    axes.set_title("The linear response" + (" (dotted: steady)" if steady is not None else ""))
    axes.legend(loc="upper right")
    return figure
