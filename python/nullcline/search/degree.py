"""Whether what a search found can be all: the indices of all fixed points sum to 1.

`nullcline.certify.index` says what an index is, and `nullcline.certify.hypotheses` of which cells
the sum is 1. Another sum proves that points are missing; the sum 1 proves nothing, since a missing
pair of indices +1 and -1 cancels.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support.shown import Shown, Table, first_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class Verdict(Enum):
    """What the sum of the indices says; the values are what users read."""

    CONSISTENT = "consistent with being complete"
    INCOMPLETE = "provably incomplete"
    UNDETERMINED = "undetermined"
    INAPPLICABLE = "no statement"


@dataclass(frozen=True, eq=False, repr=False)
class Completeness(Shown):
    """What the degree says of the fixed points that were found, input by input.

    `str` of it is a sentence for each input. Of a bounded cell the indices of all fixed points at
    one input sum to 1. So another sum proves that some are missing, and 1 is necessary, not
    sufficient.

    Attributes
    ----------
    verdict
        One `Verdict` for each of c inputs: CONSISTENT, INCOMPLETE, UNDETERMINED (the index of some
        point is open) or INAPPLICABLE (the sum of this cell's indices is not known).
    n_points
        How many distinct fixed points were found at each input, shape (c,).
    index_sum
        The sum of their indices, those that are open counted as 0, shape (c,).
    missing
        The sum of the indices of what is missing, 1 - `index_sum`, where the verdict is INCOMPLETE,
        and 0 elsewhere, shape (c,): at least so many points of index +1 (of -1 if it is negative)
        are missing, where a degenerate one counts as often as its index. 0, too, where only a layer
        of a stack shows that some are.
    undetermined
        For each input the rows, of the points that were asked, whose indices are open.
    why
        For each input why nothing can be said; of a stack that only a layer shows to be incomplete,
        that layer's sentence; or "".
    condition
        The label of each input, shape (c,); None where they have none.
    inputs
        The inputs, shape (c, D); None for zero input.
    entries
        What the entries are of, in the plural: "inputs", or of cycles "powers of F", which are
        judged one by one at each input.
    layers
        Of a stack, for each of its cells what the degree says of it, one entry for each known fixed
        point of the layers below, at each input; `condition` names them. Empty of other cells.
    """

    verdict: tuple[Verdict, ...]
    n_points: NDArray[np.int64]
    index_sum: NDArray[np.int64]
    missing: NDArray[np.int64]
    undetermined: tuple[NDArray[np.intp], ...]
    why: tuple[str, ...]
    condition: NDArray[Any] | None = None
    inputs: NDArray[Any] | None = None
    entries: str = "inputs"
    layers: tuple[Completeness, ...] = ()

    def __len__(self) -> int:
        return len(self.verdict)

    def __str__(self) -> str:
        return "\n".join(map(self.sentence, range(len(self))))

    def __repr__(self) -> str:
        if len(self) == 1:
            points = f"{_counted(self.n_points[0], 'point')}, index sum {self.index_sum[0]}"
            return f"Completeness({points}: {self.verdict[0].value})"
        counts = [
            f"{n} {verdict.value}" for verdict in Verdict if (n := self.verdict.count(verdict))
        ]
        return f"Completeness({len(self)} {self.entries}: {', '.join(counts) or 'none'})"

    @classmethod
    def joined(cls, parts: Sequence[Completeness], n_rows: Sequence[int]) -> Completeness:
        """Return what is said of points that are joined, so many rows of each part."""
        before = np.cumsum([0, *n_rows])
        labels = [part.condition for part in parts if part.condition is not None]
        inputs = [part.inputs for part in parts if part.inputs is not None]
        return cls(
            verdict=tuple(verdict for part in parts for verdict in part.verdict),
            n_points=np.concatenate([part.n_points for part in parts]),
            index_sum=np.concatenate([part.index_sum for part in parts]),
            missing=np.concatenate([part.missing for part in parts]),
            undetermined=tuple(
                rows + first
                for part, first in zip(parts, before, strict=False)
                for rows in part.undetermined
            ),
            why=tuple(why for part in parts for why in part.why),
            condition=np.concatenate(labels) if labels else None,
            inputs=np.concatenate(inputs) if inputs else None,
            entries=parts[0].entries if parts else "inputs",
            layers=tuple(
                cls.joined(each, n_rows)
                for each in zip(*(part.layers for part in parts), strict=True)
            ),
        )

    @property
    def is_consistent(self) -> bool:
        """Whether the indices sum to 1 at every input."""
        return set(self.verdict) == {Verdict.CONSISTENT}

    @property
    def summary(self) -> str:
        """A few words for a caption; "" where nothing can be said."""
        said = [i for i, verdict in enumerate(self.verdict) if verdict is not Verdict.INAPPLICABLE]
        if not said:
            return ""
        if len(said) == 1:
            i = said[0]
            words = {Verdict.INCOMPLETE: ": incomplete", Verdict.UNDETERMINED: ": undetermined"}
            return f"index sum {self.index_sum[i]}{words.get(self.verdict[i], '')}"
        for verdict, word in (
            (Verdict.INCOMPLETE, "incomplete"),
            (Verdict.UNDETERMINED, "undetermined"),
        ):
            if n := self.verdict.count(verdict):
                return f"{word} at {n} of {len(said)} {self.entries}"
        return f"index sum 1 at {len(said)} {self.entries}"

    def sentence(self, i: int = 0) -> str:
        """Return what is known at input number `i`, as one sentence."""
        verdict, n, total = self.verdict[i], int(self.n_points[i]), int(self.index_sum[i])
        at = "" if self.condition is None else f"{self.condition[i]}: "
        said = f"{at}{verdict.value}: "
        if verdict is Verdict.INAPPLICABLE:
            return said + self.why[i]
        if verdict is Verdict.UNDETERMINED:
            rows = self.undetermined[i]
            return (
                f"{said}the index of {_counted(len(rows), 'point')} of {n} is open, I - Dn being "
                f"singular to rounding there, or the state off its point (row"
                f"{'s' * (len(rows) > 1)} "
                f"{', '.join(map(str, rows[:10]))}{', …' * (len(rows) > 10)}); the others' sum to "
                f"{total}"
            )
        said += f"the indices of {_counted(n, 'fixed point')} sum to {total}"
        if verdict is Verdict.CONSISTENT:
            return f"{said}, as those of all do"
        lacking = abs(int(self.missing[i]))
        if lacking == 0:
            return f"{said}, as those of all do, but not layer by layer: {self.why[i]}"
        return (
            f"{said}, and those of all to 1; at least {_counted(lacking, 'point')} of index "
            f"{'+1' if self.missing[i] > 0 else '-1'} {'is' if lacking == 1 else 'are'} missing"
        )

    def _table(self) -> Table:
        rows = [
            (
                i if self.condition is None else self.condition[i],
                self.n_points[i],
                self.index_sum[i],
                self.sentence(i),
            )
            for i in first_rows(len(self))
        ]
        first = "input" if self.entries == "inputs" else "power"
        return Table((first, "fixed points", "index sum", ""), rows, len(self))


def judge(index: NDArray[np.int8], why: str | None) -> tuple[Verdict, int]:
    """Return the verdict on distinct fixed points at one input, and what their sum lacks."""
    if why is not None:
        return Verdict.INAPPLICABLE, 0
    if (index == 0).any():
        return Verdict.UNDETERMINED, 0
    missing = 1 - int(index.sum())
    return (Verdict.INCOMPLETE if missing else Verdict.CONSISTENT), missing


def _counted(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"
