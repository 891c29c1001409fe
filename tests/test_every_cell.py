"""Cells of every kind agree with PyTorch and its autograd, and their searches with a slow one."""

from __future__ import annotations

import re
from dataclasses import astuple
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import nullcline as nc
from nullcline.cells import Box, Cell
from testing.every_cell import (
    KINDS,
    SMOOTH,
    STACKED,
    Network,
    bends,
    hessians,
    jacobians,
    random_network,
    rows,
)
from testing.gru_samples import seeds
from testing.reference import levenberg_marquardt
from testing.search_checks import METHODS, SOLVERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

kinds = st.sampled_from(KINDS)


@st.composite
def problems(
    draw: st.DrawFn, of: st.SearchStrategy[str] = kinds
) -> tuple[Network, NDArray[np.float64], NDArray[np.float64]]:
    """Draw a network, states and an input for each."""
    size, input_size, n = draw(st.integers(1, 9)), draw(st.integers(1, 5)), draw(st.integers(1, 5))
    gain, seed = draw(st.sampled_from([0.1, 1.0, 4.0])), draw(seeds)
    network = random_network(draw(of), size, input_size, gain, seed)
    rng = np.random.default_rng(draw(seeds))
    return network, rng.uniform(-1, 1, (n, network.state_size)), rng.normal(size=(n, input_size))


@given(problems(), seeds)
def test_autograd_agrees_with_the_step_and_all_its_derivatives(
    problem: tuple[Network, NDArray[np.float64], NDArray[np.float64]], seed: int
) -> None:
    network, s, x = problem
    cell = network.cell()
    rng = np.random.default_rng(seed)
    u, v, w = rng.normal(size=s.shape), rng.normal(size=s.shape), rng.normal(size=x.shape)
    j_rec, j_inp = jacobians(network.step, s, x, 0), jacobians(network.step, s, x, 1)
    f = rows(network.step, s, x)
    for found, right in (
        (cell.step(s, x), f),
        (cell.speed(s, x), np.mean((s - f) ** 2, axis=1)),
        (cell.jacobian(s, x), j_rec),
        (cell.input_jacobian(s, x), j_inp),
        (cell.jvp(s, x, v), np.einsum("nij,nj->ni", j_rec, v)),
        (cell.vjp(s, x, u), np.einsum("ni,nij->nj", u, j_rec)),
        (cell.hvp(s, x, u, v), bends(network.step, s, x, u, v)),
        (cell.speed_hessian(s, x), hessians(network.step, s, x)),
        (cell.input_jvp(s, x, w), np.einsum("nij,nj->ni", j_inp, w)),
        (cell.input_vjp(s, x, u), np.einsum("ni,nij->nj", u, j_inp)),
    ):
        assert found.shape == right.shape
        np.testing.assert_allclose(found, right, rtol=1e-12, atol=1e-11)


@given(problems(), seeds)
def test_autograd_agrees_with_the_reduced_residual(
    problem: tuple[Network, NDArray[np.float64], NDArray[np.float64]], seed: int
) -> None:
    network, s, x = problem
    h = np.ascontiguousarray(s[:, : network.size])
    cell = network.cell()
    w = np.random.default_rng(seed).normal(size=x.shape)
    by_input = jacobians(network.reduced, h, x, 1)
    for found, right in (
        (cell.residual(h, x), rows(network.reduced, h, x)),
        (cell.residual_jacobian(h, x), jacobians(network.reduced, h, x, 0)),
        (cell.residual_input_jvp(h, x, w), np.einsum("nij,nj->ni", by_input, w)),
        (cell.state_of(h, x), rows(network.equilibrium, h, x)),
    ):
        assert found.shape == right.shape
        np.testing.assert_allclose(found, right, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_single_precision_is_double_precision_rounded(kind: str) -> None:
    network = random_network(kind, 20, 4, seed=3)
    rng = np.random.default_rng(0)
    s, x = rng.uniform(-1, 1, (70, network.state_size)), rng.normal(size=(70, 4))
    double, single = network.cell(), network.cell(np.float32)
    assert isinstance(single, Cell)
    for name in ("step", "jacobian", "input_jacobian"):
        found = getattr(single, name)(s.astype(np.float32), x.astype(np.float32))
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, getattr(double, name)(s, x), rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", ["lstm", "tanh", "relu"])
def test_steps_as_pytorch_does(kind: str) -> None:
    network = random_network(kind, 7, 3, seed=1)
    layer: Any = (
        torch.nn.LSTMCell(3, 7) if kind == "lstm" else torch.nn.RNNCell(3, 7, nonlinearity=kind)
    )
    layer = layer.double()
    for name, array in zip(
        ("weight_ih", "weight_hh", "bias_ih", "bias_hh"), network.weights, strict=True
    ):
        getattr(layer, name).data = torch.from_numpy(array)
    rng = np.random.default_rng(2)
    s, x = rng.uniform(-1, 1, (5, network.state_size)), torch.from_numpy(rng.normal(size=(5, 3)))
    with torch.no_grad():
        parts = tuple(map(torch.from_numpy, np.split(s, len(s[0]) // 7, axis=1)))
        right = torch.cat(layer(x, parts), 1) if kind == "lstm" else layer(x, parts[0])
    np.testing.assert_allclose(network.cell().step(s, x), right.numpy(), rtol=0, atol=1e-14)


def slow_search(
    f: Callable[..., torch.Tensor], start: NDArray[np.float64], x: NDArray[np.float64], box: Box
) -> NDArray[np.float64]:
    """Return the zero or minimum of ‖f‖ that a start leads to, by autograd and dense steps."""
    return levenberg_marquardt(
        lambda h: rows(f, h[None], x[None])[0],
        lambda h: jacobians(f, h[None], x[None], 0)[0],
        start,
        low=box.low,
        high=box.high,
    )


@pytest.mark.parametrize("method", SOLVERS)
@pytest.mark.parametrize("kind", SMOOTH)
def test_contracting_networks_have_the_point_that_a_slow_search_finds(
    kind: str, method: str
) -> None:
    network = random_network(kind, 12, 3, gain=0.4, seed=5)
    rng = np.random.default_rng(1)
    starts, x = rng.uniform(-1, 1, (20, network.state_size)), rng.normal(size=3)
    found = nc.find_fixed_points(network.cell(), starts, x, method=method)
    assert set(found.kind) == {"fixed"}
    h = slow_search(network.reduced, np.zeros(network.size), x, network.cell().box_at(x))
    right = network.equilibrium(torch.from_numpy(h), torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(found.h, np.broadcast_to(right, found.h.shape), rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", SMOOTH)
def test_the_gradient_method_is_adam_on_the_speed(kind: str) -> None:
    """For longer than it goes on by products of steps alone, which are in single precision."""
    iterations, rate = 150, 0.01
    network = random_network(kind, 8, 2, gain=0.8, seed=9)
    rng = np.random.default_rng(2)
    starts, x = rng.uniform(-0.3, 0.3, (5, network.state_size)), rng.normal(size=(5, 2))
    found = nc.find_fixed_points(
        network.cell(), starts, x, method="gradient", max_iterations=iterations, tol_slow=0
    )
    boxes = [astuple(network.cell().box_at(x_i)) for x_i in x]
    low, high = (torch.from_numpy(np.stack(end)) for end in zip(*boxes, strict=True))
    s = torch.tensor(starts)
    outputs = s[:, : network.size]
    outputs.clamp_(low, high)  # both keep to the box
    s.requires_grad_()
    adam = torch.optim.Adam([s], lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, iterations, eta_min=rate / 100)
    for _ in range(iterations):
        adam.zero_grad()
        change = torch.func.vmap(network.step)(s, torch.from_numpy(x)) - s
        (change**2).mean(dim=1).sum().backward()  # type: ignore[no-untyped-call]
        adam.step()
        outputs.data.clamp_(low, high)
        schedule.step()
    assert set(found.iterations) == {iterations}
    np.testing.assert_allclose(found.h, s.detach().numpy(), rtol=0, atol=1e-5)


@settings(max_examples=40)
@given(problems(st.sampled_from(SMOOTH)), st.sampled_from(SOLVERS))
def test_what_is_called_fixed_stays_where_it_is(
    problem: tuple[Network, NDArray[np.float64], NDArray[np.float64]], method: str
) -> None:
    network, s, x = problem
    cell = network.cell()
    found = nc.find_fixed_points(cell, s, x, method=method)
    fixed = found.kind == "fixed"
    moved = np.abs(cell.step(found.h, x) - found.h)
    assert (moved[fixed] <= 1e-12 * np.maximum(1, np.abs(found.h[fixed]))).all()
    for h, x_i in zip(found.h, x, strict=True):
        box = cell.box_at(x_i)
        assert ((box.low <= h[: network.size]) & (h[: network.size] <= box.high)).all()
    # By roots: a step is rounded in its last digits, an LSTM's c in proportion to its size.
    speeds = np.sqrt(np.mean(moved**2, axis=1))
    rounding = 1e-15 * np.maximum(1, np.abs(found.h).max(axis=1))
    assert (np.abs(np.sqrt(found.q) - speeds) <= 1e-6 * speeds + rounding).all()


@settings(max_examples=30)
@given(problems(st.sampled_from(SMOOTH)))
def test_slow_points_are_minima_of_the_speed_in_all_of_the_state(
    problem: tuple[Network, NDArray[np.float64], NDArray[np.float64]],
) -> None:
    network, s, x = problem
    cell = network.cell()
    found = nc.find_fixed_points(cell, s, x, tol_slow=1.0)
    for h, kind, x_i in zip(found.h, found.kind, x, strict=True):
        if kind != "slow":
            continue
        f = (cell.step(h[None], x_i) - h)[0]
        slope = 2 * (cell.vjp(h[None], x_i, f[None])[0] - f) / len(f)
        box = cell.box_at(x_i)
        held = np.zeros(len(h), bool)
        held[: network.size] = box.room(h[: network.size]) <= 1e-15
        scale = np.linalg.norm(cell.jacobian(h[None], x_i)[0]) + np.sqrt(len(f))
        assert np.linalg.norm(slope[~held]) <= 1e-5 * scale * np.linalg.norm(f)
        rng = np.random.default_rng(0)
        for _ in range(20):
            step = 1e-3 * rng.normal(size=len(h))
            there = h + step
            there[: network.size] = np.clip(there[: network.size], box.low, box.high)
            assert cell.speed(there[None], x_i)[0] >= cell.speed(h[None], x_i)[0] * (1 - 1e-4)


def test_two_lstm_units_that_remember_have_all_their_combinations() -> None:
    """Units that see themselves alone: a search from everywhere finds every fixed point."""
    size = 2
    weight_hh = np.zeros((4 * size, size))
    weight_hh[2 * size : 3 * size] = 6 * np.eye(size)  # g = tanh(6 h)
    bias = np.repeat([4.0, 0.0, 0.0, 4.0], size)  # i, o open, f half open
    cell = nc.LSTM(np.zeros((4 * size, 1)), weight_hh, bias)
    starts = np.random.default_rng(0).uniform(-1, 1, (300, 2 * size))
    points = nc.find_fixed_points(cell, starts).select("fixed").unique()
    assert len(points) == 9
    stable = nc.linearize(cell, points).is_stable
    assert stable.sum() == 4
    np.testing.assert_allclose(cell.step(points.h), points.h, rtol=0, atol=1e-14)


@given(st.integers(1, 6), st.integers(1, 3), st.sampled_from([0.3, 1.0, 3.0]), seeds)
def test_an_lstms_c_stays_within_its_bound(size: int, reads: int, gain: float, seed: int) -> None:
    cell = random_network("lstm", size, reads, gain, seed).cell()
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(20, reads))
    bound = cell.largest_c(x)
    assert bound.shape == (20, size)
    h, c = rng.uniform(-1, 1, (2, 20, size))
    c = np.where(rng.random(c.shape) < 0.5, np.sign(c), c) * bound  # half of them on the bound
    after = cell.step(np.hstack([h, c]), x)[:, size:]
    assert (np.abs(after) <= bound * (1 + 1e-14)).all()
    points = nc.find_fixed_points(cell, np.hstack([h, c]), x).select("fixed")
    assert (np.abs(points.h[:, size:]) <= cell.largest_c(points.inputs)).all()
    assert cell.largest_c().shape == (1, size)


def test_an_lstm_that_never_forgets_has_no_nan() -> None:
    """With f = 1 to rounding, c has no bound at its equilibrium, and nothing says what it is."""
    rng = np.random.default_rng(0)
    weight_hh = 0.3 * rng.normal(size=(12, 3))
    bias = np.repeat([0.0, 800.0, 0.5, 0.0], 3)
    for dtype in (np.float64, np.float32):
        cell = nc.LSTM(*(a.astype(dtype) for a in (np.zeros((12, 1)), weight_hh, bias)))
        h = rng.uniform(-1, 1, (20, 3)).astype(dtype)
        for found in (cell.residual(h), cell.residual_jacobian(h), cell.state_of(h)):
            assert np.isfinite(found).all()
        starts = rng.uniform(-1, 1, (20, 6)).astype(dtype)
        ends = nc.find_fixed_points(cell, starts)
        assert np.isfinite(ends.h).all()
        assert set(ends.kind) == {"unconverged"}  # c would be about e^800
        assert all("cannot be decided" in reason for reason in ends.reason)
        np.testing.assert_allclose(cell.residual(ends.h[:, :3]), 0, atol=1e-6)


@pytest.mark.parametrize("method", SOLVERS)
def test_a_relu_network_is_solved_by_its_pattern(method: str) -> None:
    """A contracting network of rectified units has one fixed point: that of its active units."""
    network = random_network("relu", 15, 2, gain=0.3, seed=4)
    x = np.array([1.0, -1.0])
    starts = np.random.default_rng(0).uniform(0, 2, (30, 15))
    cell = network.cell()
    found = nc.find_fixed_points(cell, starts, x, method=method)
    assert set(found.kind) == {"fixed"}
    h = starts[0]
    for _ in range(500):
        h = cell.step(h[None], x)[0]
    np.testing.assert_allclose(found.h, np.broadcast_to(h, found.h.shape), rtol=0, atol=1e-13)
    active = h > 0
    assert 0 < active.sum() < 15
    drive = network.weight_ih @ x + network.bias_ih + network.bias_hh
    w = network.weight_hh[np.ix_(active, active)]
    exact = np.linalg.solve(np.eye(len(w)) - w, drive[active])
    np.testing.assert_allclose(h[active], exact, rtol=1e-12)


def test_a_relu_network_that_diverges_is_not_called_fixed() -> None:
    cell = nc.RNN(np.zeros((3, 1)), 2 * np.eye(3), np.ones(3), nonlinearity="relu")
    starts = np.random.default_rng(0).uniform(-1, 5, (25, 3))
    for method in METHODS:
        found = nc.find_fixed_points(cell, starts, method=method)
        assert (found.h >= 0).all()
        assert "fixed" not in set(found.kind)  # h = 2 h + 1 has its solution at -1


@pytest.mark.parametrize("kind", KINDS)
def test_ends_do_not_depend_on_company_or_threads(kind: str) -> None:
    network = random_network(kind, 10, 2, gain=1.5, seed=8)
    starts = np.random.default_rng(3).uniform(-1, 1, (55, network.state_size))
    every = nc.find_fixed_points(network.cell(), starts, n_threads=2)
    for i in (0, 7, 54):
        alone = nc.find_fixed_points(network.cell(), starts[[i]], n_threads=1)
        np.testing.assert_array_equal(alone.h[0], every.h[i])
        assert alone.kind[0] == every.kind[i]


@pytest.mark.parametrize("kind", SMOOTH)
def test_curves_pass_through_fixed_points(kind: str) -> None:
    network = random_network(kind, 6, 2, gain=1.6, seed=11)
    cell = network.cell()
    starts = np.random.default_rng(0).uniform(-1, 1, (100, network.state_size))
    points = nc.find_fixed_points(cell, starts).unique()
    found = nc.trace(cell, points.select([0]))
    (curve,) = found.curves
    residual = cell.residual(curve.h[:, :6])
    np.testing.assert_allclose(residual, np.outer(curve.tau, curve.direction), atol=1e-8)
    assert curve.h.shape[1] == cell.state_size
    fixed = found.points.select("fixed")
    assert len(fixed) > 0
    np.testing.assert_allclose(cell.step(fixed.h), fixed.h, rtol=0, atol=1e-11)
    branch = nc.follow_input(cell, points.select("fixed").select([0]), [1.0, 0.5], reach=0.2)
    moved = cell.step(branch.h, branch.inputs) - branch.h
    np.testing.assert_allclose(moved, 0, rtol=0, atol=1e-7)
    assert re.fullmatch(r"Curve\(\d+ states, [\d.e+-]+ long; S = \d+\)", repr(curve))
    assert repr(branch).startswith(f"InputBranch({len(branch)} points, {len(branch.fold_s)} folds")


def test_relu_curves_are_refused() -> None:
    cell = nc.RNN(np.zeros((2, 1)), 0.1 * np.eye(2), nonlinearity="relu")
    with pytest.raises(TypeError, match="cell has units with kinks"):
        nc.trace(cell, np.zeros(2))


@pytest.mark.parametrize("kind", KINDS)
def test_no_iterations_leave_starts_where_they_are(kind: str) -> None:
    network = random_network(kind, 4, 2, seed=2)
    starts = np.random.default_rng(0).uniform(0.1, 0.9, (6, network.state_size))
    box = network.cell().box
    starts[:, :4] = np.clip(starts[:, :4], box.low, box.high)
    found = nc.find_fixed_points(network.cell(), starts, max_iterations=0)
    np.testing.assert_array_equal(found.h, starts)


@pytest.mark.parametrize("kind", STACKED)
def test_every_cell_says_what_its_weights_must_be(kind: str) -> None:
    network = random_network(kind, 4, 2)
    weight_ih, weight_hh, bias_ih, _ = network.weights
    make = type(network.cell())
    with pytest.raises(ValueError, match="weight_hh must have shape"):
        make(weight_ih, weight_hh[:, :3])
    with pytest.raises(ValueError, match="weight_ih must have shape"):
        make(weight_ih[:-1], weight_hh)
    with pytest.raises(ValueError, match="bias_ih must have shape"):
        make(weight_ih, weight_hh, bias_ih[:-1])
    with pytest.raises(ValueError, match="bias_hh must be finite"):
        make(weight_ih, weight_hh, None, bias_ih * np.nan)


@settings(max_examples=20)
@given(st.sampled_from(KINDS), st.integers(1, 6), st.floats(0.1, 20), seeds)
def test_steps_stay_in_the_box(kind: str, size: int, gain: float, seed: int) -> None:
    network = random_network(kind, size, 2, gain, seed)
    cell = network.cell()
    rng = np.random.default_rng(seed)
    x = rng.normal(size=2)
    box = cell.box_at(x)
    assert box.low.shape == box.high.shape == (size,)
    states = rng.uniform(-1, 1, (8, cell.state_size))
    low, high = np.maximum(box.low, -3), np.minimum(box.high, 3)
    states[:, :size] = rng.uniform(np.minimum(low, high), high, (8, size))
    outputs = cell.outputs_of(cell.step(states, x))
    assert (outputs >= box.low).all()
    assert (outputs <= box.high).all()
    assert cell.is_smooth == (kind in SMOOTH)


def test_a_stack_has_the_boxes_of_its_layers() -> None:
    layers = [random_network(kind, 3, 3).cell() for kind in ("lstm", "relu", "tanh")]
    box = nc.Stack(layers).box
    np.testing.assert_array_equal(box.low, [-1] * 3 + [0] * 3 + [-1] * 3)
    np.testing.assert_array_equal(box.high, [1] * 3 + [np.inf] * 3 + [1] * 3)
    assert box.margin([0.5] * 2 + [-0.75] + [1.0] * 3 + [0.0] * 3) == 0.25
    assert nc.Stack(layers[1:2]).box.margin([3, 2, 1]) == 1
    assert not nc.Stack(layers).is_smooth
    assert nc.Stack(layers[::2]).is_smooth


def test_an_unknown_nonlinearity_is_refused() -> None:
    with pytest.raises(ValueError, match="nonlinearity must be one of tanh, relu, not 'gelu'"):
        nc.RNN(np.zeros((2, 1)), np.eye(2), nonlinearity="gelu")
