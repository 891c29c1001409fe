"""Figures of the linearized dynamics are drawn, and say what they show, whatever they are given."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import Circle

import nullcline as nc
from nullcline import plotting as draw
from nullcline.plotting.modes import RINGS, draw_eigenvalues, eigenvalue_marks
from nullcline.plotting.panels import WORD_ROOM, WORDS_WRITTEN
from nullcline.plotting.predictions import LOWEST_R2, draw_r2
from nullcline.plotting.theme import style
from nullcline.plotting.zoom import near_the_circle, the_bulk
from testing.gru_samples import cell_of, independent_units, random_gru

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from matplotlib.axes import Axes

    from nullcline.plotting.panels import Panels

RNG = np.random.default_rng(0)
CELL = cell_of(random_gru(5, 3, 0.8, 1))
STATES = RNG.uniform(-0.5, 0.5, (60, 5))
POINTS = nc.find_fixed_points(CELL, STATES).unique()
MODES = nc.linearize(CELL, POINTS)
NEXT = nc.predict_next_states(MODES, STATES)
SEQUENCES = nc.predict_sequences(MODES, RNG.normal(size=(4, 6, 3)))
LINE = RNG.uniform(-0.4, 0.4, (3, 5))
WEIGHTS = RNG.normal(size=40)
WORDS = [f"$word{i}_" for i in range(40)]  # no word is read as mathematics
EFFECTS = nc.word_effects(MODES, RNG.normal(size=(40, 3)), np.ones(5))
RESPONSE = nc.impulse_response(MODES, np.eye(3), np.ones(5), 8)


def attractor(*, with_readout: bool = True) -> nc.LineAttractor:
    readout = np.ones(5) if with_readout else None
    return nc.measure_line_attractor(CELL, LINE, STATES, readout=readout)


def modes_of(*slopes: float, dt: float | None = None) -> nc.Linearization:
    """Return the linearization at zero of units whose eigenvalues these are."""
    drives, recurrent = np.ones((len(slopes), 1)), np.diag(slopes)
    cell: nc.RNN | nc.LeakyRNN = nc.RNN(drives, recurrent)
    if dt is not None:  # half of the state is kept in a step
        cell = nc.LeakyRNN(drives, 2 * recurrent - np.eye(len(slopes)), dt=dt, tau=2 * dt)
    return nc.linearize(cell, np.zeros((1, len(slopes))))


def narrow() -> Panels:
    """Draw states of one unit, which have one component."""
    cell = cell_of(independent_units(np.array([0.9]), np.zeros(1)))
    states = np.linspace(-0.5, 0.5, 9)[:, None]
    return draw.line_attractor(nc.measure_line_attractor(cell, states[[0, -1]], states), states)


def no_time_constants() -> Axes:
    return draw.time_constants(
        nc.linearize(nc.RNN(np.zeros((2, 1)), np.zeros((2, 2))), np.zeros((1, 2)))
    )


DRAWINGS: dict[str, Callable[[], Axes | Panels]] = {
    "time constants": lambda: draw.time_constants(MODES),
    "time constants of named points": lambda: draw.time_constants(MODES, ["a"] * len(MODES)),
    "time constants of many points": lambda: draw.time_constants(nc.linearize(CELL, STATES[:9])),
    "infinite time constants": lambda: draw.time_constants(modes_of(1.0, 0.5)),
    "growing time constants": lambda: draw.time_constants(modes_of(1.2, 0.5)),
    "time constants of no memory": no_time_constants,
    "prediction": lambda: draw.prediction(NEXT, SEQUENCES),
    "prediction of next states": lambda: draw.prediction(NEXT),
    "prediction of few states": lambda: draw.prediction(NEXT.select([0, 1])),
    "line": lambda: draw.line_attractor(attractor(), STATES, POINTS),
    "line alone": lambda: draw.line_attractor(attractor(with_readout=False), STATES),
    "line of one unit": narrow,
    "projections": lambda: draw.word_projections(EFFECTS, WEIGHTS, WORDS),
    "projections without words": lambda: draw.word_projections(EFFECTS, WEIGHTS),
    "effects": lambda: draw.instantaneous_and_steady(EFFECTS, WORDS),
    "responses": lambda: draw.word_responses(RESPONSE, ["a", "b", "c"], np.ones(3)),
    "responses alone": lambda: draw.word_responses(RESPONSE, ["a", "b", "c"]),
    "eigenvalues": lambda: draw.eigenvalues(MODES),
    "eigenvalues near the circle": lambda: draw.eigenvalues(modes_of(1.01, 0.999, 0.5)),
    "eigenvalues of no point": lambda: draw.eigenvalues(nc.linearize(CELL, np.zeros((0, 5)))),
    "eigenvalues of named points": lambda: draw.eigenvalues(MODES, ["a"] * len(MODES)),
    "dimensionality": lambda: draw.dimensionality({"a": np.array([3.0, 1.0, 0.0])}),
}


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    """Leave none of pyplot's figures open."""
    yield
    plt.close("all")


@pytest.mark.parametrize("name", [name for name in DRAWINGS if name != "eigenvalues of no point"])
def test_every_axis_says_what_it_shows(name: str) -> None:
    with style():
        drawn = np.atleast_1d(np.asarray(DRAWINGS[name](), dtype=object))
        figure = drawn[0].figure
        figure.draw_without_rendering()
    for axes in figure.axes:
        if axes.get_label() == "<colorbar>":
            assert axes.get_ylabel()
            continue
        assert axes.get_xlabel()
        assert axes.get_title()
    assert figure.axes[0].get_ylabel()


SINGLE: dict[str, Callable[..., Axes]] = {
    "time constants": lambda ax: draw.time_constants(MODES, ax=ax),
    "projections": lambda ax: draw.word_projections(EFFECTS, WEIGHTS, WORDS, ax=ax),
    "effects": lambda ax: draw.instantaneous_and_steady(EFFECTS, WORDS, ax=ax),
    "responses": lambda ax: draw.word_responses(RESPONSE, ["a", "b", "_c"], np.ones(3), ax=ax),
    "dimensionality": lambda ax: draw.dimensionality({"a": np.array([3.0, 1.0])}, ax=ax),
}
SEVERAL: dict[str, tuple[int, Callable[..., Panels]]] = {
    "eigenvalues": (len(MODES), lambda ax: draw.eigenvalues(MODES, ax=ax)),
    "prediction": (2, lambda ax: draw.prediction(NEXT, SEQUENCES, ax=ax)),
    "line": (3, lambda ax: draw.line_attractor(attractor(), STATES, POINTS, ax=ax)),
}


@pytest.mark.parametrize("name", SINGLE)
def test_axes_that_are_given_are_drawn_in_and_returned(name: str) -> None:
    given = Figure().subplots()
    assert SINGLE[name](given) is given
    assert given.has_data()
    assert plt.get_fignums() == []
    assert SINGLE[name](None) is plt.gca()


@pytest.mark.parametrize("name", SEVERAL)
def test_panels_that_are_given_are_drawn_in_and_returned(name: str) -> None:
    count, drawn = SEVERAL[name]
    given = Figure(layout="constrained").subplots(1, count, squeeze=False)[0]
    assert drawn(given).tolist() == given.tolist()
    assert all(panel.has_data() for panel in given)
    assert plt.get_fignums() == []
    assert len(drawn(None)) == count
    with pytest.raises(ValueError, match=f"ax must be None or hold {count} axes, not {count + 1}"):
        drawn(Figure().subplots(1, count + 1))


def drawn_lines(axes: Axes) -> dict[str, tuple[list[float], list[float]]]:
    return {
        str(line.get_label()): (list(line.get_xdata()), list(line.get_ydata()))  # type: ignore[arg-type]
        for line in axes.lines
    }


def test_what_is_drawn_is_what_was_found() -> None:
    axes = draw.time_constants(MODES)
    expected = MODES.by_time_constant().time_constants[0].tolist()
    assert drawn_lines(axes)["point 0"] == ([1, 2, 3, 4, 5], expected)
    bins = NEXT.by_distance(10)
    lines = drawn_lines(draw.prediction(NEXT)[0])
    assert lines["state"] == (bins.distance.tolist(), bins.r2.tolist())
    found = attractor()
    lines = drawn_lines(draw.line_attractor(found, STATES)[2])
    assert lines["tangent – readout"][0] == found.positions.tolist()
    assert found.tangent_to_readout is not None
    assert lines["tangent – readout"][1] == found.tangent_to_readout.tolist()


def test_variance_is_drawn_cumulatively_on_a_linear_axis() -> None:
    axes = draw.dimensionality({"a": np.array([3.0, 1.0, 0.0])})
    ((name, (rank, share)),) = (item for item in drawn_lines(axes).items() if "ratio" in item[0])
    assert name == "a: participation ratio 1.60"
    assert (rank, share) == ([1, 2, 3], [0.75, 1.0, 1.0])
    assert axes.get_yscale() == "linear"
    assert axes.get_ylim()[0] == 0


# R² below the axis


def bins_of(r2: list[float], of_change: list[float]) -> nc.DistanceBins:
    count = len(r2)
    return nc.DistanceBins(
        edges=np.arange(count + 1.0),
        distance=np.linspace(0.5, count - 0.5, count),
        count=np.full(count, 9),
        r2=np.array(r2),
        r2_of_change=np.array(of_change),
    )


def test_an_r2_below_the_axis_is_marked_with_its_number() -> None:
    axes = Figure().subplots()
    draw_r2(axes, bins_of([0.9, 0.8, -54.58], [0.7, -3.0, -1234.5]), ("state", "change"))
    assert [text.get_text() for text in axes.texts] == ["−54.6", "−3", "−1.23e+03"]
    assert [text.xy[0] for text in axes.texts] == [2.5, 1.5, 2.5]  # type: ignore[attr-defined]
    arrows = [line for line in axes.lines if line.get_marker() == "v"]
    assert [float(arrow.get_xdata()[0]) for arrow in arrows] == [2.5, 1.5, 2.5]  # type: ignore[index, arg-type]
    bottom = axes.get_ylim()[0]
    assert all(float(arrow.get_ydata()[0]) > bottom for arrow in arrows)  # type: ignore[index, arg-type]
    assert drawn_lines(axes)["change"][1] == [0.7, -3.0, -1234.5]


def test_an_r2_on_the_axis_has_no_mark() -> None:
    axes = Figure().subplots()
    draw_r2(axes, bins_of([0.9, 0.8], [0.7, LOWEST_R2]), ("state", "change"))
    assert not axes.texts


# Spectra


def test_spectra_say_how_stable_points_are() -> None:
    cell = cell_of(independent_units(np.array([1.0, 0.5]), np.zeros(2)))
    modes = nc.linearize(cell, np.array([[0.0, 0.0], [0.5, 0.1]]))
    titles = [axes.get_title() for axes in draw.eigenvalues(modes)]
    assert titles[0] == "point 0: undecided, largest |λ| = 1.0000"
    assert titles[1].startswith("point 1: stable, largest |λ| = 0.")


def circles(axes: Axes) -> list[float]:
    return sorted(patch.radius for patch in axes.patches if isinstance(patch, Circle))


def test_rings_have_the_time_constants_that_they_are_labelled_with() -> None:
    (axes,) = draw.eigenvalues(modes_of(0.6, 0.5))
    radii = [np.exp(-1 / tau) for tau in RINGS]
    np.testing.assert_allclose(circles(axes), [*radii, 1.0])
    named = {text.get_text(): np.hypot(*text.get_position()) for text in axes.texts}
    assert named == pytest.approx(
        {f"τ = {tau}": radius for tau, radius in zip(RINGS, radii, strict=True)}
    )


def test_eigenvalues_near_the_circle_are_magnified() -> None:
    (axes,) = draw.eigenvalues(modes_of(1.05, 0.95, 0.3))
    (inset,) = axes.child_axes
    np.testing.assert_allclose(inset.get_xlim(), (1 - 0.065, 1 + 0.065))
    np.testing.assert_allclose(inset.get_ylim(), (-0.065, 0.065))
    fine = [text.get_text() for text in inset.texts]
    assert fine == ["τ = 30"]  # and not 100, whose ring is too close to the circle
    assert np.exp(-1 / 30) in circles(inset)


def test_names_of_rings_are_whole_where_they_are_magnified() -> None:
    for values in ((1.01, 0.3), (1.05, 0.95, 0.3), (0.9, 0.3)):
        (axes,) = draw.eigenvalues(modes_of(*values))
        axes.figure.canvas.draw()
        (inset,) = axes.child_axes
        edges = inset.get_window_extent()
        for text in inset.texts:
            name = text.get_window_extent()
            assert edges.y0 <= name.y0 < name.y1 <= edges.y1


def test_a_blob_is_magnified() -> None:
    angles = np.linspace(0, 2 * np.pi, 30)
    blob = 0.5 + 0.1 * np.exp(1j * angles)
    axes = Figure().subplots()
    (inset,) = draw_eigenvalues(axes, blob)
    np.testing.assert_allclose(np.mean(inset.get_xlim()), 0.5, atol=1e-2)
    np.testing.assert_allclose(np.ptp(inset.get_xlim()), 0.22, rtol=0.02)
    assert the_bulk(0.5 + 0.3 * np.exp(1j * angles)) is None  # large enough to be seen
    assert the_bulk(blob[:10]) is None  # few enough to be seen
    assert the_bulk(np.append(blob, np.full(30, 0.01))) == the_bulk(blob)  # the slower of two
    assert near_the_circle(blob) is None
    assert len(draw_eigenvalues(Figure().subplots(), np.append(blob, 1.0))) == 2


def test_names_of_rings_keep_clear_of_eigenvalues() -> None:
    above = np.exp(-1) * np.exp(1j * np.pi * np.linspace(0.4, 0.6, 9))
    axes = Figure().subplots()
    draw_eigenvalues(axes, above)
    places = {text.get_text(): text.get_position() for text in axes.texts}
    assert places["τ = 1"] == pytest.approx((0, -np.exp(-1)))
    assert places["τ = 10"] == pytest.approx((0, np.exp(-0.1)))


def test_eigenvalues_differ_in_shape_by_their_side_of_the_circle() -> None:
    axes = Figure().subplots()
    draw_eigenvalues(axes, np.array([1.2, 1.0, 0.5]), np.full(3, 1e-6))
    assert [len(np.asarray(drawn.get_offsets())) for drawn in axes.collections] == [1, 1, 1]
    names = [mark.get_label() for mark in eigenvalue_marks([np.array([1.2, 0.5])], [None])]
    assert names[:2] == ["eigenvalue, |λ| < 1", "eigenvalue, |λ| > 1 (growth)"]


def test_growth_is_told_from_slowness() -> None:
    axes = draw.time_constants(modes_of(1.02, 0.5))
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["point 0", "growth, |λ| > 1"]
    hollow = [line for line in axes.lines if line.get_markerfacecolor() == "white"]
    (tau,) = np.asarray(hollow[0].get_ydata())
    assert tau == pytest.approx(1 / np.log(1.02))
    effects = nc.word_effects(modes_of(1.02, 0.5), np.arange(3.0)[:, None], np.ones(2))
    assert (
        "the mode that grows (τ = 50.5 steps)"
        in draw.word_projections(effects, np.arange(3.0)).get_title()
    )


def test_time_is_in_the_unit_of_the_cell() -> None:
    modes = modes_of(0.9, 0.7, dt=0.01)
    axes = draw.time_constants(modes)
    assert axes.get_ylabel() == "time constant τ (in the unit of dt)"
    np.testing.assert_allclose(
        drawn_lines(axes)["point 0"][1], modes.by_time_constant().physical_time_constants[0]
    )
    (spectrum,) = draw.eigenvalues(modes)
    assert [text.get_text() for text in spectrum.texts] == ["τ = 0.01", "τ = 0.03", "τ = 0.1"]


# Colour bars and points


def test_one_value_has_no_colour_bar() -> None:
    found = attractor()
    still = replace(found, state_positions=np.full(len(STATES), 1.0))
    for measured, bars in ((found, 1), (still, 0)):
        figure = draw.line_attractor(measured, STATES)[0].figure
        assert [axes.get_label() for axes in figure.axes].count("<colorbar>") == bars


def test_points_on_a_line_are_told_apart_by_shape() -> None:
    points = POINTS.select(np.zeros(2, int))
    slow = replace(points, kind=np.array(["fixed", "slow"]))
    plane = draw.line_attractor(
        attractor(), STATES, slow, stability=np.array(["unstable", "undecided"])
    )[0]
    legend = plane.get_legend()
    assert legend is not None
    named = [text.get_text() for text in legend.get_texts()]
    assert named == ["line attractor, visited part", "saddle", "slow point"]


def test_a_line_is_drawn_in_the_plane_that_is_asked_for() -> None:
    plane = draw.Projection.of_units([3, 1], 5)
    axes = draw.line_attractor(attractor(), STATES, projection=plane)[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("unit 3", "unit 1")
    np.testing.assert_allclose(np.asarray(axes.collections[0].get_offsets()), STATES[:, [3, 1]])


def test_words_that_stand_out_are_written_and_none_over_another() -> None:
    axes = draw.word_projections(EFFECTS, WEIGHTS, WORDS)
    written = [text.get_text() for text in axes.texts]
    assert 0 < len(written) <= WORDS_WRITTEN
    assert len(set(written)) == len(written)
    places = np.array([axes.texts[i].xy for i in range(len(written))])  # type: ignore[attr-defined]
    spread = np.array([np.ptp(WEIGHTS), np.ptp(EFFECTS.projections[:, 0].real)])
    gaps = np.abs(places[:, None] - places) / spread
    near = (gaps < WORD_ROOM).all(axis=2) & ~np.eye(len(written), dtype=bool)
    assert not near.any()


def test_names_of_users_are_no_mathematics() -> None:
    modes = modes_of(0.9, 0.5)
    for axes in (
        draw.time_constants(modes, ["$\\frac{$"]),
        draw.dimensionality({"$\\frac{$": np.array([3.0, 1.0])}),
        draw.eigenvalues(modes, ["$\\frac{$"])[0],
    ):
        axes.figure.draw_without_rendering()  # type: ignore[union-attr]


def test_what_cannot_be_drawn_is_refused() -> None:
    for drawing in (draw.time_constants, draw.eigenvalues):
        with pytest.raises(ValueError, match="names must be 1 at least, one for each point, not 0"):
            drawing(modes_of(0.9), [])
    without = nc.word_effects(MODES, np.eye(3))
    with pytest.raises(ValueError, match="effects must be computed with a readout"):
        draw.instantaneous_and_steady(without)
    with pytest.raises(ValueError, match="words must be 6 at most, not 7"):
        draw.word_responses(RESPONSE, ["a"] * 7)
