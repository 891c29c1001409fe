"""What the analyses of a network come to: the records that figures, claims and files share."""

from __future__ import annotations

import json
import zipfile
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import nullcline as nc
from nullcline._support.files import replacing
from nullcline.search import KINDS, FixedPoints

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from numpy.typing import NDArray

MARGINAL = 1e-5
"""An eigenvalue this close to the unit circle counts as on it.

At a slow point one eigenvalue is 1, exactly: where q = mean(f²), f = F(h) - h, has a minimum,
(J_rec - I)ᵀ f = 0, so that f is a left eigenvector. Found by rounding, it lies on either side.
"""

_FORMAT = "nullcline.NetworkAnalysis 4"


@dataclass(frozen=True, eq=False)
class Walk:
    """One review's path through a layer.

    Attributes
    ----------
    tokens
        The T tokens that the network read.
    projection
        The state after each token on the first two components, shape (T, 2).
    label
        The review's class: the last or the first.
    probability
        The network's probability of the last class ("positive") after the last token.
    """

    tokens: tuple[str, ...]
    projection: NDArray[np.float64]
    label: int
    probability: float


@dataclass(frozen=True, eq=False)
class Spectrum:
    """The eigenvalues of J_rec at one point.

    Attributes
    ----------
    kind, q, count, norm
        The point's kind, speed, number of starts that ended there, and Euclidean norm.
    eigenvalues
        By falling modulus, shape (H,).
    """

    kind: str
    q: float
    count: int
    norm: float
    eigenvalues: NDArray[np.complex128]

    @property
    def slowest(self) -> float:
        """The largest modulus."""
        return float(np.abs(self.eigenvalues).max(initial=0))

    @property
    def time_constant(self) -> float:
        """1 / |ln|λ|| of the slowest mode, in steps; infinite on the unit circle."""
        if self.slowest == 0:
            return 0.0
        if abs(self.slowest - 1) <= MARGINAL:
            return float("inf")
        return float(1 / abs(np.log(self.slowest)))

    @property
    def unstable(self) -> NDArray[np.bool_]:
        """Which eigenvalues lie outside the unit circle, shape (H,)."""
        return np.abs(self.eigenvalues) > 1 + MARGINAL

    @property
    def n_unstable(self) -> int:
        """The number of eigenvalues outside the unit circle."""
        return int(self.unstable.sum())


@dataclass(frozen=True)
class Descent:
    """What the paper's method makes of the same starts: Adam on q, until q is small enough.

    Attributes
    ----------
    tol_slow
        The q at which it stops.
    below, distinct, fixed
        Starts that get there; the distinct states that they end in; those of these states that are
        fixed points, zero to rounding.
    """

    tol_slow: float
    below: int
    distinct: int
    fixed: int


@dataclass(frozen=True, eq=False)
class WordAnalysis:
    """What words do at a point, beside what each says for itself.

    Attributes
    ----------
    words
        The most common words of the vocabulary, W of them.
    weights
        Their weights in the bag of words, for the last class against the first, shape (W,).
    effects
        Their effects in the network (`nullcline.word_effects`).
    """

    words: tuple[str, ...]
    weights: NDArray[np.float64]
    effects: nc.WordEffects

    @property
    def correlations(self) -> dict[str, nc.RankCorrelation]:
        """How effects rank beside weights (`nullcline.WordEffects.rank_correlations`)."""
        return self.effects.rank_correlations(self.weights)


@dataclass(frozen=True, eq=False)
class DynamicsAnalysis:
    """What the linearization of one layer explains.

    Attributes
    ----------
    point
        The row of `LayerAnalysis.unique` that words are linearized around: the end of most starts.
    time_constants
        The largest at that point, by falling length, in steps; infinite on the unit circle.
    next_state_r2, next_change_r2
        R² of the next state, and of how far it goes, from sampled states, by the linear map around
        the nearest point.
    next_by_distance
        The same against the distance to that point.
    review_state_r2, review_readout_r2
        R² of the last state of a review, and of its readout, when the linear map has read all of
        it; None for the readout of any layer but the last.
    line
        The slow manifold through one of the points against the visited states; None if no curve
        runs where they are.
    words
        None in any layer but the first, whose inputs alone are words.
    """

    point: int
    time_constants: NDArray[np.float64]
    next_state_r2: float
    next_change_r2: float
    next_by_distance: nc.DistanceBins
    review_state_r2: float
    review_readout_r2: float | None
    line: nc.LineAttractor | None
    words: WordAnalysis | None

    def to_json(self) -> dict[str, Any]:
        """Return every number as plain Python values, for results.json."""
        bins = self.next_by_distance
        return {
            "point": self.point,
            "time_constants": [_or_none(value) for value in self.time_constants],
            "next_state_r2": _or_none(self.next_state_r2),
            "next_change_r2": _or_none(self.next_change_r2),
            "next_by_distance": {
                "distance": bins.distance.tolist(),
                "count": bins.count.tolist(),
                "r2": [_or_none(value) for value in bins.r2],
                "r2_of_change": [_or_none(value) for value in bins.r2_of_change],
            },
            "review_state_r2": _or_none(self.review_state_r2),
            "review_readout_r2": _or_none(self.review_readout_r2),
            "line": None if self.line is None else _line_to_json(self.line),
            "words": None
            if self.words is None
            else {
                "count": len(self.words.words),
                "rank_correlations": {
                    name: _or_none(found.rho) for name, found in self.words.correlations.items()
                },
            },
        }


def _line_to_json(line: nc.LineAttractor) -> dict[str, Any]:
    numbers = ("length", "width", "aspect", "offset", "r2", "explained_variance",
               "explained_by_chord", "explained_by_component")  # fmt: skip
    along = ("positions", "time_constants", "tangent_to_mode", "tangent_to_readout",
             "mode_to_readout")  # fmt: skip
    found: dict[str, Any] = {name: _or_none(getattr(line, name)) for name in numbers}
    for name in along:
        values = getattr(line, name)
        found[name] = None if values is None else [_or_none(value) for value in values]
    return found


@dataclass(frozen=True, eq=False)
class LayerAnalysis:
    """The analyses of one layer, whose states have S numbers: H, or 2H of an LSTM.

    Attributes
    ----------
    layer
        Number of the layer, from 1.
    n_states
        Number of states that the principal components are of: all that were visited.
    explained_variance_ratio, explained_variance_ratio_untrained
        Share of the variance along each component, shape (S,), trained and before training.
    mean, components
        Mean state (S,) and first two components (2, S).
    sample, sample_projection, sample_labels
        A random sample of visited states (m, S), the same on the components (m, 2), and the labels
        of their reviews (m,).
    walks
        The example reviews.
    points
        The ends of the search, one row a start.
    unique
        The distinct ends.
    radius_exists, radius_unique
        What is proved of each distinct end (`nullcline.certify`), shape (u,): a fixed point lies
        within the one, and no other within the other; NaN where nothing is, as with any cell but a
        GRU.
    descent
        What the paper's method ends in; None with any cell but the paper's, the GRU.
    unique_projection, end_projection
        Distinct ends (u, 2) and all ends (n, 2) on the components.
    distance_to_cloud
        From each distinct end to the nearest sampled state, in units of the cloud's root mean
        square radius, shape (u,).
    spectra
        Eigenvalues at up to three of the distinct ends.
    dynamics
        What the linearization explains; None if no point was found to linearize at.
    """

    layer: int
    n_states: int
    explained_variance_ratio: NDArray[np.float64]
    explained_variance_ratio_untrained: NDArray[np.float64]
    mean: NDArray[np.float64]
    components: NDArray[np.float64]
    sample: NDArray[np.float32]
    sample_projection: NDArray[np.float64]
    sample_labels: NDArray[np.int64]
    walks: tuple[Walk, ...]
    points: FixedPoints
    unique: FixedPoints
    radius_exists: NDArray[np.float64]
    radius_unique: NDArray[np.float64]
    descent: Descent | None
    unique_projection: NDArray[np.float64]
    end_projection: NDArray[np.float64]
    distance_to_cloud: NDArray[np.float64]
    spectra: tuple[Spectrum, ...]
    dynamics: DynamicsAnalysis | None

    def starts_of_kind(self, kind: str) -> int:
        """Return how many starts ended in points of `kind`."""
        return int(np.sum(self.points.kind == kind))

    @property
    def participation_ratio(self) -> float:
        """How many dimensions the visited states fill (`nullcline.participation_ratio`)."""
        return nc.participation_ratio_of_variances(self.explained_variance_ratio)

    def components_for(self, share: float, *, trained: bool = True) -> int:
        """Return how many principal components explain `share` of the variance."""
        ratio = (
            self.explained_variance_ratio if trained else self.explained_variance_ratio_untrained
        )
        return int(np.searchsorted(np.cumsum(ratio), share - 1e-12) + 1)

    @property
    def n_proved(self) -> int:
        """The number of distinct ends that are proved to be fixed points."""
        return int(np.sum(np.isfinite(self.radius_unique)))

    def distinct_of_kind(self, kind: str) -> int:
        """Return how many distinct ends are of `kind`."""
        return int(np.sum(self.unique.kind == kind))

    def to_json(self) -> dict[str, Any]:
        """Return every number as plain Python values, for results.json."""
        return {
            "layer": self.layer,
            "n_states": self.n_states,
            "explained_variance_ratio": self.explained_variance_ratio.tolist(),
            "explained_variance_ratio_untrained": self.explained_variance_ratio_untrained.tolist(),
            "participation_ratio": self.participation_ratio,
            "search": {
                "starts": len(self.points),
                **{kind: self.starts_of_kind(kind) for kind in KINDS},
                "median_iterations": float(np.median(self.points.iterations))
                if len(self.points)
                else 0.0,
                "largest_coordinate": float(np.abs(self.points.h).max(initial=0)),
                "reasons": {
                    str(reason): int(count)
                    for reason, count in zip(
                        *np.unique(self.points.reason, return_counts=True), strict=True
                    )
                },
            },
            "points": [
                {
                    "kind": str(self.unique.kind[i]),
                    "q": float(self.unique.q[i]),
                    "count": int(self.unique.count[i]),
                    "norm": float(np.linalg.norm(self.unique.h[i])),
                    "projection": self.unique_projection[i].tolist(),
                    "distance_to_cloud": float(self.distance_to_cloud[i]),
                    "radius_exists": _or_none(self.radius_exists[i]),
                    "radius_unique": _or_none(self.radius_unique[i]),
                }
                for i in range(len(self.unique))
            ],
            "descent": None if self.descent is None else asdict(self.descent),
            "spectra": [
                {
                    "kind": spectrum.kind,
                    "q": spectrum.q,
                    "count": spectrum.count,
                    "norm": spectrum.norm,
                    "n_unstable": spectrum.n_unstable,
                    "eigenvalues": [[value.real, value.imag] for value in spectrum.eigenvalues],
                }
                for spectrum in self.spectra
            ],
            "dynamics": None if self.dynamics is None else self.dynamics.to_json(),
            "walks": [
                {
                    "tokens": list(walk.tokens),
                    "label": walk.label,
                    "probability": walk.probability,
                    "projection": walk.projection.tolist(),
                }
                for walk in self.walks
            ],
        }


@dataclass(frozen=True)
class Baseline:
    """The bag of words beside a network: accuracies in [0, 1], and its regularization C."""

    test_accuracy: float
    train_accuracy: float
    penalty: float


@dataclass(frozen=True, eq=False)
class NetworkAnalysis:
    """The analyses of one trained network.

    Attributes
    ----------
    n_layers
        Its depth.
    cell
        What its layers are, one of `nullcline.training.CELLS`.
    corpus, n_train
        What it was trained on, and on how many reviews.
    classes
        What the corpus calls its classes.
    split
        The reviews whose states were analysed, one of `nullcline.training.SPLITS`.
    test_accuracy, train_accuracy
        Share of test reviews, and of those trained on, judged right; None where it was not noted.
    baseline
        The same of a bag of words.
    chance
        Share of the test reviews that are of the most common class.
    validation_loss, best_epoch
        Lowest validation loss (nats a review), and the epoch that had it.
    readout
        Weights of the linear readout, of the last class against the first, shape (H,).
    layers
        One entry a layer.
    seconds
        Time spent on each part.
    """

    n_layers: int
    cell: str
    corpus: str
    n_train: int
    classes: tuple[str, ...]
    split: str
    test_accuracy: float
    train_accuracy: float | None
    baseline: Baseline
    chance: float
    validation_loss: float
    best_epoch: int
    readout: NDArray[np.float64]
    layers: tuple[LayerAnalysis, ...]
    seconds: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """Return every number as plain Python values, for results.json."""
        return {
            "n_layers": self.n_layers,
            "cell": self.cell,
            "corpus": self.corpus,
            "n_train": self.n_train,
            "classes": list(self.classes),
            "split": self.split,
            "test_accuracy": self.test_accuracy,
            "train_accuracy": self.train_accuracy,
            "bag_of_words": asdict(self.baseline),
            "chance": self.chance,
            "validation_loss": self.validation_loss,
            "best_epoch": self.best_epoch,
            "seconds": self.seconds,
            "layers": [layer.to_json() for layer in self.layers],
        }

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write to `path` (.npz, nothing pickled), whole or not at all."""
        arrays: dict[str, NDArray[Any]] = {}
        record = _pack(self, "", arrays)
        arrays["record"] = np.array(json.dumps({"format": _FORMAT, **record}))
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> NetworkAnalysis:
        """Read what `save` wrote.

        Raises
        ------
        OSError
            The file cannot be opened.
        ValueError
            It was not written by `save`, or is damaged.
        """
        with Path(path).open("rb") as file:
            try:
                with np.load(file, allow_pickle=False) as archive:
                    arrays = dict(archive)
                record = json.loads(arrays["record"].item())
                return _unpack_network(record, arrays)
            except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
                raise ValueError(f"{path} holds no analysis, or a damaged one: {error}") from error


def _or_none(value: float | None) -> float | None:
    """Return a number as JSON can hold it: None for what is not there or not finite."""
    return None if value is None or not np.isfinite(value) else float(value)


def _pack(value: Any, place: str, arrays: dict[str, NDArray[Any]]) -> Any:
    """Return `value` as JSON can hold it, its arrays put into `arrays` under their place."""
    if isinstance(value, np.ndarray):
        arrays[place] = value
        return {"array": place}
    if isinstance(value, tuple) and value and not isinstance(value[0], str):
        return [_pack(item, f"{place}/{i}", arrays) for i, item in enumerate(value)]
    if hasattr(value, "__dataclass_fields__"):
        return {
            field.name: _pack(getattr(value, field.name), f"{place}/{field.name}", arrays)
            for field in fields(value)
            # A cell is held by the checkpoint beside the file.
            if not (field.name == "cell" and isinstance(value, FixedPoints))
        }
    return value


def _unpack(record: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Return the fields of a record, with its arrays back in their places."""
    return {
        name: arrays[value["array"]]
        if isinstance(value, dict) and set(value) == {"array"}
        else value
        for name, value in record.items()
    }


def _unpack_network(
    record: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> NetworkAnalysis:
    values = _unpack(record, arrays)
    if values.pop("format") != _FORMAT:
        raise ValueError("its format is unknown")
    values["classes"] = tuple(values["classes"])
    values["baseline"] = Baseline(**values["baseline"])
    values["layers"] = tuple(_unpack_layer(layer, arrays) for layer in values["layers"])
    return NetworkAnalysis(**values)


def _unpack_layer(record: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> LayerAnalysis:
    values = _unpack(record, arrays)
    walks = [_unpack(walk, arrays) for walk in values["walks"]]
    values["walks"] = tuple(Walk(**{**walk, "tokens": tuple(walk["tokens"])}) for walk in walks)
    values["spectra"] = tuple(Spectrum(**_unpack(item, arrays)) for item in values["spectra"])
    for name in ("points", "unique"):
        values[name] = FixedPoints(**_unpack(values[name], arrays))
    if values["descent"] is not None:
        values["descent"] = Descent(**values["descent"])
    if values["dynamics"] is not None:
        values["dynamics"] = _unpack_dynamics(values["dynamics"], arrays)
    return LayerAnalysis(**values)


def _unpack_dynamics(
    record: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> DynamicsAnalysis:
    values = _unpack(record, arrays)
    values["next_by_distance"] = nc.DistanceBins(**_unpack(values["next_by_distance"], arrays))
    if values["line"] is not None:
        line = _unpack(values["line"], arrays)
        values["line"] = nc.LineAttractor(**{**line, "visited": tuple(line["visited"])})
    if values["words"] is not None:
        words = _unpack(values["words"], arrays)
        effects = nc.WordEffects(**_unpack(words["effects"], arrays))
        values["words"] = WordAnalysis(tuple(words["words"]), words["weights"], effects)
    return DynamicsAnalysis(**values)
