"""What is said of many: intervals of shares, and quartiles."""

from __future__ import annotations

import math
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
