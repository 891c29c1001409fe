"""The network that a finder was given, as a cell, and the states that it takes."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from nullcline.interop import FunctionWarning, from_module, from_torch
from nullcline.interop._agreement import DifferentStepError
from nullcline.interop._torch_module import unwrapped

if TYPE_CHECKING:
    import torch

    from nullcline._support.validation import Floats
    from nullcline.cells import Cell


def require_searchable(rnn: torch.nn.Module) -> None:
    """Raise what `cell_of` would raise of the network alone, before there is any state."""
    import torch

    if not isinstance(rnn, torch.nn.Module):
        raise TypeError(f"rnn must be a module of PyTorch, not {type(rnn).__name__}")
    _layer(unwrapped(rnn))


def cell_of(rnn: torch.nn.Module, n_states: int, n_inputs: int) -> Cell:
    """Return a network, as it is now, as a cell; of another module, one for states of this size."""
    module = unwrapped(rnn)
    return _layer(module) or _function(module, n_states, n_inputs)


def _layer(rnn: torch.nn.Module) -> Cell | None:
    """Return the cell of a recurrent module; None of another, or of one with its own step."""
    import torch

    if not isinstance(rnn, torch.nn.RNNBase | torch.nn.RNNCellBase):
        return None
    if getattr(rnn, "bidirectional", False):
        raise ValueError("rnn must have one direction: two have no state that evolves with time")
    layers = getattr(rnn, "num_layers", 1)
    if layers != 1:
        raise ValueError(
            f"rnn must have one layer, not {layers}: pass a module of one of its layers, or "
            "search each of nullcline.from_torch(rnn)"
        )
    try:
        cell: Cell = from_torch(rnn)[0]
    except DifferentStepError:
        return None
    return cell


def _function(rnn: torch.nn.Module, n_states: int, n_inputs: int) -> Cell:
    """Make a cell of a module that is called as PyTorch's are: output, h = rnn(input, h0)."""
    import torch

    state: int | tuple[int, int] = n_states
    if isinstance(rnn, torch.nn.LSTM | torch.nn.LSTMCell):
        size = rnn.hidden_size
        if n_states != 2 * size:
            raise ValueError(
                f"initial_states must have shape (n, {2 * size}), [h, c], for an LSTM that steps "
                f"in a way of its own, not {n_states} columns"
            )
        state = (size, size)
    try:
        with warnings.catch_warnings():  # steps are of one input, whatever it makes of two
            warnings.filterwarnings("ignore", "module makes of two inputs", FunctionWarning)
            return from_module(rnn, n_inputs, state)
    except ValueError as error:
        raise ValueError(
            f"rnn cannot be called as torch.nn.GRU is, on states of {n_states} and inputs of "
            f"{n_inputs} numbers ({error})"
        ) from error


class Network:
    """A cell, and the states that it takes.

    Parameters
    ----------
    cell
        As of `cell_of`.
    """

    def __init__(self, cell: Cell) -> None:
        self.cell = cell

    @property
    def hidden_size(self) -> int:
        """H, the number of units."""
        return self.cell.hidden_size

    @property
    def state_size(self) -> int:
        """The length of a state, H, or 2H for `[h, c]`."""
        return self.cell.state_size

    @property
    def q_per_speed(self) -> float:
        """What nullcline's mean of squares is multiplied by to be half their sum."""
        return self.state_size / 2

    def gain_of_descent(self, states: Floats, inputs: Floats) -> Floats:
        """Return |q(s - ∇q(s)) - q(s)| of q, half the sum of squares, shape (n,)."""
        moved = states - self.cell.step(states, inputs)
        gradient = moved - self.cell.vjp(states, inputs, moved)
        lower, q = (self.cell.speed(s, inputs) for s in (states - gradient, states))
        gain: Floats = self.q_per_speed * np.abs(lower - q)
        return gain

    def is_hidden_alone(self, states: Floats) -> bool:
        """Whether states are the h of `[h, c]`."""
        return states.shape[1] == self.hidden_size and self.hidden_size != self.state_size

    def at_rest(self, h: Floats, inputs: Floats) -> Floats:
        """Return whole states, of which all but h is at rest."""
        return self.cell.state_of(h, inputs)

    def require_shapes(self, states: Floats, inputs: Floats) -> None:
        """Raise ValueError unless states and inputs are of this network."""
        widths = sorted({self.hidden_size, self.state_size})
        if states.ndim != 2 or states.shape[1] not in widths:
            shapes = " or ".join(f"(n, {width})" for width in widths)
            raise ValueError(f"initial_states must have shape {shapes}, not {states.shape}")
        width = self.cell.input_size
        if inputs.shape not in {(1, width), (len(states), width)}:
            raise ValueError(
                f"inputs must have shape (1, {width}) or ({len(states)}, {width}), not "
                f"{inputs.shape}"
            )
