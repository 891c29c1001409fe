"""Figures of what words do: to the slow modes, and to the readout, now and later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from nullcline.linearization.resolution import (
    GROWTH,
    known_time_constants,
    side_of_circle,
    write_time_constant,
)
from nullcline.plotting.panels import COLOURS, add_legend, axes_or_new, write_words
from nullcline.plotting.theme import BLACK, BLUE, GREY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from nullcline.linearization.input_effects import WordEffects

    Vector = NDArray[np.float64]


def word_projections(
    effects: WordEffects,
    weights: NDArray[np.floating[Any]],
    words: Sequence[str] | None = None,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw the words' projections on the mode of longest τ against their bag-of-words weights.

    Parameters
    ----------
    effects
        From `word_effects`.
    weights
        The words' weights in the other model, shape (W,).
    words
        The words, to write those that stand out.
    ax
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = axes_or_new(ax, height=1.3)
    projection = effects.projections[:, 0].real
    correlation = effects.rank_correlations(weights)["mode 1"]
    ax.axhline(0, color=GREY, lw=0.8)
    ax.axvline(0, color=GREY, lw=0.8)
    ax.scatter(weights, projection, s=8, color=BLUE, alpha=0.4, lw=0, rasterized=True)
    ax.set_xlabel("weight in the bag-of-words regression")
    ax.set_ylabel(r"projection $\ell_1 \cdot J_{inp}\,(x - x^*)$")
    side, tau = _mode(effects)
    name = "the mode that grows" if side == GROWTH else "the slowest mode"
    ax.set_title(
        f"Words on {name} (τ = {write_time_constant(tau)} steps): "
        f"Spearman's ρ = {correlation.rho:.2f}"
    )
    write_words(ax, np.asarray(weights, np.float64), projection, words)
    return ax


def instantaneous_and_steady(
    effects: WordEffects, words: Sequence[str] | None = None, *, ax: Axes | None = None
) -> Axes:
    """Draw what each word does to the readout at once against what lasts of it.

    Parameters
    ----------
    effects
        From `word_effects` with a readout.
    words
        The words, to write those that stand out.
    ax
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If the effects were computed without a readout.
    """
    if effects.instantaneous is None or effects.steady is None:
        raise ValueError("effects must be computed with a readout: pass it to word_effects")
    ax = axes_or_new(ax, height=1.3)
    ax.axline((0, 0), slope=1, color=GREY, lw=0.8, ls=":", label="all of it lasts")
    ax.axhline(0, color=GREY, lw=0.8)
    ax.axvline(0, color=GREY, lw=0.8)
    ax.scatter(
        effects.instantaneous, effects.steady, s=8, color=BLUE, alpha=0.4, lw=0, rasterized=True
    )
    ax.set_xlabel("instantaneous effect on the readout")
    count = len(effects.eigenvalues)
    one = "the mode that grows" if _mode(effects)[0] == GROWTH else "the slow mode"
    ax.set_ylabel("steady effect, on " + (f"{count} long modes" if count > 1 else one))
    ax.set_title("What a word does at once, and what of it lasts")
    ax.legend(loc="upper left")
    write_words(ax, effects.instantaneous, effects.steady, words)
    return ax


def word_responses(
    response: Vector,
    words: Sequence[str],
    steady: Vector | None = None,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw what some words do to the readout, step after step.

    Parameters
    ----------
    response
        From `impulse_response`, shape (n_steps + 1, W), of six words at most.
    words
        The words.
    steady
        Their steady effects, shape (W,), for a dotted line each.
    ax
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If there are more than six words.
    """
    if len(words) > len(COLOURS):
        raise ValueError(f"words must be {len(COLOURS)} at most, not {len(words)}")
    ax = axes_or_new(ax)
    for i, word in enumerate(words):
        ax.plot(response[:, i], color=COLOURS[i], label=word)
        if steady is not None:
            ax.axhline(steady[i], color=COLOURS[i], lw=0.8, ls=":")
    ax.axhline(0, color=BLACK, lw=0.8)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("steps after the word")
    ax.set_ylabel("effect on the readout")
    ax.set_title("The linear response" + (" (dotted: steady)" if steady is not None else ""))
    add_legend(ax, [line for line in ax.lines if line.get_label() in words])
    return ax


def _mode(effects: WordEffects) -> tuple[int, float]:
    """Return the side of the unit circle, and the time constant, of the mode that is drawn."""
    errors = None if effects.eigenvalue_errors is None else effects.eigenvalue_errors[:1]
    first = effects.eigenvalues[:1]
    return int(side_of_circle(first, errors)[0]), float(known_time_constants(first, errors)[0])
