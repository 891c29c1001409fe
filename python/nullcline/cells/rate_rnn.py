"""The rate network of theory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline.cells.box import Box
from nullcline.cells.rate_cell import RateCell

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


class RateRNN(RateCell):
    """The network of currents and rates that most theory is about.

    ::

        h' = F(h, x) = (1 - α) h + α (W φ(h) + U x + b)

    (Sompolinsky, Crisanti and Sommers, Phys. Rev. Lett. 61 (1988) 259, eq. 1, in Euler's steps with
    α = dt/τ.) A state h is what theory papers call x, the currents; rates are φ(h). The reduced
    residual is W φ(h) + U x + b - h: fixed points do not depend on α, but their Jacobians do.

    Where φ is bounded, |h_i| <= Σ_j |W_ij| sup |φ| + |(U x + b)_i| at every fixed point: `box` has
    these bounds, with the ends of φ's range each by itself, and `box_at(x)` those at an input.

    Parameters
    ----------
    weight_ih
        Input weights U, shape (H, D).
    weight_hh
        Recurrent weights W, shape (H, H); or factors (M, N), each of shape (H, R), of W = M Nᵀ.
    bias
        b, shape (H,); None for zeros.
    alpha
        The leak α, 0 < α <= 1: a number, or one per unit, shape (H,).
    activation
        φ: "tanh", "relu", "logistic", "softplus", "hard_tanh", "identity" or "rectified_tanh"; or
        one per unit, as for networks of excitatory and inhibitory units.
    dt, tau
        Instead of `alpha`: the length of a step and the time constants, in one unit of time.

    See Also
    --------
    nullcline.cells.RateCell : What each argument may be, and what is refused.
    nullcline.cells.CompiledCell : What methods take.

    Examples
    --------
    >>> cell = nc.RateRNN(u, (m, n), alpha=0.1)  # of rank R, doctest: +SKIP
    """

    _kind = "rate_rnn"

    def box_at(self, x: ArrayLike | Box | None) -> Box:
        """Return the bounds of the outputs at an input, (D,), or at all inputs of a box."""
        if not isinstance(x, Box):
            return super().box_at(x)
        at_zero = super().box_at(None)
        weights = self.weight_ih.astype(np.float64)
        with np.errstate(invalid="ignore"):  # an infinite bound that no weight looks at counts not
            products = np.where(weights == 0, 0, weights * np.stack([x.low, x.high])[:, None, :])
        return Box(
            at_zero.low + products.min(axis=0).sum(axis=1),
            at_zero.high + products.max(axis=0).sum(axis=1),
        )
