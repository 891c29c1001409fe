"""Cycles are found, told by their least periods, and judged by their multipliers and the degree."""

from __future__ import annotations

import json
import pickle
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file

import nullcline as nc
from nullcline.cli import main
from nullcline.cycles import cycles_file
from nullcline.cycles.closing import close, newton_steps
from nullcline.cycles.evaluation import Driven
from nullcline.cycles.multipliers import multipliers
from nullcline.cycles.returns import nearest_returns
from testing import ball_reference
from testing.every_cell import KINDS, SMOOTH, Network, random_network
from testing.known import known

if TYPE_CHECKING:
    from numpy.typing import NDArray

FLIP_FLOP = Path(__file__).parent / "fixtures" / "flip-flop-tanh.safetensors"


def plain(weight_hh: Any, bias: Any = None, dtype: Any = np.float64) -> nc.RNN:
    """Return a tanh network of recurrent weights alone."""
    weights = np.asarray(weight_hh, dtype)
    size = len(weights)
    own = np.zeros(size, dtype) if bias is None else np.asarray(bias, dtype)
    return nc.RNN(np.zeros((size, 1), dtype), weights, own, np.zeros(size, dtype))


def ring(size: int, gain: float = 4.0) -> nc.RNN:
    """Return saturating units, each of which does what the one before it did last."""
    return plain(gain * np.roll(np.eye(size), 1, axis=0))


def closes(cell: Any, cycles: nc.Cycles) -> bool:
    """Tell whether every state of every cycle steps to the next one."""
    cell = cell if cell.dtype == np.float64 else Driven.of(cell, None, 1).cell
    for i, states in enumerate(cycles.states):
        x = None
        if cycles.inputs is not None:
            x = np.resize(cycles.inputs[i], (len(states), cell.input_size))
        if np.abs(cell.step(states, x) - np.roll(states, -1, axis=0)).max() > 1e-12:
            return False
    return True


def amplitude(gain: float) -> float:
    """Return a > 0 with a = tanh(gain a)."""
    a = 1.0
    for _ in range(200):
        a = float(np.tanh(gain * a))
    return a


def test_a_unit_that_turns_its_sign_round_has_a_cycle_of_two_states() -> None:
    for gain in (1.5, 2.0, 3.0):
        cycles = nc.find_cycles(plain([[-gain]]))
        a = amplitude(gain)
        assert cycles.period.tolist() == [2]
        np.testing.assert_allclose(np.sort(cycles.h[:, 0]), [-a, a], atol=1e-14)
        np.testing.assert_allclose(cycles.multipliers, [[(gain * (1 - a * a)) ** 2]], rtol=1e-12)
        assert cycles.is_stable.all()
        assert cycles.count.tolist() == [64]


def test_a_fixed_point_found_as_a_cycle_of_four_states_has_the_period_one() -> None:
    cycles = nc.find_cycles(plain([[-2.0]]), np.array([[0.0], [0.5]]), period=4)
    assert cycles.period.tolist() == [1, 2]
    assert cycles.kind.tolist() == ["fixed", "cycle"]
    np.testing.assert_allclose(cycles.h[0], 0, atol=1e-15)
    np.testing.assert_allclose(cycles.multipliers[0], -2)
    assert cycles.stability.tolist() == ["unstable", "stable"]


@pytest.mark.parametrize("gain", [1 + 1e-4, 1 + 1e-8])
def test_a_cycle_just_beyond_a_flip_is_told_from_the_point_that_it_left(gain: float) -> None:
    """Its states are sqrt(3 (gain - 1)) from the fixed point: 1.7e-2, and 1.7e-4."""
    start = np.array([[np.sqrt(3 * (gain - 1))]])
    cycles = nc.find_cycles(plain([[-gain]]), start, period=2)
    assert cycles.period.tolist() == [2]
    np.testing.assert_allclose(np.abs(cycles.h[:, 0]), start[0, 0], rtol=1e-3)


def test_a_cycle_within_the_tolerance_of_its_fixed_point_keeps_its_period() -> None:
    start = np.array([[np.sqrt(3e-6)]])
    cycles = nc.find_cycles(plain([[-1 - 1e-6]]), start, period=2, tol_unique=1e-2)
    assert cycles.period.tolist() == [2]


def test_an_orbit_about_an_unstable_point_nearby_does_not_settle_on_it() -> None:
    cell = plain([[-1 - 1e-8]])
    cycles = nc.find_cycles(cell, np.array([[np.sqrt(3e-8)]]), n_steps=10)
    assert cycles.period.tolist() == [2]


def test_multipliers_of_a_shift_register_are_zero_defective_and_judged() -> None:
    cell = plain(0.5 * np.diag(np.ones(3), -1), np.full(4, 0.1))
    cycles = nc.find_cycles(cell, np.zeros((1, 4)), period=[1, 2])
    assert cycles.period.tolist() == [1]
    assert cycles.is_stable.all()
    assert cycles.index.tolist() == [1]
    assert cycles.index_of_power(2).tolist() == [1]


def test_no_cycle_is_found_where_gates_hold_any_state() -> None:
    """Far outside of the cube the update gate is 1 to rounding, and every state looks fixed."""
    held = np.concatenate([np.zeros((2, 2)), 4 * np.eye(2), [[0.5, -1.0], [1.0, 0.5]]])
    cell = nc.GRU(np.zeros((6, 1)), held)
    far = np.full((1, 2), 60.0)
    np.testing.assert_array_equal(cell.step(far), far)
    cycles = nc.find_cycles(cell, far, period=[1, 2])
    assert np.abs(cycles.h).max(initial=0) <= 1
    assert cycles.count.sum() + len(cycles.unconverged) == 2


def test_at_a_flip_the_multiplier_is_not_called_stable() -> None:
    cycles = nc.find_cycles(plain([[-1.0]]), np.array([[1e-3]]), period=2)
    assert cycles.period.tolist() == [1]
    assert cycles.stability.tolist() == ["undecided"]


@pytest.mark.parametrize("size", [3, 5, 7])
def test_a_ring_has_the_cycles_of_its_necklaces(size: int) -> None:
    """Signs go round: for a prime size (2^size - 2) / size cycles, and two fixed points."""
    signs = 1.0 - 2 * ((np.arange(2**size)[:, None] >> np.arange(size)) & 1)
    cycles = nc.find_cycles(ring(size), signs, period=size)
    assert cycles.period.tolist() == [1, 1] + [size] * ((2**size - 2) // size)
    assert cycles.is_stable.all()
    assert (cycles.index == 1).all()
    assert cycles.count.tolist() == [1, 1] + [size] * ((2**size - 2) // size)
    assert closes(ring(size), cycles)


def test_starts_that_settle_nowhere_else_are_all_counted() -> None:
    cycles = nc.find_cycles(ring(5), seed=3)
    assert cycles.count.sum() == 64
    assert set(cycles.period.tolist()) <= {1, 5}


def test_a_cycle_begins_at_one_state_whatever_the_start() -> None:
    cell = ring(5)
    start = np.array([[1.0, 1, -1, 1, -1]])
    first = nc.find_cycles(cell, start, period=5)
    for shift in range(1, 5):
        other = nc.find_cycles(cell, np.roll(start, shift, axis=1), period=5)
        np.testing.assert_allclose(other.h, first.h, atol=1e-12)
    both = nc.find_cycles(cell, np.stack([start[0], np.roll(start[0], 2)]), period=5)
    assert both.count.tolist() == [2]


def test_unstable_cycles_are_found_by_newtons_method() -> None:
    cell = random_network("tanh", 8, 2, 3.0, seed=1).cell()
    starts = np.random.default_rng(0).uniform(-1, 1, (40, 8))
    cycles = nc.find_cycles(cell, starts, period=range(1, 5))
    assert set(cycles.period.tolist()) >= {1, 2, 4}
    assert (cycles.stability == "unstable").sum() >= 5
    assert (cycles.residual < 1e-13).all()
    assert closes(cell, cycles)


@pytest.mark.parametrize("kind", KINDS)
def test_multipliers_are_the_eigenvalues_of_the_product_of_jacobians(kind: str) -> None:
    cell = random_network(kind, 4, 2, 1.5, seed=2).cell()
    starts = np.random.default_rng(1).uniform(-0.9, 0.9, (12, cell.state_size))
    cycles = nc.find_cycles(cell, starts, period=[1, 2, 3], inputs=np.array([0.3, -0.2]))
    assert len(cycles)
    for i, states in enumerate(cycles.states):
        product = np.eye(cell.state_size)
        for jacobian in cell.jacobian(states, known(cycles.inputs)[i]):
            product = jacobian @ product
        values = np.linalg.eigvals(product)
        for value in cycles.multipliers[i]:
            assert np.abs(values - value).min() < 1e-9
        assert closes(cell, cycles[i])


def test_small_multipliers_of_a_long_cycle_survive_beside_large_ones() -> None:
    """A product of these Jacobians, made in any order, has lost the small multipliers."""
    rng = np.random.default_rng(0)
    size, k = 3, 24
    bases = [np.linalg.qr(rng.normal(size=(size, size)))[0] for _ in range(k)]
    bases.append(bases[0])
    growth = np.diag([2.0, 0.9, 0.1])
    jacobians = np.array([bases[j + 1] @ growth @ bases[j].T for j in range(k)])

    class Linear:
        """A stand-in whose Jacobians are these along its cycle."""

        rounding = 0.0

        def jacobians_of(self, _: object) -> NDArray[np.float64]:
            return jacobians[None]

        def jacobian_roundings(self, *_: object) -> NDArray[np.float64]:
            return np.zeros(k)

    cycle = np.zeros((k, size))
    found = multipliers(Linear(), cycle, 0.0)  # type: ignore[arg-type]
    exact = np.array([2.0, 0.9, 0.1]) ** k
    np.testing.assert_allclose(found.values, exact, rtol=1e-9)
    assert (np.abs(found.values - exact) <= found.errors).all()
    product = np.eye(size)
    for jacobian in jacobians:
        product = jacobian @ product
    naive = np.sort(np.abs(np.linalg.eigvals(product)))
    assert abs(naive[0] / exact[2] - 1) > 1  # what the sweeps are for
    assert found.stability == "unstable"


@pytest.mark.parametrize("gap", [1e-3, 1e-5, 1e-6])
@pytest.mark.parametrize("slope", [1.7, 2.5, 3.0, 4.3])
def test_multipliers_close_to_a_fold_are_off_by_no_more_than_their_errors(
    slope: float, gap: float
) -> None:
    """A state is known as well there as the residual's rounding lets it be, divided by the gap."""
    h = float(np.sqrt(1 - (1 - gap) / slope))
    zero, bias = np.zeros(1), np.array([np.arctanh(h) - slope * h])
    network = Network("tanh", zero[None], np.array([[slope]]), bias, zero)
    starts = h + np.linspace(-1, 1, 41)[:, None] * 1e-3 * gap
    true = ball_reference.polish(network, np.array([h]), [0.0])[0]
    exact = slope * (1 - (slope * true + float(bias[0])).tanh() ** 2)
    for start in starts:
        found = nc.find_cycles(network.cell(), start[None], 1)
        [[value]], [[error]] = found.multipliers, found.multiplier_errors
        assert abs(exact - float(value.real)) <= float(error)
        assert found.stability.tolist() == ["stable"]
        assert error < 1e-12 / gap


@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(1, 6))
@settings(max_examples=30, deadline=None)
def test_newton_steps_solve_the_block_cyclic_equations(seed: int, k: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    jacobians = rng.normal(size=(2, k, size, size)) * 3
    residuals = rng.normal(size=(2, k, size))
    d = newton_steps(jacobians, residuals)
    left = (jacobians @ d[..., None])[..., 0] - np.roll(d, -1, axis=1)
    np.testing.assert_allclose(left, -residuals, atol=1e-9 * (1 + np.abs(d).max()))


def test_a_singular_system_leaves_the_steps_of_other_orbits_as_they_are() -> None:
    rng = np.random.default_rng(0)
    jacobians, residuals = rng.normal(size=(3, 2, 8, 8)), rng.normal(size=(3, 2, 8))
    jacobians[1] = np.eye(8)
    together = newton_steps(jacobians, residuals)
    for i in range(3):
        alone = newton_steps(jacobians[i : i + 1], residuals[i : i + 1])
        assert together[i].tobytes() == alone[0].tobytes()


def test_an_orbit_is_held_to_the_bounds_at_its_own_inputs() -> None:
    cell = nc.RateRNN([[1.0]], [[0.5]], [0.0], alpha=0.5)
    orbits, inputs = np.array([[[5.0]], [[5.0]]]), np.array([[0.0], [10.0]])
    together = close(Driven.of(cell, inputs, 2), orbits, 0)
    alone = close(Driven.of(cell, inputs[:1], 1), orbits[:1], 0)
    assert together.states[0] == alone.states[0]


@given(st.sampled_from(SMOOTH), st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_what_is_found_closes_and_no_shorter_period_does(kind: str, seed: int) -> None:
    cell = random_network(kind, 4, 2, 2.5, seed=seed).cell()
    starts = np.random.default_rng(seed).uniform(-1, 1, (6, cell.state_size))
    cycles = nc.find_cycles(cell, starts, period=[4, 6])
    assert closes(cell, cycles)
    assert cycles.count.sum() + len(cycles.unconverged) == 12
    for states in cycles.states:
        for shorter in range(1, len(states)):
            assert np.abs(np.roll(states, shorter, axis=0) - states).max() > cycles.tol_unique


def test_a_float32_cell_has_the_cycles_of_its_weights_in_float64() -> None:
    network = random_network("tanh", 8, 2, 3.0, seed=1)
    narrow = network.cell(np.float32)
    starts = np.random.default_rng(0).uniform(-1, 1, (10, 8)).astype(np.float32)
    cycles = nc.find_cycles(narrow, starts, period=2)
    assert cycles.h.dtype == np.float64
    assert (cycles.residual < 1e-13).all()
    assert closes(narrow, cycles)
    assert len(cycles)


def test_a_function_and_a_stack_have_cycles_as_any_cell() -> None:
    function = nc.from_function(lambda x, h: torch.tanh(x - 2 * h), 1, 1)
    cycles = nc.find_cycles(function, np.array([[0.1], [-0.7]]))
    assert cycles.period.tolist() == [2]
    stack = nc.Stack([plain([[-2.0]]), nc.RNN([[1.0]], [[0.3]])])
    joint = nc.find_cycles(stack)
    assert joint.period.tolist() == [2]
    assert closes(stack, joint)
    np.testing.assert_allclose(np.abs(joint.h[:, 0]), amplitude(2.0))


def test_a_cycle_of_a_function_in_float32_is_found_to_its_rounding() -> None:
    function = nc.from_function(lambda x, h: torch.tanh(x - 2 * h), 1, 1, dtype=np.float32)
    cycles = nc.find_cycles(function, np.array([[0.9]], np.float32), period=2)
    np.testing.assert_allclose(np.abs(cycles.h[:, 0]), amplitude(2.0), rtol=1e-6)


def test_inputs_in_turn_are_read_in_turn() -> None:
    cell = nc.RNN([[1.0]], [[0.5]])
    x = np.array([[[1.0], [-1.0], [0.2]]])
    cycles = nc.find_cycles(cell, inputs=x)
    assert cycles.period.tolist() == [3]
    assert closes(cell, cycles)
    again = nc.find_cycles(cell, np.zeros((1, 1)), period=range(1, 7), inputs=x)
    np.testing.assert_allclose(again.h, cycles.h, atol=1e-14)
    assert again.count.tolist() == [2]  # sought with periods of 3 and of 6
    same = nc.find_cycles(cell, inputs=np.tile(x, (1, 2, 1)))
    np.testing.assert_allclose(same.h, cycles.h, atol=1e-14)
    assert same.completeness().is_consistent


def test_inputs_per_start_keep_their_cycles_apart() -> None:
    cell = nc.RNN([[1.0]], [[-2.0]])
    x = np.array([[0.0], [0.1], [0.1]])
    cycles = nc.find_cycles(cell, np.full((3, 1), 0.5), inputs=x)
    assert sorted(cycles.count.tolist()) == [1, 2]
    assert closes(cell, cycles)
    joint = cycles.completeness(powers=[2])
    assert len(joint) == 2  # one for each input


def test_a_network_of_sign_changes_is_complete_by_the_degree_of_every_power() -> None:
    cell = plain(np.diag([-2.0, -3.0]))
    starts = np.array([[a, b] for a in (-0.9, 0.0, 0.9) for b in (-0.9, 0.0, 0.9)])
    cycles = nc.find_cycles(cell, starts, period=2)
    assert cycles.period.tolist() == [1, 2, 2, 2, 2]
    judged = cycles.completeness(powers=[1, 2, 4])
    assert judged.n_points.tolist() == [1, 9, 9]
    assert judged.index_sum.tolist() == [1, 1, 1]
    assert judged.is_consistent
    for lacking in range(1, 5):
        short = cycles[[i for i in range(5) if i != lacking]].completeness(powers=2)
        assert short.missing[0] == cycles.index[lacking] * 2
        assert "provably incomplete" in str(short)


def test_fixed_points_of_a_search_are_counted_once_beside_cycles() -> None:
    cell = plain(np.diag([-2.0, -3.0]))
    points = nc.find_fixed_points(cell, np.zeros((1, 2)))
    cycles = nc.find_cycles(cell, np.random.default_rng(0).uniform(-1, 1, (40, 2)), period=2)
    assert cycles.completeness(points, 2).is_consistent
    assert cycles.select("cycle").completeness(points, 2).is_consistent
    assert not cycles.select("cycle").completeness(powers=2).is_consistent


def test_a_cell_without_bounds_has_no_degree() -> None:
    cell = random_network("relu", 3, 1, 0.5, seed=0).cell()
    judged = nc.find_cycles(cell).completeness()
    assert "not bounded" in str(judged)


def test_powers_of_multipliers_tell_the_index_of_powers() -> None:
    cycles = nc.find_cycles(plain([[-2.0]]), np.zeros((1, 1)), period=1)
    assert cycles.index.tolist() == [1]  # 1 + 2 > 0
    assert cycles.index_of_power(2).tolist() == [-1]  # 1 - 4 < 0
    assert cycles.index_of_power(3).tolist() == [1]
    with pytest.raises(ValueError, match="multiple of the period"):
        nc.find_cycles(plain([[-2.0]])).index_of_power(3)


@pytest.fixture(scope="module")
def flip_flop() -> tuple[nc.RNN, NDArray[np.float64]]:
    """A network trained on FixedPointFinder's flip-flop of three bits, and its readout."""
    (cell,) = nc.from_safetensors(FLIP_FLOP, prefix="rnn.", nonlinearity="tanh", dtype=np.float64)
    assert isinstance(cell, nc.RNN)
    return cell, load_file(FLIP_FLOP)["readout.weight"].astype(np.float64)


def test_a_flip_flop_whose_corners_flip_holds_its_memories_in_cycles(
    flip_flop: tuple[nc.RNN, NDArray[np.float64]],
) -> None:
    cell, readout = flip_flop
    points = nc.find_fixed_points(cell, np.random.default_rng(0).uniform(-1, 1, (300, 16))).unique()
    modes = nc.linearize(cell, points)
    assert not modes.is_stable.any()
    flips = (modes.eigenvalues[:, 0].real < -1) & (modes.eigenvalues[:, 0].imag == 0)
    corners = flips & (points.index == 1)
    assert corners.sum() >= 8
    cycles = nc.find_cycles(cell)
    assert cycles.period.tolist() == [2] * 8
    assert cycles.is_stable.all()
    assert np.abs(cycles.multipliers).max() < 0.11
    held = {tuple(np.sign(readout @ states.mean(axis=0)).tolist()) for states in cycles.states}
    assert len(held) == 8


def test_each_point_of_that_flip_flop_flips_and_has_a_cycle_about_it(
    flip_flop: tuple[nc.RNN, NDArray[np.float64]],
) -> None:
    cell, readout = flip_flop
    starts = np.random.default_rng(0).uniform(-1, 1, (1500, 16))
    cycles = nc.find_cycles(cell, starts, period=2)
    assert (cycles.kind == "fixed").sum() == (cycles.kind == "cycle").sum() == 27
    assert (cycles.multipliers[cycles.kind == "fixed", 0].real < -2.9).all()
    judged = cycles.completeness()
    assert judged.n_points.tolist() == [27, 81]
    assert judged.is_consistent
    bias = load_file(FLIP_FLOP)["readout.bias"]
    held = cycles.select("cycle")
    values = np.abs(held[held.is_stable].h @ readout.T + bias)
    assert np.abs(values - 1).max() < 0.015


def test_the_page_of_cycles_says_what_its_code_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = Path(__file__).parent.parent / "docs" / "cycles.md"
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert len(blocks) > 4
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, str(page), "exec"), names)  # noqa: S102 - it is ours
    assert set(names["attractors"].kind.tolist()) == {"cycle"}
    assert names["attractors"].cycles.period.tolist() == [3, 3]
    assert names["cycles"].completeness(names["points"], [1, 3]).is_consistent
    assert names["found"].kind[0] == "quasi-periodic"
    assert abs(names["exponents"].values[0, 0]) < 1e-3


def test_the_same_rows_come_back_from_a_file(tmp_path: Path) -> None:
    cell = ring(3)
    x = np.array([[[0.1], [0.2], [0.3]]])
    for inputs in (None, np.array([0.1]), x):
        cycles = nc.find_cycles(cell, inputs=inputs)
        for with_cell in (False, True):
            cycles.save(tmp_path / "cycles.npz", cell=with_cell)
            back = nc.Cycles.load(tmp_path / "cycles.npz")
            for name, column in cycles._rows().items():
                np.testing.assert_array_equal(getattr(back, name), column)
            np.testing.assert_array_equal(back.h, cycles.h)
            assert (back.cell is not None) == with_cell
    with pytest.raises(ValueError, match="cycles"):
        nc.Cycles.load(FLIP_FLOP)
    with pytest.raises(ValueError, match="cell must be False"):
        back_without = nc.Cycles.load(tmp_path / "cycles.npz")
        vars(back_without)["cell"] = None
        back_without.save(tmp_path / "again.npz", cell=True)


def test_rows_are_chosen_as_those_of_fixed_points_are() -> None:
    cycles = nc.find_cycles(ring(3), np.random.default_rng(0).uniform(-1, 1, (40, 3)), period=3)
    assert len(cycles.select("fixed")) + len(cycles.select("cycle")) == len(cycles)
    last = cycles[-1]
    np.testing.assert_array_equal(last.states[0], cycles.states[-1])
    assert len(list(cycles)) == len(cycles)
    assert len(cycles[cycles.is_stable]) == cycles.is_stable.sum()
    assert len(cycles[:0]) == 0
    assert cycles[:0].states == []
    with pytest.raises(ValueError, match="which must be one of fixed, cycle"):
        cycles.select("slow")
    with pytest.raises(TypeError, match="rows alone"):
        cycles[0, 1]
    with pytest.raises(TypeError, match="no array"):
        np.asarray(cycles)
    copied = pickle.loads(pickle.dumps(cycles))  # noqa: S301 - our own
    np.testing.assert_array_equal(copied.h, cycles.h)
    table = cycles.to_dataframe(states=True)
    assert len(table) == len(cycles.h)
    assert len(cycles.to_dataframe()) == len(cycles)
    assert cycles.to_xarray().sizes["state"] == len(cycles.h)
    assert "period 3" in repr(cycles)


def test_no_starts_give_no_cycles() -> None:
    for period in (None, 2):
        cycles = nc.find_cycles(ring(3), np.zeros((0, 3)), period)
        assert len(cycles) == 0
        assert repr(cycles) == "Cycles(0 fixed points: 0 stable; S = 3)"
        assert cycles.completeness().index_sum.tolist() == [0]


def test_chaos_is_told_as_unconverged() -> None:
    cell = random_network("tanh", 32, 1, 3.0, seed=1).cell()
    cycles = nc.find_cycles(cell, np.zeros((3, 32)) + np.array([[0.1], [0.2], [0.3]]), n_steps=300)
    assert len(cycles) == 0
    assert len(cycles.unconverged) == 3
    assert "largest exponent is above 0" in cycles.unconverged[0]
    assert known(cycles.ends).tolist() == ["chaotic"] * 3
    assert "3 searches unconverged (3 chaotic)" in repr(cycles)


def test_every_search_has_an_end_by_name(tmp_path: Path) -> None:
    cell = random_network("tanh", 8, 2, 3.0, seed=1).cell()
    starts = np.random.default_rng(0).uniform(-1, 1, (6, 8))
    cycles = nc.find_cycles(cell, starts, period=[1, 2], max_iterations=20)
    ends = known(cycles.ends)
    assert len(ends) == 12
    is_closed = np.isin(ends, ["fixed", "cycle"])
    assert 0 < is_closed.sum() == cycles.count.sum() < 12
    assert set(ends[~is_closed].tolist()) == {"unclosed"}
    assert len(cycles.unconverged) == (~is_closed).sum()
    assert set(ends[:6].tolist()) <= {"fixed", "unclosed"}  # the first period's
    cycles.save(tmp_path / "cycles.npz")
    again = nc.Cycles.load(tmp_path / "cycles.npz")
    np.testing.assert_array_equal(known(again.ends), ends)
    assert repr(again) == repr(cycles)


def test_a_file_of_version_one_has_no_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cycles = replace(nc.find_cycles(ring(3)), ends=None)
    monkeypatch.setattr(cycles_file, "_VERSION", 1)
    cycles.save(tmp_path / "old.npz")
    monkeypatch.undo()
    assert nc.Cycles.load(tmp_path / "old.npz").ends is None
    with np.load(tmp_path / "old.npz") as held:
        wrong = {**held, "ends": np.array(["lost"])}
    np.savez(tmp_path / "wrong.npz", **wrong)
    with pytest.raises(ValueError, match="ends that is none"):
        nc.Cycles.load(tmp_path / "wrong.npz")


def test_searches_that_close_nowhere_else_close_where_their_orbits_return() -> None:
    cell = random_network("gru", 8, 2, 5.0, seed=2).cell()
    starts = np.random.default_rng(0).uniform(-1, 1, (20, 8))
    alone = nc.find_cycles(cell, starts, period=2, n_steps=0)
    found = nc.find_cycles(cell, starts, period=2)
    assert found.count.sum() >= alone.count.sum() + 10
    assert closes(cell, found)


def test_returns_are_the_nearest_and_apart_and_at_the_first_input() -> None:
    cell = random_network("tanh", 8, 2, 3.0, seed=4).cell()
    inputs = np.random.default_rng(1).normal(size=(1, 3, 2))
    driven = Driven.of(cell, inputs, 1)
    start = np.full((1, 8), 0.3)
    found = nearest_returns(driven, start, 6, 90, 2)
    orbit = driven.orbit(start, 96)[0]
    away = {t: np.abs(orbit[t + 6] - orbit[t]).max() for t in range(3, 90, 3)}
    first = min(away, key=lambda t: away[t])
    second = min((t for t in away if abs(t - first) > 6), key=lambda t: away[t])
    np.testing.assert_array_equal(found[0, 0], orbit[first : first + 6])
    np.testing.assert_array_equal(found[1, 0], orbit[second : second + 6])


def test_a_return_of_an_orbit_that_runs_away_is_its_start() -> None:
    driven = Driven.of(nc.RNN([[0.0]], [[1e9]], nonlinearity="relu"), None, 1)
    np.testing.assert_array_equal(nearest_returns(driven, np.ones((1, 1)), 2, 900, 2)[:, 0, 0], 1)


def test_a_cycle_of_more_states_than_are_looked_for_at_first_is_found() -> None:
    signs = np.random.default_rng(0).choice([-1.0, 1.0], (1, 70))
    cycles = nc.find_cycles(ring(70), signs, n_steps=100)
    assert cycles.period.tolist() == [70]
    assert cycles.is_stable.all()


def test_what_runs_away_is_told_so() -> None:
    cycles = nc.find_cycles(
        nc.RNN([[0.0]], [[2.0]], nonlinearity="relu"), np.array([[1.0]]), n_steps=3000
    )
    assert cycles.unconverged.tolist() == ["it ran away to infinity"]


def test_newtons_method_says_where_there_is_no_cycle() -> None:
    cell = nc.RNN([[0.0]], [[1.0]], [1.0], [0.0], nonlinearity="relu")  # h + 1
    cycles = nc.find_cycles(cell, np.array([[1.0]]), period=2)
    assert len(cycles) == 0
    assert cycles.unconverged.tolist() == ["Newton's method ended where the orbit does not close"]
    none = nc.find_cycles(ring(3), np.array([[0.3, -0.2, 0.1]]), 3, max_iterations=0)
    assert none.unconverged.tolist() == ["the limit of iterations was reached"]


def test_a_line_of_cycles_is_undecided() -> None:
    turn = nc.RNN(
        np.zeros((2, 1)), np.array([[0.0, -1.0], [1.0, 0.0]]), nonlinearity="relu"
    )  # not a rotation, but its fixed point 0 attracts nothing
    cycles = nc.find_cycles(turn, np.array([[0.0, 0.0]]), period=4)
    assert cycles.period.tolist() == [1]
    quarter = nc.from_function(
        lambda x, h: torch.stack([-h[:, 1], h[:, 0]], 1) + 0 * x, 2, 1, smooth=True
    )
    lines = nc.find_cycles(quarter, np.array([[0.3, 0.4]]), period=4)
    assert lines.period.tolist() == [4]
    assert lines.stability.tolist() == ["undecided"]
    assert lines.index.tolist() == [0]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"period": 0}, ValueError, "period must lie between 1"),
        ({"period": -2}, ValueError, "period must lie between 1"),
        ({"period": 2.0}, TypeError, "period must be an integer"),
        ({"period": "2"}, TypeError, "period must be an integer"),
        ({"period": "24"}, TypeError, "period must be an integer, not '24'"),
        ({"period": b"a"}, TypeError, "period must be an integer"),
        ({"period": True}, TypeError, "period must be an integer"),
        ({"period": []}, ValueError, "at least one"),
        ({"period": range(3)}, ValueError, "period must lie between 1"),
        ({"starts": np.full((1, 3), np.nan)}, ValueError, "starts must be finite"),
        ({"starts": np.zeros(3)}, ValueError, r"starts must have shape \(n, 3\)"),
        ({"starts": np.zeros((2, 4))}, ValueError, r"starts must have shape \(n, 3\)"),
        ({"inputs": np.zeros((1, 2, 2))}, ValueError, "inputs must be None or constant"),
        ({"inputs": np.zeros((1, 0, 1))}, ValueError, "inputs must be None or constant"),
        ({"inputs": np.zeros((4, 1))}, ValueError, "inputs must be None or have shape"),
        ({"inputs": np.array([np.inf])}, ValueError, "inputs must be finite"),
        ({"inputs": [[[1.0], [2.0]]], "period": 3}, ValueError, "period must be a multiple of 2"),
        ({"n_steps": -1}, ValueError, "n_steps must lie"),
        ({"tol_unique": -1.0}, ValueError, "tol_unique must be"),
        ({"max_iterations": -1}, ValueError, "max_iterations must lie"),
        ({"seed": -1}, ValueError, "seed must lie"),
        ({"seed": "a"}, TypeError, "seed must be an integer"),
        ({"seed": 0.5, "starts": np.zeros((1, 3))}, TypeError, "seed must be an integer"),
    ],
)
def test_bad_arguments_are_refused_by_their_names(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        nc.find_cycles(ring(3), **options)


def test_what_steps_in_no_time_and_what_is_no_cell_is_refused() -> None:
    cell = ring(3)
    for wrong in ([cell], None, np.zeros(3)):
        with pytest.raises(TypeError, match="cell must be"):
            nc.find_cycles(wrong, np.zeros((1, 3)))  # type: ignore[arg-type]
    both = nc.Stack([nc.Bidirectional(nc.RNN([[1.0]], [[1.0]]), nc.RNN([[1.0]], [[1.0]]))])
    with pytest.raises(TypeError, match="both ways"):
        nc.find_cycles(both)

    class Stepping:
        """A cell without Jacobians."""

        state_size = hidden_size = input_size = 3
        dtype = np.dtype(float)

        def step(self, h: Any, x: Any = None) -> Any:
            return (h, x)

    with pytest.raises(TypeError, match="cell must be a nullcline cell"):
        nc.find_cycles(Stepping(), np.zeros((1, 3)))  # type: ignore[arg-type]


def test_completeness_refuses_what_it_cannot_count() -> None:
    cycles = nc.find_cycles(ring(3))
    with pytest.raises(ValueError, match="powers must lie"):
        cycles.completeness(powers=0)
    with pytest.raises(TypeError, match="points must be what find_fixed_points returns"):
        cycles.completeness(cycles.h)  # type: ignore[arg-type]
    driven = nc.find_cycles(ring(3), inputs=np.array([[[0.1], [0.2]]]), period=6)
    with pytest.raises(ValueError, match="multiples of 2"):
        driven.completeness(powers=3)


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Return what a command says, and check that it ends well."""
    assert main(list(words)) == 0
    return capsys.readouterr().out


def test_the_command_says_and_writes_what_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = (str(FLIP_FLOP), "--prefix", "rnn.", "--nonlinearity", "tanh")
    rows = json.loads(said(capsys, "cycles", *network, "--json"))
    assert [row["period"] for row in rows] == [2] * 8
    assert {row["stability"] for row in rows} == {"stable"}
    np.save(tmp_path / "states.npy", np.random.default_rng(0).uniform(-1, 1, (40, 16)))
    np.save(tmp_path / "inputs.npy", np.outer([0.1, -0.1], np.ones(3)))
    for name in ("cycles.npz", "cycles.csv"):
        path = str(tmp_path / name)
        words = ["--states", str(tmp_path / "states.npy"), "--period", "2", "--out", path]
        assert "of period 2" in said(capsys, "cycles", *network, *words)
    kept = nc.Cycles.load(tmp_path / "cycles.npz")
    assert kept.cell is not None
    assert len((tmp_path / "cycles.csv").read_text("utf-8").splitlines()) == len(kept.h) + 1
    driven = ["--inputs", str(tmp_path / "inputs.npy"), "--in-turn", "--json"]
    assert {row["period"] for row in json.loads(said(capsys, "cycles", *network, *driven))} <= {
        2,
        4,
    }
    assert main(["cycles", *network, "--in-turn"]) == 1
    assert "--in-turn needs" in capsys.readouterr().err
    assert main(["cycles", *network, "--period", "0"]) == 1
    assert "--period must lie between 1" in capsys.readouterr().err
