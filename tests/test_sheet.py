"""A slow sheet holds its equation, is a mesh without holes, and meets every point that is known."""

from __future__ import annotations

import pickle
from functools import cache
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib import pyplot as plt

import nullcline as nc
from nullcline import plotting
from nullcline.continuation import SheetStop
from nullcline.continuation.marching_triangles import zero_edges
from nullcline.continuation.slowest_modes import slowest_modes
from nullcline.continuation.tangent_polygon import CLOSED, TangentPolygon
from testing.drawn import legend, places, two_bits
from testing.every_cell import KINDS, random_network

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

mpl.use("agg")

UNITS = 20
FACE, EXTENT, VERTICES, STEP = (stop.value for stop in SheetStop)


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    yield
    plt.close("all")


def flip_flop(noise: float = 0.2, seed: int = 0) -> nc.LeakyRNN:
    """Return a network that holds two bits: two patterns, and other weights beside them."""
    rng = np.random.default_rng(seed)
    bits = np.zeros((2, UNITS))
    bits[0, : UNITS // 2], bits[1, UNITS // 2 :] = rng.choice([-1.0, 1.0], (2, UNITS // 2))
    weights = 1.8 * bits.T @ bits / (UNITS // 2)
    weights += noise * rng.normal(size=(UNITS, UNITS)) / UNITS**0.5
    return nc.LeakyRNN(np.zeros((UNITS, 1)), weights, np.zeros(UNITS), alpha=0.2)


def ring(noise: float = 0.0) -> nc.LeakyRNN:
    """Return units on a circle that excite their neighbours: a ring of fixed points, or nearly."""
    angles = 2 * np.pi * np.arange(UNITS) / UNITS
    weights = 1.8 * 2 / UNITS * np.cos(angles[:, None] - angles)
    weights += noise * np.random.default_rng(1).normal(size=(UNITS, UNITS)) / UNITS**0.5
    return nc.LeakyRNN(np.zeros((UNITS, 1)), weights, np.zeros(UNITS), alpha=0.2)


@cache
def two_bit_sheet() -> nc.Sheet:
    """Return the sheet of the flip-flop, beyond the box and coarse."""
    return nc.trace_sheet(flip_flop(), np.zeros(UNITS), beyond=True, extent=5.2, largest_step=0.6)


@cache
def plane() -> nc.Sheet:
    """Return the whole plane of two units, with the nullclines of their reduced map."""
    return nc.trace_sheet(two_bits(), np.zeros(2), directions=np.eye(2), largest_step=0.15)


def edges(triangles: NDArray[np.intp]) -> dict[tuple[int, int], int]:
    """Return how many triangles each edge is of."""
    found: dict[tuple[int, int], int] = {}
    for a, b, c in triangles.tolist():
        for p, q in ((a, b), (b, c), (c, a)):
            edge = (min(p, q), max(p, q))
            found[edge] = found.get(edge, 0) + 1
    return found


def check(sheet: nc.Sheet) -> None:
    """Check that a sheet holds its equation in the box, and is one piece without holes."""
    inside = sheet.is_inside
    assert inside.any()
    x = None if sheet.inputs is None else np.repeat(sheet.inputs, inside.sum(), axis=0)
    outputs = sheet.cell.outputs_of(sheet.h)
    residual = sheet.cell.residual(outputs[inside], x)
    np.testing.assert_allclose(residual, sheet.tau[inside] @ sheet.directions, atol=1e-9)
    shared = edges(sheet.triangles)
    assert set(shared.values()) <= {1, 2}
    assert len(np.unique(sheet.triangles)) == len(sheet)
    assert len(sheet) - len(shared) + len(sheet.triangles) == 1  # Euler's number of a disc
    np.testing.assert_allclose(sheet.axes @ sheet.axes.T, np.eye(2), atol=1e-12)
    np.testing.assert_allclose(sheet.chart, (outputs - sheet.origin) @ sheet.axes.T)


# Known points and known nullclines


def test_all_nine_points_of_a_two_bit_flip_flop_lie_on_one_sheet() -> None:
    sheet = two_bit_sheet()
    check(sheet)
    assert len(sheet.fixed_h) == 9
    assert sorted(sheet.indices.tolist()) == [-1] * 4 + [1] * 5
    assert sheet.index_sum == 1
    assert sheet.is_stable.sum() == 4
    assert (sheet.indices[sheet.is_stable] == 1).all()
    assert sheet.is_graph
    assert sheet.points.completeness().index_sum == 1


def test_the_fixed_points_are_those_that_a_search_finds() -> None:
    sheet = two_bit_sheet()
    starts = np.random.default_rng(0).uniform(-1, 1, (300, UNITS))
    found = nc.find_fixed_points(sheet.cell, starts).unique().select("fixed")
    distance = np.abs(found.h[:, None] - sheet.fixed_h).max(axis=2).min(axis=1)
    assert len(found) >= 5
    assert distance.max() < 1e-7


def test_of_two_units_the_sheet_is_the_square_and_its_nullclines_are_the_maps_own() -> None:
    sheet = plane()
    check(sheet)
    np.testing.assert_allclose(sheet.h.min(axis=0), -1, atol=1e-8)
    np.testing.assert_allclose(sheet.h.max(axis=0), 1, atol=1e-8)
    assert len(sheet.fixed_h) == 9
    for unit, weight in enumerate((2.0, 3.0)):  # tanh(w h) = h, whatever the other unit does
        line = np.concatenate([line.h for line in sheet.nullclines[unit]])
        own = line[:, unit]
        np.testing.assert_allclose(np.tanh(weight * own), own, atol=1e-10)
        assert len(sheet.nullclines[unit]) == 3
        assert np.ptp(line[:, 1 - unit]) > 1.9


def test_area_in_the_chart_is_that_of_the_square() -> None:
    corners = plane().chart[plane().triangles]
    sides = corners[:, 1:] - corners[:, :1]
    area = (sides[:, 0, 0] * sides[:, 1, 1] - sides[:, 0, 1] * sides[:, 1, 0]) / 2
    assert abs(area.sum()) == pytest.approx(4, rel=0.01)


def test_both_flows_are_those_of_the_cell() -> None:
    sheet = plane()
    reduced = sheet.cell.residual(sheet.h) @ sheet.axes.T
    np.testing.assert_allclose(sheet.reduced_flow, reduced, atol=1e-12)
    np.testing.assert_allclose(sheet.flow, (sheet.cell.step(sheet.h) - sheet.h) @ sheet.axes.T)
    outside = ~two_bit_sheet().is_inside
    assert outside.any()
    np.testing.assert_array_equal(np.isnan(two_bit_sheet().flow).all(axis=1), outside)
    np.testing.assert_array_equal(np.isnan(two_bit_sheet().q), outside)


def test_nullclines_lie_on_the_sheet_to_rounding() -> None:
    sheet = two_bit_sheet()
    for k, lines in enumerate(sheet.nullclines):
        for line in lines:
            outputs = line.h[line.is_inside]
            across = sheet.cell.residual(outputs) @ np.linalg.pinv(sheet.directions)
            np.testing.assert_allclose(across[:, k], 0, atol=1e-9)
            on_sheet = across @ sheet.directions
            np.testing.assert_allclose(sheet.cell.residual(outputs), on_sheet, atol=1e-9)


def test_a_ring_attractor_is_a_circle_on_its_sheet() -> None:
    sheet = nc.trace_sheet(ring(), np.zeros(UNITS), beyond=True, extent=4.2, largest_step=0.6)
    check(sheet)
    radii = np.hypot(*sheet.fixed_chart.T)
    on_ring = radii > 1
    assert on_ring.sum() > 4
    assert np.ptp(radii[on_ring]) < 1e-4
    assert sheet.fixed_h[~on_ring].shape == (1, UNITS)


def three_classes() -> nc.LeakyRNN:
    """Return units of three classes, whose directions are at 120° in a plane of two numbers."""
    angles = 2 * np.pi * np.arange(3) / 3 + 0.3
    loadings = np.array([np.cos(angles), np.sin(angles)]).T[np.arange(30) % 3]
    return nc.LeakyRNN(
        np.zeros((30, 1)), 1.6 / 15 * loadings @ loadings.T, np.full(30, 0.3), alpha=0.2
    )


def test_three_classes_have_three_memories_on_their_sheet_and_saddles_between() -> None:
    cell = three_classes()
    found = nc.find_fixed_points(cell, np.random.default_rng(0).uniform(-1, 1, (200, 30)))
    points = found.unique().select("fixed")
    middle = points[int(np.ptp(points.h, axis=1).argmin())]  # where no class leads
    sheet = nc.trace_sheet(cell, middle, beyond=True, extent=6, largest_step=0.6)
    check(sheet)
    assert sheet.index_sum == 1
    assert (len(sheet.fixed_h), sheet.is_stable.sum(), (sheet.indices == -1).sum()) == (7, 3, 3)
    away = np.abs(sheet.fixed_h[:, None] - points.h).max(axis=2).min(axis=0)
    assert away.max() < 1e-7  # whatever a search meets is among them
    turned = np.roll(sheet.fixed_h, 1, axis=1)  # the first class is then the second
    assert np.abs(turned[:, None] - sheet.fixed_h).max(axis=2).min(axis=1).max() < 1e-9
    angles = np.sort(np.arctan2(*(sheet.fixed_chart[sheet.is_stable]).T))
    np.testing.assert_allclose(np.diff(angles), 2 * np.pi / 3, atol=1e-6)


def test_a_ring_with_faults_keeps_few_points_of_alternate_kinds() -> None:
    sheet = nc.trace_sheet(ring(0.02), np.zeros(UNITS), beyond=True, extent=4.2, largest_step=0.4)
    assert len(sheet.fixed_h) in {5, 9}
    assert sheet.index_sum == 1
    around = np.argsort(np.arctan2(*sheet.fixed_chart[1:].T))
    turned = sheet.indices[1:][around]
    np.testing.assert_array_equal(turned, -np.roll(turned, 1))


# Every cell


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"relu"}))
def test_a_sheet_of_every_smooth_cell_holds_its_equation(kind: str) -> None:
    cell = random_network(kind, 6, 2, gain=0.5, seed=1).cell()
    x = np.array([0.3, -0.2])
    start = np.zeros((1, cell.state_size))
    sheet = nc.trace_sheet(cell, start, x, extent=0.5, largest_step=0.1)
    check(sheet)
    assert len(sheet.fixed_h) == 1
    assert sheet.cell.speed(sheet.fixed_h, x[None])[0] < 1e-24
    np.testing.assert_array_equal(sheet.points.inputs, x[None])


def test_a_float32_cell_is_followed_as_its_float64_twin() -> None:
    network = random_network("gru", 6, 2, seed=1)
    sizes: dict[str, Any] = {"extent": 0.5, "largest_step": 0.1}
    coarse = nc.trace_sheet(network.cell(np.float32), np.zeros(6, np.float32), **sizes)
    check(coarse)
    assert coarse.cell.dtype == np.float64
    assert coarse.points.h.dtype == np.float32
    fine = nc.trace_sheet(coarse.cell, np.zeros(6), **sizes)
    np.testing.assert_allclose(coarse.fixed_h, fine.fixed_h, atol=1e-12)


def test_a_function_with_bounds_has_a_sheet() -> None:
    weights = torch.tensor(two_bits().weight_hh)

    def step(x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        return torch.tanh(h @ weights.T)

    cell = nc.from_function(step, 2, 1, bounds=(-1, 1))
    sheet = nc.trace_sheet(cell, np.zeros(2), directions=np.eye(2), largest_step=0.5)
    check(sheet)
    assert len(sheet.fixed_h) == 9


def test_a_sheet_runs_through_a_slow_point() -> None:
    cell = nc.LeakyRNN(np.eye(2), np.diag([2.0, 2.0]), np.array([0.6, 0.0]), alpha=0.5)
    ends = nc.find_fixed_points(cell, [[-0.6, 0.9]], tol_slow=1e-1)
    assert ends.kind[0] in {"slow", "minimum"}
    sheet = nc.trace_sheet(cell, ends, largest_step=0.2)
    check(sheet)
    np.testing.assert_allclose(sheet.h[0], ends.h[0], atol=1e-9)
    assert len(sheet.points) == len(sheet.fixed_h) + 1


# Where it ends


def test_the_rectangle_is_filled_and_not_left() -> None:
    sheet = nc.trace_sheet(flip_flop(), np.zeros(UNITS), extent=(0.8, 0.5), largest_step=0.15)
    assert sheet.ends == (EXTENT,)
    np.testing.assert_allclose(np.abs(sheet.chart).max(axis=0), [0.8, 0.5], atol=1e-8)


def test_the_box_is_not_left() -> None:
    sheet = nc.trace_sheet(flip_flop(), np.zeros(UNITS), largest_step=0.7)
    assert sheet.ends == (FACE,)
    assert sheet.is_inside.all()
    assert np.isfinite(sheet.q).all()
    assert np.abs(sheet.h).max() == pytest.approx(1, abs=1e-8)


def test_steps_are_short_enough_for_the_box_however_long_they_may_be() -> None:
    sheet = nc.trace_sheet(two_bits(), np.zeros(2), directions=np.eye(2), largest_step=50.0)
    check(sheet)
    assert len(sheet.fixed_h) == 9


def test_vertices_are_counted_and_each_costs_about_one_factorization() -> None:
    sheet = nc.trace_sheet(flip_flop(), np.zeros(UNITS), max_vertices=60)
    assert (len(sheet), sheet.ends) == (60, (VERTICES,))
    assert sheet.n_factorizations <= 1.2 * len(sheet)


def test_a_sheet_goes_round_folds() -> None:
    # h₃ = -2 τ₁ takes up what τ₁ = tanh(3 h₁) - h₁ turns back in: so the chart is folded.
    cell = nc.LeakyRNN(np.zeros((3, 1)), np.diag([3.0, 3.0, 0.0]), np.zeros(3), alpha=0.5)
    w = [[1.0, 0.0, 2.0], [0.0, 1.0, 0.0]]
    start = np.array([0.9, 0.9, 0.0])
    sheet = nc.trace_sheet(cell, start, directions=w, extent=(3, 0.3), largest_step=0.2)
    check(sheet)
    assert len(sheet.fixed_h) == 3
    assert not sheet.is_graph
    assert STEP not in sheet.ends
    plotting.phase_plane(sheet)


# What is refused


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"directions": np.zeros((2, 2))}, "directions must not hold a row of zeros"),
        ({"directions": [[1, 2], [2, 4]]}, "directions must not be parallel"),
        ({"directions": [[1, np.nan], [0, 1]]}, "directions must"),
        ({"directions": [1, 0]}, r"directions must have shape \(2, 2\), not \(2,\)"),
        ({"directions": np.eye(3)}, r"directions must have shape \(2, 2\)"),
        ({"extent": 0}, "extent must be positive, at least 1e-06"),
        ({"extent": [1, 2, 3]}, "extent must be one number or two"),
        ({"extent": np.inf}, "extent must be"),
        ({"largest_step": 0}, "largest_step must be positive"),
        ({"max_vertices": 2}, "max_vertices must"),
        ({"point": [[0.0, 0.0], [0.9, 0.9]]}, "point must be one point, not 2"),
    ],
)
def test_arguments_that_make_no_sheet_are_refused(arguments: dict[str, Any], message: str) -> None:
    given = {"point": np.zeros(2), **arguments}
    with pytest.raises(ValueError, match=message):
        nc.trace_sheet(two_bits(), **given)


def test_cells_that_have_no_sheet_are_refused() -> None:
    with pytest.raises(TypeError, match="kinks"):
        nc.trace_sheet(random_network("relu", 4, 2, seed=1).cell(), np.zeros(4))
    with pytest.raises(ValueError, match="two units or more"):
        nc.trace_sheet(nc.RNN(np.ones((1, 1)), np.ones((1, 1)), np.zeros(1)), np.zeros(1))
    unbounded = nc.RateRNN(np.eye(2), 0.1 * np.eye(2), np.zeros(2), alpha=0.5,
                           activation="softplus")  # fmt: skip
    with pytest.raises(ValueError, match="extent must be given"):
        nc.trace_sheet(unbounded, np.zeros(2))


def test_a_point_where_the_surface_is_singular_is_told() -> None:
    # Of three units at a pitchfork each, two directions leave the third undetermined.
    cell = nc.LeakyRNN(np.zeros((3, 1)), np.eye(3), np.zeros(3), alpha=0.5)
    with pytest.raises(ValueError, match="does not have full rank"):
        nc.trace_sheet(cell, np.zeros(3), directions=np.eye(3)[:2])


# Parts


def test_the_slowest_modes_are_eigenvectors_or_the_plane_of_a_pair() -> None:
    turning = np.array([[-0.1, -1.0, 0.0], [1.0, -0.1, 0.0], [0.0, 0.0, -0.5]])
    np.testing.assert_allclose(np.abs(slowest_modes(turning)[:, 2]), 0, atol=1e-12)
    apart = np.diag([-3.0, -0.1, -1.0, 0.4])
    np.testing.assert_allclose(slowest_modes(apart), np.eye(4)[[3, 1]], atol=1e-12)
    defective = np.array([[-0.1, 1.0, 0.0], [0.0, -0.1, 0.0], [0.0, 0.0, -0.5]])
    assert np.linalg.matrix_rank(slowest_modes(defective)) == 2


def test_a_polygon_keeps_what_no_half_plane_cuts_off() -> None:
    polygon = TangentPolygon(1.0)
    polygon.cut((1.0, 0.0), 0.5, 7)
    polygon.cut((0.0, 1.0), 0.25, CLOSED)
    polygon.cut((0.0, 1.0), 3.0, 8)
    assert sorted(polygon.corners) == [
        (-1, -1), (-1, 0.25), (0.5, -1), (0.5, 0.25)
    ]  # fmt: skip
    assert sorted(polygon.labels) == [CLOSED, -1, -1, 7]
    polygon.cut((-1.0, 0.0), -2.0, 9)
    assert polygon.outside(0.1) is None


def area(polygon: TangentPolygon) -> float:
    x, y = np.array(polygon.corners).reshape(-1, 2).T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


@given(places=arrays(float, (12, 2), elements=st.floats(-4, 4)))
def test_a_polygon_is_cut_by_all_places_that_reach_it(places: NDArray[np.float64]) -> None:
    """As by each of them in turn, near or far."""
    assume(np.hypot(*places.T).min() > 1e-3)
    found, expected = TangentPolygon(1.0), TangentPolygon(1.0)
    found.keep_nearer([(x, y) for x, y in places.tolist()], range(12))
    for label, (x, y) in enumerate(places.tolist()):
        expected.cut((x, y), (x * x + y * y) / 2, label)
    assert (np.array(found.corners) @ places.T <= (places**2).sum(axis=1) / 2 + 1e-12).all()
    assert area(found) == pytest.approx(area(expected), abs=1e-12)


def test_a_polyline_that_is_closed_ends_where_it_begins() -> None:
    fan = np.array([[0, 1, 2], [0, 2, 3], [0, 3, 4], [0, 4, 1]])
    (line,) = zero_edges(np.array([-1.0, 1, 1, 1, 1]), fan)
    assert line[0] == line[-1]
    assert len(line) == 5
    (opened,) = zero_edges(np.array([-1.0, 1, 1, 1, 1]), fan[:3])
    assert len(opened) == 4
    assert zero_edges(np.ones(5), fan) == []


def test_a_sheet_says_what_it_is_and_pickles() -> None:
    sheet = plane()
    assert repr(sheet).startswith(f"Sheet({len(sheet)} vertices, ")
    assert repr(sheet).endswith("9 points; S = 2)")
    again = pickle.loads(pickle.dumps(sheet))  # noqa: S301 - our own
    np.testing.assert_array_equal(again.h, sheet.h)
    np.testing.assert_array_equal(again.fixed_h, sheet.fixed_h)


# Pictures


def test_a_phase_plane_has_nullclines_and_points_where_they_are() -> None:
    sheet = plane()
    ax = plotting.phase_plane(sheet)
    for k, label in enumerate(("τ₁ = 0", "τ₂ = 0")):
        lines = [line for line in ax.lines if line.get_label() == label]
        assert len(lines) == len(sheet.nullclines[k])
        np.testing.assert_array_equal(lines[0].get_xdata(), sheet.nullclines[k][0].chart[:, 0])
    assert len(places(ax, "stable")) == 4
    assert len(places(ax, "saddle")) == 4
    assert len(places(ax, "repeller")) == 1
    assert {"τ₁ = 0", "τ₂ = 0", "saddle", "repeller"} <= set(legend(ax))
    assert ax.get_xlabel()
    plotting.phase_plane(two_bit_sheet(), reduced=True, arrows=True, legend=False)


def test_a_sheet_in_space_has_points_where_they_are() -> None:
    sheet = two_bit_sheet()
    axes = plotting.Projection.principal(sheet.h[sheet.is_inside], 3)
    ax = plotting.sheet(sheet, projection=axes)
    stable = sheet.fixed_h[sheet.is_stable]
    np.testing.assert_allclose(places(ax, "stable"), axes(stable), atol=1e-9)
    plotting.sheet(sheet, sheet.h[sheet.is_inside][:5])


def test_visited_states_are_drawn_where_they_are_in_the_chart_and_in_sight() -> None:
    sheet = plane()
    states = {"a": np.array([[0.5, 0.2], [3.0, 0.1]]), "b": np.zeros((1, 4, 2))}
    ax = plotting.phase_plane(sheet, states)
    drawn = (states["a"] - sheet.origin) @ sheet.axes.T
    np.testing.assert_allclose(places(ax, "a"), drawn)
    assert len(places(ax, "b")) == 4
    assert {"a", "b"} <= set(legend(ax))
    assert max(np.abs(ax.get_xlim()).max(), np.abs(ax.get_ylim()).max()) >= 3 - 1e-9
    assert "visited state" in legend(plotting.phase_plane(sheet, np.zeros((2, 2))))
    assert {"a", "b"} <= set(legend(plotting.sheet(sheet, states)))
    with pytest.raises(ValueError, match="states must have shape"):
        plotting.phase_plane(sheet, np.zeros(2))


def test_pictures_of_no_sheet_are_refused() -> None:
    with pytest.raises(TypeError, match="sheet must be what trace_sheet returns"):
        plotting.phase_plane(two_bits())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="ax must have two dimensions"):
        plotting.phase_plane(plane(), ax=plt.figure().add_subplot(projection="3d"))
    with pytest.raises(ValueError, match="ax must have three dimensions"):
        plotting.sheet(plane(), ax=plt.figure().add_subplot())
