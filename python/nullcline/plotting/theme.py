"""One look for every figure: sizes, and colours that the colour-blind tell apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib import rc_context
from matplotlib.colors import LinearSegmentedColormap, to_hex

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

# Okabe & Ito (2008), "Color Universal Design".
BLUE = "#0072B2"
ORANGE = "#E69F00"
VERMILION = "#D55E00"
GREY = "#8a8a8a"
BLACK = "#1a1a1a"

MARKERS = {"fixed": "o", "slow": "D", "minimum": "s", "unconverged": "X"}
"""Kinds of points differ in shape, so that colour is free for their speed."""

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


def style() -> AbstractContextManager[None]:
    """Return a context in which figures are drawn in the study's style."""
    return rc_context(_RC)  # type: ignore[arg-type]
