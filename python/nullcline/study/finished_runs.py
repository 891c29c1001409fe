"""Runs that were trained before, put where the jobs of a sweep look for them."""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING

from nullcline._support.files import replacing, sha256
from nullcline._support.folder_lock import LOCK_FILE, locked
from nullcline.study.network_training import train_network
from nullcline.sweeps.store import RECORD
from nullcline.training.checkpoint import (
    SETTINGS_FILE,
    CheckpointError,
    is_finished,
    load_checkpoint,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from nullcline.sweeps import Job
    from nullcline.training import Checkpoint


def take_finished_runs(jobs: Iterable[Job], runs: Path, folder: Path) -> int:
    """Put finished runs where jobs look for them that would train the same networks.

    A run is a job's if it has the job's settings and is of the same corpus. Its files are linked
    where they can be, and copied elsewhere. No finished run is replaced, and one that was
    interrupted is.

    Parameters
    ----------
    jobs
        Jobs of `nullcline.study.networks.network_jobs`.
    runs
        A folder with runs at any depth, each as `nullcline train` writes it.
    folder
        The sweep's.

    Returns
    -------
    int
        How many were put there.

    Raises
    ------
    BlockingIOError
        Another process works in the sweep's folder.
    FileNotFoundError
        There is no folder `runs`.
    """
    if not runs.is_dir():
        raise FileNotFoundError(f"runs must be a folder, and {runs} is none")
    wanted = {
        (job.parameters["corpus_hash"], job.parameters["training"]): job.place
        for job in _trainings(jobs)
    }
    n_taken = 0
    with locked(folder, "out"):
        for run in _finished(runs):
            place = wanted.get((run.corpus_sha256, run.settings.resolved()))
            if place is not None and not is_finished(folder / place):
                _copy(run.directory, folder / place)
                n_taken += 1
    return n_taken


def _trainings(jobs: Iterable[Job]) -> Iterator[Job]:
    for job in jobs:
        yield from (one for one in (job, *job.needs) if one.function is train_network)


def _finished(runs: Path) -> Iterator[Checkpoint]:
    """Yield the sound runs below a folder; another that is being trained meanwhile is none yet."""
    for path in sorted(runs.rglob(SETTINGS_FILE)):
        with contextlib.suppress(CheckpointError, FileNotFoundError):
            found = load_checkpoint(path.parent)
            hashes = found.files.items()
            if all(sha256(path.parent / name) == expected for name, expected in hashes):
                yield found


def _copy(run: Path, place: Path) -> None:
    """Bring a run's files to a folder, last the one that says that it is finished."""
    files = [path for path in sorted(run.rglob("*")) if path.is_file()]
    for path in sorted(files, key=lambda path: path.name == SETTINGS_FILE):
        if path.name in {RECORD, LOCK_FILE}:
            continue
        target = place / path.relative_to(run)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        try:
            os.link(path, target)
        except OSError:  # of another file system
            with replacing(target) as temporary:
                shutil.copyfile(path, temporary)
