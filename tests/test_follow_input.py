"""A fixed point followed through inputs stays one, and turns where it must."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import nullcline as nc
from nullcline.continuation.curve_problem import CurveStop
from testing.gru_samples import cell_of, random_gru, seeds
from testing.reference import ReferenceGRU
from testing.symmetric import ODD_KINDS, branch_points_of_zero, odd_network, random_weights


def one_unit(slope: float) -> nc.GRU:
    """Return h' between h and tanh(slope h + x): one unit, the input added to its sum."""
    return cell_of(
        ReferenceGRU(
            np.array([[0.0], [0.0], [1.0]]),
            np.array([[0.0], [0.0], [slope]]),
            np.array([50.0, 0.0, 0.0]),
            np.zeros(3),
        )
    )


def check(branch: nc.InputBranch, cell: nc.GRU) -> None:
    assert np.abs(cell.residual(branch.h, branch.inputs)).max() < 1e-10
    assert (np.abs(branch.h) < 1).all()
    assert (np.diff(branch.arclength) > 0).all()
    assert branch.s[0] == 0
    assert branch.end in {stop.value for stop in CurveStop}


def test_a_contraction_follows_to_the_reach() -> None:
    cell = cell_of(random_gru(6, 2, 0.4, 1))
    direction = np.array([1.0, -2.0])
    branch = nc.follow_input(cell, np.zeros(6), direction, reach=2.0)
    check(branch, cell)
    assert branch.end == CurveStop.REACH.value
    assert 2 - 1e-3 < branch.s[-1] < 2
    assert (np.diff(branch.s) > 0).all()
    assert len(branch.fold_s) == 0
    np.testing.assert_allclose(branch.inputs, branch.s[:, None] * direction)
    end = nc.find_fixed_points(cell, np.zeros((1, 6)), branch.inputs[-1])
    np.testing.assert_allclose(branch.h[-1], end.h[0], atol=1e-9)


def test_the_folds_of_one_unit_are_where_calculus_puts_them() -> None:
    """h = tanh(a h + x) folds where a (1 - h²) = 1, at x = artanh h - a h."""
    slope = 2.0
    cell = one_unit(slope)
    low = nc.find_fixed_points(cell, np.array([[-0.95]]))
    branch = nc.follow_input(cell, low, np.ones(1), reach=1.5, largest_step=0.2)
    check(branch, cell)
    at = np.sqrt(1 - 1 / slope)
    fold = slope * at - np.arctanh(at)
    np.testing.assert_allclose(branch.fold_s, [fold, -fold], atol=1e-9)
    np.testing.assert_allclose(branch.fold_h[:, 0], [-at, at], atol=1e-6)
    assert branch.s[-1] > 1.49
    assert branch.h[-1, 0] > 0.9
    unstable = branch.spectral_radius > 1
    between = np.abs(branch.h[:, 0]) < at - 1e-6
    np.testing.assert_array_equal(unstable, between)


def test_a_branch_goes_to_the_faces_of_the_bounds_that_were_given() -> None:
    """h = 2 x meets the face h = 10 at x = 5, at s = 4 from x = 1."""
    cell = nc.from_function(lambda x, h: h / 2 + x, 1, 1, bounds=(0, 10))
    branch = nc.follow_input(cell, np.full(1, 2.5), np.ones(1), np.ones(1), reach=100.0)
    np.testing.assert_allclose(branch.h, 2 * branch.inputs, atol=1e-10)
    assert branch.end == CurveStop.FACE.value
    assert 4 - 1e-3 < branch.s[-1] < 4


def test_it_begins_at_the_points_own_input() -> None:
    cell = cell_of(random_gru(5, 3, 0.8, 2))
    x, direction = np.array([0.3, -0.2, 0.1]), np.array([0.0, 1.0, 0.5])
    from_state = nc.follow_input(cell, np.zeros(5), direction, x)
    from_points = nc.follow_input(cell, nc.find_fixed_points(cell, np.zeros((1, 5)), x), direction)
    np.testing.assert_allclose(from_state.inputs[0], x)
    np.testing.assert_array_equal(from_state.h, from_points.h)
    check(from_state, cell)


@settings(max_examples=20)
@given(st.integers(1, 6), st.sampled_from([0.5, 1.5, 3.0]), seeds)
def test_curves_of_any_network_keep_the_residual_at_zero(size: int, gain: float, seed: int) -> None:
    cell = cell_of(random_gru(size, 2, gain, seed))
    rng = np.random.default_rng(seed)
    points = nc.find_fixed_points(cell, rng.uniform(-1, 1, (5, size))).unique().select("fixed")
    assume(len(points) > 0)
    branch = nc.follow_input(cell, points.select([0]), rng.normal(size=2), max_points=80)
    check(branch, cell)
    turns = np.count_nonzero(np.diff(np.sign(np.diff(branch.s))))
    assert abs(len(branch.fold_s) - turns) <= 1


# Branches that cross


def is_singular(branch: nc.InputBranch, h: Any, s: float) -> bool:
    """Tell whether a point of a branch solves its equation, and two directions are open there."""
    cell, d = branch.cell, (branch.inputs[-1] - branch.inputs[0]) / branch.s[-1]
    x, outputs = (branch.inputs[0] + s * d)[None], branch.cell.outputs_of(h[None])
    jacobian = np.column_stack(
        [cell.residual_jacobian(outputs, x)[0], cell.residual_input_jvp(outputs, x, d[None])[0]]
    )
    solved = np.abs(cell.residual(outputs, x)).max() < 1e-10
    return bool(solved and np.linalg.svd(jacobian)[1][-1] < 1e-7)


@pytest.mark.parametrize("kind", ODD_KINDS)
def test_the_branch_points_of_an_odd_network_are_where_its_eigenvalues_are_one(kind: str) -> None:
    found = 0
    for seed in range(6):
        weights = random_weights(1 + seed % 5, seed)
        cell = odd_network(kind, weights)
        zero = np.zeros(cell.state_size)
        with np.errstate(all="raise"):
            branch = nc.follow_input(cell, zero, np.ones(1), np.full(1, -4.0), reach=7.0)
        assert branch.end == CurveStop.REACH.value
        truth = branch_points_of_zero(weights)
        truth = truth[(truth > -4) & (truth < 3)]
        np.testing.assert_allclose(np.sort(branch.branch_s) - 4, truth, atol=1e-8)
        np.testing.assert_allclose(branch.h, 0, atol=1e-10)
        assert len(branch.fold_s) == 0
        found += len(truth)
    assert found >= 4


@pytest.mark.parametrize("kind", ODD_KINDS)
def test_an_arm_of_a_pitchfork_leads_straight_on_to_the_other(kind: str) -> None:
    """h = 0 and ± arms meet where σ(x + OFFSET) λ = 1: a branch point, and no fold."""
    cell = odd_network(kind, np.array([[3.0]]))
    start = np.full((1, cell.state_size), 2.5 if kind == "currents" else 0.5)
    point = nc.find_fixed_points(cell, start, np.full(1, 2.0))
    with np.errstate(all="raise"):
        branch = nc.follow_input(cell, point, np.array([-1.0]), reach=5.0)
    (where,) = branch_points_of_zero(np.array([[3.0]]))
    np.testing.assert_allclose(2 - branch.branch_s, where, atol=1e-8)
    np.testing.assert_allclose(branch.branch_h, 0, atol=1e-8)
    assert len(branch.fold_s) == 0
    assert is_singular(branch, branch.branch_h[0], branch.branch_s[0])
    assert branch.h[0, 0] > 0.1
    assert branch.h[-1, 0] < -0.1
    assert branch.end == CurveStop.REACH.value
    assert "1 branch points" in repr(branch)


@pytest.mark.parametrize("kind", ODD_KINDS)
@pytest.mark.parametrize("broken", [1e-9, 1e-6, 1e-3])
def test_near_a_pitchfork_the_branch_is_not_left(kind: str, broken: float) -> None:
    """Where the symmetry is broken nothing crosses: the branch stays on its side, at any step."""
    weights = random_weights(3, 4)
    cell = odd_network(kind, weights, broken, seed=1)
    start = np.random.default_rng(1).uniform(-1, 1, (1, cell.state_size))
    point = nc.find_fixed_points(cell, start, np.full(1, 3.0))
    branch, finer = (
        nc.follow_input(cell, point, np.array([-1.0]), reach=6.0, largest_step=step)
        for step in (1.0, 0.1)
    )
    for found in (branch, finer):
        assert found.end == CurveStop.REACH.value
        assert len(found.branch_s) == 0
    np.testing.assert_allclose(branch.fold_s, finer.fold_s, atol=1e-8)
    np.testing.assert_allclose(branch.h[-1], finer.h[-1], atol=1e-2)


def test_many_branch_points_are_found_in_steps_of_any_length() -> None:
    """A straight branch lets steps grow to 1, in which several others cross it."""
    weights = 0.6 * random_weights(48, 0)
    truth = branch_points_of_zero(weights)
    truth = truth[(truth > -4) & (truth < 3)]
    cell = odd_network("gru", weights)
    branch = nc.follow_input(cell, np.zeros(48), np.ones(1), np.full(1, -4.0), reach=7.0)
    assert len(truth) > 8
    np.testing.assert_allclose(np.sort(branch.branch_s) - 4, truth, atol=1e-8)


def test_a_branch_may_begin_where_it_branches() -> None:
    """σ(0) 2 = 1: the pitchfork is at x = 0, and of its two curves the one along x is followed."""
    weight_ih, weight_hh = np.zeros((3, 1)), np.zeros((3, 1))
    weight_ih[0], weight_hh[2] = 1, 2
    cell = nc.GRU(weight_ih, weight_hh)
    branch = nc.follow_input(cell, np.zeros(1), np.ones(1))
    assert branch.branch_s.tolist() == [0]
    np.testing.assert_allclose(branch.h, 0, atol=1e-12)
    assert branch.end == CurveStop.REACH.value


def test_two_pitchforks_at_once_are_passed_too() -> None:
    """Two units that do not see each other: the Jacobian loses two ranks where both arms meet."""
    cell = odd_network("gru", 3 * np.eye(2))
    point = nc.find_fixed_points(cell, np.full((1, 2), 0.5), np.full(1, 2.0))
    branch = nc.follow_input(cell, point, np.array([-1.0]), reach=5.0)
    (where,) = set(branch_points_of_zero(np.array([[3.0]])))
    np.testing.assert_allclose(2 - branch.branch_s, where, atol=1e-6)
    assert branch.end == CurveStop.REACH.value
    np.testing.assert_allclose(branch.h[-1], -branch.h[-1, 0] * np.array([-1, -1]))


# Ends


def test_a_unit_that_saturates_does_not_end_the_branch() -> None:
    """h = tanh(2 h + x) goes to 1, the face of its box, and never through it."""
    branch = nc.follow_input(one_unit(2.0), np.array([0.9]), np.ones(1), reach=40.0)
    assert branch.end == CurveStop.REACH.value
    assert 40 - 1e-3 < branch.s[-1] < 40
    assert branch.h[-1] == 1


def test_where_more_directions_are_open_the_branch_says_so() -> None:
    stays = nc.from_function(lambda x, h: h + 0 * x, 2, 1 + 1)
    branch = nc.follow_input(stays, np.zeros(2), np.ones(2))
    assert len(branch) == 1
    assert branch.end == CurveStop.DEGENERATE.value


def test_a_few_points_are_said_to_be_a_limit() -> None:
    branch = nc.follow_input(one_unit(0.5), np.zeros(1), np.ones(1), reach=9.0, max_points=3)
    assert (len(branch), branch.end) == (3, CurveStop.POINTS.value)


def test_a_closed_branch_says_so() -> None:
    """h² + x² = 1 is a circle of fixed points; it folds at x = ±1."""
    circle = nc.from_function(lambda x, h: h + 0.1 * (1 - h * h - x * x), 1, 1)
    branch = nc.follow_input(circle, np.ones(1), np.ones(1), reach=5.0)
    assert branch.end == CurveStop.CLOSED.value
    np.testing.assert_allclose(branch.fold_s, [1, -1], atol=1e-9)
    assert branch.arclength[-1] == pytest.approx(2 * np.pi, rel=1e-6)


def test_no_curve_is_followed_where_the_jacobian_is_not_finite() -> None:
    root = nc.from_function(lambda x, h: torch.sqrt(h.abs()) + h / 2 + x, 1, 1, smooth=True)
    with pytest.raises(ValueError, match="point has a Jacobian that is not finite"):
        nc.follow_input(root, np.zeros(1), np.ones(1))
    with pytest.raises(ValueError, match="point has a Jacobian that is not finite"):
        nc.trace(root, np.zeros(1))


@pytest.mark.parametrize("scale", [1.0, 1e5])
def test_a_current_folds_where_calculus_puts_it(scale: float) -> None:
    """v = 3 tanh(v) + x folds where 3 / cosh(v)² = 1; in any unit of current."""
    leaky = nc.from_function(
        lambda x, v: v + 0.1 * (-v + scale * (3 * torch.tanh(v / scale) + x)), 1, 1
    )
    at = np.arccosh(np.sqrt(3))
    fold = 3 * np.tanh(at) - at
    branch = nc.follow_input(
        leaky,
        np.array([2.98 * scale]),
        np.array([-1.0]),
        reach=3.0,
        largest_step=scale,
    )
    np.testing.assert_allclose(branch.fold_s, [fold, -fold], atol=1e-8)
    np.testing.assert_allclose(branch.fold_h[:, 0], [at * scale, -at * scale], rtol=1e-4)
    assert branch.end == CurveStop.REACH.value
    assert branch.h[-1, 0] < -5 * scale


CELL = cell_of(random_gru(4, 2, 0.5))

BAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "no cell": ({"cell": None}, TypeError, "cell must be a nullcline cell"),
    "float32": ({"cell": cell_of(random_gru(4, 2), np.float32)}, TypeError, "make a float64 one"),
    "direction": ({"direction": np.ones(3)}, ValueError, "direction must"),
    "no direction": ({"direction": np.zeros(2)}, ValueError, "not be zero"),
    "none": ({"direction": None}, ValueError, "direction must have shape"),
    "reach": ({"reach": 0.0}, ValueError, "reach must be positive"),
    "reach type": ({"reach": "far"}, TypeError, "reach must be a number"),
    "step": ({"largest_step": -1.0}, ValueError, "largest_step must be"),
    "points": ({"point": np.zeros((2, 4))}, ValueError, "point must be one fixed point"),
    "state": ({"point": np.zeros(5)}, ValueError, "point must have shape"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused(case: str) -> None:
    change, error, message = BAD[case]
    with pytest.raises(error, match=message):
        nc.follow_input(**{"cell": CELL, "point": np.zeros(4), "direction": np.ones(2), **change})
