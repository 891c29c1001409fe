"""Cells from PyTorch's modules."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from nullcline import cells
from nullcline._support import validation
from nullcline.interop._frameworks import framework
from nullcline.interop._torch_layout import BIASES, WEIGHTS, leaky_cell, stack
from nullcline.interop._torch_module import CallableCopy, unwrapped

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from numpy.typing import DTypeLike

    from nullcline.cells import CompiledCell


@overload
def from_torch(
    module: torch.nn.GRU | torch.nn.GRUCell, *, dtype: DTypeLike = ...
) -> list[cells.GRU]: ...
@overload
def from_torch(
    module: torch.nn.LSTM | torch.nn.LSTMCell, *, dtype: DTypeLike = ...
) -> list[cells.LSTM]: ...
@overload
def from_torch(
    module: torch.nn.RNN | torch.nn.RNNCell, *, dtype: DTypeLike = ...
) -> list[cells.RNN]: ...
@overload
def from_torch(module: torch.nn.Module, *, dtype: DTypeLike = ...) -> list[cells.CompiledCell]: ...
def from_torch(module: torch.nn.Module, *, dtype: DTypeLike = np.float64) -> list[Any]:
    """Make cells of a PyTorch module, one per layer.

    Dropout between layers acts in training alone and is left out. Parameters may lie on any device
    and have any floating-point type; the module is not changed and shares no memory with the cells.

    Weights that hooks or parametrizations compute (`weight_norm`, `spectral_norm`, `prune`) are
    those of a call in evaluation mode. The cells are checked against the module itself: a copy of
    it, in evaluation mode, is called on a few states and inputs, and a module that steps in another
    way than its weights say is refused. Functions that are registered as its hooks are called too.

    Parameters
    ----------
    module
        A `torch.nn.RNN`, `GRU` or `LSTM` with any number of layers, one of their `Cell` classes, or
        a `nullcline.training.UGRNN` or `LeakyRNN`; with or without bias. One of a class derived
        from these is taken if it steps as they do; one in `DataParallel` or of `torch.compile` is
        unwrapped.
    dtype
        What the cells compute in: float64, to which narrower parameters are promoted exactly, or
        float32, to which wider ones are rounded.

    Returns
    -------
    list of RNN, GRU, LSTM, UGRNN or LeakyRNN
        From the layer that reads the input to the last; a list of one for a `Cell` class. Of a
        bidirectional module a list of `Bidirectional`, whose layers above the first read
        `[forward, backward]`, which its type does not tell: type checkers need a
        ``typing.cast(list[nc.Bidirectional], ...)``. PyTorch's `(h, c)` of an LSTM is the state
        `[h, c]`, one row.

    Raises
    ------
    ModuleNotFoundError
        If PyTorch is not installed.
    NotImplementedError
        For a recurrent module of another kind, and for an LSTM with `proj_size`.
    TypeError
        For anything else, such as a model that merely contains a recurrent module, a `state_dict`,
        a module of TorchScript or a quantized one.
    ValueError
        If the module does not step as its weights say, or cannot be called; if a weight is a tensor
        that code outside of the module sets, as weight drop does; if a parameter has no values
        (the meta device) or one that is NaN or infinite.
    """
    framework("torch", "torch")
    target = validation.float_type(dtype)
    module = unwrapped(module)
    make = _constructor(module)
    own = CallableCopy(module)

    def cell(suffix: str) -> CompiledCell:
        return make(
            *(own.weight(name + suffix, target) for name in WEIGHTS),
            *(own.array(name + suffix, target) for name in BIASES),
        )

    found = [cell("")] if own.is_cell else stack(cell, own.layers, bidirectional=own.bidirectional)
    own.require_agreement(found)
    return found


def _constructor(module: Any) -> Callable[..., CompiledCell]:
    from torch import nn

    if isinstance(module, nn.GRU | nn.GRUCell):
        return cells.GRU
    if isinstance(module, nn.LSTM | nn.LSTMCell):
        if getattr(module, "proj_size", 0):
            raise NotImplementedError(
                f"an LSTM with a projection (proj_size={module.proj_size}) has no cell here; "
                "from_torch takes LSTMs made with proj_size=0, and nullcline.from_module has any "
                "module step in its own way"
            )
        return cells.LSTM
    if isinstance(module, nn.RNN | nn.RNNCell):
        return partial(cells.RNN, nonlinearity=module.nonlinearity)
    name = getattr(module, "nullcline_cell", None)  # of the networks that we train
    if name == cells.UGRNN.__name__:
        return cells.UGRNN
    if name == cells.LeakyRNN.__name__:
        return partial(leaky_cell, float(module.alpha))
    raise _unsupported(module)


def _unsupported(module: object) -> Exception:
    from torch import nn

    supported = (nn.RNN, nn.GRU, nn.LSTM, nn.RNNCell, nn.GRUCell, nn.LSTMCell)
    expected = "a torch.nn.RNN, GRU or LSTM, one of their Cell classes, or our UGRNN or LeakyRNN"
    kind = f"{type(module).__module__}.{type(module).__qualname__}"
    if isinstance(module, nn.RNNBase | nn.RNNCellBase):
        return NotImplementedError(f"from_torch takes {expected}, not {kind}")
    message = f"module must be {expected}, not {kind}"
    advice = _advice(module)
    if advice:
        return TypeError(f"{message}; {advice}")
    if isinstance(module, nn.Module):
        inside = [name for name, child in module.named_modules() if isinstance(child, supported)]
        if inside:
            message += f"; pass the part of it that is one: {', '.join(inside)}"
        message += "; nullcline.from_module takes any module that steps a state"
    return TypeError(message)


def _advice(module: object) -> str | None:
    """Return what to do with what is nearly a module, None where nothing is known."""
    import torch

    if isinstance(module, torch.jit.ScriptModule):
        return (
            "TorchScript has no classes: make the module it was made from and load_state_dict its "
            "state_dict()"
        )
    if isinstance(module, torch.nn.Module) and "torch.ao.nn." in type(module).__module__:
        return "it is quantized and computes in integers: pass the module that it was made from"
    if isinstance(module, Mapping):
        return (
            "weights do not say how they step: make the module and load_state_dict them, or save "
            "them as a file for nullcline.from_safetensors"
        )
    if isinstance(module, str | Path):
        return "it is not read from a file: load it, with torch.load, or use from_safetensors"
    return None
