"""One recurrent layer along packed sequences, run and differentiated by the compiled core.

PyTorch records every step on a CPU and differentiates step by step. Here all steps of a layer are
one operation to autograd: gates in one pass, products by weights that are laid out once, the
weights' gradients in one product over all steps, and nothing computed for padding.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import forward_ad

from nullcline._native import _core
from nullcline.training.recorded_layer import LayerWeights, recorded_layer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

_BLOCKS = {"gru": (0, 2, 1)}
"""Where PyTorch's order of blocks has the core's: a GRU's r, n and z are of r, z and n."""

_spare: list[NDArray[Any]] | None = None
"""Memory of preactivations that no one uses, or None where it goes back to the system at once."""


@contextmanager
def kept_memory() -> Iterator[None]:
    """Use the memory of one backward pass for the next forward pass, inside.

    It is most of what training needs, and to have the system give as much anew for every batch
    takes up to half of the time of a forward pass. Blocks do not nest.
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
    types = {(x.device.type, x.dtype) for x in tensors}
    return (
        types in ({("cpu", torch.float32)}, {("cpu", torch.float64)})
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
        and torch._C._get_tracing_state() is None
        and torch._C._functorch.peek_interpreter_stack() is None
        and not _have_tangents(tensors)
    )


def _have_tangents(tensors: Sequence[Tensor]) -> bool:
    """Tell whether derivatives are carried forward with any of them."""
    if forward_ad._current_level < 0:
        return False
    pairs = [forward_ad.unpack_dual(x) for x in tensors]  # type: ignore[no-untyped-call]
    return any(pair.tangent is not None for pair in pairs)


def run_layer(
    kind: str,
    inputs: Tensor,
    active: Tensor,
    start: Tensor,
    weights: LayerWeights,
    alpha: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Run a layer along packed sequences.

    Parameters
    ----------
    kind
        "gru", "lstm", "ugrnn", "rnn" (with tanh) or "leaky_rnn".
    inputs
        What it reads, shape (P, D): all sequences of the first step, of the second and so on, as in
        `torch.nn.utils.rnn.PackedSequence`.
    active
        How many sequences each step has, shape (T,), falling.
    start
        The states before the first step, shape (n, S): of an LSTM [h, c].
    weights
        The layer's parameters.
    alpha
        The leak of a "leaky_rnn", one number, by which nothing is differentiated.

    Returns
    -------
    outputs : torch.Tensor
        Shape (P, H).
    last : torch.Tensor
        The state after the last step of each sequence, shape (n, S).
    """
    tensors = (inputs, start, *weights)
    if torch.is_grad_enabled() and any(x.requires_grad for x in tensors):
        outputs, last = _Layer.apply(kind, active, alpha, *tensors)  # type: ignore[no-untyped-call]
        return outputs, last
    return _results(_run(kind, active, alpha, tensors, None), active, weights)


class _Layer(torch.autograd.Function):
    """A layer to autograd. `preactivations` are kept of the forward pass for the backward."""

    @staticmethod
    def forward(
        ctx: Any, kind: str, active: Tensor, alpha: Tensor | None, *tensors: Tensor
    ) -> tuple[Tensor, Tensor]:
        weights = LayerWeights(*tensors[2:])
        preactivations = _room_for_preactivations(kind, tensors[0], weights)
        states = _run(kind, active, alpha, tensors, preactivations)
        outputs, last = _results(states, active, weights)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(active, *tensors, outputs)  # PyTorch sees if they are changed
        ctx.kind, ctx.alpha, ctx.states, ctx.preactivations = kind, alpha, states, preactivations
        return outputs, last

    @staticmethod
    def backward(ctx: Any, of_outputs: Tensor | None, of_last: Tensor | None) -> tuple[Any, ...]:
        active, *tensors, _ = ctx.saved_tensors
        if torch.is_grad_enabled():  # the gradient itself is to be differentiated
            wanted = ctx.needs_input_grad[3:]
            gradients = of_outputs, of_last
            by = _recorded(ctx.kind, active, ctx.alpha, tensors, gradients, wanted)
            return (None, None, None, *by)
        inputs, start, *parameters = tensors
        weights = LayerWeights(*parameters)
        preactivations, ctx.preactivations = ctx.preactivations, None
        if preactivations is None:  # a backward pass before this one has overwritten them
            preactivations = _room_for_preactivations(ctx.kind, inputs, weights)
            _run(ctx.kind, active, ctx.alpha, tensors, preactivations)
        weight_ih, weight_hh, _, _ = _arrays(ctx.kind, weights)
        by_inputs, *by_weights, by_start = _core.differentiate_layer(
            ctx.kind,
            _array(inputs),
            weight_ih,
            weight_hh,
            _array(start),
            ctx.states,
            preactivations,
            None if of_outputs is None else _array(of_outputs),
            _array(torch.zeros_like(start) if of_last is None else of_last),
            active.numpy(),
            by_inputs=ctx.needs_input_grad[3],
            n_threads=torch.get_num_threads(),
            parameters=_leaks(ctx.alpha, weight_hh),
        )
        if _spare is not None:
            _spare.append(preactivations.base)  # all of the block, of which they may be a part
        orders = [np.argsort(order) for order in _orders(ctx.kind)]
        return (
            None,
            None,
            None,
            torch.from_numpy(by_inputs) if ctx.needs_input_grad[3] else None,
            torch.from_numpy(by_start),
            *(
                torch.from_numpy(_reordered(array, order))
                for array, order in zip(by_weights, orders, strict=True)
            ),
        )


def _recorded(
    kind: str,
    active: Tensor,
    alpha: Tensor | None,
    tensors: list[Tensor],
    gradients: tuple[Tensor | None, ...],
    wanted: tuple[bool, ...],
) -> list[Tensor | None]:
    """Return the gradients by those tensors that are wanted, such that autograd can go on."""
    inputs, start, *weights = tensors
    results = recorded_layer(kind, inputs, active, start, LayerWeights(*weights), alpha)
    pairs = [pair for pair in zip(results, gradients, strict=True) if pair[1] is not None]
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


def _room_for_preactivations(kind: str, inputs: Tensor, weights: LayerWeights) -> NDArray[Any]:
    """Return room for what a backward pass needs of all steps, shape (P, preactivations H)."""
    rows, width = len(inputs), _core.n_preactivations(kind) * weights.weight_hh.shape[1]
    dtype = np.dtype(str(inputs.dtype).removeprefix("torch."))
    fitting = [
        array for array in _spare or [] if array.size >= rows * width and array.dtype == dtype
    ]
    if _spare is None or not fitting:
        return np.empty(rows * width, dtype).reshape(rows, width)
    smallest = min(fitting, key=lambda array: array.size)
    _spare[:] = [array for array in _spare if array is not smallest]
    return smallest[: rows * width].reshape(rows, width)


def _run(
    kind: str,
    active: Tensor,
    alpha: Tensor | None,
    tensors: Sequence[Tensor],
    preactivations: NDArray[Any] | None,
) -> NDArray[Any]:
    """Return the states after each step, shape (P, S), and fill `preactivations`."""
    inputs, start, *parameters = tensors
    weight_ih, weight_hh, bias_ih, bias_hh = _arrays(kind, LayerWeights(*parameters))
    return _core.run_layer(
        kind,
        _array(inputs),
        weight_ih,
        weight_hh,
        bias_ih,
        bias_hh,
        _array(start),
        active.numpy(),
        preactivations,
        n_threads=torch.get_num_threads(),
        parameters=_leaks(alpha, weight_hh),
    )


def _leaks(alpha: Tensor | None, weight_hh: NDArray[Any]) -> NDArray[Any] | None:
    """Return the leak of each unit, shape (1, H), as the core takes it."""
    if alpha is None:
        return None
    return np.full((1, weight_hh.shape[1]), alpha.item(), weight_hh.dtype)


def _results(states: NDArray[Any], active: Tensor, weights: LayerWeights) -> tuple[Tensor, Tensor]:
    """Return the outputs of states, and the last state of each sequence."""
    counts = active.numpy()
    lengths = (counts[None] > np.arange(counts[0])[:, None]).sum(axis=1)
    last = (np.cumsum(counts) - counts)[lengths - 1] + np.arange(counts[0])
    size = weights.weight_hh.shape[1]
    outputs = np.ascontiguousarray(states[:, :size])  # users view them in other shapes
    return torch.from_numpy(outputs), torch.from_numpy(states[last])


def _array(tensor: Tensor) -> NDArray[Any]:
    array: NDArray[Any] = tensor.detach().contiguous().numpy()
    return array


def _arrays(kind: str, weights: LayerWeights) -> tuple[NDArray[Any], ...]:
    """Return parameters as the core's arrays, their blocks in its order."""
    pairs = zip(weights, _orders(kind), strict=True)
    return tuple(_reordered(_array(x), order) for x, order in pairs)


def _orders(kind: str) -> tuple[Sequence[int], ...]:
    """Return for each parameter which of PyTorch's blocks come first, second, ... in the core."""
    of_products, of_drives = _core.block_orders(kind)
    of_torch = _BLOCKS.get(kind, range(len(of_drives)))
    drives, products = ([of_torch[block] for block in order] for order in (of_drives, of_products))
    return drives, products, drives, products


def _reordered(array: NDArray[Any], order: Any) -> NDArray[Any]:
    blocks = array.reshape(len(order), -1, *array.shape[1:])
    return np.ascontiguousarray(blocks[np.asarray(order)]).reshape(array.shape)


def lstm_states(inputs: Tensor, weights: LayerWeights) -> Tensor:
    """Return the states [h, c] of an LSTM after each step from zero, of which PyTorch shows h.

    Parameters
    ----------
    inputs
        What it reads, shape (n, T, D).
    weights
        The layer's parameters.

    Returns
    -------
    torch.Tensor
        Shape (n, T, 2H).
    """
    n, steps, _ = inputs.shape
    weight_ih, weight_hh, bias_ih, bias_hh = _arrays("lstm", weights)
    states = _core.run_layer(
        "lstm",
        _array(inputs.transpose(0, 1).flatten(0, 1)),
        weight_ih,
        weight_hh,
        bias_ih,
        bias_hh,
        np.zeros((n, 2 * weight_hh.shape[1]), weight_hh.dtype),
        np.full(steps, n),
        None,
        n_threads=torch.get_num_threads(),
    )
    return torch.from_numpy(states).reshape(steps, n, -1).transpose(0, 1)
