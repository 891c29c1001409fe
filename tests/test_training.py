"""Training: it learns, it resumes to the same result, and damage is reported, not trained on."""

from __future__ import annotations

import resource
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from nullcline.text import UNK
from nullcline.training import CheckpointError, SentimentGRU, load_checkpoint, require_new, train
from nullcline.training import fit as fit_module
from nullcline.training.batches import EncodedReviews, shuffled_rows, sorted_rows
from nullcline.training.checkpoint import new_model
from tiny_study import SETTINGS, tiny_corpus

if TYPE_CHECKING:
    from pathlib import Path

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


def test_a_finished_run_is_read_back_not_repeated(tmp_path: Path) -> None:
    first = run(tmp_path)
    assert run(tmp_path) == first
    assert load_checkpoint(tmp_path) == first


def test_untrained_is_the_network_before_its_first_step(tmp_path: Path) -> None:
    untrained = run(tmp_path).model(trained=False)
    torch.manual_seed(SETTINGS.seed)
    fresh = SentimentGRU(
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


def test_damaged_progress_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit_module, "save_checkpoint", lambda *_: (_ for _ in ()).throw(OSError))
    with pytest.raises(OSError):  # noqa: PT011 - planted
        run(tmp_path)
    path = tmp_path / fit_module.PROGRESS_FILE
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(CheckpointError, match="cannot resume"):
        run(tmp_path)


def test_a_full_disk_loses_no_earlier_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = fit_module._save_progress
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def save_on_a_full_disk(state: Any, *arguments: Any) -> None:
        limit = 200 if len(state.history) == 2 else soft
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        try:
            save(state, *arguments)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    monkeypatch.setattr(fit_module, "_save_progress", save_on_a_full_disk)
    with pytest.raises((OSError, RuntimeError)):
        run(tmp_path / "parts")
    assert not [path for path in (tmp_path / "parts").iterdir() if "partial" in path.name]
    monkeypatch.setattr(fit_module, "_save_progress", save)
    run(tmp_path / "parts")
    run(tmp_path / "whole")
    assert torch.equal(
        weights(tmp_path / "parts")["readout.weight"], weights(tmp_path / "whole")["readout.weight"]
    )


def test_a_loss_that_is_not_finite_stops_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverged(*arguments: Any) -> SentimentGRU:
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
    [("layers", 0), ("dropout", 1.0), ("max_tokens", 0), ("learning_rate", 0.0), ("seed", -1)],
)
def test_settings_out_of_range_are_named(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        replace(SETTINGS, **{name: value})


def test_padding_does_not_change_a_judgement() -> None:
    torch.manual_seed(0)
    model = SentimentGRU(20, layers=2, hidden_size=8, embedding_size=6).eval()
    reviews = EncodedReviews([np.array([3, 4, 5]), np.array([7])], np.array([0, 1]))
    batch = reviews.batch(np.array([0, 1]))
    together = model(batch.tokens, batch.lengths)
    for row in range(2):
        alone = reviews.batch(np.array([row]))
        torch.testing.assert_close(model(alone.tokens, alone.lengths)[0], together[row])


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
