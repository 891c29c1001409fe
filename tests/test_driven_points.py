"""A layer's points where the layers below rest are those of the network at rest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq

import nullcline as nc
from nullcline.study.completion import complete
from nullcline.study.driven_points import points_of_joint_stack
from nullcline.study.settings import AnalysisSettings
from nullcline.study.states import SampledStates
from testing.every_cell import random_network
from testing.gru_samples import cell_of, independent_units, outer_rest

SETTINGS = AnalysisSettings(n_starts=40, n_threads=1)


def states(size: int, seed: int = 0) -> SampledStates:
    sample = np.random.default_rng(seed).uniform(-0.9, 0.9, (40, size))
    return SampledStates(sample, sample, sample, np.zeros(40, np.int64))


def unit(slope: float, weight: float = 0.0) -> nc.GRU:
    """Return one unit of n = tanh(slope h + weight x)."""
    gru = independent_units(np.array([slope]), np.zeros(1))
    gru.weight_ih[2, 0] = weight
    return cell_of(gru)


def rests(slope: float, drive: float) -> list[float]:
    """Return every h with h = tanh(slope h + drive), for a slope below 1 the only one."""
    return [brentq(lambda h: np.tanh(slope * h + drive) - h, -1, 1, xtol=1e-14)]


def test_a_layer_has_its_points_at_each_point_of_the_layers_below() -> None:
    """Below a unit of three points; above, two layers of one point at each input."""
    cells = [unit(2.0), unit(0.5, 0.7), unit(0.25, -1.0)]
    first, second, third = points_of_joint_stack(cells, [states(1, i) for i in range(3)], SETTINGS)
    assert first is None
    assert second is not None
    assert third is not None
    below = np.array([-outer_rest(2.0), 0.0, outer_rest(2.0)])
    order = np.argsort(second.inputs[:, 0])
    np.testing.assert_allclose(second.inputs[order, 0], below, atol=1e-12)
    middle = np.array([rests(0.5, 0.7 * h)[0] for h in below])
    np.testing.assert_allclose(second.h[order, 0], middle, atol=1e-12)
    order = np.argsort(third.inputs[:, 0])
    np.testing.assert_allclose(third.inputs[order, 0], middle, atol=1e-12)
    np.testing.assert_allclose(third.h[order, 0], [rests(0.25, -h)[0] for h in middle], atol=1e-12)
    for points in (second, third):
        assert points.kind.tolist() == ["fixed"] * 3
        assert points.completeness().is_consistent  # one by one, at each input
        assert points.count.sum() == 40
    assert third.cell is cells[2]


def test_points_of_a_layer_are_joint_points_of_the_stack() -> None:
    cells = [random_network("gru", 5, 3, 1.6, seed).cell() for seed in (0,)]
    cells += [random_network("gru", 5, 5, 1.6, 1).cell()]
    _, upper = points_of_joint_stack(cells, [states(5), states(5, 1)], SETTINGS)
    assert upper is not None
    all_below, _ = complete(
        cells[0], nc.find_fixed_points(cells[0], states(5).sample, tol_slow=1e-3), SETTINGS
    )
    rest = all_below.select("fixed").h
    inputs = np.unique(upper.inputs, axis=0)
    gaps = np.abs(inputs[:, None] - rest).max(axis=2)
    assert len(inputs) == len(rest)
    assert gaps.min(axis=1).max() < 1e-9
    fixed = upper.select("fixed")
    np.testing.assert_allclose(cells[1].step(fixed.h, fixed.inputs), fixed.h, atol=1e-9)


def test_a_lower_layer_that_does_not_rest_drives_no_point() -> None:
    """Its slow point is no input that the layer above goes on receiving."""
    fold = np.arctanh(np.sqrt(0.5)) - 2 * np.sqrt(0.5)
    below = cell_of(independent_units(np.array([2.0]), np.array([1e-3 - fold])))
    _, upper = points_of_joint_stack([below, unit(0.5, 0.7)], [states(1), states(1, 1)], SETTINGS)
    assert upper is not None
    assert len(upper) == 1
    assert upper.inputs[0, 0] > 0.9
    assert 0 < upper.count[0] < 40  # those that end at the ghost are not counted


@pytest.mark.parametrize("kind", ["gru", "lstm", "ugrnn", "tanh"])
def test_one_layer_is_driven_by_none(kind: str) -> None:
    cell: Any = random_network(kind, 4, 3, 1.0, 0).cell()
    assert points_of_joint_stack([cell], [states(cell.state_size)], SETTINGS) == [None]


@pytest.mark.parametrize("kind", ["lstm", "ugrnn", "tanh"])
def test_every_cell_is_searched_jointly(kind: str) -> None:
    below, above = (random_network(kind, 4, n, 0.9, n).cell() for n in (3, 4))
    visited = [states(cell.state_size, i) for i, cell in enumerate((below, above))]
    _, upper = points_of_joint_stack([below, above], visited, SETTINGS)
    assert upper is not None
    assert len(upper) > 0
    np.testing.assert_allclose(above.step(upper.h, upper.inputs), upper.h, atol=1e-9)


def test_points_at_an_input_are_completed_at_that_input() -> None:
    """At input 0.1 the unit of slope 2 has three points, of which its starts find one."""
    cell, given = unit(2.0, 1.0), np.array([0.1])
    ends = nc.find_fixed_points(cell, np.full((3, 1), 0.9), given)
    unique, how = complete(cell, ends, SETTINGS, inputs=given)
    np.testing.assert_allclose(cell.step(unique.h, given), unique.h, atol=1e-12)
    assert sorted(unique.count.tolist()) == [0, 0, 3]
    assert how[0] == "search"
    assert (unique.inputs == 0.1).all()
