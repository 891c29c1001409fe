"""All fixed points of a cell, as far as the degree can tell, and how each was found."""

from nullcline.completeness.found import AllFixedPoints
from nullcline.completeness.rounds import find_all_fixed_points

__all__ = ["AllFixedPoints", "find_all_fixed_points"]
