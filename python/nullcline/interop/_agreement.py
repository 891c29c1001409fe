"""Whether an imported cell steps as the module does that it was read from.

An importer knows where a module keeps its weights, not what the module does with them: a derived
class may step in another way, a hook may change a weight or an output. So each importer calls the
module itself, on a few states and inputs, and compares. A difference is one if it exceeds a bound
of the rounding errors of a step:

    |computed - exact| ≤ (D + H + 16) u (1 + A_i) (1 + max_j A_j)

with u the unit roundoff, and A_i the largest Σ|W||x| + Σ|U||h| + |b| of a gate of unit i, plus the
largest of its states. (D + H) u A_i bounds the error of a sum in any order; the slopes of all gates
are at most 1, and what multiplies one, a state or another gate's sum, is at most A_j.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from nullcline._support.validation import Floats
    from nullcline.cells import Cell

DOUBLE, SINGLE, TF32, HALF, BFLOAT16 = 2.0**-53, 2.0**-24, 2.0**-11, 2.0**-11, 2.0**-8
"""Unit roundoffs."""

PROBES = 6
"""States that a module is called on: three pairs, of three sizes."""


class DifferentStepError(ValueError):
    """A module that steps in another way than the cell that its weights make."""


def probe_states(cell: Any, seed: int = 0) -> Floats:
    """Return states, shape (PROBES, S), exact in any precision of 8 bits or more.

    The first two lie in (-1, 1), where networks live; the next two are small enough for no unit to
    saturate, however large the weights are; the last two are large.
    """
    states = _eighths(seed, cell.state_size)
    rows = np.abs(cell.weight_hh).astype(np.float64)
    return _in_three_sizes(states, rows @ np.abs(states[:, : cell.hidden_size]).T)


def probe_inputs(cell: Any, seed: int = 1) -> Floats:
    """Return inputs, shape (PROBES, D), of the same three sizes."""
    inputs = _eighths(seed, cell.input_size)
    return _in_three_sizes(inputs, np.abs(cell.weight_ih).astype(np.float64) @ np.abs(inputs).T)


def require_same_step(
    subject: str, cell: Any, step: Callable[[Floats, Floats], Floats], roundoff: float
) -> None:
    """Raise unless `step(states, inputs)`, which calls a module, returns the cell's next states.

    Raises
    ------
    DifferentStepError
        If they differ by more than rounding errors of unit roundoff `roundoff`.
    ValueError
        If the module cannot be called.
    """
    states, inputs = probe_states(cell), probe_inputs(cell)
    try:
        found = step(states, inputs)
    except Exception as error:
        raise cannot_be_called(subject, error) from error
    require_same(subject, cell, states, inputs, found, roundoff)


def require_same(
    subject: str, cell: Any, states: Floats, inputs: Floats, found: Floats, roundoff: float
) -> None:
    """Raise DifferentStepError unless `found` are the cell's next states, up to rounding."""
    kind = type(cell).__name__
    if found.shape != states.shape:
        raise DifferentStepError(
            f"{subject} does not step as a {kind}: of states of shape {states.shape} it makes "
            f"{found.shape}; {remedy(subject)}"
        )
    own = cell.step(states.astype(cell.dtype), inputs.astype(cell.dtype)).astype(np.float64)
    bound = _rounding(cell, states, inputs, max(roundoff, _roundoff_of(cell)))
    with np.errstate(invalid="ignore"):
        differ = np.abs(found - own) > bound
    differ |= ~np.isfinite(found) & np.isfinite(bound)
    if differ.any():
        row, unit = np.unravel_index(
            np.argmax(differ * np.abs(np.nan_to_num(found) - own)), own.shape
        )
        raise DifferentStepError(
            f"{subject} does not step as the {kind} that its weights make: {np.sum(differ)} of "
            f"{differ.size} random values differ by more than rounding, such as "
            f"{found[row, unit]:.6g} where the {kind} gives {own[row, unit]:.6g}; it, or a hook, "
            f"has a step of its own: {remedy(subject)}"
        )


def moved(cell: Any, states: Floats, inputs: Floats, error: Floats, roundoff: float) -> Floats:
    """Return how far next states may be off if states and inputs are by at most `error`, (n,).

    By at most (1 + A) (1 + 6 R) times that, R the largest sum of a row of |W| or |U|.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        rows = max(np.abs(w).sum(axis=1).max(initial=0) for w in (cell.weight_ih, cell.weight_hh))
        gain = (1 + _largest_sums(cell, states, inputs).max(axis=1)) * (1 + 6 * float(rows))
        off: Floats = gain * error + _rounding(cell, states, inputs, roundoff).max(axis=1)
    return np.where(np.isnan(off), np.inf, off)


def cannot_be_called(subject: str, error: Exception) -> ValueError:
    """Return the exception for a module that did not take states and inputs."""
    return ValueError(
        f"{subject} could not be called on states and inputs to check what was read of it "
        f"({type(error).__name__}: {error}); {remedy(subject)}"
    )


_LARGE_HALF, _LARGE_SINGLE = 3e4, 1e38
"""Sums above which a step in 16 or 32 bits may overflow, and is no evidence."""

REMEDY = "pass a function that makes its step to nullcline.from_function"

MODULE_REMEDY = "pass it to nullcline.from_module, which has it step in its own way"
"""What to do with a module of PyTorch."""


def remedy(subject: str) -> str:
    """Return what to do with what steps in a way of its own."""
    return MODULE_REMEDY if subject == "module" else REMEDY


def _eighths(seed: int, width: int) -> Floats:
    """Return multiples of 1/8 in (-1, 1), none of which is zero."""
    rng = np.random.default_rng(seed)
    signs = rng.choice([-1.0, 1.0], (PROBES, width))
    numbers: Floats = signs * rng.integers(1, 8, (PROBES, width)) / 8
    return numbers


def _in_three_sizes(numbers: Floats, sums: Floats) -> Floats:
    """Scale the third and fourth row by powers of two to sums of at most 1, the last two by 8."""
    largest = max(float(sums[:, 2:4].max(initial=0.0)), 1.0)
    sizes = np.ones((PROBES, 1))
    sizes[2:4] = 2.0 ** -np.ceil(np.log2(largest))
    sizes[4:] = 8.0
    return numbers * sizes


def _rounding(cell: Any, states: Floats, inputs: Floats, roundoff: float) -> Floats:
    """Return the bound above for every number of a next state, (n, S)."""
    terms = cell.input_size + cell.hidden_size + 16
    with np.errstate(over="ignore", invalid="ignore"):
        a = _largest_sums(cell, states, inputs)
        bound = terms * roundoff * (1 + a) * (1 + a.max(axis=1, keepdims=True))
        overflows = np.isnan(bound) | (a > (_LARGE_HALF if roundoff == HALF else _LARGE_SINGLE))
    return np.tile(np.where(overflows, np.inf, bound), cell.state_size // cell.hidden_size)


def _largest_sums(cell: Any, states: Floats, inputs: Floats) -> Floats:
    """Return A_i of every unit, (n, H)."""
    size = cell.hidden_size
    sums = (
        np.abs(inputs) @ np.abs(cell.weight_ih).astype(np.float64).T
        + np.abs(states[:, :size]) @ np.abs(cell.weight_hh).astype(np.float64).T
        + np.abs(cell.bias_ih).astype(np.float64)
        + np.abs(cell.bias_hh)
    )
    in_gates, in_states = (
        array.reshape(len(states), -1, size).max(axis=1) for array in (sums, np.abs(states))
    )
    largest: Floats = in_gates + in_states
    return largest


def _roundoff_of(cell: Cell) -> float:
    return float(np.finfo(cell.dtype).eps) / 2
