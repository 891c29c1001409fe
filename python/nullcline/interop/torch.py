"""Cells from PyTorch's modules."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline import cells
from nullcline._support import validation
from nullcline.interop._frameworks import framework
from nullcline.interop._parameters import parameter
from nullcline.interop._torch_layout import BIASES, WEIGHTS, stack

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from numpy.typing import DTypeLike

    from nullcline._support.validation import Floats
    from nullcline.cells import Cell


def from_torch(module: torch.nn.Module, *, dtype: DTypeLike = np.float64) -> list[Any]:
    """Make cells of a PyTorch module, one per layer.

    Dropout between layers acts in training alone and is left out. Parameters may lie on any device
    and have any floating-point type; the module is not changed and shares no memory with the cells.

    Parameters
    ----------
    module
        A `torch.nn.RNN`, `GRU` or `LSTM` with any number of layers, one of their `Cell` classes, or
        a `nullcline.training.ugrnn.UGRNN`; with or without bias.
    dtype
        What the cells compute in: float64, to which narrower parameters are promoted exactly, or
        float32, to which wider ones are rounded.

    Returns
    -------
    list of RNN, GRU, LSTM or UGRNN
        From the layer that reads the input to the last; a list of one for a `Cell` class. Of a
        bidirectional module a list of `Bidirectional`, whose layers above the first read
        `[forward, backward]`. PyTorch's `(h, c)` of an LSTM is the state `[h, c]`, one row.

    Raises
    ------
    ModuleNotFoundError
        If PyTorch is not installed.
    NotImplementedError
        For a recurrent module of another kind, and for an LSTM with `proj_size`.
    TypeError
        For anything else, such as a model that merely contains a recurrent module.
    ValueError
        If a parameter has no values (the meta device) or one that is NaN or infinite.
    """
    torch = framework("torch", "torch")
    target = validation.float_type(dtype)
    make = _constructor(module)

    def cell(suffix: str) -> Cell:
        return make(
            *(parameter(name + suffix, getattr(module, name + suffix), target) for name in WEIGHTS),
            *(_bias(module, name + suffix, target) for name in BIASES),
        )

    if isinstance(module, torch.nn.RNNCellBase):
        return [cell("")]
    stacked: Any = module
    return stack(cell, stacked.num_layers, bidirectional=getattr(stacked, "bidirectional", False))


def _constructor(module: Any) -> Callable[..., Cell]:
    from torch import nn

    if isinstance(module, nn.GRU | nn.GRUCell):
        return cells.GRU
    if isinstance(module, nn.LSTM | nn.LSTMCell):
        if getattr(module, "proj_size", 0):
            raise NotImplementedError(
                f"an LSTM with a projection (proj_size={module.proj_size}) has no cell here; "
                "from_torch takes LSTMs made with proj_size=0"
            )
        return cells.LSTM
    if isinstance(module, nn.RNN | nn.RNNCell):
        return partial(cells.RNN, nonlinearity=module.nonlinearity)
    if getattr(module, "nullcline_cell", None) == cells.UGRNN.__name__:  # the network that we train
        return cells.UGRNN
    raise _unsupported(module)


def _bias(module: Any, name: str, dtype: np.dtype[Any]) -> Floats | None:
    """Return a bias, or None: a module without has no such attribute, a cell has None for it."""
    value = getattr(module, name, None)
    return None if value is None else parameter(name, value, dtype)


def _unsupported(module: object) -> Exception:
    from torch import nn

    supported = (nn.RNN, nn.GRU, nn.LSTM, nn.RNNCell, nn.GRUCell, nn.LSTMCell)
    expected = "a torch.nn.RNN, GRU or LSTM, one of their Cell classes, or our UGRNN"
    kind = f"{type(module).__module__}.{type(module).__qualname__}"
    if isinstance(module, nn.RNNBase | nn.RNNCellBase):
        return NotImplementedError(f"from_torch takes {expected}, not {kind}")
    message = f"module must be {expected}, not {kind}"
    if isinstance(module, nn.Module):
        inside = [name for name, child in module.named_modules() if isinstance(child, supported)]
        if inside:
            message += f"; pass the part of it that is one: {', '.join(inside)}"
    return TypeError(message)
