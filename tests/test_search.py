"""Searches find what a slow reference finds, label it truly, and never leave the cube."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import nullcline as nc
from testing import reference
from testing.gru_samples import (
    LAYOUTS,
    cell_of,
    ghost_unit,
    independent_units,
    outer_rest,
    random_gru,
    seeds,
)
from testing.reference import ReferenceGRU
from testing.search_checks import (
    METHODS,
    NETWORKS,
    SOLVERS,
    TOL_SLOW,
    assert_equal,
    check_against_reference,
    check_interrupted,
    check_labels,
    random_states,
)

GRU = random_gru(8, 3, gain=2.5, seed=3)
CELL = cell_of(GRU)
STARTS = np.random.default_rng(1).uniform(-1, 1, (50, 8))
INPUTS = np.random.default_rng(2).normal(size=(50, 3))


# What is found


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [1, 2, 9])
def test_a_contraction_has_one_fixed_point(method: str, size: int) -> None:
    gru = random_gru(size, 2, gain=0.3)
    options: dict[str, Any] = {"tol_slow": 0.0} if method == "gradient" else {}
    points = nc.find_fixed_points(cell_of(gru), random_states(30, size), method=method, **options)
    if method != "gradient":
        assert set(points.kind) == {"fixed"}
    h = random_states(1, size)[0]
    for _ in range(2000):
        h = gru.step(h, np.zeros(2))
    np.testing.assert_allclose(points.h, np.tile(h, (30, 1)), atol=1e-6)
    if method != "gradient":
        assert points.unique().count.tolist() == [30]


@pytest.mark.parametrize("method", SOLVERS)
def test_three_fixed_points_of_one_unit_are_found(method: str) -> None:
    gru = independent_units(np.array([3.0]), np.zeros(1))
    points = nc.find_fixed_points(cell_of(gru), np.linspace(-1, 1, 41)[:, None], method=method)
    outer = outer_rest(3.0)
    found = np.sort(points.select("fixed").unique().h.ravel())
    np.testing.assert_allclose(found, [-outer, 0, outer], atol=1e-12)
    check_labels(gru, points)


@pytest.mark.parametrize("method", ["auto", "lm", "krylov"])
def test_all_combinations_of_independent_units_are_found(method: str) -> None:
    gru = independent_units(np.array([3.0, 2.0, 4.0, 0.5]), np.zeros(4))
    points = nc.find_fixed_points(cell_of(gru), random_states(800, 4), method=method)
    check_labels(gru, points)
    fixed = points.select("fixed").unique()
    assert len(fixed) == 27
    assert len(np.unique(np.sign(np.round(fixed.h, 6)), axis=0)) == 27


def test_a_ghost_is_slow_and_where_it_must_be() -> None:
    gru, ghost = ghost_unit(1e-3)
    points = nc.find_fixed_points(cell_of(gru), np.array([[-0.9], [ghost], [0.9]]))
    check_labels(gru, points)
    assert points.kind.tolist() == ["slow", "slow", "fixed"]
    np.testing.assert_allclose(points.h[:2, 0], ghost, atol=1e-4)
    assert points.q[0] == pytest.approx(
        (-np.sqrt(0.5) - ghost) ** 2 / 4, rel=1e-6
    )  # where n² = 1/2
    strict = nc.find_fixed_points(cell_of(gru), np.array([[ghost]]), tol_slow=points.q[0] / 2)
    assert strict.kind.tolist() == ["minimum"]
    assert "above tol_slow" in strict.reason[0]


def test_deflation_finds_what_the_starts_have_missed() -> None:
    # Independent units have 27 points: eight starts find eight at most, and more with every round.
    gru = independent_units(np.array([3.0, 2.0, 4.0, 0.5]), np.zeros(4))
    starts = random_states(8, 4)
    points = nc.find_fixed_points(cell_of(gru), starts)
    known = points.select("fixed").unique().h
    assert 1 < len(known) < 9
    for _ in range(6):
        more = nc.find_fixed_points(cell_of(gru), starts, deflate=known)
        check_labels(gru, more)
        for row in more.select("fixed").h:
            assert np.abs(known - row).max(axis=1).min() > 1e-3
        known = np.concatenate([known, more.select("fixed").unique().h])
    assert 12 < len(known) <= 27


def test_a_deflated_point_is_not_found_again_even_from_itself() -> None:
    points = nc.find_fixed_points(CELL, STARTS)
    known = points.select("fixed").unique().h
    again = nc.find_fixed_points(CELL, known, deflate=points, method="newton")
    fixed = again.select("fixed").h
    assert all(np.abs(known - row).max(axis=1).min() > 1e-6 for row in fixed)
    assert_equal(again, nc.find_fixed_points(CELL, known, deflate=known, n_threads=1))
    none = points.select("fixed").select([])
    assert_equal(nc.find_fixed_points(CELL, STARTS, deflate=none), points)


@pytest.mark.parametrize("method", ["auto", "lm", "krylov"])
@pytest.mark.parametrize("name", NETWORKS)
def test_finds_what_the_reference_finds(name: str, method: str) -> None:
    gru = NETWORKS[name]
    starts = random_states(40, gru.size, seed=7)
    points = nc.find_fixed_points(cell_of(gru), starts, method=method)
    check_labels(gru, points)
    check_against_reference(gru, starts, points)


@settings(max_examples=50)
@given(
    st.integers(1, 6),
    st.sampled_from([0.3, 1.0, 2.0, 4.0]),
    st.sampled_from(["auto", "krylov"]),
    seeds,
)
def test_random_networks_have_the_points_that_the_reference_finds(
    size: int, gain: float, method: str, seed: int
) -> None:
    gru = random_gru(size, 2, gain, seed)
    starts, x = random_states(60, size, seed), np.zeros(2)
    points = nc.find_fixed_points(cell_of(gru), starts, method=method)
    check_labels(gru, points)
    ends = [reference.search(gru, start, x, TOL_SLOW) for start in starts]
    expected = np.array([h for h, kind in ends if kind == "fixed"]).reshape(-1, size)
    again = nc.find_fixed_points(cell_of(gru), expected, method=method)
    assert set(again.kind) <= {"fixed"}
    np.testing.assert_allclose(again.h, expected, atol=1e-6)
    if gain <= 2:  # stronger networks have points with basins too small for 60 starts
        found = points.select("fixed").h
        for row in expected:
            assert np.abs(found - row).max(axis=1).min() < 1e-5


@settings(max_examples=60)
@given(
    st.integers(1, 10),
    st.integers(0, 40),
    st.sampled_from([0.1, 1.0, 3.0, 30.0]),
    st.booleans(),
    st.sampled_from(SOLVERS),
    seeds,
)
def test_labels_are_true(
    size: int, n: int, gain: float, driven: bool, method: str, seed: int
) -> None:
    gru = random_gru(size, 2, gain, seed)
    x = np.random.default_rng(seed).normal(size=(n, 2)) if driven else None
    points = nc.find_fixed_points(cell_of(gru), random_states(n, size, seed), x, method=method)
    assert len(points) == n
    check_labels(gru, points) if gain < 30 else None
    assert (np.abs(points.h) < 1).all()
    assert (points.q <= 4).all()


def test_gradient_stops_at_the_tolerance() -> None:
    points = nc.find_fixed_points(CELL, STARTS, method="gradient", tol_slow=1e-5)
    assert (np.abs(points.h) < 1).all()
    done = points.kind == "slow"
    assert done.any()
    assert not done.all()
    assert (points.q[done] <= 1e-5).all()
    assert (points.q[points.kind == "unconverged"] > 1e-5).all()


def test_huge_weights_end_in_a_label() -> None:
    huge = cell_of(ReferenceGRU(*(1e6 * array for array in vars(GRU).values())))
    for method in METHODS:
        points = nc.find_fixed_points(huge, STARTS, method=method, max_iterations=50)
        assert (np.abs(points.h) <= 1).all()
        assert np.isfinite(points.q).all()


@pytest.mark.parametrize("method", SOLVERS)
def test_marginal_points_converge(method: str) -> None:
    # n'(0) is 1 in every unit, so that n(h) - h = -h³ / 3 vanishes to third order: nearer than
    # about 1e-5 nothing tells states apart, and by 1e-3 q's gradient is lost beside J's terms.
    gru = independent_units(np.ones(6), np.zeros(6))
    points = nc.find_fixed_points(cell_of(gru), random_states(30, 6), method=method)
    check_labels(gru, points)
    assert "unconverged" not in points.kind
    assert np.abs(points.h).max() < 2e-3
    assert points.q.max() < 1e-18
    assert not points.unique().certify().certified.any()


@pytest.mark.parametrize("method", SOLVERS)
def test_states_that_never_move_are_no_fixed_points(method: str) -> None:
    # With z = 1 to rounding, F(h) = h holds for every h in floating point, and q is 0.
    gru = independent_units(np.array([0.5, 3.0]), np.array([0.1, 0.0]))
    gru.bias_ih[2:4] = 50
    starts = random_states(20, 2)
    assert (cell_of(gru).speed(starts) < 1e-40).all()
    points = nc.find_fixed_points(cell_of(gru), starts, method=method)
    check_labels(gru, points)
    assert set(points.kind) == {"fixed"}
    assert len(points.unique()) <= 3


def test_a_start_where_the_jacobian_is_singular_ends_fixed() -> None:
    # n' = 1 at the start, to the last digit: Newton has no step there.
    gru = independent_units(np.array([2.0]), np.array([0.3]))
    singular = (np.arctanh(np.sqrt(0.5)) - 0.3) / 2
    points = nc.find_fixed_points(cell_of(gru), np.array([[singular], [-singular]]))
    check_labels(gru, points)
    assert points.kind.tolist() == ["fixed", "fixed"]


def test_single_precision_finds_points_of_double() -> None:
    single = cell_of(GRU, np.float32)
    points = nc.find_fixed_points(single, STARTS.astype(np.float32))
    assert points.h.dtype == points.starts.dtype == np.float32
    assert (np.abs(points.h) < 1).all()
    double = nc.find_fixed_points(CELL, STARTS).select("fixed").h
    fixed = points.select("fixed").h
    assert len(fixed) > 0
    for ours in fixed:
        assert np.abs(double - ours).max(axis=1).min() < 1e-4


# What a start's end may depend on


@settings(max_examples=20)
@given(
    st.sampled_from(METHODS),
    st.sampled_from(["none", "shared", "each"]),
    st.integers(1, 4),
    st.lists(st.integers(0, 49), max_size=80),
)
def test_an_end_depends_on_its_start_alone(
    method: str, inputs: str, n_threads: int, rows: list[int]
) -> None:
    x = {"none": None, "shared": INPUTS[:1], "each": INPUTS}[inputs]
    options: dict[str, Any] = {"method": method, "max_iterations": 60}
    every = nc.find_fixed_points(CELL, STARTS, x, n_threads=2, **options)
    some = nc.find_fixed_points(
        CELL, STARTS[rows], INPUTS[rows] if inputs == "each" else x, n_threads=n_threads, **options
    )
    assert_equal(some, every.select(rows))


def test_an_end_does_not_depend_on_how_its_input_is_given() -> None:
    shared = nc.find_fixed_points(CELL, STARTS, INPUTS[0])
    assert_equal(shared, nc.find_fixed_points(CELL, STARTS, INPUTS[:1]))
    assert_equal(shared, nc.find_fixed_points(CELL, STARTS, np.tile(INPUTS[0], (50, 1))))


def test_the_order_of_starts_does_not_matter() -> None:
    gru = random_gru(40, 2, gain=2.0)
    starts = random_states(300, 40)
    order = np.random.default_rng(0).permutation(300)
    every = nc.find_fixed_points(cell_of(gru), starts, n_threads=1)
    shuffled = nc.find_fixed_points(cell_of(gru), starts[order], n_threads=3)
    assert_equal(shuffled, every.select(order))


def test_a_seed_is_deprecated_and_changes_nothing() -> None:
    with pytest.warns(DeprecationWarning, match="seed is deprecated: no method draws") as caught:
        found = nc.find_fixed_points(CELL, STARTS, seed=1)
    assert caught[0].filename == __file__
    assert_equal(found, nc.find_fixed_points(CELL, STARTS))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_layout_of_starts_does_not_matter(layout: str) -> None:
    lay = LAYOUTS[layout]
    assert_equal(
        nc.find_fixed_points(CELL, lay(STARTS), lay(INPUTS)),
        nc.find_fixed_points(CELL, STARTS, INPUTS),
    )


def test_tensors_are_starts_too() -> None:
    starts = torch.tensor(STARTS, requires_grad=True)
    assert_equal(
        nc.find_fixed_points(CELL, starts, torch.from_numpy(INPUTS)),
        nc.find_fixed_points(CELL, STARTS, INPUTS),
    )


def test_several_threads_of_python_find_the_same() -> None:
    expected = nc.find_fixed_points(CELL, STARTS)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: nc.find_fixed_points(CELL, STARTS), range(8)):
            assert_equal(found, expected)


# The result's columns


def test_the_result_keeps_starts_and_inputs() -> None:
    starts, x = STARTS.copy(), INPUTS[0].copy()
    points = nc.find_fixed_points(CELL, starts, x, tol_unique=0.5)
    starts[:], x[:] = 0, 0
    np.testing.assert_array_equal(points.starts, STARTS)
    np.testing.assert_array_equal(points.inputs, np.tile(INPUTS[0], (50, 1)))
    assert points.tol_unique == 0.5
    assert points.count.tolist() == [1] * 50
    assert points.q.dtype == np.float64
    assert nc.find_fixed_points(CELL, STARTS).inputs is None


def test_a_result_survives_its_file(tmp_path: Any) -> None:
    points = nc.find_fixed_points(CELL, STARTS, INPUTS[0])
    points.save(tmp_path / "points.npz")
    assert_equal(nc.FixedPoints.load(tmp_path / "points.npz"), points)


# Starts at the edge


@pytest.mark.parametrize("method", METHODS)
def test_no_starts_have_no_ends(method: str) -> None:
    points = nc.find_fixed_points(CELL, STARTS[:0], INPUTS[:0], method=method)
    assert len(points) == len(points.unique()) == 0
    assert points.h.shape == (0, 8)
    assert points.inputs is not None
    assert points.inputs.shape == (0, 3)
    assert repr(points) == "FixedPoints(0 starts: 0 fixed, 0 slow, 0 unconverged; S = 8)"


@pytest.mark.parametrize("method", SOLVERS)
def test_a_start_on_a_fixed_point_stays(method: str) -> None:
    point = nc.find_fixed_points(CELL, STARTS).select("fixed").h[:1]
    points = nc.find_fixed_points(CELL, point, method=method)
    assert points.kind.tolist() == ["fixed"]
    np.testing.assert_array_equal(points.h, point)
    assert points.iterations.tolist() == [0]


@pytest.mark.parametrize("method", METHODS)
def test_starts_on_the_face_and_beyond_end_inside(method: str) -> None:
    beyond = np.array([[1.0] * 8, [-1.0] * 8, [50.0] * 8, [0.0, -1e300] * 4])
    points = nc.find_fixed_points(CELL, beyond, method=method)
    assert (np.abs(points.h) < 1).all()
    np.testing.assert_array_equal(points.starts, beyond)
    if method != "gradient":
        check_labels(GRU, points)


def test_thousands_of_copies_of_one_start_end_as_one() -> None:
    points = nc.find_fixed_points(CELL, np.tile(STARTS[0], (3000, 1)))
    one = nc.find_fixed_points(CELL, STARTS[:1])
    assert_equal(points, one.select([0] * 3000))
    assert points.unique(unconverged=True).count.tolist() == [3000]


@pytest.mark.parametrize("method", METHODS)
def test_no_iterations_judge_the_starts(method: str) -> None:
    points = nc.find_fixed_points(CELL, STARTS, method=method, max_iterations=0)
    np.testing.assert_array_equal(points.h, STARTS)
    assert points.iterations.tolist() == [0] * 50
    assert set(points.kind) == {"unconverged"}
    assert "limit" in points.reason[0]


def test_no_tolerance_leaves_nothing_slow() -> None:
    points = nc.find_fixed_points(CELL, STARTS, tol_slow=0, tol_unique=0)
    assert "slow" not in points.kind
    assert len(points.unique()) == len(np.unique(points.select("fixed").h, axis=0)) > 1


# Watching and stopping


def test_progress_is_reported_to_a_function() -> None:
    calls: list[tuple[int, int]] = []
    nc.find_fixed_points(CELL, STARTS, progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (50, 50)
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)


def test_what_progress_raises_ends_the_search() -> None:
    def fail(done: int, total: int) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        nc.find_fixed_points(CELL, STARTS, progress=fail)


def test_progress_is_shown_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    nc.find_fixed_points(CELL, STARTS, progress=True)
    shown = capsys.readouterr()
    assert "50/50" in shown.err
    assert not shown.out


def test_a_counter_where_there_is_no_tqdm_is_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    nc.find_fixed_points(CELL, STARTS, progress=True)
    assert capsys.readouterr().err.endswith("\rfixed points: 50/50\n")


@pytest.mark.parametrize("method", METHODS)
def test_ctrl_c_ends_a_search(method: str) -> None:
    script = f"""
import numpy as np
import nullcline as nc
rng = np.random.default_rng(0)
cell = nc.GRU(rng.normal(size=(600, 1)), 3 * rng.normal(size=(600, 200)) / 200**0.5)
starts = rng.uniform(-1, 1, (20_000, 200))
told = False
def tell(done, total):
    global told
    if not told:
        print("searching", flush=True)
    told = True
nc.find_fixed_points(cell, starts, method={method!r}, tol_slow=0, progress=tell)
"""
    check_interrupted(script)


@pytest.mark.skipif(sys.platform != "linux", reason="limits the address space, as Linux does")
@pytest.mark.parametrize("method", METHODS)
def test_too_little_memory_is_an_error(method: str) -> None:
    script = f"""
import resource
import numpy as np
import nullcline as nc
cell = nc.GRU(np.zeros((1500, 1)), np.eye(1500, 500))
starts = np.zeros((20_000, 500))
nc.find_fixed_points(cell, starts[:1], method={method!r})  # what is loaded once is loaded
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 60_000_000, resource.RLIM_INFINITY))
try:
    nc.find_fixed_points(cell, starts, method={method!r})
except MemoryError:
    print("refused")
"""
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "refused\n"), done.stderr


# Bad input

BAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "no cell": ({"cell": torch.nn.GRU(3, 8)}, TypeError, "not torch.nn.*from_torch"),
    "cells": ({"cell": [CELL]}, TypeError, "cell must be one cell, not a list"),
    "one start": ({"starts": STARTS[0]}, ValueError, r"starts must have shape.*starts\[None\]"),
    "other size": ({"starts": STARTS[:, :5]}, ValueError, r"starts must have shape \(n, 8\)"),
    "NaN": ({"starts": STARTS * np.nan}, ValueError, "starts must be finite"),
    "infinity": ({"starts": STARTS + np.inf}, ValueError, "starts must be finite"),
    "booleans": ({"starts": np.zeros((2, 8), bool)}, TypeError, r"starts.astype\(numpy.float64\)"),
    "half": ({"starts": STARTS.astype("f2")}, TypeError, "starts must be float64 or float32"),
    "inputs": ({"inputs": INPUTS[:, 1:]}, ValueError, r"inputs must be None or have shape \(3,\)"),
    "few inputs": ({"inputs": INPUTS[:7]}, ValueError, r"not \(7, 3\)"),
    "NaN inputs": ({"inputs": INPUTS * np.nan}, ValueError, "inputs must be finite"),
    "method": (
        {"method": "bfgs"},
        ValueError,
        "one of auto, newton, lm, krylov, gradient, homotopy, not 'bf",
    ),
    "deflated": ({"deflate": STARTS[0]}, ValueError, r"deflate must have shape \(n, 8\)"),
    "deflated lm": (
        {"deflate": STARTS[:1], "method": "lm"},
        ValueError,
        'deflate needs method "auto" or "newton", not .lm',
    ),
    "deflated inputs": (
        {"deflate": STARTS[:1], "inputs": INPUTS},
        ValueError,
        "deflate needs one input for all starts",
    ),
    "no method": ({"method": None}, ValueError, "method must be one of"),
    "device": ({"device": "tpu"}, ValueError, "device must be cpu, cuda or cuda:N, not 'tpu'"),
    "no device": ({"device": None}, ValueError, "device must be cpu, cuda or cuda:N, not None"),
    "GPU": ({"device": "cuda:-1"}, ValueError, "device must be cpu, cuda or cuda:N"),
    "meta": ({"device": torch.device("meta")}, ValueError, "device must be cpu, cuda or cuda:N"),
    "unique": ({"tol_unique": -1.0}, ValueError, "tol_unique must be finite and not negative"),
    "unique type": ({"tol_unique": "1"}, TypeError, "tol_unique must be a number, not '1'"),
    "slow": ({"tol_slow": np.nan}, ValueError, "tol_slow must be finite and not negative"),
    "slow type": ({"tol_slow": None}, TypeError, "tol_slow must be a number"),
    "iterations": ({"max_iterations": -1}, ValueError, "max_iterations must lie between 0 and"),
    "many": ({"max_iterations": 2**40}, ValueError, "max_iterations must lie between 0 and"),
    "part": ({"max_iterations": 1.5}, TypeError, "max_iterations must be an integer, not 1.5"),
    "threads": ({"n_threads": 0}, ValueError, "n_threads must lie between 1 and"),
    "threads type": ({"n_threads": True}, TypeError, "n_threads must be an integer, not True"),
    "seed": ({"seed": -1}, ValueError, "seed must lie between 0 and"),
    "seed type": ({"seed": "a"}, TypeError, "seed must be an integer"),
    "progress": ({"progress": "yes"}, TypeError, "progress must be True, False or a function"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused(case: str) -> None:
    change, error, message = BAD[case]
    arguments = {"cell": CELL, "starts": STARTS, **change}
    with pytest.raises(error, match=message):
        nc.find_fixed_points(**arguments)
