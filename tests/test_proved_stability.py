"""How many eigenvalues are outside the unit circle is proved, or open, and never wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from flint import acb, arb, arb_mat
from hypothesis import given
from hypothesis import strategies as st

import nullcline as nc
from nullcline.certify.balls import Ball
from nullcline.certify.spectrum import enclosed_spectrum
from testing import ball_reference
from testing.gru_samples import cell_of, independent_units, seeds
from testing.trained_networks import LAYERS, trained_layer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


def ball(matrix: Array, radius: float = 0.0) -> Ball:
    return Ball(matrix, np.full(matrix.shape, radius))


def truly_outside(matrix: Array) -> int:
    size = len(matrix)
    exact = arb_mat(size, size, ball_reference.exact(matrix.ravel()))
    return sum(bool(abs(value) > 1) for value in ball_reference.eigenvalues(exact))


# Of matrices


@given(
    st.integers(1, 6),
    st.sampled_from([0.3, 0.1, 1e-3, 1e-6, 1e-10, 1e-13, 1e-15]),
    st.sampled_from([1.0, 30.0, 1e3, 1e6]),
    st.sampled_from([0.0, 1e-14, 1e-8]),
    seeds,
)
def test_what_is_counted_is_true_in_400_bits(
    size: int, gap: float, skew: float, radius: float, seed: int
) -> None:
    """Eigenvalues close to the circle, of matrices that may be far from normal, and all near."""
    rng = np.random.default_rng(seed)
    oblique = np.linalg.qr(rng.normal(size=(size, size)))[0] * np.geomspace(1, skew, size)
    values = np.sign(rng.normal(size=size)) + gap * rng.uniform(-1, 1, size)
    matrix = oblique @ np.diag(values) @ np.linalg.inv(oblique)
    found = enclosed_spectrum(ball(matrix, radius))
    inside = matrix + radius * np.sign(rng.normal(size=(4, size, size)))
    for other in (matrix, *inside) if radius > 0 else (matrix,):
        if found.n_outside is not None:
            assert found.n_outside == truly_outside(other)
    if gap > 0.05 and skew <= 30 and np.abs(np.abs(values) - 1).min() > 1e-4:
        assert found.n_outside == np.count_nonzero(np.abs(values) > 1)


@given(st.integers(2, 8), seeds)
def test_complex_pairs_count_twice(size: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix = 2 * rng.normal(size=(size, size)) / np.sqrt(size)
    found = enclosed_spectrum(ball(matrix))
    if found.n_outside is not None:
        assert found.n_outside == truly_outside(matrix)
    assert found.n_outside is not None or np.abs(np.abs(np.linalg.eigvals(matrix)) - 1).min() < 1e-6


def test_eigenvalues_that_are_found_wrong_are_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = np.linalg.eig

    def wrong(matrix: Array) -> tuple[Array, Array]:
        values, vectors = right(matrix)
        return values + 1e-3, vectors

    monkeypatch.setattr(np.linalg, "eig", wrong)
    assert enclosed_spectrum(ball(np.diag([0.9995, 0.5]))).n_outside == 0  # by Stein's theorem
    assert enclosed_spectrum(ball(np.diag([1.0005, 0.9995]))).n_outside is None
    assert enclosed_spectrum(ball(np.diag([2.0, 0.5]))).n_outside == 1


@pytest.mark.parametrize("a", range(2, 60))
def test_discs_hold_eigenvalues_where_their_residual_is_rounded_to_nothing(a: int) -> None:
    """Square roots of whole numbers, with exact-looking vectors: the rounding is all there is."""
    matrix = np.array([[0.0, 1.0], [a, 1.0]])
    radius = enclosed_spectrum(ball(matrix)).error
    exact = ball_reference.eigenvalues(arb_mat(2, 2, ball_reference.exact(matrix.ravel())))
    for value in np.linalg.eigvals(matrix).tolist():
        assert any(bool(abs(true - acb(value)) <= arb(radius)) for true in exact)


def jordan(value: float, size: int) -> Array:
    return value * np.eye(size) + np.eye(size, k=1)


@pytest.mark.parametrize("size", [2, 4, 8])
def test_a_defective_matrix_is_proved_stable_by_steins_theorem(size: int) -> None:
    """One eigenvector for all: no similarity makes it diagonal."""
    found = enclosed_spectrum(ball(jordan(0.5, size), 1e-12))
    assert found.n_outside == 0


@pytest.mark.parametrize("value", [1.0, 1.5])
def test_a_defective_matrix_that_is_not_stable_is_not_called_so(value: float) -> None:
    assert enclosed_spectrum(ball(jordan(value, 4), 1e-12)).n_outside != 0


def test_a_matrix_on_the_circle_is_open() -> None:
    assert enclosed_spectrum(ball(np.eye(3))).n_outside is None
    assert enclosed_spectrum(ball(-np.eye(1))).n_outside is None
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    assert enclosed_spectrum(ball(turn)).n_outside is None


def test_a_ball_that_reaches_over_the_circle_is_open() -> None:
    assert enclosed_spectrum(ball(np.diag([0.9, 0.2]), 0.04)).n_outside == 0
    assert enclosed_spectrum(ball(np.diag([0.9, 0.2]), 0.2)).n_outside is None


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_open(value: float) -> None:
    matrix = np.eye(2) / 2
    assert enclosed_spectrum(Ball(matrix, np.full((2, 2), value))).n_outside is None
    matrix[0, 1] = value
    assert enclosed_spectrum(ball(matrix)).n_outside is None


# Of fixed points


def test_the_corners_of_a_known_network_have_as_many_unstable_modes_as_zeros() -> None:
    """A unit of slope 3 is unstable at 0 and stable at both its other rests."""
    cell = cell_of(independent_units(np.full(3, 3.0), np.zeros(3)))
    starts = np.random.default_rng(0).uniform(-1, 1, (400, 3))
    points = nc.find_fixed_points(cell, starts).unique().select("fixed")
    certificates = points.certify()
    zeros = (np.abs(points.h) < 0.1).sum(axis=1)
    np.testing.assert_array_equal(certificates.n_unstable, zeros)
    np.testing.assert_array_equal(certificates.index, (-1) ** zeros)
    assert certificates.index.sum() == 1
    words = {0: "stable", 1: "exactly 1 unstable mode", 2: "exactly 2 unstable modes"}
    for i, n in enumerate(zeros):
        assert certificates.stability[i] == words.get(n, "exactly 3 unstable modes")


def test_what_is_not_certified_is_open() -> None:
    cell = cell_of(independent_units(np.ones(1), np.zeros(1)))
    certificates = nc.find_fixed_points(cell, np.zeros((1, 1))).certify()
    assert certificates.n_unstable.tolist() == [-1]
    assert certificates.stability.tolist() == ["open"]
    assert certificates.index.tolist() == [0]
    assert np.isinf(certificates.eigenvalue_error).all()


@pytest.mark.parametrize("key", LAYERS)
def test_the_stability_of_a_trained_network_is_proved(key: tuple[str, int]) -> None:
    layer = trained_layer(*key)
    points = nc.find_fixed_points(layer.cell(), layer.starts[::5]).unique().select("fixed")
    certificates = points.certify()
    modes = nc.linearize(layer.cell(), points)
    outside = (np.abs(modes.eigenvalues) > 1).sum(axis=1)
    np.testing.assert_array_equal(certificates.n_unstable, outside)
    assert (certificates.eigenvalue_error < 1e-5).all()
    np.testing.assert_array_equal(certificates.index, points.index)


def test_a_state_moved_out_proves_nothing_of_its_spectrum() -> None:
    layer = trained_layer(*LAYERS[-1])
    points = nc.find_fixed_points(layer.cell(), layer.starts[:5]).unique().select("fixed")
    h = points.h + 0.3
    certificates = replace(points, h=h).certify()
    assert set(certificates.stability.tolist()) == {"open"}
