"""A small CSV file of one's own is trained on with word vectors of one's own, or none at all."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import nullcline as nc
from nullcline.cli import main
from nullcline.text import download, load_corpus, load_vectors_for_corpus
from nullcline.training import TrainingSettings, load_checkpoint, train

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = ("good film", "great story", "a fine film", "bad film", "dull story", "an awful film")
SMALL = TrainingSettings(hidden_size=3, embedding_size=4, epochs=1, batch_size=4)


@pytest.fixture(autouse=True)
def _no_download(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("something is downloaded")

    monkeypatch.delenv("NULLCLINE_DATA", raising=False)
    monkeypatch.setattr(download, "_download", refuse)


@pytest.fixture
def csv_file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.csv"
    rows = [f"{text},{1 - 2 * (i // 3)}" for i, text in enumerate(TEXTS)] * 3
    path.write_text("text,label\n" + "\n".join(rows) + "\n")
    return path


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    path = tmp_path / "mine.vec"
    path.write_text("2 4\nfilm 1 2 3 4\nstory 5 6 7 8.5\n")
    return path


def _embedding(folder: Path, word: str) -> list[float]:
    run = load_checkpoint(folder)
    row = run.vocabulary.encode([word])[0]
    found: list[float] = run.model(trained=False).embedding.weight[row].tolist()
    return found


def test_training_starts_from_the_vectors_of_a_file(
    tmp_path: Path, csv_file: Path, vectors: Path
) -> None:
    path: Any = vectors
    settings = replace(SMALL, vectors=path)
    assert settings.vectors == str(vectors)
    train(load_corpus(csv_file), settings, tmp_path / "run", device="cpu", progress=False)
    assert _embedding(tmp_path / "run", "film") == [1, 2, 3, 4]
    assert _embedding(tmp_path / "run", "story") == [5, 6, 7, 8.5]
    assert any(_embedding(tmp_path / "run", "good"))


@pytest.mark.parametrize("name", ["random", "none"])
def test_training_starts_from_random_vectors_and_learns_them(
    tmp_path: Path, csv_file: Path, name: str
) -> None:
    settings = replace(SMALL, vectors=name)
    run = train(load_corpus(csv_file), settings, tmp_path, device="cpu", progress=False)
    drawn = load_vectors_for_corpus("mine.csv", ["film"], dimension=4, vectors="random")
    assert _embedding(tmp_path, "film") == drawn.vectors[0].tolist()
    assert run.settings.vectors == "random"
    row = run.vocabulary.encode(["film"])[0]
    assert run.model().embedding.weight[row].tolist() != drawn.vectors[0].tolist()


def test_the_command_line_goes_from_a_csv_file_to_fixed_points(
    tmp_path: Path, csv_file: Path
) -> None:
    run, points = tmp_path / "run", tmp_path / "points"
    small = ["--hidden-size", "3", "--embedding-size", "4", "--epochs", "1"]
    words = ["train", "--corpus", str(csv_file), "--vectors", "random", "--out", str(run)]
    assert main([*words, *small, "--device", "cpu", "--quiet"]) == 0
    assert json.loads((run / "settings.json").read_text())["settings"]["vectors"] == "random"
    words = ["find", str(run), "--corpus", str(csv_file), "--out", str(points), "--starts", "5"]
    assert main([*words, "--quiet"]) == 0
    assert len(nc.FixedPoints.load(points / "layer-1.npz")) == 5


def test_random_vectors_depend_on_word_and_seed_and_have_the_spread_of_glove() -> None:
    words = [f"word{number}" for number in range(200)]
    found = load_vectors_for_corpus("mine.csv", words, dimension=50, vectors="random")
    again = load_vectors_for_corpus("mine.csv", words[::-1], dimension=50, vectors="random")
    np.testing.assert_array_equal(found.vectors, again.vectors[::-1])
    assert abs(found.vectors.std() / 0.4 - 1) < 0.05
    other = load_vectors_for_corpus("mine.csv", words, dimension=50, seed=1, vectors="random")
    assert not np.array_equal(found.vectors, other.vectors)


@pytest.mark.parametrize("vectors", ["", 3])
def test_what_names_no_vectors_is_refused(vectors: Any) -> None:
    with pytest.raises(
        (ValueError, TypeError), match=r"vectors must be|str, bytes or os\.PathLike"
    ):
        TrainingSettings(vectors=vectors)


def test_vectors_of_another_dimension_name_the_setting(vectors: Path) -> None:
    with pytest.raises(ValueError, match=r"mine\.vec: .* 4 numbers, not 100; .*embedding_size"):
        load_vectors_for_corpus("mine.csv", ["film"], vectors=vectors)
