"""The study's table: one row for every layer of every network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline.linearization.resolution import DECAY, GROWTH, write_time_constant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nullcline.study.dynamics_results import DynamicsAnalysis
    from nullcline.study.results import NetworkAnalysis

HEADINGS = {
    "participation_ratio": "participation ratio",
    "components_for_90": "components for 90%",
    "components_for_90_untrained": "… untrained",
    "fixed": "fixed points",
    "degree": "their degree",
    "slow": "slow points",
    "time_constants": "longest time constants (steps)",
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

SHOWN = 3
"""Time constants in a row."""


def table_rows(network: NetworkAnalysis) -> list[dict[str, Any]]:
    """Return the network's rows, as JSON can hold them: None for what was not or cannot be found.

    "beyond_search" says how many of the fixed points no start ended in, and how they were found.
    Angles are medians along the line, in degrees; a time constant that is infinite is None, and
    "growing" says which belong to modes that grow.
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
            "beyond_search": layer.beyond_search,
            "degree": layer.degree,
            "slow": layer.distinct_of_kind("slow"),
            **dynamics_row(layer.dynamics),
        }
        for layer in network.layers
    ]


def say_time_constants(row: Mapping[str, Any]) -> list[str]:
    """Return a row's time constants in words, which say what grows; rows of early files do not."""
    taus = row["time_constants"] or []
    growing = row.get("growing") or [False] * len(taus)
    return [
        write_time_constant(np.inf if tau is None else tau, GROWTH if grows else DECAY)
        for tau, grows in zip(taus, growing, strict=True)
    ]


def dynamics_row(dynamics: DynamicsAnalysis | None) -> dict[str, Any]:
    """Return what a row holds of what the linearization explains."""
    if dynamics is None:
        names = list(HEADINGS)
        return {**dict.fromkeys(names[names.index("time_constants") :]), "growing": None}
    line, words = dynamics.line, dynamics.words
    return {
        "time_constants": [_finite(tau) for tau in dynamics.time_constants[:SHOWN]],
        "growing": dynamics.grows[:SHOWN].tolist(),
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
