"""Cycles and other attractors: what a network does that does not come to rest.

`find_cycles` finds states that a network goes through again and again, `find_attractors` says what
each start settles on, and `lyapunov_exponents` how fast orbits part. Files, from the first that
runs to the last: `evaluation` reads a cell and its inputs, `recurrence` simulates, `closing` is
Newton's method on a whole cycle, `phases` tells which cycles are one, `multipliers` how they
attract and repel, and `Cycles` is what was found, which `counting` judges by the degree;
`exponents` and `frequency` judge, in `settling`, what comes back to no cycle. `chunks` cuts starts
into tiles, for one process and for workers.
"""

from nullcline.cycles.attractor_set import Attractors
from nullcline.cycles.cycle_set import Cycles
from nullcline.cycles.exponents import LyapunovExponents, lyapunov_exponents
from nullcline.cycles.find import find_cycles
from nullcline.cycles.settling import find_attractors

__all__ = [
    "Attractors",
    "Cycles",
    "LyapunovExponents",
    "find_attractors",
    "find_cycles",
    "lyapunov_exponents",
]
