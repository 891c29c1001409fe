"""The distinct points among more ends than memory holds, those that `FixedPoints.unique` returns.

Ends of a chunk are merged with the points that were kept so far, again and again through all
chunks, until a whole round changes nothing. Then every end lies within the tolerance of a kept
point that is as good or better, and kept points lie apart: by induction from the best to the worst,
these are the points that are kept among all ends at once. Each end was counted once in that round,
for the first such point. A round finds at least the best point that was still lacking, so rounds
end; two are the rule.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline.search.kinds import UNCONVERGED
from nullcline.search.merging import from_best_to_worst

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from nullcline.search.fixed_points import FixedPoints


def distinct(
    chunks: Callable[[], Iterable[FixedPoints]], none: FixedPoints, *, unconverged: bool
) -> FixedPoints:
    """Return the distinct points among the rows of all chunks, from the best to the worst.

    Parameters
    ----------
    chunks
        Returns the chunks, as often as it is called.
    none
        Points without a row.
    unconverged
        Whether unconverged ends take part.
    """
    kept, before = none, None
    alone: list[FixedPoints] = []
    while before is None or not _same_rows(kept, before):
        before = kept
        alone = []
        kept = replace(kept, count=np.zeros(len(kept), np.int64))
        for chunk in chunks():
            ends = chunk if unconverged else chunk.select(chunk.kind != UNCONVERGED)
            finite = np.isfinite(ends.h).all(axis=1)
            if not finite.all():  # near no point, not even itself in the next round
                alone.append(ends.select(~finite))
                ends = ends.select(finite)
            kept = joined([kept, ends]).unique(unconverged=True)
    if not alone:
        return kept
    every = joined([kept, *alone])
    return every.select(from_best_to_worst(every))


def joined(parts: Sequence[FixedPoints]) -> FixedPoints:
    """Return the rows of all parts, which are of one search."""
    columns: dict[str, Any] = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts])
        for field in fields(parts[0])
        if field.name not in {"tol_unique", "cell"} and getattr(parts[0], field.name) is not None
    }
    return replace(parts[0], **columns)


def _same_rows(one: FixedPoints, other: FixedPoints) -> bool:
    """Tell whether two results have the same rows, to the bit, however often each was counted."""
    names = ("h", "q", "kind", "iterations", "starts", "inputs", "condition")
    return len(one) == len(other) and all(
        _same_bits(getattr(one, name), getattr(other, name)) for name in names
    )


def _same_bits(one: NDArray[Any] | None, other: NDArray[Any] | None) -> bool:
    return one is other or (
        one is not None and other is not None and one.tobytes() == other.tobytes()
    )
