"""Claims about depth are evaluated on networks that differ in their layers alone."""

from __future__ import annotations

from typing import Any

import pytest

from nullcline.study.depth_claims import DEPTH_CLAIMS, depth_claims, depth_shares
from nullcline.study.network_rows import network_rows
from nullcline.sweeps.statistics import wilson_interval
from nullcline.training import TrainingSettings
from testing.study_samples import (
    GROWING_ROTATION,
    at_inputs,
    dynamics,
    layer,
    network,
    points_at,
    spectrum,
    variance,
)

FLAT, THIN = (
    {"explained_variance_ratio": variance(0.4)},
    {"explained_variance_ratio": variance(0.98)},
)
FEW = {"kinds": ("fixed",)}


def rows(*layers: dict[str, Any], seed: int = 0, accuracy: float = 0.9, **settings: Any) -> Any:
    made = [
        layer(i, **{"at_inputs": at_inputs(), "dynamics": dynamics(), **own})
        for i, own in enumerate(layers, 1)
    ]
    found = network(*made, test_accuracy=accuracy)
    return network_rows(found, TrainingSettings(seed=seed, **settings))


def verdicts(*networks: Any) -> dict[str, bool | None]:
    found = depth_claims([row for network in networks for row in network])
    assert [row["claim"] for row in found] == [claim.name for claim in DEPTH_CLAIMS]
    return {row["claim"]: row["holds"] for row in found}


def slow(spectral_radius: float) -> dict[str, Any]:
    spectra = (spectrum((spectral_radius, 0.1)),)
    at_rest = [points_at(given, spectra=spectra) for given in ("zero", "joint")]
    return {"at_inputs": (points_at("mean"), *at_rest)}


LEAVING = {"at_inputs": at_inputs(spectra=(spectrum(GROWING_ROTATION),))}


@pytest.mark.parametrize(
    ("claim", "shallow", "deep", "holds"),
    [
        ("depth buys no accuracy", {}, {"accuracy": 0.909}, True),
        ("depth buys no accuracy", {}, {"accuracy": 0.92}, False),
        ("depth buys no accuracy", {}, {"accuracy": 0.5}, True),
        ("the first layer fills more dimensions", {}, {"layers": ({}, {})}, False),
        ("the first layer fills more dimensions", {}, {"layers": (FLAT, {})}, True),
        ("the last layer fills fewer dimensions", {}, {"layers": ({}, THIN)}, True),
        ("the last layer fills fewer dimensions", {}, {"layers": ({}, THIN, {})}, False),
        ("the first layer has as many points", {}, {"layers": ({}, FEW)}, True),
        ("the first layer has as many points", {}, {"layers": (FEW, {})}, False),
        ("points are in the first layer", {}, {"layers": ({}, FEW, FEW)}, True),
        ("points are in the first layer", {}, {"layers": ({}, FEW, {})}, False),
        ("the last layer is the slowest", {}, {"layers": (slow(0.9), {}, slow(0.999))}, True),
        ("the last layer is the slowest", {}, {"layers": (slow(0.9), {}, slow(0.91))}, False),
        ("the last layer is the slowest", {}, {"layers": (slow(0.9), {}, slow(1.0))}, True),
        ("the last layer is the slowest", {}, {"layers": (slow(1.0), {}, slow(1.0))}, False),
        ("the last layer outlasts the first", {}, {"layers": (slow(0.9), {}, slow(0.91))}, True),
        ("the last layer outlasts the first", {}, {"layers": (slow(0.91), {}, slow(0.9))}, False),
        ("slingshots come with depth", {}, {"layers": ({}, {}, LEAVING)}, True),
        ("slingshots come with depth", {}, {"layers": (LEAVING, {}, {})}, False),
    ],
)  # fmt: skip
def test_a_claim_about_depth_holds_or_not(
    claim: str, shallow: dict[str, Any], deep: dict[str, Any], holds: bool
) -> None:
    def made(changes: dict[str, Any], layers: tuple[dict[str, Any], ...]) -> Any:
        return rows(*changes.pop("layers", layers), **changes)

    found = verdicts(made(dict(shallow), ({},)), made(dict(deep), ({}, {})))
    assert found[claim] is holds


def test_networks_are_compared_with_those_of_their_own_seed() -> None:
    networks = [
        rows(*({},) * depth, seed=seed, accuracy=0.8 + 0.05 * depth * seed)
        for seed in (0, 1)
        for depth in (1, 3)
    ]
    found = depth_claims([row for network in reversed(networks) for row in reversed(network)])
    accuracy = {row["seed"]: row for row in found if row["claim"] == "depth buys no accuracy"}
    assert {seed: row["holds"] for seed, row in accuracy.items()} == {0: True, 1: False}
    assert accuracy[1]["depths"] == [1, 3]
    assert accuracy[1]["measured"] == "1 layer: 85.00%; 3 layers: 95.00%"
    assert (accuracy[1]["corpus"], accuracy[1]["hidden_size"]) == ("by hand", 256)


def test_networks_that_differ_in_more_are_not_compared() -> None:
    one, two = rows({}), rows({}, {}, hidden_size=64)
    assert depth_claims([*one, *two]) == []
    assert depth_claims(rows({}, {})) == []
    assert depth_claims([{"n": 1}]) == []


def test_a_depth_of_which_a_layer_is_missing_or_there_twice_is_left_out() -> None:
    one, two, three = rows({}), rows({}, {}), rows({}, {}, {})
    (found, *_) = depth_claims([*one, *two[1:], *three])
    assert found["depths"] == [1, 3]
    assert depth_claims([*one, *two, *two]) == []


def test_what_is_not_known_leaves_a_claim_open() -> None:
    early = rows({}), rows({"at_inputs": ()}, {"at_inputs": ()})
    for claim in ("the last layer is the slowest", "slingshots come with depth"):
        assert verdicts(*early)[claim] is None
    deep_alone = verdicts(rows({}, {}), rows({}, {}, {}))
    assert deep_alone["the first layer fills more dimensions"] is None
    assert deep_alone["depth buys no accuracy"] is True


def test_names_are_claims_of_their_own() -> None:
    assert len({claim.name for claim in DEPTH_CLAIMS}) == len(DEPTH_CLAIMS)
    assert all(claim.rule and claim.claim and claim.source for claim in DEPTH_CLAIMS)


def test_shares_are_over_seeds() -> None:
    networks = [
        rows(*({},) * depth, seed=seed, accuracy=0.8 + 0.05 * depth * (seed == 3))
        for seed in range(8)
        for depth in (1, 2)
    ]
    found = {row["claim"]: row for row in depth_shares([r for one in networks for r in one])}
    accuracy = found["depth buys no accuracy"]
    assert (accuracy["holds"], accuracy["of"], accuracy["depths"]) == (7, 8, "1, 2")
    assert (accuracy["low"], accuracy["high"]) == wilson_interval(7, 8)
    assert found["the first layer has as many points"]["verdict"] == "holds"
    assert found["slingshots come with depth"]["verdict"] == "fails"


@pytest.mark.parametrize(
    ("setting", "value"), [("frozen_vectors", True), ("patience", 3), ("learning_rate", 0.01)]
)
def test_shares_are_of_networks_that_differ_in_their_seed_alone(setting: str, value: Any) -> None:
    networks = [
        rows(*({},) * depth, seed=seed, **changes)
        for seed in range(3)
        for depth in (1, 2)
        for changes in ({}, {setting: value})
    ]
    found = [
        row
        for row in depth_shares([row for one in networks for row in one])
        if row["claim"] == "depth buys no accuracy"
    ]
    assert [row["of"] for row in found] == [3, 3]
    assert found[1][setting] == value != found[0][setting]


def test_networks_that_are_not_trained_are_not_compared() -> None:
    failed = [{**row, "trained": False} for row in rows({}, {})]
    assert depth_claims([*rows({}), *failed]) == []


def test_a_seed_that_lacks_a_depth_is_counted_with_the_others_by_what_all_have() -> None:
    networks = [
        rows(*({},) * depth, seed=seed)
        for seed in range(7)
        for depth in ((1, 2, 3) if seed else (1, 2))
    ]
    found = {
        row["depths"]: row["of"]
        for row in depth_shares([row for one in networks for row in one])
        if row["claim"] == "depth buys no accuracy"
    }
    assert found == {"1, 2": 7, "1, 2, 3": 6}
    alone = depth_shares([row for one in networks[2:] for row in one])
    assert {row["depths"] for row in alone} == {"1, 2, 3"}
