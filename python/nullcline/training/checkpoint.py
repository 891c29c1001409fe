"""A training run on disk: weights as safetensors, settings and history as JSON.

The settings are written last and hold the SHA-256 of every other file of the run, so that nothing
of one run is read as part of another.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors.torch import load, save

from nullcline._support.files import sha256, write_bytes, write_json
from nullcline._support.reading import explaining, open_regular, read_json
from nullcline._support.records import as_json, unpack
from nullcline._support.shown import Shown, in_one_line
from nullcline.text import UNK, Vocabulary, tokenize
from nullcline.training.batches import EncodedReviews
from nullcline.training.fingerprint import corpus_sha256
from nullcline.training.model import SentimentRNN
from nullcline.training.settings import SPLITS, TrainingSettings
from nullcline.training.snapshots import (
    Snapshot,
    name_of,
    remove_snapshots,
    require_among,
    require_in_order,
)
from nullcline.training.soundness import require_finite, require_fitting, require_sound
from nullcline.training.tokenized import tokenized

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    import torch
    from numpy.typing import NDArray

    from nullcline.text import Corpus, Split

SETTINGS_FILE = "settings.json"
VOCABULARY_FILE = "vocabulary.json"
WEIGHTS_FILE = "weights.safetensors"
UNTRAINED_FILE = "untrained.safetensors"
VECTORS_FILE = "word_vectors.safetensors"
"""Word vectors that were trained on the run's own reviews; of other runs there is none."""

PROGRESS_FILE = "progress.safetensors"
"""State after the last whole epoch of an unfinished run; gone once the run is finished."""

OLD_PROGRESS_FILE = "progress.pt"
"""The same in early runs of version 0.1: a pickle, which is not read."""

RUN_FILES = (
    SETTINGS_FILE,  # the first to be removed: without it a run is not finished
    OLD_PROGRESS_FILE,
    PROGRESS_FILE,
    WEIGHTS_FILE,
    UNTRAINED_FILE,
    VECTORS_FILE,
    VOCABULARY_FILE,
)
"""Every file that a run may have, in the order in which they are removed."""


class CheckpointError(ValueError):
    """A checkpoint folder is missing, damaged, unfinished, or belongs to another run."""


@dataclass(frozen=True)
class Epoch:
    """One epoch of training: mean losses in nats per review, accuracy in [0, 1], seconds."""

    number: int
    training_loss: float
    validation_loss: float
    validation_accuracy: float
    seconds: float


@dataclass(frozen=True)
class Checkpoint(Shown):
    """A finished training run.

    Parameters
    ----------
    directory
        The folder that holds it.
    corpus
        Name of the corpus that it was trained on.
    settings, vocabulary
        How it was trained, and the words that it knows.
    history
        One `Epoch` for each epoch of the run.
    best_epoch
        Number (from 1) of the epoch whose weights were kept: the lowest validation loss.
    test_accuracy
        Share of the test reviews classified correctly, in [0, 1].
    train_accuracy
        Share of the reviews that it was trained on classified correctly, in [0, 1]; None in early
        runs of version 0.1.
    corpus_sha256, vectors_sha256
        Hashes of what the corpus and the word vectors were (`nullcline.training.fingerprint`); None
        in early runs.
    files
        SHA-256 of each of the run's other files; empty in early runs.
    snapshots
        What was noted after each step whose weights were kept, from step 0 on; empty in a run
        without `TrainingSettings.snapshot_steps`.
    """

    directory: Path
    corpus: str
    settings: TrainingSettings
    vocabulary: Vocabulary
    history: tuple[Epoch, ...]
    best_epoch: int
    test_accuracy: float
    train_accuracy: float | None = None
    corpus_sha256: str | None = None
    vectors_sha256: str | None = None
    files: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    snapshots: tuple[Snapshot, ...] = ()

    def __repr__(self) -> str:
        own = self.settings
        return (
            f"Checkpoint({own.cell}, {own.layers} × {own.hidden_size} units, "
            f"{in_one_line(self.corpus, 30)!r}, test accuracy {self.test_accuracy:.3f})"
        )

    @property
    def sha256(self) -> str | None:
        """What tells this run from others: a hash of its files' hashes; None in early runs."""
        if not self.files:
            return None
        return hashlib.sha256(json.dumps(sorted(self.files.items())).encode()).hexdigest()

    @property
    def validation_loss(self) -> float:
        """The lowest validation loss, in nats per review."""
        return self.history[self.best_epoch - 1].validation_loss

    def model(self, *, trained: bool = True) -> SentimentRNN:
        """Return the network in evaluation mode on the CPU, trained or before its first step.

        Raises
        ------
        CheckpointError
            The file of weights is missing, damaged, or another network's.
        """
        return self._model(WEIGHTS_FILE if trained else UNTRAINED_FILE)

    def at(self, snapshot: int | None) -> SentimentRNN:
        """Return the network with the weights after a step of Adam, as `model` does.

        Parameters
        ----------
        snapshot
            The step, one of those of `snapshots`; 0 before the first one. None stands for the
            weights of the best epoch.

        Raises
        ------
        CheckpointError
            As in `model`.
        ValueError
            The weights after that step were not kept; the message says which were.
        """
        if snapshot is None:
            return self.model()
        require_among(snapshot, self.snapshots)
        return self._model(name_of(snapshot) if snapshot else UNTRAINED_FILE)

    def _model(self, name: str) -> SentimentRNN:
        path = self.directory / name
        try:
            require_fitting(path, self.settings, len(self.vocabulary))
        except (OSError, ValueError) as error:
            raise CheckpointError(f"cannot read the weights in {path}: {error}") from error
        model = new_model(self.settings, len(self.vocabulary))
        load_weights(model, path, self.files.get(name))
        return model.eval()

    def require_corpus(self, corpus: Corpus) -> None:
        """Raise `CheckpointError` if `corpus` is not what the network was trained on."""
        if self.corpus_sha256 not in {None, corpus_sha256(corpus)}:
            raise CheckpointError(
                f"{self.directory} holds a network that was trained on other reviews: what "
                f"{self.corpus} holds has changed since; train a network on it in another folder"
            )

    def tokens(self, text: str) -> list[str]:
        """Return the tokens of `text` that the network reads: the last ones, if it has a cap."""
        return visible_tokens(text, self.settings)

    def reviews(self, corpus: Corpus, split: str = "test") -> EncodedReviews:
        """Return the reviews of one of `SPLITS` as the network reads them."""
        if split not in SPLITS:
            raise ValueError(f"split must be one of {', '.join(SPLITS)}, not {split!r}")
        whole, rows = split_of(corpus, self.settings, split)
        return encode_reviews(whole, rows, self.vocabulary, self.settings)

    def encode(self, text: str) -> NDArray[np.int64]:
        """Return the word indices of `text` as the network reads them, at least one."""
        return encode(text, self.vocabulary, self.settings)


@dataclass(frozen=True)
class _Run:
    """What `settings.json` holds: a `Checkpoint` without its folder and its vocabulary."""

    corpus: str
    settings: TrainingSettings
    history: tuple[Epoch, ...]
    best_epoch: int
    test_accuracy: float
    train_accuracy: float | None = None
    corpus_sha256: str | None = None
    vectors_sha256: str | None = None
    files: dict[str, str] = field(default_factory=dict)
    snapshots: tuple[Snapshot, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)


def visible_tokens(text: str, settings: TrainingSettings) -> list[str]:
    """Return the tokens of `text` that a network with these settings reads."""
    tokens = tokenize(text)
    return tokens if settings.max_tokens is None else tokens[-settings.max_tokens :]


def encode(text: str, vocabulary: Vocabulary, settings: TrainingSettings) -> NDArray[np.int64]:
    """Return the word indices of `text`; a text without tokens is one unknown word."""
    indices = vocabulary.encode(visible_tokens(text, settings))
    return indices if len(indices) else np.array([UNK], dtype=np.int64)


def encode_reviews(
    split: Split, rows: NDArray[np.int64], vocabulary: Vocabulary, settings: TrainingSettings
) -> EncodedReviews:
    """Return the reviews in `rows` of a split of the corpus, encoded."""
    texts = tokenized(split.texts).encode(rows, vocabulary, settings.max_tokens)
    return EncodedReviews(texts, split.labels[rows])


def split_of(
    corpus: Corpus, settings: TrainingSettings, split: str
) -> tuple[Split, NDArray[np.int64]]:
    """Return where the reviews of one of `SPLITS` are: the corpus's split, and their rows in it.

    Those to train and to validate on are in random order, so that the first of them stand for all.

    Raises
    ------
    ValueError
        As in `split_rows`.
    """
    if split == "test":
        return corpus.test, np.arange(len(corpus.test))
    if corpus.validation is not None:
        own = corpus.validation if split == "validation" else corpus.train
        order = np.random.default_rng(settings.seed).permutation(len(own))
        return own, order if split == "validation" else _some(order, settings)
    training, validation = split_rows(len(corpus.train), settings)
    return corpus.train, training if split == "train" else validation


def split_rows(
    n_reviews: int, settings: TrainingSettings
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Divide the train split at random into the reviews to train on and those to validate on.

    It is for a corpus without validation reviews of its own (`split_of`). Runs that differ in
    `train_size` alone have the same validation reviews, and the larger training set holds the
    smaller.

    Raises
    ------
    ValueError
        One side would be empty, or there are fewer reviews than `train_size`.
    """
    order = np.random.default_rng(settings.seed).permutation(n_reviews)
    n_validation = round(settings.validation_fraction * n_reviews)
    left = n_reviews - n_validation
    if n_validation == 0 or left == 0:
        raise ValueError(
            f"validation_fraction={settings.validation_fraction} leaves no review on one side of "
            f"the split: the corpus has {n_reviews} training reviews"
        )
    return _some(order[n_validation:], settings), order[:n_validation]


def _some(rows: NDArray[np.int64], settings: TrainingSettings) -> NDArray[np.int64]:
    """Return the first `train_size` of the rows that may be trained on."""
    if settings.train_size is not None and settings.train_size > len(rows):
        raise ValueError(
            f"train_size={settings.train_size} is more than the corpus has: {len(rows)} reviews "
            "are left to train on once the validation reviews are held out"
        )
    return rows[: settings.train_size]


def new_model(settings: TrainingSettings, n_words: int) -> SentimentRNN:
    """Return the network that the settings describe, with its initial weights."""
    return SentimentRNN(
        n_words,
        cell=settings.cell,
        layers=settings.layers,
        hidden_size=settings.hidden_size,
        embedding_size=settings.embedding_size,
        dropout=settings.dropout,
        classes=settings.n_classes,
        alpha=settings.alpha,
    )


def weights_of(model: SentimentRNN) -> dict[str, torch.Tensor]:
    """Return a copy of the model's weights, on the CPU."""
    return {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}


def save_weights(weights: dict[str, torch.Tensor], path: Path) -> str:
    """Write weights to `path`, whole or not at all; return the file's SHA-256."""
    content = save(weights)
    write_bytes(path, content)
    return hashlib.sha256(content).hexdigest()


def load_weights(model: SentimentRNN, path: Path, expected: str | None = None) -> None:
    """Load the weights in `path` into `model`.

    Raises
    ------
    CheckpointError
        The file is missing, damaged, holds another network's weights, or has another SHA-256 than
        the one expected.
    """
    try:
        with open_regular(path) as file:
            content = file.read()
        _require_sha256(path, hashlib.sha256(content).hexdigest(), expected)
        with explaining(path, "a file of this network's weights"):
            weights = load(content)
            model.load_state_dict(weights)
            require_finite(weights)
    except CheckpointError:
        raise
    except (OSError, ValueError) as error:
        raise CheckpointError(f"cannot read the weights in {path}: {error}") from error


def _require_sha256(path: Path, found: str, expected: str | None) -> None:
    if expected not in {None, found}:
        raise CheckpointError(
            f"{path} is damaged, or of another run than {SETTINGS_FILE} beside it; train the "
            "network anew in another folder"
        )


def save_checkpoint(checkpoint: Checkpoint, versions: dict[str, str]) -> None:
    """Write the run's settings file, the mark of a finished run; all others stand beside it."""
    run = _Run(
        corpus=checkpoint.corpus,
        settings=checkpoint.settings,
        history=checkpoint.history,
        best_epoch=checkpoint.best_epoch,
        test_accuracy=checkpoint.test_accuracy,
        train_accuracy=checkpoint.train_accuracy,
        corpus_sha256=checkpoint.corpus_sha256,
        vectors_sha256=checkpoint.vectors_sha256,
        files=dict(checkpoint.files),
        snapshots=checkpoint.snapshots,
        versions=versions,
    )
    write_json(checkpoint.directory / SETTINGS_FILE, as_json(run))


def is_finished(directory: str | os.PathLike[str]) -> bool:
    """Tell whether `directory` holds a finished training run."""
    return (Path(directory) / SETTINGS_FILE).is_file()


def require_new(directory: str | os.PathLike[str]) -> None:
    """Raise `FileExistsError` if `directory` holds a training run, finished or not."""
    if any((Path(directory) / name).exists() for name in RUN_FILES):
        raise FileExistsError(
            f"{directory} holds a training run already; go on with it (resume=True), "
            "or choose another folder"
        )


def remove_run(directory: Path) -> None:
    """Remove a training run's files; from the first one on it is no finished run."""
    for name in RUN_FILES:
        (directory / name).unlink(missing_ok=True)
        if name == PROGRESS_FILE:  # from here on nothing goes on with them
            remove_snapshots(directory)


def load_checkpoint(directory: str | os.PathLike[str]) -> Checkpoint:
    """Read a finished training run.

    Parameters
    ----------
    directory
        A folder written by `train`.

    Returns
    -------
    Checkpoint
        The run; its networks are read when asked for.

    Raises
    ------
    CheckpointError
        The folder holds no finished run, or a damaged one.
    """
    folder = Path(directory)
    if not is_finished(folder):
        raise CheckpointError(
            f"{folder} holds no finished training run (no {SETTINGS_FILE}); "
            "train one with `nullcline train`, or name another folder"
        )
    try:
        record = read_json(folder / SETTINGS_FILE, "the settings of a training run")
        with explaining(folder / SETTINGS_FILE, "the settings of a training run"):
            run = unpack(_Run, record)
            epochs = [epoch.number for epoch in run.history]
            require_sound(epochs, run.best_epoch, run.test_accuracy, run.train_accuracy)
            require_in_order(run.snapshots)
        vocabulary = Vocabulary.load(folder / VOCABULARY_FILE)
        _require_sha256(
            folder / VOCABULARY_FILE,
            sha256(folder / VOCABULARY_FILE),
            run.files.get(VOCABULARY_FILE),
        )
    except CheckpointError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{folder} holds a damaged training run: {error}") from error
    return Checkpoint(
        directory=folder,
        corpus=run.corpus,
        settings=run.settings,
        vocabulary=vocabulary,
        history=run.history,
        best_epoch=run.best_epoch,
        test_accuracy=run.test_accuracy,
        train_accuracy=run.train_accuracy,
        corpus_sha256=run.corpus_sha256,
        vectors_sha256=run.vectors_sha256,
        files=run.files,
        snapshots=run.snapshots,
    )
