"""A sweep does each job once, keeps what failed, and loses nothing to whatever interrupts it."""

from __future__ import annotations

import csv
import json
import math
import os
import pickle
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import nullcline as nc
from nullcline._support.folder_lock import locked
from nullcline.sweeps import Section
from nullcline.sweeps.content import content_sha256
from nullcline.sweeps.doing import RUNNING
from testing.gru_samples import cell_of, random_gru
from testing.kills import Moments
from testing.sweep_jobs import (
    calls,
    drawn,
    killed,
    on_a_full_disk,
    senseless,
    shaky,
    squared,
    summed,
    threads,
    waiting,
)
from testing.waiting import PATIENCE, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

QUIET: dict[str, Any] = {"progress": False, "table": "csv"}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def squares(log: Path | None = None, n: int = 4) -> list[nc.Job]:
    environment = {} if log is None else {"log": str(log)}
    return nc.job_grid(squared, {"n": range(n)}, environment=environment)


# What a job is known by


@dataclass(frozen=True)
class Settings:
    size: int
    name: str = "a"


CELL = cell_of(random_gru(3, 2))
DIFFERENT: list[Any] = [
    None, True, 1, 1.0, "1", b"1", 1 + 0j, [1], [[1]], [1, 1], {"a": 1}, {"b": 1}, {"a": [1]},
    np.array([1]), np.array([1.0]), np.array([[1]]), np.array([1], np.float32), np.array(["1"]),
    Settings(1), Settings(2), Settings(1, "b"), CELL, cell_of(random_gru(3, 2, seed=5)), math.nan,
    -0.0, 0.0, "", [], {},
]  # fmt: skip


def test_what_differs_has_different_hashes() -> None:
    hashes = [content_sha256(value) for value in DIFFERENT]
    assert len(set(hashes)) == len(hashes)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ([1, 2], (1, 2)),
        (range(3), [0, 1, 2]),
        (np.float64(0.5), 0.5),
        (np.arange(6).reshape(2, 3), np.asfortranarray(np.arange(6).reshape(2, 3))),
        (np.arange(3, dtype=">i8"), np.arange(3, dtype="<i8")),
        (CELL, pickle.loads(pickle.dumps(CELL))),  # noqa: S301
        (Settings(1), Settings(1)),
    ],
)  # fmt: skip
def test_equal_content_has_one_hash(one: Any, other: Any) -> None:
    assert content_sha256(one) == content_sha256(other)


def test_a_hash_is_the_same_in_every_process() -> None:
    script = (
        "from nullcline.sweeps.content import content_sha256\n"
        "print(content_sha256({'b': [1.5, None], 'a': {'x', }.pop()}))"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == content_sha256({"a": "x", "b": [1.5, None]})


def test_files_and_folders_count_by_what_they_hold(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
        (folder / "file").write_text("same")
    assert content_sha256(one) == content_sha256(other)
    assert content_sha256(one / "file") == content_sha256(other / "file")
    (other / "file").write_text("else")
    assert content_sha256(one) != content_sha256(other)
    with pytest.raises(FileNotFoundError):
        content_sha256(tmp_path / "nowhere")


def test_a_job_is_another_by_all_that_its_result_depends_on() -> None:
    job = nc.Job(squared, {"n": 1})
    assert nc.Job(squared, {"n": 1}, environment={"log": "x"}, label="other").key == job.key
    others = [
        nc.Job(squared, {"n": 2}),
        nc.Job(squared, {"n": 1}, version=2),
        nc.Job(squared, {"n": 1}, threads=2),
        nc.Job(shaky, {"n": 1}),
    ]
    assert len({job.key, *(other.key for other in others)}) == 5


def test_a_job_is_another_in_another_version_of_the_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = nc.Job(squared, {"n": 1}).key
    monkeypatch.setattr("nullcline.sweeps.job.own_version", lambda: "9.9")
    assert nc.Job(squared, {"n": 1}).key != before


def local(n: int) -> None:
    """Stand where a script's functions stand."""


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: nc.Job(lambda n: n, {"n": 1}), ValueError, "function must be found by its name"),
        (lambda: nc.Job("squared"), TypeError, "function must be a function, not 'squared'"),  # type: ignore[arg-type]
        (lambda: nc.Job(squared, {"m": 1}), TypeError, "squared takes other parameters"),
        (lambda: nc.Job(squared, {}), TypeError, "squared takes other parameters"),
        (lambda: nc.Job(squared, [1]), TypeError, "parameters must be a dictionary"),  # type: ignore[arg-type]
        (lambda: nc.Job(squared, {"n": 1}, environment={"n": 1}), TypeError, "n must be in para"),
        (lambda: nc.Job(drawn, {"seed": 1, "folder": "x"}), TypeError, "folder must be left out"),
        (lambda: nc.Job(squared, {"n": 1}, folder="../x"), ValueError, "folder must be a path wi"),
        (lambda: nc.Job(squared, {"n": 1}, threads=0), ValueError, "threads must lie between"),
        (lambda: nc.Job(squared, {"n": object()}).key, TypeError, "a object has no content"),
        (lambda: nc.Job(squared, {"n": {1: 2}}).key, TypeError, "a mapping must have texts"),
        (lambda: nc.job_grid(squared, {"n": "abc"}), TypeError, "axes must hold a list of values"),
        (lambda: nc.job_grid(squared, {"n": []}), ValueError, "at least one value for n"),
        (lambda: nc.job_grid(squared, {"n": [1]}, {"n": 2}), ValueError, "parameters must not"),
    ],
)
def test_what_is_no_job_is_refused(
    make: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make()


def test_a_function_of_the_script_that_runs_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "__module__", "__main__")
    with pytest.raises(ValueError, match="function must have a module of its own"):
        nc.Job(local, {"n": 1})


def test_a_grid_varies_its_last_axis_fastest() -> None:
    jobs = nc.job_grid(squared, {"n": [1, 2], "seconds": [0.0, 1.0]}, {"log": None})
    assert [list(job.parameters.values()) for job in jobs] == [
        [None, 1, 0.0], [None, 1, 1.0], [None, 2, 0.0], [None, 2, 1.0],
    ]  # fmt: skip


# What a sweep does


def test_each_job_is_done_once(tmp_path: Path, log: Path) -> None:
    first = nc.sweep(squares(log), out=tmp_path / "out", **QUIET)
    again = nc.sweep(squares(log, 6), out=tmp_path / "out", **QUIET)
    twice = nc.sweep([*squares(log), *squares(log)], out=tmp_path / "out", **QUIET)
    assert calls(log) == list("012345")
    assert [row["square"] for row in again.rows] == [0, 1, 4, 9, 16, 25]
    assert first.rows == again.rows[:4] == twice.rows
    assert repr(again) == "SweepResult(6 jobs: 6 done; 6 rows)"
    assert again[5].job.parameters == {"n": 5}
    assert len(again) == len(list(again)) == 6


def test_a_result_is_a_table_a_page_and_a_pickle(tmp_path: Path) -> None:
    jobs = nc.job_grid(drawn, {"seed": range(3)})
    result = nc.sweep(jobs, out=tmp_path, command="<by hand>", **QUIET)
    with result.table.open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["sum"]) for row in rows] == [row["sum"] for row in result.rows]
    assert [row["job"] for row in rows] == [job.key[:12] for job in jobs]
    assert rows[0]["odd"] == "Infinity"
    assert rows[0]["none"] == ""
    page = result.page.read_text("utf-8")
    assert "&lt;by hand&gt;" in page
    assert page.count("<tr>") > 3
    assert "What failed" not in page
    copy = pickle.loads(pickle.dumps(result))  # noqa: S301
    assert copy.rows == result.rows
    assert [one.folder for one in copy] == [one.folder for one in result]


def test_a_result_becomes_a_data_frame(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    frame = nc.sweep(squares(), out=tmp_path, **QUIET).to_dataframe()
    assert list(frame.columns) == ["job", "n", "square"]
    assert frame.square.tolist() == [0, 1, 4, 9]


def test_a_parquet_table_keeps_types_and_lists(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    from nullcline.sweeps.tables import write_table

    rows: list[dict[str, Any]] = [
        {"n": 1, "x": 1, "list": [1.5, None], "kinds": 1, "big": 2**70, "flag": True},
        {"n": 2, "x": 0.5, "list": [], "kinds": "one", "text": "é"},
    ]
    write_table(tmp_path / "t.parquet", rows, {"command": "nullcline"})
    table = parquet.read_table(tmp_path / "t.parquet")
    assert table.to_pylist() == [
        {"n": 1, "x": 1.0, "list": [1.5, None], "kinds": "1", "big": str(2**70), "flag": True,
         "text": None},
        {"n": 2, "x": 0.5, "list": [], "kinds": "one", "big": None, "flag": None, "text": "é"},
    ]  # fmt: skip
    assert table.schema.metadata[b"command"] == b"nullcline"
    assert nc.sweep(squares(), out=tmp_path, progress=False).table.suffix == ".parquet"
    assert nc.sweep(squares(), out=tmp_path, **QUIET).table.suffix == ".csv"
    assert not (tmp_path / "results.parquet").exists()


def test_without_pyarrow_a_table_is_csv_or_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nullcline.sweeps.tables.find_spec", lambda _: None)
    assert nc.sweep(squares(), out=tmp_path, progress=False).table.name == "results.csv"
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'nullcline\[sweep\]'"):
        nc.sweep(squares(), out=tmp_path / "not", progress=False, table="parquet")
    assert not (tmp_path / "not").exists()


def test_tables_that_sum_up_have_files_and_a_place_on_the_page(tmp_path: Path) -> None:
    def sums(rows: Any) -> list[Section]:
        return [Section("sums", "All <together>", "A sum.", [{"sum": sum(r["n"] for r in rows)}])]

    result = nc.sweep(squares(), out=tmp_path, summarize=sums, **QUIET)
    assert (tmp_path / "sums.csv").read_text() == "sum\n6\n"
    assert "All &lt;together&gt;" in result.page.read_text("utf-8")


def test_a_job_gets_what_it_depends_on(tmp_path: Path, log: Path) -> None:
    parts = nc.job_grid(drawn, {"seed": range(3)}, environment={"log": str(log)})
    whole = nc.Job(summed, {"parts": parts}, environment={"log": str(log)})
    result = nc.sweep([whole], out=tmp_path / "out", **QUIET)
    assert calls(log) == ["0", "1", "2", "summed"]
    assert [row["sum"] for row in result.rows] == [row["said"] for row in result.rows]
    assert len(result) == 1
    assert nc.Job(summed, {"parts": parts[:2]}).key != whole.key
    nc.sweep([*parts, whole], out=tmp_path / "out", **QUIET)
    assert len(calls(log)) == 4


def test_what_was_begun_is_brought_to_its_end_first(tmp_path: Path, log: Path) -> None:
    parts = nc.job_grid(drawn, {"seed": range(3)}, environment={"log": str(log)})
    wholes = [nc.Job(summed, {"parts": [part]}, environment={"log": str(log)}) for part in parts]
    rows = nc.sweep(wholes, out=tmp_path / "out", **QUIET).rows
    assert calls(log) == ["0", "summed", "1", "summed", "2", "summed"]
    assert [row["sum"] for row in rows] == [row["said"] for row in rows]


def test_threads_are_a_jobs_own(tmp_path: Path) -> None:
    import torch

    before = torch.get_num_threads()
    jobs = [nc.Job(threads, threads=n) for n in (1, 2)]
    rows = nc.sweep(jobs, out=tmp_path, **QUIET).rows
    assert [row["torch"] for row in rows] == [1, 2]
    assert rows[0]["blas"] == 1
    assert torch.get_num_threads() == before


def test_progress_is_told_and_may_end_the_sweep(tmp_path: Path, log: Path) -> None:
    told: list[tuple[int, int]] = []

    def tell(done: int, total: int) -> None:
        told.append((done, total))
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        nc.sweep(squares(log), out=tmp_path / "out", table="csv", progress=tell)
    assert told == [(0, 4), (1, 4), (2, 4)]
    nc.sweep(squares(log), out=tmp_path / "out", **QUIET)
    assert calls(log) == list("0123")


# What fails


def test_a_failure_is_kept_with_its_reason_until_it_is_asked_for_again(
    tmp_path: Path, log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs = nc.job_grid(shaky, {"n": range(4)}, environment={"log": str(log)})
    result = nc.sweep(jobs, out=tmp_path / "out", table="csv")
    assert "shaky(n=3): failed: ArithmeticError: 3 is odd" in capsys.readouterr().err
    assert repr(result) == "SweepResult(4 jobs: 2 done, 2 failed; 2 rows)"
    assert [one.reason for one in result.failed] == [
        "ArithmeticError: 1 is odd", "ArithmeticError: 3 is odd",
    ]  # fmt: skip
    assert "raise ArithmeticError" in result.failed[0].traceback
    page = result.page.read_text("utf-8")
    assert "2 are done; " in page
    assert page.count("ArithmeticError: 3 is odd") == 2  # the reason, and the end of its traceback
    again = nc.sweep(jobs, out=tmp_path / "out", **QUIET)
    assert len(again.failed) == 2
    assert "raise ArithmeticError" in again.failed[0].traceback
    assert calls(log) == list("0123")
    nc.sweep(jobs, out=tmp_path / "out", retry_failed=True, **QUIET)
    assert calls(log) == list("012313")


def test_what_is_no_row_is_a_failure(tmp_path: Path) -> None:
    (failed,) = nc.sweep([nc.Job(senseless)], out=tmp_path, **QUIET).failed
    assert failed.reason.startswith("TypeError: row of a row must be a number")


def test_a_full_disk_is_told_and_the_next_sweep_does_the_job(tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.touch()
    jobs = [*squares(), nc.Job(on_a_full_disk, environment={"full": str(full)})]
    result = nc.sweep(jobs, out=tmp_path / "out", **QUIET)
    (failed,) = result.failed
    assert failed.status == "not done"
    assert failed.reason == f"{full}: No space left on device"
    assert len(result.rows) == 4
    full.unlink()
    assert nc.sweep(jobs, out=tmp_path / "out", **QUIET).failed == ()


def test_a_record_that_finds_no_room_leaves_the_job_undone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "job.json")

    with monkeypatch.context() as patch:
        patch.setattr("nullcline.sweeps.doing.note", full)
        result = nc.sweep(squares(), out=tmp_path, **QUIET)
    assert [one.reason for one in result.failed] == ["job.json: No space left on device"] * 4
    assert nc.sweep(squares(), out=tmp_path, **QUIET).failed == ()


def test_what_depends_on_a_failure_is_not_done(tmp_path: Path) -> None:
    bad = nc.Job(shaky, {"n": 1})
    chain = nc.Job(summed, {"parts": [nc.Job(summed, {"parts": [bad]})]})
    result = nc.sweep([chain], out=tmp_path, **QUIET)
    assert [one.status for one in result.failed] == ["failed", "not done", "not done"]
    assert result[0].reason.startswith("it needs testing.sweep_jobs:summed(")
    assert "ArithmeticError: 1 is odd" in result[0].reason
    assert "raise ArithmeticError" in result[0].traceback
    # The page counts what was asked for, and says where that failed.
    page = result.page.read_text("utf-8")
    assert "<h1>A sweep of 1 jobs</h1>\n<p>0 are done; " in page
    assert page.count('<td class="verdict">') == page.count("<details>") == 1
    with (tmp_path / "jobs.csv").open() as file:
        jobs = list(csv.DictReader(file))
    assert [job["status"] for job in jobs] == ["failed", "not done", "not done"]
    assert float(jobs[0]["cpu_seconds"]) > 0 == float(jobs[1]["cpu_seconds"])


def test_a_folder_of_ones_own_keeps_what_is_done_there(tmp_path: Path, log: Path) -> None:
    """Another job in the same folder that fails does not make the first one forgotten."""

    def job(n: int) -> nc.Job:
        return nc.Job(shaky, {"n": n}, environment={"log": str(log)}, folder="place")

    for n in (2, 1, 2):
        nc.sweep([job(n)], out=tmp_path / "out", **QUIET)
    assert calls(log) == ["2", "1"]
    nc.sweep([job(4)], out=tmp_path / "out", **QUIET)
    nc.sweep([job(2)], out=tmp_path / "out", **QUIET)
    assert calls(log) == ["2", "1", "4", "2"]
    with pytest.raises(ValueError, match="jobs must have a folder each"):
        nc.sweep([job(2), job(4)], out=tmp_path / "out", **QUIET)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"table": "xlsx"}, ValueError, "table must be None or one of parquet, csv"),
        ({"workers": 0}, ValueError, "workers must lie between 1"),
        ({"workers": 1, "executor": ThreadPoolExecutor(1)}, ValueError, "workers must be left out"),
        ({"executor": 7}, TypeError, "executor must be an executor"),
        ({"jobs": [squared]}, TypeError, "jobs must hold jobs"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(
    options: dict[str, Any], error: type[Exception], message: str, tmp_path: Path
) -> None:
    jobs = options.pop("jobs", squares())
    with pytest.raises(error, match=message):
        nc.sweep(jobs, out=tmp_path / "out", **{**QUIET, **options})


# What a folder holds


def record(out: Path) -> Path:
    return next(out.rglob("job.json"))


def cut(out: Path) -> None:
    record(out).write_bytes(record(out).read_bytes()[:100])


def flip(out: Path) -> None:
    text = record(out).read_text("utf-8")
    record(out).write_text(re.sub(r'"seconds": \d', '"seconds": 9', text), "utf-8")


def swap(out: Path) -> None:
    np.save(next(out.rglob("values.npy")), np.zeros(3))


def lose(out: Path) -> None:
    next(out.rglob("values.npy")).unlink()


def leave_half(out: Path) -> None:
    record(out).unlink()
    next(out.rglob("values.npy")).write_bytes(b"half")


@pytest.mark.parametrize("damage", [cut, flip, swap, lose])
def test_damage_is_told_and_mended_by_doing_the_job_again(
    damage: Callable[[Path], None], tmp_path: Path, log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    jobs = [nc.Job(drawn, {"seed": 3}, environment={"log": str(log)})]
    whole = nc.sweep(jobs, out=out, **QUIET)
    values = next(out.rglob("values.npy")).read_bytes()
    damage(out)
    mended = nc.sweep(jobs, out=out, table="csv")
    assert mended.rows == whole.rows
    assert calls(log) == ["3", "3"]
    (told,) = mended.damaged
    assert "damaged" in told
    assert told in capsys.readouterr().err
    assert next(out.rglob("values.npy")).read_bytes() == values
    assert nc.sweep(jobs, out=out, **QUIET).damaged == ()


def test_a_job_that_was_left_half_done_is_done(tmp_path: Path) -> None:
    jobs = nc.job_grid(drawn, {"seed": [3]})
    whole = nc.sweep(jobs, out=tmp_path, **QUIET)
    leave_half(tmp_path)
    found = nc.sweep(jobs, out=tmp_path, **QUIET)
    assert found.rows == whole.rows
    assert found.damaged == ()


def test_two_sweeps_in_one_folder_are_refused(tmp_path: Path) -> None:
    with locked(tmp_path, "out"), pytest.raises(BlockingIOError, match="is writing to this"):
        nc.sweep(squares(), out=tmp_path, **QUIET)


def test_a_job_that_a_lost_sweeps_worker_still_does_is_waited_for(
    tmp_path: Path, log: Path
) -> None:
    (job,) = jobs = squares(log, 1)
    place = tmp_path / "out" / job.place
    freed: list[float] = []

    def hold(begun: threading.Event) -> None:
        with locked(place / RUNNING, "out"):
            begun.set()
            time.sleep(0.5)
            freed.append(time.monotonic())

    begun = threading.Event()
    other = threading.Thread(target=hold, args=(begun,))
    other.start()
    begun.wait()
    nc.sweep(jobs, out=tmp_path / "out", **QUIET)
    ended = time.monotonic()
    other.join()
    assert ended > freed[0]
    assert calls(log) == ["0"]
    assert sorted(path.name for path in place.iterdir()) == ["job.json"]


def test_a_folder_that_holds_jobs_is_refused_where_nothing_is_resumed(tmp_path: Path) -> None:
    nc.sweep(squares(), out=tmp_path, **QUIET)
    with pytest.raises(FileExistsError, match=r"go on with them \(resume=True\)"):
        nc.sweep(squares(), out=tmp_path, resume=False, **QUIET)


# What interrupts it


TIMES = {"seconds", "cpu_seconds"}


def content(out: Path) -> dict[str, Any]:
    """Return what a folder holds, without what tells the time."""
    found: dict[str, Any] = {}
    for path in sorted(out.rglob("*")):
        name = path.relative_to(out).as_posix()
        if path.name == "job.json":
            whole = json.loads(path.read_bytes())
            found[name] = {at: whole[at] for at in whole.keys() - {*TIMES, "sha256"}}
        elif name == "jobs.csv":
            rows = csv.DictReader(path.read_text("utf-8").splitlines())
            found[name] = [{at: row[at] for at in row.keys() - TIMES} for row in rows]
        elif path.is_file():
            found[name] = path.suffix == ".html" or path.read_bytes()
    return found


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.filterwarnings(r"ignore:os\.fork\(\) was called:RuntimeWarning")
def test_a_sweep_killed_at_any_moment_goes_on_to_the_same_end(tmp_path: Path) -> None:
    parts = nc.job_grid(drawn, {"seed": range(3)})
    jobs = [*parts, nc.Job(summed, {"parts": parts})]

    def work(out: Path, log: Path | None = None) -> nc.SweepResult:
        every = [nc.Job(job.function, job.parameters, environment={"log": log and str(log)})
                 for job in jobs]  # fmt: skip
        return nc.sweep(every, out=out, command="same", **QUIET)

    whole = work(tmp_path / "whole")
    expected = content(tmp_path / "whole")
    moments = Moments.of(lambda: work(tmp_path / "counted"), timed=False)
    for number, share in enumerate(np.random.default_rng(0).random(12)):
        out, log = tmp_path / f"out-{number}", tmp_path / f"log-{number}"
        assert moments.kill(lambda out=out, log=log: work(out, log), share)  # type: ignore[misc]
        done = len(list(out.rglob("job.json")))
        before = len(calls(log))
        assert before - done in {0, 1}  # the one that was under way
        assert work(out, log).rows == whole.rows
        assert len(calls(log)) == before + len(jobs) - done
        assert content(out) == expected


SCRIPT = """
import sys
import nullcline as nc
from testing.sweep_jobs import squared, waiting
if __name__ == "__main__":
    out, log = sys.argv[1:]
    jobs = nc.job_grid(squared, {"n": range(3)}, environment={"log": log})
    jobs += nc.job_grid(waiting, {"n": [10, 11]}, environment={"log": log, "patience": 3600})
    nc.sweep(jobs, out=out, workers=2, progress=False, table="csv")
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_workers_end_with_their_sweep_and_nothing_finished_is_lost(
    number: int, tmp_path: Path, log: Path
) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    out = tmp_path / "out"
    sweeping = subprocess.Popen(
        [sys.executable, str(script), str(out), str(log)], stderr=subprocess.PIPE,
        cwd=Path(__file__).parents[1], env={**os.environ, "PYTHONPATH": ":".join(sys.path)},
    )  # fmt: skip
    wait_for(lambda: set(calls(log)) == {"0", "1", "2", "10", "11"})
    sweeping.send_signal(number)
    said = sweeping.communicate()[1].decode()
    assert sweeping.returncode != 0
    assert number == signal.SIGKILL or "leaked" not in said
    # Workers that lived on would hold their jobs for an hour.
    jobs = nc.job_grid(squared, {"n": range(3)}, environment={"log": str(log)})
    jobs += nc.job_grid(waiting, {"n": [10, 11]}, environment={"log": str(log), "patience": 0})
    start = time.monotonic()
    assert nc.sweep(jobs, out=out, **QUIET).failed == ()
    assert time.monotonic() - start < PATIENCE
    assert sorted(calls(log)) == ["0", "1", "10", "10", "11", "11", "2"]


# Who works


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> nc.SweepResult:
    return nc.sweep(sample(), out=tmp_path_factory.mktemp("alone"), **QUIET)


def sample() -> list[nc.Job]:
    parts = nc.job_grid(drawn, {"seed": range(4)})
    return [nc.Job(summed, {"parts": parts}), *parts, *nc.job_grid(shaky, {"n": range(3)})]


def same(one: nc.SweepResult, other: nc.SweepResult) -> bool:
    return one.rows == other.rows and [f.reason for f in one.failed] == [
        f.reason for f in other.failed
    ]


class Backwards:
    """An executor that does what it got last first, and not at once."""

    num_workers = 3

    def __init__(self) -> None:
        self.sent: list[tuple[Future[Any], Any, Any]] = []
        self.lost = 0

    def submit(self, fn: Any, /, *args: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.sent.append((future, fn, args))
        threading.Timer(0.01, self.do).start()
        return future

    def do(self) -> None:
        future, fn, args = self.sent.pop()
        if future.set_running_or_notify_cancel():
            future.set_result(fn(*args))


class Losing(Backwards):
    """An executor whose worker is lost with every other job, the first time."""

    def do(self) -> None:
        self.lost += 1
        if self.lost in {1, 3}:
            self.sent.pop()[0].set_exception(RuntimeError("a node is gone"))
        else:
            super().do()


@pytest.mark.parametrize("make", [lambda: ThreadPoolExecutor(2), Backwards, Losing])
def test_results_are_the_same_whoever_does_the_jobs(
    make: Callable[[], Any], tmp_path: Path, alone: nc.SweepResult
) -> None:
    assert same(nc.sweep(sample(), executor=make(), out=tmp_path, **QUIET), alone)


def test_they_are_the_same_in_processes(tmp_path: Path, alone: nc.SweepResult) -> None:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        assert same(nc.sweep(sample(), executor=executor, out=tmp_path, **QUIET), alone)


def test_they_are_the_same_on_dask(tmp_path: Path, alone: nc.SweepResult) -> None:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        executor = client.get_executor()
        assert same(nc.sweep(sample(), executor=executor, out=tmp_path, **QUIET), alone)


def test_a_job_that_ends_its_worker_takes_no_other_with_it(tmp_path: Path, log: Path) -> None:
    jobs = nc.job_grid(killed, {"n": range(5)}, {"killer": 2}, environment={"log": str(log)})
    result = nc.sweep(jobs, workers=2, out=tmp_path / "out", **QUIET)
    (failed,) = result.failed
    assert failed.job is jobs[2]
    assert failed.status == "not done"
    assert failed.reason.startswith("its worker was lost (BrokenProcessPool: ")
    assert [row["n"] for row in result.rows] == [0, 1, 3, 4]
    assert calls(log).count("2") <= 3


class Broken:
    """An executor that takes one job, and no more."""

    num_workers = 1

    def __init__(self) -> None:
        self.n = 0

    def submit(self, fn: Any, /, *args: Any) -> Future[Any]:
        from concurrent.futures import BrokenExecutor

        self.n += 1
        if self.n > 1:
            raise BrokenExecutor("the cluster is gone")
        future: Future[Any] = Future()
        future.set_result(fn(*args))
        return future


def test_what_a_broken_executor_leaves_is_done_by_the_next_sweep(tmp_path: Path, log: Path) -> None:
    result = nc.sweep(squares(log), executor=Broken(), out=tmp_path / "out", **QUIET)
    assert [one.status for one in result] == ["done", *["not done"] * 3]
    assert "the cluster is gone" in result.failed[0].reason
    nc.sweep(squares(log), out=tmp_path / "out", **QUIET)
    assert calls(log) == list("0123")


def test_what_breaks_is_made_anew_where_it_is_said_how(tmp_path: Path) -> None:
    assert nc.sweep(squares(), executor=Broken, out=tmp_path, **QUIET).failed == ()


def test_workers_of_another_version_are_refused_by_both_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nullcline.sweeps.doing.own_version", lambda: "0.0.1")
    with pytest.raises(RuntimeError, match=r"with nullcline 0\.0\.1, and this is nullcline "):
        nc.sweep(squares(), executor=Backwards(), out=tmp_path, **QUIET)


def test_parameters_that_do_not_pickle_are_told(tmp_path: Path) -> None:
    job = nc.Job(squared, {"n": 1}, environment={"log": threading.Lock()})
    (failed,) = nc.sweep([job], executor=Backwards(), out=tmp_path, **QUIET).failed
    assert failed.reason.startswith("it cannot be pickled: TypeError: ")
