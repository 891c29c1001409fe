"""Word vectors are trained on the reviews to train on, the same in any process; or left as read."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from nullcline.cli import main
from nullcline.text import (
    Corpus,
    Split,
    Vocabulary,
    load_vectors_for_corpus,
    tokenize,
    train_word_vectors,
)
from nullcline.text.trained_vectors import TRAINED, passes
from nullcline.training import CheckpointError, TrainingSettings, fit, starting_vectors, train
from nullcline.training.checkpoint import PROGRESS_FILE, VECTORS_FILE, split_rows
from testing.tiny_study import SETTINGS, tiny_corpus

if TYPE_CHECKING:
    from pathlib import Path

CORPUS = tiny_corpus()
TEXTS = [tokenize(text) for text in CORPUS.train.texts]
WORDS = Vocabulary.build(TEXTS)

needs_gensim = pytest.mark.usefixtures("_gensim")


@pytest.fixture
def _gensim() -> None:
    pytest.importorskip("gensim", reason="it has no wheel for this Python")


def run(folder: Path, corpus: Corpus = CORPUS, **changes: Any) -> Any:
    settings = replace(SETTINGS, **changes)
    return train(corpus, settings, folder, device="cpu", progress=False)


def embedding(folder: Path, name: str = "weights") -> torch.Tensor:
    return load_file(folder / f"{name}.safetensors")["embedding.weight"]


# Training on texts


@needs_gensim
@pytest.mark.parametrize("method", TRAINED)
def test_words_that_come_together_are_close(method: str) -> None:
    rng = np.random.default_rng(0)
    topics = (("sun", "moon", "star", "sky"), ("tax", "law", "vote", "court"))
    texts = [rng.choice(topics[i % 2], 8).tolist() for i in range(300)]
    found = train_word_vectors(method, texts, Vocabulary.build(texts), dimension=10)
    unit = found.vectors / np.linalg.norm(found.vectors, axis=1, keepdims=True)
    row = {word: unit[i] for i, word in enumerate(found.words)}
    assert row["sun"] @ row["moon"] > row["sun"] @ row["tax"] + 0.2
    assert row["law"] @ row["vote"] > row["law"] @ row["sky"] + 0.2


_HASHED = """
import hashlib, random, sys
from nullcline.text import Vocabulary, train_word_vectors
draw = random.Random(0)
texts = [draw.choices(["good", "bad", "film", "story", "fine", "dull"], k=9) for _ in range(50)]
for method in ("word2vec", "fasttext"):
    found = train_word_vectors(method, texts, Vocabulary.build(texts), dimension=5)
    sys.stdout.write(hashlib.sha256(found.vectors.tobytes()).hexdigest())
"""


@needs_gensim
def test_a_seed_gives_the_same_vectors_in_every_process() -> None:
    one, other = (
        subprocess.run(
            [sys.executable, "-c", _HASHED],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2")
    )
    assert len(one) == 128
    assert one == other


@needs_gensim
@pytest.mark.parametrize("method", TRAINED)
def test_seeds_tell_trained_vectors_apart(method: str) -> None:
    one, again, other = (
        train_word_vectors(method, TEXTS, WORDS, dimension=5, seed=seed) for seed in (1, 1, 2**40)
    )
    np.testing.assert_array_equal(one.vectors, again.vectors)
    assert not np.array_equal(one.vectors, other.vectors)


@needs_gensim
def test_a_rare_word_is_unknown_to_word2vec_and_made_of_letters_by_fasttext() -> None:
    texts = [*TEXTS, ["goodness"], ["ab"]]
    words = Vocabulary.build(texts)
    assert "goodness" not in train_word_vectors("word2vec", texts, words, dimension=5).words
    found = train_word_vectors("fasttext", texts, words, dimension=5)
    assert set(found.words) == set(words.words[2:])
    assert found.vectors.any(axis=1).all()
    assert words.words[:2] == ("<pad>", "<unk>")


@needs_gensim
def test_a_long_text_is_read_to_its_end() -> None:
    first, second = ["good", "film"] * 5_000, ["bad", "story"] * 5_000
    words = Vocabulary.build([first, second])
    whole = train_word_vectors("word2vec", [first + second], words, dimension=5)
    parts = train_word_vectors("word2vec", [first, second], words, dimension=5)
    np.testing.assert_array_equal(whole.vectors, parts.vectors)


def test_small_corpora_are_passed_over_more_often() -> None:
    assert passes(10) == 50
    assert passes(500_000) == 10
    assert passes(10**9) == 5


@pytest.mark.parametrize(
    ("texts", "found"), [([], 0), ([[]], 0), ([["good"] * 100], 1), ([["good", "film"]] * 4, 0)]
)
def test_too_few_words_are_refused(texts: list[list[str]], found: int) -> None:
    with pytest.raises(ValueError, match=rf"word2vec needs 2 words .* have {found}: take random"):
        train_word_vectors("word2vec", texts, Vocabulary.build(texts))


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(ValueError, match="method must be one of word2vec, fasttext, not 'glove'"):
        train_word_vectors("glove", TEXTS, WORDS)


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"dimension": 0}, ValueError, "dimension must lie between 1"),
        ({"dimension": 2.5}, TypeError, r"dimension must be an integer, not 2\.5"),
        ({"seed": -1}, ValueError, "seed must lie between 0"),
    ],
)
def test_bad_sizes_and_seeds_are_named(
    arguments: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        train_word_vectors("word2vec", TEXTS, WORDS, **arguments)
    with pytest.raises(kind, match=message):
        load_vectors_for_corpus("sst", ["good"], vectors="random", **arguments)


def test_vectors_to_train_cannot_be_loaded() -> None:
    with pytest.raises(ValueError, match=r"trained on texts: call .*train_word_vectors"):
        load_vectors_for_corpus("sst", ["good"], vectors="word2vec")


def test_what_is_missing_is_named_with_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "gensim", None)
    monkeypatch.setitem(sys.modules, "gensim.models", None)
    words = ["train", "--corpus", "synthetic", "--vectors", "word2vec", "--out", str(tmp_path)]
    assert main([*words, "--device", "cpu", "--train-size", "50", "--quiet"]) != 0
    assert "gensim is needed and not installed: pip install 'nullcline[" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.safetensors"))


# A network's run


@needs_gensim
def test_no_held_out_review_is_trained_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[list[str]] = []

    def noted(method: str, texts: Any, *arguments: Any, **options: Any) -> Any:
        read.extend(texts)
        return train_word_vectors(method, read, *arguments, **options)

    monkeypatch.setattr(starting_vectors, "train_word_vectors", noted)
    marked = [f"{text} review{i}" for i, text in enumerate(CORPUS.train.texts)]
    test = Split(tuple(f"{text} heldout" for text in CORPUS.test.texts), CORPUS.test.labels)
    corpus = replace(CORPUS, train=Split(tuple(marked), CORPUS.train.labels), test=test)
    run(tmp_path, corpus, vectors="word2vec", train_size=40)
    rows, _ = split_rows(len(marked), replace(SETTINGS, train_size=40))
    assert read == [tokenize(marked[row]) for row in rows]


@needs_gensim
def test_a_network_starts_from_vectors_of_its_own_reviews_and_keeps_them(tmp_path: Path) -> None:
    checkpoint = run(tmp_path, vectors="word2vec")
    rows, _ = split_rows(len(CORPUS.train), SETTINGS)
    texts = [TEXTS[row] for row in rows]
    own = train_word_vectors("word2vec", texts, checkpoint.vocabulary, dimension=6)
    matrix = torch.from_numpy(own.matrix(checkpoint.vocabulary))
    assert torch.equal(embedding(tmp_path, "untrained"), matrix)
    assert not torch.equal(embedding(tmp_path), matrix)
    kept = starting_vectors.kept_vectors(checkpoint.vocabulary, tmp_path)
    assert kept.words == own.words
    np.testing.assert_array_equal(kept.vectors, own.vectors)
    assert VECTORS_FILE in checkpoint.files
    assert checkpoint.vectors_sha256 is not None
    assert run(tmp_path, vectors="word2vec") == checkpoint
    with pytest.raises(CheckpointError, match="vectors: 'word2vec' there"):
        run(tmp_path, vectors="fasttext")


def stop_after_an_epoch(monkeypatch: pytest.MonkeyPatch, folder: Path, **changes: Any) -> None:
    save = fit._save_progress

    def stop(*arguments: Any) -> None:
        save(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(fit, "_save_progress", stop)
        with pytest.raises(KeyboardInterrupt):
            run(folder, **changes)


@needs_gensim
def test_a_resumed_run_does_not_train_its_vectors_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(tmp_path / "whole", vectors="fasttext")
    stop_after_an_epoch(monkeypatch, tmp_path / "parts", vectors="fasttext")

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("vectors are trained again")

    monkeypatch.setattr(starting_vectors, "train_word_vectors", refuse)
    parts = run(tmp_path / "parts", vectors="fasttext")
    assert parts.vectors_sha256 == whole.vectors_sha256
    assert parts.files == whole.files


@needs_gensim
@pytest.mark.parametrize("damage", ["missing", "cut", "changed"])
def test_damaged_vectors_are_not_resumed_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    stop_after_an_epoch(monkeypatch, tmp_path, vectors="word2vec")
    path = tmp_path / VECTORS_FILE
    content = bytearray(path.read_bytes())
    path.unlink()
    if damage == "cut":
        path.write_bytes(content[:50])
    elif damage == "changed":
        content[-1] ^= 1
        path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"train the network anew|other word vectors"):
        run(tmp_path, vectors="word2vec")
    assert (tmp_path / PROGRESS_FILE).exists()


def test_a_run_with_other_vectors_is_told_so_before_any_are_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_after_an_epoch(monkeypatch, tmp_path, vectors="random")
    with pytest.raises(CheckpointError, match="vectors: 'random' there"):
        run(tmp_path, vectors="word2vec")


@pytest.mark.parametrize("vectors", [None, "random"])
def test_frozen_vectors_stay_as_they_started(tmp_path: Path, vectors: str | None) -> None:
    run(tmp_path, vectors=vectors, frozen_vectors=True)
    assert torch.equal(embedding(tmp_path), embedding(tmp_path, "untrained"))
    for name, weights in load_file(tmp_path / "weights.safetensors").items():
        if name != "embedding.weight":
            untrained = load_file(tmp_path / "untrained.safetensors")[name]
            assert not torch.equal(weights, untrained), name


def test_a_run_with_frozen_vectors_resumes_to_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(tmp_path / "whole", frozen_vectors=True)
    stop_after_an_epoch(monkeypatch, tmp_path / "parts", frozen_vectors=True)
    with pytest.raises(CheckpointError, match="frozen_vectors: True there"):
        run(tmp_path / "parts")
    assert run(tmp_path / "parts", frozen_vectors=True).files == whole.files


def test_frozen_vectors_are_an_option_of_the_command_line(tmp_path: Path) -> None:
    small = ["--hidden-size", "3", "--embedding-size", "4", "--epochs", "1", "--train-size", "64"]
    words = ["train", "--corpus", "synthetic", "--frozen-vectors", "--out", str(tmp_path), *small]
    assert main([*words, "--device", "cpu", "--quiet"]) == 0
    assert torch.equal(embedding(tmp_path), embedding(tmp_path, "untrained"))


@pytest.mark.parametrize("value", [1, "yes", None])
def test_frozen_vectors_are_true_or_false(value: Any) -> None:
    with pytest.raises(ValueError, match="frozen_vectors must be True or False"):
        TrainingSettings(frozen_vectors=value)
