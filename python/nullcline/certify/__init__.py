"""Proofs, in floating point, that exactly one fixed point lies near a state, and its index."""

from nullcline.certify.certificates import Certificates, certify_states
from nullcline.certify.enclosure import can_be_enclosed
from nullcline.certify.index import index_states

__all__ = ["Certificates", "can_be_enclosed", "certify_states", "index_states"]
