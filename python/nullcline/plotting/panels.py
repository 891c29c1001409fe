"""What figures share: axes and panels to draw in, legends, units of time, words beside points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from nullcline.plotting.theme import PANEL, colours_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.artist import Artist
    from matplotlib.legend import Legend
    from matplotlib.lines import Line2D
    from numpy.typing import NDArray

    Vector = NDArray[np.float64]
    Panels = NDArray[np.object_]

COLOURS = tuple(colours_of(6))
SHAPES = ("o", "s", "^", "D", "v", "P")
"""Colours and marks of up to six curves in a panel."""

WORDS_WRITTEN = 16
WORD_ROOM = (0.13, 0.05)
"""Room that a word keeps free of others, in units of the axes."""

LEGEND_ENTRY = 2.4
"""Room for one entry of a legend, in inches."""

ZOOM_3D = 0.9
"""So much of the room a space takes, for its labels to have the rest."""

LEGEND_ROW = 0.22
"""Room for one row of a legend, in inches."""

LETTER = 0.075
"""Room for a letter of a legend, in inches."""

BELOW = 34
"""How far below the axes their legend is, in points: below ticks and label."""


def axes_or_new(
    ax: Axes | None, *, dimensions: int = 2, width: float = 1.6, height: float = 1.25
) -> Axes:
    """Return the axes that are given, or those of a new figure.

    The new figure is one of pyplot, so that a notebook shows it, `plt.show` opens a window with it,
    and `ax.figure.savefig` writes it. Whoever draws many figures, such as a report, passes axes
    of figures of its own (`panels`), which pyplot does not keep.

    Parameters
    ----------
    ax
        The axes, or None.
    dimensions
        2 or 3.
    width, height
        Of the new axes, in units of `PANEL`.
    """
    if ax is not None:
        require_axes(ax)
        return ax
    if dimensions == 3:
        height = width - 0.1  # a space is about as high as it is wide
    figure = plt.figure(figsize=(PANEL * width, PANEL * height), layout="constrained")
    if dimensions == 2:
        return figure.add_subplot()
    made: Axes = figure.add_subplot(projection="3d")
    made.set_box_aspect(None, zoom=ZOOM_3D)  # type: ignore[call-arg]
    return made


def panels_or_new(
    axes: Sequence[Axes] | Panels | None,
    count: int,
    *,
    columns: int = 3,
    width: float = 1.1,
    height: float = 1.1,
    **options: Any,
) -> Panels:
    """Return an array of the axes that are given, or those of a new figure of pyplot.

    Parameters
    ----------
    axes
        As many axes as there are panels, or None.
    count
        The number of panels.
    columns
        The most panels of the new figure in a row.
    width, height
        Of each, in units of `PANEL`.
    options
        For `Figure.subplots`, such as `sharex`.

    Raises
    ------
    ValueError
        If other than `count` axes are given.
    """
    if axes is not None:
        given = np.asarray(axes, dtype=object).ravel()
        if len(given) != count:
            raise ValueError(f"ax must be None or hold {count} axes, not {len(given)}")
        for panel in given:
            require_axes(panel)
        return given
    columns = min(columns, max(count, 1))
    rows = -(-max(count, 1) // columns)
    size = (PANEL * width * columns, 0.3 + PANEL * height * rows)
    figure = plt.figure(figsize=size, layout="constrained")
    made: Panels = figure.subplots(rows, columns, squeeze=False, **options).ravel()
    for unused in made[count:]:
        unused.remove()
    kept: Panels = made[:count]
    for panel in kept:
        if is_3d(panel):
            panel.set_box_aspect(None, zoom=ZOOM_3D)
    return kept


def require_axes(value: object) -> None:
    """Raise TypeError unless `value` is one pair of axes."""
    if not isinstance(value, Axes):
        raise TypeError(
            "ax must be axes of matplotlib, such as figure.add_subplot() returns, not "
            f"{type(value).__name__}"
        )


def is_3d(ax: Axes) -> bool:
    """Whether axes have three dimensions."""
    require_axes(ax)
    return ax.name == "3d"


def add_title(ax: Axes, text: str) -> None:
    """Write lines of title, below what stands there of what else is drawn on these axes."""
    above = ax.get_title()
    lines = above.split("\n") if above else []
    lines += [line for line in text.split("\n") if line not in lines]
    ax.set_title("\n".join(lines), parse_math=False)


def add_legend(ax: Axes, handles: Sequence[Artist]) -> None:
    """Write a legend, or add to the one that the axes have, without saying anything twice.

    It is below the axes where the figure makes room for it (a constrained layout), else inside.
    """
    entries: dict[str, Artist] = {}
    if (old := ax.get_legend()) is not None:
        texts = (text.get_text() for text in old.get_texts())
        entries = {
            text: handle for text, handle in zip(texts, old.legend_handles, strict=True) if handle
        }
    entries |= {str(handle.get_label()): handle for handle in handles}
    if not entries:
        return
    figure: Any = ax.figure
    figure = figure.figure  # of a subfigure, the whole
    shown: dict[str, Any] = {"handles": list(entries.values()), "labels": _placeholders(entries)}
    if figure.get_layout_engine() is None:
        legend = ax.legend(**shown, loc="upper right")
    else:
        place = ax.get_subplotspec()
        beside = 1 if place is None else place.get_gridspec().ncols
        room = 0.9 * figure.get_figwidth() / beside
        away = 0 if is_3d(ax) else BELOW / 72  # a space has room for its labels within
        below = ScaledTranslation(0, -away, figure.dpi_scale_trans)
        legend = ax.legend(
            **shown,
            loc="upper center",
            bbox_to_anchor=(0.5, 0.0),
            bbox_transform=ax.transAxes + below,
            ncols=max(1, min(len(entries), int(room / (0.5 + LETTER * max(map(len, entries)))))),
        )
    _write(legend, entries)


def time_unit(cell: object) -> tuple[float, str]:
    """Return how long one step is, and what to call that: in the unit of the cell's `dt`, if any.

    Time is `steps * length`; an axis of it is labelled `f"time ({unit})"`.
    """
    dt = getattr(cell, "dt", None)
    return (1.0, "steps") if dt is None else (float(dt), "in the unit of dt")


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


def legend_below(figure: Figure, handles: Sequence[Line2D]) -> None:
    """Write a legend below all panels, in as many columns as there is room for.

    The figure grows by all rows but the first, so that the panels keep their size.
    """
    columns = max(1, int(figure.get_figwidth() / LEGEND_ENTRY))
    rows = -(-len(handles) // columns)
    figure.set_figheight(figure.get_figheight() + LEGEND_ROW * max(rows - 1, 0))
    labels = [str(handle.get_label()) for handle in handles]
    legend = figure.legend(
        handles=handles,
        labels=_placeholders(labels),
        loc="outside lower center",
        ncols=min(columns, len(handles)),
    )
    _write(legend, labels)


def _placeholders(labels: Iterable[str]) -> list[str]:
    """Return what stands for labels of users while a legend is made.

    Matplotlib leaves out those that begin with an underscore.
    """
    return ["M" * len(label) for label in labels]


def _write(legend: Legend, labels: Iterable[str]) -> None:
    """Write labels into a legend as they are: a dollar is no mathematics."""
    for text, label in zip(legend.get_texts(), labels, strict=True):
        text.set_text(label)
        text.set_parse_math(False)
