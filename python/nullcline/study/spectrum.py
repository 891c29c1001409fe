"""The eigenvalues of a layer's recurrent Jacobian at one point, and what they say of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support.deprecation import deprecated_attribute
from nullcline._support.records import as_json
from nullcline._support.tolerances import MARGINAL

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Spectrum:
    """The eigenvalues of J_rec at one point.

    Attributes
    ----------
    kind, q, count, norm
        The point's kind, speed, number of starts that ended there, and Euclidean norm.
    eigenvalues
        By falling modulus, shape (H,).
    """

    kind: str
    q: float
    count: int
    norm: float
    eigenvalues: NDArray[np.complex128]

    @property
    def spectral_radius(self) -> float:
        """The largest modulus of an eigenvalue."""
        return float(np.abs(self.eigenvalues).max(initial=0))

    slowest = deprecated_attribute("spectral_radius")

    @property
    def time_constant(self) -> float:
        """1 / |ln|λ|| of the slowest mode, in steps; infinite on the unit circle."""
        radius = self.spectral_radius
        if radius == 0:
            return 0.0
        if abs(radius - 1) <= MARGINAL:
            return float("inf")
        return float(1 / abs(np.log(radius)))

    @property
    def unstable(self) -> NDArray[np.bool_]:
        """Which eigenvalues lie outside the unit circle, shape (H,)."""
        return np.abs(self.eigenvalues) > 1 + MARGINAL

    @property
    def n_unstable(self) -> int:
        """The number of eigenvalues outside the unit circle."""
        return int(self.unstable.sum())

    def to_json(self) -> dict[str, Any]:
        """Return every number as plain Python values, for results.json."""
        found: dict[str, Any] = as_json({**as_json(self), "n_unstable": self.n_unstable})
        return found
