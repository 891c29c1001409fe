"""The multipliers of a cycle, the eigenvalues of J_k ... J_1, without the loss of a long product.

A product of many matrices holds its small eigenvalues only as differences of large entries. So it
is made of triangular factors: from an orthogonal Q_0, J_j Q_(j-1) = Q_j R_j for j = 1 ... k, and
with Q_0 taken from the sweeps before, Q_0ᵀ J_k ... J_1 Q_0 = Z R_k ... R_1, Z = Q_0ᵀ Q_k. Those are
sweeps of orthogonal iteration, the unshifted periodic QR method (Bojanczyk, Golub and Van Dooren,
Proc. SPIE 1770 (1992) 31): the product falls from its first row to its last as multipliers do, and
a diagonal entry of a product of triangular factors is the product of theirs, to full precision.
Where the sweeps have come to an end, Z is block diagonal, and what else it holds is rounding, which
is left out. Entries are scaled by a power of two as the product grows or shrinks.

Errors are to first order. R_k ... R_1 is off by no more than γ |R_k| ... |R_1|, entry by entry
(Higham, Accuracy and Stability of Numerical Algorithms, section 3.5); each J_j by its own rounding
and by what the states are off. A multiplier that is smaller than its error is not known: the limit
is the unit of rounding times the largest multipliers and their condition numbers, not the product
of norms.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nullcline._native.blas import one_blas_thread
from nullcline._support import validation
from nullcline.cycles.closing import newton_steps
from nullcline.linearization.modes import slowest_first
from nullcline.linearization.stability import (
    RELIABLE,
    STABLE,
    UNDECIDED,
    UNIT,
    UNSTABLE,
    is_clear,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nullcline.cycles.evaluation import Driven

    Array = NDArray[np.float64]

SWEEPS = 3
"""So many sweeps before the last: each brings Q_0 nearer to the directions that grow the most."""

DRAWS = 4
"""Residuals drawn, of which one at least is far from orthogonal to what all but does not move."""

SAFETY = 3
"""For what the first order leaves out, and since a state may be off by some Newton corrections."""


class Multipliers(NamedTuple):
    """Of a cycle: `Cycles` says what each is.

    Attributes
    ----------
    values
        Shape (S,), by falling modulus.
    errors
        How far each may be off, shape (S,).
    stability
        The verdict.
    signs
        Those of det(I - M) and det(I + M), M = J_k ... J_1, shape (2,); 0 where one is open.
    """

    values: NDArray[np.complex128]
    errors: Array
    stability: str
    signs: NDArray[np.int8]


@one_blas_thread()
def multipliers(driven: Driven, cycle: Array, correction: float) -> Multipliers:
    """Return the multipliers of a cycle (k, S), whose states are off by a correction.

    Raises
    ------
    ValueError
        If the Jacobians are not finite.
    """
    jacobians = driven.jacobians_of(cycle[None])[0]
    validation.require_finite("J_rec", jacobians)
    basis, factors = triangular(jacobians)
    turn = _without_rounding(basis[0].T @ basis[-1])
    noise = _noise(driven, cycle, jacobians, correction)
    with np.errstate(all="ignore"):  # what overflows is infinite, and so are its errors
        product, exponent = scaled_product(factors)
        values, left, right = _modes(turn @ product)
        errors = _moved(factors, turn, left, right, noise, exponent)
        errors += _rounded(factors, turn, left, right, exponent)
        errors = np.nan_to_num(np.ldexp(SAFETY * errors, exponent), nan=np.inf, posinf=np.inf)
        values = np.ldexp(values.real, exponent) + 1j * np.ldexp(values.imag, exponent)
        modulus = np.abs(values)
        doubt = _Doubt(np.ldexp(turn @ product, exponent), factors, noise)
        if (modulus > 1 + errors).any() or np.isinf(modulus).any():
            stability = UNSTABLE
        elif (modulus + errors < 1).all():
            stability = STABLE
        elif doubt.is_cleared(values[modulus + errors >= 1], left[modulus + errors >= 1]):
            stability = UNSTABLE if (modulus > 1).any() else STABLE
        else:
            stability = UNDECIDED
        signs = [_sign(one * values, errors, doubt, one) for one in (1, -1)]
    return Multipliers(values, errors, stability, np.array(signs, np.int8))


def triangular(jacobians: Array) -> tuple[list[Array], list[Array]]:
    """Return Q_0 ... Q_k and R_1 ... R_k, with J_j Q_(j-1) = Q_j R_j."""
    basis = np.eye(jacobians.shape[-1])
    bases: list[Array] = []
    factors: list[Array] = []
    for _ in range(SWEEPS + 1):
        bases, factors = [basis], []
        for jacobian in jacobians:
            basis, factor = np.linalg.qr(jacobian @ basis)
            bases.append(basis)
            factors.append(factor)
    return bases, factors


def scaled_product(factors: list[Array]) -> tuple[Array, int]:
    """Return R_k ... R_1 as a matrix and the exponent of the power of two to multiply it by."""
    product, exponent = np.eye(len(factors[0])), 0
    for factor in factors:
        product = factor @ product
        largest = float(np.abs(product).max(initial=0))
        if 0 < largest < np.inf:
            shift = int(np.frexp(largest)[1])
            product, exponent = np.ldexp(product, -shift), exponent + shift
    return product, exponent


def _without_rounding(turn: Array) -> Array:
    """Return an orthogonal matrix whose entries beside the diagonal that are rounding are zero.

    That is to change J_k by its rounding. Otherwise the last rows of the product, which may be very
    small, would hold that rounding of the first, which are not.
    """
    small = np.abs(turn) <= 16 * len(turn) * UNIT
    return np.where(small, 0.0, turn)


def _modes(product: Array) -> tuple[NDArray[np.complex128], Any, Any]:
    """Return eigenvalues by falling modulus, and left and right vectors with products of 1."""
    from scipy.linalg import eig

    found: Any = eig(product, left=True, right=True)
    order = slowest_first(found[0])
    left, right = found[1][:, order].conj().T, found[2][:, order]
    return found[0][order], left / np.einsum("ks,sk->k", left, right)[:, None], right


def _noise(driven: Driven, cycle: Array, jacobians: Array, correction: float) -> Array:
    """Return bounds of the norms of what each J_j is off by, (k,)."""
    size = cycle.shape[1]
    rng = np.random.default_rng(0)
    signs, drawn = rng.choice([-1.0, 1.0], cycle.shape), rng.normal(size=(DRAWS, *cycle.shape))
    digit = driven.rounding * max(1.0, float(np.abs(cycle).max()))
    # A residual is known to a digit, and the states to what Newton's equations make of that, or at
    # a fold, where these are singular, to the root of it.
    every = np.broadcast_to(jacobians, (DRAWS, *jacobians.shape))
    blurred = float(np.abs(newton_steps(every, digit * drawn)).max())
    digit += correction + np.fmin(blurred, np.sqrt(digit))
    changes = [
        np.linalg.norm(
            driven.jacobians_of((cycle + way * digit * signs)[None])[0] - jacobians, axis=(1, 2)
        )
        for way in (1, -1)
    ]
    own = size * UNIT * np.linalg.norm(jacobians, axis=(1, 2))
    own = own + driven.jacobian_roundings(cycle, jacobians)
    noise: Array = own + np.max(changes, axis=0)
    return noise


def _moved(
    factors: list[Array], turn: Array, left: Any, right: Any, noise: Array, exponent: int
) -> Array:
    """Return how far multipliers move, at first order, as each J_j moves by its noise."""
    k = len(factors)
    befores, befores_at = [right], [0]
    for factor in factors[:-1]:
        product, shift = _normed(factor @ befores[-1])
        befores.append(product)
        befores_at.append(befores_at[-1] + shift)
    total = np.zeros(right.shape[1])
    after, after_at = left @ turn, 0
    for j in range(k - 1, -1, -1):
        lengths = np.linalg.norm(after, axis=1) * np.linalg.norm(befores[j], axis=0)
        total += noise[j] * lengths * np.ldexp(1.0, after_at + befores_at[j] - exponent)
        after, shift = _normed(after @ factors[j])
        after_at += shift
    return total


def _rounded(factors: list[Array], turn: Array, left: Any, right: Any, exponent: int) -> Array:
    """Return how far multipliers move, at first order, by the rounding of the product."""
    sizes, at = scaled_product([np.abs(factor) for factor in factors])
    unit = len(factors) * len(turn) * UNIT
    rounding = np.ldexp(unit * (np.abs(turn) @ sizes), at - exponent)
    moved: Array = np.einsum("ks,st,tk->k", np.abs(left), rounding, np.abs(right), optimize=True)
    return moved


def _normed(matrix: Any) -> tuple[Any, int]:
    """Return a matrix divided by a power of two, and that power."""
    largest = float(np.abs(matrix).max(initial=0))
    if not 0 < largest < np.inf:
        return matrix, 0
    shift = int(np.frexp(largest)[1])
    return matrix * 2.0**-shift, shift


@dataclass(frozen=True, eq=False)
class _Doubt:
    """M = J_k ... J_1, its triangular factors, and what each J_j is off by, (k,)."""

    product: Array
    factors: list[Array]
    noise: Array

    @cached_property
    def level(self) -> float:
        """A bound of the norm of what M is off by, to first order."""
        sizes = [float(np.linalg.norm(factor)) for factor in self.factors]
        level = UNIT * len(self.product) * len(sizes) * float(np.prod(sizes))
        norms = [float(np.linalg.norm(factor, 2)) for factor in self.factors]
        for j, own in enumerate(self.noise):
            level += SAFETY * float(own * np.prod(norms[:j]) * np.prod(norms[j + 1 :]))
        return level

    def is_cleared(self, values: NDArray[np.complex128], left: Any) -> bool:
        """Tell whether multipliers with bad vectors stay on their side of the circle.

        They do as long as M is further from all matrices with one on it than it is off.
        """
        condition = np.nan_to_num(np.linalg.norm(left, axis=1), nan=np.inf, posinf=np.inf)
        if (condition < RELIABLE).any() or not self._is_finite():
            return False
        return is_clear(self.product, values, self.level)

    def is_clear_of(self, one: int) -> bool:
        """Tell whether no matrix as near as M is off has a multiplier of 1, or of -1."""
        if not self._is_finite():
            return False
        away = one * np.eye(len(self.product)) - self.product
        return bool(np.linalg.svd(away, compute_uv=False)[-1] > self.level)

    def _is_finite(self) -> bool:
        return bool(np.isfinite(self.product).all() and np.isfinite(self.level))


def _sign(values: NDArray[np.complex128], errors: Array, doubt: _Doubt, one: int) -> int:
    """Return the sign of Π (1 - μ), 0 where it is open.

    Complex multipliers come in pairs, whose factors are conjugate, so that the sign is that of the
    number of real ones above 1.
    """
    near = ~(np.abs(values - 1) > errors)
    if near.any() and not doubt.is_clear_of(one):
        return 0
    above = (values.imag == 0) & (values.real > 1)
    return -1 if above.sum() % 2 else 1
