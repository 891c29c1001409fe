"""Curves hold their equation, run from face to face, and meet every point that is known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import nullcline as nc
from nullcline.continuation.branch_points import open_directions
from nullcline.continuation.curve_problem import CurveStop, Problem
from nullcline.continuation.pseudo_arclength import follow
from testing.every_cell import random_network
from testing.gru_samples import (
    cell_of,
    ghost_unit,
    independent_units,
    outer_rest,
    random_gru,
    seeds,
)
from testing.trained_networks import LAYERS, trained_layer

if TYPE_CHECKING:
    from numpy.typing import NDArray

FACE = CurveStop.FACE.value


def known(slopes: list[float]) -> nc.GRU:
    return cell_of(independent_units(np.array(slopes), np.zeros(len(slopes))))


def check(curve: nc.Curve, cell: nc.GRU, x: NDArray[np.float64] | None = None) -> None:
    """Check what must hold of any curve."""
    assert (np.abs(curve.h) < 1).all()
    residual = cell.residual(curve.h, x)
    np.testing.assert_allclose(residual, np.outer(curve.tau, curve.direction), rtol=0, atol=1e-10)
    np.testing.assert_allclose(curve.q, cell.speed(curve.h, x), rtol=1e-12)
    assert np.linalg.norm(curve.direction) == pytest.approx(1)
    assert (np.diff(curve.arclength) > 0).all()
    steps = np.column_stack([np.diff(curve.h, axis=0), np.diff(curve.tau)])
    assert (np.linalg.norm(steps, axis=1) <= 1.2 * np.diff(curve.arclength)).all()
    for tangent, slope, h in zip(curve.tangents, curve.tau_slope, curve.h, strict=True):
        moved = cell.residual_jacobian(h[None], x)[0] @ tangent
        np.testing.assert_allclose(moved, slope * curve.direction, rtol=0, atol=1e-9)


# Curves through known points


def test_one_curve_passes_through_three_fixed_points() -> None:
    cell = known([3.0])
    found = nc.trace(cell, np.zeros(1))
    (curve,) = found.curves
    check(curve, cell)
    assert curve.ends == (FACE, FACE)
    assert set(found.points.kind) == {"fixed"}
    outer = outer_rest(3.0)
    np.testing.assert_allclose(np.sort(found.points.h.ravel()), [-outer, 0, outer], atol=1e-12)


@pytest.mark.parametrize("unit", [0, 1, 2])
def test_each_direction_moves_its_own_unit(unit: int) -> None:
    """Singular values at 0 are s - 1: the smallest belongs to the unit of the smallest slope."""
    slopes = [2.0, 2.5, 4.0]
    cell = known(slopes)
    curves = nc.trace(cell, np.zeros((1, 3)), n_directions=3).curves
    curve = curves[unit]
    check(curve, cell)
    others = [i for i in range(3) if i != unit]
    np.testing.assert_allclose(curve.h[:, others], 0, atol=1e-9)
    assert np.ptp(curve.h[:, unit]) > 1.9


def test_several_directions_meet_more_points() -> None:
    cell = known([2.0, 2.5])
    assert len(nc.trace(cell, np.zeros(2)).points) == 3
    both = nc.trace(cell, np.zeros(2), n_directions=2)
    assert len(both.curves) == 2
    assert len(both.points) == 5  # the origin, and two on each axis


def test_several_points_are_traced_and_what_they_meet_is_merged() -> None:
    cell = known([3.0])
    points = nc.find_fixed_points(cell, np.linspace(-1, 1, 11)[:, None]).unique()
    found = nc.trace(cell, points)
    assert len(found.curves) == len(points) == len(found.points) == 3
    assert found.points.count.sum() >= 9


def test_a_ghost_is_passed_and_labelled() -> None:
    cell = cell_of(ghost_unit(1e-3)[0])
    end = nc.find_fixed_points(cell, np.array([[0.9]]))
    assert end.kind.tolist() == ["fixed"]
    found = nc.trace(cell, end)
    assert sorted(found.points.kind) == ["fixed", "slow"]
    ghost = found.points.select("slow")
    back = nc.trace(cell, ghost)
    assert sorted(back.points.kind) == ["fixed", "slow"]
    np.testing.assert_allclose(back.points.h, found.points.h, atol=1e-5)
    check(back.curves[0], cell)


@pytest.mark.parametrize("key", LAYERS)
def test_a_trace_finds_all_that_500_starts_find(key: tuple[str, int]) -> None:
    layer = trained_layer(*key)
    cell = layer.cell()
    searched = nc.find_fixed_points(cell, layer.starts, tol_slow=1e-3).unique()
    for row in range(len(searched)):
        found = nc.trace(cell, searched.select([row]), tol_slow=1e-3)
        assert found.curves[0].ends == (FACE, FACE)
        check(found.curves[0], cell)
        for h, kind in zip(searched.h, searched.kind, strict=True):
            near = np.abs(found.points.h - h).max(axis=1) < 1e-3
            assert kind in found.points.kind[near]


@settings(max_examples=20)
@given(st.integers(1, 6), st.sampled_from([0.5, 1.5, 3.0]), st.booleans(), seeds)
def test_curves_of_any_network_satisfy_their_equation(
    size: int, gain: float, driven: bool, seed: int
) -> None:
    gru = random_gru(size, 2, gain, seed)
    cell = cell_of(gru)
    x = np.random.default_rng(seed).normal(size=2) if driven else None
    starts = np.random.default_rng(seed).uniform(-1, 1, (4, size))
    points = nc.find_fixed_points(cell, starts, x).unique()
    assume(len(points) > 0)
    found = nc.trace(cell, points, n_directions=min(2, size), max_points=60)
    for curve in found.curves:
        check(curve, cell, x)
        assert set(curve.ends) <= {stop.value for stop in CurveStop}
    for h in points.select("fixed").h:
        assert np.abs(found.points.h - h).max(axis=1).min() < 1e-6


def test_an_input_is_held() -> None:
    cell = cell_of(random_gru(4, 2, 1.5, 1))
    x = np.array([0.5, -1.0])
    from_states = nc.trace(cell, np.zeros(4), x)
    from_points = nc.trace(cell, nc.find_fixed_points(cell, np.zeros((1, 4)), x))
    np.testing.assert_array_equal(from_states.curves[0].h, from_points.curves[0].h)
    check(from_states.curves[0], cell, x)


def test_the_spectral_radius_is_given_along_a_curve() -> None:
    cell = known([3.0, 2.0])
    (curve,) = nc.trace(cell, np.zeros(2)).curves
    expected = [np.abs(np.linalg.eigvals(j)).max() for j in cell.jacobian(curve.h)]
    np.testing.assert_allclose(curve.spectral_radius, expected, rtol=1e-12)


def test_few_points_are_asked_for() -> None:
    cell = known([3.0])
    (curve,) = nc.trace(cell, np.zeros(1), max_points=3).curves
    assert len(curve) == 5
    assert curve.ends == (CurveStop.POINTS.value,) * 2


@pytest.mark.parametrize("radius", [0.5, 2.0, 10.0])
def test_a_ring_of_fixed_points_is_traced_once_round(radius: float) -> None:
    def pulled(x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        del x
        length = torch.sqrt((h * h).sum(dim=1, keepdim=True))
        return h + 0.1 * h * (1 - length / radius)

    with np.errstate(all="raise"):
        (curve,) = nc.trace(nc.from_function(pulled, 2, 0), np.array([radius, 0.0])).curves
    assert curve.ends == (CurveStop.CLOSED.value,) * 2
    assert curve.arclength[-1] == pytest.approx(2 * np.pi * radius, rel=1e-6)
    np.testing.assert_allclose(np.linalg.norm(curve.h, axis=1), radius, rtol=1e-8)
    np.testing.assert_array_equal(curve.h[-1], curve.h[0])


def test_a_trace_through_currents_meets_all_three_points() -> None:
    leaky = nc.from_function(lambda x, v: v + 0.1 * (-v + 3 * torch.tanh(v) + x), 1, 1)
    with np.errstate(all="raise"):
        found = nc.trace(leaky, np.array([2.98]), np.zeros(1), max_points=50)
    np.testing.assert_allclose(
        np.sort(found.points.h[:, 0]), [-2.984704529, 0, 2.984704529], atol=1e-9
    )
    assert set(found.points.kind) == {"fixed"}
    assert found.curves[0].ends == (CurveStop.POINTS.value,) * 2


@pytest.mark.parametrize("off", [0.0, 1e-80, 1e-4])
def test_a_multiple_root_is_traced_whatever_it_was_called(off: float) -> None:
    """h = tanh(h), at 0, and where the residual is smaller than the least number."""
    cell = nc.RNN(np.zeros((1, 1)), np.ones((1, 1)))
    points = nc.find_fixed_points(cell, np.full((1, 1), off), max_iterations=0)
    for kind in ("fixed", "slow"):
        called = replace(points, kind=np.array([kind]))
        with np.errstate(all="raise"):
            (curve,) = nc.trace(cell, called).curves
        assert curve.ends == (FACE, FACE)
        assert np.ptp(curve.h) > 1.9


def test_a_curve_says_where_others_cross_it() -> None:
    """Two units that inhibit each other, h = tanh(a h - b h'): on h = h' others cross in pairs."""
    a, b = 2.0, 1.5
    cell = nc.RNN(np.zeros((2, 1)), np.array([[a, -b], [-b, a]]))
    symmetric = np.ones(2) / np.sqrt(2)
    curves = nc.trace(cell, np.zeros(2), n_directions=2).curves
    curve = max(curves, key=lambda found: abs(found.direction @ symmetric))
    np.testing.assert_allclose(curve.h[:, 0], curve.h[:, 1], atol=1e-9)
    # Across h = h', I - J is singular where (a + b)(1 - tanh²((a - b) h)) = 1.
    at = np.arctanh(np.sqrt(1 - 1 / (a + b))) / (a - b)
    expected = [-at, at] if at < 1 else []
    np.testing.assert_allclose(np.sort(curve.branch_h[:, 0]), expected, atol=1e-8)
    assert len(curve.branch_arclength) == len(curve.branch_h)
    assert curve.ends == (FACE, FACE)


# The continuation itself


def circle(*, inside: float = 10.0) -> Problem:
    """Return x² + y² = 1, in a box."""
    return Problem(
        lambda p: np.array([p @ p - 1]),
        lambda p: 2 * p[None],
        lambda p: inside - np.abs(p),
    )


@pytest.mark.parametrize("largest_step", [0.05, 0.3, 2.0])
def test_a_closed_curve_comes_back(largest_step: float) -> None:
    branch = follow(
        circle(),
        np.array([1.0, 0.0]),
        np.array([0.0, 1.0]),
        largest_step=largest_step,
        max_points=1000,
    )
    assert branch.stop is CurveStop.CLOSED
    np.testing.assert_allclose(np.linalg.norm(branch.points, axis=1), 1, atol=1e-12)
    assert branch.arclength[-1] == pytest.approx(2 * np.pi, rel=1e-9)


def test_a_curve_goes_round_its_folds_to_the_boundary() -> None:
    cubic = Problem(
        lambda p: np.array([p[1] ** 3 - p[1] - p[0]]),
        lambda p: np.array([[-1.0, 3 * p[1] ** 2 - 1]]),
        lambda p: 2 - np.abs(p),
    )
    start = np.zeros(2)
    (tangent,) = open_directions(cubic, start).tangents
    for sign in (1, -1):
        branch = follow(cubic, start, sign * tangent, largest_step=0.2, max_points=500)
        assert branch.stop is CurveStop.FACE
        assert 0 < cubic.rooms(branch.points[-1]).min() < 1e-3
        x = branch.points[:, 0]
        assert (np.diff(x) > 0).any()
        assert (np.diff(x) < 0).any()


def test_where_no_curve_goes_on_a_branch_ends() -> None:
    """The corner of |x| = y cannot be turned: its tangent jumps."""
    corner = Problem(
        lambda p: np.array([abs(p[0]) - p[1]]),
        lambda p: np.array([[np.sign(p[0]), -1.0]]),
        lambda p: 5 - np.abs(p),
    )
    branch = follow(
        corner,
        np.array([1.0, 1.0]),
        -np.ones(2) / np.sqrt(2),
        largest_step=1.0,
        max_points=500,
    )
    assert branch.stop is CurveStop.STEP
    assert (branch.points[:, 0] > -1e-3).all()


# Other boxes than the cube


def sine(**options: Any) -> nc.FunctionCell:
    """Make a cell whose curve through (π, 5) is the line (·, 5), τ being sin(·) / 10."""

    def f(x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        del x
        return torch.stack([h[:, 0] + torch.sin(h[:, 0]) / 10, torch.full_like(h[:, 1], 5)], 1)

    return nc.from_function(f, 2, 1, **options)


def test_a_curve_goes_to_the_faces_of_the_bounds_that_were_given() -> None:
    found = nc.trace(sine(bounds=(0, 10)), np.array([3.0, 4.0]))
    (curve,) = found.curves
    assert curve.ends == (FACE, FACE)
    np.testing.assert_allclose(curve.h[:, 1], 5, atol=1e-9)
    np.testing.assert_allclose(np.abs(curve.tau), np.abs(np.sin(curve.h[:, 0]) / 10), atol=1e-9)
    assert curve.h[:, 0].min() < 1e-3
    assert curve.h[:, 0].max() > 10 - 1e-3
    fixed = np.sort(found.points.select("fixed").h[:, 0])
    np.testing.assert_allclose(fixed, np.pi * np.arange(1, 4), atol=1e-9)


def test_a_curve_without_faces_ends_with_its_points() -> None:
    (curve,) = nc.trace(sine(), np.array([3.0, 4.0]), max_points=60).curves
    assert curve.ends == (CurveStop.POINTS.value,) * 2
    assert len(curve) == 2 * 60 - 1
    assert curve.h[:, 0].min() < -10
    assert curve.h[:, 0].max() > 20


RECTIFIED = random_network("relu", 4, 2, gain=0.3)


def rectified(x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
    return torch.relu(0.3 * h + x)


@pytest.mark.parametrize(
    "cell",
    [
        RECTIFIED.cell(),
        nc.Stack([random_network("tanh", 2, 2).cell(), RECTIFIED.cell()]),
        nc.from_function(rectified, 2, 2),
        nc.from_function(lambda x, h: torch.tanh(h + x), 2, 2, smooth=False),
    ],
    ids=["cell", "stack", "function", "as said"],
)
def test_cells_with_kinks_are_refused(cell: Any) -> None:
    with pytest.raises(TypeError, match="cell has units with kinks"):
        nc.trace(cell, np.zeros(cell.state_size))
    with pytest.raises(TypeError, match="cell has units with kinks"):
        nc.follow_input(cell, np.zeros(cell.state_size), np.ones(cell.input_size))


def test_a_kink_that_is_never_reached_does_no_harm() -> None:
    """x = 1 keeps all states above 1, where the function is linear, and its curve a line."""
    cell = nc.from_function(rectified, 2, 2, smooth=True)
    (curve,) = nc.trace(cell, np.ones(2), np.ones(2), max_points=3).curves
    assert len(curve) == 5


# Bad input

CELL = cell_of(random_gru(4, 2))

BAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "no cell": ({"cell": "GRU"}, TypeError, "cell must be a nullcline cell"),
    "size": ({"point": np.zeros(3)}, ValueError, r"point must have shape \(n, 4\)"),
    "NaN": ({"point": np.full(4, np.nan)}, ValueError, "point must be finite"),
    "booleans": ({"point": np.zeros(4, bool)}, TypeError, "point must be float64"),
    "directions": ({"n_directions": 5}, ValueError, "n_directions must lie between 1 and 4"),
    "step": ({"largest_step": 0.0}, ValueError, "largest_step must be positive"),
    "points": ({"max_points": 1}, ValueError, "max_points must lie between 2"),
    "inputs": ({"inputs": np.zeros(3)}, ValueError, "inputs must be None or have shape"),
    "two inputs": ({"inputs": np.zeros((2, 2))}, ValueError, "inputs must be one input"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused(case: str) -> None:
    change, error, message = BAD[case]
    with pytest.raises(error, match=message):
        nc.trace(**{"cell": CELL, "point": np.zeros(4), **change})


def test_points_that_do_not_fit_are_refused() -> None:
    starts = np.random.default_rng(0).uniform(-1, 1, (3, 4))
    points = nc.find_fixed_points(CELL, starts, np.eye(3, 2))
    with pytest.raises(ValueError, match="one input for all its rows"):
        nc.trace(CELL, points)
    with pytest.raises(ValueError, match="which have their own"):
        nc.trace(CELL, points.select([0]), np.zeros(2))
    with pytest.raises(ValueError, match="4 numbers, and cell of 6"):
        nc.trace(cell_of(random_gru(6, 2)), points)
    nothing = nc.find_fixed_points(CELL, starts, max_iterations=0)
    with pytest.raises(ValueError, match="no fixed or slow point"):
        nc.trace(CELL, nothing)
