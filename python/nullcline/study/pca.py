"""Exact principal components from a stream of states: only mean and scatter are held."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class PrincipalComponents:
    """Principal components of a set of states.

    Parameters
    ----------
    mean
        Mean state, shape (H,).
    components
        Unit vectors, one per row, in order of falling variance, shape (H, H). Each points the way
        that was asked for; if none was, its entry of largest modulus is positive.
    explained_variance_ratio
        Share of the variance along each component, shape (H,); all zero if there is none.
    """

    mean: NDArray[np.float64]
    components: NDArray[np.float64]
    explained_variance_ratio: NDArray[np.float64]

    def project(self, states: NDArray[np.floating], n_components: int = 2) -> NDArray[np.float64]:
        """Return the coordinates of `states` (n, H) on the first components, (n, n_components)."""
        return np.asarray((states - self.mean) @ self.components[:n_components].T)


class Moments:
    """Mean and scatter matrix of all states added so far, in float64.

    Chunks are merged by the pairwise update of Chan, Golub & LeVeque (1979), so the result does
    not suffer from a mean that is large beside the spread.

    Parameters
    ----------
    size
        Number of units H.
    """

    def __init__(self, size: int) -> None:
        self.count = 0
        self.mean: NDArray[np.float64] = np.zeros(size)
        self.scatter: NDArray[np.float64] = np.zeros((size, size))

    def add(self, states: NDArray[np.floating]) -> None:
        """Take in a chunk of states, shape (n, H)."""
        if len(states) == 0:
            return
        chunk = states.astype(np.float64)
        mean = chunk.mean(axis=0)
        chunk -= mean
        total = self.count + len(chunk)
        shift = mean - self.mean
        self.scatter += chunk.T @ chunk
        self.scatter += np.outer(shift, shift) * (self.count * len(chunk) / total)
        self.mean += shift * (len(chunk) / total)
        self.count = total

    def radius(self) -> float:
        """Return the root mean square distance of the states from their mean."""
        return float(np.sqrt(np.trace(self.scatter) / max(self.count, 1)))

    def principal_components(
        self, towards: NDArray[np.floating] | None = None
    ) -> PrincipalComponents:
        """Return the principal components of the states added.

        Parameters
        ----------
        towards
            A direction, shape (H,), that no component is to point against: a component's sign says
            nothing of the states, and is chosen so that its product with this is positive. Where
            that is 0, as it is everywhere without a direction, the component's entry of largest
            modulus is positive.

        Raises
        ------
        ValueError
            No state was added.
        """
        if self.count == 0:
            raise ValueError("no states were added: there is nothing to take components of")
        variances, vectors = np.linalg.eigh(self.scatter / self.count)
        variances = np.clip(variances[::-1], 0, None)
        components = vectors.T[::-1]
        largest = np.abs(components).argmax(axis=1)
        signs = np.sign(components[np.arange(len(components)), largest])
        if towards is not None:
            along = components @ towards
            signs = np.where(along == 0, signs, np.sign(along))
        total = variances.sum()
        ratio = variances / total if total > 0 else np.zeros_like(variances)
        return PrincipalComponents(self.mean.copy(), components * signs[:, None], ratio)
