"""The paper's analyses of one trained network, layer by layer, on the test reviews alone."""

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
from nullcline.paper.results import Descent, LayerAnalysis, NetworkAnalysis, Spectrum, Walk
from nullcline.paper.states import layer_states, split_layers, visit_states
from nullcline.training.batches import EncodedReviews

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from nullcline import GRU, FixedPoints
    from nullcline._validation import Floats
    from nullcline.paper.pca import PrincipalComponents
    from nullcline.paper.states import VisitedStates
    from nullcline.text import Corpus
    from nullcline.training import Checkpoint, SentimentGRU

POSITIVE_REVIEW = (
    "It is by far one of the best comic book adaptations ever. "
    "I liked this one even more than X-men."
)
NEGATIVE_REVIEW = (
    "First of all I hate those moronic rappers, who couldn't act if they had a gun pressed "
    "against their foreheads. All they do is curse and shoot each other and acting like "
    "cliché'e version of gangsters."
)
EXAMPLE_REVIEWS = ((POSITIVE_REVIEW, 1), (NEGATIVE_REVIEW, 0))
"""The paper's two example reviews, with their labels."""

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
    n_sample
        States that stand for the cloud in figures and in distances to it.
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
    n_sample: int = 5000
    method: str = "auto"
    tol_unique: float = 1e-3
    tol_slow: float = 1e-3
    seed: int = 0
    n_threads: int | None = None

    def __post_init__(self) -> None:
        for name in ("n_starts", "n_sample"):
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

    Every state that the network visits on the test reviews enters the principal components, for
    the trained and for the untrained network; `n_starts` of them, drawn at random, are searched
    with zero input; the distinct ends are linearized.

    Parameters
    ----------
    checkpoint
        The finished training run.
    corpus
        The corpus that it was trained on; only its test split is read.
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
    reviews = test_reviews(checkpoint, corpus)
    model = checkpoint.model()
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
    walks = [_walks(checkpoint, model, components, text, label) for text, label in EXAMPLE_REVIEWS]
    layers = tuple(
        _analyse_layer(
            layer,
            cell,
            visited[layer],
            components[layer],
            untrained[layer].moments.principal_components(),
            tuple(walk[layer] for walk in walks),
            settings,
            watch,
            progress=progress,
        )
        for layer, cell in enumerate(nc.from_torch(model.rnn))
    )
    return NetworkAnalysis(
        n_layers=len(layers),
        corpus=corpus.name,
        test_accuracy=checkpoint.test_accuracy,
        validation_loss=checkpoint.validation_loss,
        best_epoch=checkpoint.best_epoch,
        readout=model.readout.weight.detach().numpy()[0].astype(np.float64),
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
        test_reviews(checkpoint, corpus),
        n_sample=settings.n_starts,
        seed=settings.seed,
        progress=progress,
    )
    return [
        _search(cell, states, settings, device=device, progress=progress)
        for cell, states in zip(nc.from_torch(model.rnn), visited, strict=True)
    ]


def test_reviews(checkpoint: Checkpoint, corpus: Corpus) -> EncodedReviews:
    """Return the test reviews as the network reads them."""
    return EncodedReviews(
        [checkpoint.encode(text) for text in corpus.test.texts], corpus.test.labels
    )


def _search(
    cell: GRU,
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
        seed=settings.seed,
    )


def _descend(cell: GRU, starts: Floats, settings: AnalysisSettings) -> Descent:
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
    model: SentimentGRU,
    components: list[PrincipalComponents],
    text: str,
    label: int,
) -> list[Walk]:
    """Return the path of one review through each layer's first two components."""
    tokens = torch.from_numpy(checkpoint.encode(text))[None]
    paths = [states[0].numpy() for states in layer_states(model, split_layers(model.rnn), tokens)]
    with torch.inference_mode():
        logit = model(tokens, torch.tensor([tokens.shape[1]]))
    return [
        Walk(
            tokens=tuple(checkpoint.tokens(text)),
            projection=layer_components.project(path),
            label=label,
            probability=float(torch.sigmoid(logit)),
        )
        for path, layer_components in zip(paths, components, strict=True)
    ]


def _analyse_layer(
    layer: int,
    cell: GRU,
    visited: VisitedStates,
    components: PrincipalComponents,
    untrained: PrincipalComponents,
    walks: tuple[Walk, ...],
    settings: AnalysisSettings,
    watch: _Stopwatch,
    *,
    progress: bool,
) -> LayerAnalysis:
    with watch.time("search"):
        points = _search(cell, visited, settings, progress=progress)
    unique = points.unique()
    with watch.time("certify"):
        certificates = unique.certify()
    with watch.time("descent"):
        descent = _descend(cell, points.starts, settings)
    with watch.time("linearize"):
        spectra = _spectra(cell, unique)
    return LayerAnalysis(
        layer=layer + 1,
        n_states=visited.moments.count,
        explained_variance_ratio=components.explained_variance_ratio,
        explained_variance_ratio_untrained=untrained.explained_variance_ratio,
        mean=components.mean,
        components=components.components[:2],
        sample_projection=components.project(visited.sample),
        sample_labels=visited.sample_labels,
        walks=walks,
        points=points,
        unique=unique,
        radius_exists=certificates.radius_exists,
        radius_unique=certificates.radius_unique,
        descent=descent,
        unique_projection=components.project(unique.h),
        end_projection=components.project(points.h),
        distance_to_cloud=_distance_to_cloud(unique, visited),
        spectra=spectra,
    )


def _distance_to_cloud(unique: FixedPoints, visited: VisitedStates) -> NDArray[np.float64]:
    """Return each point's distance to the nearest sampled state, in RMS radii of the cloud."""
    if len(unique) == 0:
        return np.empty(0)
    nearest: NDArray[np.float64] = cdist(unique.h, visited.sample).min(axis=1)
    return nearest / visited.moments.radius()


def _spectra(cell: GRU, unique: FixedPoints) -> tuple[Spectrum, ...]:
    """Return the eigenvalues at the points to show: fixed ones first, then the most frequent."""
    order = np.lexsort((-unique.count, unique.kind != "fixed"))[:N_SPECTRA]
    shown = unique.select(order)
    modes = nc.linearize(cell, shown)
    return tuple(
        Spectrum(
            kind=str(shown.kind[i]),
            q=float(shown.q[i]),
            count=int(shown.count[i]),
            norm=float(np.linalg.norm(shown.h[i])),
            eigenvalues=modes.eigenvalues[i],
        )
        for i in range(len(shown))
    )
