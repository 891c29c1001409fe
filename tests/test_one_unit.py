"""Networks of one unit, of one mode and one component, are analysed as others are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from nullcline._support.components import principal_components
from nullcline.study.analysis import analyse
from nullcline.study.appearances import has_long_mode
from nullcline.study.figures import all_plans, draw_figures
from nullcline.study.interactive_pages import write_layer_pages, write_network_page
from nullcline.study.network_rows import CLAIM, network_rows
from nullcline.study.settings import AnalysisSettings
from nullcline.training import CELLS, train
from testing.tiny_study import SETTINGS, tiny_corpus

if TYPE_CHECKING:
    from pathlib import Path

CORPUS = tiny_corpus(60)
ANALYSIS = AnalysisSettings(n_starts=10, n_sample=40, n_reviews=5, n_words=10)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("cell", CELLS)
def test_a_network_of_one_unit_is_analysed(cell: str, layers: int, tmp_path: Path) -> None:
    settings = replace(SETTINGS, cell=cell, layers=layers, hidden_size=1)
    checkpoint = train(CORPUS, settings, tmp_path / "run", device="cpu", progress=False)
    found = analyse(checkpoint, CORPUS, ANALYSIS)
    rows = network_rows(found, settings)
    assert [row["layer"] for row in rows] == list(range(1, layers + 1))
    if cell != "lstm":  # whose state is of two numbers: h and c
        assert rows[-1][f"{CLAIM}one long τ"] is None
        assert rows[-1]["next_time_constant"] is None
    write_network_page(tmp_path / "network.html", checkpoint, CORPUS, ANALYSIS)


def test_its_figures_and_pages_are_drawn(tmp_path: Path) -> None:
    settings = replace(SETTINGS, hidden_size=1)
    checkpoint = train(CORPUS, settings, tmp_path / "run", device="cpu", progress=False)
    found = analyse(checkpoint, CORPUS, ANALYSIS)
    drawn = draw_figures(found, tmp_path, formats=("svg",))
    assert {plan.name for plan in all_plans(found)} == set(drawn)
    (page,) = write_layer_pages(tmp_path, found, checkpoint, CORPUS, ANALYSIS)
    assert page.stat().st_size > 0


def test_components_that_there_are_not_are_zero() -> None:
    states = np.array([[1.0], [2.0], [4.0]])
    found = principal_components(states, 1)
    np.testing.assert_array_equal(found.first(3), [[1.0], [0.0], [0.0]])
    np.testing.assert_allclose(found.project(states)[:, 0], states[:, 0] - states.mean())
    assert not found.project(states)[:, 1].any()


def test_one_mode_outlasts_none() -> None:
    assert not has_long_mode({"time_constants": [100.0]})
    assert has_long_mode({"time_constants": [100.0, 2.0]})
