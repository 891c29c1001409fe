"""One recurrent layer along packed sequences, run and differentiated by the compiled core.

PyTorch records every step on a CPU and differentiates step by step. Here all steps of a layer are
one operation to autograd: gates in one pass, products by weights that are laid out once, the
weights' gradients in one product over all steps, and nothing computed for padding.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, _VF
from torch.autograd import forward_ad
from torch.nn.functional import linear

from nullcline._native import _core

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_BLOCKS = {"gru": (0, 2, 1)}
"""Where PyTorch's order of blocks has the core's: a GRU's r, n and z are of r, z and n."""


class LayerWeights(NamedTuple):
    """The parameters of a layer, in PyTorch's order of blocks."""

    weight_ih: Tensor
    weight_hh: Tensor
    bias_ih: Tensor
    bias_hh: Tensor


_spare: list[NDArray[Any]] | None = None
"""Memory of slots that no one uses, or None where it goes back to the system at once."""


@contextmanager
def kept_memory() -> Iterator[None]:
    """Use the memory of one backward pass for the next forward pass, inside.

    It is most of what training needs, and to have the system give as much anew for every batch
    takes up to half of the time of a forward pass. Blocks are not nested.
    """
    global _spare  # noqa: PLW0603 - one for the process
    _spare = []
    try:
        yield
    finally:
        _spare = None


def can_run(*tensors: Tensor) -> bool:
    """Tell whether the core computes with these tensors: plain numbers on a CPU, of one type.

    Autocast, compilers, tracers and the transforms of `torch.func` want PyTorch's own operations.
    """
    return (
        {(x.device.type, x.dtype) for x in tensors} <= {("cpu", torch.float32)}
        or {(x.device.type, x.dtype) for x in tensors} <= {("cpu", torch.float64)}
    ) and not (
        torch.is_autocast_enabled("cpu")
        or torch.compiler.is_compiling()
        or torch.jit.is_tracing()
        or torch._C._functorch.peek_interpreter_stack() is not None  # noqa: SLF001 - no public way
        or any(forward_ad.unpack_dual(x).tangent is not None for x in tensors if _has_level())
    )


def _has_level() -> bool:
    return forward_ad._current_level >= 0  # noqa: SLF001 - no public way


def run_layer(
    kind: str, inputs: Tensor, active: Tensor, start: Tensor, weights: LayerWeights
) -> tuple[Tensor, Tensor]:
    """Run a layer along packed sequences.

    Parameters
    ----------
    kind
        "gru", "lstm", "ugrnn" or "rnn" (with tanh).
    inputs
        What it reads, shape (P, D): all sequences of the first step, of the second and so on, as in
        `torch.nn.utils.rnn.PackedSequence`.
    active
        How many sequences each step has, shape (T,), falling.
    start
        The states before the first step, shape (n, S): of an LSTM [h, c].
    weights
        The layer's parameters.

    Returns
    -------
    outputs : torch.Tensor
        Shape (P, H).
    last : torch.Tensor
        The state after the last step of each sequence, shape (n, S).
    """
    tensors = (inputs, start, *weights)
    if torch.is_grad_enabled() and any(x.requires_grad for x in tensors):
        outputs, last = _Layer.apply(kind, active, *tensors)  # type: ignore[no-untyped-call]
        return outputs, last
    return _results(_run(kind, active, *tensors), active, weights)


class _Layer(torch.autograd.Function):
    """A layer to autograd. `slots` are what the core keeps of the forward pass for the backward."""

    @staticmethod
    def forward(ctx: Any, kind: str, active: Tensor, *tensors: Tensor) -> tuple[Tensor, Tensor]:
        slots = _new_slots(kind, len(tensors[0]), tensors[3])
        states = _run(kind, active, *tensors, slots=slots)
        outputs, last = _results(states, active, LayerWeights(*tensors[2:]))
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(active, *tensors, outputs)  # outputs: no one may have changed them
        ctx.kind, ctx.states, ctx.slots = kind, states, slots
        return outputs, last

    @staticmethod
    def backward(ctx: Any, of_outputs: Tensor | None, of_last: Tensor | None) -> tuple[Any, ...]:
        active, *tensors, outputs = ctx.saved_tensors
        if torch.is_grad_enabled():  # the gradient itself is to be differentiated
            wanted = ctx.needs_input_grad[2:]
            return (None, None, *_recorded(ctx.kind, active, tensors, of_outputs, of_last, wanted))
        slots, ctx.slots = ctx.slots, None
        if slots is None:  # a backward pass before this one has overwritten them
            slots = _new_slots(ctx.kind, len(tensors[0]), tensors[3])
            _run(ctx.kind, active, *tensors, slots=slots)
        inputs, start, *weights = tensors
        arrays = _arrays(ctx.kind, LayerWeights(*weights))
        if of_last is None:
            of_last = torch.zeros_like(start)
        by_inputs, by_ih, by_hh, by_bias_ih, by_bias_hh, by_start = _core.differentiate_layer(
            ctx.kind,
            _array(inputs),
            arrays.weight_ih,
            arrays.weight_hh,
            _array(start),
            ctx.states,
            slots,
            None if of_outputs is None else _array(of_outputs),
            _array(of_last),
            active.numpy(),
            by_inputs=ctx.needs_input_grad[2],
            n_threads=torch.get_num_threads(),
        )
        if _spare is not None:
            _spare.append(slots.base if slots.base is not None else slots)
        orders = _orders(ctx.kind)
        return (
            None,
            None,
            torch.from_numpy(by_inputs) if ctx.needs_input_grad[2] else None,
            torch.from_numpy(by_start),
            *(
                torch.from_numpy(_reordered(array, np.argsort(order)))
                for array, order in zip(
                    (by_ih, by_hh, by_bias_ih, by_bias_hh), orders, strict=True
                )
            ),
        )


def _new_slots(kind: str, rows: int, weight_hh: Tensor) -> NDArray[Any]:
    """Return room for what a backward pass needs of so many rows, shape (P, slots H)."""
    width = _core.n_slots(kind) * weight_hh.shape[1]
    dtype = _array(weight_hh).dtype
    fitting = [
        array for array in _spare or () if array.size >= rows * width and array.dtype == dtype
    ]
    if not fitting:
        return np.empty((rows, width), dtype)
    smallest = min(fitting, key=lambda array: array.size)
    _spare[:] = [array for array in _spare if array is not smallest]
    return smallest.reshape(-1)[: rows * width].reshape(rows, width)


def _run(
    kind: str,
    active: Tensor,
    inputs: Tensor,
    start: Tensor,
    *weights: Tensor,
    slots: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Return the states after each step, shape (P, S), and fill `slots`."""
    return _core.run_layer(
        kind,
        _array(inputs),
        *_arrays(kind, LayerWeights(*weights)),
        _array(start),
        active.numpy(),
        slots,
        n_threads=torch.get_num_threads(),
    )


def _results(
    states: NDArray[Any], active: Tensor, weights: LayerWeights
) -> tuple[Tensor, Tensor]:
    """Return the outputs of states, and the last state of each sequence."""
    counts = active.numpy()
    lengths = (counts[None] > np.arange(counts[0])[:, None]).sum(axis=1)
    last = (np.cumsum(counts) - counts)[lengths - 1] + np.arange(counts[0])
    return torch.from_numpy(states)[:, : weights.weight_hh.shape[1]], torch.from_numpy(states[last])


def _recorded(
    kind: str,
    active: Tensor,
    tensors: list[Tensor],
    of_outputs: Tensor | None,
    of_last: Tensor | None,
    wanted: tuple[bool, ...],
) -> list[Tensor | None]:
    """Return the gradients by those tensors that are wanted, such that autograd can go on."""
    inputs, start, *weights = tensors
    results = recorded_layer(kind, inputs, active, start, LayerWeights(*weights))
    pairs = [
        pair for pair in zip(results, (of_outputs, of_last), strict=True) if pair[1] is not None
    ]
    found = iter(
        torch.autograd.grad(
            [result for result, _ in pairs],
            [x for x, is_wanted in zip(tensors, wanted, strict=True) if is_wanted],
            [gradient for _, gradient in pairs],
            create_graph=True,
            allow_unused=True,
        )
    )
    return [next(found) if is_wanted else None for is_wanted in wanted]


def recorded_layer(
    kind: str, inputs: Tensor, active: Tensor, start: Tensor, weights: LayerWeights
) -> tuple[Tensor, Tensor]:
    """Do what `run_layer` does by PyTorch's own operations, on any device."""
    if kind == "ugrnn":
        return _recorded_ugrnn(inputs, active, start, weights)
    options = (True, 1, 0.0, False, False)  # biases, layers, dropout, training, bidirectional
    parameters = list(weights)
    if kind == "lstm":
        h, c = (part[None].contiguous() for part in start.chunk(2, dim=1))
        outputs, h, c = _VF.lstm(inputs, active, (h, c), parameters, *options)
        return outputs, torch.cat([h[0], c[0]], dim=1)
    function = _VF.gru if kind == "gru" else _VF.rnn_tanh
    outputs, h = function(inputs, active, start[None].contiguous(), parameters, *options)
    return outputs, h[0]


def _recorded_ugrnn(
    inputs: Tensor, active: Tensor, start: Tensor, weights: LayerWeights
) -> tuple[Tensor, Tensor]:
    driven = linear(inputs, weights.weight_ih, weights.bias_ih)
    state, last, outputs = start, [], []
    for drive in driven.split(active.tolist()):
        last.append(state[len(drive) :])
        state = state[: len(drive)]
        both = drive + linear(state, weights.weight_hh, weights.bias_hh)
        c, g = both.chunk(2, dim=1)
        state = torch.lerp(c.tanh(), state, g.sigmoid())
        outputs.append(state)
    return torch.cat(outputs), torch.cat([state, *reversed(last)])


def _array(tensor: Tensor) -> NDArray[Any]:
    return tensor.detach().contiguous().numpy()


def _arrays(kind: str, weights: LayerWeights) -> LayerWeights:
    """Return parameters as the core's arrays, their blocks in its order."""
    pairs = zip(weights, _orders(kind), strict=True)
    return LayerWeights(*(_reordered(_array(x), order) for x, order in pairs))


def _orders(kind: str) -> tuple[tuple[int, ...], ...]:
    """Return for each parameter which of PyTorch's blocks come first, second, ... in the core."""
    of_products, of_drives = _core.block_orders(kind)
    of_torch = _BLOCKS.get(kind, range(len(of_drives)))
    drives, products = (
        tuple(of_torch[block] for block in order) for order in (of_drives, of_products)
    )
    return drives, products, drives, products


def _reordered(array: NDArray[Any], order: Any) -> NDArray[Any]:
    blocks = array.reshape(len(order), -1, *array.shape[1:])
    return np.ascontiguousarray(blocks[list(order)]).reshape(array.shape)
