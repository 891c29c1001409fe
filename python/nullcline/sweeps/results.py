"""What a sweep has come to: every job and how it ended, and the table of their rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nullcline._support.shown import Shown, Table, first_rows, in_one_line
from nullcline.sweeps.store import DONE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pandas as pd

    from nullcline.sweeps.job import Job
    from nullcline.sweeps.rows import Row
    from nullcline.sweeps.store import Ending

KEY = 12
"""Digits of a job's key in the table."""


@dataclass(frozen=True)
class JobResult(Shown):
    """How one job ended.

    Attributes
    ----------
    job
        The job.
    status
        "done", "failed" (its function raised an exception, which is kept until it is asked for
        again) or "not done" (its machine failed, or a job that it depends on; the next sweep does
        it).
    rows
        What its function returned.
    folder
        Its folder.
    seconds
        How long it ran.
    reason, traceback
        What it, or a job that it depends on, failed by, in a line, and where; empty if it is done.
    machine
        Where it ran, as far as the last bits of results depend on that: processor, NumPy, SciPy and
        BLAS.
    cpu_seconds
        How long processors worked for it, which does not depend on what else they had to do; where
        an executor has threads, what they did at the same time counts, too.
    """

    job: Job
    status: str
    rows: tuple[dict[str, Any], ...]
    folder: Path
    seconds: float
    reason: str
    traceback: str
    machine: str
    cpu_seconds: float = 0.0

    def __repr__(self) -> str:
        said = self.reason or f"{len(self.rows)} rows"
        return in_one_line(f"JobResult({self.status}: {self.job.label}: {said})")


def job_result(folder: Path, job: Job, ending: Ending) -> JobResult:
    """Return how a job ended, for users."""
    return JobResult(
        job,
        ending.status,
        ending.rows,
        folder / job.place,
        ending.seconds,
        ending.reason,
        ending.traceback,
        ending.machine,
        ending.cpu_seconds,
    )


@dataclass(frozen=True)
class SweepResult(Shown):
    """What a sweep has come to.

    As a sequence it is that of its jobs' results, in the order in which they were given, each job
    once; `result[2]` is the third. What given jobs depend on, but was not given itself, is among
    `failed` where it failed.

    Attributes
    ----------
    folder
        The sweep's folder.
    jobs
        The result of each job.
    failed
        Those of jobs that are not done.
    damaged
        What of the folder was found damaged, a line each; it was done again.
    table, page
        The files of the table and of the page.
    """

    folder: Path
    jobs: tuple[JobResult, ...]
    failed: tuple[JobResult, ...]
    damaged: tuple[str, ...]
    table: Path
    page: Path

    def __len__(self) -> int:
        return len(self.jobs)

    def __getitem__(self, number: int) -> JobResult:
        return self.jobs[number]

    def __iter__(self) -> Iterator[JobResult]:
        return iter(self.jobs)

    def __repr__(self) -> str:
        ended = [sum(one.status == status for one in self.jobs) for status in (DONE, "failed")]
        left = len(self.jobs) - sum(ended)
        said = f"{ended[0]} done" + (f", {ended[1]} failed" if ended[1] else "")
        said += f", {left} not done" if left else ""
        return f"SweepResult({len(self.jobs)} jobs: {said}; {len(self.rows)} rows)"

    @property
    def rows(self) -> list[Row]:
        """The table: the rows of all jobs that are done, in the jobs' order.

        Each begins with `job`, the first digits of the job's key, and those of the job's parameters
        that are numbers, texts or truth values; a column that the function returned comes before a
        parameter of the same name.
        """
        return [
            {"job": one.job.key[:KEY], **_plain_parameters(one.job), **row}
            for one in self.jobs
            for row in one.rows
        ]

    def to_dataframe(self) -> pd.DataFrame:
        """Return the table as a pandas DataFrame.

        Raises
        ------
        ModuleNotFoundError
            pandas is not installed: ``pip install 'nullcline[sweep]'``.
        """
        import pandas as pd

        return pd.DataFrame(self.rows)

    def _table(self) -> Table:
        shown = [self.jobs[i] for i in first_rows(len(self.jobs))]
        rows = [(one.status, one.job.label, len(one.rows), one.reason) for one in shown]
        return Table(("status", "job", "rows", "reason"), rows, len(self.jobs))


def _plain_parameters(job: Job) -> Row:
    plain = (bool, int, float, str)
    return {name: value for name, value in job.parameters.items()
            if value is None or isinstance(value, plain)}  # fmt: skip
