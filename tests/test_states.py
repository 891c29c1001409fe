"""Visited states: exact moments in bounded memory, an honest sample, every layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import nullcline as nc
from nullcline._support.components import principal_components
from nullcline.study import states as states_module
from nullcline.study.pca import Moments
from nullcline.study.states import (
    bounded_batches,
    draw_states,
    layer_states,
    review_inputs,
    sample_states,
    visit_states,
)
from nullcline.training import CELLS, SentimentRNN
from nullcline.training.batches import EncodedReviews
from nullcline.visits.unrolling import split_layers, whole_states


@pytest.fixture
def model() -> SentimentRNN:
    torch.manual_seed(0)
    return SentimentRNN(50, layers=3, hidden_size=7, embedding_size=5).eval()


@pytest.fixture
def reviews() -> EncodedReviews:
    rng = np.random.default_rng(0)
    # Each begins with a word of its own, so that no two states are equal.
    indices = [np.append(first, rng.integers(1, 50, rng.integers(0, 20))) for first in range(2, 42)]
    return EncodedReviews(indices, np.arange(40) % 2)


def all_states(model: SentimentRNN, reviews: EncodedReviews) -> tuple[np.ndarray, np.ndarray]:
    """Return the top layer's states, review by review, and the label of each."""
    with torch.no_grad():
        paths = [
            model.rnn(model.embedding(torch.from_numpy(review)[None]))[0][0].numpy()
            for review in reviews.indices
        ]
    return np.concatenate(paths), np.repeat(reviews.labels, reviews.lengths)


@pytest.mark.parametrize("cell", CELLS)
def test_samples_are_steps_of_the_cells(
    reviews: EncodedReviews, monkeypatch: pytest.MonkeyPatch, cell: str
) -> None:
    """Each sampled state is where the compiled cell goes from the state before it: whole ones."""
    monkeypatch.setattr(states_module, "TOKENS_PER_BATCH", 100)
    torch.manual_seed(0)
    model = SentimentRNN(50, cell=cell, layers=2, hidden_size=7, embedding_size=5).eval()
    layers = visit_states(model, reviews, n_sample=60, seed=3)
    for compiled, layer in zip(nc.from_torch(model.rnn), layers, strict=True):
        assert layer.sample.shape == (60, compiled.state_size)
        stepped = compiled.step(layer.sample_before, layer.sample_inputs)
        np.testing.assert_allclose(layer.sample, stepped, atol=1e-6)
        from_zero = ~layer.sample_before.any(axis=1)
        assert 0 < from_zero.sum() < 60


@pytest.mark.parametrize("cell", CELLS)
def test_reviews_are_inputs_of_each_layer(reviews: EncodedReviews, cell: str) -> None:
    torch.manual_seed(0)
    model = SentimentRNN(50, cell=cell, layers=2, hidden_size=7, embedding_size=5).eval()
    first, second = review_inputs(model, reviews)
    lower = nc.from_torch(model.rnn)[0]
    for words, outputs in zip(first, second, strict=True):
        state: Any = np.zeros((1, lower.state_size))
        for word, output in zip(words, outputs, strict=True):
            state = lower.step(state, word[None])
            np.testing.assert_allclose(state[0, :7], output, atol=1e-6)


@pytest.mark.parametrize("tokens_per_batch", [1, 64, 10_000])
def test_states_are_those_of_the_reviews_one_by_one(
    model: SentimentRNN,
    reviews: EncodedReviews,
    monkeypatch: pytest.MonkeyPatch,
    tokens_per_batch: int,
) -> None:
    monkeypatch.setattr(states_module, "TOKENS_PER_BATCH", tokens_per_batch)
    expected, labels = all_states(model, reviews)
    top = visit_states(model, reviews, n_sample=50, seed=3)[-1]
    assert top.moments.count == len(expected)
    np.testing.assert_allclose(top.moments.mean, expected.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(
        top.moments.scatter / len(expected), np.cov(expected.T, bias=True), atol=1e-6
    )
    rows = np.abs(top.sample[:, None] - expected[None]).max(axis=2).argmin(axis=1)
    np.testing.assert_allclose(top.sample, expected[rows], atol=1e-6)
    assert len(set(rows.tolist())) == 50
    assert (labels[rows] == top.sample_labels).all()


def test_the_sample_is_seeded_and_at_most_all(model: SentimentRNN, reviews: EncodedReviews) -> None:
    def sample(n: int, seed: int) -> np.ndarray:
        return visit_states(model, reviews, n_sample=n, seed=seed)[0].sample

    np.testing.assert_array_equal(sample(20, 1), sample(20, 1))
    assert not np.array_equal(sample(20, 1), sample(20, 2))
    assert len(sample(10**6, 1)) == reviews.lengths.sum()
    assert len(sample(0, 1)) == 0


def test_split_layers_compose_to_the_stack(model: SentimentRNN) -> None:
    inputs = torch.randn(2, 6, 5)
    expected, _ = model.rnn(inputs)
    for rnn in split_layers(model.rnn):
        inputs, _ = rnn(inputs)
    torch.testing.assert_close(inputs, expected)


@given(lengths=st.lists(st.integers(1, 3000), min_size=1, max_size=60))
def test_batches_are_bounded_and_complete(lengths: list[int]) -> None:
    batches = list(bounded_batches(np.array(lengths)))
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    for rows in batches:
        padded = len(rows) * max(lengths[row] for row in rows)
        assert padded <= states_module.TOKENS_PER_BATCH or len(rows) == 1


@given(
    seed=st.integers(0, 1000),
    n=st.integers(2, 60),
    size=st.integers(1, 8),
    cuts=st.lists(st.integers(0, 60), max_size=5),
    offset=st.sampled_from([0.0, 1.0, 1e6]),
)
def test_moments_of_chunks_are_the_moments_of_the_whole(
    seed: int, n: int, size: int, cuts: list[int], offset: float
) -> None:
    points = np.random.default_rng(seed).normal(size=(n, size)) + offset
    moments = Moments(size)
    for chunk in np.split(points, sorted(min(cut, n) for cut in cuts)):
        moments.add(chunk)
    centred = points - points.mean(axis=0)
    np.testing.assert_allclose(moments.mean, points.mean(axis=0), rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(moments.scatter, centred.T @ centred, atol=1e-8)
    components = moments.principal_components()
    variances = np.linalg.svd(centred, compute_uv=False) ** 2
    ratio = variances / variances.sum()
    np.testing.assert_allclose(components.explained_variance_ratio[: len(ratio)], ratio, atol=1e-8)
    np.testing.assert_allclose(
        components.components @ components.components.T, np.eye(size), atol=1e-10
    )


@given(seed=st.integers(0, 1000), n=st.integers(2, 12), size=st.integers(1, 8))
def test_components_of_a_whole_are_those_of_its_moments(seed: int, n: int, size: int) -> None:
    """Whether states are more than units or fewer, which are solved in different ways."""
    rng = np.random.default_rng(seed)
    states, towards = rng.normal(size=(n, size)) * 3.0 ** -np.arange(size), rng.normal(size=size)
    moments = Moments(size)
    moments.add(states)
    streamed = moments.principal_components(towards)
    whole = principal_components(states, size + 2, towards)
    assert whole.components.shape == (size + 2, size)
    assert not whole.components[min(n, size) :].any()
    np.testing.assert_allclose(whole.mean, streamed.mean, atol=1e-12)
    ratio = whole.explained_variance_ratio
    np.testing.assert_allclose(ratio[:size], streamed.explained_variance_ratio, atol=1e-10)
    np.testing.assert_allclose(
        (whole.components.T * ratio) @ whole.components,
        (streamed.components.T * streamed.explained_variance_ratio) @ streamed.components,
        atol=1e-10,
    )
    assert (whole.components @ towards >= 0).all()


def test_components_of_states_that_are_not_finite_are_refused() -> None:
    with pytest.raises(ValueError, match="states must be finite"):
        principal_components(np.array([[0.0, np.nan], [1.0, 2.0], [3.0, 4.0]]), 2)


def test_states_that_never_move_have_no_variance_to_explain() -> None:
    moments = Moments(3)
    moments.add(np.ones((5, 3)))
    assert moments.principal_components().explained_variance_ratio.tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="no states"):
        Moments(3).principal_components()


@pytest.mark.parametrize("cell", CELLS)
def test_a_sample_alone_is_the_same_and_reads_no_further_than_it_must(
    reviews: EncodedReviews, monkeypatch: pytest.MonkeyPatch, cell: str
) -> None:
    torch.manual_seed(0)
    model = SentimentRNN(50, cell=cell, layers=2, hidden_size=7, embedding_size=5).eval()
    whole = visit_states(model, reviews, n_sample=20, seed=3)
    monkeypatch.setattr(states_module, "TOKENS_PER_BATCH", 1)  # a review at a time, unpadded
    read: list[int] = []

    def counted(model: SentimentRNN, rnns: list[Any], tokens: torch.Tensor) -> Any:
        read.append(tokens.numel())
        return layer_states(model, rnns, tokens)

    monkeypatch.setattr(states_module, "layer_states", counted)
    sampled = sample_states(model, reviews, n_sample=20, seed=3)
    for its, of_all in zip(sampled, whole, strict=True):
        for name in ("sample", "sample_before", "sample_inputs", "sample_labels"):
            np.testing.assert_allclose(getattr(its, name), getattr(of_all, name), atol=1e-6)
    last: dict[int, int] = {}
    for review, step in zip(*draw_states(reviews.lengths, 20, 3), strict=True):
        last[review] = max(last.get(review, 0), step + 1)
    assert sorted(read) == sorted(last.values())
    assert sum(read) < reviews.lengths.sum()


def test_an_lstms_cells_are_those_that_its_outputs_come_of() -> None:
    """Taken from the core, to the bit of its outputs, and not computed from these again."""
    torch.manual_seed(0)
    model = SentimentRNN(50, cell="lstm", layers=2, hidden_size=7, embedding_size=5).eval()
    rnns = split_layers(model.rnn)
    tokens = torch.randint(1, 50, (4, 9))
    found = list(layer_states(model, rnns, tokens))
    with torch.inference_mode():
        expected, (h, c) = model.rnn(model.embedding(tokens))
    assert torch.equal(found[-1][1][:, :, :7], expected)
    assert torch.equal(found[1][0], found[0][1][:, :, :7])  # what the layer above reads
    for (inputs, states), rnn, last_h, last_c in zip(found, rnns, h, c, strict=True):
        assert torch.equal(states[:, -1], torch.cat([last_h, last_c], dim=1))
        again = whole_states(rnn, inputs, states[:, :, :7])
        torch.testing.assert_close(states, again, rtol=1e-5, atol=1e-6)
