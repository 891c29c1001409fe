"""NVIDIA GPUs: whether a search can run on one, why not, and which there are.

``nullcline.find_fixed_points(cell, states, device="cuda")`` searches on one.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from nullcline._support.forking import fork_safe_lock
from nullcline._support.shown import Shown
from nullcline.gpu import cublas

__all__ = ["Availability", "CudaUnavailableError", "Device", "devices", "is_available"]

_NOT_BUILT = (
    "nullcline was built without CUDA: reinstall with "
    "`pip install . -C cmake.define.NULLCLINE_CUDA=ON` where nvcc is"
)
_NO_DEVICE = "no NVIDIA GPU is visible; CUDA_VISIBLE_DEVICES may hide it"
_NO_CUBLAS = "cuBLAS was not found: pip install nvidia-cublas"
_FORKED = (
    "this process was forked from one that had used the GPU, which CUDA does not survive: start "
    'processes by multiprocessing.get_context("spawn")'
)


class CudaUnavailableError(RuntimeError):
    """A search was asked to run on a GPU and cannot; the message says why, and what to do."""


@dataclass(frozen=True, repr=False)
class Availability(Shown):
    """Whether searches can run on a GPU: true or false, with the reason.

    Attributes
    ----------
    reason
        Why not, and what to do about it, in a sentence; empty where they can.
    """

    reason: str = ""

    def __bool__(self) -> bool:
        return not self.reason

    def __repr__(self) -> str:
        return "Availability(True)" if self else f"Availability(False, {self.reason!r})"


@dataclass(frozen=True)
class Device(Shown):
    """One GPU that searches can run on.

    Attributes
    ----------
    index
        Its number: `device=f"cuda:{index}"` searches on it.
    name
        The maker's name for it.
    compute_capability
        The maker's major and minor number for what it can do.
    """

    index: int
    name: str
    compute_capability: tuple[int, int]


def is_available() -> Availability:
    """Tell whether searches can run on a GPU.

    Returns
    -------
    Availability
        True or false in a condition; `reason` says why not.
    """
    try:
        gpu_module()
    except CudaUnavailableError as error:
        return Availability(str(error))
    return Availability()


def devices() -> list[Device]:
    """Return the GPUs that searches can run on; none where `is_available()` is false."""
    return _supported(gpu_module()) if is_available() else []


def require_supported(index: int) -> None:
    """Raise `CudaUnavailableError` if the GPU of a number is too old for this build."""
    module = gpu_module()
    device = _device(module, index)
    if not _is_supported(module, device):
        raise CudaUnavailableError(_too_old(module, device))


_lock = fork_safe_lock()
_ready: Any = None
_owner = 0
"""The process that made the module ready: a fork of it has the module, and no driver."""


def gpu_module() -> Any:
    """Return the compiled module, ready to search: with a driver, a GPU and cuBLAS."""
    global _ready, _owner
    with _lock:
        if _ready is None:
            module = _compiled()
            _require_device(module)
            _load_cublas(module)
            _ready, _owner = module, os.getpid()
        if _owner != os.getpid():
            raise CudaUnavailableError(_FORKED)
        return _ready


def _compiled() -> Any:
    name = "nullcline._native._cuda"
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise CudaUnavailableError(_NOT_BUILT) from None
    except ImportError as error:  # a library that it was linked with is gone, or is another's
        raise CudaUnavailableError(f"nullcline's CUDA module cannot be loaded: {error}") from error


def _require_device(module: Any) -> None:
    try:
        count = module.device_count()
    except RuntimeError as error:
        raise CudaUnavailableError(str(error)) from error
    if count == 0:
        raise CudaUnavailableError(_NO_DEVICE)
    if not _supported(module):
        raise CudaUnavailableError(_too_old(module, _device(module, 0)))


def _device(module: Any, index: int) -> Device:
    return Device(index, module.device_name(index), module.compute_capability(index))


def _is_supported(module: Any, device: Device) -> bool:
    least: tuple[int, int] = module.least_compute_capability()
    return device.compute_capability >= least


def _supported(module: Any) -> list[Device]:
    every = (_device(module, index) for index in range(module.device_count()))
    return [device for device in every if _is_supported(module, device)]


def _too_old(module: Any, device: Device) -> str:
    major, minor = module.least_compute_capability()
    own_major, own_minor = device.compute_capability
    return (
        f"this build of nullcline needs a GPU of compute capability {major}.{minor} or more, and "
        f"{device.name} (cuda:{device.index}) has {own_major}.{own_minor}: reinstall with "
        "`pip install . -C cmake.define.NULLCLINE_CUDA=ON "
        f"-C cmake.define.CMAKE_CUDA_ARCHITECTURES={own_major}{own_minor}`"
    )


def _load_cublas(module: Any) -> None:
    refusals = []
    for path in cublas.candidates():
        refusal = _refusal(module, path)
        if not refusal:
            return
        refusals.append(refusal)
    raise CudaUnavailableError(f"{_NO_CUBLAS} (tried: {'; '.join(refusals)})")


def _refusal(module: Any, path: str) -> str:
    """Load cuBLAS from `path`; return why that fails, if it does."""
    try:
        module.load_cublas(path)
    except (OSError, RuntimeError) as error:
        return str(error)
    return ""
