"""Folds are followed in two inputs, and cusps are where calculus puts them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nullcline as nc
from nullcline.continuation import CurveStop
from nullcline.continuation.fold_problem import FoldEquations
from testing.every_cell import KINDS, random_network


def gain_and_bias() -> nc.GRU:
    """Return n = tanh(σ(x₁) 4 h + x₂), one unit."""
    return nc.GRU(np.array([[1.0, 0], [0, 0], [0, 1]]), np.array([[0.0], [0], [4]]))


def check(curve: nc.FoldCurve) -> None:
    """Each point is a fixed point at which D(n - h) maps a unit vector to zero."""
    cell, outputs = curve.cell, curve.cell.outputs_of(curve.h)
    assert np.abs(cell.residual(outputs, curve.inputs)).max() < 1e-9
    for h, x, null in zip(outputs, curve.inputs, curve.null, strict=True):
        assert np.abs(cell.residual_jacobian(h[None], x)[0] @ null).max() < 1e-9
    np.testing.assert_allclose(np.linalg.norm(curve.null, axis=1), 1)
    assert (np.diff(curve.arclength) > 0).all()
    assert len(curve.cusp_s) == len(curve.cusp_h)


def first_fold(cell: nc.GRU) -> Any:
    """Return the fold that the lower of three points meets as x₂ grows at σ(x₁) = 1 / 2."""
    return nc.follow_input(cell, [-0.95], [0.0, 1.0]).bifurcations[0]


def test_a_fold_goes_round_the_cusp_where_the_gain_is_one() -> None:
    """With g = 4 σ(x₁) folds are where g (1 - h²) = 1 and x₂ = artanh h - g h; the cusp is at 0."""
    cell = gain_and_bias()
    curve = nc.fold_curve(cell, first_fold(cell), [1.0, 0.0], [0.0, 1.0], reach=2.0)
    check(curve)
    gain = 4 / (1 + np.exp(-curve.inputs[:, 0]))
    h = curve.h[:, 0]
    np.testing.assert_allclose(gain * (1 - h * h), 1, atol=1e-8)
    np.testing.assert_allclose(curve.inputs[:, 1], np.arctanh(h) - gain * h, atol=1e-8)
    assert curve.cusp_h.shape == (1, 1)
    np.testing.assert_allclose(curve.cusp_h, 0, atol=1e-7)
    start = first_fold(cell).inputs
    np.testing.assert_allclose(curve.cusp_s[0] + start, [-np.log(3), 0], atol=1e-9)
    assert h[0] * h[-1] < 0
    assert curve.ends == (CurveStop.REACH.value, CurveStop.REACH.value)
    assert repr(curve).startswith(f"FoldCurve({len(curve)} folds, 1 cusps, s from")


def test_a_state_near_a_fold_leads_to_it() -> None:
    cell, fold = gain_and_bias(), first_fold(gain_and_bias())
    near = nc.fold_curve(cell, fold.h + 0.05, [1.0, 0], [0.0, 1], fold.inputs, reach=0.5)
    check(near)
    assert np.linalg.norm(near.s, axis=1).min() < 0.1


def test_folds_of_two_units_that_do_not_see_each_other_are_straight() -> None:
    cell = nc.RNN(np.eye(2), 2 * np.eye(2))
    curve = nc.fold_curve(cell, [0.7, 0.95], [1.0, 0], [0.0, 1], [-0.53, 0.0], reach=0.4)
    check(curve)
    at = np.sqrt(0.5)
    np.testing.assert_allclose(curve.inputs[:, 0], np.arctanh(at) - 2 * at, atol=1e-9)
    assert np.ptp(curve.inputs[:, 1]) == pytest.approx(0.8, abs=4e-3)
    assert len(curve.cusp_s) == 0


def test_a_closed_curve_of_folds_says_so() -> None:
    """Of h³ - (1 - x₁² ) h - x₂, folds at 3 h² = 1 - x₁² make an ellipse with two cusps."""
    cell = nc.from_function(
        lambda x, h: h - 0.2 * (h**3 - (1 - x[:, :1] ** 2) * h - x[:, 1:]), 1, 2
    )
    curve = nc.fold_curve(
        cell, [0.577], [1.0, 0.0], [0.0, 1.0], [0.0, -0.385], reach=3.0, largest_step=0.5
    )
    check(curve)
    assert curve.ends == (CurveStop.CLOSED.value, CurveStop.CLOSED.value)
    cusps = curve.inputs[0] - curve.s[0] + curve.cusp_s
    np.testing.assert_allclose(np.sort(cusps[:, 0]), [-1, 1], atol=1e-8)
    np.testing.assert_allclose(cusps[:, 1], 0, atol=1e-8)


SMOOTH = [kind for kind in KINDS if random_network(kind, 3, 2).cell().is_smooth]


@pytest.mark.parametrize("kind", SMOOTH)
def test_the_jacobian_of_the_extended_system_is_its_derivative(kind: str) -> None:
    cell = random_network(kind, 3, 2, seed=1).cell()
    rng = np.random.default_rng(2)
    equations = FoldEquations(cell, rng.normal(size=2), rng.normal(size=(2, 2)), 1.0)
    y = rng.uniform(-0.5, 0.5, 8)
    jacobian, step = equations.problem.jacobian(y), 1e-4
    for i, unit in enumerate(np.eye(8)):
        near, far = (
            equations.problem.function(y + k * step * unit)
            - equations.problem.function(y - k * step * unit)
            for k in (1, 2)
        )
        np.testing.assert_allclose(jacobian[:, i], (8 * near - far) / (12 * step), atol=1e-9)


GRU = gain_and_bias()
FLIP = nc.follow_input(nc.RNN(np.eye(1), [[-2.0]]), [0.0], [1.0], reach=3.0).bifurcations[0]

BAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "relu": ({"cell": nc.RNN(np.eye(1), [[0.5]], nonlinearity="relu")}, TypeError, "kinks"),
    "a flip": ({"point": FLIP}, ValueError, "point must be a fold, not a BifurcationPoint"),
    "no fold": ({"point": [0.0], "inputs": [-9.0, 0.0]}, ValueError, "near a fold"),
    "two states": ({"point": np.zeros((2, 1))}, ValueError, "point must be one state"),
    "size": ({"point": np.zeros(3)}, ValueError, "point must have shape"),
    "parallel": ({"direction_2": [2.0, 0.0]}, ValueError, "direction_2 must not be parallel"),
    "zero": ({"direction_1": [0.0, 0.0]}, ValueError, "direction_1 must have shape"),
    "own input": ({"inputs": [0.0, 0.0], "point": first_fold(GRU)}, ValueError, "has its own"),
    "reach": ({"reach": 0.0}, ValueError, "reach must be positive"),
    "points": ({"max_points": 1}, ValueError, "max_points must lie"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused(case: str) -> None:
    change, error, message = BAD[case]
    given = {"cell": GRU, "point": [-0.7], "direction_1": [1.0, 0.0], "direction_2": [0.0, 1.0]}
    with pytest.raises(error, match=message):
        nc.fold_curve(**{**given, **change})
