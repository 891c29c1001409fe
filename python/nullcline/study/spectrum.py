"""The eigenvalues of a layer's recurrent Jacobian at one point, and what they say of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support.deprecation import deprecated_attribute
from nullcline._support.records import as_json
from nullcline.linearization.resolution import (
    DECAY,
    GROWTH,
    OPEN,
    known_time_constants,
    side_of_circle,
    write_time_constant,
)
from nullcline.linearization.stability import STABLE, UNDECIDED, UNSTABLE

if TYPE_CHECKING:
    from numpy.typing import NDArray

REAL = 1e-6
"""An eigenvalue counts as real if its imaginary part is at most this part of its modulus."""


@dataclass(frozen=True, eq=False)
class Spectrum:
    """The eigenvalues of J_rec at one point.

    Attributes
    ----------
    kind, q, count, norm
        The point's kind, speed, number of starts that ended there, and Euclidean norm.
    eigenvalues
        By falling modulus, shape (H,).
    errors
        How far each may be off (`nullcline.Linearization.eigenvalue_errors`), shape (H,); None in
        early files.
    """

    kind: str
    q: float
    count: int
    norm: float
    eigenvalues: NDArray[np.complex128]
    errors: NDArray[np.float64] | None = None

    @property
    def spectral_radius(self) -> float:
        """The largest modulus of an eigenvalue."""
        return float(np.abs(self.eigenvalues).max(initial=0))

    slowest = deprecated_attribute("spectral_radius", goes="0.3.0")

    @property
    def time_constant(self) -> float:
        """1 / |ln|λ|| in steps of the mode with the largest |λ|; infinite on the unit circle."""
        known = known_time_constants(self.eigenvalues, self.errors)
        return float(known[0]) if len(known) else 0.0

    def say_time_constant(self, unit: str = "") -> str:
        """Return the same in words, which say if that mode grows."""
        side = side_of_circle(self.eigenvalues, self.errors)[0] if len(self.eigenvalues) else DECAY
        return write_time_constant(self.time_constant, side, unit)

    @property
    def stability(self) -> str:
        """What the eigenvalues say of the point, as in `nullcline.Linearization`."""
        sides = side_of_circle(self.eigenvalues, self.errors)
        if (sides == GROWTH).any():
            return UNSTABLE
        return UNDECIDED if (sides == OPEN).any() else STABLE

    @property
    def unstable(self) -> NDArray[np.bool_]:
        """Which eigenvalues lie outside the unit circle, beyond their errors, shape (H,)."""
        found: NDArray[np.bool_] = side_of_circle(self.eigenvalues, self.errors) == GROWTH
        return found

    @property
    def n_unstable(self) -> int:
        """The number of eigenvalues outside the unit circle."""
        return int(self.unstable.sum())

    @property
    def rotating(self) -> NDArray[np.bool_]:
        """Which eigenvalues are complex, shape (H,): two of them turn states in a plane."""
        found: NDArray[np.bool_] = np.abs(self.eigenvalues.imag) > REAL * np.abs(self.eigenvalues)
        return found

    @property
    def share_real(self) -> float:
        """The share of eigenvalues that are real."""
        return float(1 - self.rotating.mean())

    @property
    def n_leaving_rotations(self) -> int:
        """The number of complex eigenvalues outside the unit circle: rotations that leave."""
        return int((self.rotating & self.unstable).sum())

    @property
    def largest_rotation(self) -> float | None:
        """The largest modulus of a complex eigenvalue; None if all are real."""
        moduli = np.abs(self.eigenvalues[self.rotating])
        return float(moduli.max()) if len(moduli) else None

    def to_json(self) -> dict[str, Any]:
        """Return every number as plain Python values, for results.json."""
        own = {name: value for name, value in vars(self).items() if value is not None}
        found: dict[str, Any] = as_json({**own, "n_unstable": self.n_unstable})
        return found
