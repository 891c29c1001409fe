"""The update-gate recurrent network as a PyTorch module, trained as fast as a CPU allows."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional


class UGRNN(nn.Module):
    """A stack of update-gate networks (Collins, Sohl-Dickstein and Sussillo 2017, section 2.2).

    `c = tanh(W_c x + U_c h + b_c)`, `g = σ(W_g x + U_g h + b_g)`, `h' = g∘h + (1 − g)∘c`. The
    parameters of layer k are those of `torch.nn.GRU`, with the rows of c first, then those of g:
    `weight_ih_l{k}` (2H, D), `weight_hh_l{k}` (2H, H), `bias_ih_l{k}` and `bias_hh_l{k}` (2H,).
    They start uniform in ±1/√H.

    Parameters
    ----------
    input_size
        Features D of the input.
    hidden_size
        Units H of each layer.
    num_layers
        Number of layers, each reading the outputs of the one below.
    batch_first
        Whether sequences have shape (n, T, D) and not (T, n, D).
    """

    nullcline_cell: ClassVar[str] = "UGRNN"
    """The cell that `nullcline.from_torch` makes of each layer."""

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, *, batch_first: bool = False
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.batch_first = batch_first
        bound = 1 / math.sqrt(hidden_size)
        for layer in range(num_layers):
            width = hidden_size if layer else input_size
            for name, shape in (
                ("weight_ih", (2 * hidden_size, width)),
                ("weight_hh", (2 * hidden_size, hidden_size)),
                ("bias_ih", (2 * hidden_size,)),
                ("bias_hh", (2 * hidden_size,)),
            ):
                start = torch.empty(shape).uniform_(-bound, bound)
                self.register_parameter(f"{name}_l{layer}", nn.Parameter(start))

    def forward(self, inputs: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the outputs of the last layer at every step, and every layer's last state.

        Parameters
        ----------
        inputs
            The sequences, shape (n, T, D) if `batch_first`, else (T, n, D).
        state
            The state of each layer to start from, shape (num_layers, n, H); zero by default.

        Returns
        -------
        outputs : torch.Tensor
            Shaped as `inputs`, with H for D.
        last : torch.Tensor
            Shape (num_layers, n, H).
        """
        sequence = inputs.transpose(0, 1) if self.batch_first else inputs
        if state is None:
            state = inputs.new_zeros(self.num_layers, sequence.shape[1], self.hidden_size)
        last = []
        for layer in range(self.num_layers):
            weight_ih, weight_hh, bias_ih, bias_hh = (
                self.get_parameter(f"{name}_l{layer}")
                for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            )
            driven = functional.linear(sequence, weight_ih, bias_ih + bias_hh)
            sequence = _Recurrence.apply(driven, weight_hh, state[layer])  # type: ignore[no-untyped-call]
            last.append(sequence[-1])
        outputs = sequence.transpose(0, 1) if self.batch_first else sequence
        return outputs, torch.stack(last)


class _Recurrence(torch.autograd.Function):
    """All steps of one layer, given what the input adds to c and g: backward written by hand.

    Autograd would record a dozen small operations a step and multiply out the gradient of the
    weights step by step; here it is one product over all steps.
    """

    @staticmethod
    def forward(ctx: Any, driven: Tensor, weight: Tensor, start: Tensor) -> Tensor:
        steps, n, size = driven.shape[0], driven.shape[1], weight.shape[1]
        gates = torch.empty_like(driven, memory_format=torch.contiguous_format)
        states = driven.new_empty(steps + 1, n, size)
        states[0] = start
        transposed = weight.t()
        for step in range(steps):
            torch.addmm(driven[step], states[step], transposed, out=gates[step])
            c, g = gates[step].chunk(2, dim=1)
            c.tanh_()
            g.sigmoid_()
            torch.lerp(c, states[step], g, out=states[step + 1])
        ctx.save_for_backward(weight, gates, states)
        return states[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        weight, gates, states = ctx.saved_tensors
        size = weight.shape[1]
        c, g = gates.chunk(2, dim=2)
        # Of h' by what c and g are functions of; the loop multiplies the gradient of h' in.
        driven = torch.cat(((1 - g) * (1 - c * c), (states[:-1] - c) * g * (1 - g)), dim=2)
        to_state = torch.zeros_like(states[0])
        for step in range(len(gates) - 1, -1, -1):
            to_state += gradient[step]
            driven[step].view(-1, 2, size).mul_(to_state.unsqueeze(1))
            to_state *= g[step]
            to_state.addmm_(driven[step], weight)
        flat = driven.flatten(0, 1)
        return driven, flat.t() @ states[:-1].flatten(0, 1), to_state
