"""Figures of a linearization: its time constants and its eigenvalues."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Circle
from matplotlib.ticker import MaxNLocator

from nullcline._support.tolerances import MARGINAL
from nullcline.plotting.panels import COLOURS, SHAPES, legend_below, panels
from nullcline.plotting.theme import BLACK, BLUE, GREY, VERMILION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from nullcline.linearization.linear_map import Linearization

MODES_SHOWN = 30

LONGEST = 1e4
"""Time constants beyond are drawn here: a ghost's is infinite but for rounding."""


def time_constants(linearization: Linearization, names: Sequence[str] | None = None) -> Figure:
    """Draw the longest time constants at each point, slowest first.

    Parameters
    ----------
    linearization
        The modes; its first six points are drawn.
    names
        What to call them; "point 0" and so on by default.
    """
    figure, (axes,) = panels(1, width=1.6)
    modes = linearization.by_time_constant()
    for i, (colour, shape) in enumerate(zip(COLOURS, SHAPES, strict=True)):
        if i == len(modes):
            break
        shown = modes.time_constants[i, :MODES_SHOWN]
        rank = np.arange(1, len(shown) + 1)
        name = f"point {i}" if names is None else names[i]
        axes.plot(rank, shown.clip(max=LONGEST), marker=shape, ms=4, color=colour, label=name)
        beyond = shown > LONGEST
        axes.plot(rank[beyond], np.full(beyond.sum(), LONGEST), "^", ms=9, color=colour, mec=BLACK)
    top = modes.time_constants[: len(COLOURS), :MODES_SHOWN]
    if (top > 0).any():  # where J_rec is zero, so are all
        axes.set_yscale("log")
    if (top > LONGEST).any():
        axes.axhline(LONGEST, color=GREY, lw=0.8, ls=":")
        axes.annotate(
            f"τ > {LONGEST:g} (▲)", (1, LONGEST), (0, -12), xycoords=("axes fraction", "data"),
            textcoords="offset points", ha="right", fontsize=7, color=GREY,
        )  # fmt: skip
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("mode, by time constant")
    axes.set_ylabel("time constant τ (steps)")
    axes.set_title("Modes of the linearization")
    axes.legend()
    return figure


def eigenvalues(linearization: Linearization, names: Sequence[str] | None = None) -> Figure:
    """Draw the eigenvalues of J_rec at each point beside the unit circle, one panel per point.

    Each title says whether the point is stable, unstable, or undecided.

    Parameters
    ----------
    linearization
        The modes; its first six points are drawn.
    names
        What to call them; "point 0" and so on by default.
    """
    shown = linearization.eigenvalues[: len(COLOURS)]
    figure, axes_of = panels(max(len(shown), 1), width=1.0, height=1.15)
    for i, (axes, values) in enumerate(zip(axes_of, shown, strict=False)):
        draw_eigenvalues(axes, values)
        name = f"point {i}" if names is None else names[i]
        largest = np.abs(values).max(initial=0)
        axes.set_title(f"{name}: {linearization.stability[i]}, largest |λ| = {largest:.4f}")
    legend_below(figure, eigenvalue_marks())
    return figure


def draw_eigenvalues(axes: Axes, values: NDArray[np.complex128]) -> None:
    """Draw eigenvalues and the unit circle, those outside of it with another mark."""
    unstable = np.abs(values) > 1 + MARGINAL
    axes.add_patch(Circle((0, 0), 1, fill=False, ec=BLACK, lw=0.8))
    axes.scatter(values[~unstable].real, values[~unstable].imag, s=9, color=BLUE, alpha=0.7)
    axes.scatter(values[unstable].real, values[unstable].imag, s=26, color=VERMILION, marker="^")
    reach = 1.1 * max(1.0, float(np.abs(values).max(initial=0)))
    axes.set_xlim(-reach, reach)
    axes.set_ylim(-reach, reach)
    axes.set_aspect("equal")
    axes.set_xlabel("real part of λ")
    axes.set_ylabel("imaginary part of λ")


def eigenvalue_marks() -> list[Line2D]:
    """Return what stands in a legend for eigenvalues."""
    return [
        Line2D([], [], ls="", marker="o", color=BLUE, label="eigenvalue, |λ| ≤ 1"),
        Line2D([], [], ls="", marker="^", color=VERMILION, label="eigenvalue, |λ| > 1"),
        Line2D([], [], color=BLACK, lw=0.8, label="unit circle"),
    ]
