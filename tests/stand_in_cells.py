"""Cells made of `cell_steps` in the place of those that `nullcline.cells` does not have yet.

To drop it: delete this file, and `import stand_in_cells` in the tests of importers.
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

import cell_steps
from nullcline import cells


class StandIn:
    """What all of them share: PyTorch's layout, biases that may be None."""

    gates = 1
    states = 1

    def __init__(
        self,
        weight_ih: Any,
        weight_hh: Any,
        bias_ih: Any = None,
        bias_hh: Any = None,
        **options: Any,
    ) -> None:
        rows = self.gates * weight_hh.shape[1]
        zeros = np.zeros(rows, weight_hh.dtype)
        biases = [zeros if bias is None else bias for bias in (bias_ih, bias_hh)]
        self.weights = tuple(np.array(array) for array in (weight_ih, weight_hh, *biases))
        self.options = options
        self.hidden_size = weight_hh.shape[1]
        self.state_size = self.states * self.hidden_size
        self.input_size = weight_ih.shape[1]
        self.dtype = weight_hh.dtype
        assert self.weights[0].shape == (rows, self.input_size)
        assert self.weights[1].shape == (rows, self.hidden_size)
        assert self.weights[2].shape == self.weights[3].shape == (rows,)


class RNN(StandIn):
    def step(self, h: Any, x: Any) -> Any:
        return cell_steps.rnn_step(self.weights, np.asarray(h), np.asarray(x), **self.options)


class GRU(StandIn):
    gates = 3

    def step(self, h: Any, x: Any) -> Any:
        return cell_steps.gru_step(self.weights, np.asarray(h), np.asarray(x), **self.options)


class LSTM(StandIn):
    gates, states = 4, 2

    def step(self, h: Any, x: Any) -> Any:
        return cell_steps.lstm_step(self.weights, np.asarray(h), np.asarray(x))


class UGRNN(StandIn):
    gates = 2

    def step(self, h: Any, x: Any) -> Any:
        return cell_steps.ugrnn_step(self.weights, np.asarray(h), np.asarray(x))


def _gru(*arrays: Any, reset_after: bool = True) -> Any:
    """PyTorch's GRU is there, the original one is not."""
    return _COMPILED_GRU(*arrays) if reset_after else GRU(*arrays, reset_after=False)


_COMPILED_GRU = cells.GRU
for stand_in in (RNN, LSTM, UGRNN):
    if not hasattr(cells, stand_in.__name__):
        setattr(cells, stand_in.__name__, stand_in)
if "reset_after" not in inspect.signature(cells.GRU).parameters:
    setattr(cells, "GRU", _gru)  # noqa: B010
