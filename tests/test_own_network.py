"""One's own network on the command line: every kind of file, every command, and what is refused."""

from __future__ import annotations

import argparse
import csv
import importlib
import io
import json
import os
import shlex
import subprocess
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

import nullcline as nc
from nullcline import cli
from nullcline.cli import main, parser
from testing.console_page import replay, what_is_printed
from testing.full_disk import files_of_at_most

if TYPE_CHECKING:
    from collections.abc import Callable

os.environ["KERAS_BACKEND"] = "torch"  # the backend that the tests have; Keras reads it once

H, D = 2, 3
STATES = np.random.default_rng(0).uniform(-1, 1, (6, 5, H))
"""Trajectories, (trials, time, H)."""


def weights() -> dict[str, Any]:
    """Return a GRU whose two units are each bistable at zero input: nine fixed points."""
    rng = np.random.default_rng(1)
    return {
        "weight_ih_l0": np.vstack([np.zeros((2 * H, D)), 0.1 * rng.normal(size=(H, D))]),
        "weight_hh_l0": np.vstack([np.zeros((2 * H, H)), 4 * np.eye(H)]),
        "bias_ih_l0": np.repeat([0.0, 2.0, 0.0], H),
        "bias_hh_l0": np.zeros(3 * H),
    }


CELL = nc.GRU(*weights().values())


def tensors(prefix: str = "", **more: Any) -> dict[str, Any]:
    """Return the state dict of a module that has the GRU after a prefix."""
    named = {prefix + name: torch.from_numpy(array) for name, array in weights().items()}
    return {**named, **more}


def keras_model(*more: Any) -> Any:
    keras: Any = importlib.import_module("keras")
    gru = keras.layers.GRU(H, return_sequences=True)
    model = keras.Sequential([keras.Input((None, D)), gru, *more])
    w_ih, w_hh, b_ih, b_hh = weights().values()
    order = np.r_[H : 2 * H, :H, 2 * H : 3 * H]  # Keras has z, r, h
    gru.set_weights([w_ih[order].T, w_hh[order].T, np.stack([b_ih[order], b_hh[order]])])
    return model


class Net(torch.nn.Module):
    """A module of one's own, which only its own code can make."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = torch.nn.GRU(D, H)


def save_lightning(path: Path) -> None:
    loop = {"epoch": 3, "optimizer_states": [{"state": {0: {"exp_avg": torch.zeros(2)}}}]}
    torch.save({"state_dict": tensors("model.rnn."), "hyper_parameters": {"lr": 0.1}, **loop}, path)


def save_points(path: Path) -> None:
    nc.find_fixed_points(CELL, STATES[0]).save(path, cell=True)


def save_legacy(path: Path) -> None:
    torch.save(tensors(), path, _use_new_zipfile_serialization=False)


KINDS: dict[str, Callable[[Path], object]] = {
    "model.safetensors": lambda path: save_file(
        {f"enc.rnn.{name}": array for name, array in weights().items()}, path
    ),
    "state.pt": lambda path: torch.save(tensors("rnn.", head=torch.ones(2)), path),
    "legacy.pth": save_legacy,
    "lightning.ckpt": save_lightning,
    "arrays.npz": lambda path: np.savez(path, **weights()),
    "points.npz": save_points,
    "model.keras": lambda path: keras_model().save(path),
    "model.h5": lambda path: keras_model().save(path),
    "model.weights.h5": lambda path: keras_model().save_weights(path),
}
"""Files that hold the GRU, and how each is made."""

SINGLE = {"model.keras", "model.h5", "model.weights.h5"}
"""Those that hold it in float32."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a network in every kind of file, states, inputs, and wrong files."""
    place = tmp_path_factory.mktemp("own")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras warns of its own code, and of its old format
        for name, make in KINDS.items():
            make(place / name)
        keras: Any = importlib.import_module("keras")
        keras_model(keras.layers.Lambda(abs)).save(place / "lambda.keras")
        keras_model(keras.layers.LSTM(H)).save_weights(place / "two.weights.h5")
    np.save(place / "states.npy", STATES)
    np.savez(place / "several.npz", a=STATES[0], b=STATES[1], text=np.array("no numbers"))
    np.savez(place / "conditions.npz", up=np.ones(D), down=-np.ones(D))
    np.save(place / "per-state.npy", np.repeat(np.arange(30.0), D).reshape(30, D) / 30)
    np.save(place / "wide.npy", np.zeros((4, H + 1)))
    np.save(place / "none.npy", np.zeros((0, H)))
    np.save(place / "nan.npy", np.where(np.arange(6).reshape(3, 2) == 3, np.nan, 0.5))
    two = torch.nn.LSTM(D, H, 2)
    save_file({name: value.numpy() for name, value in two.state_dict().items()}, place / "two.st")
    both = torch.nn.GRU(D, H, bidirectional=True)
    save_file({name: value.numpy() for name, value in both.state_dict().items()}, place / "both.st")
    deep = torch.nn.GRU(D, H, 2, bidirectional=True)
    save_file({name: it.numpy() for name, it in deep.state_dict().items()}, place / "both-two.st")
    vanilla = torch.nn.RNN(D, H)
    torch.save(vanilla.state_dict(), place / "rnn.pt")
    torch.save({"encoder": tensors("gru."), "decoder": tensors("gru.")}, place / "pair.pt")
    torch.save(Net(), place / "module.pt")
    torch.save({"state_dict": tensors(), "args": argparse.Namespace(lr=1)}, place / "args.pt")
    torch.save({"head.weight": torch.ones(2, 2)}, place / "head.pt")
    torch.save([1, 2], place / "list.pt")
    torch.save(tensors(weight_hr_l0=torch.ones(1, H)), place / "projected.pt")
    (place / "cut.pt").write_bytes((place / "state.pt").read_bytes()[:600])
    (place / "cut.st").write_bytes((place / "model.safetensors").read_bytes()[:300])
    (place / "cut.h5").write_bytes((place / "model.h5").read_bytes()[:600])
    (place / "empty.pt").write_bytes(b"")
    (place / "text.pt").write_text("these are no weights")
    return place


@pytest.fixture
def here(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder in which the files of `folder` are found by their names."""
    for path in folder.iterdir():
        (tmp_path / path.name).symlink_to(path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def points(here: Path) -> Path:
    """Return the file of the nine points of the GRU."""
    assert main(["find", "model.safetensors", "--states", "states.npy", "--quiet"]) == 0
    return Path("points/layer-1.npz")


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Run a command that ends well, and return what it printed."""
    capsys.readouterr()
    assert main([*words, "--quiet"]) == 0
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Run a command that is refused in one line, and return that."""
    assert main([*words, "--quiet"]) == 1
    errors = capsys.readouterr().err
    assert errors.startswith("nullcline: ")
    assert errors.count("\n") == 1
    return errors


# find


@pytest.mark.filterwarnings("ignore:.*")  # what Keras says of its old formats
@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_weights_is_searched_as_in_python(name: str, here: Path) -> None:
    assert main(["find", name, "--states", "states.npy", "--quiet"]) == 0
    found = nc.FixedPoints.load("points/layer-1.npz")
    expected = nc.find_fixed_points(CELL, STATES.reshape(-1, H), tol_slow=1e-3)
    assert isinstance(found.cell, nc.GRU)
    exact = name not in SINGLE
    np.testing.assert_allclose(found.h, expected.h, atol=0 if exact else 1e-6)
    np.testing.assert_array_equal(found.kind, expected.kind)
    if exact:
        h, x = found.h[:3] / 2, np.ones(D)
        np.testing.assert_array_equal(found.cell.step(h, x), CELL.step(h, x))


def test_starts_are_drawn_from_the_states_with_their_inputs(here: Path) -> None:
    arguments = ["find", "state.pt", "--states", "states.npy", "--inputs", "per-state.npy"]
    assert main([*arguments, "--starts", "7", "--quiet"]) == 0
    found = nc.FixedPoints.load("points/layer-1.npz")
    assert len(found) == 7
    assert found.inputs is not None
    states, inputs = STATES.reshape(-1, H), np.load("per-state.npy")
    rows = [np.flatnonzero((states == start).all(axis=1))[0] for start in found.starts]
    assert len(set(rows)) == 7
    np.testing.assert_array_equal(found.inputs, inputs[rows])


def test_several_arrays_of_inputs_are_conditions(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said(capsys, "find", "state.pt", "--states", "several.npz:a", "--inputs", "conditions.npz")
    found = nc.FixedPoints.load("points/layer-1.npz")
    assert found.condition is not None
    assert found.condition.tolist() == ["up"] * 5 + ["down"] * 5
    output = said(capsys, "linearize", "points/layer-1.npz", "--condition", "down", "--json")
    down = nc.FixedPoints.load("points/layer-1.npz").unique()
    assert down.condition is not None
    numbers = np.flatnonzero(down.condition == "down").tolist()
    assert [row["point"] for row in json.loads(output)] == numbers
    message = refused(capsys, "plot", "flow", "points/layer-1.npz")
    assert "--condition must be chosen, one of" in message


def test_random_starts_lie_in_the_box_and_depend_on_the_seed(here: Path) -> None:
    starts = []
    for seed in ("1", "1", "2"):
        arguments = ["find", "two.st", "--random", "9", "--seed", seed, "--overwrite", "--quiet"]
        assert main(arguments) == 0
        first, second = (nc.FixedPoints.load(f"points/layer-{i}.npz") for i in (1, 2))
        assert first.starts.shape == second.starts.shape == (9, 2 * H)
        assert (np.abs(first.starts[:, :H]) < 1).all()
        starts.append(first.starts)
    np.testing.assert_array_equal(starts[0], starts[1])
    assert (starts[0] != starts[2]).all()


def test_layers_are_searched_jointly_on_request(here: Path) -> None:
    assert main(["find", "two.st", "--joint", "--random", "5", "--quiet"]) == 0
    found = nc.FixedPoints.load("points/stack.npz")
    assert isinstance(found.cell, nc.Stack)
    assert found.h.shape == (5, 4 * H)


def test_a_direction_is_chosen(here: Path) -> None:
    assert main(["find", "both.st", "--direction", "backward", "--random", "5", "--quiet"]) == 0
    pair: Any = nc.from_safetensors("both.st")[0]
    cell = nc.FixedPoints.load("points/layer-1.npz").cell
    assert cell is not None
    np.testing.assert_array_equal(cell.step(STATES[0]), pair.backward.step(STATES[0]))


def test_options_of_the_search_reach_it(here: Path) -> None:
    arguments = ["find", "state.pt", "--states", "states.npy", "--quiet", "--overwrite"]
    assert main([*arguments, "--dtype", "float32", "--max-iterations", "0"]) == 0
    found = nc.FixedPoints.load("points/layer-1.npz")
    assert found.h.dtype == np.float32
    np.testing.assert_array_equal(found.iterations, 0)
    np.testing.assert_array_equal(found.h, STATES.reshape(-1, H).astype(np.float32))
    assert main([*arguments, "--out", "all"]) == 0
    known = nc.FixedPoints.load("all/layer-1.npz")
    assert main([*arguments, "--deflate", "all/layer-1.npz", "--method", "newton"]) == 0
    beyond = nc.FixedPoints.load("points/layer-1.npz").select("fixed").h
    assert all(np.abs(known.h - h).max(axis=1).min() > 1e-3 for h in beyond)
    assert main([*arguments, "--max-iterations", "0", "--nonlinearity", "tanh", "--cell", "rnn"])


def test_a_vanilla_network_is_read_with_its_nonlinearity(here: Path) -> None:
    arguments = ["find", "rnn.pt", "--states", "states.npy", "--quiet"]
    assert main([*arguments, "--nonlinearity", "relu"]) == 0
    cell = nc.FixedPoints.load("points/layer-1.npz").cell
    assert isinstance(cell, nc.RNN)
    assert cell.nonlinearity == "relu"


def test_layers_of_two_directions_are_one_network(here: Path) -> None:
    np.save("joint.npy", np.zeros((2, 4 * H)))
    assert main(["find", "both-two.st", "--joint", "--states", "joint.npy", "--quiet"]) == 0
    points = nc.FixedPoints.load("points/stack.npz")
    assert isinstance(points.cell, nc.Stack)
    assert points.cell.has_directions
    assert points.kind.tolist() == ["fixed"] * 2


WRONG: dict[str, tuple[list[str], str]] = {
    "no states": (["state.pt"], "pass some (--states FILE), or start from states drawn at random"),
    "nothing there": (["nowhere.pt"], "nowhere.pt: No such file or directory"),
    "an empty file": (["empty.pt"], "empty.pt is no file of weights: pass a safetensors file"),
    "a text": (["text.pt"], "text.pt is no file of weights"),
    "states for weights": (["states.npy"], "states.npy is no file of weights"),
    "a cut state dict": (["cut.pt"], "cut.pt is not a zip archive, or it is damaged or cut short"),
    "a cut safetensors file": (["cut.st"], "cut.st is not a safetensors file, or it is damaged"),
    "a cut file of Keras": (["cut.h5"], "cut.h5 is not a file of Keras, or it is damaged"),
    "a module": (["module.pt"], "Net is read by running what the file says. Where you trust it, "),
    "a checkpoint with code": (["args.pt"], "argparse.Namespace is read by running"),
    "one direction of a stack": (
        ["both-two.st", "--joint", "--direction", "forward"],
        "--direction must be left out where all layers of both-two.st are joint",
    ),
    "a list": (["list.pt"], "list.pt holds a list, and no named tensors"),
    "no recurrent layer": (["head.pt"], "head.pt holds no recurrent layer: no weight_hh_l0"),
    "a projection": (["projected.pt"], "holds an LSTM with a projection"),
    "code in Keras": (
        ["lambda.keras"],
        "has a part that only its own code can make (keras.layers.",
    ),
    "two modules": (["pair.pt"], "--prefix must say which recurrent module of pair.pt is meant"),
    "no such prefix": (["pair.pt", "--prefix", "x."], "'encoder.gru.', 'decoder.gru.', not 'x.'"),
    "an open nonlinearity": (["rnn.pt"], "--nonlinearity must be 'tanh' or 'relu' for an RNN"),
    "another cell": (["state.pt", "--cell", "lstm"], "is no LSTM's; its shape is"),
    "no such layer": (["two.st", "--layer", "3"], "--layer must be one of 1 to 2, not 3"),
    "a direction of none": (
        ["two.st", "--layer", "1", "--direction", "forward"],
        "--direction must be left out: two.st has a layer that has one alone (--layer N chooses",
    ),
    "two directions": (["both.st"], "choose one (--direction forward or backward)"),
    "an unknown order": (
        ["two.weights.h5", "--joint"],
        "two.weights.h5 does not say in which order data pass through its 2 layers",
    ),
    "one of several layers": (
        ["two.st", "--states", "states.npy"],
        "two.st has 2 layers: choose one (--layer N), or take all as one network (--joint)",
    ),
    "another width": (
        ["state.pt", "--states", "wide.npy"],
        "wide.npy has shape (4, 3), and the GRU of 2 units has states of width 2",
    ),
    "an LSTM's outputs": (
        ["two.st", "--layer", "1", "--states", "several.npz:a"],
        "the LSTM of 2 units, whose states are [h, c] has states of width 4",
    ),
    "no state": (["state.pt", "--states", "none.npy"], "none.npy holds no states"),
    "NaN": (["state.pt", "--states", "nan.npy"], "nan.npy: 1 of 3 rows hold NaN or infinite"),
    "several arrays": (
        ["state.pt", "--states", "several.npz"],
        "several.npz holds several arrays, a (5, 2), b (5, 2), text (): choose one as",
    ),
    "no such array": (
        ["state.pt", "--states", "several.npz:c"],
        "several.npz holds no array 'c', but a (5, 2), b (5, 2), text ()",
    ),
    "a text of states": (
        ["state.pt", "--states", "several.npz:text"],
        "several.npz:text must hold numbers, not <U10",
    ),
    "weights for states": (
        ["state.pt", "--states", "state.pt"],
        "state.pt is a file of PyTorch: pass a file of an array, .npy",
    ),
    "inputs of states": (
        ["state.pt", "--states", "states.npy", "--inputs", "states.npy"],
        "states.npy has shape (6, 5, 2), and the GRU of 2 units has inputs of width 3",
    ),
    "too few inputs": (
        ["state.pt", "--states", "several.npz:a", "--inputs", "per-state.npy"],
        "per-state.npy has 30 inputs: pass one, or 5, one for each state",
    ),
    "no random start": (["state.pt", "--random", "0"], "--random must be at least 1, not 0"),
    "no box": (
        ["rnn.pt", "--nonlinearity", "relu", "--random", "3"],
        "--random must be left out: the outputs of the RNN of 2 units have no bounds",
    ),
    "a corpus": (
        ["state.pt", "--states", "states.npy", "--corpus", "imdb"],
        "--corpus must be left out: states come from a file, or are drawn",
    ),
    "no such method": (
        ["state.pt", "--states", "states.npy", "--deflate", "points.npz", "--method", "lm"],
        'deflate needs method "auto" or "newton", not \'lm\'',
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_told_in_one_line(
    what: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, message = WRONG[what]
    given = {"--states", "--random"} & set(arguments)
    if not given and what != "no states":
        arguments = [*arguments, "--random", "3"]
    assert message in refused(capsys, "find", *arguments)
    assert not Path("points").exists()


@pytest.mark.parametrize(
    ("hidden", "name", "message"),
    [
        ("torch", "state.pt", "torch is needed and not installed: pip install 'nullcline[torch]'"),
        ("safetensors", "model.safetensors", "pip install 'nullcline[safetensors]'"),
        ("keras", "model.keras", "pip install 'nullcline[keras]'"),
    ],
)
def test_a_framework_that_is_missing_is_named_with_its_extra(
    hidden: str,
    name: str,
    message: str,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, hidden, None)
    assert message in refused(capsys, "find", name, "--random", "3")


def test_an_interrupted_search_leaves_nothing(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("nullcline.cli.find.find_fixed_points", interrupted)
    assert main(["find", "state.pt", "--random", "3", "--quiet"]) == 130
    assert "interrupted; files of points that are there are whole" in capsys.readouterr().err
    assert not Path("points").exists()


# What points are told to be


def test_points_are_told_in_a_table_and_in_json(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["find", "state.pt", "--states", "states.npy", "--overwrite"]
    lines = said(capsys, *arguments).splitlines()
    distinct = nc.FixedPoints.load("points/layer-1.npz").unique()
    assert lines[0].startswith("points/layer-1.npz: FixedPoints(30 starts: 30 fixed")
    assert lines[1].split() == ["point", "kind", "q", "norm", "starts"]
    assert [line.split()[0] for line in lines[2:]] == [str(i) for i in range(len(distinct))]
    (record,) = json.loads(said(capsys, *arguments, "--json"))
    assert record["file"] == "points/layer-1.npz"
    assert record["starts"] == 30
    assert [point["starts"] for point in record["points"]] == distinct.count.tolist()
    assert [point["q"] for point in record["points"]] == distinct.q.tolist()


def test_a_linearization_is_told_written_and_read(
    points: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = nc.FixedPoints.load(points).unique()
    expected = nc.linearize(CELL, found)
    rows = json.loads(said(capsys, "linearize", str(points), "--json"))
    assert [row["stability"] for row in rows] == expected.stability.tolist()
    np.testing.assert_array_equal(
        [[mode["real"] + 1j * mode["imag"] for mode in row["modes"]] for row in rows],
        expected.eigenvalues,
    )
    stable = np.flatnonzero(expected.is_stable)[:2]
    chosen = ["--point", *map(str, stable)]
    output = said(capsys, "linearize", str(points), *chosen, "--out", "modes.csv", "--modes", "1")
    assert output.splitlines()[-1] == "modes.csv"
    assert [line.split()[0] for line in output.splitlines()[2:-1]] == [*map(str, stable)]
    with Path("modes.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [int(row["point"]) for row in table] == stable.tolist()
    assert [float(row["modulus"]) for row in table] == np.abs(
        expected.eigenvalues[stable, 0]
    ).tolist()
    said(capsys, "linearize", str(points), "--out", "modes.npz")
    kept = nc.Linearization.load("modes.npz")
    np.testing.assert_array_equal(kept.eigenvalues, expected.eigenvalues)


def test_states_are_linearized_where_they_are(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--states", "several.npz:a", "--inputs", "per-state.npy"]
    assert "--inputs must be None or have shape (3,), (1, 3) or (5, 3)" in refused(
        capsys, "linearize", "state.pt", *arguments
    )
    output = said(capsys, "linearize", "state.pt", "--states", "several.npz:a", "--json")
    expected = nc.linearize(CELL, STATES[0])
    rows = json.loads(output)
    assert [row["kind"] for row in rows] == [None] * 5
    assert [row["largest |λ|"] for row in rows] == np.abs(expected.eigenvalues).max(axis=1).tolist()


def test_curves_are_told_and_written(points: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = nc.FixedPoints.load(points).unique()
    number = int(np.flatnonzero(found.kind == "fixed")[2])
    expected = nc.trace(CELL, found.select([number]))
    arguments = ["trace", str(points), "--point", str(number)]
    output = json.loads(said(capsys, *arguments, "--json", "--out", "curve.csv"))
    assert [curve["states"] for curve in output["curves"]] == [len(expected.curves[0])]
    assert len(output["points"]) == len(expected.points)
    with Path("curve.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [float(row["tau"]) for row in table] == expected.curves[0].tau.tolist()
    assert [float(row["h_1"]) for row in table] == expected.curves[0].h[:, 1].tolist()
    said(capsys, *arguments, "--out", "curve.npz")
    with np.load("curve.npz") as arrays:
        np.testing.assert_array_equal(arrays["curve_0_h"], expected.curves[0].h)


def test_curves_beyond_the_box_are_told_with_their_indices(
    points: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = json.loads(said(capsys, "trace", str(points), "--beyond", "--json"))
    found = nc.FixedPoints.load(points).unique().select([0])
    (curve,) = nc.trace(CELL, found, beyond=True).curves
    (row,) = output["curves"]
    assert row["fixed points"] == len(curve.indices)
    assert row["sum of indices"] == curve.index_sum
    assert row["fault"] == ""


def test_a_state_is_traced_from_where_it_goes(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save("corner.npy", [0.9, 0.9])
    np.save("input.npy", np.full(D, 0.1))
    words = ["trace", "state.pt", "--states", "corner.npy", "--inputs", "input.npy", "--json"]
    output = json.loads(said(capsys, *words))
    expected = nc.trace(CELL, np.array([0.9, 0.9]), np.full(D, 0.1))
    assert [curve["states"] for curve in output["curves"]] == [len(expected.curves[0])]
    assert [row["norm"] for row in output["points"]] == pytest.approx(
        np.linalg.norm(expected.points.h, axis=1)
    )


def test_a_file_of_points_without_its_network_is_given_it(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nc.find_fixed_points(CELL, STATES[0]).save("bare.npz")
    message = refused(capsys, "linearize", "bare.npz")
    assert "bare.npz does not hold the network of its points: name it (--network" in message
    assert "9" not in said(capsys, "linearize", "bare.npz", "--network", "state.pt").split()
    message = refused(capsys, "linearize", "bare.npz", "--network", "two.st", "--layer", "1")
    assert "bare.npz has states of width 2, and LSTM of two.st takes 4" in message
    single = ["--network", "state.pt", "--dtype", "float32"]
    assert "--dtype float64" in refused(capsys, "linearize", "bare.npz", *single)


REFUSED: dict[str, tuple[list[str], str]] = {
    "states beside points": (
        ["linearize", "points.npz", "--states", "states.npy"],
        "--states must be left out: points.npz holds points",
    ),
    "inputs beside points": (
        ["trace", "points.npz", "--inputs", "conditions.npz"],
        "--inputs must be left out: points.npz holds points",
    ),
    "no such point": (["linearize", "points.npz", "--point", "99"], "--point must be among 0 to "),
    "none of a kind": (
        ["linearize", "points.npz", "--kinds", "slow", "minimum"],
        "points.npz has no point that is slow or minimum",
    ),
    "no condition": (
        ["linearize", "points.npz", "--condition", "up"],
        "--condition must be one of the points in points.npz (none, since their inputs",
    ),
    "a network alone": (["linearize", "state.pt"], "pass its points, as nullcline find writes"),
    "another ending": (
        ["linearize", "points.npz", "--out", "modes.txt"],
        "--out must end in .npz or .csv, not 'modes.txt'",
    ),
    "modes that are none": (["linearize", "points.npz", "--modes", "0"], "--modes must"),
    "no step": (["trace", "points.npz", "--largest-step", "0"], "--largest-step must be positive"),
    "a picture of weights": (["plot", "points", "state.pt"], "state.pt holds no points"),
    "another picture": (["plot", "points", "points.npz", "--out", "p.gif"], ".png or .svg or .pdf"),
    "a folder of nothing": (["info", "."], "holds no finished training run"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_wrong_with_points_is_told_in_one_line(
    what: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, message = REFUSED[what]
    assert message in refused(capsys, *arguments)
    assert not [path for path in here.iterdir() if not path.is_symlink()]


@pytest.mark.parametrize("command", ["linearize points.npz", "plot points points.npz"])
def test_a_file_is_replaced_on_request_alone_and_whole(
    command: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "o.csv" if command.startswith("linearize") else "o.png"
    words = [*command.split(), "--out", name]
    path = here / name
    path.write_text("precious")
    assert f"{name} exists already; replace it (--overwrite)" in refused(capsys, *words)
    with files_of_at_most(100):
        message = refused(capsys, *words, "--overwrite")
    assert message == f"nullcline: {name}: File too large; nothing was written\n"
    assert path.read_text() == "precious"
    said(capsys, *words, "--overwrite")
    assert path.read_bytes() != b"precious"
    assert not list(here.glob(".*"))


# plot


@pytest.mark.parametrize("what", [*cli.plot._DRAWN])
def test_every_picture_is_drawn(
    what: str, points: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    coarse = ["--resolution", "9"] if what in {"landscape", "flow", "basins"} else []
    assert said(capsys, "plot", what, str(points), *coarse) == f"{what}.png\n"
    assert Path(f"{what}.png").read_bytes().startswith(b"\x89PNG")
    if what in {"points", "landscape", "curve"}:
        arguments = [*coarse, "--dimensions", "3", "--axes", "components"]
        said(capsys, "plot", what, str(points), *arguments, "--out", f"{what}.svg")
        assert "<svg" in Path(f"{what}.svg").read_text()


def test_a_picture_shows_the_points_that_were_chosen_among_the_starts(
    points: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plotting = importlib.import_module("nullcline.plotting")
    draw, drawn = plotting.fixed_points, []

    def spy(*arguments: Any, **options: Any) -> Any:
        drawn.append((arguments, options))
        return draw(*arguments, **options)

    monkeypatch.setattr(plotting, "fixed_points", spy)
    said(capsys, "plot", "points", str(points), "--point", "2", "0", "--axes", "modes")
    ((shown, states, trajectories), options) = drawn[0]
    every = nc.FixedPoints.load(points)
    np.testing.assert_array_equal(shown.h, every.unique().h[[2, 0]])
    np.testing.assert_array_equal(states, every.starts)
    assert trajectories is None
    np.testing.assert_array_equal(options["projection"].centre, shown.h[0])
    more = ["--states", "several.npz:b", "--trajectories", "states.npy", "--out", "b.pdf"]
    said(capsys, "plot", "points", str(points), *more)
    ((_, states, trajectories), _) = drawn[1]
    np.testing.assert_array_equal(states, STATES[1])
    np.testing.assert_array_equal(trajectories, STATES)


def test_the_same_picture_is_the_same_file(
    points: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for ending in ("svg", "pdf"):
        for name in ("first", "second"):
            said(capsys, "plot", "points", str(points), "--out", f"{name}.{ending}")
        assert Path(f"first.{ending}").read_bytes() == Path(f"second.{ending}").read_bytes()


def test_pictures_without_matplotlib_name_their_extra(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    message = refused(capsys, "plot", "points", "points.npz")
    assert message.endswith(
        "matplotlib is needed and not installed: pip install 'nullcline[plot]'\n"
    )


# info


def test_info_tells_what_files_are(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "linearize", "points.npz", "--out", "modes.npz")
    names = ["state.pt", "both.st", "points.npz", "modes.npz", "nan.npy", "conditions.npz"]
    output = json.loads(said(capsys, "info", *names, "arrays.npz", "--json"))
    assert [one["is"] for one in output] == [
        "weights", "weights", "points", "linearization", "arrays", "arrays", "weights",
    ]  # fmt: skip
    gru, both, found, modes, nan, conditions, named = [one["holds"] for one in output]
    assert gru == [
        {"layer": 1, "name": None, "cell": "GRU", "inputs": D, "units": H, "state": H,
         "direction": None}
    ]  # fmt: skip
    assert [row["direction"] for row in both] == ["forward", "backward"]
    assert len(found) == len(modes)
    assert nan[0]["NaN"] == 1
    assert [row["name"] for row in conditions] == ["up", "down"]
    assert named == gru
    table = said(capsys, "info", "lightning.ckpt").splitlines()
    assert table[0] == "lightning.ckpt: weights, a file of PyTorch after 'state_dict.model.rnn.'"


def test_info_lists_every_module_of_a_file(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    two = torch.nn.ModuleDict(
        {"encoder": torch.nn.GRU(D, H, 2), "decoder": torch.nn.LSTM(H, 3, bidirectional=True)}
    )
    torch.save(two.state_dict(), "two.pt")
    save_file({name: value.numpy() for name, value in two.state_dict().items()}, "two-of.st")
    for name in ("two.pt", "two-of.st"):
        [found] = json.loads(said(capsys, "info", name, "--json"))
        told = {(row["name"], row["layer"], row["cell"], row["units"]) for row in found["holds"]}
        assert told == {
            ("encoder.", 1, "GRU", H), ("encoder.", 2, "GRU", H), ("decoder.", 1, "LSTM", 3),
        }  # fmt: skip
    assert "encoder" not in said(capsys, "info", "two.pt", "--prefix", "decoder.")
    # Where one of them leaves something open, it says what there is to choose from.
    torch.save({**two.state_dict(), **torch.nn.RNN(D, H).state_dict(prefix="plain.")}, "three.pt")
    message = refused(capsys, "info", "three.pt")
    assert "--prefix must say which" in message
    assert "'encoder.', 'decoder.', 'plain.'" in message


# What the command line looks like


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1"])
def test_nothing_is_lost_where_an_encoding_lacks_letters(
    here: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    told = {}
    for name in ("utf-8", encoding):
        for form in ([], ["--json"]):
            stdout = io.TextIOWrapper(io.BytesIO(), name, "strict")
            with monkeypatch.context() as patched:
                patched.setattr(sys, "stdout", stdout)
                assert main(["linearize", "points.npz", *form, "--quiet"]) == 0
            stdout.seek(0)
            told[name, bool(form)] = stdout.read()
    assert json.loads(told[encoding, True]) == json.loads(told["utf-8", True])
    plain = told["utf-8", False].replace("λ", "lambda").replace("τ", "tau")
    assert told[encoding, False] == plain


def commands() -> dict[str, argparse.ArgumentParser]:
    """Return every command and its parser, those within `data` among them."""
    found = {}
    todo: list[tuple[str, argparse.ArgumentParser]] = [("", parser())]
    while todo:
        name, one = todo.pop()
        inner = [a for a in one._actions if isinstance(a, argparse._SubParsersAction)]
        if not inner:
            found[name.strip()] = one
        for action in inner:
            todo += [(f"{name} {word}", part) for word, part in action.choices.items()]
    return found


@pytest.mark.parametrize("name", sorted(commands()))
def test_help_has_examples_and_each_is_understood(name: str) -> None:
    text = commands()[name].format_help()
    assert "\nexamples:\n" in text
    examples = text.partition("\nexamples:\n")[2].strip().splitlines()
    for example in examples:
        program, *words = shlex.split(example, comments=True)
        assert program == "nullcline"
        if ">" in words:
            words = words[: words.index(">")]
        assert " ".join(words).startswith(name)
        assert parser().parse_args(words).parser.prog == f"nullcline {name}"
    assert "(default: None)" not in text
    assert "(default: False)" not in text


def test_python_runs_the_package() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "nullcline", "--version"], capture_output=True, text=True, check=True
    )
    assert ended.stdout == f"nullcline {nc.__version__}\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion_knows_commands_and_options(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    script = said(capsys, "completion", shell)
    assert "linearize" in script
    assert "max-iterations" in script
    if shell == "bash":
        checked = subprocess.run(
            ["/bin/bash", "-n"], input=script, capture_output=True, text=True, check=False
        )
        assert (checked.returncode, checked.stderr) == (0, "")


def test_completion_without_shtab_names_its_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert "shtab is needed and not installed: pip install 'nullcline[cli]'" in refused(
        capsys, "completion", "bash"
    )


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_terminal(monkeypatch: pytest.MonkeyPatch, *words: str) -> str:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    assert main([*words, "--quiet"]) == 0
    return terminal.getvalue()


def test_a_terminal_has_colours_unless_it_wants_none(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("NO_COLOR", raising=False)
    words = ["linearize", "points.npz"]
    coloured = on_terminal(monkeypatch, *words)
    assert "\x1b[32mstable" in coloured
    monkeypatch.setenv("NO_COLOR", "1")
    plain = on_terminal(monkeypatch, *words)
    assert "\x1b[3" not in plain
    assert "stable" in plain
    monkeypatch.setitem(sys.modules, "rich.console", None)
    without = on_terminal(monkeypatch, *words)
    assert "\x1b" not in without
    assert "─" not in without
    assert "stable" in without


def test_names_from_files_do_not_steer_a_terminal(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    inputs = {"\x1b[2J[bold]evil": np.zeros(D), "good": np.ones(D)}
    nc.find_fixed_points(CELL, STATES[0], inputs).save("labelled.npz", cell=True)
    output = said(capsys, "info", "labelled.npz")
    assert "\x1b" not in output
    assert "[2J[bold]evil" in output
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    assert "\x1b[2J" not in on_terminal(monkeypatch, "info", "labelled.npz")


def test_a_long_table_is_cut_with_a_word_and_json_is_whole(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["linearize", "state.pt", "--states", "states.npy"]
    lines = said(capsys, *words).splitlines()
    assert lines[-1] == "  … 10 more"
    assert len(json.loads(said(capsys, *words, "--json"))) == 30


def test_the_examples_of_the_documentation_print_what_it_says(tmp_path: Path) -> None:
    """If not, `python -m testing.console_page docs/command_line.md` writes what they print."""
    page = (Path(__file__).parents[1] / "docs" / "command_line.md").read_text("utf-8")
    assert what_is_printed(replay(page, tmp_path)) == what_is_printed(page)
    assert what_is_printed(page.replace("growing", "waning")) != what_is_printed(page)
