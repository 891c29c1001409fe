"""Figures of one's own network and of its analyses, with matplotlib.

Each function draws the result of one analysis; call it, and save the figure, inside `style()`.
"""

from __future__ import annotations

from nullcline.plotting.dimensions import dimensionality
from nullcline.plotting.line import line_attractor
from nullcline.plotting.modes import eigenvalues, time_constants
from nullcline.plotting.points import fixed_points
from nullcline.plotting.predictions import prediction
from nullcline.plotting.theme import style
from nullcline.plotting.words import instantaneous_and_steady, word_projections, word_responses

__all__ = [
    "dimensionality",
    "eigenvalues",
    "fixed_points",
    "instantaneous_and_steady",
    "line_attractor",
    "prediction",
    "style",
    "time_constants",
    "word_projections",
    "word_responses",
]
