"""The points of one layer at one input: how many, how stable, how far from the states, how slow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support.records import as_json
from nullcline.linearization.stability import STABLE, UNDECIDED, UNSTABLE
from nullcline.search.fixed_points import FixedPoints
from nullcline.study.dynamics_results import DynamicsAnalysis
from nullcline.study.isolation import Isolation
from nullcline.study.spectrum import Spectrum

if TYPE_CHECKING:
    from numpy.typing import NDArray

ZERO, MEAN, JOINT = INPUTS = ("zero", "mean", "joint")
"""Constant inputs of a layer: none, as in the paper; the mean of what it reads in the reviews,
which above the first layer is the mean output of the layer below; and what the layer below puts out
at a fixed point of all layers jointly without words (`nullcline.Stack`), for each such point."""


@dataclass(frozen=True, eq=False)
class PointsAtInput:
    """The points of one layer at one of `INPUTS`.

    Attributes
    ----------
    input
        Which.
    unique
        The distinct ends of the search, and after them the fixed points in which no start ended;
        each with its input.
    degree, completeness
        What is known of the sum of the indices, in few words and in a sentence (`nullcline.
        Completeness`); the first is None where nothing is.
    is_consistent
        Whether it is 1, as that of all fixed points: False where points are missing, None where
        nothing is known of the sum.
    radius_exists, radius_unique
        What is proved of each, as in `LayerAnalysis`, shape (u,).
    isolation
        How far each is from the visited states.
    spectra
        The eigenvalues at all of them or ten, fixed points first, the ends of most starts first.
    dynamics
        What the linear maps explain; None if no point was found to linearize at, and at zero input,
        where `LayerAnalysis.dynamics` has it.
    """

    input: str
    unique: FixedPoints
    degree: str | None
    completeness: str
    is_consistent: bool | None
    radius_exists: NDArray[np.float64]
    radius_unique: NDArray[np.float64]
    isolation: Isolation
    spectra: tuple[Spectrum, ...]
    dynamics: DynamicsAnalysis | None

    @property
    def n_fixed(self) -> int:
        """The number of distinct fixed points."""
        return int(np.sum(self.unique.kind == "fixed"))

    @property
    def n_slow(self) -> int:
        """The number of distinct slow points."""
        return int(np.sum(self.unique.kind == "slow"))

    @property
    def n_inputs(self) -> int:
        """The number of different inputs that the points are at."""
        given = self.unique.inputs
        return 1 if given is None else len(np.unique(given, axis=0))

    @property
    def n_proved(self) -> int:
        """The number of distinct ends that are proved to be fixed points."""
        return int(np.sum(np.isfinite(self.radius_unique)))

    def of_stability(self, stability: str) -> int:
        """Return how many of the linearized fixed points are of a stability."""
        return sum(one.stability == stability for one in self.spectra if one.kind == "fixed")

    @property
    def n_linearized_fixed(self) -> int:
        """The number of fixed points that were linearized at."""
        return sum(one.kind == "fixed" for one in self.spectra)

    @property
    def n_stable(self) -> int:
        """Linearized fixed points of which every |λ| < 1, beyond its error."""
        return self.of_stability(STABLE)

    @property
    def n_unstable(self) -> int:
        """Linearized fixed points with an eigenvalue outside the unit circle, beyond its error."""
        return self.of_stability(UNSTABLE)

    @property
    def n_undecided(self) -> int:
        """Linearized fixed points of which the errors leave open whether they are stable."""
        return self.of_stability(UNDECIDED)

    @property
    def longest(self) -> float | None:
        """The longest time constant of a mode at any of the linearized fixed points, in steps.

        Of slow points, at which an eigenvalue is 1, it would be infinite. None without points.
        """
        found = [one.time_constant for one in self.spectra if one.kind == "fixed"]
        return max(found) if found else None

    def to_json(self) -> dict[str, Any]:
        """Return every number as plain Python values, for results.json."""
        found: dict[str, Any] = as_json(
            {
                "input": self.input,
                "kind": self.unique.kind,
                "q": self.unique.q,
                "count": self.unique.count,
                "completeness": self.completeness,
                "proved": self.n_proved,
                "isolation": self.isolation,
                "spectra": [spectrum.to_json() for spectrum in self.spectra],
                "dynamics": self.dynamics and self.dynamics.to_json(),
            }
        )
        return found
