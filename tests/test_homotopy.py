"""A path of the fixed-point homotopy leads every start to a fixed point, where others stay short.

The reference (`testing.homotopy_reference`) takes small steps, and all of Newton's at each.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import nullcline as nc
from nullcline.search.kinds import LIMIT
from testing.every_cell import EVERY_KIND, random_network
from testing.gru_samples import cell_of, independent_units, outer_rest, random_gru
from testing.homotopy_reference import Path
from testing.search_checks import (
    assert_equal,
    check_against_reference,
    check_interrupted,
    check_labels,
    random_states,
)

BOUNDED = tuple(kind for kind in EVERY_KIND if kind not in {"relu", "leaky"})
GRU = random_gru(8, 3, gain=4, seed=3)
CELL = cell_of(GRU)
STARTS = random_states(40, 8, seed=1)
INPUTS = np.random.default_rng(2).normal(size=(40, 3))


def follow(cell: Any, starts: Any, inputs: Any = None, **options: Any) -> nc.FixedPoints:
    return nc.find_fixed_points(cell, starts, inputs, method="homotopy", **options)


def starts_of(cell: Any, n: int, seed: int = 0) -> Any:
    """Return states within the box of the outputs; an LSTM's c is arbitrary."""
    rng = np.random.default_rng(seed)
    outputs = rng.uniform(0.9 * cell.box.low, 0.9 * cell.box.high, (n, cell.hidden_size))
    return np.hstack([outputs, rng.normal(size=(n, cell.state_size - cell.hidden_size))])


def signs(cell: Any, points: nc.FixedPoints) -> list[float]:
    """Return sign det(I - Dn) at every point."""
    matrices = -cell.residual_jacobian(cell.outputs_of(points.h), points.inputs)
    return [float(sign) for sign in np.linalg.slogdet(matrices)[0]]


# Where paths end


@pytest.mark.parametrize("kind", BOUNDED)
@pytest.mark.parametrize(("size", "gain"), [(1, 5), (3, 2), (12, 4), (32, 5)])
def test_every_start_ends_in_a_fixed_point_of_index_one(kind: str, size: int, gain: float) -> None:
    cell = random_network(kind, size, 2, gain=gain, seed=4).cell()
    points = follow(cell, starts_of(cell, 12))
    assert points.kind.tolist() == ["fixed"] * 12
    assert signs(cell, points) == [1] * 12


@pytest.mark.parametrize("kind", BOUNDED)
def test_ends_are_those_of_small_steps(kind: str) -> None:
    cell = random_network(kind, 8, 2, gain=4, seed=2).cell()
    starts, x = starts_of(cell, 5), np.random.default_rng(3).normal(size=(5, 2))
    points = follow(cell, starts, x)
    for start, end, input_ in zip(cell.outputs_of(starts), points.h, x, strict=True):
        expected = Path(cell, start, input_[None]).end()
        np.testing.assert_allclose(cell.outputs_of(end[None])[0], expected, atol=1e-9)


def test_starts_that_auto_leaves_at_ghosts_end_in_distinct_fixed_points() -> None:
    cell = random_network("tanh", 64, 1, gain=5, seed=0).cell()
    starts = starts_of(cell, 8)
    assert np.mean(nc.find_fixed_points(cell, starts).kind == "fixed") < 0.5
    points = follow(cell, starts)
    assert points.kind.tolist() == ["fixed"] * 8
    assert len(points.unique()) > 4


def test_a_path_goes_round_folds() -> None:
    # Along the way from a start on the far side, each unit's only state of rest vanishes in a fold.
    gru = independent_units(np.array([6.0, 6.0]), np.array([1.5, -1.0]))
    points = follow(cell_of(gru), np.array([[-0.9, 0.9]]))
    assert points.kind.tolist() == ["fixed"]
    np.testing.assert_allclose(points.h[0], Path(cell_of(gru), np.array([-0.9, 0.9])).end())


def test_units_saturated_to_the_last_bit_end_on_the_face_of_the_box() -> None:
    cell = nc.RNN(np.zeros((2, 1)), np.array([[60.0, 0], [0, 2.0]]), None, None)
    points = follow(cell, np.array([[0.5, 0.5], [-0.1, 0.3]]))
    assert points.kind.tolist() == ["fixed", "fixed"]
    assert (np.abs(points.h[:, 0]) > 1 - 1e-15).all()


def test_a_start_whose_path_branches_ends_in_a_fixed_point_too() -> None:
    # By symmetry the second unit stays at 0, where the path splits: a start of measure zero.
    gru = independent_units(np.array([0.5, 3.0]), np.zeros(2))
    points = follow(cell_of(gru), np.array([[0.7, 0.0]]))
    assert points.kind.tolist() == ["fixed"]
    np.testing.assert_allclose(np.abs(points.h[0]), [0, outer_rest(3.0)], atol=1e-12)


@pytest.mark.parametrize("seed", [1, 5])
def test_ends_are_labelled_by_what_they_are(seed: int) -> None:
    gru = random_gru(6, 2, gain=3, seed=seed)
    points = follow(cell_of(gru), random_states(20, 6))
    check_labels(gru, points)
    check_against_reference(gru, points.h.astype(np.float64), points)


def test_in_single_precision_paths_end_at_the_same_points() -> None:
    double = random_network("gru", 24, 2, gain=3, seed=1)
    starts = starts_of(double.cell(), 20)
    expected = follow(double.cell(), starts)
    points = follow(double.cell(np.float32), starts.astype(np.float32))
    assert points.h.dtype == np.float32
    assert points.kind.tolist() == ["fixed"] * 20
    np.testing.assert_allclose(points.h, expected.h, atol=1e-4)


@pytest.mark.parametrize("make", [nc.LeakyRNN, nc.RateRNN])
@pytest.mark.parametrize("rank", [1, 3, 15])
def test_weights_of_low_rank_are_no_other_network(make: Any, rank: int) -> None:
    rng = np.random.default_rng(rank)
    left, right = 2 * rng.normal(size=(20, rank)), rng.normal(size=(20, rank)) / 2
    none, bias, options = np.zeros((20, 1)), rng.normal(size=20), {"activation": "tanh"}
    factored = make(none, (left, right), bias, alpha=0.5, **options)
    full = make(none, left @ right.T, bias, alpha=0.5, **options)
    starts = starts_of(full, 10)
    points = follow(factored, starts)
    assert points.kind.tolist() == ["fixed"] * 10
    np.testing.assert_allclose(points.h, follow(full, starts).h, atol=1e-9)


def test_a_path_of_a_large_network_of_low_rank_takes_no_dense_matrix() -> None:
    rng = np.random.default_rng(0)
    size = 30_000  # of whose dense matrices one alone takes 7 GB
    left = 3 * rng.normal(size=(size, 2))
    cell = nc.LeakyRNN(
        np.zeros((size, 1)), (left, left / size), np.zeros(size), alpha=0.1, activation="tanh"
    )
    points = follow(cell, rng.uniform(-0.9, 0.9, (2, size)), n_threads=1)
    assert points.kind.tolist() == ["fixed"] * 2


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_function_is_followed_as_its_cell_is(dtype: Any) -> None:
    cell = random_network("tanh", 10, 1, gain=4, seed=1).cell()
    w, b = (
        torch.tensor(np.asarray(a, dtype)) for a in (cell.weight_hh, cell.bias_ih + cell.bias_hh)
    )
    function = nc.from_function(
        lambda _, h: torch.tanh(h @ w.T + b), 10, 0, bounds=(-1, 1), dtype=dtype
    )
    starts = random_states(8, 10)
    points = follow(function, starts.astype(dtype))
    assert points.kind.tolist() == ["fixed"] * 8
    tolerance = 1e-9 if dtype == np.float64 else 1e-4
    np.testing.assert_allclose(points.h, follow(cell, starts).h, atol=tolerance)


def test_the_layers_of_a_stack_are_followed_one_after_another() -> None:
    first = random_network("lstm", 6, 2, gain=4, seed=1).cell()
    second = random_network("gru", 5, 6, gain=4, seed=2).cell()
    stack = nc.Stack([first, second])
    points = follow(stack, np.random.default_rng(0).uniform(-0.9, 0.9, (8, stack.state_size)))
    assert points.kind.tolist() == ["fixed"] * 8
    np.testing.assert_allclose(stack.step(points.h), points.h, atol=1e-10)


# What a start's end may depend on


@settings(max_examples=15)
@given(
    st.sampled_from(["none", "shared", "each"]),
    st.integers(1, 4),
    st.lists(st.integers(0, 39), max_size=60),
    st.sampled_from([None, 25]),
)
def test_an_end_depends_on_its_start_alone(
    inputs: str, n_threads: int, rows: list[int], limit: int | None
) -> None:
    x = {"none": None, "shared": INPUTS[:1], "each": INPUTS}[inputs]
    own = INPUTS[rows] if inputs == "each" else x
    every = follow(CELL, STARTS, x, n_threads=2, max_iterations=limit)
    some = follow(CELL, STARTS[rows], own, n_threads=n_threads, max_iterations=limit)
    assert_equal(some, every.select(rows))


# Starts at the edge, limits


def test_no_starts_have_no_ends() -> None:
    assert follow(CELL, STARTS[:0]).h.shape == (0, 8)


def test_a_start_on_a_fixed_point_stays() -> None:
    point = nc.find_fixed_points(CELL, STARTS).select("fixed").h[:1]
    points = follow(CELL, point)
    np.testing.assert_array_equal(points.h, point)
    assert (points.kind.tolist(), points.iterations.tolist()) == (["fixed"], [0])


def test_starts_on_the_face_and_beyond_end_inside() -> None:
    beyond = np.array([[1.0] * 8, [-1.0] * 8, [50.0] * 8, [0.0, -1e300] * 4])
    points = follow(CELL, beyond)
    assert (np.abs(points.h) < 1).all()
    assert points.kind.tolist() == ["fixed"] * 4


@pytest.mark.parametrize("kind", ["gru", "lstm"])
@pytest.mark.parametrize("limit", [0, 1, 2, 5, 17])
def test_a_path_that_is_cut_off_says_so(kind: str, limit: int) -> None:
    cell = random_network(kind, 8, 2, gain=4).cell()
    starts = starts_of(cell, 10)
    points = follow(cell, starts, max_iterations=limit)
    assert points.reason.tolist() == [LIMIT] * 10
    assert points.iterations.tolist() == [limit] * 10
    assert np.isfinite(points.h).all()
    if limit == 0:
        np.testing.assert_array_equal(points.h, starts)


def test_a_limit_that_suffices_changes_nothing() -> None:
    points = follow(CELL, STARTS)
    assert_equal(follow(CELL, STARTS, max_iterations=int(points.iterations.max())), points)


def test_ctrl_c_ends_a_search() -> None:
    check_interrupted("""
import numpy as np
import nullcline as nc
rng = np.random.default_rng(0)
cell = nc.RNN(rng.normal(size=(200, 1)), 5 * rng.normal(size=(200, 200)) / 200**0.5)
told = False
def tell(done, total):
    global told
    if not told:
        print("searching", flush=True)
    told = True
nc.find_fixed_points(cell, rng.uniform(-1, 1, (20_000, 200)), method="homotopy", progress=tell)
""")


# The last resort of auto


def test_starts_that_auto_leaves_go_on_to_fixed_points() -> None:
    cell = random_network("tanh", 32, 2, gain=4, seed=5).cell()
    starts, x = starts_of(cell, 30), np.random.default_rng(0).normal(size=(30, 2))
    first = nc.find_fixed_points(cell, starts, x)
    is_left = first.kind != "fixed"
    assert 0 < is_left.sum() < 30
    points = nc.find_fixed_points(cell, starts, x, unresolved="homotopy")
    paths = follow(cell, starts, x)
    assert points.kind.tolist() == ["fixed"] * 30
    assert_equal(points.select(~is_left), first.select(~is_left))
    np.testing.assert_array_equal(points.h[is_left], paths.h[is_left])
    np.testing.assert_array_equal(points.q[is_left], paths.q[is_left])
    np.testing.assert_array_equal(
        points.iterations, first.iterations + np.where(is_left, paths.iterations, 0)
    )


def test_a_start_whose_path_is_cut_off_keeps_its_ghost() -> None:
    cell = random_network("tanh", 32, 1, gain=4, seed=5).cell()
    starts = starts_of(cell, 30)
    limited: dict[str, Any] = {"max_iterations": 40}
    first = nc.find_fixed_points(cell, starts, **limited)
    points = nc.find_fixed_points(cell, starts, unresolved="homotopy", **limited)
    rest = points.kind != "fixed"
    assert rest.any()
    np.testing.assert_array_equal(points.kind[rest], first.kind[rest])
    np.testing.assert_array_equal(points.h[rest], first.h[rest])


def test_the_last_resort_serves_conditions_and_stacks() -> None:
    first = random_network("tanh", 16, 2, gain=4, seed=1).cell()
    stack = nc.Stack([first, random_network("gru", 12, 16, gain=4, seed=2).cell()])
    starts = np.random.default_rng(0).uniform(-0.9, 0.9, (6, 28))
    points = nc.find_fixed_points(
        stack, starts, {"a": [0.0, 0], "b": [1.0, -1]}, unresolved="homotopy"
    )
    assert points.kind.tolist() == ["fixed"] * 12
    assert points.condition is not None
    assert points.condition.tolist() == ["a"] * 6 + ["b"] * 6


@pytest.mark.parametrize("gain", [0.3, 4])  # no start is left, or some are
def test_progress_goes_on_to_the_end(gain: float) -> None:
    cell = random_network("tanh", 32, 1, gain=gain, seed=5).cell()
    calls: list[tuple[int, int]] = []
    nc.find_fixed_points(
        cell, starts_of(cell, 30), unresolved="homotopy", progress=lambda *call: calls.append(call)
    )
    assert calls[-1] == (30, 30)
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)
    assert {total for _, total in calls} == {30}


# Bad input


@pytest.mark.parametrize("option", ["method", "unresolved"])
def test_unbounded_outputs_are_refused(option: str) -> None:
    cell = random_network("leaky", 6, 2).cell()
    options: dict[str, Any] = {option: "homotopy"}
    message = rf'{option}="homotopy" needs bounded outputs.* 2 of the 6 units'
    with pytest.raises(ValueError, match=message):
        nc.find_fixed_points(cell, np.zeros((1, 6)), **options)
    function = nc.from_function(lambda _, h: torch.tanh(h), 4, 0)
    with pytest.raises(ValueError, match=r"4 of the 4 units.*from_function\(\.\.\., bounds="):
        nc.find_fixed_points(function, np.zeros((1, 4)), **options)


@pytest.mark.parametrize("make", [nc.LeakyRNN, nc.RateRNN])
@pytest.mark.parametrize("activation", ["hard_tanh", "rectified_tanh", "logistic"])
def test_paths_go_on_beyond_kinks(make: Any, activation: str) -> None:
    rng = np.random.default_rng(0)
    weights = 3 * rng.normal(size=(16, 16)) / 4
    cell = make(np.zeros((16, 1)), weights, rng.normal(size=16), alpha=0.5, activation=activation)
    points = follow(cell, starts_of(cell, 8))
    assert points.kind.tolist() == ["fixed"] * 8
    assert signs(cell, points) == [1] * 8


def test_a_relu_network_in_bounds_of_ones_own_is_followed() -> None:
    w = torch.tensor([[0.2, -0.4], [0.3, 0.1]], dtype=torch.float64)
    cell = nc.from_function(lambda _, h: torch.relu(h @ w.T + 0.3), 2, 0, bounds=(0, 1))
    assert follow(cell, random_states(5, 2)).kind.tolist() == ["fixed"] * 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "homotopy", "deflate": STARTS[:1]}, 'deflate needs method "auto" or "newton"'),
        ({"unresolved": "newton"}, "unresolved must be None or 'homotopy', not 'newton'"),
        ({"unresolved": True}, "unresolved must be None or 'homotopy', not True"),
        ({"unresolved": "homotopy", "method": "lm"}, 'goes on after method "auto" without deflate'),
        ({"unresolved": "homotopy", "deflate": STARTS[:1]}, 'after method "auto" without deflate'),
    ],
)
def test_bad_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        nc.find_fixed_points(CELL, STARTS, **options)


@pytest.mark.parametrize("option", ["method", "unresolved"])
def test_a_gpu_is_refused(option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nullcline.search.problem.chosen_gpu", lambda device: device)
    options: dict[str, Any] = {option: "homotopy"}
    with pytest.raises(ValueError, match=rf'{option}="homotopy" runs on the CPU.*device="cpu"'):
        nc.find_fixed_points(CELL, STARTS, device="cuda", **options)
