"""Work in the hands of executors: the same to the last bit, whoever does it and whoever dies."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import time
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

import nullcline as nc
from nullcline._support.versions import own_version
from nullcline.cells.compiled import available_threads
from nullcline.cli import main, options
from nullcline.distribution import Chunk, ChunkLostError, by_cost, in_order, send_chunks, worker
from testing.every_cell import random_network
from testing.executors import Mischievous, murdered
from testing.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Python, and JAX where another test has loaded it, warn of every fork that has other threads.
pytestmark = [
    pytest.mark.filterwarnings(r"ignore:os\.fork\(\) was called:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]

FLIP_FLOP = Path(__file__).parent / "fixtures" / "flip-flop-tanh.safetensors"
SIZE = 16
RNG = np.random.default_rng(0)
CELL = random_network("gru", SIZE, 3, gain=3.0).cell()
STARTS = RNG.uniform(-1, 1, (60, SIZE))
INPUTS = RNG.normal(size=(60, 3))
LSTM = random_network("lstm", 8, SIZE, gain=2.0, seed=1).cell()
STACK = nc.Stack([CELL, LSTM])
STACKED = np.concatenate([STARTS, RNG.uniform(-1, 1, (60, 16))], axis=1)
TURNING = random_network("tanh", 6, 3, gain=3.0, seed=4).cell()
MANY = RNG.uniform(-1, 1, (150, 6))
LONE = MANY[:65]  # the last of them, which settles on nothing, has a tile to itself
POINTS = nc.find_fixed_points(CELL, STARTS).unique()

SEARCHES: dict[str, Callable[..., nc.FixedPoints]] = {
    "auto": partial(nc.find_fixed_points, CELL, STARTS),
    "own inputs": partial(nc.find_fixed_points, CELL, STARTS, INPUTS),
    "one input": partial(nc.find_fixed_points, CELL, STARTS, INPUTS[0]),
    "conditions": partial(
        nc.find_fixed_points, CELL, STARTS[:30], {"left": INPUTS[0], "right": INPUTS[1]}
    ),
    "lm": partial(nc.find_fixed_points, CELL, STARTS, method="lm"),
    "newton": partial(nc.find_fixed_points, CELL, STARTS, method="newton"),
    "krylov": partial(nc.find_fixed_points, CELL, STARTS, method="krylov"),
    "gradient": partial(nc.find_fixed_points, CELL, STARTS, method="gradient"),
    "homotopy": partial(nc.find_fixed_points, CELL, STARTS[:12], method="homotopy"),
    "unresolved": partial(nc.find_fixed_points, CELL, STARTS, unresolved="homotopy"),
    "deflate": partial(nc.find_fixed_points, CELL, STARTS, deflate=POINTS),
    "few iterations": partial(nc.find_fixed_points, CELL, STARTS, max_iterations=15),
    "no starts": partial(nc.find_fixed_points, CELL, STARTS[:0]),
    "lstm": partial(nc.find_fixed_points, LSTM, STACKED[:, SIZE:]),
    "stack": partial(nc.find_fixed_points, STACK, STACKED, INPUTS),
}


def assert_same(one: Any, other: Any) -> None:
    """Require that two results are equal to the last bit, in all their fields."""
    if isinstance(one, np.ndarray):
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        assert one.tobytes() == other.tobytes()
    elif isinstance(one, tuple | list):
        assert len(one) == len(other)
        for pair in zip(one, other, strict=True):
            assert_same(*pair)
    elif hasattr(one, "__dataclass_fields__"):
        for name in one.__dataclass_fields__:
            assert_same(getattr(one, name), getattr(other, name))
    else:
        assert one is other or one == other


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(2, mp_context=get_context("fork")) as executor:
        yield executor


@pytest.fixture(autouse=True)
def _nothing_held() -> None:
    worker._kept.clear()


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_in_chunks_is_that_of_one_process(name: str, pool: ProcessPoolExecutor) -> None:
    search = SEARCHES[name]
    alone = search()
    assert_same(search(executor=pool, chunk_size=17), alone)
    with ThreadPoolExecutor(3) as threads:
        assert_same(search(executor=threads, chunk_size=7), alone)
    untidy = Mischievous(len(name), loses=0.2, forgets=0.2)
    assert_same(search(executor=untidy, chunk_size=11), alone)


@pytest.mark.parametrize("n_workers", [1, 2, 3])
@pytest.mark.parametrize("chunk_size", [None, 1, 60, 1000])
def test_the_number_of_workers_and_the_size_of_chunks_change_nothing(
    n_workers: int, chunk_size: int | None
) -> None:
    search = SEARCHES["auto"]
    with ThreadPoolExecutor(n_workers) as threads:
        assert_same(search(executor=threads, chunk_size=chunk_size), search())


def test_single_precision_is_sent_in_chunks_too(pool: ProcessPoolExecutor) -> None:
    cell = nc.GRU(*(np.asarray(array, np.float32) for array in (CELL.weight_ih, CELL.weight_hh)))
    search = partial(nc.find_fixed_points, cell, STARTS.astype(np.float32))
    assert_same(search(executor=pool, chunk_size=13), search())


ANALYSES: dict[str, Callable[..., Any]] = {
    "linearize": partial(nc.linearize, CELL, POINTS),
    "slowest modes": partial(nc.linearize, CELL, POINTS, k=3),
    "linearize own inputs": partial(nc.linearize, CELL, STARTS[:9], INPUTS[:9]),
    "linearize nothing": partial(nc.linearize, CELL, STARTS[:0]),
    "attribute": partial(
        nc.attribute,
        [CELL, LSTM],
        [INPUTS[:7], INPUTS[:0], INPUTS[:30], INPUTS[3:10]],
        RNG.normal(size=(2, 8)),
    ),
    "attribute through modes": partial(
        nc.attribute,
        CELL,
        np.stack([INPUTS[:20], INPUTS[20:40], INPUTS[40:]]),
        RNG.normal(size=SIZE),
        initial_state=STARTS[:3],
        linearization=nc.linearize(CELL, POINTS[0]),
    ),
    "certify": POINTS.select("fixed").certify,
    "exponents": partial(nc.lyapunov_exponents, CELL, np.tile(STARTS, (3, 1)), 40, transient=20),
    "cycles": partial(nc.find_cycles, TURNING, MANY, [1, 2], max_iterations=40, n_steps=40),
    "cycles of inputs in turn": partial(
        nc.find_cycles, TURNING, MANY, 2, np.stack([0.1 * MANY[:, :3], -0.1 * MANY[:, :3]], axis=1)
    ),
    "cycles of no starts": partial(nc.find_cycles, TURNING, MANY[:0], 2),
    "cycles that attract": partial(nc.find_cycles, TURNING, MANY, n_steps=40),
    "attractors": partial(
        nc.find_attractors, TURNING, LONE, 0.1 * LONE[:, :3], n_steps=64, transient=40, patience=0
    ),
    "attractors of no starts": partial(nc.find_attractors, TURNING, MANY[:0]),
}


@pytest.mark.parametrize("name", ANALYSES)
def test_an_analysis_in_chunks_is_that_of_one_process(name: str, pool: ProcessPoolExecutor) -> None:
    analyse = ANALYSES[name]
    alone = analyse()
    assert_same(analyse(executor=pool, chunk_size=2), alone)
    assert_same(analyse(executor=Mischievous(0, loses=0.1), chunk_size=2), alone)
    with ThreadPoolExecutor(2) as threads:
        assert_same(analyse(executor=threads), alone)


@pytest.mark.parametrize("name", ["exponents", "cycles", "attractors"])
@pytest.mark.parametrize("chunk_size", [65, 1000])
def test_chunks_of_orbits_are_whole_tiles_of_them(name: str, chunk_size: int) -> None:
    with ThreadPoolExecutor(1) as threads:
        found = ANALYSES[name](executor=threads, chunk_size=chunk_size)
    assert_same(found, ANALYSES[name]())


def test_orbits_of_several_tiles_on_one_cycle_have_its_exponent() -> None:
    starts = np.tile(MANY[:40], (4, 1))
    found = nc.find_attractors(TURNING, starts, n_steps=64, transient=400, patience=0)
    assert len(found.cycles)
    for number in range(len(found.cycles)):
        own = found.cycle == number
        assert len(np.unique(np.flatnonzero(own) // 64)) > 1
        assert len(np.unique(found.exponent[own])) == 1


def test_the_stability_of_certificates_from_workers_is_proved_here(
    pool: ProcessPoolExecutor,
) -> None:
    fixed = POINTS.select("fixed")
    assert_same(fixed.certify(executor=pool).stability, fixed.certify().stability)


def test_curves_from_workers_are_those_of_one_process(pool: ProcessPoolExecutor) -> None:
    fixed = POINTS.select("fixed")
    alone = nc.trace(CELL, fixed, n_directions=2)
    assert len(alone.curves) > 1
    for executor in (pool, Mischievous(1)):
        found = nc.trace(CELL, fixed, n_directions=2, executor=executor)
        assert_same(found.points, alone.points)
        for one, other in zip(found.curves, alone.curves, strict=True):
            assert one.cell is CELL
            assert_same((one.h, one.tau, one.fixed_h), (other.h, other.tau, other.fixed_h))


def test_the_search_for_all_points_is_that_of_one_process() -> None:
    cell = random_network("tanh", 6, 2, gain=2.5, seed=3).cell()
    alone = nc.find_all_fixed_points(cell, effort=1)
    made: list[ThreadPoolExecutor] = []

    def make() -> ThreadPoolExecutor:
        made.append(ThreadPoolExecutor(2))
        return made[-1]

    found = nc.find_all_fixed_points(cell, effort=1, executor=make)
    assert_same(found.points, alone.points)
    assert found.how.tolist() == alone.how.tolist()
    assert len(made) == 1
    with pytest.raises(RuntimeError, match="after shutdown"):
        made[0].submit(print)


@pytest.mark.parametrize("kind", ["spawn", "loky", "dask"])
def test_workers_that_begin_anew_find_the_same(kind: str) -> None:
    alone = SEARCHES["stack"]()
    with RealExecutor(kind) as executor:
        assert_same(SEARCHES["stack"](executor=executor, chunk_size=15), alone)
        assert_same(nc.linearize(CELL, POINTS, executor=executor), nc.linearize(CELL, POINTS))


class RealExecutor:
    """An executor with two processes of its own."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._closing: list[Callable[[], object]] = []

    def __enter__(self) -> Any:
        if self._kind == "spawn":
            pool = ProcessPoolExecutor(2, mp_context=get_context("spawn"))
            self._closing.append(pool.shutdown)
            return pool
        if self._kind == "loky":
            loky = pytest.importorskip("joblib.externals.loky")
            reusable = loky.get_reusable_executor(2)
            self._closing.append(reusable.shutdown)
            return reusable
        distributed = pytest.importorskip("distributed")
        pytest.importorskip("dask").config.set({"distributed.comm.timeouts.connect": "120s"})
        cluster = distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, death_timeout=120
        )
        client = distributed.Client(cluster)
        self._closing += [cluster.close, client.close]
        return client.get_executor()

    def __exit__(self, *_: object) -> None:
        for close in reversed(self._closing):
            close()


# Workers that die


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_kills_at_random_chunks_change_nothing(share: float, tmp_path: Path) -> None:
    search = SEARCHES["own inputs"]
    found = search(executor=partial(murdered, tmp_path, share), chunk_size=3)
    assert_same(found, search())
    assert any(tmp_path.iterdir())  # someone was killed


def test_a_broken_pool_leaves_the_rest_to_this_process(tmp_path: Path) -> None:
    search = SEARCHES["own inputs"]
    with (
        murdered(tmp_path, 0.3) as executor,
        pytest.warns(RuntimeWarning, match="the rest is done in this process") as warned,
    ):
        found = search(executor=executor, chunk_size=3)
    said = [str(warning.message) for warning in warned]
    assert len([text for text in said if "rest is done" in text]) == 1, said
    assert_same(found, search())


def test_a_chunk_that_kills_every_worker_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(ChunkLostError, match=r"lost chunk \d 6 times.*; 0 chunks were done"):
        SEARCHES["auto"](executor=partial(murdered, tmp_path, 2.0), chunk_size=30)


def test_workers_that_are_lost_time_after_time_end_the_search() -> None:
    with pytest.raises(ChunkLostError, match="chunks were done"):
        SEARCHES["auto"](executor=Mischievous(0, loses=1.0), chunk_size=30)


def test_an_executor_that_is_shut_down_is_refused() -> None:
    with ThreadPoolExecutor(1) as threads:
        pass
    with pytest.raises(RuntimeError, match=r"executor takes no tasks .*pass one that is not shut"):
        SEARCHES["auto"](executor=threads)


class Ending:
    """An executor that takes a few tasks and then no more."""

    num_workers = 1

    def __init__(self, n_tasks: int) -> None:
        self._left = n_tasks

    def submit(self, fn: Callable[..., Any], /, *args: Any) -> Future[Any]:
        """Do a task at once."""
        if self._left == 0:
            raise RuntimeError("the allocation is over")
        self._left -= 1
        future: Future[Any] = Future()
        future.set_result(fn(*args))
        return future


@pytest.mark.parametrize("n_tasks", [1, 3])
def test_an_executor_that_ends_leaves_the_rest_to_this_process(n_tasks: int) -> None:
    done: list[int] = []
    with pytest.warns(RuntimeWarning, match="the allocation is over.*the rest is done in this"):
        found = SEARCHES["auto"](
            executor=Ending(n_tasks), chunk_size=10, progress=lambda n, _: done.append(n)
        )
    assert_same(found, SEARCHES["auto"]())
    assert done[-1] == len(STARTS)


# What is sent


def test_the_cell_travels_once_to_each_worker() -> None:
    cell = random_network("gru", 40, 2, gain=1.0).cell()
    content = len(pickle.dumps(cell))
    executor = Mischievous(0)
    executor.num_workers = 1
    for _ in range(2):
        nc.find_fixed_points(cell, np.zeros((40, 40)), executor=executor, chunk_size=2)
    with_cell = [size for size in executor.sizes if size > content]
    # With the first chunk of either search, and with one that came to the worker before that.
    assert 2 <= len(with_cell) <= 4
    others = [size for size in executor.sizes if size < content]
    assert len(others) >= 38
    assert max(others) < 2000  # two starts are 640 bytes


def test_a_worker_that_lacks_the_cell_is_sent_it_again() -> None:
    search = SEARCHES["auto"]
    assert_same(search(executor=Mischievous(0, forgets=1.0), chunk_size=4), search())


def test_a_bounded_number_of_chunks_is_on_its_way() -> None:
    executor = Mischievous(0)
    SEARCHES["auto"](executor=executor, chunk_size=1)
    assert executor.most <= 2 * executor.num_workers


def double(_: object, number: int, **__: Any) -> int:
    return 2 * number


class OneIsSlow:
    """An executor whose first task is done when `release` is set, and all others at once."""

    num_workers = 2

    def __init__(self) -> None:
        self.release = threading.Event()
        self.futures: list[Future[Any]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any) -> Future[Any]:
        """Do a task at once, but for the first."""
        future: Future[Any] = Future()
        self.futures.append(future)
        if len(self.futures) == 1:

            def late() -> None:
                self.release.wait(60)
                future.set_result(fn(*args))

            threading.Thread(target=late, daemon=True).start()
        else:
            future.set_result(fn(*args))
        return future


def test_chunks_wait_for_one_far_before_them_so_that_order_needs_little_memory() -> None:
    executor, read = OneIsSlow(), []
    waits: list[int] = []  # how many had been sent, time after time: it must come to rest

    def chunks() -> Iterator[Chunk]:
        for number in range(1000):
            read.append(number)
            if number == 999:
                assert executor.release.is_set()
            yield Chunk((number,))

    def release(*_: int) -> None:
        if len(read) > 20 and not executor.release.is_set():
            assert len(read) < 100
            waits.append(len(executor.futures))
            if waits[-2:] == waits[-1:] * 2:
                executor.release.set()

    with send_chunks(executor, double, chunks(), shared={}, report=release) as answers:
        assert list(in_order(answers)) == [2 * number for number in range(1000)]


def threads_of(_: object, *, n_threads: int, **__: Any) -> tuple[int, int, int]:
    return n_threads, available_threads(), torch.get_num_threads()


@pytest.mark.parametrize("n_threads", [1, 2])
def test_workers_keep_to_their_threads(n_threads: int) -> None:
    before = torch.get_num_threads()
    with send_chunks(
        Mischievous(0), threads_of, [Chunk(())], shared={}, n_threads=n_threads
    ) as answers:
        assert dict(answers) == {0: (n_threads,) * 3}
    assert torch.get_num_threads() == before


def test_pytorch_has_one_thread_in_a_worker_that_was_forked(pool: ProcessPoolExecutor) -> None:
    with send_chunks(pool, threads_of, [Chunk(())], shared={}, n_threads=2) as answers:
        assert dict(answers) == {0: (2, 2, 1)}


def test_what_takes_long_goes_out_in_small_chunks() -> None:
    assert by_cost(None, 1e-3, 100) == 250
    assert by_cost(None, 10.0, 100) == 1
    assert by_cost(None, 1e-9, 2**20) == 4  # 4 MiB at most
    assert by_cost(None, 1.0, 100, multiple=64) == 64
    assert by_cost(7, 1.0, 100, multiple=64) == 7


# What is refused, and what fails


def test_workers_of_another_version_are_refused_by_both_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = own_version()
    monkeypatch.setattr(worker, "own_version", lambda: "0.0.7")
    with pytest.raises(RuntimeError, match=rf"workers with nullcline 0\.0\.7, and .* {here}"):
        SEARCHES["auto"](executor=Mischievous(0))


def test_workers_of_another_kind_are_told_of_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "this_machine", lambda: "a z80")
    with pytest.warns(RuntimeWarning, match="a worker is a z80, and this process .*NumPy") as told:
        SEARCHES["auto"](executor=Mischievous(0), chunk_size=9)
    assert len(told) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"executor": 3}, "executor must be an executor, which has a method submit"),
        ({"executor": lambda: 3}, "executor, a function, must return an executor"),
        ({"chunk_size": 5}, "chunk_size is for an executor"),
        ({"executor": ThreadPoolExecutor, "chunk_size": 0}, "chunk_size must "),
        ({"executor": ThreadPoolExecutor, "chunk_size": 1.5}, "chunk_size must "),
        ({"executor": ThreadPoolExecutor, "device": "cuda"}, "executor searches on processors"),
    ],
)
def test_bad_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        SEARCHES["auto"](**options)


def contracting() -> nc.FunctionCell:
    return nc.from_function(lambda _, h: 0.5 * torch.tanh(h), 4, 1)


def test_a_function_that_does_not_pickle_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    with pytest.raises(pickle.PicklingError, match=r"cell cannot be sent .*def.*cloudpickle"):
        nc.find_fixed_points(contracting(), np.zeros((3, 4)), executor=Mischievous(0))
    with ThreadPoolExecutor(2) as threads:  # where nothing is sent, nothing need be pickled
        found = nc.find_fixed_points(contracting(), np.ones((3, 4)), executor=threads, chunk_size=1)
    assert (found.kind == "fixed").all()


def test_a_lambda_travels_where_cloudpickle_is(pool: ProcessPoolExecutor) -> None:
    pytest.importorskip("cloudpickle")
    cell = contracting()
    found = nc.find_fixed_points(cell, np.ones((3, 4)), executor=pool, chunk_size=1)
    assert (found.kind == "fixed").all()


def fail(_: object, number: int, **__: Any) -> int:
    raise ArithmeticError(f"number {number} is unlucky")


class Unpicklable(Exception):  # noqa: N818 - a name as any
    def __init__(self) -> None:
        super().__init__("it holds a lock")
        self.lock = threading.Lock()


def fail_with_a_lock(_: object, **__: Any) -> int:
    raise Unpicklable


@pytest.mark.parametrize("kind", ["threads", "mischievous"])
def test_what_a_chunk_raises_is_raised_here_and_not_tried_again(kind: str) -> None:
    executor: Any = ThreadPoolExecutor(1) if kind == "threads" else Mischievous(0)
    with (
        pytest.raises(ArithmeticError, match="number 13 is unlucky") as raised,
        send_chunks(executor, fail, [Chunk((13,))], shared={}) as answers,
    ):
        list(answers)
    assert "in fail" in str(raised.value.__cause__)
    if kind == "mischievous":
        assert len(executor.sizes) == 1


def test_an_error_that_does_not_pickle_is_told_by_its_traceback() -> None:
    with (
        pytest.raises(RuntimeError, match="failed on a worker") as raised,
        send_chunks(Mischievous(0), fail_with_a_lock, [Chunk(())], shared={}) as answers,
    ):
        list(answers)
    assert "it holds a lock" in str(raised.value.__cause__)


# On the command line


def test_workers_of_the_command_line_write_the_same_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    POINTS.save("network.npz", cell=True)
    search = ["find", "network.npz", "--random", "40", "--quiet", "--out"]
    assert main([*search, "alone"]) == 0
    made = []

    def threads(n_workers: int) -> ThreadPoolExecutor:
        made.append(n_workers)
        return ThreadPoolExecutor(n_workers)

    monkeypatch.setattr(options, "_processes", threads)
    assert main([*search, "by-three", "--workers", "3"]) == 0
    assert made == [3]
    names = [Path(folder, "layer-1.npz") for folder in ("alone", "by-three")]
    assert names[0].read_bytes() == names[1].read_bytes()


def test_cycles_on_the_command_line_are_found_by_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = ["cycles", str(FLIP_FLOP), "--prefix", "rnn.", "--nonlinearity", "tanh", "--quiet"]
    search += ["--steps", "100", "--out"]
    assert main([*search, str(tmp_path / "alone.npz")]) == 0
    made: list[Mischievous] = []

    def untidy(n_workers: int) -> Mischievous:
        made.append(Mischievous(n_workers))
        return made[-1]

    monkeypatch.setattr(options, "_processes", untidy)
    assert main([*search, str(tmp_path / "elsewhere.npz"), "--workers", "2"]) == 0
    assert [len(executor.sizes) for executor in made] == [1]
    names = [tmp_path / f"{name}.npz" for name in ("alone", "elsewhere")]
    assert names[0].read_bytes() == names[1].read_bytes()


@pytest.mark.parametrize("words", [["--workers", "0"], ["--scheduler", "nowhere"]])
def test_workers_that_cannot_be_had_are_named(
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("distributed")
    monkeypatch.chdir(tmp_path)
    POINTS.save("network.npz", cell=True)
    assert main(["find", "network.npz", "--random", "40", *words]) == 1
    errors = capsys.readouterr().err
    assert f"{words[0]} must lie" in errors or "no scheduler of Dask answers at nowhere" in errors


def test_processes_of_the_command_line_leave_ctrl_c_to_it() -> None:
    with options._processes(1) as pool:
        assert pool.submit(signal.getsignal, signal.SIGINT).result() == signal.SIG_IGN


# Progress, and its end


def test_progress_counts_rows_up_to_all(pool: ProcessPoolExecutor) -> None:
    told: list[tuple[int, int]] = []
    SEARCHES["auto"](
        executor=pool, chunk_size=7, progress=lambda done, total: told.append((done, total))
    )
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1] == (60, 60)


class Silent:
    """An executor whose tasks never end."""

    def __init__(self) -> None:
        self.futures: list[Future[Any]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any) -> Future[Any]:  # noqa: ARG002
        """Take a task."""
        self.futures.append(Future())
        return self.futures[-1]


def test_ctrl_c_cancels_what_waits() -> None:
    executor = Silent()
    timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        SEARCHES["auto"](executor=executor, chunk_size=1)
    timer.join()
    assert executor.futures
    assert all(future.cancelled() for future in executor.futures)


def test_progress_may_give_up_on_workers_that_say_nothing() -> None:
    def give_up(*_: int) -> None:
        raise TimeoutError("long enough")

    executor = Silent()
    with pytest.raises(TimeoutError, match="long enough"):
        SEARCHES["auto"](executor=executor, progress=give_up)
    assert all(future.cancelled() for future in executor.futures)


def sleep(*_: object, **__: Any) -> None:
    time.sleep(60)


def test_a_pool_that_was_made_here_ends_with_what_ends_it() -> None:
    made: list[ProcessPoolExecutor] = []

    def make() -> ProcessPoolExecutor:
        made.append(ProcessPoolExecutor(2, mp_context=get_context("fork")))
        return made[-1]

    def interrupt(*_: int) -> None:
        processes.extend(made[0]._processes.values())
        raise KeyboardInterrupt

    processes: list[Any] = []
    with (
        pytest.raises(KeyboardInterrupt),
        send_chunks(make, sleep, [Chunk(())] * 4, shared={}, report=interrupt) as answers,
    ):
        list(answers)
    assert processes
    # To join them is not enough: where the pool's own thread reaps one first, its code comes later.
    wait_for(lambda: all(process.exitcode is not None for process in processes))
    assert {process.exitcode for process in processes} == {-signal.SIGTERM}


def until_stopped(
    _: object, ended: list[bool], *, report: Callable[[int, int], None], **__: Any
) -> None:
    for _ in range(500):
        report(0, 1)
        time.sleep(0.01)
    ended.append(True)


def test_threads_stop_when_nobody_waits_for_them() -> None:
    def give_up(*_: int) -> None:
        raise TimeoutError

    ended: list[bool] = []
    with ThreadPoolExecutor(2) as threads, pytest.raises(TimeoutError):  # noqa: SIM117 - in order
        with send_chunks(
            threads, until_stopped, [Chunk((ended,))] * 4, shared={}, report=give_up
        ) as answers:
            list(answers)
    assert not ended  # and the pool's own end has waited for its threads
