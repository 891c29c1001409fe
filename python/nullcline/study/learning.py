"""What training makes of a network: measured at each snapshot, its points followed in between."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from nullcline._support.files import remove_abandoned
from nullcline._support.folder_lock import locked
from nullcline.continuation import follow_training
from nullcline.interop import from_torch
from nullcline.search.kinds import FIXED
from nullcline.study.learning_measures import measure
from nullcline.study.learning_results import Course, Learning, NetworkAtStep, PairEvent
from nullcline.study.settings import AnalysisSettings
from nullcline.training.bag_of_words import fit_bag_of_words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nullcline.continuation import TrainingEvent
    from nullcline.study.learning_results import LayerAtStep
    from nullcline.text import Corpus
    from nullcline.training import Checkpoint

FILE = "learning.npz"
FOLDER = "learning"
"""The folder in which single snapshots are, until all are done."""

EDITION = 1
"""Of what is measured: what an earlier edition measured is measured anew."""


def analyse_learning(
    checkpoint: Checkpoint,
    corpus: Corpus,
    settings: AnalysisSettings | None = None,
    *,
    folder: Path | None = None,
    progress: bool = False,
) -> Learning:
    """Measure a network at each snapshot of its training, and follow its fixed points in between.

    What was measured of a snapshot is kept as soon as it is there, so what was interrupted goes on;
    in the end, all is in one file, `learning.npz`, which is read back where it is of the same run
    and settings.

    Parameters
    ----------
    checkpoint
        A finished run with `TrainingSettings.snapshot_steps`.
    corpus
        The corpus that it was trained on.
    settings
        What to draw and search; the paper's by default. `snapshot` is None.
    folder
        Where these files are; by default the run's.
    progress
        Show a progress bar.

    Returns
    -------
    Learning

    Raises
    ------
    BlockingIOError
        Another process works in the folder.
    CheckpointError
        The corpus has changed since, or a snapshot is damaged or gone.
    OSError
        A file cannot be written. What was measured before is kept.
    ValueError
        The run has no snapshots, or `settings.snapshot` is not None.
    """
    settings = settings or AnalysisSettings()
    _require_snapshots(checkpoint, settings)
    checkpoint.require_corpus(corpus)
    folder = folder or checkpoint.directory
    source = _source(checkpoint, settings)
    with locked(folder, "folder"):
        remove_abandoned(folder)
        file = folder / FILE
        if file.is_file():
            found = Learning.load(file)
            if {one.source for one in found.networks} == {source}:
                return found
        networks = _networks(
            checkpoint, corpus, settings, folder / FOLDER, source, progress=progress
        )
        courses = tuple(
            follow_layer(checkpoint, [one.layers[layer] for one in networks])
            for layer in range(checkpoint.settings.layers)
        )
        learning = _learning(checkpoint, corpus, networks, courses)
        learning.save(file)
        _remove_steps(folder)
        return learning


def follow_layer(checkpoint: Checkpoint, layers: Sequence[LayerAtStep]) -> Course:
    """Follow the fixed points of a layer from snapshot to snapshot, at zero input.

    All weights go from one to the next on a straight line, on which a fixed point is continued
    (`nullcline.follow_training`): it goes on to the next snapshot, or ends at a fold with another.

    Parameters
    ----------
    checkpoint
        The run.
    layers
        One layer after each of the run's snapshots.

    Returns
    -------
    Course
    """
    steps = [one.step for one in checkpoint.snapshots]
    number = layers[0].layer
    cells = [from_torch(checkpoint.at(step).rnn)[number - 1] for step in steps]
    points = [
        replace(one.unique.select(FIXED), cell=cell)
        for one, cell in zip(layers, cells, strict=True)
    ]
    found = follow_training(cells, points) if any(map(len, points)) else None
    nothing = np.empty((0, len(steps), cells[0].state_size))
    return Course(
        layer=number,
        steps=np.array(steps),
        h=nothing if found is None else found.h,
        n_unstable=nothing[:, :, 0].astype(int) if found is None else found.n_unstable,
        was_found=nothing[:, :, 0].astype(bool) if found is None else found.was_given,
        events=() if found is None else tuple(in_steps(event, steps) for event in found.events),
        faults=() if found is None else found.faults,
    )


def in_steps(event: TrainingEvent, steps: Sequence[int]) -> PairEvent:
    """Return an event with its time in steps of Adam."""
    return PairEvent(
        what=event.what,
        step=float(np.interp(event.time, np.arange(len(steps)), steps)),
        points=event.points,
        h=event.h,
        ghost_kind=event.ghost_kind,
        ghost_q=event.ghost_q,
    )


def _require_snapshots(checkpoint: Checkpoint, settings: AnalysisSettings) -> None:
    if len(checkpoint.snapshots) < 2:
        raise ValueError(
            f"{checkpoint.directory} holds a run without snapshots: train the network with "
            "snapshot_steps, in another folder"
        )
    if settings.snapshot is not None:
        raise ValueError(
            f"snapshot must be None, not {settings.snapshot}: all snapshots are analysed"
        )


def _source(checkpoint: Checkpoint, settings: AnalysisSettings) -> str:
    """Return what says which run is measured, and how; threads change no result."""
    chosen = {name: value for name, value in asdict(settings).items() if name != "n_threads"}
    return json.dumps([EDITION, checkpoint.sha256, chosen], sort_keys=True)


def _networks(
    checkpoint: Checkpoint,
    corpus: Corpus,
    settings: AnalysisSettings,
    place: Path,
    source: str,
    *,
    progress: bool,
) -> tuple[NetworkAtStep, ...]:
    """Measure each snapshot, or read what was measured of it before."""
    remove_abandoned(place)
    reviews = checkpoint.reviews(corpus, settings.split)
    bag = fit_bag_of_words(checkpoint, corpus)
    found = []
    for snapshot in tqdm(
        checkpoint.snapshots, desc="snapshots", unit="snapshot", disable=not progress
    ):
        file = place / f"step-{snapshot.step:06d}.npz"
        known = NetworkAtStep.load(file) if file.is_file() else None
        if known is None or known.source != source:
            layers = measure(checkpoint, reviews, len(corpus.classes), bag, settings, snapshot.step)
            known = NetworkAtStep(snapshot.step, source, layers)
            known.save(file)
        found.append(known)
    return tuple(found)


def _remove_steps(folder: Path) -> None:
    """Remove what was kept of single snapshots, once all are in one file."""
    for path in (folder / FOLDER).glob("step-*.npz"):
        path.unlink()
    with contextlib.suppress(OSError):
        (folder / FOLDER).rmdir()


def _learning(
    checkpoint: Checkpoint,
    corpus: Corpus,
    networks: tuple[NetworkAtStep, ...],
    courses: tuple[Course, ...],
) -> Learning:
    settings = checkpoint.settings
    labels = checkpoint.reviews(corpus, "validation").labels
    return Learning(
        corpus=corpus.name,
        cell=settings.cell,
        n_layers=settings.layers,
        seed=settings.seed,
        classes=corpus.classes,
        chance=float(np.bincount(labels).max() / len(labels)),
        kept=next(one.step for one in checkpoint.snapshots if one.epoch == checkpoint.best_epoch),
        snapshots=checkpoint.snapshots,
        networks=networks,
        courses=courses,
    )
