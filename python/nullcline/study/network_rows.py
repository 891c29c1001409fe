"""A network's rows of the table of a sweep: its settings, every number, every verdict."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline.study.claims import evaluate as evaluate_papers
from nullcline.study.class_claims import CLASS_CLAIMS
from nullcline.study.class_rows import geometry_of
from nullcline.study.context_claims import CONTEXT_CLAIMS
from nullcline.study.context_rows import context_columns
from nullcline.study.line_attractor_claims import DRIVEN_LINE_CLAIMS, LINE_ATTRACTOR_CLAIMS
from nullcline.study.point_claims import POINT_CLAIMS
from nullcline.study.point_results import INPUTS
from nullcline.study.table import table_rows

if TYPE_CHECKING:
    from nullcline.study.layer_results import LayerAnalysis
    from nullcline.study.point_results import PointsAtInput
    from nullcline.study.results import NetworkAnalysis
    from nullcline.training import TrainingSettings

SETTINGS = (
    "seed", "hidden_size", "embedding_size", "vectors", "frozen_vectors", "epochs", "batch_size",
    "dropout", "learning_rate", "max_gradient_norm", "validation_fraction", "vocabulary_size",
    "max_tokens", "patience", "alpha",
)  # fmt: skip
"""Settings of the training in each row, beside those that the study's table has."""

CLAIM, MEASURED = "claim: ", "measured: "
"""What the columns begin with that hold whether a claim holds, and what was measured for it."""

NETWORK_CLAIMS = (
    *LINE_ATTRACTOR_CLAIMS,
    *DRIVEN_LINE_CLAIMS,
    *POINT_CLAIMS,
    *CLASS_CLAIMS,
    *CONTEXT_CLAIMS,
)
"""Claims that are evaluated on every network, of any cell and depth, beside the paper's."""


def network_rows(network: NetworkAnalysis, training: TrainingSettings) -> list[dict[str, Any]]:
    """Return a row for every layer of a network.

    Those of the study's table (`nullcline.study.table.table_rows`) come first, then the settings of
    the training, all other numbers, and for every claim whether it holds in this network (None
    where it says nothing of it, as one about another depth) and what was measured. Claims and what
    else is of the whole network is the same in the rows of all its layers.
    """
    settings = asdict(training)
    of_network = {
        **{name: settings[name] for name in SETTINGS},
        "validation_loss": network.validation_loss,
        "best_epoch": network.best_epoch,
        "snapshot": network.snapshot,
        "bag_of_words_penalty": network.baseline.penalty,
        "checkpoint_sha256": network.checkpoint_sha256,
        **{name: plain(value) for name, value in context_columns(network.context).items()},
    }
    verdicts = _verdicts(network)
    return [
        {**row, **of_network, **_of_layer(layer), **verdicts}
        for row, layer in zip(table_rows(network), network.layers, strict=True)
    ]


def _verdicts(network: NetworkAnalysis) -> dict[str, Any]:
    # The study that this one repeats is of GRUs; its rules ask nothing that other cells lack.
    findings = {
        **{claim.name: claim.evaluate(network) for claim in NETWORK_CLAIMS},
        **evaluate_papers([network]),
    }
    return {
        **{f"{CLAIM}{name}": found.agrees for name, found in findings.items()},
        **{f"{MEASURED}{name}": found.measured or None for name, found in findings.items()},
    }


def _of_layer(layer: LayerAnalysis) -> dict[str, Any]:
    points, unique, dynamics = layer.points, layer.unique, layer.dynamics
    numbers: dict[str, Any] = {
        "n_states": layer.n_states,
        "variance_of_first": layer.explained_variance_ratio[0],
        "variance_of_two": layer.explained_variance_ratio[:2].sum(),
        "variance_of_five": layer.explained_variance_ratio[:5].sum(),
        "starts_fixed": layer.starts_of_kind("fixed"),
        "starts_slow": layer.starts_of_kind("slow"),
        "starts_unconverged": layer.starts_of_kind("unconverged"),
        "iterations": np.median(points.iterations) if len(points) else None,
        "proved": layer.n_proved,
        "distance_to_cloud": np.median(layer.distance_to_cloud) if len(unique) else None,
        "norms": [np.linalg.norm(h) for h in unique.h[unique.kind == "fixed"]],
        "stability": layer.stability.tolist(),
        "completeness": layer.completeness,
        "descent_distinct": layer.descent and layer.descent.distinct,
        "descent_fixed": layer.descent and layer.descent.fixed,
        **_of_spectra(layer),
        "review_state_r2": dynamics and dynamics.review_state_r2,
        "next_time_constant": dynamics and next(iter(dynamics.time_constants[1:]), None),
        "line_aspect": dynamics and dynamics.line and dynamics.line.aspect,
        "line_offset": dynamics and dynamics.line and dynamics.line.offset,
        "line_r2": dynamics and dynamics.line and dynamics.line.r2,
        **_of_words(layer),
        **geometry_of(layer),
        **_of_inputs(layer),
    }
    return {name: plain(value) for name, value in numbers.items()}


def _of_spectra(layer: LayerAnalysis) -> dict[str, Any]:
    """Return what the eigenvalues at the linearized points say, a number for each point.

    Of those outside the unit circle, which rotate is what the paper calls rotations that leave.
    """
    spectra = layer.spectra
    return {
        "spectral_radius": [one.spectral_radius for one in spectra],
        "outside_circle": [one.n_unstable for one in spectra],
        "rotating_outside": [one.n_leaving_rotations for one in spectra],
        "share_real": [one.share_real for one in spectra],
    }


def _of_inputs(layer: LayerAnalysis) -> dict[str, Any]:
    """Return what was found at each constant input, under names that begin with the input.

    Lists are of the linearized points, fixed points first, the ends of most starts first.
    """
    return {
        f"{given}: {name}": value
        for given in INPUTS
        for name, value in _of_points(layer.at(given)).items()
    }


def _of_points(at: PointsAtInput | None) -> dict[str, Any]:
    if at is None:
        return {}
    spectra, isolation, dynamics = at.spectra, at.isolation, at.dynamics
    line = dynamics and dynamics.line
    return {
        "fixed": at.n_fixed,
        "slow": at.n_slow,
        "inputs": at.n_inputs,
        "index_sum_is_1": at.is_consistent,
        "proved": at.n_proved,
        "stable": at.n_stable,
        "unstable": at.n_unstable,
        "undecided": at.n_undecided,
        "longest_time_constant": at.longest,
        "spectral_radius": [one.spectral_radius for one in spectra],
        "outside_circle": [one.n_unstable for one in spectra],
        "rotating_outside": [one.n_leaving_rotations for one in spectra],
        "largest_rotation": [one.largest_rotation for one in spectra],
        "share_real": [one.share_real for one in spectra],
        "radii": np.median(isolation.radii) if len(at.unique) else None,
        "spacings": np.median(isolation.spacings) if len(at.unique) else None,
        "rank": np.median(isolation.rank) if len(at.unique) else None,
        "line_length": line and line.length,
        "line_aspect": line and line.aspect,
        "line_variance": line and line.explained_variance,
        "line_to_mode": line and np.median(line.tangent_to_mode),
        "next_change_r2": dynamics and dynamics.next_change_r2,
        "review_readout_r2": dynamics and dynamics.review_readout_r2,
    }


def _of_words(layer: LayerAnalysis) -> dict[str, Any]:
    words = layer.dynamics and layer.dynamics.words
    found = words.correlations if words else {}
    return {f"words_rho: {name}": one.rho for name, one in found.items()}


def plain(value: Any) -> Any:
    """Return a value as a table holds it: None for what is no number, or an infinite one."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value
