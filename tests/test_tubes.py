"""A traced curve is proved to be one curve, alone within its tube; a jump or a crossing is not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

import nullcline as nc
from nullcline.certify.arcs import OVERLAP, Arc, are_joined
from testing.every_cell import SMOOTH, random_network
from testing.gru_samples import cell_of, independent_units, outer_rest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


def curve_of(kind: str, size: int, seed: int = 3, gain: float = 1.2) -> nc.Curve:
    cell = random_network(kind, size, 2, gain, seed).cell()
    points = nc.find_fixed_points(cell, np.zeros((1, cell.state_size)), np.ones(2))
    return nc.trace(cell, points).curves[0]


def across(curve: nc.Curve, a: Array, b: Array, s: float) -> Array:
    """Return the curve's state in the plane through a + s (b - a), by Newton's method."""
    chord, w = b - a, curve.direction
    at = a + s * chord
    u = at
    for _ in range(20):
        residual = curve.cell.residual(u[None, :-1], curve.inputs)[0] - u[-1] * w
        top = np.column_stack([curve.cell.residual_jacobian(u[None, :-1], curve.inputs)[0], -w])
        step = np.linalg.solve(np.vstack([top, chord]), np.append(residual, chord @ (u - at)))
        u = u - step
    return u


@pytest.mark.parametrize("kind", SMOOTH)
def test_a_curve_is_proved_to_be_one_curve_within_its_tube(kind: str) -> None:
    curve = curve_of(kind, 3)
    tube = nc.certify_curve(curve)
    assert tube.is_whole
    assert len(tube) >= len(curve) - 1
    ends = np.column_stack([tube.h, tube.tau])
    rng = np.random.default_rng(0)
    for i in rng.choice(len(tube), 10):
        a, b, s = ends[i], ends[i + 1], rng.uniform(-OVERLAP, 1 + OVERLAP)
        far = np.abs(across(curve, a, b, s) - (a + s * (b - a))).max()
        assert far <= tube.radius_exists[i] + 1e-12
        assert tube.radius_exists[i] <= tube.radius_unique[i]


def test_a_curve_that_leaves_the_box_is_one_of_another_map() -> None:
    cell = random_network("gru", 4, 2, 3.0, 8).cell()
    points = nc.find_fixed_points(cell, np.zeros((1, 4)))
    beyond = nc.trace(cell, points, beyond=True).curves[0]
    assert not beyond.is_inside.all()
    with pytest.raises(ValueError, match="curve must stay in the cell's box"):
        beyond.certify()


def test_a_jump_stays_unproved_however_its_step_is_halved() -> None:
    """Of a curve that was stitched to another one, the stitch alone is open."""
    curve = curve_of("tanh", 3)
    jumped = replace(curve, h=curve.h + np.where(np.arange(len(curve)) < 5, 0, 0.3)[:, None])
    assert curve.certify().is_whole
    assert not jumped.certify(max_arcs=200).is_whole


def test_the_tube_of_one_unit_holds_the_graph_that_its_curve_is() -> None:
    """tanh(3 h) - h = τ, or -τ, as the direction has it."""
    cell = cell_of(independent_units(np.array([3.0]), np.zeros(1)))
    curve = nc.trace(cell, nc.find_fixed_points(cell, np.full((1, 1), 0.01))).curves[0]
    tube = nc.certify_curve(curve)
    assert tube.is_whole
    true = (np.tanh(3 * tube.h[:, 0]) - tube.h[:, 0]) / curve.direction[0]
    np.testing.assert_allclose(tube.tau, true, atol=1e-14)


# What is refused


def by_hand(slope: float, u: Array) -> nc.Curve:
    """Return states of two units that do not see each other, the first at u, the second driven."""
    cell = cell_of(independent_units(np.array([slope, 0.5]), np.zeros(2)))
    v = np.linspace(-0.4, 0.4, len(u))
    return replace(
        curve_of("gru", 2),
        cell=cell,
        h=np.column_stack([u, v]),
        tau=np.tanh(v / 2) - v,
        direction=np.array([0.0, 1.0]),
        inputs=None,
    )


def test_a_jump_to_another_curve_is_noticed() -> None:
    """tanh(3 u) = u has the rests u, 0 and -u, and so the second unit's drive three curves."""
    u = outer_rest(3.0)
    for rest in (u, 0.0, -u):
        assert nc.certify_curve(by_hand(3.0, np.full(8, rest))).is_whole
    tube = nc.certify_curve(by_hand(3.0, np.repeat([u, -u], 4)), max_arcs=200)
    assert not tube.is_whole
    assert tube.certified.any()


def test_a_line_of_triple_roots_is_not_proved_to_be_one_curve() -> None:
    tube = nc.certify_curve(by_hand(1.0, np.zeros(9)), max_arcs=100)
    assert not tube.certified.any()


def test_arcs_are_joined_where_the_second_begins_within_the_first_alone() -> None:
    a, b, c = np.zeros(2), np.array([1.0, 0.0]), np.array([2.0, 0.0])
    first = Arc(a, b, 1e-6, 1e-3, 1e-9)
    assert are_joined(first, Arc(b, c, 1e-6, 1e-3, 1e-9))
    assert not are_joined(first, Arc(b, c, 1e-2, 1e-1, 5e-3))  # beside the first's tube
    assert not are_joined(replace(first, unique=1.0), Arc(b, c, 0.1, 0.5, 0.1))  # beyond its end
    assert not are_joined(first, Arc(b, c))
    assert not are_joined(Arc(a, b), Arc(b, c, 1e-6, 1e-3, 1e-9))
    tube = nc.certify_curve(curve_of("gru", 3))
    assert not replace(tube, joined=np.zeros_like(tube.joined)).is_whole


def test_what_the_effort_does_not_reach_is_not_proved() -> None:
    curve = curve_of("gru", 3)
    whole = nc.certify_curve(curve)
    part = nc.certify_curve(curve, max_arcs=5)
    assert whole.is_whole
    assert not part.is_whole
    assert part.certified.sum() <= 5
    assert np.isnan(part.radius_exists[~part.certified]).all()


def test_stacks_kinks_and_single_states_are_refused() -> None:
    curve = curve_of("gru", 3)
    with pytest.raises(ValueError, match="at least 2 states"):
        nc.certify_curve(replace(curve, h=curve.h[:1], tau=curve.tau[:1]))
    with pytest.raises(ValueError, match="max_arcs"):
        nc.certify_curve(curve, max_arcs=0)
    with pytest.raises(TypeError, match="trace one of its layers"):
        nc.certify_curve(replace(curve, cell=nc.Stack([curve.cell])))
    relu = nc.RNN(np.ones((3, 2)), np.eye(3) / 2, nonlinearity="relu")
    with pytest.raises(TypeError, match="an activation has a kink"):
        nc.certify_curve(replace(curve, cell=relu))
