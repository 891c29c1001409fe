"""Every figure is drawn, by its number, readable and whole, whatever the analyses hold."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from nullcline.plotting.theme import class_colours, style
from nullcline.study.explanation_figures import explanations
from nullcline.study.figures import all_plans, draw_figures, plans
from nullcline.study.layer_results import Walk
from nullcline.study.spectrum import Spectrum
from nullcline.study.state_figures import WORDS_MARKED
from testing.study_samples import STABLE_REAL, dynamics, layer, network, spectrum, words

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

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


def panels_of(number: int, found: NetworkAnalysis) -> list[Axes]:
    """Return the axes of one of the paper's four figures of a network."""
    with style():
        return plans(found.n_layers)[number].draw(found).axes


def bars(axes_of: list[Axes]) -> int:
    return [axes.get_label() for axes in axes_of].count("<colorbar>")


def test_one_slow_point_has_no_colour_bar() -> None:
    one = layer(1, kinds=("fixed", "slow"), counts=(3, 4))
    assert bars(panels_of(2, network(one))) == 0
    equal = layer(1, kinds=("slow", "slow"), counts=(3, 4))
    assert bars(panels_of(2, network(equal))) == 0
    several = replace(equal, unique=replace(equal.unique, q=np.array([1e-7, 1e-5])))
    assert bars(panels_of(2, network(several))) == 1


def test_points_and_states_differ_in_shape() -> None:
    found = network(
        layer(1, kinds=("fixed", "fixed", "slow"), counts=(5, 2, 4), spectra=(
            spectrum((1.1, 0.2)), spectrum((0.9, 0.2)), spectrum((1.0, 0.2), "slow"),
        ))
    )  # fmt: skip
    with style():
        figure = plans(1)[2].draw(found)
    (legend,) = figure.legends
    named = [text.get_text() for text in legend.get_texts()]
    assert named == ["stable fixed point", "saddle", "slow point", "visited state"]
    shapes = [handle.get_marker() for handle in legend.legend_handles]  # type: ignore[union-attr]
    assert len(set(shapes)) == len(shapes)


def test_stability_is_that_of_the_points_whose_spectra_are_kept() -> None:
    kinds = ("slow", "fixed", "fixed", "fixed")
    spectra = (spectrum((1.1,)), spectrum((0.9,)), spectrum((1.0,)))
    found = layer(1, kinds=kinds, counts=(9, 1, 3, 2), spectra=spectra)
    assert found.stability.tolist() == ["fixed", "undecided", "unstable", "stable"]


def test_spectra_have_a_row_for_each_layer() -> None:
    two, one = (spectrum(STABLE_REAL),) * 2, (spectrum(STABLE_REAL),)
    axes_of = panels_of(3, network(layer(1, spectra=two), layer(2, spectra=one)))
    shown = [axes for axes in axes_of if axes.axison]
    assert [axes.get_title().split(":")[0] for axes in shown] == ["layer 1", "layer 1", "layer 2"]
    places = [axes.get_subplotspec() for axes in shown]
    assert [place.rowspan.start for place in places if place] == [0, 0, 1]


def test_an_infinite_time_constant_is_one_in_every_place() -> None:
    """A slow point's eigenvalue is 1 but for its error: ∞ and not 9.67e+05."""
    values, errors = np.array([1 + 1.03e-6, 0.5], complex), np.full(2, 1e-5)
    shown = Spectrum("slow", 1e-7, 3, 1.0, values, errors)
    assert shown.say_time_constant("steps") == "∞"
    assert "τ = ∞;" in panels_of(3, network(layer(1, spectra=(shown,))))[0].get_title()
    base = words()
    effects = replace(base.effects, eigenvalues=values[:1], eigenvalue_errors=errors[:1])
    explained = dynamics(
        words=replace(base, effects=effects), time_constants=np.array([np.inf, 1.0])
    )
    assert explained.said_time_constants == ["∞", "1"]
    found = network(layer(1, dynamics=explained))
    drawn = next(plan for plan in explanations(found) if plan.name == "1-layer-words")
    with style():
        assert "(τ = ∞ steps)" in drawn.draw(found).axes[0].get_title()


def test_a_misclassified_example_is_said_to_be_one() -> None:
    def legend_of(**changes: object) -> list[str]:
        walks = tuple(replace(walk, **changes) for walk in layer(1).walks[:1])  # type: ignore[arg-type]
        with style():
            (legend,) = plans(1)[1].draw(network(layer(1, walks=walks))).legends
        return [text.get_text() for text in legend.get_texts()]

    assert "positive example: P(positive) = 0.90" in legend_of()
    wrong = "positive example: P(positive) = 0.02,\nmisclassified"
    assert wrong in legend_of(probability=0.02)
    assert wrong in legend_of(probability=0.02, predicted=0)


def test_words_beside_paths_keep_clear_of_each_other() -> None:
    rng = np.random.default_rng(0)
    tokens = tuple(f"word{'x' * (i % 7)}" for i in range(40))
    walk = Walk(tokens, rng.normal(size=(40, 2)), 1, 0.9)
    axes = panels_of(1, network(layer(1, walks=(walk,))))[0]
    axes.figure.draw_without_rendering()  # type: ignore[union-attr]
    boxes = [text.get_window_extent() for text in axes.texts]
    assert 2 <= len(boxes) <= WORDS_MARKED
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[i + 1 :])


def test_the_line_is_drawn_on_the_components_of_the_other_figures() -> None:
    found = network(layer(1, dynamics=dynamics()))
    drawn = next(plan for plan in explanations(found) if plan.name == "1-layer-line-1")
    with style():
        plane = drawn.draw(found).axes[0]
    own = found.layers[0]
    expected = (own.sample - own.mean) @ own.components.T
    np.testing.assert_allclose(np.asarray(plane.collections[0].get_offsets()), expected, atol=1e-12)


@pytest.mark.parametrize("depth", [1, 3])
def test_captions_and_titles_say_what_is_shown(depth: int) -> None:
    found = network(*(layer(number, dynamics=dynamics()) for number in range(1, depth + 1)))
    every = all_plans(found)
    assert len({plan.title for plan in every}) == len(every)
    for plan in every:
        assert len(plan.caption) > 80
    assert all("state" in plan.caption.lower() for plan in every[:3])


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
