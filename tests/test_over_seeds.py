"""What holds over many networks: Wilson's intervals, quartiles, and whose networks they are."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest, false_discovery_control, mannwhitneyu

from nullcline.study.group_differences import number_differences, share_differences
from nullcline.study.network_groups import OF_TRAINING
from nullcline.study.network_rows import CLAIM, network_rows
from nullcline.study.over_seeds import claim_shares, spreads, summaries, untrained, verdicts
from nullcline.study.verdicts import can_decide, verdict_on, verdict_over
from nullcline.sweeps.statistics import (
    _mann_whitney,
    difference_interval,
    false_discovery_rates,
    newcombe_interval,
    quartiles,
    shift_interval,
    wilson_interval,
)
from nullcline.training import TrainingSettings
from testing.study_samples import dynamics, layer, network


@pytest.mark.parametrize(("holds", "of"), [(0, 1), (1, 1), (0, 20), (7, 12), (19, 20), (500, 1000)])
def test_an_interval_is_wilsons(holds: int, of: int) -> None:
    reference = binomtest(holds, of).proportion_ci(method="wilson")
    assert wilson_interval(holds, of) == pytest.approx((reference.low, reference.high), abs=1e-12)


def test_an_interval_of_none_and_of_too_many_is_refused() -> None:
    with pytest.raises(ValueError, match="of must lie between 1"):
        wilson_interval(0, 0)
    with pytest.raises(ValueError, match="holds must lie between 0 and 3"):
        wilson_interval(4, 3)


def test_quartiles_are_numpys() -> None:
    values = np.random.default_rng(0).normal(size=21)
    found = quartiles(values.tolist())
    assert list(found.values()) == np.quantile(values, [0, 0.25, 0.5, 0.75, 1]).tolist()


def rows(seeds: int = 4) -> list[dict[str, Any]]:
    """Return the rows of networks of one and of two layers, which seeds tell apart."""
    found = []
    for seed in range(seeds):
        settings = TrainingSettings(seed=seed, hidden_size=12)
        grown = dynamics(next_change_r2=0.9 if seed else 0.1)
        for layers in ((layer(1, dynamics=grown),), (layer(1), layer(2, dynamics=grown))):
            found += network_rows(network(*layers), settings)
    return found


def test_a_share_is_over_networks_and_not_over_layers() -> None:
    shares = {(row["n_layers"], row["claim"]): row for row in claim_shares(rows())}
    for depth in (1, 2):
        linear = shares[depth, "linear"]
        assert (linear["holds"], linear["of"], linear["share"]) == (3, 4, 0.75)
        assert (linear["low"], linear["high"]) == wilson_interval(3, 4)
    assert not any(claim.startswith("3 layers") for _, claim in shares)
    assert not any(depth == 2 and claim.startswith("1 layer") for depth, claim in shares)


def test_numbers_are_spread_layer_by_layer() -> None:
    found = {(row["n_layers"], row["layer"], row["number"]): row for row in spreads(rows())}
    change = found[2, 2, "next_change_r2"]
    assert (change["known"], change["of"]) == (4, 4)
    assert (change["least"], change["median"], change["greatest"]) == (0.1, 0.9, 0.9)
    assert (2, 1, "next_change_r2") not in found  # nothing is known of it there
    assert (1, 1, "seed") not in found
    assert (1, 1, "fixed") in found


def test_what_differs_beside_the_seed_is_another_group() -> None:
    varied = rows(2) + [{**row, "epochs": 1} for row in rows(2)]
    of = {(row["epochs"], row["of"]) for row in claim_shares(varied)}
    assert of == {(10, 2), (1, 2)}
    assert all("epochs" not in row for row in claim_shares(rows()))
    for setting in OF_TRAINING:
        varied = rows(2) + [{**row, setting: 9} for row in rows(2)]
        assert {row["of"] for row in claim_shares(varied)} == {2}
        assert setting not in {row["number"] for row in spreads(varied)}
    # What differs between corpora or cells alone tells none of their networks from another.
    other = rows(2) + [
        {**row, "corpus": "imdb", "n_train": 9, "max_tokens": 200} for row in rows(2)
    ]
    other += [{**row, "cell": "rnn", "patience": 3} for row in rows(2)]
    kept = {name for row in claim_shares(other) for name in row}
    assert not kept & {"n_train", "max_tokens", "patience"}


def test_every_setting_of_a_network_is_in_its_rows() -> None:
    named_otherwise = {"layers": "n_layers", "train_size": "n_train"}
    changing_nothing = {"snapshot_steps"}
    settings = {field.name for field in fields(TrainingSettings)} - changing_nothing
    assert {named_otherwise.get(name, name) for name in settings} <= rows(1)[0].keys()


def test_rows_of_other_jobs_are_passed_over() -> None:
    assert summaries([{"n": 1}]) == []
    sections = {one.name: one for one in summaries([{"n": 1}, *rows()])}
    assert sections["claims"].rows == claim_shares(rows())
    assert sections["spreads"].columns[-5:] == ["least", "lower", "median", "upper", "greatest"]
    assert any(name.startswith(CLAIM) for name in rows()[0])


# Differences of two groups


def test_the_interval_of_a_difference_is_newcombes() -> None:
    """Of the first examples in his table II, method 10, to four digits."""
    examples = {
        (56, 70, 48, 80): (0.0524, 0.3339),
        (9, 10, 3, 10): (0.1705, 0.8090),
        (10, 10, 0, 20): (0.6791, 1.0),
        (0, 10, 0, 20): (-0.1611, 0.2775),
    }
    for counts, ends in examples.items():
        assert newcombe_interval(*counts) == pytest.approx(ends, abs=5e-5)
        low, high = newcombe_interval(*counts[2:], *counts[:2])
        assert (-high, -low) == pytest.approx(ends, abs=5e-5)


def test_errors_of_a_difference_add_up_on_the_side_where_they_count() -> None:
    first, other = (0.5, 0.2, 0.54), (0.1, 0.06, 0.13)
    assert difference_interval(first, other) == pytest.approx(
        (0.4 - np.hypot(0.3, 0.03), 0.4 + np.hypot(0.04, 0.04))
    )
    low, high = difference_interval(other, first)
    assert (-high, -low) == pytest.approx(difference_interval(first, other))
    assert difference_interval(first, (0.1, 0.1, 0.1)) == pytest.approx((0.1, 0.44))


def test_the_interval_of_a_difference_covers_it() -> None:
    rng = np.random.default_rng(0)
    spread = np.array([1.0, 3.0])
    estimates = rng.normal([2.0, -1.0], spread, (2000, 2))
    ends = 1.959963984540054 * spread
    covered = 0
    for estimate in estimates:
        one, other = ((e, e - half, e + half) for e, half in zip(estimate, ends, strict=True))
        low, high = difference_interval(one, other)
        covered += low <= 3 <= high
    assert binomtest(covered, len(estimates), 0.95).pvalue > 1e-3


@pytest.mark.parametrize(("n", "m"), [(1, 1), (3, 3), (3, 8), (5, 20), (20, 20)])
def test_the_statistic_of_two_samples_has_its_exact_distribution(n: int, m: int) -> None:
    found = np.cumsum(_mann_whitney(n, m))
    for shift in (-0.5, 0.5, m / 2 + 0.25, m + 1):
        test = mannwhitneyu(
            np.arange(n) + shift, np.arange(float(m)), alternative="less", method="exact"
        )
        assert found[int(test.statistic)] == pytest.approx(test.pvalue, abs=1e-12)


def test_no_probability_of_the_statistic_is_lost_to_rounding() -> None:
    shares = _mann_whitney(100, 100)
    assert (shares > 0).all()
    assert shares == pytest.approx(shares[::-1], rel=1e-9)
    assert shares[[0, 1, 2]] == pytest.approx(shares[0] * np.array([1, 1, 2]), rel=1e-9)


def test_a_shift_has_an_interval_where_there_are_enough() -> None:
    assert shift_interval([1, 2, 3], [1, 2, 3]) == (0.0, None, None)
    values, others = [5.0, 6.0, 7.0, 9.0], [1.0, 2.0, 2.5, 3.0]
    shift, low, high = shift_interval(values, others)
    assert (shift, low, high) == (4.25, 2.0, 8.0)  # at 4 and 4, the least and the greatest
    assert low is not None
    assert high is not None
    assert shift_interval(others, values) == (-shift, -high, -low)
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        _, low, high = shift_interval(rng.normal(1, 1, 8).tolist(), rng.normal(0, 1, 10).tolist())
        covered += low is not None and high is not None and low <= 1 <= high
    assert covered / 400 == pytest.approx(0.95, abs=0.025)


def test_rates_of_false_discoveries_are_benjaminis_and_hochbergs() -> None:
    p = np.random.default_rng(0).random(40) ** 3
    assert false_discovery_rates(p.tolist()) == pytest.approx(false_discovery_control(p))
    assert false_discovery_rates([1.0]) == [1.0]


# Verdicts


def test_a_verdict_is_by_the_rule() -> None:
    said = {
        (holds, of): verdict_on(holds, of) for of in (5, 6, 9, 10, 20) for holds in range(of + 1)
    }
    assert {said[holds, 5] for holds in range(6)} == {"too few"}
    assert said[6, 6] == said[9, 9] == said[9, 10] == said[18, 20] == "holds"
    assert said[0, 6] == said[0, 9] == said[1, 10] == said[2, 20] == "fails"
    assert said[5, 6] == said[8, 9] == said[8, 10] == said[17, 20] == said[3, 20] == "depends"
    assert verdict_on(0, 0) == "too few"
    with pytest.raises(ValueError, match="holds must lie between 0 and 3"):
        verdict_on(4, 3)


def test_what_holds_does_in_more_than_half_by_every_interval() -> None:
    for of in range(1, 200):
        decided = [holds for holds in range(of + 1) if verdict_on(holds, of) == "holds"]
        fails = [of - holds for holds in range(of + 1) if verdict_on(holds, of) == "fails"]
        assert decided == fails[::-1]
        assert bool(decided) == can_decide(of) == (binomtest(of, of).pvalue <= 0.05)
        for holds in decided:
            assert wilson_interval(holds, of)[0] > 0.5
            assert binomtest(holds, of).proportion_ci().low > 0.5  # Clopper's and Pearson's


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ([(20, 20), (19, 20)], ("holds", "")),
        ([(0, 20), (1, 8)], ("fails", "")),
        ([(20, 20), (15, 20)], ("depends", "seed")),
        ([(20, 20), (0, 20)], ("depends", "kind")),
        ([(20, 20), (0, 20), (4, 8)], ("depends", "seed, kind")),
        ([(100, 100), (7, 8)], ("holds", "")),  # which can be nine of ten
        ([(100, 100), (4, 8)], ("depends", "seed")),  # however many there are of the others
        ([(100, 100), (0, 3)], ("depends", "kind")),
        ([(100, 100), (1, 2)], ("holds", "")),
        ([(0, 100), (3, 3)], ("depends", "kind")),
        ([(5, 5), (5, 5)], ("holds", "")),
        ([(5, 5), (2, 5)], ("depends", "")),
        ([(4, 5), (4, 5), (4, 5), (4, 5)], ("depends", "")),
        ([(2, 2), (3, 3)], ("too few", "")),
        ([], ("too few", "")),
    ],
)
def test_a_verdict_over_kinds_is_that_of_all_that_can_decide(
    kinds: list[tuple[int, int]], expected: tuple[str, str]
) -> None:
    assert verdict_over(kinds) == expected


def many(seeds: int, linear: int, **changes: Any) -> list[dict[str, Any]]:
    """Return rows of one-layer networks, in so many of which the claim about linearity holds."""
    own = rows(1)[0]
    return [
        {**own, **changes, "seed": seed, f"{CLAIM}linear": seed < linear, "line_length": 3.0 + seed}
        for seed in range(seeds)
    ]


def test_a_claim_has_a_verdict_over_all_cells_and_corpora() -> None:
    table = [*many(20, 20), *many(8, 8, cell="lstm"), *many(8, 4, corpus="imdb", n_train=9)]
    (over,) = [row for row in verdicts(table) if row["claim"] == "linear"]
    assert (over["holds"], over["of"], over["verdict"], over["on"]) == (32, 36, "depends", "seed")
    assert (over["kinds"], over["kinds_holds"], over["kinds_depends"]) == (3, 2, 1)
    assert (over["low"], over["high"]) == wilson_interval(32, 36)
    assert {row["verdict"] for row in claim_shares(table) if row["claim"] == "linear"} == {
        "holds", "depends",
    }  # fmt: skip


def test_networks_that_are_not_trained_are_in_no_share_and_named() -> None:
    table = [*many(6, 6), *many(3, 0, trained=False)]
    (share,) = [row for row in claim_shares(table) if row["claim"] == "linear"]
    assert (share["holds"], share["of"]) == (6, 6)
    assert [row["of"] for row in spreads(table) if row["number"] == "line_length"] == [6]
    assert [(row["seed"], row["why"]) for row in untrained(table)] == [
        (0, "not trained"), (1, "not trained"), (2, "not trained"),
    ]  # fmt: skip
    # Those that differ in another setting are told apart by it, and by no other.
    other = untrained([*table, *many(1, 0, trained=False, vocabulary_size=30)])
    assert [row["vocabulary_size"] for row in other] == [25_000] * 3 + [30]
    assert {*other[0]} - {*untrained(table)[0]} == {"vocabulary_size"}
    # All failed: nothing is claimed, and each is named.
    none = summaries(many(3, 3, trained=False))
    assert [len(one.rows) for one in none] == [0, 0, 3, 0, 0, 0]


def test_sizes_depths_and_what_is_read_are_compared() -> None:
    table = [
        *many(20, 20), *many(3, 0, hidden_size=256), *many(5, 5, hidden_size=9, cell="lstm"),
        *many(8, 4, max_tokens=200, patience=1),
    ]  # fmt: skip
    found = [row for row in share_differences(table) if row["claim"] == "linear"]
    assert [(row["axis"], row["here"], row["there"]) for row in found] == [
        ("units", "12", "256"), ("reading", "the last 200 tokens", "whole reviews"),
    ]  # fmt: skip
    units, reading = found
    assert (units["difference"], units["of_here"], units["of_there"]) == (-1.0, 20, 3)
    assert (units["low"], units["high"]) == newcombe_interval(0, 3, 20, 20)
    assert reading["difference"] == 0.5
    assert units["p"] < 0.001 <= reading["p"] < 0.05
    assert all(row["p"] <= row["rate"] <= 1 for row in share_differences(table))
    lengths = [row for row in number_differences(table) if row["number"] == "line_length"]
    assert [(row["axis"], row["shift"]) for row in lengths] == [("units", -8.5), ("reading", 6.0)]
    assert lengths[0]["median_here"] == 12.5
    assert lengths[0]["low"] <= -8.5 <= lengths[0]["high"]


def test_what_is_read_is_compared_in_the_order_of_its_length() -> None:
    caps = (1000, None, 200)
    table = [row for cap in caps for row in many(6, 6, max_tokens=cap)]
    found = [row for row in share_differences(table) if row["claim"] == "linear"]
    assert [(row["here"], row["there"]) for row in found] == [
        ("the last 200 tokens", "the last 1000 tokens"),
        ("the last 200 tokens", "whole reviews"),
        ("the last 1000 tokens", "whole reviews"),
    ]


def test_depths_are_compared_by_their_last_layers() -> None:
    table = rows(6)
    changes = [row for row in number_differences(table) if row["number"] == "layer"]
    assert changes == []
    length = [row for row in number_differences(table) if row["number"] == "participation_ratio"]
    assert [(row["axis"], row["here"], row["there"], row["known_there"]) for row in length] == [
        ("layers", "1", "2", 6)
    ]


def test_one_seed_is_too_few_and_no_rows_are_nothing() -> None:
    assert {row["verdict"] for row in claim_shares(rows(1))} == {"too few"}
    assert {row["verdict"] for row in verdicts(rows(1))} == {"too few"}
    for summed in (claim_shares, spreads, verdicts, share_differences, number_differences):
        assert summed([]) == []
    assert summaries([]) == []
