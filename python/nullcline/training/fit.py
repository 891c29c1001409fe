"""Training: Adam on the cross-entropy, every epoch saved, the best one kept."""

from __future__ import annotations

import math
import pickle
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from tqdm import tqdm

from nullcline._support.files import replacing
from nullcline._support.records import as_json, unpack
from nullcline._support.versions import versions
from nullcline.text import Vocabulary, load_vectors_for_corpus
from nullcline.training.batches import shuffled_rows, sorted_rows
from nullcline.training.checkpoint import (
    UNTRAINED_FILE,
    VOCABULARY_FILE,
    WEIGHTS_FILE,
    Checkpoint,
    CheckpointError,
    Epoch,
    encode_reviews,
    is_finished,
    load_checkpoint,
    load_weights,
    new_model,
    save_checkpoint,
    save_weights,
    split_rows,
    visible_tokens,
)
from nullcline.training.objective import loss, predicted_classes
from nullcline.training.settings import TrainingSettings

if TYPE_CHECKING:
    import os

    from nullcline.text import Corpus
    from nullcline.training.batches import EncodedReviews
    from nullcline.training.model import SentimentRNN

PROGRESS_FILE = "progress.pt"
"""State after the last whole epoch of an unfinished run; gone once the run is finished."""

EVALUATION_BATCH = 256

_UNREADABLE = (
    OSError, EOFError, RuntimeError, LookupError, TypeError, ValueError, pickle.UnpicklingError,
)  # fmt: skip
"""What PyTorch and our own reader raise when a file is damaged."""


@dataclass
class _Run:
    """A run in memory, between two epochs."""

    model: SentimentRNN
    optimizer: torch.optim.Optimizer
    history: list[Epoch] = field(default_factory=list)

    @property
    def best_epoch(self) -> int:
        """Number of the epoch with the lowest validation loss, the earliest of equals."""
        return min(self.history, key=lambda epoch: epoch.validation_loss).number

    def is_over(self, settings: TrainingSettings) -> bool:
        """Tell whether all epochs are done, or none of the last `patience` ones was the best."""
        done = len(self.history)
        impatient = (
            settings.patience is not None
            and done > 0
            and done - self.best_epoch >= settings.patience
        )
        return done >= settings.epochs or impatient


def train(
    corpus: Corpus,
    settings: TrainingSettings,
    directory: str | os.PathLike[str],
    *,
    data_dir: str | os.PathLike[str] | None = None,
    device: torch.device | str | None = None,
    resume: bool = True,
    progress: bool = True,
) -> Checkpoint:
    """Train a sentiment network, or finish or read back a run that `directory` already holds.

    The training split is divided at random into training and validation reviews; the vocabulary
    is that of the training reviews alone. Every epoch draws its order and its dropout from a seed
    of its own, so a run that was interrupted and resumed ends where an uninterrupted one does.

    Parameters
    ----------
    corpus
        The reviews.
    settings
        Sizes, optimizer and seed.
    directory
        Folder of the run: made if need be, and then holding the weights (`weights.safetensors`,
        `untrained.safetensors`), `vocabulary.json` and, once finished, `settings.json`.
    data_dir
        Folder with local copies of the word vectors; see `nullcline.text`.
    device
        Where to train; by default a CUDA device if there is one, else the CPU.
    resume
        Go on with what the folder holds; False starts again.
    progress
        Show progress bars.

    Returns
    -------
    Checkpoint
        The finished run.

    Raises
    ------
    CheckpointError
        The folder holds a run with other settings or of another corpus, or a damaged one.
    FloatingPointError
        The loss became infinite or NaN.
    ValueError
        `device` is none, or not there; `settings` has other classes than the corpus, or more
        training reviews.
    """
    folder = Path(directory)
    settings = settings.resolved()
    if resume and is_finished(folder):
        return _same_run(load_checkpoint(folder), corpus, settings)
    place = _device(device)
    if len(corpus.classes) != settings.classes:
        raise ValueError(
            f"classes must be {len(corpus.classes)}, the classes that the corpus has, "
            f"not {settings.classes}"
        )
    training_rows, validation_rows = split_rows(len(corpus.train), settings)
    vocabulary = _vocabulary(corpus, training_rows, settings)
    training, validation, test = (
        encode_reviews(split, rows, vocabulary, settings)
        for split, rows in (
            (corpus.train, training_rows),
            (corpus.train, validation_rows),
            (corpus.test, np.arange(len(corpus.test))),
        )
    )
    run = _begin(corpus, settings, vocabulary, data_dir, place, progress=progress)
    if resume and (folder / PROGRESS_FILE).is_file():
        _restore(run, folder / PROGRESS_FILE, corpus, settings)
    else:
        vocabulary.save(folder / VOCABULARY_FILE)
        save_weights(run.model, folder / UNTRAINED_FILE)
    while not run.is_over(settings):
        run.history.append(_epoch(run, training, validation, settings, place, progress=progress))
        if run.best_epoch == len(run.history):
            save_weights(run.model, folder / WEIGHTS_FILE)
        _save_progress(run, folder / PROGRESS_FILE, corpus, settings)
    load_weights(run.model, folder / WEIGHTS_FILE)
    checkpoint = Checkpoint(
        directory=folder,
        corpus=corpus.name,
        settings=settings,
        vocabulary=vocabulary,
        history=tuple(run.history),
        best_epoch=run.best_epoch,
        test_accuracy=evaluate(run.model, test, place)[1],
        train_accuracy=evaluate(run.model, training, place)[1],
    )
    save_checkpoint(checkpoint, versions())
    (folder / PROGRESS_FILE).unlink(missing_ok=True)
    return checkpoint


def _device(name: torch.device | str | None) -> torch.device:
    """Return the device of that name, or the best one there is."""
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"device must be cpu or cuda, not {name!r}") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device {name!r} is not available here; leave it out, or pass cpu")
    return device


def evaluate(
    model: SentimentRNN, reviews: EncodedReviews, device: torch.device | str = "cpu"
) -> tuple[float, float]:
    """Return the mean loss (nats per review) and the accuracy (in [0, 1]) of `model`."""
    model.eval()
    total = correct = 0.0
    with torch.inference_mode():
        for rows in sorted_rows(reviews.lengths, EVALUATION_BATCH):
            batch = reviews.batch(rows, device)
            logits = model(batch.tokens, batch.lengths)
            total += float(loss(logits, batch.labels, "sum"))
            correct += float((predicted_classes(logits) == batch.labels).sum())
    return total / len(reviews), correct / len(reviews)


def _vocabulary(
    corpus: Corpus, rows: np.ndarray[Any, np.dtype[np.int64]], settings: TrainingSettings
) -> Vocabulary:
    tokenized = (visible_tokens(corpus.train.texts[row], settings) for row in rows)
    return Vocabulary.build(tokenized, max_size=settings.vocabulary_size)


def _begin(
    corpus: Corpus,
    settings: TrainingSettings,
    vocabulary: Vocabulary,
    data_dir: str | os.PathLike[str] | None,
    device: torch.device,
    *,
    progress: bool,
) -> _Run:
    """Return the run before its first step: seeded weights, word vectors in the embedding."""
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        model = new_model(settings, len(vocabulary))
    vectors = load_vectors_for_corpus(
        corpus.name,
        vocabulary.words,
        data_dir=data_dir,
        dimension=settings.embedding_size,
        seed=settings.seed,
        progress=progress,
        vectors=settings.vectors,
    )
    with torch.no_grad():
        model.embedding.weight.copy_(
            torch.from_numpy(vectors.matrix(vocabulary, seed=settings.seed))
        )
    model.to(device)
    return _Run(model, torch.optim.Adam(model.parameters(), lr=settings.step_size))


def _epoch(
    run: _Run,
    training: EncodedReviews,
    validation: EncodedReviews,
    settings: TrainingSettings,
    device: torch.device,
    *,
    progress: bool,
) -> Epoch:
    number = len(run.history) + 1
    start = time.perf_counter()
    seed = int(np.random.SeedSequence([settings.seed, number]).generate_state(1)[0])
    batches = shuffled_rows(training.lengths, settings.batch_size, np.random.default_rng(seed))
    cuda = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=cuda):
        torch.manual_seed(seed)
        run.model.train()
        total = 0.0
        label = f"epoch {number}/{settings.epochs}"
        for rows in tqdm(batches, desc=label, unit="batch", disable=not progress):
            total += _step(run, training, rows, settings.max_gradient_norm, device) * len(rows)
    validation_loss, accuracy = evaluate(run.model, validation, device)
    seconds = time.perf_counter() - start
    epoch = Epoch(number, total / len(training), validation_loss, accuracy, seconds)
    if progress:
        tqdm.write(
            f"epoch {number}: training loss {epoch.training_loss:.4f}, "
            f"validation loss {validation_loss:.4f}, validation accuracy {accuracy:.2%}"
        )
    return epoch


def _step(
    run: _Run,
    training: EncodedReviews,
    rows: np.ndarray[Any, np.dtype[np.int64]],
    max_gradient_norm: float | None,
    device: torch.device,
) -> float:
    batch = training.batch(rows, device)
    error = loss(run.model(batch.tokens, batch.lengths), batch.labels)
    value = error.item()
    if not math.isfinite(value):
        raise FloatingPointError(
            f"the training loss became {value}; try a smaller learning_rate than "
            f"{run.optimizer.param_groups[0]['lr']}"
        )
    run.optimizer.zero_grad(set_to_none=True)
    error.backward()  # type: ignore[no-untyped-call]
    if max_gradient_norm is not None:
        torch.nn.utils.clip_grad_norm_(run.model.parameters(), max_gradient_norm)
    run.optimizer.step()
    return value


def _save_progress(run: _Run, path: Path, corpus: Corpus, settings: TrainingSettings) -> None:
    state = {
        "corpus": corpus.name,
        "settings": as_json(settings),
        "history": as_json(run.history),
        "model": run.model.state_dict(),
        "optimizer": run.optimizer.state_dict(),
    }
    with replacing(path) as temporary:
        torch.save(state, temporary)


def _restore(run: _Run, path: Path, corpus: Corpus, settings: TrainingSettings) -> None:
    """Bring `run` to where the unfinished run in `path` stopped."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        run.history = [unpack(Epoch, epoch) for epoch in state["history"]]
        settings_there = unpack(TrainingSettings, state["settings"])
        _require_same(path.parent, state["corpus"], settings_there, corpus, settings)
        run.model.load_state_dict(state["model"])
        run.optimizer.load_state_dict(state["optimizer"])
    except CheckpointError:
        raise
    except (
        OSError,
        EOFError,
        RuntimeError,
        LookupError,
        TypeError,
        ValueError,
        pickle.UnpicklingError,
    ) as error:
        raise CheckpointError(
            f"cannot resume from {path}: {error}; start again without resuming"
        ) from error


def _same_run(checkpoint: Checkpoint, corpus: Corpus, settings: TrainingSettings) -> Checkpoint:
    _require_same(checkpoint.directory, checkpoint.corpus, checkpoint.settings, corpus, settings)
    return checkpoint


def _require_same(
    folder: Path,
    corpus_there: str,
    settings_there: TrainingSettings,
    corpus: Corpus,
    settings: TrainingSettings,
) -> None:
    wanted = {"corpus": corpus.name, **settings.to_dict()}
    there = {"corpus": corpus_there, **settings_there.resolved().to_dict()}
    differing = [name for name in wanted if wanted[name] != there[name]]
    if differing:
        listed = ", ".join(f"{name}: {there[name]!r} there" for name in differing)
        raise CheckpointError(
            f"{folder} holds a run with other settings ({listed}); "
            "choose another folder, or start again without resuming"
        )
