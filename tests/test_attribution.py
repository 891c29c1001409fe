"""Shares of a logit sum to its change, exactly, and are what the definition says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import nullcline as nc
from nullcline.attribution.passes import StepByStep
from nullcline.attribution.secants import MeanJacobians
from nullcline.cells import RunsSequences
from testing.every_cell import KINDS, SMOOTH, Network, random_network
from testing.gru_samples import seeds
from testing.rates import PHI, Rates

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

kinds = st.sampled_from(KINDS)
precisions = st.sampled_from([np.float64, np.float32])


def pairs(network: Network, n: int, seed: int, dtype: Any = np.float64) -> list[Any]:
    """Return states and inputs of two runs, (h0, x0, h, x)."""
    rng = np.random.default_rng(seed)
    states, inputs = (n, network.state_size), (n, network.input_size)
    return [rng.normal(size=shape).astype(dtype) for shape in (states, inputs, states, inputs)]


def texts(lengths: list[int], width: int, seed: int = 0, dtype: Any = np.float64) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(length, width)).astype(dtype) for length in lengths]


def slack(found: nc.Attribution, dtype: Any = np.float64) -> Any:
    """Return what rounding may leave, for shares of such sizes."""
    sizes = np.abs(found.shares).sum(axis=1) + np.abs(found.start) + np.abs(found.logit) + 1
    return 4000 * np.finfo(dtype).eps * sizes


@given(kinds, precisions, st.sampled_from([0.1, 1.0, 4.0]), st.integers(1, 9), seeds)
def test_secants_lead_from_one_state_to_another_exactly(
    kind: str, dtype: Any, gain: float, size: int, seed: int
) -> None:
    network = random_network(kind, size, 3, gain, seed)
    cell, n = network.cell(dtype), 3
    h0, x0, h, x = pairs(network, n, seed, dtype)
    change = cell.step(h, x) - cell.step(h0, x0)
    scale = 100 * np.finfo(dtype).eps * max(gain, 1) * (1 + np.abs(change))
    found = cell.secant_jvp(h0, x0, h, x, h - h0, x - x0)
    assert (np.abs(found - change) <= scale).all()


@given(kinds, st.integers(1, 9), seeds)
def test_products_with_secants_are_transposes_of_each_other(
    kind: str, size: int, seed: int
) -> None:
    network = random_network(kind, size, 3, 1.0, seed)
    cell, run = network.cell(), pairs(network, 4, seed)
    v, w, u, _ = pairs(network, 4, seed + 1)
    by_state, by_input = cell.secant_vjp(*run, u)
    found = np.sum(u * cell.secant_jvp(*run, v, w), axis=1)
    np.testing.assert_allclose(
        found, np.sum(by_state * v, axis=1) + np.sum(by_input * w, axis=1), atol=1e-12
    )


@pytest.mark.parametrize("kind", KINDS)
def test_where_two_runs_meet_secants_are_the_jacobians(kind: str) -> None:
    network = random_network(kind, 6, 3)
    cell = network.cell()
    h, x, u, w = pairs(network, 5, 0)
    by_state, by_input = cell.secant_vjp(h, x, h, x, u)
    np.testing.assert_allclose(by_state, cell.vjp(h, x, u), atol=1e-14)
    np.testing.assert_allclose(by_input, cell.input_vjp(h, x, u), atol=1e-14)
    np.testing.assert_allclose(
        cell.secant_jvp(h, x, h, x, u, w), cell.jvp(h, x, u) + cell.input_jvp(h, x, w), atol=1e-14
    )


@pytest.mark.parametrize("kind", SMOOTH)
def test_secants_of_near_states_are_mean_jacobians_to_second_order(kind: str) -> None:
    network = random_network(kind, 6, 3)
    cell = network.cell()
    h0, x0, h, x = pairs(network, 5, 0)
    u = np.random.default_rng(1).normal(size=h.shape)
    gaps = []
    for step in (1e-2, 1e-3):
        run = h0, x0, h0 + step * (h - h0), x0 + step * (x - x0)
        ours, means = cell.secant_vjp(*run, u), MeanJacobians(cell).secant_vjp(*run, u)
        gaps.append(max(np.abs(a - b).max() for a, b in zip(ours, means, strict=True)))
    assert gaps[0] <= 1e-2
    assert gaps[1] <= gaps[0] / 80 + 1e-14  # without products both are the same


def sigmoid(a: Array) -> Array:
    return 1 / (1 + np.exp(-a))


def divided(f: Any, a: Array, b: Array) -> Array:
    quotient: Array = (f(a) - f(b)) / (a - b)
    return quotient


def test_a_grus_secants_are_those_that_are_worked_out_by_hand() -> None:
    network = random_network("gru", 5, 3, 1.2)
    (h0,), (x0,), (h,), (x,) = pairs(network, 1, 3)
    w_i, w_h, b_i, b_h = network.weights

    def gates(h: Array, x: Array) -> tuple[Array, ...]:
        (ir, iz, in_), (hr, hz, m) = np.split(w_i @ x + b_i, 3), np.split(w_h @ h + b_h, 3)
        r = sigmoid(ir + hr)
        return ir + hr, iz + hz, m, in_ + r * m

    (ar0, az0, m0, an0), (ar, az, m, an) = gates(h0, x0), gates(h, x)
    r, z = (sigmoid(ar0) + sigmoid(ar)) / 2, (sigmoid(az0) + sigmoid(az)) / 2
    n = (np.tanh(an0) + np.tanh(an)) / 2
    by_candidate = (1 - z) * divided(np.tanh, an, an0)
    by_reset = by_candidate * (m + m0) / 2 * divided(sigmoid, ar, ar0)
    by_update = ((h + h0) / 2 - n) * divided(sigmoid, az, az0)
    scales = np.concatenate([by_reset, by_update, by_candidate * r])
    input_scales = np.concatenate([by_reset, by_update, by_candidate])
    u = np.eye(5)
    rows = [np.repeat(a[None], 5, axis=0) for a in (h0, x0, h, x)]
    by_state, by_input = network.cell().secant_vjp(*rows, u)
    right = sum(np.split(scales[:, None] * w_h, 3)) + np.diag(z)
    np.testing.assert_allclose(by_state, right, atol=1e-13)
    np.testing.assert_allclose(by_input, sum(np.split(input_scales[:, None] * w_i, 3)), atol=1e-13)


def test_an_lstms_secants_are_those_that_are_worked_out_by_hand() -> None:
    network = random_network("lstm", 4, 3, 1.2)
    (s0,), (x0,), (s,), (x,) = pairs(network, 1, 4)
    w_i, w_h, b_i, b_h = network.weights

    def gates(s: Array, x: Array) -> tuple[Array, ...]:
        i, f, g, o = np.split(w_i @ x + b_i + w_h @ s[:4] + b_h, 4)
        return i, f, g, o, sigmoid(f) * s[4:] + sigmoid(i) * np.tanh(g)

    (i0, f0, g0, o0, c0), (i, f, g, o, c) = gates(s0, x0), gates(s, x)

    def mean(of: Any, a: Array, b: Array) -> Array:
        average: Array = (of(a) + of(b)) / 2
        return average

    of_c = np.concatenate(
        [
            mean(np.tanh, g, g0) * divided(sigmoid, i, i0),
            (s[4:] + s0[4:]) / 2 * divided(sigmoid, f, f0),
            mean(sigmoid, i, i0) * divided(np.tanh, g, g0),
            np.zeros(4),
        ]
    )
    by_c = mean(sigmoid, o, o0) * divided(np.tanh, c, c0)
    of_h = np.tile(by_c, 4) * of_c
    of_h[12:] = mean(np.tanh, c, c0) * divided(sigmoid, o, o0)
    forget = mean(sigmoid, f, f0)

    def matrix(w: Array, scales: Array) -> Any:
        return sum(np.split(scales[:, None] * w, 4))

    right = np.block(
        [
            [matrix(w_h, of_h), np.diag(by_c * forget)],
            [matrix(w_h, of_c), np.diag(forget)],
        ]
    )
    rows = [np.repeat(a[None], 8, axis=0) for a in (s0, x0, s, x)]
    by_state, by_input = network.cell().secant_vjp(*rows, np.eye(8))
    np.testing.assert_allclose(by_state, right, atol=1e-13)
    np.testing.assert_allclose(
        by_input, np.concatenate([matrix(w_i, of_h), matrix(w_i, of_c)]), atol=1e-13
    )


@given(kinds, precisions, st.lists(st.integers(0, 12), min_size=1, max_size=5), seeds)
@settings(max_examples=40)
def test_shares_sum_to_the_change_of_the_logit(
    kind: str, dtype: Any, lengths: list[int], seed: int
) -> None:
    network = random_network(kind, 5, 3, 0.9, seed)
    w = np.random.default_rng(seed).normal(size=5).astype(dtype)
    found = nc.attribute(network.cell(dtype), texts(lengths, 3, seed, dtype), w)
    assert (found.error <= slack(found, dtype)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_shares_of_hundreds_of_words_sum_to_the_change(kind: str) -> None:
    network = random_network(kind, 12, 4, 0.7)
    w = np.random.default_rng(1).normal(size=12)
    found = nc.attribute(network.cell(), texts([400, 399, 1], 4), w)
    assert (found.error <= 1e-12 * (np.abs(found.shares).sum(axis=1) + 1)).all()


@pytest.mark.parametrize("name", PHI)
@pytest.mark.parametrize("kind", [nc.LeakyRNN, nc.RateRNN])
@pytest.mark.parametrize("rank", [None, 2])
def test_shares_of_networks_of_rates_sum_to_the_change(kind: Any, name: str, rank: Any) -> None:
    cell = Rates(kind, 7, activations=[name, "tanh"], rank=rank, gain=0.5).cell()
    found = nc.attribute(cell, texts([30], 2), np.ones(7))
    assert (found.error <= slack(found)).all()


def layers(seed: int = 0, dtype: Any = np.float64) -> list[Any]:
    """Return a GRU below an LSTM below a rate network."""
    shapes = (("gru", 5, 3), ("lstm", 4, 5), ("rate", 6, 4))
    return [random_network(*shape, 0.7, seed).cell(dtype) for shape in shapes]


def both_ways(seed: int = 0) -> list[Any]:
    """Return two bidirectional layers of unlike directions."""

    def pair(kinds: tuple[str, str], sizes: tuple[int, int], width: int) -> nc.Bidirectional:
        cells = [
            random_network(kind, size, width, 0.7, seed + i).cell()
            for i, (kind, size) in enumerate(zip(kinds, sizes, strict=True))
        ]
        return nc.Bidirectional(*cells)

    return [pair(("gru", "ugrnn"), (4, 3), 3), pair(("lstm", "tanh"), (3, 2), 7)]


@pytest.mark.parametrize("make", [layers, both_ways])
@pytest.mark.parametrize("rests", [True, False])
def test_every_layers_shares_sum_to_the_same_change(make: Any, rests: bool) -> None:
    cells = make()
    rng = np.random.default_rng(2)
    readout = rng.normal(size=(2, 6 if make is layers else 5))
    size = sum(
        cell.state_size for layer in cells for cell in (layer if len(cells) == 2 else [layer])
    )
    baseline = None if rests else rng.normal(size=(3, size))
    found = nc.attribute(cells, texts([9, 0, 4], 3), readout, baseline=baseline)
    assert found.baseline_kind == ("fixed point" if rests else "trajectory")
    starts = np.cumsum(found.start_by_layer[:, ::-1], axis=1)[:, ::-1]
    totals = found.by_layer.sum(axis=2) + starts
    np.testing.assert_allclose(
        totals, np.repeat(found.change[:, None], len(cells), axis=1), atol=1e-13
    )
    np.testing.assert_array_equal(found.by_layer[:, 0], found.shares)


def test_a_stack_and_the_list_of_its_layers_are_one_network() -> None:
    cells, inputs, w = layers(), texts([7, 3], 3), np.ones(6)
    np.testing.assert_array_equal(
        nc.attribute(nc.Stack(cells), inputs, w).shares, nc.attribute(cells, inputs, w).shares
    )


def test_the_logit_is_that_of_the_network_in_pytorch() -> None:
    torch.manual_seed(0)
    rnn = torch.nn.GRU(3, 5, num_layers=2, bidirectional=True, batch_first=True).double()
    head = torch.nn.Linear(10, 2).double()
    inputs = texts([6, 6], 3)
    with torch.no_grad():
        h = rnn(torch.from_numpy(np.stack(inputs)))[1]
        logits = head(torch.cat([h[-2], h[-1]], dim=1)).numpy()
    found = nc.attribute(
        nc.from_torch(rnn), inputs, head.weight.detach(), intercept=head.bias.detach()
    )
    np.testing.assert_allclose(found.logit, logits, atol=1e-13)


def linear_network() -> tuple[Any, Array, Array]:
    """Return h' = W h + U x as a cell, with W and U."""
    rng = np.random.default_rng(0)
    w, u = 0.4 * rng.normal(size=(4, 4)), rng.normal(size=(4, 2))
    return nc.LeakyRNN(u, w, alpha=1.0, activation="identity"), w, u


def test_a_linear_networks_shares_are_its_impulse_responses() -> None:
    cell, w, u = linear_network()
    (x,) = texts([8], 2)
    readout = np.arange(1.0, 5.0)
    found = nc.attribute(cell, x, readout, linearization=nc.linearize(cell, np.zeros((1, 4))))
    later = [np.linalg.matrix_power(w, 7 - t) for t in range(8)]
    right = [readout @ power @ u @ row for power, row in zip(later, x, strict=True)]
    np.testing.assert_allclose(found.shares, right, atol=1e-13)
    np.testing.assert_allclose(found.held, right, atol=1e-13)
    np.testing.assert_allclose(found.at_once, x @ u.T @ readout, atol=1e-13)
    np.testing.assert_allclose(found.afterwards, right - x @ u.T @ readout, atol=1e-13)
    values, vectors = np.linalg.eig(w)
    through = [
        readout @ (vectors * values ** (7 - t)) * np.linalg.solve(vectors, u @ row)
        for t, row in enumerate(x)
    ]
    by_mode: Any = found.by_mode
    np.testing.assert_allclose(
        np.sort(by_mode, axis=1), np.sort(np.real(through), axis=1), atol=1e-12
    )


def test_at_once_a_word_goes_up_through_all_layers_in_its_own_step() -> None:
    below, _, u_below = linear_network()
    w, u = 0.3 * np.eye(3), np.random.default_rng(1).normal(size=(3, 4))
    above = nc.LeakyRNN(u, w, alpha=1.0, activation="identity")
    (x,) = texts([6], 2)
    found = nc.attribute([below, above], x, np.ones(3))
    np.testing.assert_allclose(found.at_once, x @ (u @ u_below).T @ np.ones(3), atol=1e-13)


def test_at_once_is_what_a_word_adds_to_a_logit_that_is_read_right_after_it() -> None:
    """The change of each output, all else as it is, from the network's own steps."""
    rng = np.random.default_rng(3)
    cell = nc.RNN(rng.normal(size=(5, 3)), rng.normal(size=(5, 5)) / 3)
    (x,) = texts([6], 3)
    w = rng.normal(size=5)
    found = nc.attribute(cell, x, w)
    rest, h = found.baseline[0], np.zeros_like(found.baseline[0])
    for t, row in enumerate(x):
        still = np.zeros_like(row)[None]
        reached = cell.secant_jvp(rest, still, h, row[None], np.zeros_like(h), row[None])
        np.testing.assert_allclose(found.at_once[t], (reached @ w)[0], atol=1e-13)
        h = cell.step(h, row)
    np.testing.assert_allclose(found.at_once[-1], found.shares[-1], atol=1e-13)


def test_shares_through_all_modes_are_the_shares() -> None:
    cells = layers()
    joint = nc.attribute(cells, texts([3], 3), np.ones(6)).baseline
    linear = [None, nc.linearize(cells[1], joint[1], cells[0].outputs_of(joint[0])), None]
    found = nc.attribute(cells, texts([9, 5], 3), np.ones((2, 6)), linearization=linear)
    assert isinstance(found.by_mode, tuple)
    assert found.by_mode[0] is None
    assert found.by_mode[1] is not None
    assert found.by_mode[1].shape == (2, 9, 2, 8)
    np.testing.assert_allclose(found.by_mode[1].sum(axis=-1), found.by_layer[:, 1], atol=1e-13)


def test_a_text_does_not_depend_bit_for_bit_on_the_others_or_on_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cells, w = layers(), np.ones(6)
    inputs = texts([int(length) for length in np.random.default_rng(0).integers(0, 30, 50)], 3)
    together = nc.attribute(cells, inputs, w)
    monkeypatch.setattr("nullcline.cells.compiled.available_threads", lambda: 3)
    threads = nc.attribute(cells, inputs[::-1], w)
    np.testing.assert_array_equal(threads.by_layer[::-1], together.by_layer)
    for i in (0, 7, 49):
        alone = nc.attribute(cells, inputs[i], w)
        np.testing.assert_array_equal(alone.shares, together.shares[i, : len(inputs[i])])
        np.testing.assert_array_equal(alone.logit, together.logit[i])


def test_chunks_of_texts_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    cells, inputs, w = layers(), texts([9, 2, 7, 0, 5], 3), np.ones(6)
    together = nc.attribute(cells, inputs, w)
    monkeypatch.setattr("nullcline.attribution.sequences.LARGEST_CHUNK", 1)
    np.testing.assert_array_equal(nc.attribute(cells, inputs, w).by_layer, together.by_layer)


@pytest.mark.parametrize("kind", KINDS)
def test_the_core_goes_along_sequences_as_single_steps_do(kind: str) -> None:
    network = random_network(kind, 6, 3, 0.8)
    cell, rng = network.cell(), np.random.default_rng(0)
    assert isinstance(cell, RunsSequences)
    active = np.array([20, 20, 17, 17, 1], np.int64)
    start, x = rng.normal(size=(20, network.state_size)), rng.normal(size=(5, 20, 3))
    slow = StepByStep(network.cell())
    h = cell.run_sequences(start, x, active)
    np.testing.assert_allclose(h, slow.run_sequences(start, x, active), atol=1e-13)
    outputs, last = rng.normal(size=(5, 20, 6)), rng.normal(size=start.shape)
    x0 = rng.normal(size=x.shape)
    h0 = cell.run_sequences(start + 1, x0, active)
    for base in ((h0, x0), (h0[:1, :1], x0[:1, :1])):
        for every, directly in ((outputs, outputs), (None, outputs[:1, :1])):
            arrays = *base, h, x, last, every, directly, active
            for found, right in zip(
                cell.pull_back_sequences(*arrays, keep_states=True),
                slow.pull_back_sequences(*arrays, keep_states=True),
                strict=True,
            ):
                np.testing.assert_allclose(found, right, atol=1e-12)


def test_a_network_is_counted_from_where_it_rests_without_input() -> None:
    cells = layers()
    found = nc.attribute(cells, texts([4], 3), np.ones(6), intercept=2.5)
    rest = nc.find_fixed_points(nc.Stack(cells), np.zeros((1, 19)))
    np.testing.assert_allclose(np.concatenate(found.baseline, axis=1), rest.h, atol=1e-9)
    assert found.baseline_logit == pytest.approx(rest.h[0, -6:].sum() + 2.5)
    again = nc.attribute(cells, texts([4], 3), np.ones(6), baseline=found.baseline)
    of_point = nc.attribute(cells, texts([4], 3), np.ones(6), baseline=rest)
    np.testing.assert_array_equal(again.shares, found.shares)
    assert of_point.baseline_kind == "fixed point"
    np.testing.assert_allclose(of_point.shares, found.shares, atol=1e-9)


def test_a_baseline_may_rest_at_an_input_of_its_own() -> None:
    cell, (x,) = random_network("gru", 5, 3, 0.8).cell(), texts([6], 3)
    rest = np.array([0.5, -1.0, 2.0])
    found = nc.attribute(cell, x, np.ones(5), baseline_input=rest)
    point = nc.find_fixed_points(cell, np.zeros((1, 5)), rest)
    np.testing.assert_allclose(found.baseline[0], point.h, atol=1e-9)
    assert found.error <= 1e-13
    of_point = nc.attribute(cell, x, np.ones(5), baseline=point)
    np.testing.assert_allclose(of_point.shares, found.shares, atol=1e-9)
    still = nc.attribute(cell, np.tile(rest, (6, 1)), np.ones(5), baseline_input=rest)
    np.testing.assert_array_equal(still.shares, np.zeros(6))


def test_a_network_that_rests_nowhere_is_counted_from_its_run_without_input() -> None:
    turn = 1.5 * np.array([[0.0, -1.0], [1.0, 0.0]])
    cell = nc.RNN(np.eye(2), turn, bias_ih=np.array([0.3, 0.0]))
    (x,) = texts([7], 2)
    found = nc.attribute(cell, x, np.array([1.0, -2.0]))
    assert found.baseline_kind == "trajectory"
    h: Any = np.zeros((1, 2))
    for _ in range(7):
        h = cell.step(h)
    assert found.baseline_logit == pytest.approx(h[0, 0] - 2 * h[0, 1])
    assert found.start == 0
    assert found.error <= 1e-13


def test_a_network_that_stays_at_its_unstable_start_rests_there() -> None:
    cell = nc.RNN(np.eye(2), 1.5 * np.eye(2))
    found = nc.attribute(cell, texts([5], 2)[0], np.ones(2))
    assert found.baseline_kind == "fixed point"
    assert not found.baseline[0].any()
    assert found.error <= 1e-13


def test_the_initial_state_has_a_share_of_its_own() -> None:
    cell = random_network("gru", 5, 3, 0.8).cell()
    h = np.random.default_rng(1).uniform(-1, 1, (2, 5))
    found = nc.attribute(cell, texts([6, 0], 3), np.ones(5), initial_state=h)
    assert (found.error <= 1e-13).all()
    assert found.logit[1] == pytest.approx(h[1].sum())
    assert found.start[1] == pytest.approx(found.change[1])
    assert not found.shares[1].any()


def test_padding_is_not_read() -> None:
    cell, inputs = random_network("gru", 5, 3, 0.8).cell(), texts([6, 2], 3)
    padded = np.full((2, 8, 3), np.nan)
    for row, text in zip(padded, inputs, strict=True):
        row[: len(text)] = text
    found = nc.attribute(cell, padded, np.ones(5), lengths=[6, 2])
    assert found.shares.shape == (2, 8)
    right = nc.attribute(cell, inputs, np.ones(5))
    np.testing.assert_array_equal(found.shares[:, :6], right.shares)
    assert not found.shares[:, 6:].any()


def test_several_readouts_are_each_by_itself() -> None:
    cell, inputs = random_network("lstm", 5, 3, 0.8).cell(), texts([6, 2], 3)
    readouts = np.random.default_rng(0).normal(size=(3, 5))
    found = nc.attribute(cell, inputs, readouts, intercept=np.arange(3.0))
    assert found.shares.shape == (2, 6, 3)
    assert found.by_layer.shape == (2, 1, 6, 3)
    for c, readout in enumerate(readouts):
        one = nc.attribute(cell, inputs, readout, intercept=float(c))
        np.testing.assert_array_equal(found.shares[..., c], one.shares)
        np.testing.assert_array_equal(found.logit[:, c], one.logit)


def test_one_text_has_no_axis_of_texts_and_none_has_no_shares() -> None:
    cell, (x,) = random_network("gru", 5, 3, 0.8).cell(), texts([6], 3)
    one = nc.attribute(cell, x, np.ones(5))
    assert one.shares.shape == one.at_once.shape == (6,)
    assert one.by_layer.shape == (1, 6)
    assert one.logit.shape == one.change.shape == one.error.shape == ()
    assert repr(one) == "Attribution(one text, 6 steps; fixed point)"
    none = nc.attribute(cell, [], np.ones(5))
    assert none.shares.shape == (0, 0)
    assert repr(none) == "Attribution(0 texts, 0 steps; fixed point)"


def test_a_function_without_products_has_the_secants_of_its_cell() -> None:
    network = random_network("tanh", 5, 3, 0.8)
    w_i, w_h, b_i, b_h = (torch.from_numpy(array) for array in network.weights)
    cell = nc.from_function(lambda x, h: torch.tanh(x @ w_i.T + h @ w_h.T + b_i + b_h), 5, 3)
    inputs = texts([5, 2], 3)
    found = nc.attribute(cell, inputs, np.ones(5), baseline=np.ones(5))
    right = nc.attribute(network.cell(), inputs, np.ones(5), baseline=np.ones(5))
    np.testing.assert_allclose(found.shares, right.shares, atol=1e-12)
    np.testing.assert_allclose(found.at_once, right.at_once, atol=1e-12)


def test_a_function_is_attributed_by_its_mean_jacobians() -> None:
    torch.manual_seed(0)
    gru = torch.nn.GRUCell(3, 4).double()
    cell, inputs = nc.from_function(gru, 4, 3), texts([5, 2], 3)
    linear = nc.linearize(cell, np.zeros((1, 4)))
    options: Any = {"baseline": np.zeros(4)}
    found = nc.attribute(cell, inputs, np.ones(4), linearization=linear, **options)
    assert (found.error <= 1e-13).all()
    by_mode: Any = found.by_mode
    np.testing.assert_allclose(by_mode.sum(axis=-1), found.shares, atol=1e-12)
    ours = nc.attribute(nc.from_torch(gru), inputs, np.ones(4), **options)
    np.testing.assert_allclose(found.logit, ours.logit, atol=1e-12)
    np.testing.assert_allclose(found.shares, ours.shares, atol=0.02)  # products are shared alike


CELL = random_network("gru", 5, 3, 0.8).cell()
TEXT = texts([6], 3)[0]
W = np.ones(5)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([], TEXT, W), ValueError, "at least one layer"),
        ((5, TEXT, W), TypeError, "nullcline cell"),
        (([CELL, CELL], TEXT, W), ValueError, r"cells\[1\] reads 3 numbers"),
        (([CELL, nc.Stack([CELL])], TEXT, W), TypeError, "stack itself"),
        ((CELL, TEXT[:, :2], W), ValueError, r"inputs must have shape \(T, 3\)"),
        ((CELL, TEXT[None, None], W), ValueError, "inputs must have shape"),
        ((CELL, np.full((4, 3), np.nan), W), ValueError, "inputs must be finite"),
        ((CELL, [TEXT, TEXT[0, :2]], W), (TypeError, ValueError), r"inputs"),
        ((CELL, TEXT, np.ones(6)), ValueError, "readout must have shape"),
        ((CELL, TEXT, np.ones((1, 1, 5))), ValueError, "readout must have shape"),
        ((CELL, TEXT, np.full(5, np.inf)), ValueError, "readout must be finite"),
        ((CELL, "words", W), TypeError, "inputs"),
    ],
)
def test_bad_arguments_are_named(arguments: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        nc.attribute(*arguments)


@pytest.mark.parametrize(
    ("inputs", "options", "error", "message"),
    [
        (TEXT, {"lengths": [3]}, ValueError, "lengths must be None"),
        ([TEXT], {"lengths": [3]}, ValueError, "lengths must be None"),
        (TEXT[None], {"lengths": [7]}, ValueError, "between 0 and 6"),
        (TEXT[None], {"lengths": [-1]}, ValueError, "between 0 and 6"),
        (TEXT[None], {"lengths": [1.5]}, ValueError, "integers"),
        (TEXT, {"baseline": np.zeros(4)}, ValueError, "baseline must have shape"),
        (TEXT, {"baseline": np.full(5, np.nan)}, ValueError, "baseline must be finite"),
        (TEXT, {"baseline_input": np.zeros(2)}, ValueError, "baseline_input must"),
        (TEXT, {"initial_state": np.zeros((2, 5))}, ValueError, "initial_state must"),
        (TEXT, {"intercept": np.zeros(2)}, ValueError, "intercept must"),
        (TEXT, {"intercept": np.nan}, ValueError, "intercept must be finite"),
        (TEXT, {"linearization": 3}, TypeError, "Linearization"),
        (TEXT, {"linearization": [None, None]}, ValueError, "1 entries"),
        (
            TEXT,
            {"linearization": nc.linearize(CELL, np.zeros((2, 5)))},
            ValueError,
            "of one point",
        ),
        (
            TEXT,
            {"baseline": nc.find_fixed_points(CELL, np.zeros((2, 5)))},
            ValueError,
            "must be one point",
        ),
        (
            TEXT,
            {
                "baseline": nc.find_fixed_points(CELL, np.zeros((1, 5)), np.zeros(3)),
                "baseline_input": np.zeros(3),
            },
            ValueError,
            "carries its own input",
        ),
    ],
)
def test_bad_options_are_named(inputs: Any, options: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        nc.attribute(CELL, inputs, W, **options)


def test_types_are_not_mixed_unseen() -> None:
    single = random_network("gru", 5, 3).cell(np.float32)
    with pytest.raises(TypeError, match="inputs is float64 and the cell float32"):
        nc.attribute(single, TEXT, W.astype(np.float32))
    with pytest.raises(TypeError, match="readout is float64 and the cell float32"):
        nc.attribute(single, TEXT.astype(np.float32), W)
    with pytest.raises(TypeError, match="all of one type"):
        nc.attribute([single, random_network("gru", 4, 5).cell()], TEXT, W)
    assert nc.attribute(CELL, TEXT.astype(np.float32), W).error <= 1e-13


def test_a_network_whose_states_overflow_is_refused() -> None:
    cell = nc.LeakyRNN(np.eye(2), 1e200 * np.eye(2), alpha=1.0, activation="identity")
    bounded = nc.RNN(np.eye(2), np.eye(2))
    for cells in (cell, [cell, bounded]):
        with pytest.raises(ValueError, match="states must be finite"):
            nc.attribute(cells, np.ones((9, 2)), np.ones(2))


def test_modes_of_a_layer_with_two_directions_are_refused() -> None:
    cells = both_ways()
    with pytest.raises(ValueError, match="two directions"):
        nc.attribute(
            cells,
            TEXT,
            np.ones(5),
            linearization=[nc.linearize(cells[0].forward, np.zeros((1, 4))), None],
        )


def test_a_defective_mode_is_refused() -> None:
    cell = nc.LeakyRNN(np.eye(2), np.array([[0.5, 1], [0, 0.5]]), alpha=1, activation="identity")
    with pytest.raises(ValueError, match="defective"):
        nc.attribute(
            cell, np.ones((3, 2)), np.ones(2), linearization=nc.linearize(cell, np.zeros((1, 2)))
        )
