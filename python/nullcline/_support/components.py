"""Principal components: the directions in which states differ most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

STATES_AT_ONCE = 65_536
"""States that are copied to float64 at once: what bounds the memory."""


@dataclass(frozen=True)
class PrincipalComponents:
    """Principal components of a set of states.

    Parameters
    ----------
    mean
        Mean state, shape (S,).
    components
        Unit vectors, one per row, in order of falling variance, shape (k, S). Each points the way
        that was asked for; if none was, its entry of largest modulus is positive.
    explained_variance_ratio
        Share of the variance along each component, shape (k,); all zero if there is none.
    """

    mean: NDArray[np.float64]
    components: NDArray[np.float64]
    explained_variance_ratio: NDArray[np.float64]

    def project(self, states: NDArray[np.floating], n_components: int = 2) -> NDArray[np.float64]:
        """Return the coordinates of `states` (n, S) on the first components, (n, n_components)."""
        return np.asarray((states - self.mean) @ self.first(n_components).T)

    def first(self, count: int) -> NDArray[np.float64]:
        """Return the first components, shape (count, S); zero are those that there are not."""
        return _padded(self.components[:count], count)


def principal_components(
    states: NDArray[Any], count: int, towards: NDArray[np.floating] | None = None
) -> PrincipalComponents:
    """Return the first `count` principal components of states.

    Parameters
    ----------
    states
        Shape (n, S), n at least 1.
    count
        How many. Those beyond min(n, S), which there are not, are zero, with no variance.
    towards
        As in `components_of_covariance`.

    Raises
    ------
    ValueError
        If the mean of the states is not finite.
    """
    n, size = states.shape
    parts = [states[i : i + STATES_AT_ONCE] for i in range(0, n, STATES_AT_ONCE)]
    mean = sum((part.sum(axis=0, dtype=np.float64) for part in parts), np.zeros(size)) / n
    if not np.isfinite(mean).all():
        raise ValueError("states must be finite: leave out rows with NaN or infinity")
    if n <= size:  # the smaller problem, and one that does not square the states
        _, lengths, components = np.linalg.svd(states - mean, full_matrices=False)
        found = _turned(mean, components, lengths**2, towards)
    else:
        scatter = np.zeros((size, size))
        for part in parts:
            centred = part - mean
            scatter += centred.T @ centred
        found = components_of_covariance(mean, scatter / n, towards)
    first, shares = found.components[:count], found.explained_variance_ratio[:count]
    return PrincipalComponents(
        mean, _padded(first, count), np.pad(shares, (0, count - len(shares)))
    )


def _padded(components: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    return np.pad(components, ((0, count - len(components)), (0, 0)))


def components_of_covariance(
    mean: NDArray[np.float64],
    covariance: NDArray[np.float64],
    towards: NDArray[np.floating] | None = None,
) -> PrincipalComponents:
    """Return all principal components of states with this mean (S,) and covariance (S, S).

    Parameters
    ----------
    mean, covariance
        Of the states.
    towards
        A direction, shape (S,), that no component is to point against: a component's sign says
        nothing of the states, and is chosen so that its product with this is positive. Where that
        is 0, as it is everywhere without a direction, the component's entry of largest modulus is
        positive.
    """
    variances, vectors = np.linalg.eigh(covariance)
    return _turned(mean, vectors.T[::-1], np.clip(variances[::-1], 0, None), towards)


def _turned(
    mean: NDArray[np.float64],
    components: NDArray[np.float64],
    variances: NDArray[np.float64],
    towards: NDArray[np.floating] | None,
) -> PrincipalComponents:
    """Return components that point the way that they are to, and their shares of the variance."""
    largest = np.abs(components).argmax(axis=1)
    signs = np.sign(components[np.arange(len(components)), largest])
    if towards is not None:
        along = components @ towards
        signs = np.where(along == 0, signs, np.sign(along))
    total = variances.sum()
    ratio = variances / total if total > 0 else np.zeros_like(variances)
    return PrincipalComponents(mean, components * signs[:, None], ratio)
