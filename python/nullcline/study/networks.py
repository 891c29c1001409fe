"""One network of the study: trained, analysed, and a job of a sweep."""

from __future__ import annotations

import json
from dataclasses import asdict, fields, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from nullcline._support.files import remove_abandoned, sha256, write_json
from nullcline._support.folder_lock import locked
from nullcline.study.analysis import analyse
from nullcline.study.network_rows import network_rows
from nullcline.study.results import NetworkAnalysis
from nullcline.study.settings import AnalysisSettings
from nullcline.sweeps import Job
from nullcline.text import load_corpus
from nullcline.text.corpora import classes_of, is_drawn
from nullcline.text.pretrained import NAMED_VECTORS
from nullcline.training import TrainingSettings, train
from nullcline.training.checkpoint import is_finished, load_checkpoint, remove_run
from nullcline.training.fingerprint import corpus_sha256

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping, Sequence

    from nullcline.sweeps.rows import Row
    from nullcline.text import Corpus
    from nullcline.training import Checkpoint

EDITION = 3
"""Of what an analysis holds: one of an earlier edition is made anew, from the same network."""

ROWS = 1
"""Of what a network's rows hold."""


def study_network(
    *,
    corpus: str,
    corpus_hash: str,
    training: TrainingSettings,
    analyses: Sequence[AnalysisSettings],
    vectors: Path | None,
    folder: Path,
    source: str,
    data_dir: str | os.PathLike[str] | None,
    device: str | None,
    n_threads: int | None,
    progress: bool,
    reviews: Corpus | None = None,
) -> list[Row]:
    """Train a network and analyse it: the job of every sweep of the study.

    Parameters
    ----------
    corpus, corpus_hash
        What it is trained on: the name, and the SHA-256 of what that holds.
    training, analyses
        How; an analysis for each split.
    vectors
        The file of word vectors, where `training` names one.
    folder
        Where it is kept, and what is there is gone on with.
    source, data_dir
        As in `nullcline.text.load_corpus`.
    device
        As in `nullcline.training.train`.
    n_threads
        Threads of the searches, which change no result.
    progress
        Show progress bars.
    reviews
        The corpus, where the process has it already.

    Returns
    -------
    list of dict
        The rows of `nullcline.study.network_rows.network_rows`, for each split.
    """
    del corpus, vectors  # by which the job is known, and not called
    if reviews is None:
        reviews = _reviews(source, data_dir, training, corpus_hash)
    _remove_if_cut(folder)
    checkpoint = train_or_load(
        reviews, training, folder, data_dir=data_dir, device=device, resume=True, progress=progress
    )
    rows: list[Row] = []
    for analysis in analyses:
        settings = replace(analysis, n_threads=n_threads)
        network = analyse_or_load(checkpoint, reviews, settings, folder, progress=progress)
        rows += network_rows(network, checkpoint.settings)
    return rows


def network_job(
    corpus: str,
    corpus_hash: str,
    source: str | os.PathLike[str],
    training: TrainingSettings,
    analyses: Sequence[AnalysisSettings],
    *,
    data_dir: str | os.PathLike[str] | None = None,
    device: str | None = None,
    threads: int | None = 1,
    progress: bool = False,
    folder: str | None = None,
    reviews: Corpus | None = None,
) -> Job:
    """Return the job that trains and analyses a network.

    Parameters
    ----------
    corpus, corpus_hash, source
        The corpus's name, its SHA-256, and what `nullcline.text.load_corpus` loads it by.
    training, analyses
        Settings; an analysis for each split.
    data_dir, device, progress
        As in `study_network`.
    threads
        Of the whole job. Those of the training may change its last bits.
    folder
        Its folder within the sweep's; by default named after its key.
    reviews
        The corpus itself, which is not loaded again: for jobs of this process.
    """
    settings = training.resolved(classes_of(source))
    named = settings.vectors is None or settings.vectors in NAMED_VECTORS
    file = None if named else Path(str(settings.vectors))
    # Where the vectors lie is said by their content; a file that is not there says so in its time.
    content = file if file is not None and file.is_file() else None
    n_threads = analyses[0].n_threads if threads is None else threads
    return Job(
        study_network,
        {
            "corpus": corpus,
            "corpus_hash": corpus_hash,
            "training": settings,
            "analyses": [replace(analysis, n_threads=None) for analysis in analyses],
            "vectors": content,
        },
        version=f"{EDITION}.{ROWS}",
        environment={
            "source": str(source),
            "data_dir": data_dir,
            "device": device,
            "n_threads": n_threads,
            "progress": progress,
            "reviews": reviews,
        },
        threads=threads,
        label=describe(settings, corpus),
        folder=folder,
    )


def network_jobs(
    axes: Mapping[str, Iterable[Any]],
    *,
    training: TrainingSettings | None = None,
    analysis: AnalysisSettings | None = None,
    splits: Sequence[str] = ("test",),
    data_dir: str | os.PathLike[str] | None = None,
    device: str | None = None,
    threads: int = 1,
    progress: bool = False,
) -> list[Job]:
    """Return jobs that train and analyse a network for every combination of settings.

    Parameters
    ----------
    axes
        The values of each setting that varies: "corpus", and any of `TrainingSettings` and of
        `AnalysisSettings`, such as ``{"corpus": ["sst"], "cell": ["gru", "lstm"], "seed":
        range(20), "hidden_size": [64, 256]}``. A seed is that of the corpus, where one is drawn, of
        the training and of the analysis, as in `nullcline reproduce --seed`.
    training, analysis
        All other settings; the paper's by default.
    splits
        Reviews whose states are analysed.
    data_dir, device, threads
        As in `network_job`.
    progress
        Show progress while corpora are loaded.

    Raises
    ------
    OSError
        A corpus cannot be read, or a download fails.
    ValueError
        There is no such setting, or a value is out of its range.
    """
    training, analysis = training or TrainingSettings(), analysis or AnalysisSettings()
    values = {"corpus": ["synthetic"], **{name: list(axis) for name, axis in axes.items()}}
    _require_settings(values)
    analyses = [replace(analysis, split=split) for split in splits]
    planned = []
    for chosen in product(*values.values()):
        own = dict(zip(values, chosen, strict=True))
        source = str(own.pop("corpus"))
        planned.append((source, _with(training, own), [_with(one, own) for one in analyses]))
    loaded: dict[tuple[str, int | None, int], tuple[str, str]] = {}
    jobs = []
    for source, its, analyses in planned:  # all values are sound by now
        seed = seed_of_corpus(source, its)
        key = source, its.classes, seed
        if key not in loaded:
            reviews = load_corpus(
                source, data_dir=data_dir, classes=its.classes, seed=seed, progress=progress
            )
            loaded[key] = reviews.name, corpus_sha256(reviews)
        options: dict[str, Any] = {"data_dir": data_dir, "device": device, "threads": threads}
        jobs.append(network_job(*loaded[key], source, its, analyses, **options))
    return jobs


def _require_settings(values: Mapping[str, Sequence[Any]]) -> None:
    known = {"corpus", *_names(TrainingSettings), *_names(AnalysisSettings)} - {"split"}
    for name, axis in values.items():
        if name not in known:
            raise ValueError(
                f"{name!r} is no setting of a network: it must be one of {', '.join(sorted(known))}"
            )
        if not axis:
            raise ValueError(f"{name} must have at least one value")


def _with(settings: Any, chosen: Mapping[str, Any]) -> Any:
    """Return settings with those of the chosen values that they have a field for."""
    own = _names(type(settings))
    return replace(settings, **{name: value for name, value in chosen.items() if name in own})


def _names(settings: type[Any]) -> set[str]:
    return {one.name for one in fields(settings)}


def describe(settings: TrainingSettings, corpus: str) -> str:
    """Return a network in a few words."""
    some = "" if settings.train_size is None else f", {settings.train_size} reviews"
    if settings.vectors is not None:
        some += f", {Path(settings.vectors).name} vectors"
    if settings.frozen_vectors:
        some += ", frozen"
    return (
        f"{settings.layers}-layer {settings.cell.upper()} of {settings.hidden_size} units on "
        f"{corpus}{some}, seed {settings.seed}"
    )


def seed_of_corpus(source: str, settings: TrainingSettings) -> int:
    """Return the seed that a corpus is drawn or split by; 0 for one that has an order of its own.

    So that networks that differ in their seed have the same reviews, and need these once.
    """
    return settings.seed if is_drawn(source) else 0


_last: dict[str, Corpus] = {}
"""The corpus that this process has loaded last, by its hash: the next job may be on it, too."""


def _reviews(
    source: str,
    data_dir: str | os.PathLike[str] | None,
    settings: TrainingSettings,
    expected: str,
) -> Corpus:
    """Load the corpus in a job, and see that it is the one that the job was made for."""
    if expected not in _last:
        _last.clear()
        reviews = load_corpus(
            source,
            data_dir=data_dir,
            classes=settings.classes,
            seed=seed_of_corpus(source, settings),
            progress=False,
        )
        if corpus_sha256(reviews) != expected:
            raise ValueError(
                f"{source} holds other reviews than when this job was made: make the jobs anew"
            )
        _last[expected] = reviews
    return _last[expected]


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
    name = f"{settings.layers}-layer {settings.cell.upper()}"
    some = "" if settings.train_size is None else f", {settings.train_size} reviews"
    say(f"{name} on {corpus.name}{some}", progress=progress)
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


def analyse_or_load(
    checkpoint: Checkpoint,
    corpus: Corpus,
    settings: AnalysisSettings,
    folder: Path,
    *,
    progress: bool,
) -> NetworkAnalysis:
    """Return the analysis that `folder` holds, if it is of these settings; else analyse anew."""
    name = "analysis" if settings.split == "test" else f"analysis-{settings.split}"
    settings_file, file = folder / f"{name}.json", folder / f"{name}.npz"
    record = leave_out(asdict(settings), "n_threads")  # threads change no result
    record["edition"] = EDITION
    if checkpoint.sha256 is not None:
        record["checkpoint_sha256"] = checkpoint.sha256
    with locked(folder, "out"):
        remove_abandoned(folder)
        noted = _noted(settings_file)
        if leave_out(noted, "analysis_sha256") == record and file.is_file():
            return _load_analysis(file, noted.get("analysis_sha256"))
        settings_file.unlink(missing_ok=True)
        network = analyse(checkpoint, corpus, settings, progress=progress)
        network.save(file)
        write_json(settings_file, {**record, "analysis_sha256": sha256(file)})
        return network


def _noted(settings_file: Path) -> dict[str, Any]:
    """Return what is noted of an analysis; nothing where there is none, or no sense in it."""
    try:
        noted = json.loads(settings_file.read_text("utf-8"))
    except (FileNotFoundError, ValueError, RecursionError):
        return {}
    return noted if isinstance(noted, dict) else {}


def _load_analysis(file: Path, expected: str | None) -> NetworkAnalysis:
    found = NetworkAnalysis.load(file)
    if expected not in {None, sha256(file)}:
        raise ValueError(
            f"{file} is damaged, or of another run than the settings beside it; remove it, and "
            "the settings"
        )
    return found


def leave_out(settings: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return the settings, some left out."""
    return {key: value for key, value in settings.items() if key not in names}


def say(message: str, *, progress: bool) -> None:
    """Print a line above the progress bars, if there are any."""
    if progress:
        tqdm.write(message)
