"""The pages over seeds: all that they say is made of committed rows, whatever rows there are."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from docs import (
    over_seeds,
    seeds_changes,
    seeds_figures,
    seeds_numbers,
    seeds_results,
    seeds_tables,
    seeds_whole_reviews,
)
from docs.seeds_formats import NOTHING
from docs.seeds_selection import capped, usual_units
from nullcline.cli.job_file import read_jobs
from nullcline.study.network_rows import CLAIM, network_rows
from nullcline.sweeps.statistics import wilson_interval
from nullcline.sweeps.tables import write_table
from nullcline.training import TrainingSettings
from testing.marked import with_tables
from testing.study_samples import dynamics, layer, network
from testing.tiny_study import tiny_corpus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nullcline.sweeps import Job

Row = dict[str, Any]

DOCS = Path(__file__).parent.parent / "docs"


def networks(
    seeds: int = 7, depth: int = 1, *, linear: int | None = None, **changes: Any
) -> list[Row]:
    """Return rows of networks, in so many of which the claim about linearity holds."""
    of_last = dynamics(next_change_r2=0.9)
    layers = [layer(number + 1) for number in range(depth - 1)] + [layer(depth, dynamics=of_last)]
    (*own,) = network_rows(network(*layers), TrainingSettings(hidden_size=64))
    holds = seeds if linear is None else linear
    return [
        {
            **row,
            "job": "0",
            "corpus": "imdb",
            "max_tokens": 200,
            "patience": 1,
            "test_accuracy": row["test_accuracy"] + seed / 1000,
            f"{CLAIM}linear": seed < holds,
            **changes,
            "seed": seed,
            "checkpoint_sha256": f"{seed}-{depth}-{sorted(changes.items())}",
        }
        for seed in range(seeds)
        for row in own
    ]


def sweep_folder(folder: Path, rows: Sequence[Row], left_out: Sequence[Row] = ()) -> Path:
    """Return a folder with the tables of a finished sweep."""
    folder.mkdir(parents=True)
    write_table(folder / "results.csv", rows, {})
    write_table(folder / "untrained.csv", left_out, {})
    jobs = []
    for key in ("0", "1"):  # all rows are of the first one
        for kind, name in (("analyses", "job"), ("networks", "settings")):
            place = folder / kind / "imdb" / f"gru-{key}"
            place.mkdir(parents=True)
            record = {"key": f"{key}0f", "history": [{"seconds": 1800.0}] * 2}
            (place / f"{name}.json").write_text(json.dumps(record))
        jobs.append({"job": key, "cpu_seconds": 3600.0, "machine": "one core", "reason": None})
    write_table(folder / "jobs.csv", jobs, {})
    return folder


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """Return a copy of the pages, without results over seeds."""
    for name in sorted({Path(page).parts[0] for page in over_seeds.PAGES} | {"study", "imdb"}):
        source, target = DOCS / name, tmp_path / "docs" / name
        target.parent.mkdir(exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copyfile)(source, target)
    return tmp_path / "docs"


WHOLE: dict[str, Any] = {"max_tokens": None, "patience": None}


def every() -> list[Row]:
    """Return rows of all that the pages speak of."""
    return [
        *networks(20, corpus="sst", **WHOLE),
        *networks(20, corpus="sst", cell="lstm", linear=9, **WHOLE),
        *networks(8, linear=0), *networks(8, cell="rnn", linear=7),
        *networks(5, depth=3), *networks(3, hidden_size=256, linear=0),
        *networks(1, hidden_size=256, **WHOLE),
    ]  # fmt: skip


def between(page: str, mark: str) -> str:
    return page.split(f"<!-- {mark} -->\n")[1].split("\n<!-- end -->", maxsplit=1)[0]


def test_one_command_makes_pages_and_figures_of_sweeps(tmp_path: Path, docs: Path) -> None:
    rows = every()
    left_out = [{"corpus": "imdb", "cell": "rnn", "layers": 1, "hidden_size": 64, "seed": 8,
                 "why": "not trained"}]  # fmt: skip
    half = len(rows) // 2
    folders = [
        sweep_folder(tmp_path / "one", rows[:half], left_out),
        sweep_folder(tmp_path / "two", rows[half - 3 :]),  # some are in both
    ]
    over_seeds.main(folders, docs)
    claims = (docs / "claims.md").read_text("utf-8")
    low, high = wilson_interval(9, 20)
    study = between((docs / "study.md").read_text("utf-8"), "seeds-claims")
    assert f"~ 9 of 20, {100 * low:.0f}–{100 * high:.0f}%" in study
    assert "| sst | GRU | 64 | ✓ 20 of 20, 84–100%" in study
    assert "✗ 0 of 8, 0–32%" in study
    assert "| 0 of 3, 0–56% |" in study.replace("| 256 |", "|")  # too few, and said without a mark
    depth = between(claims, "verdicts-depth")
    assert "| imdb, GRU | 64 | 1, 3 | 5 of 5, 57–100% | **too few** |" in depth
    assert "depends** on the seed and the kind" in between(claims, "verdicts-lines")
    changed = between(claims, "changes")
    assert "1: imdb, vanilla" in changed  # linear, which its single network said no to
    assert "| imdb | rnn | 1 | 64 | 8 | not trained |" in between(claims, "left-out")
    assert "1 network is in no share" in claims
    assert between(claims, "seeds-made").count("| 1.0 h | 1.0 h | one core |") == 2
    imdb = (docs / "imdb.md").read_text("utf-8")
    assert "| GRU | 1 | 256 | all | 1 |" in between(imdb, "whole-reviews")
    assert "| GRU | 256 | 1 | 1 |" in between(imdb, "whole-reviews-rotations")
    assert "| GRU | 256 | 1 | 3 |" in between(imdb, "seeds-rotations")
    by_cell = between((docs / "study" / "claims-by-cell.md").read_text("utf-8"), "by-cell-sst")
    assert "| claim | layers | units | GRU | LSTM |" in by_cell
    assert "| linear | 1 | 64 | ✓ 20 of 20 | ~ 9 of 20 |" in by_cell
    for name in ("seeds-claims", "seeds-papers-claims", "seeds-numbers", "seeds-depth"):
        assert (docs / "images" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    # From what is committed alone, the same.
    before = {path: path.read_bytes() for path in docs.rglob("*") if path.is_file()}
    over_seeds.main([], docs)
    assert {path: path.read_bytes() for path in docs.rglob("*") if path.is_file()} == before
    assert (docs / "seeds" / "networks.csv.gz").stat().st_size < 100_000


def test_results_of_other_machines_are_added(tmp_path: Path, docs: Path) -> None:
    rows = networks(5)
    anew = [{**row, "checkpoint_sha256": "another", "test_accuracy": 0.5} for row in rows[:3]]
    without = [{"corpus": "imdb", "cell": "rnn", "layers": 1, "hidden_size": 64, "seed": 8,
                "why": "not trained"}]  # fmt: skip
    over_seeds.main([sweep_folder(tmp_path / "one" / "imdb", rows[:3], without)], docs)
    other = sweep_folder(tmp_path / "other" / "imdb", [*anew, *rows[3:]], without)
    over_seeds.main([other], docs, add=True)
    found, made = seeds_results.load(docs / "seeds")
    assert [row["seed"] for row in found] == [0, 1, 2, 3, 4]
    assert [row["test_accuracy"] for row in found] == [row["test_accuracy"] for row in rows]
    assert [one["networks"] for one in made["sweeps"]] == [3, 2]
    assert made["left_out"] == without  # named in both, and counted once
    claims = (docs / "claims.md").read_text("utf-8")
    assert between(claims, "seeds-made").count("docs/seeds/imdb.toml --out imdb") == 2
    over_seeds.main([other], docs)  # without: in place of them
    assert [row["test_accuracy"] for row in seeds_results.load(docs / "seeds")[0]][:3] == [0.5] * 3
    seeds_results.save(found, {**made, "edition": "1.1"}, docs / "seeds")
    with pytest.raises(SystemExit, match=r"are of edition 1\.1"):
        over_seeds.main([other], docs, add=True)


def test_the_slowest_layer_is_counted_network_by_network() -> None:
    taus: dict[int, list[float | None]] = {1: [9, 300, 8], 2: [200, 40, None]}  # None: no end
    rows = [
        {**row, "mean: fixed": 1, "mean: longest_time_constant": taus[row["layer"]][row["seed"]]}
        for row in networks(3, depth=2)
    ]
    cells = seeds_numbers.slowness_by_depth(rows).splitlines()[2].strip("| ").split(" | ")
    assert cells[:4] == ["GRU", "64", "2", "3"]
    assert cells[5] == "9 [8.5, 154]; 120 [80, 160] in 2 of 3, else ∞"
    assert cells[7:] == ["1 in 1, 2 in 2", "250 [225, 275] in 2 of 3, else ∞"]
    lost = [{**row, "mean: fixed": 0, "mean: longest_time_constant": None} for row in rows]
    assert seeds_numbers.slowness_by_depth(lost).splitlines()[2].endswith("| – |")


def test_rotations_are_the_largest_of_all_points_of_a_layer() -> None:
    largest: dict[int, list[Any]] = {
        1: [[0.5, None, 1.25], [0.75]],
        2: [[None], []],
    }  # None: no complex pair there
    leaving: dict[int, list[Any]] = {1: [[0, 0, 2], [0]], 2: [[0], []]}
    rows = [
        {**row, "zero: fixed": len(largest[row["layer"]][row["seed"]]),
         "zero: largest_rotation": largest[row["layer"]][row["seed"]],
         "zero: rotating_outside": leaving[row["layer"]][row["seed"]]}
        for row in networks(2, depth=2)
    ]  # fmt: skip
    cells = seeds_numbers.rotations_by_depth(rows).splitlines()[2].strip("| ").split(" | ")
    assert cells[:5] == ["GRU", "64", "2", "2", "1 [0.875, 1.125], 1 of 2; –, 0 of 1"]


@pytest.mark.parametrize("fit", ["one seed", "untrained", "one corpus", "uneven"])
def test_pages_are_made_of_whatever_there_is(fit: str, tmp_path: Path, docs: Path) -> None:
    rows = {
        "one seed": networks(1),
        "untrained": [*networks(3), *networks(7, cell="lstm", trained=False)],
        "one corpus": networks(6, corpus="synthetic", **WHOLE),
        "uneven": [*networks(20), *networks(3, cell="lstm"), *networks(2, depth=3)],
    }[fit]
    before = between((docs / "imdb.md").read_text("utf-8"), "whole-reviews")
    over_seeds.main([sweep_folder(tmp_path / "sweep", rows)], docs)
    claims = (docs / "claims.md").read_text("utf-8")
    assert not re.search(r"\b(nan|None|inf)\b", claims)
    if fit == "one seed":
        assert "too few" in between(claims, "verdicts-lines")
        assert "holds**" not in claims.split("<!-- verdicts-lines -->")[1]
    if fit == "untrained":
        assert "LSTM" not in between(claims, "over-seeds")
    # A figure is shown if it is drawn.
    for page in over_seeds.PAGES:
        shown = re.findall(r"\(images/(seeds-[a-z-]*\.png)\)", (docs / page).read_text("utf-8"))
        assert all((docs / "images" / name).is_file() for name in shown)
    assert (docs / "images" / "seeds-depth.png").exists() == (fit == "uneven")
    # What no sweep has measured stays.
    assert between((docs / "imdb.md").read_text("utf-8"), "whole-reviews") == before


def test_what_is_no_sweep_of_networks_is_told(tmp_path: Path, docs: Path) -> None:
    with pytest.raises(SystemExit, match="holds no table results: is it the folder of a finished"):
        over_seeds.main([tmp_path], docs)
    other = sweep_folder(tmp_path / "other", [{"job": "1", "n": 3}])
    with pytest.raises(SystemExit, match="no row is of a network"):
        over_seeds.main([other], docs)
    with pytest.raises(SystemExit, match="name the folders of finished sweeps"):
        seeds_results.load(tmp_path)


def test_all_failed_are_said_and_nothing_is_claimed() -> None:
    tables = seeds_tables.every_table(
        networks(4, trained=False), {"left_out": [], "sweeps": []}, [], []
    )
    assert tables["verdicts-lines"] == tables["seeds-claims"] == NOTHING
    assert tables["discussion"] == NOTHING


def test_sizes_are_told_apart_by_intervals_where_few_networks_have_one() -> None:
    nothing: Row = {"left_out": [], "sweeps": []}
    large = [{**row, "test_accuracy": row["test_accuracy"] + 0.1}
             for row in networks(3, hidden_size=256, linear=0)]  # fmt: skip
    tables = seeds_tables.every_table([*networks(8), *large], nothing, [], [])
    (claim,) = re.findall(r"^\| 256 units.*", tables["sizes-claims"], re.MULTILINE)
    assert claim.startswith("| 256 units, not 64 | imdb, GRU, 1 layer | *linear*: ")
    assert "| 0 of 3 | 8 of 8 | −100 (" in claim
    (number,) = re.findall(r"^\| 256 units.*", tables["sizes-numbers"], re.MULTILINE)
    assert "| accuracy |" in number
    assert float(number.split("| ")[-1].strip(" |")) > 0.05  # of three no rate is small
    assert tables["depths-claims"].startswith("Comparisons of claims: 0.")
    same = seeds_tables.every_table([*networks(8), *networks(3, hidden_size=256)], nothing, [], [])
    assert not any("| 256" in same[f"sizes-{what}"] for what in ("claims", "numbers"))


def test_how_far_sizes_are_apart_is_said(tmp_path: Path, docs: Path) -> None:
    rows = [*networks(8), *networks(3, hidden_size=256, linear=0), *networks(3, depth=2)]
    over_seeds.main([sweep_folder(tmp_path / "sweep", rows)], docs)
    said = between((docs / "claims.md").read_text("utf-8"), "discussion")
    assert re.search(
        r"256 units and of 64 \(imdb, GRU, 1 layer\): .* for 0 of \d+ numbers and 1 of \d+ claims",
        said,
    )
    assert "2 layers): the interval" not in said  # of one size alone


CLAIMS_OF_ONE = (
    "1 layer: the first two components explain near 80% of the variance",
    "1 layer: the untrained network needs many more components",
)


def test_what_whole_reviews_change_is_said_beside_the_capped_networks_of_the_page() -> None:
    shares = [0.6, 0.15, 0.25]
    point = {"kind": "fixed"}
    page = [
        {"n_layers": depth, "test_accuracy": 0.8, "validation_loss": 0.25,
         "layers": [{"explained_variance_ratio": shares, "points": [point, {"kind": "slow"}]}]}
        for depth in (1, 2)
    ]  # fmt: skip
    agree, differ = CLAIMS_OF_ONE
    own: Row = {
        **WHOLE, "test_accuracy": 0.825, "validation_loss": 0.2, "variance_of_two": 0.5,
        "fixed": 3, "slow": 0, "zero: rotating_outside": [0, 2],
        "zero: largest_rotation": [None, 1.25],
        f"{CLAIM}{agree}": True, f"{CLAIM}{differ}": False,
    }  # fmt: skip
    (whole,) = networks(1, hidden_size=256, **own)
    single = [{"cell": "gru", "claim": claim, "holds": True} for claim in CLAIMS_OF_ONE]
    rows = [*networks(3, hidden_size=256), whole]
    beside = seeds_whole_reviews.depths_beside_page(rows, page).splitlines()[2:]
    assert beside == ["| 1 | 80.00% | 82.50% | 0.250 | 0.200 | 75% | 50% | 1, 1 | 3, 0 |"]
    papers = seeds_whole_reviews.papers_claims_of_whole(rows, single)
    assert papers.splitlines()[2:] == [f"| {agree} | ✓ | ✓ |", f"| {differ} | ✓ | ✗ |"]
    accuracy, of_papers, rotations = seeds_whole_reviews.changed(rows, page, single).splitlines()
    assert accuracy.endswith(": +2.5 (1).")
    assert of_papers.endswith(f": of 2, 1 are answered as in the capped networks of this page, "
                              f"and 1 otherwise: “{differ}” fails now.")  # fmt: skip
    assert "leave a fixed point of layer 1 of 1 (|λ| = 1.25), and of no other of" in rotations
    still = {**whole, "zero: rotating_outside": [0, 0]}
    assert "leave no fixed point of" in seeds_whole_reviews.changed([still], page, single)
    assert seeds_whole_reviews.changed(rows[:3], page, single) == ""


def test_infinite_time_constants_are_counted() -> None:
    rows = networks(4)
    taus: list[list[float | None]] = [[None, 3.0], [8.0, 3.0], [10.0], [None]]
    told = [{**row, "time_constants": tau} for row, tau in zip(rows, taus, strict=True)]
    assert "| 9 [8.5, 9.5] in 2 of 4, else ∞ |" in seeds_numbers.numbers_by_kind(told)
    none = [{**row, "time_constants": [None]} for row in rows]
    assert "| ∞ |" in seeds_numbers.numbers_by_kind(none)


def test_rotations_that_leave_are_counted_by_layer_and_kind() -> None:
    def of(cell: str, turns: int, layer: int) -> list[Row]:
        return [
            {**row, "mean: rotating_outside": [2 if row["layer"] == layer and at < turns else 0]}
            for at in range(3)
            for row in networks(1, depth=2, cell=cell, checkpoint=at)
        ]

    rows = [{**row, "checkpoint_sha256": f"{row['cell']}-{row['checkpoint']}"}
            for row in [*of("gru", 1, layer=2), *of("leaky", 2, layer=1)]]  # fmt: skip
    assert seeds_changes.of_rotations(rows) == (
        "Rotations leave a fixed point, at any of the inputs, of first layers in 2 of 6 networks "
        "(imdb, leaky, 2 of 3), of upper layers in 1 of 6 networks (imdb, GRU, 1 of 3)."
    )


def test_whole_reviews_are_no_part_of_what_is_said_of_the_capped() -> None:
    rows = every()
    assert len(rows) - len(capped(rows)) == 1
    assert capped(networks(2, max_tokens=None)) == networks(2, max_tokens=None)


def test_committed_results_are_of_both_formats(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    rows = networks(2)
    write_table(tmp_path / "results.csv", rows, {})
    of_csv = seeds_results.read_table(tmp_path, "results")
    write_table(tmp_path / "results.parquet", rows, {})
    of_parquet = seeds_results.read_table(tmp_path, "results")
    assert not (tmp_path / "results.csv").exists()
    assert len(of_csv) == len(of_parquet) == 2
    for one, other in zip(of_csv, of_parquet, strict=True):
        assert seeds_results._kept(one) == seeds_results._kept(other)


def test_what_the_single_networks_said_is_that_of_their_pages() -> None:
    found = over_seeds.single_networks(DOCS)
    linear = [row for row in found if row["claim"] == "linear"]
    assert (sum(row["holds"] for row in linear), len(linear)) == (3, 12)
    papers = [row for row in found if row["claim"][0] in "13"]
    assert (sum(row["holds"] for row in papers), len(papers)) == (4, 12)


def test_the_pages_are_what_the_committed_results_make_of_them() -> None:
    if not (DOCS / "seeds" / seeds_results.NETWORKS).is_file():
        pytest.skip("there are no committed results over seeds")
    rows, made = seeds_results.load(DOCS / "seeds")
    tables = {
        **over_seeds.tables_of(rows, made, DOCS),
        **seeds_figures.lines_of(DOCS / "images", usual_units(rows)),
    }
    for name in over_seeds.PAGES:
        page = (DOCS / name).read_text("utf-8")
        assert with_tables(page, tables) == page
    size = sum(path.stat().st_size for path in (DOCS / "seeds").iterdir())
    assert size < 1_500_000


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.11 reads TOML")
def test_the_lists_of_networks_are_sweeps_of_networks_that_share_no_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    corpus = tiny_corpus()
    monkeypatch.setattr("nullcline.study.networks.load_corpus", lambda *_, **__: corpus)
    jobs: list[Job] = []
    n_networks = {}
    for path in sorted((DOCS / "seeds").glob("*.toml")):
        own = read_jobs(path, data_dir=None, device=None, threads=1, progress=False)
        n_networks[path.stem] = len({job.needs[0].key for job in own})
        jobs += own
        assert f"nullcline sweep docs/seeds/{path.name} " in path.read_text("utf-8")
    # IMDB's: of each cell 8 of one layer, 6 of two and of three, 3 of 256 units; and GRUs.
    expected = {"imdb": 5 * (8 + 2 * 6 + 3) + 7, "imdb-whole": 4, "sst": 100, "synthetic": 100}
    assert n_networks == expected
    places = {(job.place, job.needs[0].place) for job in jobs if "sst" not in job.place}
    assert len(places) == len({job.key for job in jobs})
