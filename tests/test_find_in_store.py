"""`nullcline find --store`: a search from a file that is larger than memory, by one command."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import nullcline as nc
from nullcline.cli import main
from testing.search_checks import assert_equal

if TYPE_CHECKING:
    from pathlib import Path

RNG = np.random.default_rng(0)
WEIGHTS: dict[str, Any] = {
    "weight_ih": RNG.normal(size=(4, 2)),
    "weight_hh": 2 * RNG.normal(size=(4, 4)),
    "bias_ih": RNG.normal(size=4) / 2,
    "bias_hh": np.zeros(4),
}
CELL = nc.RNN(*WEIGHTS.values())
STATES = RNG.uniform(-1, 1, (5, 8, 4))
COMMAND = [
    "find",
    "rnn.npz",
    "--nonlinearity",
    "tanh",
    "--states",
    "states.npy",
    "--store",
    "points.zarr",
]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("rnn.npz", **WEIGHTS)
    np.save("states.npy", STATES)


def test_all_states_of_a_file_are_searched_from(capsys: pytest.CaptureFixture[str]) -> None:
    expected = nc.find_fixed_points(CELL, STATES.reshape(-1, 4), tol_slow=1e-3)
    for more in (["--workers", "2"], []):  # the second time, all is there
        assert main([*COMMAND, *more, "--quiet", "--json"]) == 0
        (told,) = json.loads(capsys.readouterr().out)
        assert told["starts"] == 40
        assert len(told["points"]) == len(expected.unique())
    assert_equal(nc.StoredPoints("points.zarr").load(), expected)
    assert main([*COMMAND, "--quiet"]) == 0
    assert "StoredPoints(40 starts in 1 chunk; S = 4; points.zarr)" in capsys.readouterr().out


def test_inputs_of_each_state_may_be_in_a_file_too() -> None:
    inputs = RNG.normal(size=(40, 2)).astype(np.float32)
    np.save("inputs.npy", inputs)
    assert main([*COMMAND, "--inputs", "inputs.npy", "--quiet"]) == 0
    expected = nc.find_fixed_points(CELL, STATES.reshape(-1, 4), inputs, tol_slow=1e-3)
    assert_equal(nc.StoredPoints("points.zarr").load(), expected)


def test_states_of_another_type_are_converted_as_without_a_store() -> None:
    assert main([*COMMAND, "--dtype", "float32", "--quiet"]) == 0
    assert nc.StoredPoints("points.zarr").starts.dtype == np.float32


def test_states_may_be_an_array_of_zarr() -> None:
    zarr: Any = pytest.importorskip("zarr")
    states = STATES.reshape(-1, 4)
    made = zarr.open("states.zarr", mode="w", shape=states.shape, dtype="f8")
    made[:] = states
    assert main([*COMMAND[:5], "states.zarr", *COMMAND[6:], "--quiet"]) == 0
    expected = nc.find_fixed_points(CELL, states, tol_slow=1e-3)
    assert_equal(nc.StoredPoints("points.zarr").load(), expected)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--random", "5"], "not allowed with"),
        (["--out", "elsewhere"], "--out must be left out"),
        (["--starts", "5"], "--starts must be left out"),
        (["--tol-slow", "1e-6"], "holds another, with --tol-slow"),
    ],
)
def test_what_a_store_has_no_use_for_is_refused(
    capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    main([*COMMAND, "--quiet"])
    try:
        assert main([*COMMAND, *words, "--quiet"]) == 1
    except SystemExit as usage:
        assert usage.code == 2  # noqa: PT017 - the parser refuses some
    assert message in capsys.readouterr().err


def test_states_are_needed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*COMMAND[:4], *COMMAND[6:], "--quiet"]) == 1
    assert (
        "--store must be left out: it takes all states of a file (--states FILE)"
        in capsys.readouterr().err
    )
