"""Figures of a linearization: its time constants and its eigenvalues."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Circle
from matplotlib.ticker import MaxNLocator

from nullcline.linearization.linear_map import require_linearization
from nullcline.linearization.resolution import (
    DECAY,
    GROWTH,
    OPEN,
    known_time_constants,
    side_of_circle,
    write_time_constant,
)
from nullcline.plotting.panels import (
    COLOURS,
    SHAPES,
    add_legend,
    axes_or_new,
    legend_below,
    panels_or_new,
    time_unit,
)
from nullcline.plotting.theme import BLACK, BLUE, GREY, ORANGE, VERMILION
from nullcline.plotting.zoom import near_the_circle, the_bulk

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from nullcline.linearization.linear_map import Linearization
    from nullcline.plotting.panels import Panels
    from nullcline.plotting.zoom import Window

    Complex = NDArray[np.complex128]

MODES_SHOWN = 30

LONGEST = 1e4
"""Longer time constants, in steps, are drawn here: a slow point's is infinite but for rounding."""

RINGS = (1, 3, 10)
"""Time constants, in steps, of the rings within the unit circle."""

FINE_RINGS = (3, 10, 30, 100, 300, 1000, 3000, 10_000)
"""Those of the rings in a magnified part, as far as there is room."""

RING_ROOM = 0.2
"""Room that a ring keeps free of the next, in units of half the part that is magnified."""

CLEAR = 0.2
"""Distance from the nearest eigenvalue at which a ring's name hides none."""

REACH = 1.1
"""How far the axes reach beyond the unit circle and the eigenvalues."""

MARKS = {
    DECAY: ("o", BLUE, 9, "eigenvalue, |λ| < 1"),
    OPEN: ("D", ORANGE, 26, "on the unit circle, as far as is known"),
    GROWTH: ("^", VERMILION, 30, "eigenvalue, |λ| > 1 (growth)"),
}
"""Shape, colour, size and name of the eigenvalues on each side of the unit circle."""


def time_constants(
    linearization: Linearization, names: Sequence[str] | None = None, *, ax: Axes | None = None
) -> Axes:
    """Draw the longest time constants at each point, longest first; those of growth are hollow.

    A time constant is infinite where the error of its eigenvalue leaves open whether the mode
    decays or grows.

    Parameters
    ----------
    linearization
        The modes; its first six points are drawn, in steps or, where the cell has a `dt`, in the
        unit of that.
    names
        What to call them; "point 0" and so on by default.
    ax
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError, ValueError
        If it is no linearization, or there are too few names.
    """
    require_linearization(linearization)
    called = _names(names, len(linearization))
    ax = axes_or_new(ax)
    step, unit = time_unit(linearization.cell)
    sides = side_of_circle(linearization.eigenvalues, linearization.eigenvalue_errors)
    known = known_time_constants(linearization.eigenvalues, linearization.eigenvalue_errors)
    order = np.argsort(-known, axis=1, kind="stable")[: len(COLOURS), :MODES_SHOWN]
    shown = np.take_along_axis(known[: len(order)], order, axis=1)
    grows = np.take_along_axis(sides[: len(order)], order, axis=1) == GROWTH
    for i, tau in enumerate(shown):
        rank, place = np.arange(1, len(tau) + 1), step * tau.clip(max=LONGEST)
        style = {"color": COLOURS[i], "marker": SHAPES[i], "ms": 4}
        ax.plot(rank, place, label=called[i], **style)  # type: ignore[arg-type]
        hollow = {**style, "mfc": "white", "ms": 6, "ls": "", "zorder": 3}
        ax.plot(rank[grows[i]], place[grows[i]], **hollow)  # type: ignore[arg-type]
        beyond = tau > LONGEST
        ax.plot(rank[beyond], place[beyond], "^", ms=9, color=COLOURS[i], mec=BLACK)
    if (shown > 0).any():  # where J_rec is zero, so are all
        ax.set_yscale("log")
    if (shown > LONGEST).any():
        ax.axhline(step * LONGEST, color=GREY, lw=0.8, ls=":")
        ax.annotate(
            f"▲: ∞, or above {step * LONGEST:g}", (1, step * LONGEST), (0, -12), ha="right",
            xycoords=("axes fraction", "data"), textcoords="offset points", fontsize=7,
            color=GREY,
        )  # fmt: skip
    ax.set_xlim(left=0)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("mode, by time constant")
    ax.set_ylabel(f"time constant τ ({unit})")
    ax.set_title("Modes of the linearization")
    hollow_mark = Line2D(
        [], [], ls="", marker="o", mfc="white", color=BLACK, label="growth, |λ| > 1"
    )
    named = [line for line in ax.lines if line.get_label() in called]
    add_legend(ax, [*named, hollow_mark] if grows.any() else named)
    return ax


def eigenvalues(
    linearization: Linearization,
    names: Sequence[str] | None = None,
    *,
    ax: Sequence[Axes] | Panels | None = None,
) -> Panels:
    """Draw the eigenvalues of J_rec at each point beside the unit circle, one panel per point.

    Rings have the time constants that they are labelled with. What is too close together to be
    seen, or too close to the unit circle, is magnified beside it. Each title says whether the point
    is stable, unstable, or undecided.

    Parameters
    ----------
    linearization
        The modes; its first six points are drawn.
    names
        What to call them; "point 0" and so on by default.
    ax
        Where to draw, one for each of these points; a new figure by default.

    Returns
    -------
    numpy.ndarray of matplotlib.axes.Axes
        One for each point.

    Raises
    ------
    TypeError, ValueError
        If it is no linearization, or there are too few names, or other than as many axes.
    """
    require_linearization(linearization)
    called = _names(names, len(linearization))
    count = min(len(linearization), len(COLOURS))
    axes_of = panels_or_new(ax, count, width=1.4, height=1.05)
    errors = linearization.eigenvalue_errors
    for i, axes in enumerate(axes_of):
        values = linearization.eigenvalues[i]
        draw_eigenvalues(axes, values, errors[i], linearization.cell)
        largest = np.abs(values).max(initial=0)
        axes.set_title(
            f"{called[i]}: {linearization.stability[i]}, largest |λ| = {largest:.4f}",
            parse_math=False,
        )
    if count:
        marks = eigenvalue_marks(linearization.eigenvalues[:count], errors[:count])
        if ax is None:
            legend_below(axes_of[0].figure, marks)
        else:
            add_legend(axes_of[0], marks)
    return axes_of


def draw_eigenvalues(
    ax: Axes, values: Complex, errors: NDArray[np.float64] | None = None, cell: object = None
) -> list[Axes]:
    """Draw eigenvalues, the unit circle and rings; return the axes of what is magnified beside it.

    Parameters
    ----------
    ax
        Where to draw.
    values, errors
        Eigenvalues, shape (k,), and how far each may be off.
    cell
        Whose they are: time constants are in the unit of its `dt`, if it has one.
    """
    step, _ = time_unit(cell)
    _draw_values(ax, values, errors)
    for tau in RINGS:
        spot = _free_spot(ring(ax, tau), values)
        ax.text(spot.real, spot.imag, _ring_name(tau, step), **_RING_TEXT)  # type: ignore[arg-type]
    reach = REACH * max(1.0, float(np.abs(values).max(initial=0)))
    magnified = [window for window in (near_the_circle(values), the_bulk(values)) if window]
    right = reach * (2.3 if magnified else 1)
    ax.set_xlim(-reach, right)
    ax.set_ylim(-reach, reach)
    ax.set_aspect("equal")
    ax.grid(visible=False)  # the rings are what to read from
    ax.spines["bottom"].set_bounds(-reach, reach)
    ax.spines[["top", "right"]].set_visible(False)  # they would frame what is magnified in part
    ticks = [-1.0, -0.5, 0.0, 0.5, 1.0]
    if reach < 2:
        ax.set_xticks(ticks)
        ax.set_yticks(ticks)
    else:  # none beside what is magnified
        ax.set_xticks([tick for tick in ax.get_yticks() if abs(tick) <= reach])
    ax.set_xlabel("real part of λ")
    ax.set_ylabel("imaginary part of λ")
    side = 0.84 * reach
    bottoms = [-side / 2] if len(magnified) == 1 else [reach - side, -reach]
    return [
        _magnify(ax, window, (1.15 * reach, bottom, side, side), values, errors, step)
        for window, bottom in zip(magnified, bottoms, strict=False)
    ]


def ring(ax: Axes, tau: float) -> float:
    """Draw the ring of eigenvalues with a time constant, in steps; return its radius."""
    radius = float(np.exp(-1 / tau))
    ax.add_patch(Circle((0, 0), radius, fill=False, ec=GREY, lw=0.6, ls=":", zorder=1))
    return radius


def eigenvalue_marks(
    values: Iterable[Complex], errors: Iterable[NDArray[np.float64] | None]
) -> list[Line2D]:
    """Return what stands in a legend for eigenvalues of points, for the circle and for rings."""
    found = {
        side
        for of_point, own in zip(values, errors, strict=True)
        for side in side_of_circle(of_point, own).tolist()
    }
    return [
        *(
            Line2D([], [], ls="", marker=marker, color=colour, label=name)
            for side, (marker, colour, _, name) in MARKS.items()
            if side in found
        ),
        Line2D([], [], color=BLACK, lw=0.8, label="unit circle"),
        Line2D([], [], color=GREY, lw=0.8, ls=":", label="rings: time constant τ"),
    ]


_RING_TEXT = {
    "zorder": 1.5, "fontsize": 6, "color": GREY, "ha": "center", "va": "center",
    "bbox": {"boxstyle": "square,pad=0.1", "fc": "white", "ec": "none", "alpha": 0.8},
}  # fmt: skip


def _names(names: Sequence[str] | None, n_points: int) -> list[str]:
    """Return what the points that are drawn are called."""
    count = min(n_points, len(COLOURS))
    called = [f"point {i}" for i in range(count)] if names is None else list(names)[:count]
    if len(called) < count:
        raise ValueError(f"names must be {count} at least, one for each point, not {len(called)}")
    return called


def _draw_values(ax: Axes, values: Complex, errors: NDArray[np.float64] | None) -> None:
    sides = side_of_circle(values, errors)
    ax.add_patch(Circle((0, 0), 1, fill=False, ec=BLACK, lw=0.8))
    for side, (marker, colour, size, _) in MARKS.items():
        found = values[sides == side]
        ax.scatter(
            found.real, found.imag, s=size, color=colour, marker=marker, lw=0,
            alpha=0.7 if side == DECAY else 1, zorder=2 + (side != DECAY),
        )  # fmt: skip


def _free_spot(radius: float, values: Complex) -> complex:
    """Return a place on a ring that no eigenvalue is close to, above the centre if it can be."""
    spots = radius * np.exp(1j * np.pi * np.array([1 / 2, 3 / 2, 3 / 4, 5 / 4, 1]))
    distance = np.abs(spots[:, None] - values).min(axis=1, initial=CLEAR)
    return complex(spots[np.argmax(distance.clip(max=CLEAR))])


def _magnify(
    ax: Axes,
    window: Window,
    place: tuple[float, float, float, float],
    values: Complex,
    errors: NDArray[np.float64] | None,
    step: float,
) -> Axes:
    """Draw a part again, larger, in a square of the axes."""
    inset = ax.inset_axes(place, transform=ax.transData)
    _draw_values(inset, values, errors)
    centre, half = window.centre, window.half
    inset.set_xlim(centre.real - half, centre.real + half)
    inset.set_ylim(centre.imag - half, centre.imag + half)
    for axis in (inset.xaxis, inset.yaxis):
        axis.set_major_locator(MaxNLocator(3))
    inset.tick_params(labelsize=6, length=2, pad=1.5)
    inset.yaxis.tick_right()
    for spine in inset.spines.values():
        spine.set_visible(True)
        spine.set_edgecolor(GREY)
    outward = centre / abs(centre) if centre else 1
    for tau in _rings_with_room(window):
        spot = ring(inset, tau) * outward - 0.6j * half * outward
        inset.text(
            spot.real, spot.imag, _ring_name(tau, step), clip_on=True, rotation=90,
            **_RING_TEXT,  # type: ignore[arg-type]
        )  # fmt: skip
    ax.indicate_inset_zoom(inset, edgecolor=GREY)
    return inset


def _rings_with_room(window: Window) -> list[float]:
    """Return the time constants whose rings cross a part, none close to another or the circle."""
    last = 1.0
    chosen: list[float] = []
    for tau in reversed(FINE_RINGS):
        radius = float(np.exp(-1 / tau))
        crosses = abs(radius - abs(window.centre)) < 0.9 * window.half
        if crosses and abs(last - radius) > RING_ROOM * window.half:
            chosen.append(tau)
            last = radius
    return chosen


def _ring_name(tau: float, step: float) -> str:
    return f"τ = {write_time_constant(step * tau)}"
