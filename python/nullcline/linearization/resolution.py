"""What can be said of a mode's time constant, given how far its eigenvalue may be off.

One rule for every figure, table and page: where the error of |λ| reaches across the unit circle,
nobody can tell decay from growth, and the time constant is infinite as far as is known. The
eigenvalue of a slow point, which is 1 but for rounding, would otherwise have a time constant of
millions of steps in one place and of billions in another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support.tolerances import MARGINAL

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

DECAY, OPEN, GROWTH = -1, 0, 1
"""A mode's side of the unit circle: inside, not known, outside."""


def side_of_circle(eigenvalues: ArrayLike, errors: ArrayLike | None = None) -> NDArray[np.int64]:
    """Return on which side of the unit circle each eigenvalue lies.

    Parameters
    ----------
    eigenvalues
        Eigenvalues λ of `J_rec`, of any shape.
    errors
        How far each may be off (`Linearization.eigenvalue_errors`), of the same shape. None, or one
        that is not finite, counts as 1e-5, how far off the eigenvalue 1 of a slow point is found.

    Returns
    -------
    numpy.ndarray
        `DECAY` (-1) where |λ| < 1 beyond the error, `GROWTH` (1) where |λ| > 1, `OPEN` (0) where
        the error leaves that open.
    """
    beyond = np.abs(np.asarray(eigenvalues)) - 1
    bound = np.full(beyond.shape, MARGINAL) if errors is None else np.asarray(errors, np.float64)
    bound = np.where(np.isfinite(bound), bound, MARGINAL)
    side: NDArray[np.int64] = np.where(np.abs(beyond) <= bound, OPEN, np.sign(beyond)).astype(int)
    return side


def known_time_constants(
    eigenvalues: ArrayLike, errors: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Return τ = 1 / |ln|λ|| in steps, infinite where the error leaves decay or growth open.

    Parameters
    ----------
    eigenvalues, errors
        As in `side_of_circle`.
    """
    with np.errstate(divide="ignore"):
        tau: NDArray[np.float64] = 1 / np.abs(np.log(np.abs(np.asarray(eigenvalues))))
    return np.where(side_of_circle(eigenvalues, errors) == OPEN, np.inf, tau)


def write_time_constant(tau: float, side: Any = DECAY, unit: str = "") -> str:
    """Return a time constant in words: "58.8", "∞", and "453 (growth)" of a mode that grows.

    Parameters
    ----------
    tau
        The time constant.
    side
        The mode's side of the unit circle.
    unit
        What to write after the number, such as "steps".
    """
    if not np.isfinite(tau):
        return "∞"
    digits = f"{tau:.3g}"
    written = f"{float(digits):,.0f}" if 1000 <= tau < 1e6 else digits
    return written + (f" {unit}" if unit else "") + (" (growth)" if side == GROWTH else "")
