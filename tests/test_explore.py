"""What a page to explore holds: places, spectra, words, texts as they are, and nothing made up."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

import nullcline as nc
from nullcline.interactive.packing import packed_floats
from nullcline.interactive.page import PLOTLY
from nullcline.plotting import Projection
from testing.explored import (
    HOSTILE,
    INPUTS,
    UNITS,
    floats_in,
    network,
    places_in,
    points_of,
    record_in,
    texts_in,
    visited,
)

if TYPE_CHECKING:
    from pathlib import Path

CELL = network()
STATES = visited(CELL)
FLAT = STATES.reshape(-1, UNITS)
POINTS = points_of(CELL, STATES)
READOUT = np.arange(1.0, UNITS + 1)
WORDS = tuple(f"word {i}" for i in range(30))
VECTORS = np.random.default_rng(2).normal(size=(30, INPUTS))


@pytest.fixture(autouse=True)
def _without_plotlys_script(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write small pages: what is looked at here is their record."""
    monkeypatch.setattr("plotly.offline.get_plotlyjs", lambda: "var Plotly;")


def layer_of(folder: Path, points: Any = POINTS, **given: Any) -> dict[str, Any]:
    """Return the only layer in the page of what is given."""
    (layer,) = record_in(nc.explore(points, path=folder / "page.html", **given))["layers"]
    assert isinstance(layer, dict)
    return layer


def components(states: np.ndarray, count: int = 3) -> np.ndarray:
    """Return principal components by the plainest means, shape (count, S)."""
    return np.asarray(np.linalg.svd(states - states.mean(axis=0))[2][:count])


def test_states_and_points_lie_on_the_components_of_the_states(tmp_path: Path) -> None:
    layer = layer_of(tmp_path, states=FLAT)
    axes = components(FLAT)
    axes *= np.sign(axes[range(3), np.abs(axes).argmax(axis=1)])[:, None]
    for rows, packed in ((FLAT, layer["states"]), (POINTS.h, layer["points"])):
        expected = (rows - FLAT.mean(axis=0)) @ axes.T
        np.testing.assert_allclose(places_in(packed["places"]), expected, atol=1e-5)
    shares = np.linalg.svd(FLAT - FLAT.mean(axis=0), compute_uv=False) ** 2
    share = 100 * shares[0] / shares.sum()
    assert layer["axes"][0] == f"component 1 ({share:.0f}%)"


def test_fewer_states_than_units_have_components_too(tmp_path: Path) -> None:
    few = FLAT[:4]
    places = places_in(layer_of(tmp_path, states=few)["states"]["places"])
    distances = np.linalg.norm(places[:, None] - places, axis=2)
    np.testing.assert_allclose(
        distances, np.linalg.norm(few[:, None] - few, axis=2), atol=1e-5
    )  # four states span three dimensions


def test_components_point_to_where_the_readout_rises(tmp_path: Path) -> None:
    for readout in (READOUT, -READOUT):
        layer = layer_of(tmp_path, states=FLAT, readout=readout)
        places = places_in(layer["states"]["places"])
        assert np.corrcoef(places[:, 0], FLAT @ readout)[0, 1] > 0


def test_the_first_axis_may_be_the_readout(tmp_path: Path) -> None:
    layer = layer_of(tmp_path, states=FLAT, readout=READOUT, projection="readout")
    places = places_in(layer["states"]["places"])
    along = (FLAT - FLAT.mean(axis=0)) @ READOUT / np.linalg.norm(READOUT)
    np.testing.assert_allclose(places[:, 0], along, atol=1e-5)
    assert layer["axes"][0] == "along the readout"
    assert layer["axes"][1].startswith("component 1")
    assert abs(np.corrcoef(places[:, 1], places[:, 2])[0, 1]) < 1e-3


def test_axes_may_be_given(tmp_path: Path) -> None:
    layer = layer_of(tmp_path, states=FLAT, projection=np.eye(UNITS)[[2, 0, 1]])
    expected = (FLAT - FLAT.mean(axis=0))[:, [2, 0, 1]]
    np.testing.assert_allclose(places_in(layer["states"]["places"]), expected, atol=1e-5)


def test_axes_may_be_those_of_a_picture_with_their_names_and_shares(tmp_path: Path) -> None:
    shown = Projection.principal(FLAT[:40]).towards(READOUT)
    layer = layer_of(tmp_path, states=FLAT, projection=shown)
    places = places_in(layer["states"]["places"])
    np.testing.assert_allclose(places[:, :2], shown(FLAT), atol=1e-5)
    assert tuple(layer["axes"][:2]) == shown.labels
    assert layer["axes"][2].startswith("component 3 (")


def test_spectra_are_those_of_the_linearization(tmp_path: Path) -> None:
    layer = layer_of(tmp_path, states=FLAT)
    modes = nc.linearize(CELL, POINTS)
    for i, spectrum in enumerate(layer["points"]["spectra"]):
        found = floats_in(spectrum["eigenvalues"]).reshape(2, -1)
        np.testing.assert_allclose(found[0] + 1j * found[1], modes.eigenvalues[i], atol=1e-6)
        assert spectrum["stability"] == modes.stability[i]
        assert spectrum["largest"] == pytest.approx(np.abs(modes.eigenvalues[i]).max(), rel=1e-5)
        listed = [mode["modulus"] for mode in spectrum["modes"]]
        slowest = np.abs(modes.by_time_constant().eigenvalues[i])
        assert set(np.round(listed, 4)) <= set(np.round(slowest, 4))
    assert layer["points"]["kind"] == POINTS.kind.tolist()
    assert layer["points"]["count"] == POINTS.count.tolist()


def test_a_mode_on_the_unit_circle_has_no_finite_time_constant(tmp_path: Path) -> None:
    layer = layer_of(tmp_path)
    minimum = POINTS.kind.tolist().index("minimum")  # where one eigenvalue is 1
    assert layer["points"]["spectra"][minimum]["slowest"] is None
    assert layer["points"]["spectra"][minimum]["modes"][0]["tau"] is None
    stable = layer["points"]["spectra"][1]
    largest = stable["modes"][0]["modulus"]
    assert stable["slowest"] == pytest.approx(1 / abs(np.log(largest)), rel=1e-4)


def test_times_are_in_the_units_of_the_user(tmp_path: Path) -> None:
    steps = record_in(nc.explore(POINTS, path=tmp_path / "a.html"))
    milliseconds = record_in(nc.explore(POINTS, path=tmp_path / "b.html", dt=20, unit="ms"))
    assert (steps["unit"], milliseconds["unit"]) == ("steps", "ms")
    one, other = (record["layers"][0]["points"]["spectra"][1] for record in (steps, milliseconds))
    assert other["slowest"] == pytest.approx(20 * one["slowest"], rel=1e-4)


def test_a_cells_own_dt_is_the_users_unit(tmp_path: Path) -> None:
    cell = nc.LeakyRNN(
        np.ones((2, 1)), np.zeros((2, 2)), np.zeros(2), alpha=None, dt=5.0, tau=50.0
    )  # fmt: skip
    points = nc.find_fixed_points(cell, np.zeros((1, 2)))
    record = record_in(nc.explore(points, path=tmp_path / "page.html"))
    assert record["dt"] == 5
    assert record["layers"][0]["points"]["spectra"][0]["slowest"] == pytest.approx(
        5 / abs(np.log(0.9)), rel=1e-5
    )


def test_words_are_ranked_by_their_lasting_effect_on_the_readout(tmp_path: Path) -> None:
    layer = layer_of(tmp_path, words=(WORDS, VECTORS), readout=READOUT)
    effects = nc.word_effects(nc.linearize(CELL, POINTS), VECTORS, READOUT, point=1)
    assert effects.steady is not None
    assert effects.instantaneous is not None
    shown = layer["points"]["spectra"][1]["words"]
    assert shown["measure"] == "readout"
    best = int(np.argmax(effects.steady))
    assert shown["rows"][0][0] == WORDS[best]
    assert shown["rows"][0][1] == pytest.approx(effects.steady[best], rel=1e-4)
    assert shown["rows"][0][2] == pytest.approx(effects.instantaneous[best], rel=1e-4)
    down = [row for row in shown["rows"] if row[1] < 0]
    assert down[0][0] == WORDS[int(np.argmin(effects.steady))]


def test_without_a_readout_words_are_ranked_along_the_slowest_mode(tmp_path: Path) -> None:
    layer = layer_of(tmp_path, words=dict(zip(WORDS, VECTORS, strict=True)))
    effects = nc.word_effects(nc.linearize(CELL, POINTS), VECTORS, point=1)
    shown = layer["points"]["spectra"][1]["words"]
    assert shown["measure"] == "mode"
    assert shown["rows"][0][0] == WORDS[int(np.argmax(effects.projections[:, 0].real))]


def test_effects_that_are_known_need_no_cell(tmp_path: Path) -> None:
    modes = nc.linearize(CELL, POINTS)
    effects = [
        nc.word_effects(modes, VECTORS, READOUT, point=point) for point in range(len(POINTS))
    ]
    POINTS.save(tmp_path / "points.npz")
    loaded = nc.FixedPoints.load(tmp_path / "points.npz")
    layer = layer_of(tmp_path, loaded, words=(WORDS, effects))
    assert effects[1].steady is not None
    assert layer["points"]["words"][1]["rows"][0][0] == WORDS[int(np.argmax(effects[1].steady))]


def test_points_without_a_cell_have_no_spectra_and_say_so(tmp_path: Path) -> None:
    POINTS.save(tmp_path / "points.npz")
    loaded = nc.FixedPoints.load(tmp_path / "points.npz")
    assert layer_of(tmp_path, loaded)["points"]["linearized"] is False
    assert set(layer_of(tmp_path, loaded)["points"]["spectra"]) == {None}
    assert None not in layer_of(tmp_path, loaded, cell=CELL)["points"]["spectra"]


def test_a_linearization_that_is_known_is_not_computed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes = nc.linearize(CELL, POINTS)
    monkeypatch.setattr("nullcline.interactive.modes.linearize", None)
    assert None not in layer_of(tmp_path, linearization=modes)["points"]["spectra"]
    with pytest.raises(ValueError, match="linearization must be that of the points"):
        nc.explore(POINTS.select([0]), linearization=modes, path=tmp_path / "page.html")


def test_spectra_go_to_the_best_kinds_and_most_starts(tmp_path: Path) -> None:
    points = POINTS.select(np.arange(len(POINTS))[::-1])
    spectra = layer_of(tmp_path, points, max_spectra=3)["points"]["spectra"]
    shown = {i for i, spectrum in enumerate(spectra) if spectrum is not None}
    fixed = np.flatnonzero(points.kind == "fixed")
    assert shown == set(fixed[np.argsort(-points.count[fixed], kind="stable")][:3].tolist())


def test_ends_of_a_search_are_merged_to_points(tmp_path: Path) -> None:
    ends = nc.find_fixed_points(CELL, FLAT[:50], n_threads=1)
    assert layer_of(tmp_path, ends)["points"]["n"] == len(ends.unique())


def test_too_many_states_are_thinned_alike_every_time_and_it_is_said(tmp_path: Path) -> None:
    texts = [f"state {i}" for i in range(len(FLAT))]
    first, second = (
        layer_of(tmp_path, states=FLAT, texts=texts, max_states=100)["states"] for _ in range(2)
    )
    assert first == second
    assert (first["n"], first["total"]) == (100, len(FLAT))
    rows = [int(text.split()[1]) for text in texts_in(first["texts"])]
    assert rows == sorted(set(rows))
    axes = layer_of(tmp_path, states=FLAT[rows])["states"]["places"]
    np.testing.assert_array_equal(places_in(first["places"]), places_in(axes))


def test_trajectories_break_where_they_are_not_finite(tmp_path: Path) -> None:
    paths = STATES[:2].copy()
    paths[0, 3] = np.nan
    paths[0, 4, 0] = np.inf
    paths[1, 7:] = np.nan  # padding
    first, second = layer_of(tmp_path, trajectories=paths)["trajectories"]
    broken = np.isnan(places_in(first["places"])).all(axis=1)
    np.testing.assert_array_equal(np.flatnonzero(broken), [3, 4])
    assert (first["n"], second["n"]) == (10, 7)


@pytest.mark.parametrize(
    "given",
    [
        STATES[0],
        STATES[:1],
        [STATES[0]],
        torch.from_numpy(STATES[0]),
        np.concatenate([STATES[0], np.full((2, UNITS), np.nan)]),
    ],
    ids=["T x S", "m x T x S", "list", "tensor", "padded"],
)
def test_trajectories_come_in_many_forms(tmp_path: Path, given: Any) -> None:
    (path,) = layer_of(tmp_path, trajectories=given, states=FLAT)["trajectories"]
    expected = layer_of(tmp_path, trajectories=STATES[0], states=FLAT)["trajectories"][0]
    assert path == expected


def test_a_trajectory_without_a_finite_state_is_empty(tmp_path: Path) -> None:
    (path,) = layer_of(tmp_path, trajectories=np.full((3, UNITS), np.nan))["trajectories"]
    assert path["n"] == 0


def test_trajectories_beyond_the_limit_are_left_out_and_it_is_said(tmp_path: Path) -> None:
    layer = layer_of(tmp_path, trajectories=STATES, max_states=35)
    assert len(layer["trajectories"]) == 3
    assert layer["all_trajectories"] == len(STATES)


def test_one_long_trajectory_is_cut_and_it_is_said(tmp_path: Path) -> None:
    (path,) = layer_of(tmp_path, trajectories=[FLAT, FLAT], max_states=35)["trajectories"]
    assert path["n"] == 35
    assert path["name"] == "trajectory 1 (the first 35 of 400 states)"


def test_a_trajectory_has_its_words_and_its_readout(tmp_path: Path) -> None:
    words = [f"w{i}" for i in range(10)]
    (path,) = layer_of(
        tmp_path, trajectories=STATES[0], trajectory_words=words, trajectory_names=["a text"],
        readout=READOUT,
    )["trajectories"]  # fmt: skip
    assert path["words"] == words
    assert path["name"] == "a text"
    np.testing.assert_allclose(floats_in(path["readout"]), STATES[0] @ READOUT, rtol=1e-5)


def test_curves_are_drawn_on_the_same_axes(tmp_path: Path) -> None:
    traced = nc.trace(CELL, POINTS.select([0]), n_threads=1)
    curve = traced.curves[0]
    expected = layer_of(tmp_path, states=FLAT, curves=curve.h)["curves"]
    assert len(places_in(expected[0])) == len(curve)
    for given in (traced, curve, [curve], [curve.h]):
        assert layer_of(tmp_path, states=FLAT, curves=given)["curves"] == expected


def test_texts_arrive_as_they_are_and_never_as_markup(tmp_path: Path) -> None:
    texts = [*HOSTILE, *HOSTILE][: len(FLAT)]
    states = FLAT[: len(texts)]
    page = nc.explore(
        POINTS, states=states, texts=texts, labels=texts, trajectories=states[:6],
        trajectory_words=[HOSTILE], trajectory_names=[HOSTILE[0]], words=(HOSTILE, VECTORS[:6]),
        title=HOSTILE[0], unit=HOSTILE[1], path=tmp_path / "page.html",
    )  # fmt: skip
    html = page.read_text("utf-8")
    assert html.count("<script") == html.count("</script>") == 3
    assert "<img" not in html
    assert "<title>&lt;/script&gt;" in html
    layer = record_in(page)["layers"][0]
    expected = [text.replace("\ud83d", "?") for text in texts]
    assert texts_in(layer["states"]["texts"]) == expected
    assert layer["trajectories"][0]["words"] == expected[:6]


def test_long_texts_are_cut_with_an_ellipsis(tmp_path: Path) -> None:
    layer = layer_of(tmp_path, states=FLAT[:1], texts=["x" * 10_000])
    (text,) = texts_in(layer["states"]["texts"])
    assert len(text) == 300
    assert text.endswith("…")


def test_labels_that_are_numbers_come_by_size(tmp_path: Path) -> None:
    labels = np.arange(len(FLAT)) % 12
    packed = layer_of(tmp_path, states=FLAT, labels=labels)["states"]["labels"]
    assert packed["distinct"] == [str(i) for i in range(12)]
    assert texts_in(packed) == [str(label) for label in labels]


def test_the_nearest_states_text_is_known_at_each_point(tmp_path: Path) -> None:
    texts = [f"state {i}" for i in range(len(FLAT))]
    layer = layer_of(tmp_path, states=FLAT, texts=texts)
    distances = np.linalg.norm(POINTS.h[:, None] - FLAT, axis=2)
    assert layer["points"]["nearest"] == distances.argmin(axis=1).tolist()


def test_an_empty_set_is_a_page_of_its_states(tmp_path: Path) -> None:
    layer = layer_of(tmp_path, POINTS.select([]), states=FLAT, words=(WORDS, VECTORS))
    assert layer["points"]["n"] == 0
    assert layer["states"]["n"] == len(FLAT)


def test_an_empty_set_alone_is_a_page_too(tmp_path: Path) -> None:
    assert layer_of(tmp_path, POINTS.select([]))["points"]["n"] == 0


def test_one_point_alone_lies_at_the_origin(tmp_path: Path) -> None:
    layer = layer_of(tmp_path, POINTS.select([1]))
    np.testing.assert_array_equal(places_in(layer["points"]["places"]), np.zeros((1, 3)))


def test_one_unit_has_one_axis(tmp_path: Path) -> None:
    cell = nc.RNN(np.ones((1, 1)), [[2.0]], [0.0], [0.0])
    starts = np.linspace(-1, 1, 11)[:, None]
    layer = layer_of(tmp_path, nc.find_fixed_points(cell, starts), states=starts)
    places = places_in(layer["states"]["places"])
    np.testing.assert_allclose(places[:, 0], starts[:, 0], atol=1e-6)
    assert not places[:, 1:].any()


def test_a_point_that_is_not_finite_has_no_place_and_no_spectrum(tmp_path: Path) -> None:
    h, q, kind = POINTS.h.copy(), POINTS.q.copy(), POINTS.kind.astype("U11")
    h[0], q[0], kind[0] = np.inf, np.nan, "unconverged"
    points = replace(POINTS, h=h, q=q, kind=kind)
    layer = layer_of(tmp_path, points)["points"]
    lost = layer["kind"].index("unconverged")
    assert np.isnan(places_in(layer["places"])[lost]).all()
    assert layer["q"][lost] is None
    assert layer["spectra"][lost] is None


def test_what_float32_cannot_hold_has_no_place() -> None:
    found = floats_in(packed_floats([1.0, 1e300, -np.inf, np.nan]))
    np.testing.assert_array_equal(found, np.array([1, np.nan, np.nan, np.nan], np.float32))


def test_conditions_are_filtered_in_order(tmp_path: Path) -> None:
    inputs = {coherence: np.full(INPUTS, coherence) for coherence in (10.0, 9.0, 0.5)}
    points = nc.find_fixed_points(CELL, FLAT[:5], inputs, n_threads=1)
    assert layer_of(tmp_path, points)["points"]["conditions"] == ["0.5", "9.0", "10.0"]


def test_conditions_travel_with_points(tmp_path: Path) -> None:
    inputs = {"left <b>": np.ones(INPUTS), "right": -np.ones(INPUTS)}
    points = nc.find_fixed_points(CELL, FLAT[:20], inputs, n_threads=1).unique()
    layer = layer_of(tmp_path, points)
    assert points.condition is not None
    assert layer["points"]["condition"] == points.condition.tolist()


class TestLSTM:
    rng = np.random.default_rng(0)
    cell = nc.LSTM(rng.normal(size=(16, 2)), rng.normal(size=(16, 4)), np.zeros(16), np.zeros(16))
    states = cell.step(rng.uniform(-1, 1, (30, 8)))
    points = nc.find_fixed_points(cell, states, n_threads=1)

    def test_whole_states_are_looked_at_whole(self, tmp_path: Path) -> None:
        assert layer_of(tmp_path, self.points, states=self.states)["size"] == 8

    @pytest.mark.parametrize("with_cell", [True, False])
    def test_where_outputs_alone_are_given_all_is_outputs(
        self, tmp_path: Path, with_cell: bool
    ) -> None:
        points = self.points if with_cell else replace(self.points, cell=None)
        layer = layer_of(
            tmp_path,
            points,
            states=self.states[:, :4],
            trajectories=self.states,
            curves=self.states,
        )
        assert layer["size"] == 4
        outputs = self.states[:, :4]
        expected = (outputs - outputs.mean(axis=0)) @ components(outputs).T
        for packed in (layer["states"]["places"], layer["trajectories"][0]["places"]):
            np.testing.assert_allclose(np.abs(places_in(packed)), np.abs(expected), atol=1e-5)

    def test_a_readout_sees_outputs_alone(self, tmp_path: Path) -> None:
        readout = np.arange(1.0, 5)
        (path,) = layer_of(
            tmp_path, self.points, states=self.states, trajectories=self.states, readout=readout
        )["trajectories"]
        np.testing.assert_allclose(
            floats_in(path["readout"]), self.states[:, :4] @ readout, rtol=1e-5
        )


def test_layers_are_switched_between(tmp_path: Path) -> None:
    page = nc.explore(
        {"layer 1": POINTS, "layer 2": POINTS.select("fixed")},
        states={"layer 2": FLAT},
        readout={"layer 2": READOUT},
        path=tmp_path / "page.html",
    )
    first, second = record_in(page)["layers"]
    assert (first["name"], second["name"]) == ("layer 1", "layer 2")
    assert (first["states"]["n"], second["states"]["n"]) == (0, len(FLAT))
    assert second["points"]["n"] == np.sum(POINTS.kind == "fixed")


def test_a_page_stands_alone_or_shares_plotlys_script(tmp_path: Path) -> None:
    alone = nc.explore(POINTS, path=tmp_path / "alone.html").read_text("utf-8")
    assert "var Plotly;" in alone
    assert not re.search(r"<(script|link|img)[^>]* (src|href)=", alone)
    assert [path.name for path in tmp_path.iterdir()] == ["alone.html"]
    sharing = nc.explore(POINTS, path=tmp_path / "sharing.html", self_contained=False)
    assert "var Plotly;" not in sharing.read_text("utf-8")
    assert (tmp_path / PLOTLY).read_text("utf-8") == "var Plotly;"


def test_the_same_points_give_the_same_page(tmp_path: Path) -> None:
    first, second = (
        nc.explore(POINTS, states=FLAT, path=tmp_path / name).read_bytes() for name in ("a", "b")
    )
    assert first == second


def test_a_page_that_cannot_be_made_leaves_the_old_one(tmp_path: Path) -> None:
    path = nc.explore(POINTS, path=tmp_path / "page.html")
    before = path.read_bytes()
    with pytest.raises(ValueError, match="states"):
        nc.explore(POINTS, states=FLAT[:, :2], path=path)
    assert path.read_bytes() == before
    nc.explore(POINTS, states=FLAT, path=path)
    assert path.read_bytes() != before


def test_without_plotly_one_sentence_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "plotly"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "plotly", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'nullcline\[explore\]'"):
        nc.explore(POINTS, path=tmp_path / "page.html")


BAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "conditions of states": ({"states": {"left": FLAT}}, TypeError, "as labels"),
    "conditions of trajectories": (
        {"trajectories": {"left": STATES}}, TypeError, "as trajectory_names",
    ),
    "states of several trials": (
        {"states": STATES}, ValueError, rf"states.reshape\(-1, {UNITS}\)",
    ),
    "states of another width": ({"states": FLAT[:, :4]}, ValueError, "states must have shape"),
    "states with NaN": ({"states": FLAT * np.nan}, ValueError, "states must be finite"),
    "one state": ({"states": FLAT[0]}, ValueError, "states must have shape"),
    "texts of another number": ({"states": FLAT, "texts": ["a"]}, ValueError, "texts must hold"),
    "texts without states": ({"texts": ["a"]}, ValueError, "texts must hold one for each of 0"),
    "one text": ({"states": FLAT, "texts": "a text"}, TypeError, "not be one text"),
    "labels by the hundred": (
        {"states": FLAT, "labels": range(len(FLAT))}, ValueError, "labels must have at most",
    ),
    "a number for trajectories": ({"trajectories": 3}, TypeError, "trajectories must be"),
    "trajectories of another width": (
        {"trajectories": [FLAT[:, :3]]}, ValueError, r"trajectories\[0\] must have shape",
    ),
    "too few words": (
        {"trajectories": STATES[0], "trajectory_words": ["a"]},
        ValueError, r"trajectory_words\[0\]",
    ),
    "too few lists of words": (
        {"trajectories": STATES, "trajectory_words": [["a"]]}, ValueError, "trajectory_words must",
    ),
    "another cell": (
        {"cell": nc.RNN([[1.0]], [[1.0]], [0.0], [0.0])}, ValueError, "cell must have states of",
    ),
    "no cell": ({"cell": "cell"}, TypeError, "cell must be a nullcline cell"),
    "no linearization": ({"linearization": 3}, TypeError, "linearization must be what"),
    "a readout of another size": ({"readout": np.ones(4)}, ValueError, "readout must have shape"),
    "a readout of zeros": ({"readout": np.zeros(UNITS)}, ValueError, "readout must not be zero"),
    "words alone": ({"words": ["a"]}, TypeError, "words must map each word"),
    "words of another width": (
        {"words": (["a"], np.ones((1, 7)))}, ValueError, "words must have vectors of length 3",
    ),
    "no word": ({"words": {}}, ValueError, "words must come with vectors"),
    "effects of other words": (
        {"words": (["a"], [nc.word_effects(nc.linearize(CELL, POINTS), VECTORS)])},
        ValueError, "words must come with WordEffects",
    ),
    "an unknown projection": ({"projection": "pca"}, ValueError, "projection must be None"),
    "the readout without one": ({"projection": "readout"}, ValueError, "needs a readout"),
    "a projection of other states": (
        {"projection": Projection.of_units([0, 1], size=UNITS + 1)},
        ValueError,
        "projection must have shape",
    ),
    "a flat projection": ({"projection": np.ones(UNITS)}, ValueError, "projection must have shape"),
    "no step": ({"dt": 0}, ValueError, "dt must be above 0"),
    "no states at most": ({"max_states": 0}, ValueError, "max_states"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_does_not_fit_is_refused_in_a_sentence(tmp_path: Path, case: str) -> None:
    given, error, sentence = BAD[case]
    with pytest.raises(error, match=sentence):
        nc.explore(POINTS, path=tmp_path / "page.html", **given)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("points", "given", "error", "sentence"),
    [
        (FLAT, {}, TypeError, "points must be what"),
        ({}, {}, ValueError, "at least one layer"),
        ({"a": POINTS}, {"states": FLAT}, TypeError, "states must map names of layers"),
        ({"a": POINTS}, {"states": {"b": FLAT}}, ValueError, "states must map names of layers of"),
    ],
    ids=["states for points", "no layer", "no mapping", "an unknown layer"],
)
def test_layers_are_named_alike(
    tmp_path: Path, points: Any, given: Any, error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        nc.explore(points, path=tmp_path / "page.html", **given)


def test_importing_nullcline_brings_no_plotly() -> None:
    command = "import sys, nullcline; nullcline.explore; sys.exit('plotly' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", command], check=False).returncode == 0
