"""One recurrent layer along packed sequences by PyTorch's own operations, on any device."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import _VF, Tensor
from torch.nn.functional import linear

if TYPE_CHECKING:
    from collections.abc import Callable


class LayerWeights(NamedTuple):
    """The parameters of a layer, in PyTorch's order of blocks."""

    weight_ih: Tensor
    weight_hh: Tensor
    bias_ih: Tensor
    bias_hh: Tensor


def recorded_layer(
    kind: str,
    inputs: Tensor,
    active: Tensor,
    start: Tensor,
    weights: LayerWeights,
    alpha: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Run a layer along packed sequences: see `nullcline.training.layer.run_layer`."""
    if kind == "ugrnn":
        return _recorded_steps(inputs, active, start, weights, _update_gate)
    if alpha is not None:
        return _recorded_steps(inputs, active, start, weights, partial(_leak, alpha))
    options = (True, 1, 0.0, False, False)  # biases, layers, dropout, training, bidirectional
    parameters = list(weights)
    if kind == "lstm":
        parts = tuple(part[None].contiguous() for part in start.chunk(2, dim=1))
        outputs, h, c = _VF.lstm(inputs, active, parts, parameters, *options)
        return outputs, torch.cat([h[0], c[0]], dim=1)
    function = _VF.gru if kind == "gru" else _VF.rnn_tanh
    outputs, h = function(inputs, active, start[None].contiguous(), parameters, *options)
    return outputs, h[0]


def _update_gate(sums: Tensor, state: Tensor) -> Tensor:
    c, g = sums.chunk(2, dim=1)
    c, g = c.tanh(), g.sigmoid()
    return c + g * (state - c)


def _leak(alpha: Tensor, sums: Tensor, state: Tensor) -> Tensor:
    return state + alpha * (sums.tanh() - state)


def _recorded_steps(
    inputs: Tensor,
    active: Tensor,
    start: Tensor,
    weights: LayerWeights,
    step: Callable[[Tensor, Tensor], Tensor],
) -> tuple[Tensor, Tensor]:
    """Run a layer whose states are `step(W x + b + U h + b', h)`."""
    driven = linear(inputs, weights.weight_ih, weights.bias_ih)
    state, ended, outputs = start, [], []
    for drive in torch.split(driven, active.tolist()):
        ended.append(state[len(drive) :])
        state = state[: len(drive)]
        state = step(drive + linear(state, weights.weight_hh, weights.bias_hh), state)
        outputs.append(state)
    return torch.cat(outputs), torch.cat([state, *reversed(ended)])
