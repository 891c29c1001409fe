"""A GPU for tests, real or emulated, and arrays on it that speak one protocol each."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    import pytest
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Gpu:
    """A GPU's compiled module, and how arrays get there."""

    module: Any
    is_emulated: bool

    def put(self, array: NDArray[Any], **interface: Any) -> OnGpu:
        """Return a copy on the GPU, in the same layout; `interface` changes what it says."""
        return OnGpu(self, array, interface)

    def upload(self, matrix: NDArray[Any]) -> Any:
        """Return a copy of a matrix in C order as a `DeviceArray`."""
        is_double = matrix.dtype == np.float64
        strides = matrix.shape[1], 1
        source = self.module.Source(matrix.ctypes.data, matrix.shape, strides, is_double, False)
        return self.module.copy(source, is_double, 0, [])

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
        """Return a list that every search in float64 adds its keyword arguments to."""
        calls: list[dict[str, Any]] = []

        def search(*arguments: Any, **options: Any) -> Any:
            calls.append(options)
            return self.module.search64(*arguments, **options)

        self.change(monkeypatch, search64=search)
        return calls

    def change(self, monkeypatch: pytest.MonkeyPatch, **functions: Any) -> None:
        """Replace some of the module's functions."""
        changed = SimpleNamespace(**{**vars(self.module), **functions})
        monkeypatch.setattr("nullcline.gpu.availability.gpu_module", lambda: changed)


class OnGpu:
    """An array that `__cuda_array_interface__` alone tells of."""

    def __init__(self, gpu: Gpu, array: NDArray[Any], interface: dict[str, Any]) -> None:
        whole = array if array.base is None else array.base
        offset = array.ctypes.data - whole.ctypes.data
        self._memory = gpu.upload(whole.ravel(order="A")[None])
        self.__cuda_array_interface__ = {
            "version": 3,
            "shape": array.shape,
            "typestr": array.dtype.str,
            "data": (self._memory.address + offset, False),
            "strides": None if array.flags.c_contiguous else array.strides,
            "stream": None,
            **interface,
        }


class ByDlpack:
    """An array that DLPack alone tells of; `streams` are those that it was asked for."""

    def __init__(self, gpu: Gpu, array: NDArray[Any], device: tuple[int, int] = (2, 0)) -> None:
        # An emulated GPU has the host's memory, and NumPy's capsule the array's strides.
        self._memory = array if gpu.is_emulated else gpu.upload(np.ascontiguousarray(array))
        self._device = device
        self.streams: list[int | None] = []

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._device

    def __dlpack__(self, *, stream: int | None = None) -> object:
        self.streams.append(stream)
        return self._memory.__dlpack__()


class CudaTensor(torch.Tensor):
    """A tensor of PyTorch's that says that it is on a GPU; its memory is the host's."""

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return torch.device("cuda:0")
