"""What a recurrent module did when it was called: each layer's states, and that they are its own.

PyTorch's modules are asked again, layer by layer, for what they keep to themselves
(`nullcline.visits.unrolling`), and the last states, which they do return, must come out. Any other
module is believed what it returns where that can only be a state.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from nullcline.cells._memory import is_out_of_memory
from nullcline.visits.unrolling import n_directions, output_size, split_layers, whole_states

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


@dataclass(frozen=True)
class Run:
    """What one layer did, in one direction: n sequences of at most T steps.

    Attributes
    ----------
    name
        What to add to the module's name: "l0", "l0.reverse"; nothing for a module of one.
    inputs, states
        What was read and the state after it, at every place, (n, T, D) and (n, T, S).
    start
        The state before the first step, (n, S).
    lengths
        How many steps each sequence had, (n,), where they were packed; None for T each.
    backward
        Whether it went from the last place to the first.
    """

    name: str
    inputs: Tensor
    states: Tensor
    start: Tensor
    lengths: Tensor | None = None
    backward: bool = False

    def before(self, sequence: Tensor, place: Tensor) -> Tensor:
        """Return the state before the step at each of these places, shape (m, S)."""
        n_steps = self.states.shape[1]
        if self.backward:
            end = n_steps if self.lengths is None else self.lengths[sequence]
            first, previous = place == end - 1, place + 1
        else:
            first, previous = place == 0, place - 1
        earlier = self.states[sequence, previous.clamp(0, n_steps - 1)]
        return torch.where(first[:, None], self.start[sequence], earlier)


@dataclass(frozen=True)
class Call:
    """All runs of one call; their sequences and places are the same.

    Attributes
    ----------
    runs
        One for each layer and direction.
    given, last
        The tensors of the state that the call was given, if any, and of the one that it ended in.
    """

    runs: tuple[Run, ...]
    given: tuple[Tensor, ...]
    last: tuple[Tensor, ...]


class CallError(ValueError):
    """A call does not say in which states the module was."""


def is_known(module: object) -> bool:
    """Whether a module is one whose states are known: PyTorch's, or the network that we train."""
    if isinstance(module, nn.RNNCellBase):
        return True
    return isinstance(module, nn.RNN | nn.GRU | nn.LSTM) or hasattr(module, "nullcline_cell")


class CallReader:
    """Reads the calls of one module."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._names = list(inspect.signature(module.forward).parameters)
        self._layers: list[Any] | None = None

    def read(self, args: tuple[Any, ...], keywords: dict[str, Any], output: Any) -> Call:
        """Return what a call did.

        Raises
        ------
        CallError
            If the module does not step as its weights say, or returns no states.
        """
        named = [name for name in self._names if name in keywords]
        inputs, state, *_ = [*args, *(keywords[name] for name in named), None, None]
        given = _tensors(state)
        if isinstance(self._module, nn.RNNCellBase):
            last = _tensors(output)
            return _one_step(inputs, given, last)
        if not is_known(self._module):
            return _of_unknown(self._module, inputs, given, state, output)
        if self._layers is None:
            self._layers = split_layers(self._module)  # after a call, for which hooks make weights
        try:
            outputs, after = output
            last = _tensors(after)
            runs = _runs(self._module, self._layers, inputs, given, outputs, last)
        except (TypeError, ValueError, RuntimeError, IndexError, AttributeError) as error:
            if isinstance(error, CallError) or is_out_of_memory(error):
                raise
            raise CallError(
                f"does not answer as its kind does ({type(error).__name__}: {error})"
            ) from error
        return Call(tuple(runs), given, last)


def _runs(
    rnn: Any,
    layers: Sequence[Any],
    inputs: Any,
    given: tuple[Tensor, ...],
    outputs: Any,
    last: tuple[Tensor, ...],
) -> list[Run]:
    ways, width = n_directions(rnn), output_size(rnn)
    is_single = not isinstance(inputs, PackedSequence) and inputs.dim() == 2
    runs = []
    for layer, single in enumerate(layers):
        own = slice(ways * layer, ways * (layer + 1))
        is_last = layer == len(layers) - 1
        after = outputs if is_last else single(inputs, _state(given, own))[0]
        x, lengths = _padded(inputs, rnn, is_single=is_single)
        h, _ = _padded(after, rnn, is_single=is_single)
        for way in range(ways):
            place = ways * layer + way
            start, end = (
                [part[place][None] if is_single else part[place] for part in tensors]
                for tensors in (given, last)
            )
            backward = way == 1
            states = whole_states(
                single,
                x,
                h[..., way * width : (way + 1) * width],
                start=start,
                lengths=lengths,
                backward=backward,
            )
            first = torch.cat(start, 1) if start else states.new_zeros(states[:, 0].shape)
            name = f"l{layer}" + (".reverse" if backward else "")
            runs.append(Run(name, x, states, first, lengths, backward))
            _require_same(runs[-1], torch.cat(end, 1))
        inputs = after
    return runs


def _state(given: tuple[Tensor, ...], own: slice) -> Any:
    """Return the state of one layer, as it is passed to a module of one."""
    parts = tuple(part[own] for part in given)
    return (parts if len(parts) > 1 else parts[0]) if parts else None


def _padded(value: Any, rnn: Any, *, is_single: bool) -> tuple[Tensor, Tensor | None]:
    """Return sequences as (n, T, ...), in the caller's order, with their lengths if packed."""
    if isinstance(value, PackedSequence):
        padded, lengths = pad_packed_sequence(value, batch_first=True)
        return padded, lengths.to(padded.device)
    if is_single:
        return value[None], None
    return (value if rnn.batch_first else value.transpose(0, 1)), None


def _require_same(run: Run, last: Tensor) -> None:
    """Raise unless a run ends where the module says that it did.

    Far coarser than rounding, far finer than another step: the square root of the type's precision.
    """
    n, n_steps = run.states.shape[:2]
    rows = torch.arange(n, device=last.device)
    if run.backward:
        ours = run.states[:, 0]
    else:
        ours = run.states[rows, (n_steps if run.lengths is None else run.lengths) - 1]
    scale = 1 + last.abs().amax() if last.numel() else 1
    off = (ours - last).abs().amax() if last.numel() else torch.zeros(())
    if off > 10 * torch.finfo(last.dtype).eps ** 0.5 * scale:
        raise CallError(
            f"ends {run.name} in another state than its weights lead to (off by {float(off):.1e}): "
            "it does not step as its kind does, or does not put out its states"
        )


def _one_step(inputs: Tensor, given: tuple[Tensor, ...], last: tuple[Tensor, ...]) -> Call:
    """Return a call of one step: of a cell, which returns its state."""
    x, *states = (part[None] if part.dim() == 1 else part for part in (inputs, *last))
    after = torch.cat(states, 1)
    starts = [part[None] if part.dim() == 1 else part for part in given]
    start = torch.cat(starts, 1) if starts else torch.zeros_like(after)
    return Call((Run("", x[:, None], after[:, None], start),), given, last)


def _of_unknown(
    module: Any, inputs: Any, given: tuple[Tensor, ...], state: Any, output: Any
) -> Call:
    """Return a call of a module of whose kind nothing is known, if what it returns is plain.

    It returns the state, of the form in which it was given one; or outputs and then the state. If
    it reads sequences, its outputs must be its states.
    """
    if not isinstance(inputs, torch.Tensor):
        raise CallError(f"reads {type(inputs).__name__}, and no tensor")
    is_pair = isinstance(output, tuple | list) and len(output) == 2
    has_outputs = is_pair and (isinstance(output[1], tuple | list) or not isinstance(state, tuple))
    last = _tensors(output[1] if has_outputs else output)
    if not last or (given and [part.shape for part in given] != [part.shape for part in last]):
        raise CallError("returns no state of the form in which it is given one")
    if inputs.dim() < 3:
        return _one_step(inputs, given, last)
    outputs = output[0] if has_outputs else last[0]
    states = _along(module, outputs, last[0] if has_outputs else None)
    x = inputs if states is outputs else inputs.transpose(0, 1)
    first = given[0].reshape(states[:, 0].shape) if given else torch.zeros_like(states[:, 0])
    return Call((Run("", x, states, first),), given, last)


def _along(module: Any, outputs: Tensor, last: Tensor | None) -> Tensor:
    """Return the states (n, T, S), whichever comes first, where outputs are states."""
    if last is None:
        if not hasattr(module, "batch_first"):
            raise CallError("does not say by batch_first whether sequences come first")
        return outputs if module.batch_first else outputs.transpose(0, 1)
    for states in (outputs, outputs.transpose(0, 1)):
        end = states[:, -1]
        if end.numel() == last.numel() and torch.equal(end, last.reshape(end.shape)):
            return states
    raise CallError("puts out something else than its states: the last output is not the last one")


def _tensors(value: Any) -> tuple[Tensor, ...]:
    """Return the tensors of a state: of one, of several side by side, or of none."""
    if value is None:
        return ()
    return (value,) if isinstance(value, torch.Tensor) else tuple(value)
