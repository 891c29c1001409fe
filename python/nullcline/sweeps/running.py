"""The jobs of a sweep, each done once: here, or wherever an executor sends them."""

from __future__ import annotations

import pickle
import sys
from collections import deque
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass, field
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from nullcline._support.validation import whole_number
from nullcline._support.versions import own_version
from nullcline.distribution.executors import Workers, require_executor
from nullcline.search.progress import reporter
from nullcline.sweeps.doing import Task, do, do_pickled, in_a_line, remove_abandoned_lock
from nullcline.sweeps.job import Job, JobOutput
from nullcline.sweeps.processes import Processes
from nullcline.sweeps.store import DONE, FAILED, NOT_DONE, Ending, look

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from nullcline.distribution.executors import GivenExecutor
    from nullcline.search.progress import Report

MOST_LOSSES = 2
"""How often a job's worker may be lost, at most, while no other job can have been to blame."""

_HEARTBEAT = 0.5
"""Seconds after which a sweep that hears nothing reports, so that `progress` can end it."""


@dataclass(frozen=True)
class Outcome:
    """A job, how it ended, and what of it had been found damaged, in a line."""

    job: Job
    ending: Ending
    damage: str


def run_jobs(
    jobs: Iterable[Job],
    folder: Path,
    *,
    executor: GivenExecutor | None = None,
    workers: int | None = None,
    retry_failed: bool = False,
    progress: bool | Report = True,
    tell: bool | None = None,
) -> dict[str, Outcome]:
    """Do jobs in a folder that the caller holds, those alone that are not done there.

    Parameters are those of `nullcline.sweep`; and `tell` says whether there is a line for each
    failure, by default where `progress` is True.

    Returns
    -------
    dict
        How each job ended, by its key; dependencies included, each before what depends on it.
    """
    require_executor(executor)
    if workers is not None:
        if executor is not None:
            raise ValueError("workers must be left out where executor says who works")
        executor = partial(Processes, whole_number("workers", workers, 1))
    every = _with_needs(jobs)
    _require_own_folders(every)
    run = _Run({job.key: job for job in every}, folder.absolute(), retry_failed, progress)
    with reporter(progress, len(every), what="sweep", unit="job") as report:
        run.report, run.tells = report, progress is True if tell is None else tell
        run.look_back()
        if executor is None:
            run.do_here()
        elif run.ready:
            run.send_out(executor)
    return {
        key: Outcome(job, run.endings[key], run.damage.get(key, ""))
        for key, job in run.jobs.items()
    }


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
            raise ValueError(
                f"jobs must have a folder each: {job.label} and {other.label} share one"
            )


@dataclass
class _Run:
    """A sweep between two jobs."""

    jobs: dict[str, Job]
    folder: Path
    retry: bool
    progress: bool | Report
    report: Report | None = None
    tells: bool = False
    endings: dict[str, Ending] = field(default_factory=dict)
    damage: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, Job] = field(default_factory=dict)
    """Those that wait for what they depend on."""
    ready: deque[str] = field(default_factory=deque)
    suspects: deque[str] = field(default_factory=deque)
    """Those that were under way when a worker was lost, which one of them may have ended."""
    losses: dict[str, int] = field(default_factory=dict)

    def look_back(self) -> None:
        """Take over what the folder holds, and tell what of it is damaged."""
        for key, job in self.jobs.items():
            remove_abandoned_lock(self.folder / job.place)
            found = look(self.folder / job.place, key)
            if found.damage:
                self.damage[key] = found.damage
                self.say(f"{found.damage}: {job.label} is done again")
            if found.ending and not (self.retry and found.ending.status == FAILED):
                self.endings[key] = found.ending
        self.waiting = {key: job for key, job in self.jobs.items() if key not in self.endings}
        self.release()
        self.count()

    def release(self) -> None:
        """Let jobs begin whose dependencies are done, and give up those of which one is not.

        They go before jobs that depend on nothing: what was begun is brought to its end first.
        """
        begun = []
        for key, job in list(self.waiting.items()):  # each is after what it depends on
            if any(need.key not in self.endings for need in job.needs):
                continue
            del self.waiting[key]
            bad = [need for need in job.needs if self.endings[need.key].status != DONE]
            if bad:
                root = self.endings[bad[0].key]
                why = f"it needs {bad[0].label}: {root.reason}"
                self.end(key, Ending(NOT_DONE, reason=why, traceback=root.traceback))
            elif job.needs:
                begun.append(key)
            else:
                self.ready.append(key)
        self.ready.extendleft(reversed(begun))

    def do_here(self) -> None:
        """Do all that is left in this process, one job after another."""
        while self.ready:
            key = self.ready.popleft()
            self.end(key, do(self.task(key)))
            self.release()

    def send_out(self, executor: GivenExecutor) -> None:
        """Have all that is left done by an executor."""
        flying: dict[Any, str] = {}
        returned: SimpleQueue[Any] = SimpleQueue()
        with Workers.of(executor) as workers:
            try:
                while True:
                    while self.may_send(workers, len(flying)):
                        self.send(workers, flying, returned)
                    if not flying:
                        return
                    self.take_next(workers, flying, returned)
            finally:
                for future in flying:
                    future.cancel()

    def take_next(
        self, workers: Workers, flying: dict[Any, str], returned: SimpleQueue[Any]
    ) -> None:
        """Take what comes back next, if something soon does."""
        try:
            future = returned.get(timeout=_HEARTBEAT)
        except Empty:
            if callable(self.progress):  # which may end the sweep; a bar has nothing new to show
                self.count()
            return
        if future in flying:  # and is not of an executor that was renewed since
            self.take(future, workers, flying)
            self.release()

    def may_send(self, workers: Workers, n_flying: int) -> bool:
        """Tell whether there is a job to send, and room for it: suspects go out alone."""
        if self.suspects:
            return n_flying == 0
        return bool(self.ready) and n_flying < workers.n_wanted

    def send(self, workers: Workers, flying: dict[Any, str], returned: SimpleQueue[Any]) -> None:
        """Send a job, unless it cannot be sent."""
        key = (self.suspects or self.ready).popleft()
        try:
            pickled = pickle.dumps(self.task(key))
        except Exception as error:  # noqa: BLE001 - what it holds may raise anything
            self.end(key, Ending(NOT_DONE, reason=f"it cannot be pickled: {in_a_line(error)}"))
            return
        try:
            future = workers.submit(do_pickled, own_version(), pickled)
        except Exception as error:  # noqa: BLE001 - each executor has its own
            self.lose(key, error, workers, flying)
            return
        flying[future] = key
        future.add_done_callback(returned.put)

    def take(self, future: Any, workers: Workers, flying: dict[Any, str]) -> None:
        """Take what came back.

        What a job raises is in its ending, so what a future raises is the loss of a worker.
        """
        key = flying.pop(future)
        try:
            ending = future.result()
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - asyncio's cancellation is among them
            self.lose(key, error, workers, flying)
            return
        if isinstance(ending, str):
            raise RuntimeError(  # noqa: TRY004 - it is a worker's, and no argument's
                f"executor has workers with nullcline {ending}, and this is nullcline "
                f"{own_version()}: install one version everywhere"
            )
        self.end(key, ending)

    def lose(
        self, key: str, error: BaseException, workers: Workers, flying: dict[Any, str]
    ) -> None:
        """Have a job done again whose worker was lost, unless that was so too often."""
        is_broken = isinstance(error, BrokenExecutor)
        is_renewed = is_broken and workers.renew()
        if not (is_renewed and flying):  # else others were under way, too
            self.losses[key] = self.losses.get(key, 0) + 1
        if is_renewed:
            self.suspects += flying.values()
            flying.clear()
        if self.losses.get(key, 0) >= MOST_LOSSES or (is_broken and not is_renewed):
            reason = f"its worker was lost ({in_a_line(error)})"
            self.end(key, Ending(NOT_DONE, reason=reason))
        elif is_renewed:
            self.suspects.append(key)
        else:
            self.ready.append(key)

    def task(self, key: str) -> Task:
        """Return what a worker has to know of a job."""
        job = self.jobs[key]
        outputs = {
            need.key: JobOutput(self.endings[need.key].rows, self.folder / need.place)
            for need in job.needs
        }
        return Task(job, self.folder / job.place, outputs, self.retry)

    def end(self, key: str, ending: Ending) -> None:
        """Take over how a job ended."""
        self.endings[key] = ending
        if ending.status != DONE:
            self.say(f"{self.jobs[key].label}: {ending.status}: {ending.reason}")
        self.count()

    def count(self) -> None:
        """Report how many jobs have ended."""
        if self.report:
            self.report(len(self.endings), len(self.jobs))

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        tqdm: Any = sys.modules.get("tqdm")
        if self.tells and tqdm:
            tqdm.tqdm.write(line, file=sys.stderr)
        elif self.tells:
            sys.stderr.write(f"\n{line}\n")
