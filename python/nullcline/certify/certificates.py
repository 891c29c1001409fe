"""Proofs, in floating point, that one and only one fixed point lies near a state.

The statement proved is about real numbers: about the GRU whose weights, input and state are the
floating-point numbers given, evaluated exactly. It is the Newton–Kantorovich theorem in the form of
a radii polynomial (Day, Lessard and Mischaikow, SIAM J. Numer. Anal. 45 (2007) 1398, section 2;
for the form with a Lipschitz constant: Ortega, Amer. Math. Monthly 75 (1968) 658).

Let G(h) = n(h) - h, whose zeros are the fixed points, A any matrix, and T(h) = h - A G(h). In the
sup norm, for all states within ρ of the state h̄, let

    ‖A G(h̄)‖ <= Y,    ‖I - A DG(h̄)‖ <= Z,    ‖A (DG(h) - DG(h̄))‖ <= K ‖h - h̄‖.

If Y + Z r + K r² / 2 <= r and Z + K r < 1 for an r <= ρ, then T maps the ball of radius r into
itself and contracts it, so that it holds exactly one fixed point of T; and A is regular, since
‖I - A DG‖ < 1, so that this is a zero of G. The smallest such r is `radius_exists`. T contracts
every ball with Z + K r < 1, so that no other zero lies in any of those: the largest such r, at most
ρ, is `radius_unique`.

A is the inverse of DG(h̄) as floating point finds it; how good it is shows in Z. Every rounding
error is bounded: those of sums and products by the standard model (Higham, Accuracy and Stability
of Numerical Algorithms, 2002, chapter 3), for any order of summation, with or without fused
operations; those of exp, tanh and cosh by `FUNCTION_ERROR`, several times what C libraries and
NumPy document.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nullcline._native.blas import one_blas_thread
from nullcline._support.shown import Shown, Table, first_rows
from nullcline.cells.protocol import Layered
from nullcline.certify.balls import TINY, UP, bound, gamma
from nullcline.certify.enclosure import enclosure_for
from nullcline.certify.fitting import require_states_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell
    from nullcline.certify.balls import Matrix, Vector
    from nullcline.certify.enclosure import Enclosure

BALLS = 2.0 ** -np.arange(40)
"""Radii of the balls over which the curvature is bounded, the largest first."""

REASONS = (
    "one and only one fixed point lies within radius_unique, and within radius_exists",
    "the state, the network's value there, or a bound of its error is not finite",
    "the Jacobian of n(h) - h is singular to rounding: a ghost, a fold, a multiple root, or a line "
    "of fixed points",
    "the residual is too large beside the Jacobian's changes: no fixed point need be near, several "
    "may be, or the state is not polished",
    "the bounds of rounding errors are too large to prove anything: the weights are too large for "
    "float64",
)
"""What `Certificates.reason` says."""

PROVED, NOT_FINITE, SINGULAR, TOO_FAR, COARSE = range(len(REASONS))

BLURRED = 0.01
"""A Jacobian of n(h) - h, of which -1 is a part, is not known where its error is as large."""


@dataclass(frozen=True, eq=False, repr=False)
class Certificates(Shown):
    """What is proved of each of n states; all distances are in the sup norm.

    Attributes
    ----------
    certified
        Whether exactly one fixed point is proved to lie within `radius_unique`, shape (n,).
    radius_exists
        It lies within this distance of the state, shape (n,); NaN where nothing is proved.
    radius_unique
        No other one lies within this distance, shape (n,); NaN where nothing is proved.
    residual_bound, defect_bound, curvature_bound
        Y, Z and K of the theorem that `nullcline.certify.certificates` states, shape (n,);
        infinite or NaN where they could not be bounded.
    reason
        A sentence, shape (n,).
    h
        The states, shape (n, H).
    """

    certified: NDArray[np.bool_]
    radius_exists: Vector
    radius_unique: Vector
    residual_bound: Vector
    defect_bound: Vector
    curvature_bound: Vector
    reason: NDArray[np.str_]
    h: Floats

    def __len__(self) -> int:
        return len(self.h)

    def __repr__(self) -> str:
        n_certified = int(np.sum(self.certified))
        return f"Certificates({len(self)} states, {n_certified} certified; S = {self.h.shape[1]})"

    def _table(self) -> Table:
        names = ("certified", "radius_exists", "radius_unique", "reason")
        columns = [getattr(self, name) for name in names]
        rows = [(i, *(column[i] for column in columns)) for i in first_rows(len(self))]
        return Table(("", *names), rows, len(self))

    def same_point(self, i: int, j: int) -> bool | None:
        """Tell whether two states, of one network and input, stand for one fixed point or for two.

        Parameters
        ----------
        i, j
            Rows.

        Returns
        -------
        bool or None
            True or False where that is proved; None where it is open, or one is not certified.
        """
        if not (self.certified[i] and self.certified[j]):
            return None
        first, second = (self.h[row].astype(np.float64) for row in (i, j))
        distance = float(np.max(np.abs(first - second), initial=0))
        if distance * (1 - 1e-10) > (self.radius_exists[i] + self.radius_exists[j]) * UP:
            return False
        for here, there in ((i, j), (j, i)):
            if (distance + self.radius_exists[there]) * UP <= self.radius_unique[here]:
                return True
        return None


@one_blas_thread()
def certify_states(cell: Cell, h: Floats, inputs: Floats | None = None) -> Certificates:
    """Prove what can be proved of states, each at an input of its own.

    Parameters
    ----------
    cell
        The cell.
    h
        States, shape (n, S).
    inputs
        The input at each, shape (n, D); None for zero input.

    Returns
    -------
    Certificates
        One row per state.

    Raises
    ------
    TypeError
        If the cell is not one whose equations are enclosed.
    ValueError
        If the states are not as long as those of the cell, or the inputs are not.
    """
    require_states_of(cell, h, inputs)
    if isinstance(cell, Layered):
        raise TypeError(
            "a Stack is not certified as a whole: certify each of "
            "nullcline.layer_points(stack, points), a proof for each layer at the input that it "
            "reads there"
        )
    enclose = enclosure_for(cell)
    outcomes = [
        _certify(enclose, h[i], None if inputs is None else inputs[i]) for i in range(len(h))
    ]

    def column(name: str) -> Vector:
        return np.array([getattr(outcome, name) for outcome in outcomes], np.float64)

    reason = np.array([outcome.reason for outcome in outcomes], np.intp)
    return Certificates(
        certified=reason == PROVED,
        radius_exists=column("exists"),
        radius_unique=column("unique"),
        residual_bound=column("y"),
        defect_bound=column("z"),
        curvature_bound=column("k"),
        reason=np.array(REASONS)[reason],
        h=h,
    )


@dataclass(frozen=True)
class _Outcome:
    """One state's radii and bounds; `reason` is an index into REASONS."""

    reason: int
    exists: float = np.nan
    unique: float = np.nan
    y: float = np.nan
    z: float = np.nan
    k: float = np.nan


def _certify(
    enclose: Callable[[Vector, Floats | None], Enclosure], state: Floats, x: Floats | None
) -> _Outcome:
    with np.errstate(all="ignore"):  # what overflows is looked for, and refused
        at = enclose(state.astype(np.float64), x)
        if not at.is_finite():
            return _Outcome(NOT_FINITE)
        try:
            inverse: Matrix = np.linalg.inv(at.jacobian).astype(np.float64, copy=False)
        except np.linalg.LinAlgError:
            return _Outcome(SINGULAR)
        magnitude = np.abs(inverse)
        y = bound(magnitude @ at.residual.magnitude())
        z = _defect(inverse, magnitude, at)
        if not z < 1:
            blurred = bound(at.jacobian_error.sum(axis=1)) >= BLURRED
            return _Outcome(COARSE if blurred else SINGULAR, y=y, z=z)
        return _radii(at, magnitude, y, z)


def _defect(inverse: Matrix, magnitude: Matrix, at: Enclosure) -> float:
    """Return a bound of ‖I - A DG‖, DG being anything within the Jacobian's error of it."""
    size = len(inverse)
    error = np.eye(size) - inverse @ at.jacobian
    rounding = gamma(size + 2) * (magnitude @ np.abs(at.jacobian).sum(axis=1) + 1)
    return bound(np.abs(error).sum(axis=1) + rounding + magnitude @ at.jacobian_error.sum(axis=1))


def _radii(at: Enclosure, magnitude: Matrix, y: float, z: float) -> _Outcome:
    """Return the radii proved over the best of balls: the smaller, the lower K, and the reach."""
    best = _Outcome(TOO_FAR, y=y, z=z)
    for within in BALLS:
        k = bound(magnitude @ at.curvature(within))
        if not np.isfinite(k):
            continue
        unique = min(within, (1 - z) / k / UP)
        exists = _smallest_root(y, z, k)
        if exists <= unique and not unique <= best.unique:
            best = _Outcome(PROVED, exists, unique, y, z, k)
        if unique == within:  # smaller balls reach less
            break
    if best.reason != PROVED and not np.isfinite(k):
        return _Outcome(COARSE, y=y, z=z)
    return best


def _smallest_root(y: float, z: float, k: float) -> float:
    """Return an r with y + z r + k r² / 2 <= r and z + k r < 1, near the least one; or infinity."""
    discriminant = (1 - z) ** 2 - 2 * k * y
    if not discriminant > 0:
        return np.inf
    r = 2 * y / (1 - z + np.sqrt(discriminant)) * (1 + 1e-6) + TINY
    holds = (y + z * r + k * r * r / 2) * UP <= r and (z + k * r) * UP < 1
    return r if holds else np.inf
