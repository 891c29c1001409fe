"""The analyses of one layer: the records that figures, claims and files share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support.records import as_json
from nullcline.completeness.found import WAYS
from nullcline.linearization.dimensionality import participation_ratio_of_variances
from nullcline.search.fixed_points import FixedPoints
from nullcline.search.kinds import KINDS
from nullcline.study.dynamics_results import DynamicsAnalysis
from nullcline.study.point_results import JOINT, ZERO, PointsAtInput
from nullcline.study.spectrum import Spectrum

if TYPE_CHECKING:
    from numpy.typing import NDArray


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
    predicted
        The class that the network says; None in early files.
    origin
        Where the review is from; empty in early files.
    """

    tokens: tuple[str, ...]
    projection: NDArray[np.float64]
    label: int
    probability: float
    predicted: int | None = None
    origin: str = ""

    @property
    def is_right(self) -> bool:
        """Whether the network says the review's class."""
        if self.predicted is None:
            return (self.probability > 0.5) == (self.label > 0)
        return self.predicted == self.label

    def to_json(self) -> dict[str, Any]:
        """Return every number as plain Python values, for results.json."""
        own = {
            name: value
            for name, value in vars(self).items()
            if name not in ("predicted", "origin") or value not in (None, "")
        }
        found: dict[str, Any] = as_json(own)
        return found


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


def linearized_first(unique: FixedPoints) -> NDArray[np.intp]:
    """Return the rows of distinct ends: fixed points first, of each kind the end of most starts."""
    return np.lexsort((-unique.count, unique.kind != "fixed"))


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
        Mean state (S,) and first two components (2, S), each pointing from the states of the first
        class's reviews to those of the last class's.
    sample, sample_projection, sample_labels
        A random sample of visited states (m, S), their coordinates on the components (m, 2), and
        the labels of their reviews (m,).
    walks
        The example reviews.
    points
        The ends of the search, one row per start.
    unique
        The distinct ends, and after them the fixed points in which no start ended, of count 0.
    radius_exists, radius_unique
        What is proved of each distinct end (`nullcline.certify`), shape (u,): a fixed point lies
        within the one, and no other within the other; NaN where nothing is.
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
    degree, completeness
        The sum of the fixed points' indices in few words, and in a sentence (`nullcline.
        Completeness`); None in early files, and the first where nothing is known of the sum.
    how
        How each of `unique` was found, by the "search" or beyond it (`nullcline.AllFixedPoints.
        how`); None in early files.
    at_inputs
        The layer's points at each of `nullcline.study.point_results.INPUTS`; in the first layer the
        joint input is zero, and not said twice. Empty in early files.
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
    degree: str | None = None
    completeness: str | None = None
    how: NDArray[np.str_] | None = None
    at_inputs: tuple[PointsAtInput, ...] = ()

    def at(self, given: str) -> PointsAtInput | None:
        """Return the layer's points at one of `INPUTS`; None where they were not looked for."""
        meant = ZERO if given == JOINT and self.layer == 1 else given
        found = next((at for at in self.at_inputs if at.input == meant), None)
        if found is None or meant != ZERO:
            return found
        return replace(found, input=given, dynamics=self.dynamics)

    def starts_of_kind(self, kind: str) -> int:
        """Return how many starts ended in points of `kind`."""
        return int(np.sum(self.points.kind == kind))

    @property
    def stability(self) -> NDArray[np.str_]:
        """How stable each distinct end is, shape (u,); "fixed" where its spectrum is not kept."""
        found = np.full(len(self.unique), "fixed", "U11")
        for row, spectrum in zip(linearized_first(self.unique), self.spectra, strict=False):
            found[row] = spectrum.stability
        return found

    @property
    def participation_ratio(self) -> float:
        """How many dimensions the visited states fill (`nullcline.participation_ratio`)."""
        return participation_ratio_of_variances(self.explained_variance_ratio)

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

    @property
    def beyond_search(self) -> str:
        """How many points no start ended in, and how these were found; "" where there are none."""
        how = [] if self.how is None else self.how.tolist()
        return ", ".join(f"{how.count(way)} by {way}" for way in WAYS if way in how)

    def to_json(self) -> dict[str, Any]:
        """Return every number as plain Python values, for results.json."""
        inputs = [at.to_json() for at in self.at_inputs]
        found: dict[str, Any] = as_json(
            {
                "layer": self.layer,
                "n_states": self.n_states,
                "explained_variance_ratio": self.explained_variance_ratio,
                "explained_variance_ratio_untrained": self.explained_variance_ratio_untrained,
                "participation_ratio": self.participation_ratio,
                "search": self._search_summary(),
                "points": self._point_summaries(),
                **({} if self.completeness is None else {"completeness": self.completeness}),
                "descent": self.descent,
                "spectra": [spectrum.to_json() for spectrum in self.spectra],
                "dynamics": self.dynamics and self.dynamics.to_json(),
                "walks": [walk.to_json() for walk in self.walks],
                **({"at_inputs": inputs} if inputs else {}),
            }
        )
        return found

    def _search_summary(self) -> dict[str, Any]:
        points = self.points
        reasons, counts = np.unique(points.reason, return_counts=True)
        return {
            "starts": len(points),
            **{kind: self.starts_of_kind(kind) for kind in KINDS},
            "median_iterations": float(np.median(points.iterations)) if len(points) else 0.0,
            "largest_coordinate": float(np.abs(points.h).max(initial=0)),
            "reasons": dict(zip(reasons.tolist(), counts.tolist(), strict=True)),
        }

    def _point_summaries(self) -> list[dict[str, Any]]:
        columns = {
            "kind": self.unique.kind,
            "q": self.unique.q,
            "count": self.unique.count,
            "norm": np.array([np.linalg.norm(h) for h in self.unique.h]),
            "projection": self.unique_projection,
            "distance_to_cloud": self.distance_to_cloud,
            "radius_exists": self.radius_exists,
            "radius_unique": self.radius_unique,
            **({} if self.how is None else {"how": self.how}),
        }
        return [
            {name: column[i] for name, column in columns.items()} for i in range(len(self.unique))
        ]
