"""What every search returns, wherever it ran: the columns of `FixedPoints` that it found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nullcline._native import _core
from nullcline.search.kinds import KINDS

if TYPE_CHECKING:
    from numpy.typing import NDArray


class SearchColumns(NamedTuple):
    """Where starts ended, one row per start; `FixedPoints` says what each column is."""

    h: Any
    q: Any
    kind: NDArray[np.str_]
    reason: NDArray[np.str_]
    iterations: NDArray[np.int32]

    @classmethod
    def of(cls, h: Any, q: Any, found: Any) -> SearchColumns:
        """Return the ends `h` and their speeds with what else the compiled core found."""
        kind, reason = np.array(KINDS)[found.kind], np.array(_core.REASONS)[found.reason]
        return cls(h, q, kind, reason, found.iterations)
