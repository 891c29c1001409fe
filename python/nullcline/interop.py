"""Cells from other libraries' recurrent modules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline import _validation
from nullcline.cells import GRU

if TYPE_CHECKING:
    import torch
    from numpy.typing import DTypeLike

    from nullcline._validation import Floats

_WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def from_torch(module: torch.nn.Module, *, dtype: DTypeLike = np.float64) -> list[GRU]:
    """Make cells of a PyTorch module, one a layer.

    Dropout between layers acts in training alone and is left out. Parameters may lie on any device
    and have any floating-point type; the module is not changed and shares no memory with the cells.

    Parameters
    ----------
    module
        A `torch.nn.GRU` with any number of layers, with or without bias, or a `torch.nn.GRUCell`.
    dtype
        What the cells compute in: float64, to which narrower parameters are promoted exactly, or
        float32, to which wider ones are rounded.

    Returns
    -------
    list of GRU
        From the layer that reads the input to the last; a list of one for a `GRUCell`.

    Raises
    ------
    NotImplementedError
        For a recurrent module of another kind, or a bidirectional one.
    TypeError
        For anything else, such as a model that merely contains a recurrent module.
    ValueError
        If a parameter has no values (the meta device) or one that is NaN or infinite.
    """
    import torch

    target = _validation.float_type(dtype)
    if isinstance(module, torch.nn.GRUCell):
        suffixes = [""]
    elif isinstance(module, torch.nn.GRU):
        if module.bidirectional:
            raise NotImplementedError(
                "a bidirectional GRU reads its input from both ends and has no state that evolves "
                "with time; from_torch takes GRUs made with bidirectional=False"
            )
        suffixes = [f"_l{layer}" for layer in range(module.num_layers)]
    else:
        raise _unsupported(module)
    return [
        GRU(*(_parameter(module, name + suffix, target) for name in _names(module)))
        for suffix in suffixes
    ]


def _names(module: Any) -> tuple[str, ...]:
    return _WEIGHTS if module.bias else _WEIGHTS[:2]


def _parameter(module: torch.nn.Module, name: str, dtype: np.dtype[Any]) -> Floats:
    import torch

    tensor = getattr(module, name).detach()
    if tensor.is_meta:
        raise ValueError(f"{name} lies on the meta device and has no values; load the weights")
    array: Floats = tensor.to("cpu", getattr(torch, dtype.name)).numpy()
    _validation.require_finite(name, array)
    return array


def _unsupported(module: object) -> Exception:
    import torch

    supported = (torch.nn.GRU, torch.nn.GRUCell)
    kind = f"{type(module).__module__}.{type(module).__qualname__}"
    if isinstance(module, torch.nn.RNNBase | torch.nn.RNNCellBase):
        return NotImplementedError(
            f"from_torch takes torch.nn.GRU and torch.nn.GRUCell, not {kind}"
        )
    message = f"module must be a torch.nn.GRU or torch.nn.GRUCell, not {kind}"
    if isinstance(module, torch.nn.Module):
        inside = [name for name, child in module.named_modules() if isinstance(child, supported)]
        if inside:
            message += f"; pass the part of it that is one: {', '.join(inside)}"
    return TypeError(message)
