"""Training: it learns, it resumes to the same result, and damage is reported, not trained on."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from nullcline._support.folder_lock import locked
from nullcline.text import UNK, Corpus, Split, WordVectors, load_vectors_for_corpus
from nullcline.training import (
    CELLS,
    CheckpointError,
    SentimentRNN,
    TrainingSettings,
    load_checkpoint,
    require_new,
    starting_vectors,
    train,
)
from nullcline.training import fit as fit_module
from nullcline.training.batches import EncodedReviews, shuffled_rows, sorted_rows
from nullcline.training.checkpoint import PROGRESS_FILE, new_model, split_rows
from nullcline.training.fingerprint import corpus_sha256
from nullcline.training.model import Dropout
from nullcline.training.objective import loss, predicted_classes, probabilities
from testing.full_disk import files_of_at_most
from testing.tiny_study import SETTINGS, tiny_corpus

CORPUS = tiny_corpus()
FINISHED = {"settings.json", "untrained.safetensors", "vocabulary.json", "weights.safetensors"}


def run(directory: Path, **changes: Any) -> Any:
    settings = replace(SETTINGS, **changes)
    return train(CORPUS, settings, directory, device="cpu", progress=False)


def weights(directory: Path) -> dict[str, torch.Tensor]:
    return load_file(directory / "weights.safetensors")


def test_it_learns_and_leaves_a_finished_run(tmp_path: Path) -> None:
    checkpoint = run(tmp_path, epochs=15, learning_rate=0.02)
    assert checkpoint.test_accuracy > 0.85
    assert {path.name for path in tmp_path.iterdir()} == FINISHED
    losses = [epoch.validation_loss for epoch in checkpoint.history]
    assert checkpoint.validation_loss == min(losses)
    assert checkpoint.best_epoch == 1 + int(np.argmin(losses))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("layers", [1, 2])
def test_every_cell_learns_and_is_read_back(tmp_path: Path, cell: str, layers: int) -> None:
    settings = {"cell": cell, "layers": layers, "epochs": 12, "learning_rate": 0.02}
    checkpoint = run(tmp_path, **settings)
    assert checkpoint.test_accuracy > 0.8
    assert checkpoint.train_accuracy > 0.8
    assert run(tmp_path, **settings) == checkpoint
    reviews = checkpoint.reviews(CORPUS)
    batch = reviews.batch(np.arange(len(reviews)))
    right = predicted_classes(checkpoint.model()(batch.tokens, batch.lengths)) == batch.labels
    assert float(right.float().mean()) == pytest.approx(checkpoint.test_accuracy)


def test_a_finished_run_is_read_back_not_repeated(tmp_path: Path) -> None:
    first = run(tmp_path)
    assert run(tmp_path) == first
    assert load_checkpoint(tmp_path) == first


def test_untrained_is_the_network_before_its_first_step(tmp_path: Path) -> None:
    untrained = run(tmp_path).model(trained=False)
    torch.manual_seed(SETTINGS.seed)
    fresh = SentimentRNN(
        untrained.embedding.num_embeddings, hidden_size=8, embedding_size=6, dropout=0.2
    )
    for name, value in fresh.rnn.state_dict().items():
        assert torch.equal(value, untrained.rnn.state_dict()[name])


@pytest.mark.parametrize("stop_at_step", [3, 9])
def test_an_interrupted_run_resumes_to_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop_at_step: int
) -> None:
    run(tmp_path / "whole")
    steps = 0
    step = fit_module._step

    def interrupted(*arguments: Any) -> float:
        nonlocal steps
        steps += 1
        if steps == stop_at_step:
            raise KeyboardInterrupt
        return step(*arguments)

    monkeypatch.setattr(fit_module, "_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "parts")
    with pytest.raises(CheckpointError, match="no finished training run"):
        load_checkpoint(tmp_path / "parts")
    resumed = run(tmp_path / "parts")
    for name, value in weights(tmp_path / "whole").items():
        assert torch.equal(value, weights(tmp_path / "parts")[name]), name
    assert len(resumed.history) == SETTINGS.epochs


def test_seeds_decide_everything(tmp_path: Path) -> None:
    torch.manual_seed(1)
    run(tmp_path / "a")
    torch.manual_seed(2)
    run(tmp_path / "b")
    run(tmp_path / "c", seed=1)
    a, b, c = (weights(tmp_path / name)["readout.weight"] for name in "abc")
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_the_global_generator_is_left_alone(tmp_path: Path) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    run(tmp_path)
    assert torch.equal(torch.rand(3), expected)


def test_patience_stops_a_run_that_no_longer_improves(tmp_path: Path) -> None:
    checkpoint = run(tmp_path, epochs=200, patience=2, learning_rate=0.1)
    assert len(checkpoint.history) == checkpoint.best_epoch + 2


def test_another_runs_folder_is_refused(tmp_path: Path) -> None:
    run(tmp_path)
    with pytest.raises(CheckpointError, match="hidden_size: 8 there"):
        run(tmp_path, hidden_size=9)
    with pytest.raises(FileExistsError, match="holds a training run already"):
        require_new(tmp_path)


@pytest.mark.parametrize("name", sorted(FINISHED - {"untrained.safetensors"}))
def test_a_file_cut_short_is_reported(tmp_path: Path, name: str) -> None:
    run(tmp_path)
    path = tmp_path / name
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(CheckpointError):
        load_checkpoint(tmp_path).model()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"best_epoch": 3', '"best_epoch": 4'),
        ('"best_epoch": 3', '"best_epoch": 0'),
        ('"seed": 0', '"seed": -1'),
        ('"files": {', '"files": "none", "other": {'),
        ('"history": [', '"history": ' + 9999 * "["),
    ],
)
def test_settings_that_make_no_sense_are_reported(tmp_path: Path, old: str, new: str) -> None:
    run(tmp_path)
    path = tmp_path / "settings.json"
    text = path.read_text("utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(CheckpointError, match="holds a damaged training run"):
        load_checkpoint(tmp_path)


def test_damaged_progress_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit_module, "save_checkpoint", lambda *_: (_ for _ in ()).throw(OSError))
    with pytest.raises(OSError):  # noqa: PT011 - planted
        run(tmp_path)
    path = tmp_path / PROGRESS_FILE
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(CheckpointError, match="cannot resume"):
        run(tmp_path)


def test_progress_with_damage_anywhere_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_after_an_epoch(monkeypatch, tmp_path / "whole")
    whole = (tmp_path / "whole" / PROGRESS_FILE).read_bytes()
    rng = np.random.default_rng(0)
    header = 8 + int.from_bytes(whole[:8], "little")
    refused = 0
    for number in range(40):
        content = bytearray(whole)
        end = header if number % 4 else len(whole)
        for place in rng.integers(0, end, 1 + number % 3):
            content[place] = rng.integers(256)
        folder = tmp_path / str(number)
        shutil.copytree(tmp_path / "whole", folder)
        (folder / PROGRESS_FILE).write_bytes(content)
        try:
            run(folder)
        except CheckpointError as error:
            refused += str(folder) in str(error)
    assert refused >= 38  # a byte in 256 is what it was


# One folder, one run: what is of another run is refused or gone, never mixed


def changed_corpus() -> Corpus:
    """Return a corpus of the same name and texts whose labels are the other way round."""
    train, test = (Split(split.texts, 1 - split.labels) for split in (CORPUS.train, CORPUS.test))
    return Corpus(CORPUS.name, train, test, CORPUS.classes)


def stop_after_an_epoch(monkeypatch: pytest.MonkeyPatch, folder: Path, **changes: Any) -> None:
    """Begin a run in a folder, and interrupt it when its first epoch is saved."""
    save = fit_module._save_progress

    def interrupted(*arguments: Any) -> None:
        save(*arguments)
        raise KeyboardInterrupt

    options = {"resume": changes.pop("resume", True)}
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(fit_module, "_save_progress", interrupted)
        settings = replace(SETTINGS, **changes)
        train(CORPUS, settings, folder, device="cpu", progress=False, **options)


@pytest.mark.parametrize("finished", [True, False])
def test_a_corpus_that_changed_under_its_name_is_another_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, finished: bool
) -> None:
    if finished:
        run(tmp_path)
    else:
        stop_after_an_epoch(monkeypatch, tmp_path)
    with pytest.raises(CheckpointError, match="on other reviews: what synthetic holds has changed"):
        train(changed_corpus(), SETTINGS, tmp_path, device="cpu", progress=False)


def test_the_corpus_of_a_checkpoint_can_be_asked_for(tmp_path: Path) -> None:
    checkpoint = run(tmp_path)
    checkpoint.require_corpus(CORPUS)
    with pytest.raises(CheckpointError, match="trained on other reviews"):
        checkpoint.require_corpus(changed_corpus())


@given(
    first=st.lists(st.sampled_from(["", "a", "b", "ab"]), max_size=3),
    second=st.lists(st.sampled_from(["", "a", "b", "ab"]), max_size=3),
)
def test_corpora_have_one_hash_if_they_are_the_same(first: list[str], second: list[str]) -> None:
    rest = Split(("x",), np.array([0]))
    one, other = (
        Corpus("any", Split(tuple(texts), np.zeros(len(texts), np.int64)), rest)
        for texts in (first, second)
    )
    assert (corpus_sha256(one) == corpus_sha256(other)) == (first == second)
    assert corpus_sha256(one) != corpus_sha256(Corpus("any", rest, one.train))


def test_other_word_vectors_are_another_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_after_an_epoch(monkeypatch, tmp_path)
    load = load_vectors_for_corpus

    def others(*arguments: Any, **options: Any) -> WordVectors:
        found = load(*arguments, **options)
        return WordVectors(found.words, 2 * found.vectors)

    monkeypatch.setattr(starting_vectors, "load_vectors_for_corpus", others)
    with pytest.raises(CheckpointError, match="began with other word vectors"):
        run(tmp_path)


def test_what_is_replaced_is_gone_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(tmp_path)
    stop_after_an_epoch(monkeypatch, tmp_path, seed=1, resume=False)
    with pytest.raises(CheckpointError, match="no finished training run"):
        load_checkpoint(tmp_path)
    with pytest.raises(CheckpointError):
        first.model()
    with pytest.raises(CheckpointError, match="seed: 1 there"):
        run(tmp_path)


def test_a_run_is_replaced_on_request_alone(tmp_path: Path) -> None:
    run(tmp_path)
    with pytest.raises(FileExistsError, match="holds a training run already"):
        train(CORPUS, SETTINGS, tmp_path, resume=False, overwrite=False, progress=False)


@pytest.mark.parametrize("name", sorted(FINISHED - {"settings.json"}))
def test_a_file_of_another_run_is_refused(tmp_path: Path, name: str) -> None:
    run(tmp_path / "one")
    run(tmp_path / "other", seed=1, vocabulary_size=10)
    shutil.copy(tmp_path / "other" / name, tmp_path / "one" / name)
    with pytest.raises(CheckpointError, match=f"{name} is (damaged, or of another|not a file)"):
        load_checkpoint(tmp_path / "one").model(trained=name != "untrained.safetensors")


@pytest.mark.parametrize("name", ["untrained.safetensors", "vocabulary.json"])
def test_an_unfinished_run_with_a_file_of_another_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    stop_after_an_epoch(monkeypatch, tmp_path / "one")
    run(tmp_path / "other", seed=1, vocabulary_size=10)
    shutil.copy(tmp_path / "other" / name, tmp_path / "one" / name)
    with pytest.raises(CheckpointError, match=f"{name} is damaged, or of another run"):
        run(tmp_path / "one")


def test_a_folder_that_is_in_use_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with locked(folder, "out"), pytest.raises(BlockingIOError, match="choose another folder by"):
        run(folder)
    run(folder)
    with locked(folder, "out"):  # to read a finished run needs no lock
        run(folder)


def test_what_a_kill_left_of_an_unfinished_run_is_tidied_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_after_an_epoch(monkeypatch, tmp_path)
    for name in (".any-0a1b2c3d.partial.json", ".lock"):
        (tmp_path / name).write_bytes(b"")
    run(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == FINISHED


def test_what_a_kill_left_of_a_finished_run_is_tidied_up(tmp_path: Path) -> None:
    first = run(tmp_path)
    for name in ("progress.safetensors", ".settings-0a1b2c3d.partial.json", ".lock"):
        (tmp_path / name).write_bytes(b"")
    assert run(tmp_path) == first
    assert {path.name for path in tmp_path.iterdir()} == FINISHED


def test_kills_lose_nothing_and_mix_nothing() -> None:
    """`python -m testing.kills --count 60` does it at scale."""
    ended = subprocess.run(
        [sys.executable, "-m", "testing.kills", "--count", "12"],
        cwd=Path(__file__).parent.parent, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    counts = json.loads(ended.stdout)
    assert counts["before_the_end"] >= 10
    assert counts["resumed_to_the_same_bytes"] == 12
    assert counts["mixed_two_runs"] == counts["left_files_in_the_end"] == 0


def test_a_full_disk_loses_no_earlier_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = fit_module._save_progress

    def save_on_a_full_disk(state: Any, *arguments: Any) -> None:
        with files_of_at_most(200 if len(state.history) == 2 else 10**9):
            save(state, *arguments)

    monkeypatch.setattr(fit_module, "_save_progress", save_on_a_full_disk)
    with pytest.raises(OSError, match=r"File too large.*progress\.safetensors"):
        run(tmp_path / "parts")
    assert not [path for path in (tmp_path / "parts").iterdir() if path.name.startswith(".")]
    monkeypatch.setattr(fit_module, "_save_progress", save)
    run(tmp_path / "parts")
    run(tmp_path / "whole")
    assert torch.equal(
        weights(tmp_path / "parts")["readout.weight"], weights(tmp_path / "whole")["readout.weight"]
    )


def test_a_loss_that_is_not_finite_stops_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverged(*arguments: Any) -> SentimentRNN:
        model = new_model(*arguments)
        torch.nn.init.constant_(model.readout.bias, torch.inf)
        return model

    monkeypatch.setattr(fit_module, "new_model", diverged)
    with pytest.raises(FloatingPointError, match="smaller learning_rate"):
        run(tmp_path)


def test_a_split_without_validation_reviews_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="validation_fraction"):
        train(tiny_corpus(n_train=1), SETTINGS, tmp_path, progress=False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cell", "gated"),
        ("layers", 0),
        ("dropout", 1.0),
        ("max_tokens", 0),
        ("learning_rate", 0.0),
        ("max_gradient_norm", 0.0),
        ("train_size", 0),
        ("classes", 1),
        ("seed", -1),
    ],
)
def test_settings_out_of_range_are_named(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        replace(SETTINGS, **{name: value})


def test_padding_does_not_change_a_judgement() -> None:
    torch.manual_seed(0)
    model = SentimentRNN(20, layers=2, hidden_size=8, embedding_size=6).eval()
    reviews = EncodedReviews([np.array([3, 4, 5]), np.array([7])], np.array([0, 1]))
    batch = reviews.batch(np.array([0, 1]))
    together = model(batch.tokens, batch.lengths)
    for row in range(2):
        alone = reviews.batch(np.array([row]))
        torch.testing.assert_close(model(alone.tokens, alone.lengths)[0], together[row])


# Settings of the first version, which knew one cell, and what None stands for


def test_a_run_without_a_cell_in_its_settings_is_of_grus(tmp_path: Path) -> None:
    first = run(tmp_path)
    path = tmp_path / "settings.json"
    record = json.loads(path.read_text("utf-8"))
    for name in ("cell", "max_gradient_norm", "train_size", "classes"):
        del record["settings"][name]
    del record["train_accuracy"]
    path.write_text(json.dumps(record))
    loaded = load_checkpoint(tmp_path)
    assert isinstance(loaded.model().rnn, torch.nn.GRU)
    assert loaded.train_accuracy is None
    assert run(tmp_path).test_accuracy == first.test_accuracy


@pytest.mark.parametrize("cell", CELLS)
def test_vanilla_networks_take_small_steps(cell: str) -> None:
    settings = replace(SETTINGS, cell=cell).resolved()
    vanilla = cell == "rnn"
    assert settings.learning_rate == (3e-4 if vanilla else 1e-3)
    assert settings.max_gradient_norm == (1.0 if vanilla else None)
    given = TrainingSettings(cell=cell, learning_rate=0.5, max_gradient_norm=2.0)
    assert given.resolved(3) == replace(given, classes=3)
    assert replace(given, classes=2).resolved(3).classes == 2


def test_gradients_are_clipped_to_a_norm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    norms: list[float] = []
    step = torch.optim.Adam.step

    def noting(self: torch.optim.Adam, *arguments: Any, **options: Any) -> Any:
        gradients = [p.grad for group in self.param_groups for p in group["params"]]
        norms.append(float(torch.sqrt(sum((g**2).sum() for g in gradients))))
        return step(self, *arguments, **options)

    monkeypatch.setattr(torch.optim.Adam, "step", noting)
    run(tmp_path / "free", epochs=1)
    free, norms[:] = list(norms), []
    run(tmp_path / "bound", epochs=1, max_gradient_norm=min(free))
    assert max(norms) == pytest.approx(min(free), rel=1e-4)
    assert max(norms) < max(free)


def test_cells_that_forget_start_to_remember() -> None:
    torch.manual_seed(0)
    size = {"hidden_size": 40, "embedding_size": 3}
    lstm = SentimentRNN(5, cell="lstm", **size).rnn.get_parameter("bias_ih_l0").detach()
    forget, others = lstm[40:80], torch.cat([lstm[:40], lstm[80:]])
    assert float(forget.mean()) == pytest.approx(1, abs=0.1)
    assert float(others.abs().max()) < 0.2
    ugrnn = SentimentRNN(5, cell="ugrnn", **size).rnn.get_parameter("bias_ih_l0").detach()
    assert float(ugrnn[40:].mean()) == pytest.approx(1, abs=0.1)
    assert float(ugrnn[:40].abs().max()) < 0.2


# Training sets of any size


def test_smaller_training_sets_are_parts_of_larger_ones(tmp_path: Path) -> None:
    whole, validation = split_rows(100, SETTINGS)
    assert sorted([*whole, *validation]) == list(range(100))
    for size in (1, 20):
        some, same = split_rows(100, replace(SETTINGS, train_size=size))
        assert set(some) < set(whole)
        assert len(some) == size
        np.testing.assert_array_equal(same, validation)
    checkpoint = run(tmp_path, train_size=20)
    sizes = [len(checkpoint.reviews(CORPUS, name)) for name in ("train", "validation", "test")]
    assert sizes == [20, 36, 40]
    with pytest.raises(ValueError, match="split must be one of train, validation, test"):
        checkpoint.reviews(CORPUS, "dev")


def test_more_training_reviews_than_there_are_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="train_size=85 is more than the corpus has: 84 reviews"):
        run(tmp_path, train_size=85)


# Classes


def graded_corpus() -> Corpus:
    """Return three classes, each with a word of its own."""
    rng = np.random.default_rng(0)
    labels = np.arange(150) % 3
    texts = [f"the film was {('bad', 'fine', 'great')[k]} {rng.integers(9)}" for k in labels]
    return Corpus(
        "synthetic",
        Split(tuple(texts[:120]), labels[:120]),
        Split(tuple(texts[120:]), labels[120:]),
        ("low", "middle", "high"),
    )


def test_three_classes_are_learned(tmp_path: Path) -> None:
    settings = replace(SETTINGS, classes=3, epochs=15, learning_rate=0.02)
    checkpoint = train(graded_corpus(), settings, tmp_path, device="cpu", progress=False)
    assert checkpoint.test_accuracy > 0.9
    assert checkpoint.model().readout.weight.shape == (3, 8)


def test_other_classes_than_the_corpus_has_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="classes must be 2, the classes that the corpus has"):
        run(tmp_path, classes=3)


@given(seed=st.integers(0, 100), classes=st.integers(2, 5))
def test_the_loss_is_minus_the_log_of_the_probability(seed: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    logits = torch.from_numpy(rng.normal(size=(6, classes)))
    labels = torch.from_numpy(rng.integers(classes, size=6))
    if classes == 2:
        logits = logits[:, 1]
    chances = probabilities(logits)
    torch.testing.assert_close(chances.sum(dim=1), torch.ones(6, dtype=torch.float64))
    expected = -torch.log(chances[torch.arange(6), labels])
    torch.testing.assert_close(loss(logits, labels), expected.mean())
    torch.testing.assert_close(loss(logits, labels, "sum"), expected.sum())
    assert torch.equal(predicted_classes(logits), chances.argmax(dim=1))


def test_long_reviews_keep_their_last_tokens_and_empty_ones_one(tmp_path: Path) -> None:
    checkpoint = run(tmp_path, max_tokens=2)
    assert checkpoint.tokens("good bad the film") == ["the", "film"]
    assert len(checkpoint.encode("good bad the film")) == 2
    assert checkpoint.encode("   ").tolist() == [UNK]


@given(
    lengths=st.lists(st.integers(1, 50), min_size=1, max_size=300),
    batch_size=st.integers(1, 20),
    seed=st.integers(0, 1000),
)
def test_every_review_is_in_one_batch(lengths: list[int], batch_size: int, seed: int) -> None:
    array = np.array(lengths)
    for batches in (
        shuffled_rows(array, batch_size, np.random.default_rng(seed)),
        list(sorted_rows(array, batch_size)),
    ):
        assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
        assert max(len(rows) for rows in batches) <= batch_size


def test_dropout_keeps_the_mean_and_what_it_drops_gets_no_gradient() -> None:
    torch.manual_seed(0)
    dropout = Dropout(0.3)
    x = torch.full((400, 250), 2.0, requires_grad=True)
    found = dropout(x)
    found.sum().backward()
    assert x.grad is not None
    kept = found != 0
    assert torch.equal(kept, x.grad != 0)
    torch.testing.assert_close(found[kept], torch.full_like(found[kept], 2 / 0.7))
    torch.testing.assert_close(x.grad[kept], torch.full_like(x.grad[kept], 1 / 0.7))
    assert abs(float(kept.float().mean()) - 0.7) < 5 * (0.3 * 0.7 / x.numel()) ** 0.5
    torch.manual_seed(0)
    assert torch.equal(dropout(x), found)
    assert torch.equal(dropout.eval()(x), x)


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_dropout_may_drop_nothing_or_all(p: float) -> None:
    assert torch.equal(Dropout(p)(torch.ones(7)), torch.full((7,), 1 - p))
