"""Steps of a certified trace are proved one by one, and none is taken that is not."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nullcline as nc
from nullcline.certify.arcs import Arc, ArcProver
from nullcline.certify.enclosure import enclosure_for
from nullcline.continuation import CurveStop, pseudo_arclength
from nullcline.continuation.extended_enclosure import ExtendedEnclosure
from nullcline.continuation.extended_map import ExtendedResidual, Saturation
from nullcline.continuation.proved_steps import ProvedSteps, arc_prover
from testing.every_cell import SMOOTH, random_network
from testing.gru_samples import cell_of, independent_units, outer_rest, seeds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


def traced(kind: str, size: int, gain: float, seed: int, *, beyond: bool = False) -> nc.Curve:
    cell = random_network(kind, size, 2, gain, seed).cell()
    points = nc.find_fixed_points(cell, np.zeros((1, cell.state_size)), np.full(2, 0.1))
    return nc.trace(cell, points, certified=True, beyond=beyond).curves[0]


@pytest.mark.parametrize("kind", SMOOTH)
def test_every_step_of_a_certified_trace_is_proved(kind: str) -> None:
    curve = traced(kind, 4, 1.5, 3)
    assert curve.tube is not None
    assert curve.tube.is_whole
    assert len(curve.tube) == len(curve) - 1 > 10
    np.testing.assert_array_equal(curve.tube.h, curve.cell.outputs_of(curve.h))
    np.testing.assert_array_equal(curve.tube.tau, curve.tau)
    assert (curve.tube.radius_exists <= curve.tube.radius_unique).all()
    assert repr(curve).endswith("; proved)")


def test_steps_are_as_long_as_their_proofs_allow() -> None:
    """Without proofs the steps of this curve are longer than what can be proved of them."""
    cell = random_network("lstm", 8, 2, 2.0, 1).cell()
    points = nc.find_fixed_points(cell, np.zeros((1, 16)))
    free = nc.trace(cell, points).curves[0]
    proved = nc.trace(cell, points, certified=True).curves[0]
    assert free.tube is None
    assert proved.tube is not None
    assert proved.ends == free.ends
    assert 2 * len(free) < len(proved) < 10 * len(free)
    prover = arc_prover(cell, None, free.direction, beyond=False)
    ends = np.column_stack([cell.outputs_of(free.h), free.tau])
    assert not all(prover.prove(a, b).is_proved for a, b in pairwise(ends))


@pytest.mark.parametrize("kind", ["tanh", "gru", "lstm"])
def test_a_fiber_is_proved_from_infinity_to_infinity(kind: str) -> None:
    curve = traced(kind, 2, 1.5, 3, beyond=True)
    assert curve.tube is not None
    assert curve.tube.is_whole
    assert curve.is_whole
    assert not curve.is_inside.all()
    assert curve.index_sum == 1


def test_a_closed_curve_is_proved_to_be_closed() -> None:
    cell = random_network("gru", 16, 2, 2.5, 2).cell()
    points = nc.find_fixed_points(cell, np.zeros((1, 16)))
    curve = nc.trace(cell, points, certified=True, beyond=True).curves[0]
    assert curve.ends == (CurveStop.CLOSED.value,) * 2
    assert curve.tube is not None
    assert curve.tube.is_whole
    np.testing.assert_array_equal(curve.tube.h[0], curve.tube.h[-1])


def test_at_a_branch_point_a_certified_curve_ends_and_says_so() -> None:
    """Two units that inhibit each other: on h = h' others cross, where nothing can be proved."""
    cell = nc.RNN(np.zeros((2, 1)), np.array([[2.5, -0.5], [-0.5, 2.5]]))
    symmetric = np.ones((1, 2)) / np.sqrt(2)
    free = nc.trace(cell, np.full(2, 0.0), directions=symmetric).curves[0]
    curve = nc.trace(cell, np.full(2, 0.0), directions=symmetric, certified=True).curves[0]
    assert len(free.branch_h) == 2
    assert curve.ends == (CurveStop.UNPROVED.value,) * 2
    assert curve.tube is not None
    assert curve.tube.is_whole
    np.testing.assert_allclose(
        np.sort(curve.h[[0, -1], 0]), np.sort(free.branch_h[:, 0]), atol=1e-2
    )
    assert np.abs(curve.h).max() < np.abs(free.branch_h).max()


def test_where_nothing_is_proved_no_step_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ArcProver, "prove", lambda _, a, b: Arc(a, b))
    curve = traced("tanh", 3, 1.2, 3)
    assert len(curve) == 1
    assert curve.tube is None
    assert curve.ends == (CurveStop.UNPROVED.value,) * 2


def test_a_step_that_is_refused_for_another_reason_leaves_no_arc(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refused, keeps = [0], pseudo_arclength._Walk._keeps_to_the_curve

    def keeps_at_times(walk: Any, *step: Any) -> bool:
        refused[0] += 1
        return refused[0] % 3 > 0 and keeps(walk, *step)

    monkeypatch.setattr(pseudo_arclength._Walk, "_keeps_to_the_curve", keeps_at_times)
    curve = traced("tanh", 3, 1.2, 3)
    assert refused[0] > 10
    assert curve.tube is not None
    np.testing.assert_array_equal(curve.tube.h, curve.h)


def test_a_step_to_another_curve_is_not_taken() -> None:
    """tanh(3 u) = u has the rests u, 0 and -u, and so the second unit's drive three curves."""
    cell = cell_of(independent_units(np.array([3.0, 0.5]), np.zeros(2)))
    u, direction = outer_rest(3.0), np.array([0.0, 1.0])

    def at(first: float, v: float) -> Array:
        return np.array([first, v, np.tanh(v / 2) - v])

    steps = ProvedSteps(arc_prover(cell, None, direction, beyond=False))
    assert steps.takes(at(u, 0.0), at(u, 0.1))
    assert not steps.takes(at(u, 0.1), at(0.0, 0.2))
    assert not steps.takes(at(0.0, 0.1), at(0.0, 0.2))  # proved, but not joined with the first
    assert not steps.takes(at(u, 0.1), at(u, 0.2), closes=True)
    assert steps.takes(at(u, 0.1), at(u, 0.2))
    assert len(steps.arcs) == 2


# Beyond the box


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["tanh", "gru", "lstm", "mgu", "leaky"]), st.integers(1, 3), seeds)
def test_the_extended_residual_is_enclosed_within_and_beyond_the_box(
    kind: str, size: int, seed: int
) -> None:
    """Against the same in float64, whose own rounding is a few units."""
    cell = random_network(kind, size, 2, 2.0, seed).cell()
    box = cell.box_at(None)
    bounded = np.isfinite(box.low) & np.isfinite(box.high)
    rng = np.random.default_rng(seed)
    h = np.where(bounded, 1.5, 1.0) * rng.uniform(-1, 1, size)
    saturation = Saturation(box)
    enclose = enclosure_for(cell)
    at = ExtendedEnclosure(lambda outputs: enclose(outputs, None), saturation, h)
    true = ExtendedResidual(cell, None, saturation)
    off = np.abs(true.residual(h) - at.residual.middle)
    assert (off <= at.residual.radius + 1e-13).all()
    assert (at.residual.radius < 1e-11).all()
    assert (np.abs(true.jacobian(h) - at.jacobian) <= at.jacobian_error + 1e-12).all()
    assert at.jacobian_error.max() < 1e-9
    within = float(rng.choice([1e-6, 1e-2, 0.3]))
    for v, w in ((None, None), (rng.normal(size=size), rng.normal(size=size))):
        bound = at.curvature(within, v, w)
        for _ in range(20):
            there = h + 0.99 * within * rng.uniform(-1, 1, size)
            along = np.sign(rng.normal(size=size)) if v is None else v
            onto = np.sign(rng.normal(size=size)) if w is None else w
            step = min(1e-5, 1e-3 * within)
            change = true.jacobian(there + step * along) - true.jacobian(there - step * along)
            second = change @ onto / (2 * step)
            assert (np.abs(second) <= bound * (1 + 1e-3) + 1e-4 * (1 + bound.max())).all()


# What is refused


def test_cells_whose_curves_cannot_be_proved_are_refused() -> None:
    gru = random_network("gru", 3, 2, 1.0, 3).cell()
    with pytest.raises(TypeError, match="certified must be False for a stack"):
        nc.trace(nc.Stack([gru]), np.zeros(3), certified=True)
    wide = nc.LeakyRNN(np.zeros((4097, 1)), (np.zeros((4097, 1)),) * 2, alpha=0.5)
    with pytest.raises(ValueError, match="more than 4096 units"):
        nc.trace(wide, np.zeros(4097), certified=True)
