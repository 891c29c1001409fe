"""How well a linear map predicts, against the distance from the point linearized around."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.transforms import offset_copy

from nullcline.plotting.panels import add_legend, panels_or_new
from nullcline.plotting.theme import BLACK, BLUE, ORANGE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from nullcline.linearization.prediction import DistanceBins, LinearPrediction
    from nullcline.plotting.panels import Panels

LOWEST_R2 = -0.5
"""An R² below is marked here, with its number: that the prediction is worse than none is plain."""


def prediction(
    next_states: LinearPrediction,
    sequences: LinearPrediction | None = None,
    n_bins: int = 10,
    *,
    ax: Sequence[Axes] | Panels | None = None,
) -> Panels:
    """Draw R² against distance from the point, of next states and of whole sequences.

    What is below the axis is marked by an arrow, with its number.

    Parameters
    ----------
    next_states
        From `predict_next_states`.
    sequences
        From `predict_sequences`, for a second panel.
    n_bins
        Bins of distance.
    ax
        Where to draw, one for each panel; a new figure by default.

    Returns
    -------
    numpy.ndarray of matplotlib.axes.Axes
        One for each panel.
    """
    shown = [("next state", next_states), ("whole sequence", sequences)]
    given = [(title, found) for title, found in shown if found is not None]
    axes_of = panels_or_new(ax, len(given), width=1.25)
    for axes, (title, found) in zip(axes_of, given, strict=True):
        bins = found.by_distance(min(n_bins, len(found)))
        origin = "state before" if title == "next state" else "first state"
        draw_r2(axes, bins, ("state", f"change from the {origin}"))
        axes.set_xlabel("distance from the point linearized around")
        said = f"R² = {found.r2:.3f}\n(of the change {found.r2_of_change:.3f})"
        axes.set_title(f"{title}: {said.replace('-', '−')}")
        add_legend(axes, axes.get_legend_handles_labels()[0])
    axes_of[0].set_ylabel("R² of the linear prediction")
    return axes_of


def draw_r2(ax: Axes, bins: DistanceBins, names: tuple[str, str]) -> None:
    """Draw R² of states and of their change by distance; `names` are what these are called."""
    both = (bins.r2 < LOWEST_R2) & (bins.r2_of_change < LOWEST_R2)
    for values, name, colour, shape, side in (
        (bins.r2, names[0], BLUE, "o", -1),
        (bins.r2_of_change, names[1], ORANGE, "s", 1),
    ):
        ax.plot(bins.distance, values, marker=shape, ms=4, color=colour, label=name)
        for place, value, crowded in zip(bins.distance, values, both, strict=True):
            if value < LOWEST_R2:
                _mark_below(ax, place, value, colour, 5.0 * side * crowded)
    ax.axhline(0, color=BLACK, lw=0.8)
    ax.set_ylim(LOWEST_R2 - 0.1, 1.05)


def _mark_below(ax: Axes, place: float, value: float, colour: str, shift: float) -> None:
    """Mark what is below the axis with an arrow at its end, and write the number there."""
    aside = offset_copy(ax.transData, ax.figure.figure, shift, 0, units="points")
    ax.plot([place], [LOWEST_R2], "v", ms=7, color=colour, mec=BLACK, transform=aside)
    ax.annotate(
        f"{value:.3g}".replace("-", "−"), (place, LOWEST_R2), (shift, 7),
        textcoords="offset points", rotation=90, ha="center", va="bottom", fontsize=7,
    )  # fmt: skip
