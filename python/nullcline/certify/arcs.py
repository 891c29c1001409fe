"""Proofs that exactly one curve lies along the chord between two of its states.

A curve of `trace` has F(u) = G(h) - τ w = 0 at u = (h, τ), H equations in H + 1 unknowns. Along an
arc between two of its states a and b let u(s) = a + s (b - a) be the chord, p = b - a, and

    F_s(u) = (F(u), p · (u - u(s))).

With A an inverse, as floating point finds it, of F_s's derivative at the chord's middle, the
theorem that `nullcline.certify.certificates` states is applied to u - A F_s(u) for all s of
[-e, 1 + e] at once, e being `OVERLAP` (van den Berg, Lessard and Mischaikow, Math. Comp. 79 (2010)
1565): Y, Z and K bound what they bound at every point of the chord. Since G along the chord differs
from what is interpolated between its ends by at most |D²G(b - a, b - a)| / 8,

    |F(u(s))| <= (1 + 2 e) max(|F(a)|, |F(b)|) + |D²G(b - a, b - a)| / 8,

and DG(u(s)) differs from that at the middle by at most (1/2 + e) |D²G(b - a, ·)|. So every plane
p · (u - u(s)) = 0 holds exactly one zero of F within `unique` of u(s), which depends smoothly on s;
and it is within `exists`.

Two arcs that meet are one curve: the zero that the second has in its plane at their common state b
is near it, as the same bounds with |F(b)| alone tell, and so in a plane of the first, at an s in
[1 - e, 1 + e] and within its radius of uniqueness.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from nullcline.certify.balls import UNIT, UP, bound
from nullcline.certify.determinants import Factored
from nullcline.certify.radii import best_radii, smallest_root

if TYPE_CHECKING:
    from collections.abc import Callable

    from nullcline.certify.balls import Ball, Matrix, Vector

OVERLAP = 1 / 64
"""e, how far beyond its ends an arc is proved, in units of its length."""


class Enclosed(Protocol):
    """What is known of a residual G around one state, as an `Enclosure` has it."""

    residual: Ball
    jacobian: Matrix
    jacobian_error: Matrix

    def is_finite(self) -> bool:
        """Whether all of it is finite."""

    def curvature(self, within: float, v: Vector | None = None, w: Vector | None = None) -> Vector:
        """Return a bound of |D²G_i(v, w)| over all states at most `within` away, shape (H,)."""


@dataclass(frozen=True)
class Arc:
    """An arc from a to b, and its radii, NaN where it is not proved.

    `starts` and `stops` are the radii of existence at a alone and at b alone.
    """

    a: Vector
    b: Vector
    exists: float = np.nan
    unique: float = np.nan
    starts: float = np.nan
    stops: float = np.nan

    @property
    def is_proved(self) -> bool:
        """Whether exactly one curve lies along it."""
        return bool(np.isfinite(self.unique))

    def reversed(self) -> Arc:
        """Return the same arc from b to a."""
        return Arc(self.b, self.a, self.exists, self.unique, self.stops, self.starts)


class ArcProver:
    """Proves arcs of the curves G(h) = τ w.

    Parameters
    ----------
    enclose
        What encloses G at outputs (H,).
    direction
        w, shape (H,).
    """

    def __init__(self, enclose: Callable[[Vector], Enclosed], direction: Vector) -> None:
        self._enclose = enclose
        self._w = direction

    def prove(self, a: Vector, b: Vector) -> Arc:
        """Return the arc between two states (h, τ) of a curve with what is proved of it."""
        chord, none, size = b - a, Arc(a, b), len(self._w)
        middle, along = (a[:-1] + b[:-1]) / 2, chord[:-1]
        at = self._enclose(middle)
        if not at.is_finite():
            return none
        derivative = np.empty((size + 1, size + 1))
        derivative[:size, :size] = at.jacobian
        derivative[:size, size] = -self._w
        derivative[size] = chord
        factored = Factored(derivative)
        if factored.inverse is None:
            return none
        magnitude = np.abs(factored.inverse[:, :size])  # the last equation is solved by the chord
        # b - a and the middle are rounded: how far the true ones are from them
        rounded, drift = 2 * UNIT * bound(np.abs(along)), 2 * UNIT * bound(np.abs(middle))
        length = 0.5 + OVERLAP
        within = UP * (length * (bound(np.abs(along)) + rounded) + drift)
        of_all, of_chord = at.curvature(within), at.curvature(within, along)
        bent = at.curvature(within, along, along) + rounded * (2 * of_chord + rounded * of_all)
        at_start, at_end = self._residual(a), self._residual(b)
        at_ends = np.maximum(at_start, at_end)
        y = bound(magnitude @ (UP * ((1 + 2 * OVERLAP) * at_ends + bent / 8)))
        turned = length * (of_chord + rounded * of_all) + drift * of_all
        z = bound(factored.defects + magnitude @ (UP * (at.jacobian_error.sum(axis=1) + turned)))
        if not z < 1:
            return none
        radii = best_radii(lambda r: at.curvature(UP * (within + r)), magnitude, y, z)
        starts, stops = (
            smallest_root(bound(magnitude @ at), z, radii.k) for at in (at_start, at_end)
        )
        return Arc(a, b, radii.exists, radii.unique, starts, stops)

    def _residual(self, u: Vector) -> Vector:
        """Return a bound of |F(u)|, unit by unit."""
        residual = self._enclose(u[:-1]).residual
        pushed = u[-1] * self._w
        middle = residual.middle - pushed
        bounds: Vector = UP * (
            np.abs(middle) + residual.radius + 2 * UNIT * (np.abs(pushed) + np.abs(middle))
        )
        return bounds


def are_joined(first: Arc, second: Arc) -> bool:
    """Tell whether two arcs, the second from where the first ends, are proved to be one curve."""
    if not np.array_equal(first.b, second.a):
        return False
    return _goes_on(first, second) or _goes_on(second.reversed(), first.reversed())


def _goes_on(first: Arc, second: Arc) -> bool:
    """Tell whether the second arc's zero where it starts is proved to be one of the first."""
    chord = first.b - first.a
    square = float(chord @ chord) / UP
    shift = UP * second.starts * float(np.abs(chord).sum()) / square
    reach = UP * (second.starts + shift * float(np.abs(chord).max()))
    return bool(shift <= OVERLAP and reach <= first.unique)
