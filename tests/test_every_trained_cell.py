"""A network of every cell, from its training to what is found in it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

import nullcline as nc
from nullcline.cli import main
from nullcline.study.analysis import analyse
from nullcline.study.cell_names import CELL_NAMES
from nullcline.study.results import NetworkAnalysis
from nullcline.study.settings import AnalysisSettings
from nullcline.training import CELLS, Checkpoint, load_checkpoint, train
from nullcline.training.model import CELL_MODULES
from testing.tiny_study import SETTINGS, tiny_corpus

if TYPE_CHECKING:
    from pathlib import Path

CORPUS = tiny_corpus(60)
ANALYSIS = AnalysisSettings(n_starts=10, n_sample=40, n_reviews=5, n_words=10)
TEXT = "the film was awful and good , a great story"


@pytest.fixture(scope="module", params=CELLS)
def checkpoint(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Checkpoint:
    """Return a network of two layers, read back from its folder."""
    settings = replace(SETTINGS, cell=request.param, layers=2, epochs=2, learning_rate=0.02)
    folder = tmp_path_factory.mktemp(request.param)
    trained = train(CORPUS, settings, folder, device="cpu", progress=False)
    loaded = load_checkpoint(folder)
    assert loaded.sha256 == trained.sha256
    return loaded


def test_every_cell_has_a_module_and_a_name() -> None:
    assert list(CELL_MODULES) == list(CELL_NAMES) == list(CELLS)


def test_its_cells_step_as_the_network_does(checkpoint: Checkpoint) -> None:
    """After every word of a text, in both layers, and from its file as from its module."""
    model, words = checkpoint.model(), checkpoint.encode(TEXT)
    inputs = model.embedding(torch.from_numpy(words)[None])
    cells = nc.from_torch(model.rnn)
    states: list[Any] = [np.zeros((1, cell.state_size)) for cell in cells]
    with torch.inference_mode():
        outputs = model.rnn(inputs)[0][0].numpy()
    for step, output in enumerate(outputs):
        below = inputs[0, step].detach().double().numpy()[None]
        for layer, cell in enumerate(cells):
            states[layer] = cell.step(states[layer], below)
            below = cell.outputs_of(states[layer])
        np.testing.assert_allclose(below[0], output, rtol=0, atol=1e-6)
    options: dict[str, Any] = {"nonlinearity": "tanh"} if isinstance(cells[0], nc.RNN) else {}
    path = checkpoint.directory / "weights.safetensors"
    for read, cell in zip(nc.from_safetensors(path, prefix="rnn.", **options), cells, strict=True):
        np.testing.assert_array_equal(
            read.step(states[0], np.ones((1, read.input_size))),
            cell.step(states[0], np.ones((1, cell.input_size))),
        )


def test_the_same_settings_are_the_same_network(checkpoint: Checkpoint, tmp_path: Path) -> None:
    again = train(CORPUS, checkpoint.settings, tmp_path, device="cpu", progress=False)
    assert again.files == checkpoint.files
    untrained = checkpoint.model(trained=False).state_dict()
    assert any(not torch.equal(untrained[k], v) for k, v in checkpoint.model().state_dict().items())


def test_it_is_analysed(checkpoint: Checkpoint, tmp_path: Path) -> None:
    found = analyse(checkpoint, CORPUS, ANALYSIS)
    assert (found.cell, found.n_layers) == (checkpoint.settings.cell, 2)
    for layer in found.layers:
        assert layer.unique.kind.size
        assert np.isfinite(layer.radius_exists[layer.unique.kind == "fixed"]).all()
    found.save(tmp_path / "analysis.npz")
    assert NetworkAnalysis.load(tmp_path / "analysis.npz").to_json() == found.to_json()


def test_what_it_says_is_its_words_shares(checkpoint: Checkpoint) -> None:
    model, words = checkpoint.model(), checkpoint.encode(TEXT)
    inputs = model.embedding(torch.from_numpy(words)).detach().double().numpy()
    readout = model.readout.weight[0].detach().double().numpy()
    intercept = float(model.readout.bias.detach()[0])
    found = nc.attribute(nc.from_torch(model.rnn), inputs, readout, intercept=intercept)
    with torch.inference_mode():
        logit = float(model(torch.from_numpy(words)[None], torch.tensor([len(words)]))[0])
    np.testing.assert_allclose(found.logit, logit, rtol=0, atol=1e-5)
    change = found.shares.sum() + found.start
    np.testing.assert_allclose(change, found.logit - found.baseline_logit, rtol=0, atol=1e-12)


def test_the_command_line_explains_it(
    checkpoint: Checkpoint,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)  # where the page goes
    assert main(["explain", str(checkpoint.directory), TEXT]) == 0
    assert "awful" in capsys.readouterr().out
