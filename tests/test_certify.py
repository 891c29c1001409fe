"""Certificates hold by ball arithmetic of 400 bits, and refuse what is no fixed point."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from flint import arb
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import nullcline as nc
from nullcline.certify.certificates import REASONS
from testing import ball_reference
from testing.gru_samples import cell_of, ghost_unit, independent_units, random_gru, seeds
from testing.trained_networks import LAYERS, trained_layer

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from testing.reference import ReferenceGRU

GAINS = st.sampled_from([0.3, 1.0, 2.0, 4.0])


def fixed_points_of(
    gru: ReferenceGRU, n_starts: int = 20, x: NDArray[np.float64] | None = None
) -> nc.FixedPoints:
    starts = np.random.default_rng(0).uniform(-1, 1, (n_starts, gru.size))
    return nc.find_fixed_points(cell_of(gru), starts, x).unique().select("fixed")


def units(slope: float, bias: float = 0.0, size: int = 1) -> ReferenceGRU:
    return independent_units(np.full(size, slope), np.full(size, bias))


# By ball arithmetic


@settings(max_examples=25)
@given(st.integers(1, 4), GAINS, st.booleans(), seeds)
def test_the_true_fixed_point_is_where_it_is_proved_to_be(
    size: int, gain: float, driven: bool, seed: int
) -> None:
    gru = random_gru(size, 2, gain, seed)
    x = np.random.default_rng(seed).normal(size=2)
    points = fixed_points_of(gru, 5, x if driven else None)
    certificates = points.certify()
    for i in np.flatnonzero(certificates.certified):
        truth = ball_reference.polish(gru, points.h[i], x if driven else np.zeros(2))
        for exact, found in zip(truth, points.h[i], strict=True):
            assert abs(exact - arb(float(found))) <= arb(float(certificates.radius_exists[i]))


# What is proved


def test_every_fixed_point_of_a_known_network_is_certified_and_alone() -> None:
    points = fixed_points_of(units(3.0, size=3), 400)
    certificates = points.certify()
    assert len(points) == 27
    assert certificates.certified.all()
    assert (certificates.radius_exists < 1e-13).all()
    distance = np.abs(points.h[:, None] - points.h[None]).max(axis=2)
    np.fill_diagonal(distance, np.inf)
    assert (certificates.radius_unique < distance.min(axis=1)).all()
    assert (certificates.radius_unique > 1e-3).all()


@pytest.mark.parametrize("excess", [1e-1, 1e-3, 1e-5])
def test_close_fixed_points_are_told_apart(excess: float) -> None:
    """Just above slope 1, tanh(s h) = h has three zeros, at 0 and near ±sqrt(3 (s - 1))."""
    cell = cell_of(units(1 + excess))
    near = np.sqrt(3 * excess) * np.array([[-1.0], [0.0], [1.0], [1.05]])
    points = nc.find_fixed_points(cell, near, tol_unique=0)
    certificates = points.certify()
    assert certificates.certified.all()
    assert certificates.same_point(0, 1) is False
    assert certificates.same_point(1, 2) is False
    assert certificates.same_point(0, 2) is False
    assert certificates.same_point(2, 3) is True
    assert (certificates.radius_unique < 2 * np.sqrt(3 * excess)).all()


def test_close_ends_of_the_papers_network_are_one_point() -> None:
    layer = trained_layer("imdb-1-layer")
    points = nc.find_fixed_points(layer.cell(), layer.starts[:60])
    ends = points.select("fixed")
    certificates = ends.certify()
    assert len(ends) > 1
    assert all(certificates.same_point(0, i) for i in range(1, len(ends)))


@pytest.mark.parametrize("key", LAYERS)
def test_every_fixed_point_of_a_trained_network_is_certified(key: tuple[str, int]) -> None:
    layer = trained_layer(*key)
    points = nc.find_fixed_points(layer.cell(), layer.starts[::5], tol_slow=1e-3).unique()
    certificates = points.certify()
    np.testing.assert_array_equal(certificates.certified, points.kind == "fixed")
    proved = certificates.certified
    assert (certificates.radius_exists[proved] < 1e-11).all()
    assert (certificates.radius_unique[proved] > 1e-4).all()  # useful, beside a tol_unique of 1e-3


def test_single_precision_ends_are_certified_too() -> None:
    gru = random_gru(6, 2, gain=1.0)
    starts = np.random.default_rng(0).uniform(-1, 1, (9, 6)).astype(np.float32)
    points = nc.find_fixed_points(cell_of(gru, np.float32), starts)
    certificates = points.certify()
    assert certificates.certified.all()
    assert (certificates.radius_exists < 1e-5).all()
    assert (certificates.radius_exists > 1e-12).any()  # the ends are good to single precision


# What is refused


def moved(points: nc.FixedPoints, h: NDArray[Any]) -> nc.FixedPoints:
    return replace(points, h=h)


def test_a_ghost_is_refused() -> None:
    for gap in (1e-1, 1e-3, 1e-5, 1e-7):
        points = nc.find_fixed_points(cell_of(ghost_unit(gap)[0]), np.array([[-0.8]]), tol_slow=1)
        assert points.kind.tolist() == ["slow"]
        assert not points.certify().certified.any()


def test_a_perturbed_point_is_refused_or_still_right() -> None:
    points = fixed_points_of(units(3.0, size=3), 100)
    rng = np.random.default_rng(0)
    for size in (1e-12, 1e-6, 1e-3, 1e-1, 0.5):
        perturbed = moved(points, points.h + size * np.sign(rng.normal(size=points.h.shape)))
        certificates = perturbed.certify()
        proved = certificates.certified
        assert (certificates.radius_exists[proved] >= 0.99 * size).all()
        if size <= 1e-6:
            assert proved.all()
        if size >= 0.5:
            assert not proved.any()
        assert np.isnan(certificates.radius_exists[~proved]).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_states_that_are_not_finite_are_refused(value: float) -> None:
    points = fixed_points_of(units(3.0, size=3), 30)
    h = points.h.copy()
    h[0, 1] = value
    certificates = moved(points, h).certify()
    assert not certificates.certified[0]
    assert "finite" in certificates.reason[0]
    assert certificates.certified[1:].all()


@pytest.mark.parametrize("slope", [1.0, 1 + 1e-16, 1 - 1e-16])
def test_a_fold_is_refused(slope: float) -> None:
    points = nc.find_fixed_points(cell_of(units(slope)), np.zeros((1, 1)))
    certificates = points.certify()
    assert not certificates.certified.any()
    assert certificates.same_point(0, 0) is None


@pytest.mark.parametrize("off", [0.0, 7e-4, 1e-5])
def test_a_triple_root_is_refused(off: float) -> None:
    points = nc.find_fixed_points(cell_of(units(1.0)), np.full((1, 1), off), max_iterations=0)
    certificates = points.certify()
    assert not certificates.certified.any()
    assert "multiple root" in certificates.reason[0] or "too large" in certificates.reason[0]


@pytest.mark.parametrize("slope", [1e12, 1e100])
def test_a_saturated_unit_is_certified_however_large_its_slope(slope: float) -> None:
    """h = tanh(slope h) rests at 1, where n(h) - h has the slope -1: it is not singular."""
    gru = units(slope)
    certificates = nc.find_fixed_points(cell_of(gru), np.ones((1, 1)), max_iterations=0).certify()
    assert certificates.certified.all()
    truth = ball_reference.polish(gru, np.ones(1), np.zeros(1))
    assert abs(truth[0] - 1) <= arb(float(certificates.radius_exists[0]))
    assert certificates.stability.tolist() == ["stable"]


def test_weights_too_large_for_float64_are_the_reason_that_is_given() -> None:
    cell = cell_of(units(1e300))
    certificates = nc.find_fixed_points(cell, np.ones((1, 1)), max_iterations=0).certify()
    assert not certificates.certified.any()
    assert "rounding" in certificates.reason[0]


@settings(max_examples=30)
@given(st.integers(1, 4), st.sampled_from([1.0, 30.0, 1e3, 1e6]), st.booleans(), seeds)
def test_whatever_is_certified_is_true_in_400_bits(
    size: int, gain: float, single: bool, seed: int
) -> None:
    """With large weights and in float32 too; a sentence says why where nothing is proved."""
    dtype = np.float32 if single else np.float64
    gru = random_gru(size, 2, gain, seed)
    gru = replace(gru, **{name: w.astype(dtype).astype(float) for name, w in vars(gru).items()})
    starts = np.random.default_rng(seed).uniform(-1, 1, (5, size)).astype(dtype)
    points = nc.find_fixed_points(cell_of(gru, dtype), starts)
    certificates = points.certify()
    assert set(certificates.reason) <= set(REASONS)
    for i in np.flatnonzero(certificates.certified):
        truth = ball_reference.polish(gru, points.h[i].astype(float), np.zeros(2))
        for exact, found in zip(truth, points.h[i], strict=True):
            assert abs(exact - arb(float(found))) <= arb(float(certificates.radius_exists[i]))


@given(st.integers(1, 5), st.sampled_from([1.0, 10.0, 1e3, 1e150, 1e300]), seeds)
def test_nothing_false_is_proved_of_any_state(size: int, gain: float, seed: int) -> None:
    """A proof says that the map h - A G(h) contracts to a fixed point that is as near as proved."""
    gru = random_gru(size, 1, gain, seed)
    assume(np.isfinite(gru.weight_hh).all())
    starts = np.random.default_rng(seed).uniform(-1, 1, (4, size))
    points = nc.find_fixed_points(cell_of(gru), starts, max_iterations=0)
    certificates = points.certify()
    for i in np.flatnonzero(certificates.certified):
        inverse = np.linalg.inv(gru.reduced_jacobian(starts[i], np.zeros(1)))
        h = starts[i]
        for _ in range(2000):
            h = h - inverse @ gru.reduced(h, np.zeros(1))
        assert np.abs(h - gru.step(h, np.zeros(1))).max() < 1e-9
        assert np.abs(h - starts[i]).max() <= certificates.radius_exists[i] + 1e-12


# Asking


def test_a_loaded_result_needs_its_cell(tmp_path: Path) -> None:
    gru = random_gru(3, 2)
    points = fixed_points_of(gru, 5, np.ones(2))
    points.save(tmp_path / "points.npz")
    loaded = nc.FixedPoints.load(tmp_path / "points.npz")
    with pytest.raises(ValueError, match="pass the one that was searched"):
        loaded.certify()
    np.testing.assert_array_equal(
        loaded.certify(cell_of(gru)).radius_unique, points.certify().radius_unique
    )
    with pytest.raises(ValueError, match="cell has states of 4 numbers, and these have 3"):
        loaded.certify(cell_of(random_gru(4, 2)))
    with pytest.raises(ValueError, match="reads inputs of 3 numbers, and these have 2"):
        loaded.certify(cell_of(random_gru(3, 3)))
    with pytest.raises(TypeError, match="cell must be a nullcline cell"):
        loaded.certify(gru)  # type: ignore[arg-type]


def test_no_rows_have_no_certificates() -> None:
    points = fixed_points_of(random_gru(3, 2), 4).select([])
    certificates = points.certify()
    assert len(certificates) == len(certificates.reason) == 0
    assert certificates.certified.dtype == bool
