"""The participation ratio counts dimensions, by the eigenvalues that it never finds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nullcline as nc
from testing.gru_samples import seeds

if TYPE_CHECKING:
    from numpy.typing import NDArray


def cloud(n: int, size: int, seed: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    states: NDArray[np.float64] = rng.normal(size=(n, size)) @ rng.normal(size=(size, size)) + 3
    return states


@given(st.integers(2, 40), st.integers(1, 12), seeds)
def test_it_is_that_of_the_covariances_eigenvalues(n: int, size: int, seed: int) -> None:
    states = cloud(n, size, seed)
    variances = np.linalg.eigvalsh(np.atleast_2d(np.cov(states.T))).clip(0)
    expected = variances.sum() ** 2 / np.sum(variances**2)
    found = nc.participation_ratio(states)
    assert found == pytest.approx(expected, rel=1e-10)
    assert nc.participation_ratio_of_variances(variances) == pytest.approx(expected, rel=1e-10)
    assert 1 - 1e-12 <= found <= min(n - 1, size) + 1e-12


@given(st.integers(1, 8), seeds, st.sampled_from([1e-200, 1.0, 1e200]))
def test_equal_variances_are_counted_whatever_the_axes_and_the_scale(
    dimensions: int, seed: int, scale: float
) -> None:
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(rng.normal(size=(10, 10)))[0][:dimensions]
    states = scale * np.concatenate([axes, -axes])
    assert nc.participation_ratio(states) == pytest.approx(dimensions)
    variances = scale * np.repeat([1.0, 0.0], [dimensions, 3])
    assert nc.participation_ratio_of_variances(variances) == pytest.approx(dimensions)


def test_single_precision_is_promoted() -> None:
    states = cloud(30, 5, 0).astype(np.float32)
    assert nc.participation_ratio(states) == nc.participation_ratio(states.astype(np.float64))


BAD: dict[str, tuple[Any, type[Exception], str]] = {
    "one dimension": (np.zeros(3), ValueError, r"states must have shape \(n, S\)"),
    "no states": (np.zeros((0, 3)), ValueError, "states must differ"),
    "one state": (np.ones((1, 3)), ValueError, "states must differ"),
    "equal states": (np.full((5, 3), 0.5), ValueError, "states must differ"),
    "NaN": (np.full((5, 3), np.nan), ValueError, "states must be finite"),
    "booleans": (np.eye(3, dtype=bool), TypeError, "states must be float64 or float32"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_states_are_refused(case: str) -> None:
    states, error, message = BAD[case]
    with pytest.raises(error, match=message):
        nc.participation_ratio(states)


BAD_VARIANCES: dict[str, tuple[Any, str]] = {
    "two dimensions": (np.eye(3), r"variances must have shape \(S,\)"),
    "negative": (np.array([1.0, -1e-9]), "variances must not be negative"),
    "zero": (np.zeros(3), "variances must not all be zero"),
    "none": (np.zeros(0), "variances must not all be zero"),
}


@pytest.mark.parametrize("case", BAD_VARIANCES)
def test_bad_variances_are_refused(case: str) -> None:
    variances, message = BAD_VARIANCES[case]
    with pytest.raises(ValueError, match=message):
        nc.participation_ratio_of_variances(variances)
