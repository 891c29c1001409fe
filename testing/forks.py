"""Faults of processes and threads, provoked and counted: `python -m testing.forks --count 24`.

It prints, as JSON, what was tried and what went wrong: children that hang, files that are open to
others than their owner, processes that do not end well. With `--only NAME` it tries this alone.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

import nullcline as nc
from nullcline._support.files import write_text
from testing.gru_samples import cell_of, random_gru

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE = 120.0
"""Seconds after which a child counts as hung: far more than it needs on a busy machine."""

WELL, DIFFERENT, WRONG_THREADS, FAILED = 0, 3, 4, 5
"""How a child ends."""

BUSY = """
import threading
import numpy as np
import nullcline as nc
rng = np.random.default_rng(0)
cell = nc.GRU(rng.normal(size=(180, 2)), 3 * rng.normal(size=(180, 60)) / 60**0.5)
starts = rng.uniform(-1, 1, (3000, 60))
"""
"""What processes that end early are busy with."""

ENDS = {
    "searching": """
def search(told):
    while True:
        nc.find_fixed_points(cell, starts, n_threads=2, progress=lambda *_: told.set())
""",
    "by gradients": """
def search(told):
    while True:
        nc.find_fixed_points(
            cell, starts, method="gradient", n_threads=2, progress=lambda *_: told.set()
        )
""",
    "in small steps": """
def search(told):
    while True:
        cell.step(starts[:1])
        told.set()
""",
    "calling back": """
def search(told):
    def tell(*_):
        told.set()
        threading.Event().wait()
    for_ever = {"method": "gradient", "tol_slow": 0, "max_iterations": 10**9}
    nc.find_fixed_points(cell, starts, n_threads=2, progress=tell, **for_ever)
""",
    "searching a function": """
import torch
function = nc.from_function(lambda x, h: torch.tanh(1.5 * h), 4, 1)
nc.find_fixed_points(function, starts[:1, :4])  # PyTorch loads the rest in one thread alone
def search(told):
    while True:
        nc.find_fixed_points(function, starts[:500, :4], progress=lambda *_: told.set())
""",
    "tracing": """
def search(told):
    while True:
        told.set()
        nc.trace(cell, starts[:1], max_points=20)
""",
}
"""What daemon threads do while their process ends."""

LEAVE = """
told = [threading.Event() for _ in range(3)]
for event in told:
    threading.Thread(target=search, args=(event,), daemon=True).start()
for event in told:
    event.wait()
"""


def forks(count: int) -> dict[str, int]:
    """Fork while another thread steps, and while one more searches; every child searches."""
    cell = cell_of(random_gru(20, 2, gain=2.0))
    starts = np.random.default_rng(0).uniform(-1, 1, (40, 20))
    ends: list[int | None] = []
    with threadpool_limits(2, user_api="blas"):
        expected = nc.find_fixed_points(cell, starts).h
        limits = _blas_threads()

        def search() -> None:
            nc.find_fixed_points(cell, starts, n_threads=2)

        def child() -> int:
            before = _blas_threads()
            if not np.array_equal(nc.find_fixed_points(cell, starts, n_threads=2).h, expected):
                return DIFFERENT
            return WELL if before == limits == _blas_threads() else WRONG_THREADS

        def fork(times: int) -> None:
            for i in range(times):
                time.sleep(0.001 * (3 + i % 7))  # elsewhere in the other threads' work each time
                ends.append(end_of_child(child))

        with _repeated(lambda: cell.step(starts[:1])):
            fork(count - count // 2)
            with _repeated(search):
                fork(count // 2)
    return {
        "forks": len(ends),
        "hung": ends.count(None),
        "different": ends.count(DIFFERENT),
        "wrong numbers of threads": ends.count(WRONG_THREADS),
        "failed": sum(end not in {None, WELL, DIFFERENT, WRONG_THREADS} for end in ends),
    }


def end_of_child(work: Callable[[], int]) -> int | None:
    """Fork, let the child work, and return its exit status; None if it hangs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks among threads: the point
        child = os.fork()
    if child == 0:
        status = FAILED
        try:
            status = work()
        finally:
            os._exit(status)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return None


def modes(count: int) -> dict[str, int]:
    """Make files for their owner alone while others save results: how many are open to others?"""
    made = wide = 0
    old = os.umask(0o077)
    interval = sys.getswitchinterval()
    try:
        with tempfile.TemporaryDirectory() as folder:

            def save() -> None:
                write_text(Path(folder) / f"{threading.get_ident()}.txt", "saved")

            path = Path(folder) / "private"
            sys.setswitchinterval(1e-6)
            with mock.patch("os.fsync"), _repeated(save), _repeated(save):
                for _ in range(1000 * count):
                    file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
                    wide += os.fstat(file).st_mode & 0o777 != 0o600
                    os.close(file)
                    path.unlink()
                    made += 1
    finally:
        sys.setswitchinterval(interval)
        os.umask(old)
    return {"files": made, "open to others": wide}


def exits(count: int) -> dict[str, int]:
    """End processes while their daemon threads compute."""
    names = list(ENDS)
    ended = [end_of_process(names[i % len(names)]) for i in range(count)]
    return {
        "exits": len(ended),
        "hung": sum(found is None for found in ended),
        "not clean": sum(found not in {None, (0, "")} for found in ended),
    }


def end_of_process(name: str) -> tuple[int, str] | None:
    """Run a process that ends while daemon threads compute; return its status and complaints."""
    try:
        ended = subprocess.run(
            [sys.executable, "-c", BUSY + ENDS[name] + LEAVE],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired:
        return None
    return ended.returncode, ended.stderr


@contextmanager
def _repeated(work: Callable[[], object]) -> Iterator[None]:
    """Do something again and again in a thread, and have begun when the block does."""
    begun, stop = threading.Event(), threading.Event()

    def repeat() -> None:
        while not stop.is_set():
            work()
            begun.set()

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    begun.wait()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _blas_threads() -> list[int]:
    return [entry["num_threads"] for entry in threadpool_info() if entry["user_api"] == "blas"]


CAMPAIGNS = {"forks": forks, "modes": modes, "exits": exits}


def main() -> None:
    """Count, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--only", choices=CAMPAIGNS)
    arguments = parser.parse_args()
    names = [arguments.only] if arguments.only else list(CAMPAIGNS)
    print(json.dumps({name: CAMPAIGNS[name](arguments.count) for name in names}, indent=1))  # noqa: T201


if __name__ == "__main__":
    main()
