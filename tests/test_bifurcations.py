"""Bifurcations lie where calculus puts them, and branches that cross are followed."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

import nullcline as nc
from nullcline.continuation import Bifurcation, input_branch
from testing.site import DOCS
from testing.symmetric import ODD_KINDS, branch_points_of_zero, odd_network, random_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray


def tanh_network(weights: NDArray[np.float64]) -> nc.RNN:
    """Return h' = tanh(W h + x)."""
    size = len(weights)
    return nc.RNN(np.eye(size), weights)


def gain_network(weights: NDArray[np.float64]) -> nc.FunctionCell:
    """Return h' = tanh(x W h), whose eigenvalues at zero are x times those of W."""
    w = torch.from_numpy(weights)
    size = len(weights)
    return nc.from_function(lambda x, h: torch.tanh(x * (h @ w.T)), size, 1, bounds=(-1, 1))


def rotation(radius: float, angle: float) -> NDArray[np.float64]:
    """Return a rotation, scaled."""
    cos, sin = np.cos(angle), np.sin(angle)
    return radius * np.array([[cos, -sin], [sin, cos]])


def kinds(branch: nc.InputBranch) -> list[Bifurcation]:
    return [point.kind for point in branch.bifurcations]


def check_modes(branch: nc.InputBranch) -> None:
    """Each point is a fixed point with that eigenvalue on the circle and these eigenvectors."""
    for point in branch.bifurcations:
        h, x = point.h[None], point.inputs
        jacobian = branch.cell.jacobian(h, x)[0]
        assert np.abs(branch.cell.step(h, x) - h).max() < 1e-9
        assert abs(abs(point.eigenvalue) - 1) < 1e-6
        value, right, left = point.eigenvalue, point.right, point.left
        np.testing.assert_allclose(jacobian @ right, value * right, atol=1e-9)
        np.testing.assert_allclose(left @ jacobian, value * left, atol=1e-9)
        assert np.linalg.norm(right) == pytest.approx(1)
        assert left @ right == pytest.approx(1)


def test_a_fold_is_reported_with_its_eigenvector() -> None:
    """h = tanh(2 h + x) folds where 2 (1 - h²) = 1, at x = artanh h - 2 h."""
    branch = nc.follow_input(tanh_network(np.array([[2.0]])), [-0.99], [1.0], [-3.0], reach=6.0)
    assert kinds(branch) == [Bifurcation.FOLD, Bifurcation.FOLD]
    at = np.sqrt(0.5)
    fold = 2 * at - np.arctanh(at)
    np.testing.assert_allclose([p.s - 3 for p in branch.bifurcations], [fold, -fold], atol=1e-9)
    np.testing.assert_allclose([p.h[0] for p in branch.bifurcations], [-at, at], atol=1e-6)
    np.testing.assert_array_equal([p.angle for p in branch.bifurcations], 0)
    assert branch.bifurcations[0].period == np.inf
    assert branch.bifurcations[0].arclength == pytest.approx(branch.fold_arclength[0])
    check_modes(branch)


def test_a_flip_is_where_the_slope_is_minus_one() -> None:
    """h = tanh(-2 h + x) has the slope -2 (1 - h²)."""
    branch = nc.follow_input(tanh_network(np.array([[-2.0]])), [0.0], [1.0], reach=3.0)
    (flip,) = branch.bifurcations
    assert flip.kind is Bifurcation.FLIP
    at = np.sqrt(0.5)
    np.testing.assert_allclose([flip.h[0], flip.s], [at, np.arctanh(at) + 2 * at], atol=1e-9)
    np.testing.assert_allclose([flip.eigenvalue, flip.period], [-1, 2], atol=1e-9)
    check_modes(branch)


@pytest.mark.parametrize("angle", [0.7, 1.9, 3.0])
def test_a_rotation_loses_its_stability_where_its_radius_is_one(angle: float) -> None:
    branch = nc.follow_input(gain_network(rotation(0.8, angle)), np.zeros(2), [1.0], reach=3.0)
    (point,) = branch.bifurcations
    assert point.kind is Bifurcation.NEIMARK_SACKER
    assert point.s == pytest.approx(1 / 0.8, abs=1e-10)
    assert point.angle == pytest.approx(angle)
    assert point.period == pytest.approx(2 * np.pi / angle)
    check_modes(branch)


def test_bifurcations_that_share_a_step_are_told_apart() -> None:
    """A straight branch lets steps grow to 1, in which two flips and a pair cross the circle."""
    weights = np.zeros((4, 4))
    weights[:2, :2] = rotation(1 / 2.1, 2.0)
    weights[2, 2], weights[3, 3] = -1 / 2.05, -1 / 2.15
    branch = nc.follow_input(gain_network(weights), np.zeros(4), [1.0], reach=5.0)
    assert np.diff(branch.s).max() > 0.5
    assert not ((branch.s > 2.05) & (branch.s < 2.15)).any()
    assert kinds(branch) == [Bifurcation.FLIP, Bifurcation.NEIMARK_SACKER, Bifurcation.FLIP]
    np.testing.assert_allclose([p.s for p in branch.bifurcations], [2.05, 2.1, 2.15], atol=1e-9)
    check_modes(branch)


def test_a_slow_turn_beside_a_branch_point_is_not_taken_for_it() -> None:
    weights = np.zeros((3, 3))
    weights[:2, :2], weights[2, 2] = rotation(1 / 2.1001, 0.5), 1 / 2.1
    branch = nc.follow_input(gain_network(weights), np.zeros(3), [1.0], reach=3.0)
    assert kinds(branch) == [Bifurcation.PITCHFORK, Bifurcation.NEIMARK_SACKER]
    np.testing.assert_allclose([p.s for p in branch.bifurcations], [2.1, 2.1001], atol=1e-9)


def test_an_eigenvalue_that_crosses_and_returns_within_a_step_is_seen() -> None:
    """The slope at zero, -(1.02 - (x - 1.3)²), is beyond -1 between two inputs alone."""
    cell = nc.from_function(
        lambda x, h: torch.tanh(-(1.02 - (x - 1.3) ** 2) * h), 1, 1, bounds=(-1, 1)
    )
    branch = nc.follow_input(cell, [0.0], [1.0], reach=2.0)
    assert not ((branch.s > 1.15) & (branch.s < 1.45)).any()
    assert kinds(branch) == [Bifurcation.FLIP, Bifurcation.FLIP]
    expected = 1.3 + np.sqrt(0.02) * np.array([-1, 1])
    np.testing.assert_allclose([p.s for p in branch.bifurcations], expected, atol=1e-8)


def test_two_flips_at_one_place_are_said_to_be_unresolved() -> None:
    branch = nc.follow_input(tanh_network(-2 * np.eye(2)), np.zeros(2), np.ones(2), reach=3.0)
    assert kinds(branch) == 2 * [Bifurcation.UNRESOLVED]
    at = np.arctanh(np.sqrt(0.5)) + np.sqrt(2)
    np.testing.assert_allclose([p.s for p in branch.bifurcations], at, atol=1e-6)


@pytest.mark.parametrize("kind", ODD_KINDS)
def test_both_arms_of_a_pitchfork_are_followed_from_the_branch_that_they_leave(kind: str) -> None:
    weights = random_weights(5, 3)
    cell = odd_network(kind, weights)
    trivial = nc.follow_input(cell, np.zeros(cell.state_size), [1.0], [-4.0], reach=7.0)
    assert Bifurcation.PITCHFORK in kinds(trivial)
    check_modes(trivial)
    for i, where in enumerate(np.sort(branch_points_of_zero(weights))[: len(trivial.branch_s)]):
        one, other = trivial.switch(i)
        for half, sign in ((one, 1), (other, -1)):
            assert half.s[0] == pytest.approx(where + 4, abs=1e-7)
            assert np.abs(half.h[1:]).max(axis=1).min() > 1e-3
            outputs = cell.outputs_of(half.h)
            assert np.abs(cell.residual(outputs, half.inputs)).max() < 1e-9
            assert sign * outputs[1] @ cell.outputs_of(one.h)[1] > 0
        # The network is odd, and so are the arms: one is the other mirrored.
        mirrored = nc.find_fixed_points(cell, -one.h[-1:], one.inputs[-1:])
        np.testing.assert_allclose(-one.h[-1], mirrored.h[0], atol=1e-9)


def test_an_arm_leads_back_to_the_branch_that_it_left() -> None:
    cell = odd_network("gru", np.array([[3.0]]))
    arm = nc.follow_input(cell, [0.5], [-1.0], [2.0], reach=5.0)
    assert kinds(arm) == [Bifurcation.PITCHFORK]
    halves = arm.switch(0)
    assert sorted(round(float(half.s[-1])) for half in halves) == [-5, 5]
    np.testing.assert_allclose(np.concatenate([half.h for half in halves]), 0, atol=1e-9)
    (where,) = branch_points_of_zero(np.array([[3.0]]))
    np.testing.assert_allclose([half.branch_s[0] for half in halves], 2 - where, atol=1e-8)


def test_an_exchange_of_stability_is_transcritical() -> None:
    """h = h + 0.1 (x h - h²): 0 and x cross at x = 0."""
    cell = nc.from_function(lambda x, h: h + 0.1 * (x * h - h * h), 1, 1)
    branch = nc.follow_input(cell, [0.0], [1.0], [-1.0], reach=2.5)
    (point,) = branch.bifurcations
    assert point.kind is Bifurcation.TRANSCRITICAL
    assert point.s == pytest.approx(1)
    halves = branch.switch()
    for half in halves:
        np.testing.assert_allclose(half.h, half.inputs, atol=1e-8)
    assert sorted(np.sign(half.inputs[-1, 0]) for half in halves) == [-1, 1]


def test_a_degenerate_branch_point_is_not_switched_at() -> None:
    cell = odd_network("gru", 3 * np.eye(2))
    branch = nc.follow_input(cell, np.full(2, 0.5), [-1.0], [2.0], reach=5.0)
    assert kinds(branch) == [Bifurcation.BRANCH_POINT]
    with pytest.raises(ValueError, match="break its symmetry"):
        branch.switch(0)


def test_a_switch_refuses_what_is_no_branch_point() -> None:
    branch = nc.follow_input(tanh_network(np.array([[0.5]])), [0.0], [1.0])
    assert branch.switch() == ()
    assert branch.bifurcations == ()
    with pytest.raises(IndexError, match="one of 0 branch points"):
        branch.switch(0)
    with pytest.raises(TypeError, match="i must be an integer"):
        branch.switch("fold")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="reach must be positive"):
        branch.switch(reach=0.0)


def test_bifurcations_of_a_huge_cell_are_refused() -> None:
    branch = nc.follow_input(tanh_network(np.array([[0.5]])), [0.0], [1.0])
    factor = np.zeros((4097, 1))
    huge = dataclasses.replace(branch, cell=nc.LeakyRNN(factor, (factor, factor), alpha=1.0))
    with pytest.raises(ValueError, match="4096 units at most"):
        _ = huge.bifurcations


def test_nothing_is_located_before_bifurcations_are_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(input_branch, "bifurcations_on", refuse)
    branch = nc.follow_input(tanh_network(np.array([[0.5]])), [0.0], [1.0])
    assert "0 folds" in repr(branch)
    with pytest.raises(AssertionError):
        _ = branch.bifurcations


def test_a_bifurcation_is_shown_in_one_line_and_a_table() -> None:
    branch = nc.follow_input(tanh_network(np.array([[-2.0]])), [0.0], [1.0], reach=3.0)
    (flip,) = branch.bifurcations
    assert repr(flip) == "BifurcationPoint(flip at s = 2.29559; S = 1)"
    assert "FLIP" in flip._repr_html_()


def test_the_code_of_the_page_runs_as_it_stands() -> None:
    page = (DOCS / "bifurcations.md").read_text("utf-8")
    namespace: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
        exec(compile(block, "docs/bifurcations.md", "exec"), namespace)  # noqa: S102 - it is ours
    found = [point.kind for point in namespace["branch"].bifurcations]
    assert Bifurcation.NEIMARK_SACKER in found
    assert namespace["up"].h[-1] * namespace["down"].h[-1] < 0
    assert len(namespace["folds"].cusp_s) == 1
    assert namespace["path"].events
    assert namespace["path"].faults == ()
