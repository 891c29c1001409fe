"""One cell along sequences: its states forward, and covectors backward through its secants.

All arrays are in the order in which the cell reads, step after step, the sequences side by side and
the longest first: `nullcline.cells.RunsSequences` says how.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline.attribution.secants import secants_of
from nullcline.cells.protocol import RunsSequences

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell


@dataclass(frozen=True)
class Trajectory:
    """States and inputs of a run, or those of one at rest: one of each for all steps."""

    states: Floats
    """(T + 1, n, S), or (1, 1, S) at rest; beyond a sequence's end its last."""
    inputs: Floats
    """(T, n, D), or (1, 1, D)."""

    @property
    def is_resting(self) -> bool:
        """Whether it is one state for all steps and sequences."""
        return len(self.states) == len(self.inputs)

    def step(self, t: int, n: int) -> tuple[Floats, Floats]:
        """Return the states before step t of n sequences and their inputs, (n, S) and (n, D)."""
        if self.is_resting:
            h, x = self.states[0], self.inputs[0]
            return np.repeat(h, n, axis=0), np.repeat(x, n, axis=0)
        return self.states[t, :n], self.inputs[t, :n]

    def of(self, i: int, length: int) -> tuple[Floats, Floats]:
        """Return the states before each step of sequence i and their inputs, (T_i, ...)."""
        if self.is_resting:
            h, x = self.states[0], self.inputs[0]
            return np.repeat(h, length, axis=0), np.repeat(x, length, axis=0)
        return (
            np.ascontiguousarray(self.states[:length, i]),
            np.ascontiguousarray(self.inputs[:length, i]),
        )


@dataclass(frozen=True)
class Adjoint:
    """How a result changes with everything along the way."""

    at_state: Floats
    """With the state after each step, (T, n, S); of no step where it is not kept."""
    at_start: Floats
    """With the state before the first, (n, S)."""
    at_input: Floats
    """With each step's input, (T, n, D)."""
    at_once: Floats
    """With each step's input, of a result that is read right after it, (T, n, D)."""


def active_counts(lengths: NDArray[np.intp]) -> NDArray[np.int64]:
    """Return how many sequences, the longest first, have a step t, for every t."""
    steps = np.arange(int(lengths.max(initial=0)))
    counts: NDArray[np.int64] = np.sum(lengths[:, None] > steps, axis=0, dtype=np.int64)
    return counts


def run(cell: Cell, start: Floats, inputs: Floats, active: NDArray[np.int64]) -> Trajectory:
    """Return the trajectory from `start`, (n, S), with these inputs, (T, n, D)."""
    inputs = np.ascontiguousarray(inputs)
    states = _runner(cell).run_sequences(np.ascontiguousarray(start), inputs, active)
    return Trajectory(states, inputs)


def pull_back(
    cell: Cell,
    base: Trajectory,
    actual: Trajectory,
    of: Covectors,
    active: NDArray[np.int64],
    *,
    keep_states: bool,
) -> Adjoint:
    """Return the adjoint of covectors of a cell's outputs."""
    n = actual.inputs.shape[1]
    last = np.zeros((n, cell.state_size), actual.states.dtype)
    if of.last is not None:
        last[:, : cell.hidden_size] = of.last
    return Adjoint(
        *_runner(cell).pull_back_sequences(
            base.states,
            base.inputs,
            actual.states,
            actual.inputs,
            last,
            None if of.every is None else np.ascontiguousarray(of.every),
            np.ascontiguousarray(of.directly),
            active,
            keep_states=keep_states,
        )
    )


def push_inputs(cell: Cell, base: Trajectory, actual: Trajectory, i: int, length: int) -> Floats:
    """Return how each step's change of sequence i's input changes the state after it, (T_i, S)."""
    (h0, x0), (h, x) = base.of(i, length), actual.of(i, length)
    return secants_of(cell).secant_jvp(h0, x0, h, x, np.zeros_like(h), x - x0)


def reverse(array: Floats, lengths: NDArray[np.intp]) -> Floats:
    """Return (T, n, ...) with each sequence's own steps in the other order."""
    steps = np.arange(len(array))[:, None]
    other = np.where(steps < lengths, lengths - 1 - steps, steps)
    return array[other, np.arange(array.shape[1])]


@dataclass(frozen=True)
class Covectors:
    """Covectors of a cell's outputs, with which an adjoint begins."""

    last: Floats | None
    """Of those after the last step, (H,)."""
    every: Floats | None
    """Of those after every step, (T, n, H)."""
    directly: Floats
    """Of those, to be pulled to the inputs of their own steps alone, (T, n, H) or (1, 1, H)."""


class StepByStep:
    """A cell of any kind along sequences, step by step.

    Parameters
    ----------
    cell
        The cell.
    """

    def __init__(self, cell: Cell) -> None:
        self.cell = cell

    def run_sequences(self, start: Floats, x: Floats, active: NDArray[np.int64]) -> Floats:
        """Return the states after 0 to T steps, (T + 1, n, S)."""
        states = np.empty((len(x) + 1, *start.shape), start.dtype)
        states[0] = start
        for t, count in enumerate(active):
            states[t + 1] = states[t]
            states[t + 1, :count] = self.cell.step(states[t, :count], x[t, :count])
        return states

    def pull_back_sequences(self, *arrays: Any, keep_states: bool) -> tuple[Floats, ...]:
        """Return covectors of states, starts and inputs, and of the inputs at once."""
        h0, x0, h, x, last, outputs, directly, active = arrays
        base, actual = Trajectory(h0, x0), Trajectory(h, x)
        size, secants = self.cell.hidden_size, secants_of(self.cell)
        covectors = last.copy()
        states = np.zeros((len(x) if keep_states else 0, *last.shape), last.dtype)
        inputs, at_once = np.zeros_like(x), np.zeros_like(x)
        for t in reversed(range(len(x))):
            n = int(active[t])
            pair = *base.step(t, n), *actual.step(t, n)
            if outputs is not None:
                covectors[:n, :size] += outputs[t, :n]
            if keep_states:
                states[t, :n] = covectors[:n]
            direct = np.zeros_like(covectors[:n])
            direct[:, :size] = directly[0] if len(directly) == 1 else directly[t, :n]
            _, at_once[t, :n] = secants.secant_vjp(*pair, direct)
            covectors[:n], inputs[t, :n] = secants.secant_vjp(*pair, covectors[:n])
        return states, covectors, inputs, at_once


def _runner(cell: Cell) -> RunsSequences:
    """Return what goes along sequences with a cell: itself, or steps one by one."""
    return cell if isinstance(cell, RunsSequences) else StepByStep(cell)
