"""Distances of points from the states do not depend on what networks differ in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nullcline.study.isolation import SAME, measure_isolation


def cloud(seed: int = 0, n: int = 300, size: int = 6) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, size))


def radius(states: np.ndarray) -> float:
    return float(np.sqrt(np.sum((states - states.mean(axis=0)) ** 2, axis=1).mean()))


def by_hand(points: np.ndarray, states: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    nearest = np.array([np.linalg.norm(states - point, axis=1).min() for point in points])
    own = np.array(
        [
            np.linalg.norm(np.delete(states, i, axis=0) - state, axis=1).min()
            for i, state in enumerate(states)
        ]
    )
    rank = np.array([np.mean(own < distance) for distance in nearest])
    return nearest / radius(states), nearest / np.median(own), rank


def test_distances_are_those_from_all_to_all() -> None:
    states = cloud()
    points = np.stack([states[3] + 1e-3, np.zeros(6), np.full(6, 4.0)])
    found = measure_isolation(points, states, radius(states))
    for column, expected in zip(vars(found).values(), by_hand(points, states), strict=True):
        np.testing.assert_allclose(column, expected, rtol=1e-9)
    assert found.rank[0] == 0
    assert found.rank[2] == 1
    assert found.spacings[0] < 1 < found.spacings[2]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(1e-3, 1e3))
def test_neither_turning_nor_shifting_nor_scaling_states_changes_anything(
    seed: int, scale: float
) -> None:
    rng = np.random.default_rng(seed)
    states, points = cloud(seed, 60), cloud(seed + 1, 4)
    turn = np.linalg.qr(rng.normal(size=(6, 6)))[0] * scale
    shift = rng.normal(size=6) * scale
    found = measure_isolation(points, states, radius(states))
    moved = measure_isolation(points @ turn + shift, states @ turn + shift, radius(states) * scale)
    np.testing.assert_allclose(moved.radii, found.radii, rtol=1e-6)
    np.testing.assert_allclose(moved.spacings, found.spacings, rtol=1e-6)
    np.testing.assert_array_equal(moved.rank, found.rank)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_order_of_states_plays_no_part(seed: int) -> None:
    states, points = cloud(seed, 60), cloud(seed + 1, 4)
    shuffled = np.random.default_rng(seed).permutation(states)
    found, other = (measure_isolation(points, each, radius(states)) for each in (states, shuffled))
    for name in ("radii", "spacings", "rank"):
        np.testing.assert_allclose(getattr(other, name), getattr(found, name), rtol=1e-9)


def test_a_state_that_many_reviews_share_is_one() -> None:
    """As after a common first word, even if batches round differently."""
    states = cloud(n=50)
    rounding = np.random.default_rng(1).normal(size=states.shape) * SAME * 1e-3
    twice = np.concatenate([states, states + rounding])
    points = np.full((1, 6), 2.0)
    once, found = (measure_isolation(points, each, radius(states)) for each in (states, twice))
    np.testing.assert_allclose(found.spacings, once.spacings, rtol=1e-5)
    assert found.rank == once.rank


def test_states_that_are_all_one_have_no_spacing() -> None:
    found = measure_isolation(np.ones((2, 3)), np.zeros((5, 3)), 1.0)
    assert np.isnan(found.spacings).all()
    assert np.isnan(found.rank).all()
    np.testing.assert_allclose(found.radii, np.sqrt(3))


@pytest.mark.parametrize("n", [1, 7])
def test_no_point_has_no_distance(n: int) -> None:
    found = measure_isolation(np.empty((0, 6)), cloud(n=n), 1.0)
    assert [len(column) for column in vars(found).values()] == [0, 0, 0]
