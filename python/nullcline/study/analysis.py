"""The paper's analyses of one trained network, layer by layer, on the reviews of one split."""

from __future__ import annotations

import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.spatial.distance import cdist

import nullcline as nc
from nullcline.study.dynamics import Words, analyse_dynamics
from nullcline.study.results import (
    Baseline,
    Descent,
    DynamicsAnalysis,
    LayerAnalysis,
    NetworkAnalysis,
    Spectrum,
    Walk,
)
from nullcline.study.states import (
    layer_states,
    review_inputs,
    split_layers,
    visit_states,
)
from nullcline.text import UNK
from nullcline.training.bag_of_words import fit_bag_of_words
from nullcline.training.batches import EncodedReviews
from nullcline.training.checkpoint import SPLITS, split_rows
from nullcline.training.objective import probabilities

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from nullcline import FixedPoints
    from nullcline._support.validation import Floats
    from nullcline.cells import Cell
    from nullcline.study.pca import PrincipalComponents
    from nullcline.study.states import VisitedStates
    from nullcline.text import Corpus
    from nullcline.training import Checkpoint, SentimentRNN
    from nullcline.training.bag_of_words import BagOfWords

POSITIVE_REVIEW = (
    "It is by far one of the best comic book adaptations ever. "
    "I liked this one even more than X-men."
)
NEGATIVE_REVIEW = (
    "First of all I hate those moronic rappers, who couldn't act if they had a gun pressed "
    "against their foreheads. All they do is curse and shoot each other and acting like "
    "cliché'e version of gangsters."
)
EXAMPLE_REVIEWS = ((POSITIVE_REVIEW, True), (NEGATIVE_REVIEW, False))
"""The paper's two example reviews, and whether they are of the last class or of the first."""

N_LINEARIZED = 10
"""Points of a layer that it is linearized around, at most."""

N_SPECTRA = 3
"""Points of a layer whose eigenvalues are shown, at most."""

TOL_DESCENT = 1e-6
"""Where the paper's method, a descent of q, is stopped."""


@dataclass(frozen=True)
class AnalysisSettings:
    """What is drawn and searched; the defaults are the paper's.

    Parameters
    ----------
    n_starts
        States, drawn at random from those visited, that the search starts from.
    split
        The reviews whose states are analysed, one of `nullcline.training.SPLITS`.
    n_sample
        States that stand for the cloud in figures and in distances to it.
    n_reviews
        Reviews, drawn at random, that the linear maps read from beginning to end.
    n_words
        Words, the most common ones, whose effects are compared with their weights.
    method, tol_unique, tol_slow
        As in `nullcline.find_fixed_points`, but `tol_slow` is larger: a ghost is told from a fixed
        point by what it is, a minimum of q that is not zero, and not by how slow it is. At 1e-3
        a unit moves by 0.03 a step, root mean square.
    seed
        Seed of the draw.
    n_threads
        Threads of the search; None takes all cores.
    """

    n_starts: int = 500
    split: str = "test"
    n_sample: int = 5000
    n_reviews: int = 200
    n_words: int = 1000
    method: str = "auto"
    tol_unique: float = 1e-3
    tol_slow: float = 1e-3
    seed: int = 0
    n_threads: int | None = None

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise ValueError(f"split must be one of {', '.join(SPLITS)}, not {self.split!r}")
        for name in ("n_starts", "n_sample", "n_reviews", "n_words"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")


class _Stopwatch:
    """Seconds spent under each name."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def time(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[name] += time.perf_counter() - start


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
    """
    settings = settings or AnalysisSettings()
    watch = _Stopwatch()
    reviews = checkpoint.reviews(corpus, settings.split)
    model = checkpoint.model()
    with watch.time("bag of words"):
        bag = fit_bag_of_words(checkpoint, corpus)
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
    components = [states.moments.principal_components() for states in visited]
    walks = [_walks(checkpoint, model, components, *example) for example in EXAMPLE_REVIEWS]
    read = review_inputs(model, _some(reviews, settings))
    readout = _contrast(model.readout.weight.detach().double().numpy())
    layers = tuple(
        _analyse_layer(
            layer,
            cell,
            visited[layer],
            components[layer],
            untrained[layer].moments.principal_components(),
            tuple(walk[layer] for walk in walks),
            read[layer],
            readout if layer == len(visited) - 1 else None,
            _common_words(checkpoint, model, bag, settings) if layer == 0 else None,
            settings,
            watch,
            progress=progress,
        )
        for layer, cell in enumerate(nc.from_torch(model.rnn))
    )
    return NetworkAnalysis(
        n_layers=len(layers),
        cell=checkpoint.settings.cell,
        corpus=corpus.name,
        n_train=len(split_rows(len(corpus.train), checkpoint.settings)[0]),
        classes=corpus.classes,
        split=settings.split,
        test_accuracy=checkpoint.test_accuracy,
        train_accuracy=checkpoint.train_accuracy,
        baseline=Baseline(bag.test_accuracy, bag.train_accuracy, bag.penalty),
        chance=float(np.bincount(corpus.test.labels).max() / len(corpus.test)),
        validation_loss=checkpoint.validation_loss,
        best_epoch=checkpoint.best_epoch,
        readout=readout,
        layers=layers,
        seconds={
            "training": sum(epoch.seconds for epoch in checkpoint.history),
            **watch.seconds,
        },
    )


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
        One for each layer, one row a start.
    """
    settings = settings or AnalysisSettings()
    model = checkpoint.model()
    visited = visit_states(
        model,
        checkpoint.reviews(corpus, settings.split),
        n_sample=settings.n_starts,
        seed=settings.seed,
        progress=progress,
    )
    return [
        _search(cell, states, settings, device=device, progress=progress)
        for cell, states in zip(nc.from_torch(model.rnn), visited, strict=True)
    ]


def _some(reviews: EncodedReviews, settings: AnalysisSettings) -> EncodedReviews:
    """Return `n_reviews` of the reviews, drawn at random, or all if there are fewer."""
    rng = np.random.default_rng(settings.seed)
    rows = rng.permutation(len(reviews))[: settings.n_reviews]
    return EncodedReviews([reviews.indices[row] for row in rows], reviews.labels[rows])


def _contrast(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return weights (n,) for the last class against the first: of two, the one logit's."""
    rows = np.atleast_2d(weights)
    contrast: NDArray[np.float64] = rows[0] if len(rows) == 1 else rows[-1] - rows[0]
    return contrast


def _common_words(
    checkpoint: Checkpoint, model: SentimentRNN, bag: BagOfWords, settings: AnalysisSettings
) -> Words:
    """Return the most common words of the vocabulary, without those that stand for others."""
    chosen = slice(UNK + 1, UNK + 1 + settings.n_words)
    return Words(
        words=checkpoint.vocabulary.words[chosen],
        embeddings=model.embedding.weight.detach()[chosen].double().numpy(),
        weights=_contrast(bag.weights)[chosen],
    )


def _search(
    cell: Cell,
    visited: VisitedStates,
    settings: AnalysisSettings,
    *,
    device: str = "cpu",
    progress: bool,
) -> FixedPoints:
    """Search from the first sampled states, which are a random sample themselves."""
    return nc.find_fixed_points(
        cell,
        visited.sample[: settings.n_starts],
        method=settings.method,
        tol_unique=settings.tol_unique,
        tol_slow=settings.tol_slow,
        n_threads=settings.n_threads,
        device=device,
        progress=progress,
    )


def _descend(cell: Cell, starts: Floats, settings: AnalysisSettings) -> Descent:
    """Search as the paper did, from the same starts."""
    ends = nc.find_fixed_points(
        cell,
        starts,
        method="gradient",
        tol_unique=settings.tol_unique,
        tol_slow=TOL_DESCENT,
        n_threads=settings.n_threads,
    )
    distinct = ends.unique()
    return Descent(
        tol_slow=TOL_DESCENT,
        below=int(distinct.count.sum()),
        distinct=len(distinct),
        fixed=int(np.sum(distinct.kind == "fixed")),
    )


def _walks(
    checkpoint: Checkpoint,
    model: SentimentRNN,
    components: list[PrincipalComponents],
    text: str,
    of_last_class: bool,
) -> list[Walk]:
    """Return the path of one review through each layer's first two components."""
    tokens = torch.from_numpy(checkpoint.encode(text))[None]
    layers = layer_states(model, split_layers(model.rnn), tokens)
    paths = [states[0].numpy() for _, states in layers]
    with torch.inference_mode():
        logits = model(tokens, torch.tensor([tokens.shape[1]]))
    return [
        Walk(
            tokens=tuple(checkpoint.tokens(text)),
            projection=layer_components.project(path),
            label=checkpoint.settings.classes - 1 if of_last_class else 0,
            probability=float(probabilities(logits)[0, -1]),
        )
        for path, layer_components in zip(paths, components, strict=True)
    ]


def _analyse_layer(
    layer: int,
    cell: Cell,
    visited: VisitedStates,
    components: PrincipalComponents,
    untrained: PrincipalComponents,
    walks: tuple[Walk, ...],
    reviews: Sequence[Floats],
    readout: NDArray[np.float64] | None,
    words: Words | None,
    settings: AnalysisSettings,
    watch: _Stopwatch,
    *,
    progress: bool,
) -> LayerAnalysis:
    with watch.time("search"):
        points = _search(cell, visited, settings, progress=progress)
    unique = points.unique()
    with watch.time("certify"):
        radius_exists, radius_unique = _proved(cell, unique)
    descent: Descent | None = None
    if isinstance(cell, nc.GRU):  # the cell of the study whose method it is
        with watch.time("descent"):
            descent = _descend(cell, points.starts, settings)
    rows = np.lexsort((-unique.count, unique.kind != "fixed"))[:N_LINEARIZED]
    spectra: tuple[Spectrum, ...] = ()
    dynamics: DynamicsAnalysis | None = None
    if len(rows):
        shown = unique.select(rows)
        with watch.time("linearize"):
            modes = nc.linearize(cell, shown)
        spectra = _spectra(shown, modes)
        with watch.time("dynamics"):
            dynamics = analyse_dynamics(
                modes, shown, rows, visited, reviews, readout=readout, words=words
            )
    return LayerAnalysis(
        layer=layer + 1,
        n_states=visited.moments.count,
        explained_variance_ratio=components.explained_variance_ratio,
        explained_variance_ratio_untrained=untrained.explained_variance_ratio,
        mean=components.mean,
        components=components.components[:2],
        sample=visited.sample,
        sample_projection=components.project(visited.sample),
        sample_labels=visited.sample_labels,
        walks=walks,
        points=points,
        unique=unique,
        radius_exists=radius_exists,
        radius_unique=radius_unique,
        descent=descent,
        unique_projection=components.project(unique.h),
        end_projection=components.project(points.h),
        distance_to_cloud=_distance_to_cloud(unique, visited),
        spectra=spectra,
        dynamics=dynamics,
    )


def _proved(cell: Cell, unique: FixedPoints) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the radii that are proved at each point; NaN with cells that have no certificates."""
    if not isinstance(cell, nc.GRU):
        return np.full(len(unique), np.nan), np.full(len(unique), np.nan)
    certificates = unique.certify()
    return certificates.radius_exists, certificates.radius_unique


def _distance_to_cloud(unique: FixedPoints, visited: VisitedStates) -> NDArray[np.float64]:
    """Return each point's distance to the nearest sampled state, in RMS radii of the cloud."""
    if len(unique) == 0:
        return np.empty(0)
    nearest: NDArray[np.float64] = cdist(unique.h, visited.sample).min(axis=1)
    return nearest / visited.moments.radius()


def _spectra(shown: FixedPoints, modes: nc.Linearization) -> tuple[Spectrum, ...]:
    """Return the eigenvalues at the first points."""
    return tuple(
        Spectrum(
            kind=str(shown.kind[i]),
            q=float(shown.q[i]),
            count=int(shown.count[i]),
            norm=float(np.linalg.norm(shown.h[i])),
            eigenvalues=modes.eigenvalues[i],
        )
        for i in range(min(N_SPECTRA, len(shown)))
    )
