"""An LSTM whose state is [h, c], by autograd: a cell with states longer than its outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.func import jacrev, vmap

if TYPE_CHECKING:
    from collections.abc import Callable

    from nullcline._validation import Floats


class AutogradLSTM:
    """PyTorch's LSTM cell in float64, with normal weights."""

    def __init__(self, size: int, input_size: int, seed: int = 0, gain: float = 1.0) -> None:
        torch.manual_seed(seed)
        self._lstm = torch.nn.LSTMCell(input_size, size, dtype=torch.float64)
        for weight in self._lstm.parameters():
            torch.nn.init.normal_(weight, std=gain / size**0.5)
            weight.requires_grad = False
        self.hidden_size, self.state_size, self.input_size = size, 2 * size, input_size
        self.dtype = np.dtype(np.float64)
        self.compiled = None

    def _next(self, state: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        h, c = state[..., : self.hidden_size], state[..., self.hidden_size :]
        return torch.cat(self._lstm(x, (h, c)), dim=-1)

    def _batched(self, function: Callable[..., torch.Tensor], h: Any, x: Any) -> Floats:
        states = np.asarray(h, np.float64)
        inputs = np.zeros(self.input_size) if x is None else np.asarray(x)
        wide = np.broadcast_to(inputs, (len(states), self.input_size)).copy()
        result: Floats = function(torch.from_numpy(states), torch.from_numpy(wide)).numpy()
        return result

    def step(self, h: Any, x: Any = None) -> Floats:
        return self._batched(self._next, h, x)

    def residual(self, h: Any, x: Any = None) -> Floats:
        residual: Floats = np.subtract(self.step(h, x), h)
        return residual

    def speed(self, h: Any, x: Any = None) -> Floats:
        return np.asarray(np.mean(self.residual(h, x) ** 2, axis=1))

    def jacobian(self, h: Any, x: Any = None) -> Floats:
        return self._batched(vmap(jacrev(self._next)), h, x)

    def input_jacobian(self, h: Any, x: Any = None) -> Floats:
        return self._batched(vmap(jacrev(self._next, argnums=1)), h, x)

    def jvp(self, h: Any, x: Any, v: Any) -> Floats:
        return np.asarray(np.einsum("nij,nj->ni", self.jacobian(h, x), v))

    def vjp(self, h: Any, x: Any, u: Any) -> Floats:
        return np.asarray(np.einsum("ni,nij->nj", u, self.jacobian(h, x)))

    def residual_jacobian(self, h: Any, x: Any = None) -> Floats:
        return self.jacobian(h, x) - np.eye(self.state_size)

    def residual_input_jvp(self, h: Any, x: Any, v: Any) -> Floats:
        return np.asarray(np.einsum("nij,nj->ni", self.input_jacobian(h, x), v))

    def resting(self) -> Floats:
        """Return where it comes to rest from zero with zero input, shape (1, 2H)."""
        h: Floats = np.zeros((1, self.state_size))
        for _ in range(300):
            h = self.step(h)
        return h
