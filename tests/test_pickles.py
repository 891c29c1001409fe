"""Everything public pickles, copies and travels to the workers of any pool, to the bit."""

from __future__ import annotations

import copy
import io
import multiprocessing
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

import nullcline as nc
from nullcline.cells import Cell
from testing.every_cell import random_network
from testing.public_objects import examples, leaky_function, returned, same, stepped

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLES = examples()
POINTS: Any = next(thing for thing in EXAMPLES.values() if isinstance(thing, nc.FixedPoints))


def test_every_public_class_has_an_example() -> None:
    """A new one goes into testing/public_objects.py, and is then pickled, copied and shown."""
    public = {name for name in nc.__all__ if isinstance(getattr(nc, name), type)}
    assert public <= {type(thing).__name__ for thing in EXAMPLES.values()}


@pytest.mark.parametrize("name", EXAMPLES)
def test_it_pickles_and_copies_unchanged(name: str) -> None:
    thing = EXAMPLES[name]
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert same(thing, pickle.loads(pickle.dumps(thing, protocol)))  # noqa: S301 - our own
    assert same(thing, copy.deepcopy(thing))
    assert same(thing, copy.copy(thing))


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_pickle_holds_nothing_that_is_compiled(name: str) -> None:
    content = pickle.dumps(EXAMPLES[name])
    assert b"nullcline._native" not in content
    assert b"_compiled" not in content


def test_what_was_computed_on_demand_stays_out_of_pickles() -> None:
    rng = np.random.default_rng(0)
    cell = nc.RateRNN(np.ones((300, 1)), (rng.normal(size=(300, 1)), np.ones((300, 1))), alpha=0.5)
    assert cell.weight_hh.shape == (300, 300)
    assert len(pickle.dumps(cell)) < 20_000
    modes = nc.linearize(random_network("gru", 30, 2).cell(), np.zeros((1, 30)))
    before = len(pickle.dumps(modes))
    assert modes.J_rec.shape == (1, 30, 30)
    assert len(pickle.dumps(modes)) == before


def test_weights_stay_read_only() -> None:
    for cell in (random_network(kind, 3, 2).cell() for kind in ("gru", "leaky")):
        (found,) = pickle.loads(pickle.dumps([cell]))  # noqa: S301
        for array in (found.weight_ih, found.weight_hh, found.bias_ih):
            assert not array.flags.writeable


def test_weights_are_no_longer_in_the_memory_that_they_came_in() -> None:
    """A worker's buffers may be shared, not aligned, and gone when the task ends."""
    cell = random_network("rate", 5, 3).cell()
    buffers: list[Any] = []
    content = pickle.dumps(cell, 5, buffer_callback=buffers.append)
    loose = [bytearray(b"." + buffer.raw().tobytes()) for buffer in buffers]
    found = pickle.loads(content, buffers=[memoryview(raw)[1:] for raw in loose])  # noqa: S301
    for raw in loose:
        raw[:] = bytes(len(raw))
    assert same(cell, found)
    np.testing.assert_array_equal(found.weight_hh, cell.weight_hh)


class Named(nc.GRU):
    """A user's own cell, made in a way of its own."""

    def __init__(self, size: int, name: str) -> None:
        super().__init__(np.ones((3 * size, 1)), np.ones((3 * size, size)) / size)
        self.name = name
        self.notes = np.zeros(2)


def test_a_cell_of_a_derived_class_keeps_what_it_has() -> None:
    cell = Named(3, "mine")
    found = pickle.loads(pickle.dumps(cell))  # noqa: S301
    assert found.name == "mine"
    found.notes[0] = 1  # it is the user's, and stays writable
    assert same(cell, found)


# Functions


def test_a_function_within_another_travels_by_value() -> None:
    weights = torch.eye(2, dtype=torch.float64) / 2
    cell = nc.from_function(lambda x, h: torch.tanh(h @ weights + x), 2, 2)
    assert same(cell, pickle.loads(pickle.dumps(cell)))  # noqa: S301
    assert copy.deepcopy(cell)._derivatives.f is cell._derivatives.f


def test_a_function_that_cannot_be_pickled_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    cell = nc.from_function(lambda _, h: h / 2, 2, 2)
    with pytest.raises(pickle.PicklingError, match=r"top level of a module.*pip install cloudp"):
        pickle.dumps(cell)
    assert same(cell, copy.deepcopy(cell))  # a copy needs no pickle


def test_a_function_that_holds_what_no_one_pickles_says_so() -> None:
    held = io.TextIOWrapper(io.BytesIO())

    def f(x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        return h / 2 + x * held.closed

    cell = nc.from_function(f, 2, 2)
    with pytest.raises(pickle.PicklingError, match=r"nor by cloudpickle .* holds nothing that"):
        pickle.dumps(nc.find_fixed_points(cell, np.zeros((1, 2))))


def test_a_module_is_a_function_that_pickles() -> None:
    module = torch.nn.GRUCell(2, 2).double().requires_grad_(requires_grad=False)
    cell = nc.from_function(module, 2, 2)
    found = pickle.loads(pickle.dumps(cell))  # noqa: S301
    assert same(cell, found)
    assert found._derivatives.f is not module


# Workers


def executor(method: str) -> Callable[[dict[str, Any]], Any]:
    """Return what runs `returned` in a process started by a method of multiprocessing."""

    def run(things: dict[str, Any]) -> Any:
        context = multiprocessing.get_context(method)
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            return pool.submit(returned, things).result()

    return run


def by_joblib(things: dict[str, Any]) -> Any:
    joblib = pytest.importorskip("joblib")
    with joblib.parallel_config("loky", n_jobs=2):
        (found, _) = joblib.Parallel(max_nbytes=100)(  # arrays of 100 bytes come as mapped files
            joblib.delayed(returned)(part) for part in (things, {})
        )
    joblib.externals.loky.get_reusable_executor().shutdown(wait=True)
    return found


def by_dask(things: dict[str, Any]) -> Any:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        return client.submit(returned, things).result()


POOLS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "fork": executor("fork"),
    "spawn": executor("spawn"),
    "joblib": by_joblib,
    "dask": by_dask,
}


def may_fork(test: Callable[..., None]) -> Callable[..., None]:
    """Let a test fork a process that has threads, as users do; JAX, once imported, warns too."""
    for warning in (
        "This process .* is multi-threaded:DeprecationWarning",
        r"os.fork\(\) was called:RuntimeWarning",
    ):
        test = pytest.mark.filterwarnings(f"ignore:{warning}")(test)
    return test


@may_fork
@pytest.mark.parametrize("pool", POOLS)
def test_workers_get_and_return_what_they_were_sent(pool: str) -> None:
    of_a_lambda = nc.from_function(lambda x, h: torch.tanh(h.flip(1) + x), 2, 2)
    things = {**EXAMPLES, "of a lambda": of_a_lambda}
    found, steps = POOLS[pool](things)
    assert found.keys() == things.keys()
    assert [name for name in things if not same(things[name], found[name])] == []
    for name, thing in things.items():
        if isinstance(thing, Cell):
            np.testing.assert_array_equal(steps[name], stepped(thing))


@may_fork
def test_a_function_that_has_run_runs_in_a_fork_too() -> None:
    weights = torch.eye(64, dtype=torch.float64).roll(1, 0)
    cell = nc.from_function(lambda x, h: torch.tanh(h @ weights + x), 64, 64)
    states = np.random.default_rng(0).uniform(-1, 1, (2000, 64))
    n_threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        expected = cell.step(states)  # on two threads
        context = multiprocessing.get_context("fork")
        there, here = context.Pipe()
        child = context.Process(target=lambda: there.send(cell.step(states)))
        child.start()
        answered = here.poll(30)
        if not answered:
            child.kill()
        assert answered, "the child waits for threads that it does not have"
        np.testing.assert_allclose(here.recv(), expected, rtol=1e-14)
        child.join()
    finally:
        torch.set_num_threads(n_threads)


def test_points_that_come_from_workers_are_joined() -> None:
    cell = random_network("gru", 4, 2, seed=4).cell()
    of_function = nc.from_function(leaky_function, 3, 3)
    for searched in (cell, of_function, nc.Stack([of_function])):
        states = np.random.default_rng(0).uniform(-1, 1, (6, searched.state_size))
        whole = nc.find_fixed_points(searched, states)
        parts = [pickle.loads(pickle.dumps(part)) for part in (whole[:2], whole[2:])]  # noqa: S301
        joined = nc.concatenate(parts)
        assert joined.cell is parts[0].cell
        assert same(whole, joined)


def test_a_pickle_is_read_in_a_process_that_has_imported_nothing() -> None:
    script = (
        "import pickle, sys; points = pickle.load(sys.stdin.buffer); "
        "print(float(points.cell.speed(points.h, points.inputs).max()))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], input=pickle.dumps(POINTS), capture_output=True, check=True
    )
    assert float(ended.stdout) == float(POINTS.cell.speed(POINTS.h, POINTS.inputs).max())


def test_what_lies_elsewhere_is_pickled_as_arrays_of_numpy() -> None:
    """A worker need have neither the device nor the library."""
    elsewhere: Any = torch.from_numpy(POINTS.h.copy())
    points = replace(POINTS, h=elsewhere)
    assert b"torch" not in pickle.dumps(points)
    assert same(POINTS, pickle.loads(pickle.dumps(points)))  # noqa: S301
    assert same(POINTS[1:], points[1:])


def test_points_without_a_cell_pickle() -> None:
    points = replace(POINTS, cell=None)
    assert same(points, pickle.loads(pickle.dumps(points)))  # noqa: S301
