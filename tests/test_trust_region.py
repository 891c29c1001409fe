"""Steps within a trust region are as good as those that an eigendecomposition finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nullcline._native import _core
from testing.gru_samples import seeds

if TYPE_CHECKING:
    from numpy.typing import NDArray


def problem(
    n: int, lowest: float, scale: float, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a symmetric matrix with eigenvalues from `lowest` to 1 and a gradient."""
    rng = np.random.default_rng(seed)
    q, _ = np.linalg.qr(rng.normal(size=(n, n)))
    a = (q * np.linspace(lowest, 1, n)) @ q.T
    return (a + a.T) / 2, scale * rng.normal(size=n)


def least(a: NDArray[np.float64], g: NDArray[np.float64], radius: float) -> float:
    """Return the model's least value over the ball, by bisection of its multiplier."""
    values, vectors = np.linalg.eigh(a)
    c = vectors.T @ g
    low = max(0.0, -values[0])
    high = low + float(np.linalg.norm(g)) / radius + 1

    def step(mu: float) -> NDArray[np.float64]:
        return -c / (values + mu)

    if values[0] > 0 and np.linalg.norm(step(0)) <= radius:
        high = 0.0
    for _ in range(200):
        if np.linalg.norm(step(middle := (low + high) / 2)) > radius:
            low = middle
        else:
            high = middle
    y = step(high)
    return float(c @ y + (values * y) @ y / 2)


@settings(max_examples=200)
@given(
    st.integers(1, 32),
    st.sampled_from([-2.0, -1e-3, 0.0, 1e-8, 1e-3, 0.5]),
    st.sampled_from([1e-6, 1.0, 1e3]),
    st.sampled_from([1e-8, 1e-2, 1.0, 100.0]),
    seeds,
)
def test_the_model_is_least(n: int, lowest: float, scale: float, radius: float, seed: int) -> None:
    a, g = problem(n, lowest, scale, seed)
    found, y, multiplier, decrease = _core.trust_region_step(a, g, radius)
    assert found
    assert multiplier >= 0
    assert np.linalg.norm(y) <= 1.1 * radius * (1 + 1e-12)
    value = float(g @ y + y @ a @ y / 2)
    assert decrease == pytest.approx(-value, rel=1e-6)
    np.testing.assert_allclose(a @ y + multiplier * y, -g, atol=1e-6 * float(np.linalg.norm(g)))
    assert value <= 0.8 * least(a, g, radius)  # both negative; the radius is met to a tenth


def test_the_step_is_newtons_where_it_fits() -> None:
    a, g = problem(7, 0.5, 1.0, 0)
    found, y, multiplier, _ = _core.trust_region_step(a, g, 100.0)
    assert found
    assert multiplier == 0
    np.testing.assert_allclose(y, np.linalg.solve(a, -g), rtol=1e-12)


def test_the_hard_case_stays_in_the_ball() -> None:
    # The gradient has no part along the direction of negative curvature.
    found, y, multiplier, decrease = _core.trust_region_step(
        np.diag([-1.0, 1.0]), np.array([0.0, 1.0]), 10.0
    )
    assert found
    assert multiplier >= 1
    assert np.linalg.norm(y) <= 11
    assert decrease > 0


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_not_solved(bad: float) -> None:
    assert not _core.trust_region_step(np.diag([bad, 1.0]), np.ones(2), 1.0)[0]
    assert not _core.trust_region_step(np.eye(2), np.array([bad, 1.0]), 1.0)[0]
