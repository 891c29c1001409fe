"""Learning: what is measured at a snapshot, what is followed in between, what comes first."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nullcline.cli import main
from nullcline.interop import from_torch
from nullcline.study.analysis import analyse
from nullcline.study.appearances import (
    AFTER,
    BEFORE,
    NEVER,
    RULES,
    TOGETHER,
    Appearance,
    accuracy_appears,
    appearance,
    has_curve,
    has_line,
    has_long_mode,
    has_words,
    lead,
    order,
)
from nullcline.study.learning import FILE, analyse_learning, in_steps
from nullcline.study.learning_figures import course_figure, leads_figure, points_figure
from nullcline.study.learning_jobs import learning_jobs
from nullcline.study.learning_measures import angle_to, measure
from nullcline.study.learning_results import Learning
from nullcline.study.learning_rows import learning_rows
from nullcline.study.over_learning import births, leads, learning_summaries, overfitting
from nullcline.study.settings import AnalysisSettings
from nullcline.study.table import table_rows
from nullcline.training import CheckpointError, TrainingSettings, train
from testing.tiny_study import SETTINGS, tiny_corpus

if TYPE_CHECKING:
    from pathlib import Path

CORPUS = tiny_corpus()
KEEPING = replace(SETTINGS, layers=2, epochs=4, snapshot_steps=12, learning_rate=0.03)
STEPS = [0, 1, 2, 4, 6, 8, 12, 18, 24]
ANALYSIS = AnalysisSettings(n_starts=10, n_sample=50, n_reviews=5, n_words=10, n_threads=1)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("run")
    return train(CORPUS, KEEPING, folder, device="cpu", progress=False)


@pytest.fixture(scope="module")
def learned(checkpoint: Any) -> Learning:
    return analyse_learning(checkpoint, CORPUS, ANALYSIS)


def test_what_is_measured_at_a_snapshot_is_what_its_analysis_says(
    checkpoint: Any, learned: Learning
) -> None:
    assert learned.steps == STEPS
    for step in (0, 24):
        found = table_rows(analyse(checkpoint, CORPUS, replace(ANALYSIS, snapshot=step)))
        network = learned.networks[STEPS.index(step)]
        assert network.step == step
        for row, layer in zip(found, network.layers, strict=True):
            numbers = layer.numbers
            for name in ("fixed", "slow", "degree", "growing"):
                assert numbers[name] == row[name], name
            for name in ("time_constants", "line_length", "line_variance", "line_to_readout",
                         "next_change_r2", "review_readout_r2", "words_rho"):  # fmt: skip
                if row[name] is None:
                    assert numbers[name] is None
                else:
                    assert numbers[name] == pytest.approx(row[name], rel=1e-5, abs=1e-6), name


def test_the_readouts_angles_are_to_the_eigenvectors_of_the_longest_time_constant(
    checkpoint: Any, learned: Learning
) -> None:
    for k in (0, len(STEPS) - 1):
        layer, model = learned.layer(2)[k], checkpoint.at(STEPS[k])
        assert layer.point is not None
        jacobian = from_torch(model.rnn)[1].jacobian(layer.unique.h[layer.point][None])[0]
        readout = model.readout.weight.detach().double().numpy()[0]
        for name, matrix in (("readout_to_left", jacobian.T), ("readout_to_right", jacobian)):
            values, vectors = np.linalg.eig(matrix)
            slowest = vectors[:, np.argmin(np.abs(np.log(np.abs(values))))]
            assert layer.numbers[name] == pytest.approx(angle_to(readout, slowest), abs=1e-4)


def test_points_that_are_followed_are_those_that_were_found(
    checkpoint: Any, learned: Learning
) -> None:
    for number, course in enumerate(learned.courses, 1):
        assert course.layer == number
        assert course.steps.tolist() == STEPS
        for k, step in enumerate(STEPS):
            cell = from_torch(checkpoint.at(step).rnn)[number - 1]
            there = course.h[course.exists[:, k], k]
            np.testing.assert_allclose(cell.step(there), there, atol=1e-9)
            fixed = learned.layer(number)[k].unique.select("fixed").h
            found = course.h[course.was_found[:, k], k]
            np.testing.assert_allclose(np.sort(found, 0), np.sort(fixed, 0), atol=1e-7)
            assert course.exists[:, k].sum() % 2 == 1  # their indices sum to 1


def test_between_snapshots_time_goes_by_in_steps() -> None:
    event: Any = SimpleNamespace(
        what="born", time=2.25, points=(1, 2), h=np.zeros(3), ghost_kind="slow", ghost_q=1e-9
    )
    found = in_steps(event, [0, 1, 2, 10])
    assert found.step == 4
    assert found.has_ghost


def test_rows_say_which_snapshot_was_kept_and_what_changed(
    checkpoint: Any, learned: Learning
) -> None:
    rows = learning_rows(learned, checkpoint.settings, ANALYSIS)
    assert [(row["layer"], row["snapshot"]) for row in rows] == [
        (layer, step) for layer in (1, 2) for step in STEPS
    ]
    kept = [row for row in rows if row["is_kept"]]
    assert [row["epoch"] for row in kept] == 2 * [checkpoint.best_epoch]
    losses = [row["validation_loss"] for row in rows if row["epoch"] is not None]
    assert min(losses) == kept[0]["validation_loss"] == checkpoint.validation_loss
    assert [row["snapshot"] for row in rows if row["is_last"]] == 2 * [24]
    counts = np.array([row["fixed"] for row in rows[:9]])
    pairs = np.array([row["pairs_born"] - row["pairs_vanished"] for row in rows[:9]])
    if learned.courses[0].was_found[learned.courses[0].exists].all():
        np.testing.assert_array_equal(np.diff(counts), 2 * pairs[1:])
    assert all(row["words_rho"] is None for row in rows[9:])
    of_upper = ("has_words", "words_step", "words_after", "words_lead", "words_order")
    assert all(row[name] is None for row in rows[9:] for name in of_upper)
    assert all(isinstance(row["has_words"], bool) for row in rows[:9])
    assert all(row["readout_to_left"] is None for row in rows[:9])
    assert {row["accuracy_step"] for row in rows} == {accuracy_appears(learned).step}


def test_an_analysis_that_was_interrupted_goes_on(
    checkpoint: Any, learned: Learning, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[int] = []

    def interrupted(*arguments: Any) -> Any:
        if len(done) == 5:
            raise KeyboardInterrupt
        done.append(arguments[-1])
        return measure(*arguments)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("nullcline.study.learning.measure", interrupted)
        analyse_learning(checkpoint, CORPUS, ANALYSIS, folder=tmp_path)
    assert done == STEPS[:5]

    def noted(*arguments: Any) -> Any:
        done.append(arguments[-1])
        return measure(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr("nullcline.study.learning.measure", noted)
        found = analyse_learning(checkpoint, CORPUS, ANALYSIS, folder=tmp_path)
        assert done == STEPS
        analyse_learning(checkpoint, CORPUS, ANALYSIS, folder=tmp_path)
        assert done == STEPS
        assert [path.name for path in tmp_path.iterdir()] == [FILE]
        analyse_learning(checkpoint, CORPUS, replace(ANALYSIS, n_starts=9), folder=tmp_path)
        assert len(done) == 2 * len(STEPS)
    rows = [learning_rows(one, checkpoint.settings, ANALYSIS) for one in (learned, found)]
    assert rows[0] == rows[1]


def test_an_analysis_is_read_back_as_it_was(checkpoint: Any, learned: Learning) -> None:
    again = Learning.load(checkpoint.directory / FILE)
    rows = [learning_rows(one, checkpoint.settings, ANALYSIS) for one in (learned, again)]
    assert rows[0] == rows[1]


def test_figures_are_drawn_of_every_layer(checkpoint: Any, learned: Learning) -> None:
    for number in (1, 2):
        panels = course_figure(learned, number).axes
        assert [panel.get_ylabel() for panel in panels[:2]] == ["accuracy", "loss"]
        np.testing.assert_array_equal(panels[0].lines[0].get_xdata(), STEPS)
        assert len(points_figure(learned, number).axes) == 2
    rows = learning_rows(learned, checkpoint.settings, ANALYSIS)
    assert len(leads_figure(rows).axes) == 3
    leads_figure([])


# When something appears


@pytest.mark.parametrize(
    ("holds", "step", "after"),
    [
        ("00000", None, 16),
        ("00111", 4, 2),
        ("01011", 8, 4),
        ("00001", 16, 8),
        ("11000", 0, None),
        ("10100", None, 16),
    ],
)
def test_something_appears_when_it_holds_twice_in_a_row(
    holds: str, step: int | None, after: int | None
) -> None:
    found = appearance([0, 2, 4, 8, 16], [one == "1" for one in holds])
    assert found == Appearance(step, after)


def test_the_order_is_what_the_snapshots_tell() -> None:
    accuracy = Appearance(8, 4)
    assert order(Appearance(4, 2), accuracy) == BEFORE
    assert order(Appearance(8, 4), accuracy) == TOGETHER
    assert order(Appearance(16, 8), accuracy) == AFTER
    assert order(Appearance(None, 16), accuracy) == NEVER
    assert order(Appearance(4, 2), Appearance(None, 16)) is None
    assert lead(Appearance(4, 2), accuracy) == (4, 0, 6)
    assert lead(Appearance(16, 8), accuracy) == (-8, -12, 0)
    assert lead(Appearance(0, None), accuracy) == (8, 4, 8)
    assert lead(Appearance(None, 16), accuracy) == (None, None, None)


@given(st.lists(st.integers(1, 99), min_size=2, max_size=2, unique=True), st.data())
def test_the_lead_lies_between_its_bounds(moments: list[int], data: st.DataObject) -> None:
    """Whenever in between two things appeared: what is said of their lead holds of it."""
    steps = sorted({0, 100, *data.draw(st.lists(st.integers(1, 99), max_size=8))})
    first, second = (appearance(steps, [step >= moment for step in steps]) for moment in moments)
    exact, least, most = lead(first, second)
    assert exact is not None
    assert least is not None
    assert most is not None
    assert least <= moments[1] - moments[0] <= most
    assert least <= exact <= most


def numbers(**changes: Any) -> dict[str, Any]:
    line = {"line_aspect": 3.0, "line_variance": 0.5, "time_constants": [20.0, 10.0, 9.0],
            "words_rho": -0.5}  # fmt: skip
    return {**line, **changes}


def test_rules_are_those_of_the_studys_claims() -> None:
    assert has_line(numbers())
    assert has_words(numbers())
    assert not has_words(numbers(words_rho=0.49))
    assert not has_words(numbers(words_rho=None))
    assert not has_curve(numbers(line_aspect=2.9))
    assert not has_curve(numbers(line_variance=0.49))
    assert not has_curve(numbers(line_aspect=None, line_variance=None))
    assert has_long_mode(numbers(time_constants=[10.0, 5.0]))
    assert has_long_mode(numbers(time_constants=[None, 5.0]))
    assert not has_long_mode(numbers(time_constants=[9.9, 1.0]))
    assert not has_long_mode(numbers(time_constants=[20.0, 10.1]))
    assert not has_long_mode(numbers(time_constants=[None, None]))
    assert not has_long_mode(numbers(time_constants=None))
    assert not has_line(numbers(time_constants=[9.9, 1.0]))
    assert not has_line(numbers(line_aspect=1.0))


def test_accuracy_appears_half_of_the_way_to_that_of_the_kept_epoch() -> None:
    shares = [0.5, 0.62, 0.69, 0.71, 0.8, 0.9]
    found: Any = SimpleNamespace(
        snapshots=[SimpleNamespace(validation_accuracy=share) for share in shares],
        steps=[0, 1, 2, 4, 8, 16],
        kept=16,
        chance=0.5,
    )
    assert accuracy_appears(found) == Appearance(4, 2)
    found.kept = 8
    assert accuracy_appears(found) == Appearance(2, 1)


def test_angles_to_a_mode_are_to_the_plane_of_a_complex_one() -> None:
    x, y, z = np.eye(3, dtype=complex)
    assert angle_to(x.real, x) == pytest.approx(0, abs=1e-6)
    assert angle_to(x.real, x + y) == pytest.approx(45)
    assert angle_to(2 * x.real, y) == pytest.approx(90)
    assert angle_to((x + z).real, x + 1j * y) == pytest.approx(45)
    assert angle_to(x.real, np.full(3, np.nan, complex)) is None


# Over many networks


def network_rows(seed: int, line: int | None, accuracy: int, fixed: list[int]) -> list[Any]:
    """Return rows of one layer at steps 0, 4 and 8, the second of which was kept."""
    steps = [0, 4, 8]
    where = Appearance(line, None if not line else steps[steps.index(line) - 1])
    which = {"corpus": "c", "cell": "gru", "n_layers": 1, "layer": 1, "hidden_size": 4,
             "split": "test", "seed": seed}  # fmt: skip
    common: dict[str, Any] = {**which, "accuracy_step": accuracy, "accuracy_after": accuracy - 4}
    exact, least, most = lead(where, Appearance(accuracy, accuracy - 4))
    for rule in ("line", "curve", "long_mode", "words"):
        common |= {
            f"{rule}_step": where.step, f"{rule}_after": where.after, f"{rule}_lead": exact,
            f"{rule}_lead_least": least, f"{rule}_lead_most": most,
            f"{rule}_order": order(where, Appearance(accuracy, accuracy - 4)),
        }  # fmt: skip
    pairs = ("pairs_born", "born_of_ghost", "pairs_vanished", "leaving_ghost")
    return [
        {
            **common, "snapshot": step, "is_kept": step == 4, "is_last": step == 8,
            **dict.fromkeys(pairs, int(step == 8)), "fixed": count, "validation_loss": 1.0 + step,
            **dict.fromkeys(("validation_accuracy", "training_loss", "training_accuracy"), 0.5),
            **dict.fromkeys(("unstable", "slow"), 0),
            **dict.fromkeys(
                ("spectral_radius", "participation_ratio", "line_aspect", "line_variance",
                 "line_length", "words_rho", "readout_to_left", "review_readout_r2",
                 "next_change_r2", "distance_to_cloud"),
            ),
        }
        for step, count in zip(steps, fixed, strict=True)
    ]  # fmt: skip


def test_leads_are_counted_and_spread_over_networks() -> None:
    rows = [
        *network_rows(0, 4, 8, [1, 1, 3]),
        *network_rows(1, 8, 8, [1, 3, 1]),
        *network_rows(2, None, 4, [1, 1, 1]),
        *network_rows(3, 8, 4, [1, 5, 3]),
    ]
    line = next(row for row in leads(rows) if row["what"] == "line")
    assert [line[name] for name in (BEFORE, TOGETHER, AFTER, NEVER)] == [1, 1, 1, 1]
    assert (line["of"], line["share_by_then"]) == (4, 0.5)
    assert 0 < line["low"] < 0.5 < line["high"] < 1
    assert (line["least"], line["median"], line["greatest"]) == (-4, 0, 4)
    (born,) = births(rows)
    assert (born["networks"], born["pairs_born"], born["greatest"]) == (4, 4, 5)
    changes = {row["number"]: row for row in overfitting(rows)}
    assert changes["validation_loss"]["rises"] == 4
    assert (changes["fixed"]["kept"], changes["fixed"]["last"]) == (2, 2)
    assert changes["fixed"]["rises"] == 1
    assert (changes["fixed"]["least"], changes["fixed"]["greatest"]) == (-2, 2)
    assert "line_aspect" not in changes
    assert [one.name for one in learning_summaries(rows)] == [
        "appearances", "leads", "births", "overfitting",
    ]  # fmt: skip
    assert learning_summaries([{"other": 1}]) == []


def test_networks_that_differ_in_more_than_their_seed_are_summed_up_apart() -> None:
    alike = [row for seed in range(2) for row in network_rows(seed, 4, 8, [1, 1, 3])]
    for setting, value in (("train_size", 100), ("vectors", "random"), ("snapshot_steps", 9)):
        rows = [*alike, *({**row, setting: value, "fixed": 7} for row in alike)]
        assert [row["networks"] for row in births(rows)] == [2, 2]
        assert [row["greatest"] for row in births(rows)] == [3, 7]
        assert {row["of"] for row in leads(rows)} == {2}
        assert {row["networks"] for row in overfitting(rows)} == {2}
        first, *_ = learning_summaries(rows)
        assert [row[setting] for row in first.rows] == [None, None, value, value]
    assert not {"train_size", "vectors", "snapshot_steps"} & set(births(alike)[0])


# Bad input


def test_a_run_without_snapshots_is_refused(tmp_path: Path) -> None:
    settings = replace(KEEPING, snapshot_steps=None, epochs=1)
    checkpoint = train(CORPUS, settings, tmp_path, device="cpu", progress=False)
    with pytest.raises(ValueError, match="without snapshots: train the network with snapshot_st"):
        analyse_learning(checkpoint, CORPUS, ANALYSIS)


def test_one_snapshot_alone_is_no_learning(checkpoint: Any) -> None:
    with pytest.raises(ValueError, match="snapshot must be None, not 4"):
        analyse_learning(checkpoint, CORPUS, replace(ANALYSIS, snapshot=4))
    with pytest.raises(ValueError, match="snapshot must be left out"):
        learning_jobs({"snapshot": [0, 4]})
    with pytest.raises(ValueError, match="snapshot must be left out"):
        learning_jobs({}, analysis=AnalysisSettings(snapshot=0))


def test_a_damaged_snapshot_stops_an_analysis_that_keeps_what_it_has(
    checkpoint: Any, tmp_path: Path
) -> None:
    path = checkpoint.directory / "snapshots" / "step-000002.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    try:
        with pytest.raises(CheckpointError, match=r"step-000002\.safetensors"):
            analyse_learning(checkpoint, CORPUS, ANALYSIS, folder=tmp_path)
    finally:
        path.write_bytes(whole)
    kept = sorted(path.name for path in (tmp_path / "learning").iterdir())
    assert kept == ["step-000000.npz", "step-000001.npz"]


def test_another_corpus_is_refused(checkpoint: Any) -> None:
    with pytest.raises(CheckpointError, match="trained on other reviews"):
        analyse_learning(checkpoint, tiny_corpus(seed=5), ANALYSIS)


# The command


def test_the_command_tells_how_networks_learn_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = tmp_path / "reviews.csv"
    with corpus.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label", "split"])
        for name in ("train", "test"):
            split = getattr(tiny_corpus(n_train=40, n_test=20), name)
            writer.writerows(
                [text, label, name] for text, label in zip(split.texts, split.labels, strict=True)
            )
    out = tmp_path / "out"
    words = [
        "learning", "--corpora", str(corpus), "--seeds", "0:2", "--hidden-sizes", "3",
        "--epochs", "2", "--batch-size", "8", "--snapshot-steps", "5", "--embedding-size", "4",
        "--starts", "6", "--reviews", "5", "--sample", "20", "--words", "5", "--vectors", "random",
        "--table", "csv", "--out", str(out), "--quiet",
    ]  # fmt: skip
    assert main(words) == 0
    assert str(out / "leads.png") in capsys.readouterr().out
    results = json.loads((out / "results.json").read_text("utf-8"))
    assert [row["seed"] for row in results["appearances"]] == [0, 1]
    assert {row["what"] for row in results["leads"]} == set(RULES)
    with (out / "results.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    steps = [0, 1, 2, 4, 5, 8]
    assert [(row["seed"], row["snapshot"]) for row in rows] == [
        (str(seed), str(step)) for seed in (0, 1) for step in steps
    ]
    page = (out / "index.html").read_text("utf-8")
    for title in ("What comes first", "How fixed points come and go"):
        assert title in page
    assert len(list((out / "learning").glob("*/*/layer-1-points.svg"))) == 2
    assert main(words) == 1  # the folder holds results
    monkeypatch.setattr("nullcline.study.learning.measure", None)
    assert main([*words, "--resume"]) == 0
    # One more fails: what there is of the others is written all the same.
    (out / "results.json").unlink()
    assert main([*words, "--seeds", "2", "0", "--resume"]) == 1
    results = json.loads((out / "results.json").read_text("utf-8"))
    assert [row["seed"] for row in results["appearances"]] == [0]
    assert "1 of the jobs are not done" in capsys.readouterr().err


def test_by_default_snapshots_are_50_steps_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    (job,) = learning_jobs({"seed": [3]}, splits=["train"])
    training = job.parameters["network"].parameters["training"]
    assert training.snapshot_steps == 50
    assert (training.seed, job.parameters["analysis"].seed) == (3, 3)
    assert job.parameters["analysis"].split == "train"
    (other,) = learning_jobs({"seed": [3]}, training=TrainingSettings(snapshot_steps=7))
    assert other.parameters["network"].parameters["training"].snapshot_steps == 7
    assert job.place.startswith("learning/synthetic/")
