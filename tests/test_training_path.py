"""Fixed points keep their identity through training; births and ends are where calculus says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq

import nullcline as nc
from nullcline.continuation import Bifurcation, CurveStop
from nullcline.continuation.checkpoints import Interpolation
from testing.every_cell import KINDS, random_network


def unit(weight: float, bias: float) -> nc.RNN:
    """Return h' = tanh(w h + b)."""
    return nc.RNN(np.zeros((1, 1)), np.array([[weight]]), np.array([bias]))


def square(weights: Any) -> nc.RNN:
    return nc.RNN(np.zeros((len(weights), 1)), np.asarray(weights))


def points_of(cell: Any) -> nc.FixedPoints:
    starts = np.random.default_rng(0).uniform(-1, 1, (30, cell.state_size))
    return nc.find_fixed_points(cell, starts).unique()


UNITS = [unit(0.5, 0.3), unit(2.0, 0.3), unit(2.0, -0.9)]


def fold(sign: float, bias: Any) -> float:
    """Return h where w (1 - h²) = 1 and artanh h = w h + bias(w)."""

    def excess(h: float) -> float:
        return float(np.arctanh(h) - h / (1 - h * h) - bias(1 / (1 - h * h)))

    return float(brentq(excess, sign * 1e-9, sign * 0.999, xtol=1e-15))


def test_births_and_ends_are_where_calculus_puts_them() -> None:
    path = nc.follow_training(UNITS, [points_of(cell) for cell in UNITS])
    born, vanished = path.events
    at = fold(-1, lambda _: 0.3)
    assert (born.what, vanished.what) == ("born", "vanished")
    assert born.time == pytest.approx((1 / (1 - at**2) - 0.5) / 1.5, abs=1e-9)
    np.testing.assert_allclose(born.h, at, atol=1e-6)
    at = np.sqrt(0.5)  # of w = 2: b goes from 0.3 to -0.9
    assert vanished.time == pytest.approx(1 + (0.3 - (np.arctanh(at) - 2 * at)) / 1.2, abs=1e-9)
    np.testing.assert_allclose(vanished.h, at, atol=1e-6)
    assert vanished.has_ghost
    assert UNITS[2].speed(vanished.ghost_h[None])[0] == pytest.approx(vanished.ghost_q)
    assert not born.has_ghost
    assert path.faults == ()


def test_a_point_is_one_row_from_its_birth_to_its_end() -> None:
    path = nc.follow_training(UNITS, [points_of(cell) for cell in UNITS])
    assert path.exists.tolist() == [[True, True, False], [False, True, True], [False, True, False]]
    assert path.is_stable.tolist() == [[True, True, False], [False, True, True], 3 * [False]]
    assert (path.born.tolist(), path.last.tolist()) == ([0, 1, 1], [1, 2, 1])
    assert path.was_given[path.exists].all()
    for k, cell in enumerate(UNITS):
        h = path.h[path.exists[:, k], k]
        np.testing.assert_allclose(cell.step(h), h, atol=1e-12)
    assert {path.events[0].points, path.events[1].points} == {(1, 2), (0, 2)}
    assert repr(path) == "TrainingPath(3 points over 3 checkpoints: 1 births, 1 ends; S = 1)"
    assert "0 to 1" in path._repr_html_()


def test_points_that_were_not_given_are_met_on_the_way() -> None:
    """The first point ends in a fold with another, which was born in one with a third."""
    path = nc.follow_training(UNITS, points_of(UNITS[0]))
    assert len(path) == 3
    assert path.was_given.sum() == 1
    assert path.exists.sum() == 5


def test_a_stable_point_that_flips_or_turns_says_when() -> None:
    cos, sin = np.cos(0.7), np.sin(0.7)
    weights = np.zeros((3, 3))
    weights[:2, :2], weights[2, 2] = [[cos, -sin], [sin, cos]], -1.5
    cells = [square(0.5 * weights), square(1.5 * weights)]
    path = nc.follow_training(cells, nc.find_fixed_points(cells[0], np.zeros((1, 3))))
    (first, flip), (second, turn) = path.changes_of_stability()
    assert (first, second) == (0, 0)
    assert (flip.kind, turn.kind) == (Bifurcation.FLIP, Bifurcation.NEIMARK_SACKER)
    np.testing.assert_allclose([flip.s, turn.s], [1 / 1.5 - 0.5, 0.5], atol=1e-9)
    assert turn.period == pytest.approx(2 * np.pi / 0.7)
    assert path.n_unstable.tolist() == [[0, 3]]


def test_two_points_are_born_in_a_pitchfork() -> None:
    cells = [unit(0.5, 0.0), unit(2.0, 0.0)]
    path = nc.follow_training(cells, [points_of(cell) for cell in cells])
    assert path.exists.tolist() == [[True, True], [False, True], [False, True]]
    (born,) = path.events
    assert born.points == (1, 2)
    assert born.time == pytest.approx(1 / 3, abs=1e-7)
    assert {point.kind for _, point in path.changes_of_stability()} == {Bifurcation.PITCHFORK}


def test_a_point_that_crosses_two_folds_keeps_its_identity() -> None:
    """The weight grows and the bias turns so that the curve is an S within one step."""
    cells = [unit(2.0, -1.5), unit(2.0, 1.5)]
    path = nc.follow_training(cells, [points_of(cell) for cell in cells])
    assert len(path) == 1
    (curve,) = path.curves
    found = curve.bifurcations
    assert [point.kind for point in found] == 2 * [Bifurcation.FOLD]
    at = np.sqrt(0.5)
    middle = (2 * at - np.arctanh(at)) / 3
    np.testing.assert_allclose([p.s for p in found], [0.5 + middle, 0.5 - middle], atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_cells_of_every_kind_are_followed(kind: str) -> None:
    first, last = (random_network(kind, 3, 2, seed=seed).cell() for seed in (1, 2))
    if not first.is_smooth:
        with pytest.raises(TypeError, match="kinks"):
            nc.follow_training([first, last], points_of(first))
        return
    path = nc.follow_training([first, last, first], points_of(first)[:1])
    assert path.faults == ()
    for k, cell in enumerate((first, last, first)):
        h = path.h[path.exists[:, k], k]
        np.testing.assert_allclose(cell.step(h), h, atol=1e-9)
    (row,) = np.flatnonzero(path.exists[:, 0] & path.was_given[:, 0])
    assert path.exists[row].all() or len(path.events)


def test_stacks_and_factors_are_followed() -> None:
    rng = np.random.default_rng(0)

    def stack(scale: float) -> nc.Stack:
        rates = nc.RateRNN(scale * np.eye(3), (scale * np.ones((3, 1)), np.ones((3, 1))), alpha=1.0)
        return nc.Stack([nc.RNN(np.eye(3), scale * np.eye(3) / 4, scale * np.ones(3)), rates])

    cells = [stack(0.2), stack(0.3), stack(0.1)]
    start = nc.find_fixed_points(cells[0], rng.uniform(-1, 1, (1, 6)))
    path = nc.follow_training(cells, start)
    assert path.exists.all()
    for k, cell in enumerate(cells):
        np.testing.assert_allclose(cell.step(path.h[:, k]), path.h[:, k], atol=1e-12)


def test_the_derivative_along_the_path_is_that_of_the_equations() -> None:
    """Of h' = tanh(W h + b) the residual changes by (1 - tanh²) (ΔW h + Δb)."""
    rng = np.random.default_rng(1)
    one, other = rng.normal(size=(2, 5, 6))
    cells = [nc.RNN(np.zeros((5, 1)), w[:, :5], w[:, 5]) for w in (one, other)]
    h, part = rng.uniform(-1, 1, 5), 0.3
    middle, change = one + part * (other - one), other - one
    slope = 1 - np.tanh(middle[:, :5] @ h + middle[:, 5]) ** 2
    expected = slope * (change[:, :5] @ h + change[:, 5])
    found = Interpolation(*cells).residual_change(h, np.zeros(1), part)
    np.testing.assert_allclose(found, expected, atol=1e-10)


def test_the_ends_of_a_path_are_the_checkpoints_to_the_bit() -> None:
    first, last = (random_network("gru", 3, 2, seed=seed).cell() for seed in (1, 2))
    between = Interpolation(first, last)
    h = np.full((1, 3), 0.3)
    np.testing.assert_array_equal(between.at(0.0).step(h), first.step(h))
    np.testing.assert_allclose(between.at(1.0).step(h), last.step(h), rtol=1e-14)


def test_a_curve_that_is_cut_short_is_said_to_be_lost() -> None:
    path = nc.follow_training(UNITS[:2], points_of(UNITS[0]), max_points=2)
    assert path.faults == (f"the curve came to no checkpoint: {CurveStop.POINTS.value}",)
    assert "1 curves lost" in repr(path)
    assert path.rows.tolist() == [[0, -1]]


GRUS = [random_network("gru", 3, 2, seed=seed).cell() for seed in (1, 2)]

BAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "one cell": ({"cells": GRUS[0]}, ValueError, "cells must be a list of at least two"),
    "one in a list": ({"cells": GRUS[:1]}, ValueError, "cells must be a list of at least two"),
    "other class": (
        {"cells": [GRUS[0], random_network("mgu", 3, 2).cell()]},
        TypeError,
        r"cells\[1\] must be a GRU as cells\[0\] is, not MGU",
    ),
    "other size": (
        {"cells": [GRUS[0], random_network("gru", 4, 2).cell()]},
        ValueError,
        r"cells\[1\] must have the sizes of cells\[0\]",
    ),
    "other activation": (
        {"cells": [nc.LeakyRNN(np.ones((1, 1)), np.ones((1, 1)), alpha=0.5, activation=name)
                   for name in ("tanh", "softplus")]},
        ValueError,
        r"cells\[1\] must have the activation of cells\[0\]",
    ),
    "function": (
        {"cells": 2 * [nc.from_function(lambda x, h: h / 2 + x, 1, 1)]},
        TypeError,
        r"cells\[0\] must be a cell with weights",
    ),
    "float32": (
        {"cells": [random_network("gru", 3, 2).cell(np.float32)] * 2},
        TypeError,
        "make a float64 one",
    ),
    "no points": ({"points": np.zeros((1, 3))}, TypeError, "points must be FixedPoints"),
    "too many": ({"points": 3 * [points_of(GRUS[0])]}, ValueError, "or of each, 2, not 3"),
    "other states": ({"points": points_of(UNITS[0])}, ValueError, r"points\[0\] has states of 1"),
    "others' points": (
        {"points": points_of(GRUS[1])},
        ValueError,
        r"points\[0\] must be fixed points of cells\[0\]",
    ),
    "none fixed": (
        {"points": points_of(GRUS[0]).select([])},
        ValueError,
        "points holds no fixed point",
    ),
    "inputs": (
        {"points": [points_of(GRUS[0]), nc.find_fixed_points(GRUS[1], np.zeros((1, 3)), [1, 0])]},
        ValueError,
        "one input for all rows",
    ),
    "step": ({"largest_step": 0}, ValueError, "largest_step must be positive"),
    "max": ({"max_points": 1}, ValueError, "max_points must lie"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused(case: str) -> None:
    change, error, message = BAD[case]
    with pytest.raises(error, match=message):
        nc.follow_training(**{"cells": GRUS, "points": points_of(GRUS[0]), **change})
