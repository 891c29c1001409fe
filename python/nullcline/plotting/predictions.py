"""How well a linear map predicts, against the distance from the point linearized around."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline.plotting.panels import panels
from nullcline.plotting.theme import BLACK, BLUE, ORANGE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from nullcline.linearization.prediction import LinearPrediction

    Vector = NDArray[np.float64]

LOWEST_R2 = -1.0
"""An R² below says no more than that the prediction is worse than none."""


def prediction(
    next_states: LinearPrediction, sequences: LinearPrediction | None = None, n_bins: int = 10
) -> Figure:
    """Draw R² against distance from the point, of next states and of whole sequences.

    Parameters
    ----------
    next_states
        From `predict_next_states`.
    sequences
        From `predict_sequences`, for a second panel.
    n_bins
        Bins of distance.
    """
    shown = [("next state", next_states), ("whole sequence", sequences)]
    given = [(title, found) for title, found in shown if found is not None]
    figure, axes_of = panels(len(given), width=1.25)
    for axes, (title, found) in zip(axes_of, given, strict=True):
        bins = found.by_distance(min(n_bins, len(found)))
        origin = "state before" if title == "next state" else "first state"
        for values, colour, shape, name in (
            (bins.r2, BLUE, "o", "state"),
            (bins.r2_of_change, ORANGE, "s", f"change from the {origin}"),
        ):
            _draw_r2(axes, bins.distance, values, colour, shape, name)
        axes.axhline(0, color=BLACK, lw=0.8)
        axes.set_ylim(LOWEST_R2 - 0.1, 1.05)
        axes.set_xlabel("distance from the point linearized around")
        axes.set_title(f"{title}: R² = {found.r2:.3f}\n(of the change {found.r2_of_change:.3f})")
        axes.legend(loc="lower left")
    axes_of[0].set_ylabel("R² of the linear prediction")
    return figure


def _draw_r2(
    axes: Axes, distance: Vector, values: Vector, colour: str, shape: str, name: str
) -> None:
    axes.plot(distance, values.clip(min=LOWEST_R2), marker=shape, ms=4, color=colour, label=name)
    below = values < LOWEST_R2
    axes.plot(distance[below], np.full(below.sum(), LOWEST_R2), "v", ms=8, color=colour, mec=BLACK)
