"""Networks of more than two classes made by hand, so that a test knows where their classes lie."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

import nullcline as nc
from nullcline.study.class_analysis import analyse_classes
from testing.study_samples import dynamics, layer, network

if TYPE_CHECKING:
    from nullcline.study.class_results import ClassAnalysis
    from nullcline.study.results import NetworkAnalysis

H = 12


def integrator(held: int, kept: float = 0.98, leak: float = 0.5) -> nc.RNN:
    """Return a network that keeps its first `held` units, and forgets the others: near zero."""
    values = np.full(H, leak)
    values[:held] = kept
    return nc.RNN(np.eye(H), np.diag(values), np.zeros(H), np.zeros(H))


def corners(n: int, *, ordered: bool = False) -> Any:
    """Return a state for each class: the corners of a simplex, or places along a line."""
    if ordered:
        return np.outer(np.linspace(-0.01, 0.01, n), np.eye(H)[0])
    centred = np.eye(n) - 1 / n
    axes = np.linalg.svd(centred)[2][: n - 1]
    return np.pad(0.01 * centred @ axes.T, ((0, 0), (0, H - n + 1)))


def analysis(n: int = 3, *, ordered: bool = False, **changes: Any) -> ClassAnalysis:
    """Return an analysis of `n` classes that agrees with what is claimed of them."""
    places = corners(n, ordered=ordered)
    labels = np.arange(60) % n
    final = places[labels] + 1e-6 * np.random.default_rng(0).normal(size=(60, H))
    cell = integrator(1 if ordered else n - 1)
    unique = nc.find_fixed_points(cell, np.zeros((1, H))).unique()
    found = analyse_classes(cell, final.astype(np.float32), labels, unique, readout=places[:, :H])
    assert found is not None
    return replace(found, **changes) if changes else found


def classifier(
    found: ClassAnalysis | None,
    corpus: str,
    kinds: tuple[str, ...] = ("fixed",) * 7,
    **changes: Any,
) -> NetworkAnalysis:
    """Return a one-layer network with this analysis of its classes, trained on that corpus."""
    n = 3 if found is None else len(found.geometry)
    names = tuple(f"class {k}" for k in range(n))
    points = {"kinds": kinds, "counts": (3,) * 7}
    return network(
        layer(1, dynamics=dynamics(), classes=found, **points),
        **{"corpus": corpus, "classes": names, **changes},
    )
