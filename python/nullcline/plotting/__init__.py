"""Figures of one's own network and of its analyses, with matplotlib.

Each function draws one thing on the axes that it is given, or on those of a new figure, and returns
them; inside `style()` all look alike.
"""

from __future__ import annotations

from nullcline.plotting import _matplotlib  # noqa: F401 - first of all: it says what is missing
from nullcline.plotting.attraction import basins
from nullcline.plotting.bifurcation_diagrams import fold_curve, input_branch, training_path
from nullcline.plotting.curves import curve, curve_profile
from nullcline.plotting.dimensions import dimensionality
from nullcline.plotting.landscape import flow, speed_landscape
from nullcline.plotting.line import line_attractor
from nullcline.plotting.modes import eigenvalues, time_constants
from nullcline.plotting.orbits import cycles, multipliers
from nullcline.plotting.predictions import prediction
from nullcline.plotting.projection import Projection
from nullcline.plotting.scenes import fixed_points, panels_by_condition
from nullcline.plotting.sheets import phase_plane, sheet
from nullcline.plotting.theme import style
from nullcline.plotting.words import instantaneous_and_steady, word_projections, word_responses

__all__ = [
    "Projection",
    "basins",
    "curve",
    "curve_profile",
    "cycles",
    "dimensionality",
    "eigenvalues",
    "fixed_points",
    "flow",
    "fold_curve",
    "input_branch",
    "instantaneous_and_steady",
    "line_attractor",
    "multipliers",
    "panels_by_condition",
    "phase_plane",
    "prediction",
    "sheet",
    "speed_landscape",
    "style",
    "time_constants",
    "training_path",
    "word_projections",
    "word_responses",
]
