"""A residual, its Jacobian and its curvature around a state, every rounding error bounded.

A cell is certified once its equations have an enclosure here and a line in `_ENCLOSURES`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from nullcline.cells.gru import GRU
from nullcline.certify.balls import TINY, UNIT, UP, Ball, affine

if TYPE_CHECKING:
    from collections.abc import Callable

    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell
    from nullcline.certify.balls import Matrix, Vector


class Enclosure(Protocol):
    """What is known of a reduced residual G around one state, all errors bounded.

    Attributes
    ----------
    residual
        G at the state, shape (H,).
    jacobian, jacobian_error
        DG at the state as floating point finds it, and a bound of each entry's error, shape (H, H).
    """

    residual: Ball
    jacobian: Matrix
    jacobian_error: Matrix

    def is_finite(self) -> bool:
        """Whether all of these are finite."""

    def curvature(self, within: float) -> Vector:
        """Return a bound of ‖D²G_i‖ for each unit, over all states at most `within` away."""


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
        """Whether the residual, the Jacobian and its error are finite."""
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


_ENCLOSURES: dict[type, Any] = {GRU: GRUEnclosure}
"""How the equations of each cell are enclosed."""


def can_be_enclosed(cell: Cell) -> bool:
    """Tell whether there are certificates for a cell of this type."""
    return any(kind in _ENCLOSURES for kind in type(cell).__mro__)


def enclosure_for(cell: Cell) -> Callable[[Vector, Floats | None], Enclosure]:
    """Return what encloses a cell's equations at a state and an input.

    Raises
    ------
    TypeError
        If nothing does.
    """
    for kind in type(cell).__mro__:
        if kind in _ENCLOSURES:
            return partial(_ENCLOSURES[kind], cell)
    names = ", ".join(f"nullcline.{kind.__name__}" for kind in _ENCLOSURES)
    raise TypeError(f"only a {names} can be certified so far, not {type(cell).__name__}")
