"""Cells of every kind beside the same network in PyTorch, whose autograd knows all derivatives."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn.functional import softplus

import nullcline as nc

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[np.float64]


@dataclass(frozen=True)
class Kind:
    """One kind of cell: its gates, how it is made of weights, and what documentation calls it."""

    gates: int
    make: Callable[..., Any]
    name: str
    is_smooth: bool = True


def leaky(weight_ih: Array, weight_hh: Array, bias_ih: Array, bias_hh: Array) -> nc.LeakyRNN:
    """Return a cell whose units differ in their leaks and in their activations."""
    names = [("tanh", "logistic", "softplus")[i % 3] for i in range(len(bias_ih))]
    return nc.LeakyRNN(
        weight_ih, weight_hh, bias_ih + bias_hh, alpha=leaks(len(bias_ih)), activation=names
    )


def rate(weight_ih: Array, weight_hh: Array, bias_ih: Array, bias_hh: Array) -> nc.RateRNN:
    """Return a cell whose units differ in their leaks."""
    return nc.RateRNN(weight_ih, weight_hh, bias_ih + bias_hh, alpha=leaks(len(bias_ih)))


EVERY_KIND = {
    "gru": Kind(3, nc.GRU, "`GRU`"),
    "original_gru": Kind(3, nc.OriginalGRU, "`OriginalGRU`"),
    "lstm": Kind(4, nc.LSTM, "`LSTM`"),
    "ugrnn": Kind(2, nc.UGRNN, "`UGRNN`"),
    "mgu": Kind(2, nc.MGU, "`MGU`"),
    "tanh": Kind(1, nc.RNN, "`RNN`, tanh"),
    "relu": Kind(1, partial(nc.RNN, nonlinearity="relu"), "`RNN`, ReLU", is_smooth=False),
    "leaky": Kind(1, leaky, "`LeakyRNN`"),
    "rate": Kind(1, rate, "`RateRNN`"),
}
KINDS = tuple(EVERY_KIND)
SMOOTH = tuple(kind for kind in KINDS if EVERY_KIND[kind].is_smooth)
STACKED = KINDS[:7]  # with weights and biases stacked as PyTorch has them
GATED = ("gru", "original_gru", "mgu")  # with a candidate of their own


@dataclass(frozen=True)
class Network:
    """One cell of `kind`; weights as PyTorch stacks them."""

    kind: str
    weight_ih: Array
    weight_hh: Array
    bias_ih: Array
    bias_hh: Array

    @property
    def size(self) -> int:
        return int(self.weight_hh.shape[1])

    @property
    def input_size(self) -> int:
        return int(self.weight_ih.shape[1])

    @property
    def state_size(self) -> int:
        return 2 * self.size if self.kind == "lstm" else self.size

    @property
    def weights(self) -> tuple[Array, Array, Array, Array]:
        return self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh

    def cell(self, dtype: Any = np.float64) -> Any:
        arrays = [array.astype(dtype) for array in self.weights]
        return EVERY_KIND[self.kind].make(*arrays)

    def sums(self, h: torch.Tensor, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return what each gate is a function of, for one state's outputs (H,) and input (D,)."""
        w_i, w_h, b_i, b_h = (torch.from_numpy(array) for array in self.weights)
        return (w_i @ x + b_i + w_h @ h + b_h).chunk(EVERY_KIND[self.kind].gates)

    def candidate(self, h: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Return a GRU's n, or the MGU's: their last block, with the first for its gate."""
        w_i, w_h, b_i, b_h = (torch.from_numpy(array) for array in self.weights)
        gates = EVERY_KIND[self.kind].gates
        r = torch.sigmoid(self.sums(h, x)[0])
        if self.kind == "original_gru":
            return torch.tanh((w_i @ x + b_i + b_h + w_h @ (r * h)).chunk(gates)[-1])
        return torch.tanh((w_i @ x + b_i).chunk(gates)[-1] + r * (w_h @ h + b_h).chunk(gates)[-1])

    def step(self, state: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """F for one state (S,) and one input (D,)."""
        h = state[: self.size]
        sums = self.sums(h, x)
        if self.kind in GATED:
            z = torch.sigmoid(sums[0 if self.kind == "mgu" else 1])
            return (1 - z) * self.candidate(h, x) + z * h
        if self.kind == "lstm":
            i, f, o = (torch.sigmoid(sums[k]) for k in (0, 1, 3))
            c = f * state[self.size :] + i * torch.tanh(sums[2])
            return torch.cat([o * torch.tanh(c), c])
        if self.kind == "ugrnn":
            g = torch.sigmoid(sums[1])
            return g * h + (1 - g) * torch.tanh(sums[0])
        if self.kind == "leaky":
            a = torch.from_numpy(leaks(self.size))
            phi = torch.stack(
                [torch.tanh(sums[0]), torch.sigmoid(sums[0]), softplus(sums[0], threshold=700)]
            )
            units = torch.arange(self.size)
            return (1 - a) * h + a * phi[units % 3, units]
        if self.kind == "rate":
            a = torch.from_numpy(leaks(self.size))
            return (1 - a) * h + a * self.sums(torch.tanh(h), x)[0]
        return torch.tanh(sums[0]) if self.kind == "tanh" else torch.relu(sums[0])

    def equilibrium(self, h: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Return the state (S,) with outputs h whose c, if there is one, is at its equilibrium."""
        if self.kind != "lstm":
            return h
        sums = self.sums(h, x)
        c = torch.sigmoid(sums[0]) * torch.tanh(sums[2]) / torch.sigmoid(-sums[1])
        return torch.cat([h, c])

    def reduced(self, h: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Return the reduced residual, (H,)."""
        if self.kind in GATED:
            return self.candidate(h, x) - h
        if self.kind == "ugrnn":
            return torch.tanh(self.sums(h, x)[0]) - h
        if self.kind == "lstm":
            return (
                torch.sigmoid(self.sums(h, x)[3]) * torch.tanh(self.equilibrium(h, x)[self.size :])
                - h
            )
        if self.kind in {"leaky", "rate"}:
            return (self.step(h, x) - h) / torch.from_numpy(leaks(self.size))
        return self.step(h, x) - h


def leaks(size: int) -> Array:
    """Return a leak per unit."""
    return np.linspace(0.2, 1, size)


def random_network(
    kind: str, size: int, input_size: int, gain: float = 1.0, seed: int = 0
) -> Network:
    """Return a network with normal weights; a small gain contracts, a large one does not."""
    rng, gates = np.random.default_rng(seed), EVERY_KIND[kind].gates
    return Network(
        kind,
        gain * rng.normal(size=(gates * size, input_size)) / np.sqrt(input_size),
        gain * rng.normal(size=(gates * size, size)) / np.sqrt(size),
        0.3 * rng.normal(size=gates * size),
        0.3 * rng.normal(size=gates * size),
    )


def rows(f: Callable[..., torch.Tensor], *arrays: Array) -> Array:
    """Return f of corresponding rows, as rows."""
    found = [f(*map(torch.from_numpy, row)) for row in zip(*arrays, strict=True)]
    return np.array([row.numpy() for row in found])


def jacobians(f: Callable[..., torch.Tensor], h: Array, x: Array, by: int) -> Array:
    """Return ∂f/∂h (by = 0) or ∂f/∂x (by = 1) at every row, by autograd."""
    found: list[Any] = [
        torch.autograd.functional.jacobian(  # type: ignore[no-untyped-call]
            f, (torch.from_numpy(state), torch.from_numpy(input_))
        )[by]
        for state, input_ in zip(h, x, strict=True)
    ]
    return np.array([matrix.numpy() for matrix in found])


def hessians(step: Callable[..., torch.Tensor], h: Array, x: Array) -> Array:
    """Return ∂²q/∂h² of q = mean((step(h, x) - h)²) at every row, by autograd."""

    def q(state: torch.Tensor, input_: torch.Tensor) -> torch.Tensor:
        return torch.mean((step(state, input_) - state) ** 2)

    of_q: Any = torch.func.jacrev(torch.func.grad(q))
    return rows(of_q, h, x)


def bends(
    step: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    h: Array,
    x: Array,
    u: Array,
    v: Array,
) -> Array:
    """Return Σ_j u_j ∂²F_j v of F = step at every row, by autograd."""

    def one(state: torch.Tensor, input_: torch.Tensor, u: torch.Tensor, v: torch.Tensor) -> Any:
        return torch.autograd.functional.hvp(  # type: ignore[no-untyped-call]
            lambda s: torch.dot(u, step(s, input_)), state, v
        )[1]

    return rows(one, h, x, u, v)
