"""Coordinates are those that the axes say, and lead back to the states that they came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nullcline as nc
from nullcline.plotting import Projection
from testing.drawn import two_bits
from testing.gru_samples import cell_of, random_gru, seeds
from testing.known import known

if TYPE_CHECKING:
    from collections.abc import Callable

CELL = cell_of(random_gru(5, 2, 1.5, 3))
MODES = nc.linearize(CELL, np.random.default_rng(0).uniform(-0.5, 0.5, (2, 5)))


@given(seed=seeds, n=st.integers(1, 12), size=st.integers(1, 6), k=st.integers(1, 4))
def test_principal_components_are_uncorrelated_with_falling_variance(
    seed: int, n: int, size: int, k: int
) -> None:
    states = np.random.default_rng(seed).normal(size=(n, size)) * np.arange(1, size + 1) + 5
    found = Projection.principal(states, k)
    covariance = np.cov(found(states).T, bias=True).reshape(k, k) if n > 1 else np.zeros((k, k))
    total = states.var(axis=0).sum()
    shares = known(found.shares)
    np.testing.assert_allclose(covariance, np.diag(shares * total), atol=1e-9 * max(total, 1))
    assert (np.diff(shares) <= 1e-12).all()
    np.testing.assert_allclose(found.centre, states.mean(axis=0))
    for axis in found.axes[: min(n - 1, size)]:
        assert axis[np.abs(axis).argmax()] > 0
        np.testing.assert_allclose(np.linalg.norm(axis), 1)


def test_labels_say_the_share_of_the_variance() -> None:
    states = np.array([[3.0, 0], [-3, 0], [0, 1], [0, -1]])
    found = Projection.principal(states)
    assert found.labels == ("component 1 (90% of variance)", "component 2 (10%)")
    assert repr(found) == "Projection(component 1 (90% of variance), component 2 (10%); S = 2)"


def test_states_that_do_not_differ_have_a_place_too() -> None:
    found = Projection.principal(np.ones((5, 3)))
    assert known(found.shares).tolist() == [0, 0]
    assert found(np.ones((2, 3))).tolist() == [[0, 0], [0, 0]]


def test_all_modes_lead_back_to_the_state() -> None:
    """One of each conjugate pair: its two parts stand for both."""
    states = np.random.default_rng(1).normal(size=(4, 5))
    assert (MODES.eigenvalues.imag != 0).any()
    for point in (0, 1):
        chosen = np.flatnonzero(MODES.eigenvalues[point].imag >= 0).tolist()
        found = Projection.of_modes(MODES, chosen, point)
        assert len(found) == 5
        np.testing.assert_allclose(found.lift(found(states)), states, atol=1e-10)
        assert found(MODES.h[point]).tolist() == [0] * 5


def test_coordinates_in_modes_are_those_of_left_eigenvectors() -> None:
    state = np.random.default_rng(2).normal(size=5)
    turning = int(np.flatnonzero(MODES.eigenvalues[0].imag > 0)[0])
    expected = MODES.left[0, turning] @ (state - MODES.h[0])
    found = Projection.of_modes(MODES, [turning])
    np.testing.assert_allclose(found(state), [expected.real, expected.imag])
    assert [name.split(", ")[1] for name in found.names] == ["real part", "imaginary part"]


def test_readouts_are_axes_as_they_are_given() -> None:
    vectors, states = np.array([[1.0, 2, 0], [0, 0, 3]]), np.arange(6.0).reshape(2, 3)
    found = Projection.onto(vectors, centre=[1, 1, 1], names=["a", "b"])
    np.testing.assert_allclose(found(states), (states - 1) @ vectors.T)
    np.testing.assert_allclose(found(found.lift([[2.0, 5]])), [[2, 5]])
    assert found.labels == ("a", "b")
    assert found.first(1).names == ("a",)


def test_a_plane_through_three_states_holds_them() -> None:
    states = np.random.default_rng(3).normal(size=(3, 7))
    found = Projection.through(states)
    at = found(states)
    np.testing.assert_allclose(found.lift(at), states)
    np.testing.assert_allclose(at[0], 0, atol=1e-12)
    assert at[1, 0] > 0
    assert abs(at[1, 1]) < 1e-12
    assert at[2, 1] > 0


def test_units_are_axes_of_their_own() -> None:
    found = Projection.of_units([2, 0], size=3)
    assert found([[5.0, 6, 7]]).tolist() == [[7, 5]]
    assert found.names == ("unit 2", "unit 0")


def test_axes_turn_towards_a_direction() -> None:
    found = Projection.onto(np.eye(2)).towards([-1, 1])
    assert found([[3.0, 4]]).tolist() == [[-3, 4]]
    np.testing.assert_allclose(found.lift([[-3.0, 4]]), [[3, 4]])


def test_what_has_no_place_is_nan() -> None:
    found = Projection.onto(np.eye(2))
    assert np.isnan(found([[np.nan, 0], [np.inf, 0]])[:, 0]).tolist() == [True, False]


REFUSED: dict[str, tuple[type[Exception], str, Callable[[], object]]] = {
    "no states": (ValueError, "n at least 1", lambda: Projection.principal(np.zeros((0, 3)))),
    "NaN": (ValueError, "states must be finite", lambda: Projection.principal([[np.nan, 1]])),
    "no axis": (ValueError, "k must lie between 1", lambda: Projection.principal(np.eye(3), 0)),
    "dependent": (ValueError, "independent", lambda: Projection.onto([[1.0, 1.0], [2.0, 2.0]])),
    "zero": (ValueError, "independent", lambda: Projection.onto([[0.0, 0.0]])),
    "names": (ValueError, "names must be 1", lambda: Projection.onto([[1.0, 0.0]], names="ab")),
    "centre": (
        ValueError,
        r"centre must have shape \(2,\)",
        lambda: Projection.onto([[1.0, 0.0]], [1]),
    ),
    "line": (
        ValueError,
        "on a line",
        lambda: Projection.through([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]]),
    ),
    "two": (ValueError, "three or four", lambda: Projection.through([[0.0, 0.0], [1.0, 1.0]])),
    "mode": (ValueError, "modes must lie between", lambda: Projection.of_modes(MODES, [9])),
    "no mode": (ValueError, "at least one mode", lambda: Projection.of_modes(MODES, [])),
    "point": (ValueError, "point must lie between", lambda: Projection.of_modes(MODES, [0], 7)),
    "width": (ValueError, "have 2 entries", lambda: Projection.onto(np.eye(2))([[1.0, 2, 3]])),
    "axes": (ValueError, "needs as many axes", lambda: Projection.onto(np.eye(2)).first(3)),
    "direction": (ValueError, "direction must", lambda: Projection.onto(np.eye(2)).towards([1])),
    "cell": (TypeError, "nullcline.linearize", lambda: Projection.of_modes(two_bits())),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("case", REFUSED)
def test_axes_that_cannot_be_are_refused(case: str) -> None:
    error, message, call = REFUSED[case]
    with pytest.raises(error, match=message):
        call()
