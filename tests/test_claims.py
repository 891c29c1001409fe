"""The paper's claims are evaluated by what was measured, both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from nullcline.study.claims import CLAIMS, Finding, evaluate
from testing.study_samples import GROWING_ROTATION, STABLE_REAL, layer, network, spectrum, variance

if TYPE_CHECKING:
    from nullcline.study.layer_results import LayerAnalysis
    from nullcline.study.results import NetworkAnalysis

FAR = {"kinds": ("fixed",), "counts": (9,), "distance_to_cloud": np.array([2.0])}
FAR_3 = {"kinds": ("fixed",) * 3, "counts": (3,) * 3, "distance_to_cloud": np.full(3, 2.0)}
ROTATING = {"explained_variance_ratio": variance(0.95), "spectra": (spectrum(GROWING_ROTATION),)}


def of_depth(depth: str, found: NetworkAnalysis) -> list[Finding]:
    return [
        finding for claim, finding in evaluate([found]).items() if claim.startswith(f"{depth}:")
    ]


def one_layer(**changes: object) -> list[Finding]:
    return of_depth("1 layer", network(layer(1, **changes)))


def three_layers(
    first: LayerAnalysis | None = None,
    second: LayerAnalysis | None = None,
    third: LayerAnalysis | None = None,
) -> list[Finding]:
    layers = (
        first or layer(1, explained_variance_ratio=variance(0.5)),
        second or layer(2, **FAR, **ROTATING),
        third or layer(3, **FAR_3, **ROTATING),
    )
    return of_depth("3 layers", network(*layers))


def test_a_network_like_the_papers_agrees_with_every_claim() -> None:
    for finding in one_layer() + three_layers():
        assert finding.agrees is True, finding
        assert finding.measured


@pytest.mark.parametrize(
    ("claim", "changes"),
    [
        (0, {"explained_variance_ratio": variance(0.5)}),
        (0, {"explained_variance_ratio": variance(0.97)}),
        (1, {"explained_variance_ratio": variance(0.3)}),
        (2, {"explained_variance_ratio_untrained": variance(0.8)}),
        (3, {"kinds": ("fixed", "slow"), "counts": (2, 9)}),
        (3, {"distance_to_cloud": np.full(8, 3.0)}),
        (4, {"spectra": (spectrum(GROWING_ROTATION),)}),
        (4, {"spectra": (spectrum(STABLE_REAL), spectrum((1.1, 0.2, 0.1)))}),
        (4, {"spectra": ()}),
    ],
)
def test_a_one_layer_network_that_differs_disagrees(claim: int, changes: dict[str, object]) -> None:
    finding = one_layer(**changes)[claim]
    assert finding.agrees is False, finding
    assert finding.explanation or finding.measured == "no point to linearize at"


@pytest.mark.parametrize(
    ("claim", "layers"),
    [
        (0, {"first": layer(1, explained_variance_ratio=variance(0.7))}),
        (1, {"third": layer(3, **FAR_3)}),
        (2, {"first": layer(1, kinds=("fixed",), counts=(9,))}),
        (3, {"second": layer(2, **{**FAR_3, **ROTATING})}),
        (3, {"second": layer(2, **ROTATING, kinds=("slow",), counts=(9,))}),
        (4, {"third": layer(3, **FAR, **ROTATING)}),
        (5, {"first": layer(1, spectra=(spectrum(GROWING_ROTATION),))}),
        (6, {"second": layer(2, **{**FAR, **ROTATING, "spectra": (spectrum(STABLE_REAL),)})}),
    ],
)
def test_a_three_layer_network_that_differs_disagrees(
    claim: int, layers: dict[str, LayerAnalysis]
) -> None:
    assert three_layers(**layers)[claim].agrees is False


def test_few_points_are_told_from_the_many_that_descent_leaves() -> None:
    explanation = one_layer(kinds=("fixed", "slow", "slow"), counts=(2, 9, 1))[3].explanation
    assert "The 12 starts end: 2 in 1 fixed point, 10 in 2 slow points." in explanation
    assert "leaves 20 of them in 17 distinct states, of which 0 are fixed points" in explanation


def test_as_many_points_as_in_the_paper_are_not_said_to_be_another_number() -> None:
    near = {**FAR, "distance_to_cloud": np.array([0.15])}
    finding = three_layers(second=layer(2, **near))[3]
    assert finding.agrees is False
    assert finding.explanation.startswith("As many as there, but near the states.")
    assert "; 0.15 radii from" in finding.measured
    others = three_layers(second=layer(2, **FAR_3))[3]
    assert others.explanation.startswith("The number of points depends on the trained weights")


def test_rotations_that_decay_are_told_from_those_that_grow() -> None:
    decaying = {**FAR, **ROTATING, "spectra": (spectrum((0.6 + 0.6j, 0.6 - 0.6j)),)}
    finding = three_layers(second=layer(2, **decaying), third=layer(3, **{**decaying, **FAR_3}))[-1]
    assert finding.agrees is False
    assert "No eigenvalue has |λ| > 1" in finding.explanation


def test_claims_about_networks_that_are_not_there_stay_open() -> None:
    findings = evaluate([])
    assert list(findings) == [one.claim for one in CLAIMS]
    assert all(finding.agrees is None for finding in findings.values())
    assert "no 1-layer network" in next(iter(findings.values())).explanation


def test_the_fewest_components_that_reach_a_share_are_counted() -> None:
    found = layer(1, explained_variance_ratio=np.array([0.5, 0.3, 0.1, 0.1]))
    shares = (0.4, 0.5, 0.51, 0.8, 0.95)
    assert [found.components_for(share) for share in shares] == [1, 1, 2, 2, 4]
