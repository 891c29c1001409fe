"""The line-attractor claims are evaluated by their rules; the table says what was measured."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from nullcline.study.line_attractor_claims import LINE_ATTRACTOR_CLAIMS, evaluate
from nullcline.study.table import HEADINGS, table_rows
from testing.study_samples import dynamics, layer, line, network, variance, words

NAMES = [claim.name for claim in LINE_ATTRACTOR_CLAIMS]


def agreements(**changes: Any) -> dict[str, bool | None]:
    of_layer = {"dynamics": dynamics(), **changes}
    findings = evaluate(network(layer(1, **of_layer)))
    return {name: finding.agrees for name, finding in zip(NAMES, findings, strict=True)}


def test_a_line_attractor_agrees_with_every_claim() -> None:
    assert all(agreements().values())
    for finding in evaluate(network(layer(1, dynamics=dynamics()))):
        assert finding.measured


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("few dimensions", {"explained_variance_ratio": np.full(12, 1 / 12)}),
        ("few dimensions", {"explained_variance_ratio_untrained": variance(0.97)}),
        ("a line", {"dynamics": dynamics(line=line(visited=(1.0, 3.5)))}),
        ("a line", {"dynamics": dynamics(line=line(explained_variance=0.4))}),
        ("one long τ", {"dynamics": dynamics(time_constants=np.array([9.0, 1.0]))}),
        ("one long τ", {"dynamics": dynamics(time_constants=np.array([40.0, 39.0]))}),
        ("one long τ", {"dynamics": dynamics(time_constants=np.array([np.inf, np.inf]))}),
        ("aligned", {"dynamics": dynamics(line=line(tangent_to_mode=np.full(5, 50.0)))}),
        ("aligned", {"dynamics": dynamics(line=line(tangent_to_readout=np.full(5, 50.0)))}),
        ("words", {"dynamics": dynamics(words=words(agreeing=False))}),
        ("linear", {"dynamics": dynamics(next_change_r2=0.4)}),
        ("linear", {"dynamics": dynamics(review_readout_r2=-2.0)}),
    ],
)
def test_what_breaks_a_rule_breaks_one_claim(name: str, changes: dict[str, Any]) -> None:
    assert [other for other, agrees in agreements(**changes).items() if not agrees] == [name]


def test_without_a_line_two_claims_fall() -> None:
    found = agreements(dynamics=dynamics(line=None))
    assert [name for name, agrees in found.items() if not agrees] == ["a line", "aligned"]


def test_without_a_point_only_the_dimensions_are_left() -> None:
    found = agreements(dynamics=None)
    assert [name for name, agrees in found.items() if agrees] == ["few dimensions"]


def test_an_lstm_that_is_not_aligned_is_explained() -> None:
    crossed = dynamics(line=line(tangent_to_readout=np.full(5, 74.0)))
    for cell, explained in (("lstm", True), ("gru", False)):
        finding = evaluate(network(layer(1, dynamics=crossed), cell=cell))[NAMES.index("aligned")]
        assert bool(finding.explanation) is explained


def test_the_sign_of_a_mode_counts_where_there_is_a_readout() -> None:
    contrary = dynamics(words=words(agreeing=False))
    upper = dynamics(words=None)
    deep = network(layer(1, dynamics=contrary), layer(2, dynamics=upper))
    assert evaluate(deep)[NAMES.index("words")].agrees


# The table


def test_a_row_holds_what_was_measured() -> None:
    (row,) = table_rows(network(layer(1, dynamics=dynamics())))
    assert row["participation_ratio"] == pytest.approx(
        layer(1).explained_variance_ratio.sum() ** 2
        / np.sum(layer(1).explained_variance_ratio ** 2)
    )
    assert (row["fixed"], row["slow"]) == (4, 4)
    assert row["time_constants"] == [60, 3, 3]
    assert (row["line_length"], row["line_width"], row["line_to_readout"]) == (10, 1, 30)
    assert row["words_rho"] == pytest.approx(1)
    assert (row["test_accuracy"], row["bag_of_words"], row["chance"]) == (0.9, 0.85, 0.5)


@pytest.mark.parametrize("found", [None, dynamics(line=None, words=None, review_readout_r2=None)])
def test_a_row_has_every_column_whatever_was_found(found: Any) -> None:
    (row,) = table_rows(network(layer(1, dynamics=found)))
    assert set(HEADINGS) < set(row)
    assert row["line_length"] is None
    assert row["words_rho"] is None


def test_a_row_is_json_even_if_a_mode_never_ends() -> None:
    endless = dynamics(time_constants=np.array([np.inf, 3.0, 2.0]))
    (row,) = table_rows(network(layer(1, dynamics=endless)))
    assert json.loads(json.dumps(row, allow_nan=False))["time_constants"] == [None, 3, 2]


def test_a_row_is_a_layer() -> None:
    assert [row["layer"] for row in table_rows(network(layer(1), layer(2)))] == [1, 2]
