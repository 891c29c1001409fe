"""The networks of the study as jobs: each trained once, and analysed as often as is asked."""

from __future__ import annotations

import json
from dataclasses import asdict, fields, replace
from itertools import product
from typing import TYPE_CHECKING, Any

from nullcline._support.files import remove_abandoned, sha256, write_json
from nullcline._support.folder_lock import locked
from nullcline.study.analysis import analyse
from nullcline.study.job_corpora import reviews_of_job, seed_of_corpus
from nullcline.study.network_rows import network_rows
from nullcline.study.network_training import describe, train_network, training_job, vectors_of
from nullcline.study.results import NetworkAnalysis
from nullcline.study.settings import AnalysisSettings
from nullcline.study.trained import training_outcome
from nullcline.sweeps import Job, JobOutput
from nullcline.sweeps.content import content_sha256
from nullcline.text import load_corpus
from nullcline.text.corpora import classes_of
from nullcline.training import TrainingSettings
from nullcline.training.checkpoint import load_checkpoint
from nullcline.training.fingerprint import corpus_sha256

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from nullcline.sweeps.rows import Row
    from nullcline.text import Corpus
    from nullcline.training import Checkpoint

EDITION = 5
"""Of what an analysis holds: one of an earlier edition is made anew, from the same network."""

ROWS = 5
"""Of what a network's rows hold: of an earlier one they are made anew, from the same analysis."""

_DIGITS = 8


def analyse_network(
    *,
    network: JobOutput,
    corpus: str,
    corpus_hash: str,
    analyses: Sequence[AnalysisSettings],
    folder: Path,
    source: str,
    data_dir: str | os.PathLike[str] | None,
    n_threads: int | None,
    progress: bool,
    reviews: Corpus | None = None,
) -> list[Row]:
    """Analyse a network that is trained: a job of every sweep of the study.

    Parameters
    ----------
    network
        What `nullcline.study.network_training.train_network` has made.
    corpus, corpus_hash
        What it was trained on: the name, and the SHA-256 of what that holds.
    analyses
        Settings, of an analysis for each split.
    folder
        Where analyses are kept. Of what is there, one with the same settings and of the same
        network is not made again.
    source, data_dir
        As in `nullcline.text.load_corpus`.
    n_threads
        Threads of the searches, which change no result.
    progress
        Show progress bars.
    reviews
        The corpus, where the process has it already.

    Returns
    -------
    list of dict
        The rows of `nullcline.study.network_rows.network_rows`, for each split, each with what came
        of the training (`nullcline.study.trained.training_outcome`).
    """
    del corpus  # by which the job is known, and not called
    checkpoint = load_checkpoint(network.folder)
    if reviews is None:
        reviews = reviews_of_job(source, data_dir, checkpoint.settings, corpus_hash)
    rows: list[Row] = []
    outcome = training_outcome(checkpoint, reviews)
    for analysis in analyses:
        settings = replace(analysis, n_threads=n_threads)
        found = analyse_or_load(checkpoint, reviews, settings, folder, progress=progress)
        rows += [{**row, **outcome} for row in network_rows(found, checkpoint.settings)]
    return rows


def study_network(
    *,
    corpus: str,
    corpus_hash: str,
    training: TrainingSettings,
    analyses: Sequence[AnalysisSettings],
    vectors: Path | None,
    folder: Path,
    device: str | None,
    n_threads: int | None,
    **common: Any,
) -> list[Row]:
    """Train a network and analyse it, in one folder: the job of `nullcline reproduce`.

    Parameters are those of `nullcline.study.network_training.train_network` and of
    `analyse_network`.
    """
    of_both = {"corpus": corpus, "corpus_hash": corpus_hash, "folder": folder, **common}
    train_network(training=training, vectors=vectors, device=device, **of_both)
    network = JobOutput((), folder)
    return analyse_network(network=network, analyses=analyses, n_threads=n_threads, **of_both)


def network_job(
    corpus: str,
    corpus_hash: str,
    source: str | os.PathLike[str],
    training: TrainingSettings,
    analyses: Sequence[AnalysisSettings],
    *,
    folder: str,
    data_dir: str | os.PathLike[str] | None = None,
    device: str | None = None,
    threads: int | None = 1,
    progress: bool = False,
    reviews: Corpus | None = None,
) -> Job:
    """Return the job that trains a network and analyses it, in one folder.

    Parameters
    ----------
    corpus, corpus_hash, source
        The corpus's name, its SHA-256, and what `nullcline.text.load_corpus` loads it by.
    training, analyses
        Settings; an analysis for each split.
    folder
        Its folder within the sweep's.
    data_dir, device, progress
        As in `study_network`.
    threads
        Of the whole job. Those of the training may change its last bits.
    reviews
        The corpus itself, which is not loaded again: for jobs of this process.
    """
    settings = training.resolved(classes_of(source))
    n_threads = analyses[0].n_threads if threads is None else threads
    return Job(
        study_network,
        {
            "corpus": corpus,
            "corpus_hash": corpus_hash,
            "training": settings,
            "analyses": [replace(analysis, n_threads=None) for analysis in analyses],
            "vectors": vectors_of(settings),
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


def analysis_job(
    network: Job,
    source: str | os.PathLike[str],
    analyses: Sequence[AnalysisSettings],
    *,
    data_dir: str | os.PathLike[str] | None = None,
) -> Job:
    """Return the job that analyses a network which another job trains.

    Parameters
    ----------
    network
        That other job, of `nullcline.study.network_training.training_job`.
    source, data_dir
        As in `nullcline.text.load_corpus`.
    analyses
        Settings, of an analysis for each split.
    """
    settings: TrainingSettings = network.parameters["training"]
    corpus = network.parameters["corpus"]
    own = [replace(analysis, n_threads=None) for analysis in analyses]
    name = network.place.removeprefix("networks/")
    if own != [AnalysisSettings(seed=settings.seed)]:
        name += f"-{content_sha256(own)[:_DIGITS]}"
    return Job(
        analyse_network,
        {
            "network": network,
            "corpus": corpus,
            "corpus_hash": network.parameters["corpus_hash"],
            "analyses": own,
        },
        version=f"{EDITION}.{ROWS}",
        environment={
            "source": str(source),
            "data_dir": data_dir,
            "n_threads": network.threads,
            "progress": False,
        },
        threads=network.threads,
        label=describe(settings, corpus),
        folder=f"analyses/{name}",
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
    loaded: dict[tuple[str, int | None, int], tuple[str, str]] | None = None,
) -> list[Job]:
    """Return jobs that analyse a network for every combination of settings.

    Each needs the job that trains its network, so that this is done once, however often it is
    analysed. A network is kept in a folder below `networks/` that is named after it
    (`nullcline.study.network_training.name_of_run`), its analyses below `analyses/`.

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
        As in `nullcline.study.network_training.training_job`.
    progress
        Show progress while corpora are loaded.
    loaded
        Names and hashes of corpora that calls before have loaded, which are not loaded again.

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
        _require_snapshots(*planned[-1][1:])
    known = {} if loaded is None else loaded
    jobs = []
    for source, its, analyses in planned:  # all values are sound by now
        seed = seed_of_corpus(source, its)
        key = source, its.classes, seed
        if key not in known:
            reviews = load_corpus(
                source, data_dir=data_dir, classes=its.classes, seed=seed, progress=progress
            )
            known[key] = reviews.name, corpus_sha256(reviews)
        network = training_job(
            *known[key], source, its, data_dir=data_dir, device=device, threads=threads
        )
        jobs.append(analysis_job(network, source, analyses, data_dir=data_dir))
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


def _require_snapshots(training: TrainingSettings, analyses: Sequence[AnalysisSettings]) -> None:
    if training.snapshot_steps is None and any(one.snapshot for one in analyses):
        raise ValueError(
            "snapshot must be 0 or left out where snapshot_steps is: no other weights are kept"
        )


def _with(settings: Any, chosen: Mapping[str, Any]) -> Any:
    """Return settings with those of the chosen values that they have a field for."""
    own = _names(type(settings))
    return replace(settings, **{name: value for name, value in chosen.items() if name in own})


def _names(settings: type[Any]) -> set[str]:
    return {one.name for one in fields(settings)}


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
    name += "" if settings.snapshot is None else f"-step-{settings.snapshot:06d}"
    settings_file, file = folder / f"{name}.json", folder / f"{name}.npz"
    record = leave_out(asdict(settings), "n_threads")  # threads change no result
    if settings.snapshot is None:  # as in early files, which do not say
        del record["snapshot"]
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
