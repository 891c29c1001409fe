"""One cell along sequences: its states forward, and a covector backward through its secants.

All arrays are in the order in which the cell reads, step after step, the sequences side by side,
(T, n, ...), and the longest first: at step t only the first `active[t]` of them go on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nullcline.attribution.secants import secants_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell


@dataclass(frozen=True)
class Trajectory:
    """States and inputs of a run; of one step, or of one sequence, where all have the same."""

    states: Floats
    """(T + 1, n, S), or (1, 1, S) at rest; beyond a sequence's end its last."""
    inputs: Floats
    """(T, n, D), or (1, 1, D)."""

    def step(self, t: int, n: int) -> tuple[Floats, Floats]:
        """Return states and inputs before step t, (n, S) and (n, D)."""
        h, x = self.states, self.inputs
        h, x = h[t if len(h) > 1 else 0], x[t if len(x) > 1 else 0]
        return _first(h, n), _first(x, n)

    @property
    def is_resting(self) -> bool:
        """Whether it is one state for all steps and sequences."""
        return len(self.states) == 1


@dataclass(frozen=True)
class Adjoint:
    """What a covector is at every step on its way back."""

    at_state: Floats
    """Of the state after each step, (T, n, S): how the result changes with that state."""
    at_start: Floats
    """Of the state before the first, (n, S)."""
    at_input: Floats
    """Of each step's input, (T, n, D)."""


def active_counts(lengths: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return how many sequences, the longest first, have a step t, for every t."""
    steps = np.arange(int(lengths.max(initial=0)))
    return np.sum(lengths[:, None] > steps, axis=0)


def run(cell: Cell, start: Floats, inputs: Floats, active: NDArray[np.intp]) -> Trajectory:
    """Return the trajectory from `start`, (n, S), with these inputs, (T, n, D)."""
    states = np.empty((len(inputs) + 1, *start.shape), start.dtype)
    states[0] = start
    for t, count in enumerate(active):
        states[t + 1] = states[t]
        states[t + 1, :count] = cell.step(states[t, :count], inputs[t, :count])
    return Trajectory(states, inputs)


def pull_back(
    cell: Cell,
    base: Trajectory,
    actual: Trajectory,
    readout: Floats | None,
    outputs: Floats | None,
    active: NDArray[np.intp],
) -> Adjoint:
    """Return the adjoint of a readout (H,) of the last outputs, or of covectors (T, n, H)."""
    secants = secants_of(cell)
    steps, n, _ = actual.inputs.shape
    dtype, size = actual.states.dtype, cell.hidden_size
    covector = np.zeros((n, cell.state_size), dtype)
    at_state = np.zeros((steps, n, cell.state_size), dtype)
    at_input = np.zeros(actual.inputs.shape, dtype)
    if readout is not None:
        covector[:, :size] = readout
    for t in reversed(range(steps)):
        count = int(active[t])
        if outputs is not None:
            covector[:count, :size] += outputs[t, :count]
        at_state[t, :count] = covector[:count]
        covector[:count], at_input[t, :count] = secants.secant_vjp(
            *base.step(t, count), *actual.step(t, count), covector[:count]
        )
    return Adjoint(at_state, covector, at_input)


def pull_inputs(cell: Cell, base: Trajectory, actual: Trajectory, outputs: Floats) -> Floats:
    """Return covectors of the inputs (T, n, D), of those of the outputs, within each step alone."""
    n = outputs.shape[1]
    covectors = np.zeros((n, cell.state_size), outputs.dtype)
    at_input = np.zeros(actual.inputs.shape, outputs.dtype)
    for t, row in enumerate(outputs):
        covectors[:, : cell.hidden_size] = row
        _, at_input[t] = secants_of(cell).secant_vjp(
            *base.step(t, n), *actual.step(t, n), covectors
        )
    return at_input


def push_inputs(cell: Cell, base: Trajectory, actual: Trajectory) -> Floats:
    """Return how each step's change of the input changes the state after it, (T, n, S)."""
    steps, n, _ = actual.inputs.shape
    pushed = np.empty((steps, n, cell.state_size), actual.states.dtype)
    still = np.zeros((n, cell.state_size), actual.states.dtype)
    for t in range(steps):
        (h0, x0), (h, x) = base.step(t, n), actual.step(t, n)
        pushed[t] = secants_of(cell).secant_jvp(h0, x0, h, x, still, x - x0)
    return pushed


def reverse(array: Floats, lengths: NDArray[np.intp]) -> Floats:
    """Return (T, n, ...) with each sequence's own steps in the other order."""
    steps = np.arange(len(array))[:, None]
    other = np.where(steps < lengths, lengths - 1 - steps, steps)
    return array[other, np.arange(array.shape[1])]


def _first(rows: Floats, n: int) -> Floats:
    return np.broadcast_to(rows, (n, rows.shape[1])) if len(rows) == 1 else rows[:n]
