"""Slow manifolds as curves and as sheets, a fixed point as its input moves, a line measured."""

from nullcline.continuation.bifurcation_points import Bifurcation, BifurcationPoint
from nullcline.continuation.curve_of_folds import FoldCurve, fold_curve
from nullcline.continuation.curve_problem import CurveStop
from nullcline.continuation.curves import Curve, Trace
from nullcline.continuation.fibers import trace
from nullcline.continuation.input_branch import InputBranch, follow_input
from nullcline.continuation.line_attractor import LineAttractor, measure_line_attractor
from nullcline.continuation.sheets import Nullcline, Sheet, SheetStop
from nullcline.continuation.slow_surface import trace_sheet
from nullcline.continuation.training_path import TrainingEvent, TrainingPath, follow_training

__all__ = [
    "Bifurcation",
    "BifurcationPoint",
    "Curve",
    "CurveStop",
    "FoldCurve",
    "InputBranch",
    "LineAttractor",
    "Nullcline",
    "Sheet",
    "SheetStop",
    "Trace",
    "TrainingEvent",
    "TrainingPath",
    "fold_curve",
    "follow_input",
    "follow_training",
    "measure_line_attractor",
    "trace",
    "trace_sheet",
]
