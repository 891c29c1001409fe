"""Whether groups of numbers differ: ranks, a permutation test, and how much of the spread it is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import brentq
from scipy.special import ncfdtr
from scipy.stats import rankdata

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

PERMUTATIONS = 9_999
"""Drawn for a test: its least p is one in ten thousand."""

_BOUND = 0.05
"""Chance that a bound of an interval errs; the interval of both is of 90% (Steiger 2004)."""


@dataclass(frozen=True)
class Comparison:
    """How groups of numbers differ.

    Parameters
    ----------
    statistic
        Kruskal and Wallis's H of the ranks.
    p
        Of a permutation test of H: the chance of one as large were the groups alike.
    between
        η², the share of the ranks' variance that lies between the groups, in [0, 1]. Above one
        half, groups differ more than the members of one do.
    low, high
        Bounds of `between`, each wrong with a chance of 5%.
    varies
        Whether any two of the numbers differ. Where none do, `between` and its bounds are 0.
    """

    statistic: float
    p: float
    between: float
    low: float
    high: float
    varies: bool = True


def compare(groups: Sequence[Sequence[float]], *, seed: int = 0) -> Comparison:
    """Compare groups of numbers by their ranks.

    The test is Kruskal and Wallis's, with its p from permutations of the numbers over the groups,
    so that it holds for few numbers and for ties, such as shares of networks, 0 or 1 each. The
    bounds invert the noncentral distribution of F, of the ranks.

    Parameters
    ----------
    groups
        The numbers of each group; at least two groups of at least two numbers.
    seed
        Seed of the permutations.

    Raises
    ------
    ValueError
        There are fewer groups or numbers, or a number is not finite.

    References
    ----------
    W. H. Kruskal, W. A. Wallis (1952), Use of ranks in one-criterion variance analysis.
    W. J. Conover, R. L. Iman (1981), Rank transformations as a bridge between parametric and
    nonparametric statistics.
    J. H. Steiger (2004), Beyond the F test: effect size confidence intervals and tests of close fit
    in the analysis of variance and contrast analysis.
    """
    if len(groups) < 2 or min(map(len, groups)) < 2:
        raise ValueError("groups must be two or more, of two numbers or more each")
    values = np.concatenate([np.asarray(group, float) for group in groups])
    if not np.isfinite(values).all():
        raise ValueError("groups must hold finite numbers")
    sizes = np.array([len(group) for group in groups])
    ranks = rankdata(values) - (len(values) + 1) / 2
    total = float(ranks @ ranks)
    if total == 0:
        return Comparison(0.0, 1.0, 0.0, 0.0, 0.0, varies=False)
    found = float(_between(ranks[None], sizes)[0])
    drawn = np.random.default_rng(seed).permuted(np.tile(ranks, (PERMUTATIONS, 1)), axis=1)
    as_large = int((_between(drawn, sizes) >= found - 1e-9 * total).sum())
    share = min(found / total, 1.0)
    low, high = _bounds(share, len(sizes), len(values))
    p = (1 + as_large) / (1 + PERMUTATIONS)
    return Comparison((len(values) - 1) * share, p, share, low, high)


def holm(p: Sequence[float]) -> list[float]:
    """Return p-values adjusted for how many there are.

    References
    ----------
    S. Holm (1979), A simple sequentially rejective multiple test procedure.
    """
    order = np.argsort(p, kind="stable")
    steps = np.asarray(p, float)[order] * np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return [float(value) for value in adjusted]


def _between(ranks: NDArray[np.float64], sizes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the sum of squares between groups, of centred ranks, a row a permutation."""
    sums = np.add.reduceat(ranks, np.cumsum(sizes) - sizes, axis=1)
    squares: NDArray[np.float64] = (sums**2 / sizes).sum(axis=1)
    return squares


def _bounds(share: float, k: int, n: int) -> tuple[float, float]:
    """Return the bounds of η², by those noncentralities at which F is as extreme as found."""
    within, between = n - k, k - 1
    if share >= 1 - 1e-12:
        return 1.0, 1.0
    ratio = share / between / ((1 - share) / within)

    def bound(chance: float) -> float:
        def excess(noncentrality: float) -> float:
            return float(ncfdtr(between, within, noncentrality, ratio)) - chance

        if excess(0.0) <= 0:  # the groups differ less than chance would have them
            return 0.0
        top = 1.0
        while excess(top) > 0:
            top *= 2
        noncentrality = float(brentq(excess, 0.0, top))
        return noncentrality / (noncentrality + n)

    low, high = bound(1 - _BOUND), bound(_BOUND)
    return low, (high if math.isfinite(high) else 1.0)
