"""What orbits settle on is told, with Lyapunov exponents and frequencies that are known."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import nullcline as nc
from nullcline.cycles import exponents
from nullcline.cycles.frequency import agreement, rotation_number, weights
from testing.every_cell import SMOOTH, random_network

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

GOLDEN = (np.sqrt(5) - 1) / 2


def turned(angle: float) -> NDArray[np.float64]:
    """Return a rotation of the plane."""
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def sine(turns: float, gain: float = 1.5) -> nc.FunctionCell:
    """Return a network on whose invariant circle a step is exactly so many turns."""
    rotation = torch.from_numpy(turned(2 * np.pi * turns))

    def step(x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        radius = torch.linalg.norm(h, dim=-1, keepdim=True).clamp_min(1e-300)
        following: torch.Tensor = (h @ rotation.T) * torch.tanh(gain * radius) / radius
        return following + 0 * x[:, :1]

    return nc.from_function(step, 2, 1, bounds=(-1, 1))


def rotating(turns: float, gain: float = 1.05) -> nc.RNN:
    """Return two tanh units whose weights turn and stretch."""
    return nc.RNN(np.zeros((2, 1)), gain * turned(2 * np.pi * turns))


def test_the_period_of_a_network_that_generates_a_sine_is_measured() -> None:
    turns = GOLDEN / 10
    starts = np.array([[0.3, 0.1], [-0.5, 0.7]])
    found = nc.find_attractors(sine(turns), starts, n_steps=800, transient=60)
    assert found.kind.tolist() == ["quasi-periodic"] * 2
    np.testing.assert_allclose(found.rotation_number, turns, atol=1e-12)
    np.testing.assert_allclose(found.period, 1 / turns, rtol=1e-10)
    np.testing.assert_allclose(found.exponent, 0, atol=1e-12)
    assert (found.cycle == -1).all()
    assert len(found.cycles) == 0


def test_a_rotation_of_a_rational_number_of_turns_comes_back() -> None:
    found = nc.find_attractors(sine(3 / 7), np.array([[0.3, 0.1]]), transient=60)
    assert found.kind.tolist() == ["cycle"]
    assert found.period.tolist() == [7]
    assert "undecided" in str(found.reason[0])  # one of a circle full of them


def test_tanh_units_that_turn_have_the_rotation_number_that_their_angle_winds() -> None:
    cell = rotating(GOLDEN / 5)
    found = nc.find_attractors(cell, np.array([[0.2, 0.0]]))
    assert found.kind.tolist() == ["quasi-periodic"]
    states: list[Any] = [found.h]
    for _ in range(20_000):
        states.append(cell.step(states[-1]))
    path = np.concatenate(states)
    angles = np.unwrap(np.arctan2(path[:, 1], path[:, 0]))
    winds = (angles[-1] - angles[0]) / (2 * np.pi * 20_000)
    np.testing.assert_allclose(found.rotation_number, winds, atol=1e-4)
    assert abs(winds - GOLDEN / 5) < 1e-3


def test_a_line_of_a_spectrum_is_found_below_the_spacing_of_its_transform() -> None:
    t = np.arange(1000)
    for turns in (0.0317, 0.1234567, 0.45):
        orbit = np.stack(
            [np.cos(2 * np.pi * turns * t) + 3, 0.7 * np.sin(2 * np.pi * turns * t), 0 * t], axis=1
        )
        assert abs(rotation_number(orbit) - turns) < 1e-11
        assert agreement(orbit) < 1e-5
    assert agreement(np.random.default_rng(0).normal(size=(1000, 2))) > 1e-2
    assert weights(100).sum() == pytest.approx(1)


def test_a_rotation_with_inputs_in_turn_is_measured_turn_by_turn() -> None:
    cell, start = rotating(GOLDEN / 10), np.array([[0.3, 0.1]])
    inputs = np.array([[[0.0], [1.0]]])  # not read, but a turn of two steps
    alone = nc.find_attractors(cell, start)
    found = nc.find_attractors(cell, start, inputs)
    assert found.kind.tolist() == ["quasi-periodic"]
    np.testing.assert_allclose(found.rotation_number, 2 * alone.rotation_number, atol=1e-8)
    np.testing.assert_allclose(found.period, alone.period, rtol=1e-7)


def test_starts_settle_on_fixed_points_cycles_and_chaos() -> None:
    still = nc.find_attractors(random_network("gru", 6, 2, 0.8, seed=0).cell())
    assert set(still.kind.tolist()) == {"fixed"}
    assert (still.exponent < 0).all()
    flips = nc.find_attractors(nc.RNN([[0.0]], [[-2.0]]), np.array([[0.1], [-0.3]]))
    assert flips.kind.tolist() == ["cycle", "cycle"]
    assert flips.cycle.tolist() == [0, 0]
    np.testing.assert_allclose(
        flips.exponent, np.log(np.abs(flips.cycles.multipliers[0, 0])) / 2, rtol=1e-12
    )
    wild = random_network("tanh", 32, 1, 3.0, seed=1).cell()
    chaos = nc.find_attractors(wild, np.full((2, 32), 0.1) * [[1], [-1]], n_steps=1500)
    assert chaos.kind.tolist() == ["chaotic"] * 2
    assert (chaos.exponent > 0.1).all()


def test_an_orbit_too_short_to_tell_is_unsettled() -> None:
    slow = nc.RNN([[0.0]], [[-1.0]])  # comes to 0 as 1 / sqrt(t)
    found = nc.find_attractors(slow, np.array([[0.9]]), n_steps=64, transient=0)
    assert found.kind.tolist() == ["unsettled"]
    assert "raise" in str(found.reason[0])
    away = nc.RNN([[0.0]], [[2.0]], nonlinearity="relu")
    lost = nc.find_attractors(away, np.array([[1.0]]), transient=3000)
    assert lost.reason.tolist() == ["it ran away to infinity"]


def test_orbits_that_settle_slowly_are_told_with_patience() -> None:
    # At the fixed point a focus decays by 0.4 % a step.
    cell = rotating(GOLDEN / 10, 0.996)
    start = np.array([[0.9, 0.2]])
    hasty = nc.find_attractors(cell, start, n_steps=100, transient=100, patience=0)
    assert hasty.kind.tolist() == ["unsettled"]
    assert "no recurrence within 200 steps" in str(hasty.reason[0])
    found = nc.find_attractors(cell, start, n_steps=100, transient=100)
    assert found.kind.tolist() == ["fixed"]


def test_one_orbit_that_runs_away_late_does_not_end_the_others() -> None:
    away = nc.RNN([[0.0]], [[1.1]], nonlinearity="relu")  # 1e5 after the transient, then too far
    found = nc.find_attractors(away, np.array([[1.0], [0.0]]), transient=120, n_steps=8000)
    assert found.kind.tolist() == ["unsettled", "fixed"]
    assert found.reason[0] == "it ran away to infinity"


def test_of_many_inputs_in_turn_no_single_state_is_called_a_circle() -> None:
    cell, inputs = rotating(GOLDEN / 10), np.zeros((1, 32, 1))
    inputs[0, 0] = 1.0  # not read, but a turn of 32 steps
    found = nc.find_attractors(cell, [[0.3, 0.1]], inputs, n_steps=32, patience=0)
    assert found.kind.tolist() == ["unsettled"]
    assert "within 2024 steps" in str(found.reason[0])


def test_a_longer_cycle_than_is_looked_for_is_unsettled() -> None:
    ring = nc.RNN(np.zeros((7, 1)), 4 * np.roll(np.eye(7), 1, axis=0))
    start = np.where(np.arange(7) < 2, 1.0, -1.0)[None]
    assert nc.find_attractors(ring, start).period.tolist() == [7]
    short = nc.find_attractors(ring, start, longest=5, n_steps=400)
    assert short.kind.tolist() == ["unsettled"]
    assert "raise transient or longest" in str(short.reason[0])


def test_exponents_at_a_fixed_point_are_those_of_its_eigenvalues() -> None:
    cell = random_network("lstm", 4, 2, 1.0, seed=3).cell()
    points = nc.find_fixed_points(cell, np.zeros((1, 8)))
    modes = nc.linearize(cell, points)
    assert modes.is_stable.all()
    found = nc.lyapunov_exponents(cell, points.h, 4000)
    exact = np.log(np.abs(modes.eigenvalues))
    np.testing.assert_allclose(found.values, exact, atol=2e-3)


def test_exponents_of_a_cycle_are_those_of_its_multipliers() -> None:
    cell = nc.RNN(np.zeros((2, 1)), np.diag([-2.0, -1.5]))
    cycles = nc.find_cycles(cell, np.array([[0.5, 0.5]]))
    found = nc.lyapunov_exponents(cell, cycles.h[:1], 500)
    np.testing.assert_allclose(found.values, np.log(np.abs(cycles.multipliers)) / 2, atol=1e-10)
    assert (found.errors < 1e-10).all()


@given(st.sampled_from(SMOOTH), st.integers(0, 10**6))
@settings(max_examples=12, deadline=None)
def test_exponents_sum_to_the_mean_of_the_logarithm_of_the_determinant(
    kind: str, seed: int
) -> None:
    cell = random_network(kind, 3, 2, 2.0, seed=seed).cell()
    rng = np.random.default_rng(seed)
    start = cell.state_of(rng.uniform(-0.5, 0.5, (2, 3)))
    inputs = rng.normal(size=(2, 40, 2))
    found = nc.lyapunov_exponents(cell, start, inputs=inputs, transient=0)
    assert found.n_steps == 40
    mean = np.zeros(2)
    for t in range(40):
        mean += np.linalg.slogdet(cell.jacobian(start, inputs[:, t]))[1] / 40
        start = cell.step(start, inputs[:, t])
    np.testing.assert_allclose(found.values.sum(axis=1), mean, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(found.h, start, rtol=1e-12)


def test_products_with_vectors_say_what_jacobians_say(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = random_network("lstm", 6, 2, 2.0, seed=0).cell()
    start, inputs = np.zeros((2, 12)), np.random.default_rng(0).normal(size=(2, 60, 2))
    by_jacobian = nc.lyapunov_exponents(cell, start, inputs=inputs, k=3)
    monkeypatch.setattr(exponents, "BY_PRODUCTS", 1)
    by_products = nc.lyapunov_exponents(cell, start, inputs=inputs, k=3)
    np.testing.assert_allclose(by_products.values, by_jacobian.values, rtol=1e-9)


def test_a_few_exponents_are_the_first_of_all() -> None:
    cell = random_network("gru", 16, 2, 3.0, seed=0).cell()
    start = np.full((2, 16), 0.1) * [[1], [-1]]
    every = nc.lyapunov_exponents(cell, start, 3000)
    for k in (1, 2):
        some = nc.lyapunov_exponents(cell, start, 3000, k=k)
        within = 5 * (every.errors[:, :k] + some.errors) + 1e-3
        assert (np.abs(some.values - every.values[:, :k]) <= within).all()


def test_the_logistic_growth_of_a_doubling_map_is_its_exponent() -> None:
    """Ulam's map 1 - 2 h² has the exponent ln 2; its standard error says how near."""
    ulam = nc.from_function(lambda x, h: 1 - 2 * h * h + 0 * x, 1, 1, bounds=(-1, 1))
    found = nc.lyapunov_exponents(ulam, np.array([[0.3], [0.123]]), 1000, transient=20)
    assert (np.abs(found.values - np.log(2)) <= 5 * found.errors + 1e-3).all()
    assert found.errors.max() < 0.03
    np.testing.assert_allclose(found.entropy, np.log(2), atol=0.05)
    assert nc.find_attractors(ulam, np.array([[0.3]]), n_steps=400, transient=50).kind.tolist() == [
        "chaotic"
    ]


def test_the_dimension_is_that_of_kaplan_and_yorke() -> None:
    values = np.array([[0.3, -0.1, -0.5], [-0.1, -0.2, -0.3], [0.5, 0.1, 0.0]])
    made = nc.LyapunovExponents(values, np.zeros((3, 3)), 10, np.zeros((3, 3)))
    np.testing.assert_allclose(made.dimension, [2 + 0.2 / 0.5, 0, 3])
    part = nc.LyapunovExponents(values[2:, :2], np.zeros((1, 2)), 10, np.zeros((1, 3)))
    assert np.isnan(part.dimension).all()


def test_a_direction_that_is_lost_has_the_exponent_minus_infinity() -> None:
    cell = nc.RNN(np.zeros((2, 1)), np.array([[0.5, 0.0], [0.0, 0.0]]))
    found = nc.lyapunov_exponents(cell, np.array([[0.1, 0.1]]), 50)
    np.testing.assert_allclose(found.values[0, 0], np.log(0.5))
    assert found.values[0, 1] == -np.inf


def test_a_float32_cell_has_the_exponents_of_its_weights() -> None:
    network = random_network("gru", 5, 2, 1.0, seed=3)
    narrow, wide = network.cell(np.float32), network.cell()
    start = np.full((1, 5), 0.1)
    found = nc.lyapunov_exponents(narrow, start.astype(np.float32), 400)
    expected = nc.lyapunov_exponents(wide, start, 400)
    np.testing.assert_allclose(found.values, expected.values, atol=1e-5)
    assert found.values.dtype == np.float64
    stack = nc.Stack([narrow, random_network("gru", 3, 5, 1.0, seed=4).cell(np.float32)])
    assert nc.lyapunov_exponents(stack, np.zeros((1, 8), np.float32), 10).values.shape == (1, 8)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c: nc.lyapunov_exponents(c, n_steps=0), "n_steps must lie between 1"),
        (lambda c: nc.lyapunov_exponents(c, k=0), "k must lie between 1 and 2"),
        (lambda c: nc.lyapunov_exponents(c, k=3), "k must lie between 1 and 2"),
        (lambda c: nc.lyapunov_exponents(c, transient=-1), "transient must lie"),
        (lambda c: nc.lyapunov_exponents(c, np.full((1, 2), np.nan)), "starts must be finite"),
        (lambda c: nc.lyapunov_exponents(c, np.zeros((1, 3))), "starts must have shape"),
        (lambda c: nc.lyapunov_exponents(c, inputs=np.zeros((1, 5, 2))), "inputs must be None"),
        (lambda c: nc.find_attractors(c, n_steps=31), "n_steps must lie between 32"),
        (lambda c: nc.find_attractors(c, longest=0), "longest must lie between 1"),
        (lambda c: nc.find_attractors(c, tol_unique=-1), "tol_unique must be"),
        (lambda c: nc.find_attractors(c).select("strange"), "which must be one of fixed"),
    ],
)
def test_bad_arguments_are_refused_by_their_names(call: Callable[[Any], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(nc.RNN(np.zeros((2, 1)), 0.5 * np.eye(2)))


def test_an_orbit_that_runs_away_has_no_exponents() -> None:
    away = nc.RNN([[0.0]], [[2.0]], nonlinearity="relu")
    with pytest.raises(ValueError, match="the orbits, which run away, must be finite"):
        nc.lyapunov_exponents(away, np.array([[1.0]]), 2000)


def test_no_starts_give_no_rows() -> None:
    cell = nc.RNN(np.zeros((2, 1)), 0.5 * np.eye(2))
    assert len(nc.find_attractors(cell, np.zeros((0, 2)))) == 0
    assert repr(nc.find_attractors(cell, np.zeros((0, 2)))) == "Attractors(0 starts: none; S = 2)"
    none = nc.lyapunov_exponents(cell, np.zeros((0, 2)), 5)
    assert none.values.shape == (0, 2)
    assert repr(none) == "LyapunovExponents(0 orbits, 2 each; 5 steps)"


def test_rows_are_chosen_as_those_of_fixed_points_are() -> None:
    found = nc.find_attractors(rotating(0.2, 0.5), seed=2)
    assert len(found.select("fixed")) == 64
    assert len(list(found[:3])) == 3
    assert len(found.to_dataframe()) == 64
    assert found.to_xarray().sizes == {"start": 64, "unit": 2}
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(found)).h, found.h)  # noqa: S301
    with pytest.raises(TypeError, match="no array"):
        np.asarray(found)
    with pytest.raises(TypeError, match="rows alone"):
        found[0, 1]
    rates = nc.lyapunov_exponents(rotating(0.2, 0.5), np.zeros((3, 2)), 20)
    assert len(rates[1:]) == len(list(rates)) - 1 == 2
