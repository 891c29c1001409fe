"""Curves: the slow manifold through a point, a fixed point as its input moves, a line measured."""

from nullcline.continuation.bifurcation_points import Bifurcation, BifurcationPoint
from nullcline.continuation.curve_problem import CurveStop
from nullcline.continuation.curves import Curve, Trace
from nullcline.continuation.fibers import trace
from nullcline.continuation.input_branch import InputBranch, follow_input
from nullcline.continuation.line_attractor import LineAttractor, measure_line_attractor

__all__ = [
    "Bifurcation",
    "BifurcationPoint",
    "Curve",
    "CurveStop",
    "InputBranch",
    "LineAttractor",
    "Trace",
    "follow_input",
    "measure_line_attractor",
    "trace",
]
