"""How far Jacobians and their eigenvalues may be off is told where terms cancel, too."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from flint import arb
from hypothesis import given, settings
from hypothesis import strategies as st

import nullcline as nc
from nullcline.certify.jacobian_rounding import jacobian_rounding
from nullcline.cycles.evaluation import Driven
from nullcline.cycles.multipliers import multipliers
from testing import ball_reference
from testing.every_cell import SMOOTH, Network, random_network
from testing.gru_samples import seeds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

ZERO = np.zeros(1)


def multiplier(network: Network) -> tuple[float, float]:
    """Return the fixed point that zero leads to, of one unit, and ∂F/∂h there."""
    cell = network.cell()
    h = nc.find_fixed_points(cell, np.zeros((1, 1)), ZERO).h
    return float(h[0, 0]), float(cell.jacobian(h, ZERO)[0, 0, 0])


def cancelling(kind: str, seed: int, size: float) -> Network | None:
    """Return a network of one unit whose multiplier is a difference of this size, by bisection."""
    network = random_network(kind, 1, 1, 3.0, seed)

    def at(scale: float) -> tuple[Network, float]:
        scaled = replace(network, weight_hh=scale * network.weight_hh)
        return scaled, multiplier(scaled)[1]

    scales = np.linspace(-8, 8, 17)
    signs = np.array([at(scale)[1] > 0 for scale in scales])
    changes = np.flatnonzero(signs[:-1] != signs[1:])
    if len(changes) == 0:
        return None
    low, high, is_above = scales[changes[0]], scales[changes[0] + 1], signs[changes[0]]
    found, value = at(low)
    for _ in range(60):
        middle = (low + high) / 2
        found, value = at(middle)
        if abs(value) < size:
            break
        low, high = (middle, high) if (value > 0) == is_above else (low, middle)
    return found


@pytest.mark.parametrize("kind", [kind for kind in SMOOTH if kind != "lstm"])
def test_a_multiplier_of_terms_that_cancel_is_off_by_no_more_than_its_error(kind: str) -> None:
    """Relative to its terms, not to itself: down to zero, of which nothing is relative."""
    n_tried = 0
    for seed in range(12):
        network = cancelling(kind, seed, 10.0 ** (-8 - 4 * (seed % 3)))
        if network is None:
            continue
        n_tried += 1
        h, _ = multiplier(network)
        outputs = ball_reference.polish(network, np.array([h]), ZERO)
        true = ball_reference.step_jacobian(network, outputs, ZERO)[0, 0]
        points = nc.find_fixed_points(network.cell(), np.array([[h]]), ZERO)
        modes, proof = nc.linearize(network.cell(), points), points.certify()
        cycle = multipliers(Driven.of(network.cell(), ZERO, 1), points.h.astype(float), 0.0)
        for value, error in (
            (modes.eigenvalues[0, 0], modes.eigenvalue_errors[0, 0]),
            (modes.eigenvalues[0, 0], proof.eigenvalue_error[0]),
            (cycle.values[0], cycle.errors[0]),
        ):
            assert abs(true - arb(float(value.real))) <= arb(float(error))
            assert error < 1e-12
    assert n_tried >= 6


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(SMOOTH),
    st.integers(1, 4),
    st.sampled_from([0.5, 3.0, 30.0]),
    st.sampled_from([np.float64, np.float32]),
    seeds,
)
def test_the_bound_of_a_jacobians_error_holds_at_any_state(
    kind: str, size: int, gain: float, dtype: type, seed: int
) -> None:
    network = random_network(kind, size, 2, gain, seed)
    if dtype == np.float32:
        if kind in {"leaky", "rate"}:
            return  # the reference adds their biases, and has their leaks, in float64
        network = Network(
            kind, *(part.astype(np.float32).astype(float) for part in network.weights)
        )
    cell = network.cell(dtype)
    rng = np.random.default_rng(seed)
    state: Any = rng.uniform(-1, 1, network.state_size).astype(dtype)
    x: Any = rng.normal(size=2).astype(dtype)
    jacobian = cell.jacobian(state[None], x)[0].astype(float)
    exact = ball_reference.exact(state.astype(float))
    true = ball_reference.step_jacobian(network, exact, x.astype(float)).entries()
    square = sum((t - arb(float(j))) ** 2 for t, j in zip(true, jacobian.ravel(), strict=True))
    bound = jacobian_rounding(cell)(state.astype(float), x, jacobian)
    assert square <= arb(bound) ** 2 * len(state)
    assert bound < 1e4 * np.finfo(dtype).eps * (1 + gain) ** 2 * size


def test_what_is_not_enclosed_is_off_by_units_of_its_own_rounding() -> None:
    stack = nc.Stack([random_network("gru", 2, 2, 1.0, seed).cell() for seed in (0, 1)])
    units = jacobian_rounding(stack)
    assert units(np.zeros(4), None, np.zeros((4, 4))) == 4 * np.finfo(float).eps
    assert units(np.zeros(4), None, np.diag([10.0] * 4)) >= 40 * np.finfo(float).eps
