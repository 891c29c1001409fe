"""A stack steps as PyTorch's layers do, and its joint points and modes are those of its layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import nullcline as nc
from nullcline.cells import Cell, in_float64
from testing.every_cell import random_network
from testing.gru_samples import cell_of, independent_units, random_gru, seeds
from testing.search_checks import METHODS, assert_equal, random_states
from testing.trained_networks import trained_layer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

SIZES = (5, 3, 4)
INPUT_SIZE = 2


def random_stack(
    sizes: Sequence[int] = SIZES, gain: float = 1.0, seed: int = 0, dtype: Any = np.float64
) -> nc.Stack:
    """Return a stack of GRUs of these sizes, whose first layer reads two numbers."""
    reads = [INPUT_SIZE, *sizes[:-1]]
    layers = [
        random_gru(size, read, gain, seed + i)
        for i, (size, read) in enumerate(zip(sizes, reads, strict=True))
    ]
    return nc.Stack([cell_of(gru, dtype) for gru in layers])


STACK = random_stack(gain=2.0)
STATES = random_states(6, 12, seed=1)
INPUTS = np.random.default_rng(2).normal(size=(6, INPUT_SIZE))

autograd_jacobian: Any = torch.autograd.functional.jacobian  # which has no types


def reads_of(stack: nc.Stack, h: Array, x: Array) -> list[Any]:
    """Return what each layer reads within a step."""
    following = stack.split(stack.step(h, x))
    return [x, *following[:-1]]


# In float64


def test_a_stack_of_float32_computes_the_same_in_float64() -> None:
    stack = random_stack(dtype=np.float32)
    twin = in_float64(stack)
    assert isinstance(twin, nc.Stack)
    assert [cell.dtype for cell in twin.cells] == [np.float64] * 3
    np.testing.assert_allclose(
        twin.step(STATES, INPUTS),
        stack.step(STATES.astype(np.float32), INPUTS.astype(np.float32)),
        rtol=0,
        atol=1e-6,
    )
    for own, narrow in zip(twin.cells, stack.cells, strict=True):
        arrays, of = (cast("nc.GRU", cell).arguments() for cell in (own, narrow))
        assert all(np.array_equal(arrays[name], of[name]) for name in of)
    assert in_float64(STACK) is STACK
    pair = nc.from_torch(torch.nn.GRU(2, 3, bidirectional=True), dtype=np.float32)
    both = in_float64(nc.Stack(pair))
    assert isinstance(both, nc.Stack)
    assert both.has_directions
    assert both.dtype == np.float64


def test_a_stack_with_a_function_of_float32_stays_what_it_is() -> None:
    layer = nc.from_function(lambda x, h: torch.tanh(h + x), 5, 5, dtype=np.float32)
    stack = nc.Stack([*random_stack(SIZES[:1], dtype=np.float32).cells, layer])
    assert in_float64(stack) is stack


# PyTorch's layers


def torch_layers(stack: nc.Stack) -> list[torch.nn.GRUCell]:
    """Return the layers as PyTorch's."""
    layers = []
    for cell in stack.cells:
        assert isinstance(cell, nc.GRU)
        layer = torch.nn.GRUCell(cell.input_size, cell.hidden_size, dtype=torch.float64)
        arrays = {
            name: torch.from_numpy(getattr(cell, name).copy())
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        }
        layer.load_state_dict(arrays)
        layers.append(layer)
    return layers


def torch_step(stack: nc.Stack, h: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Return the next joint state of one, shape (S,), by PyTorch's layers one by one."""
    following = []
    sizes = [cell.hidden_size for cell in stack.cells]
    for layer, own in zip(torch_layers(stack), torch.split(h, sizes), strict=True):
        x = layer(x[None], own[None])[0]
        following.append(x)
    return torch.cat(following)


def by_autograd(stack: nc.Stack, h: Array, x: Array) -> tuple[Array, Array, Array]:
    """Return next joint states, ∂F/∂h and ∂F/∂x."""
    triples = []
    for own in zip(torch.from_numpy(h), torch.from_numpy(x), strict=True):
        following = torch_step(stack, *own).detach()
        slopes = autograd_jacobian(lambda *at: torch_step(stack, *at), own)
        triples.append((following.numpy(), *(slope.numpy() for slope in slopes)))
    steps, recurrent, inputs = (np.array(part) for part in zip(*triples, strict=True))
    return steps, recurrent, inputs


@settings(max_examples=25)
@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=4),
    st.integers(1, 4),
    st.sampled_from([0.3, 1.0, 3.0]),
    seeds,
)
def test_step_jacobians_and_products_are_those_of_autograd(
    sizes: list[int], n: int, gain: float, seed: int
) -> None:
    stack = random_stack(sizes, gain, seed % 1000)
    rng = np.random.default_rng(seed)
    h, x = rng.uniform(-1, 1, (n, sum(sizes))), rng.normal(size=(n, INPUT_SIZE))
    u, v, w = (rng.normal(size=(n, size)) for size in (sum(sizes), sum(sizes), INPUT_SIZE))
    following, jacobian, input_jacobian = by_autograd(stack, h, x)
    checks = {
        "step": (stack.step(h, x), following),
        "speed": (stack.speed(h, x), np.mean((following - h) ** 2, axis=1)),
        "jacobian": (stack.jacobian(h, x), jacobian),
        "input_jacobian": (stack.input_jacobian(h, x), input_jacobian),
        "jvp": (stack.jvp(h, x, v), np.einsum("njk,nk->nj", jacobian, v)),
        "vjp": (stack.vjp(h, x, u), np.einsum("njk,nj->nk", jacobian, u)),
        "input_jvp": (stack.input_jvp(h, x, w), np.einsum("njk,nk->nj", input_jacobian, w)),
        "input_vjp": (stack.input_vjp(h, x, u), np.einsum("njk,nj->nk", input_jacobian, u)),
    }
    for name, (ours, theirs) in checks.items():
        scale = 1 + np.abs(theirs).max()
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-13 * scale, err_msg=name)


def torch_gru() -> torch.nn.GRU:
    torch.manual_seed(0)
    return torch.nn.GRU(4, 7, num_layers=3, dtype=torch.float64)


def joint(h_n: torch.Tensor) -> torch.Tensor:
    """Return PyTorch's states (L, n, H) side by side."""
    return torch.cat(list(h_n), dim=1)


def test_a_module_of_three_layers_is_stepped_jointly() -> None:
    rnn = torch_gru()
    stack = nc.Stack(nc.from_torch(rnn))
    h_n, x = torch.rand(3, 5, 7, dtype=torch.float64) * 2 - 1, torch.randn(5, 4).double()

    def step(states: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
        return joint(rnn(inputs[None], states.reshape(-1, 3, 7).swapaxes(0, 1).contiguous())[1])

    h = joint(h_n)
    np.testing.assert_allclose(stack.step(h, x), step(h, x).detach(), rtol=0, atol=1e-15)
    for i in range(5):
        at = h[i : i + 1], x[i : i + 1]
        slopes = autograd_jacobian(step, at)
        recurrent, inputs = slopes[0][0, :, 0], slopes[1][0, :, 0]
        np.testing.assert_allclose(stack.jacobian(*at)[0], recurrent, rtol=0, atol=1e-15)
        np.testing.assert_allclose(stack.input_jacobian(*at)[0], inputs, rtol=0, atol=1e-15)


def test_a_joint_fixed_point_is_one_of_the_module() -> None:
    rnn = torch_gru()
    x = torch.randn(4, dtype=torch.float64)
    points = nc.find_fixed_points(nc.Stack(nc.from_torch(rnn)), random_states(9, 21), x)
    assert set(points.kind) == {"fixed"}
    h_n = torch.from_numpy(points.h).reshape(9, 3, 7).swapaxes(0, 1).contiguous()
    following = joint(rnn(x.expand(1, 9, 4), h_n)[1]).detach()
    np.testing.assert_allclose(following, points.h, rtol=0, atol=1e-14)


# Layers whose state is longer than their output

LSTM_SIZES = ((2, 3), (3, 4), (4, 2))


def test_an_lstm_puts_out_the_first_half_of_its_state() -> None:
    layers = [random_network("lstm", size, reads, seed=size) for reads, size in LSTM_SIZES]
    stack = nc.Stack([layer.cell() for layer in layers])
    assert (stack.hidden_size, stack.state_size, stack.input_size) == (9, 18, 2)
    h, x = random_states(3, 18), INPUTS[:3]
    u, v, w = random_states(3, 18, 1), random_states(3, 18, 2), random_states(3, 2, 3)

    def step(state: torch.Tensor, read: torch.Tensor) -> torch.Tensor:
        following = []
        for layer, own in zip(layers, torch.split(state, [6, 8, 4]), strict=True):
            following.append(layer.step(own, read))
            read = following[-1][: layer.size]
        return torch.cat(following)

    for i in range(3):
        at = torch.from_numpy(h[i]), torch.from_numpy(x[i])
        following = step(*at).detach().numpy()
        jacobian, inputs = (a.numpy() for a in autograd_jacobian(step, at))
        one = h[i : i + 1], x[i : i + 1]
        for ours, theirs in (
            (stack.step(*one)[0], following),
            (stack.speed(*one)[0], np.mean((following - h[i]) ** 2)),
            (stack.jacobian(*one)[0], jacobian),
            (stack.input_jacobian(*one)[0], inputs),
            (stack.jvp(*one, v[i : i + 1])[0], jacobian @ v[i]),
            (stack.vjp(*one, u[i : i + 1])[0], u[i] @ jacobian),
            (stack.input_jvp(*one, w[i : i + 1])[0], inputs @ w[i]),
            (stack.input_vjp(*one, u[i : i + 1])[0], u[i] @ inputs),
        ):
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-14)


def test_lstms_are_searched_and_traced_jointly() -> None:
    layers = [random_network("lstm", size, reads, 0.8, size).cell() for reads, size in LSTM_SIZES]
    stack = nc.Stack(layers)
    starts = np.random.default_rng(0).uniform(-1, 1, (10, 18))
    points = nc.find_fixed_points(stack, starts, [1.0, -1.0]).unique()
    assert set(points.kind) == {"fixed"}
    np.testing.assert_allclose(stack.step(points.h, [1.0, -1.0]), points.h, rtol=0, atol=1e-13)
    np.testing.assert_array_equal(
        stack.state_of(stack.outputs_of(points.h), [1.0, -1.0]).shape, points.h.shape
    )
    (curve,) = nc.trace(stack, points.select([0])).curves
    residual = stack.residual(stack.outputs_of(curve.h), [1.0, -1.0])
    np.testing.assert_allclose(residual, np.outer(curve.tau, curve.direction), atol=1e-8)


# What a stack is


def test_a_stack_is_a_cell() -> None:
    assert isinstance(STACK, Cell)
    assert (STACK.hidden_size, STACK.state_size, STACK.input_size) == (12, 12, 2)
    assert STACK.dtype == np.float64
    assert [part.shape for part in STACK.split(STATES)] == [(6, 5), (6, 3), (6, 4)]
    np.testing.assert_array_equal(np.concatenate(STACK.split(STATES), axis=1), STATES)
    layer = nc.Stack(STACK.cells[:1])
    assert repr(layer) == "Stack(GRU(input_size=2, hidden_size=5, dtype=float64))"
    assert random_stack(dtype=np.float32).dtype == np.float32


def test_one_layer_is_that_layer() -> None:
    cell, h = STACK.cells[0], STATES[:, :5]
    stack = nc.Stack([cell])
    np.testing.assert_array_equal(stack.step(h, INPUTS), cell.step(h, INPUTS))
    np.testing.assert_array_equal(stack.jacobian(h, INPUTS), cell.jacobian(h, INPUTS))
    alone, joint_points = (nc.find_fixed_points(of, h, INPUTS) for of in (cell, stack))
    for name in ("h", "kind", "iterations", "starts", "inputs"):
        np.testing.assert_array_equal(getattr(alone, name), getattr(joint_points, name))


@pytest.mark.parametrize("x", [None, INPUTS[0], INPUTS[:1]])
def test_one_input_serves_all_states(x: Any) -> None:
    rows = np.zeros((6, 2)) if x is None else np.tile(x, (6, 1))
    vector = random_states(6, 12, 3)
    for ours, expected in (
        (STACK.step(STATES, x), STACK.step(STATES, rows)),
        (STACK.jacobian(STATES, x), STACK.jacobian(STATES, rows)),
        (STACK.input_jacobian(STATES, x), STACK.input_jacobian(STATES, rows)),
        (STACK.vjp(STATES, x, vector), STACK.vjp(STATES, rows, vector)),
        (STACK.residual(STATES, x), STACK.residual(STATES, rows)),
    ):
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-14)


def test_no_states_have_no_derivatives() -> None:
    none = np.zeros((0, 12))
    assert STACK.step(none).shape == (0, 12)
    assert STACK.jacobian(none).shape == STACK.residual_jacobian(none).shape == (0, 12, 12)
    assert STACK.input_jacobian(none).shape == (0, 12, 2)
    assert len(nc.find_fixed_points(STACK, none)) == 0


def test_the_residual_and_its_derivatives_are_those_of_the_layers() -> None:
    """Against central differences, whose error is of order 1e-10 here."""
    outputs = STACK.split(STATES)
    reads = [INPUTS, *outputs[:-1]]
    expected = [
        cell.residual(own, read)
        for cell, own, read in zip(STACK.cells, outputs, reads, strict=True)
    ]
    np.testing.assert_array_equal(STACK.residual(STATES, INPUTS), np.concatenate(expected, axis=1))
    np.testing.assert_array_equal(STACK.state_of(STATES, INPUTS), STATES)
    step = 1e-6
    jacobian = STACK.residual_jacobian(STATES, INPUTS)
    for k, along in enumerate(step * np.eye(12)):
        ahead, behind = (STACK.residual(STATES + by, INPUTS) for by in (along, -along))
        np.testing.assert_allclose(jacobian[:, :, k], (ahead - behind) / (2 * step), atol=1e-9)
    v = random_states(6, 2)
    ahead, behind = (STACK.residual(STATES, INPUTS + by) for by in (step * v, -step * v))
    change = STACK.residual_input_jvp(STATES, INPUTS, v)
    np.testing.assert_allclose(change, (ahead - behind) / (2 * step), atol=1e-9)


# The joint search


@settings(max_examples=20)
@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=4),
    st.integers(0, 8),
    st.sampled_from([0.3, 1.0, 3.0]),
    seeds,
)
def test_labels_hold_of_the_joint_step(sizes: list[int], n: int, gain: float, seed: int) -> None:
    stack = random_stack(sizes, gain, seed % 1000)
    rng = np.random.default_rng(seed)
    starts, x = rng.uniform(-1, 1, (n, sum(sizes))), rng.normal(size=(n, INPUT_SIZE))
    points = nc.find_fixed_points(stack, starts, x)
    np.testing.assert_array_equal(points.starts, starts)
    np.testing.assert_array_equal(points.inputs, x)
    moved = stack.step(points.h, x) - points.h
    rms = np.sqrt(np.mean(moved**2, axis=1))
    np.testing.assert_allclose(np.sqrt(points.q), rms, rtol=0, atol=1e-15)
    assert (np.abs(moved[points.kind == "fixed"]) <= 1e-13).all()
    assert (points.q[points.kind == "slow"] <= 1e-6).all()
    layers = nc.layer_points(stack, points)
    kinds = np.array([layer.kind for layer in layers])
    fixed, unconverged = (kinds == "fixed").all(axis=0), (kinds == "unconverged").any(axis=0)
    np.testing.assert_array_equal(points.kind == "fixed", fixed)
    np.testing.assert_array_equal(points.kind == "unconverged", unconverged)


@pytest.mark.parametrize("method", METHODS)
def test_layers_are_searched_by_block_substitution(method: str) -> None:
    """The same by hand: each layer with the next output of the one below, from its own starts."""
    stack = random_stack(gain=1.5, seed=7)
    starts = random_states(12, 12, seed=4)
    x: Any = INPUTS[:1]
    options: dict[str, Any] = {"method": method, "tol_slow": 1e-7, "max_iterations": 200}
    points = nc.find_fixed_points(stack, starts, INPUTS[0], **options)
    iterations = np.zeros(12, np.int32)
    for cell, own, end in zip(stack.cells, stack.split(starts), stack.split(points.h), strict=True):
        layer = nc.find_fixed_points(cell, own, x, **options)
        np.testing.assert_array_equal(end, layer.h)
        iterations += layer.iterations
        x = cell.step(layer.h, x)
    np.testing.assert_array_equal(points.iterations, iterations)
    assert points.iterations.dtype == np.int32


def test_a_start_ends_alike_alone_and_in_any_company() -> None:
    points = nc.find_fixed_points(STACK, STATES, INPUTS, n_threads=2)
    order = [4, 1, 5]
    some = nc.find_fixed_points(STACK, STATES[order], INPUTS[order], n_threads=1)
    assert_equal(points.select(order), some)


def two_units(bias: float, weight: float) -> nc.Stack:
    """Return two layers of one unit: n_1 = tanh(2 h_1 + bias), n_2 = tanh(h_2 / 2 + weight h_1)."""
    below = independent_units(np.array([2.0]), np.array([bias]))
    above = independent_units(np.array([0.5]), np.zeros(1))
    above.weight_ih[2, 0] = weight
    return nc.Stack([cell_of(below), cell_of(above)])


FOLD = np.arctanh(np.sqrt(0.5)) - 2 * np.sqrt(0.5)
"""Minus the bias at which two zeros of tanh(2 h + bias) - h meet; with more there is a ghost."""


def test_a_ghost_below_holds_the_layers_above() -> None:
    """They are at rest at the ghost's next output, and so q has a minimum there, jointly."""
    stack = two_units(1e-3 - FOLD, 0.7)
    starts = np.array([[-0.9, 0.5], [0.9, 0.5]])
    points = nc.find_fixed_points(stack, starts)
    assert points.kind.tolist() == ["slow", "fixed"]
    slow, fixed = points.select([0]), points.select([1])
    assert slow.reason[0] == "layer 1: a local minimum of q, not above tol_slow"
    assert fixed.reason[0] == "every layer: the reduced residual is zero to rounding"
    below, above = nc.layer_points(stack, slow)
    assert (below.kind[0], above.kind[0]) == ("slow", "fixed")
    np.testing.assert_array_equal(above.inputs, stack.cells[0].step(below.h))
    assert slow.q[0] == pytest.approx(below.q[0] / 2, rel=1e-12)
    # A minimum over both units: no neighbour within 1e-3 is slower.
    around = np.stack(np.meshgrid(*[np.linspace(-1e-3, 1e-3, 21)] * 2), axis=-1).reshape(-1, 2)
    assert (stack.speed(slow.h + around) >= slow.q[0] * (1 - 1e-9)).all()


def test_a_layer_that_does_not_converge_is_named() -> None:
    points = nc.find_fixed_points(STACK, STATES, INPUTS, max_iterations=0)
    assert set(points.kind) == {"unconverged"}
    assert set(points.reason) == {"layer 1: the limit of iterations was reached"}
    np.testing.assert_array_equal(points.h, STATES)
    assert points.iterations.tolist() == [0] * 6


def test_conditions_of_a_stack_are_searched_each() -> None:
    points = nc.find_fixed_points(STACK, STATES, {"a": INPUTS[0], "b": INPUTS[1]})
    assert points.condition is not None
    assert points.condition.tolist() == ["a"] * 6 + ["b"] * 6
    assert_equal(points.select(np.arange(6, 12)), nc.find_fixed_points(STACK, STATES, INPUTS[1]))
    layers = nc.layer_points(STACK, points)
    np.testing.assert_array_equal(layers[2].condition, points.condition)


def test_progress_counts_starts() -> None:
    seen: list[tuple[int, int]] = []
    nc.find_fixed_points(STACK, STATES, INPUTS, progress=lambda *of: seen.append(of))
    done = [of[0] for of in seen]
    assert {of[1] for of in seen} == {6}
    assert done == sorted(done)
    assert done[-1] == 6
    assert {2, 4} <= set(done)  # a layer of three is through


def test_what_progress_raises_ends_the_search() -> None:
    def stop(done: int, total: int) -> None:
        raise StopIteration(f"{done} of {total}")

    with pytest.raises(StopIteration):
        nc.find_fixed_points(STACK, STATES, progress=stop)


# Modes


@settings(max_examples=20)
@given(st.lists(st.integers(1, 6), min_size=2, max_size=4), st.sampled_from([0.3, 1.0, 3.0]), seeds)
def test_the_spectrum_is_the_union_of_the_layers(sizes: list[int], gain: float, seed: int) -> None:
    stack = random_stack(sizes, gain, seed % 1000)
    rng = np.random.default_rng(seed)
    points = nc.find_fixed_points(
        stack, rng.uniform(-1, 1, (3, sum(sizes))), rng.normal(size=(3, INPUT_SIZE))
    )
    modes = nc.linearize(stack, points)
    layers = [
        nc.linearize(cell, own)
        for cell, own in zip(stack.cells, nc.layer_points(stack, points), strict=True)
    ]
    for i in range(3):
        union = np.concatenate([layer.eigenvalues[i] for layer in layers])
        # The product of all factors λ - μ says whether two sets are one, without matching them:
        # the characteristic polynomials agree.
        np.testing.assert_allclose(np.poly(modes.eigenvalues[i]), np.poly(union), atol=1e-9)
        right, left, values = modes.right[i], modes.left[i], modes.eigenvalues[i]
        np.testing.assert_allclose(modes.J_rec[i] @ right, right * values, atol=1e-11)
        lengths = np.linalg.norm(left, axis=1, keepdims=True)
        np.testing.assert_allclose(
            left @ modes.J_rec[i] / lengths, values[:, None] * left / lengths, atol=1e-11
        )
    stable = np.all([layer.is_stable for layer in layers], axis=0)
    np.testing.assert_array_equal(modes.is_stable, stable)


def test_a_mode_is_seen_upwards_of_its_layer_and_reached_from_below_it() -> None:
    modes = nc.linearize(STACK, STATES[:1], INPUTS[:1])
    spectra = [
        nc.linearize(cell, own, read).eigenvalues[0]
        for cell, own, read in zip(
            STACK.cells,
            STACK.split(STATES[:1]),
            reads_of(STACK, STATES[:1], INPUTS[:1]),
            strict=True,
        )
    ]
    starts = [0, 5, 8, 12]
    for value, right, left in zip(
        modes.eigenvalues[0], modes.right[0].T, modes.left[0], strict=True
    ):
        layer = int(np.argmin([np.abs(spectrum - value).min() for spectrum in spectra]))
        np.testing.assert_allclose(right[: starts[layer]], 0, atol=1e-12)
        scale = np.linalg.norm(left)
        np.testing.assert_allclose(left[starts[layer + 1] :] / scale, 0, atol=1e-12)


def test_the_slowest_modes_by_products_alone_agree_with_all() -> None:
    stack = random_stack((12, 9, 10))
    h = random_states(2, 31)
    every, some = nc.linearize(stack, h), nc.linearize(stack, h, k=4)
    np.testing.assert_allclose(some.eigenvalues, every.eigenvalues[:, :4], atol=1e-8)


def test_a_layer_does_not_see_those_above_it() -> None:
    jacobian = STACK.jacobian(STATES, INPUTS)
    assert not jacobian[:, :5, 5:].any()
    assert not jacobian[:, 5:8, 8:].any()
    assert jacobian[:, 8:, :5].any()


def test_curves_of_a_stack_follow_the_joint_residual() -> None:
    """The same as of any cell: what is asked of them is the joint residual."""
    stack = random_stack((2, 2), gain=3.0, seed=1)
    fixed = nc.find_fixed_points(stack, random_states(20, 4)).unique().select("fixed")
    found = nc.trace(stack, fixed.select([0]), max_points=100)
    (curve,) = found.curves
    residual = stack.residual(curve.h)
    np.testing.assert_allclose(residual, np.outer(curve.tau, curve.direction), rtol=0, atol=1e-10)
    branch = nc.follow_input(stack, fixed.select([0]), np.array([1.0, 0.5]), reach=0.5)
    np.testing.assert_allclose(stack.step(branch.h, branch.inputs), branch.h, rtol=0, atol=1e-10)


# The points of layers


def test_layer_points_are_the_rows_of_each_layer() -> None:
    points = nc.find_fixed_points(STACK, STATES, INPUTS)
    unique = points.unique()
    layers = nc.layer_points(STACK, unique)
    assert [len(layer) for layer in layers] == [len(unique)] * 3
    below = unique.inputs
    for cell, layer, own, start in zip(
        STACK.cells, layers, STACK.split(unique.h), STACK.split(unique.starts), strict=True
    ):
        np.testing.assert_array_equal(layer.h, own)
        np.testing.assert_array_equal(layer.starts, start)
        np.testing.assert_array_equal(layer.inputs, below)
        np.testing.assert_array_equal(layer.count, unique.count)
        assert layer.cell is cell
        below = cell.step(own, below)
    fixed = nc.layer_points(STACK, unique.select("fixed"))
    assert len(fixed[0]) > 0
    assert all(layer.certify().certified.all() for layer in fixed)


# Layers of two directions


def both_ways(kind: str = "GRU", layers: int = 2, gain: float = 1.0, seed: int = 0) -> Any:
    """Return a module of PyTorch that reads 2 numbers both ways with 3 units each."""
    torch.manual_seed(seed)
    make = getattr(torch.nn, kind)
    module = make(2, 3, layers, bidirectional=True, dtype=torch.float64)
    with torch.no_grad():
        for weight in module.parameters():
            weight.mul_(gain)
    return module


def stack_of(module: torch.nn.Module) -> nc.Stack:
    return nc.Stack(nc.from_torch(module))


def stepped(module: Any, h: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Return where the module takes joint states (n, S) on sequences of one element (n, D)."""
    n_cells = 2 * module.num_layers
    states = torch.stack(h.chunk(n_cells, dim=1))
    has_c = isinstance(module, torch.nn.LSTM)
    parts = tuple(part.contiguous() for part in states.chunk(2, dim=2)) if has_c else states
    last = module(x[None], parts)[1]
    after = torch.cat(last, dim=2) if has_c else last
    return torch.cat(list(after), dim=1)


@settings(max_examples=12)
@given(st.sampled_from(["GRU", "LSTM", "RNN"]), st.integers(1, 3), st.sampled_from([1, 3]), seeds)
def test_a_joint_step_both_ways_is_the_modules_on_one_element(
    kind: str, layers: int, gain: float, seed: int
) -> None:
    module = both_ways(kind, layers, gain, seed % 1000)
    stack = stack_of(module)
    size = stack.state_size
    assert size == 2 * layers * (6 if kind == "LSTM" else 3)
    rng = np.random.default_rng(seed)
    h, x = rng.uniform(-1, 1, (2, size)), rng.normal(size=(2, 2))
    u, v, w = (rng.normal(size=(2, width)) for width in (size, size, 2))
    following = stepped(module, torch.from_numpy(h), torch.from_numpy(x)).detach().numpy()
    slopes = [
        autograd_jacobian(
            lambda *at: stepped(module, *at),
            (torch.from_numpy(h[i : i + 1]), torch.from_numpy(x[i : i + 1])),
        )
        for i in range(2)
    ]
    jacobian, inputs = (np.stack([pair[k][0, :, 0].numpy() for pair in slopes]) for k in (0, 1))
    checks = {
        "step": (stack.step(h, x), following),
        "speed": (stack.speed(h, x), np.mean((following - h) ** 2, axis=1)),
        "jacobian": (stack.jacobian(h, x), jacobian),
        "input_jacobian": (stack.input_jacobian(h, x), inputs),
        "jvp": (stack.jvp(h, x, v), np.einsum("njk,nk->nj", jacobian, v)),
        "vjp": (stack.vjp(h, x, u), np.einsum("njk,nj->nk", jacobian, u)),
        "input_jvp": (stack.input_jvp(h, x, w), np.einsum("njk,nk->nj", inputs, w)),
        "input_vjp": (stack.input_vjp(h, x, u), np.einsum("njk,nj->nk", inputs, u)),
    }
    for name, (ours, theirs) in checks.items():
        scale = 1 + np.abs(theirs).max()
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-13 * scale, err_msg=name)


@pytest.mark.parametrize("kind", ["GRU", "LSTM"])
def test_the_middle_of_a_long_constant_sequence_rests_at_the_joint_fixed_point(kind: str) -> None:
    module = both_ways(kind, seed=3)
    stack = stack_of(module)
    x = np.array([0.7, -0.3])
    points = nc.find_fixed_points(stack, np.zeros((1, stack.state_size)), x)
    assert points.kind.tolist() == ["fixed"]
    assert nc.linearize(stack, points).is_stable.tolist() == [True]
    with torch.no_grad():
        outputs = module(torch.from_numpy(x).expand(401, 1, 2))[0][200, 0].numpy()
    top = stack.outputs_of(points.h)[0, -6:]  # of both directions of the last layer
    np.testing.assert_allclose(outputs, top, rtol=0, atol=1e-13)
    ends = module(torch.from_numpy(x).expand(401, 1, 2))[0][[0, -1], 0].detach().numpy()
    assert (np.abs(ends - top) > 1e-3).any(axis=1).all()  # one direction has just begun there


def test_every_combination_of_the_points_of_two_directions_is_a_joint_point() -> None:
    """tanh(2 h) - h has two stable zeros, and each direction of the first layer is there alone."""
    way = cell_of(independent_units(np.array([2.0]), np.zeros(1)))
    above = random_network("gru", 2, 2, seed=1).cell()
    stack = nc.Stack([nc.Bidirectional(way, way), above])
    assert stack.names == ("layer 1 forward", "layer 1 backward", "layer 2")
    corners = np.array([[a, b, 0.1, 0.1] for a in (-0.9, 0.9) for b in (-0.9, 0.9)])
    points = nc.find_fixed_points(stack, corners)
    assert set(points.kind) == {"fixed"}
    assert set(points.reason) == {"every layer: the reduced residual is zero to rounding"}
    np.testing.assert_array_equal(np.sign(points.h[:, :2]), np.sign(corners[:, :2]))
    assert len(points.unique()) == 4
    np.testing.assert_allclose(stack.step(points.h), points.h, rtol=0, atol=1e-14)
    layers = nc.layer_points(stack, points)
    assert [layer.cell for layer in layers] == [way, way, above]
    np.testing.assert_array_equal(
        layers[2].inputs, way.step(points.h[:, :2].reshape(-1, 1)).reshape(-1, 2)
    )
    assert all(layer.certify().certified.all() for layer in layers)


def test_the_direction_that_does_not_converge_is_named() -> None:
    still = nc.RNN(np.zeros((1, 1)), np.zeros((1, 1)))
    ghost = two_units(1e-3 - FOLD, 0.7).cells[0]
    stack = nc.Stack([nc.Bidirectional(still, ghost)])  # type: ignore[arg-type]
    points = nc.find_fixed_points(stack, [[0.5, -0.9], [0.5, 0.9]])
    assert points.kind.tolist() == ["slow", "fixed"]
    assert points.reason[0].startswith("layer 1 backward: a local minimum of q")


def test_modes_curves_and_residuals_both_ways_are_those_of_the_cells() -> None:
    module = both_ways(gain=2.0, seed=5)
    stack = stack_of(module)
    x = np.array([0.4, 0.2])
    points = nc.find_fixed_points(stack, random_states(3, 12, 4), x).unique()["fixed"]
    modes = nc.linearize(stack, points)
    union = [
        nc.linearize(cell, own).eigenvalues[0]
        for cell, own in zip(stack.cells, nc.layer_points(stack, points), strict=True)
    ]
    np.testing.assert_allclose(
        np.poly(modes.eigenvalues[0]), np.poly(np.concatenate(union)), atol=1e-9
    )
    jacobian = stack.jacobian(points.h, x)
    assert not jacobian[:, :3, 3:].any()
    assert not jacobian[:, 3:6, :3].any()  # no direction reads the other's state
    assert jacobian[:, 6:, :6].any(axis=(1, 2)).all()
    outputs = random_states(3, 12, 8)
    slope, step = stack.residual_jacobian(outputs, x), 1e-6
    for k, along in enumerate(step * np.eye(12)):
        ahead, behind = (stack.residual(outputs + by, x) for by in (along, -along))
        np.testing.assert_allclose(slope[:, :, k], (ahead - behind) / (2 * step), atol=1e-9)
    v = np.array([[0.3, -1.0]] * 3)
    ahead, behind = (stack.residual(outputs, x + by) for by in (step * v, -step * v))
    change = stack.residual_input_jvp(outputs, x, v)
    np.testing.assert_allclose(change, (ahead - behind) / (2 * step), atol=1e-9)
    branch = nc.follow_input(stack, points[0], np.array([0.5, 0.2]), reach=0.5)
    np.testing.assert_allclose(stack.step(branch.h, branch.inputs), branch.h, rtol=0, atol=1e-10)


def test_a_stack_both_ways_is_kept_in_a_file(tmp_path: Path) -> None:
    stack = stack_of(both_ways("LSTM"))
    points = nc.find_fixed_points(stack, random_states(3, 24), {"a": [1.0, 0.0], "b": [0.0, 1.0]})
    points.save(tmp_path / "points.npz", cell=True)
    loaded = nc.FixedPoints.load(tmp_path / "points.npz")
    assert repr(loaded.cell) == repr(stack)
    assert isinstance(loaded.cell, nc.Stack)
    assert all(isinstance(layer, nc.Bidirectional) for layer in loaded.cell.layers)
    np.testing.assert_array_equal(loaded.cell.step(points.h), stack.step(points.h))
    assert_equal(loaded, points)
    assert len(nc.concatenate([points, loaded])) == 12


def test_what_steps_in_time_refuses_directions() -> None:
    stack = stack_of(both_ways())
    modes = nc.linearize(stack, np.zeros((1, 12)))
    words = np.zeros((4, 2))
    for call in (
        lambda: nc.predict_sequences(modes, [words]),
        lambda: nc.predict_next_states(modes, np.zeros((2, 12))),
        lambda: nc.word_effects(modes, words, None),
        lambda: nc.impulse_response(modes, words, np.zeros(12), n_steps=2),
    ):
        with pytest.raises(TypeError, match="two directions goes through time both ways"):
            call()


def test_a_stack_both_ways_is_attributed_as_its_layers() -> None:
    layers = nc.from_torch(both_ways())
    inputs, readout = np.random.default_rng(0).normal(size=(5, 2)), np.ones(6)
    expected = nc.attribute(cast("Any", layers), inputs, readout)
    found = nc.attribute(nc.Stack(layers), inputs, readout)
    np.testing.assert_array_equal(found.shares, expected.shares)


# A trained network


def test_starts_that_stall_in_the_rounding_about_a_zero_are_taken_to_it() -> None:
    """Layer 2's update gates are all but closed there: F(h) - h is zero long before n(h) - h is."""
    layers = [trained_layer("imdb-3-layer", layer) for layer in (1, 2, 3)]
    stack = nc.Stack([layer.cell() for layer in layers])
    starts = np.concatenate([layer.starts[:1] for layer in layers], axis=1)
    x = nc.layer_points(stack, nc.find_fixed_points(stack, starts, tol_slow=1e-3))[1].inputs
    assert x is not None
    points = nc.find_fixed_points(stack.cells[1], layers[1].starts[:100], x[0], tol_slow=1e-3)
    assert set(points.kind) == {"fixed"}


def test_the_trained_network_comes_to_rest_at_the_joint_point() -> None:
    """From a visited state, within a small part of the slowest time constant."""
    layers = [trained_layer("imdb-3-layer", layer) for layer in (1, 2, 3)]
    stack = nc.Stack([layer.cell() for layer in layers])
    h: Any = np.concatenate([layer.starts[:1] for layer in layers], axis=1).astype(np.float64)
    fixed = nc.find_fixed_points(stack, h, tol_slow=1e-3)
    before = np.linalg.norm(h - fixed.h)
    for _ in range(600):
        h = stack.step(h)
    assert np.linalg.norm(h - fixed.h) < 0.1 * before


BAD_STACKS: dict[str, tuple[Any, type[Exception], str]] = {
    "none": ([], ValueError, "cells must hold at least one cell"),
    "a cell": (STACK.cells[0], TypeError, "cells must be a list of cells, not GRU"),
    "no cells": ([None], TypeError, "cell must be a nullcline cell, not builtins.NoneType"),
    "a stack": ([STACK], TypeError, r"cells\[0\] is a stack itself: pass its layers"),
    "a pair": (
        nc.Bidirectional(*STACK.cells[:2]),  # type: ignore[arg-type]
        TypeError,
        r"cells must be a list of layers, not Bidirectional: pass \[pair\]",
    ),
    "a pair that reads two things": (
        [nc.Bidirectional(*STACK.cells[:2])],  # type: ignore[arg-type]
        ValueError,
        r"cells\[0\] reads 2 numbers forward and 5 backward",
    ),
    "a pair of two types": (
        [nc.Bidirectional(STACK.cells[0], random_stack(dtype=np.float32).cells[0])],  # type: ignore[arg-type]
        TypeError,
        r"cells\[0\] computes in float64 forward and float32 backward",
    ),
    "a pair below what reads one direction": (
        [nc.Bidirectional(*STACK.cells[:1] * 2), STACK.cells[1]],  # type: ignore[arg-type]
        ValueError,
        r"cells\[1\] reads 5 numbers, and cells\[0\] puts out 10",
    ),
    "sizes": (
        STACK.cells[::2],
        ValueError,
        r"cells\[1\] reads 3 numbers, and cells\[0\] puts out 5",
    ),
    "types": (
        [STACK.cells[0], random_stack(dtype=np.float32).cells[1]],
        TypeError,
        r"cells\[1\] computes in float32 and cells\[0\] in float64",
    ),
}


@pytest.mark.parametrize("case", BAD_STACKS)
def test_layers_that_do_not_fit_are_refused(case: str) -> None:
    cells, error, message = BAD_STACKS[case]
    with pytest.raises(error, match=message):
        nc.Stack(cells)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: STACK.step(STATES[:, 1:]), ValueError, r"h must have shape \(n, 12\)"),
        (lambda: STACK.step(STATES, INPUTS[:2]), ValueError, r"x must be None or have shape"),
        (lambda: STACK.split(STATES[0]), ValueError, r"pass h\[None\]"),
        (lambda: STACK.jvp(STATES, None, STATES[:2]), ValueError, "v must have a row for each"),
        (lambda: STACK.vjp(STATES, None, STATES[:, 1:]), ValueError, "u must have shape"),
        (lambda: STACK.input_jvp(STATES, None, STATES), ValueError, r"v must have shape \(n, 2\)"),
        (lambda: STACK.residual(STATES[:, 1:]), ValueError, r"h must have shape \(n, 12\)"),
        (
            lambda: nc.layer_points(STACK, STATES),  # type: ignore[arg-type]
            TypeError,
            "points must be FixedPoints, not ndarray",
        ),
        (
            lambda: nc.layer_points(STACK.cells[0], STATES),  # type: ignore[arg-type]
            TypeError,
            "stack must be a nullcline.Stack, not GRU",
        ),
        (
            lambda: nc.find_fixed_points(STACK, STATES[:, :5]),
            ValueError,
            r"starts must have shape \(n, 12\)",
        ),
        (
            lambda: nc.find_fixed_points(STACK, STATES, INPUTS[:2]),
            ValueError,
            "inputs must be None or have shape",
        ),
        (
            lambda: nc.find_fixed_points(STACK, STATES, deflate=STATES),
            ValueError,
            "deflate must be None for a stack: search one of its cells",
        ),
        (lambda: nc.linearize(STACK, STATES[:, 1:]), ValueError, r"points must have shape"),
    ],
)
def test_bad_input_is_refused(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
