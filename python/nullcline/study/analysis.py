"""The paper's analyses of one trained network, layer by layer, on the reviews of one split."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nullcline.interop import from_torch
from nullcline.study.baselines import baseline_of
from nullcline.study.class_analysis import N_FINAL
from nullcline.study.context_analysis import analyse_context
from nullcline.study.driven_points import points_of_joint_stack
from nullcline.study.dynamics import Words
from nullcline.study.examples import examples_of
from nullcline.study.layer_analysis import analyse_layer, search_layer
from nullcline.study.layer_material import LayerMaterial
from nullcline.study.results import Baseline, NetworkAnalysis
from nullcline.study.settings import AnalysisSettings
from nullcline.study.states import final_states, review_inputs, sample_states, visit_states
from nullcline.study.stopwatch import Stopwatch
from nullcline.study.walks import example_walks
from nullcline.text import UNK
from nullcline.training.batches import EncodedReviews
from nullcline.training.checkpoint import split_of
from nullcline.training.fit import evaluate
from nullcline.training.settings import SPLITS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nullcline.search.fixed_points import FixedPoints
    from nullcline.study.context_results import ContextAnalysis
    from nullcline.text import Corpus
    from nullcline.training import Checkpoint, SentimentRNN
    from nullcline.training.bag_of_words import BagOfWords


def analyse(
    checkpoint: Checkpoint,
    corpus: Corpus,
    settings: AnalysisSettings | None = None,
    *,
    progress: bool = False,
) -> NetworkAnalysis:
    """Run the paper's analyses on a trained network.

    Every state that the network visits on the reviews of a split enters the principal components,
    for the trained and for the untrained network; `n_starts` of them, drawn at random, are searched
    with zero input; the distinct ends are linearized, and the linear maps asked what they explain.

    Parameters
    ----------
    checkpoint
        The finished training run.
    corpus
        The corpus that it was trained on.
    settings
        What to draw and search; the paper's by default.
    progress
        Show progress bars.

    Returns
    -------
    NetworkAnalysis
        Everything that the figures and the report show.

    Raises
    ------
    CheckpointError
        The corpus has changed since, or the run's files are damaged or of several runs.
    """
    settings = settings or AnalysisSettings()
    checkpoint.require_corpus(corpus)
    watch = Stopwatch()
    model = checkpoint.at(settings.snapshot)
    judged = _judged(checkpoint, corpus, model, settings)
    with watch.time("bag of words"):
        bag = baseline_of(checkpoint, corpus)
    materials = _materials(checkpoint, corpus, model, bag, settings, watch, progress=progress)
    layers = tuple(
        analyse_layer(material, settings, watch, progress=progress) for material in materials
    )
    context: ContextAnalysis | None = None
    if settings.n_context_reviews:
        with watch.time("context"):
            context = analyse_context(checkpoint, corpus, settings, model=model, bag=bag)
    return NetworkAnalysis(
        n_layers=len(layers),
        cell=checkpoint.settings.cell,
        corpus=corpus.name,
        n_train=len(split_of(corpus, checkpoint.settings, "train")[1]),
        classes=corpus.classes,
        split=settings.split,
        test_accuracy=judged.test_accuracy,
        train_accuracy=judged.train_accuracy,
        baseline=Baseline(bag.test_accuracy, bag.train_accuracy, bag.penalty),
        chance=float(np.bincount(corpus.test.labels).max() / len(corpus.test)),
        validation_loss=judged.validation_loss,
        best_epoch=checkpoint.best_epoch,
        readout=readout_of(model),
        layers=layers,
        seconds={
            "training": sum(epoch.seconds for epoch in checkpoint.history),
            **watch.seconds,
        },
        checkpoint_sha256=checkpoint.sha256,
        snapshot=settings.snapshot,
        context=context,
    )


class _Judged(NamedTuple):
    test_accuracy: float
    train_accuracy: float | None
    validation_loss: float


def _judged(
    checkpoint: Checkpoint, corpus: Corpus, model: SentimentRNN, settings: AnalysisSettings
) -> _Judged:
    """Return how well the network does with the weights that are analysed."""
    if settings.snapshot is None:
        return _Judged(
            checkpoint.test_accuracy, checkpoint.train_accuracy, checkpoint.validation_loss
        )
    found = [evaluate(model, checkpoint.reviews(corpus, split)) for split in SPLITS]
    (_, train), (validation_loss, _), (_, test) = found
    return _Judged(test, train, validation_loss)


def _materials(
    checkpoint: Checkpoint,
    corpus: Corpus,
    model: SentimentRNN,
    bag: BagOfWords,
    settings: AnalysisSettings,
    watch: Stopwatch,
    *,
    progress: bool,
) -> list[LayerMaterial]:
    """Read the reviews with the network, trained and untrained, and sort what comes by layer."""
    reviews = checkpoint.reviews(corpus, settings.split)
    name = f"{checkpoint.settings.layers}-layer"
    with watch.time("states"):
        visited = visit_states(
            model,
            reviews,
            n_sample=max(settings.n_sample, settings.n_starts),
            seed=settings.seed,
            progress=progress,
            label=f"{name}: states",
        )
    with watch.time("untrained states"):
        untrained = visit_states(
            checkpoint.model(trained=False),
            reviews,
            n_sample=0,
            seed=settings.seed,
            progress=progress,
            label=f"{name}: states, untrained",
        )
    components = [  # of every layer: the first one points to the last class
        states.moments.principal_components(states.towards(len(corpus.classes) - 1))
        for states in visited
    ]
    walks = example_walks(checkpoint, model, components, examples_of(corpus))
    read = review_inputs(model, draw_reviews(reviews, settings))
    whole = draw_reviews(reviews, replace(settings, n_reviews=N_FINAL))
    finals = final_states(model, whole)
    last = len(visited) - 1
    cells = from_torch(model.rnn)
    with watch.time("joint search"):
        driven = points_of_joint_stack(cells, visited, settings)
    return [
        LayerMaterial(
            number=layer + 1,
            cell=cell,
            visited=visited[layer],
            components=components[layer],
            untrained_components=untrained[layer].moments.principal_components(),
            walks=walks[layer],
            reviews=read[layer],
            readout=readout_of(model) if layer == last else None,
            words=common_words(checkpoint, model, bag, settings) if layer == 0 else None,
            is_papers_cell=checkpoint.settings.cell == "gru",
            final=finals[layer],
            final_labels=whole.labels,
            logits=model.readout.weight.detach().double().numpy() if layer == last else None,
            mean_input=visited[layer - 1].moments.mean[: cell.input_size]
            if layer
            else _mean_vector(model, reviews),
            driven=driven[layer],
        )
        for layer, cell in enumerate(cells)
    ]


def _mean_vector(model: SentimentRNN, reviews: EncodedReviews) -> NDArray[np.float64]:
    """Return the mean of the vectors that the first layer reads in the reviews, shape (D,)."""
    vectors: NDArray[np.float64] = model.embedding.weight.detach().double().numpy()
    counts = sum(np.bincount(review, minlength=len(vectors)) for review in reviews.indices)
    return np.asarray(counts @ vectors / np.sum(counts))


def find_points(
    checkpoint: Checkpoint,
    corpus: Corpus,
    settings: AnalysisSettings | None = None,
    *,
    device: str = "cpu",
    progress: bool = False,
) -> list[FixedPoints]:
    """Search every layer of a trained network from states that it visits on the test reviews.

    Parameters
    ----------
    checkpoint, corpus, settings, progress
        As in `analyse`.
    device
        Where to search, as in `nullcline.find_fixed_points`.

    Returns
    -------
    list of FixedPoints
        One per layer, with one row per start.
    """
    settings = settings or AnalysisSettings()
    model = checkpoint.at(settings.snapshot)
    visited = sample_states(
        model,
        checkpoint.reviews(corpus, settings.split),
        n_sample=settings.n_starts,
        seed=settings.seed,
        progress=progress,
    )
    return [
        search_layer(cell, states, settings, device=device, progress=progress)
        for cell, states in zip(from_torch(model.rnn), visited, strict=True)
    ]


def draw_reviews(reviews: EncodedReviews, settings: AnalysisSettings) -> EncodedReviews:
    """Return `n_reviews` of the reviews, drawn at random, or all if there are fewer."""
    rng = np.random.default_rng(settings.seed)
    rows = rng.permutation(len(reviews))[: settings.n_reviews]
    return EncodedReviews([reviews.indices[row] for row in rows], reviews.labels[rows])


def readout_of(model: SentimentRNN) -> NDArray[np.float64]:
    """Return the weights of a network's readout, of the last class against the first, (H,)."""
    return _contrast(model.readout.weight.detach().double().numpy())


def _contrast(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weights, shape (n,), for the last class against the first."""
    rows = np.atleast_2d(weights)  # two classes share one logit
    contrast: NDArray[np.float64] = rows[0] if len(rows) == 1 else rows[-1] - rows[0]
    return contrast


def common_words(
    checkpoint: Checkpoint, model: SentimentRNN, bag: BagOfWords, settings: AnalysisSettings
) -> Words:
    """Return the most common words of the vocabulary, without those that stand for others."""
    chosen = slice(UNK + 1, UNK + 1 + settings.n_words)
    return Words(
        words=checkpoint.vocabulary.words[chosen],
        embeddings=model.embedding.weight.detach()[chosen].double().numpy(),
        weights=_contrast(bag.weights)[chosen],
    )
