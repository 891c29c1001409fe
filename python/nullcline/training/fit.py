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
    split_of,
    visible_tokens,
    weights_of,
)
from nullcline.training.enough_reviews import require_reviews
from nullcline.training.fingerprint import corpus_sha256, vectors_sha256
from nullcline.training.layer import kept_memory
from nullcline.training.objective import loss, predicted_classes
from nullcline.training.progress import Origin, Progress, load_progress, save_progress
from nullcline.training.settings import SPLITS
from nullcline.training.snapshots import (
    N_NOTED,
    Snapshot,
    is_kept,
    name_of,
    remove_unfinished,
    require_reached,
)
from nullcline.training.soundness import require_finite
from nullcline.training.starting_vectors import (
    are_trained,
    keep_vectors,
    kept_vectors,
    starting_vectors,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

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
    snapshots: list[Snapshot] = field(default_factory=list)

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

    The training split is divided at random into training and validation reviews, unless the corpus
    has validation reviews of its own; the vocabulary is that of the training reviews alone. Every
    epoch draws its order and its dropout from a seed of its own, so a run that was interrupted and
    resumed ends where an uninterrupted one does.

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
        Folder of the run: made if need be. It holds `vocabulary.json`, `untrained.safetensors`,
        `snapshots/` with `settings.snapshot_steps`, and `progress.safetensors`, the state after the
        last whole epoch; once the run is finished, `weights.safetensors` and `settings.json` in
        place of the latter. Word vectors that were trained on the reviews are in
        `word_vectors.safetensors`.
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
        `device` is none, or not there; the corpus has no test reviews, or a class that none of the
        reviews to train on has, or one class alone in the reviews to validate on; `settings` has
        other classes than the corpus, more training reviews, or more steps from one snapshot to the
        next than the run has.
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
        remove_unfinished(folder)
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
    require_reviews(corpus, settings)
    _, training_rows = split_of(corpus, settings, "train")
    steps_per_epoch = math.ceil(len(training_rows) / settings.batch_size)
    require_reached(settings.snapshot_steps, steps_per_epoch, settings.epochs)
    path = folder / PROGRESS_FILE
    found = None
    if resume and _has_progress(folder):
        with _resuming(path):
            found = load_progress(path)
        _require_same(folder, origin, found[0].origin)  # before word vectors are read or trained
    vocabulary = _vocabulary(corpus, training_rows, settings)
    training, validation, test = (
        encode_reviews(*split_of(corpus, settings, name), vocabulary, settings) for name in SPLITS
    )
    if found is not None and are_trained(settings):
        vectors = kept_vectors(vocabulary, folder)
    else:
        texts = (corpus.train.texts[row] for row in training_rows)
        vectors = starting_vectors(
            corpus.name, texts, settings, vocabulary, data_dir=data_dir, progress=progress
        )
    run = _begin(origin, vocabulary, vectors, place)
    if found is not None:
        _restore(run, path, *found)
    else:
        remove_run(folder)
        vocabulary.save(folder / VOCABULARY_FILE)
        run.files[VOCABULARY_FILE] = sha256(folder / VOCABULARY_FILE)
        if are_trained(settings):
            keep_vectors(vectors, vocabulary, folder)
            run.files[VECTORS_FILE] = sha256(folder / VECTORS_FILE)
        run.files[UNTRAINED_FILE] = save_weights(weights_of(run.model), folder / UNTRAINED_FILE)
        if settings.snapshot_steps is not None:
            run.snapshots.append(_note(run, 0, training, validation, place))
    while not run.is_over(settings):
        run.history.append(
            _epoch(run, training, validation, settings, folder, place, progress=progress)
        )
        if run.best_epoch == len(run.history):
            run.best = weights_of(run.model)
        _save_progress(run, path)
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
        snapshots=tuple(run.snapshots),
    )
    save_checkpoint(checkpoint, versions())
    path.unlink(missing_ok=True)
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
        remove_unfinished(folder)
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
    folder: Path,
    device: torch.device,
    *,
    progress: bool,
) -> Epoch:
    number = len(run.history) + 1
    start = time.perf_counter()
    seed = int(np.random.SeedSequence([settings.seed, number]).generate_state(1)[0])
    batches = shuffled_rows(training.lengths, settings.batch_size, np.random.default_rng(seed))
    last = number * len(batches)
    cuda = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=cuda):
        torch.manual_seed(seed)
        run.model.train()
        total = 0.0
        label = f"epoch {number}/{settings.epochs}"
        with kept_memory():
            bar = tqdm(batches, desc=label, unit="batch", disable=not progress)
            for step, rows in enumerate(bar, last - len(batches) + 1):
                total += _step(run, training, rows, settings.max_gradient_norm, device) * len(rows)
                if step < last and is_kept(step, settings.snapshot_steps, len(batches)):
                    some = validation.first(N_NOTED)
                    _keep(run, _note(run, step, training, some, device), folder)
                    run.model.train()
    validation_loss, accuracy = evaluate(run.model, validation, device)
    _require_finite("validation", validation_loss, run)
    seconds = time.perf_counter() - start
    epoch = Epoch(number, total / len(training), validation_loss, accuracy, seconds)
    if settings.snapshot_steps is not None:
        _keep(run, _note(run, last, training, validation, device, epoch), folder)
    if progress:
        tqdm.write(
            f"epoch {number}: training loss {epoch.training_loss:.4f}, "
            f"validation loss {validation_loss:.4f}, validation accuracy {accuracy:.2%}"
        )
    return epoch


def _keep(run: _Run, snapshot: Snapshot, folder: Path) -> None:
    """Write the weights that something was noted of."""
    name = name_of(snapshot.step)
    run.files[name] = save_weights(weights_of(run.model), folder / name)
    run.snapshots.append(snapshot)


def _note(
    run: _Run,
    step: int,
    training: EncodedReviews,
    validation: EncodedReviews,
    device: torch.device,
    epoch: Epoch | None = None,
) -> Snapshot:
    """Return how the network does after a step, whose validation an epoch has done if it ended."""
    some = training.first(N_NOTED)
    training_loss, training_accuracy = evaluate(run.model, some, device)
    validated = (
        evaluate(run.model, validation, device)
        if epoch is None
        else (epoch.validation_loss, epoch.validation_accuracy)
    )
    _require_finite("training", training_loss, run)
    _require_finite("validation", validated[0], run)
    return Snapshot(
        step=step,
        epoch=None if epoch is None else epoch.number,
        validation_loss=validated[0],
        validation_accuracy=validated[1],
        training_loss=training_loss,
        training_accuracy=training_accuracy,
        n_validation=len(validation),
        n_training=len(some),
    )


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
        Progress(run.origin, tuple(run.history), run.files, tuple(run.snapshots)),
        {"model": weights_of(run.model), "best": run.best, "optimizer": optimizer},
    )


@contextlib.contextmanager
def _resuming(path: Path) -> Iterator[None]:
    """Say of what is wrong with an unfinished run that it cannot be gone on with."""
    try:
        yield
    except CheckpointError:
        raise
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"cannot resume from {path}: {error}; train the network anew in another folder"
        ) from error


def _restore(run: _Run, path: Path, progress: Progress, tensors: dict[str, Tensors]) -> None:
    """Bring `run` to where the unfinished run that `path` held stopped."""
    with _resuming(path):
        _require_same(path.parent, run.origin, progress.origin)  # the word vectors, too
        _require_files(path.parent, progress.files)
        run.history = list(progress.history)
        run.files = progress.files
        run.snapshots = list(progress.snapshots)
        run.best = tensors["best"]
        with explaining(path, "an unfinished run of this network"):
            for group in tensors.values():
                require_finite(group)
            run.model.load_state_dict(tensors["model"])
            _restore_optimizer(run.optimizer, tensors["optimizer"])


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
