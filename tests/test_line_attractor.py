"""A line attractor's measures are those that geometry gives, and the trained network has one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import CubicSpline

import nullcline as nc
from testing.every_cell import random_network
from testing.gru_samples import cell_of, independent_units, random_gru, seeds
from testing.known import known
from testing.trained_networks import trained_layer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]


@settings(max_examples=25)
@given(st.integers(2, 6), st.integers(2, 5), st.integers(3, 30), seeds)
def test_states_beside_a_line_have_their_coordinates(
    size: int, n_nodes: int, n: int, seed: int
) -> None:
    """States beside a straight line have their coordinates along and across it."""
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(rng.normal(size=(size, size)))[0]
    begin = rng.uniform(-0.2, 0.2, size)
    ends = np.sort(rng.uniform(0, 1, n_nodes - 2))
    nodes = (
        begin + np.concatenate([[0], np.cumsum(np.diff([0, *ends, 1]) + 0.1)])[:, None] * axes[0]
    )
    length = np.linalg.norm(nodes[-1] - nodes[0])
    along, across = rng.uniform(0, length, n), rng.normal(size=(n, size - 1))
    states = begin + along[:, None] * axes[0] + across @ axes[1:]
    readout = axes[0] + axes[1]
    found = nc.measure_line_attractor(
        cell_of(random_gru(size, 2, 1.0, seed)), nodes, states, readout=readout, central=1
    )
    assert found.length == pytest.approx(np.ptp(along))
    assert found.visited == pytest.approx((along.min(), along.max()))
    np.testing.assert_allclose(found.state_positions, along, atol=1e-12)
    np.testing.assert_allclose(found.state_distances, np.linalg.norm(across, axis=1), rtol=1e-9)
    assert found.width == pytest.approx(np.sqrt(np.mean(np.sum(across**2, axis=1))))
    assert found.aspect == pytest.approx(found.length / found.width)
    assert found.offset == pytest.approx(np.linalg.norm(across.mean(axis=0)))
    spread = found.width**2 - found.offset**2
    total = along.var() + spread
    assert found.explained_variance == pytest.approx(along.var() / total)
    assert found.explained_by_chord == pytest.approx(along.var() / total)
    assert found.r2 == pytest.approx(1 - found.width**2 / total)
    components = np.linalg.eigvalsh(np.atleast_2d(np.cov(states.T, bias=True)))
    assert found.explained_by_component == pytest.approx(components[-1] / total)
    np.testing.assert_allclose(np.abs(found.tangents @ axes[0]), 1, atol=1e-12)
    np.testing.assert_allclose(known(found.tangent_to_readout), 45, atol=1e-6)


@settings(max_examples=25)
@given(st.integers(20, 60), st.floats(0.1, 0.5), seeds)
def test_states_beside_an_arc_have_their_coordinates(
    n_nodes: int, beside: float, seed: int
) -> None:
    """States beside a circle of radius 1: position is the angle, distance that of the radii.

    As far as a spline of so few nodes is the circle.
    """
    rng = np.random.default_rng(seed)
    steps = rng.uniform(0.5, 1.5, n_nodes)
    angle = 1.5 * np.pi * np.append(0, np.cumsum(steps) / steps.sum())
    nodes = np.column_stack([np.cos(angle), np.sin(angle), np.full_like(angle, 0.3)])
    theta = rng.uniform(0.1, 1.4 * np.pi, 50)
    radius = 1 + rng.choice([-beside, beside], 50)
    states = np.column_stack([radius * np.cos(theta), radius * np.sin(theta), np.full(50, 0.3)])
    found = nc.measure_line_attractor(cell_of(random_gru(3, 2)), nodes, states)
    np.testing.assert_allclose(found.state_positions, theta, atol=5e-3)
    np.testing.assert_allclose(found.state_distances, beside, atol=1e-3)
    low, high = np.quantile(theta, [0.025, 0.975])
    assert found.visited == pytest.approx((low, high), abs=5e-3)
    np.testing.assert_allclose(found.positions, np.linspace(*found.visited, 20))
    at = found.positions
    tangents = np.column_stack([-np.sin(at), np.cos(at), np.zeros(20)])
    np.testing.assert_allclose(np.sum(found.tangents * tangents, axis=1), 1, atol=1e-5)


@settings(max_examples=20)
@given(st.integers(1, 5), st.integers(2, 8), seeds)
def test_no_other_state_of_the_spline_is_nearer(size: int, n_nodes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    nodes = rng.uniform(-1, 1, (n_nodes, size))
    states = np.concatenate([nodes[[0, -1]], rng.uniform(-1, 1, (40, size))])
    found = nc.measure_line_attractor(cell_of(random_gru(size, 2)), nodes, states, n_positions=2)
    knots = np.append(0, np.cumsum(np.linalg.norm(np.diff(nodes, axis=0), axis=1)))
    dense = CubicSpline(knots, nodes)(np.linspace(0, knots[-1], 5000))
    distances = np.linalg.norm(states[:, None] - dense, axis=2).min(axis=1)
    np.testing.assert_allclose(found.state_distances, distances, atol=2e-3)
    lengths = np.append(0, np.cumsum(np.linalg.norm(np.diff(dense, axis=0), axis=1)))
    nearest = dense[np.abs(lengths[:, None] - found.state_positions).argmin(axis=0)] - states
    np.testing.assert_allclose(np.linalg.norm(nearest, axis=1), distances, atol=5e-3)


def test_directions_are_those_of_known_modes() -> None:
    """Units that do not see each other: modes are axes, the slowest that of slope nearest 1."""
    cell = cell_of(independent_units(np.array([0.99, 0.5, 0.2]), np.zeros(3)))
    states = np.random.default_rng(0).uniform(-0.1, 0.1, (30, 3))
    nodes = np.array([[-0.1, 0, 0], [0, 0, 0], [0.1, 0, 0]])
    readout = np.array([np.sqrt(3), 1.0, 0.0])
    along = nc.measure_line_attractor(cell, nodes, states, readout=readout)
    np.testing.assert_allclose(along.tangent_to_mode, 0, atol=1e-5)
    np.testing.assert_allclose(known(along.tangent_to_readout), 30)
    np.testing.assert_allclose(known(along.mode_to_readout), 30)
    slopes = (1 + 0.99 / np.cosh(0.99 * along.h[:, 0]) ** 2) / 2
    np.testing.assert_allclose(along.time_constants, -1 / np.log(slopes), rtol=1e-9)
    across = nc.measure_line_attractor(cell, nodes[:, [1, 0, 2]], states, readout=-readout)
    np.testing.assert_allclose(across.tangent_to_mode, 90, atol=1e-5)
    np.testing.assert_allclose(known(across.tangent_to_readout), 60)
    np.testing.assert_allclose(known(across.mode_to_readout), 30)


@pytest.mark.parametrize(("axis", "angle"), [(0, 0), (1, 0), (2, 90)])
def test_a_complex_mode_is_a_plane(axis: int, angle: float) -> None:
    """Units 1 and 2 rotate slowly, unit 3 dies fast: J = (I + rotation) / 2 at the origin."""
    turn = 0.05
    gru = independent_units(np.array([1.0, 1.0, 0.1]), np.zeros(3))
    gru.weight_hh[6:8, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    nodes = 1e-3 * np.eye(3)[axis] * np.array([[-1.0], [1.0]])
    states = 1e-3 * np.random.default_rng(0).uniform(-1, 1, (20, 3))
    found = nc.measure_line_attractor(cell_of(gru), nodes, states)
    np.testing.assert_allclose(found.tangent_to_mode, angle, atol=1e-2)


def test_the_trained_network_has_a_line_attractor() -> None:
    layer = trained_layer("imdb-1-layer")
    cell, states = layer.cell(), layer.starts.astype(np.float64)
    points = nc.find_fixed_points(cell, states, tol_slow=1e-3).unique()
    (curve,) = nc.trace(cell, points.select([0]), tol_slow=1e-3).curves
    found = nc.measure_line_attractor(cell, curve, states, n_positions=7)
    assert found.tangent_to_readout is None
    assert found.aspect > 4
    assert 0.6 < found.explained_by_chord < found.explained_variance < found.explained_by_component
    assert (found.tangent_to_mode < 15).all()
    assert (found.time_constants > 50).all()
    assert np.linalg.norm(np.diff(curve.h, axis=0), axis=1).sum() > found.length
    # The spline stays on the curve: τ is the only residual that is left.
    residual = cell.residual(found.h)
    off = residual - np.outer(residual @ curve.direction, curve.direction)
    assert np.abs(off).max() < 1e-3


def test_a_curve_brings_its_input() -> None:
    cell = cell_of(random_gru(4, 2, 1.5, 1))
    x = np.array([0.5, -1.0])
    (curve,) = nc.trace(cell, np.zeros(4), x).curves
    states = np.random.default_rng(0).uniform(-1, 1, (50, 4))
    found = nc.measure_line_attractor(cell, curve, states)
    by_hand = nc.measure_line_attractor(cell, curve.h, states, x)
    np.testing.assert_array_equal(found.time_constants, by_hand.time_constants)
    with pytest.raises(ValueError, match="inputs must be None"):
        nc.measure_line_attractor(cell, curve, states, x)


def test_a_curve_beyond_the_box_is_measured_where_it_goes_through_its_beginning() -> None:
    layer = trained_layer("imdb-64-units")
    cell, states = layer.cell(), layer.starts.astype(np.float64)
    points = nc.find_fixed_points(cell, states[:20]).unique().select("fixed")[:1]
    (inside,), (beyond,) = (nc.trace(cell, points, beyond=on).curves for on in (False, True))
    assert not beyond.is_inside.all()
    ours, expected = (nc.measure_line_attractor(cell, one, states) for one in (beyond, inside))
    assert ours.length == pytest.approx(expected.length, rel=0.05)
    assert ours.width == pytest.approx(expected.width, rel=0.05)


def test_chunks_of_states_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    cell, nodes = cell_of(random_gru(3, 2)), rng.uniform(-1, 1, (4, 3))
    states = rng.uniform(-1, 1, (50, 3))
    whole = nc.measure_line_attractor(cell, nodes, states)
    monkeypatch.setattr("nullcline.continuation.line_attractor.STATES_AT_ONCE", 7)
    parts = nc.measure_line_attractor(cell, nodes, states)
    np.testing.assert_allclose(parts.state_positions, whole.state_positions, atol=1e-12)


def test_an_lstms_line_lies_in_its_whole_state() -> None:
    cell = random_network("lstm", 3, 2).cell()
    rng = np.random.default_rng(0)
    nodes = np.array([[-0.5], [0.0], [0.5]]) * rng.normal(size=6)
    states = rng.uniform(-1, 1, (30, 6))
    readout = rng.normal(size=3)
    found = nc.measure_line_attractor(cell, nodes, states, readout=readout)
    assert found.h.shape == (20, 6)
    cosine = found.tangents[0, :3] @ readout / np.linalg.norm(readout)
    expected = np.degrees(np.arccos(abs(cosine)))
    np.testing.assert_allclose(known(found.tangent_to_readout), expected, atol=1e-6)
    modes = nc.linearize(cell, found.h).by_time_constant()
    np.testing.assert_array_equal(found.time_constants, modes.time_constants[:, 0])


def test_the_summary_says_length_and_width() -> None:
    states = np.array([[-0.5, 0.1], [0.5, 0.1]])
    nodes = np.array([[-0.5, 0.0], [0.5, 0.0]])
    found = nc.measure_line_attractor(cell_of(random_gru(2, 2)), nodes, states, central=1)
    assert repr(found) == "LineAttractor(length 1, width 0.1, explained variance 1.000)"
    assert replace(found, state_distances=np.zeros(2)).aspect == np.inf


NODES = np.array([[-0.5, 0.0], [0.5, 0.0]])
STATES = np.array([[-0.3, 0.1], [0.1, -0.1], [0.3, 0.2]])

BAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "no cell": ({"cell": "GRU"}, TypeError, "cell must be a nullcline cell"),
    "one node": ({"path": NODES[:1]}, ValueError, "path must hold at least 2 states, not 1"),
    "twice": ({"path": NODES[[0, 0, 1]]}, ValueError, "same state twice in a row"),
    "path's size": ({"path": np.eye(3)}, ValueError, r"path must have shape \(n, 2\)"),
    "states' size": ({"states": np.eye(3)}, ValueError, r"states must have shape \(n, 2\)"),
    "one state": ({"states": STATES[:1]}, ValueError, "states must hold at least 2 states, not 1"),
    "elsewhere": (
        {"states": STATES + np.array([9.0, 0.0])},
        ValueError,
        "nearest to one place on path",
    ),
    "NaN": ({"states": STATES * np.nan}, ValueError, "states must be finite"),
    "inputs": ({"inputs": np.zeros(3)}, ValueError, "inputs must be None or have shape"),
    "readout": ({"readout": np.ones(3)}, ValueError, r"readout must have shape \(2,\)"),
    "nothing": ({"central": 0.0}, ValueError, "central must lie above 0"),
    "more than all": ({"central": 1.5}, ValueError, "central must lie above 0"),
    "no number": ({"central": "all"}, TypeError, "central must be a number"),
    "positions": ({"n_positions": 1}, ValueError, "n_positions must lie between 2"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused(case: str) -> None:
    change, error, message = BAD[case]
    good = {"cell": cell_of(random_gru(2, 2)), "path": NODES, "states": STATES}
    with pytest.raises(error, match=message):
        nc.measure_line_attractor(**{**good, **change})
