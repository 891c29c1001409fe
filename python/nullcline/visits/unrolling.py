"""Every layer's states at every step, of which PyTorch's modules show the last layer's outputs.

A module of several layers is split into modules of one, which go the same way with the same weights
and are run as the whole was, padded or packed, so that they round alike where PyTorch lets them. Of
an LSTM's cells, PyTorch shows the last. The gates follow from inputs and outputs in one product,
and the cells from the gates: c' = f∘c + i∘g.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.functional import linear

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

_KINDS = (nn.GRU, nn.LSTM, nn.RNN)


def n_directions(rnn: Any) -> int:
    """Return in how many directions the layers of a module read."""
    return 2 if getattr(rnn, "bidirectional", False) else 1


def output_size(rnn: Any) -> int:
    """Return how many numbers a layer puts out in one direction."""
    return int(getattr(rnn, "proj_size", 0) or rnn.hidden_size)


def state_size(rnn: Any) -> int:
    """Return how many numbers a state has in one direction: an LSTM's is [h, c]."""
    return output_size(rnn) + (int(rnn.hidden_size) if isinstance(rnn, nn.LSTM) else 0)


def split_layers(rnn: Any) -> list[Any]:
    """Return the layers of a module as modules of one, which share its weights as they are now."""
    return [_layer(rnn, layer) for layer in range(rnn.num_layers)]


def _layer(rnn: Any, layer: int) -> Any:
    reads = output_size(rnn) * n_directions(rnn) if layer else rnn.input_size
    options = {"batch_first": rnn.batch_first}
    if isinstance(rnn, _KINDS):
        options |= {"bias": rnn.bias, "bidirectional": rnn.bidirectional}
    if isinstance(rnn, nn.LSTM):
        options["proj_size"] = rnn.proj_size
    if isinstance(rnn, nn.RNN):
        options["nonlinearity"] = rnn.nonlinearity
    if hasattr(rnn, "alpha"):
        options["alpha"] = float(rnn.alpha)
    with torch.device("meta"):  # where weights are neither drawn nor stored
        single = _class_of(rnn)(reads, rnn.hidden_size, **options)
    for name in list(dict(single.named_parameters())):
        weight = getattr(rnn, name.replace("_l0", f"_l{layer}")).detach()
        setattr(single, name, nn.Parameter(weight, requires_grad=False))
        if weight.is_cuda and isinstance(single, nn.RNNBase):
            single.flatten_parameters()
    for name in list(dict(single.named_buffers())):
        setattr(single, name, getattr(rnn, name))
    return single.eval()


def _class_of(rnn: Any) -> Any:
    """Return a module's class, or that of PyTorch's which it extends, if it is made otherwise."""
    kind = next((kind for kind in _KINDS if isinstance(rnn, kind)), type(rnn))
    return type(rnn) if type(rnn).__init__ is kind.__init__ else kind


def whole_states(
    rnn: Any,
    inputs: Tensor,
    outputs: Tensor,
    *,
    start: Sequence[Tensor] = (),
    lengths: Tensor | None = None,
    backward: bool = False,
) -> Tensor:
    """Return the states (n, T, S) of one layer in one direction: an LSTM's are [h, c].

    Parameters
    ----------
    rnn
        The layer, as a module of one.
    inputs, outputs
        What it read, (n, T, D), and put out in this direction, (n, T, H).
    start
        The state before, h (n, H) and maybe c; zero by default.
    lengths
        How many steps each sequence had, (n,), where they were packed.
    backward
        Whether this is the direction that reads from the end.
    """
    if not isinstance(rnn, nn.LSTM):
        return outputs
    first = start[0] if start else torch.zeros_like(outputs[:, 0])
    before = _before(outputs, first, lengths, backward=backward)
    gates = _gates(rnn, inputs, before, "_reverse" if backward else "")
    admit, keep, candidate, _ = gates.chunk(4, dim=2)
    added, kept = admit.sigmoid() * candidate.tanh(), keep.sigmoid()
    cells = torch.empty_like(added)
    cell = start[1] if start else torch.zeros_like(added[:, 0])
    steps = range(outputs.shape[1])
    for step in reversed(steps) if backward else steps:
        following = kept[:, step] * cell + added[:, step]
        if lengths is not None:
            following = torch.where((step < lengths)[:, None], following, cell)
        cells[:, step] = cell = following
    return torch.cat([outputs, cells], dim=2)


def _before(states: Tensor, start: Tensor, lengths: Tensor | None, *, backward: bool) -> Tensor:
    """Return the state before each step, (n, T, S), from those after it and the first."""
    if not backward:
        return torch.cat([start[:, None], states[:, :-1]], dim=1)
    before = torch.cat([states[:, 1:], start[:, None]], dim=1)
    if lengths is not None:
        before[torch.arange(len(lengths), device=lengths.device), lengths - 1] = start
    return before


def _gates(rnn: Any, inputs: Tensor, before: Tensor, way: str) -> Tensor:
    weight_ih, weight_hh = (getattr(rnn, f"weight_{at}_l0{way}") for at in ("ih", "hh"))
    bias_ih, bias_hh = (getattr(rnn, f"bias_{at}_l0{way}", None) for at in ("ih", "hh"))
    return linear(inputs, weight_ih, bias_ih) + linear(before, weight_hh, bias_hh)
