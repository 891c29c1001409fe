"""A training run on disk: weights as safetensors, settings and history as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors.torch import load_file, save_file

from nullcline._support.files import replacing, write_json
from nullcline._support.reading import explaining, open_regular, read_json
from nullcline._support.records import as_json, unpack
from nullcline.text import UNK, Vocabulary, tokenize
from nullcline.training.batches import EncodedReviews
from nullcline.training.model import SentimentRNN
from nullcline.training.settings import SPLITS, TrainingSettings
from nullcline.training.soundness import require_finite, require_fitting, require_sound

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

    from nullcline.text import Corpus, Split

SETTINGS_FILE = "settings.json"
VOCABULARY_FILE = "vocabulary.json"
WEIGHTS_FILE = "weights.safetensors"
UNTRAINED_FILE = "untrained.safetensors"


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
class Checkpoint:
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
    """

    directory: Path
    corpus: str
    settings: TrainingSettings
    vocabulary: Vocabulary
    history: tuple[Epoch, ...]
    best_epoch: int
    test_accuracy: float
    train_accuracy: float | None = None

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
        path = self.directory / (WEIGHTS_FILE if trained else UNTRAINED_FILE)
        try:
            require_fitting(path, self.settings, len(self.vocabulary))
        except (OSError, ValueError) as error:
            raise CheckpointError(f"cannot read the weights in {path}: {error}") from error
        model = new_model(self.settings, len(self.vocabulary))
        load_weights(model, path)
        return model.eval()

    def tokens(self, text: str) -> list[str]:
        """Return the tokens of `text` that the network reads: the last ones, if it has a cap."""
        return visible_tokens(text, self.settings)

    def reviews(self, corpus: Corpus, split: str = "test") -> EncodedReviews:
        """Return the reviews of one of `SPLITS` as the network reads them."""
        if split not in SPLITS:
            raise ValueError(f"split must be one of {', '.join(SPLITS)}, not {split!r}")
        if split == "test":
            rows = np.arange(len(corpus.test))
            return encode_reviews(corpus.test, rows, self.vocabulary, self.settings)
        training, validation = split_rows(len(corpus.train), self.settings)
        rows = training if split == "train" else validation
        return encode_reviews(corpus.train, rows, self.vocabulary, self.settings)

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
    texts = [encode(split.texts[row], vocabulary, settings) for row in rows]
    return EncodedReviews(texts, split.labels[rows])


def split_rows(
    n_reviews: int, settings: TrainingSettings
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Divide the training split at random into the reviews to train on and those to validate on.

    Runs that differ in `train_size` alone have the same validation reviews, and the larger
    training set holds the smaller.

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
    if settings.train_size is not None and settings.train_size > left:
        raise ValueError(
            f"train_size={settings.train_size} is more than the corpus has: {left} reviews are "
            "left to train on once the validation reviews are held out"
        )
    return order[n_validation:][: settings.train_size], order[:n_validation]


def new_model(settings: TrainingSettings, n_words: int) -> SentimentRNN:
    """Return the network that the settings describe, with its initial weights."""
    return SentimentRNN(
        n_words,
        cell=settings.cell,
        layers=settings.layers,
        hidden_size=settings.hidden_size,
        embedding_size=settings.embedding_size,
        dropout=settings.dropout,
        classes=settings.classes,
    )


def save_weights(model: SentimentRNN, path: Path) -> None:
    """Write the model's weights to `path`, whole or not at all."""
    weights = {name: value.detach().cpu() for name, value in model.state_dict().items()}
    with replacing(path) as temporary:
        save_file(weights, temporary)


def load_weights(model: SentimentRNN, path: Path) -> None:
    """Load the weights in `path` into `model`.

    Raises
    ------
    CheckpointError
        The file is missing, damaged, or holds another network's weights.
    """
    try:
        with explaining(path, "a file of this network's weights"):
            open_regular(path).close()
            weights = load_file(path)
            model.load_state_dict(weights)
            require_finite(weights)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"cannot read the weights in {path}: {error}") from error


def save_checkpoint(checkpoint: Checkpoint, versions: dict[str, str]) -> None:
    """Write the run's settings file, the mark of a finished run; the weights stand beside it."""
    run = _Run(
        corpus=checkpoint.corpus,
        settings=checkpoint.settings,
        history=checkpoint.history,
        best_epoch=checkpoint.best_epoch,
        test_accuracy=checkpoint.test_accuracy,
        train_accuracy=checkpoint.train_accuracy,
        versions=versions,
    )
    write_json(checkpoint.directory / SETTINGS_FILE, as_json(run))


def is_finished(directory: str | os.PathLike[str]) -> bool:
    """Tell whether `directory` holds a finished training run."""
    return (Path(directory) / SETTINGS_FILE).is_file()


def require_new(directory: str | os.PathLike[str]) -> None:
    """Raise `FileExistsError` if `directory` holds a training run, finished or not."""
    if (Path(directory) / VOCABULARY_FILE).exists():
        raise FileExistsError(
            f"{directory} holds a training run already; go on with it (--resume), "
            "or choose another folder"
        )


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
        vocabulary = Vocabulary.load(folder / VOCABULARY_FILE)
    except (OSError, ValueError) as error:
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
    )
