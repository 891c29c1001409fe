"""Claims about points are evaluated by what was measured, both ways, at each input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from docs import claim_rules
from nullcline.study.context_claims import CONTEXT_CLAIMS
from nullcline.study.depth_claims import DEPTH_CLAIMS
from nullcline.study.line_attractor_claims import DRIVEN_LINE_CLAIMS
from nullcline.study.network_rows import CLAIM, MEASURED, NETWORK_CLAIMS, network_rows
from nullcline.study.point_claims import POINT_CLAIMS
from nullcline.study.point_results import INPUTS
from nullcline.training import TrainingSettings
from testing.class_samples import analysis, classifier
from testing.marked import with_tables
from testing.study_samples import (
    GROWING_ROTATION,
    STABLE_REAL,
    at_inputs,
    dynamics,
    layer,
    line,
    network,
    points_at,
    spectrum,
)

if TYPE_CHECKING:
    from nullcline.study.claims import Finding

DECAYING_ROTATION = (0.6 + 0.6j, 0.6 - 0.6j, 0.1)
LEAVING = {"spectra": (spectrum(GROWING_ROTATION),)}
TURNING = {"spectra": (spectrum(DECAYING_ROTATION),)}
MANY = {"kinds": ("fixed",) * 3}


def finding(name: str, *layers: dict[str, Any]) -> Finding:
    """Return what a claim says of a network whose layers are alike at every input."""
    made = [layer(i, at_inputs=at_inputs(**own)) for i, own in enumerate(layers, 1)]
    return evaluated(name, *made)


def evaluated(name: str, *layers: Any) -> Finding:
    (claim,) = (claim for claim in NETWORK_CLAIMS if claim.name == name)
    return claim.evaluate(network(*layers))


@pytest.mark.parametrize("given", INPUTS)
@pytest.mark.parametrize(
    ("name", "layers", "holds"),
    [
        ("one fixed point", ({}, {}), True),
        ("one fixed point", ({}, MANY), False),
        ("one fixed point", ({"is_consistent": False}, MANY), False),
        ("one fixed point", ({}, {"is_consistent": False}), None),
        ("one fixed point", ({}, {"is_consistent": None}), None),
        ("one fixed point", ({}, {"kinds": ("slow",), "is_consistent": False}), None),
        ("one ghost at most", ({}, {"kinds": ("fixed", "slow")}), True),
        ("one ghost at most", ({}, {"kinds": ("slow", "slow")}), False),
        ("stable", ({}, TURNING), True),
        ("stable", ({}, LEAVING), False),
        ("stable", ({}, {"spectra": (spectrum((1.2, 0.1)),)}), False),
        ("stable", ({}, {"spectra": (spectrum((1.0, 0.1)),)}), None),
        ("stable", ({"spectra": ()}, {"spectra": ()}), None),
        ("rotations leave", (LEAVING, {}), False),  # in the first layer, of which it is not said
        ("rotations leave", ({}, LEAVING), True),
        ("rotations leave", ({}, {}, LEAVING), True),
        ("rotations leave", ({}, TURNING), False),
        ("rotations leave", ({}, {"spectra": (spectrum((1.2, 0.1)),)}), False),  # it does not turn
        ("rotations leave", ({}, {"spectra": ()}), None),
        ("mostly complex above", ({}, TURNING), True),
        ("mostly complex above", (TURNING, {}), False),
        ("mostly complex above", ({}, TURNING, {}), False),
        ("far above", ({}, {"rank": 1.0}), True),
        ("far above", ({"rank": 1.0}, {}), False),
        ("far above", ({}, {"rank": 1.0}, {}), False),
        ("far above", ({}, {"rank": 0.95}), False),
        ("far above", ({}, {"rank": np.nan}), None),
    ],
)  # fmt: skip
def test_a_rule_holds_or_not(
    given: str, name: str, layers: tuple[dict[str, Any], ...], holds: bool | None
) -> None:
    found = finding(f"{name}, {given} input", *layers)
    assert found.agrees is holds
    assert found.measured


@pytest.mark.parametrize("given", ["zero", "mean"])
@pytest.mark.parametrize(
    ("name", "first", "holds"),
    [
        ("real, inside the circle", {}, True),
        ("real, inside the circle", TURNING, False),
        ("real, inside the circle", {"spectra": (spectrum((1.2, 0.5, 0.1)),)}, False),
        ("real, inside the circle", {"spectra": ()}, None),
        ("near in the first layer", {}, True),
        ("near in the first layer", {"rank": 0.96}, False),
        ("near in the first layer", {"rank": np.nan}, None),
    ],
)
def test_a_rule_of_the_first_layer_holds_or_not(
    given: str, name: str, first: dict[str, Any], holds: bool | None
) -> None:
    for layers in ((first,), (first, LEAVING)):
        assert finding(f"{name}, {given} input", *layers).agrees is holds


def test_a_claim_is_about_its_own_input() -> None:
    """Rotations that leave at the mean input alone: not at zero, where the paper looked."""
    upper = (points_at("zero"), points_at("mean", **LEAVING), points_at("joint"))
    two = layer(1, at_inputs=at_inputs()), layer(2, at_inputs=upper)
    verdicts = [evaluated(f"rotations leave, {given} input", *two).agrees for given in INPUTS]
    assert verdicts == [False, True, False]


def test_the_joint_input_of_the_first_layer_is_zero() -> None:
    first = layer(1, at_inputs=(points_at("zero", **MANY), points_at("mean")), dynamics=dynamics())
    joint = first.at("joint")
    assert joint is not None
    assert joint.input == "joint"
    assert joint.n_fixed == 3
    assert joint.dynamics is first.dynamics
    upper = layer(2, at_inputs=at_inputs())
    assert evaluated("one fixed point, joint input", first, upper).agrees is False
    assert evaluated("one fixed point, mean input", first, upper).agrees is True


@pytest.mark.parametrize(
    ("driven", "holds"), [((0.99, 0.1), True), ((0.9, 0.1), False), ((0.5, 0.1), False)]
)
def test_the_last_layer_may_be_slow_only_where_it_is_driven(
    driven: tuple[float, ...], holds: bool
) -> None:
    last = (
        points_at("zero", spectra=(spectrum((0.8, 0.1)),)),
        points_at("mean"),
        points_at("joint", spectra=(spectrum(driven),)),
    )
    two = layer(1, at_inputs=at_inputs()), layer(2, at_inputs=last)
    assert evaluated("slower where driven", *two).agrees is holds


def test_a_slow_point_makes_no_layer_slow() -> None:
    """At it an eigenvalue is 1 and the time constant infinite, whatever the layer."""
    ghost = spectrum((1.0, 0.1), kind="slow")
    found = points_at(kinds=("fixed", "slow"), spectra=(spectrum((0.5, 0.1)), ghost))
    assert found.longest == pytest.approx(1 / np.log(2))
    assert points_at(kinds=("slow",), spectra=(ghost,)).longest is None


def test_points_of_layers_are_counted_against_each_other() -> None:
    few, many = layer(2, kinds=("fixed",)), layer(1)
    name = "most points in the first layer"
    assert evaluated(name, many, few).agrees is True
    assert evaluated(name, few, many).agrees is False
    assert evaluated(name, few, few).agrees is False


def test_claims_about_upper_layers_are_open_without_one() -> None:
    for claim in POINT_CLAIMS:
        said = claim.evaluate(network(layer(1, at_inputs=at_inputs()))).agrees
        is_open = "above" in claim.name or "joint" in claim.name or claim.name.startswith(
            ("rotations", "most points", "slower")
        )  # fmt: skip
        assert (said is None) == is_open, claim.name


def test_analyses_of_early_editions_leave_all_open() -> None:
    two = network(layer(1), layer(2))
    compared = {"most points in the first layer"}
    for claim in (*POINT_CLAIMS, *DRIVEN_LINE_CLAIMS):
        assert (claim.evaluate(two).agrees is None) == (claim.name not in compared), claim.name


@pytest.mark.parametrize("given", ["mean", "joint"])
@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("a line", {"line": line(explained_variance=0.3)}),
        ("one long τ", {"time_constants": np.array([9.0, 3.0])}),
        ("aligned", {"line": line(tangent_to_readout=np.full(5, 60.0))}),
        ("linear", {"next_change_r2": 0.2}),
    ],
)
def test_what_is_said_of_a_line_is_asked_where_the_last_layer_is_driven(
    given: str, name: str, changes: dict[str, Any]
) -> None:
    def said(**of_line: Any) -> bool | None:
        at = points_at(given, dynamics=dynamics(**of_line))
        last = layer(2, at_inputs=(points_at("zero"), at))  # and nothing at zero
        return evaluated(f"{name}, {given} input", layer(1), last).agrees

    assert said() is True
    assert said(**changes) is False


@pytest.mark.parametrize("cell", ["gru", "lstm", "ugrnn", "rnn", "leaky"])
def test_every_claim_is_asked_of_every_cell(cell: str) -> None:
    first = layer(1, at_inputs=at_inputs()[:2], dynamics=dynamics())
    others = (
        layer(i, at_inputs=at_inputs(dynamics=dynamics()), dynamics=dynamics()) for i in (2, 3)
    )
    of_three = [
        classifier(analysis(3, ordered=ordered, n_unstable=np.zeros(7, int)), corpus, cell=cell)
        for corpus, ordered in (("synthetic-unordered", False), ("synthetic-ordered", True))
    ]
    answered = set()
    for made in (network(first, cell=cell), network(first, *others, cell=cell), *of_three):
        row = network_rows(made, TrainingSettings())[0]
        claims = {name.removeprefix(CLAIM) for name in row if name.startswith(CLAIM)}
        answered |= {name for name in claims if row[CLAIM + name] is not None}
        assert all(row[MEASURED + name] for name in claims if row[CLAIM + name] is not None)
    assert answered == claims - {claim.name for claim in CONTEXT_CLAIMS}  # there are no modifiers


def test_claims_have_names_rules_and_sources_of_their_own() -> None:
    names = [claim.name for claim in NETWORK_CLAIMS]
    assert len(set(names)) == len(names)
    assert all(claim.rule and claim.claim and claim.source for claim in NETWORK_CLAIMS)


def test_rows_hold_the_numbers_at_each_input() -> None:
    at = (
        points_at("zero", spectra=(spectrum(STABLE_REAL),)),
        points_at("mean", **LEAVING, dynamics=dynamics(line=None)),
    )
    (row,) = network_rows(network(layer(1, at_inputs=at)), TrainingSettings())
    assert row["zero: fixed"] == row["zero: stable"] == row["joint: fixed"] == 1
    assert (row["zero: rotating_outside"], row["mean: rotating_outside"]) == ([0], [2])
    assert row["mean: largest_rotation"] == [pytest.approx(np.sqrt(1.28))]
    assert row["zero: largest_rotation"] == [None]
    assert (row["mean: unstable"], row["mean: line_length"]) == (1, None)
    assert (row["mean: radii"], row["mean: spacings"], row["mean: rank"]) == (0.1, 0.8, 0.2)


def test_the_page_of_rules_says_what_the_code_does() -> None:
    page = claim_rules.PAGE.read_text("utf-8")
    assert with_tables(page, claim_rules.tables()) == page
    for name in [claim.name for claim in POINT_CLAIMS] + [claim.name for claim in DEPTH_CLAIMS]:
        without_input, comma, given = name.rpartition(", ")
        assert f"| {without_input if comma and given.endswith(' input') else name} " in page
