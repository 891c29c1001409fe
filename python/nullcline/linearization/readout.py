"""A linear readout's weights, as a vector in the space of states."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline._support import validation

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from nullcline.cells import Cell


def readout_vector(cell: Cell, readout: ArrayLike) -> NDArray[np.float64]:
    """Return a readout of the outputs (H,) or of the whole state (S,) as a vector (S,).

    Outputs are the first H entries of a state, and a readout of them sees none of the others.

    Raises
    ------
    TypeError, ValueError
        If it is not a finite vector of one of these lengths, or zero.
    """
    weights = validation.floats("readout", readout).astype(np.float64)
    lengths = sorted({cell.hidden_size, cell.state_size})
    if weights.ndim != 1 or len(weights) not in lengths:
        wanted = " or ".join(f"({length},)" for length in lengths)
        raise ValueError(f"readout must have shape {wanted}, not {weights.shape}")
    if not weights.any():
        raise ValueError("readout must not be zero")
    return np.pad(weights, (0, cell.state_size - len(weights)))
