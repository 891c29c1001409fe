"""Jobs of a sweep that tell how networks learn: each of one that another job trains."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nullcline.study.job_corpora import reviews_of_job
from nullcline.study.learning import EDITION, analyse_learning
from nullcline.study.learning_rows import learning_rows
from nullcline.study.networks import network_jobs
from nullcline.study.settings import AnalysisSettings
from nullcline.training import TrainingSettings, load_checkpoint

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from nullcline.study.learning_rows import Row
    from nullcline.sweeps import Job, JobOutput

ROWS = 1
"""Of what rows hold: of an earlier one they are made anew, of the same measures."""

SNAPSHOT_STEPS = 50
"""Steps from one snapshot to the next where none are asked for: with IMDB, five in an epoch."""


def learn_network(
    *,
    network: JobOutput,
    corpus: str,
    corpus_hash: str,
    analysis: AnalysisSettings,
    folder: Path,
    source: str,
    data_dir: str | os.PathLike[str] | None,
    n_threads: int | None,
    progress: bool,
) -> list[Row]:
    """Tell how a network learned: a job of `nullcline learning`.

    Parameters
    ----------
    network
        What `nullcline.study.network_training.train_network` has made, with snapshots.
    corpus, corpus_hash, source, data_dir, n_threads, progress
        As in `nullcline.study.networks.analyse_network`.
    analysis
        Settings.
    folder
        Where `learning.npz` and the figures are kept.

    Returns
    -------
    list of dict
        The rows of `nullcline.study.learning_rows.learning_rows`.
    """
    from nullcline.study.learning_figures import draw_learning

    del corpus  # by which the job is known, and not called
    checkpoint = load_checkpoint(network.folder)
    reviews = reviews_of_job(source, data_dir, checkpoint.settings, corpus_hash)
    settings = replace(analysis, n_threads=n_threads)
    learning = analyse_learning(checkpoint, reviews, settings, folder=folder, progress=progress)
    draw_learning(learning, folder)
    return learning_rows(learning, checkpoint.settings, analysis)


def learning_jobs(
    axes: Mapping[str, Iterable[Any]],
    *,
    training: TrainingSettings | None = None,
    analysis: AnalysisSettings | None = None,
    splits: Sequence[str] | None = None,
    **options: Any,
) -> list[Job]:
    """Return jobs that tell how a network learns, for every combination of settings.

    Parameters
    ----------
    axes
        As in `nullcline.study.networks.network_jobs`, but for "snapshot": all are analysed.
    training, analysis
        All other settings; the paper's by default, and `SNAPSHOT_STEPS`.
    splits
        Reviews whose states are analysed, each by a job of its own; that of `analysis` by default.
    options
        As in `nullcline.study.networks.network_jobs`: `data_dir`, `device`, `threads`, `progress`.

    Raises
    ------
    OSError
        A corpus cannot be read, or a download fails.
    ValueError
        There is no such setting, or a value is out of its range.
    """
    training, analysis = training or TrainingSettings(), analysis or AnalysisSettings()
    if "snapshot" in axes or analysis.snapshot is not None:
        raise ValueError("snapshot must be left out: all snapshots of a run are analysed")
    if training.snapshot_steps is None:
        training = replace(training, snapshot_steps=SNAPSHOT_STEPS)
    return [
        _of_learning(job)
        for split in splits or [analysis.split]
        for job in network_jobs(
            axes, training=training, analysis=analysis, splits=[split], **options
        )
    ]


def _of_learning(analysed: Job) -> Job:
    """Return the job that tells how a network learned which another job analyses."""
    parameters = dict(analysed.parameters)
    (analysis,) = parameters.pop("analyses")
    place = analysed.place.removeprefix("analyses/")
    return replace(
        analysed,
        function=learn_network,
        parameters={**parameters, "analysis": analysis},
        version=f"{EDITION}.{ROWS}",
        folder=f"learning/{place}",
    )
