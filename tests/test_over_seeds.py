"""What holds over many networks: Wilson's intervals, quartiles, and whose networks they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest

from nullcline.study.network_rows import CLAIM, network_rows
from nullcline.study.over_seeds import claim_shares, spreads, summaries
from nullcline.sweeps.statistics import quartiles, wilson_interval
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


def test_rows_of_other_jobs_are_passed_over() -> None:
    assert summaries([{"n": 1}]) == []
    claims, numbers = summaries([{"n": 1}, *rows()])
    assert claims.rows == claim_shares(rows())
    assert numbers.columns[-5:] == ["least", "lower", "median", "upper", "greatest"]
    assert any(name.startswith(CLAIM) for name in rows()[0])
