"""Forks, exits, threads and limits of memory: nothing hangs, nothing aborts, nothing is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import nullcline as nc
from nullcline._native import blas
from nullcline._native.blas import one_blas_thread
from nullcline._support import exiting
from nullcline._support.files import write_text
from nullcline.linearization import linear_map
from testing import forks
from testing.gru_samples import cell_of, random_gru
from testing.search_checks import METHODS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# Python, and JAX where another test has loaded it, warn of every fork that has other threads.
pytestmark = [
    pytest.mark.filterwarnings(r"ignore:os\.fork\(\) was called:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]

CELL = cell_of(random_gru(20, 2, gain=1.5, seed=1))
STARTS = np.random.default_rng(0).uniform(-1, 1, (100, 20))
POINTS = nc.find_fixed_points(CELL, STARTS).unique()


def blas_threads() -> list[int]:
    return [entry["num_threads"] for entry in threadpool_info() if entry["user_api"] == "blas"]


def output_of(script: str, size: int = 40) -> str:
    """Run a script on a cell and its starts, which must end well, and return what it writes."""
    network = f"""
import numpy as np
import nullcline as nc
size = {size}
rng = np.random.default_rng(0)
cell = nc.GRU(rng.normal(size=(3 * size, 2)), 2 * rng.normal(size=(3 * size, size)) / size**0.5)
starts = rng.uniform(-1, 1, (200, size))
"""
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", network + script]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


# Forks


def test_no_child_hangs_whatever_other_threads_do() -> None:
    """In a process of its own, since this one may hold locks of other packages."""
    command = [sys.executable, "-m", "testing.forks", "--count", "24", "--only", "forks"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    counts = json.loads(ended.stdout)["forks"]
    assert counts.pop("forks") == 24
    assert set(counts.values()) == {0}, counts


@contextmanager
def held_by_another_thread() -> Iterator[None]:
    """Have another thread hold BLAS at one thread."""
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with one_blas_thread():
            inside.set()
            leave.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    inside.wait()
    try:
        yield
    finally:
        leave.set()
        holder.join()


def test_a_child_has_the_threads_of_blas_that_its_thread_has() -> None:
    CELL.step(STARTS)
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        with held_by_another_thread():
            assert forks.end_of_child(lambda: int(blas_threads() != before)) == 0
            with one_blas_thread():
                assert forks.end_of_child(lambda: int(blas_threads() == before)) == 0
        assert blas_threads() == before


def test_a_child_leaves_the_block_that_it_was_forked_in() -> None:
    CELL.step(STARTS)
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()

        def leave(block: Any) -> int:
            block.__exit__(None, None, None)
            return int(blas_threads() != before)

        with held_by_another_thread(), one_blas_thread():
            block = one_blas_thread()
            block.__enter__()
            try:
                # Two blocks are open in this thread: the limit stays until both are left.
                assert forks.end_of_child(lambda: 1 - leave(block)) == 0
            finally:
                block.__exit__(None, None, None)


def test_a_search_that_a_child_takes_along_is_an_error_there() -> None:
    """The threads of the search stay in the parent, which goes on."""
    script = """
import os
child = None
def fork(*_):
    global child
    if child is None:
        child = os.fork()
try:
    points = nc.find_fixed_points(
        cell, starts, n_threads=2, method="gradient", tol_slow=0, max_iterations=2000, progress=fork
    )
except RuntimeError as error:
    print(error, flush=True)
    cell.step(starts)
    assert len(nc.find_fixed_points(cell, starts[:9], n_threads=2)) == 9
    os._exit(3)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
print(len(points))
"""
    child, parent = output_of(script).splitlines()
    assert "forked from within a computation" in child
    assert parent == "200"


# Files


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_result_has_the_mode_that_the_umask_gives(tmp_path: Path, mask: int, mode: int) -> None:
    old = os.umask(mask)
    try:
        write_text(tmp_path / "result.txt", "new")
    finally:
        os.umask(old)
    assert (tmp_path / "result.txt").stat().st_mode & 0o777 == mode


def test_saving_leaves_the_umask_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To read it is to set it, for all threads."""

    def never(mask: int) -> int:
        raise AssertionError("the umask was set")

    monkeypatch.setattr(os, "umask", never)
    write_text(tmp_path / "result.txt", "new")
    POINTS.save(tmp_path / "points.npz")


# Exits


@pytest.mark.parametrize("name", forks.ENDS)
def test_a_process_ends_well_while_daemon_threads_compute(name: str) -> None:
    assert forks.end_of_process(name) == (0, "")


def test_a_thread_that_outlives_the_interpreter_begins_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    called: list[int] = []
    ended: list[type[BaseException]] = []
    function = exiting.over_before_exit(called.append)
    monkeypatch.setattr(exiting, "_ends", True)

    def call() -> None:
        try:
            function(1)
        except SystemExit as end:
            ended.append(type(end))

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    function(2)  # the thread that ends the interpreter may
    assert (called, ended) == ([2], [SystemExit])


def test_a_sub_interpreter_is_refused() -> None:
    script = """
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
code = '''
try:
    import nullcline
except ImportError as error:
    print(error)
'''
interpreters.run_string(interpreters.create(), code)
"""
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=True
    )
    # Where NumPy refuses it, it may be the first to do so.
    assert "nullcline cannot be imported in a sub-interpreter" in ended.stdout or (
        "numpy" in ended.stdout
    )


# Threads


@pytest.mark.parametrize(
    "compute",
    [
        lambda n: nc.find_fixed_points(CELL, STARTS, n_threads=n),
        lambda n: nc.linearize(CELL, POINTS, n_threads=n),
        lambda n: nc.trace(CELL, POINTS, n_threads=n),
        lambda n: nc.follow_input(CELL, POINTS.select([0]), [1.0, 0.0], n_threads=n),
    ],
)
def test_a_slip_in_the_number_of_threads_is_refused(compute: Callable[[int], Any]) -> None:
    with pytest.raises(ValueError, match="n_threads must lie between 1 and 512, not be 20000"):
        compute(20_000)


def test_threads_that_cannot_be_started_are_not_missed() -> None:
    """Each takes 8 MB of address space for its stack alone."""
    script = """
import resource
expected = nc.find_fixed_points(cell, starts, n_threads=1)
modes = nc.linearize(cell, starts[:40], n_threads=1)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 100_000_000, resource.RLIM_INFINITY))
found = nc.find_fixed_points(cell, starts, n_threads=500)
print(np.array_equal(found.h, expected.h), (found.kind == expected.kind).all())
again = nc.linearize(cell, starts[:40], n_threads=40)
print(np.array_equal(again.eigenvalues, modes.eigenvalues))
"""
    assert output_of(script).split() == ["True"] * 3


def test_modes_are_found_without_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = nc.linearize(CELL, STARTS[:5], n_threads=1)

    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    found = nc.linearize(CELL, STARTS[:5], n_threads=3)
    np.testing.assert_array_equal(found.eigenvalues, expected.eigenvalues)


def test_no_thread_at_all_is_an_error_that_says_so() -> None:
    script = """
import resource
cell.step(starts[:1])  # what is loaded once is loaded
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 4_000_000, resource.RLIM_INFINITY))
try:
    nc.find_fixed_points(cell, starts, n_threads=2)
except (RuntimeError, MemoryError) as error:
    print(error)
"""
    assert "no thread can be started: the system's limit" in output_of(script)


# Memory


@pytest.mark.skipif(sys.platform != "linux", reason="limits the address space, as Linux does")
@pytest.mark.parametrize("megabytes", [10, 40, 150])
def test_a_limit_of_memory_ends_in_an_answer_or_a_sentence(megabytes: int) -> None:
    script = f"""
import resource
options = dict(n_threads=8, max_iterations=2)
methods = {METHODS!r}
expected = [nc.find_fixed_points(cell, starts, method=m, n_threads=1, max_iterations=2).h
            for m in methods]
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + {megabytes}_000_000, resource.RLIM_INFINITY))
for method, h in zip(methods, expected):
    try:
        found = nc.find_fixed_points(cell, starts, method=method, **options)
    except MemoryError as error:
        print(len(str(error)) > 20)
    except RuntimeError as error:
        print("no thread can be started" in str(error))
    else:
        print(np.array_equal(found.h, h))
for compute in (cell.jacobian, cell.step):
    try:
        compute(np.tile(starts, (10, 1)))
    except (MemoryError, RuntimeError) as error:
        print(len(str(error)) > 20)
    else:
        print(True)
"""
    assert output_of(script, size=150).split() == ["True"] * (len(METHODS) + 2)


# One thread of BLAS for many small problems

ANALYSES: dict[str, Callable[[], object]] = {
    "trace": lambda: nc.trace(CELL, POINTS.select([0]), max_points=5),
    "follow_input": lambda: nc.follow_input(CELL, POINTS.select([0]), [1.0, 0.0], max_points=5),
    "certify": POINTS.certify,
    "stability": lambda: POINTS.certify().n_unstable,
    "linearize": lambda: nc.linearize(CELL, POINTS),
    "spectral_radius": lambda: linear_map.spectral_radius(CELL, POINTS.h[0], None),
}


@pytest.mark.parametrize("name", ANALYSES)
def test_analyses_solve_on_one_thread(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ANALYSES[name]()
    seen: list[list[int]] = []

    def watched(function: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            seen.append(blas_threads())
            return function(*arguments, **options)

        return call

    import scipy.linalg.lapack

    for function in ("solve", "svd", "inv", "eig", "eigvals"):
        monkeypatch.setattr(np.linalg, function, watched(getattr(np.linalg, function)))
    monkeypatch.setattr(scipy.linalg, "eig", watched(scipy.linalg.eig))
    monkeypatch.setattr(scipy.linalg.lapack, "dgetrf", watched(scipy.linalg.lapack.dgetrf))
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        ANALYSES[name]()
        assert blas_threads() == before
    assert seen
    assert all(set(threads) == {1} for threads in seen)


def test_an_error_gives_blas_its_threads_back() -> None:
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        for call in (
            lambda: nc.trace(CELL, POINTS, max_points=1),
            lambda: nc.follow_input(CELL, POINTS, [0.0, 0.0]),
            lambda: nc.linearize(CELL, STARTS[:, :3]),
        ):
            with pytest.raises(ValueError, match="must"):
                call()
            assert blas_threads() == before


def test_an_interruption_on_the_way_in_leaves_no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    CELL.step(STARTS)
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        set_threads = blas._set_threads

        def interrupted(numbers: list[tuple[Any, int]]) -> None:
            set_threads(numbers)
            if numbers[0][1] == 1:
                raise KeyboardInterrupt

        monkeypatch.setattr(blas, "_set_threads", interrupted)
        with pytest.raises(KeyboardInterrupt):
            CELL.step(STARTS)
        assert blas_threads() == before
