"""Where a network's classes lie: the analysis, its claims, rows and figures, and odd corpora."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import nullcline as nc
from nullcline.study.analysis import analyse
from nullcline.study.class_analysis import STEPS, analyse_classes
from nullcline.study.class_claims import CLASS_CLAIMS, evaluate
from nullcline.study.class_figures import class_figures
from nullcline.study.class_order import colours_of_classes, is_ordered
from nullcline.study.class_rows import GEOMETRY, geometry_of
from nullcline.study.descriptions import describe_corpus
from nullcline.study.figures import draw_figures
from nullcline.study.line_attractor_claims import LINE_ATTRACTOR_CLAIMS
from nullcline.study.network_rows import CLAIM, network_rows
from nullcline.study.results import NetworkAnalysis
from nullcline.study.settings import AnalysisSettings
from nullcline.text import Corpus, Split
from nullcline.training import CELLS, TrainingSettings, train
from testing.class_samples import H, analysis, classifier, corners, integrator

if TYPE_CHECKING:
    from pathlib import Path

TOPICS, GRADES = "synthetic-unordered", "synthetic-ordered"
NAMES = [claim.name for claim in CLASS_CLAIMS]
FACES = np.array([0, 0, 0, 1, 1, 1, 2])
"""The growing modes of the fixed points of a network of three topics."""


def verdicts(found: Any, corpus: str, **changes: Any) -> dict[str, bool | None]:
    findings = evaluate(classifier(found, corpus, **changes))
    return {name: finding.agrees for name, finding in zip(NAMES, findings, strict=True)}


# The analysis


@pytest.mark.parametrize("n", [2, 3, 5])
def test_what_an_integrator_holds_of_classes_is_measured(n: int) -> None:
    found = analysis(n)
    assert found.dimension == found.slow == found.gap == n - 1
    assert found.geometry.dimension() == n - 1
    assert found.geometry.regularity == pytest.approx(1, abs=0.02)
    assert found.readout_angles is not None
    assert found.readout_angles == pytest.approx(np.zeros(n - 1), abs=1)
    assert found.decay is not None
    assert found.decay.along[-1] == pytest.approx(0.98**STEPS, rel=0.01)
    assert found.decay.across[-1] == pytest.approx(0.5**STEPS, rel=0.1)
    assert found.n_unstable.tolist() == [0]
    assert found.centre == 0


def test_the_reaction_to_the_last_word_is_no_part_of_what_is_held() -> None:
    labels = np.arange(90) % 3
    noise = np.random.default_rng(1).normal(size=(90, H)) * (np.arange(H) > 1)
    final = (corners(3)[labels] + 0.005 * noise).astype(np.float32)
    unique = nc.find_fixed_points(integrator(2), np.zeros((1, H))).unique()
    found = analyse_classes(integrator(2), final, labels, unique, readout=None)
    assert found is not None
    assert found.final.components > 2
    assert found.dimension == 2
    assert found.readout_angles is None


def test_modes_that_grow_are_counted_at_every_fixed_point() -> None:
    cell = nc.RNN(np.eye(H), np.diag([1.5, 1.5, *np.full(H - 2, 0.3)]), np.zeros(H), np.zeros(H))
    unique = nc.find_all_fixed_points(cell).points.unique()
    labels = np.arange(60) % 3
    final = (corners(3)[labels]).astype(np.float32)
    found = analyse_classes(cell, final, labels, unique, readout=None)
    assert found is not None
    assert found.unstable_counts(unique.kind == "fixed") == [4, 4, 1]
    row = classifier(found, TOPICS).layers[0]
    stability = replace(row, unique=unique, spectra=()).stability
    assert sorted(stability.tolist()) == ["stable"] * 4 + ["unstable"] * 5


def test_modes_on_the_circle_are_not_counted() -> None:
    cell = integrator(2, kept=1.0)
    unique = nc.find_fixed_points(cell, np.zeros((1, H))).unique()
    final = corners(3)[np.arange(30) % 3].astype(np.float32)
    found = analyse_classes(cell, final, np.arange(30) % 3, unique, readout=None)
    assert found is not None
    assert found.n_unstable.tolist() == [-1]
    assert found.unstable_counts(unique.kind == "fixed") == []
    assert found.slow == 2
    assert np.isinf(found.time_constants).tolist() == [True] * 2 + [False] * (H - 2)


def test_a_mode_that_may_decay_or_grow_has_no_time_constant_that_is_known() -> None:
    cell = integrator(2, kept=1 - 1e-7)
    unique = nc.find_fixed_points(cell, np.zeros((1, H))).unique()
    # A state that is no fixed point to rounding: 900,000 steps, if all digits were right.
    slow = replace(unique, kind=np.array(["slow"]), h=unique.h + 1e-3)
    final = corners(3)[np.arange(30) % 3].astype(np.float32)
    found = analyse_classes(cell, final, np.arange(30) % 3, slow, readout=None)
    assert found is not None
    assert np.isinf(found.time_constants[:2]).all()
    assert (found.slow, found.gap) == (2, 2)


@pytest.mark.parametrize("n_known", [0, 2])
def test_time_constants_without_an_end_are_drawn_above_the_others(n_known: int) -> None:
    taus = np.array([np.inf, np.inf, *[5.0, 3.0][:n_known]])
    points = np.zeros((7, 3))
    found = analysis(3, time_constants=taus, n_unstable=FACES, point_projection=points)
    network = classifier(found, TOPICS)
    (plan,) = class_figures(network)
    axes = plan.draw(network).axes[2]
    assert "no point" not in axes.get_title()
    known, endless = (np.asarray(line.get_ydata()) for line in axes.lines[:2])
    assert len(endless) == 2
    assert (endless[:, None] > known[np.isfinite(known)]).all()


@pytest.mark.parametrize(
    ("final", "labels"),
    [
        (corners(3), [1, 1, 1]),  # one class
        (np.ones((4, H)), [0, 1, 0, 1]),  # one state
        (np.tile(corners(2), (2, 1)), [0, 0, 1, 1]),  # two classes in one place
    ],
)
def test_without_classes_apart_there_is_nothing_to_measure(final: Any, labels: list[int]) -> None:
    unique = nc.find_fixed_points(integrator(2), np.zeros((1, H))).unique()
    states = np.asarray(final, np.float32)
    assert analyse_classes(integrator(2), states, np.array(labels), unique, readout=None) is None


def test_without_a_point_the_rest_is_measured() -> None:
    labels = np.arange(30) % 3
    cell = integrator(2)
    none = nc.find_fixed_points(cell, np.zeros((0, H))).unique()
    found = analyse_classes(cell, corners(3)[labels].astype(np.float32), labels, none, readout=None)
    assert found is not None
    assert (found.centre, found.slow, found.gap, found.points) == (None, None, None, None)
    assert found.dimension == 2


def test_one_unit_has_no_direction_across() -> None:
    cell = nc.RNN(np.eye(1), [[0.9]], [0.0], [0.0])
    final = np.linspace(-1, 1, 30, dtype=np.float32)[:, None]
    unique = nc.find_fixed_points(cell, [[0.0]]).unique()
    labels = np.repeat([0, 1, 2, 3, 4], 6)
    found = analyse_classes(cell, final, labels, unique, readout=np.arange(5.0)[:, None])
    assert found is not None
    assert (found.decay, found.gap, found.slow, found.dimension) == (None, None, 0, 1)
    assert not found.final_projection[:, 1:].any()
    attracting = evaluate(classifier(found, GRADES))[NAMES.index("attracting")]
    assert attracting.agrees is None
    assert "one unit" in attracting.explanation


# The claims


def test_a_simplex_of_topics_agrees_with_every_claim_about_it() -> None:
    found = verdicts(analysis(3, n_unstable=FACES), TOPICS)
    about_grades = ("ordered: fewer", "in order")
    assert all(found[name] is (None if name in about_grades else True) for name in NAMES)


def test_grades_on_a_line_agree_with_every_claim_about_them() -> None:
    found = verdicts(analysis(5, ordered=True), GRADES)
    about_topics = ("N − 1 dimensions", "a simplex", "a point a face")
    assert all(found[name] is (None if name in about_topics else True) for name in NAMES)


def test_of_two_classes_one_dimension_is_claimed() -> None:
    for corpus in (TOPICS, GRADES, "imdb", "mine.csv"):
        one = analysis(2, n_unstable=np.array([0, 0, 1, -1, -1, -1, -1]))
        found = verdicts(one, corpus, kinds=("fixed",) * 3 + ("slow",) * 4)
        asked = ("N − 1 dimensions", "slow modes", "attracting", "readout in it", "a point a face")
        assert all(found[name] is (True if name in asked else None) for name in NAMES)


def test_of_classes_whose_order_is_unknown_neither_kind_is_claimed() -> None:
    found = verdicts(analysis(3, n_unstable=FACES), "mine.csv")
    assert [name for name, agrees in found.items() if agrees is not None] == [
        "slow modes", "attracting", "readout in it",
    ]  # fmt: skip


def test_fixed_points_whose_growing_modes_are_not_known_are_none_of_the_faces() -> None:
    one_open = np.array([0, 0, 0, 1, 1, 1, -1])
    findings = evaluate(classifier(analysis(3, n_unstable=one_open), TOPICS))
    finding = findings[NAMES.index("a point a face")]
    assert finding.agrees is None
    assert "1 of which that is not known" in finding.measured
    three_and_more = np.array([0, 0, 1, -1, -1, -1, -1])  # those of two classes, and four
    assert verdicts(analysis(2, n_unstable=three_and_more), TOPICS)["a point a face"] is False


def squeezed() -> Any:
    places = corners(3)
    places[2] = places[1] + 0.3 * (places[2] - places[1])
    return nc.class_geometry(places, np.arange(3))


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("N − 1 dimensions", {"settled": nc.intrinsic_dimension(np.eye(5))}),
        ("slow modes", {"slow": 3}),
        ("slow modes", {"slow": None}),
        ("attracting", {"decay": nc.PerturbationDecay(np.ones(2), np.full(2, 0.6), 2, 0.1)}),
        ("a simplex", {"geometry": squeezed()}),
        ("readout in it", {"readout_angles": np.array([3.0, 46.0])}),
        ("a point a face", {"n_unstable": np.array([0, 0, 1, 1, 1, 1, 2])}),
    ],
)
def test_what_breaks_a_rule_breaks_that_claim(name: str, changes: dict[str, Any]) -> None:
    found = verdicts(analysis(3, **{"n_unstable": FACES, **changes}), TOPICS)
    false = [other for other, agrees in found.items() if agrees is False]
    # Another number of dimensions is another number of slow modes that is asked for.
    assert [other for other in false if name == "slow modes" or other != "slow modes"] == [name]


def test_grades_that_are_not_in_order_are_not() -> None:
    places = corners(5, ordered=True)[[0, 3, 1, 4, 2]]
    found = verdicts(
        analysis(5, ordered=True, geometry=nc.class_geometry(places, np.arange(5))), GRADES
    )
    assert found["in order"] is False


def test_the_ends_of_an_arc_may_meet() -> None:
    # The shortest path leaves the widest gap out, and that is between the second and the third.
    angles = np.array([0.0, 1.0, 2.9, 4.0, 5.1])
    arc = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    found = evaluate(
        classifier(analysis(5, ordered=True, geometry=nc.class_geometry(arc, np.arange(5))), GRADES)
    )[NAMES.index("in order")]
    assert found.agrees
    assert "way round" in found.explanation


def test_without_an_analysis_no_claim_is_tested() -> None:
    assert set(verdicts(None, TOPICS).values()) == {None}


def test_topics_are_claimed_to_lie_on_no_line() -> None:
    network = classifier(analysis(3), TOPICS)
    of_a_line = {"a line", "one long τ", "aligned", "words"}
    for claim in LINE_ATTRACTOR_CLAIMS:
        assert (claim.evaluate(network).agrees is None) is (claim.name in of_a_line)
    for corpus in (GRADES, "mine.csv"):
        others = classifier(analysis(3), corpus)
        assert all(claim.evaluate(others).agrees is not None for claim in LINE_ATTRACTOR_CLAIMS)


# Rows, files and figures


def test_a_row_has_every_column_whatever_was_measured() -> None:
    found = analysis(3, n_unstable=FACES)
    whole, empty = (classifier(one, TOPICS).layers[0] for one in (found, None))
    assert geometry_of(whole).keys() == geometry_of(empty).keys()
    assert set(geometry_of(empty).values()) == {None}
    (row,) = network_rows(classifier(analysis(3, n_unstable=FACES), TOPICS), TrainingSettings())
    json.dumps(row, allow_nan=False)
    assert row[f"{GEOMETRY}settled components"] == 2
    assert row[f"{GEOMETRY}unstable modes"] == [3, 3, 1]
    assert row[f"{CLAIM}a simplex"] is True
    assert row[f"{CLAIM}in order"] is None


def test_an_analysis_with_classes_is_kept(tmp_path: Path) -> None:
    network = classifier(analysis(3, n_unstable=FACES), TOPICS)
    network.save(tmp_path / "analysis.npz")
    again = NetworkAnalysis.load(tmp_path / "analysis.npz")
    assert json.dumps(again.to_json()) == json.dumps(network.to_json())
    assert verdicts(again.layers[0].classes, TOPICS) == verdicts(network.layers[0].classes, TOPICS)


@pytest.mark.parametrize(("n", "corpus"), [(3, TOPICS), (5, TOPICS), (5, GRADES)])
def test_more_than_two_classes_are_drawn(n: int, corpus: str) -> None:
    found = analysis(n, ordered=corpus == GRADES)
    points = np.zeros((7, 3))
    network = classifier(replace(found, n_unstable=FACES, point_projection=points), corpus)
    (plan,) = class_figures(network)
    figure = plan.draw(network)
    first = figure.axes[0]
    assert hasattr(first, "get_zlim") is (found.dimension > 2)
    assert [text.get_text() for text in first.texts] == list("0001112")
    edges = [line for line in first.lines if line.get_alpha() == 0.6]
    assert len(edges) == (n - 1 if corpus == GRADES else n * (n - 1) // 2)
    assert all(np.size(line.get_xdata()) == 2 for line in edges)
    assert all(name in plan.caption for name in ("10 steps", "modes"))
    assert not list(class_figures(classifier(analysis(2), corpus)))


def test_colours_say_whether_classes_are_ordered() -> None:
    names = ("a", "b", "c")
    assert is_ordered("mine.csv", ("1", "2.5", "10")) is True
    assert is_ordered("mine.csv", names) is None
    assert colours_of_classes(TOPICS, names) != colours_of_classes(GRADES, names)


@pytest.mark.parametrize("corpus", [TOPICS, GRADES])
@pytest.mark.parametrize("n", [2, 4])
def test_pages_say_what_the_languages_are(corpus: str, n: int) -> None:
    said = describe_corpus(corpus, tuple("abcdefgh"[:n]))
    assert "generated" in said
    assert ("number." in said or "one number" in said) is (n == 2)


# Corpora that are hardly any


def tiny(train_labels: list[int], test_labels: list[int], n: int) -> Corpus:
    def split(labels: list[int]) -> Split:
        return Split(tuple(f"word{label} and so on" for label in labels), np.array(labels))

    return Corpus("tiny.csv", split(train_labels), split(test_labels), tuple("abcdefgh"[:n]))


@pytest.mark.parametrize(
    ("corpus", "units"),
    [
        (tiny([0, 1, 2] * 7, [0, 1, 2] * 2, 3), 4),
        (tiny([0, 1, 2] * 7, [0, 2] * 3, 3), 4),  # a class without test reviews
        (tiny([0, 1, 2] * 7, [0, 1, 2], 3), 4),  # one test review a class
        (tiny([0, 1, 2, 3, 4] * 6, [0, 1, 2, 3, 4] * 2, 5), 2),  # more classes than units
        (tiny([0, 1, 2] * 7, [1, 1, 1], 3), 4),  # one class in the split
    ],
    ids=["plain", "no test", "one each", "two units", "one class"],
)
def test_odd_corpora_are_analysed(corpus: Corpus, units: int, tmp_path: Path) -> None:
    settings = TrainingSettings(
        hidden_size=units, embedding_size=3, classes=len(corpus.classes), epochs=1,
        vectors="random",
    )  # fmt: skip
    checkpoint = train(corpus, settings, tmp_path / "run", progress=False)
    found = analyse(checkpoint, corpus, AnalysisSettings(n_starts=4, n_sample=10, n_threads=1))
    (row,) = network_rows(found, settings)
    json.dumps(row, allow_nan=False)
    classes = found.layers[0].classes
    present = set(corpus.test.labels.tolist())
    if len(present) == 1:
        assert classes is None
    else:
        assert classes is not None
        assert classes.geometry.classes.tolist() == sorted(present)
    if units == 2 or len(present) == 1:
        assert draw_figures(found, tmp_path / "figures", ["png"])


@pytest.mark.parametrize("labels", [[0, 1] * 10, [0, 1, 2]])
def test_classes_without_a_review_to_train_on_are_refused(
    labels: list[int], tmp_path: Path
) -> None:
    settings = TrainingSettings(hidden_size=2, embedding_size=3, classes=3, vectors="random")
    with pytest.raises(ValueError, match="to train on is"):
        train(tiny(labels, [0, 1, 2], 3), settings, tmp_path / "run", progress=False)


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_has_classes(cell: str, tmp_path: Path) -> None:
    corpus = tiny([0, 1, 2] * 7, [0, 1, 2] * 2, 3)
    settings = TrainingSettings(
        cell=cell, layers=2, hidden_size=3, embedding_size=3, classes=3, epochs=1,
        vectors="random",
    )  # fmt: skip
    checkpoint = train(corpus, settings, tmp_path / "run", progress=False)
    found = analyse(checkpoint, corpus, AnalysisSettings(n_starts=4, n_sample=10, n_threads=1))
    for layer, has_readout in zip(found.layers, (False, True), strict=True):
        assert layer.classes is not None
        assert (layer.classes.readout_angles is not None) is has_readout
