"""One fiber, followed from a point on it both ways, in the box or beyond it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from nullcline.continuation.branch_points import Kind, open_directions
from nullcline.continuation.curve_problem import CurveStop
from nullcline.continuation.curves import Curve
from nullcline.continuation.fiber_problem import fiber_beyond, fiber_in_box
from nullcline.continuation.last_turn import last_turn
from nullcline.continuation.proved_steps import ProvedSteps, arc_prover, tube_of
from nullcline.continuation.pseudo_arclength import ARRIVED, ROUNDED, Branch, follow

if TYPE_CHECKING:
    from collections.abc import Callable

    from nullcline._support.validation import Floats
    from nullcline.cells.box import Box
    from nullcline.cells.protocol import Cell
    from nullcline.continuation.curve_problem import Vector

STATED = 1e3
"""The |τ| to which a curve is followed, in widths of the box, where no last turn is known."""


@dataclass(frozen=True)
class Limits:
    """How far curves are followed: the length of steps, points, and |τ| where that is stated.

    And whether each step is to be proved.
    """

    largest_step: float
    max_points: int
    beyond: bool
    stated: float | None
    certified: bool = False

    def end(self, cell: Cell, x: Floats | None, direction: Vector) -> tuple[float, CurveStop]:
        """Return the |τ| at which a curve beyond the box ends, and what that means."""
        settled = last_turn(cell, x, direction)
        if settled is not None and (self.stated is None or settled <= self.stated):
            return settled + 2 * ARRIVED, CurveStop.AWAY
        box = cell.box_at(x)
        width = float((box.high - box.low).max())
        return STATED * width if self.stated is None else self.stated, CurveStop.BOUND


def follow_fiber(
    cell: Cell, x: Floats | None, h: Vector, direction: Vector, limits: Limits
) -> Curve:
    """Follow one curve both ways and join the halves.

    Parameters
    ----------
    cell, x
        The cell, of float64, and its input, shape (1, D); None for zero.
    h, direction
        Outputs on the fiber, and its direction w, shape (H,).
    limits
        How far to go.
    """
    longest: float | Callable[[Vector], float] = limits.largest_step
    problem, end = fiber_in_box(cell, x, direction), CurveStop.FACE
    if limits.beyond:
        reach, end = limits.end(cell, x, direction)
        problem = fiber_beyond(cell, x, direction, reach)
        longest = partial(_longest_step, cell.box_at(x), limits.largest_step)
    start = np.append(h, direction @ cell.residual(h[None], x)[0])
    leaving = open_directions(problem, start)
    tangent = leaving.tangents[np.argmax(np.abs(leaving.tangents[:, -1]))]
    tangent = tangent * float(np.sign(tangent[np.argmax(np.abs(tangent))]))
    walk = partial(
        follow,
        problem,
        start,
        largest_step=longest,
        max_points=limits.max_points,
        kind=leaving.kind,
        bordered=leaving.bordered,
    )
    there, back = _proving(cell, x, direction, limits), _proving(cell, x, direction, limits)
    onward = walk(tangent, proved=there)
    if onward.stop is CurveStop.CLOSED:
        closed = _curve_of(cell, x, direction, onward, (onward.stop, onward.stop))
        return replace(closed, tube=tube_of(None, there))
    backward = walk(-tangent, proved=back)
    joined = _joined(backward, onward)
    if leaving.kind is Kind.CROSSING:
        joined = replace(
            joined,
            crossings=np.vstack([start, joined.crossings]),
            crossing_arclength=np.append(0.0, joined.crossing_arclength),
        )
    first, last = (
        end if branch.stop is CurveStop.REACH else branch.stop for branch in (backward, onward)
    )
    curve = _curve_of(cell, x, direction, joined, (first, last))
    return replace(curve, tube=tube_of(back, there))


def _proving(cell: Cell, x: Floats | None, direction: Vector, limits: Limits) -> ProvedSteps | None:
    """Return what is to prove the steps of a branch; None where they need not be proved."""
    if not limits.certified:
        return None
    return ProvedSteps(arc_prover(cell, x, direction, beyond=limits.beyond))


def _joined(backward: Branch, onward: Branch) -> Branch:
    """Return one branch of two that begin at one point, the first of them reversed."""
    return Branch(
        np.concatenate([backward.points[:0:-1], onward.points]),
        np.concatenate([-backward.tangents[:0:-1], onward.tangents]),
        np.concatenate([-backward.arclength[:0:-1], onward.arclength]),
        np.concatenate([backward.crossings[::-1], onward.crossings]),
        np.concatenate([-backward.crossing_arclength[::-1], onward.crossing_arclength]),
        onward.stop,
    )


def _curve_of(
    cell: Cell,
    x: Floats | None,
    direction: Vector,
    branch: Branch,
    stops: tuple[CurveStop, CurveStop],
) -> Curve:
    """Return a branch in the unknowns (h, τ) as a curve of states."""
    outputs = branch.points[:, :-1]
    states = cell.state_of(outputs, x).astype(np.float64, copy=False)
    is_inside = cell.box_at(x).room(outputs).min(axis=1) >= -ROUNDED
    q = np.full(len(states), np.nan)
    q[is_inside] = cell.speed(states[is_inside], x)
    crossings = cell.state_of(branch.crossings[:, :-1], x).astype(np.float64, copy=False)
    return Curve(
        h=states,
        tau=branch.points[:, -1],
        tau_slope=branch.tangents[:, -1],
        q=q,
        arclength=branch.arclength,
        tangents=branch.tangents[:, :-1],
        direction=direction,
        branch_h=crossings,
        branch_arclength=branch.crossing_arclength,
        ends=(stops[0].value, stops[1].value),
        cell=cell,
        inputs=x,
        is_inside=is_inside,
    )


def _longest_step(box: Box, largest: float, y: Vector) -> float:
    """Return how long a step may be: outside of the box longer by the distance from it."""
    return largest - min(0.0, box.margin(y[:-1]))
