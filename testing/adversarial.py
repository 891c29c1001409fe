"""Networks that are made to mislead a search, with all their fixed points known by hand.

None of them has a local minimum of q but its zeros: whatever a search calls "slow" is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import brentq

import nullcline as nc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Array = NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """A network whose fixed points are known.

    Parameters
    ----------
    name
        What is adverse about it.
    cell
        The cell, in double precision.
    points
        The outputs of all its fixed points, shape (m, H); None where every state with these
        starts is one.
    starts
        States, shape (n, S).
    """

    name: str
    cell: Any
    points: Array | None
    starts: Array

    def distance(self, h: NDArray[Any]) -> Array:
        """Return how far outputs (n, H) are from the nearest fixed point, in the sup norm."""
        points = self.starts if self.points is None else self.points
        distance: Array = np.abs(h[:, None] - points[None]).max(axis=2).min(axis=1)
        return distance


def rnn(weight_hh: Array, bias: Array | None = None, phi: str = "tanh") -> nc.RNN:
    """Return h' = φ(W h + b)."""
    return nc.RNN(np.zeros((len(weight_hh), 1)), weight_hh, bias, nonlinearity=phi)


def zeros_of_tanh(a: float, b: float) -> list[float]:
    """Return the zeros of tanh(a h + b) − h, of which none is double."""
    grid = np.linspace(-1, 1, 20001)
    values = np.tanh(a * grid + b) - grid
    change = np.flatnonzero(values[:-1] * values[1:] < 0)
    return [brentq(lambda h: np.tanh(a * h + b) - h, grid[i], grid[i + 1]) for i in change] + list(
        grid[values == 0]
    )


def fold(a: float) -> tuple[float, float]:
    """Return b and h with tanh(a h + b) − h = 0 doubly at h."""
    h = np.sqrt(1 - 1 / a)
    return float(np.arctanh(h) - a * h), float(h)


def _degenerate(rng: np.random.Generator) -> Iterator[Case]:
    for size in (1, 2, 8, 32):
        starts = rng.uniform(-0.9, 0.9, (20, size))
        origin = np.zeros((1, size))
        yield Case(f"identity, H = {size}", rnn(np.eye(size)), origin, starts)
        yield Case(f"0.98 identity, H = {size}", rnn(0.98 * np.eye(size)), origin, starts)
        orthogonal = np.linalg.qr(rng.normal(size=(size, size)))[0]
        yield Case(f"orthogonal, H = {size}", rnn(orthogonal), origin, starts)
        if size > 1:
            reflection = np.eye(size) - 2 / size  # |λ| = 1, and 1 is an eigenvalue H - 1 times
            yield Case(f"reflection, H = {size}", rnn(reflection), origin, starts)
    for a in (1.5, 3.0):
        b, h = fold(a)
        zeros = np.array([[h], [min(zeros_of_tanh(a, b))]])
        cell = rnn(np.array([[a]]), np.array([b]))
        yield Case(f"a double zero, a = {a}", cell, zeros, np.linspace(-0.95, 0.95, 21)[:, None])


def _marginal(rng: np.random.Generator) -> Iterator[Case]:
    for a in (1.0005, 1.001, 1.02):
        zeros = np.array(zeros_of_tanh(a, 0.0))[:, None]
        # Between two zeros q has a maximum, where its gradient vanishes.
        top = np.arctanh(np.sqrt(1 - 1 / a)) / a
        starts = np.concatenate([[[top], [-top]], rng.uniform(-0.9, 0.9, (18, 1))])
        yield Case(f"tanh({a} h)", rnn(np.array([[a]])), zeros, starts)
    zeros = np.array(list(product(zeros_of_tanh(1.02, 0.0), repeat=3)))
    yield Case(
        "three of tanh(1.02 h)", rnn(1.02 * np.eye(3)), zeros, rng.uniform(-0.9, 0.9, (30, 3))
    )
    for d in (1e-4, 4e-7, 1e-8, 1e-12):
        cell = rnn(np.array([[1 - d]]), phi="relu")
        yield Case(f"max(0, (1 - {d:g}) h)", cell, np.zeros((1, 1)), rng.uniform(0, 1, (10, 1)))


def _relu(rng: np.random.Generator) -> Iterator[Case]:
    for seed in range(20):
        size = int(rng.integers(1, 9))
        w = rng.normal(size=(size, size))
        w *= rng.uniform(0.3, 0.99) / np.abs(np.linalg.eigvals(np.abs(w))).max()
        starts = rng.uniform(0, 1, (6, size))
        yield Case(f"a contraction of ReLU {seed}", rnn(w, phi="relu"), np.zeros((1, size)), starts)
    starts = rng.uniform(0, 0.9, (10, 8))
    yield Case("the identity of ReLU", rnn(np.eye(8), phi="relu"), None, starts)


def _saturated(rng: np.random.Generator) -> Iterator[Case]:
    """Gates that are shut to rounding leave candidates, and so fixed points, as they are."""
    for name, gates, gate in (("GRU", 3, 1), ("UGRNN", 2, 1), ("MGU", 2, None)):
        make: Callable[..., Any] = getattr(nc, name)
        for bias in (5.0, 20.0, 36.0):
            weights = np.zeros((gates, 1))
            weights[2 if name == "GRU" else 0 if name == "UGRNN" else 1] = 0.5
            biases = np.zeros(gates)
            if gate is not None:
                biases[gate] = bias
            cell = make(np.zeros((gates, 1)), weights, biases)
            yield Case(
                f"{name}, gate at {bias}", cell, np.zeros((1, 1)), rng.uniform(-1, 1, (10, 1))
            )


def _scaled(rng: np.random.Generator) -> Iterator[Case]:
    """Rotations at high gain, with the origin alone: I - diag(s) W has no zero for slopes s > 0."""
    for exponent in (1, 2):
        skew = rng.normal(size=(3, 3))
        w = 10.0**exponent * (skew - skew.T)
        yield Case(
            f"skew weights of 1e{exponent}", rnn(w), np.zeros((1, 3)), rng.uniform(-1, 1, (10, 3))
        )


def cases(seed: int = 0) -> list[Case]:
    """Return all of them."""
    rng = np.random.default_rng(seed)
    families = (_degenerate, _marginal, _relu, _saturated, _scaled)
    return [case for family in families for case in family(rng)]
