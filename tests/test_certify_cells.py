"""Every smooth cell's equations are enclosed, and its fixed points proved, by 400 bits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from flint import arb, arb_mat
from hypothesis import given, settings
from hypothesis import strategies as st

import nullcline as nc
from nullcline._native import _core
from nullcline.certify.balls import Ball
from nullcline.certify.enclosure import enclosure_for
from testing import ball_reference
from testing.every_cell import EVERY_KIND, SMOOTH, Network, random_network
from testing.gru_samples import seeds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

kinds = st.sampled_from(SMOOTH)
gains = st.sampled_from([0.5, 1.5, 4.0])
widths = st.sampled_from([0.0, 1e-9, 1e-3, 0.1, 1.0])


def holds(ball: Ball, exact: list[Any]) -> bool:
    """Whether balls of 400 bits lie in the enclosure, each of them."""
    bounds = zip(ball.middle.ravel(), ball.radius.ravel(), exact, strict=True)
    return all(abs(true - arb(float(m))) <= arb(float(r)) for m, r, true in bounds)


def exact(values: Array) -> list[Any]:
    return ball_reference.exact(values.ravel())


def points_of(network: Network, x: Array, n_starts: int = 12) -> nc.FixedPoints:
    starts = np.random.default_rng(0).uniform(-1, 1, (n_starts, network.state_size))
    return nc.find_fixed_points(network.cell(), starts, x).unique().select("fixed")


# What is enclosed


@settings(max_examples=40)
@given(kinds, st.integers(1, 3), gains, seeds)
def test_residual_and_jacobians_are_enclosed_at_a_state(
    kind: str, size: int, gain: float, seed: int
) -> None:
    network = random_network(kind, size, 2, gain, seed)
    rng = np.random.default_rng(seed)
    h, x = rng.uniform(-1, 1, size), rng.normal(size=2)
    at = enclosure_for(network.cell())(h, x)
    outputs = ball_reference.exact(h)
    residual, jacobian = ball_reference.residual_and_jacobian(network, outputs, x)
    state = ball_reference.equilibrium(network, outputs, x)
    assert holds(at.residual, residual)
    assert holds(Ball(at.jacobian, at.jacobian_error), jacobian.entries())
    assert holds(at.states(0.0), state)
    whole = ball_reference.step_jacobian(network, state, x)
    assert holds(at.step_jacobian(0.0), whole.entries())
    if gain < 4:  # no gate is all but closed, which an LSTM divides by
        assert (at.residual.radius < 1e-12 * (1 + np.abs(at.residual.middle))).all()
        assert at.jacobian_error.max() < 1e-10


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("is_low_rank", [False, True])
def test_long_sums_that_cancel_hold_the_truth(seed: int, is_low_rank: bool) -> None:
    """Linear units, behind whose rounding no function's hides: exact in rational numbers."""
    rng, size = np.random.default_rng(seed), 60
    h, x = rng.normal(size=size), rng.normal(size=size)
    left, right = 1e3 * rng.normal(size=(size, 7)), rng.normal(size=(size, 7))
    inputs, bias = 1e6 * rng.normal(size=(size, size)), rng.normal(size=size)
    recurrent: Any = (left, right) if is_low_rank else 1e6 * rng.normal(size=(size, size))
    if not is_low_rank:
        recurrent[:, -1] = -(recurrent[:, :-1] @ h[:-1]) / h[-1]
    inputs[:, -1] = -(inputs[:, :-1] @ x[:-1]) / x[-1]
    cell = nc.LeakyRNN(inputs, recurrent, bias, alpha=1.0, activation="identity")
    at = enclosure_for(cell)(h, x)
    read = arb_mat(size, size, exact(inputs)) * arb_mat(size, 1, exact(x))
    weights = arb_mat(size, size, exact(recurrent)) if not is_low_rank else None
    if weights is None:
        factors = arb_mat(size, 7, exact(left)), arb_mat(size, 7, exact(right))
        weights = factors[0] * factors[1].transpose()
    sums = weights * arb_mat(size, 1, exact(h)) + read + arb_mat(size, 1, exact(bias))
    residual = sums - arb_mat(size, 1, exact(h))
    assert holds(at.residual, residual.entries())
    eye = arb_mat(size, size, exact(np.eye(size)))
    assert holds(Ball(at.jacobian, at.jacobian_error), (weights - eye).entries())


@settings(max_examples=60)
@given(kinds, st.integers(1, 5), gains, widths, seeds)
def test_what_is_enclosed_over_a_box_holds_at_states_drawn_within(
    kind: str, size: int, gain: float, width: float, seed: int
) -> None:
    """Inputs of a ball as well; sums of floats may miss by their own rounding."""
    cell = random_network(kind, size, 2, gain, seed).cell()
    rng = np.random.default_rng(seed)
    h, x, reach = rng.uniform(-1, 1, size), rng.normal(size=2), 0.3 * width
    at = enclosure_for(cell)(h, Ball(x, np.full(2, reach)))
    inside = np.clip(rng.uniform(-1.5, 1.5, (50, size)), -1, 1)  # many at the box's faces
    inputs = x + reach * rng.uniform(-1, 1, (50, 2))
    states = cell.state_of(h + width * inside, inputs)

    def encloses(ball: Ball, values: Array) -> bool:
        slack = 1e-12 * (1 + np.abs(values))
        return bool((np.abs(values - ball.middle) <= ball.radius + slack).all())

    assert encloses(at.states(width), states)
    assert encloses(at.step_jacobian(width), cell.jacobian(states, inputs))


@settings(max_examples=60, deadline=None)
@given(kinds, st.integers(1, 3), st.sampled_from([0.5, 5.0, 50.0]), st.integers(-12, 2), seeds)
def test_boxes_of_any_width_hold_the_truth_of_400_bits(
    kind: str, size: int, gain: float, exponent: int, seed: int
) -> None:
    """Wide, saturated and far from the cell's own box, at corners and within; to the last bit."""
    network = random_network(kind, size, 2, gain, seed)
    known: Any = network.cell()
    core, rng = _core.CellEnclosure(*known.exact_weights()), np.random.default_rng(seed)
    width, x = 10.0**exponent, 3 * rng.normal(size=2)
    state = 2 * rng.uniform(-1, 1, network.state_size)
    low, high = state - width * rng.uniform(size=state.shape), state + width
    drive = core.drive(x, x)
    outputs = slice(0, size)
    reduced = core.linearize(True, low[outputs], high[outputs], *drive)
    whole = core.linearize(False, low, high, *drive)
    for place in rng.choice([0.0, 0.5, 1.0], (3, network.state_size)):
        inside = np.clip(low + place * (high - low), low, high)
        there = ball_reference.exact(inside)
        residual, jacobian = ball_reference.residual_and_jacobian(network, there[:size], x)
        assert lies_between(*reduced[:2], residual)
        assert lies_within(*reduced[2:], jacobian.entries())
        step = ball_reference.step_jacobian(network, there, x).entries()
        own = [value - int(i % (len(inside) + 1) == 0) for i, value in enumerate(step)]
        assert lies_within(*whole[2:], own)


def lies_between(low: Array, high: Array, exact: list[Any]) -> bool:
    """Whether numbers of 400 bits lie between ends, where these are known."""
    return all(
        not (true < arb(float(a)) or true > arb(float(b)))
        for a, b, true in zip(low, high, exact, strict=True)
        if not (np.isnan(a) or np.isnan(b))
    )


def lies_within(middle: Array, radius: Array, exact: list[Any]) -> bool:
    """Whether numbers of 400 bits lie within radii, where these are known."""
    bounds = zip(middle.ravel(), radius.ravel(), exact, strict=True)
    return all(
        not abs(true - arb(float(m))) > arb(float(r))
        for m, r, true in bounds
        if np.isfinite(m) and np.isfinite(r)
    )


@settings(max_examples=60)
@given(kinds, st.integers(1, 4), gains, st.sampled_from([1.0, 0.1, 1e-3]), seeds)
def test_the_jacobian_changes_no_faster_than_the_curvature(
    kind: str, size: int, gain: float, within: float, seed: int
) -> None:
    cell = random_network(kind, size, 2, gain, seed).cell()
    rng = np.random.default_rng(seed)
    h, x = rng.uniform(-1, 1, size), np.zeros(2)
    curvature = enclosure_for(cell)(h, None).curvature(within)
    corners = h + within * np.sign(rng.normal(size=(20, size)))
    for first, second in zip(corners, h + 0.9 * (corners[::-1] - h), strict=True):
        pair = cell.residual_jacobian(np.stack([first, second]), x)
        changes = np.abs(pair[0] - pair[1]).sum(axis=1)
        distance = np.abs(first - second).max()
        assert (changes <= curvature * distance * (1 + 1e-9) + 1e-12 * (1 + curvature)).all()


@settings(max_examples=60)
@given(kinds, st.integers(1, 4), gains, st.booleans(), seeds)
def test_second_derivatives_along_directions_are_bounded(
    kind: str, size: int, gain: float, is_bilinear: bool, seed: int
) -> None:
    """By differences of the Jacobian, at a state that is not the middle of the ball."""
    cell = random_network(kind, size, 2, gain, seed).cell()
    rng = np.random.default_rng(seed)
    h, x, v = rng.uniform(-1, 1, size), np.zeros(2), rng.normal(size=size)
    w = rng.normal(size=size) if is_bilinear else np.sign(rng.normal(size=size))
    bound = enclosure_for(cell)(h, None).curvature(0.01, v, w if is_bilinear else None)
    at, step = h + 0.009 * rng.uniform(-1, 1, size), 1e-4 * v
    forward, backward = cell.residual_jacobian(np.stack([at + step, at - step]), x)
    second = (forward - backward) @ w / 2e-4
    assert (np.abs(second) <= bound * (1 + 1e-3) + 1e-5 * (1 + bound.max())).all()


# What is proved


@settings(max_examples=40, deadline=None)
@given(kinds, st.integers(1, 3), gains, st.booleans(), seeds)
def test_the_true_fixed_point_and_its_spectrum_are_where_they_are_proved_to_be(
    kind: str, size: int, gain: float, driven: bool, seed: int
) -> None:
    network = random_network(kind, size, 2, gain, seed)
    x = np.random.default_rng(seed).normal(size=2) * driven
    points = points_of(network, x)
    certificates = points.certify()
    counts, errors = certificates.n_unstable, certificates.eigenvalue_error
    for i in np.flatnonzero(certificates.certified):
        outputs = ball_reference.polish(network, points.h[i, :size].astype(np.float64), x)
        state = ball_reference.equilibrium(network, outputs, x)
        near = Ball(points.h[i], np.full(len(state), certificates.radius_exists[i]))
        assert holds(near, state)
        jacobian = ball_reference.step_jacobian(network, state, x)
        true = ball_reference.eigenvalues(jacobian)
        found = np.linalg.eigvals(network.cell().jacobian(points.h[i : i + 1], x)[0])
        if np.isfinite(errors[i]):
            distances = [min(abs(complex(value) - found)) for value in true]
            assert max(distances) <= errors[i] + 1e-12
        if counts[i] >= 0:
            assert counts[i] == sum(bool(abs(value) > 1) for value in true)
        _, inner = ball_reference.residual_and_jacobian(network, outputs, x)
        assert certificates.index[i] == (1 if (-inner).det() > 0 else -1)


@pytest.mark.parametrize("kind", SMOOTH)
def test_every_fixed_point_of_a_small_network_is_certified(kind: str) -> None:
    points = points_of(random_network(kind, 12, 2, 1.2, 3), np.ones(2), 40)
    certificates = points.certify()
    assert len(points) > 0
    assert certificates.certified.all()
    assert (certificates.radius_exists < 1e-10).all()
    assert (certificates.radius_unique > 1e-4).all()
    np.testing.assert_array_equal(certificates.index, points.index)
    assert (certificates.n_unstable >= 0).all()


@pytest.mark.parametrize("kind", SMOOTH)
def test_a_float32_cell_is_certified_as_the_network_with_these_weights(kind: str) -> None:
    network = random_network(kind, 2, 2, 1.2, 4)
    cell = network.cell(np.float32)
    starts = np.random.default_rng(0).uniform(-1, 1, (4, network.state_size))
    points = nc.find_fixed_points(cell, starts.astype(np.float32)).unique().select("fixed")
    certificates = points.certify()
    assert certificates.certified.all()
    if kind in {"leaky", "rate"}:
        return  # the reference adds their biases, and has their leaks, in float64
    arrays = [array.astype(np.float32).astype(float) for array in network.weights]
    single = Network(kind, *arrays)
    for i, h in enumerate(points.h.astype(np.float64)):
        outputs = ball_reference.polish(single, h[:2], np.zeros(2))
        state = ball_reference.equilibrium(single, outputs, np.zeros(2))
        assert holds(Ball(h, np.full(len(h), certificates.radius_exists[i])), state)


def test_a_recurrence_of_low_rank_is_certified_as_the_product_of_its_factors() -> None:
    rng = np.random.default_rng(0)
    m, n = rng.normal(size=(2, 30, 2))
    cell = nc.RateRNN(np.zeros((30, 1)), (m, n / 10), alpha=0.1)
    points = nc.find_fixed_points(cell, rng.normal(size=(40, 30))).unique().select("fixed")
    certificates = points.certify()
    assert certificates.certified.all()
    assert points.certify(nc.RateRNN(np.zeros((30, 1)), m @ n.T / 10, alpha=0.1)).certified.all()
    at = enclosure_for(cell)(points.h[0], None)
    exact = [ball_reference.exact(row) for row in (m, n / 10)[0]]
    other = [ball_reference.exact(row) for row in n / 10]
    tanh = [h.tanh() for h in ball_reference.exact(points.h[0])]
    latent = [sum((other[j][k] * tanh[j] for j in range(30)), arb(0)) for k in range(2)]
    own = ball_reference.exact(points.h[0])
    residual = [exact[i][0] * latent[0] + exact[i][1] * latent[1] - own[i] for i in range(30)]
    assert holds(at.residual, residual)


@pytest.fixture
def flushed() -> Iterator[None]:
    """Zeros in place of subnormal numbers, as a caller may have set for its thread."""
    torch.set_flush_denormal(True)
    yield
    torch.set_flush_denormal(False)


@pytest.mark.usefixtures("flushed")
def test_what_is_enclosed_does_not_depend_on_the_callers_arithmetic() -> None:
    """A weight below the least normal number, times a large input, is as large as others."""
    weight_ih, x = np.array([[2.0**-1040]]), np.array([2.0**1000])
    cell = nc.RNN(weight_ih, np.zeros((1, 1)), np.zeros(1))
    at = enclosure_for(cell)(np.zeros(1), x)
    assert abs(at.residual.middle[0] - 2.0**-40) <= at.residual.radius[0] + 2.0**-100
    found = nc.enumerate_fixed_points(cell, x)
    assert found.complete
    assert abs(found.points.h[0, 0] - 2.0**-40) <= found.radius_exists[0] + 2.0**-100


# What a second opinion notices


@pytest.mark.parametrize("kind", SMOOTH)
def test_a_wrong_entry_and_a_radius_too_small_are_noticed(kind: str) -> None:
    network = random_network(kind, 3, 2, 1.0, 5)
    h, x = np.array([0.1, -0.3, 0.7]), np.array([0.5, -1.0])
    at = enclosure_for(network.cell())(h, x)
    residual, jacobian = ball_reference.residual_and_jacobian(network, ball_reference.exact(h), x)
    wrong = at.jacobian.copy()
    wrong[1, 2] *= 1 + 1e-12
    wrong[1, 2] += 1e-12
    assert not holds(Ball(wrong, at.jacobian_error), jacobian.entries())
    assert not holds(Ball(at.residual.middle, at.residual.radius * 1e-4), residual)
    points = points_of(network, x)
    exists = points.certify().radius_exists
    truth = ball_reference.equilibrium(
        network, ball_reference.polish(network, points.h[0, :3].astype(np.float64), x), x
    )
    size = len(truth)
    assert holds(Ball(points.h[0], np.full(size, exists[0])), truth)
    moved = points.h[0] + 2 * exists[0]
    assert not holds(Ball(moved, np.full(size, exists[0] * 1e-3)), truth)


@pytest.mark.parametrize("kind", SMOOTH)
def test_a_point_moved_away_is_refused_or_said_to_be_as_far_as_it_is(kind: str) -> None:
    points = points_of(random_network(kind, 6, 2, 1.2, 3), np.ones(2), 40)
    sides = np.sign(np.random.default_rng(0).normal(size=points.h.shape))
    for far in (1e-9, 1e-5, 1e-2, 0.5, 3.0):
        certificates = replace(points, h=points.h + far * sides).certify()
        proved = certificates.certified
        assert (certificates.radius_exists[proved] >= 0.99 * far).all()
        if far < 1e-4:
            assert proved.all()
        if far > 1:
            assert not proved.any()


# Stacks


def two_layers(kind: str, seed: int = 0, gain: float = 1.3) -> nc.Stack:
    below, above = (
        random_network(kind, 5, 2, gain, seed),
        random_network(kind, 4, 5, gain, seed + 1),
    )
    return nc.Stack([below.cell(), above.cell()])


@pytest.mark.parametrize("kind", ["gru", "lstm", "ugrnn"])
def test_a_stack_is_certified_layer_by_layer(kind: str) -> None:
    stack = two_layers(kind)
    starts = np.random.default_rng(0).uniform(-1, 1, (20, stack.state_size))
    points = nc.find_fixed_points(stack, starts, np.ones(2)).unique().select("fixed")
    certificates = points.certify()
    assert certificates.certified.all()
    assert (certificates.radius_exists < 1e-12).all()
    assert certificates.output_radii.shape == (len(points), 2)
    modes = nc.linearize(stack, points)
    np.testing.assert_array_equal(
        certificates.n_unstable, (np.abs(modes.eigenvalues) > 1).sum(axis=1)
    )
    np.testing.assert_array_equal(certificates.index, points.index)
    # The upper layer, alone and at the input that floating point says it reads.
    for own in nc.layer_points(stack, points):
        assert (own.certify().radius_unique >= 0.99 * certificates.radius_unique).all()


@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_the_true_joint_fixed_point_is_where_it_is_proved_to_be(kind: str) -> None:
    """The upper layer's at the exact output of the lower one."""
    networks = [random_network(kind, 2, 2, 1.3, seed) for seed in (0, 1)]
    stack = nc.Stack([network.cell() for network in networks])
    points = nc.find_fixed_points(stack, np.zeros((1, stack.state_size)), np.ones(2))
    proof = points.certify()
    assert proof.certified.all()
    read: Any = np.ones(2)
    truth: list[Any] = []
    for network, own in zip(networks, stack.split(points.h), strict=True):
        outputs = ball_reference.polish(network, own[0, :2].astype(np.float64), read)
        truth += ball_reference.equilibrium(network, outputs, read)
        read = outputs
    assert holds(Ball(points.h[0], np.full(len(truth), proof.radius_exists[0])), truth)


def test_a_pair_of_directions_is_certified_with_what_reads_both() -> None:
    forward, backward = (random_network("gru", 3, 2, 1.2, seed).cell() for seed in (1, 2))
    above = random_network("gru", 4, 6, 1.2, 3).cell()
    stack = nc.Stack([nc.Bidirectional(forward, backward), above])
    points = nc.find_fixed_points(stack, np.zeros((1, 10)), np.ones(2)).select("fixed")
    certificates = points.certify()
    assert certificates.certified.all()
    assert certificates.output_radii.shape == (1, 3)


def test_each_layers_radius_counts_and_the_upper_ones_with_what_the_lower_may_put_out() -> None:
    stack = two_layers("gru")
    points = nc.find_fixed_points(stack, np.zeros((1, 9)), np.ones(2)).select("fixed")
    h = points.h.copy()
    h[0, 8] += 1e-6
    assert replace(points, h=h).certify().radius_exists[0] >= 0.99e-6
    upper = stack.cells[1]
    h = points.h.copy()
    h[:, :5] += 1e-5
    h[:, 5:] = nc.find_fixed_points(upper, h[:, 5:], h[0, :5]).h  # where it rests at that input
    proof = replace(points, h=h).certify()
    assert proof.certified.all()
    moved = np.abs(h[:, 5:] - points.h[:, 5:]).max()
    assert moved > 1e-6
    assert proof.output_radii[0, 0] >= 0.99e-5
    assert proof.output_radii[0, 1] >= 0.99 * moved


def test_a_stack_of_which_one_layer_is_moved_is_refused() -> None:
    stack = two_layers("gru")
    points = nc.find_fixed_points(stack, np.zeros((1, 9)), np.ones(2)).select("fixed")
    for unit in (0, 8):
        h = points.h.copy()
        h[0, unit] += 0.5
        assert not replace(points, h=h).certify().certified.any()


# What is refused


def test_an_lstm_is_refused_where_its_c_is_moved_and_its_h_is_not() -> None:
    network = random_network("lstm", 4, 2, 1.0, 0)
    points = points_of(network, np.zeros(2))
    assert points.certify().certified.all()
    h = points.h.copy()
    h[:, 6] += 0.5
    certificates = replace(points, h=h).certify()
    assert not certificates.certified.any()
    h[:, 6] -= 0.5 - 1e-6  # near enough, and said to be as far as it is
    certificates = replace(points, h=h).certify()
    assert certificates.certified.all()
    assert (certificates.radius_exists >= 0.99e-6).all()


def test_what_has_kinks_is_refused_with_the_reason() -> None:
    starts = np.zeros((1, 3))
    relu = EVERY_KIND["relu"].make(*random_network("relu", 3, 2, 0.5).weights)
    points = nc.find_fixed_points(relu, starts)
    with pytest.raises(TypeError, match="this RNN cannot be certified: an activation has a kink"):
        points.certify()
    mixed = nc.LeakyRNN(
        np.zeros((3, 1)), np.eye(3) / 2, alpha=0.5, activation=["tanh", "hard_tanh", "tanh"]
    )
    with pytest.raises(TypeError, match="this LeakyRNN cannot be certified"):
        nc.find_fixed_points(mixed, starts).certify()
    stack = nc.Stack([random_network("gru", 3, 2).cell(), relu_above()])
    with pytest.raises(TypeError, match="this RNN cannot be certified"):
        nc.find_fixed_points(stack, np.zeros((1, 5))).certify()


def relu_above() -> nc.RNN:
    return nc.RNN(np.ones((2, 3)), np.eye(2) / 2, nonlinearity="relu")


def test_a_function_is_refused_with_the_reason() -> None:
    def halve(h: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return torch.tanh(h / 2 + x)

    cell = nc.from_function(halve, 2, 2)
    points = nc.find_fixed_points(cell, np.zeros((1, 2)))
    with pytest.raises(TypeError, match="the core does not know its equations"):
        points.certify()
