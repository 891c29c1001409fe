"""Files that version 0.1 wrote are read, with the values that it had put there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import nullcline as nc
from docs import refresh
from nullcline._support.records import unpack
from nullcline.compat.fpf import FixedPoints as FinderPoints
from nullcline.study.results import NetworkAnalysis
from nullcline.study.settings import AnalysisSettings
from nullcline.training import CheckpointError, TrainingSettings, load_checkpoint, train
from testing.tiny_study import tiny_corpus

FOLDER = Path(__file__).parent / "fixtures" / "old_files"
POINT = (0.20169404939617933, 0.18138330102737446, -0.3887795989533616, 0.17983421870961233)
"""The one fixed point of the layer that the files of points are of."""


def test_a_checkpoint_is_read() -> None:
    found = load_checkpoint(FOLDER / "network")
    assert found.settings == TrainingSettings(
        hidden_size=4, embedding_size=3, epochs=2, batch_size=16, dropout=0.2, learning_rate=1e-3,
        classes=2,
    )  # fmt: skip
    assert [epoch.validation_loss for epoch in found.history] == [
        0.6621596018473307,
        0.6570084889729818,
    ]
    assert (found.corpus, found.best_epoch) == ("synthetic", 2)
    assert (found.test_accuracy, found.train_accuracy) == (0.5, 0.47619047619047616)
    assert len(found.vocabulary) == 15
    untrained = found.model(trained=False).readout.weight
    assert not found.model().readout.weight.equal(untrained)


def test_an_unfinished_run_is_not_read_but_trained_anew(tmp_path: Path) -> None:
    """Its state is a pickle."""
    folder = shutil.copytree(FOLDER / "unfinished-network", tmp_path / "run")
    settings = load_checkpoint(FOLDER / "network").settings
    with pytest.raises(CheckpointError, match=r"progress\.pt, a pickle, which is not read"):
        train(tiny_corpus(), settings, folder, device="cpu", progress=False)
    found = train(tiny_corpus(), settings, folder, device="cpu", resume=False, progress=False)
    fresh = train(tiny_corpus(), settings, tmp_path / "fresh", device="cpu", progress=False)
    assert found.history[1].training_loss == fresh.history[1].training_loss
    assert not (folder / "progress.pt").exists()


def test_an_analysis_is_read_and_says_what_it_said() -> None:
    found = NetworkAnalysis.load(FOLDER / "network" / "analysis.npz")
    results = json.loads((FOLDER / "results.json").read_text("utf-8"))
    said = found.to_json()
    for layer_said in said["layers"]:
        assert layer_said["search"].pop("minimum") == 0  # a kind that files of then do not have
    assert said == results["networks"][0]
    (layer,) = found.layers
    assert layer.points.h.shape == (6, 4)
    assert layer.points.cell is None
    assert layer.dynamics is not None
    assert layer.dynamics.line is not None
    assert isinstance(layer.dynamics.line.visited, tuple)


def test_an_analysis_that_is_read_can_be_written_again(tmp_path: Path) -> None:
    found = NetworkAnalysis.load(FOLDER / "network" / "analysis.npz")
    found.save(tmp_path / "analysis.npz")
    assert NetworkAnalysis.load(tmp_path / "analysis.npz").to_json() == found.to_json()


def test_the_settings_of_an_analysis_are_read() -> None:
    record = json.loads((FOLDER / "network" / "analysis.json").read_text("utf-8"))
    assert unpack(AnalysisSettings, record) == AnalysisSettings(
        n_starts=6, n_sample=25, n_reviews=5, n_words=6
    )


def test_the_tables_of_old_studies_can_be_written_again(tmp_path: Path) -> None:
    """What docs/study holds makes the tables of docs/study.md, to the letter."""
    docs = Path(__file__).parent.parent / "docs"
    page = Path(shutil.copy(docs / "study.md", tmp_path))
    results = [
        json.loads(path.read_text("utf-8")) for path in sorted((docs / "study").glob("*.json"))
    ]
    refresh.write_study(results, page)
    assert page.read_text("utf-8") == (docs / "study.md").read_text("utf-8")


def test_the_results_of_a_study_of_version_0_1_make_a_table() -> None:
    results = json.loads((FOLDER / "study-results.json").read_text("utf-8"))
    table = refresh.network_table(results["rows"]).splitlines()
    assert [line.split(" | ")[1].split("]")[0] for line in table[2:]] == ["[LSTM", "[vanilla"]


def test_points_are_read() -> None:
    found = nc.FixedPoints.load(FOLDER / "points.npz")
    np.testing.assert_allclose(found.h, np.tile(POINT, (5, 1)), rtol=1e-12)
    assert found.kind.tolist() == ["fixed"] * 5
    assert (found.inputs, found.condition, found.tol_unique) == (None, None, 1e-3)


def test_points_of_conditions_are_read() -> None:
    found = nc.FixedPoints.load(FOLDER / "points-of-conditions.npz")
    assert found.condition is not None
    assert found.inputs is not None
    assert found.condition.tolist() == ["rest"] * 5 + ["go"] * 5
    assert found.inputs[0] == pytest.approx(np.random.default_rng(1).normal(size=3))


def test_points_of_the_finder_are_read() -> None:
    found = FinderPoints()
    found.restore(FOLDER / "finder-points.npz")
    np.testing.assert_allclose(found.xstar, [POINT], rtol=1e-12)
    assert found.kind.tolist() == ["fixed"]
    assert found.dtype == np.float64
