"""What is said of many: intervals of shares, and quartiles."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from nullcline._support.validation import whole_number

if TYPE_CHECKING:
    from collections.abc import Sequence

NORMAL_95 = 1.959963984540054
"""Where 2.5% of the standard normal distribution lie beyond."""


def wilson_interval(holds: int, of: int, z: float = NORMAL_95) -> tuple[float, float]:
    """Return Wilson's interval of a share, by default of 95%.

    Parameters
    ----------
    holds, of
        How many there were, of how many; at least one of all.
    z
        The normal quantile of the interval.

    Returns
    -------
    low, high : float
        In [0, 1].

    Raises
    ------
    ValueError
        `of` is below 1, or `holds` is more than that.

    References
    ----------
    E. B. Wilson (1927), Probable inference, the law of succession, and statistical inference.
    L. D. Brown, T. T. Cai, A. DasGupta (2001), Interval estimation for a binomial proportion.
    """
    whole_number("of", of, 1)
    whole_number("holds", holds, 0, of)
    share = holds / of
    centre = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    low = 0.0 if holds == 0 else centre - half  # which rounding would leave just beyond
    return low, 1.0 if holds == of else centre + half


def quartiles(values: Sequence[float]) -> dict[str, float]:
    """Return the least and the greatest of some numbers, their quartiles and their median.

    Quartiles are interpolated linearly, as by `numpy.quantile`.
    """
    names = ("least", "lower", "median", "upper", "greatest")
    found = np.quantile(np.asarray(values, float), [0, 0.25, 0.5, 0.75, 1])
    return dict(zip(names, found.tolist(), strict=True))


def newcombe_interval(
    holds: int, of: int, other_holds: int, other_of: int, z: float = NORMAL_95
) -> tuple[float, float]:
    """Return Newcombe's interval of the difference of two shares, the first minus the other.

    It is made of Wilson's intervals of the two (his method 10), and as sound as these for few.

    Parameters
    ----------
    holds, of, other_holds, other_of
        As in `wilson_interval`, of two groups that have no member in common.
    z
        The normal quantile of the interval.

    Returns
    -------
    low, high : float
        In [-1, 1].

    References
    ----------
    R. G. Newcombe (1998), Interval estimation for the difference between independent proportions:
    comparison of eleven methods.
    """
    return difference_interval(
        (holds / of, *wilson_interval(holds, of, z)),
        (other_holds / other_of, *wilson_interval(other_holds, other_of, z)),
    )


def difference_interval(
    first: tuple[float, float, float], other: tuple[float, float, float]
) -> tuple[float, float]:
    """Return an interval of the difference of two numbers, of the intervals of both.

    The errors of the two are added as those of independent numbers are, each on the side where it
    counts, so that intervals that are not symmetric are taken as they are.

    Parameters
    ----------
    first, other
        Each number, estimated independently of the other, and the ends of its interval, low and
        high, of one level.

    Returns
    -------
    low, high : float
        Of the first minus the other, of the same level.

    References
    ----------
    G. Y. Zou and A. Donner (2008), Construction of confidence limits about effect measures: a
    general approach.
    """
    (value, low, high), (subtracted, subtracted_low, subtracted_high) = first, other
    below = math.hypot(value - low, subtracted_high - subtracted)
    above = math.hypot(high - value, subtracted - subtracted_low)
    return value - subtracted - below, value - subtracted + above


def shift_interval(
    values: Sequence[float], others: Sequence[float], level: float = 0.95
) -> tuple[float, float | None, float | None]:
    """Return by how much numbers are larger than others, with an interval for any distribution.

    The shift is the median of all differences (Hodges and Lehmann 1963). The ends of the interval
    are differences, too, those that the exact distribution of Mann's and Whitney's statistic picks
    (Moses 1965); it covers the shift at least as often as `level` says, more often with ties.

    Parameters
    ----------
    values, others
        Finite numbers, at least one each.
    level
        How often the interval is to cover the shift, in (0, 1).

    Returns
    -------
    shift, low, high : float or None
        The ends are None where there are too few numbers for any interval, as of 3 and 3.
    """
    differences = np.sort(np.subtract.outer(np.asarray(values, float), others), axis=None)
    shift = float(np.median(differences))
    below = np.cumsum(_mann_whitney(len(values), len(others)))
    left_out = int(np.searchsorted(below, (1 - level) / 2, side="right"))
    if left_out == 0:
        return shift, None, None
    return shift, float(differences[left_out - 1]), float(differences[-left_out])


@cache
def _mann_whitney(n: int, m: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the probability of each value of the statistic, 0 to n m, if there is no shift.

    By the recursion of Mann and Whitney (1947): the largest of i and j numbers is one of the i with
    a chance of i / (i + j), and then larger than all of the j. No term of it is negative, so that
    the least probabilities are as accurate as others.
    """
    before = [np.ones(1)] * (m + 1)
    for i in range(1, n + 1):
        found = [np.ones(1)]
        for j in range(1, m + 1):
            shares = np.zeros(i * j + 1)
            shares[j:] = before[j] * (i / (i + j))
            shares[: i * (j - 1) + 1] += found[j - 1] * (j / (i + j))
            found.append(shares)
        before = found
    return before[m]


def false_discovery_rates(p_values: Sequence[float]) -> list[float]:
    """Return for each of many tests the least rate of false discoveries at which it is one.

    Calling all tests discoveries whose rate is at most 0.05 makes at most 5% of them false, on
    average, for tests that are independent or go together (Benjamini and Hochberg 1995, Benjamini
    and Yekutieli 2001).
    """
    p = np.asarray(p_values, float)
    order = np.argsort(p, kind="stable")[::-1]
    rates = p[order] * len(p) / np.arange(len(p), 0, -1)
    found = np.empty(len(p))
    found[order] = np.minimum.accumulate(np.minimum(rates, 1.0))
    return [float(rate) for rate in found]
