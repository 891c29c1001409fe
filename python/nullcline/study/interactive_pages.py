"""Pages in which to explore a trained network: its states and points, its reviews and its words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from nullcline.continuation.fibers import trace
from nullcline.interactive import explore
from nullcline.interop import from_torch
from nullcline.study.analysis import readout_of
from nullcline.study.cell_names import name_of_network
from nullcline.study.descriptions import name_of_corpus
from nullcline.study.examples import examples_of
from nullcline.study.layer_analysis import search_layer
from nullcline.study.layer_panels import layer_projection
from nullcline.study.states import draw_states, layer_states, sample_states
from nullcline.text import UNK
from nullcline.training.objective import predicted_classes
from nullcline.visits.unrolling import split_layers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from nullcline.cells import Cell
    from nullcline.continuation.curves import Curve
    from nullcline.search.fixed_points import FixedPoints
    from nullcline.study.results import NetworkAnalysis
    from nullcline.study.settings import AnalysisSettings
    from nullcline.text import Corpus
    from nullcline.training import Checkpoint, SentimentRNN
    from nullcline.training.batches import EncodedReviews

N_REVIEWS = 10
"""Reviews of the corpus that one can walk along, beside the examples."""

LONGEST_REVIEW = 300
"""Tokens of such a review, if there are any that short."""

LAST_WORDS = 12
"""Words before a state that are read beside it."""

N_SPECTRA = 10
"""Points of a layer whose spectra are shown."""


def write_layer_pages(
    folder: Path,
    network: NetworkAnalysis,
    checkpoint: Checkpoint,
    corpus: Corpus,
    settings: AnalysisSettings,
) -> list[Path]:
    """Write a page for each layer of a network that was analysed, and return them.

    They share the script of plotly, a file beside them.
    """
    name = f"{name_of_network(network.cell)} on {name_of_corpus(network.corpus)}"
    points = [layer.unique for layer in network.layers]
    around = surroundings(checkpoint, corpus, settings, points, len(network.layers[0].sample))
    return [
        explore(
            layer.unique,
            states=layer.sample,
            projection=layer_projection(layer),  # the components that the figures have
            **its,
            title=f"{name}: layer {layer.layer} of {network.n_layers}",
            path=folder / f"explore-layer-{layer.layer}-of-{network.n_layers}.html",
            max_spectra=N_SPECTRA,
            self_contained=False,
        )
        for layer, its in zip(network.layers, around, strict=True)
    ]


def write_network_page(
    path: Path,
    checkpoint: Checkpoint,
    corpus: Corpus,
    settings: AnalysisSettings,
    points: Sequence[FixedPoints] | None = None,
    *,
    title: str | None = None,
    progress: bool = False,
) -> Path:
    """Write one page of all layers of a trained network, to switch between.

    Parameters
    ----------
    path
        The page.
    checkpoint, corpus
        The network, and the corpus whose reviews it reads.
    settings
        Of which reviews states are drawn, how many, and how points are searched.
    points
        The points of each layer; None to search for them.
    title
        Title of the page; by default what the network is, and of which corpus.
    progress
        Show progress bars.

    Raises
    ------
    ValueError
        There are points of another number of layers.
    """
    model = checkpoint.at(settings.snapshot)
    cells = from_torch(model.rnn)
    if points is not None and len(points) != len(cells):
        raise ValueError(
            f"points must be those of each of {len(cells)} layers of the network, not of "
            f"{len(points)}"
        )
    visited = sample_states(
        model,
        checkpoint.reviews(corpus, settings.split),
        n_sample=max(settings.n_sample, settings.n_starts),
        seed=settings.seed,
        progress=progress,
    )
    if points is None:
        points = [
            search_layer(cell, states, settings, progress=progress)
            for cell, states in zip(cells, visited, strict=True)
        ]
    distinct = [of_layer.unique() for of_layer in points]
    around = surroundings(checkpoint, corpus, settings, distinct, len(visited[0].sample))
    names = [f"layer {number}" for number in range(1, len(cells) + 1)]
    by_name: dict[str, Any] = {
        key: {name: its[key] for name, its in zip(names, around, strict=True) if key in its}
        for key in {key for its in around for key in its}
    }
    return explore(
        dict(zip(names, distinct, strict=True)),
        states={name: states.sample for name, states in zip(names, visited, strict=True)},
        **by_name,
        title=title
        or f"{name_of_network(checkpoint.settings.cell)} on {name_of_corpus(corpus.name)}",
        path=path,
    )


def surroundings(
    checkpoint: Checkpoint,
    corpus: Corpus,
    settings: AnalysisSettings,
    points: Sequence[FixedPoints],
    n_sample: int,
) -> list[dict[str, Any]]:
    """Return for each layer what `nullcline.explore` shows around its points, but for states.

    Parameters
    ----------
    checkpoint, corpus, settings
        The network, and of which of its reviews, drawn with which seed, states were sampled.
    points
        The distinct points of each layer.
    n_sample
        How many states were sampled (`sample_states`), to each of which a text and a label belong.

    Returns
    -------
    list of dict
        Keyword arguments of `nullcline.explore`.
    """
    model = checkpoint.at(settings.snapshot)
    reviews = checkpoint.reviews(corpus, settings.split)
    review, step = draw_states(reviews.lengths, n_sample, settings.seed)
    cells = from_torch(model.rnn)
    walks = _walks(checkpoint, model, corpus, reviews, settings)
    common = {
        "texts": [
            _last_words(checkpoint, reviews.indices[row][: at + 1])
            for row, at in zip(review.tolist(), step.tolist(), strict=True)
        ],
        "labels": [corpus.classes[label] for label in reviews.labels[review].tolist()],
        "trajectory_names": [name for name, _, _ in walks],
        "trajectory_words": [words for _, words, _ in walks],
    }
    paths = [_paths(model, indices) for _, _, indices in walks]
    around: list[dict[str, Any]] = [
        {
            **common,
            "cell": cell,
            "curves": _curves(cell, its),
            "trajectories": [by_layer[layer] for by_layer in paths],
        }
        for layer, (cell, its) in enumerate(zip(cells, points, strict=True))
    ]
    shown = slice(UNK + 1, UNK + 1 + settings.n_words)
    around[0]["words"] = (
        checkpoint.vocabulary.words[shown],
        model.embedding.weight.detach()[shown].double().numpy(),
    )
    around[-1]["readout"] = readout_of(model)
    return around


def _curves(cell: Cell, points: FixedPoints) -> Sequence[Curve] | None:
    """Return the slow manifold through the point of most starts."""
    if len(points) == 0:
        return None
    return trace(cell, points.select([int(np.argmax(points.count))])).curves


def _last_words(checkpoint: Checkpoint, indices: NDArray[np.int64]) -> str:
    words = checkpoint.vocabulary.decode(indices[-LAST_WORDS:].tolist())
    return ("… " if len(indices) > LAST_WORDS else "") + " ".join(words)


def _walks(
    checkpoint: Checkpoint,
    model: SentimentRNN,
    corpus: Corpus,
    reviews: EncodedReviews,
    settings: AnalysisSettings,
) -> list[tuple[str, list[str], NDArray[np.int64]]]:
    """Return name, words and indices of the examples and of reviews drawn at random."""
    walks = []
    for example in examples_of(corpus):
        indices = checkpoint.encode(example.text)
        words = checkpoint.tokens(example.text) or [""]  # read as an unknown word
        name = f"{corpus.classes[example.label]} example"
        walks.append((name + _verdict(model, corpus, indices, example.label), words, indices))
    drawn = np.random.default_rng(settings.seed).permutation(len(reviews))
    short = drawn[reviews.lengths[drawn] <= LONGEST_REVIEW]
    for row in (short if len(short) else drawn)[:N_REVIEWS].tolist():
        indices, label = reviews.indices[row], int(reviews.labels[row])
        name = f"{corpus.classes[label]} {settings.split} review {row + 1}"
        words = checkpoint.vocabulary.decode(indices.tolist())
        walks.append((name + _verdict(model, corpus, indices, label), words, indices))
    return walks


def _verdict(model: SentimentRNN, corpus: Corpus, indices: NDArray[np.int64], label: int) -> str:
    """Return what the network makes of a review, if it is wrong."""
    tokens = torch.from_numpy(indices)[None]
    with torch.inference_mode():
        said = int(predicted_classes(model(tokens, torch.tensor([len(indices)])))[0])
    return "" if said == label else f", read as {corpus.classes[said]}"


def _paths(model: SentimentRNN, indices: NDArray[np.int64]) -> list[NDArray[np.float32]]:
    """Return the states of each layer while a review is read, shape (T, S)."""
    tokens = torch.from_numpy(indices)[None]
    return [states[0].numpy() for _, states in layer_states(model, split_layers(model.rnn), tokens)]
