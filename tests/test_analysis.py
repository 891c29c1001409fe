"""The analyses of a trained network say of it what an obvious computation says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

import nullcline as nc
from nullcline._support.tolerances import MARGINAL
from nullcline.study import baselines
from nullcline.study.analysis import analyse, find_points
from nullcline.study.layer_analysis import N_SPECTRA
from nullcline.study.point_analysis import N_LINEARIZED
from nullcline.study.results import NetworkAnalysis
from nullcline.study.settings import AnalysisSettings
from nullcline.study.states import visit_states
from nullcline.training import train
from nullcline.training.bag_of_words import fit_bag_of_words
from testing.gru_samples import cell_of, independent_units
from testing.study_samples import layer, network, spectrum
from testing.tiny_study import SETTINGS, tiny_corpus

if TYPE_CHECKING:
    from pathlib import Path

    from nullcline.training import Checkpoint

CORPUS = tiny_corpus()
ANALYSIS = AnalysisSettings(n_starts=30, n_sample=60)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    settings = replace(SETTINGS, layers=2, epochs=2)
    return train(CORPUS, settings, tmp_path_factory.mktemp("run"), progress=False)


@pytest.fixture(scope="module")
def analysis(checkpoint: Checkpoint) -> NetworkAnalysis:
    return analyse(checkpoint, CORPUS, ANALYSIS)


def states(checkpoint: Checkpoint, *, trained: bool = True) -> np.ndarray:
    """Return every state of the top layer on the test reviews, one review at a time."""
    model = checkpoint.model(trained=trained)
    with torch.no_grad():
        paths = [
            model.rnn(model.embedding(torch.from_numpy(checkpoint.encode(text))[None]))[0][0]
            for text in CORPUS.test.texts
        ]
    return torch.cat(paths).double().numpy()


def ratios(cloud: np.ndarray) -> np.ndarray:
    variances = np.linalg.eigvalsh(np.cov(cloud.T))[::-1]
    return np.asarray(variances / variances.sum())


def test_components_are_of_all_test_states(
    checkpoint: Checkpoint, analysis: NetworkAnalysis
) -> None:
    top = analysis.layers[-1]
    cloud, untrained = states(checkpoint), states(checkpoint, trained=False)
    assert top.n_states == len(cloud)
    np.testing.assert_allclose(top.mean, cloud.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(top.explained_variance_ratio, ratios(cloud), atol=1e-6)
    np.testing.assert_allclose(top.explained_variance_ratio_untrained, ratios(untrained), atol=1e-6)


def test_the_search_starts_from_visited_states(
    checkpoint: Checkpoint, analysis: NetworkAnalysis
) -> None:
    top = analysis.layers[-1]
    assert len(top.points) == 30
    assert top.points.inputs is None
    distances = np.abs(top.points.starts[:, None] - states(checkpoint)[None]).max(axis=2)
    assert distances.min(axis=1).max() < 1e-6
    expected = top.points.unique()
    np.testing.assert_array_equal(top.unique.h, expected.h)
    cloud = states(checkpoint)
    radius = np.sqrt(np.mean(np.sum((cloud - cloud.mean(axis=0)) ** 2, axis=1)))
    nearest = np.linalg.norm(top.unique.h[:, None] - top.sample[None], axis=2).min(axis=1)
    np.testing.assert_allclose(top.distance_to_cloud, nearest / radius, rtol=1e-4)


def test_fixed_points_are_proved(analysis: NetworkAnalysis) -> None:
    for layer_analysis in analysis.layers:
        fixed = layer_analysis.unique.kind == "fixed"
        assert fixed.any()
        np.testing.assert_array_equal(np.isfinite(layer_analysis.radius_unique), fixed)
        assert layer_analysis.n_proved == fixed.sum()
        points = layer_analysis.to_json()["points"]
        assert [point["radius_exists"] is not None for point in points] == fixed.tolist()


def test_the_papers_method_is_run_beside(checkpoint: Checkpoint, analysis: NetworkAnalysis) -> None:
    top = analysis.layers[-1]
    cell = nc.from_torch(checkpoint.model().rnn)[-1]
    assert top.descent is not None
    ends = nc.find_fixed_points(
        cell, top.points.starts, method="gradient", tol_slow=top.descent.tol_slow
    )
    assert top.descent.below == (ends.q <= top.descent.tol_slow).sum() > 0
    assert top.descent.distinct == len(ends.unique())
    assert top.descent.fixed == len(ends.unique().select("fixed"))


def test_spectra_are_of_at_most_three_points(
    checkpoint: Checkpoint, analysis: NetworkAnalysis
) -> None:
    cell = nc.from_torch(checkpoint.model().rnn)[-1]
    top = analysis.layers[-1]
    assert 0 < len(top.spectra) <= N_SPECTRA
    best = top.unique.h[:1]
    expected = np.linalg.eigvals(cell.jacobian(best)[0])
    np.testing.assert_allclose(
        np.sort(np.abs(top.spectra[0].eigenvalues)), np.sort(np.abs(expected)), atol=1e-9
    )


def test_points_are_at_zero_at_the_mean_input_and_where_layers_below_rest(
    checkpoint: Checkpoint, analysis: NetworkAnalysis
) -> None:
    model = checkpoint.model()
    cells = nc.from_torch(model.rnn)
    with torch.no_grad():
        read = [
            model.embedding(torch.from_numpy(review))
            for review in checkpoint.reviews(CORPUS).indices
        ]
        below = [model.rnn(vectors[None])[0] for vectors in read]  # of the last layer
    assert below[0].shape[2] == cells[1].hidden_size
    first, last = analysis.layers
    assert [at.input for at in first.at_inputs] == ["zero", "mean"]
    assert [at.input for at in last.at_inputs] == ["zero", "mean", "joint"]
    means = [torch.cat(read).double().mean(dim=0).numpy(), first.mean]
    for cell, layer_analysis, mean in zip(cells, analysis.layers, means, strict=True):
        at_zero, at_mean = layer_analysis.at_inputs[:2]
        np.testing.assert_array_equal(at_zero.unique.h, layer_analysis.unique.h)
        np.testing.assert_array_equal(at_zero.isolation.radii, layer_analysis.distance_to_cloud)
        np.testing.assert_allclose(at_mean.unique.inputs[0], mean, atol=1e-6)
        fixed = at_mean.unique.select("fixed")
        np.testing.assert_allclose(cell.step(fixed.h, fixed.inputs), fixed.h, atol=1e-6)
        assert at_mean.n_fixed == at_mean.n_proved > 0
        assert at_mean.dynamics is not None
    joint = last.at("joint")
    assert joint is not None
    rest = first.unique.select("fixed").h
    stack, points = nc.Stack(cells), joint.unique.select("fixed")
    for state, drive in zip(points.h, points.inputs, strict=True):
        resting = rest[np.abs(rest - drive).max(axis=1).argmin()]
        whole = np.concatenate([resting, state])[None]
        np.testing.assert_allclose(stack.step(whole), whole, atol=1e-5)


def test_spectra_at_inputs_are_of_their_points(
    checkpoint: Checkpoint, analysis: NetworkAnalysis
) -> None:
    cells = nc.from_torch(checkpoint.model().rnn)
    for cell, layer_analysis in zip(cells, analysis.layers, strict=True):
        for at in layer_analysis.at_inputs:
            best = at.unique.select([0])
            jacobian = cell.jacobian(best.h, best.inputs)[0]
            expected = np.abs(np.linalg.eigvals(jacobian.astype(np.float64))).max()
            assert at.spectra[0].spectral_radius == pytest.approx(expected, abs=1e-6)
            assert len(at.spectra) == min(len(at.unique), N_LINEARIZED)


def test_a_bag_of_words_is_fitted_once_for_all_networks_of_the_same_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def fitting(checkpoint: Checkpoint, corpus: Any) -> Any:
        asked.append((checkpoint.settings.cell, checkpoint.settings.seed))
        return fit_bag_of_words(checkpoint, corpus)

    monkeypatch.setattr(baselines, "fit_bag_of_words", fitting)
    monkeypatch.setattr(baselines, "_fitted", {})
    found = []
    for i, changes in enumerate(
        [{}, {"cell": "rnn"}, {"seed": 1}, {"max_tokens": 2}, {"train_size": 50}, {"layers": 2}]
    ):
        settings = replace(SETTINGS, epochs=1, **changes)
        trained = train(CORPUS, settings, tmp_path / str(i), device="cpu", progress=False)
        found.append(baselines.baseline_of(trained, CORPUS))
        expected = fit_bag_of_words(trained, CORPUS)
        np.testing.assert_array_equal(found[-1].weights, expected.weights)
        assert found[-1].test_accuracy == expected.test_accuracy
    assert asked == [("gru", 0), ("gru", 1), ("gru", 0), ("gru", 0)]
    assert found[0] is found[1] is found[5]


def test_walks_follow_the_example_reviews(analysis: NetworkAnalysis) -> None:
    for layer_analysis in analysis.layers:
        assert [walk.label for walk in layer_analysis.walks] == [1, 0]
        for walk in layer_analysis.walks:
            assert walk.projection.shape == (len(walk.tokens), 2)
            assert 0 < walk.probability < 1


def test_the_linear_maps_are_asked_what_they_explain(
    checkpoint: Checkpoint, analysis: NetworkAnalysis
) -> None:
    model = checkpoint.model()
    cell, top = nc.from_torch(model.rnn)[-1], analysis.layers[-1]
    visited = visit_states(model, checkpoint.reviews(CORPUS), n_sample=60, seed=0)[-1]
    order = np.lexsort((-top.unique.count, top.unique.kind != "fixed"))[:N_LINEARIZED]
    modes = nc.linearize(cell, top.unique.select(order))
    found = top.dynamics
    assert found is not None
    step = nc.predict_next_states(modes, visited.sample_before, visited.sample_inputs)
    assert found.next_state_r2 == pytest.approx(step.r2)
    assert found.next_change_r2 == pytest.approx(step.r2_of_change)
    np.testing.assert_allclose(found.next_by_distance.r2, step.by_distance(10).r2)
    assert top.unique.count[found.point] == top.unique.count.max()
    slowest = nc.linearize(cell, top.unique.select([found.point])).time_constants[0]
    np.testing.assert_allclose(found.time_constants, np.sort(slowest)[::-1][:5], rtol=1e-6)


def test_words_are_of_the_first_layer_and_the_readout_of_the_last(
    checkpoint: Checkpoint, analysis: NetworkAnalysis
) -> None:
    first, last = (found.dynamics for found in analysis.layers)
    assert first is not None
    assert last is not None
    assert first.words is not None
    assert first.words.words == checkpoint.vocabulary.words[2:]
    assert first.words.effects.instantaneous is None
    assert (last.words, first.review_readout_r2) == (None, None)
    assert last.review_readout_r2 is not None
    bag = fit_bag_of_words(checkpoint, CORPUS)
    np.testing.assert_array_equal(first.words.weights, bag.weights[2:])
    assert analysis.baseline.test_accuracy == bag.test_accuracy


@pytest.mark.parametrize("split", ["train", "validation"])
def test_states_are_of_the_reviews_asked_for(
    checkpoint: Checkpoint, analysis: NetworkAnalysis, split: str
) -> None:
    found = analyse(checkpoint, CORPUS, replace(ANALYSIS, split=split))
    assert found.split == split
    assert found.layers[0].n_states == checkpoint.reviews(CORPUS, split).lengths.sum()
    assert found.test_accuracy == analysis.test_accuracy
    assert (found.n_train, found.chance) == (84, 0.5)


@pytest.mark.parametrize("cell", ["lstm", "ugrnn", "rnn", "leaky"])
def test_every_cell_of_three_classes_is_analysed(tmp_path: Path, cell: str) -> None:
    corpus = tiny_corpus(classes=3)
    settings = replace(SETTINGS, cell=cell, classes=3, epochs=1)
    trained = train(corpus, settings, tmp_path, device="cpu", progress=False)
    found = analyse(trained, corpus, ANALYSIS)
    weights = trained.model().readout.weight.detach().numpy()
    np.testing.assert_allclose(found.readout, weights[2] - weights[0], rtol=1e-6)
    (only,) = found.layers
    assert only.points.h.shape == (30, 16 if cell == "lstm" else 8)
    assert [walk.label for walk in only.walks] == [2, 0]
    np.testing.assert_array_equal(np.isfinite(only.radius_exists), only.unique.kind == "fixed")
    assert only.descent is None
    found.save(tmp_path / "analysis.npz")
    assert NetworkAnalysis.load(tmp_path / "analysis.npz").to_json() == found.to_json()


def test_find_points_is_the_search_alone(checkpoint: Checkpoint, analysis: NetworkAnalysis) -> None:
    settings = replace(ANALYSIS, n_sample=ANALYSIS.n_starts)
    for found, full in zip(
        find_points(checkpoint, CORPUS, settings),
        analyse(checkpoint, CORPUS, settings).layers,
        strict=True,
    ):
        np.testing.assert_array_equal(found.h, full.points.h)
    assert len(analysis.layers) == 2


@pytest.mark.parametrize("name", ["n_starts", "n_sample", "n_reviews", "n_words"])
def test_settings_out_of_range_are_named(name: str) -> None:
    none: dict[str, Any] = {name: 0}
    with pytest.raises(ValueError, match=f"{name} must be at least 1"):
        replace(ANALYSIS, **none)


# Files


def test_a_file_gives_back_the_analysis(analysis: NetworkAnalysis, tmp_path: Path) -> None:
    analysis.save(tmp_path / "analysis.npz")
    assert NetworkAnalysis.load(tmp_path / "analysis.npz").to_json() == analysis.to_json()


@pytest.mark.parametrize("n_bytes", [0, 10, 1000, -30])
def test_a_file_cut_short_is_refused(n_bytes: int, tmp_path: Path) -> None:
    path = tmp_path / "analysis.npz"
    network(layer(1)).save(path)
    path.write_bytes(path.read_bytes()[:n_bytes])
    with pytest.raises(ValueError, match=r"analysis.npz is not an analysis, or it is damaged"):
        NetworkAnalysis.load(path)


# Spectra


@pytest.mark.parametrize(
    ("largest", "time_constant", "n_unstable"),
    [
        (np.exp(-1 / 50), 50.0, 0),
        (np.exp(1 / 50), 50.0, 1),
        (1.0, np.inf, 0),
        (1 + 1e-8, np.inf, 0),
        (1 - 1e-8, np.inf, 0),
        (0.0, 0.0, 0),
    ],
)
def test_the_time_constant_is_that_of_the_largest_eigenvalue(
    largest: float, time_constant: float, n_unstable: int
) -> None:
    found = spectrum((largest, 0.0))
    assert found.time_constant == pytest.approx(time_constant)
    assert found.n_unstable == n_unstable


def test_one_is_an_eigenvalue_at_a_slow_point() -> None:
    """Where q has a minimum that is not zero, F(h) - h is a left eigenvector to 1."""
    slope = 2.0
    n = -np.sqrt(1 - 1 / slope)
    gru = independent_units(
        np.array([slope, 0.5]), np.array([np.arctanh(n) - slope * n + 1e-3, 0.2])
    )
    points = nc.find_fixed_points(cell_of(gru), np.array([[-0.9, 0.0]]))
    assert points.kind.tolist() == ["slow"]
    largest = nc.linearize(cell_of(gru), points).eigenvalues[0, 0]
    assert abs(largest - 1) < MARGINAL
