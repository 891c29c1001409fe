"""A search of a stack by block substitution: each layer's ends set the input of the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from nullcline._support import validation
from nullcline.search.cpu import one_row_a_start, rows_are_equal
from nullcline.search.columns import Ends
from nullcline.search.fixed_points import KINDS
from nullcline.cells.stack import next_output

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

    from nullcline.search.cpu import CpuSearch
    from nullcline.search.gpu import GpuSearch
    from nullcline._support.validation import Floats
    from nullcline.cells.stack import Stack

    Report: TypeAlias = Callable[[int, int], None]


class StackSearch:
    """Where a search of a stack starts, checked, and how it runs.

    Layers meet on the host, wherever each is searched: tensors on a GPU are brought there.

    Parameters
    ----------
    stack, starts, inputs
        As in `find_fixed_points`.
    prepare
        Returns the search of one layer from its cell, starts and inputs.
    """

    def __init__(
        self,
        stack: Stack,
        starts: ArrayLike,
        inputs: ArrayLike | None,
        prepare: Callable[..., CpuSearch | GpuSearch | StackSearch],
    ) -> None:
        self._stack = stack
        self._prepare = prepare
        self._h = validation.rows("starts", starts, stack.state_size, stack.dtype)
        shape = len(self._h), stack.input_size
        self._x = validation.inputs("inputs", inputs, shape, stack.dtype)

    @property
    def n_starts(self) -> int:
        """How many starts there are."""
        return len(self._h)

    def has_one_input(self) -> bool:
        """Whether all starts have the same input."""
        return rows_are_equal(self._x)

    def kept(self) -> tuple[Floats, Floats | None]:
        """Return copies of starts and inputs, one row a start, for the result to keep."""
        return self._h.copy(), one_row_a_start(self._x, self.n_starts)

    def run(self, *, progress: Report | None, **options: Any) -> Ends:
        """Return where the starts end, all layers jointly."""
        layers: list[Ends] = []
        x = self._x
        for cell, starts in zip(self._stack.cells, self._stack.split(self._h), strict=True):
            search = self._prepare(cell, starts, x)
            ends = search.run(progress=self._share(progress, len(layers)), **options)
            # What the next layer reads within a step. At a slow end it is not the end's own output.
            x = next_output(cell, ends.h, x)
            layers.append(ends)
        return _joint(layers)

    def _share(self, progress: Report | None, n_done: int) -> Report | None:
        """Return what reports a layer's progress as that of the stack, `n_done` layers done."""
        if progress is None:
            return None
        n_layers = len(self._stack.cells)

        def report(done: int, total: int) -> None:
            progress((n_done * total + done) // n_layers, total)

        return report


def _joint(layers: Sequence[Ends]) -> Ends:
    """Return the ends of all layers as those of the stack."""
    sizes = [ends.h.shape[1] for ends in layers]
    worst = _worst(np.stack([ends.kind for ends in layers]))
    return Ends(
        h=np.concatenate([ends.h for ends in layers], axis=1),
        # Each layer's speed is at the input that it reads within a joint step: the mean is joint.
        q=np.average([ends.q for ends in layers], axis=0, weights=sizes),
        kind=worst,
        reason=_reasons(layers, worst),
        iterations=np.sum([ends.iterations for ends in layers], axis=0, dtype=np.int32),
    )


def _worst(kinds: NDArray[np.str_]) -> NDArray[np.str_]:
    """Return each column's least telling kind of shape (layers, n)."""
    worst: NDArray[np.str_] = kinds[0]
    for kind in KINDS[1:]:
        worst = np.where((kinds == kind).any(axis=0), kind, worst)
    return worst


def _reasons(layers: Sequence[Ends], worst: NDArray[np.str_]) -> NDArray[np.str_]:
    """Return what the first layer of the worst kind says, by its number from 1."""
    texts = np.stack(
        [np.char.add(f"layer {i}: ", ends.reason) for i, ends in enumerate(layers, start=1)]
    )
    first = np.argmax(np.stack([ends.kind for ends in layers]) == worst, axis=0)
    reasons = texts[first, np.arange(len(worst))]
    every = np.char.add("every layer: ", layers[0].reason)
    return np.where(worst == KINDS[0], every, reasons)
