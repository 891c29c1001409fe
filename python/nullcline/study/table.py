"""The study's table: one row for every layer of every network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from nullcline.study.layer_results import LayerAnalysis
    from nullcline.study.results import NetworkAnalysis

HEADINGS = {
    "participation_ratio": "participation ratio",
    "components_for_90": "components for 90%",
    "components_for_90_untrained": "… untrained",
    "fixed": "fixed points",
    "slow": "slow points",
    "time_constants": "slowest time constants (steps)",
    "line_length": "line: length",
    "line_width": "width",
    "line_variance": "share of variance",
    "line_to_mode": "angle to mode",
    "line_to_readout": "angle to readout",
    "next_state_r2": "R²: next state",
    "next_change_r2": "its change",
    "review_readout_r2": "readout of a review",
    "words_rho": "words' ρ",
}
"""The measured columns, after those that say which network it is and how well it classifies."""


def table_rows(network: NetworkAnalysis) -> list[dict[str, Any]]:
    """Return the network's rows, as JSON can hold them: None for what was not or cannot be found.

    Angles are medians along the line, in degrees; a time constant that is infinite is None.
    """
    return [
        {
            "corpus": network.corpus,
            "cell": network.cell,
            "n_layers": network.n_layers,
            "layer": layer.layer,
            "n_train": network.n_train,
            "split": network.split,
            "classes": len(network.classes),
            "test_accuracy": network.test_accuracy,
            "train_accuracy": network.train_accuracy,
            "bag_of_words": network.baseline.test_accuracy,
            "chance": network.chance,
            "participation_ratio": layer.participation_ratio,
            "components_for_90": layer.components_for(0.9),
            "components_for_90_untrained": layer.components_for(0.9, trained=False),
            "fixed": layer.distinct_of_kind("fixed"),
            "slow": layer.distinct_of_kind("slow"),
            **_dynamics(layer),
        }
        for layer in network.layers
    ]


def _dynamics(layer: LayerAnalysis) -> dict[str, Any]:
    dynamics = layer.dynamics
    if dynamics is None:
        names = list(HEADINGS)
        return dict.fromkeys(names[names.index("time_constants") :])
    line, words = dynamics.line, dynamics.words
    return {
        "time_constants": [_finite(tau) for tau in dynamics.time_constants[:3]],
        "line_length": line and line.length,
        "line_width": line and line.width,
        "line_variance": line and line.explained_variance,
        "line_to_mode": line and _median(line.tangent_to_mode),
        "line_to_readout": line and _median(line.tangent_to_readout),
        "next_state_r2": _finite(dynamics.next_state_r2),
        "next_change_r2": _finite(dynamics.next_change_r2),
        "review_readout_r2": _finite(dynamics.review_readout_r2),
        "words_rho": words and _finite(words.correlations["mode 1"].rho),
    }


def _median(angles: np.ndarray[Any, np.dtype[np.float64]] | None) -> float | None:
    return None if angles is None else float(np.median(angles))


def _finite(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)
