"""Labels mean what they say: on networks whose points are known, and by an independent judge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

import nullcline as nc
from nullcline.search.kinds import BELOW_TOLERANCE, NOT_A_MINIMUM, UNDECIDABLE
from nullcline.search.minima import Bounds, is_minimum_by_products
from nullcline.search.speed import Speed
from testing.adversarial import Case, cases, fold, rnn
from testing.known import known
from testing.labels import NEAR, campaign

if TYPE_CHECKING:
    from numpy.typing import NDArray

CASES = cases()
SEARCHES = ("auto", "lm", "krylov")


def described(case: Case) -> str:
    return case.name


@pytest.mark.parametrize("method", SEARCHES)
@pytest.mark.parametrize("case", CASES, ids=described)
def test_every_start_comes_to_a_fixed_point_where_q_has_no_other_minimum(
    case: Case, method: str
) -> None:
    points = nc.find_fixed_points(case.cell, case.starts, method=method)
    assert set(points.kind) == {"fixed"}
    assert case.distance(points.h).max() <= NEAR


@pytest.mark.parametrize("case", CASES, ids=described)
def test_newtons_method_calls_nothing_else_a_minimum(case: Case) -> None:
    points = nc.find_fixed_points(case.cell, case.starts, method="newton")
    assert set(points.kind) <= {"fixed", "unconverged"}
    assert case.distance(points.select("fixed").h).max() <= NEAR


@pytest.mark.parametrize("name", ["orthogonal, H = 8", "identity, H = 8", "a double zero, a = 1.5"])
def test_a_function_has_the_labels_of_the_cell_that_it_equals(name: str) -> None:
    case = next(case for case in CASES if case.name == name)
    weight = torch.from_numpy(case.cell.weight_hh.copy())
    bias = torch.from_numpy(case.cell.bias_ih.copy())
    same = nc.from_function(
        lambda _, h: torch.tanh(h @ weight.T + bias), len(weight), 0, bounds=(-1, 1)
    )
    points = nc.find_fixed_points(same, case.starts)
    assert set(points.kind) == {"fixed"}
    assert case.distance(points.h).max() <= NEAR


@pytest.mark.parametrize("name", ["identity, H = 8", "orthogonal, H = 32", "max(0, (1 - 1e-08) h)"])
def test_single_precision_calls_no_slope_a_minimum(name: str) -> None:
    case = next(case for case in CASES if case.name == name)
    weight = case.cell.weight_hh.astype(np.float32)
    cell = nc.RNN(
        np.zeros((len(weight), 1), np.float32), weight, nonlinearity=case.cell.nonlinearity
    )
    points = nc.find_fixed_points(cell, case.starts.astype(np.float32))
    assert set(points.kind) == {"fixed"}


@pytest.mark.parametrize("case", CASES, ids=described)
def test_descent_of_the_gradient_promises_no_minimum(case: Case) -> None:
    points = nc.find_fixed_points(case.cell, case.starts, method="gradient", max_iterations=300)
    assert set(points.kind) <= {"fixed", "slow", "unconverged"}
    assert set(points.reason[points.kind == "slow"]) <= {BELOW_TOLERANCE}
    assert (points.q[points.kind == "slow"] <= 1e-6).all()


def test_a_maximum_of_q_is_no_minimum() -> None:
    a = 1.02
    top = np.arctanh(np.sqrt(1 - 1 / a)) / a  # between zeros of tanh(a h) - h
    cell = rnn(np.array([[a]]))
    judged = nc.find_fixed_points(cell, np.array([[top], [-top]]), max_iterations=0)
    assert judged.kind.tolist() == ["unconverged"] * 2
    assert judged.reason.tolist() == [NOT_A_MINIMUM] * 2
    np.testing.assert_array_equal(judged.h, judged.starts)


def test_a_saddle_of_q_is_no_minimum() -> None:
    """Where one unit of two is at a maximum of its own q, and the other at a minimum."""
    a = 1.02
    top = np.arctanh(np.sqrt(1 - 1 / a)) / a
    b, h = fold(1.5)
    cell = rnn(np.diag([a, 1.5]), np.array([0.0, b - 1e-3]))  # just past the fold: a ghost
    ghost = nc.find_fixed_points(rnn(np.array([[1.5]]), np.array([b - 1e-3])), np.array([[h]]))
    assert ghost.kind.tolist() == ["slow"]
    at = np.array([[top, ghost.h[0, 0]]])
    assert nc.find_fixed_points(cell, at, max_iterations=0).reason.tolist() == [NOT_A_MINIMUM]
    found = nc.find_fixed_points(cell, at)
    assert found.kind.tolist() == ["slow"]
    assert abs(found.h[0, 0]) < 1e-6 or abs(abs(found.h[0, 0]) - 0.24) < 0.01


def test_a_minimum_above_the_tolerance_has_converged() -> None:
    b, h = fold(2.0)
    cell = rnn(np.array([[2.0]]), np.array([b - 0.3]))
    points = nc.find_fixed_points(cell, np.array([[0.9], [h]]))
    low = nc.find_fixed_points(cell, np.array([[0.9], [h]]), tol_slow=1.0)
    assert points.kind.tolist() == ["minimum"] * 2
    assert low.kind.tolist() == ["slow"] * 2
    assert (points.q > 1e-6).all()
    np.testing.assert_array_equal(points.h, low.h)
    assert len(points.unique()) == 1
    assert points.select("minimum").kind.tolist() == ["minimum"] * 2
    assert repr(points) == "FixedPoints(2 starts: 0 fixed, 0 slow, 2 minimum, 0 unconverged; S = 1)"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
@pytest.mark.parametrize("exponent", [2, 8, 16, 20, 30])
def test_what_rounding_hides_is_not_fixed(exponent: int, nonlinearity: str, dtype: Any) -> None:
    """W h cancels to 0 in floating point, whatever the weights were rounded from."""
    w = np.array([[1, -1], [1, -1]], dtype) * dtype(10) ** exponent
    cell = nc.RNN(np.zeros((2, 1), dtype), w, nonlinearity=nonlinearity)
    points = nc.find_fixed_points(cell, np.full((1, 2), 0.5, dtype), max_iterations=0)
    assert points.kind.tolist() == ["unconverged"]
    assert points.q[0] == pytest.approx(0.25, rel=1e-6)


def test_a_zero_that_single_precision_cannot_tell_is_undecidable() -> None:
    weights: list[NDArray[np.float32]] = [
        np.zeros((2, 1), np.float32),
        np.array([[-315.4], [-288.1]], np.float32),
        np.array([-246.8, -22.3], np.float32),
    ]
    found = nc.find_fixed_points(nc.MGU(*weights), np.array([[0.46]], np.float32))
    assert found.reason.tolist() == [UNDECIDABLE]
    double = nc.MGU(*(array.astype(np.float64) for array in weights))
    there = nc.find_fixed_points(double, found.h.astype(np.float64))
    assert there.kind.tolist() == ["fixed"]


def test_an_end_depends_on_its_start_alone_though_it_is_moved() -> None:
    case = next(case for case in CASES if case.name == "orthogonal, H = 32")
    together = nc.find_fixed_points(case.cell, case.starts)
    order = np.random.default_rng(0).permutation(len(case.starts))[:7]
    some = nc.find_fixed_points(case.cell, case.starts[order], n_threads=1)
    for name in ("h", "q", "kind", "reason", "iterations"):
        np.testing.assert_array_equal(getattr(some, name), getattr(together, name)[order])


def test_the_limit_of_iterations_is_kept_when_ends_go_on() -> None:
    case = next(case for case in CASES if case.name == "identity, H = 8")
    for limit in (1, 5, 20):
        points = nc.find_fixed_points(case.cell, case.starts, max_iterations=limit)
        assert (points.iterations <= limit).all()
        assert set(points.kind) <= {"fixed", "unconverged"}


def test_no_label_is_wrong_in_a_campaign_over_every_kind_of_cell() -> None:
    counts = campaign(n_networks=36, seed=3)
    assert counts["networks"] == 36
    wrong = {name: count for name, count in counts.items() if "false" in name and count}
    assert not wrong
    assert counts["float64 fixed"] > 50
    assert counts.get("float64 minimum", 0) + counts.get("float64 slow", 0) > 10


def test_numbers_without_bounds_are_free() -> None:
    box = Bounds(np.array([-np.inf, 0.0, -1.0]), np.array([np.inf, np.inf, 1.0]), 1e-15)
    for h, gradient, held in (
        ([0.5, 0.5, 0.5], [1.0, -1.0, 1.0], [False, False, False]),
        ([1e300, 0.0, 1.0], [-1.0, 1.0, -1.0], [False, True, True]),
        ([-1e300, 0.0, -1.0], [1.0, -1.0, 1.0], [False, False, True]),
    ):
        assert box.held(np.array(h), np.array(gradient)).tolist() == held


@pytest.mark.parametrize("name", ["identity, H = 8", "a double zero, a = 1.5"])
def test_products_alone_tell_a_slope_from_a_minimum(name: str) -> None:
    case = next(case for case in CASES if case.name == name)
    speed, x = Speed(case.cell, 1), np.zeros(1)
    size = case.cell.hidden_size
    box = Bounds(np.full(size, -1.0), np.full(size, 1.0), 1e-15)
    near = known(case.points)[0] + 1e-3 / np.sqrt(size)
    assert not is_minimum_by_products(speed, near, x, box, most=30)


def test_products_alone_find_a_ghost() -> None:
    b, h = fold(1.5)
    cell = rnn(np.diag([1.5, 0.5, 0.2]), np.array([b - 1e-3, 0.1, -0.3]))
    ghost = nc.find_fixed_points(cell, np.array([[h, 0.0, 0.0]]))
    assert ghost.kind.tolist() == ["slow"]
    speed, x, box = Speed(cell, 1), np.zeros(1), Bounds(-np.ones(3), np.ones(3), 1e-15)
    assert is_minimum_by_products(speed, ghost.h[0], x, box, most=30)
    v = np.array([0.3, -1.0, 0.5])
    product = speed.hessian_product(ghost.h[0], x, v)
    np.testing.assert_allclose(product, cell.speed_hessian(ghost.h)[0] @ v, rtol=1e-12)


def test_a_network_of_many_units_is_judged_by_products(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nullcline.search.confirm._LARGEST_DENSE", 2)
    b, h = fold(1.5)
    ghostly = rnn(np.diag([1.5, 0.5, 0.2]), np.array([b - 1e-3, 0.1, 0.0]))
    assert nc.find_fixed_points(ghostly, np.array([[h, 0.2, 0.0]])).kind.tolist() == ["slow"]
    triple = rnn(np.diag([1.0, 0.5, 0.2]))
    stopped = nc.find_fixed_points(triple, np.array([[0.5, 0.5, 0.5]]))
    assert stopped.reason.tolist() == [NOT_A_MINIMUM]
