"""Figures of the linearized dynamics are drawn, and say what they show, whatever they are given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import nullcline as nc
from nullcline import plotting as draw
from nullcline.plotting.panels import WORD_ROOM, WORDS_WRITTEN
from nullcline.plotting.theme import style
from testing.gru_samples import cell_of, independent_units, random_gru

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

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


def narrow() -> Figure:
    """Draw states of one unit, which have one component."""
    cell = cell_of(independent_units(np.array([0.9]), np.zeros(1)))
    states = np.linspace(-0.5, 0.5, 9)[:, None]
    return draw.line_attractor(nc.measure_line_attractor(cell, states[[0, -1]], states), states)


def infinite_time_constants() -> Figure:
    cell = cell_of(independent_units(np.array([1.0, 0.5]), np.zeros(2)))
    return draw.time_constants(nc.linearize(cell, np.zeros((1, 2))))


def no_time_constants() -> Figure:
    return draw.time_constants(
        nc.linearize(nc.RNN(np.zeros((2, 1)), np.zeros((2, 2))), np.zeros((1, 2)))
    )


DRAWINGS: dict[str, Callable[[], Figure]] = {
    "time constants": lambda: draw.time_constants(MODES),
    "time constants of named points": lambda: draw.time_constants(MODES, ["a"] * len(MODES)),
    "time constants of many points": lambda: draw.time_constants(nc.linearize(CELL, STATES[:9])),
    "infinite time constants": infinite_time_constants,
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
    "eigenvalues of named points": lambda: draw.eigenvalues(MODES, ["a"] * len(MODES)),
    "dimensionality": lambda: draw.dimensionality({"a": np.array([3.0, 1.0, 0.0])}),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_every_axis_says_what_it_shows(name: str) -> None:
    with style():
        figure = DRAWINGS[name]()
        figure.draw_without_rendering()
    for axes in figure.axes:
        if axes.get_label() == "<colorbar>":
            assert axes.get_ylabel()
            continue
        assert axes.get_xlabel()
        assert axes.get_title()
    assert figure.axes[0].get_ylabel()


def drawn_lines(axes: Axes) -> dict[str, tuple[list[float], list[float]]]:
    return {
        str(line.get_label()): (list(line.get_xdata()), list(line.get_ydata()))  # type: ignore[arg-type]
        for line in axes.lines
    }


def test_what_is_drawn_is_what_was_found() -> None:
    (axes,) = draw.time_constants(MODES).axes
    expected = MODES.by_time_constant().time_constants[0].tolist()
    assert drawn_lines(axes)["point 0"] == ([1, 2, 3, 4, 5], expected)
    bins = NEXT.by_distance(10)
    lines = drawn_lines(draw.prediction(NEXT).axes[0])
    assert lines["state"] == (bins.distance.tolist(), bins.r2.clip(min=-1).tolist())
    found = attractor()
    lines = drawn_lines(draw.line_attractor(found, STATES).axes[2])
    assert lines["tangent – readout"][0] == found.positions.tolist()
    assert found.tangent_to_readout is not None
    assert lines["tangent – readout"][1] == found.tangent_to_readout.tolist()


def test_spectra_say_how_stable_points_are() -> None:
    cell = cell_of(independent_units(np.array([1.0, 0.5]), np.zeros(2)))
    modes = nc.linearize(cell, np.array([[0.0, 0.0], [0.5, 0.1]]))
    titles = [axes.get_title() for axes in draw.eigenvalues(modes).axes]
    assert titles[0] == "point 0: undecided, largest |λ| = 1.0000"
    assert titles[1].startswith("point 1: stable, largest |λ| = 0.")


def test_words_that_stand_out_are_written_and_none_over_another() -> None:
    (axes,) = draw.word_projections(EFFECTS, WEIGHTS, WORDS).axes
    written = [text.get_text() for text in axes.texts]
    assert 0 < len(written) <= WORDS_WRITTEN
    assert len(set(written)) == len(written)
    places = np.array([axes.texts[i].xy for i in range(len(written))])  # type: ignore[attr-defined]
    spread = np.array([np.ptp(WEIGHTS), np.ptp(EFFECTS.projections[:, 0].real)])
    gaps = np.abs(places[:, None] - places) / spread
    near = (gaps < WORD_ROOM).all(axis=2) & ~np.eye(len(written), dtype=bool)
    assert not near.any()


def test_what_cannot_be_drawn_is_refused() -> None:
    without = nc.word_effects(MODES, np.eye(3))
    with pytest.raises(ValueError, match="effects must be computed with a readout"):
        draw.instantaneous_and_steady(without)
    with pytest.raises(ValueError, match="words must be 6 at most, not 7"):
        draw.word_responses(RESPONSE, ["a"] * 7)
