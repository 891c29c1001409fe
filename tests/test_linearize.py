"""Linearizations hold the exact Jacobians and a spectral decomposition that can be relied on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import nullcline as nc
from nullcline.linearization.modes import all_modes
from testing import ball_reference
from testing.gru_samples import cell_of, ghost_unit, independent_units, random_gru, seeds
from testing.hard_matrices import hard_matrices, linear_part
from testing.reference import ReferenceGRU
from testing.trained_networks import LAYERS, trained_layer

if TYPE_CHECKING:
    from numpy.typing import NDArray

GRU = random_gru(6, 3, gain=2.0)
CELL = cell_of(GRU)
STATES = np.random.default_rng(1).uniform(-1, 1, (4, 6))
INPUTS = np.random.default_rng(2).normal(size=(4, 3))


@settings(max_examples=40)
@given(st.integers(1, 12), st.integers(0, 4), st.sampled_from([0.3, 1.0, 3.0]), seeds)
def test_modes_decompose_the_jacobian(size: int, n: int, gain: float, seed: int) -> None:
    gru = random_gru(size, 2, gain, seed)
    h = np.random.default_rng(seed).uniform(-1, 1, (n, size))
    modes = nc.linearize(cell_of(gru), h)
    assert len(modes) == n
    for i in range(n):
        np.testing.assert_allclose(modes.J_rec[i], gru.jacobian(h[i], np.zeros(2)), atol=1e-12)
        np.testing.assert_allclose(
            modes.J_inp[i], gru.input_jacobian(h[i], np.zeros(2)), atol=1e-12
        )
        j, values = modes.J_rec[i], modes.eigenvalues[i]
        right, left = modes.right[i], modes.left[i]
        np.testing.assert_allclose(j @ right, right * values, atol=1e-12)
        np.testing.assert_allclose(np.linalg.norm(right, axis=0), 1, atol=1e-12)
        lengths = np.linalg.norm(left, axis=1, keepdims=True)
        np.testing.assert_allclose(left @ j / lengths, values[:, None] * left / lengths, atol=1e-12)
        np.testing.assert_allclose((left @ right) / lengths, np.eye(size) / lengths, atol=1e-10)
        assert (np.diff(np.abs(values)) <= 0).all()


def test_conjugate_pairs_stand_together() -> None:
    values = nc.linearize(cell_of(random_gru(30, 2)), np.zeros((1, 30))).eigenvalues[0]
    upper = np.flatnonzero(values.imag > 0)
    assert len(upper) > 0
    np.testing.assert_array_equal(values[upper + 1], values[upper].conj())


def test_eigenvalues_are_the_known_slopes() -> None:
    # F(h) = (tanh(s h) + h) / 2 for each unit: the slope at 0 is (s + 1) / 2.
    slopes = np.array([-3.0, 0.5, 1.0, 2.0])
    modes = nc.linearize(cell_of(independent_units(slopes, np.zeros(4))), np.zeros((1, 4)))
    np.testing.assert_allclose(modes.eigenvalues[0], [1.5, 1.0, -1.0, 0.75], atol=1e-15)
    assert not modes.is_stable[0]
    tau = modes.time_constants[0]
    assert tau[0] == pytest.approx(1 / np.log(1.5))
    assert tau[3] == pytest.approx(-1 / np.log(0.75))
    assert (tau[1:3] > 1e14).all()


def test_negative_eigenvalues_may_be_stable() -> None:
    cell = cell_of(independent_units(np.array([-2.5, 0.5]), np.zeros(2)))
    modes = nc.linearize(cell, np.zeros((1, 2)))
    np.testing.assert_allclose(modes.eigenvalues[0], [0.75, -0.75], atol=1e-15)
    assert modes.is_stable.tolist() == [True]
    np.testing.assert_allclose(modes.time_constants, -1 / np.log(0.75), atol=1e-13)


def test_a_mode_that_dies_at_once_has_almost_no_time_constant() -> None:
    cell = cell_of(independent_units(np.array([-1.0]), np.zeros(1)))
    modes = nc.linearize(cell, np.zeros((1, 1)))
    assert modes.time_constants[0, 0] < 0.04


def test_the_slowest_mode_is_the_one_nearest_to_the_unit_circle() -> None:
    # Slopes at 0 are 1.5, 1, -1, 0.9375, 0: growth by 1.5 a step is faster than decay by 0.9375.
    slopes = np.array([-3.0, 0.875, 1.0, 2.0, -1.0])
    modes = nc.linearize(cell_of(independent_units(slopes, np.zeros(5))), np.zeros((1, 5)))
    slowest = modes.by_time_constant()
    np.testing.assert_allclose(np.abs(slowest.eigenvalues[0]), [1, 1, 0.9375, 1.5, 0], atol=1e-15)
    assert (slowest.time_constants[0, :2] > 1e14).all()
    np.testing.assert_allclose(slowest.time_constants[0, 2:4], 1 / np.log([1 / 0.9375, 1.5]))


@settings(max_examples=20)
@given(st.integers(1, 12), st.integers(0, 3), st.sampled_from([0.3, 1.0, 3.0]), seeds)
def test_modes_by_time_constant_are_the_same_modes(
    size: int, n: int, gain: float, seed: int
) -> None:
    h = np.random.default_rng(seed).uniform(-1, 1, (n, size))
    modes = nc.linearize(cell_of(random_gru(size, 2, gain, seed)), h)
    found = modes.by_time_constant()
    assert (np.diff(found.time_constants, axis=1) <= 0).all()
    for i in range(n):
        slowness = np.abs(np.log(np.abs(modes.eigenvalues[i])))
        order = sorted(range(size), key=lambda j: slowness[j])
        np.testing.assert_array_equal(found.eigenvalues[i], modes.eigenvalues[i, order])
        np.testing.assert_array_equal(found.right[i], modes.right[i][:, order])
        np.testing.assert_array_equal(found.left[i], modes.left[i, order])
        np.testing.assert_array_equal(found.time_constants[i], modes.time_constants[i, order])
        first = np.flatnonzero(found.eigenvalues[i].imag > 0)
        pairs = found.eigenvalues[i]
        np.testing.assert_array_equal(pairs[first + 1], pairs[first].conj())


def test_a_defective_eigenvalue_has_no_left_scale() -> None:
    # Unit 2 is driven by unit 1, both with the same slope: a Jordan block.
    weight_hh = np.zeros((6, 2))
    weight_hh[4:] = [[0.5, 0.0], [1.0, 0.5]]
    cell = nc.GRU(np.zeros((6, 1)), weight_hh)
    modes = nc.linearize(cell, np.zeros((1, 2)))
    np.testing.assert_allclose(modes.eigenvalues, modes.eigenvalues[0, 0])
    assert np.isnan(modes.left).any()
    assert np.isfinite(modes.right).all()


def test_points_of_a_search_bring_their_inputs() -> None:
    points = nc.find_fixed_points(CELL, STATES, INPUTS)
    modes = nc.linearize(CELL, points)
    np.testing.assert_array_equal(modes.J_rec, nc.linearize(CELL, points.h, INPUTS).J_rec)
    with pytest.raises(ValueError, match="inputs must be None"):
        nc.linearize(CELL, points, INPUTS)


def test_no_points_have_no_modes() -> None:
    modes = nc.linearize(CELL, STATES[:0])
    assert len(modes) == 0
    assert modes.J_rec.shape == modes.left.shape == (0, 6, 6)
    assert modes.eigenvalues.shape == modes.time_constants.shape == (0, 6)
    assert modes.J_inp.shape == (0, 6, 3)
    assert modes.is_stable.shape == (0,)


def test_a_single_precision_cell_has_modes_in_double() -> None:
    cell = cell_of(GRU, np.float32)
    modes = nc.linearize(cell, STATES.astype(np.float32))
    assert modes.J_rec.dtype == modes.J_inp.dtype == np.float32
    assert modes.eigenvalues.dtype == np.complex128
    right, values = modes.right[0], modes.eigenvalues[0]
    np.testing.assert_allclose(modes.J_rec[0] @ right, right * values, atol=1e-12)


def test_the_summary_counts_stable_points() -> None:
    stable = cell_of(random_gru(6, 3, gain=0.1))
    assert repr(nc.linearize(stable, STATES)) == "Linearization(4 points, 4 stable; S = 6)"


@settings(max_examples=15)
@given(st.integers(8, 60), st.integers(1, 9), st.integers(0, 3), seeds)
def test_the_slowest_modes_are_the_first_of_all(size: int, k: int, n: int, seed: int) -> None:
    cell = cell_of(random_gru(size, 2, 1.0, seed))
    h = np.random.default_rng(seed).uniform(-1, 1, (n, size))
    x = np.random.default_rng(seed).normal(size=(n, 2))
    every, some = nc.linearize(cell, h, x), nc.linearize(cell, h, x, k=k)
    assert some.eigenvalues.shape == some.time_constants.shape == (n, k)
    assert (some.right.shape, some.left.shape) == ((n, size, k), (n, k, size))
    np.testing.assert_allclose(some.eigenvalues, every.eigenvalues[:, :k], atol=1e-8)
    np.testing.assert_array_equal(some.is_stable, every.is_stable)
    for i in range(n):
        j, right, left = every.J_rec[i], some.right[i], some.left[i]
        np.testing.assert_allclose(j @ right, right * some.eigenvalues[i], atol=1e-9)
        lengths = np.linalg.norm(left, axis=1, keepdims=True)
        np.testing.assert_allclose(
            left @ j / lengths, some.eigenvalues[i][:, None] * left / lengths, atol=1e-9
        )
        np.testing.assert_allclose(np.diag(left @ right), 1, atol=1e-9)


def test_the_slowest_modes_in_single_precision_agree_with_double() -> None:
    gru = random_gru(40, 2)
    h = np.random.default_rng(0).uniform(-1, 1, (1, 40))
    single = nc.linearize(cell_of(gru, np.float32), h.astype(np.float32), k=3)
    double = nc.linearize(cell_of(gru), h, k=3)
    np.testing.assert_allclose(single.eigenvalues, double.eigenvalues, atol=1e-4)


def test_threads_change_nothing() -> None:
    one, three = (nc.linearize(CELL, STATES, INPUTS, n_threads=n) for n in (1, 3))
    for name in ("eigenvalues", "right", "left", "J_rec"):
        np.testing.assert_array_equal(getattr(one, name), getattr(three, name))


# The slowest modes of maps that are hard for Arnoldi's method


@pytest.mark.parametrize("name", hard_matrices(2))
@pytest.mark.parametrize("size", [1, 2, 3, 5, 24])
def test_any_number_of_modes_is_the_first_of_all(name: str, size: int) -> None:
    jacobian = hard_matrices(size)[name]
    cell, size = linear_part(jacobian), len(jacobian)
    origin = np.zeros((1, size))
    with np.errstate(all="raise"):
        every = nc.linearize(cell, origin)
        counts = {1, min(2, size), max(1, size - 2), max(1, size - 1), size}
        parts = [nc.linearize(cell, origin, k=k) for k in sorted(counts)]
    largest = float(np.abs(every.eigenvalues).max())
    for part in parts:
        right, values = part.right[0], part.eigenvalues[0]
        expected = np.abs(every.eigenvalues[0, : len(values)])
        np.testing.assert_allclose(np.abs(values), expected, atol=1e-7 * max(1.0, largest))
        residual = np.abs(jacobian @ right - right * values).max()
        assert residual <= 1e-8 * max(1.0, largest)
        np.testing.assert_array_equal(part.stability, every.stability)
        if name in {"zero", "multiple of I", "equal and normal", "equal and oblique"}:
            assert part.stability == ["stable"]
        if name in {"orthogonal", "a cycle"}:
            assert part.stability == ["undecided"]


def test_matrices_of_any_scale_keep_their_eigenvalues() -> None:
    """SciPy 1.17 gives 1e138 for the eigenvalue of the 1 x 1 matrix 1e150."""
    for scale in (1e-250, 1e-140, 1e-20, 1.0, 1e20, 1e140, 1e250):
        values = all_modes(scale * np.diag([3.0, -2.0])).eigenvalues
        np.testing.assert_allclose(values / scale, [3, -2])


def test_eigenvalues_that_overflow_are_refused() -> None:
    cell = linear_part(np.full((3, 3), 1e308))
    with pytest.raises(ValueError, match="eigenvalues of J_rec must be finite"):
        nc.linearize(cell, np.zeros((1, 3)))


@pytest.mark.parametrize("k", [None, 2])
def test_a_jacobian_that_is_not_finite_is_refused(k: int | None) -> None:
    root = nc.from_function(lambda _, h: torch.sqrt(torch.abs(h)) + h / 2, 6, 0)
    with pytest.raises(ValueError, match="J_rec must be finite"):
        nc.linearize(root, np.zeros((1, 6)), k=k)


# Stable, unstable, undecided


@pytest.mark.parametrize(
    ("slope", "dtype", "stability"),
    [
        (1 - 1e-3, np.float32, "stable"),
        (1 - 1e-7, np.float32, "undecided"),
        (1 + 1e-7, np.float32, "undecided"),
        (1 + 1e-3, np.float32, "unstable"),
        (1 - 1e-12, np.float64, "stable"),
        (1 - 2e-16, np.float64, "undecided"),
        (1.0, np.float64, "undecided"),
        (1 + 1e-12, np.float64, "unstable"),
        (-1 - 1e-12, np.float64, "unstable"),
        (-1.0, np.float64, "undecided"),
    ],
)
def test_rounding_decides_nothing(slope: float, dtype: Any, stability: str) -> None:
    modes = nc.linearize(linear_part(np.full((1, 1), slope, dtype)), np.zeros((1, 1), dtype))
    assert modes.stability == [stability]
    assert modes.is_stable == [stability == "stable"]


@pytest.mark.parametrize("k", [None, 1])
@pytest.mark.parametrize(
    ("bias", "stability"), [(5.0, "stable"), (25.0, "stable"), (40.0, "undecided")]
)
def test_a_saturated_update_gate_leaves_it_open(bias: float, stability: str, k: int | None) -> None:
    """z = 1 - 4e-18 at a bias of 40: |λ| is 1 to rounding, in truth below."""
    gru = random_gru(6, 2, 0.3)
    gru.bias_ih[6:12] = bias
    points = nc.find_fixed_points(cell_of(gru), np.zeros((1, 6)))
    assert nc.linearize(cell_of(gru), points, k=k).stability == [stability]


@pytest.mark.parametrize(
    ("bias", "stability"), [(5.0, "stable"), (20.0, "stable"), (45.0, "undecided")]
)
def test_a_saturated_forget_gate_leaves_it_open(bias: float, stability: str) -> None:
    """f = 1 - 3e-20 at a bias of 45, and c moves by less than can be told."""
    weight_ih, weight_hh = np.zeros((12, 1)), np.zeros((12, 3))
    bias_ih = np.repeat([-bias, bias, 0.5, 0.0], 3)
    cell = nc.LSTM(weight_ih, weight_hh, bias_ih, np.zeros(12))
    points = nc.find_fixed_points(cell, np.zeros((1, 6)))
    assert nc.linearize(cell, points).stability == [stability]


@pytest.mark.parametrize("gap", [1e-1, 1e-3, 1e-5, 1e-7])
def test_a_slow_point_is_undecided(gap: float) -> None:
    """One eigenvalue is 1 there, exactly, and is found to either side."""
    cell = cell_of(ghost_unit(gap)[0])
    ghost = nc.find_fixed_points(cell, np.array([[-0.8]]), tol_slow=1)
    modes = nc.linearize(cell, ghost)
    assert modes.stability == ["undecided"]
    assert repr(modes) == "Linearization(1 points, 0 stable, 1 undecided; S = 1)"


def test_a_slow_point_with_another_mode_that_grows_is_unstable() -> None:
    ghost = ghost_unit(1e-3)[0]
    saddle = independent_units(np.array([3.0]), np.zeros(1))
    weights = np.zeros((6, 2))
    weights[4, 0], weights[5, 1] = ghost.weight_hh[2, 0], saddle.weight_hh[2, 0]
    bias = np.array([50.0, 50.0, 0, 0, ghost.bias_ih[2], 0])
    cell = nc.GRU(np.zeros((6, 1)), weights, bias, np.zeros(6))
    found = nc.find_fixed_points(cell, np.array([[-0.8, 0.0]]), tol_slow=1)
    assert nc.linearize(cell, found).stability == ["unstable"]


@pytest.mark.parametrize("off", [7e-4, 1e-5, 1e-7, 0.0])
def test_near_a_triple_root_the_state_decides_nothing(off: float) -> None:
    """h = tanh(h) at 0 alone, where |λ| = 1; a state a little off has 1 - h² instead."""
    modes = nc.linearize(linear_part(np.ones((1, 1))), np.full((1, 1), off))
    assert modes.stability == ["undecided"]


@pytest.mark.parametrize(("slope", "stability"), [(0.5, "stable"), (1.5, "undecided")])
def test_on_a_kink_there_is_no_one_jacobian(slope: float, stability: str) -> None:
    """h' = max(slope h, 0) at 0: slope to the right, 0 to the left."""
    cell = nc.RNN(np.zeros((1, 1)), np.full((1, 1), slope), nonlinearity="relu")
    assert nc.linearize(cell, np.zeros((1, 1))).stability == [stability]
    off = nc.linearize(cell, np.ones((1, 1)))
    assert off.stability == ["unstable" if slope > 1 else "stable"]


@settings(max_examples=60)
@given(
    st.integers(1, 5),
    st.sampled_from([1e-3, 1e-6, 1e-9, 1e-12, 1e-14, 1e-15, 1e-16, 0.0]),
    st.sampled_from([1.0, 30.0, 1e4]),
    st.sampled_from([np.float64, np.float32]),
    st.sampled_from([-1.0, 1.0]),
    seeds,
)
def test_what_is_decided_is_true_in_400_bits(
    size: int, gap: float, skew: float, dtype: Any, sign: float, seed: int
) -> None:
    """|λ| is 1 to within `gap` and the rounding of the matrix, which is normal or far from it."""
    rng = np.random.default_rng(seed)
    oblique = np.linalg.qr(rng.normal(size=(size, size)))[0] * np.geomspace(1, skew, size)
    values = np.append(1 + sign * gap, rng.uniform(-0.9, 0.9, size - 1))
    jacobian = (oblique @ np.diag(values) @ np.linalg.inv(oblique)).astype(dtype)
    modes = nc.linearize(linear_part(jacobian), np.zeros((1, size), dtype))
    radius = ball_reference.spectral_radius(jacobian.astype(float))
    if modes.stability != ["undecided"]:
        assert modes.stability == ["stable" if radius < 1 else "unstable"]
    if abs(float(radius - 1)) > 1e-3 * (dtype == np.float32) + 1e-9 and skew < 100:
        assert modes.stability != ["undecided"]


@pytest.mark.parametrize("key", LAYERS)
def test_the_fixed_points_of_trained_networks_are_decided(key: tuple[str, int]) -> None:
    layer = trained_layer(*key)
    points = nc.find_fixed_points(layer.cell(), layer.starts[::25]).unique().select("fixed")
    for k in (None, 3):
        modes = nc.linearize(layer.cell(), points, k=k)
        largest = np.abs(modes.eigenvalues).max(axis=1)
        expected = np.where(largest < 1, "stable", "unstable")
        np.testing.assert_array_equal(modes.stability, expected)
        assert (modes.eigenvalue_errors[:, 0] < 1e-10).all()


@settings(max_examples=25)
@given(st.integers(1, 8), st.sampled_from([0.5, 1.5, 3.0]), seeds)
def test_errors_bound_what_a_more_exact_state_and_float32_weights_change(
    size: int, gain: float, seed: int
) -> None:
    gru = random_gru(size, 2, gain, seed)
    single = cell_of(gru, np.float32)
    double = nc.GRU(
        *(
            w.astype(np.float64)
            for w in (single.weight_ih, single.weight_hh, single.bias_ih, single.bias_hh)
        )
    )
    starts = np.random.default_rng(seed).uniform(-1, 1, (4, size)).astype(np.float32)
    coarse = nc.find_fixed_points(single, starts).unique().select("fixed")
    if len(coarse) == 0:
        return
    exact = nc.find_fixed_points(double, coarse.h.astype(np.float64), method="newton")
    assume((np.abs(exact.h - coarse.h) < 1e-3).all())
    first, second = nc.linearize(single, coarse), nc.linearize(double, exact)
    for ours, errors, true in zip(
        first.eigenvalues, first.eigenvalue_errors, second.eigenvalues, strict=True
    ):
        distance = np.abs(ours[:, None] - true).min(axis=1)
        assert (distance <= errors + 1e-6).all()
    decided = (first.stability != "undecided") & (second.stability != "undecided")
    np.testing.assert_array_equal(first.stability[decided], second.stability[decided])


BAD: dict[str, tuple[tuple[Any, ...], type[Exception], str]] = {
    "no cell": ((None, STATES), TypeError, "cell must be a nullcline cell, not builtins.NoneType"),
    "cells": (([CELL], STATES), TypeError, "choose a layer"),
    "one state": (
        (CELL, STATES[0]),
        ValueError,
        r"points must have shape \(n, 6\).*points\[None\]",
    ),
    "other size": ((CELL, STATES[:, 1:]), ValueError, r"points must have shape \(n, 6\)"),
    "NaN": ((CELL, STATES * np.nan), ValueError, "points must be finite"),
    "booleans": ((CELL, np.zeros((2, 6), bool)), TypeError, "points must be float64 or float32"),
    "no modes": ((CELL, STATES, None, 0), ValueError, "k must lie between 1 and 6, not be 0"),
    "part": ((CELL, STATES, None, 1.5), TypeError, "k must be an integer, not 1.5"),
    "inputs": ((CELL, STATES, np.zeros((4, 2))), ValueError, "inputs must be None or have shape"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused(case: str) -> None:
    arguments, error, message = BAD[case]
    cell, points, inputs, k, *_ = (*arguments, None, None)
    with pytest.raises(error, match=message):
        nc.linearize(cell, points, inputs, k=k)


def test_jacobians_that_overflow_are_refused() -> None:
    weights: dict[str, NDArray[np.float64]] = vars(GRU)
    huge = ReferenceGRU(*(1e308 * np.sign(array) for array in weights.values()))
    for k in (None, 2):
        with pytest.raises(ValueError, match="J_rec must be finite"):
            nc.linearize(cell_of(huge), STATES, k=k)
