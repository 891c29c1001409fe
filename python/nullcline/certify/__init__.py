"""Proofs, in floating point, that exactly one fixed point lies near a state."""

from nullcline.certify.certificates import Certificates, certify_states

__all__ = ["Certificates", "certify_states"]
