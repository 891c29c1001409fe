"""What figures share: panels side by side, curves of R², words beside points, and their marks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from nullcline.plotting.theme import BLACK, BLUE, MARKERS, ORANGE, PANEL, VERMILION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    Vector = NDArray[np.float64]

COLOURS = (BLUE, VERMILION, ORANGE, "#009E73", "#CC79A7", "#56B4E9")
SHAPES = ("o", "s", "^", "D", "v", "P")
"""Colours and marks of up to six curves in a panel."""

WORDS_WRITTEN = 16
WORD_ROOM = (0.13, 0.05)
"""Room that a word keeps free of others, in units of the axes."""

LEGEND_ENTRY = 2.4
"""Room for one entry of a legend, in inches."""


def panels(columns: int, *, width: float, height: float = 1.0) -> tuple[Figure, list[Axes]]:
    """Return a figure with panels side by side; width and height of each in units of `PANEL`."""
    figure = Figure(figsize=(PANEL * width * columns, 0.4 + PANEL * height), layout="constrained")
    return figure, list(figure.subplots(1, columns, squeeze=False)[0])


def write_words(axes: Axes, x: Vector, y: Vector, words: Sequence[str] | None) -> None:
    """Write the words furthest from the middle, where none written so far is close."""
    if words is None:
        return
    places = np.column_stack([x, y])
    spread = np.ptp(places, axis=0)
    places /= np.where(spread > 0, spread, 1)
    written: list[Vector] = []
    for i in np.argsort(-np.linalg.norm(places - np.median(places, axis=0), axis=1)):
        crowded = any((np.abs(places[i] - other) < WORD_ROOM).all() for other in written)
        if crowded or len(written) == WORDS_WRITTEN:
            continue
        written.append(places[i])
        axes.annotate(
            words[i],
            (x[i], y[i]),
            xytext=(3, 3),
            textcoords="offset points",
            fontsize=7,
            parse_math=False,
        )


def point_mark(kind: str, **options: object) -> Line2D:
    """Return what stands in a legend for points of a kind."""
    face = VERMILION if kind == "fixed" else "white"
    marks = {"marker": MARKERS[kind], "mfc": face, "mec": BLACK, "label": f"{kind} point"}
    return Line2D([], [], ls="", **{**marks, **options})  # type: ignore[arg-type]


def legend_below(figure: Figure, handles: Sequence[Line2D]) -> None:
    """Write a legend below all panels, in as many columns as there is room for."""
    columns = max(1, int(figure.get_figwidth() / LEGEND_ENTRY))
    figure.legend(handles=handles, loc="outside lower center", ncols=min(columns, len(handles)))
