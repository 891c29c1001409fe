"""A reduced map beyond the cell's box: n(ψ(h)), so that curves can leave the box and come back.

ψ leaves what is in the box as it is, unit by unit, and saturates beyond: a distance u outside a
face becomes δ tanh(u / δ), where δ is a tenth of the width of the box. So ψ has two continuous
derivatives, its values lie in a box a fifth wider, and n is asked for nothing outside of it, where
an LSTM's is steep beyond what numbers resolve, and a function is maybe not defined.

No zero is added: n(ψ(h)) lies in the box, so that h = n(ψ(h)) has ψ(h) = h.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nullcline.cells.box import Box
from nullcline.cells.residual_maps import residual_map

if TYPE_CHECKING:
    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell
    from nullcline.cells.residual_maps import ResidualMap
    from nullcline.continuation.curve_problem import Matrix, Vector


MARGIN = 0.1
"""δ in widths of the box. A wider margin makes LSTMs steeper than their curves can be followed, a
narrower one bends all curves near the faces (`python -m benchmarks.fibers --margin`)."""


class Within(NamedTuple):
    """ψ(h), shape (H,), and its derivatives, 1 in the box; None where all of h is in it."""

    outputs: Vector
    slopes: Vector | None


class Saturation:
    """The map ψ of outputs into a box a fifth wider; of units without both bounds the identity.

    Attributes
    ----------
    low, high
        The faces of each unit, shape (H,); infinite where it has not both.
    margin
        δ of each unit, shape (H,); infinite where it has not both bounds.
    """

    def __init__(self, box: Box) -> None:
        bounded = np.isfinite(box.low) & np.isfinite(box.high)
        self.low: Vector = np.where(bounded, box.low, -np.inf)
        self.high: Vector = np.where(bounded, box.high, np.inf)
        width = self.high - self.low
        # A unit that nothing reaches has a box of no width: any margin does.
        self.margin: Vector = MARGIN * np.where(width > 0, width, 1.0)
        self._finite = np.where(bounded, self.margin, 1.0)

    def __call__(self, h: Vector) -> Within:
        """Return ψ(h) and its derivatives at outputs (H,)."""
        inner = np.clip(h, self.low, self.high)
        if np.array_equal(inner, h):
            return Within(h, None)
        part = np.tanh((h - inner) / self._finite)
        return Within(inner + self._finite * part, (1 - part) * (1 + part))

    def image(self) -> Box:
        """Return the box of all values."""
        return Box(self.low - self._finite, self.high + self._finite)


class ExtendedResidual:
    """n(ψ(h)) - h of one float64 cell at one input, the cell's own residual in its box."""

    def __init__(self, cell: Cell, x: Floats | None, saturation: Saturation) -> None:
        self._cell, self._x, self._saturation = cell, x, saturation
        self._one = None if x is None else np.ascontiguousarray(x[0])

    def residual(self, h: Vector) -> Vector:
        """Return it at outputs (H,)."""
        within = self._saturation(h)
        own = residual_map(self._cell, within.outputs, self._one).residual
        return own if within.slopes is None else own + (within.outputs - h)

    def jacobian(self, h: Vector) -> Matrix:
        """Return its Jacobian, shape (H, H)."""
        within = self._saturation(h)
        own: Matrix = self._cell.residual_jacobian(within.outputs[None], self._x)[0]
        if within.slopes is None:
            return own
        units = np.diag_indices(len(h))
        extended = own.copy()
        extended[units] += 1
        extended *= within.slopes
        extended[units] -= 1
        return extended

    def map_at(self, h: Vector) -> ResidualMap:
        """Return its Jacobian as a map."""
        within = self._saturation(h)
        own = residual_map(self._cell, within.outputs, self._one)
        return own if within.slopes is None else _ExtendedMap(own, h, within.outputs, within.slopes)


class _ExtendedMap:
    """D n(ψ(h)) ψ'(h) - I, from D n - I."""

    def __init__(self, own: ResidualMap, h: Vector, outputs: Vector, slopes: Vector) -> None:
        self._own, self._slopes = own, slopes
        self._moved = outputs - h

    @property
    def residual(self) -> Vector:
        extended: Vector = self._own.residual + self._moved
        return extended

    def jvp(self, v: Vector) -> Vector:
        inner = self._slopes * v
        product: Vector = self._own.jvp(inner) + inner - v
        return product

    def vjp(self, u: Vector) -> Vector:
        product: Vector = self._slopes * (self._own.vjp(u) + u) - u
        return product
