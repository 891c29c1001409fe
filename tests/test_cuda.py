"""Searches on a GPU end where those on the processor do, and results stay where the starts are.

They run on an emulated GPU, for which the code is the same but for the few lines that speak to a
real one, and on a real one where there is one.
"""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import nullcline as nc
from nullcline.cells.rate_cell import ACTIVATIONS
from nullcline.gpu import arrays, availability
from testing.adversarial import cases
from testing.every_cell import KINDS, random_network
from testing.gpu_alone import all_on_the_gpu
from testing.gpu_samples import ByDlpack, CudaTensor, Gpu
from testing.gru_samples import (
    LAYOUTS,
    cell_of,
    ghost_unit,
    independent_units,
    outer_rest,
    random_gru,
    seeds,
)
from testing.rates import Rates
from testing.search_checks import (
    METHODS,
    NETWORKS,
    SOLVERS,
    assert_equal,
    check_against_reference,
    check_interrupted,
    check_labels,
    random_states,
)
from testing.trained_networks import trained_layer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GRU = random_gru(8, 3, gain=2.5, seed=3)
CELL = cell_of(GRU)
STARTS = random_states(20, 8, seed=1)
INPUTS = np.random.default_rng(2).normal(size=(20, 3))


@pytest.fixture(
    params=["emulated", "real"] if nc.cuda.is_available() else ["emulated"], scope="module"
)
def gpu(request: pytest.FixtureRequest) -> Iterator[Gpu]:
    """Search on this GPU where a test asks for "cuda"."""
    if request.param == "real":
        real = all_on_the_gpu(availability.gpu_module())
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("nullcline.gpu.availability.gpu_module", lambda: real)
            yield Gpu(real, is_emulated=False)
        return
    try:
        module = import_module("nullcline._native._emulated_gpu")
    except ModuleNotFoundError:
        pytest.skip("nullcline was built without -C cmake.define.NULLCLINE_EMULATED_GPU=ON")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nullcline.gpu.availability.gpu_module", lambda: module)
        yield Gpu(module, is_emulated=True)


@pytest.fixture
def emulated(gpu: Gpu) -> Gpu:
    """Run a test that needs the GPU's memory to be the host's."""
    if not gpu.is_emulated:
        pytest.skip("the memory of a real GPU is not the host's")
    return gpu


def find(cell: nc.GRU, starts: Any, inputs: Any = None, **options: Any) -> nc.FixedPoints:
    return nc.find_fixed_points(cell, starts, inputs, **{"device": "cuda", **options})


def on_host(points: nc.FixedPoints) -> bool:
    columns = (points.h, points.q, points.starts)
    return all(isinstance(column, np.ndarray) for column in columns)


def assert_same(gpu: Gpu, left: nc.FixedPoints, right: nc.FixedPoints) -> None:
    """Check that two searches on one GPU agree.

    On a real one, whose blocks take rows in the order in which they happen to come, a start is
    multiplied in another row each time and rounded otherwise: a few may end elsewhere.
    """
    if gpu.is_emulated:
        return assert_equal(left, right)
    np.testing.assert_array_equal(left.starts, right.starts)
    same = (left.kind == right.kind) & (np.abs(left.h - right.h).max(axis=1) < 1e-6)
    assert same.mean() >= 0.9
    return None


def test_a_real_gpu_is_tested_too() -> None:
    if not (available := nc.cuda.is_available()):
        must_be = "NULLCLINE_REQUIRE_GPU" in os.environ
        (pytest.fail if must_be else pytest.skip)(available.reason)


# What is found


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", KINDS)
def test_cells_of_every_kind_end_as_on_the_processor(gpu: Gpu, kind: str, method: str) -> None:
    network = random_network(kind, 9, 3, gain=0.6 if kind == "relu" else 1.2, seed=2)
    cell = network.cell()
    rng = np.random.default_rng(4)
    n = 40  # more than a tile keeps at the least: slots move together at the end
    starts, x = rng.uniform(-1, 1, (n, cell.state_size)), rng.normal(size=(n, 3))
    options: dict[str, Any] = {"method": method, "max_iterations": 200}
    ours = find(cell, starts, x, **options)
    theirs = nc.find_fixed_points(cell, starts, x, **options)
    same = (ours.kind == theirs.kind) & (np.abs(ours.h - theirs.h).max(axis=1) < 1e-3)
    assert same.all() if gpu.is_emulated else same.mean() >= 0.8
    fixed = same & (ours.kind == "fixed")
    assert fixed.any() or method == "gradient"
    np.testing.assert_allclose(ours.h[fixed], theirs.h[fixed], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("rank", [None, 2])
@pytest.mark.parametrize("kind", [nc.LeakyRNN, nc.RateRNN])
def test_rates_of_every_activation_end_as_on_the_processor(
    gpu: Gpu, kind: Any, rank: int | None, dtype: Any, method: str
) -> None:
    network = Rates(kind, 15, activations=list(ACTIVATIONS), rank=rank, gain=0.04)
    cell = network.cell(dtype)
    rng = np.random.default_rng(4)
    starts = rng.uniform(-1, 1, (40, 15)).astype(dtype)
    x = rng.normal(size=(40, 2)).astype(dtype)
    ours = find(cell, starts, x, method=method)
    theirs = nc.find_fixed_points(cell, starts, x, method=method)
    np.testing.assert_array_equal(ours.kind, theirs.kind)
    assert set(ours.kind) == ({"slow"} if method == "gradient" else {"fixed"})
    atol = 1e-3 if method == "gradient" else 1e-12 if dtype == np.float64 else 1e-5
    np.testing.assert_allclose(ours.h, theirs.h, rtol=0, atol=atol)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [1, 2, 9])
def test_a_contraction_has_one_fixed_point(gpu: Gpu, method: str, size: int) -> None:
    gru = random_gru(size, 2, gain=0.3)
    options: dict[str, Any] = {"tol_slow": 0.0} if method == "gradient" else {}
    points = find(cell_of(gru), random_states(10, size), method=method, **options)
    if method != "gradient":
        assert set(points.kind) == {"fixed"}
    h = random_states(1, size)[0]
    for _ in range(2000):
        h = gru.step(h, np.zeros(2))
    np.testing.assert_allclose(points.h, np.tile(h, (10, 1)), atol=1e-6)


@pytest.mark.parametrize("method", SOLVERS)
def test_one_unit_has_its_three_fixed_points(gpu: Gpu, method: str) -> None:
    gru = independent_units(np.array([3.0]), np.zeros(1))
    points = find(cell_of(gru), np.linspace(-1, 1, 21)[:, None], method=method)
    outer = outer_rest(3.0)
    found = np.sort(points.select("fixed").unique().h.ravel())
    np.testing.assert_allclose(found, [-outer, 0, outer], atol=1e-12)
    check_labels(gru, points)


@pytest.mark.parametrize(
    ("name", "method"),
    [
        (name, method)
        for name in NETWORKS
        for method in ("auto", "lm", "krylov")
        # On the strongest network many starts use up all of their iterations, which takes long.
        if name != "stronger" or method == "auto"
    ],
)
def test_finds_what_the_reference_finds(gpu: Gpu, name: str, method: str) -> None:
    gru = NETWORKS[name]
    starts = random_states(40, gru.size, seed=7)
    points = find(cell_of(gru), starts, method=method)
    check_labels(gru, points)
    check_against_reference(gru, starts, points)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("size", "n"), [(1, 7), (7, 30), (8, 30), (33, 7), (65, 3)])
def test_ends_are_those_of_the_processor(gpu: Gpu, method: str, size: int, n: int) -> None:
    cell, starts = cell_of(random_gru(size, 3, gain=1.2, seed=2)), random_states(n, size)
    options: dict[str, Any] = {"method": method, "max_iterations": 200}
    ours = find(cell, starts, **options)
    theirs = nc.find_fixed_points(cell, starts, **options)
    # Rounding decides where a start ends that lies between two basins: there must be few of those.
    same = (ours.kind == theirs.kind) & (np.abs(ours.h - theirs.h).max(axis=1) < 1e-3)
    assert same.all() if gpu.is_emulated else same.mean() >= 0.8
    fixed = same & (ours.kind == "fixed")
    np.testing.assert_allclose(ours.h[fixed], theirs.h[fixed], rtol=0, atol=1e-12)
    np.testing.assert_array_equal(ours.starts, starts)
    assert ours.h.dtype == ours.q.dtype == np.float64
    assert ours.iterations.dtype == np.int32


@pytest.mark.parametrize(
    ("name", "n", "method"),
    [
        ("imdb-64-units", 100, "auto"),
        ("imdb-64-units", 100, "krylov"),
        ("imdb-64-units", 100, "lm"),
        ("imdb-1-layer", 20, "auto"),
        ("imdb-1-layer", 20, "krylov"),
        ("imdb-1-layer", 3, "lm"),
    ],
)
def test_trained_networks_end_as_on_the_processor(gpu: Gpu, name: str, n: int, method: str) -> None:
    """Starts enough for slots to be moved together, and subspaces that fill up."""
    layer = trained_layer(name)
    starts = layer.starts[:n].astype(np.float64)
    ours = find(layer.cell(), starts, method=method, tol_slow=1e-3)
    theirs = nc.find_fixed_points(layer.cell(), starts, method=method, tol_slow=1e-3)
    np.testing.assert_array_equal(ours.kind, theirs.kind)
    fixed = ours.kind == "fixed"
    np.testing.assert_allclose(ours.h[fixed], theirs.h[fixed], rtol=0, atol=1e-12)
    np.testing.assert_allclose(ours.h, theirs.h, rtol=0, atol=1e-5)


@pytest.mark.parametrize("method", ["auto", "krylov"])
def test_passes_over_a_few_starts_end_alike_on_the_processor(
    gpu: Gpu, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a launch takes long, all passes but the first are the processor's."""
    cell = cell_of(random_gru(12, 3, gain=4.0, seed=1))  # of minima as well as zeros
    starts = random_states(60, 12, seed=5)
    search = gpu.module.search64
    found = []
    for seconds in (0.0, 1.0):

        def timed(*arguments: Any, seconds: float = seconds, **options: Any) -> Any:
            return search(*arguments, launch_seconds=seconds, **options)

        gpu.change(monkeypatch, search64=timed)
        found.append(find(cell, starts, method=method, n_threads=2))
    alone, shared = found
    same = (alone.kind == shared.kind) & (np.abs(alone.h - shared.h).max(axis=1) < 1e-5)
    assert same.all() if gpu.is_emulated else same.mean() >= 0.9
    # Its own rounding shows that the processor was there.
    assert not np.array_equal(alone.h, shared.h)


@settings(max_examples=40)
@given(
    st.integers(1, 8),
    st.integers(0, 12),
    st.sampled_from([0.1, 1.0, 3.0, 30.0]),
    st.booleans(),
    st.sampled_from(SOLVERS),
    seeds,
)
def test_labels_are_true(
    gpu: Gpu, size: int, n: int, gain: float, driven: bool, method: str, seed: int
) -> None:
    gru = random_gru(size, 2, gain, seed)
    x = np.random.default_rng(seed).normal(size=(n, 2)) if driven else None
    points = find(cell_of(gru), random_states(n, size, seed), x, method=method, max_iterations=60)
    assert len(points) == n
    check_labels(gru, points) if gain < 30 else None
    assert (np.abs(points.h) < 1).all()
    assert (points.q <= 4).all()


def test_a_ghost_is_slow_and_where_it_must_be(gpu: Gpu) -> None:
    gru, ghost = ghost_unit(1e-3)
    points = find(cell_of(gru), np.array([[-0.9], [ghost], [0.9]]))
    check_labels(gru, points)
    assert points.kind.tolist() == ["slow", "slow", "fixed"]
    np.testing.assert_allclose(points.h[:2, 0], ghost, atol=1e-4)


def test_deflation_finds_what_the_starts_have_missed(gpu: Gpu) -> None:
    gru = independent_units(np.array([3.0, 2.0, 4.0, 0.5]), np.zeros(4))
    starts = random_states(8, 4)
    points = find(cell_of(gru), gpu.put(starts))
    more = find(cell_of(gru), starts, deflate=points)
    check_labels(gru, more)
    known = points.select("fixed").h
    fixed = more.select("fixed").h
    assert len(fixed) > 0
    assert all(np.abs(known - row).max(axis=1).min() > 1e-3 for row in fixed)


@pytest.mark.parametrize("method", METHODS)
def test_single_precision_finds_points_of_double(gpu: Gpu, method: str) -> None:
    single = cell_of(GRU, np.float32)
    starts = STARTS.astype(np.float32)
    points = find(single, starts, method=method, max_iterations=200)
    assert points.h.dtype == points.starts.dtype == np.float32
    assert points.q.dtype == np.float64
    assert (np.abs(points.h) < 1).all()
    double = nc.find_fixed_points(CELL, STARTS).select("fixed").h
    fixed = points.select("fixed").h
    assert len(fixed) > 0 or method == "gradient"
    for ours in fixed:
        assert np.abs(double - ours).max(axis=1).min() < 1e-4
    assert_same(
        gpu, find(single, gpu.put(starts), method=method, max_iterations=200).numpy(), points
    )


@pytest.mark.parametrize("inputs", ["none", "shared", "each"])
def test_inputs_may_be_none_shared_or_each(gpu: Gpu, inputs: str) -> None:
    x = {"none": None, "shared": INPUTS[0], "each": INPUTS}[inputs]
    points = find(CELL, STARTS, x)
    check_labels(GRU, points)
    theirs = nc.find_fixed_points(CELL, STARTS, x)
    same = points.kind == theirs.kind
    assert same.all() if gpu.is_emulated else same.mean() >= 0.8
    if x is None:
        assert points.inputs is None
    else:
        np.testing.assert_array_equal(points.inputs, theirs.inputs)


# Starts at the edge


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("there", [False, True])
def test_no_starts_have_no_ends(gpu: Gpu, method: str, there: bool) -> None:
    put = gpu.put if there else np.asarray
    points = find(CELL, put(STARTS[:0]), put(INPUTS[:0]), method=method)
    assert len(points) == len(points.unique()) == 0
    assert points.h.shape == (0, 8)
    assert points.inputs is not None
    assert points.inputs.shape == (0, 3)


@pytest.mark.parametrize("method", METHODS)
def test_starts_on_the_face_and_beyond_end_inside(gpu: Gpu, method: str) -> None:
    beyond = np.array([[1.0] * 8, [-1.0] * 8, [50.0] * 8, [0.0, -1e300] * 4])
    points = find(CELL, gpu.put(beyond), method=method, max_iterations=200).numpy()
    assert (np.abs(points.h) < 1).all()
    np.testing.assert_array_equal(points.starts, beyond)
    if method != "gradient":
        check_labels(GRU, points)


@pytest.mark.parametrize("method", METHODS)
def test_no_iterations_judge_the_starts(gpu: Gpu, method: str) -> None:
    points = find(CELL, STARTS, method=method, max_iterations=0)
    np.testing.assert_array_equal(points.h, STARTS)
    assert points.iterations.tolist() == [0] * 20
    assert set(points.kind) == {"unconverged"}
    assert "limit" in points.reason[0]


def test_copies_of_one_start_end_as_one(gpu: Gpu) -> None:
    points = find(CELL, np.tile(STARTS[0], (300, 1)))
    assert points.unique(unconverged=True).count.tolist() == [300]


def test_several_threads_of_python_find_the_same(gpu: Gpu) -> None:
    expected = find(CELL, STARTS)
    with ThreadPoolExecutor(3) as pool:
        for found in pool.map(lambda _: find(CELL, STARTS), range(6)):
            assert_same(gpu, found, expected)


def test_little_memory_is_enough(emulated: Gpu, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = find(CELL, STARTS, INPUTS)
    monkeypatch.setenv("NULLCLINE_EMULATED_GPU_BYTES", "60000")  # a few starts at a time
    calls: list[int] = []
    some = find(CELL, STARTS, INPUTS, progress=lambda done, _: calls.append(done))
    assert calls == sorted(calls)
    assert calls[-1] == 20
    assert_equal(some, whole)


def test_too_little_memory_is_an_error(emulated: Gpu, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NULLCLINE_EMULATED_GPU_BYTES", "1000")
    with pytest.raises(MemoryError, match="bytes"):
        find(CELL, STARTS)


# Watching and stopping


def test_progress_is_reported_to_a_function(gpu: Gpu) -> None:
    calls: list[tuple[int, int]] = []
    find(CELL, STARTS, progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (20, 20)
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)


def test_what_progress_raises_ends_the_search(gpu: Gpu) -> None:
    def fail(done: int, total: int) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        find(CELL, STARTS, progress=fail)


@pytest.mark.parametrize("method", ["auto", "gradient"])
def test_ctrl_c_ends_a_search(gpu: Gpu, method: str) -> None:
    size, n = (40, 1000) if gpu.is_emulated else (500, 50_000)
    script = f"""
import numpy as np
import nullcline as nc
from nullcline.gpu import availability
import {gpu.module.__name__} as module
if {gpu.is_emulated}:
    availability.gpu_module = lambda: module
rng = np.random.default_rng(0)
cell = nc.GRU(np.zeros((3 * {size}, 1)), 3 * rng.normal(size=(3 * {size}, {size})) / {size}**0.5)
starts = rng.uniform(-1, 1, ({n}, {size}))
told = False
def tell(done, total):
    global told
    if not told:
        print("searching", flush=True)
    told = True
nc.find_fixed_points(cell, starts, method={method!r}, tol_slow=0, device="cuda", progress=tell)
"""
    check_interrupted(script)


# Arrays that are on the GPU


@pytest.mark.parametrize("layout", sorted(set(LAYOUTS) - {"other byte order", "unaligned"}))
def test_the_layout_of_arrays_does_not_matter(gpu: Gpu, layout: str) -> None:
    lay = LAYOUTS[layout]
    expected = find(CELL, STARTS, INPUTS)
    points = find(CELL, gpu.put(lay(STARTS)), gpu.put(lay(INPUTS)))
    assert_same(gpu, points.numpy(), expected)
    np.testing.assert_array_equal(points.numpy().inputs, INPUTS)


def test_dlpack_alone_is_enough(gpu: Gpu) -> None:
    starts, inputs = ByDlpack(gpu, STARTS), ByDlpack(gpu, INPUTS, device=(13, 0))
    points = find(CELL, starts, inputs)
    assert_same(gpu, points.numpy(), find(CELL, STARTS, INPUTS))
    assert set(starts.streams) == set(inputs.streams) == {1}


def test_dlpack_tells_of_strides(emulated: Gpu) -> None:
    transposed = np.asfortranarray(STARTS)
    assert_equal(find(CELL, ByDlpack(emulated, transposed)).numpy(), find(CELL, STARTS))


def test_streams_are_waited_for(gpu: Gpu, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = gpu.watch(monkeypatch)
    find(CELL, gpu.put(STARTS, stream=2), ByDlpack(gpu, INPUTS))
    find(CELL, gpu.put(STARTS), gpu.put(INPUTS, stream=2))
    find(CELL, gpu.put(STARTS), INPUTS)
    assert [call["streams"] for call in calls] == [[1, 2], [2], []]


def test_arrays_may_lie_on_different_sides(gpu: Gpu) -> None:
    expected = find(CELL, STARTS, INPUTS)
    starts_there = find(CELL, gpu.put(STARTS), INPUTS)
    assert not on_host(starts_there)
    assert isinstance(starts_there.inputs, np.ndarray)
    assert_same(gpu, starts_there.numpy(), expected)
    inputs_there = find(CELL, STARTS, gpu.put(INPUTS))
    assert on_host(inputs_there)
    assert isinstance(inputs_there.inputs, np.ndarray)
    assert_same(gpu, inputs_there, expected)
    np.testing.assert_array_equal(inputs_there.inputs, INPUTS)


@pytest.mark.parametrize("shape", [(3,), (1, 3)])
@pytest.mark.parametrize("starts_there", [False, True])
def test_one_input_for_all_is_there(gpu: Gpu, shape: tuple[int, ...], starts_there: bool) -> None:
    starts: Any = gpu.put(STARTS) if starts_there else STARTS
    points = find(CELL, starts, gpu.put(INPUTS[0].reshape(shape))).numpy()
    assert_same(gpu, points, find(CELL, STARTS, INPUTS[0]))
    np.testing.assert_array_equal(points.inputs, np.tile(INPUTS[0], (20, 1)))


def test_float32_arrays_are_promoted(gpu: Gpu) -> None:
    starts, inputs = STARTS.astype(np.float32), INPUTS.astype(np.float32)
    points = find(CELL, gpu.put(starts), gpu.put(inputs)).numpy()
    assert points.starts.dtype == np.float64
    assert_same(gpu, points, find(CELL, starts, inputs))


def test_deflation_takes_inputs_there(gpu: Gpu) -> None:
    known = find(CELL, STARTS, INPUTS[0]).select("fixed").h
    assert len(known) > 0
    same, others = gpu.put(np.tile(INPUTS[0], (20, 1))), gpu.put(INPUTS)
    more = find(CELL, STARTS, same, deflate=known)
    assert_same(gpu, more, find(CELL, STARTS, INPUTS[0], deflate=known))
    with pytest.raises(ValueError, match="deflate needs one input for all starts"):
        find(CELL, STARTS, others, deflate=known)


def test_a_result_does_not_follow_its_starts(emulated: Gpu) -> None:
    starts = STARTS.copy()
    points = find(CELL, ByDlpack(emulated, starts))
    starts[:] = 0
    np.testing.assert_array_equal(points.numpy().starts, STARTS)


# Labelled conditions, and stacks


def test_conditions_take_starts_on_the_host(gpu: Gpu) -> None:
    conditions = {"left": INPUTS[0], "right": INPUTS[1]}
    points = find(CELL, STARTS, conditions)
    assert points.condition is not None
    assert points.condition.tolist() == ["left"] * 20 + ["right"] * 20
    every = np.repeat(INPUTS[:2], 20, axis=0)
    assert_same(gpu, points, find(CELL, np.tile(STARTS, (2, 1)), every))


def test_starts_that_no_library_repeats_are_refused(gpu: Gpu) -> None:
    with pytest.raises(TypeError, match=r"starts must be of PyTorch, CuPy, JAX or NumPy.*OnGpu"):
        find(CELL, gpu.put(STARTS), {"left": INPUTS[0]})
    with pytest.raises(ValueError, match=r"starts must have shape \(n, 8\)"):
        find(CELL, gpu.put(STARTS[:, 1:].copy()), {"left": INPUTS[0]})


def test_the_layers_of_a_stack_are_searched_there(
    gpu: Gpu, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = [(8, 3), (5, 8), (4, 5)]
    stack = nc.Stack([cell_of(random_gru(*size, gain=0.3)) for size in sizes])
    starts = random_states(20, 17)
    calls = gpu.watch(monkeypatch)
    points = nc.find_fixed_points(stack, starts, INPUTS, device="cuda")
    assert len(calls) == 3
    assert set(points.kind) == {"fixed"}
    here = nc.find_fixed_points(stack, starts, INPUTS)
    np.testing.assert_allclose(points.h, here.h, rtol=0, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("there", [False, True], ids=["starts here", "starts there"])
def test_ends_that_are_no_minima_go_on(gpu: Gpu, there: bool, dtype: Any) -> None:
    case = next(case for case in cases() if case.name == "orthogonal, H = 8")
    weight = case.cell.weight_hh.astype(dtype)
    cell = nc.RNN(np.zeros((8, 1), dtype), weight)
    starts = case.starts.astype(dtype)
    given: Any = gpu.put(starts) if there else starts
    points = nc.find_fixed_points(cell, given, device="cuda")
    assert on_host(points) is not there
    assert set(points.kind) == {"fixed"}
    found = points.numpy()
    tolerance = 4 * float(np.finfo(dtype).eps) ** (1 / 3)  # of a triple zero
    np.testing.assert_allclose(found.h, 0, atol=tolerance)
    assert found.h.dtype == dtype
    assert found.q.shape == (20,)
    np.testing.assert_allclose(found.q, cell.speed(found.h), rtol=0.1, atol=1e-30)


# What a result on the GPU can do


def test_a_result_there_does_all_that_one_here_does(gpu: Gpu, tmp_path: Path) -> None:
    there, here = find(CELL, gpu.put(STARTS), gpu.put(INPUTS)), find(CELL, STARTS, INPUTS)
    assert not on_host(there)
    assert there.h.shape == here.h.shape
    assert len(there) == 20
    assert_same(gpu, there.numpy(), here)
    assert here.numpy() is here
    moved = there.numpy()  # the very ends, which another search on a real GPU rounds otherwise
    assert repr(there) == repr(moved)
    assert_equal(there.select("fixed"), moved.select("fixed"))
    assert_equal(there.unique(), moved.unique())
    assert_equal(there.unique(unconverged=True), moved.unique(unconverged=True))
    np.testing.assert_array_equal(there.outliers(1.0), moved.outliers(1.0))
    np.testing.assert_array_equal(there.certify().radius_unique, moved.certify().radius_unique)
    there.save(tmp_path / "there.npz")
    assert_equal(nc.FixedPoints.load(tmp_path / "there.npz"), moved)
    modes = nc.linearize(CELL, there)
    np.testing.assert_array_equal(modes.eigenvalues, nc.linearize(CELL, moved).eigenvalues)


def test_a_result_there_is_traced_and_followed(gpu: Gpu) -> None:
    there = find(CELL, gpu.put(STARTS[:1]), gpu.put(INPUTS[:1]))
    curves = nc.trace(CELL, there, max_points=20).curves
    assert len(curves) == 1
    branch = nc.follow_input(CELL, there, np.ones(3), max_points=20)
    np.testing.assert_array_equal(branch.h[branch.s == 0], there.numpy().h)


def test_ends_are_starts_again(gpu: Gpu) -> None:
    points = find(CELL, gpu.put(STARTS))
    again = find(CELL, points.h)
    kept = points.kind == "fixed"
    moved = np.abs(again.numpy().h[kept] - points.numpy().h[kept]).max()
    assert moved == 0 if gpu.is_emulated else moved < 1e-12


# PyTorch, and the libraries that are looked for


@pytest.fixture
def default_stream(emulated: Gpu, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = SimpleNamespace(cuda_stream=0)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda _: stream)


class SparseTensor(CudaTensor):
    @property
    def layout(self) -> torch.layout:  # type: ignore[override]
        return torch.sparse_coo


def cuda_tensor(array: Any) -> torch.Tensor:
    return torch.from_numpy(array).as_subclass(CudaTensor)


@pytest.mark.usefixtures("default_stream")
def test_tensors_come_back_as_tensors() -> None:
    starts = cuda_tensor(STARTS.T.copy()).T.requires_grad_()
    points = find(CELL, starts, cuda_tensor(INPUTS), device=torch.device("cuda"))
    columns: list[Any] = [points.h, points.q, points.starts, points.inputs]
    for column in columns:
        assert isinstance(column, torch.Tensor)
        assert not column.requires_grad
    assert_equal(points.numpy(), find(CELL, STARTS, INPUTS))


@pytest.mark.usefixtures("default_stream")
def test_tensors_under_conditions_come_back_as_tensors() -> None:
    conditions: dict[str, Any] = {"left": cuda_tensor(INPUTS[0]), "right": INPUTS[1]}
    points = find(CELL, cuda_tensor(STARTS), conditions)
    columns: list[Any] = [points.h, points.q, points.starts]
    assert all(isinstance(column, torch.Tensor) for column in columns)
    here = find(CELL, STARTS, {"left": INPUTS[0], "right": INPUTS[1]})
    assert_equal(points.numpy(), here)
    np.testing.assert_array_equal(points.condition, here.condition)


@pytest.mark.usefixtures("default_stream")
def test_a_tensor_is_seen_as_it_lies() -> None:
    tensor = cuda_tensor(STARTS)[::2, 1:]
    seen = arrays.view("starts", tensor)
    assert seen is not None
    assert (seen.shape, seen.strides, seen.device, seen.stream) == ((10, 7), (16, 1), 0, 1)
    assert seen.address == STARTS.ctypes.data + 8
    negated = torch._neg_view(cuda_tensor(STARTS))
    seen = arrays.view("starts", negated)
    assert seen is not None
    assert seen.address != STARTS.ctypes.data


@pytest.mark.usefixtures("default_stream")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (torch.Tensor.half, r"float64 or float32, not torch.float16; pass starts.double\(\)"),
        (torch.Tensor.long, r"float64 or float32, not torch.int64"),
        (lambda tensor: tensor.as_subclass(SparseTensor), r"dense tensor, .*starts.to_dense\(\)"),
    ],
)
def test_tensors_of_other_kinds_are_refused(change: Any, message: str) -> None:
    with pytest.raises(TypeError, match=f"starts must be a? ?{message}"):
        find(CELL, change(cuda_tensor(STARTS)))


def test_tensors_of_a_real_gpu_are_searched_there() -> None:
    if not (nc.cuda.is_available() and torch.cuda.is_available()):
        pytest.skip("PyTorch, or nullcline, finds no GPU")
    starts = torch.tensor(STARTS, device="cuda").T.contiguous().T
    points = find(CELL, starts, torch.tensor(INPUTS[0], device="cuda", dtype=torch.float32))
    h: Any = points.h
    kept: Any = points.starts
    assert h.device == starts.device
    assert torch.equal(kept, starts)
    real = Gpu(availability.gpu_module(), is_emulated=False)
    assert_same(real, points.numpy(), find(CELL, STARTS, INPUTS[0].astype(np.float32)))


@pytest.mark.parametrize(("library", "kind"), [("cupy", "ndarray"), ("jax.numpy", "ndarray")])
def test_ends_are_given_to_the_library_of_the_starts(
    gpu: Gpu, library: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Array(ByDlpack):
        pass

    class Given:
        """The very array: nothing was copied."""

        def __init__(self, array: Any) -> None:
            self.array, self.shape = array, array.shape
            self.dtype = np.dtype(np.float64 if array.is_double else np.float32)

    module: Any = SimpleNamespace(**{kind: Array}, from_dlpack=Given)
    monkeypatch.setitem(sys.modules, library, module)
    points = find(CELL, Array(gpu, STARTS))
    columns: list[Any] = [points.h, points.q, points.starts]
    assert all(isinstance(column, Given) for column in columns)
    assert all(isinstance(column.array, gpu.module.DeviceArray) for column in columns)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_results_are_not_rounded_by_the_library_of_the_starts(
    gpu: Gpu, dtype: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """JAX makes float32 of what is float64, and says nothing, unless it was told not to."""
    jax = pytest.importorskip("jax.numpy")
    if not gpu.is_emulated:
        pytest.skip("JAX's arrays are the host's here")

    class Array(ByDlpack):
        pass

    module: Any = SimpleNamespace(ndarray=Array, from_dlpack=jax.from_dlpack, __name__="jax.numpy")
    monkeypatch.setitem(sys.modules, "jax.numpy", module)
    starts = STARTS.astype(dtype)
    with pytest.warns(UserWarning, match=r"jax.numpy would round float64 .*jax_enable_x64"):
        points = find(cell_of(GRU, dtype), Array(gpu, starts))
    here = nc.find_fixed_points(cell_of(GRU, dtype), starts)
    columns: dict[str, Any] = {"h": points.h, "q": points.q, "starts": points.starts}
    for name, column in columns.items():
        assert column.dtype == getattr(here, name).dtype
        assert isinstance(column, np.ndarray) == (column.dtype == np.float64)
    assert points.numpy().h.dtype == dtype
    np.testing.assert_array_equal(points.numpy().starts, starts)


def test_an_array_may_be_released_after_python_has_ended(emulated: Gpu) -> None:
    """As by a library that keeps one to the end of the process."""
    script = f"""
import ctypes
import {emulated.module.__name__} as module
name = b"used_dltensor"
capsule = module.DeviceArray((3,), True, 0).__dlpack__()
get = ctypes.pythonapi.PyCapsule_GetPointer
get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
tensor = get(capsule, b"dltensor")
ctypes.pythonapi.PyCapsule_SetName(ctypes.py_object(capsule), ctypes.c_char_p(name))
deleter = ctypes.c_void_p.from_address(tensor + 56)
ctypes.CDLL(None).__cxa_atexit(deleter, ctypes.c_void_p(tensor), None)
"""
    ran = subprocess.run([sys.executable, "-c", script], check=False, timeout=60)
    assert ran.returncode == 0


def test_arrays_of_other_libraries_come_to_the_host() -> None:
    class FromCupy:
        def get(self) -> Any:
            return STARTS

    class FromJax:
        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            return STARTS

    for array in (STARTS, torch.from_numpy(STARTS), FromCupy(), FromJax()):
        np.testing.assert_array_equal(arrays.host(array), STARTS)


# Bad input

BAD_ARRAYS: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "integers": ({"typestr": "<i8"}, TypeError, "float64 or float32, not int64; pass"),
    "half": ({"typestr": "<f2"}, TypeError, r"not float16; pass \w+.astype\(numpy.float64\)"),
    "byte order": ({"typestr": ">f8"}, TypeError, "this machine's byte order, not >f8"),
    "mask": ({"mask": object()}, ValueError, "has a mask"),
    "stream": ({"stream": 0}, ValueError, "names stream 0"),
    "version": ({"version": 1}, ValueError, "has version 1 of __cuda_array_interface__"),
    "strides": ({"strides": (24, 3)}, ValueError, "has strides that are no multiples"),
    "size": ({"shape": (20, 2)}, ValueError, r"have shape \(.*, not \(20, 2\)"),
    "dimensions": ({"shape": (20, 1, 1)}, ValueError, r"not \(20, 1, 1\)"),
}


@pytest.mark.parametrize("name", ["starts", "inputs"])
@pytest.mark.parametrize("case", BAD_ARRAYS)
def test_bad_arrays_are_refused(gpu: Gpu, case: str, name: str) -> None:
    change, error, message = BAD_ARRAYS[case]
    arrays: dict[str, Any] = {"starts": STARTS, "inputs": INPUTS}
    arrays[name] = gpu.put(arrays[name], **change)
    with pytest.raises(error, match=f"{name} .*{message}"):
        find(CELL, **arrays)


@pytest.mark.parametrize("name", ["starts", "inputs"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(gpu: Gpu, name: str, value: float) -> None:
    for put in (np.asarray, gpu.put):
        arrays: dict[str, Any] = {"starts": STARTS.copy(), "inputs": INPUTS.copy()}
        arrays[name][3, 1] = value
        arrays[name] = put(arrays[name])
        with pytest.raises(ValueError, match=f"{name} must be finite, but 1 of its"):
            find(CELL, **arrays)


def test_other_bad_input_is_refused(gpu: Gpu) -> None:
    with pytest.raises(ValueError, match=r"starts must have shape .*pass starts\[None\]"):
        find(CELL, gpu.put(STARTS[0]))
    with pytest.raises(TypeError, match="starts is float64 and the cell float32"):
        find(cell_of(GRU, np.float32), gpu.put(STARTS))
    with pytest.raises(ValueError, match=r"inputs must be None or have shape .*, not \(7, 3\)"):
        find(CELL, gpu.put(STARTS), gpu.put(INPUTS[:7]))
    with pytest.raises(ValueError, match=r"device must be .* that there is, .*, not cuda:9"):
        find(CELL, STARTS, device="cuda:9")


def test_cells_that_are_not_compiled_are_refused(gpu: Gpu) -> None:
    members = dict.fromkeys(
        (name for name in dir(nc.FunctionCell) if not name.startswith("__")), abs
    )
    other = type("Other", (), members)()
    with pytest.raises(TypeError, match=r"only cells whose equations are compiled, such as"):
        find(other, STARTS)


def test_dlpack_of_other_types_is_refused(emulated: Gpu) -> None:
    with pytest.raises(TypeError, match=r"starts cannot be read from the GPU: .*float32"):
        find(CELL, ByDlpack(emulated, np.zeros((2, 8), np.int64)))


def test_memory_of_the_host_is_no_gpus(gpu: Gpu, monkeypatch: pytest.MonkeyPatch) -> None:
    gpu.change(monkeypatch, device_of=lambda _: -1)
    with pytest.raises(ValueError, match="starts says that it is on a GPU, and its memory is the"):
        find(CELL, gpu.put(STARTS))


def test_arrays_on_two_gpus_are_refused(gpu: Gpu, monkeypatch: pytest.MonkeyPatch) -> None:
    gpu.change(monkeypatch, device_count=lambda: 2)
    first, second = ByDlpack(gpu, STARTS), ByDlpack(gpu, INPUTS, device=(2, 1))
    with pytest.raises(ValueError, match="inputs must be on cuda:0, as starts is, not on cuda:1"):
        find(CELL, first, second)
    with pytest.raises(ValueError, match=r'starts must be on cuda:1.*or pass device="cuda:0"'):
        find(CELL, first, device="cuda:1")


def test_a_search_runs_where_the_arrays_are(gpu: Gpu, monkeypatch: pytest.MonkeyPatch) -> None:
    devices: list[int] = []

    def search(*arguments: Any, device: int, **options: Any) -> Any:
        devices.append(device)
        return gpu.module.search64(*arguments, device=0, **options)

    gpu.change(monkeypatch, search64=search, device_count=lambda: 4)
    second = ByDlpack(gpu, INPUTS, device=(2, 3))
    find(CELL, STARTS, second)
    find(CELL, STARTS, second, device="cuda:3")
    find(CELL, STARTS, device="cuda:2")
    find(CELL, STARTS, device=torch.device("cuda", 1))
    find(CELL, STARTS)
    assert devices == [3, 3, 2, 1, 0]
