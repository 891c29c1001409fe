"""Which fixed and slow points a path passes, how close, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial.distance import cdist

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Passage:
    """What a path had to do with one point.

    Attributes
    ----------
    point
        Row of the point among its layer's.
    words
        After how many words it was the nearest of all points.
    first, last
        The first and the last of these words, from 0.
    closest
        The word after which the path was nearest to it.
    distance
        How near, in units of the root mean square distance of the visited states from their mean.
    """

    point: int
    words: int
    first: int
    last: int
    closest: int
    distance: float


def find_passages(
    path: NDArray[np.float64], points: NDArray[np.float64], radius: float
) -> tuple[Passage, ...]:
    """Return the points that were nearest after some word, in the order in which they were passed.

    Parameters
    ----------
    path
        The state after each word, shape (T, S).
    points
        The points, shape (p, S).
    radius
        The unit of distance.
    """
    if len(points) == 0 or len(path) == 0:
        return ()
    distances = cdist(path, points) / (radius or 1.0)
    nearest = distances.argmin(axis=1)
    passed = []
    for point in dict.fromkeys(nearest.tolist()):
        words = np.flatnonzero(nearest == point)
        closest = int(words[distances[words, point].argmin()])
        passed.append(
            Passage(
                point=point,
                words=len(words),
                first=int(words[0]),
                last=int(words[-1]),
                closest=closest,
                distance=float(distances[closest, point]),
            )
        )
    return tuple(passed)
