"""The GRU's residual, Jacobian and curvature around a state, every rounding error bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline.certify.balls import TINY, UNIT, UP, Ball, affine

if TYPE_CHECKING:
    from nullcline.certify.balls import Matrix, Vector
    from nullcline._support.validation import Floats
    from nullcline.cells import GRU


class GRUEnclosure:
    """G = n(h) - h and DG at one state, with bounds of all errors, and of D²G around it."""

    def __init__(self, cell: GRU, h: Vector, x: Floats | None) -> None:
        w_r, _, w_n = (block.astype(np.float64) for block in np.split(cell.weight_hh, 3))
        v_r, _, v_n = (block.astype(np.float64) for block in np.split(cell.weight_ih, 3))
        b_r, _, b_n = (block.astype(np.float64) for block in np.split(cell.bias_ih, 3))
        c_r, _, c_n = (block.astype(np.float64) for block in np.split(cell.bias_hh, 3))
        size = len(h)
        one = Ball(np.ones(size), np.zeros(size))
        driven = [] if x is None else [x.astype(np.float64)]
        self._reset_sum = affine([(w_r, h), *((v_r, part) for part in driven)], [b_r, c_r], size)
        self._inner = affine([(w_n, h)], [c_n], size)
        self._reset = self._reset_sum.logistic()
        drive = affine([(v_n, part) for part in driven], [b_n], size)
        self._sum = drive + self._reset * self._inner
        candidate = self._sum.tanh()
        self.residual = candidate - Ball(h, np.zeros(size))

        slope = (one - candidate) * (one + candidate)
        scale_n = slope * self._reset
        scale_r = scale_n * (one - self._reset) * self._inner
        self.jacobian: Matrix = (
            scale_r.middle[:, None] * w_r + scale_n.middle[:, None] * w_n - np.eye(size)
        )
        sizes = np.abs(w_r), np.abs(w_n)
        self.jacobian_error: Matrix = UP * (
            (scale_r.radius + 4 * UNIT * np.abs(scale_r.middle))[:, None] * sizes[0]
            + (scale_n.radius + 4 * UNIT * np.abs(scale_n.middle))[:, None] * sizes[1]
            + 4 * UNIT * np.eye(size)
            + TINY
        )
        # ‖w‖₁ of each row: how far an inner product moves when the state does, in the sup norm.
        self._reach_r, self._reach_n = (UP * part.sum(axis=1) for part in sizes)

    def is_finite(self) -> bool:
        return bool(
            np.isfinite(self.residual.magnitude()).all()
            and np.isfinite(self.jacobian).all()
            and np.isfinite(self.jacobian_error).all()
        )

    def curvature(self, within: float) -> Vector:
        """Return a bound of ‖D²G_i‖ for each unit, over all states at most `within` away.

        With G_i = tanh(s) - h_i, s = d + σ(a) b, a and b affine in h with ‖∇a‖₁ = α, ‖∇b‖₁ = β:
        |D²G_i| <= |tanh''| (|b| σ' α + σ β)² + tanh' (|b| |σ''| α² + 2 σ' α β), each factor
        replaced by its supremum: |σ''| <= min(σ', 1/(6√3)), |tanh''| <= min(2 tanh', 4/(3√3)).
        """
        alpha, beta = self._reach_r, self._reach_n
        b = UP * (self._inner.magnitude() + beta * within)
        nearest = self._reset_sum.nearest_to_zero(alpha * within)
        sigma_1 = UP * np.minimum(0.25, 0.25 / np.cosh(nearest / 2) ** 2) + TINY
        sigma_2 = np.minimum(sigma_1, UP / (6 * np.sqrt(3)))
        sigma = np.minimum(1, UP * (self._reset.magnitude() + sigma_1 * alpha * within))
        slope = UP * (b * sigma_1 * alpha + sigma * beta)
        nearest = self._sum.nearest_to_zero(slope * within)
        tanh_1 = UP * np.minimum(1, 1 / np.cosh(nearest) ** 2) + TINY
        tanh_2 = np.minimum(2 * tanh_1, UP * 4 / (3 * np.sqrt(3)))
        second: Vector = b * sigma_2 * alpha**2 + 2 * sigma_1 * alpha * beta
        first: Vector = tanh_2 * slope**2
        return UP**2 * (first + tanh_1 * second)
