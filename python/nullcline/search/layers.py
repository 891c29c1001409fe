"""A search of a stack by block substitution: each layer's ends set the input of the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline.cells.stack import directions, next_output
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
    found: list[SearchColumns] = []
    starts = iter(stack.split(problem.starts))
    x: Any = problem.inputs
    for layer in stack.layers:
        following = []
        for cell in directions(layer):
            share = share_of(report, len(found), len(stack.cells))
            ends = search(problem.of_layer(cell, next(starts), x), share)
            # What the next layer reads within a step. At a slow end it is not the end's own output.
            following.append(next_output(cell, ends.h, x))
            found.append(ends)
        x = np.concatenate(following, axis=1)
    return joint_ends(found, stack.names)


def joint_ends(layers: Sequence[SearchColumns], names: Sequence[str]) -> SearchColumns:
    """Return the ends of all layers, or of their directions, as those of the stack."""
    sizes = [ends.h.shape[1] for ends in layers]
    kind = worst(np.stack([ends.kind for ends in layers]))
    return SearchColumns(
        h=np.concatenate([ends.h for ends in layers], axis=1),
        # Each layer's speed is at the input that it reads within a joint step: the mean is joint.
        q=np.average([ends.q for ends in layers], axis=0, weights=sizes),
        kind=kind,
        reason=_reasons(layers, names, kind),
        iterations=np.sum([ends.iterations for ends in layers], axis=0, dtype=np.int32),
    )


def _reasons(
    layers: Sequence[SearchColumns], names: Sequence[str], kind: NDArray[np.str_]
) -> NDArray[np.str_]:
    """Return what the first layer of the worst kind says, by its name."""
    texts = np.stack(
        [np.char.add(f"{name}: ", ends.reason) for name, ends in zip(names, layers, strict=True)]
    )
    first = np.argmax(np.stack([ends.kind for ends in layers]) == kind, axis=0)
    reasons = texts[first, np.arange(len(kind))]
    every = np.char.add("every layer: ", layers[0].reason)
    return np.where(kind == FIXED, every, reasons)
