"""Points, states and trajectories are drawn where they are, each kind with its shape and colour."""

from __future__ import annotations

import importlib.resources
import re
import subprocess
import sys
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgba

import nullcline as nc
from nullcline import plotting
from nullcline.plotting import Projection, growth
from nullcline.plotting.theme import BLACK, POINT_MARKS, colours_of
from testing.drawn import (
    cloud,
    faces,
    legend,
    places,
    points_of,
    rendered,
    segments,
    some_points,
    two_bits,
)
from testing.gru_samples import seeds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

mpl.use("agg")

CELL = two_bits()
POINTS = points_of(CELL)
UNITS = Projection.of_units([0, 1], size=2)
RNG = np.random.default_rng(0)
WALKS = RNG.uniform(-1, 1, (4, 6, 2))


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    yield
    plt.close("all")


def lines(ax: Any) -> list[NDArray[np.float64]]:
    return [np.column_stack(line.get_data()) for line in ax.lines]


# Points


def test_stable_points_saddles_and_repellers_are_told_apart() -> None:
    ax = plotting.fixed_points(POINTS, projection=UNITS)
    at_zero = (np.abs(POINTS.h) < 1e-6).sum(axis=1)
    for mark, zeros in (("stable", 0), ("saddle", 1), ("repeller", 2)):
        np.testing.assert_array_equal(places(ax, mark), POINTS.h[at_zero == zeros])
        np.testing.assert_allclose(faces(ax, mark)[0], to_rgba(POINT_MARKS[mark].face))
    assert ax.get_title() == "4 stable, 4 saddles, 1 repeller"
    assert legend(ax) == ["stable fixed point", "saddle", "repeller", "direction that grows"]


def test_no_two_marks_that_meet_share_shape_or_colour() -> None:
    meeting = [mark for name, mark in POINT_MARKS.items() if name != "fixed"]
    assert len({mark.marker for mark in meeting}) == len(meeting)
    assert len({mark.face for mark in meeting}) == len(meeting)


def test_pages_to_explore_name_and_colour_kinds_as_plots_do() -> None:
    """Symbols are others: plotly has no triangle in space."""
    folder = importlib.resources.files("nullcline.interactive") / "templates"
    styles = (folder / "data.js").read_text("utf-8").partition("const STYLES = {")[2]
    found = dict(re.findall(r'^  "(.+?)": \{.*colour: "(\w+)" \},$', styles, re.MULTILINE))
    assert set(found) == {mark.label for mark in POINT_MARKS.values()}
    light = (folder / "page.css").read_text("utf-8").partition("}")[0]
    colours = dict(re.findall(r"--(\w+): (#\w{6})", light))
    for name in ("stable", "saddle", "repeller", "fixed", "slow", "minimum"):
        mark = POINT_MARKS[name]
        assert colours[found[mark.label]].upper() == mark.face, name


def test_lines_run_through_unstable_points_along_what_grows() -> None:
    ax = plotting.fixed_points(POINTS, projection=UNITS)
    drawn = segments(ax, "unstable direction")
    middles, ways = drawn.mean(axis=1), np.diff(drawn, axis=1)[:, 0]
    at_zero = np.abs(POINTS.h) < 1e-6
    assert len(drawn) == at_zero.sum() == 6  # one at each saddle, two at the repeller
    for middle, way in zip(middles, ways, strict=True):
        i = int(np.linalg.norm(POINTS.h - middle, axis=1).argmin())
        np.testing.assert_allclose(middle, POINTS.h[i], atol=1e-12)
        assert np.abs(way[~at_zero[i]]).max(initial=0) < 1e-12
    np.testing.assert_allclose(np.linalg.norm(ways, axis=1), np.linalg.norm(ways[0]))


def test_directions_that_leave_the_picture_are_short() -> None:
    """Seen along the first unit, a saddle that grows along it has no line to speak of."""
    flat = Projection.onto([[0.0, 1], [1e-3, 0]])
    drawn = segments(plotting.fixed_points(POINTS, projection=flat), "unstable direction")
    lengths = np.sort(np.linalg.norm(np.diff(drawn, axis=1)[:, 0], axis=1))
    np.testing.assert_allclose(lengths[:3], 1e-3 * lengths[-1])


def test_a_rotation_that_grows_has_both_its_directions_drawn() -> None:
    turn = 1.5 * np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 0]])
    cell = nc.LeakyRNN(np.eye(3), turn, np.zeros(3), alpha=0.9)
    points = nc.find_fixed_points(cell, np.zeros((1, 3)))
    drawn = segments(plotting.fixed_points(points, WALKS @ np.eye(2, 3)), "unstable direction")
    assert len(drawn) == 2
    none = plotting.fixed_points(points, n_directions=0)
    assert not {"direction that grows"} & set(legend(none))
    assert "unstable direction" not in {str(part.get_label()) for part in none.collections}


def test_a_linearization_that_is_given_is_used() -> None:
    modes = nc.linearize(CELL, POINTS)
    unstable = replace(modes, stability=np.full(9, "unstable"))
    ax = plotting.fixed_points(POINTS, projection=UNITS, linearization=unstable)
    assert len(places(ax, "saddle")) == 8
    ax = plotting.fixed_points(POINTS, projection=UNITS, linearization=modes)
    assert len(places(ax, "stable")) == 4
    slowest = nc.linearize(CELL, POINTS, k=1)  # cannot tell a repeller
    ax = plotting.fixed_points(POINTS, projection=UNITS, linearization=slowest)
    assert (len(places(ax, "saddle")), len(places(ax, "repeller"))) == (5, 0)


def test_stability_that_is_not_known_is_not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    from_file = replace(POINTS, cell=None)
    assert len(places(plotting.fixed_points(from_file), "fixed")) == 9
    monkeypatch.setattr(growth, "LINEARIZED_UNASKED", 1)
    assert plotting.fixed_points(POINTS).get_title() == "9 fixed"


def test_a_double_zero_is_undecided() -> None:
    cell = nc.LeakyRNN(np.eye(2), np.eye(2), np.zeros(2), alpha=0.5)  # h = tanh h
    ax = plotting.fixed_points(nc.find_fixed_points(cell, np.zeros((1, 2))))
    assert len(places(ax, "undecided")) == 1


def test_faster_slow_points_are_darker_and_a_bar_says_how_fast() -> None:
    points = some_points(RNG.normal(size=(3, 2)), ["slow"] * 3)
    ax = plotting.fixed_points(points, projection=UNITS)
    assert (np.diff(faces(ax, "slow")[:, :3].sum(axis=1)) < 0).all()
    assert [a.get_ylabel() for a in ax.figure.axes[1:]] == ["speed q of slow points"]
    alone = plotting.fixed_points(points.select([0]), projection=UNITS)
    np.testing.assert_allclose(faces(alone, "slow")[0], to_rgba(POINT_MARKS["slow"].face))
    assert len(alone.figure.axes) == 1
    still = replace(points, q=np.array([0.0, 1e-9, 1e-8]))
    assert len(places(rendered(plotting.fixed_points(still)).axes[0], "slow")) == 3


def test_kinds_are_drawn_as_asked_and_the_others_are_counted() -> None:
    points = some_points(RNG.normal(size=(4, 3)), ["slow", "minimum", "minimum", "unconverged"])
    ax = plotting.fixed_points(points)
    assert ax.get_title() == "1 slow (not drawn: 2 minima, 1 unconverged)"
    assert len(places(ax, "minimum")) == 0
    every = plotting.fixed_points(points, kinds=["slow", "minimum", "unconverged"])
    assert [len(places(every, kind)) for kind in ("slow", "minimum", "unconverged")] == [1, 2, 1]


def test_size_grows_with_the_number_of_starts() -> None:
    counted = replace(POINTS, count=np.arange(9, 0, -1))
    ax = plotting.fixed_points(counted, projection=UNITS)
    (stable,) = [part for part in ax.collections if part.get_label() == "stable"]
    rows = [int(np.linalg.norm(POINTS.h - at, axis=1).argmin()) for at in places(ax, "stable")]
    assert (np.diff(stable.get_sizes()[np.argsort(rows)]) < 0).all()  # type: ignore[attr-defined]


@settings(max_examples=12)
@given(
    seed=seeds,
    size=st.integers(1, 5),
    kinds=st.lists(st.sampled_from(["fixed", "slow", "minimum", "unconverged"]), max_size=6),
    n_states=st.integers(0, 4),
    dimensions=st.sampled_from([2, 3]),
)
def test_as_many_points_are_drawn_as_there_are(
    seed: int, size: int, kinds: list[str], n_states: int, dimensions: int
) -> None:
    rng = np.random.default_rng(seed)
    points = some_points(rng.normal(size=(len(kinds), size)), kinds)
    walks = rng.normal(size=(2, 3, size))
    walks[rng.random((2, 3)) < 0.3] = np.nan
    ax = plotting.fixed_points(
        points,
        rng.normal(size=(n_states, size)),
        walks,
        kinds=["fixed", "slow", "minimum", "unconverged"],
        dimensions=dimensions,
    )
    rendered(ax)
    assert ax.name == ("3d" if dimensions == 3 else "rectilinear")
    assert [len(places(ax, kind)) for kind in dict.fromkeys(kinds)] == [
        kinds.count(kind) for kind in dict.fromkeys(kinds)
    ]
    plt.close("all")


def test_ends_of_a_search_are_drawn_as_their_points() -> None:
    ends = nc.find_fixed_points(CELL, RNG.uniform(-1, 1, (60, 2)), n_threads=1)
    ax = plotting.fixed_points(ends, projection=UNITS)
    assert ax.get_title() == plotting.fixed_points(ends.unique(), projection=UNITS).get_title()
    assert len(places(ax, "stable")) == 4
    row_by_row = plotting.fixed_points(
        ends, linearization=nc.linearize(CELL, ends), projection=UNITS
    )
    assert len(places(row_by_row, "stable")) == np.sum(nc.linearize(CELL, ends).is_stable)


def test_conditions_of_points_come_in_order() -> None:
    found = nc.find_fixed_points(CELL, np.eye(2), {c: np.full(2, c) for c in (1.0, 0.5, 0.25)})
    for points in (found, found[::-1], found.unique()):
        axes = plotting.panels_by_condition(points)
        assert [ax.get_title().split("\n")[0] for ax in axes] == ["0.25", "0.5", "1.0"]


def test_thousands_of_points_are_drawn_small() -> None:
    n = 5000
    ax = plotting.fixed_points(some_points(RNG.normal(size=(n, 4)), ["fixed"] * n))
    rendered(ax)
    assert len(places(ax, "fixed")) == n
    (marks,) = [part for part in ax.collections if part.get_label() == "fixed"]
    assert marks.get_sizes().max() < 15  # type: ignore[attr-defined]


def test_an_empty_set_is_drawn_with_its_states_and_without() -> None:
    none = POINTS.select([])
    assert plotting.fixed_points(none).get_title() == "no point"
    ax = plotting.fixed_points(none, WALKS)
    assert len(cloud(ax)) == 24
    assert legend(ax) == ["visited state"]
    assert plotting.fixed_points(None, trajectories=WALKS).get_title() == "no point"


# States and trajectories


def test_axes_are_the_components_of_the_states() -> None:
    ax = plotting.fixed_points(POINTS, WALKS)
    expected = Projection.principal(WALKS.reshape(-1, 2))
    np.testing.assert_allclose(cloud(ax), expected(WALKS.reshape(-1, 2)))
    assert (ax.get_xlabel(), ax.get_ylabel()) == expected.labels
    np.testing.assert_allclose(
        np.concatenate([places(ax, mark) for mark in ("stable", "saddle", "repeller")]),
        expected(np.concatenate([POINTS.h[np.abs(POINTS.h).min(axis=1) > 1e-6],
                                 POINTS.h[(np.abs(POINTS.h) < 1e-6).sum(axis=1) == 1],
                                 POINTS.h[np.abs(POINTS.h).max(axis=1) < 1e-6]])),
        atol=1e-12,
    )  # fmt: skip


@pytest.mark.parametrize("gap", [np.nan, np.inf])
def test_nan_breaks_a_trajectory_and_leaves_a_state_out(gap: float) -> None:
    broken = WALKS[0].copy()
    broken[2, 1] = gap
    ax = plotting.fixed_points(POINTS, broken, broken, projection=UNITS)
    (line,) = lines(ax)
    assert np.isnan(line).all(axis=1).tolist() == [False, False, True, False, False, False]
    np.testing.assert_array_equal(line[3:], broken[3:])
    assert len(cloud(ax)) == 5


def test_trajectories_may_be_one_many_or_of_different_lengths() -> None:
    ragged = [WALKS[0], WALKS[1][:2], WALKS[2][:0]]
    for given_, parts in ((WALKS[0], 1), (WALKS, 4), (ragged, 3), (WALKS[0].tolist(), 1)):
        ax = plotting.fixed_points(POINTS, trajectories=given_, projection=UNITS)
        (line,) = lines(ax)
        assert np.isnan(line[:, 0]).sum() == parts - 1  # the gaps between them
        np.testing.assert_array_equal(line[: len(WALKS[0])], WALKS[0])


@pytest.mark.parametrize("dimensions", [2, 3])
def test_a_trajectory_that_is_nan_throughout_is_drawn_as_nothing(dimensions: int) -> None:
    walks = np.stack([WALKS[0], np.full_like(WALKS[0], np.nan)])
    for colour in ("time", "kind"):
        rendered(
            plotting.fixed_points(POINTS, trajectories=walks, colour=colour, dimensions=dimensions)
        )


def test_time_has_the_unit_of_the_cells_step() -> None:
    for cell, label, end in ((two_bits(10.0), "time (in the unit of dt)", 50.0),
                             (CELL, "time (steps)", 5.0)):  # fmt: skip
        points = points_of(cell)
        ax = plotting.fixed_points(points, trajectories=WALKS, projection=UNITS, colour="time")
        (bar,) = ax.figure.axes[1:]
        assert bar.get_ylabel() == label
        assert bar.get_ylim() == (0, end)
        pieces = sum(len(c.get_segments()) for c in ax.collections if hasattr(c, "get_segments"))
        assert pieces == 4 * 5 + 6  # of the walks, and directions that grow


def test_an_lstms_outputs_will_do_for_its_states() -> None:
    rng = np.random.default_rng(0)
    cell = nc.LSTM(*(rng.normal(size=s) for s in ((12, 2), (12, 3), (12,), (12,))))
    points = nc.find_fixed_points(cell, rng.uniform(-0.5, 0.5, (9, 6))).unique()
    whole = rng.uniform(-0.5, 0.5, (20, 6))
    for found in (points, replace(points, cell=None)):  # those of a file do not know their cell
        for states, size in ((whole, 6), (whole[:, :3], 3)):
            ax = plotting.fixed_points(found, states, kinds=["fixed", "slow", "minimum"])
            axes = Projection.principal(states)
            drawn = np.concatenate([places(ax, mark) for mark in POINT_MARKS])
            expected = axes(found.h[:, :size])
            np.testing.assert_allclose(np.sort(drawn, axis=0), np.sort(expected, axis=0))
    readout = Projection.onto(rng.normal(size=(2, 3)))
    ax = plotting.fixed_points(points, whole, projection=readout)
    np.testing.assert_allclose(cloud(ax), readout(whole[:, :3]))


# Conditions


def conditions() -> nc.FixedPoints:
    inputs = {"left": [-2.0, 0.0], "_$5$ right": [2.0, 0.0]}
    return nc.find_fixed_points(CELL, np.array([[0.5, 0.9], [0.5, -0.9]]), inputs).unique()


def test_conditions_are_colours() -> None:
    points = conditions()
    walks: Any = {"left": WALKS[:2], "_$5$ right": [WALKS[2], WALKS[3][:2]]}
    ax = plotting.fixed_points(points, trajectories=walks, projection=UNITS)
    rendered(ax)  # the dollar is no mathematics
    assert [line.get_color() for line in ax.lines] == colours_of(2)
    stable = faces(ax, "stable")
    for place, face in zip(places(ax, "stable"), stable, strict=True):
        np.testing.assert_allclose(face, to_rgba(colours_of(2)[int(place[0] > 0)]))
    assert legend(ax)[-2:] == ["left", "_$5$ right"]


def test_directions_have_no_conditions_colour() -> None:
    points = nc.find_fixed_points(CELL, POINTS.h, {"rest": [0.0, 0.0], "on": [2.0, 0.0]}).unique()
    ax = plotting.fixed_points(points, colour="condition", projection=UNITS)
    (lines_,) = [part for part in ax.collections if part.get_label() == "unstable direction"]
    assert np.asarray(lines_.get_edgecolor()).tolist() == [list(to_rgba(BLACK))]
    assert len(segments(ax, "unstable direction")) == 6 + 1
    for condition, panel in zip(
        ("on", "rest"),
        sorted(plotting.panels_by_condition(points, projection=UNITS), key=lambda a: a.get_title()),
        strict=True,
    ):
        own = points.h[points.condition == condition]
        for middle in segments(panel, "unstable direction").mean(axis=1):
            assert np.linalg.norm(own - middle, axis=1).min() < 1e-9


def test_each_condition_has_its_panel_on_the_same_axes() -> None:
    points = conditions()
    axes = plotting.panels_by_condition(points, WALKS, {"left": WALKS}, projection=UNITS)
    assert len(axes) == 2
    assert [ax.get_title().split("\n")[0] for ax in axes] == ["left", "_$5$ right"]
    assert axes[0].get_xlim() == axes[1].get_xlim()
    assert axes[0].get_ylim() == axes[1].get_ylim()
    for ax, sign in zip(axes, (-1, 1), strict=True):
        assert (np.sign(places(ax, "stable")[:, 0]) == sign).all()
        assert len(cloud(ax)) == 24  # of no condition: in all panels
    assert [len(ax.lines) for ax in axes] == [1, 0]


def test_panels_may_be_spaces_and_be_given() -> None:
    figure = plt.figure()
    given_ = [figure.add_subplot(1, 2, i, projection="3d") for i in (1, 2)]
    axes = plotting.panels_by_condition(conditions(), ax=given_)
    assert list(axes) == given_
    assert given_[0].get_zlim() == given_[1].get_zlim()
    with pytest.raises(ValueError, match="ax must be None or hold 2 axes, not 1"):
        plotting.panels_by_condition(conditions(), ax=given_[:1])


def overlapping(axes: Any) -> bool:
    """Return whether panels, with their titles and labels, reach over each other or the edge."""
    figure = axes[0].figure
    rendered(axes[0])
    boxes = [ax.get_tightbbox() for ax in axes] + [figure.legends[0].get_window_extent()]
    within = all(
        box.x0 > -1 and box.y0 > -1 and box.x1 < figure.bbox.x1 + 1 and box.y1 < figure.bbox.y1 + 1
        for box in boxes
    )
    return not within or any(
        min(one.x1, other.x1) - max(one.x0, other.x0) > 1
        and min(one.y1, other.y1) - max(one.y0, other.y0) > 1
        for one, other in combinations(boxes, 2)
    )


@pytest.mark.parametrize("n", [1, 2, 3])
def test_panels_titles_and_legends_have_room(n: int) -> None:
    assert not overlapping(plotting.eigenvalues(nc.linearize(CELL, POINTS.h[:n])))
    several = {f"condition {i}": np.full(2, 0.05 * i) for i in range(n)}
    points = nc.find_fixed_points(CELL, WALKS.reshape(-1, 2), several, n_threads=1).unique()
    for dimensions, projection in (
        (2, None),
        (3, Projection.principal(RNG.normal(size=(9, 2)), 3)),
    ):
        axes = plotting.panels_by_condition(
            points, projection=projection, dimensions=dimensions, kinds=["slow", "fixed"]
        )
        assert not overlapping(axes)


def test_a_mark_at_the_edge_of_panels_is_whole() -> None:
    high = {"low": np.zeros(2), "high": np.array([0.0, 2.0])}
    points = nc.find_fixed_points(CELL, WALKS.reshape(-1, 2), high, n_threads=1).unique()
    axes = plotting.panels_by_condition(points, projection=UNITS)
    for ax in axes:
        low, up = ax.get_ylim()
        reached = np.concatenate([places(panel, "stable")[:, 1] for panel in axes])
        assert reached.max() + 0.05 * (up - low) < up
        assert reached.min() - 0.05 * (up - low) > low


# Axes and figures


def test_axes_that_are_given_are_returned_and_no_figure_is_made() -> None:
    figure, ax = plt.subplots()
    assert plotting.fixed_points(POINTS, WALKS, ax=ax) is ax
    assert plt.get_fignums() == [figure.number]
    plotting.fixed_points(POINTS, WALKS)
    assert len(plt.get_fignums()) == 2  # of pyplot, so that a notebook shows it


def test_axes_of_three_dimensions_make_a_space() -> None:
    ax = plt.figure().add_subplot(projection="3d")
    cube = Projection.of_units([0, 1, 2], size=3)
    h = RNG.normal(size=(4, 3))
    plotting.fixed_points(some_points(h, ["fixed"] * 4), projection=cube, ax=ax)
    np.testing.assert_array_equal(places(ax, "fixed"), h)
    assert ax.get_zlabel() == "unit 2"


def test_legends_and_titles_of_what_shares_axes_add_up() -> None:
    ax = plotting.fixed_points(POINTS, projection=UNITS)
    plotting.fixed_points(None, WALKS, projection=UNITS, ax=ax)
    assert legend(ax) == [
        "stable fixed point",
        "saddle",
        "repeller",
        "direction that grows",
        "visited state",
    ]
    assert ax.get_title() == "4 stable, 4 saddles, 1 repeller\nno point"
    assert plotting.fixed_points(POINTS, legend=False).get_legend() is None


def test_pictures_are_drawn_inside_and_outside_of_the_style() -> None:
    with plotting.style():
        rendered(plotting.fixed_points(POINTS, WALKS, WALKS))
    rendered(plotting.fixed_points(POINTS, WALKS, WALKS))


REFUSED: dict[str, tuple[type[Exception], str, Callable[[], object]]] = {
    "points": (TypeError, "find_fixed_points returns", lambda: plotting.fixed_points(WALKS)),  # type: ignore[arg-type]
    "nothing": (ValueError, "nothing to draw", lambda: plotting.fixed_points(None)),
    "kinds": (ValueError, "kinds must hold", lambda: plotting.fixed_points(POINTS, kinds=["a"])),
    "one kind": (ValueError, "kinds must", lambda: plotting.fixed_points(POINTS, kinds="fixed")),
    "colour": (ValueError, "colour must be", lambda: plotting.fixed_points(POINTS, colour="red")),
    "dimensions": (
        ValueError,
        "dimensions must be 2 or 3, not 4",
        lambda: plotting.fixed_points(POINTS, dimensions=4),
    ),
    "figure for axes": (
        TypeError,
        "ax must be axes of matplotlib",
        lambda: plotting.fixed_points(POINTS, ax=plt.figure()),  # type: ignore[arg-type]
    ),
    "points for modes": (
        TypeError,
        "linearization must be what",
        lambda: plotting.eigenvalues(POINTS),  # type: ignore[arg-type]
    ),
    "points for time constants": (
        TypeError,
        "linearization must be what",
        lambda: plotting.time_constants(POINTS),  # type: ignore[arg-type]
    ),
    "flat axes": (
        ValueError,
        "ax must have 3 dimensions",
        lambda: plotting.fixed_points(POINTS, dimensions=3, ax=plt.figure().add_subplot()),
    ),
    "widths": (
        ValueError,
        "of one length: here are 2 and 3",
        lambda: plotting.fixed_points(POINTS, RNG.normal(size=(5, 3)), projection=np.eye(3)),
    ),
    "states": (ValueError, "states must have shape", lambda: plotting.fixed_points(POINTS, [1.0])),
    "trajectories": (
        ValueError,
        "trajectories must have shape",
        lambda: plotting.fixed_points(POINTS, trajectories=[1.0, 2.0]),
    ),
    "linearization": (
        ValueError,
        "of these 9 points",
        lambda: plotting.fixed_points(POINTS, linearization=nc.linearize(CELL, POINTS.h[:2])),
    ),
    "text": (TypeError, "states", lambda: plotting.fixed_points(POINTS, [["a", "b"]])),
    "few axes": (
        ValueError,
        "picture of 3 dimensions",
        lambda: plotting.fixed_points(POINTS, projection=UNITS, dimensions=3),
    ),
    "no condition": (ValueError, "no condition", lambda: plotting.panels_by_condition(POINTS)),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_drawn_is_refused(case: str) -> None:
    error, message, call = REFUSED[case]
    with pytest.raises(error, match=message):
        call()


def test_without_matplotlib_a_sentence_says_what_brings_it() -> None:
    script = "import sys; sys.modules['matplotlib'] = None; import nullcline.plotting"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)  # noqa: PLW1510
    assert "matplotlib is needed and not installed: pip install 'nullcline[plot]'" in ended.stderr
