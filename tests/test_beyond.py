"""Fibers beyond the box: they come back, meet more points, and are checked by their indices."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import nullcline as nc
from nullcline.cells.box import Box
from nullcline.continuation import fiber_problem, fibers, orientation
from nullcline.continuation.curve_problem import CurveStop, Problem
from nullcline.continuation.curves import Trace
from nullcline.continuation.extended_map import ExtendedResidual, Saturation
from nullcline.continuation.last_turn import last_turn
from nullcline.continuation.pseudo_arclength import Branch
from nullcline.continuation.zeros_on_curve import zeros_on
from testing.every_cell import random_network
from testing.gru_samples import seeds

if TYPE_CHECKING:
    from collections.abc import Callable

    from nullcline.cells import Cell

AWAY, CLOSED, BOUND = (stop.value for stop in (CurveStop.AWAY, CurveStop.CLOSED, CurveStop.BOUND))
GATES: dict[str, tuple[Callable[..., Cell], int]] = {
    "rnn": (nc.RNN, 1),
    "gru": (nc.GRU, 3),
    "lstm": (nc.LSTM, 4),
    "ugrnn": (nc.UGRNN, 2),
    "mgu": (nc.MGU, 2),
    "original_gru": (nc.OriginalGRU, 3),
}


def strong(kind: str, size: int, gain: float, seed: int, n_inputs: int = 1) -> Cell:
    """Return a network of independent Gaussian weights of variance gain² / H."""
    make, gates = GATES[kind]
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(gates * size, size)) * gain / np.sqrt(size)
    biases = rng.normal(size=gates * size) * 0.1
    return make(np.zeros((gates * size, n_inputs)), weights, biases)


def bounded(kind: str, size: int, gain: float, seed: int) -> Cell:
    """Return a random bounded cell of any kind, stacks and a function among them."""
    rng = np.random.default_rng(seed)
    if kind == "stack":
        below, above = strong("rnn", size, gain, seed), strong("lstm", size, gain, seed + 1, size)
        pushed = rng.normal(size=(4 * size, size))
        return nc.Stack([below, nc.LSTM(pushed, above.weight_hh, above.bias_ih)])  # type: ignore[attr-defined]
    if kind == "rate stack":
        layers = [strong("rnn", size, gain, seed + i) for i in range(2)]
        below, above = (layer.weight_hh for layer in layers)  # type: ignore[attr-defined]
        rates = nc.RateRNN(np.zeros((size, 1)), below, alpha=0.5)
        return nc.Stack([rates, nc.RateRNN(np.eye(size), above, alpha=0.2)])
    if kind in {"rate", "leaky"}:
        weights = rng.normal(size=(size, size)) * gain / np.sqrt(size)
        bias = rng.normal(size=size)
        if kind == "rate":
            return nc.RateRNN(np.zeros((size, 1)), weights, bias, alpha=0.5)
        names = [("tanh", "logistic")[i % 2] for i in range(size)]
        return nc.LeakyRNN(np.zeros((size, 1)), 2 * weights, bias, alpha=0.5, activation=names)
    return strong(kind, size, gain, seed)


BOUNDED = (*GATES, "rate", "leaky", "stack", "rate stack")


def fixed_points(cell: Cell, n: int, x: Any = None) -> nc.FixedPoints:
    box = cell.box_at(x)
    states = np.random.default_rng(7).uniform(box.low, box.high, (n, cell.hidden_size))
    return nc.find_fixed_points(cell, cell.state_of(states, x), x).unique().select("fixed")


def check(curve: nc.Curve, cell: Cell) -> None:
    """Check what holds of every fiber beyond the box."""
    outputs = cell.outputs_of(curve.h)
    residual = ExtendedResidual(cell, curve.inputs, Saturation(cell.box_at(curve.inputs)))
    left = np.array([residual.residual(h) for h in outputs]) - np.outer(curve.tau, curve.direction)
    assert np.abs(left).max() <= 1e-9 * max(1, np.abs(outputs).max())
    assert curve.fault is None
    assert set(curve.ends) in ({AWAY}, {CLOSED})
    assert curve.is_whole
    assert curve.index_sum == (curve.ends == (AWAY, AWAY))
    assert (curve.indices[1:] == -curve.indices[:-1]).all()
    fixed = cell.outputs_of(curve.fixed_h)
    assert np.abs(cell.residual(fixed, curve.inputs)).max() < 1e-9
    assert (np.diff(curve.fixed_arclength) > 0).all()


# What they meet


@pytest.mark.parametrize(
    ("kind", "size", "gain", "seed", "in_box", "n_beyond"),
    [("rnn", 20, 3.0, 0, 3, 9), ("ugrnn", 20, 4.0, 1, 1, 9), ("rnn", 20, 3.0, 1, 1, 5)],
)
def test_a_fiber_comes_back_and_meets_more(
    kind: str, size: int, gain: float, seed: int, in_box: int, n_beyond: int
) -> None:
    cell = strong(kind, size, gain, seed)
    box = cell.box
    starts = np.random.default_rng(99).uniform(box.low, box.high, (400, size))
    point = nc.find_fixed_points(cell, starts).unique().select("fixed").select([0])
    assert np.sum(nc.trace(cell, point).points.kind == "fixed") == in_box
    found = nc.trace(cell, point, beyond=True)
    (curve,) = found.curves
    check(curve, cell)
    assert found.faults == ()
    assert len(curve.indices) == n_beyond
    assert np.sum(found.points.kind == "fixed") >= n_beyond
    for h in curve.fixed_h:
        assert np.abs(found.points.h - h).max(axis=1).min() < 1e-9


@settings(max_examples=15)
@given(st.sampled_from(BOUNDED), st.integers(1, 6), st.sampled_from([1.5, 4.0]), seeds)
def test_fibers_of_every_bounded_cell_are_whole_and_their_indices_sum_to_one_or_zero(
    kind: str, size: int, gain: float, seed: int
) -> None:
    cell = bounded(kind, size, gain, seed % 1000)
    points = fixed_points(cell, 8)
    assume(len(points) > 0)
    direction = np.random.default_rng(seed).normal(size=cell.hidden_size)
    (curve,) = nc.trace(cell, points.select([0]), beyond=True, directions=direction).curves
    check(curve, cell)


def test_of_one_direction_one_curve_goes_to_infinity_and_the_others_are_loops() -> None:
    cell = strong("ugrnn", 12, 4.0, 3)
    points = fixed_points(cell, 200)
    assert len(points) == 12  # an even number, so that the search has missed some
    direction = np.random.default_rng(0).normal(size=12)
    found = nc.trace(cell, points, beyond=True, directions=direction)
    assert 1 < len(found.curves) < len(points)
    assert sum(curve.ends == (AWAY, AWAY) for curve in found.curves) == 1
    for curve in found.curves:
        check(curve, cell)
    met = np.concatenate([curve.fixed_h for curve in found.curves])
    for h in points.h:  # each lies on one of the curves, and on one alone
        assert np.sum(np.abs(met - h).max(axis=1) < 1e-6) == 1
    assert len(met) == 13


def test_an_input_is_held_beyond_the_box() -> None:
    rng = np.random.default_rng(3)
    cell = nc.GRU(rng.normal(size=(24, 2)), rng.normal(size=(24, 8)) * 1.5)
    x = np.array([0.3, -0.7])
    points = fixed_points(cell, 20, x)
    (curve,) = nc.trace(cell, points.select([0]), beyond=True).curves
    check(curve, cell)
    np.testing.assert_array_equal(curve.inputs, x[None])


def test_states_of_an_lstm_beyond_the_box_have_their_equilibrium() -> None:
    cell = strong("lstm", 8, 4.0, 2)
    points = fixed_points(cell, 30)
    (curve,) = nc.trace(cell, points.select([0]), beyond=True).curves
    check(curve, cell)
    assert curve.h.shape[1] == 16
    assert np.isfinite(curve.h).all()
    assert np.abs(cell.step(curve.fixed_h) - curve.fixed_h).max() < 1e-9


def test_points_of_a_float32_cell_are_met_and_told_in_float32() -> None:
    exact = strong("rnn", 20, 3.0, 0)
    weights = (exact.weight_ih, exact.weight_hh, exact.bias_ih)  # type: ignore[attr-defined]
    cell = nc.RNN(*(array.astype(np.float32) for array in weights))
    points = fixed_points(exact, 30)
    found = nc.trace(cell, points.h[:1].astype(np.float32), beyond=True)
    assert found.points.h.dtype == np.float32
    (curve,) = found.curves
    assert curve.cell.dtype == np.float64
    assert curve.fault is None
    for h in curve.fixed_h:
        assert np.abs(found.points.h - h).max(axis=1).min() < 1e-4


def test_a_stack_of_float32_is_followed_in_float64() -> None:
    layers = [random_network("gru", 4, 4, 2.0, seed).cell(np.float32) for seed in range(2)]
    pair = nc.Bidirectional(layers[0], layers[1])
    stack = nc.Stack([pair, random_network("gru", 3, 8, 2.0, 5).cell(np.float32)])
    found = nc.trace(stack, np.zeros(11, np.float32), beyond=True)
    assert found.curves[0].cell.dtype == np.float64
    assert found.curves[0].fault is None


def test_a_function_is_asked_for_nothing_far_outside_of_its_bounds() -> None:
    weights = torch.tensor(np.random.default_rng(2).normal(size=(3, 3)) * 1.5)

    def step(x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        return torch.tanh(h @ weights.T + x) + 0 * torch.log(1.201 - h.abs())  # NaN further out

    cell = nc.from_function(step, 3, 3, bounds=(-1, 1), smooth=True)
    (curve,) = nc.trace(cell, np.full(3, 0.3), beyond=True).curves
    assert np.abs(curve.h).max() > 10
    check(curve, cell)


def test_without_bounds_a_curve_goes_to_the_tau_that_was_stated() -> None:
    cell = nc.LeakyRNN(
        np.zeros((6, 1)),
        np.random.default_rng(0).normal(size=(6, 6)) * 0.3,
        alpha=0.5,
        activation="softplus",
    )
    (curve,) = nc.trace(cell, np.ones(6), beyond=True, max_tau=20).curves
    assert curve.ends == (BOUND, BOUND)
    np.testing.assert_allclose(np.abs(curve.tau[[0, -1]]), 20, atol=2e-3)
    assert not curve.is_whole


def test_a_smaller_tau_than_the_last_turns_is_heeded() -> None:
    cell = strong("rnn", 20, 3.0, 0)
    point = fixed_points(cell, 30).select([0])
    (curve,) = nc.trace(cell, point, beyond=True, max_tau=0.5).curves
    assert np.abs(curve.tau).max() <= 0.5
    assert set(curve.ends) == {BOUND}


def test_speed_and_spectrum_are_told_in_the_box_alone() -> None:
    cell = strong("rnn", 8, 4.0, 2)
    point = fixed_points(cell, 30).select([0])
    (curve,) = nc.trace(cell, point, beyond=True).curves
    inside = (np.abs(curve.h) <= 1 + 1e-12).all(axis=1)
    np.testing.assert_array_equal(curve.is_inside, inside)
    assert 0 < inside.sum() < len(curve)
    np.testing.assert_array_equal(np.isnan(curve.q), ~inside)
    np.testing.assert_array_equal(np.isnan(curve.spectral_radius), ~inside)


def test_curves_in_the_box_know_their_fixed_points_too() -> None:
    cell = nc.RNN(np.zeros((1, 1)), np.array([[3.0]]))
    (curve,) = nc.trace(cell, np.zeros(1)).curves
    outer = curve.fixed_h[-1, 0]
    np.testing.assert_allclose(curve.fixed_h[:, 0], [-outer, 0, outer], atol=1e-12)
    assert curve.indices.tolist() == [1, -1, 1]
    assert curve.is_inside.all()
    assert not curve.is_whole


def test_beyond_4096_units_indices_are_left_open(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = strong("rnn", 6, 4.0, 7)
    point = fixed_points(cell, 30).select([0])
    (dense,) = nc.trace(cell, point, beyond=True).curves
    for module in (fiber_problem, fibers):
        monkeypatch.setattr(module, "LARGEST_WRITTEN_OUT", 0)
    (curve,) = nc.trace(cell, point, beyond=True, directions=dense.direction).curves
    np.testing.assert_allclose(curve.fixed_h, dense.fixed_h, atol=1e-8)
    assert curve.ends == dense.ends


# The map beyond the box


@pytest.mark.parametrize("kind", BOUNDED)
def test_the_extended_jacobian_is_its_residuals_derivative(kind: str) -> None:
    cell = bounded(kind, 4, 1.5, 1)
    size, box = cell.hidden_size, cell.box
    residual = ExtendedResidual(cell, None, Saturation(box))
    rng = np.random.default_rng(0)
    for far in (0.5, 1.5, 3.0):
        h = (box.low + box.high) / 2 + far * (box.high - box.low) * rng.uniform(-0.5, 0.5, size)
        jacobian = residual.jacobian(h)
        for unit in np.eye(size):
            ahead, back = residual.residual(h + 1e-6 * unit), residual.residual(h - 1e-6 * unit)
            np.testing.assert_allclose((ahead - back) / 2e-6, jacobian @ unit, atol=1e-7)
        v = rng.normal(size=size)
        own = residual.map_at(h)
        np.testing.assert_allclose(own.jvp(v), jacobian @ v, atol=1e-12)
        np.testing.assert_allclose(own.vjp(v), v @ jacobian, atol=1e-12)
        np.testing.assert_allclose(own.residual, residual.residual(h), atol=1e-12)


def test_saturation_leaves_the_box_alone_and_stays_in_one_a_fifth_wider() -> None:
    saturation = Saturation(Box(np.array([-1.0, 0, 0, -np.inf]), np.array([1.0, 1, np.inf, 2])))
    inside = saturation(np.array([0.3, 1.0, 50, -70]))
    np.testing.assert_array_equal(inside.outputs, [0.3, 1.0, 50, -70])
    assert inside.slopes is None
    outside = saturation(np.array([40.0, -30, -5, 9]))
    np.testing.assert_allclose(outside.outputs, [1.2, -0.1, -5, 9])
    assert outside.slopes is not None
    np.testing.assert_allclose(outside.slopes, [0, 0, 1, 1], atol=1e-12)
    image = saturation.image()
    np.testing.assert_array_equal(image.low, [-1.2, -0.1, -np.inf, -np.inf])


# The last turn


@pytest.mark.parametrize("kind", BOUNDED)
def test_beyond_the_last_turn_every_determinant_is_positive(kind: str) -> None:
    """At any n in the box, not on the curve alone; nearer there are negative ones."""
    negative = 0
    for seed in range(4):
        cell = bounded(kind, 5, 4.0, seed)
        size, box = cell.hidden_size, cell.box
        rng = np.random.default_rng(seed)
        w = rng.normal(size=size)
        w /= np.linalg.norm(w)
        bound = last_turn(cell, None, w)
        assert bound is not None
        residual = ExtendedResidual(cell, None, Saturation(box))
        for tau in (*bound * np.array([1, -1, 1.7, -1.7, 30]), *rng.normal(size=20)):
            h = box.low + rng.uniform(size=size) * (box.high - box.low) - tau * w
            sign = np.linalg.slogdet(-residual.jacobian(h))[0]
            assert sign > 0 or abs(tau) < bound
            negative += sign < 0
    assert negative > 0


@pytest.mark.parametrize("kind", BOUNDED)
def test_no_slope_is_larger_than_its_bound(kind: str) -> None:
    from nullcline.continuation.last_turn import _parts

    for seed in range(3):
        cell = bounded(kind, 5, 3.0, seed)
        image = Saturation(cell.box).image()
        parts = _parts(cell, None, np.ones(cell.hidden_size))
        sizes = [part.hidden_size for part in getattr(cell, "cells", (cell,))]
        cuts = [slice(sum(sizes[:i]), sum(sizes[: i + 1])) for i in range(len(sizes))]
        states = np.random.default_rng(seed).uniform(image.low, image.high, (60, sum(sizes)))
        slopes = np.abs(cell.residual_jacobian(states) + np.eye(sum(sizes))).max(axis=0)
        for part, own in zip(parts, cuts, strict=True):
            bounds = np.column_stack([part._slopes(unit) for unit in np.eye(len(slopes[own]))])
            assert (slopes[own, own] <= bounds + 1e-9).all()


def test_a_direction_without_some_units_may_have_no_last_turn() -> None:
    """A unit on its own with three points of rest may be at any of them for ever."""
    cell = nc.RNN(np.zeros((2, 1)), np.diag([2.0, 3.0]))
    assert last_turn(cell, None, np.array([1.0, 0.0])) is None
    assert last_turn(cell, None, np.array([0.6, 0.8])) is not None
    (curve,) = nc.trace(cell, np.zeros(2), beyond=True).curves
    assert curve.ends == (BOUND, BOUND)
    assert curve.indices.tolist() == [-1, 1, -1]
    assert curve.fault is None


# Zeros along a curve


def parabola(low: float) -> Problem:
    """Return τ = h² + low, h ≥ 0 being no face."""
    return Problem(
        lambda y: np.array([y[0] ** 2 + low - y[1]]),
        lambda y: np.array([[2 * y[0], -1.0]]),
        lambda _: np.full(1, np.inf),
    )


def branch_of(places: list[float], low: float) -> Branch:
    h = np.array(places)
    tangents = np.column_stack([np.ones_like(h), 2 * h])
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    points = np.column_stack([h, h**2 + low])
    return Branch(points, tangents, h - h[0], np.zeros((0, 2)), np.zeros(0), CurveStop.POINTS)


@pytest.mark.parametrize(
    ("low", "places", "expected"),
    [
        (-0.001, [-0.1, 0.1, 0.2], [-(0.001**0.5), 0.001**0.5]),  # both within one step
        (-0.01, [-0.3, 0.05, 0.3], [-0.1, 0.1]),
        (0.01, [-0.3, 0.3, 0.5], []),
        (-0.01, [-0.3, -0.2], []),
    ],
)
def test_zeros_are_found_in_pairs_where_a_step_passes_two(
    low: float, places: list[float], expected: list[float]
) -> None:
    found = zeros_on(parabola(low), branch_of(places, low), begins_at_zero=False)
    np.testing.assert_allclose(found.points[:, 0], expected, atol=1e-9)


@pytest.mark.parametrize(
    ("places", "expected"),
    [([0.1, 0.3], [0.1]), ([0.1, 0.05, -0.3], [0.1, -0.1]), ([0.1, -0.3], [0.1, -0.1])],
)
def test_where_a_curve_begins_at_a_zero_it_is_counted_once(
    places: list[float], expected: list[float]
) -> None:
    branch = branch_of(places, -0.01)
    onward = np.sign(places[1] - places[0])
    branch = replace(branch, tangents=onward * branch.tangents, arclength=onward * branch.arclength)
    found = zeros_on(parabola(-0.01), branch, begins_at_zero=True)
    np.testing.assert_allclose(found.points[:, 0], expected, atol=1e-9)


# Faults


LOOP, ARC = (CurveStop.CLOSED,) * 2, (CurveStop.AWAY,) * 2


@pytest.mark.parametrize(
    ("stops", "tau", "indices", "message"),
    [
        (LOOP, [0, 0], [1, -1], None),
        (LOOP, [0, 0], [1, -1, 1], orientation.SUM.format(found=1, expected=0)),
        (ARC, [-9, 9], [1, -1, 1], None),
        (ARC, [-9, 9], [1, -1], orientation.SUM.format(found=0, expected=1)),
        (ARC, [-9, -9], [1, -1, 1], orientation.SIDES),
        (ARC, [-9, 9], [1, 1, -1], orientation.ALTERNATE),
        ((CurveStop.POINTS,) * 2, [3, 9], [-1, 1], None),
        ((CurveStop.POINTS,) * 2, [3, 9], [1, 1], orientation.ALTERNATE),
        (ARC, [-9, 9], [1, 0, 1], None),  # one is not determined
    ],
)
def test_a_curve_that_has_jumped_is_told(
    stops: tuple[CurveStop, CurveStop], tau: list[float], indices: list[int], message: str | None
) -> None:
    outputs = np.arange(len(indices))[:, None] * np.ones(3)
    of_indices = np.array(indices, np.int8)
    assert orientation.fault_of(stops, np.array(tau), outputs, of_indices, False) == message
    assert orientation.fault_of(stops, np.array(tau), outputs, of_indices, True) is None


def test_a_point_that_is_passed_twice_is_told() -> None:
    stops, tau, indices = (CurveStop.POINTS,) * 2, np.array([3.0, 9]), np.array([1, -1, 1], np.int8)
    twice = np.array([[0.1, 0], [0.1, 5], [0.1, 0]])
    assert orientation.fault_of(stops, tau, twice, indices, False) == orientation.TWICE
    assert orientation.fault_of(stops, tau, twice + np.eye(3)[:, 2:], indices, False) is None


def test_a_curve_that_has_jumped_to_a_loop_is_at_fault_and_shown_to_be() -> None:
    """It would go round it for ever."""
    cell = strong("rnn", 6, 4.0, 7)
    points = fixed_points(cell, 60)
    direction = np.random.default_rng(0).normal(size=6)
    curves = nc.trace(cell, points, beyond=True, directions=direction).curves
    arc = next(curve for curve in curves if curve.ends == (AWAY, AWAY))
    loop = next(curve for curve in curves if curve.ends == (CLOSED, CLOSED))
    half = int(np.argmax(np.sign(arc.tau) != np.sign(arc.tau[0])))

    def pasted(name: str) -> Any:
        round_it = getattr(loop, name)[1:]
        return np.concatenate([getattr(arc, name)[:half], round_it, round_it])

    joined = replace(
        arc,
        h=pasted("h"),
        tau=pasted("tau"),
        tau_slope=pasted("tau_slope"),
        q=pasted("q"),
        tangents=pasted("tangents"),
        is_inside=pasted("is_inside"),
        arclength=np.arange(1.0, 1 + len(pasted("tau"))),
        ends=(AWAY, CurveStop.POINTS.value),
    )
    assert joined.fault in {orientation.TWICE, orientation.ALTERNATE}
    assert "fault: " in repr(joined)
    told = Trace((joined,), points, (f"curve 0: {joined.fault}",))
    assert "1 curves at fault" in repr(told)


# Bad input


CELL = strong("rnn", 4, 1.0, 0)
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "tau in the box": ({"max_tau": 3.0}, "give beyond=True, too"),
    "tau": ({"beyond": True, "max_tau": 0.0}, "max_tau must be positive"),
    "shape": ({"directions": np.ones(3)}, r"directions must have shape \(k, 4\)"),
    "none": ({"directions": np.ones((0, 4))}, r"directions must have shape \(k, 4\)"),
    "zeros": ({"directions": np.zeros(4)}, "must not hold a row of zeros"),
    "NaN": ({"directions": np.full(4, np.nan)}, "directions must be finite"),
    "both": ({"directions": np.ones(4), "n_directions": 2}, "n_directions must be left out"),
    "no bounds": (
        {"cell": random_network("leaky", 4, 1).cell(), "beyond": True},
        "max_tau must be given for a cell whose outputs have no bounds",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused(case: str) -> None:
    change, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        nc.trace(**{"cell": CELL, "point": np.zeros(4), **change})
