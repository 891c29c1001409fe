"""Snapshots along a run: kept where they should be, the same if resumed, named when missing."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from nullcline.study.analysis import analyse, find_points
from nullcline.study.network_rows import network_rows
from nullcline.study.networks import network_jobs
from nullcline.study.results import NetworkAnalysis
from nullcline.study.settings import AnalysisSettings
from nullcline.training import CheckpointError, load_checkpoint, train
from nullcline.training import fit as fit_module
from nullcline.training.checkpoint import remove_run
from nullcline.training.fit import evaluate
from nullcline.training.snapshots import is_kept
from testing.full_disk import files_of_at_most
from testing.tiny_study import SETTINGS, tiny_corpus

if TYPE_CHECKING:
    from pathlib import Path

CORPUS = tiny_corpus()
KEEPING = replace(SETTINGS, snapshot_steps=4)
STEPS = [0, 1, 2, 4, 6, 8, 12, 16, 18]
"""Three epochs of six steps."""

ANALYSIS = AnalysisSettings(n_starts=20, n_sample=50, n_reviews=5, n_words=5, n_threads=1)


def run(directory: Path, **changes: Any) -> Any:
    return train(CORPUS, replace(KEEPING, **changes), directory, device="cpu", progress=False)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kept")
    run(folder)
    return folder


def content(folder: Path) -> dict[str, bytes]:
    """Return what the files of weights in a run's folder hold."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*.safetensors")
    }


def test_weights_are_kept_after_so_many_steps_and_early_ones_and_epochs(kept: Path) -> None:
    checkpoint = load_checkpoint(kept)
    assert [one.step for one in checkpoint.snapshots] == STEPS
    assert [one.epoch for one in checkpoint.snapshots] == [None] * 4 + [1, None, 2, None, 3]
    names = {path.name for path in (kept / "snapshots").iterdir()}
    assert names == {f"step-{step:06d}.safetensors" for step in STEPS[1:]}
    assert {f"snapshots/{name}" for name in names} <= checkpoint.files.keys()
    assert [step for step in range(1, 21) if is_kept(step, 100, 20)] == [1, 2, 4, 8, 16, 20]


def test_the_weights_after_a_step_are_those_of_a_run_of_so_many(kept: Path, tmp_path: Path) -> None:
    one_epoch = run(tmp_path, epochs=1).model().state_dict()
    after = load_checkpoint(kept).at(6).state_dict()
    before = load_checkpoint(kept).at(4).state_dict()
    assert all(torch.equal(one_epoch[name], after[name]) for name in after)
    assert not any(torch.equal(before[name], after[name]) for name in after)


def test_what_is_noted_is_what_the_network_does(kept: Path) -> None:
    checkpoint = load_checkpoint(kept)
    for snapshot in checkpoint.snapshots:
        model = checkpoint.at(snapshot.step)
        found = (
            *evaluate(model, checkpoint.reviews(CORPUS, "validation")),
            *evaluate(model, checkpoint.reviews(CORPUS, "train")),
        )
        noted = (snapshot.validation_loss, snapshot.validation_accuracy,
                 snapshot.training_loss, snapshot.training_accuracy)  # fmt: skip
        assert noted == pytest.approx(found)
    epochs = [one for one in checkpoint.snapshots if one.epoch]
    losses = [one.validation_loss for one in epochs]
    assert losses == [epoch.validation_loss for epoch in checkpoint.history]


def test_within_an_epoch_the_first_reviews_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fit_module, "N_NOTED", 10)
    counts = [(one.n_validation, one.n_training) for one in run(tmp_path, epochs=1).snapshots]
    assert counts == [(36, 10), (10, 10), (10, 10), (10, 10), (36, 10)]


@pytest.mark.parametrize("cell", ["gru", "rnn"])
def test_snapshots_change_nothing_else_of_a_run(tmp_path: Path, cell: str) -> None:
    with_some = run(tmp_path / "with", cell=cell)
    without = run(tmp_path / "without", cell=cell, snapshot_steps=None)
    weights = [load_file(tmp_path / name / "weights.safetensors") for name in ("with", "without")]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert with_some.test_accuracy == without.test_accuracy
    assert not (tmp_path / "without" / "snapshots").exists()
    assert without.snapshots == ()


@pytest.mark.parametrize("stop_at_step", [2, 9, 13])
def test_an_interrupted_run_resumes_to_the_same_snapshots(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop_at_step: int
) -> None:
    step, steps = fit_module._step, 0

    def interrupted(*arguments: Any) -> float:
        nonlocal steps
        steps += 1
        if steps == stop_at_step:
            raise KeyboardInterrupt
        return step(*arguments)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(fit_module, "_step", interrupted)
        run(tmp_path)
    resumed = run(tmp_path)
    assert content(tmp_path) == content(kept)
    assert resumed.snapshots == load_checkpoint(kept).snapshots
    assert resumed.files == load_checkpoint(kept).files


def test_a_full_disk_while_a_snapshot_is_written_loses_nothing(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = fit_module._keep

    def on_a_full_disk(state: Any, snapshot: Any, folder: Path) -> None:
        with files_of_at_most(200 if snapshot.step == 8 else 10**9):
            keep(state, snapshot, folder)

    with monkeypatch.context() as patch:
        patch.setattr(fit_module, "_keep", on_a_full_disk)
        with pytest.raises(OSError, match=r"File too large.*step-000008\.safetensors"):
            run(tmp_path)
    assert (tmp_path / "snapshots" / "step-000006.safetensors").is_file()
    assert not list(tmp_path.rglob("*.partial*"))
    run(tmp_path)
    assert content(tmp_path) == content(kept)


def test_a_run_is_removed_with_its_snapshots(kept: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(kept, folder)
    (folder / "snapshots" / ".step-000004-0a1b2c3d.partial.safetensors").write_bytes(b"")
    remove_run(folder)
    assert list(folder.iterdir()) == []


def test_a_run_that_is_replaced_leaves_no_snapshot(kept: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(kept, folder)
    settings = replace(KEEPING, snapshot_steps=9, epochs=2)
    found = train(CORPUS, settings, folder, device="cpu", resume=False, progress=False)
    names = sorted(path.name for path in (folder / "snapshots").iterdir())
    assert names == [f"step-{one.step:06d}.safetensors" for one in found.snapshots[1:]]


def test_what_a_kill_left_of_a_snapshot_is_tidied_up(kept: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(kept, folder)
    rest = folder / "snapshots" / ".step-000004-0a1b2c3d.partial.safetensors"
    rest.write_bytes(b"")
    run(folder)
    assert not rest.exists()


# Bad input


def test_a_step_that_was_not_kept_is_refused_with_those_that_were(
    kept: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="one of 0, 1, 2, 4, 6, 8, 12, 16, 18, not 5"):
        load_checkpoint(kept).at(5)
    with pytest.raises(ValueError, match="not True"):
        load_checkpoint(kept).at(True)
    without = run(tmp_path, snapshot_steps=None)
    assert torch.equal(without.at(0).readout.weight, without.model(trained=False).readout.weight)
    with pytest.raises(ValueError, match="one of 0, not 4; train with snapshot_steps"):
        without.at(4)


def test_steps_between_snapshots_are_at_least_one_and_no_more_than_the_run(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"snapshot_steps must lie between 1 and .*, not be 0"):
        replace(SETTINGS, snapshot_steps=0)
    with pytest.raises(TypeError, match="snapshot_steps"):
        replace(SETTINGS, snapshot_steps=2.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="snapshot_steps=19 is more than the run has: 18 steps"):
        run(tmp_path, snapshot_steps=19)
    assert not list(tmp_path.iterdir())


def test_a_damaged_snapshot_is_refused_and_the_others_are_read(kept: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(kept, folder)
    path = folder / "snapshots" / "step-000004.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    with pytest.raises(CheckpointError, match=r"step-000004\.safetensors"):
        load_checkpoint(folder).at(4)
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(CheckpointError, match=r"step-000004\.safetensors is damaged"):
        load_checkpoint(folder).at(4)
    path.unlink()
    with pytest.raises(CheckpointError, match=r"step-000004\.safetensors"):
        load_checkpoint(folder).at(4)
    load_checkpoint(folder).at(6)


def test_a_run_that_goes_on_without_one_of_its_snapshots_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = fit_module._save_progress

    def interrupted(*arguments: Any) -> None:
        save(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(fit_module, "_save_progress", interrupted)
        run(tmp_path)
    (tmp_path / "snapshots" / "step-000002.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"cannot resume.*step-000002"):
        run(tmp_path)


def test_notes_out_of_order_are_reported(kept: Path, tmp_path: Path) -> None:
    shutil.copytree(kept, tmp_path / "run")
    path = tmp_path / "run" / "settings.json"
    record = json.loads(path.read_text("utf-8"))
    record["snapshots"][2]["step"] = 100
    path.write_text(json.dumps(record), "utf-8")
    with pytest.raises(CheckpointError, match="holds a damaged training run"):
        load_checkpoint(tmp_path / "run")


def test_a_run_of_an_earlier_version_is_read_as_before(tmp_path: Path) -> None:
    first = run(tmp_path, snapshot_steps=None)
    path = tmp_path / "settings.json"
    record = json.loads(path.read_text("utf-8"))
    del record["snapshots"], record["settings"]["snapshot_steps"]
    path.write_text(json.dumps(record), "utf-8")
    assert load_checkpoint(tmp_path) == first


# Analyses of snapshots


def test_the_weights_after_a_step_are_analysed(kept: Path, tmp_path: Path) -> None:
    checkpoint = load_checkpoint(kept)
    found = analyse(checkpoint, CORPUS, replace(ANALYSIS, snapshot=4))
    model = checkpoint.at(4)
    assert found.snapshot == 4
    np.testing.assert_array_equal(found.readout, model.readout.weight.detach().double()[0])
    assert found.test_accuracy == evaluate(model, checkpoint.reviews(CORPUS))[1]
    assert found.validation_loss == pytest.approx(checkpoint.snapshots[3].validation_loss)
    assert network_rows(found, checkpoint.settings)[0]["snapshot"] == 4
    assert found.to_json()["snapshot"] == 4
    found.save(tmp_path / "analysis.npz")
    assert NetworkAnalysis.load(tmp_path / "analysis.npz").snapshot == 4
    points = find_points(checkpoint, CORPUS, replace(ANALYSIS, snapshot=4))
    np.testing.assert_allclose(points[0].h, found.layers[0].points.h, rtol=0, atol=1e-9)


def test_all_snapshots_of_a_sweep_are_analyses_of_one_network() -> None:
    jobs = network_jobs({"seed": [0, 1], "snapshot": [0, 4, None]}, training=KEEPING)
    assert len(jobs) == 6
    assert len({job.parameters["network"].key for job in jobs}) == 2
    assert len({job.place for job in jobs}) == 6
    chosen = [job.parameters["analyses"][0] for job in jobs]
    assert [(one.seed, one.snapshot) for one in chosen] == [
        (seed, step) for seed in (0, 1) for step in (0, 4, None)
    ]


def test_a_sweep_of_snapshots_that_are_not_kept_is_refused_before_it_begins() -> None:
    with pytest.raises(ValueError, match="snapshot must be 0 or left out where snapshot_steps is"):
        network_jobs({"snapshot": [0, 4]}, training=SETTINGS, analysis=ANALYSIS)
    with pytest.raises(ValueError, match="snapshot"):
        AnalysisSettings(snapshot=-1)
