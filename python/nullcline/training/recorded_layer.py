"""One recurrent layer along packed sequences by PyTorch's own operations, on any device."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import _VF, Tensor
from torch.nn.functional import linear


class LayerWeights(NamedTuple):
    """The parameters of a layer, in PyTorch's order of blocks."""

    weight_ih: Tensor
    weight_hh: Tensor
    bias_ih: Tensor
    bias_hh: Tensor


def recorded_layer(
    kind: str, inputs: Tensor, active: Tensor, start: Tensor, weights: LayerWeights
) -> tuple[Tensor, Tensor]:
    """Run a layer along packed sequences: see `nullcline.training.layer.run_layer`."""
    if kind == "ugrnn":
        return _ugrnn(inputs, active, start, weights)
    options = (True, 1, 0.0, False, False)  # biases, layers, dropout, training, bidirectional
    parameters = list(weights)
    if kind == "lstm":
        parts = tuple(part[None].contiguous() for part in start.chunk(2, dim=1))
        outputs, h, c = _VF.lstm(inputs, active, parts, parameters, *options)
        return outputs, torch.cat([h[0], c[0]], dim=1)
    function = _VF.gru if kind == "gru" else _VF.rnn_tanh
    outputs, h = function(inputs, active, start[None].contiguous(), parameters, *options)
    return outputs, h[0]


def _ugrnn(
    inputs: Tensor, active: Tensor, start: Tensor, weights: LayerWeights
) -> tuple[Tensor, Tensor]:
    driven = linear(inputs, weights.weight_ih, weights.bias_ih)
    state, ended, outputs = start, [], []
    for drive in torch.split(driven, active.tolist()):
        ended.append(state[len(drive) :])
        state = state[: len(drive)]
        c, g = (drive + linear(state, weights.weight_hh, weights.bias_hh)).chunk(2, dim=1)
        c, g = c.tanh(), g.sigmoid()
        state = c + g * (state - c)
        outputs.append(state)
    return torch.cat(outputs), torch.cat([state, *reversed(ended)])
