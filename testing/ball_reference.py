"""Every cell's equations in ball arithmetic of 400 bits, by python-flint: a second opinion.

Formulas as in a textbook, scalar by scalar; every number encloses the true one, and carries its
derivatives by the state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from flint import acb_mat, arb, arb_mat, ctx

from testing.every_cell import Network, leaks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from testing.reference import ReferenceGRU

    Numbers: TypeAlias = list["Number"]

ctx.prec = 400


@dataclass(frozen=True)
class Number:
    """A ball with its derivatives: forward-mode differentiation."""

    value: Any
    slopes: list[Any]

    def __add__(self, other: Number | float) -> Number:
        b = self._like(other)
        slopes = [p + q for p, q in zip(self.slopes, b.slopes, strict=True)]
        return Number(self.value + b.value, slopes)

    def __sub__(self, other: Number | float) -> Number:
        return self + self._like(other) * -1

    def __rsub__(self, other: float) -> Number:
        return self._like(other) - self

    def __mul__(self, other: Number | float) -> Number:
        b = self._like(other)
        slopes = [p * b.value + self.value * q for p, q in zip(self.slopes, b.slopes, strict=True)]
        return Number(self.value * b.value, slopes)

    def __truediv__(self, other: Number) -> Number:
        return self * other.through(1 / other.value, -1 / other.value**2)

    def through(self, value: Any, slope: Any) -> Number:
        return Number(value, [slope * own for own in self.slopes])

    def tanh(self) -> Number:
        f = self.value.tanh()
        return self.through(f, 1 - f * f)

    def logistic(self) -> Number:
        f = 1 / (1 + (-self.value).exp())
        return self.through(f, f * (1 - f))

    def softplus(self) -> Number:
        return self.through((1 + self.value.exp()).log(), 1 / (1 + (-self.value).exp()))

    def _like(self, other: Number | float) -> Number:
        if isinstance(other, Number):
            return other
        return Number(arb(other), [arb(0)] * len(self.slopes))


def exact(values: Any) -> list[Any]:
    return [value if isinstance(value, arb) else arb(float(value)) for value in values]


def variables(values: list[Any]) -> Numbers:
    """Return numbers that are differentiated by."""
    n = range(len(values))
    return [Number(value, [arb(int(i == j)) for j in n]) for i, value in enumerate(values)]


def affine(matrix: Any, vector: Numbers, bias: NDArray[np.float64]) -> Numbers:
    zero = vector[0] * 0
    sums = []
    for row, b in zip(matrix, bias, strict=True):
        terms = zero + float(b)
        for w, v in zip(row, vector, strict=True):
            terms += v * float(w)
        sums.append(terms)
    return sums


@dataclass(frozen=True)
class Gates:
    """What the gates of one cell are functions of, at a state and an input."""

    network: Network
    h: Numbers
    x: Any

    def driven(self, k: int) -> Numbers:
        """Return W_ik x + b_ik."""
        own, zero = self._block(k), self.h[0] * 0
        inputs = [zero + value for value in exact(self.x)]
        return affine(self.network.weight_ih[own], inputs, self.network.bias_ih[own])

    def recurrent(self, k: int, of: Numbers | None = None) -> Numbers:
        """Return W_hk h + b_hk."""
        own = self._block(k)
        return affine(self.network.weight_hh[own], of or self.h, self.network.bias_hh[own])

    def sums(self, k: int) -> Numbers:
        return add(self.driven(k), self.recurrent(k))

    def gate(self, k: int) -> Numbers:
        return [s.logistic() for s in self.sums(k)]

    def total(self, of: Numbers | None = None) -> Numbers:
        """Return the only block's sum; the two biases are one float there."""
        n, zero = self.network, self.h[0] * 0
        read = affine(n.weight_ih, [zero + v for v in exact(self.x)], n.bias_ih + n.bias_hh)
        return add(read, affine(n.weight_hh, of or self.h, n.bias_hh * 0))

    def candidate(self) -> Numbers:
        kind = self.network.kind
        if kind == "original_gru":
            reset = multiply(self.gate(0), self.h)
            return tanh(add(self.driven(2), self.recurrent(2, reset)))
        last = 1 if kind == "mgu" else 2
        return tanh(add(self.driven(last), multiply(self.gate(0), self.recurrent(last))))

    def rates(self) -> Numbers:
        functions = (Number.tanh, Number.logistic, Number.softplus)
        return [functions[i % 3](s) for i, s in enumerate(self.total())]

    def _block(self, k: int) -> slice:
        size = self.network.size
        return slice(k * size, (k + 1) * size)


def add(a: Numbers, b: Numbers) -> Numbers:
    return [p + q for p, q in zip(a, b, strict=True)]


def multiply(a: Numbers, b: Numbers) -> Numbers:
    return [p * q for p, q in zip(a, b, strict=True)]


def tanh(a: Numbers) -> Numbers:
    return [p.tanh() for p in a]


def mixed(gate: Numbers, kept: Numbers, new: Numbers) -> Numbers:
    """Return gate ∘ kept + (1 - gate) ∘ new."""
    return [z * h + (1 - z) * n for z, h, n in zip(gate, kept, new, strict=True)]


def reduced_map(network: Network, h: Numbers, x: Any) -> Numbers:
    """Return n(h)."""
    at = Gates(network, h, x)
    if network.kind == "lstm":
        c = cell_state(network, h, x)
        return multiply(at.gate(3), tanh(c))
    if network.kind == "ugrnn":
        return tanh(at.sums(0))
    if network.kind == "tanh":
        return tanh(at.sums(0))
    if network.kind == "leaky":
        return at.rates()
    return at.total(tanh(h)) if network.kind == "rate" else at.candidate()


def cell_state(network: Network, h: Numbers, x: Any) -> Numbers:
    """Return an LSTM's c that stays as it is, given h."""
    at = Gates(network, h, x)
    taken = multiply(at.gate(0), tanh(at.sums(2)))
    return [part / (1 - f) for part, f in zip(taken, at.gate(1), strict=True)]


def step(network: Network, state: Numbers, x: Any) -> Numbers:
    """Return F(s)."""
    size = network.size
    h = state[:size]
    at = Gates(network, h, x)
    if network.kind == "lstm":
        taken = multiply(at.gate(0), tanh(at.sums(2)))
        c = add(multiply(at.gate(1), state[size:]), taken)
        return multiply(at.gate(3), tanh(c)) + c
    new = reduced_map(network, h, x)
    if network.kind == "tanh":
        return new
    if network.kind in {"leaky", "rate"}:
        zero = h[0] * 0
        return mixed([zero + 1 - float(a) for a in leaks(size)], h, new)
    return mixed(at.gate(0 if network.kind == "mgu" else 1), h, new)


def as_network(gru: ReferenceGRU | Network) -> Network:
    if isinstance(gru, Network):
        return gru
    return Network("gru", gru.weight_ih, gru.weight_hh, gru.bias_ih, gru.bias_hh)


def residual_and_jacobian(
    network: ReferenceGRU | Network, h: list[Any], x: Any
) -> tuple[list[Any], Any]:
    """Return n(h) - h and its Jacobian, for h and the result in balls."""
    at = variables(h)
    found = [n - own for n, own in zip(reduced_map(as_network(network), at, x), at, strict=True)]
    return [part.value for part in found], _jacobian(found)


def step_jacobian(network: Network, state: list[Any], x: Any) -> Any:
    """Return the Jacobian of F."""
    return _jacobian(step(network, variables(state), x))


def equilibrium(network: Network, h: list[Any], x: Any) -> list[Any]:
    """Return the state with these outputs, all else as it stays."""
    if network.kind != "lstm":
        return h
    return h + [c.value for c in cell_state(network, variables(h), x)]


def eigenvalues(matrix: Any) -> list[Any]:
    """Return the eigenvalues of a matrix of balls, good to tens of digits."""
    return [value.mid() for value in acb_mat(matrix.mid()).eig(algorithm="approx")]


def spectral_radius(matrix: Any) -> Any:
    """Return the largest |λ| of a matrix, good to tens of digits."""
    size = len(matrix)
    return max(abs(value) for value in eigenvalues(arb_mat(size, size, exact(matrix.ravel()))))


def polish(network: ReferenceGRU | Network, h: NDArray[np.float64], x: Any) -> list[Any]:
    """Return the zero that Newton's method leads to from h, to a hundred digits."""
    state = exact(h)
    for _ in range(9):
        residual, jacobian = residual_and_jacobian(network, state, x)
        step_ = jacobian.solve(arb_mat(len(state), 1, residual))
        state = [(state[i] - step_[i, 0]).mid() for i in range(len(state))]
    return state


def _jacobian(found: Numbers) -> Any:
    return arb_mat(len(found), len(found), [slope for part in found for slope in part.slopes])
