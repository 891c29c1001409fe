"""`nullcline find-all` searches as Python does, goes on from its file, and says what it found."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

import nullcline as nc
from nullcline.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LAYERS = (
    nc.RNN(np.ones((2, 1)), np.diag([2.0, 3.0])),
    nc.RNN(np.array([[0.5, -0.5], [0.1, 0.1]]), np.diag([2.5, 0.5])),
)
ONE = ("find-all", "weights.npz", "--layer", "1")
BOTH = ("find-all", "weights.npz", "--joint")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with two layers, a state and inputs."""
    monkeypatch.chdir(tmp_path)
    arrays = {
        f"{name}_l{number}": getattr(cell, name)
        for number, cell in enumerate(LAYERS)
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    }
    np.savez("weights.npz", **arrays)
    np.save("corner.npy", [[0.9, 0.9]])
    np.save("two.npy", [[0.1], [0.2]])
    np.savez("conditions.npz", rest=np.zeros(1), push=np.full(1, 3.0))
    return tmp_path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Return what runs a command of a tanh network that ends with a code, and what it says."""

    def said(*words: str, code: int = 0) -> str:
        assert main([*words, "--nonlinearity", "tanh", "--quiet"]) == code
        captured = capsys.readouterr()
        return captured.out if code == 0 else captured.err

    return said


def test_it_finds_what_python_finds(run: Callable[..., str]) -> None:
    lines = run(*ONE, "--states", "corner.npy", "--out", "all.npz").splitlines()
    found = nc.find_all_fixed_points(LAYERS[0], starts=[[0.9, 0.9]])
    written = nc.AllFixedPoints.load("all.npz")
    np.testing.assert_array_equal(written.points.h, found.points.h)
    assert len(found) == 9
    assert lines[0] == f"weights.npz: {found!r}"
    assert lines[1].split()[-2:] == ["how", "directions"]
    assert [line.split()[-2] for line in lines[2:11]] == found.how.tolist()
    assert lines[-2].strip() == str(found.completeness)
    assert lines[-1] == "all.npz"


def test_layers_are_joint_on_request_under_each_condition(run: Callable[..., str]) -> None:
    words = (*BOTH, "--inputs", "conditions.npz", "--json", "--threads", "1", "--seed", "3")
    record = json.loads(run(*words))
    conditions = {"rest": np.zeros(1), "push": np.full(1, 3.0)}
    found = nc.find_all_fixed_points(nc.Stack(LAYERS), conditions, seed=3)
    assert record["file"] is None
    assert record["settled"] == [True, True]
    assert record["rounds"] == found.rounds.tolist()
    assert record["completeness"] == str(found.completeness)
    assert [point["index"] for point in record["points"]] == found.points.index.tolist()
    assert found.points.condition is not None
    conditions_told = [point["condition"] for point in record["points"]]
    assert conditions_told == found.points.condition.tolist()


def test_it_goes_on_from_its_file(run: Callable[..., str]) -> None:
    words = (*BOTH, "--out", "all.npz")
    run(*words, "--effort", "0")
    begun = nc.AllFixedPoints.load("all.npz")
    assert begun.rounds.tolist() == [0]
    run(*words, "--resume")
    ended = nc.AllFixedPoints.load("all.npz")
    assert ended.rounds[0] > 0
    assert ended.settled.tolist() == [True]
    assert (ended.points.count[: len(begun)] >= begun.points.count).all()
    assert "exists already; go on with it (--resume)" in run(*words, code=1)
    run(*words, "--overwrite", "--effort", "0")
    assert nc.AllFixedPoints.load("all.npz").rounds.tolist() == [0]


def test_an_interrupted_search_says_how_to_go_on(
    run: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("nullcline.cli.find_all.find_all_fixed_points", interrupted)
    assert "with --out, what was finished is kept" in run(*ONE, code=130)


def test_its_file_is_one_of_points_to_other_commands(run: Callable[..., str]) -> None:
    run(*ONE, "--out", "all.npz")
    n = len(nc.AllFixedPoints.load("all.npz"))
    assert main(["linearize", "all.npz", "--out", "linearized.npz", "--quiet"]) == 0
    assert len(nc.Linearization.load("linearized.npz")) == n
    assert main(["info", "all.npz"]) == 0
    assert main(["trace", "all.npz", "--point", "0", "--quiet"]) == 0


def test_info_says_what_its_file_is(
    run: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    run(*ONE, "--out", "all.npz")
    assert main(["info", "all.npz", "--json"]) == 0
    (record,) = json.loads(capsys.readouterr().out)
    assert record["is"] == "all fixed points"
    assert len(record["holds"]) == 9


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--resume",), "--out must be given with --resume"),
        (("--out", "a.npz", "--resume", "--overwrite"), "--resume must be left out"),
        (("--out", "a.csv"), "--out must end in .npz"),
        (("--effort", "-1"), "--effort must lie between 0"),
        (("--inputs", "two.npy"), "two.npy has 2 inputs: pass one"),
        (("--inputs", "corner.npy"), "has inputs of width 1"),
        (("--states", "two.npy"), "has states of width 2"),
        (("--out", "corner.npz", "--tol-unique", "-1"), "--tol-unique must"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(
    words: tuple[str, ...], sentence: str, run: Callable[..., str]
) -> None:
    said = run(*ONE, *words, code=1)
    assert sentence in said
    assert said.count("\n") == 1


def test_a_file_of_another_network_is_refused(run: Callable[..., str]) -> None:
    run(*ONE, "--out", "all.npz", "--effort", "0")
    words = ("find-all", "weights.npz", "--layer", "2", "--out", "all.npz", "--resume")
    assert "file must hold points of this cell" in run(*words, code=1)
