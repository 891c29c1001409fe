"""One rule says what is known of a time constant: the error of its eigenvalue."""

from __future__ import annotations

import numpy as np
import pytest

import nullcline as nc
from nullcline.cli.point_tables import linearization_table
from nullcline.linearization.resolution import (
    DECAY,
    GROWTH,
    OPEN,
    known_time_constants,
    side_of_circle,
    write_time_constant,
)


@pytest.mark.parametrize(
    ("eigenvalue", "error", "side"),
    [
        (0.9, 1e-9, DECAY),
        (1.1, 1e-9, GROWTH),
        (1 + 1e-6, 1e-5, OPEN),
        (1 - 1e-6, 1e-5, OPEN),
        (1 + 1e-6, 1e-9, GROWTH),
        (1 - 1e-6, 1e-9, DECAY),
        (0.6 + 0.8j, 1e-9, OPEN),
        (-1.2, 1e-9, GROWTH),
        (0.999, np.inf, DECAY),  # defective: no bound is known, and so it is that of a slow point
        (1 + 1e-6, np.nan, OPEN),
        (1.0, 0.0, OPEN),
        (0.0, 1e-9, DECAY),
    ],
)
def test_the_error_decides_on_which_side_a_mode_is(
    eigenvalue: complex, error: float, side: int
) -> None:
    values, errors = np.array([eigenvalue]), np.array([error])
    assert side_of_circle(values, errors).tolist() == [side]
    (tau,) = known_time_constants(values, errors)
    assert np.isinf(tau) == (side == OPEN)


def test_without_errors_it_is_that_of_a_slow_point() -> None:
    assert side_of_circle([1 + 2e-5, 1 + 5e-6, 1 - 2e-5]).tolist() == [GROWTH, OPEN, DECAY]


def test_what_is_known_is_what_the_linearization_found() -> None:
    cell = nc.RNN(np.zeros((3, 1)), np.diag([1.2, 1.0, 0.5]))
    modes = nc.linearize(cell, np.zeros((1, 3)))
    known = known_time_constants(modes.eigenvalues, modes.eigenvalue_errors)
    np.testing.assert_allclose(known[0], [1 / np.log(1.2), np.inf, 1 / np.log(2)])


def test_every_table_says_what_is_known() -> None:
    cell = nc.LeakyRNN(np.zeros((2, 1)), np.eye(2), dt=20.0, tau=100.0, activation="tanh")
    slow = nc.linearize(cell, np.array([[1e-2, 1e-3]]))  # λ = 1 - 2e-7, at no fixed point
    assert np.isfinite(slow.time_constants).all()
    assert "<td>inf</td><td>inf</td>" in slow._repr_html_()
    table = linearization_table(slow, "a slow point")
    row = dict(zip(table.columns, table.rows[0], strict=True))
    assert (row["longest τ"], row["growing"]) == (np.inf, 0)


@pytest.mark.parametrize(
    ("tau", "side", "unit", "written"),
    [
        (58.84, DECAY, "", "58.8"),
        (58.84, GROWTH, "", "58.8 (growth)"),
        (58.84, GROWTH, "steps", "58.8 steps (growth)"),
        (3541.7, DECAY, "", "3,540"),
        (np.inf, GROWTH, "steps", "∞"),
        (0.0, DECAY, "steps", "0 steps"),
    ],
)
def test_growth_is_named(tau: float, side: int, unit: str, written: str) -> None:
    assert write_time_constant(tau, side, unit) == written
