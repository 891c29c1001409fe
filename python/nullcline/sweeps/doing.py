"""Doing one job, in whatever process: called, checked, and noted in the sweep's folder."""

from __future__ import annotations

import contextlib
import os
import pickle
import sys
import time
import traceback
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from threadpoolctl import threadpool_limits

from nullcline._support.folder_lock import locked
from nullcline._support.shown import in_one_line
from nullcline._support.thread_limit import at_most
from nullcline._support.versions import own_version
from nullcline.distribution.machine import this_machine
from nullcline.sweeps.job import FOLDER, JobOutput, with_jobs
from nullcline.sweeps.rows import as_rows
from nullcline.sweeps.store import (
    DONE,
    FAILED,
    NOT_DONE,
    Ending,
    files_of,
    look,
    note,
    tidy,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from nullcline.sweeps.job import Job

RUNNING = ".running"
"""The folder in a job's that is locked while the job runs; its own it may lock itself."""

LOOKS = 0.1
"""Seconds between two looks at whether another process has ended that does the same job."""

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""How libraries that are not loaded yet are told how many threads to take."""

_LONGEST_REASON = 300


@dataclass(frozen=True)
class Task:
    """A job, where its folder is, and what the jobs that it depends on have made, by their keys."""

    job: Job
    folder: Path
    outputs: Mapping[str, JobOutput]
    retry: bool = False


def do_pickled(version: str, task: bytes) -> Ending | str:
    """Do a job that came as a pickle from a process with some version of this package.

    Returns
    -------
    Ending or str
        How it ended; or this process's version, if it is another one, whose pickles are not opened.
    """
    if version != own_version():
        return own_version()
    try:
        whole: Task = pickle.loads(task)  # noqa: S301 - of the process that this one works for
    except Exception as error:  # noqa: BLE001 - what a module raises when it is imported
        return Ending(NOT_DONE, reason=f"a worker cannot import the job: {in_a_line(error)}")
    return replace(do(whole), error=None)


def do(task: Task) -> Ending:
    """Do a job, unless it has been done, and note how it ended."""
    job, folder = task.job, task.folder
    try:
        with _alone_in(folder):
            found = look(folder, job.key)
            if found.ending and not (task.retry and found.ending.status == FAILED):
                return found.ending
            tidy(folder)
            ending = _called(task)
            # That another job is done here is not forgotten for one that fails.
            if ending.status == DONE or (ending.status == FAILED and not found.is_anothers):
                note(folder, job, ending)
            return ending
    except (OSError, MemoryError) as error:  # of noting it: a full disk, most of all
        return Ending(NOT_DONE, reason=in_a_line(error), error=error)


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Hold a job's folder while the block runs, once others that hold it have ended.

    Another one can be there: a worker whose sweep was killed, and which goes on with its job.
    """
    place = folder / RUNNING
    with contextlib.ExitStack() as held:
        while not _hold(place, held):
            time.sleep(LOOKS)
        yield
    _remove(place)


def remove_abandoned_lock(folder: Path) -> None:
    """Remove what a process left that was killed when its job was done but for that."""
    place = folder / RUNNING
    if place.exists():
        with contextlib.suppress(BlockingIOError), locked(place, "out"):
            pass
        _remove(place)


def _remove(place: Path) -> None:
    """Remove the folder that was locked, unless another process has locked it by now."""
    with contextlib.suppress(OSError):
        place.rmdir()


def _hold(place: Path, held: contextlib.ExitStack) -> bool:
    try:
        held.enter_context(locked(place, "out"))
    except BlockingIOError:
        return False
    return True


def _called(task: Task) -> Ending:
    """Call the job's function, and tell how that ended."""
    job = task.job
    parameters = with_jobs(job.parameters, lambda other: task.outputs[other.key])
    own = {FOLDER: task.folder} if job.takes_folder else {}
    start, worked = time.perf_counter(), time.process_time()
    try:
        with _threads(job.threads):
            returned = job.function(**parameters, **job.environment, **own)
        rows = as_rows(returned)
        files = files_of(task.folder)
    except Exception as error:  # noqa: BLE001 - whatever a job raises is its failure
        return Ending(
            NOT_DONE if _is_the_machines(error) else FAILED,
            seconds=time.perf_counter() - start,
            cpu_seconds=time.process_time() - worked,
            reason=in_a_line(error),
            traceback="".join(traceback.format_exception(error)),
            machine=this_machine(),
            error=error,
        )
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - worked
    return Ending(DONE, rows, seconds, cpu_seconds, files=files, machine=this_machine())


@contextlib.contextmanager
def _threads(n: int | None) -> Iterator[None]:
    """Give BLAS, PyTorch and our own searches so many threads while the block runs."""
    if n is None:
        yield
        return
    told = {name: os.environ.get(name) for name in THREADS}
    torch: Any = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else None
    with threadpool_limits(n), at_most(n):
        os.environ.update(dict.fromkeys(THREADS, str(n)))
        if torch:
            torch.set_num_threads(n)
        try:
            yield
        finally:
            for name, value in told.items():
                os.environ.pop(name, None)  # another thread of an executor may have
                if value is not None:
                    os.environ[name] = value
            if torch:
                torch.set_num_threads(before)


def _is_the_machines(error: BaseException) -> bool:
    """Tell whether an exception is of the machine and not of the job, or came of such a one.

    A file that is not there, a disk that is full, a network or a memory that fails: another time,
    or elsewhere, the same job may be done.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, MemoryError | OSError):
            return True
        cause = cause.__cause__
    return False


def in_a_line(error: BaseException) -> str:
    """Return what an exception says."""
    if isinstance(error, OSError) and error.strerror:
        where = "" if error.filename is None else f"{error.filename}: "
        return in_one_line(f"{where}{error.strerror}", _LONGEST_REASON)
    said = in_one_line(str(error), _LONGEST_REASON)
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
