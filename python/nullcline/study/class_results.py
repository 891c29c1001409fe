"""Where the classes lie in a layer, and in how many dimensions: the record of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support.records import as_json
from nullcline.geometry import ClassGeometry, IntrinsicDimension, PerturbationDecay

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNKNOWN = -1
"""Stands for the number of unstable modes where it was not counted, or is not decided."""


@dataclass(frozen=True, eq=False)
class ClassAnalysis:
    """Where the classes lie in a layer of S numbers, after m whole reviews.

    Attributes
    ----------
    labels
        The class of each review, shape (m,).
    final_projection, vertex_projection, point_projection
        On the first three principal components of the states after these reviews: those states
        (m, 3), the mean state of each of K classes (K, 3), and the layer's distinct points (u, 3).
    readout_projection
        The direction of each logit's weights on them, shape (K, 3), rows of length at most 1; None
        in any layer but the last. Of two classes the second is the one logit's, the first its
        opposite.
    final, settled
        How many dimensions these states have, and how many they have after `steps` more steps
        without a word, in which the reaction to the last words is gone. Of any layer but the first
        that is at zero input, not at what the layers below put out then.
    points
        How many the fixed and slow points have; None of fewer than two.
    geometry
        Where the classes lie, after these steps.
    readout_angles
        Principal angles between the plane that the outputs of the settled states lie in and the
        rows of the readout, in degrees; None in any layer but the last, and where outputs do not
        differ. Of an LSTM the readout sees the outputs h alone.
    decay
        What is left of pushes of the states right after the reviews, along as many of their first
        components as `settled` counts, and across; None of one unit, where nothing is across.
    centre
        The row of `LayerAnalysis.unique` of the point nearest to the middle of the classes; None
        where there is no point.
    time_constants
        The longest there, by falling length, in steps; infinite where an eigenvalue's error reaches
        across the unit circle.
    slow, gap
        How many modes are slow there: those of `steps` steps or more, and those before the largest
        gap (`nullcline.slow_modes`); None where there is no point, or no gap of one mode.
    n_unstable
        How many modes grow at each distinct point, shape (u,); -1 where that was not counted, or an
        eigenvalue's error reaches across the unit circle.
    steps
        See above.
    """

    labels: NDArray[np.int64]
    final_projection: NDArray[np.float64]
    vertex_projection: NDArray[np.float64]
    point_projection: NDArray[np.float64]
    readout_projection: NDArray[np.float64] | None
    final: IntrinsicDimension
    settled: IntrinsicDimension
    points: IntrinsicDimension | None
    geometry: ClassGeometry
    readout_angles: NDArray[np.float64] | None
    decay: PerturbationDecay | None
    centre: int | None
    time_constants: NDArray[np.float64]
    slow: int | None
    gap: int | None
    n_unstable: NDArray[np.int64]
    steps: int

    @property
    def dimension(self) -> int:
        """Dimensions of what is held: components for 95% of the variance of the settled states."""
        return self.settled.components

    def unstable_counts(self, fixed: NDArray[np.bool_]) -> list[int]:
        """Return how many of the fixed points have no mode that grows, one, two, and so on.

        Parameters
        ----------
        fixed
            Which of the distinct points are fixed, shape (u,).
        """
        known = self.n_unstable[fixed & (self.n_unstable != UNKNOWN)]
        return np.bincount(known).tolist() if len(known) else []

    def to_json(self) -> dict[str, Any]:
        """Return every number that is not of one review as plain Python values."""
        geometry = self.geometry
        found: dict[str, Any] = as_json(
            {
                "dimensions": {
                    name: found and _of_dimension(found)
                    for name, found in (
                        ("final", self.final), ("settled", self.settled), ("points", self.points)
                    )
                },
                "counts": geometry.counts,
                "distances": geometry.distances,
                "regularity": geometry.regularity,
                "separation": geometry.separation,
                "ordering": geometry.ordering,
                "ring_ordering": geometry.ring_ordering,
                "straightness": geometry.straightness,
                "turns": geometry.turns,
                "readout_angles": self.readout_angles,
                "left_along": self.decay and self.decay.along,
                "left_across": self.decay and self.decay.across,
                "centre": self.centre,
                "time_constants": self.time_constants,
                "slow": self.slow,
                "gap": self.gap,
                "n_unstable": self.n_unstable,
                "steps": self.steps,
            }
        )  # fmt: skip
        return found


def _of_dimension(found: IntrinsicDimension) -> dict[str, Any]:
    names = ("components", "participation_ratio", "local", "two_nn")
    return {name: getattr(found, name) for name in names}
