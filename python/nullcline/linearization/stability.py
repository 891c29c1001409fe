"""Whether rounding leaves it open on which side of the unit circle eigenvalues lie.

Three things move an eigenvalue: the rounding of its computation, that of the Jacobian's entries
(such as 1 - z where z is all but 1, or terms that cancel), and the state, which is itself known to
some digits only. To first order an error E of J moves λ by ℓ E r, by no more than ‖ℓ‖ ‖E‖ where
‖r‖ = ℓ r = 1 (Golub and Van Loan, Matrix Computations, section 7.2). Where that bound is useless,
since λ is defective or one of many that are equal, the question is asked of the circle: no
eigenvalue crosses it at z unless σ_min(z I - J) <= ‖E‖ (Trefethen and Embree, Spectra and
Pseudospectra, section 2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nullcline._support.tolerances import MARGINAL
from nullcline.certify.jacobian_rounding import jacobian_rounding, norm_bound

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell
    from nullcline.linearization.modes import Modes

    Vector = NDArray[np.float64]
    Matrix = NDArray[np.float64]
    Complex = NDArray[np.complex128]

LARGEST_DENSE = 4096
"""States no longer than this have their Jacobian formed where products alone do not decide."""

STABILITIES = STABLE, UNSTABLE, UNDECIDED = "stable", "unstable", "undecided"

NEAR = {np.dtype(np.float64): 1e-3, np.dtype(np.float32): 3e-2}
"""A Newton step so short, against the state, leads to the fixed point that the state stands for."""

ON_CIRCLE = {np.dtype(np.float64): MARGINAL, np.dtype(np.float32): 100 * MARGINAL}
"""How far off the eigenvalue 1 of a slow point is found, at most."""

STEPS = 3
"""So many of Newton's steps away the fixed point is looked for: it is m away if it has order m."""

SAFETY = 1.5
"""For roots of higher order than three, and for what the first order leaves out."""

RELIABLE = 1e5
"""A condition number below which the first order is what σ_min would say, at a higher price."""

UNIT = float(np.finfo(np.float64).eps)


class Judgement(NamedTuple):
    """How far each eigenvalue may be off, (k,), and the verdict."""

    errors: Vector
    stability: str


def judge(
    cell: Cell, h: Floats, x: Floats | None, modes: Modes, jacobian: Matrix | None
) -> Judgement:
    """Judge stability at one state (1, S) by its modes, and by its Jacobian where it was formed."""
    correction = _newton_correction(cell, h, x, modes, jacobian)
    on_circle = 0.0 if correction is not None else ON_CIRCLE[cell.dtype]
    off = np.zeros(h.shape) if correction is None else STEPS * correction[None]
    around = _around(cell, h, off)
    noise = _noise(cell, h, x, jacobian)
    condition = np.linalg.norm(modes.left, axis=1)
    condition[np.isnan(condition)] = np.inf
    changes = [_change(cell, h, other, x, modes, jacobian) for other in around]
    shifts = np.max([_shifts(cell, change, modes, condition) for change in changes], axis=0)
    shifts *= SAFETY
    errors = condition * noise + shifts + on_circle
    errors[np.isnan(errors)] = np.inf
    modulus = np.abs(modes.eigenvalues)
    if (modulus - errors > 1).any():
        return Judgement(errors, UNSTABLE)
    doubtful = modulus + errors >= 1
    if not doubtful.any():
        return Judgement(errors, STABLE)
    if cell.state_size > LARGEST_DENSE or (condition[doubtful] < RELIABLE).any():
        return Judgement(errors, UNDECIDED)
    if jacobian is None:
        jacobian = _dense(cell, h, x)
    change = SAFETY * max(norm_bound(_dense(cell, other, x) - jacobian) for other in around)
    level = noise + change + on_circle
    if not is_clear(jacobian, modes.eigenvalues[doubtful], level):
        return Judgement(errors, UNDECIDED)
    return Judgement(errors, UNSTABLE if (modulus > 1).any() else STABLE)


def _newton_correction(
    cell: Cell, h: Floats, x: Floats | None, modes: Modes, jacobian: Matrix | None
) -> Vector | None:
    """Return the step to the fixed point that a state stands for; None if it stands for none.

    At a slow point, where one eigenvalue is 1, it is as long as rounding makes it.
    """
    residual = cell.step(h, x)[0].astype(np.float64) - h[0]
    if jacobian is not None:
        try:
            step: Vector = np.linalg.solve(np.eye(len(residual)) - jacobian, residual)
        except np.linalg.LinAlgError:
            return None
    else:
        # (I - J)⁻¹ = I + Σ λ / (1 - λ) r ℓ, of which the slow modes have the largest part.
        factors = modes.eigenvalues / (1 - modes.eigenvalues)
        step = residual + (modes.right @ (factors * (modes.left @ residual))).real
    longest = NEAR[cell.dtype] * (1 + float(np.abs(h).max()))
    return step if np.abs(step).max() <= longest else None


def _around(cell: Cell, h: Floats, off: Matrix) -> list[Floats]:
    """Return states that h may stand for: off by so much, and by its own last digit.

    Where there are kinks, those to either side of it.
    """
    digit = float(np.finfo(cell.dtype).eps) * np.abs(h.astype(np.float64))
    signs = np.random.default_rng(0).choice([-1.0, 1.0], h.shape)
    ways = [1] if cell.is_smooth else [1, -1]
    if not cell.is_smooth:
        digit += float(np.finfo(cell.dtype).eps)
    return [(h + off + way * signs * digit).astype(cell.dtype) for way in ways]


def _shifts(cell: Cell, moved: Complex, modes: Modes, condition: Vector) -> Vector:
    """Return how far eigenvalues move, to first order, if J r is changed by `moved`, (S, k)."""
    if cell.is_smooth:
        shifts: Vector = np.abs(np.einsum("ks,sk->k", np.nan_to_num(modes.left), moved))
        return shifts
    largest = float(np.linalg.norm(moved, axis=0).max(initial=0))
    if largest == 0:
        return np.zeros(len(condition))
    jumps: Vector = np.nan_to_num(condition, posinf=1 / UNIT) * largest  # across a kink
    return jumps


def _change(
    cell: Cell, h: Floats, other: Floats, x: Floats | None, modes: Modes, jacobian: Matrix | None
) -> Complex:
    """Return by how much J r differs between two states, (S, k)."""
    if jacobian is not None:
        change: Complex = (_dense(cell, other, x) - jacobian) @ modes.right
        return change
    k = len(modes.eigenvalues)
    own = x if x is None or len(x) == 1 else np.repeat(x, k, axis=0)
    vectors = [
        np.ascontiguousarray(part.T).astype(cell.dtype)
        for part in (modes.right.real, modes.right.imag)
    ]
    there, here = (
        [cell.jvp(np.repeat(state, k, axis=0), own, v).astype(np.float64) for v in vectors]
        for state in (other, h)
    )
    return ((there[0] - here[0]) + 1j * (there[1] - here[1])).T


def _noise(cell: Cell, h: Floats, x: Floats | None, jacobian: Matrix | None) -> float:
    """Return a bound of the rounding in J's entries and in the computation of its modes."""
    own = float(np.finfo(cell.dtype).eps)
    if jacobian is not None:
        input_ = None if x is None else x[0]
        rounded = jacobian_rounding(cell)(h[0].astype(np.float64), input_, jacobian)
        return len(jacobian) * UNIT * norm_bound(jacobian) + rounded
    v = np.random.default_rng(0).normal(size=h.shape)
    largest = 0.0
    for _ in range(3):  # the power method for JᵀJ
        length = float(np.linalg.norm(v))
        if length == 0:
            break
        image = cell.jvp(h, x, (v / length).astype(cell.dtype))
        largest = max(largest, float(np.linalg.norm(image.astype(np.float64))))
        v = cell.vjp(h, x, image).astype(np.float64)
    # Twice, for what the power method has not found yet; ARPACK's tolerance is 10 units.
    return 2 * (cell.state_size * UNIT + 14 * own) * largest


def _dense(cell: Cell, h: Floats, x: Floats | None) -> Matrix:
    jacobian: Matrix = cell.jacobian(h, x)[0].astype(np.float64)
    return jacobian


def is_clear(jacobian: Matrix, eigenvalues: NDArray[np.complex128], level: float) -> bool:
    """Tell whether no eigenvalue of a matrix that near crosses the circle where these would."""
    modulus = np.abs(eigenvalues)
    ends = np.where(modulus > 0, eigenvalues / np.where(modulus > 0, modulus, 1), 1)
    ends = ends[ends.imag >= 0]  # conjugate places are alike
    cleared: list[tuple[complex, float]] = []
    for z in ends:
        if any(abs(z - at) < room for at, room in cleared):
            continue
        smallest = np.linalg.svd(z * np.eye(len(jacobian)) - jacobian, compute_uv=False)[-1]
        if not smallest > level:
            return False
        cleared.append((complex(z), float(smallest) - level))  # σ_min moves no faster than z
    return True
