"""The training of one network of the study, as a job of a sweep, in a folder named after it."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from nullcline.study.cell_names import name_of_network
from nullcline.study.job_corpora import reviews_of_job
from nullcline.sweeps import Job
from nullcline.sweeps.content import content_sha256
from nullcline.text import CORPORA
from nullcline.text.corpora import classes_of, own_name
from nullcline.text.pretrained import NAMED_VECTORS
from nullcline.training import TrainingSettings, train
from nullcline.training.checkpoint import is_finished, load_checkpoint, remove_run

if TYPE_CHECKING:
    import os

    from nullcline.sweeps.rows import Row
    from nullcline.text import Corpus
    from nullcline.training import Checkpoint

TRAINING = 1
"""Of what training computes from the same settings: raised when networks are to be made anew."""

_NAMED = ("cell", "layers", "hidden_size", "seed")
"""Settings that a network's folder is named after; a hash stands for all others."""

_DIGITS = 8


def train_network(
    *,
    corpus: str,
    corpus_hash: str,
    training: TrainingSettings,
    vectors: Path | None,
    folder: Path,
    source: str,
    data_dir: str | os.PathLike[str] | None,
    device: str | None,
    progress: bool,
    reviews: Corpus | None = None,
) -> Row:
    """Train a network: a job of its own, as many analyses can be of one network.

    A finished run with these settings and of this corpus, whoever put it there, is read back.

    Parameters
    ----------
    corpus, corpus_hash
        What it is trained on: the name, and the SHA-256 of what that holds.
    training
        How.
    vectors
        The file of word vectors, where `training` names one.
    folder
        Where it is kept, and what is there is gone on with.
    source, data_dir
        As in `nullcline.text.load_corpus`.
    device
        As in `nullcline.training.train`.
    progress
        Show progress bars.
    reviews
        The corpus, where the process has it already.

    Returns
    -------
    dict
        The network's hash, its accuracy, and how many epochs it took.

    Raises
    ------
    CheckpointError
        The folder holds another run.
    FloatingPointError
        The loss became infinite or NaN.
    """
    del corpus, vectors  # by which the job is known, and not called
    if reviews is None:
        reviews = reviews_of_job(source, data_dir, training, corpus_hash)
    _remove_if_cut(folder)
    found = train_or_load(
        reviews, training, folder, data_dir=data_dir, device=device, resume=True, progress=progress
    )
    return {
        "checkpoint_sha256": found.sha256,
        "test_accuracy": found.test_accuracy,
        "epochs_run": len(found.history),
    }


def training_job(
    corpus: str,
    corpus_hash: str,
    source: str | os.PathLike[str],
    training: TrainingSettings,
    *,
    data_dir: str | os.PathLike[str] | None = None,
    device: str | None = None,
    threads: int = 1,
) -> Job:
    """Return the job that trains a network.

    Parameters
    ----------
    corpus, corpus_hash, source
        The corpus's name, its SHA-256, and what `nullcline.text.load_corpus` loads it by.
    training
        Settings.
    data_dir, device
        As in `train_network`.
    threads
        Of the job, which may change the network's last bits.
    """
    settings = training.resolved(classes_of(source))
    vectors = vectors_of(settings)
    return Job(
        train_network,
        {
            "corpus": corpus,
            "corpus_hash": corpus_hash,
            "training": settings,
            "vectors": vectors,
        },
        version=TRAINING,
        environment={
            "source": str(source),
            "data_dir": data_dir,
            "device": device,
            "progress": False,
        },
        threads=threads,
        label=f"the training of a {describe(settings, corpus)}",
        folder=f"networks/{corpus}/" + name_of_run(settings, source, corpus_hash, threads),
    )


def name_of_run(
    settings: TrainingSettings, source: str | os.PathLike[str], corpus_hash: str, threads: int
) -> str:
    """Return the name of a network's folder, below its corpus: the same for no two networks.

    Parameters
    ----------
    settings
        Those that have a default are named by a hash of all together where they have another value.
    source, corpus_hash
        As in `training_job`. The hash counts where it is a corpus of one's own, and none of
        `nullcline.text.CORPORA`.
    threads
        Of the training.

    Examples
    --------
    >>> name_of_run(TrainingSettings(seed=3), "imdb", "", 1)
    'gru-1-layer-256-units-seed-3'
    """
    classes = classes_of(source)
    own = settings.resolved(classes)
    usual = TrainingSettings(**{name: getattr(own, name) for name in _NAMED}).resolved(classes)
    # Whoever adds a setting gives it a default that changes no network, so no name changes.
    others = {
        one.name: getattr(own, one.name)
        for one in fields(own)
        if getattr(own, one.name) != getattr(usual, one.name)
    }
    name = f"{own.cell}-{own.layers}-layer-{own.hidden_size}-units-seed-{own.seed}"
    of_corpus = None if own_name(source) in CORPORA else corpus_hash
    if not others and of_corpus is None and threads == 1:
        return name
    made_of = {
        "settings": others,
        "vectors": vectors_of(own),
        "corpus": of_corpus,
        "threads": threads,
    }
    return f"{name}-{content_sha256(made_of)[:_DIGITS]}"


def vectors_of(settings: TrainingSettings) -> Path | None:
    """Return the file of word vectors that settings name, if they do, and if it is there.

    Where it lies is said by what it holds; one that is not there says so in its time.
    """
    if settings.vectors is None or settings.vectors in NAMED_VECTORS:
        return None
    file = Path(settings.vectors)
    return file if file.is_file() else None


def describe(settings: TrainingSettings, corpus: str) -> str:
    """Return a network in a few words.

    Examples
    --------
    >>> describe(TrainingSettings(cell="leaky", hidden_size=64), "sst")
    '1-layer leaky RNN of 64 units on sst, seed 0'
    """
    some = "" if settings.train_size is None else f", {settings.train_size} reviews"
    if settings.vectors is not None:
        some += f", {Path(settings.vectors).name} vectors"
    if settings.frozen_vectors:
        some += ", frozen"
    return (
        f"{_depth_and_cell(settings)} of {settings.hidden_size} units on {corpus}{some}, "
        f"seed {settings.seed}"
    )


def _depth_and_cell(settings: TrainingSettings) -> str:
    return f"{settings.layers}-layer {name_of_network(settings.cell)}"


def _remove_if_cut(folder: Path) -> None:
    """Remove a run that is finished but for files that are gone, so that it is made again."""
    if is_finished(folder):
        files = load_checkpoint(folder).files
        if not all((folder / name).is_file() for name in files):
            remove_run(folder)


def train_or_load(
    corpus: Corpus,
    settings: TrainingSettings,
    folder: Path,
    *,
    data_dir: str | os.PathLike[str] | None,
    device: str | None,
    resume: bool,
    progress: bool,
) -> Checkpoint:
    """Return the network that `folder` holds, or train it, from where an earlier run stopped."""
    some = "" if settings.train_size is None else f", {settings.train_size} reviews"
    say(f"{_depth_and_cell(settings)} on {corpus.name}{some}", progress=progress)
    checkpoint = train(
        corpus,
        settings,
        folder,
        data_dir=data_dir,
        device=device,
        resume=resume,
        progress=progress,
    )
    say(f"test accuracy {checkpoint.test_accuracy:.2%}", progress=progress)
    return checkpoint


def say(message: str, *, progress: bool) -> None:
    """Print a line above the progress bars, if there are any."""
    if progress:
        tqdm.write(message)
