"""Random networks of rates, as cells and as functions of PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

import nullcline as nc

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

PHI: dict[str, Any] = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "logistic": torch.sigmoid,
    "softplus": lambda u: torch.nn.functional.softplus(u, threshold=700),
    "hard_tanh": torch.nn.functional.hardtanh,
    "identity": lambda u: 1 * u,
    "rectified_tanh": lambda u: torch.relu(torch.tanh(u)),
}


class Rates:
    """A random network of rates, with a recurrence of full or of low rank.

    Parameters
    ----------
    kind
        `nc.LeakyRNN` or `nc.RateRNN`.
    size
        Units.
    activations
        Names of activations, which units have by turns.
    rank
        Of the recurrence, given as factors; None for a dense matrix.
    gain, seed
        Of the random weights.
    """

    def __init__(
        self,
        kind: Any,
        size: int,
        *,
        activations: list[str],
        rank: int | None = None,
        gain: float = 1.0,
        seed: int = 0,
    ) -> None:
        rng = np.random.default_rng(seed)
        self.u, self.b = rng.normal(size=(size, 2)), 0.3 * rng.normal(size=size)
        self.alpha = rng.uniform(0.05, 1, size)
        self.names = [activations[i % len(activations)] for i in range(size)]
        width = rank or size
        left, right = rng.normal(size=(2, size, width)) * gain**0.5 / size**0.25
        self.recurrence: Any = left @ right.T / size**0.5 if rank is None else (left, right)
        self.w = self.recurrence if rank is None else left @ right.T
        self.kind = kind

    def cell(self, dtype: Any = np.float64) -> Any:
        recurrence = (
            tuple(factor.astype(dtype) for factor in self.recurrence)
            if isinstance(self.recurrence, tuple)
            else self.recurrence.astype(dtype)
        )
        return self.kind(
            self.u.astype(dtype),
            recurrence,
            self.b.astype(dtype),
            alpha=self.alpha,
            activation=self.names,
        )

    def phi(self, u: torch.Tensor) -> torch.Tensor:
        return torch.stack([PHI[name](u[i]) for i, name in enumerate(self.names)])

    def target(self, h: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        w, u, b = (torch.from_numpy(array) for array in (self.w, self.u, self.b))
        if self.kind is nc.LeakyRNN:
            return self.phi(w @ h + u @ x + b)
        return w @ self.phi(h) + u @ x + b

    def step(self, h: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        alpha = torch.from_numpy(self.alpha)
        return (1 - alpha) * h + alpha * self.target(h, x)
