"""What every search returns, wherever it ran: the columns of `FixedPoints` that it found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nullcline.search.kinds import KINDS, REASONS

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
        kind, reason = np.array(KINDS)[found.kind], np.array(REASONS)[found.reason]
        return cls(h, q, kind, reason, found.iterations)

    def take(self, rows: NDArray[np.intp]) -> SearchColumns:
        """Return some rows."""
        return SearchColumns(
            self.h[rows], self.q[rows], self.kind[rows], self.reason[rows], self.iterations[rows]
        )

    def put(self, rows: NDArray[np.intp], some: SearchColumns) -> SearchColumns:
        """Return a copy with other values in some rows; all are on the host."""
        texts = {"kind": np.array(KINDS).dtype, "reason": np.array(REASONS).dtype}
        columns = {}
        for name, column, values in zip(self._fields, self, some, strict=True):
            columns[name] = column.astype(texts.get(name, column.dtype))
            columns[name][rows] = values
        return SearchColumns(**columns)
