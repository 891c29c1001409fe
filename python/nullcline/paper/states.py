"""The states that a network visits: every layer's, over all reviews, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from nullcline.paper.pca import Moments

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from nullcline.training.batches import EncodedReviews
    from nullcline.training.model import SentimentGRU

TOKENS_PER_BATCH = 32_768
"""Padded tokens in a batch: what bounds the memory, whatever the length of the reviews."""


@dataclass(frozen=True)
class VisitedStates:
    """What is kept of the states of one layer.

    Parameters
    ----------
    moments
        Mean and covariance over *all* visited states.
    sample
        States drawn at random without replacement from those visited, shape (m, H), in random
        order, so that any first part of it is a random sample too.
    sample_labels
        Label of the review that each sampled state belongs to, shape (m,).
    """

    moments: Moments
    sample: NDArray[np.float32]
    sample_labels: NDArray[np.int64]


def visit_states(
    model: SentimentGRU,
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
    lengths = reviews.lengths
    n_states = int(lengths.sum())
    drawn = np.random.default_rng(seed).choice(n_states, min(n_sample, n_states), replace=False)
    review = np.searchsorted(np.cumsum(lengths), drawn, side="right")
    step = drawn - (np.cumsum(lengths) - lengths)[review]
    rnns = split_layers(model.rnn)
    size = model.rnn.hidden_size
    moments = [Moments(size) for _ in rnns]
    samples = [np.empty((len(drawn), size), np.float32) for _ in rnns]
    place = np.empty(len(reviews), np.int64)
    with tqdm(
        total=n_states, desc=label, unit="state", unit_scale=True, disable=not progress
    ) as bar:
        for rows in bounded_batches(lengths):
            batch = reviews.batch(rows)
            visited = torch.arange(batch.tokens.shape[1]) < batch.lengths[:, None]
            place[rows] = np.arange(len(rows))
            here = np.flatnonzero(np.isin(review, rows))
            for layer, states in enumerate(layer_states(model, rnns, batch.tokens)):
                moments[layer].add(states[visited].numpy())
                samples[layer][here] = states.numpy()[place[review[here]], step[here]]
            bar.update(int(lengths[rows].sum()))
    labels = reviews.labels[review]
    return [
        VisitedStates(layer_moments, sample, labels)
        for layer_moments, sample in zip(moments, samples, strict=True)
    ]


def layer_states(
    model: SentimentGRU, rnns: list[nn.GRU], tokens: torch.Tensor
) -> Iterator[torch.Tensor]:
    """Yield the states of each layer in turn, shape (n, T, H), for padded tokens (n, T)."""
    with torch.inference_mode():
        inputs = model.embedding(tokens)
        for rnn in rnns:
            inputs, _ = rnn(inputs)
            yield inputs


def split_layers(rnn: nn.GRU) -> list[nn.GRU]:
    """Return the layers of a stacked GRU as single-layer GRUs: PyTorch hides the lower states."""
    layers = []
    for layer in range(rnn.num_layers):
        inputs = rnn.input_size if layer == 0 else rnn.hidden_size
        single = nn.GRU(inputs, rnn.hidden_size, bias=rnn.bias, batch_first=rnn.batch_first)
        state = rnn.state_dict()
        single.load_state_dict(
            {name: state[name[:-1] + str(layer)] for name in single.state_dict()}
        )
        layers.append(single)
    return layers


def bounded_batches(lengths: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Yield rows in order of length, in batches of at most `TOKENS_PER_BATCH` padded tokens."""
    order = np.argsort(lengths, kind="stable")
    start = 0
    while start < len(order):
        padded = lengths[order[start:]] * np.arange(1, len(order) - start + 1)
        size = max(1, int(np.searchsorted(padded, TOKENS_PER_BATCH, side="right")))
        yield order[start : start + size]
        start += size
