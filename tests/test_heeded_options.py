"""No option is passed over in silence: each that a command has no use for is refused by name."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import nullcline as nc
from nullcline.cli import main, parser
from nullcline.training import train
from testing.tiny_study import SETTINGS, tiny_corpus

if TYPE_CHECKING:
    from argparse import Action
    from pathlib import Path

H, D = 2, 3

ALWAYS = {"help", "quiet", "out", "overwrite", "json"}
WEIGHTS = {"prefix", "kind", "nonlinearity"}
LAYERS = {"layer", "joint", "direction", "dtype"}
SEARCH = {"method", "tol_unique", "tol_slow", "n_threads"}
CORPUS = {"corpus", "data_dir", "split", "n_starts", "seed"}
STARTS = {"states", "random"}
CHOICE = {"kinds", "point", "condition", "n_threads"}
TRACE = {"beyond", "n_directions", "largest_step", "max_points"}
AROUND = {"states", "trajectories", "texts", "dt", "unit", "title"}
EXECUTOR = {"workers", "scheduler"}
GIVEN = {"inputs", "unresolved", "deflate", "max_iterations", "device", "seed"} | EXECUTOR

HEEDED: dict[str, set[str]] = {
    "find run": SEARCH | CORPUS | STARTS | {"device", "snapshot"},
    "find run --random 3": SEARCH | STARTS | GIVEN | LAYERS,
    "find weights.npz --random 3": SEARCH | STARTS | GIVEN | LAYERS | WEIGHTS,
    "find weights.npz --states states.npy": SEARCH | STARTS | GIVEN | LAYERS | WEIGHTS
    | {"n_starts", "store"},
    "find weights.npz --states states.npy --store 7": SEARCH | STARTS | GIVEN - {"seed"} | LAYERS
    | WEIGHTS | {"store"},
    "find points.npz --random 3": SEARCH | STARTS | GIVEN | LAYERS - {"dtype"},
    "linearize points.npz": CHOICE | {"network", "k"},
    "linearize points.npz --network weights.npz": CHOICE | LAYERS | WEIGHTS | {"network", "k"},
    "linearize weights.npz --states states.npy": CHOICE | LAYERS | WEIGHTS
    | {"states", "inputs", "k"},
    "trace points.npz": CHOICE | TRACE | {"network"},
    "trace weights.npz --states states.npy": CHOICE | LAYERS | WEIGHTS | TRACE
    | {"states", "inputs"},
    "plot points points.npz": CHOICE | {"network", "states", "trajectories", "axes", "dimensions"},
    "plot eigenvalues points.npz": CHOICE | {"network"},
    "plot time-constants points.npz": CHOICE | {"network"},
    "plot landscape points.npz": CHOICE | {"network", "states", "axes", "dimensions", "resolution"},
    "plot flow points.npz": CHOICE | {"network", "states", "axes", "resolution"},
    "plot basins points.npz": CHOICE | {"network", "states", "axes", "resolution"},
    "plot curve points.npz": CHOICE | {"network", "states", "axes", "dimensions"},
    "plot profile points.npz": CHOICE | {"network"},
    "explore points.npz": AROUND | {"network"},
    "explore points.npz --network weights.npz": AROUND | LAYERS | WEIGHTS | {"network"},
    "explore points.npz --network run": CORPUS
    | {"network", "title", "n_sample", "n_words", "snapshot"},
    "explore run": SEARCH | CORPUS | {"title", "n_sample", "n_words", "snapshot"},
    "info points.npz run states.npy": set(),
    "info points.npz weights.npz": WEIGHTS,
    "explain run good --without-corpus": {
        "without_corpus", "file", "target", "against", "replacements", "misclassified",
    },
}  # fmt: skip
"""Ways to call commands, and the options that each heeds, or of which it takes one alone."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("heeded")
    settings = replace(SETTINGS, epochs=1)
    train(tiny_corpus(), settings, place / "run", device="cpu", progress=False)
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=shape) for shape in ((3 * H, D), (3 * H, H), 3 * H, 3 * H)]
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    named: dict[str, Any] = dict(zip(names, weights, strict=True))
    np.savez(place / "weights.npz", **named)
    states = rng.uniform(-1, 1, (4, H))
    np.save(place / "states.npy", states)
    nc.find_fixed_points(nc.GRU(*weights), states).save(place / "points.npz", cell=True)
    return place


def options_of(command: str) -> list[Action]:
    """Return what a command may be given beside files and texts."""
    inner = next(a for a in parser()._actions if isinstance(a, argparse._SubParsersAction))
    return [action for action in inner.choices[command]._actions if action.option_strings]


def given(action: Action) -> list[str]:
    """Return words that set an option to something else than its default."""
    name = action.option_strings[0]
    if action.nargs == 0:
        return [name]
    if action.choices is not None:
        return [name, next(one for one in map(str, action.choices) if one != str(action.default))]
    return [name, "0.25" if action.type is float else "7"]


@pytest.mark.parametrize("line", HEEDED)
def test_an_option_that_is_not_heeded_is_refused(
    line: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    words = line.split()
    before = sorted(folder.rglob("*"))
    every = {action.dest for action in options_of(words[0])}
    assert every >= HEEDED[line]
    for action in options_of(words[0]):
        if action.dest in HEEDED[line] | ALWAYS:
            continue
        assert main([*words, *given(action), "--quiet"]) == 1, action.dest
        errors = capsys.readouterr().err
        assert f"{action.option_strings[0]} must be left out: " in errors
        assert errors.count("\n") == 1
    assert sorted(folder.rglob("*")) == before
