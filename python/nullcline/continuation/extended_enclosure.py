"""What is known of a reduced residual that is extended beyond the box, every rounding bounded.

With n(ψ(h)) - h, ψ being `Saturation`, n's derivatives are taken at ψ(h) = y, which lies in a box:

    D(n ∘ ψ) = Dn(y) ψ',    D²(n ∘ ψ)(v, w) = D²n(y)(ψ' v, ψ' w) + Dn(y) (ψ'' v w),

products with ψ', ψ'', v and w unit by unit. ψ is known to within a few units of rounding, ρ, and
tanh is trusted to 16; n is enclosed at the floating-point number by ψ(h), and its bounds over all
that is ρ away hold for ψ(h). Over a ball of states ψ' lies between its values at the ball's ends,
and a direction ψ' v within a radius of another: D²n, being bilinear, is bounded by parts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline.certify.balls import TINY, UNIT, UP, Ball

if TYPE_CHECKING:
    from collections.abc import Callable

    from nullcline.certify.enclosure import Enclosure
    from nullcline.continuation.curve_problem import Matrix, Vector
    from nullcline.continuation.extended_map import Saturation

    Parts = list[tuple[float, Vector | None]]

TRUSTED = 64 * UNIT
"""The error to which ψ, in units of itself and its margin, and ψ' are trusted: those of tanh, 16,
and of a few operations."""

TURN = 0.6584789484624084
"""Where tanh u sech² u, of which ψ'' is a multiple, has its largest value, 2 / (3 √3)."""

LARGEST_BEND = 0.38490018


class ExtendedEnclosure:
    """What is known of n(ψ(h)) - h around outputs, as an `Enclosure` has it of n(h) - h.

    Parameters
    ----------
    enclose
        What encloses n(h) - h.
    saturation
        ψ.
    h
        Outputs, shape (H,).
    """

    def __init__(
        self, enclose: Callable[[Vector], Enclosure], saturation: Saturation, h: Vector
    ) -> None:
        self._saturation, self._h = saturation, h
        within = saturation(h)
        outputs = within.outputs
        self._own = own = enclose(outputs)
        self.residual, self.jacobian, self.jacobian_error = (
            own.residual,
            own.jacobian,
            own.jacobian_error,
        )
        self._known = 0.0
        if within.slopes is None:
            return
        is_out = outputs != h
        margin = np.where(is_out, saturation.margin, 0.0)
        self._known = UP * float(np.max(TRUSTED * (np.abs(outputs) + margin)[is_out], initial=0))
        moved, size = outputs - h, np.arange(len(h))
        middle = own.residual.middle + moved
        radius = own.residual.radius + self._slopes(0.0, np.full(len(h), self._known))
        rounding = 4 * UNIT * (np.abs(own.residual.middle) + np.abs(outputs) + np.abs(h))
        self.residual = Ball(middle, UP * (radius + rounding) + TINY)
        of_map = own.jacobian.copy()
        of_map[size, size] += 1
        self.jacobian = of_map * within.slopes
        self.jacobian[size, size] -= 1
        off = np.where(is_out, TRUSTED, 0.0) + 4 * UNIT
        blurred = own.curvature(self._known)[:, None] * self._known
        self.jacobian_error = UP * (own.jacobian_error + np.abs(of_map) * off + blurred) + TINY
        self.jacobian_error[size, size] += 2 * UNIT

    def is_finite(self) -> bool:
        """Whether the residual, the Jacobian and its error are finite."""
        return self._own.is_finite() and bool(np.isfinite(self.jacobian_error).all())

    def curvature(self, within: float, v: Vector | None = None, w: Vector | None = None) -> Vector:
        """Return a bound of |D²G_i(v, w)| for each unit, over all states at most `within` away.

        Without v or w, of all directions that are at most 1 in the sup norm.
        """
        saturation = self._saturation
        ends = np.stack([self._h - within, self._h + within])
        out = np.maximum(np.maximum(saturation.low - ends, ends - saturation.high), 0)
        reach = UP * (within + self._known)
        if not out.any():
            return self._own.curvature(reach, v, w)
        spans = (ends[0] <= saturation.high) & (ends[1] >= saturation.low)
        nearest = np.where(spans, 0.0, out.min(axis=0)) / saturation.margin / UP
        farthest = UP * out.max(axis=0) / saturation.margin
        steepest, flattest = (1 / np.cosh(u) ** 2 for u in (nearest, farthest))
        slopes = Ball.between(flattest - TRUSTED, np.minimum(steepest + TRUSTED, 1.0))
        bends = [np.tanh(u) / np.cosh(u) ** 2 for u in (nearest, farthest)]
        turns = (nearest <= TURN + 1e-9) & (farthest >= TURN - 1e-9)
        bend = UP * np.where(turns, LARGEST_BEND, np.maximum(*bends) + TRUSTED)
        bend = np.where(farthest > 0, UP * 2 * bend / saturation.margin, 0.0)
        for direction in (v, w):
            if direction is not None:
                bend = bend * np.abs(direction)
        bound = self._slopes(reach, UP * bend)
        for size_of_v, of_v in _parts(slopes, v):
            for size_of_w, of_w in _parts(slopes, w):
                bound = bound + size_of_v * size_of_w * self._own.curvature(reach, of_v, of_w)
        total: Vector = UP * bound
        return total

    def _slopes(self, within: float, t: Vector) -> Vector:
        """Return bounds of |Dn| t at all outputs that are `within` of ψ(h), t not negative."""
        of_map: Matrix = np.abs(self._own.jacobian) + self._own.jacobian_error + np.eye(len(t))
        reach = UP * (within + self._known)
        moved = self._own.curvature(reach) * reach * float(np.max(t, initial=0))
        bound: Vector = UP * (of_map @ t + moved)
        return bound


def _parts(slopes: Ball, direction: Vector | None) -> Parts:
    """Return directions of which ψ' v is a sum, each times a number, up to this size.

    None stands for all directions that are at most 1.
    """
    if direction is None:
        return [(float(np.max(slopes.magnitude())), None)]
    spread = UP * float(np.max((slopes.radius + 2 * UNIT) * np.abs(direction), initial=0))
    return [(1.0, slopes.middle * direction), (spread, None)]
