"""Tolerances that several rooms share."""

from __future__ import annotations

MARGINAL = 1e-5
"""An eigenvalue this close to the unit circle counts as on it.

At a slow point one eigenvalue is 1, exactly: where q = mean(f²), f = F(h) - h, has a minimum,
(J_rec - I)ᵀ f = 0, so that f is a left eigenvector. Found by rounding, it lies on either side.
"""
