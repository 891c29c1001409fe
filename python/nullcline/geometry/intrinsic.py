"""How many dimensions a set of states has, by several estimators side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nullcline._support import validation
from nullcline._support.shown import Shown
from nullcline.geometry.components import components_for, part, states_of, variances_and_axes
from nullcline.linearization.dimensionality import participation_ratio_of_variances

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

N_LOCAL = 100
"""States, evenly chosen, around which the local dimension is taken."""

KEPT = 0.9
"""Share of the ratios of distances that count in `two_nn`: the largest are left out, after Facco et
al."""

FEW_STATES = 50
"""With fewer distinct states than this, neighbours say nothing of a dimension."""


@dataclass(frozen=True, eq=False)
class IntrinsicDimension(Shown):
    """How many dimensions a set of states has.

    Attributes
    ----------
    components
        Principal components that together have `share` of the variance.
    participation_ratio
        (Σ λ_i)² / Σ λ_i² of the variances along the components (`nullcline.participation_ratio`).
    local
        Principal components that together have `share` of the variance of a state and its
        nearest neighbours, the mean over such neighbourhoods; NaN where there are too few states.
        A sheet that is rolled up in three dimensions has a local dimension of 2.
    two_nn
        By the distances to the nearest and the second nearest neighbour; NaN where there are too
        few distinct states, or both distances are equal everywhere, as on a grid. It sees the
        smallest scale, and on it the scatter about a manifold.
    explained_variance_ratio
        Share of the variance along each component.
    share
        What was asked for.
    """

    components: int
    participation_ratio: float
    local: float
    two_nn: float
    explained_variance_ratio: NDArray[np.float64]
    share: float

    def __repr__(self) -> str:
        return (
            f"IntrinsicDimension({self.components} components for {self.share:.0%}, participation "
            f"ratio {self.participation_ratio:.2f}, local {self.local:.1f}, "
            f"two-NN {self.two_nn:.1f})"
        )


def intrinsic_dimension(
    states: ArrayLike, *, share: float = 0.95, n_neighbours: int = 20
) -> IntrinsicDimension:
    """Return how many dimensions a set of states has, by four estimators.

    ::

        components            the least k with λ_1 + ... + λ_k >= share · (λ_1 + ... + λ_S)
        participation ratio   (Σ λ_i)² / Σ λ_i²
        local                 the first, for a state and its nearest neighbours, on average
        two-NN                d of P(μ > m) = m^-d, μ = r_2 / r_1 the ratio of the distances to a
                              state's two nearest neighbours

    Components for 95% are how Aitken et al. (ICLR 2021, arXiv 2010.15114) count the dimensions of
    a text classifier's states; the participation ratio is of Abbott, Rajan and Sompolinsky (2011)
    and Gao et al. (2017); local components of Fukunaga and Olsen (IEEE Trans. Comput. C-20 (1971)
    176); two-NN of Facco et al. (Scientific Reports 7 (2017) 12140), whose fit of a line through
    the origin to -ln(1 - F(μ)) against ln μ, without the largest tenth, is the one used here.

    Parameters
    ----------
    states
        Shape (n, S), n at least 2. Distances are between all pairs: some thousands take seconds.
    share
        Share of the variance, above 0 and not above 1.
    n_neighbours
        Neighbours of a state in its neighbourhood, 2 or more. The local dimension is at most so
        many.

    Returns
    -------
    IntrinsicDimension

    Raises
    ------
    TypeError, ValueError
        An argument has the wrong type, shape or value, or the states are all equal.
    """
    array = states_of("states", states)
    share = part("share", share)
    n_neighbours = validation.whole_number("n_neighbours", n_neighbours, 2)
    variances, _ = variances_and_axes(array)
    distinct = np.unique(array, axis=0)
    return IntrinsicDimension(
        components=components_for(variances, share),
        participation_ratio=participation_ratio_of_variances(variances),
        local=_local(distinct, share, n_neighbours),
        two_nn=_two_nn(distinct),
        explained_variance_ratio=variances / variances.sum(),
        share=share,
    )


def _local(states: NDArray[np.float64], share: float, n_neighbours: int) -> float:
    from scipy.spatial.distance import cdist

    if len(states) <= max(n_neighbours, FEW_STATES):
        return float("nan")
    rows = np.unique(np.linspace(0, len(states) - 1, N_LOCAL).astype(int))
    nearest = np.argpartition(cdist(states[rows], states), n_neighbours, axis=1)
    found = [
        components_for(variances_and_axes(states[near])[0], share)
        for near in nearest[:, : n_neighbours + 1]
    ]
    return float(np.mean(found))


def _two_nn(states: NDArray[np.float64]) -> float:
    from scipy.spatial import cKDTree

    if len(states) < FEW_STATES:
        return float("nan")
    distances = np.asarray(cKDTree(states).query(states, k=3)[0])
    ratio = np.sort(np.log(distances[:, 2] / distances[:, 1]))
    kept = int(KEPT * len(ratio))
    empirical = -np.log1p(-np.arange(1, kept + 1) / (len(ratio) + 1))
    log_ratio = ratio[:kept]
    if not log_ratio.any():  # as on a grid, where neighbours are equally far
        return float("nan")
    return float(log_ratio @ empirical / (log_ratio @ log_ratio))
