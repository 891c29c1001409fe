"""The one fixed point of a ReLU network whose I - W is a P-matrix.

h = max(W h + b, 0) is a linear complementarity problem, which has exactly one solution for every b
if and only if I - W is a P-matrix (Cottle, Pang and Stone, The Linear Complementarity Problem,
1992, theorem 3.3.7). What is left is to find it, by principal pivots of blocks, and to say how far
it may be: with J within R of J_0, entry by entry, for all slopes of G(h) = n(h) - h over a box
around h̄, kinks included, and A an inverse of -J_0, Krawczyk's operator takes the box of radius r
into itself where

    |A G(h̄)| + (|I + A J_0| + |A| R) r < r.

All determinants det(I - D W) with D between 0 and 1 are sums of products of principal minors with
numbers that are not negative; so the index is +1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline.certify.balls import UNIT, UP, Ball, bound
from nullcline.certify.determinants import Factored
from nullcline.enumeration.p_matrix import why_p_matrix

if TYPE_CHECKING:
    from nullcline.certify.balls import Matrix, Vector
    from nullcline.enumeration.network import Network

PATIENCE = 10
"""Pivots of whole blocks that may make nothing better before one unit is changed at a time."""

TRIES = 8
"""Boxes that are tried, each four times as wide as the last."""


def one_point(network: Network) -> tuple[Ball, str] | None:
    """Return the box of outputs that holds the one fixed point, and why there is no other.

    None where I - W is not proved to be a P-matrix, or the point is not found or not proved.
    """
    middle: Matrix = np.eye(len(network.weight)) - network.weight
    difference = Ball(middle, UNIT * np.abs(middle) * np.eye(len(middle)))
    reason = why_p_matrix(difference)
    if reason is None:
        return None
    drive = network.drive[0] / 2 + network.drive[1] / 2
    rates = _solution(middle, drive)
    if rates is None:
        return None
    outputs = network.weight @ rates + drive if network.of_arguments else rates
    box = _proved(network, outputs)
    return None if box is None else (box, reason)


def _solution(matrix: Matrix, drive: Vector) -> Vector | None:
    """Return h >= 0 with M h - b >= 0 and h · (M h - b) = 0, to rounding.

    By principal pivots: all units that are on the wrong side change it, or, where that makes
    nothing better, the last of them alone, which ends for every P-matrix (Júdice and Pires, Comput.
    Oper. Res. 21 (1994) 587).
    """
    n = len(drive)
    active = drive > 0
    fewest, left = n + 1, PATIENCE
    for _ in range(20 * n + 100):
        h = np.zeros(n)
        try:
            h[active] = np.linalg.solve(matrix[np.ix_(active, active)], drive[active])
        except np.linalg.LinAlgError:
            return None
        slack = matrix @ h - drive
        rounding = n * UNIT * (np.abs(matrix) @ np.abs(h) + np.abs(drive))
        wrong = np.where(active, h < 0, slack < -rounding)
        count = int(wrong.sum())
        if count == 0:
            return h
        if count < fewest:
            fewest, left = count, PATIENCE
        else:
            left -= 1
        if left >= 0:
            active = active ^ wrong
        else:
            last = np.flatnonzero(wrong)[-1]
            active[last] = not active[last]
    return None


def _proved(network: Network, outputs: Vector) -> Ball | None:
    """Return a box around outputs in which a fixed point is proved to be; None if none is."""
    h = np.maximum(outputs, 0.0) if not network.of_arguments else outputs
    within = 64 * UNIT * (1 + float(np.abs(h).max(initial=0)))
    with np.errstate(all="ignore"):  # what overflows proves nothing
        for _ in range(TRIES):
            low, high, *_ = network.core.linearize(True, h, h, *network.drive)
            residual = Ball.between(low, high).magnitude()
            around = Ball(h, np.full_like(h, within))
            _, _, jacobian, error = network.core.linearize(
                True, around.low, around.high, *network.drive
            )
            factored = Factored(-jacobian)
            if factored.inverse is None:
                return None
            magnitude = np.abs(factored.inverse)
            y = bound(magnitude @ residual)
            z = bound(factored.defects + magnitude @ error.sum(axis=1))
            if z < 1 and UP * (y + z * within) < within:
                return Ball(h, np.full_like(h, within if z > 0.5 else UP * y / (1 - z)))
            within *= 4
    return None
