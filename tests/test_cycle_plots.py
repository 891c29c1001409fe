"""Figures of cycles hold the states, the way round them and the multipliers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.patches import FancyArrowPatch

import nullcline as nc
from nullcline import plotting

if TYPE_CHECKING:
    from collections.abc import Iterator

mpl.use("agg")


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def found() -> nc.Cycles:
    """Stable and unstable cycles of a ring of three units that do not quite saturate."""
    cell = nc.RNN(np.zeros((3, 1)), 1.5 * np.roll(np.eye(3), 1, axis=0))
    starts = np.random.default_rng(0).uniform(-1, 1, (60, 3))
    return nc.find_cycles(cell, starts, period=3).select("cycle")


def test_every_state_of_every_cycle_is_drawn_with_an_arrow_to_the_next(found: nc.Cycles) -> None:
    plane = plotting.Projection.of_units([0, 1], 3)
    ax = plotting.cycles(found, projection=plane)
    places = np.concatenate([line.get_xydata() for line in ax.lines])
    for state in found.h:
        assert np.abs(places - state[:2]).sum(axis=1).min() < 1e-12
    arrows = [patch for patch in ax.patches if isinstance(patch, FancyArrowPatch)]
    assert len(arrows) == len(found.h)
    legend = ax.get_legend()
    assert legend is not None
    texts = [text.get_text() for text in legend.get_texts()]
    n_stable = int(found.is_stable.sum())
    assert any(
        text.startswith("stable cycle") and f"{n_stable} of period 3" in text for text in texts
    )
    assert any(text.startswith("unstable cycle") for text in texts)


def test_cycles_stand_in_space_and_among_states(found: nc.Cycles) -> None:
    ax = plotting.cycles(found, np.random.default_rng(1).uniform(-1, 1, (50, 3)), dimensions=3)
    ax.figure.draw_without_rendering()  # type: ignore[union-attr]
    assert ax.has_data()
    same = plotting.cycles(found[:1], ax=ax, legend=False)
    assert same is ax


def test_multipliers_stand_beside_the_circle_one_panel_a_cycle(found: nc.Cycles) -> None:
    panels = plotting.multipliers(found[:2], ["one", "other"])
    assert len(panels) == 2
    assert panels[0].get_title().startswith("one, of period 3: ")
    for i, axes in enumerate(panels):
        drawn = np.concatenate([points.get_offsets() for points in axes.collections])
        for value in found.multipliers[i]:
            assert np.abs(drawn - [value.real, value.imag]).sum(axis=1).min() < 1e-12


def test_what_is_no_cycle_is_refused(found: nc.Cycles) -> None:
    for draw in (plotting.cycles, plotting.multipliers):
        with pytest.raises(TypeError, match="find_cycles returns"):
            draw(found.h)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="at least one cycle"):
            draw(found[:0])
    with pytest.raises(ValueError, match="names must be 2"):
        plotting.multipliers(found[:2], ["one"])
