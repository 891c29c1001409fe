"""ReLU networks whose I - W is proved to be a P-matrix have exactly one fixed point, told so."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from flint import arb, arb_mat
from hypothesis import given, settings
from hypothesis import strategies as st

import nullcline as nc
from nullcline.certify.balls import Ball
from nullcline.enumeration import enumerating, p_matrix
from nullcline.enumeration.p_matrix import DEFINITE, DOMINATED, MINORS, why_p_matrix
from testing import ball_reference
from testing.gru_samples import seeds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


def relu(w: Array, b: Array, dtype: type = np.float64) -> nc.RNN:
    weights = [np.zeros((len(b), 1)), w, b]
    return nc.RNN(*(part.astype(dtype) for part in weights), nonlinearity="relu")


def exactly(matrix: Any) -> Ball:
    return Ball.exactly(np.asarray(matrix, np.float64))


def is_p(matrix: Array) -> bool:
    """Every principal minor is positive, in rational numbers as good as 400 bits hold them."""
    n = len(matrix)
    for size in range(1, n + 1):
        for own in combinations(range(n), size):
            part = matrix[np.ix_(own, own)].ravel()
            if not arb_mat(size, size, ball_reference.exact(part)).det() > 0:
                return False
    return True


@settings(max_examples=150)
@given(
    st.integers(1, 6), st.sampled_from([0.4, 0.9, 1.3]), st.sampled_from([0.0, 1e-9, 0.05]), seeds
)
def test_only_p_matrices_are_called_so(size: int, gain: float, radius: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix = np.eye(size) - gain * rng.normal(size=(size, size)) / np.sqrt(size)
    found = why_p_matrix(Ball(matrix, np.full(matrix.shape, radius)))
    corners = matrix + radius * np.sign(rng.normal(size=(4, size, size)))
    if found is not None:
        assert all(is_p(other) for other in corners)
    elif radius == 0:
        assert not is_p(matrix)  # which the minors of so small a matrix would have told


def test_each_test_proves_what_the_others_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    skew = rng.normal(size=(20, 20))
    far = np.eye(3)
    far[0, 1], far[1, 2] = 30.0, -40.0  # triangular: an H-matrix that no row shows
    assert why_p_matrix(exactly(far)) == DOMINATED
    assert why_p_matrix(exactly(np.eye(20) + skew - skew.T)) == DEFINITE
    turned = np.array([[1.0, -3.0, 0.0], [2.0, 1.0, 4.0], [0.0, 0.0, 1.0]])
    assert why_p_matrix(exactly(turned)) == MINORS
    monkeypatch.setattr(p_matrix, "MOST_BY_MINORS", 2)
    assert why_p_matrix(exactly(turned)) is None


@pytest.mark.parametrize(
    "matrix",
    [
        [[0.0]],
        [[-1.0]],
        [[1.0, 1.0], [1.0, 1.0]],
        [[1.0, 1.0], [1.0, 1.0 - 2**-53]],
        [[1.0, -2.0], [-1.0, 1.0]],
        [[1e-300, 0.0], [0.0, np.inf]],
        [[np.nan, 0.0], [0.0, 1.0]],
        np.ones((3, 3)) + np.diag([0.0, 0.0, 1.0]),
    ],
)
def test_matrices_with_a_minor_that_is_not_positive_are_not_called_so(matrix: Any) -> None:
    assert why_p_matrix(exactly(matrix)) is None


def test_a_matrix_within_rounding_of_a_singular_one_is_not_called_so() -> None:
    """Minors from 2^-50 of what they are differences of: proved down to some units of rounding."""
    for exponent in range(30, 56):
        matrix = np.array([[1.0, 1.0], [1.0, 1.0 + 2.0**-exponent]])
        proved = why_p_matrix(Ball(matrix, np.full((2, 2), 2.0**-50)))
        assert proved is None or exponent < 48
        assert proved is not None or exponent > 45


# Of networks


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["rnn", "rate"]), st.integers(1, 9), st.sampled_from([0.3, 0.6, 0.9]), seeds)
def test_the_one_point_is_where_the_search_by_regions_finds_it(
    kind: str, size: int, gain: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    w, b = gain * rng.normal(size=(size, size)) / np.sqrt(size), rng.normal(size=size)
    rate = nc.RateRNN(np.zeros((size, 1)), w, b, alpha=0.3, activation="relu")
    cell = relu(w, b) if kind == "rnn" else rate
    found = nc.enumerate_fixed_points(cell)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(enumerating, "one_point", lambda _: None)
        other = nc.enumerate_fixed_points(cell)
    assert other.n_boxes > 0
    if found.n_boxes == 0:
        assert "P-matrix" in found.reason
        assert (len(found), len(other), found.complete) == (1, 1, True)
        assert found.index.tolist() == other.index.tolist() == [1]
        apart = np.abs(found.points.h - other.points.h).max()
        assert apart <= found.radius_exists[0] + other.radius_exists[0]
        assert found.radius_exists[0] < 1e-12 * (1 + np.abs(found.points.h).max())
    else:
        assert not is_p(np.eye(size) - w)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_true_point_lies_within_its_radius(dtype: type) -> None:
    """The linear system of its region, in 400 bits; of more units than boxes are divided for."""
    size = 80
    rng = np.random.default_rng(1)
    w, b = 0.3 * rng.normal(size=(size, size)) / np.sqrt(size), rng.normal(size=size)
    cell = relu(w, b, dtype)
    w, b = w.astype(dtype).astype(float), b.astype(dtype).astype(float)
    found = nc.enumerate_fixed_points(cell)
    assert (len(found), found.complete, found.n_boxes) == (1, True, 0)
    on = np.flatnonzero(found.points.h[0] > 0)
    matrix = (np.eye(len(on)) - w[np.ix_(on, on)]).ravel()
    exact = arb_mat(len(on), len(on), ball_reference.exact(matrix))
    for i, own in enumerate(on):
        exact[i, i] = 1 - arb(float(w[own, own]))
    true = exact.solve(arb_mat(len(on), 1, ball_reference.exact(b[on])))
    for i, own in enumerate(on):
        off = abs(true[i, 0] - arb(float(found.points.h[0, own])))
        assert off <= arb(float(found.radius_exists[0]))


def test_a_unit_exactly_at_its_kink_is_proved_without_regions() -> None:
    w = 0.1 * np.random.default_rng(2).normal(size=(8, 8))
    found = nc.enumerate_fixed_points(relu(w, np.zeros(8)))
    assert (len(found), found.complete, found.n_boxes) == (1, True, 0)
    np.testing.assert_allclose(found.points.h, 0, atol=1e-12)


def test_a_network_of_many_units_that_may_have_many_points_is_refused() -> None:
    w = 2 * np.eye(70)
    with pytest.raises(ValueError, match="70 unknowns"):
        nc.enumerate_fixed_points(relu(w, np.ones(70)))


def test_blocks_that_cycle_end_by_one_unit_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    from nullcline.enumeration import one_point as own

    monkeypatch.setattr(own, "PATIENCE", -1)
    rng = np.random.default_rng(4)
    w, b = 0.6 * rng.normal(size=(12, 12)) / np.sqrt(12), rng.normal(size=12)
    found = nc.enumerate_fixed_points(relu(w, b))
    assert (len(found), found.n_boxes) == (1, 0)
