"""Two accuracies on the same texts, and whether they differ by more than chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support.shown import Shown
from nullcline._support.validation import whole_number

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class PairedAccuracy(Shown):
    """The accuracies of two classifiers on the same n texts.

    Attributes
    ----------
    n
        Texts.
    first, second
        Share that each classifies correctly.
    only_first, only_second
        Texts that one classifies correctly and the other does not.
    low, high
        95% interval of the difference, second - first.
    p_value
        Of McNemar's exact test: how likely so uneven a split of the texts on which only one is
        right would be, if either were as likely to be that one.
    """

    n: int
    first: float
    second: float
    only_first: int
    only_second: int
    low: float
    high: float
    p_value: float

    @property
    def difference(self) -> float:
        """How much more often the second is right."""
        return (self.only_second - self.only_first) / self.n

    def __repr__(self) -> str:
        return (
            f"PairedAccuracy({self.first:.3f} to {self.second:.3f} of {self.n}, difference "
            f"{self.difference:+.3f} [{self.low:+.3f}, {self.high:+.3f}])"
        )


def compare_accuracies(
    first: ArrayLike, second: ArrayLike, *, n_samples: int = 10_000, seed: int = 0
) -> PairedAccuracy:
    """Compare how often two classifiers are right, text by text.

    Parameters
    ----------
    first, second
        Whether each is right about each text, booleans of shape (n,).
    n_samples
        Samples of the bootstrap of the interval, 1 or more: texts are drawn in pairs of answers,
        with replacement (Efron and Tibshirani 1993).
    seed
        Seed of the draw.

    Returns
    -------
    PairedAccuracy
        With McNemar's exact test (McNemar, Psychometrika 12 (1947) 153).

    Raises
    ------
    TypeError, ValueError
        If they are not booleans of one length, or there is no text.
    """
    whole_number("n_samples", n_samples, 1)
    generator = np.random.default_rng(whole_number("seed", seed, 0))
    right, other = _booleans("first", first), _booleans("second", second)
    if right.shape != other.shape:
        raise ValueError(
            f"second must have an answer for each text of first, {len(right)}, not {len(other)}"
        )
    n, only_first, only_second = (
        len(right),
        int((right & ~other).sum()),
        int((~right & other).sum()),
    )
    shares = [only_first / n, only_second / n, (n - only_first - only_second) / n]
    drawn = generator.multinomial(n, shares, size=n_samples)
    low, high = np.quantile((drawn[:, 1] - drawn[:, 0]) / n, [0.025, 0.975])
    return PairedAccuracy(
        n=n,
        first=float(right.mean()),
        second=float(other.mean()),
        only_first=only_first,
        only_second=only_second,
        low=float(low),
        high=float(high),
        p_value=_mcnemar(only_first, only_second),
    )


def _booleans(name: str, value: ArrayLike) -> NDArray[np.bool_]:
    array = np.asarray(value)
    if array.dtype != np.bool_:
        raise TypeError(f"{name} must hold booleans, such as predicted == labels")
    if array.ndim != 1 or not len(array):
        raise ValueError(f"{name} must have shape (n,), with at least one text, not {array.shape}")
    return array


def _mcnemar(only_first: int, only_second: int) -> float:
    from scipy.stats import binomtest

    differing = only_first + only_second
    if differing == 0:
        return 1.0
    tested: Any = binomtest(only_second, differing, 0.5)
    return float(tested.pvalue)
