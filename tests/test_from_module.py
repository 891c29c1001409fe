"""Recurrent modules as they are used: ways to call them, their states, and what is refused."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import nullcline as nc
from nullcline.cells import Cell
from nullcline.interop import FunctionWarning

if TYPE_CHECKING:
    from collections.abc import Callable

D, H = 2, 4


class Pair(NamedTuple):
    """A state that a module knows by its names."""

    v: torch.Tensor
    a: torch.Tensor


class Leaky(nn.Module):
    """A leaky network without an attribute that says anything; the step of all modules below."""

    def __init__(self, reads: int = D, size: int = H) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.read, self.recur = nn.Linear(reads, size), nn.Linear(size, size, bias=False)
        self.out = nn.Linear(size, 3)

    def step(self, x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        """Return next states, of inputs and states with any axes before the last."""
        return 0.7 * h + 0.3 * torch.tanh(1.5 * self.recur(h) + self.read(x) + h**2 / 9)


class CellOfState(Leaky):
    def forward(self, x: Any, h: Any) -> Any:
        return self.step(x, h)


class CellWithOutput(Leaky):
    def forward(self, x: Any, hx: Any) -> Any:
        h = self.step(x, hx)
        return self.out(h), h


class CellStateFirst(Leaky):
    def forward(self, hidden: Any, inputs: Any) -> Any:
        h = self.step(inputs, hidden)
        return h, self.out(h)


class CellByName(Leaky):
    def forward(self, x: Any, return_all: bool = False, *, initial_state: Any = None) -> Any:
        h = self.step(x, initial_state)
        return {"output": self.out(h), "state": h}


class Columns(Leaky):
    """Written for one row alone."""

    def forward(self, x: Any, h: Any) -> Any:
        weight, bias = self.read.weight, self.read.bias
        drive = 1.5 * torch.mv(self.recur.weight, h) + torch.mv(weight, x) + bias
        return 0.7 * h + 0.3 * torch.tanh(drive + h**2 / 9)


class TimeFirst(Leaky):
    def forward(self, inputs: Any, hidden: Any = None) -> Any:
        if hidden is None:
            hidden = torch.zeros(inputs.shape[1], H)
        every = []
        for t in range(len(inputs)):
            hidden = self.step(inputs[t], hidden)
            every.append(hidden)
        return self.out(torch.stack(every)), hidden


class BatchFirst(TimeFirst):
    def forward(self, inputs: Any, hidden: Any = None) -> Any:
        out, h = super().forward(inputs.transpose(0, 1), hidden)
        return out.transpose(0, 1), h


class AllStates(TimeFirst):
    """Returns the states of every step."""

    def forward(self, inputs: Any, hidden: Any = None) -> Any:
        if hidden is None:
            hidden = torch.zeros(inputs.shape[1], H)
        every = []
        for t in range(len(inputs)):
            hidden = self.step(inputs[t], hidden)
            every.append(hidden)
        return self.out(hidden), torch.stack(every)


class LayerAxis(TimeFirst):
    """States of shape (1, n, H), as torch.nn has them."""

    def forward(self, inputs: Any, hidden: Any = None) -> Any:
        out, h = super().forward(inputs, None if hidden is None else hidden.squeeze(0))
        return out, h.unsqueeze(0)


class OneSequence(Leaky):
    """Takes one sequence, (T, D), without a batch."""

    def forward(self, inputs: Any, hidden: Any) -> Any:
        assert inputs.dim() == 2
        assert hidden.dim() == 1
        for x in inputs:
            hidden = self.step(x, hidden)
        return hidden


def right_step(module: Leaky, x: Any, h: Any) -> Any:
    with torch.no_grad():
        double = copy.deepcopy(module).double()
        return double.step(torch.from_numpy(x), torch.from_numpy(h)).numpy()


@pytest.mark.parametrize(
    "kind",
    [
        CellOfState,
        CellWithOutput,
        CellStateFirst,
        CellByName,
        Columns,
        TimeFirst,
        BatchFirst,
        AllStates,
        LayerAxis,
        OneSequence,
    ],
)
def test_a_module_is_stepped_in_the_way_it_is_called(kind: type[Leaky]) -> None:
    module = kind()
    cell = nc.from_module(module, D, H)
    assert isinstance(cell, Cell)
    assert repr(cell) == f"ModuleCell({kind.__name__}, state=(h: {H}), n_inputs={D})"
    rng = np.random.default_rng(0)
    h, x = rng.normal(size=(6, H)), rng.normal(size=(6, D))
    np.testing.assert_allclose(cell.step(h, x), right_step(module, x, h), rtol=0, atol=1e-14)
