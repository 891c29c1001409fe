"""The front door of sweeps: jobs in, one table and one page out."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from nullcline._support.extras import what_brings
from nullcline._support.files import remove_abandoned
from nullcline._support.folder_lock import locked
from nullcline._support.versions import own_version
from nullcline.sweeps.page import PAGE, environment, write_page
from nullcline.sweeps.results import KEY, SweepResult, job_result
from nullcline.sweeps.running import run_jobs
from nullcline.sweeps.store import DONE, holds_jobs
from nullcline.sweeps.tables import JOBS, STEM, chosen_format, write_table

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from nullcline.distribution.executors import GivenExecutor
    from nullcline.search.progress import Report
    from nullcline.sweeps.job import Job
    from nullcline.sweeps.page import Section
    from nullcline.sweeps.rows import Row
    from nullcline.sweeps.running import Outcome


def sweep(
    jobs: Iterable[Job],
    *,
    executor: GivenExecutor | None = None,
    workers: int | None = None,
    out: str | os.PathLike[str] = "sweep",
    resume: bool = True,
    retry_failed: bool = False,
    table: str | None = None,
    progress: bool | Report = True,
    command: str | None = None,
    summarize: Callable[[Sequence[Row]], Sequence[Section]] | None = None,
) -> SweepResult:
    """Do many jobs, each once, and set their results in one table and on one page.

    A job that is done stays done: the next sweep in the same folder reads its results. So a sweep
    goes on where it was interrupted, by Ctrl-C, by a kill or by a power cut, and can be made larger
    by more jobs. A job is known by its `key`: with other parameters, another version of its code or
    of this package it is another job.

    Parameters
    ----------
    jobs
        The jobs. What they depend on is done first, and need not be listed.
    executor
        Who does them: anything with the `submit` of `concurrent.futures.Executor`, such as Dask's
        ``client.get_executor()`` or an `MPIPoolExecutor`, whose workers see `out` under the same
        name; or a function that makes one, by which it is made anew when it breaks.
    workers
        Or so many processes of this machine, a job at a time each. By default jobs are done in this
        process, one after another. The results are the same, to the bit: who does a job is no part
        of it, and `Job.threads` is.
    out
        The folder: `jobs/` (a folder for each), the table, one of how every job ended and how long
        it took (`jobs.parquet` or `.csv`), and `index.html`. One sweep alone works in it.
    resume
        Go on with what the folder holds; False refuses a folder that holds jobs.
    retry_failed
        Do again what has failed by an exception of its own. What was kept from being done by a full
        disk or a worker that was lost is done again in any case.
    table
        "parquet" (needs pyarrow) or "csv"; by default Parquet if pyarrow is there.
    progress
        Show a bar, and a line for each failure; or a function, called with the numbers of jobs that
        have ended and of all.
    command
        How this sweep was made, for its page; by default the command line of this process.
    summarize
        What makes of the rows the tables (`nullcline.sweeps.Section`) that sum them up, on the page
        and in files of their own.

    Returns
    -------
    SweepResult
        Every job and how it ended. Nothing is raised for a job that failed.

    Raises
    ------
    BlockingIOError
        Another sweep works in the folder.
    FileExistsError
        The folder holds jobs, and `resume` is False.
    ModuleNotFoundError
        A package is missing: ``pip install 'nullcline[sweep]'``.
    OSError
        The folder cannot be written to. What was done before is kept.
    RuntimeError
        A worker has another version of this package.
    TypeError, ValueError
        `jobs` holds something else, two jobs have one folder, or an option is out of its range.
    """
    form = chosen_format(table)
    _require_templates()
    jobs = list(jobs)
    start = time.perf_counter()
    folder = Path(out)
    with locked(folder, "out"):
        if not resume and holds_jobs(folder):
            raise FileExistsError(
                f"{folder} holds jobs already; go on with them (resume=True), or choose another "
                "folder"
            )
        remove_abandoned(folder)
        outcomes = run_jobs(
            jobs, folder, executor=executor, workers=workers, retry_failed=retry_failed,
            progress=progress,
        )  # fmt: skip
        found = _result(folder, jobs, outcomes, folder / f"{STEM}.{form}")
        about = {"nullcline": own_version(), "command": command or _own_command()}
        write_table(found.table, found.rows, about)
        write_table(folder / f"{JOBS}.{form}", _endings(outcomes), about)
        sections = summarize(found.rows) if summarize else ()
        for section in sections:
            write_table(folder / f"{section.name}.{form}", section.rows, about)
        seconds = time.perf_counter() - start
        write_page(found, command=about["command"], seconds=seconds, sections=sections)
        return found


def _require_templates() -> None:
    """Say now what is missing for the page, not after hours of jobs."""
    try:
        environment()
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(what_brings(error, "sweep"), name=error.name) from error


def _result(
    folder: Path, jobs: Sequence[Job], outcomes: Mapping[str, Outcome], table: Path
) -> SweepResult:
    """Return what became of the jobs that were asked for, and of those that failed them."""
    results = {key: job_result(folder, one.job, one.ending) for key, one in outcomes.items()}
    return SweepResult(
        folder=folder,
        jobs=tuple(results[key] for key in dict.fromkeys(job.key for job in jobs)),
        failed=tuple(one for one in results.values() if one.status != DONE),
        damaged=tuple(one.damage for one in outcomes.values() if one.damage),
        table=table,
        page=folder / PAGE,
    )


def _endings(outcomes: Mapping[str, Outcome]) -> list[Row]:
    """Return a row for each job, those that others depend on included: how it ended."""
    return [
        {
            "job": key[:KEY],
            "label": one.job.label,
            "status": one.ending.status,
            "seconds": one.ending.seconds,
            "cpu_seconds": one.ending.cpu_seconds,
            "machine": one.ending.machine,
            "reason": one.ending.reason,
        }
        for key, one in outcomes.items()
    ]


def _own_command() -> str:
    """Return the command line of this process."""
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
