"""One layer as a page holds it: numbers packed, texts cleaned, all else in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline.interactive.modes import describe_modes, linearized
from nullcline.interactive.packing import (
    clean,
    clipped,
    in_order,
    number,
    packed_choices,
    packed_floats,
    packed_places,
)
from nullcline.search.kinds import KINDS, UNCONVERGED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nullcline.interactive.layer import Layer
    from nullcline.linearization.linear_map import Linearization


AT_ONCE = 64
"""Points whose distances to all states are held at once."""


def layer_record(layer: Layer, name: str, *, dt: float, max_spectra: int) -> dict[str, Any]:
    """Return what a page holds of a layer, times in units of which a step has `dt`."""
    return {
        "name": clean(name),
        "axes": list(layer.axes.names),
        "size": layer.width,
        "states": _states(layer),
        "points": _points(layer, dt, max_spectra),
        "trajectories": [
            {
                "name": name,
                "n": len(path),
                "places": packed_places(layer.axes.place(path)),
                "words": None if words is None else words[: len(path)],
                "readout": None
                if layer.readout is None
                else packed_floats(path @ layer.readout[: layer.width]),
            }
            for path, words, name in zip(
                layer.trajectories, layer.trajectory_words, layer.trajectory_names, strict=True
            )
        ],
        "all_trajectories": layer.n_trajectories,
        "curves": [packed_places(layer.axes.place(curve)) for curve in layer.curves],
    }


def _states(layer: Layer) -> dict[str, Any]:
    states = np.zeros((0, layer.width)) if layer.states is None else layer.states
    return {
        "n": len(states),
        "total": layer.n_states,
        "places": packed_places(layer.axes.place(states)),
        "texts": None
        if layer.texts is None
        else packed_choices([clipped(text) for text in layer.texts]),
        "labels": None if layer.labels is None else packed_choices(layer.labels),
    }


def _points(layer: Layer, dt: float, max_spectra: int) -> dict[str, Any]:
    points = layer.points
    conditions = (
        None if points.condition is None else [clean(one) for one in points.condition.tolist()]
    )
    spectra: list[dict[str, Any] | None] = [None] * len(points)
    for row, maps, place in _maps(layer, max_spectra):
        spectra[row] = describe_modes(maps, place, layer.axes, dt)
        if layer.words is not None:
            spectra[row]["words"] = layer.words.found_at(maps, place, layer.readout)  # type: ignore[index]
    return {
        "n": len(points),
        "places": packed_places(layer.axes.place(points.h[:, : layer.width])),
        "kind": points.kind.tolist(),
        "q": [number(q) for q in points.q],
        "count": points.count.tolist(),
        "reason": points.reason.tolist(),
        "condition": conditions,
        "conditions": None if conditions is None else in_order(set(conditions)),
        "spectra": spectra,
        "words": None
        if layer.words is None
        else [layer.words.given_at(row) for row in range(len(points))],
        "nearest": _nearest(layer),
        "linearized": layer.cell is not None,
    }


def _maps(layer: Layer, max_spectra: int) -> Iterator[tuple[int, Linearization, int]]:
    """Yield rows of points with their linearization: those that were given, or the first ones.

    That is those of the best kinds, and the ends of most starts among them.
    """
    points = layer.points
    rank = np.array([KINDS.index(kind) for kind in points.kind.tolist()], np.intp)
    order = np.lexsort((-points.count, rank))
    told = (points.kind != UNCONVERGED) & np.isfinite(points.h).all(axis=1)
    rows = order[told[order]][:max_spectra]
    if layer.linearization is not None:
        yield from ((row, layer.linearization, row) for row in rows.tolist())
    elif layer.cell is not None:
        yield from linearized(layer.cell, points, rows)


def _nearest(layer: Layer) -> list[int | None] | None:
    """Return which of the states that are shown is nearest to each point, where texts are known."""
    if layer.texts is None or layer.states is None or not len(layer.states):
        return None
    # By products, for many at once, about the middle so that differences of squares keep digits.
    centre = layer.axes.centre
    states, own = layer.states - centre, layer.points.h[:, : layer.width] - centre
    squares = np.sum(states**2, axis=1)
    found: list[int | None] = []
    for first in range(0, len(own), AT_ONCE):
        some = own[first : first + AT_ONCE]
        there = np.asarray(np.isfinite(some).all(axis=1))
        rows = np.argmin(
            squares[:, None] - 2 * states @ np.where(there[:, None], some, 0).T, axis=0
        )
        found += [row if known else None for row, known in zip(rows.tolist(), there, strict=True)]
    return found
