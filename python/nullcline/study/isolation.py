"""How far points lie from the states that a network visits, in units of the visited states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial.distance import cdist

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nullcline._support.validation import Floats

    Vector = NDArray[np.float64]

N_MEASURED = 1000
"""States whose own nearest neighbour is looked for, among all sampled ones: their median is known
to some 3%, for a fifth of the products of 5,000."""

SAME = 1e-5
"""States nearer than this part of the cloud's radius are one state, reached twice: the one after a
first word that many reviews share. float32 states of two batches differ by some 1e-7 of it."""


@dataclass(frozen=True, eq=False)
class Isolation:
    """How far each of u points is from the cloud of visited states.

    Distances depend on the number of units and on the spread of the states; each of these is free
    of one or both, so that networks can be compared.

    Attributes
    ----------
    radii
        Distance to the nearest sampled state, in root mean square radii of the cloud, shape (u,).
    spacings
        The same, in the median distance of a sampled state from its own nearest neighbour: 1 where
        a point is no further from the states than these are from each other, shape (u,); NaN where
        all states are one.
    rank
        Share of the sampled states that are nearer to their nearest neighbour than the point is to
        its: 1 for a point that is further out than every state, shape (u,); NaN where all states
        are one.
    """

    radii: Vector
    spacings: Vector
    rank: Vector


def measure_isolation(points: Floats, sample: Floats, radius: float) -> Isolation:
    """Compare the distances of points from sampled states with those among the states.

    Parameters
    ----------
    points
        Shape (u, S).
    sample
        Sampled states, in random order, shape (m, S).
    radius
        The root mean square distance of all visited states from their mean.
    """
    if len(points) == 0:
        return Isolation(np.empty(0), np.empty(0), np.empty(0))
    nearest = nearest_distances(points, sample)
    states = sample - sample.mean(axis=0, dtype=np.float64)  # whose squares are small
    among = _distances(states[:N_MEASURED], states)
    among[among <= SAME * radius] = np.inf
    own = among.min(axis=1)
    own = own[np.isfinite(own)]
    if len(own) == 0:
        nowhere = np.full(len(points), np.nan)
        return Isolation(nearest / radius, nowhere, nowhere)
    return Isolation(
        radii=nearest / radius,
        spacings=nearest / np.median(own),
        rank=np.array([np.mean(own < distance) for distance in nearest]),
    )


def nearest_distances(points: Floats, sample: Floats) -> Vector:
    """Return the distance of each point from the nearest of sampled states, shape (u,)."""
    if len(points) == 0:
        return np.empty(0)
    nearest: Vector = cdist(points, sample).min(axis=1)
    return nearest


def _distances(rows: Vector, others: Vector) -> Vector:
    """Return the distance between each row and each of others, by one product."""
    squares = np.sum(rows**2, axis=1)[:, None] + np.sum(others**2, axis=1) - 2 * rows @ others.T
    distances: Vector = np.sqrt(np.maximum(squares, 0))
    return distances
