"""A fixed point followed through inputs stays one, and turns where it must."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import nullcline as nc
from nullcline.continuation.curve_problem import CurveStop
from testing.gru_samples import cell_of, random_gru, seeds
from testing.reference import ReferenceGRU


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
