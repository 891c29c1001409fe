"""The shape of sets of states: how many dimensions, a simplex or an arc, and what draws to it."""

from nullcline.geometry.classes import ClassGeometry, class_geometry
from nullcline.geometry.intrinsic import IntrinsicDimension, intrinsic_dimension
from nullcline.geometry.persistence import PerturbationDecay, perturbation_decay, settle
from nullcline.geometry.readouts import readout_angles
from nullcline.geometry.slow import slow_modes

__all__ = [
    "ClassGeometry",
    "IntrinsicDimension",
    "PerturbationDecay",
    "class_geometry",
    "intrinsic_dimension",
    "perturbation_decay",
    "readout_angles",
    "settle",
    "slow_modes",
]
