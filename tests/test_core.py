"""The compiled module as a guest in the process: threads, BLAS, the GIL, and what it refuses."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import nullcline as nc
from nullcline._native import _core
from nullcline._native.blas import one_blas_thread
from testing.gru_samples import cell_of, random_gru

GRU = random_gru(60, 2, gain=1.5)
CELL = cell_of(GRU)
STARTS = np.random.default_rng(0).uniform(-1, 1, (200, 60))


def blas_threads() -> dict[str, int]:
    return {
        entry["filepath"]: entry["num_threads"]
        for entry in threadpool_info()
        if entry["user_api"] == "blas"
    }


@pytest.mark.parametrize("threads", [1, 2])
def test_blas_has_its_threads_back(threads: int) -> None:
    CELL.step(STARTS)  # the libraries are loaded by now
    with threadpool_limits(threads, user_api="blas"):
        before = blas_threads()
        assert set(before.values()) == {threads}
        with one_blas_thread():
            held = [path for path, n in blas_threads().items() if n == 1 or before[path] != n]
            assert any("scipy" in path for path in held)
        nc.find_fixed_points(CELL, STARTS)
        assert blas_threads() == before

        def fail(*_: int) -> None:
            raise RuntimeError("enough")

        with pytest.raises(RuntimeError, match="enough"):
            nc.find_fixed_points(CELL, STARTS, progress=fail)
        assert blas_threads() == before


def test_overlapping_holders_of_blas_restore_what_the_first_found() -> None:
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        inside, leave = threading.Event(), threading.Event()

        def hold() -> None:
            with one_blas_thread():
                inside.set()
                leave.wait()

        holder = threading.Thread(target=hold)
        holder.start()
        inside.wait()
        with one_blas_thread():
            leave.set()
            holder.join()
            assert 1 in blas_threads().values()
        assert blas_threads() == before


def test_python_runs_on_while_a_search_does() -> None:
    counted = 0
    stop = threading.Event()

    def count() -> None:
        nonlocal counted
        while not stop.is_set():
            counted += 1

    before: list[int] = []

    def tell(*_: int) -> None:
        before.append(counted)
        if counted > before[0]:
            raise RuntimeError("seen")

    counter = threading.Thread(target=count)
    counter.start()
    try:
        with pytest.raises(RuntimeError, match="seen"):
            nc.find_fixed_points(
                CELL, STARTS, method="gradient", tol_slow=0, max_iterations=2**31 - 1, progress=tell
            )
    finally:
        stop.set()
        counter.join()


def test_the_compiled_cell_checks_for_itself() -> None:
    compiled = CELL.compiled
    calls: list[tuple[Any, ...]] = [
        (STARTS[:, :5].copy(),),
        (STARTS[0],),
        (STARTS, STARTS),
        (STARTS, np.zeros((3, 2))),
    ]
    for arguments in calls:
        with pytest.raises(ValueError, match="must have"):
            compiled.step(*arguments)
    with pytest.raises(TypeError):
        compiled.step(STARTS.astype(np.float32))
    with pytest.raises(ValueError, match="n_threads must be at least 1"):
        compiled.step(STARTS, n_threads=0)
    with pytest.raises(ValueError, match="method must be"):
        compiled.search(STARTS, method="magic")
    with pytest.raises(ValueError, match="max_iterations must not be negative"):
        compiled.search(STARTS, max_iterations=-1)


@pytest.mark.parametrize("cell", [_core.Cell32, _core.Cell64])
def test_weights_that_do_not_fit_are_refused(cell: Any) -> None:
    dtype = np.float32 if cell is _core.Cell32 else np.float64
    right = [np.zeros(shape, dtype) for shape in [(6, 3), (6, 2), (6,), (1, 2)]]
    cell("gru", *right)
    for i, shape in [
        (0, (5, 3)),
        (0, (6,)),
        (1, (5, 2)),
        (1, (6,)),
        (2, (5,)),
        (3, (2, 1)),
        (3, (2,)),
    ]:
        wrong = list(right)
        wrong[i] = np.zeros(shape, dtype)
        with pytest.raises(ValueError, match="must have shape"):
            cell("gru", *wrong)
    with pytest.raises(ValueError, match="there is no cell 'grue'"):
        cell("grue", *right)
    for kind, arrays in (("gru", right[:3]), ("ugrnn", [*(a[:4] for a in right[:3]), right[3]])):
        with pytest.raises(ValueError, match="parameters must be given where"):
            cell(kind, *arrays)


@pytest.mark.parametrize("cell", [_core.Cell32, _core.Cell64])
def test_activations_and_factors_that_do_not_fit_are_refused(cell: Any) -> None:
    dtype = np.float32 if cell is _core.Cell32 else np.float64
    w, left = np.zeros((2, 2), dtype), np.zeros((2, 1), dtype)
    weights = ("rnn", np.zeros((2, 3), dtype), w, np.zeros(2, dtype))
    cell(*weights, activations=["tanh", "relu"])
    cell(*weights[:2], (left, left), weights[3], activations=["tanh"])
    for names, message in [
        (None, "activations must be given where"),
        (["tanhh"], "there is no activation 'tanhh'"),
        (["tanh"] * 3, "activations must name one, or one for each unit"),
    ]:
        with pytest.raises(ValueError, match=message):
            cell(*weights, activations=names)
    for factors in [(left, left.T.copy()), (left[:0], left), (left, left[:1]), (left[:, :0],) * 2]:
        with pytest.raises(ValueError, match="must have shape"):
            cell(*weights[:2], factors, weights[3], activations=["tanh"])


@pytest.mark.parametrize("size", [1, 5, 15, 16, 17, 48, 65])
@pytest.mark.parametrize("method", ["auto", "gradient"])
def test_a_row_of_a_tile_is_blind_to_its_place(size: int, method: str) -> None:
    """Sizes around the width of a panel, and starts enough for more than one tile."""
    cell = cell_of(random_gru(size, 2, gain=1.2, seed=size))
    starts = np.random.default_rng(size).uniform(-1, 1, (60, size))
    options: dict[str, Any] = {"method": method, "max_iterations": 30}
    every = nc.find_fixed_points(cell, starts, n_threads=1, **options)
    for i in (0, 5, 6, 7, 47, 48, 59):
        alone = nc.find_fixed_points(cell, starts[[i]], **options)
        np.testing.assert_array_equal(alone.h[0], every.h[i])
        assert alone.iterations[0] == every.iterations[i]


def test_a_search_in_another_thread_leaves_limits_to_all() -> None:
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        found: list[nc.FixedPoints] = []
        done, leave = threading.Event(), threading.Event()

        def search() -> None:
            found.append(nc.find_fixed_points(CELL, STARTS[:5]))
            done.set()
            leave.wait()

        searcher = threading.Thread(target=search)
        searcher.start()
        done.wait()
        assert blas_threads() == before
        with threadpool_limits(1, user_api="blas"):  # obeyed although the searcher lives on
            assert set(blas_threads().values()) == {1}
        assert blas_threads() == before
        leave.set()
        searcher.join()
    assert len(found) == 1
