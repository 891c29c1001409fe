"""Curves and branches are drawn where they run, with their zeros, ghosts, folds and stability."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import pyplot as plt

import nullcline as nc
from nullcline import plotting
from nullcline.plotting import Projection
from nullcline.plotting.curves import minima_of, outside_of, stretches, zeros_of
from testing.drawn import legend, places, points_of, rendered, two_bits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

mpl.use("agg")

CELL = two_bits()
POINTS = points_of(CELL)
UNITS = Projection.of_units([0, 1], size=2)
TRACED = nc.trace(CELL, np.array([0.9, 0.9]), n_directions=2, largest_step=0.1)
BIT = nc.LeakyRNN(np.ones((1, 1)), np.array([[2.0]]), np.zeros(1), alpha=0.5)
BRANCH = nc.follow_input(BIT, [-0.99], [0.5], [-1.0], reach=4.0, largest_step=0.05)


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    yield
    plt.close("all")


def drawn(ax: Axes, label: str) -> list[NDArray[np.float64]]:
    """Return the lines of a label, each (m, 2)."""
    return [np.column_stack(line.get_data()) for line in ax.lines if line.get_label() == label]


# Curves


def test_a_curve_is_drawn_where_its_states_are() -> None:
    ax = plotting.curve(TRACED, projection=UNITS)
    for i, one in enumerate(TRACED.curves):
        (line,) = drawn(ax, f"curve {i}")
        np.testing.assert_allclose(line, one.h)
    marked = np.concatenate([places(ax, mark) for mark in ("stable", "saddle")])
    assert len(marked) == len(TRACED.points)
    assert {"curve 0", "curve 1", "stable fixed point"} <= set(legend(ax))


def test_a_curve_of_its_own_has_its_components_as_axes() -> None:
    one = TRACED.curves[0]
    ax = plotting.curve(one)
    (line,) = drawn(ax, "traced curve")
    np.testing.assert_allclose(line, Projection.principal(one.h)(one.h))
    assert plotting.curve([one], one.h, POINTS, dimensions=3).name == "3d"


def test_where_curves_cross_is_marked() -> None:
    """h = tanh(g h) has a symmetry: at zero its curves cross."""
    cell = nc.RNN(np.zeros((2, 1)), 1.2 * np.eye(2))
    traced = nc.trace(cell, np.zeros(2), largest_step=0.1)
    crossings = np.concatenate([one.branch_h for one in traced.curves])
    ax = plotting.curve(traced, projection=UNITS)
    stars = np.concatenate([*drawn(ax, "branch points"), np.zeros((0, 2))])
    np.testing.assert_allclose(stars, crossings)
    assert ("another curve crosses" in legend(ax)) == bool(len(crossings))


BEYOND = nc.trace(nc.RNN(np.zeros((2, 1)), [[2.0, 1.0], [-0.5, 3.0]]), np.zeros(2), beyond=True)


def test_a_curve_beyond_the_box_is_dotted_there_and_cut_off_far_out() -> None:
    ax = plotting.curve(BEYOND, projection=UNITS)
    (curve,) = BEYOND.curves
    assert np.abs(curve.h).max() > 5
    (solid,), (dotted,) = drawn(ax, "traced curve"), drawn(ax, "outside of the box")
    np.testing.assert_array_equal(solid[curve.is_inside], curve.h[curve.is_inside])
    assert np.isnan(solid[~curve.is_inside]).all()
    assert np.nanmax(np.abs(dotted)) > 1
    assert np.nanmax(np.abs(dotted)) <= 2
    assert not drawn(plotting.curve(TRACED), "outside of the box")


def test_a_profile_of_a_curve_beyond_the_box_shows_where_it_is_inside() -> None:
    above, below = plotting.curve_profile(BEYOND)
    (curve,) = BEYOND.curves
    low, high = below.get_xlim()
    at_rest = curve.fixed_arclength
    assert low < at_rest.min() < at_rest.max() < high
    assert high - low < 0.5 * np.ptp(curve.arclength)
    assert above.get_yscale() == "symlog"
    shaded = outside_of(curve)
    assert len(shaded) == len(above.patches) == np.sum(np.diff(curve.is_inside)) // 2 + 1
    for first, last in shaded:
        among = (curve.arclength > first) & (curve.arclength < last)
        assert not curve.is_inside[among].any()
    assert plotting.curve_profile(TRACED)[0].get_yscale() == "linear"


def test_an_lstms_curve_is_drawn_among_outputs() -> None:
    rng = np.random.default_rng(0)
    cell = nc.LSTM(*(rng.normal(size=s) for s in ((12, 2), (12, 3), (12,), (12,))))
    traced = nc.trace(cell, np.zeros(6), max_points=30)
    ax = plotting.curve(traced, rng.uniform(-0.5, 0.5, (9, 3)))
    (line,) = drawn(ax, "traced curve")
    assert line.shape == (len(traced.curves[0]), 2)


def test_a_profile_has_tau_the_speed_and_the_zeros() -> None:
    one = TRACED.curves[0]
    above, below = plotting.curve_profile(one)
    (tau,), (q,) = drawn(above, "traced curve"), drawn(below, "traced curve")
    np.testing.assert_array_equal(tau, np.column_stack([one.arclength, one.tau]))
    np.testing.assert_array_equal(q[:, 0], one.arclength)
    np.testing.assert_allclose(q[:, 1], one.q, atol=1e-10 * one.q.max())
    (zeros,) = drawn(above, "zeros")
    at = [np.interp(zeros[:, 0], one.arclength, one.h[:, unit]) for unit in (0, 1)]
    for place in np.column_stack(at):
        assert np.linalg.norm(POINTS.h - place, axis=1).min() < 1e-2
    assert below.get_yscale() == "log"


def test_two_axes_are_taken_for_a_profile() -> None:
    _, pair = plt.subplots(2)
    assert list(plotting.curve_profile(TRACED, ax=pair)) == list(pair)
    with pytest.raises(ValueError, match="hold 2 axes, not 1"):
        plotting.curve_profile(TRACED, ax=pair[:1])


@given(
    st.lists(st.floats(-1, 1).filter(lambda x: abs(x) > 1e-6), min_size=1, max_size=4, unique=True)
)
def test_zeros_lie_where_a_polygon_crosses(roots: list[float]) -> None:
    position = np.linspace(-1.5, 1.5, 4000)
    tau = np.prod([position - root for root in roots], axis=0)
    close = np.diff(sorted(roots)).min(initial=1) < 0.01
    found = zeros_of(position, tau)
    if not close:
        np.testing.assert_allclose(found, sorted(roots), atol=1e-3)


def test_a_curve_begins_at_a_zero_to_rounding() -> None:
    assert zeros_of(np.arange(3.0), np.array([1.0, 1e-17, -1])).tolist() == [1]
    assert zeros_of(np.arange(3.0), np.array([1.0, 1e-17, 1])).tolist() == [1]


def test_a_ghost_is_a_minimum_that_is_not_zero() -> None:
    position = np.linspace(-2, 2, 41)
    assert position[minima_of(position**2 + 0.1)] == pytest.approx([0])
    assert position[minima_of(-(position**2) - 0.1)] == pytest.approx([0])
    assert len(minima_of(position + 0.01)) == 0  # it goes through zero
    assert len(minima_of(position**2)) == 0  # it touches zero


# Branches


def test_a_branch_is_solid_where_it_is_stable_and_dashed_where_not() -> None:
    ax = plotting.input_branch(BRANCH, along=[1.0])
    for label, ls, is_stable in (("stable", "-", True), ("unstable", "--", False)):
        lines = [line for line in ax.lines if line.get_label() == label]
        assert {line.get_linestyle() for line in lines} == {ls}
        h = np.concatenate([np.asarray(line.get_ydata()) for line in lines])
        own = BRANCH.h[(BRANCH.spectral_radius < 1) == is_stable, 0]
        folds = BRANCH.fold_h[:, 0]
        assert np.isin(own, h).all()
        assert np.isin(h, np.concatenate([own, folds])).all()
    assert [len(drawn(ax, name)) for name in ("stable", "unstable")] == [2, 1]
    assert legend(ax) == ["stable", "unstable", "fold"]


def test_stretches_meet_at_the_folds() -> None:
    heights = BRANCH.h[:, 0]
    parts = list(stretches(BRANCH, heights, BRANCH.fold_h[:, 0]))
    assert [is_stable for is_stable, _, _ in parts] == [True, False, True]
    ends = [(s[-1], y[-1]) for _, s, y in parts[:-1]]
    starts = [(s[0], y[0]) for _, s, y in parts[1:]]
    assert ends == starts
    np.testing.assert_array_equal(np.array(ends)[:, 0], BRANCH.fold_s)


def test_the_axis_is_the_input_where_that_is_a_number() -> None:
    """The direction is 0.5 and the input began at -1: folds of h = tanh(2 h + x) are known."""
    ax = plotting.input_branch(BRANCH, along=[1.0], name="$h$_ of it")
    rendered(ax)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("input", "$h$_ of it")
    (folds,) = drawn(ax, "folds")
    h = -np.sqrt(0.5)
    x = np.arctanh(h) - 2 * h
    np.testing.assert_allclose(folds, [[x, h], [-x, -h]], atol=1e-6)


def test_branches_of_several_inputs_are_drawn_against_s() -> None:
    at = POINTS.select(np.flatnonzero((POINTS.h < -0.5).all(axis=1)))
    branches = [nc.follow_input(CELL, at, d, reach=0.5) for d in ([1.0, 0], [0.0, 1])]
    ax = plotting.input_branch(branches)
    assert ax.get_xlabel() == "input, in multiples s of its direction"
    assert ax.get_ylabel() == "component 1 of the fixed point"
    every = np.concatenate([*drawn(ax, "stable"), *drawn(ax, "unstable")])
    assert every[:, 0].max() == pytest.approx(0.5, abs=1e-2)


def test_a_branch_point_has_a_star() -> None:
    """The input of a pitchfork: h = tanh((1 + s) h) as a function of the gain, by a product."""
    cell = nc.GRU(
        np.array([[1.0], [0], [0]]), np.array([[0.0], [0], [1.5]]), np.zeros(3), np.zeros(3)
    )
    branch = nc.follow_input(cell, [0.0], [1.0], [-3.0], reach=6.0)
    ax = plotting.input_branch(branch)
    (stars,) = drawn(ax, "branch points")
    np.testing.assert_allclose(stars[:, 0], branch.branch_s - 3)
    assert len(stars) == 1
    assert "branch point" in legend(ax)


REFUSED: dict[str, tuple[type[Exception], str, Callable[[], object]]] = {
    "no curve": (TypeError, "curves must be what trace returns", lambda: plotting.curve([])),
    "states": (TypeError, "curves must be", lambda: plotting.curve(np.eye(2))),  # type: ignore[arg-type]
    "profile": (TypeError, "curves must be", lambda: plotting.curve_profile([BRANCH])),  # type: ignore[list-item]
    "no branch": (TypeError, "follow_input returns", lambda: plotting.input_branch([])),
    "a curve": (TypeError, "follow_input", lambda: plotting.input_branch(TRACED.curves)),  # type: ignore[arg-type]
    "along": (
        ValueError,
        r"along must have shape \(1,\)",
        lambda: plotting.input_branch(BRANCH, [1, 2]),
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_drawn_is_refused(case: str) -> None:
    error, message, call = REFUSED[case]
    with pytest.raises(error, match=message):
        call()
