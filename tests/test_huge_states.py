"""Searches from states so large that their squares are not: an answer, and no warning."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import nullcline as nc
from nullcline._support.norms import row_norms

SIZE = 4
CELLS: dict[str, Any] = {
    "ReLU units": nc.RNN(
        np.zeros((SIZE, 1)), 0.5 * np.eye(SIZE), np.zeros(SIZE), np.zeros(SIZE), nonlinearity="relu"
    ),
    "a function": nc.from_function(lambda _, h: 0.5 * h + 0.25 * torch.relu(h), SIZE, 1),
}


@pytest.mark.parametrize("method", ["auto", "newton", "lm", "krylov"])
@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
@pytest.mark.parametrize("scale", [1e150, 1e200, 1e300, 1e307])
def test_a_search_from_huge_states_ends_at_the_origin_or_says_that_it_does_not(
    cell: Any, scale: float, method: str
) -> None:
    starts = np.random.default_rng(0).uniform(-1, 1, (20, SIZE)) * scale
    ends = nc.find_fixed_points(cell, starts, method=method)
    fixed = ends.kind == "fixed"
    assert np.abs(ends.h[fixed]).max(initial=0) <= 1e-6
    assert (ends.kind[~fixed] == "unconverged").all()
    assert len(ends.unique()) <= 1
    assert ends.outliers().shape == (20,)


@pytest.mark.parametrize("scale", [1.0, 1e200, 1e307])
def test_outliers_are_the_same_in_any_unit(scale: float) -> None:
    rng = np.random.default_rng(0)
    starts = rng.uniform(-0.1, 0.1, (30, SIZE))
    starts[0] = 0.9
    ends = nc.find_fixed_points(CELLS["ReLU units"], starts * scale, max_iterations=0)
    assert ends.outliers(5.0).tolist() == [True] + 29 * [False]


@given(st.lists(st.floats(1, 1e3), min_size=1, max_size=6), st.integers(-300, 1000))
def test_norms_scale_with_what_they_are_of(numbers: list[float], exponent: int) -> None:
    row = np.array([numbers])
    plain = np.hypot.reduce(np.ldexp(row, exponent), axis=1)
    np.testing.assert_allclose(row_norms(np.ldexp(row, exponent)), plain, rtol=1e-14)


def test_norms_of_what_is_no_number_are_none() -> None:
    rows = np.array([[np.inf, 1.0], [np.nan, 1.0], [1.7e308, 1.7e308], [1e300, np.inf], [3.0, 4.0]])
    np.testing.assert_array_equal(row_norms(rows), [np.inf, np.nan, np.inf, np.inf, 5.0])
