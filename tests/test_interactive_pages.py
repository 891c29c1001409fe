"""Pages to explore a trained network: each state with its own words, each review with its walk."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from nullcline.cli import main
from nullcline.interop import from_torch
from nullcline.search import find_fixed_points
from nullcline.study.interactive_pages import surroundings, write_network_page
from nullcline.study.reproduce import reproduce
from nullcline.study.settings import AnalysisSettings
from nullcline.study.states import visit_states
from nullcline.training import train
from testing.explored import network, points_of, record_in, texts_in, visited
from testing.tiny_study import SETTINGS, tiny_corpus

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nullcline.training import Checkpoint

ANALYSIS = AnalysisSettings(n_starts=12, n_sample=60, n_words=6)
CORPUS = tiny_corpus()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    settings = replace(SETTINGS, layers=2, epochs=1)
    folder = tmp_path_factory.mktemp("run") / "network"
    return train(CORPUS, settings, folder, device="cpu", progress=False)


@pytest.fixture
def _corpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nullcline.text.load_corpus", lambda *_, **__: CORPUS)
    monkeypatch.setattr("nullcline.study.reproduce.load_corpus", lambda *_, **__: CORPUS)


def test_each_state_has_the_words_that_lead_to_it_and_its_reviews_label(run: Checkpoint) -> None:
    model = run.model()
    visits = visit_states(model, run.reviews(CORPUS), n_sample=60, seed=0)
    cells = from_torch(model.rnn)
    points = [
        find_fixed_points(cell, its.sample[:5]) for cell, its in zip(cells, visits, strict=True)
    ]
    around = surroundings(run, CORPUS, ANALYSIS, [each.unique() for each in points], 60)
    for layer, (cell, its) in enumerate(zip(cells, visits, strict=True)):
        labels = [CORPUS.classes[label] for label in its.sample_labels]
        assert around[layer]["labels"] == labels
        assert around[layer]["cell"].hidden_size == cell.hidden_size
    for text, state in zip(around[0]["texts"], visits[0].sample, strict=True):
        indices = run.vocabulary.encode(text.split())  # no review is longer than what is shown
        h: Any = np.zeros((1, cells[0].hidden_size))
        vectors = model.embedding.weight.detach().numpy()[indices].astype(np.float64)
        for vector in vectors:
            h = cells[0].step(h, vector[None])
        np.testing.assert_allclose(h[0], state, atol=1e-5)


def test_walks_read_examples_and_reviews_word_by_word(run: Checkpoint, tmp_path: Path) -> None:
    page = write_network_page(tmp_path / "page.html", run, CORPUS, ANALYSIS)
    first, second = record_in(page)["layers"]
    assert (first["name"], second["name"]) == ("layer 1", "layer 2")
    walks = first["trajectories"]
    assert len(walks) == 2 + 10
    assert walks[0]["name"].startswith("positive example")
    assert walks[2]["name"].split()[1:3] == ["test", "review"]
    for walk in walks:
        assert walk["n"] == len(walk["words"]) > 0
    assert [walk["readout"] is None for walk in (walks[0], second["trajectories"][0])] == [
        True,
        False,
    ]
    spectrum = first["points"]["spectra"][0]
    known = set(run.vocabulary.words)
    assert {row[0] for row in spectrum["words"]["rows"]} <= known
    assert second["points"]["spectra"][0].get("words") is None
    assert first["curves"]
    assert len(texts_in(first["states"]["texts"])) == 60


@pytest.mark.usefixtures("_corpus")
def test_the_studys_page_links_to_a_page_for_each_layer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save(_: object, path: Path) -> Path:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"as good as a picture")
        return path

    monkeypatch.setattr("nullcline.study.figures.save_figure", save)
    settings = replace(SETTINGS, epochs=1)
    page = reproduce(
        tmp_path, layers=(2,), training=settings, analysis=ANALYSIS, progress=False, device="cpu"
    )
    results = json.loads((tmp_path / "results.json").read_text("utf-8"))["networks"][0]["layers"]
    links = re.findall(r'<a href="(explore-[^"]*)"', page.read_text("utf-8"))
    assert links == [
        "explore-layer-1-of-2.html",
        "explore-layer-2-of-2.html",
    ]
    for number, link in enumerate(links):
        text = (tmp_path / link).read_text("utf-8")
        assert '<script src="plotly.min.js">' in text
        assert len(text) < 500_000
        (layer,) = record_in(tmp_path / link)["layers"]
        assert layer["states"]["n"] == 60
        shares = results[number]["explained_variance_ratio"]
        assert layer["axes"][0] == f"component 1 ({100 * shares[0]:.0f}% of variance)"
    assert (tmp_path / "plotly.min.js").stat().st_size > 1_000_000


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., str]:
    """Return what writes arrays, or points, to files and says where they are."""
    cell = network()
    states = visited(cell)

    def write(name: str) -> str:
        path = tmp_path / name
        if name.startswith("points"):
            points_of(cell, states).save(path, cell="bare" not in name)
        elif name.startswith("states"):
            np.save(path, states)
        elif name.startswith("broken"):
            np.save(path, np.where(np.arange(10)[:, None] == 4, np.nan, states[0]))
        elif name.startswith("texts"):
            path.write_text("".join(f"text {i}\u2028\n" for i in range(400)), "utf-8")
        elif name.startswith("weights"):
            np.savez(
                path, weight_ih_l0=cell.weight_ih, weight_hh_l0=cell.weight_hh,
                bias_ih_l0=cell.bias_ih, bias_hh_l0=cell.bias_hh,
            )  # fmt: skip
        return str(path)

    return write


def explored(tmp_path: Path, *words: str) -> list[Any]:
    """Return the layers in the page that the command writes."""
    page = tmp_path / "page.html"
    assert main(["explore", *words, "--out", str(page), "--quiet"]) == 0
    layers: list[Any] = record_in(page)["layers"]
    return layers


def test_the_command_makes_a_page_of_points_states_trajectories_and_texts(
    tmp_path: Path, files: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    (layer,) = explored(
        tmp_path, files("points.npz"), "--states", files("states.npy"),
        "--trajectories", files("broken.npy"), "--texts", files("texts.txt"),
    )  # fmt: skip
    assert capsys.readouterr().out == f"{tmp_path / 'page.html'}\n"
    assert layer["states"]["n"] == 400
    assert texts_in(layer["states"]["texts"])[7] == "text 7\u2028"
    assert layer["trajectories"][0]["n"] == 10
    assert None not in layer["points"]["spectra"]


def test_the_command_takes_the_network_from_a_file_of_weights(
    tmp_path: Path, files: Callable[..., str]
) -> None:
    bare = files("points-bare.npz")
    assert set(explored(tmp_path, bare)[0]["points"]["spectra"]) == {None}
    weights = ("--network", files("weights.npz"), "--cell", "rnn", "--nonlinearity", "tanh")
    (layer,) = explored(tmp_path, bare, *weights, "--overwrite")
    assert None not in layer["points"]["spectra"]


def test_files_of_several_layers_are_one_page(tmp_path: Path, files: Callable[..., str]) -> None:
    layers = explored(tmp_path, files("points-1.npz"), files("points-2.npz"))
    assert [layer["name"] for layer in layers] == ["points-1", "points-2"]


@pytest.mark.usefixtures("_corpus")
def test_the_command_reads_a_training_run_with_and_without_points(
    tmp_path: Path, run: Checkpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    small = ("--starts", "12", "--sample", "60")
    layers = explored(tmp_path, str(run.directory), *small)
    assert [layer["name"] for layer in layers] == ["layer 1", "layer 2"]
    assert (
        main(["find", str(run.directory), "--out", str(tmp_path / "points"), *small[:2], "--quiet"])
        == 0
    )
    sources = [str(tmp_path / "points" / f"layer-{i}.npz") for i in (1, 2)]
    again = explored(tmp_path, *sources, "--network", str(run.directory), *small, "--overwrite")
    for found, own in zip(again, layers, strict=True):  # from other states that were drawn
        assert found["points"]["kind"] == own["points"]["kind"]
        assert found["states"] == own["states"]
    assert main(["explore", str(run.directory), "--layer", "1", "--out", "other.html"]) == 1
    assert "--layer must be left out: a training run has its own" in capsys.readouterr().err


MISTAKES = {
    "a page that is there": (["points.npz", "--out", "old.html"], "exists already; replace it"),
    "no page": (["points.npz", "--out", "page.png"], "--out must end in .html"),
    "no points": (["states.npy"], "holds no points: find them first"),
    "states of several": (
        ["points-1.npz", "points-2.npz", "--states", "states.npy"],
        "--states must be left out: it is of one layer",
    ),
    "one layer for two files": (
        ["points-1.npz", "points-2.npz", "--network", "weights.npz", "--cell", "rnn",
         "--nonlinearity", "tanh"],
        "has 1 layer for 2 files of points",
    ),
    "a corpus without a run": (
        ["points.npz", "--corpus", "imdb"], "--corpus must be left out: points come from files",
    ),
    "texts of another number": (
        ["points.npz", "--texts", "texts.txt"], "--texts must hold one for each of 0 states",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_are_one_line(
    case: str,
    tmp_path: Path,
    files: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words, sentence = MISTAKES[case]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.html").write_text("old")
    for word in words:
        if re.search(r"\.(npz|npy|txt)$", word):
            files(word)
    assert main(["explore", *words]) == 1
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1
    assert (tmp_path / "old.html").read_text() == "old"
