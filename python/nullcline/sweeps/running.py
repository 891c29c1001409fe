"""Sweeps: many jobs, each done once, wherever there is room for it."""

from __future__ import annotations

import contextlib
import pickle
import sys
import time
from collections import deque
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nullcline._support.files import remove_abandoned
from nullcline._support.folder_lock import locked
from nullcline._support.validation import whole_number
from nullcline._support.versions import own_version
from nullcline.search.progress import reporter
from nullcline.sweeps.doing import Task, WorkerVersionError, do, do_pickled
from nullcline.sweeps.job import Job, JobOutput
from nullcline.sweeps.store import DONE, FAILED, NOT_DONE, Ending, look
from nullcline.sweeps.workers import Workers

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Executor

    from nullcline.search.progress import Report

TRIES = 2
"""How often a job is given to a worker that is lost while no other one works."""

LOST = "its worker was lost: it was killed, by the system if memory ran out, or it crashed"


@dataclass(frozen=True)
class Done:
    """What became of the jobs of a sweep: each, dependencies included, and how it ended."""

    endings: dict[str, Ending]
    damaged: tuple[str, ...]
    n_new: int


def run_jobs(
    jobs: Iterable[Job],
    folder: Path,
    *,
    executor: Executor | None = None,
    workers: int | None = None,
    retry_failed: bool = False,
    progress: bool | Report = True,
) -> Done:
    """Do jobs in a folder that the caller holds, those alone that are not done there.

    Parameters are those of `nullcline.sweep`.
    """
    if executor is not None and workers is not None:
        raise ValueError("workers must be left out where executor says who works")
    if workers is not None:
        whole_number("workers", workers, 1)
    every = _with_needs(jobs)
    _require_own_folders(every)
    run = _Run({job.key: job for job in every}, folder.absolute(), retry_failed)
    with reporter(progress, len(run.jobs), what="sweep", unit="job") as report:
        run.report, run.tells = report, bool(progress)
        run.look_back()
        with _sender(executor, workers) as sender:
            run.go(sender)
    return Done(run.endings, tuple(run.damaged), run.n_new)


@dataclass
class _Run:
    """A sweep between two jobs."""

    jobs: dict[str, Job]
    folder: Path
    retry: bool
    report: Report | None = None
    tells: bool = False
    endings: dict[str, Ending] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)
    n_new: int = 0

    def look_back(self) -> None:
        """Take over what the folder holds, and tell what of it is damaged."""
        for key, job in self.jobs.items():
            found = look(self.folder / job.place, key)
            if found.damage:
                self.damaged.append(found.damage)
                self.say(f"{found.damage}; {job.label} is done again")
            ending = found.ending
            if ending is not None and not (self.retry and ending.status == FAILED):
                self.endings[key] = ending
        self.count()

    def go(self, sender: _Sender) -> None:
        """Do all that is left."""
        waiting = {key: {need.key for need in job.needs} for key, job in self.jobs.items()
                   if key not in self.endings}  # fmt: skip
        queue: deque[str] = deque()
        suspects: deque[str] = deque()  # in flight when a worker was lost: one of them may kill it
        lost = dict.fromkeys(waiting, 0)
        flying: dict[Future[Ending], str] = {}
        try:
            while True:
                self.release(waiting, queue)
                while (suspects and not flying) or (
                    queue and not suspects and len(flying) < sender.window
                ):
                    key = suspects.popleft() if suspects else queue.popleft()
                    if future := self.send(sender, key):
                        flying[future] = key
                    if suspects:
                        break
                if not flying:
                    if queue or suspects or self.release(waiting, queue):
                        continue
                    return
                ended = wait(flying, return_when=FIRST_COMPLETED).done
                gone: dict[str, str] = {}
                for future in ended:
                    key = flying.pop(future)
                    ending, why = _result_of(future)
                    if ending:
                        self.end(key, ending)
                    else:
                        gone[key] = why
                if gone and sender.is_ours:  # the others in flight go with it
                    gone.update(dict.fromkeys(flying.values(), LOST))
                    flying.clear()
                    sender.renew()
                for key, why in gone.items():
                    lost[key] += len(gone) == 1 or not sender.is_ours
                    if lost[key] == TRIES:
                        self.end(key, Ending(NOT_DONE, reason=LOST if sender.is_ours else why))
                    elif sender.is_ours:
                        suspects.append(key)
                    else:
                        queue.append(key)
        finally:
            for future in flying:
                future.cancel()

    def release(self, waiting: dict[str, set[str]], queue: deque[str]) -> bool:
        """Queue the jobs whose dependencies are done, and give up those of which one is not."""
        before = len(waiting)
        for key in list(waiting):
            needs = [need for need in self.jobs[key].needs if need.key in waiting[key]]
            ended = {need.key: self.endings[need.key] for need in needs if need.key in self.endings}
            bad = [need for need in needs if need.key in ended and ended[need.key].status != DONE]
            if bad:
                del waiting[key]
                why = f"it needs {bad[0].label}, which is not done: {ended[bad[0].key].reason}"
                self.end(key, Ending(NOT_DONE, reason=why))
            elif len(ended) == len(waiting[key]):
                del waiting[key]
                queue.append(key)
        return len(waiting) < before

    def send(self, sender: _Sender, key: str) -> Future[Ending] | None:
        """Have a job done; None if that has ended already, or cannot begin."""
        job = self.jobs[key]
        outputs = {need.key: JobOutput(self.endings[need.key].rows, self.folder / need.place)
                   for need in job.needs}  # fmt: skip
        task = Task(job, self.folder / job.place, outputs, self.retry)
        try:
            return sender.submit(task)
        except BrokenExecutor as error:
            self.end(key, Ending(NOT_DONE, reason=f"the executor is broken: {error}"))
        except (pickle.PicklingError, TypeError, AttributeError, RecursionError) as error:
            self.end(key, Ending(NOT_DONE, reason=f"it does not pickle: {error}"))
        return None

    def end(self, key: str, ending: Ending) -> None:
        """Take over how a job ended."""
        self.endings[key] = ending
        self.n_new += 1
        if ending.status != DONE:
            self.say(f"{self.jobs[key].label}: {ending.status}: {ending.reason}")
        self.count()

    def count(self) -> None:
        if self.report:
            self.report(len(self.endings), len(self.jobs))

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        if not self.tells:
            return
        tqdm: Any = sys.modules.get("tqdm")
        if tqdm:
            tqdm.tqdm.write(line, file=sys.stderr)
        else:
            sys.stderr.write(f"\n{line}\n")


class _Sender:
    """Who does the jobs: an executor, processes of our own, or this process itself."""

    def __init__(self, submit: Callable[..., Future[Ending]], window: float, workers: Workers | None):
        self._submit = submit
        self.window = window
        self._workers = workers

    @property
    def is_ours(self) -> bool:
        return self._workers is not None

    def renew(self) -> None:
        if self._workers:
            self._workers.renew()

    def submit(self, task: Task) -> Future[Ending]:
        return self._submit(task)


@contextlib.contextmanager
def _sender(executor: Executor | None, workers: int | None) -> Iterator[_Sender]:
    """Yield who does the jobs."""

    def sent(submit: Callable[..., Any]) -> Callable[[Task], Future[Ending]]:
        return lambda task: submit(do_pickled, own_version(), pickle.dumps(task))

    if executor is not None:
        yield _Sender(sent(executor.submit), float("inf"), None)
    elif workers is None:
        yield _Sender(_done_here, 1, None)
    else:
        own = Workers(workers)
        try:
            yield _Sender(sent(own.submit), workers, own)
        finally:
            own.end()


def _done_here(task: Task) -> Future[Ending]:
    future: Future[Ending] = Future()
    future.set_result(do(task))
    return future


def _result_of(future: Future[Ending]) -> tuple[Ending | None, str]:
    """Return how a job ended, or None and why if its worker was lost.

    What a job itself raises is in its ending. Whatever a future raises is thus of the executor.
    """
    try:
        return future.result(), ""
    except WorkerVersionError:
        raise
    except (Exception, CancelledError) as error:  # noqa: BLE001 - executors have their own
        return None, f"its executor lost it: {type(error).__name__}: {error}"


def _with_needs(jobs: Iterable[Job]) -> list[Job]:
    """Return the jobs, one of each key, each after those that it depends on."""
    found: dict[str, Job] = {}

    def add(job: Job) -> None:
        if not isinstance(job, Job):
            raise TypeError(f"jobs must hold jobs (nullcline.Job), not {job!r}")
        if job.key not in found:
            for need in job.needs:
                add(need)
            found[job.key] = job

    for job in jobs:
        add(job)
    return list(found.values())


def _require_own_folders(jobs: Sequence[Job]) -> None:
    places: dict[str, Job] = {}
    for job in jobs:
        other = places.setdefault(job.place, job)
        if other is not job:
            raise ValueError(f"jobs must have a folder each: {job.label} and {other.label} share one")
