"""The search for fixed points: what may be asked, where it runs, and what it found.

`find_fixed_points` asks; `problem` checks what it was given, once; `cpu`, `gpu` and `layers` run
it; `FixedPoints` is what was found, of the `KINDS` that `kinds` explains.
"""

from nullcline.search.degree import Completeness, Verdict
from nullcline.search.find import find_fixed_points
from nullcline.search.fixed_points import FixedPoints
from nullcline.search.kinds import KINDS
from nullcline.search.points_of_layers import layer_points
from nullcline.search.problem import METHODS

__all__ = [
    "KINDS",
    "METHODS",
    "Completeness",
    "FixedPoints",
    "Verdict",
    "find_fixed_points",
    "layer_points",
]
