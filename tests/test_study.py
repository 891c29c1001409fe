"""The widened study, run as a user runs it: a table of cells and corpora, and pages behind it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from nullcline.cli import main
from nullcline.study.analysis import analyse
from nullcline.study.line_attractor_claims import LINE_ATTRACTOR_CLAIMS
from nullcline.study.networks import analyse_or_load
from nullcline.study.reproduce import write_page
from nullcline.study.settings import AnalysisSettings
from nullcline.study.study import study
from nullcline.study.table import say_time_constants, table_rows
from nullcline.study.training_size import draw_sizes
from nullcline.training import CELLS, CheckpointError, train
from testing.study_samples import dynamics, layer, network
from testing.tiny_study import SETTINGS, tiny_corpus

if TYPE_CHECKING:
    from pathlib import Path

    from nullcline.study.results import NetworkAnalysis
    from nullcline.training import Checkpoint

SMALL = ["--hidden-size", "5", "--epochs", "2", "--starts", "12", "--quiet"]


@pytest.fixture(scope="module", autouse=True)
def _small() -> Any:
    """Give the generated corpus a few short reviews, and leave figures to the tests of figures."""

    def load(name: str, *, classes: int | None = None, **_: object) -> Any:
        if name == "nowhere":
            raise ValueError("name must be 'synthetic', 'imdb', 'sst' or the path of a CSV file")
        return tiny_corpus(classes=classes or 2)

    def save(_: object, path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"as good as a picture")
        return path

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nullcline.study.study.load_corpus", load)
        patch.setattr("nullcline.study.figures.save_figure", save)
        yield


def run(out: Path, *options: str) -> dict[str, Any]:
    assert main(["reproduce", "--out", str(out), *options, *SMALL]) == 0
    results: dict[str, Any] = json.loads((out / "results.json").read_text("utf-8"))
    return results


@pytest.fixture(scope="module")
def by_cell(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("study") / "out"
    run(out, "--cells", *CELLS)
    return out


def test_every_cell_has_a_row_and_a_page(by_cell: Path) -> None:
    results = json.loads((by_cell / "results.json").read_text("utf-8"))
    assert [row["cell"] for row in results["rows"]] == list(CELLS)
    for row in results["rows"]:
        assert (by_cell / row["page"]).is_file()
        of_page = json.loads((by_cell / row["page"]).with_name("results.json").read_text("utf-8"))
        (only,) = of_page["networks"]
        assert only["cell"] == row["cell"]
        assert only["test_accuracy"] == row["test_accuracy"]
        assert only["layers"][0]["participation_ratio"] == row["participation_ratio"]
    assert [claim["of"] for claim in results["claims"]] == [4] * len(LINE_ATTRACTOR_CLAIMS)
    for claim in results["claims"]:
        assert claim["holds"] == sum(network["holds"] for network in claim["networks"])


def test_the_summary_links_to_pages_that_are_there(by_cell: Path) -> None:
    page = (by_cell / "index.html").read_text("utf-8")
    links = re.findall(r'<a href="([^"#][^"]*)"', page)
    assert links == [f"pages/synthetic-{cell}/index.html" for cell in CELLS]
    for link in links:
        below = (by_cell / link).read_text("utf-8")
        assert below.count("data:image/png;base64,") >= 4
        for figure in re.findall(r'<a href="(figures/[^"]*)"', below):
            assert (by_cell / link).with_name(figure.split("/")[0]).is_dir()
    assert "The paper's claims" in (by_cell / links[0]).read_text("utf-8")
    assert "The paper's claims" not in (by_cell / links[1]).read_text("utf-8")


def test_resuming_a_study_redoes_nothing(by_cell: Path) -> None:
    def written() -> dict[str, int]:
        files = (by_cell / "networks").rglob("*")
        return {str(path): path.stat().st_mtime_ns for path in files if path.is_file()}

    before = written()
    rows = json.loads((by_cell / "results.json").read_text("utf-8"))["rows"]
    assert run(by_cell, "--cells", *CELLS, "--resume")["rows"] == rows
    assert written() == before


def test_a_study_does_not_overwrite(by_cell: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "--out", str(by_cell), "--cells", "gru", *SMALL]) == 1
    assert "holds results already" in capsys.readouterr().err


def test_one_flag_varies_the_training_reviews(tmp_path: Path) -> None:
    results = run(tmp_path, "--train-sizes", "20", "60", "all")
    assert [row["n_train"] for row in results["rows"]] == [20, 60, 84]
    assert len({row["page"] for row in results["rows"]}) == 3
    assert all(row["train_accuracy"] is not None for row in results["rows"])
    assert (tmp_path / "figures" / "train-size.png").read_bytes().startswith(b"\x89PNG")
    assert "From few reviews to many" in (tmp_path / "index.html").read_text("utf-8")


def test_one_flag_names_the_reviews_whose_states_are_analysed(tmp_path: Path) -> None:
    results = run(tmp_path, "--splits", "train", "validation", "test")
    assert [row["split"] for row in results["rows"]] == ["train", "validation", "test"]
    pages = [tmp_path / row["page"] for row in results["rows"]]
    n_states = [
        json.loads(page.with_name("results.json").read_text("utf-8"))["networks"][0]["layers"][0][
            "n_states"
        ]
        for page in pages
    ]
    assert n_states[0] > max(n_states[1:])
    assert len(list((tmp_path / "networks").rglob("weights.safetensors"))) == 1
    assert not (tmp_path / "figures").exists()


def test_seeds_and_sizes_are_told_apart_in_the_table_and_in_the_folder(tmp_path: Path) -> None:
    words = ["--seeds", "0:2", "--hidden-sizes", "4", "5", *SMALL[2:]]
    assert main(["reproduce", "--out", str(tmp_path), *words]) == 0
    results = json.loads((tmp_path / "results.json").read_text("utf-8"))
    known = [(row["hidden_size"], row["seed"]) for row in results["rows"]]
    assert known == [(4, 0), (4, 1), (5, 0), (5, 1)]
    assert len({row["page"] for row in results["rows"]}) == 4
    assert results["command"] == (
        "nullcline reproduce --cells gru --corpora synthetic --layers 1 --seeds 0 1 "
        "--hidden-sizes 4 5"
    )
    assert not {"seed", "hidden_size"} & results["settings"]["training"].keys()
    names = {path.name for path in (tmp_path / "networks" / "synthetic").iterdir()}
    assert "gru-4-units-seed-1-1-layer" in names
    page = (tmp_path / "index.html").read_text("utf-8")
    assert '<th class="number">units</th><th class="number">seed</th>' in page
    assert "5 units, seed 1" in page


def test_a_network_that_fails_is_told_and_the_others_are_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes = ["--train-sizes", "20", "4000"]
    assert main(["reproduce", "--out", str(tmp_path), *sizes, *SMALL]) == 1
    assert "4000 is more than the corpus has" in capsys.readouterr().err
    results = json.loads((tmp_path / "results.json").read_text("utf-8"))
    assert [row["n_train"] for row in results["rows"]] == [20]
    (failed,) = results["failed"]
    assert failed["network"] == "1-layer GRU of 5 units on synthetic, 4000 reviews, seed 0"
    page = (tmp_path / "index.html").read_text("utf-8")
    assert '<h2 id="failed">' in page
    assert failed["reason"] in page
    # What failed is tried again, as it may have been mended meanwhile.
    assert main(["reproduce", "--out", str(tmp_path), *sizes, "--resume", *SMALL]) == 1


def test_one_flag_asks_for_more_classes(tmp_path: Path) -> None:
    results = run(tmp_path, "--cells", "ugrnn", "--classes", "3")
    (row,) = results["rows"]
    assert row["classes"] == 3
    assert 0.3 < row["chance"] < 0.4
    assert "--classes 3" in results["command"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cells": ()}, "cells must name at least one"),
        ({"cells": ("gru", "transformer")}, "cell must be one of gru"),
        ({"splits": ("dev",)}, "split must be one of train"),
        ({"layers": (0,)}, "layers must be at least 1"),
        ({"train_sizes": (0,)}, "train_size must be None or at least 1"),
        ({"corpora": ("nowhere",)}, "name must be 'synthetic'"),
    ],
)
def test_what_there_is_not_is_refused(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        study(tmp_path, **changes, progress=False)


# Nothing of one run is shown beside another's


def test_an_analysis_is_of_its_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    analysed: list[str | None] = []

    def analyse(checkpoint: Checkpoint, *_: object, **__: object) -> NetworkAnalysis:
        analysed.append(checkpoint.sha256)
        return network(layer(1), checkpoint_sha256=checkpoint.sha256)

    def load(checkpoint: Checkpoint) -> NetworkAnalysis:
        return analyse_or_load(checkpoint, corpus, AnalysisSettings(), tmp_path, progress=False)

    monkeypatch.setattr("nullcline.study.networks.analyse", analyse)
    corpus = tiny_corpus()
    for seed in (0, 1):
        settings = replace(SETTINGS, epochs=1, seed=seed)
        trained = train(corpus, settings, tmp_path, resume=False, device="cpu", progress=False)
        assert [load(trained).checkpoint_sha256 for _ in range(2)] == [trained.sha256] * 2
    assert len(set(analysed)) == len(analysed) == 2
    earlier = json.loads((tmp_path / "analysis.json").read_text("utf-8"))
    del earlier["edition"]  # of a version that held less
    for senseless in ("", "[]", "{", json.dumps(earlier)):
        (tmp_path / "analysis.json").write_text(senseless)
        assert load(trained).checkpoint_sha256 == trained.sha256
    assert len(analysed) == 6
    network(layer(1)).save(tmp_path / "analysis.npz")
    with pytest.raises(ValueError, match=r"analysis\.npz is damaged, or of another run"):
        load(trained)


def test_a_network_is_analysed_on_its_own_corpus_alone(tmp_path: Path) -> None:
    settings = replace(SETTINGS, epochs=1)
    trained = train(tiny_corpus(), settings, tmp_path, device="cpu", progress=False)
    with pytest.raises(CheckpointError, match="trained on other reviews"):
        analyse(trained, tiny_corpus(seed=1))


def test_an_old_page_is_gone_before_a_new_one_is_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "figures").mkdir()
    for name in ("index.html", "results.json", "figures/figure-2.png", "figures/own.png"):
        (tmp_path / name).write_text("old")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("nullcline.study.reproduce.draw_figures", killed)
    with pytest.raises(KeyboardInterrupt):
        write_page(
            tmp_path, [network(layer(1))], SETTINGS, AnalysisSettings(), command="", seconds=0
        )
    assert list(tmp_path.rglob("*.*")) == [tmp_path / "figures" / "own.png"]


def test_a_corpus_that_changed_is_not_studied_under_its_old_results(
    by_cell: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("nullcline.study.study.load_corpus", lambda *_, **__: tiny_corpus(seed=1))
    arguments = ["reproduce", "--out", str(by_cell), "--cells", "gru", "--resume", *SMALL]
    assert main(arguments) == 1
    assert "holds a run on other reviews" in capsys.readouterr().err


def test_time_constants_in_the_summary_say_what_grows(tmp_path: Path) -> None:
    grown = dynamics(
        time_constants=np.array([58.8, np.inf, 2.5]), growing=np.array([1, 0, 0], bool)
    )
    found = network(layer(1, dynamics=grown))
    (row,) = table_rows(found)
    assert say_time_constants(row) == ["58.8 (growth)", "∞", "2.5"]
    early = {name: value for name, value in row.items() if name != "growing"}
    assert say_time_constants(early) == ["58.8", "∞", "2.5"]
    assert say_time_constants(table_rows(network(layer(1)))[0]) == []
    write_page(tmp_path, [found], SETTINGS, AnalysisSettings(), command="", seconds=0)
    assert "58.8 (growth), ∞, 2.5" in (tmp_path / "index.html").read_text("utf-8")


def test_sizes_are_drawn_only_if_they_differ(tmp_path: Path) -> None:
    few, many = network(layer(1), n_train=100), network(layer(1), n_train=400)
    other = network(layer(1), n_train=400, cell="lstm")
    assert draw_sizes([many, other], tmp_path) is None
    path = draw_sizes([many, few, other], tmp_path)
    assert path is not None
    assert path.read_bytes().startswith(b"\x89PNG")
