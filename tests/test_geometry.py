"""The shape of sets of states, against sets and networks whose shape is known."""

from __future__ import annotations

from itertools import pairwise, permutations
from typing import Any, cast

import numpy as np
import pytest

import nullcline as nc
from nullcline.geometry import classes as classes_file

RNG = np.random.default_rng(0)


def simplex(n: int, each: int = 20, noise: float = 0.01, size: int = 12) -> tuple[Any, Any]:
    """Return noisy states at the corners of a regular simplex, and their labels."""
    rng = np.random.default_rng(n)
    corners, _ = np.linalg.qr(rng.normal(size=(size, n)))
    labels = np.repeat(np.arange(n), each)
    return corners.T[labels] + noise * rng.normal(size=(n * each, size)), labels


def rolled_sheet(n: int = 800) -> Any:
    """Return states on a sheet of two dimensions, rolled up in three of ten."""
    rng = np.random.default_rng(1)
    turn, along = np.sort(rng.random(n)), rng.random(n)
    sheet = np.stack([turn * np.cos(9 * turn), turn * np.sin(9 * turn), along], axis=1)
    return sheet @ np.linalg.qr(rng.normal(size=(10, 3)))[0].T


def memory(slow: int, size: int = 8, leak: float = 0.5) -> nc.RNN:
    """Return a linear network that keeps `slow` numbers and forgets the others at once."""
    values = np.full(size, leak)
    values[:slow] = 0.99
    axes, _ = np.linalg.qr(np.random.default_rng(2).normal(size=(size, size)))
    return nc.RNN(np.eye(size), axes * values @ axes.T, np.zeros(size), np.zeros(size))


# Dimensions


def test_estimators_agree_on_a_cloud_that_fills_its_dimensions() -> None:
    cloud = np.random.default_rng(3).normal(size=(1500, 4)) @ np.eye(4, 20)
    found = nc.intrinsic_dimension(cloud)
    assert found.components == 4
    assert found.participation_ratio == pytest.approx(nc.participation_ratio(cloud))
    assert found.local == pytest.approx(4, abs=0.3)
    assert found.two_nn == pytest.approx(4, abs=0.5)


def test_neighbours_see_that_a_rolled_sheet_has_two_dimensions() -> None:
    found = nc.intrinsic_dimension(rolled_sheet())
    assert found.components == 3
    assert found.local == pytest.approx(2, abs=0.3)
    assert found.two_nn == pytest.approx(2, abs=0.3)


def test_few_states_have_no_local_dimension() -> None:
    found = nc.intrinsic_dimension(np.eye(5))
    assert found.components == 4
    assert np.isnan([found.local, found.two_nn]).all()


def test_on_a_grid_both_neighbours_are_equally_far() -> None:
    grid = np.indices((10, 10)).reshape(2, -1).T.astype(float)
    found = nc.intrinsic_dimension(grid)
    assert np.isnan(found.two_nn)
    assert found.local == 2


def test_states_that_come_again_are_not_their_own_neighbours() -> None:
    cloud = np.random.default_rng(4).normal(size=(200, 3))
    once, again = nc.intrinsic_dimension(cloud), nc.intrinsic_dimension(np.tile(cloud, (3, 1)))
    assert again.two_nn == pytest.approx(once.two_nn)


# Slow modes


@pytest.mark.parametrize("slow", [1, 2, 5])
def test_slow_modes_are_those_that_are_kept(slow: int) -> None:
    modes = nc.linearize(memory(slow), np.zeros((1, 8)))
    assert nc.slow_modes(modes).tolist() == [slow]
    assert nc.slow_modes(modes, 10).tolist() == [slow]
    assert nc.slow_modes(modes, 1000).tolist() == [0]


def test_modes_that_grow_slowly_are_slow() -> None:
    cell = nc.RNN(np.eye(3), np.diag([1.02, 0.98, 0.1]), np.zeros(3), np.zeros(3))
    assert nc.slow_modes(nc.linearize(cell, np.zeros((1, 3)))).tolist() == [2]


def test_an_endless_mode_is_no_gap_by_itself() -> None:
    cell = nc.RNN(np.eye(3), np.diag([1.0, 0.999, 0.1]), np.zeros(3), np.zeros(3))
    assert nc.slow_modes(nc.linearize(cell, np.zeros((1, 3)))).tolist() == [2]


# Classes


@pytest.mark.parametrize("n", [2, 3, 5])
def test_corners_of_a_simplex_are_regular_and_span_one_dimension_less(n: int) -> None:
    found = nc.class_geometry(*simplex(n))
    assert len(found) == n
    assert found.dimension() == n - 1
    assert found.regularity == pytest.approx(1, abs=0.02)
    assert found.separation > 0.99
    assert found.variances == pytest.approx(np.full(n - 1, found.variances[0]), rel=0.05)
    assert found.straightness == pytest.approx(1 / (n - 1), abs=0.02)
    assert found.turns == pytest.approx(np.full(n - 2, 120), abs=2)


def test_grades_on_a_line_are_in_order() -> None:
    labels = np.repeat(np.arange(5), 10)
    states = labels[:, None] * np.array([3.0, 4.0]) + 0.01 * RNG.normal(size=(50, 2))
    found = nc.class_geometry(states, labels)
    assert found.dimension() == 1
    assert found.ordering == pytest.approx(1)
    assert found.straightness == pytest.approx(1, abs=1e-3)
    assert found.turns == pytest.approx(0, abs=2)
    assert found.regularity == pytest.approx(1 / 4, abs=0.01)


def test_an_order_that_is_not_the_labels_is_seen() -> None:
    places = np.array([0.0, 3.0, 1.0, 4.0, 2.0])
    labels = np.arange(5)
    found = nc.class_geometry(places[:, None] * np.ones(3), labels)
    assert found.path.tolist() == [0, 2, 4, 1, 3]
    assert found.ordering < 0.6


def test_grades_on_a_ring_are_in_order_round_it() -> None:
    angles = 2 * np.pi * np.arange(6) / 6
    ring = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    assert nc.class_geometry(ring, np.arange(6)).ring_ordering == 1
    assert nc.class_geometry(ring, np.array([0, 2, 4, 1, 3, 5])).ring_ordering < 1


def test_the_ways_through_classes_are_the_shortest() -> None:
    corners = np.random.default_rng(5).normal(size=(7, 3))
    found = nc.class_geometry(corners, np.arange(7))

    def length(way: Any, closed: bool) -> float:
        ends = [*way, way[0]] if closed else list(way)
        return float(sum(found.distances[a, b] for a, b in pairwise(ends)))

    ways = list(permutations(range(7)))
    assert length(found.path, False) == pytest.approx(min(length(way, False) for way in ways))
    assert length(found.ring, True) == pytest.approx(min(length(way, True) for way in ways))


def test_many_classes_are_ordered_by_the_first_component() -> None:
    n = classes_file.MOST_EXACT + 2
    labels = np.arange(n)
    found = nc.class_geometry(labels[:, None] * np.array([1.0, 2.0]), labels)
    assert found.ordering == pytest.approx(1)


def test_a_class_without_states_has_no_corner() -> None:
    states, labels = simplex(4)
    found = nc.class_geometry(states[labels != 1], labels[labels != 1])
    assert found.classes.tolist() == [0, 2, 3]
    assert found.dimension() == 2


def test_one_state_a_class_is_enough() -> None:
    found = nc.class_geometry(np.eye(3), [0, 1, 2])
    assert found.counts.tolist() == [1, 1, 1]
    assert found.separation == pytest.approx(1)


def test_more_classes_than_units_fill_the_units() -> None:
    states = np.random.default_rng(6).normal(size=(40, 2))
    found = nc.class_geometry(states, np.arange(40) % 6)
    assert found.variances.shape == (5,)
    assert found.dimension() <= 2


# What the readout reads


def test_a_readout_of_the_plane_lies_in_it() -> None:
    states, labels = simplex(4)
    corners = np.array([states[labels == k].mean(axis=0) for k in range(4)])
    assert nc.readout_angles(states, corners, 3) == pytest.approx(np.zeros(3), abs=1)
    # What all logits share is no part of what tells classes apart.
    assert nc.readout_angles(states, corners + 100, 3) == pytest.approx(np.zeros(3), abs=1)


def test_a_readout_of_other_directions_is_orthogonal() -> None:
    states = np.random.default_rng(7).normal(size=(50, 2)) @ np.eye(2, 6)
    assert nc.readout_angles(states, np.eye(6)[4], 2) == pytest.approx([90])
    half = np.eye(6)[0] + np.eye(6)[4]
    assert nc.readout_angles(states, half, 2) == pytest.approx([45])


def test_a_readout_of_outputs_sees_no_other_numbers_of_a_state() -> None:
    states = np.random.default_rng(8).normal(size=(50, 2)) @ np.eye(2, 6, k=3)
    assert nc.readout_angles(states, np.eye(3)[:2], 2) == pytest.approx([90])


# Pushes


def test_pushes_across_decay_and_along_stay() -> None:
    cell = memory(2)
    axes, _ = np.linalg.qr(np.random.default_rng(2).normal(size=(8, 8)))
    states = 0.01 * np.random.default_rng(9).normal(size=(60, 2)) @ axes[:, :2].T
    found = nc.perturbation_decay(cell, states, 2, steps=5)
    assert found.along == pytest.approx(0.99 ** np.arange(6), rel=1e-2)
    assert found.across == pytest.approx(0.5 ** np.arange(6), rel=1e-2)
    assert found.contrast == pytest.approx((0.99 / 0.5) ** 5, rel=5e-2)


def test_settled_states_are_where_steps_lead() -> None:
    cell = memory(2)
    states = 0.1 * np.random.default_rng(10).normal(size=(4, 8))
    drive = np.full(8, 0.01)
    wanted: Any = states
    for _ in range(3):
        wanted = cell.step(wanted, drive[None].repeat(4, axis=0))
    np.testing.assert_array_equal(nc.settle(cell, states, 3, drive), wanted)
    np.testing.assert_array_equal(nc.settle(cell, states, 0), states)


# What is refused

STATES, LABELS = simplex(3)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nc.intrinsic_dimension(np.ones(3)), ValueError, "states must have shape"),
        (lambda: nc.intrinsic_dimension(np.ones((4, 3))), ValueError, "states must differ"),
        (lambda: nc.intrinsic_dimension(np.ones((1, 3))), ValueError, "at least 2 states"),
        (lambda: nc.intrinsic_dimension([[np.nan], [0.0]]), ValueError, "states must be finite"),
        (lambda: nc.intrinsic_dimension(1e200 * STATES), ValueError, "must not be beyond"),
        (lambda: nc.readout_angles(STATES, np.ones((0, 12)), 1), ValueError, "readout must have"),
        (lambda: nc.intrinsic_dimension(STATES, share=0), ValueError, "share must lie above 0"),
        (lambda: nc.intrinsic_dimension(STATES, n_neighbours=1), ValueError, "n_neighbours"),
        (lambda: nc.class_geometry(STATES, LABELS[:-1]), ValueError, "labels must have shape"),
        (lambda: nc.class_geometry(STATES, LABELS * 1.0), TypeError, "labels must be whole"),
        (lambda: nc.class_geometry(STATES, LABELS - 1), ValueError, "0 or more"),
        (lambda: nc.class_geometry(STATES, 0 * LABELS), ValueError, "2 classes or more"),
        (
            lambda: nc.class_geometry([[0.0], [1.0], [0.0], [1.0]], [0, 0, 1, 1]),
            ValueError,
            "the same mean state",
        ),
        (lambda: nc.readout_angles(STATES, np.ones((2, 13)), 1), ValueError, "H at most 12"),
        (lambda: nc.readout_angles(STATES, np.ones((2, 12)), 1), ValueError, "rows are equal"),
        (lambda: nc.readout_angles(STATES, np.ones(12), 13), ValueError, "dimension must be at"),
        (lambda: nc.slow_modes(cast("Any", 3)), TypeError, "linearization"),
        (
            lambda: nc.slow_modes(nc.linearize(nc.RNN([[1.0]], [[0.5]], [0.0], [0.0]), [[0.0]])),
            ValueError,
            "longer_than must be given",
        ),
        (lambda: nc.perturbation_decay(memory(1), STATES, 2), ValueError, r"shape \(n, 8\)"),
        (
            lambda: nc.perturbation_decay(memory(1, size=1), STATES[:, :1], 1),
            ValueError,
            "2 numbers or more",
        ),
        (
            lambda: nc.perturbation_decay(memory(1), STATES[:, :8], 8),
            ValueError,
            "dimension must lie between 1 and 7",
        ),
        (
            lambda: nc.perturbation_decay(memory(1), STATES[:, :8], 2, size=0),
            ValueError,
            "size must lie above 0",
        ),
        (lambda: nc.settle(memory(1), STATES[:, :8], -1), ValueError, "steps must lie"),
    ],
)
def test_what_has_no_shape_is_refused(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
