"""Proofs, in floating point: of fixed points, their index and stability, and of curves."""

from nullcline.certify.certificates import Certificates, certify_states
from nullcline.certify.enclosure import can_be_enclosed
from nullcline.certify.index import Located, index_states, locate_states
from nullcline.certify.tubes import Tube, certify_curve

__all__ = [
    "Certificates",
    "Located",
    "Tube",
    "can_be_enclosed",
    "certify_curve",
    "certify_states",
    "index_states",
    "locate_states",
]
