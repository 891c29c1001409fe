"""Training: Adam on the cross-entropy, every epoch saved, the best one kept."""

from __future__ import annotations

import contextlib
import math
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from tqdm import tqdm

from nullcline._support.files import remove_abandoned, sha256
from nullcline._support.folder_lock import locked
from nullcline._support.reading import explaining
from nullcline._support.versions import versions
from nullcline.text import Vocabulary
from nullcline.training.batches import shuffled_rows, sorted_rows
from nullcline.training.checkpoint import (
    OLD_PROGRESS_FILE,
    PROGRESS_FILE,
    UNTRAINED_FILE,
    VECTORS_FILE,
    VOCABULARY_FILE,
    WEIGHTS_FILE,
    Checkpoint,
    CheckpointError,
    Epoch,
    encode_reviews,
    is_finished,
    load_checkpoint,
    new_model,
    remove_run,
    require_new,
    save_checkpoint,
    save_weights,
    split_rows,
    visible_tokens,
    weights_of,
)
from nullcline.training.fingerprint import corpus_sha256, vectors_sha256
from nullcline.training.layer import kept_memory
from nullcline.training.objective import loss, predicted_classes
from nullcline.training.progress import Origin, Progress, load_progress, save_progress
from nullcline.training.soundness import require_finite
from nullcline.training.starting_vectors import (
    are_trained,
    keep_vectors,
    kept_vectors,
    starting_vectors,
)

if TYPE_CHECKING:
    import os

    from nullcline.text import Corpus, WordVectors
    from nullcline.training.batches import EncodedReviews
    from nullcline.training.model import SentimentRNN
    from nullcline.training.progress import Tensors
    from nullcline.training.settings import TrainingSettings

EVALUATION_BATCH = 256


@dataclass
class _Run:
    """A run in memory, between two epochs."""

    origin: Origin
    model: SentimentRNN
    optimizer: torch.optim.Optimizer
    history: list[Epoch] = field(default_factory=list)
    best: dict[str, torch.Tensor] = field(default_factory=dict)
    """Weights after the best epoch, on the CPU."""
    files: dict[str, str] = field(default_factory=dict)
    """SHA-256 of the files that are written for good."""

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
    overwrite: bool = True,
    progress: bool = True,
) -> Checkpoint:
    """Train a sentiment network, or finish or read back a run that `directory` already holds.

    The training split is divided at random into training and validation reviews; the vocabulary
    is that of the training reviews alone. Every epoch draws its order and its dropout from a seed
    of its own, so a run that was interrupted and resumed ends where an uninterrupted one does.

    One process alone works in a folder. A run is known by its settings and by the SHA-256 of its
    corpus and word vectors: what differs in any of them is not resumed. The word vectors are
    compared where a run goes on; a finished one is read back without them.

    Parameters
    ----------
    corpus
        The reviews.
    settings
        Sizes, optimizer and seed.
    directory
        Folder of the run: made if need be. It holds `vocabulary.json`, `untrained.safetensors`
        and `progress.safetensors`, the state after the last whole epoch; once the run is finished,
        `weights.safetensors` and `settings.json` in place of the latter. Word vectors that were
        trained on the reviews are in `word_vectors.safetensors`.
    data_dir
        Folder with local copies of the word vectors; see `nullcline.text`.
    device
        Where to train; by default a CUDA device if there is one, else the CPU.
    resume
        Go on with what the folder holds; False starts again.
    overwrite
        With `resume=False`, start again even where the folder holds a run, which is removed before
        anything is written; False refuses.
    progress
        Show progress bars.

    Returns
    -------
    Checkpoint
        The finished run.

    Raises
    ------
    BlockingIOError
        Another process works in the folder.
    CheckpointError
        The folder holds a run with other settings, of another corpus or with other word vectors, or
        a damaged one, or one that an early version left unfinished.
    FileExistsError
        The folder holds a run, and neither `resume` nor `overwrite` is True.
    FloatingPointError
        The loss became infinite or NaN.
    ModuleNotFoundError
        Word vectors are to be trained, and gensim is not installed.
    OSError
        A file cannot be written. The epochs before are kept.
    ValueError
        `device` is none, or not there; `settings` has other classes than the corpus, or more
        training reviews.
    """
    folder = Path(directory)
    settings = settings.resolved(len(corpus.classes))
    origin = Origin(corpus.name, settings, corpus_sha256(corpus))
    if resume and is_finished(folder):
        checkpoint = _read_back(folder, origin)
        _tidy(folder)
        return checkpoint
    with locked(folder, "directory"):
        if not resume and not overwrite:
            require_new(folder)
        remove_abandoned(folder)
        if resume and is_finished(folder):  # by now
            return _read_back(folder, origin)
        return _train(
            corpus, origin, folder, data_dir=data_dir, device=device, resume=resume,
            progress=progress,
        )  # fmt: skip


def _train(
    corpus: Corpus,
    origin: Origin,
    folder: Path,
    *,
    data_dir: str | os.PathLike[str] | None,
    device: torch.device | str | None,
    resume: bool,
    progress: bool,
) -> Checkpoint:
    """Train in a folder that holds no finished run, or one to replace."""
    settings = origin.settings
    place = _device(device)
    if len(corpus.classes) != settings.classes:
        raise ValueError(
            f"classes must be {len(corpus.classes)}, the classes that the corpus has, or be left "
            f"out, not {settings.classes}"
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
    goes_on = resume and _has_progress(folder)
    if goes_on and are_trained(settings):
        vectors = kept_vectors(vocabulary, folder)
    else:
        texts = (corpus.train.texts[row] for row in training_rows)
        vectors = starting_vectors(
            corpus.name, texts, settings, vocabulary, data_dir=data_dir, progress=progress
        )
    run = _begin(origin, vocabulary, vectors, place)
    if goes_on:
        _restore(run, folder / PROGRESS_FILE)
    else:
        remove_run(folder)
        vocabulary.save(folder / VOCABULARY_FILE)
        run.files[VOCABULARY_FILE] = sha256(folder / VOCABULARY_FILE)
        if are_trained(settings):
            keep_vectors(vectors, vocabulary, folder)
            run.files[VECTORS_FILE] = sha256(folder / VECTORS_FILE)
        run.files[UNTRAINED_FILE] = save_weights(weights_of(run.model), folder / UNTRAINED_FILE)
    while not run.is_over(settings):
        run.history.append(_epoch(run, training, validation, settings, place, progress=progress))
        if run.best_epoch == len(run.history):
            run.best = weights_of(run.model)
        _save_progress(run, folder / PROGRESS_FILE)
    run.model.load_state_dict(run.best)
    run.files[WEIGHTS_FILE] = save_weights(run.best, folder / WEIGHTS_FILE)
    checkpoint = Checkpoint(
        directory=folder,
        corpus=corpus.name,
        settings=settings,
        vocabulary=vocabulary,
        history=tuple(run.history),
        best_epoch=run.best_epoch,
        test_accuracy=evaluate(run.model, test, place)[1],
        train_accuracy=evaluate(run.model, training, place)[1],
        corpus_sha256=run.origin.corpus_sha256,
        vectors_sha256=run.origin.vectors_sha256,
        files=run.files,
    )
    save_checkpoint(checkpoint, versions())
    (folder / PROGRESS_FILE).unlink(missing_ok=True)
    return checkpoint


def _read_back(folder: Path, origin: Origin) -> Checkpoint:
    """Return the finished run in a folder, if it is the one that was asked for."""
    found = load_checkpoint(folder)
    _require_same(folder, origin, Origin(found.corpus, found.settings, found.corpus_sha256))
    return found


def _tidy(folder: Path) -> None:
    """Remove what a process left that was killed when its run was finished but for that."""
    with contextlib.suppress(OSError), locked(folder, "directory"):
        remove_abandoned(folder)
        if is_finished(folder):  # still
            (folder / PROGRESS_FILE).unlink(missing_ok=True)


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
    origin: Origin, vocabulary: Vocabulary, vectors: WordVectors, device: torch.device
) -> _Run:
    """Return the run before its first step: seeded weights, word vectors in the embedding."""
    settings = origin.settings
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        model = new_model(settings, len(vocabulary))
    with torch.no_grad():
        model.embedding.weight.copy_(
            torch.from_numpy(vectors.matrix(vocabulary, seed=settings.seed))
        )
    model.embedding.requires_grad_(not settings.frozen_vectors)
    model.to(device)
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return _Run(
        replace(origin, vectors_sha256=vectors_sha256(vectors)),
        model,
        torch.optim.Adam(learned, lr=settings.step_size, fused=True),
    )


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
        with kept_memory():
            for rows in tqdm(batches, desc=label, unit="batch", disable=not progress):
                total += _step(run, training, rows, settings.max_gradient_norm, device) * len(rows)
    validation_loss, accuracy = evaluate(run.model, validation, device)
    _require_finite("validation", validation_loss, run)
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
    _require_finite("training", value, run)
    run.optimizer.zero_grad(set_to_none=True)
    error.backward()  # type: ignore[no-untyped-call]
    if max_gradient_norm is not None:
        torch.nn.utils.clip_grad_norm_(run.model.parameters(), max_gradient_norm)
    run.optimizer.step()
    return value


def _require_finite(name: str, value: float, run: _Run) -> None:
    if not math.isfinite(value):
        raise FloatingPointError(
            f"the {name} loss became {value}; try a smaller learning_rate than "
            f"{run.optimizer.param_groups[0]['lr']}"
        )


def _has_progress(folder: Path) -> bool:
    """Tell whether a folder holds an unfinished run, and refuse one of an early version."""
    if (folder / PROGRESS_FILE).is_file():
        return True
    if (folder / OLD_PROGRESS_FILE).is_file():
        raise CheckpointError(
            f"{folder} holds a run that an early version left unfinished in {OLD_PROGRESS_FILE}, "
            "a pickle, which is not read: train the network anew in another folder"
        )
    return False


def _save_progress(run: _Run, path: Path) -> None:
    state: dict[int, dict[str, torch.Tensor]] = run.optimizer.state_dict()["state"]
    optimizer = {
        f"{parameter}/{name}": tensor
        for parameter, tensors in state.items()
        for name, tensor in tensors.items()
    }
    save_progress(
        path,
        Progress(run.origin, tuple(run.history), run.files),
        {"model": weights_of(run.model), "best": run.best, "optimizer": optimizer},
    )


def _restore(run: _Run, path: Path) -> None:
    """Bring `run` to where the unfinished run in `path` stopped."""
    try:
        progress, tensors = load_progress(path)
        _require_same(path.parent, run.origin, progress.origin)
        _require_files(path.parent, progress.files)
        run.history = list(progress.history)
        run.files = progress.files
        run.best = tensors["best"]
        with explaining(path, "an unfinished run of this network"):
            for group in tensors.values():
                require_finite(group)
            run.model.load_state_dict(tensors["model"])
            _restore_optimizer(run.optimizer, tensors["optimizer"])
    except CheckpointError:
        raise
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"cannot resume from {path}: {error}; train the network anew in another folder"
        ) from error


def _restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Tensors) -> None:
    """Give an optimizer its state: a number or a tensor of the parameter's shape per name.

    Of its settings each is its default or one of ours.
    """
    whole = optimizer.state_dict()
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for place, tensor in tensors.items():
        number, _, name = place.partition("/")
        if tensor.ndim > 0 and tensor.shape != parameters[int(number)].shape:
            raise ValueError(f"{place} must have shape {tuple(parameters[int(number)].shape)}")
        whole["state"].setdefault(int(number), {})[name] = tensor
    optimizer.load_state_dict(whole)


def _require_files(folder: Path, hashes: dict[str, str]) -> None:
    for name, expected in hashes.items():
        if sha256(folder / name) != expected:
            raise CheckpointError(
                f"{folder / name} is damaged, or of another run than {PROGRESS_FILE} beside it; "
                "train the network anew in another folder"
            )


def _require_same(folder: Path, wanted: Origin, there: Origin) -> None:
    there = replace(there, settings=there.settings.resolved())
    if different := wanted.differences(there):
        raise CheckpointError(
            f"{folder} holds a run {different}; choose another folder, or remove this one"
        )
