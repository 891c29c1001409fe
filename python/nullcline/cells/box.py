"""The box that a cell's outputs stay in, which may have no faces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, eq=False, repr=False)
class Box:
    """Bounds of the outputs of a cell, unit by unit.

    Every fixed point has its outputs within, and so has every state that is reached from one
    within. A search does not leave the box, and a curve ends at its faces.

    Attributes
    ----------
    low, high
        The least and the largest output of each unit, shape (H,), read-only; infinite where there
        is no bound.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @classmethod
    def uniform(cls, size: int, low: float, high: float) -> Box:
        """Return the box of `size` units with the same bounds."""
        return cls(_bounds(low, size), _bounds(high, size))

    @classmethod
    def joint(cls, boxes: Sequence[Box]) -> Box:
        """Return the box of the units of all of `boxes`, side by side."""
        low = np.concatenate([box.low for box in boxes])
        high = np.concatenate([box.high for box in boxes])
        return cls(_bounds(low, len(low)), _bounds(high, len(high)))

    def __repr__(self) -> str:
        low, high = float(np.min(self.low)), float(np.max(self.high))
        return f"Box({len(self.low)} units, between {low:.3g} and {high:.3g})"

    def margin(self, h: ArrayLike) -> float:
        """Return how far one cell's outputs, shape (H,), are from the nearest face.

        Negative outside of the box, infinite where no unit has a bound.
        """
        return float(self.room(h).min())

    def room(self, h: ArrayLike) -> NDArray[np.float64]:
        """Return how far each output is from its unit's nearest face, in the shape of `h`."""
        outputs = np.asarray(h, np.float64)
        return np.minimum(outputs - self.low, self.high - outputs)


def _bounds(value: ArrayLike, size: int) -> NDArray[np.float64]:
    return np.broadcast_to(np.asarray(value, np.float64), (size,))
