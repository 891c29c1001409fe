"""Where classes lie among states: the corners of a simplex, or places along an arc."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nullcline._support.shown import Shown
from nullcline.geometry.components import components_for, states_of, variances_and_axes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray

    Matrix = NDArray[np.float64]

MOST_EXACT = 12
"""Classes between which the shortest ways are sought: time and memory double with each."""


@dataclass(frozen=True, eq=False)
class ClassGeometry(Shown):
    """Where K classes lie among states.

    Attributes
    ----------
    classes
        Their labels, shape (K,), by rising number. A class without states has no row.
    counts
        States of each, shape (K,).
    vertices
        The mean state of each, shape (K, S).
    distances
        Euclidean distances between these, shape (K, K).
    variances
        Of the vertices along their principal components, shape (K - 1,): equal for a regular
        simplex, and all but one zero on a line.
    separation
        Share of the states' variance that lies between the classes: 1 where each class is one
        state.
    path
        The classes in the order of the shortest path through all vertices, as rows of `vertices`,
        shape (K,), from the end with the lower label. Of more than 12 classes it is their order
        along the first principal component.
    ring
        Likewise of the shortest way round through all of them, from the first class on; of more
        than 12 classes their order round the middle, on the first two components.
    """

    classes: NDArray[np.int64]
    counts: NDArray[np.int64]
    vertices: Matrix
    distances: Matrix
    variances: NDArray[np.float64]
    separation: float
    path: NDArray[np.intp]
    ring: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.classes)

    @property
    def regularity(self) -> float:
        """Smallest distance between two classes over the largest: 1 for a regular simplex.

        Of K equally spaced classes on a line it is 1 / (K - 1).
        """
        edges = self.distances[np.triu_indices(len(self), 1)]
        return float(edges.min() / edges.max())

    def dimension(self, share: float = 0.95) -> int:
        """Return how many principal components of the vertices have `share` of their variance."""
        return components_for(self.variances, share)

    @property
    def ordering(self) -> float:
        """Spearman's ``|ρ|`` of the classes' numbers with their places on `path`.

        1 where the nearest way through all classes takes them in the order of their labels. With
        two classes it is 1, and says nothing.
        """
        places = np.argsort(self.path).astype(float)
        ranks = np.arange(len(self), dtype=float)
        return float(abs(np.corrcoef(places, ranks)[0, 1]))

    @property
    def ring_ordering(self) -> float:
        """Share of classes whose next one, and of the last the first, is beside them on `ring`.

        1 where the nearest way round takes the classes in the order of their labels, as on an arc
        whose ends come near each other. With three classes or two it is 1, and says nothing.
        """
        places = np.argsort(self.ring)
        steps = np.abs(places - np.roll(places, -1))
        return float(np.mean((steps == 1) | (steps == len(self) - 1)))

    @property
    def turns(self) -> NDArray[np.float64]:
        """Degrees by which the way through the classes, in their order, turns at each inner one.

        Shape (K - 2,). 0 on a straight line; 120 on any way through a regular simplex.
        """
        ways = np.diff(self.vertices, axis=0)
        ways /= np.linalg.norm(ways, axis=1, keepdims=True)
        cosines = np.sum(ways[1:] * ways[:-1], axis=1)
        return np.asarray(np.degrees(np.arccos(np.clip(cosines, -1, 1))))

    @property
    def straightness(self) -> float:
        """Distance from the first class to the last over the way through all, in their order.

        1 on a straight line; 1 / (K - 1) for a regular simplex.
        """
        steps = np.linalg.norm(np.diff(self.vertices, axis=0), axis=1)
        return float(self.distances[0, -1] / steps.sum())

    def __repr__(self) -> str:
        return (
            f"ClassGeometry({len(self)} classes in {self.dimension()} dimensions, regularity "
            f"{self.regularity:.2f}, ordering {self.ordering:.2f}, "
            f"straightness {self.straightness:.2f})"
        )


def class_geometry(states: ArrayLike, labels: ArrayLike) -> ClassGeometry:
    """Measure where classes lie among a network's states, such as those after whole texts.

    N classes without an order are the corners of a simplex of N - 1 dimensions, and ordered ones
    lie along an arc in fewer (Aitken et al., ICLR 2021, arXiv 2010.15114). The corners here are the
    classes' mean states.

    Parameters
    ----------
    states
        Shape (n, S).
    labels
        The class of each, whole numbers from 0 on, shape (n,). Where classes are ordered, in their
        order.

    Returns
    -------
    ClassGeometry

    Raises
    ------
    TypeError, ValueError
        An argument has the wrong type, shape or value, there are fewer than two classes, or two
        classes have the same mean state.
    """
    array = states_of("states", states)
    numbers = _labels(labels, len(array))
    classes, rows, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    if len(classes) < 2:
        raise ValueError(f"labels must be of 2 classes or more: all are {classes[0]}")
    vertices = np.array([array[rows == row].mean(axis=0) for row in range(len(classes))])
    distances = np.linalg.norm(vertices[:, None] - vertices, axis=2)
    if (distances + np.eye(len(classes)) == 0).any():
        raise ValueError("states must tell the classes apart: two have the same mean state")
    between = counts @ np.sum((vertices - array.mean(axis=0)) ** 2, axis=1)
    variances, axes = variances_and_axes(vertices)
    if len(classes) <= MOST_EXACT:
        path, ring = _shortest_path(distances), _shortest_ring(distances)
    else:
        places = (vertices - vertices.mean(axis=0)) @ np.pad(axes, ((0, 2), (0, 0)))[:2].T
        path = np.argsort(places[:, 0], kind="stable")
        ring = np.argsort(np.arctan2(places[:, 1], places[:, 0]), kind="stable")
    return ClassGeometry(
        classes=classes,
        counts=counts,
        vertices=vertices,
        distances=distances,
        variances=np.pad(variances, (0, len(classes)))[: len(classes) - 1],
        separation=float(between / np.sum((array - array.mean(axis=0)) ** 2)),
        path=path if path[0] < path[-1] else path[::-1],
        ring=np.roll(ring, -int(np.argmin(ring))),
    )


def _labels(labels: ArrayLike, n: int) -> NDArray[np.int64]:
    found = np.asarray(labels)
    if found.dtype.kind not in "iu":
        raise TypeError(f"labels must be whole numbers, not {found.dtype}")
    if found.shape != (n,):
        raise ValueError(f"labels must have shape ({n},), one for each state, not {found.shape}")
    if (found < 0).any():
        raise ValueError("labels must be class numbers, 0 or more")
    return found.astype(np.int64)


def _shortest_path(distances: Matrix) -> NDArray[np.intp]:
    """Return the shortest way through all vertices, from any to any other."""
    lengths, before = _shortest_ways(distances, range(len(distances)))
    return _way_back(before, int(lengths.argmin()))


def _shortest_ring(distances: Matrix) -> NDArray[np.intp]:
    """Return the shortest way through all vertices and back to the first."""
    lengths, before = _shortest_ways(distances, [0])
    return _way_back(before, int((lengths + distances[0]).argmin()))[::-1]


def _shortest_ways(
    distances: Matrix, starts: Iterable[int]
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return how long the shortest way from a start through all is to each vertex, (K,).

    And for each set of vertices, a bit each, the last but one on the shortest way through all of
    it to each of them, (2^K, K) (Held and Karp, J. SIAM 10 (1962) 196).
    """
    n = len(distances)
    lengths = np.full((1 << n, n), np.inf)
    before = np.zeros((1 << n, n), np.intp)
    for vertex in starts:
        lengths[1 << vertex, vertex] = 0
    for seen in range(1, 1 << n):  # a set comes after all that it is made of
        through = lengths[seen][:, None] + distances
        last = through.argmin(axis=0)
        for following in range(n):
            wider = seen | 1 << following
            if wider != seen:
                lengths[wider, following] = through[last[following], following]
                before[wider, following] = last[following]
    return lengths[-1], before


def _way_back(before: NDArray[np.intp], last: int) -> NDArray[np.intp]:
    """Return the way through all vertices that ends in `last`, from there on."""
    seen, way = len(before) - 1, [last]
    while len(way) < before.shape[1]:
        here = way[-1]
        way.append(int(before[seen, here]))
        seen ^= 1 << here
    return np.array(way, np.intp)
