"""Native cells of modules that others wrote: guessed by shapes and names, and kept if they agree.

A guess costs nothing, since the module itself decides: it is called on states and inputs of three
sizes, and a cell that steps elsewhere by more than rounding is dropped.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from itertools import chain, combinations
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nullcline.cells import GRU, LSTM, RNN, UGRNN, LeakyRNN, RateRNN
from nullcline.cells.rate_cell import ACTIVATIONS
from nullcline.cells.rnn import NONLINEARITIES
from nullcline.interop._agreement import DOUBLE, SINGLE, DifferentStepError, require_same_step
from nullcline.interop._torch_layout import BIASES, WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from nullcline._support.validation import Floats
    from nullcline.cells import CompiledCell
    from nullcline.interop._module_step import ModuleStep

_GATED: dict[tuple[int, int], tuple[Callable[..., CompiledCell], ...]] = {
    (1, 1): (RNN, partial(RNN, nonlinearity="relu")),
    (2, 1): (UGRNN,),
    (3, 1): (GRU,),
    (4, 2): (LSTM,),
}
"""Cells by the rows of their weights and the length of their states, in units."""

N_ROWS = 8
"""States that a guess is fitted to."""

_DIGITS = 5
"""Digits of a leak that somebody wrote, such as 0.2."""

_MOST_BIASES = 4
"""Vectors of which all sums are tried as the bias."""


def recognized(
    step: ModuleStep, n_inputs: int, own: np.dtype[Any], dtype: np.dtype[Any]
) -> CompiledCell | None:
    """Return the native cell that steps as a module does, where its weights lead to one.

    Parameters
    ----------
    step
        The module's step.
    n_inputs
        D.
    own, dtype
        What the module computes in, and the cell.
    """
    sizes = {part.shape for part in step.parts}
    if len(sizes) > 1 or len(next(iter(sizes))) != 1:
        return None
    ((size,),) = sizes
    calls = _Calls(step, own)
    arrays = _arrays(step.module, dtype)
    guesses = _gated(arrays, size, len(step.parts))
    if len(step.parts) == 1:
        guesses = chain(guesses, _rates(arrays, size, n_inputs, calls))
    for cell in guesses:
        if cell.input_size == n_inputs and calls.agree_with(cell):
            return cell
    return None


class _Calls:
    """Calls of a module with arrays."""

    def __init__(self, step: ModuleStep, dtype: np.dtype[Any]) -> None:
        self._step = step
        self._dtype = dtype

    def __call__(self, h: Floats, x: Floats) -> Floats:
        """Return the next states, in float64."""
        import torch

        inputs, states = (torch.from_numpy(array.astype(self._dtype)) for array in (x, h))
        with torch.no_grad():
            return self._step(inputs, states).to(torch.float64).numpy()

    @property
    def tolerance(self) -> float:
        """How near a guess must come to be worth a check."""
        return 1e-9 if self._dtype == np.float64 else 1e-3

    def agree_with(self, cell: CompiledCell) -> bool:
        """Whether the module steps as a cell does, up to rounding."""
        roundoff = DOUBLE if self._dtype == np.float64 else SINGLE
        try:
            require_same_step("module", cell, self, roundoff)
        except (DifferentStepError, ValueError):
            return False
        return True


def _arrays(module: Any, dtype: np.dtype[Any]) -> dict[str, Floats]:
    """Return a module's parameters and buffers of vectors and matrices, by name."""
    named = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    return {
        name: value.detach().to_dense().cpu().numpy().astype(dtype)
        for name, value in named.items()
        if value.dim() in {1, 2} and value.is_floating_point()
    }


def _gated(arrays: dict[str, Floats], size: int, n_parts: int) -> Iterator[CompiledCell]:
    """Yield the cells of weights with PyTorch's names, whatever comes before the names."""
    for name, weight in arrays.items():
        prefix, found, suffix = name.partition(WEIGHTS[1])
        if not found or suffix not in {"", "_l0"}:
            continue
        weights = [arrays.get(f"{prefix}{kind}{suffix}") for kind in (*WEIGHTS, *BIASES)]
        if weights[0] is None or weight.shape[0] % size:
            continue
        for make in _GATED.get((weight.shape[0] // size, n_parts), ()):
            with suppress(ValueError):  # the shapes of another convention
                yield make(*weights)


class _Affine(NamedTuple):
    """A network's inputs, recurrence and bias, as guessed."""

    read: Floats
    recur: Floats
    bias: Floats


def _rates(
    arrays: dict[str, Floats], size: int, n_inputs: int, calls: _Calls
) -> Iterator[CompiledCell]:
    """Yield the networks of rates that fit what a module does with a few states."""
    rng = np.random.default_rng(0)
    h, x = rng.uniform(-1, 1, (N_ROWS, size)), rng.uniform(-1, 1, (N_ROWS, n_inputs))
    pairs = list(_pairs([array for array in arrays.values() if array.ndim == 2], size, n_inputs))
    moved = calls(h, x) - h
    if not pairs or not np.isfinite(moved).all():
        return
    biases = list(_biases(arrays, size, pairs[0][0].dtype))
    rates = {name: _activated(name, h) for name in ACTIVATIONS}
    for read, recur in pairs:  # products are dear, and made once for all biases
        recurrent, driven = h @ recur.T, x @ read.T
        currents = {name: rate @ recur.T for name, rate in rates.items()}
        for bias in biases:
            guess, drive = _Affine(read, recur, bias), driven + bias
            sums = recurrent + drive
            for name in ACTIVATIONS:
                for make, target in (
                    (LeakyRNN, _activated(name, sums)),
                    (RateRNN, currents[name] + drive),
                ):
                    alpha = _leak(moved, target - h, calls.tolerance)
                    if alpha is not None:
                        yield _rate_cell(make, guess, alpha, name)
            yield from _leaks_within(guess, h, sums, moved + h, calls.tolerance)


def _rate_cell(make: Any, guess: _Affine, alpha: Floats, name: str) -> CompiledCell:
    if make is LeakyRNN and name in NONLINEARITIES and np.all(alpha == 1):
        return RNN(*guess, nonlinearity=name)
    cell: CompiledCell = make(*guess, alpha=alpha.astype(guess.bias.dtype), activation=name)
    return cell


def _leaks_within(
    guess: _Affine, h: Floats, sums: Floats, after: Floats, tolerance: float
) -> Iterator[CompiledCell]:
    """Yield the vanilla network of φ((1 - α) h + α (W h + U x + b)), whose leak is within φ."""
    for name in NONLINEARITIES:
        with np.errstate(divide="ignore"):
            before = after if name == "relu" else np.arctanh(np.clip(after, -1, 1))
        seen = (after > 0) if name == "relu" else np.isfinite(before)  # where φ can be undone
        moved, pull = np.where(seen, before - h, 0), np.where(seen, sums - h, 0)
        alpha = _leak(moved.reshape(-1, 1), pull.reshape(-1, 1), tolerance)
        if alpha is not None:
            recur = alpha * guess.recur + (1 - alpha) * np.eye(len(guess.recur))
            weights = alpha * guess.read, recur, alpha * guess.bias
            yield RNN(*(array.astype(guess.bias.dtype) for array in weights), nonlinearity=name)


def _leak(moved: Floats, pull: Floats, tolerance: float) -> Floats | None:
    """Return α, one for all units or one each, with which `moved` is α times `pull`, if any is.

    Least squares find it to rounding; a number with fewer digits that is as near is what was meant.
    """
    square = np.sum(pull**2, axis=0)
    if not np.isfinite(square).all() or not square.all():
        return None
    each: Floats = np.sum(moved * pull, axis=0) / square
    if (np.abs(moved - each * pull) > tolerance * (1 + np.abs(pull))).any():
        return None
    near = tolerance / 1000
    if np.ptp(each) < near:
        each = np.full(1, np.median(each))
    short = np.round(each, _DIGITS)
    alpha = np.where(np.abs(short - each) < near, short, each)
    if not ((alpha > 0) & (alpha <= 1)).all():
        return None
    found: Floats = alpha if len(alpha) > 1 else alpha[0]
    return found


def _activated(name: str, sums: Floats) -> Floats:
    """Return an activation of sums, as the core computes it."""
    unit = LeakyRNN(np.ones((1, 1)), np.zeros((1, 1)), alpha=1.0, activation=name)
    return unit.step(np.zeros((sums.size, 1)), sums.reshape(-1, 1)).reshape(sums.shape)


def _biases(arrays: dict[str, Floats], size: int, dtype: np.dtype[Any]) -> Iterator[Floats]:
    """Yield what may be a network's bias: the sums of its vectors, of all of them first."""
    vectors = [array for array in arrays.values() if array.shape == (size,)][:_MOST_BIASES]
    for count in range(len(vectors), -1, -1):
        for chosen in combinations(vectors, count):
            bias: Floats = np.add.reduce([np.zeros(size, dtype), *chosen])
            yield bias


def _pairs(matrices: Sequence[Floats], size: int, n_inputs: int) -> Iterator[tuple[Floats, Floats]]:
    """Yield input weights, (H, D), and recurrent weights, (H, H), of two matrices or of one."""
    for i, both in enumerate(matrices):
        if both.shape == (size, n_inputs + size):
            yield both[:, :n_inputs], both[:, n_inputs:]
            yield both[:, size:], both[:, :size]
        if both.shape != (size, size):
            continue
        reads = [matrix for j, matrix in enumerate(matrices) if j != i]
        ways = [matrix for matrix in reads if matrix.shape == (size, n_inputs)]
        ways += [matrix.T for matrix in reads if matrix.shape == (n_inputs, size)]
        ways += [np.zeros((size, 0), both.dtype)] * (n_inputs == 0)
        for read in ways:
            yield read, both
            yield read, both.T
