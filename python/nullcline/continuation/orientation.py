"""The indices of the fixed points along a curve, and what they must be.

With A = D(n(h) - h), M = [A, -w; tᵀ] and the unit tangent t = (h', τ'), det A = τ' det M. Along a
curve without branch points det M keeps its sign, so that the indices sign det(-A) of the fixed
points on it alternate as the signs of τ' do where τ passes through zero. They sum to 0 on a loop,
and to 1 from one infinity to the other, where det(-A) > 0 (see `last_turn`). A curve of which this
does not hold is not one: a step has jumped to another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline.continuation.curve_problem import CurveStop

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nullcline.continuation.curve_problem import Matrix, Vector

SAME = 1e-7
"""Fixed points on one curve that are no further apart, in any unit, are one."""

ALTERNATE = "the indices of its fixed points do not alternate"
SUM = "the indices of its fixed points sum to {found}, not to {expected}"
SIDES = "both its ends are at one sign of τ"
TWICE = "it passes the same fixed point twice and is not closed"


def fault_of(
    stops: tuple[CurveStop, CurveStop],
    tau: Vector,
    outputs: Matrix,
    indices: NDArray[np.int8],
    is_crossed: bool,
) -> str | None:
    """Return what shows that a curve has jumped; None where nothing does.

    Parameters
    ----------
    stops
        Why it ends, on either side.
    tau
        τ along it.
    outputs, indices
        Those of its fixed points in their order, shapes (k, H) and (k,).
    is_crossed
        Whether other curves cross it, through which it may pass with any index, and meet itself.
    """
    if is_crossed or (indices == 0).any():
        return None
    if (indices[1:] == indices[:-1]).any():
        return ALTERNATE
    is_loop = CurveStop.CLOSED in stops
    goes_away = stops == (CurveStop.AWAY, CurveStop.AWAY)
    if goes_away and tau[0] * tau[-1] > 0:
        return SIDES
    if is_loop or goes_away:
        found, expected = int(indices.sum()), 0 if is_loop else 1
        if found != expected:
            return SUM.format(found=found, expected=expected)
    return TWICE if _meets_itself(outputs) else None


def _meets_itself(outputs: Matrix) -> bool:
    """Tell whether two rows are the same."""
    order = outputs[np.argsort(outputs[:, 0])] if outputs.size else outputs
    for i in range(len(order) - 1):
        near = order[i + 1 :][order[i + 1 :, 0] <= order[i, 0] + SAME]
        if (np.abs(near - order[i]) <= SAME).all(axis=1).any():
            return True
    return False
