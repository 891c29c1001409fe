"""Where a function computes: on the device of its weights, or where its owner says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nullcline.interop._undisturbed import held_by

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

_TYPES = ("cpu", "cuda")
"""Devices that compute in float64."""


def device_of(f: object, device: str | torch.device | None) -> torch.device:
    """Return the device that is named, or else the GPU that holds what `f` reaches, or the CPU.

    Raises
    ------
    TypeError, ValueError
        If it names no device that serves; if what `f` reaches lies on several GPUs.
    """
    import torch

    if device is not None:
        return _named(device)
    gpus = sorted({str(held.device) for held in _tensors_of(f) if held.device.type == "cuda"})
    if len(gpus) > 1:
        raise ValueError(
            f"f has tensors on {' and '.join(gpus)}: move them to one, or say by device= where "
            "its arguments are to be"
        )
    return torch.device(gpus[0] if gpus else "cpu")


def _named(device: str | torch.device) -> torch.device:
    import torch

    if not isinstance(device, str | torch.device):
        raise TypeError(f"device must be a name such as 'cuda:0', not {type(device).__name__}")
    try:
        found = torch.device(device)
    except RuntimeError as error:
        raise ValueError(f"device must be 'cpu' or 'cuda:N', not {device!r}") from error
    if found.type not in _TYPES:
        raise ValueError(f"device must be 'cpu' or 'cuda:N', not {str(device)!r}")
    if found.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device is {str(device)!r}, and PyTorch finds no GPU: leave it out")
    return found


def _tensors_of(f: object) -> Iterator[torch.Tensor]:
    import torch

    for held in held_by(f):
        if isinstance(held, torch.nn.Module):
            yield from held.parameters()
            yield from held.buffers()
        else:
            yield held
