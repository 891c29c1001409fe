"""Every script of the gallery runs, and draws something on every axis that it makes."""

from __future__ import annotations

import ast
import runpy
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
import pytest
from matplotlib import pyplot as plt

from nullcline import plotting

if TYPE_CHECKING:
    from collections.abc import Iterator

mpl.use("agg")

FOLDER = Path(__file__).parent.parent / "docs" / "gallery"
SCRIPTS = sorted(FOLDER.glob("*.py"))


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_draws_figures_with_data(script: Path) -> None:
    runpy.run_path(str(script))
    numbers = plt.get_fignums()
    assert numbers
    for number in numbers:
        figure = plt.figure(number)
        figure.draw_without_rendering()
        assert figure.axes
        assert all(axes.has_data() for axes in figure.axes if axes.get_label() != "<colorbar>")
        assert all(axes.get_xlabel() or axes.get_ylabel() for axes in figure.axes)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_begins_with_a_title_and_what_it_shows(script: Path) -> None:
    title, line, *rest = str(ast.get_docstring(ast.parse(script.read_text("utf-8")))).split("\n")
    assert line == "=" * len(title)
    assert len(" ".join(rest).strip()) > 80


def test_every_plot_is_in_the_gallery() -> None:
    text = "".join(script.read_text("utf-8") for script in SCRIPTS)
    plots = set(plotting.__all__) - {"Projection", "style"}
    assert not {name for name in plots if f"plotting.{name}(" not in text}
