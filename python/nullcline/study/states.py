"""The states that a network visits: every layer's, over all reviews, in bounded memory.

Moments need every state, a sample alone only what leads to the states that are drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from tqdm import tqdm

from nullcline.study.pca import Moments
from nullcline.training.batches import EncodedReviews
from nullcline.training.layer import lstm_states
from nullcline.training.recorded_layer import LayerWeights
from nullcline.training.recurrent import runs_compiled
from nullcline.visits.unrolling import split_layers, state_size, whole_states

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from nullcline._support.validation import Floats
    from nullcline.training.model import SentimentRNN

TOKENS_PER_BATCH = 32_768
"""Padded tokens in a batch: what bounds the memory, whatever the length of the reviews."""


@dataclass(frozen=True)
class SampledStates:
    """States of one layer drawn at random: of an LSTM whole ones, [h, c].

    Parameters
    ----------
    sample
        States drawn without replacement from those visited, shape (m, S), in random order, so that
        any first part of it is a random sample too.
    sample_before, sample_inputs
        The state before each of them, shape (m, S), and the input that led from there, (m, D).
    sample_labels
        Label of the review that each sampled state belongs to, shape (m,).
    """

    sample: NDArray[np.float32]
    sample_before: NDArray[np.float32]
    sample_inputs: NDArray[np.float32]
    sample_labels: NDArray[np.int64]

    def towards(self, label: int) -> NDArray[np.float64]:
        """Return from where to where class 0 and class `label` lie: the difference of their means.

        Of the sampled states; zero where either class has none.
        """
        of_class = [self.sample[self.sample_labels == each] for each in (0, label)]
        if min(len(states) for states in of_class) == 0:
            return np.zeros(self.sample.shape[1])
        first, last = (states.mean(axis=0, dtype=np.float64) for states in of_class)
        return np.asarray(last - first)


@dataclass(frozen=True)
class VisitedStates(SampledStates):
    """What is kept of the states of one layer: some of them, and what all are like.

    Parameters
    ----------
    sample, sample_before, sample_inputs, sample_labels
        As in `SampledStates`.
    moments
        Mean and covariance over *all* visited states.
    """

    moments: Moments


def visit_states(
    model: SentimentRNN,
    reviews: EncodedReviews,
    *,
    n_sample: int,
    seed: int,
    progress: bool = False,
    label: str = "states",
) -> list[VisitedStates]:
    """Read all reviews with the network and keep what the analyses need of its states.

    Parameters
    ----------
    model
        The network, on the CPU.
    reviews
        The reviews, encoded.
    n_sample
        Number of states to draw (all of them, if fewer are visited).
    seed
        Seed of the draw, which is the same for every layer.
    progress
        Show a progress bar, named `label`.

    Returns
    -------
    list of VisitedStates
        One for each layer.
    """
    drawn = draw_states(reviews.lengths, n_sample, seed)
    moments = [Moments(state_size(rnn)) for rnn in split_layers(model.rnn)]
    samples = _read(model, reviews, *drawn, moments, label if progress else None)
    return [
        VisitedStates(**vars(sample), moments=its)
        for sample, its in zip(samples, moments, strict=True)
    ]


def sample_states(
    model: SentimentRNN,
    reviews: EncodedReviews,
    *,
    n_sample: int,
    seed: int,
    progress: bool = False,
    label: str = "states",
) -> list[SampledStates]:
    """Draw the states that `visit_states` does, and read no further than they are.

    Of a large corpus that is a small part: reviews with no state drawn are not read, the others up
    to the last one that is.

    Parameters
    ----------
    model, reviews, n_sample, seed, progress, label
        As in `visit_states`.

    Returns
    -------
    list of SampledStates
        One for each layer.
    """
    review, step = draw_states(reviews.lengths, n_sample, seed)
    rows, row = np.unique(review, return_inverse=True)
    needed = np.zeros(len(rows), np.int64)
    np.maximum.at(needed, row, step + 1)
    beginnings = [reviews.indices[at][:n] for at, n in zip(rows, needed, strict=True)]
    read = EncodedReviews(beginnings, reviews.labels[rows])
    return _read(model, read, row, step, None, label if progress else None)


def _read(
    model: SentimentRNN,
    reviews: EncodedReviews,
    review: NDArray[np.int64],
    step: NDArray[np.int64],
    moments: Sequence[Moments] | None,
    label: str | None,
) -> list[SampledStates]:
    """Read reviews, keep the states after these steps of these, and add all to the moments."""
    lengths = reviews.lengths
    rnns = split_layers(model.rnn)
    samples = [np.empty((len(review), state_size(rnn)), np.float32) for rnn in rnns]
    befores = [np.zeros_like(sample) for sample in samples]
    drives = [np.empty((len(review), rnn.input_size), np.float32) for rnn in rnns]
    place = np.empty(len(reviews), np.int64)
    with tqdm(
        total=int(lengths.sum()), desc=label, unit="state", unit_scale=True, disable=label is None
    ) as bar:
        for rows in bounded_batches(lengths):
            batch = reviews.batch(rows)
            place[rows] = np.arange(len(rows))
            here = np.flatnonzero(np.isin(review, rows))
            later = here[step[here] > 0]  # the others come from zero
            for layer, (inputs, states) in enumerate(layer_states(model, rnns, batch.tokens)):
                if moments is not None:
                    visited = torch.arange(batch.tokens.shape[1]) < batch.lengths[:, None]
                    moments[layer].add(states[visited].numpy())
                samples[layer][here] = states.numpy()[place[review[here]], step[here]]
                befores[layer][later] = states.numpy()[place[review[later]], step[later] - 1]
                drives[layer][here] = inputs.numpy()[place[review[here]], step[here]]
            bar.update(int(lengths[rows].sum()))
    labels = reviews.labels[review]
    return [SampledStates(*kept, labels) for kept in zip(samples, befores, drives, strict=True)]


def draw_states(
    lengths: NDArray[np.int64], n_sample: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return of which review, and after which of its tokens, each state is that is drawn."""
    n_states = int(lengths.sum())
    drawn = np.random.default_rng(seed).choice(n_states, min(n_sample, n_states), replace=False)
    review = np.searchsorted(np.cumsum(lengths), drawn, side="right")
    return review, drawn - (np.cumsum(lengths) - lengths)[review]


def review_inputs(model: SentimentRNN, reviews: EncodedReviews) -> list[list[Floats]]:
    """Return for each layer the inputs that it reads in each review, shapes (T, D)."""
    rnns = split_layers(model.rnn)
    read: list[list[Floats]] = [[] for _ in rnns]
    for review in reviews.indices:
        tokens = torch.from_numpy(review)[None]
        for layer, (inputs, _) in enumerate(layer_states(model, rnns, tokens)):
            read[layer].append(inputs[0].numpy())
    return read


def layer_states(
    model: SentimentRNN, rnns: list[Any], tokens: torch.Tensor
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield inputs (n, T, D) and states (n, T, S) of each layer in turn, for tokens (n, T)."""
    with torch.inference_mode():
        inputs = model.embedding(tokens)
        for rnn in rnns:
            outputs, states = _run(rnn, inputs)
            yield inputs, states
            inputs = outputs


def _run(rnn: Any, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the outputs (n, T, H) and states (n, T, S) of a layer."""
    if isinstance(rnn, torch.nn.LSTM) and runs_compiled(rnn, inputs):
        # To compute the cells from the outputs again takes four times as long as to run the layer.
        weights: Any = rnn._flat_weights
        states = lstm_states(inputs, LayerWeights(*weights))
        return states[:, :, : rnn.hidden_size], states
    outputs, _ = rnn(inputs)
    return outputs, whole_states(rnn, inputs, outputs)


def bounded_batches(lengths: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Yield rows in order of length, in batches of at most `TOKENS_PER_BATCH` padded tokens."""
    order = np.argsort(lengths, kind="stable")
    start = 0
    while start < len(order):
        padded = lengths[order[start:]] * np.arange(1, len(order) - start + 1)
        size = max(1, int(np.searchsorted(padded, TOKENS_PER_BATCH, side="right")))
        yield order[start : start + size]
        start += size
