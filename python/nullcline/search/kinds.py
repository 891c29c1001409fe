"""What kinds of ends a search has, from the most to the least telling.

"fixed"
    A zero of the reduced residual, to rounding.
"slow"
    A local minimum of the speed q over the box of the cell's outputs, with 0 < q <= tol_slow; for
    the gradient method, any state with q <= tol_slow.
"minimum"
    A local minimum of q with q > tol_slow.
"unconverged"
    Everything else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline._native import _core

if TYPE_CHECKING:
    from numpy.typing import NDArray

KINDS = _core.KINDS
"""The kinds, in the order in which the core numbers them."""

FIXED, SLOW, MINIMUM, UNCONVERGED = KINDS

REASONS = _core.REASONS
"""Why an end is of its kind, a sentence each, in the order in which the core numbers them."""

(
    ZERO,
    AT_MINIMUM,
    BELOW_TOLERANCE,
    ABOVE_TOLERANCE,
    LIMIT,
    STALLED,
    NOT_FINITE,
    UNDECIDABLE,
    NOT_A_MINIMUM,
    LOST,
) = REASONS


def worst(kinds: NDArray[np.str_]) -> NDArray[np.str_]:
    """Return the least telling kind in each column of kinds of shape (layers, n)."""
    found: NDArray[np.str_] = kinds[0]
    for kind in KINDS[1:]:
        found = np.where((kinds == kind).any(axis=0), kind, found)
    return found


def ranks(kinds: NDArray[np.str_]) -> NDArray[np.intp]:
    """Return the number of each kind, 0 for the most telling."""
    return np.array([KINDS.index(kind) for kind in kinds.tolist()], np.intp)
