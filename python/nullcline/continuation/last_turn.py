"""The |τ| beyond which no directional fiber turns back, so that it meets no fixed point any more.

On a fiber n(ψ(h)) - h = τ w the outputs are h = n(ψ(h)) - τ w, and n(ψ(h)) lies in a box R that is
known. So a unit with w_j ≠ 0 is at least |τ w_j| - c_j beyond a face of the cell's box, where c_j
is how far R reaches from there, and ψ'_j <= s_j(τ) = 4 exp(-2 (|τ w_j| - c_j) / δ_j) (see
`extended_map`). With bounds |∂n_i/∂h_j| <= A_ij over all of ψ's values, |D(n ∘ ψ)| <= A diag(s).
Where a v > 0 has A diag(s) v < v, its spectral radius is below 1 (Collatz and Wielandt), hence
I - D(n ∘ ψ) is regular with a positive determinant, and dτ / d arclength is not zero: there the
curve does not turn. Since s falls with |τ|, all this holds for every larger |τ| as well.

There is then one h for each such τ, since the degree of h - n(ψ(h)) + τ w is 1 and every zero
counts +1. So of all the curves of one direction exactly one goes to infinity, at both its ends,
with τ from -∞ to ∞; the others are loops. (The idea is Katz and Reggia's, IEEE Trans. Neural Netw.
Learn. Syst. 29 (2018) 3636, section III, for h' = tanh(W h), whose fibers they follow until all
units are saturated.)

Sums of numbers that are not negative are rounded by far less than the margins that are kept here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline.cells.box import Box
from nullcline.cells.protocol import HasCoreWeights, Layered
from nullcline.cells.stack import cell_numbers
from nullcline.continuation.extended_map import Saturation

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell
    from nullcline.continuation.curve_problem import Vector

    Product: TypeAlias = Callable[[Vector], Vector]

FIRST = 1.0
"""The first |τ| that is tried as a bound beyond which a curve turns back no more: about the size of
a box. From 0.25 to 16 the same curves meet the same points (`benchmarks.constants`)."""

LARGEST = 1e9
"""Bounds are looked for in between, in steps of a factor of 2; further out rounding of h = n - τ w
is as large as the features of a network."""

ITERATIONS = 60
"""Terms of the Neumann series that makes v, at most."""

MARGIN = 1e-6
"""What A diag(s) v must be smaller by, in parts: rounding is a thousandth of it."""

STEEPEST = 1e12
"""What |∂F_i/∂s_j| of a function is taken to be at most: nothing more is known of it."""

LARGEST_EXPONENT = 600.0
"""An LSTM's forget gate that may be open by more has slopes that no number bounds."""

SATURATING = 0.45
"""A bound of |c| (1 - tanh²(c)), which is 0.448 at most."""


def last_turn(cell: Cell, x: Floats | None, direction: Vector) -> float | None:
    """Return a |τ| beyond which the fiber of a direction does not turn; None if none is known.

    Parameters
    ----------
    cell
        The cell; where its outputs are not bounded nothing is known.
    x
        The input, shape (1, D); None for zero input.
    direction
        w, shape (H,).
    """
    box = cell.box_at(x)
    if not (np.isfinite(box.low).all() and np.isfinite(box.high).all()):
        return None
    parts = _parts(cell, x, direction)
    tau = FIRST
    while tau <= LARGEST:
        if all(part.is_settled(tau) for part in parts):
            return tau
        tau *= 2
    return None


class _Part:
    """A cell, or one of a stack's: what is needed to say whether its units have settled."""

    def __init__(self, box: Box, reached: Box, direction: Vector, slopes: Product) -> None:
        self._margin = Saturation(box).margin
        self._near = np.maximum(box.high - reached.low, reached.high - box.low)
        self._direction = np.abs(direction)
        self._slopes = slopes

    def is_settled(self, tau: float) -> bool:
        """Tell whether the spectral radius of A diag(s) is below 1 at a |τ|."""
        beyond = (1 - MARGIN) * tau * self._direction - self._near
        with np.errstate(all="ignore"):
            s = np.clip(4 * np.exp(-2 * beyond / self._margin), 1e-300, 1)
            v = np.ones(len(s))
            for _ in range(ITERATIONS):
                product = self._slopes(s * v)
                if not product.max() < 1 / MARGIN:  # nor is it where that is not finite
                    return False
                if (product <= (1 - MARGIN) * v).all():
                    return True
                v = 1 + product
        return False


def _parts(cell: Cell, x: Floats | None, direction: Vector) -> list[_Part]:
    """Return the diagonal blocks of the cell's Jacobian: a stack's is block triangular."""
    if not isinstance(cell, Layered):
        box = cell.box_at(x)
        inputs = np.zeros(cell.input_size) if x is None else np.abs(x[0]).astype(np.float64)
        return [_Part(box, box, direction, _slopes(cell, Saturation(box).image(), inputs))]
    cuts = np.cumsum([part.hidden_size for part in cell.cells])[:-1]
    directions = np.split(direction, cuts)
    read: Any = None if x is None else x[0]
    inputs = np.zeros(cell.input_size) if x is None else np.abs(x[0]).astype(np.float64)
    reached: Any = read
    parts = []
    for layer in cell_numbers(cell.layers):
        own = [cell.cells[i] for i in layer]
        boxes = [part.box_at(read) for part in own]
        images = [Saturation(box).image() for box in boxes]
        parts += [
            _Part(box, part.box_at(reached), directions[i], _slopes(part, image, inputs))
            for i, part, box, image in zip(layer, own, boxes, images, strict=True)
        ]
        read, reached = Box.joint(boxes), Box.joint(images)
        inputs = _sizes(reached)
    return parts


def _sizes(box: Box) -> Vector:
    return np.maximum(np.abs(box.low), np.abs(box.high))


def _slopes(cell: Cell, image: Box, inputs: Vector) -> Product:
    """Return v ↦ A v, A a bound of |∂n_i/∂h_j| for outputs in a box and inputs of these sizes."""
    if not isinstance(cell, HasCoreWeights):
        return lambda v: np.full(len(v), STEEPEST * v.sum())
    kind, w_in, w, bias, inner, activations = cell.core_weights()
    sizes, n = _sizes(image), len(image.low)
    make = _SLOPES[kind]
    if isinstance(w, tuple):
        left, right = np.abs(w[0]).astype(np.float64), np.abs(w[1]).astype(np.float64)
        blocks: list[Product] = [lambda v: left @ (right.T @ v)]
    else:
        blocks = [_times(part) for part in np.split(w, len(w) // n)]
    drive = np.abs(w_in).astype(np.float64) @ inputs + np.abs(bias)
    at = _Bounds(sizes, drive.reshape(-1, n), inner, activations)
    product: Product = make(blocks, at)
    return product


def _times(weights: Any) -> Product:
    absolute = np.abs(weights).astype(np.float64)
    return lambda v: absolute @ v


class _Bounds:
    """What bounds the terms of a cell's equations: sizes of ψ(h), and of each block's drive."""

    def __init__(self, sizes: Vector, drive: Vector, inner: Any, activations: Any) -> None:
        self.sizes, self.drive = sizes, drive
        self.inner = 0.0 if inner is None else np.abs(inner[0]).astype(np.float64)
        steepest = [_STEEPEST.get(name, 1.0) for name in activations or ["tanh"]]
        self.steepest: Vector = np.array(steepest)


_STEEPEST = {"logistic": 0.25}
"""The largest derivative of an activation, where it is not 1."""


def _of_sums(blocks: list[Product], at: _Bounds) -> Product:
    """Bound the slopes of n = φ(W h + d)."""
    return lambda v: at.steepest * blocks[0](v)


def _of_rates(blocks: list[Product], at: _Bounds) -> Product:
    """Bound the slopes of n = W φ(h) + d."""
    return lambda v: blocks[0](at.steepest * v)


def _of_gated_products(blocks: list[Product], at: _Bounds) -> Product:
    """Bound the slopes of n = tanh(d + σ(V h + e) (W h + b))."""
    product = blocks[1](at.sizes) + at.inner
    return lambda v: blocks[1](v) + product / 4 * blocks[0](v)


def _of_gated_outputs(blocks: list[Product], at: _Bounds) -> Product:
    """Bound the slopes of n = tanh(W (σ(V h + e) h) + d)."""
    return lambda v: blocks[0](v + at.sizes / 4 * blocks[1](v))


def _of_memories(blocks: list[Product], at: _Bounds) -> Product:
    """Bound the slopes of n = σ(o) tanh(c), c = σ(i) tanh(g) (1 + exp(f)), of sums i, f, g, o."""
    into, forget, candidate, out = blocks
    open_by = forget(at.sizes) + at.drive[1]
    factor = np.where(open_by <= LARGEST_EXPONENT, 1 + np.exp(np.minimum(open_by, 700)), np.inf)
    return lambda v: SATURATING * (into(v) + forget(v)) + factor * candidate(v) + out(v) / 4


_SLOPES: dict[str, Callable[[list[Product], _Bounds], Product]] = {
    "rnn": _of_sums,
    "leaky_rnn": _of_sums,
    "ugrnn": _of_sums,
    "rate_rnn": _of_rates,
    "gru": _of_gated_products,
    "mgu": _of_gated_products,
    "original_gru": _of_gated_outputs,
    "lstm": _of_memories,
}
"""How each cell's slopes are bounded, by its name in the compiled core."""
