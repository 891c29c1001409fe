"""All fixed points of a network, proved, or the boxes in which there may be others."""

from nullcline.enumeration.enumerating import enumerate_fixed_points
from nullcline.enumeration.result import Enumeration

__all__ = ["Enumeration", "enumerate_fixed_points"]
