"""A copy of a module that computes in one type, in evaluation mode, and learns no more."""

from __future__ import annotations

from functools import partial
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
    if any(map(torch.nn.parameter.is_lazy, module.parameters())):
        raise ValueError("module must have values, and has lazy parameters: call it once before")
    try:
        with torch.no_grad():  # TorchScript's copies are results, which have a history otherwise
            own = evaluated_copy(module)
        _settle(own)
        if any(tensor.device.type not in {"cpu", "cuda"} for tensor in own.parameters()):
            torch.nn.Module.cpu(own)  # such as MPS, which has no float64
        own._apply(partial(_converted, dtype=dtype))  # whatever a `to` of its own would do
    except Exception as error:
        raise ValueError(
            f"module could not be copied, so that stepping it leaves it as it is "
            f"({type(error).__name__}: {error}); {REMEDY}"
        ) from error
    for parameter in filter(lambda parameter: parameter.is_leaf, own.parameters()):
        parameter.requires_grad_(False)
    for part in own.modules():
        for name, value in vars(part).items():
            if not (name.startswith("_") or isinstance(value, torch.nn.Parameter)):
                vars(part)[name] = _converted(value, dtype)
    return own


def _settle(module: torch.nn.Module) -> None:
    """Have a module hold the weights that its parametrizations make, which are computed no more.

    They are those that the module has in its own type, and it can be pickled. PyTorch's own removal
    would take them from the class too, which the module shares with its copy.
    """
    import torch
    from torch.nn.utils import parametrize

    for part in list(module.modules()):
        if parametrize.is_parametrized(part):
            made: Any = part.parametrizations
            weights = {name: getattr(part, name).detach().clone() for name in made}
            part.__class__ = parametrize.type_before_parametrizations(part)
            del part._modules["parametrizations"]
            for name, weight in weights.items():
                setattr(part, name, torch.nn.Parameter(weight, requires_grad=False))


def _converted(value: Any, dtype: torch.dtype) -> Any:
    """Return an attribute with its tensors in a type: one, or a list, tuple or dictionary."""
    import torch

    if isinstance(value, torch.Tensor):
        if value.is_complex():
            return value.detach().to(dtype.to_complex())
        return value.detach().to(dtype) if value.is_floating_point() else value
    if type(value) in {list, tuple}:
        return type(value)(_converted(entry, dtype) for entry in value)
    if type(value) is dict:
        return {key: _converted(entry, dtype) for key, entry in value.items()}
    return value


def copied_in_train_mode(module: torch.nn.Module, dtype: torch.dtype) -> Any:
    """Return such a copy in the modes in which the module is; None where all evaluate."""
    modes = {name: part.training for name, part in module.named_modules()}
    if not any(modes.values()):
        return None
    own = copied(module, dtype)
    for name, part in own.named_modules():
        part.training = modes[name]
    return own
