"""A search of a stack by block substitution: each layer's ends set the input of the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline.cells.stack import next_output
from nullcline.search.columns import SearchColumns
from nullcline.search.kinds import FIXED, worst
from nullcline.search.progress import share_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from numpy.typing import NDArray

    from nullcline.search.problem import SearchProblem
    from nullcline.search.progress import Report


def search_layers(
    problem: SearchProblem,
    report: Report | None,
    search: Callable[[SearchProblem, Report | None], SearchColumns],
) -> SearchColumns:
    """Return where the starts of a stack end, all layers jointly.

    Parameters
    ----------
    problem
        What is searched: layers meet on the host, wherever each of them is searched.
    report
        What to tell how many starts are done.
    search
        How one layer is searched.
    """
    stack: Any = problem.cell
    layers: list[SearchColumns] = []
    x: Any = problem.inputs
    for cell, starts in zip(stack.cells, stack.split(problem.starts), strict=True):
        share = share_of(report, len(layers), len(stack.cells))
        ends = search(problem.of_layer(cell, starts, x), share)
        # What the next layer reads within a step. At a slow end it is not the end's own output.
        x = next_output(cell, ends.h, x)
        layers.append(ends)
    return _joint(layers)


def _joint(layers: Sequence[SearchColumns]) -> SearchColumns:
    """Return the ends of all layers as those of the stack."""
    sizes = [ends.h.shape[1] for ends in layers]
    kind = worst(np.stack([ends.kind for ends in layers]))
    return SearchColumns(
        h=np.concatenate([ends.h for ends in layers], axis=1),
        # Each layer's speed is at the input that it reads within a joint step: the mean is joint.
        q=np.average([ends.q for ends in layers], axis=0, weights=sizes),
        kind=kind,
        reason=_reasons(layers, kind),
        iterations=np.sum([ends.iterations for ends in layers], axis=0, dtype=np.int32),
    )


def _reasons(layers: Sequence[SearchColumns], kind: NDArray[np.str_]) -> NDArray[np.str_]:
    """Return what the first layer of the worst kind says, by its number from 1."""
    texts = np.stack(
        [np.char.add(f"layer {i}: ", ends.reason) for i, ends in enumerate(layers, start=1)]
    )
    first = np.argmax(np.stack([ends.kind for ends in layers]) == kind, axis=0)
    reasons = texts[first, np.arange(len(kind))]
    every = np.char.add("every layer: ", layers[0].reason)
    return np.where(kind == FIXED, every, reasons)
