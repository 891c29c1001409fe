"""The network that a finder was given, as a cell, and the states that it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline.interop import from_torch

if TYPE_CHECKING:
    import torch

    from nullcline._validation import Floats
    from nullcline.cells import Cell


class Network:
    """A recurrent module of one layer, read as it is now.

    Parameters
    ----------
    rnn
        As in `FixedPointFinderTorch`.
    """

    def __init__(self, rnn: torch.nn.Module) -> None:
        if getattr(rnn, "bidirectional", False):
            raise ValueError(
                "rnn must have one direction: two have no state that evolves with time"
            )
        cells = from_torch(rnn)
        if len(cells) != 1:
            raise ValueError(
                f"rnn must have one layer, not {len(cells)}: pass a module of one of its layers, "
                "or search each of nullcline.from_torch(rnn)"
            )
        self.cell: Cell = cells[0]

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
