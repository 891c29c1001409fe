"""Where a function on a mesh of triangles is zero: polylines from edge to edge."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nullcline.continuation.curve_problem import Vector

Edge: TypeAlias = tuple[int, int]


def zero_edges(values: Vector, triangles: NDArray[np.intp]) -> list[list[Edge]]:
    """Return the edges that each polyline crosses, in order; of a closed one the first again.

    Zero counts as positive, so that no polyline ends or forks in a vertex.

    Parameters
    ----------
    values
        At the vertices, shape (V,).
    triangles
        Their numbers, shape (T, 3), each edge in two triangles at most.
    """
    sides = values >= 0
    beside: dict[Edge, list[Edge]] = {}
    changing = triangles[sides[triangles].any(axis=1) & ~sides[triangles].all(axis=1)]
    for a, b, c in changing.tolist():
        one, other = (
            (min(p, q), max(p, q)) for p, q in ((a, b), (b, c), (c, a)) if sides[p] != sides[q]
        )
        beside.setdefault(one, []).append(other)
        beside.setdefault(other, []).append(one)
    ends = [edge for edge, others in beside.items() if len(others) == 1]
    lines, seen = [], set[Edge]()
    for begin in [*ends, *beside]:
        if begin in seen:
            continue
        line = [begin]
        seen.add(begin)
        while (onward := next((e for e in beside[line[-1]] if e not in seen), None)) is not None:
            seen.add(onward)
            line.append(onward)
        if len(line) > 2 and begin in beside[line[-1]]:
            line.append(begin)
        lines.append(line)
    return lines


def between(values: Vector, edges: list[Edge]) -> Vector:
    """Return where on each edge, from 0 to 1, a function is zero by a straight line."""
    first, last = (values[list(ends)] for ends in zip(*edges, strict=True))
    share: Vector = first / (first - last)
    return share
