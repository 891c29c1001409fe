"""Every figure is drawn, by its number, readable and whole, whatever the analyses hold."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from nullcline.plotting.theme import class_colours, style
from nullcline.study.explanation_figures import explanations
from nullcline.study.figures import draw_figures, plans
from testing.study_samples import dynamics, layer, network, spectrum

if TYPE_CHECKING:
    from pathlib import Path

    from nullcline.study.figure_plan import FigurePlan
    from nullcline.study.results import NetworkAnalysis


@pytest.mark.parametrize(
    ("n_layers", "names"),
    [
        (1, ["1a", "1b", "1c", "5"]),
        (2, ["7", "8", "9", "10"]),
        (3, ["2", "3", "4", "6"]),
        (4, ["11", "12", "13", "14"]),
    ],
)
def test_figures_have_the_papers_numbers(n_layers: int, names: list[str]) -> None:
    assert [plan.name for plan in plans(n_layers)] == names


def test_other_depths_have_figures_too() -> None:
    assert len({plan.name for plan in plans(5)}) == 4


def test_files_are_pictures(tmp_path: Path) -> None:
    files = draw_figures(network(layer(1), layer(2)), tmp_path)
    assert sorted(files) == sorted(plan.name for plan in plans(2))
    for name, (png, svg) in files.items():
        assert png == tmp_path / f"figure-{name}.png"
        assert png.read_bytes().startswith(b"\x89PNG\r\n")
        assert ET.parse(svg).getroot().tag.endswith("svg")  # noqa: S314 - our own file
    assert sorted(tmp_path.iterdir()) == sorted(path for pair in files.values() for path in pair)


def test_the_same_analyses_give_the_same_files(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        draw_figures(network(layer(1)), tmp_path / folder)
    assert len(list((tmp_path / "a").iterdir())) == 8
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


ODD: dict[str, NetworkAnalysis] = {
    "no point": network(layer(1, kinds=("unconverged",), counts=(5,), spectra=())),
    "only slow points": network(layer(1, kinds=("slow", "slow"), counts=(5, 1))),
    "one state": network(
        layer(1, sample_projection=np.zeros((1, 2)), sample_labels=np.zeros(1, np.int64))
    ),
    "three spectra and none": network(
        layer(1, spectra=(spectrum((0.5,)),) * 3), layer(2, spectra=())
    ),
    "a large eigenvalue": network(layer(1, spectra=(spectrum((7.0, 0.1)),))),
}


@pytest.mark.parametrize("case", ODD)
def test_odd_analyses_are_drawn(case: str, tmp_path: Path) -> None:
    assert len(draw_figures(ODD[case], tmp_path, ["png"])) == 4


@pytest.mark.parametrize("plan", plans(1), ids=lambda plan: plan.name)
def test_every_axis_says_what_it_shows(plan: FigurePlan) -> None:
    with style():
        for axes in plan.draw(network(layer(1))).axes:
            assert axes.get_ylabel()
            assert axes.get_xlabel() or axes.get_label() == "<colorbar>"


# What the linearization explains


def test_explanations_are_drawn_as_far_as_they_go() -> None:
    without_readout = dynamics(words=None, line=None)
    cases = [
        (network(layer(1)), []),
        (network(layer(1, dynamics=dynamics())), ["prediction", "line-1", "words", "effects"]),
        (
            network(layer(1, dynamics=without_readout), layer(2, dynamics=dynamics(words=None))),
            ["prediction", "line-2"],
        ),
        (network(layer(1), layer(2, dynamics=without_readout)), ["prediction"]),
    ]
    for found, names in cases:
        expected = [f"{found.n_layers}-layer-{name}" for name in names]
        assert [plan.name for plan in explanations(found)] == expected


@pytest.mark.parametrize(
    "found",
    [
        network(layer(1, dynamics=dynamics())),
        network(layer(1), layer(2, dynamics=dynamics(words=None))),
    ],
    ids=["one layer", "a layer without a point"],
)
def test_explanations_say_what_they_show(found: NetworkAnalysis) -> None:
    with style():
        for plan in explanations(found):
            assert plan.caption
            for axes in plan.draw(found).axes:
                assert axes.get_xlabel() or axes.get_label() == "<colorbar>"
                assert axes.get_title() or axes.get_ylabel()


@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_every_class_has_a_colour_of_its_own(n_classes: int) -> None:
    colours = class_colours(n_classes)
    assert len(set(colours)) == n_classes
    classes = tuple(f"grade {number}" for number in range(n_classes))
    labels = np.arange(60) % n_classes
    with style():
        figure = plans(1)[1].draw(network(layer(1, sample_labels=labels), classes=classes))
    names = {text.get_text() for text in figure.legends[0].get_texts()}
    assert {f"states in {name} reviews" for name in classes} < names


def test_a_failed_drawing_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", fail)
    with pytest.raises(OSError, match="No space left"):
        draw_figures(network(layer(1)), tmp_path)
    assert list(tmp_path.iterdir()) == []
