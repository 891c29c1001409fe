"""Eigenvalues of a matrix that is known to within a radius: how many are outside the unit circle.

Let J be any matrix within R of M, entry by entry, and let M V = V Λ + S with any Λ = diag(λ) and
any V. Where ‖I - W V‖ < 1 for some W, V is regular, and V⁻¹ J V = Λ + X has the eigenvalues of J,
with V X = S + (J - M) V. With E = I - W V and T = W (S + (J - M) V), X = T + E X; so the row sums
of |X| are at most

    d_i = t_i + e_i max t / (1 - max e),

t and e being those of |T| and |E|. By Gershgorin's theorem all eigenvalues lie in the discs around
the λ_i with the radii d_i, and each connected part of their union holds as many as it has discs. If
no disc meets the unit circle, those outside are as many as discs are: a theorem on every J at once.
W, V and Λ are what LAPACK finds; how good they are shows in d.

Where V is ill-conditioned, as beside a defective J, that may leave the question open. Then P = Σ
(Mᵀ)^k M^k is tried: if P and P - Jᵀ P J are positive definite, all eigenvalues of J are inside the
unit circle (Stein's theorem).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline.certify.balls import TINY, UP, relative_error
from nullcline.certify.positive_definite import is_positive_definite

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nullcline.certify.balls import Ball, Matrix, Vector

SQUARINGS = 60
"""How often P's sum is doubled at most: a radius of 1 - 1e-16 needs 2^59 terms."""


@dataclass(frozen=True)
class Spectrum:
    """What is proved of the eigenvalues of every matrix of a ball.

    Attributes
    ----------
    n_outside
        How many are outside the unit circle, and none on it; None where it is open.
    error
        The largest radius of the discs that they lie in; infinite where there are none.
    """

    n_outside: int | None
    error: float


def enclosed_spectrum(jacobian: Ball) -> Spectrum:
    """Return what is proved of the eigenvalues of every matrix of a ball, (S, S)."""
    if not (np.isfinite(jacobian.middle).all() and np.isfinite(jacobian.radius).all()):
        return Spectrum(None, np.inf)
    with np.errstate(all="ignore"):  # what overflows proves nothing
        found = _by_discs(jacobian)
        if found.n_outside is None and _is_stable(jacobian):
            return Spectrum(0, found.error)
    return found


def _by_discs(jacobian: Ball) -> Spectrum:
    unknown = Spectrum(None, np.inf)
    matrix = jacobian.middle
    try:
        values, vectors = np.linalg.eig(matrix)
        inverse = np.linalg.inv(vectors)
    except np.linalg.LinAlgError:
        return unknown
    radii = _disc_radii(jacobian, values, vectors, inverse)
    if not np.isfinite(radii).all():
        return unknown
    size = np.abs(values)
    inside = UP * (size + radii) < 1
    outside = size / UP - radii > 1
    decided = bool((inside | outside).all())
    return Spectrum(int(outside.sum()) if decided else None, float(radii.max(initial=0)))


def _disc_radii(
    jacobian: Ball, values: NDArray[Any], vectors: NDArray[Any], inverse: NDArray[Any]
) -> Vector:
    """Return the d_i; NaN where ‖I - W V‖ is not below 1."""
    n = len(values)
    sums = _sums(vectors)
    # A complex sum of n products, as sums of 2n real ones, is off by at most √2 γ times their
    # sizes; one of real by complex numbers, as sums of n, by γ times them.
    apart = _sums(np.eye(n) - _product(inverse, vectors))
    apart = apart + 2 * relative_error(2 * n + 4) * (np.abs(inverse) @ sums + 1)
    lost = relative_error(n + 8)
    residual = _product(jacobian.middle, vectors) - vectors * values
    of_terms = np.abs(jacobian.middle) @ sums + np.abs(vectors) @ np.abs(values)
    off = _sums(residual) + lost * of_terms + jacobian.radius @ sums
    off = UP * (np.abs(inverse) @ (UP * off)) + TINY
    apart = UP * apart
    defect = apart.max(initial=0)
    if not defect < 1:
        return np.full(n, np.nan)
    radii: Vector = UP * (off + UP * apart * (off.max(initial=0) / (1 - UP * defect)))
    return radii


def _sums(matrix: NDArray[Any]) -> Vector:
    """Return bounds of the row sums of |matrix|."""
    sums: Vector = UP * np.abs(matrix).sum(axis=1)
    return sums


def _product(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """Return a b of complex matrices by real products, whose rounding is known."""
    if not (np.iscomplexobj(a) or np.iscomplexobj(b)):
        real: NDArray[Any] = a @ b
        return real
    product: NDArray[Any] = a.real @ b.real + 1j * (a.real @ b.imag)
    if np.iscomplexobj(a):
        product = product - a.imag @ b.imag + 1j * (a.imag @ b.real)
    return product


def _is_stable(jacobian: Ball) -> bool:
    """Whether P - Jᵀ P J is proved to be positive definite, and P is, for every J of a ball."""
    form = _summed_squares(jacobian.middle)
    if form is None:
        return False
    n, magnitude = len(form), np.abs(jacobian.middle)
    left = form - jacobian.middle.T @ (form @ jacobian.middle)
    left = (left + left.T) / 2
    weights, once, radii = np.abs(form), magnitude.sum(axis=1), jacobian.radius.sum(axis=1)
    lost = relative_error(2 * n + 6) * (weights.sum(axis=1) + magnitude.T @ (weights @ once))
    moved = (magnitude.T + jacobian.radius.T) @ (weights @ radii)
    moved = moved + jacobian.radius.T @ (weights @ once)
    # The error is symmetric, so its norm is at most its largest row sum.
    error = UP * float((lost + moved).max(initial=0))
    return is_positive_definite(left, error) and is_positive_definite(form, 0.0)


def _summed_squares(matrix: Matrix) -> Matrix | None:
    """Return Σ (Mᵀ)^k M^k, symmetric; None where it does not settle."""
    form, power = np.eye(len(matrix)), matrix
    for _ in range(SQUARINGS):
        added = power.T @ form @ power
        form, power = form + added, power @ power
        if not np.isfinite(form).all():
            return None
        if np.abs(added).max(initial=0) <= 1e-17 * np.abs(form).max(initial=0):
            return (form + form.T) / 2
    return None
