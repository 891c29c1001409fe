"""Proofs, in floating point, that exactly one fixed point lies near a state."""
