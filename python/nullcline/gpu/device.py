"""What the argument `device` may be: the processor, or a GPU that must be there."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass

from nullcline.gpu import availability


@dataclass(frozen=True)
class Gpu:
    """A GPU to search on: the one of a number, or, with None, the one that holds the arrays."""

    index: int | None


def chosen_gpu(device: object) -> Gpu | None:
    """Return the GPU that `device` asks for, None for "cpu".

    Parameters
    ----------
    device
        "cpu", "cuda", "cuda:N" or a `torch.device` of one of these.

    Raises
    ------
    ValueError
        If it is anything else, or there is no GPU of that number.
    nullcline.cuda.CudaUnavailableError
        If it is a GPU, and no search can run on one.
    """
    text = str(device) if isinstance(device, str) or _is_torch_device(device) else ""
    if text == "cpu":
        return None
    match = re.fullmatch(r"cuda(?::(\d+))?", text, re.ASCII)
    if match is None:
        raise ValueError(f"device must be cpu, cuda or cuda:N, not {device!r}")
    count = availability.gpu_module().device_count()
    index = None if match[1] is None else int(match[1])
    if index is not None and index >= count:
        there = "cuda:0" if count == 1 else f"cuda:0 to cuda:{count - 1}"
        raise ValueError(f"device must be a GPU that there is, {there}, not cuda:{index}")
    return Gpu(index)


def first_gpu() -> int:
    """Return the number of the GPU to search on where nothing else tells."""
    return availability.devices()[0].index


def _is_torch_device(device: object) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(device, torch.device)
