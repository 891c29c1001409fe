"""Exact principal components from a stream of states: only mean and scatter are held."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline._support.components import PrincipalComponents, components_of_covariance

if TYPE_CHECKING:
    from numpy.typing import NDArray


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
        """Return all H principal components of the states added.

        Parameters
        ----------
        towards
            A direction, shape (H,), that no component is to point against; without one, each
            component's entry of largest modulus is positive.

        Raises
        ------
        ValueError
            No state was added.
        """
        if self.count == 0:
            raise ValueError("no states were added: there is nothing to take components of")
        return components_of_covariance(self.mean.copy(), self.scatter / self.count, towards)
