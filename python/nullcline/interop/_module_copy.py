"""A copy of a module that computes in one type, in evaluation mode, and learns no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nullcline.interop._agreement import REMEDY
from nullcline.interop._torch_module import evaluated_copy

if TYPE_CHECKING:
    import torch


def copied(module: torch.nn.Module, dtype: torch.dtype) -> Any:
    """Return a copy in a type, of tensors that are merely attributes, such as masks, too.

    Raises
    ------
    ValueError
        If the module cannot be copied, or has parameters without values.
    """
    import torch

    if any(tensor.is_meta for tensor in module.parameters()):
        raise ValueError("module must have values, and has parameters on the meta device")
    try:
        own = evaluated_copy(module)
        if any(tensor.device.type not in {"cpu", "cuda"} for tensor in own.parameters()):
            own = own.cpu()  # such as MPS, which has no float64
        own = own.to(dtype)
    except Exception as error:
        raise ValueError(
            f"module could not be copied, so that stepping it leaves it as it is "
            f"({type(error).__name__}: {error}); {REMEDY}"
        ) from error
    for parameter in filter(lambda parameter: parameter.is_leaf, own.parameters()):
        parameter.requires_grad_(False)
    for part in own.modules():
        for name, value in vars(part).items():
            if isinstance(value, torch.Tensor) and value.is_floating_point():
                vars(part)[name] = value.detach().to(dtype)
    return own


def copied_in_train_mode(module: torch.nn.Module, dtype: torch.dtype) -> Any:
    """Return such a copy in the modes in which the module is; None where all evaluate."""
    modes = [part.training for part in module.modules()]
    if not any(modes):
        return None
    own = copied(module, dtype)
    for part, mode in zip(own.modules(), modes, strict=True):
        part.training = mode
    return own
