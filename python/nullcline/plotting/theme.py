"""One look for every figure: sizes, and colours that the colour-blind tell apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib import colormaps, rc_context
from matplotlib.colors import LinearSegmentedColormap, to_hex

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

# Okabe & Ito (2008), "Color Universal Design".
BLUE = "#0072B2"
ORANGE = "#E69F00"
VERMILION = "#D55E00"
GREEN = "#009E73"
PINK = "#CC79A7"
SKY = "#56B4E9"
GREY = "#8a8a8a"
BLACK = "#1a1a1a"


class Mark(NamedTuple):
    """How points of one kind are drawn: kinds that meet in a picture share no shape or colour."""

    marker: str
    face: str
    label: str


POINT_MARKS = {
    "stable": Mark("o", BLUE, "stable fixed point"),
    "saddle": Mark("^", VERMILION, "saddle"),
    "repeller": Mark("v", PINK, "repeller"),
    "undecided": Mark("h", "white", "fixed point, stability undecided"),
    "fixed": Mark("o", VERMILION, "fixed point"),
    "slow": Mark("D", ORANGE, "slow point"),
    "minimum": Mark("s", GREEN, "other minimum of the speed"),
    "unconverged": Mark("X", GREY, "unconverged end"),
}
"""Fixed points by their stability, "fixed" where it is not known of any, and all other kinds."""

PANEL = 3.3
"""Width and height of one panel, in inches."""

DPI = 150

_RC = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.6,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "savefig.dpi": DPI,
    "svg.hashsalt": "nullcline",  # the same figure is the same file
    "svg.fonttype": "path",
}


def class_colours(classes: int) -> list[str]:
    """Return a colour for each class: from vermilion, the first, through grey to blue."""
    if classes == 2:
        return [VERMILION, BLUE]
    ramp = LinearSegmentedColormap.from_list("classes", [VERMILION, GREY, BLUE])
    return [to_hex(ramp(place)) for place in np.linspace(0, 1, classes)]


def colours_of(count: int) -> list[str]:
    """Return as many colours, all told apart by the colour-blind as far as that goes: up to six."""
    chosen = [BLUE, VERMILION, ORANGE, GREEN, PINK, SKY]
    if count <= len(chosen):
        return chosen[:count]
    return [to_hex(colour) for colour in colormaps["viridis"](np.linspace(0, 1, count))]


def style() -> AbstractContextManager[None]:
    """Return a context in which figures are drawn in the study's style."""
    return rc_context(_RC)  # type: ignore[arg-type]
