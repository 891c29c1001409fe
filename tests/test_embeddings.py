"""Whether word vectors change a number: made-up networks of which the answer is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import f_oneway, kruskal, permutation_test, rankdata

from nullcline.study.embeddings import (
    CHANGES,
    OBSERVATIONS,
    SAME,
    UNKNOWN,
    compare_embeddings,
    embedding_of,
    embedding_sections,
    summarize_by_embedding,
)
from nullcline.study.network_rows import CLAIM, network_rows
from nullcline.study.over_seeds import summaries
from nullcline.sweeps.comparison import compare, holm
from nullcline.training import TrainingSettings
from testing.study_samples import dynamics, layer, network

Row = dict[str, Any]

# The comparison of groups


def groups(sizes: tuple[int, ...], apart: float = 0.0, seed: int = 0) -> list[list[float]]:
    rng = np.random.default_rng(seed)
    return [rng.normal(apart * i, size=size).tolist() for i, size in enumerate(sizes)]


@pytest.mark.parametrize("apart", [0.0, 0.7])
@pytest.mark.parametrize("sizes", [(5, 5, 5), (3, 9), (8, 8, 8, 8, 8)])
def test_the_statistic_is_kruskal_and_walliss(sizes: tuple[int, ...], apart: float) -> None:
    numbers = [np.round(group, 1).tolist() for group in groups(sizes, apart)]  # with ties
    found = compare(numbers)
    assert found.statistic == pytest.approx(kruskal(*numbers).statistic)
    ranks = np.split(rankdata(np.concatenate(numbers)), np.cumsum(sizes)[:-1])
    f = f_oneway(*ranks).statistic
    within = sum(sizes) - len(sizes)
    share = f * (len(sizes) - 1) / (f * (len(sizes) - 1) + within)
    assert found.between == pytest.approx(share)
    assert found.low <= found.between


@pytest.mark.parametrize("apart", [0.0, 1.0])
def test_p_is_that_of_all_permutations(apart: float) -> None:
    numbers = groups((3, 6), apart)

    def statistic(*parts: Any) -> float:
        return float(kruskal(*parts).statistic)

    every = permutation_test(numbers, statistic, n_resamples=10**6, alternative="greater")
    assert compare(numbers).p == pytest.approx(every.pvalue, abs=0.02)


def test_alike_groups_are_seldom_told_apart_and_different_ones_often() -> None:
    alike = [compare(groups((6, 6, 6), seed=seed)).p < 0.05 for seed in range(60)]
    apart = [compare(groups((6, 6, 6), 1.5, seed)).p < 0.05 for seed in range(20)]
    assert sum(alike) <= 8  # of which 60 × 5% are to be expected
    assert sum(apart) >= 18


def test_the_bounds_hold_the_share_they_bound() -> None:
    means = np.array([0.0, 0.8, 1.6])
    true = means.var() / (1 + means.var())
    rng = np.random.default_rng(1)
    found = [compare([rng.normal(mean, size=8).tolist() for mean in means]) for _ in range(100)]
    assert sum(one.low > true for one in found) <= 12
    assert sum(one.high < true for one in found) <= 12
    assert np.mean([one.high - one.low for one in found]) < 0.6


def test_more_numbers_give_a_narrower_interval() -> None:
    few, many = (compare(groups((size,) * 4)) for size in (4, 40))
    assert many.high < few.high


def test_groups_that_do_not_overlap_lie_apart_by_all_of_their_spread() -> None:
    found = compare([[0, 0, 0], [1, 1, 1]])
    assert (found.between, found.low, found.high) == (1, 1, 1)
    assert found.p == pytest.approx(2 / 20, abs=0.02)


def test_equal_numbers_have_no_spread() -> None:
    found = compare([[2.0] * 5, [2.0] * 5])
    assert not found.varies
    assert (found.p, found.between, found.high) == (1, 0, 0)


def test_groups_more_alike_than_by_chance_still_vary() -> None:
    found = compare([[1, 2, 3, 4, 5]] * 4)
    assert found.varies
    assert (found.p, found.high) == (1, 0)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [([[1, 2]], "two or more"), ([[1, 2], [3]], "two or more"), ([[1, 2], [3, np.nan]], "NaN")],
)
def test_groups_that_cannot_be_compared_are_refused(wrong: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        compare(wrong)


def test_holms_adjustment_is_that_of_his_paper() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.5]) == [1, 1]
    assert holm([]) == []


# Rows of a sweep

KINDS = ((None, False), (None, True), ("word2vec", False), ("random", True))


def made_up(seeds: int = 8, corpus: str = "sst", **more: Any) -> list[Row]:
    """Return rows whose accuracy depends on the vectors alone, and whose τ on the seed alone."""
    rng = np.random.default_rng(0)
    return [
        {
            "corpus": corpus, "cell": "gru", "n_layers": 1, "hidden_size": 64, "split": "test",
            "layer": 1, "vectors": vectors, "frozen_vectors": frozen, "seed": seed,
            "test_accuracy": 0.7 + 0.1 * kind + 0.001 * rng.random(),
            "time_constants": [50.0 + seed, 3.0], "fixed": 1, "line_width": rng.random() + kind / 5,
            f"{CLAIM}a line": True, f"{CLAIM}frozen": frozen, f"{CLAIM}another depth": None,
            **more,
        }
        for kind, (vectors, frozen) in enumerate(KINDS)
        for seed in range(seeds)
    ]  # fmt: skip


def verdicts(rows: list[Row]) -> dict[str, str]:
    return {row["number"]: row["verdict"] for row in compare_embeddings(rows)}


def test_what_vectors_change_and_what_they_do_not_is_told_apart() -> None:
    found = verdicts(made_up())
    assert found["test_accuracy"] == CHANGES
    assert found["time_constants"] == SAME
    assert found["fixed"] == SAME
    assert found[f"{CLAIM}a line"] == SAME
    assert found[f"{CLAIM}frozen"] == CHANGES
    assert f"{CLAIM}another depth" not in found


def test_of_few_networks_nothing_is_told() -> None:
    found = verdicts(made_up(seeds=2))
    assert {found["time_constants"], found["fixed"], found[f"{CLAIM}a line"]} == {UNKNOWN}
    assert compare_embeddings(made_up(seeds=1)) == []


def test_the_kinds_that_differ_are_named_with_their_medians() -> None:
    accuracy = next(r for r in compare_embeddings(made_up()) if r["number"] == "test_accuracy")
    assert accuracy["lowest"] == "GloVe, learned"
    assert accuracy["highest"] == "random, frozen"
    assert accuracy["at_lowest"] == pytest.approx(0.7, abs=0.001)
    assert accuracy["at_highest"] == pytest.approx(1.0, abs=0.001)
    assert (accuracy["kinds"], accuracy["networks"]) == (4, 32)
    line = next(r for r in compare_embeddings(made_up()) if r["number"] == f"{CLAIM}frozen")
    assert (line["at_lowest"], line["at_highest"]) == (0, 1)


def test_an_infinite_time_constant_is_the_longest() -> None:
    rows = [{**row, "time_constants": [None, 3.0]} for row in made_up() if row["frozen_vectors"]]
    rows += [row for row in made_up() if not row["frozen_vectors"]]
    longest = next(row for row in compare_embeddings(rows) if row["number"] == "time_constants")
    assert longest["verdict"] == CHANGES
    assert longest["at_lowest"] == 53.5
    assert (longest["highest"], longest["at_highest"]) == ("random, frozen", None)
    found = {(row["number"], row["embedding"]): row for row in summarize_by_embedding(rows)}
    assert found["time_constants", "random, frozen"]["upper"] is None
    nothing = [{**row, "time_constants": None} for row in rows]
    assert "time_constants" not in verdicts(nothing)


def test_p_is_adjusted_for_the_numbers_that_vary() -> None:
    rows = compare_embeddings(made_up())
    varied = [row for row in rows if row["number"] not in {"fixed", f"{CLAIM}a line"}]
    adjusted = holm([row["p"] for row in varied])
    assert [row["adjusted_p"] for row in varied] == adjusted


def test_networks_of_other_settings_are_compared_apart() -> None:
    for setting in ("embedding_size", "alpha", "dropout"):
        both = [{**row, setting: value} for row in made_up() for value in (0.1, 0.2)]
        varied = compare_embeddings(both)
        assert {(row[setting], row["networks"]) for row in varied} == {(0.1, 32), (0.2, 32)}
    rows = made_up() + made_up(corpus="synthetic") + made_up(max_tokens=50)
    found = compare_embeddings(rows)
    assert {(row["corpus"], row["max_tokens"]) for row in found} == {
        ("sst", None), ("sst", 50), ("synthetic", None),
    }  # fmt: skip
    assert {row["networks"] for row in found} == {32}


def test_claims_are_compared_once_for_a_network_of_several_layers() -> None:
    rows = made_up(n_layers=2) + made_up(n_layers=2, layer=2)
    found = [row["layer"] for row in compare_embeddings(rows) if row["number"] == f"{CLAIM}frozen"]
    assert found == [2]


def test_medians_are_given_by_kind() -> None:
    found = {(row["number"], row["embedding"]): row for row in summarize_by_embedding(made_up())}
    median = found["time_constants", "word2vec, learned"]
    assert (median["median"], median["lower"], median["upper"]) == (53.5, 51.75, 55.25)
    assert found[f"{CLAIM}frozen", "random, frozen"]["median"] == 1
    assert "lower" not in found[f"{CLAIM}frozen", "random, frozen"]


@pytest.mark.parametrize(
    ("corpus", "vectors", "frozen", "said"),
    [
        ("sst", None, False, "GloVe, learned"),
        ("synthetic", None, True, "generated, frozen"),
        ("sst", "fasttext", None, "fasttext, learned"),
        ("sst", "some/folder/mine.vec", True, "mine.vec, frozen"),
    ],
)
def test_vectors_are_named_in_words(
    corpus: str, vectors: str | None, frozen: bool | None, said: str
) -> None:
    assert embedding_of({"corpus": corpus, "vectors": vectors, "frozen_vectors": frozen}) == said


def test_a_sweep_over_vectors_has_the_sections_and_another_has_not() -> None:
    rows = [
        row
        for vectors in (None, "random")
        for seed in range(3)
        for row in network_rows(
            network(layer(1, dynamics=dynamics())), TrainingSettings(seed=seed, vectors=vectors)
        )
    ]
    names = [section.name for section in summaries(rows)]
    assert names[-2:] == ["embeddings", "by-embedding"]
    assert set(OBSERVATIONS) <= {row["number"] for row in compare_embeddings(rows)}
    assert embedding_sections([row for row in rows if row["vectors"] is None]) == []
    assert compare_embeddings([]) == []
    assert compare_embeddings([{"of": "another job"}]) == []
