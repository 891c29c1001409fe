"""Networks of rates: every activation, leak and recurrence agrees with autograd, on either side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nullcline as nc
from nullcline.cells import Box
from nullcline.cells.rate_cell import ACTIVATIONS
from testing.every_cell import bends, jacobians, rows
from testing.gru_samples import seeds
from testing.rates import PHI, Rates
from testing.search_checks import METHODS, SOLVERS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

KINDS = (nc.LeakyRNN, nc.RateRNN)


networks = st.builds(
    Rates,
    st.sampled_from(KINDS),
    st.integers(1, 7),
    activations=st.lists(st.sampled_from(ACTIVATIONS), min_size=1, max_size=3),
    rank=st.sampled_from([None, 1, 2, 9]),
    gain=st.sampled_from([0.1, 1.0, 4.0]),
    seed=seeds,
)


def test_every_activation_is_tested() -> None:
    assert set(PHI) == set(ACTIVATIONS)


@settings(max_examples=150)
@given(networks, seeds)
def test_autograd_agrees_to_a_dozen_digits(network: Rates, seed: int) -> None:
    cell = network.cell()
    rng = np.random.default_rng(seed)
    h, u, v = rng.normal(size=(3, 4, len(network.b)))
    x, w = rng.normal(size=(2, 4, 2))
    alpha = network.alpha[:, None]
    j_rec, j_inp = (jacobians(network.step, h, x, by) for by in (0, 1))
    f = rows(network.step, h, x)
    for found, right in (
        (cell.step(h, x), f),
        (cell.speed(h, x), np.mean((h - f) ** 2, axis=1)),
        (cell.jacobian(h, x), j_rec),
        (cell.input_jacobian(h, x), j_inp),
        (cell.jvp(h, x, v), np.einsum("nij,nj->ni", j_rec, v)),
        (cell.vjp(h, x, u), np.einsum("ni,nij->nj", u, j_rec)),
        (cell.hvp(h, x, u, v), bends(network.step, h, x, u, v)),
        (cell.input_jvp(h, x, w), np.einsum("nij,nj->ni", j_inp, w)),
        (cell.input_vjp(h, x, u), np.einsum("ni,nij->nj", u, j_inp)),
        (cell.residual(h, x), (f - h) / network.alpha),
        (cell.residual_jacobian(h, x), (j_rec - np.eye(len(alpha))) / alpha),
        (cell.residual_input_jvp(h, x, w), np.einsum("nij,nj->ni", j_inp / alpha, w)),
    ):
        np.testing.assert_allclose(found, right, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("rank", [None, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_single_precision_is_double_precision_rounded(kind: Any, rank: int | None) -> None:
    network = Rates(kind, 20, activations=list(ACTIVATIONS), rank=rank)
    rng = np.random.default_rng(0)
    h, x = rng.uniform(-1, 1, (70, 20)), rng.normal(size=(70, 2))
    double, single = network.cell(), network.cell(np.float32)
    for name in ("step", "jacobian", "input_jacobian"):
        found = getattr(single, name)(h.astype(np.float32), x.astype(np.float32))
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, getattr(double, name)(h, x), rtol=0, atol=1e-5)


def run_to_rest(cell: nc.RateRNN, x: NDArray[Any]) -> NDArray[Any]:
    """Return where a network ends, from zero, by its own steps: at rest, or after 3000 of them."""
    h = np.zeros((1, cell.state_size), cell.dtype)
    for _ in range(3000):
        h, last = cell.step(h, x), h
        if np.array_equal(h, last):
            break
    return h


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("rank", [None, 2])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_contracting_network_has_the_fixed_point_that_it_runs_to(
    kind: Any, activation: str, rank: int | None, dtype: Any, method: str
) -> None:
    gain = 0.4 if rank is None else 0.02
    cell = Rates(kind, 12, activations=[activation], rank=rank, gain=gain).cell(dtype)
    x = np.array([0.5, -1.0], dtype)
    end = run_to_rest(cell, x)
    starts = np.random.default_rng(1).uniform(-1, 1, (20, 12)).astype(dtype)
    found = nc.find_fixed_points(cell, starts, x, method=method, max_iterations=3000)
    if method == "gradient":
        assert set(found.kind) <= {"fixed", "slow"}
        assert np.abs(found.h - end).max() < 0.05  # it stops where the speed is small
        return
    assert set(found.kind) == {"fixed"}
    atol = 1e-12 if dtype == np.float64 else 1e-4
    np.testing.assert_allclose(found.h, np.broadcast_to(end, found.h.shape), rtol=0, atol=atol)


@pytest.mark.parametrize("activation", ["tanh", "logistic", "hard_tanh", "rectified_tanh"])
@pytest.mark.parametrize("rank", [None, 2])
def test_rates_stay_in_the_box_about_their_drive(activation: str, rank: int | None) -> None:
    network = Rates(nc.RateRNN, 30, activations=[activation], rank=rank, gain=2.0)
    cell = network.cell()
    rng = np.random.default_rng(2)
    for x in 5 * rng.normal(size=(10, 2)):
        box = cell.box_at(x)
        drive = network.u @ x + network.b
        low, high = cell.box.low - network.b, cell.box.high - network.b
        np.testing.assert_allclose(box.low, drive + low, atol=1e-12)
        np.testing.assert_allclose(box.high, drive + high, atol=1e-12)
        if rank is None and activation == "tanh":
            np.testing.assert_allclose(high, np.abs(network.w).sum(axis=1), rtol=1e-13)
            np.testing.assert_allclose(low, -high, rtol=1e-13)
        starts = rng.normal(size=(40, 30)) * 10
        found = nc.find_fixed_points(cell, starts, x)
        assert ((box.low <= found.h) & (found.h <= box.high)).all()
        assert (found.kind == "fixed").any()


def test_a_box_is_open_at_one_end_where_rates_are() -> None:
    """Rectified rates have no upper end: a unit that they all excite has no upper bound."""
    w = np.array([[0.0, -1.0], [2.0, 0.0]])
    cell = nc.RateRNN(np.zeros((2, 1)), w, np.array([0.5, -0.25]), alpha=1, activation="relu")
    np.testing.assert_allclose(cell.box.low, [-np.inf, -0.25], rtol=1e-12)
    np.testing.assert_allclose(cell.box.high, [0.5, np.inf], rtol=1e-12)


def test_a_box_of_inputs_holds_the_boxes_of_all() -> None:
    cell = Rates(nc.RateRNN, 6, activations=["tanh", "relu"]).cell()
    low, high = np.array([-1.0, 0.5]), np.array([2.0, np.inf])
    whole = cell.box_at(Box(low, high))
    rng = np.random.default_rng(3)
    for x in rng.uniform(low, [2, 50], (50, 2)):
        box = cell.box_at(x)
        assert (whole.low <= box.low).all()
        assert (box.high <= whole.high).all()
    tight = cell.box_at(Box(low, low))
    np.testing.assert_allclose(tight.low, cell.box_at(low).low, rtol=1e-12)
    layers = [Rates(nc.LeakyRNN, 2, activations=["tanh"]).cell(), cell]
    assert nc.Stack(layers).box.low.shape == (8,)
    np.testing.assert_array_equal(
        nc.Stack(layers).box.low[2:], cell.box_at(layers[0].box_at(None)).low
    )


def test_a_curve_of_rates_ends_at_the_faces_of_their_own_box() -> None:
    """One unit, h = w tanh(h) + τ: the curve is τ = h - w tanh(h), from face to face."""
    w, drive = 2.0, 0.5
    cell = nc.RateRNN(np.ones((1, 1)), np.array([[w]]), alpha=0.1)
    found = nc.trace(cell, np.array([3.0]), np.array([drive]))
    (curve,) = found.curves
    h = curve.h[:, 0]
    np.testing.assert_allclose([h.min(), h.max()], [drive - w, drive + w], atol=1e-2)
    residual = w * np.tanh(h) + drive - h
    np.testing.assert_allclose(residual, curve.tau * curve.direction[0], atol=1e-10)
    assert len(found.points.select("fixed")) == 3
    branch = nc.follow_input(cell, found.points.select("fixed").select([0]), [1.0], reach=0.3)
    np.testing.assert_allclose(
        w * np.tanh(branch.h[:, 0]) + drive + branch.s - branch.h[:, 0], 0, atol=1e-9
    )


def test_a_curve_leaves_a_point_whose_units_are_all_but_off() -> None:
    """Two logistic units near zero, one that drives itself: a curve does not end at its start."""
    w = np.array([[8.0, 0.0], [0.0, 0.0]])
    cell = nc.LeakyRNN(np.zeros((2, 1)), w, np.array([-4.2, -9.0]), alpha=1, activation="logistic")
    found = nc.trace(cell, np.array([0.01, 1e-4]))
    (curve,) = found.curves
    assert curve.h[:, 1].max() < 1e-3
    assert len(found.points.select("fixed")) == 3
    assert np.ptp(curve.h[:, 0]) > 0.95


def test_a_ring_of_rates_of_low_rank_has_its_line_of_fixed_points() -> None:
    """Rank one: h = m κ with κ = nᵀ tanh(m κ), whose roots are found by hand."""
    size = 3000  # dense, it would take 72 MB; above the size to which `auto` factors
    rng = np.random.default_rng(4)
    m = rng.normal(size=(size, 1))
    n = (1.5 * m + 0.5 * rng.normal(size=(size, 1))) / size
    cell = nc.RateRNN(np.zeros((size, 1)), (m, n), alpha=0.2)
    starts = m.T * rng.uniform(-2, 2, (20, 1))
    found = nc.find_fixed_points(cell, starts, max_iterations=2000)
    assert set(found.kind) == {"fixed"}
    distinct = found.unique()
    kappa = distinct.h @ m[:, 0] / (m[:, 0] @ m[:, 0])
    np.testing.assert_allclose(distinct.h, np.outer(kappa, m), atol=1e-10)
    overlap = [(n[:, 0] * np.tanh(m[:, 0] * k)).sum() for k in kappa]
    np.testing.assert_allclose(overlap, kappa, atol=1e-12)
    assert sorted(np.sign(np.round(kappa, 6))) == [-1, 0, 1]
    assert cell.factors is not None
    np.testing.assert_array_equal(cell.factors[0], m)


def test_factors_give_what_their_product_gives() -> None:
    network = Rates(nc.LeakyRNN, 40, activations=["tanh"], rank=3, gain=0.05)
    low = network.cell()
    dense = nc.LeakyRNN(network.u, low.weight_hh, network.b, alpha=network.alpha)
    np.testing.assert_allclose(low.weight_hh, network.w, rtol=1e-14, atol=1e-15)
    starts = np.random.default_rng(0).uniform(-1, 1, (30, 40))
    for method in SOLVERS:
        ours, theirs = (nc.find_fixed_points(c, starts, method=method) for c in (low, dense))
        np.testing.assert_array_equal(ours.kind, theirs.kind)
        np.testing.assert_allclose(ours.h, theirs.h, rtol=0, atol=1e-11)
    assert dense.factors is None
