"""Speed, flow and basins are those of the states on the plane, and nothing outside of the box."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba

import nullcline as nc
from nullcline import plotting
from nullcline.plotting import Projection
from nullcline.plotting.attraction import UNSETTLED_COLOUR
from nullcline.plotting.planes import grid_on
from nullcline.plotting.settling import STEPS_BETWEEN, UNSETTLED, radii_of, settle
from nullcline.plotting.theme import colours_of
from testing.drawn import legend, points_of, rendered, two_bits
from testing.gru_samples import cell_of, random_gru, seeds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nullcline.cells.protocol import Cell

mpl.use("agg")

CELL = two_bits()
POINTS = points_of(CELL)
UNITS = Projection.of_units([0, 1], size=2)
SQUARE = (-0.95, 0.95, -0.9, 0.9)
RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    yield
    plt.close("all")


def recorded(monkeypatch: pytest.MonkeyPatch, name: str) -> list[tuple[Any, ...]]:
    """Keep the arguments of a method of Axes, which it goes on to draw."""
    calls: list[tuple[Any, ...]] = []
    method = getattr(Axes, name)

    def recording(ax: Axes, *arguments: Any, **options: Any) -> Any:
        calls.append(arguments)
        return method(ax, *arguments, **options)

    monkeypatch.setattr(Axes, name, recording)
    return calls


def random_cell(seed: int) -> tuple[Cell, np.random.Generator]:
    return cell_of(random_gru(4, 2, 1.5, seed)), np.random.default_rng(seed)


# The states on a plane


@settings(max_examples=20)
@given(seed=seeds, resolution=st.integers(2, 6))
def test_the_states_of_a_grid_are_those_of_the_plane(seed: int, resolution: int) -> None:
    cell, rng = random_cell(seed)
    corners = rng.uniform(-0.5, 0.5, (3, 4))
    grid = grid_on(cell, corners, None, None, None, resolution)
    assert grid.states.shape == (resolution**2, 4)
    at = Projection.through(corners)(grid.states).reshape(resolution, resolution, 2)
    np.testing.assert_allclose(at[..., 0], np.tile(grid.x, (resolution, 1)), atol=1e-12)
    np.testing.assert_allclose(at[..., 1], np.tile(grid.y[:, None], resolution), atol=1e-12)
    inside = Projection.through(corners)(corners)
    assert (inside.min(axis=0) > [grid.x[0], grid.y[0]]).all()  # with room around them
    assert (inside.max(axis=0) < [grid.x[-1], grid.y[-1]]).all()


def test_a_plane_of_an_lstms_outputs_has_c_at_rest() -> None:
    rng = np.random.default_rng(0)
    cell = nc.LSTM(*(rng.normal(size=s) for s in ((12, 2), (12, 3), (12,), (12,))))
    plane = Projection.of_units([0, 2], size=3)
    grid = grid_on(cell, plane, None, [0.5, -1], (-0.5, 0.5, -0.5, 0.5), 4)
    outputs = plane.lift(plane(grid.states[:, :3]))
    np.testing.assert_allclose(grid.states, cell.state_of(outputs, [0.5, -1]))
    for ax in (plotting.speed_landscape, plotting.flow):
        ax(cell, plane, extent=(-0.5, 0.5, -0.5, 0.5), resolution=9)


def test_one_point_has_room_around_it() -> None:
    grid = grid_on(CELL, UNITS, POINTS.select([0]), None, None, 3)
    assert (np.ptp(grid.x), np.ptp(grid.y)) == pytest.approx((0.13, 0.13))


# Speed


def test_the_landscape_is_the_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = recorded(monkeypatch, "contourf")
    ax = plotting.speed_landscape(CELL, UNITS, extent=SQUARE, resolution=21, inputs=[0.1, 0])
    ((x, y, q),) = calls
    assert (x[[0, -1]].tolist(), y[[0, -1]].tolist()) == ([-0.95, 0.95], [-0.9, 0.9])
    states = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    expected = CELL.speed(states, [0.1, 0]).reshape(21, 21)
    pits = expected < np.quantile(expected, 0.005)
    np.testing.assert_allclose(q[~pits], expected[~pits])
    assert (q[pits] >= expected[pits]).all()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("unit 0", "unit 1")
    assert ax.figure.axes[1].get_ylabel() == "speed q"


@pytest.mark.parametrize("half", [0.3, 0.03, 1e-3])
def test_a_bar_always_says_how_fast(half: float) -> None:
    around = (0.5 - half, 0.5 + half, 0.4 - half, 0.4 + half)
    ax = plotting.speed_landscape(CELL, UNITS, extent=around, resolution=20)
    bar = rendered(ax).axes[1]
    low, high = bar.get_ylim()
    written = [
        label.get_text()
        for label, tick in zip(bar.get_yticklabels(), bar.get_yticks(), strict=True)
        if low <= tick <= high
    ]
    assert sum(map(bool, written)) >= 2


def test_the_surface_is_its_logarithm() -> None:
    ax: Any = plotting.speed_landscape(CELL, UNITS, extent=SQUARE, resolution=9, surface=True)
    low, high = ax.zz_dataLim.intervalx
    x, y = np.linspace(*SQUARE[:2], 9), np.linspace(*SQUARE[2:], 9)
    q = CELL.speed(np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2))
    assert high == pytest.approx(np.log10(q.max()))
    assert low == pytest.approx(np.log10(np.quantile(q[q > 0], 0.005)))


def test_nothing_is_drawn_outside_of_the_box(monkeypatch: pytest.MonkeyPatch) -> None:
    maps, arrows = recorded(monkeypatch, "contourf"), recorded(monkeypatch, "quiver")
    wide = (-2, 2, -2, 2)
    plotting.speed_landscape(CELL, UNITS, extent=wide, resolution=9)
    plotting.flow(CELL, UNITS, extent=wide, resolution=9, arrows=True)
    x = np.linspace(-2, 2, 9)
    outside = (np.abs(x)[:, None] > 1) | (np.abs(x) > 1)
    assert np.array_equal(np.ma.getmaskarray(maps[0][2]), outside)
    assert np.isnan(arrows[0][2][outside]).all()


def test_a_plain_without_height_is_drawn_too() -> None:
    still = nc.LeakyRNN(np.zeros((2, 1)), np.eye(2), np.zeros(2), alpha=0.5, activation="identity")
    ax = plotting.speed_landscape(still, UNITS, extent=SQUARE, resolution=5)
    rendered(ax)
    rendered(plotting.flow(still, UNITS, extent=SQUARE, resolution=5))


# Flow


@settings(max_examples=15)
@given(seed=seeds)
def test_arrows_point_where_a_step_leads(seed: int) -> None:
    cell, rng = random_cell(seed)
    plane = Projection.through(rng.uniform(-0.3, 0.3, (3, 4)))
    extent, x = (-0.2, 0.2, -0.2, 0.2), np.linspace(-0.2, 0.2, 5)
    with pytest.MonkeyPatch.context() as patch:
        calls = recorded(patch, "quiver")
        plotting.flow(cell, plane, extent=extent, resolution=5, arrows=True, inputs=[1.0, 0])
    u, v = calls[0][2:4]
    states = plane.lift(np.stack(np.meshgrid(x, x), axis=-1).reshape(-1, 2))
    step = plane.directions(cell.step(states, [1.0, 0]) - states)
    step /= np.linalg.norm(step, axis=1, keepdims=True)
    np.testing.assert_allclose(np.stack([u, v], axis=-1).reshape(-1, 2), step, atol=1e-9)
    plt.close("all")


def test_arrows_along_modes_are_their_eigenvalues() -> None:
    """Close to a fixed point a step takes a mode's coordinate a to λ a."""
    cell = nc.LeakyRNN(np.eye(2), np.array([[1.0, 0.8], [0.2, 0.5]]), np.zeros(2), alpha=0.5)
    modes = nc.linearize(cell, np.zeros((1, 2)))
    plane, x = Projection.of_modes(modes), np.linspace(-1e-4, 1e-4, 4)
    with pytest.MonkeyPatch.context() as patch:
        calls = recorded(patch, "quiver")
        tiny = (-1e-4, 1e-4, -1e-4, 1e-4)
        plotting.flow(cell, plane, extent=tiny, resolution=4, arrows=True)
    first, second = modes.eigenvalues[0].real - 1
    u, v = np.broadcast_arrays(first * x, second * x[:, None])
    length = np.hypot(u, v)
    np.testing.assert_allclose(calls[0][2], u / length, atol=1e-6)
    np.testing.assert_allclose(calls[0][3], v / length, atol=1e-6)


def test_the_title_says_how_much_of_a_step_is_seen() -> None:
    """Two units that move alike: a plane with one of them and a third that is still sees 1/√2."""
    cell = nc.LeakyRNN(np.zeros((3, 1)), np.zeros((3, 3)), np.zeros(3), alpha=0.5)
    slanted = Projection.onto([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    whole = plotting.flow(cell, slanted, extent=SQUARE, resolution=5)
    assert whole.get_title() == "100% of a step lies in this plane (median)"
    pulled = nc.LeakyRNN(np.ones((3, 1)), np.zeros((3, 3)), np.zeros(3), alpha=0.5)
    plane = Projection.onto(np.eye(3)[:2])
    tiny = (-1e-6, 1e-6, -1e-6, 1e-6)
    ax = plotting.flow(pulled, plane, extent=tiny, resolution=3, inputs=[1.0])
    assert ax.get_title() == f"{100 * np.sqrt(2 / 3):.0f}% of a step lies in this plane (median)"


def test_flow_speed_and_points_share_axes() -> None:
    ax = plotting.speed_landscape(CELL, UNITS, POINTS)
    assert plotting.flow(CELL, UNITS, POINTS, ax=ax) is ax
    assert plotting.fixed_points(POINTS, projection=UNITS, ax=ax) is ax
    assert ax.get_title().split("\n") == [
        "Speed q of the states on a plane",
        "100% of a step lies in this plane (median)",
        "4 stable, 4 saddles, 1 repeller",
    ]
    rendered(ax)


# Basins


def test_basins_of_units_that_do_not_see_each_other_are_quadrants() -> None:
    ax = plotting.basins(CELL, UNITS, POINTS, resolution=20, extent=SQUARE)
    labels = np.asarray(ax.collections[0].get_array()).reshape(20, 20)
    stable = POINTS.h[nc.linearize(CELL, POINTS).is_stable]
    x, y = np.linspace(*SQUARE[:2], 20), np.linspace(*SQUARE[2:], 20)
    for i, point in enumerate(stable):
        own = (np.sign(y)[:, None] == np.sign(point[1])) & (np.sign(x) == np.sign(point[0]))
        assert np.array_equal(labels == i, own)
    numbers = [text.get_text() for text in ax.texts]
    rows = np.flatnonzero(nc.linearize(CELL, POINTS).is_stable)
    assert numbers == [str(row) for row in rows]
    assert legend(ax) == [f"to point {row}: 25%" for row in rows]
    assert ax.get_title() == "Basins of 4 stable points"


def test_a_basin_of_a_point_that_is_not_given_has_not_settled() -> None:
    known = POINTS.select(np.flatnonzero(POINTS.h[:, 0] > -0.1))
    ax = plotting.basins(CELL, UNITS, known, resolution=10, extent=SQUARE, max_steps=200)
    labels = np.asarray(ax.collections[0].get_array()).reshape(10, 10)
    assert (labels[:, :5] == 2).all()
    assert (labels[:, 5:] < 2).all()
    assert ax.collections[0].cmap.colors[2] == UNSETTLED_COLOUR  # type: ignore[attr-defined]
    assert legend(ax)[-1] == "not settled: 50%"


def test_what_goes_round_does_not_settle() -> None:
    turning = nc.RNN(np.zeros((2, 1)), np.array([[0.0, -1.6], [1.6, 0]]))
    middle = nc.find_fixed_points(turning, np.zeros((1, 2)))
    ax = plotting.basins(turning, UNITS, middle, extent=SQUARE, resolution=6, max_steps=100)
    assert (ax.collections[0].get_array() == 0).all()  # type: ignore[union-attr]
    assert legend(ax) == ["not settled: 100%"]
    assert ax.get_title() == "Basins of 0 stable points"


def test_a_state_settles_when_it_is_near_at_two_looks() -> None:
    known = POINTS.h.astype(np.float64)
    stable = known[nc.linearize(CELL, POINTS).is_stable]
    radii = radii_of(stable, known, known)
    for steps, expected in ((STEPS_BETWEEN, UNSETTLED), (2 * STEPS_BETWEEN, 1)):
        labels = settle(CELL, stable[1:2], stable, radii, None, steps, lambda *_: None)
        assert labels.tolist() == [expected]


def test_there_is_a_tenth_of_the_way_to_the_next_point() -> None:
    known = np.array([[0.0, 0], [3, 4], [0, 1]])
    np.testing.assert_allclose(radii_of(known[:2], known, known), [0.1, 0.1 * np.hypot(3, 3)])
    assert radii_of(known[:1], known, known, same=1).tolist() == [0.5]
    assert radii_of(known[:1], known[:1], known).tolist() == [0.5]  # to the farthest state


def test_not_all_states_go_to_the_only_point_that_is_given() -> None:
    stable = np.flatnonzero(nc.linearize(CELL, POINTS).is_stable)
    ax = plotting.basins(
        CELL, UNITS, POINTS[stable[:1]], resolution=10, extent=SQUARE, max_steps=200
    )
    assert legend(ax) == ["to point 0: 25%", "not settled: 75%"]


def test_ends_of_a_search_have_the_basins_of_their_points() -> None:
    starts = np.random.default_rng(0).uniform(-1, 1, (60, 2))
    ends = nc.find_fixed_points(CELL, starts, n_threads=1)
    known = nc.linearize(CELL, ends)
    for linearization in (None, known):
        ax = plotting.basins(
            CELL, UNITS, ends, linearization=linearization, resolution=10, extent=SQUARE
        )
        assert [entry.split(": ")[1] for entry in legend(ax)] == ["25%"] * 4
        assert ax.get_title() == "Basins of 4 stable points"
        rows = [int(text.get_text()) for text in ax.texts]
        assert known.is_stable[rows].all()


def test_many_basins_have_colours_of_their_own() -> None:
    assert len(set(colours_of(27))) == 27
    assert len({to_rgba(colour) for colour in colours_of(6)}) == 6


def test_points_carry_their_input() -> None:
    found = nc.find_fixed_points(CELL, np.array([[0.9, 0.9]]), [2.0, 2.0])
    ax = plotting.basins(CELL, UNITS, found, extent=SQUARE, resolution=8)
    assert (ax.collections[0].get_array() == 0).all()  # type: ignore[union-attr]


def two_inputs() -> nc.FixedPoints:
    return nc.find_fixed_points(CELL, np.ones((2, 2)) / 2, np.eye(2)).unique()


REFUSED: dict[str, tuple[type[Exception], str, Callable[[], object]]] = {
    "cell": (TypeError, "cell must be", lambda: plotting.flow(None, UNITS, POINTS)),  # type: ignore[arg-type]
    "space": (
        ValueError,
        "plane must have two axes",
        lambda: plotting.flow(CELL, Projection.onto(np.eye(2)[:1]), POINTS),
    ),
    "one state": (
        ValueError,
        "plane must be spanned by two axes",
        lambda: plotting.flow(CELL, Projection.principal(POINTS.h[:1]), POINTS),
    ),
    "axes": (
        TypeError,
        "ax must be axes of matplotlib, .* not Figure",
        lambda: plotting.basins(CELL, UNITS, POINTS, resolution=2, ax=plt.figure()),  # type: ignore[arg-type]
    ),
    "width": (
        ValueError,
        "of length 2, as the cell's are, not 3",
        lambda: plotting.flow(CELL, np.eye(3), POINTS),
    ),
    "no extent": (ValueError, "extent must be given", lambda: plotting.flow(CELL, UNITS)),
    "extent": (
        ValueError,
        "rising and finite",
        lambda: plotting.flow(CELL, UNITS, extent=(1, 0, 0, 1)),
    ),
    "resolution": (
        ValueError,
        "resolution must lie between 2",
        lambda: plotting.flow(CELL, UNITS, POINTS, resolution=1),
    ),
    "input": (ValueError, "inputs must", lambda: plotting.flow(CELL, UNITS, POINTS, inputs=[1.0])),
    "two inputs": (
        ValueError,
        "points must have one input, not 2",
        lambda: plotting.basins(CELL, UNITS, two_inputs()),
    ),
    "its own input": (
        ValueError,
        "inputs must be None",
        lambda: plotting.basins(CELL, UNITS, two_inputs().select([0]), inputs=[0.0, 0]),
    ),
    "points": (TypeError, "find_fixed_points", lambda: plotting.basins(CELL, UNITS, np.eye(2))),  # type: ignore[arg-type]
    "steps": (
        ValueError,
        "max_steps must lie",
        lambda: plotting.basins(CELL, UNITS, POINTS, max_steps=0),
    ),
    "linearization": (
        ValueError,
        "of these 9 points",
        lambda: plotting.basins(
            CELL, UNITS, POINTS, linearization=nc.linearize(CELL, POINTS.h[:1])
        ),
    ),
    "surface": (
        ValueError,
        "three dimensions for a surface",
        lambda: plotting.speed_landscape(
            CELL, UNITS, POINTS, surface=True, ax=plt.figure().add_subplot()
        ),
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_drawn_is_refused(case: str) -> None:
    error, message, call = REFUSED[case]
    with pytest.raises(error, match=message):
        call()
