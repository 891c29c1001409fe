"""Arrays on GPUs, of any library: where their memory is, and how they come and go."""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from nullcline._support import validation
from nullcline._support.validation import Floats
from nullcline.gpu import availability

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from numpy.typing import NDArray

    from nullcline._native._cuda import DeviceArray, Source

_ON_GPU = (2, 13)  # DLPack's kDLCUDA and kDLCUDAManaged
_DEFAULT_STREAM = 1  # CUDA's handle of it, where 0 could be that of either kind

# Libraries that arrays come from and go back to, with their class of arrays: looked for among what
# is loaded, since whoever has such an array has loaded it.
_LIBRARIES = {"torch": "Tensor", "cupy": "ndarray", "jax.numpy": "ndarray"}


@dataclass(frozen=True, eq=False)
class DeviceView:
    """An array on a GPU, as its memory lies; it may have any strides.

    Attributes
    ----------
    address, shape
        Where its first element is, and how many there are in each dimension.
    strides
        Elements, not bytes, from one to the next in each dimension.
    dtype
        The type of its elements, float64 or float32.
    device
        The GPU's number; None for an array without elements, which lies nowhere.
    stream
        Handle of the CUDA stream whose work must end before it is read, if there is one.
    owner
        What keeps the memory alive.
    """

    address: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: np.dtype[Any]
    device: int | None
    stream: int | None
    owner: object


Rows: TypeAlias = Floats | DeviceView
"""Rows of numbers that were checked, on the host or a GPU; both have `shape` and `dtype`."""


def view(name: str, value: Any) -> DeviceView | None:
    """Return where `value` lies if it is on a GPU, and None otherwise.

    Parameters
    ----------
    name
        The argument's name, for the message.
    value
        A tensor of PyTorch, or anything that speaks DLPack or `__cuda_array_interface__`.

    Raises
    ------
    TypeError
        If it is an array on a GPU of neither float64 nor float32.
    ValueError
        If it is one with a mask, or breaks the protocol.
    """
    if isinstance(value, np.ndarray):
        return None
    if validation.is_tensor(value):
        return _view_of_tensor(name, value) if value.device.type == "cuda" else None
    # DLPack first: unlike version 2 of the other protocol, it says what is to be waited for.
    if hasattr(value, "__dlpack_device__") and value.__dlpack_device__()[0] in _ON_GPU:
        return _view_of_dlpack(name, value)
    interface = getattr(value, "__cuda_array_interface__", None)
    return None if interface is None else _view_of_interface(name, value, interface)


def like(value: object, array: DeviceArray) -> Any:
    """Return `array` as an array of `value`'s library, without a copy; or as it is.

    A library that would round it gets none: `array` is then returned as an array of NumPy, with a
    warning.
    """
    library = _library(value)
    if library is None:
        return array
    given = library.from_dlpack(array)
    if str(given.dtype).endswith("float64") == array.is_double:
        return given
    warnings.warn(
        f"{library.__name__} would round float64 to {given.dtype}, so that results in float64 are "
        'arrays of NumPy; jax.config.update("jax_enable_x64", True) keeps them on the GPU',
        stacklevel=2,
    )
    return array.numpy()


def repeated(name: str, value: Any, times: int) -> DeviceView:
    """Return where an array on a GPU lies `times` times below itself, made by its own library."""
    library = _library(value)
    if library is None:
        raise TypeError(
            f"{name} must be of PyTorch, CuPy, JAX or NumPy where inputs are labelled conditions, "
            f"which repeat them, not {type(value).__name__}"
        )
    found = view(name, library.concatenate([value] * times))
    if found is None:
        raise TypeError(f"{name} left the GPU when they were repeated")
    return found


def each_row(array: DeviceView, n: int) -> DeviceView:
    """Return n rows of an array that has one row for all, or n already."""
    strides = (0, array.strides[1]) if array.shape[0] == 1 else array.strides
    return replace(array, shape=(n, array.shape[1]), strides=strides)


def source(array: Rows) -> Source:
    """Return what tells the compiled module where to read an array, on the host or a GPU."""
    if isinstance(array, DeviceView):
        address, strides = array.address, array.strides
    else:
        address = array.ctypes.data
        strides = tuple(stride // array.itemsize for stride in array.strides)
    found: Source = availability.gpu_module().Source(
        address,
        array.shape,
        strides,
        is_double=array.dtype == np.float64,
        on_device=isinstance(array, DeviceView),
    )
    return found


def copied(array: DeviceView, dtype: np.dtype[Any], device: int) -> DeviceArray:
    """Return a copy of an array, as `dtype`, on the GPU of that number."""
    copy: DeviceArray = availability.gpu_module().copy(
        source(array), dtype == np.float64, device, streams(array)
    )
    return copy


def streams(*arrays: Rows | None) -> list[int]:
    """Return the streams whose work must end before arrays are read."""
    return sorted(
        {
            array.stream
            for array in arrays
            if isinstance(array, DeviceView) and array.stream is not None
        }
    )


def host(array: Any) -> NDArray[Any]:
    """Return a NumPy array of the values of an array of NumPy, or of what `like` returned."""
    if isinstance(array, np.ndarray):
        return array
    if validation.is_tensor(array):
        array = array.cpu()
    # DeviceArray and tensors copy by `numpy`, CuPy by `get`; JAX lets NumPy do it.
    for method in ("numpy", "get"):
        if hasattr(array, method):
            copied: NDArray[Any] = getattr(array, method)()
            return copied
    return np.asarray(array)


def _library(value: object) -> ModuleType | None:
    """Return the module of `value`'s library that has `from_dlpack`."""
    for name, kind in _LIBRARIES.items():
        library = sys.modules.get(name)
        if library is not None and isinstance(value, getattr(library, kind)):
            return library
    return None


def _view_of_tensor(name: str, tensor: Any) -> DeviceView:
    import torch

    validation.require_float_tensor(name, tensor)
    if tensor.layout is not torch.strided:
        raise TypeError(f"{name} must be a dense tensor, not {tensor.layout}; {name}.to_dense()")
    tensor = tensor.detach().resolve_neg()
    return DeviceView(
        address=tensor.data_ptr(),
        shape=tuple(tensor.shape),
        strides=tuple(tensor.stride()),
        dtype=np.dtype(f"f{tensor.element_size()}"),
        device=tensor.device.index,
        stream=torch.cuda.current_stream(tensor.device).cuda_stream or _DEFAULT_STREAM,
        owner=tensor,
    )


def _view_of_dlpack(name: str, value: Any) -> DeviceView:
    try:
        # The producer sees to it that what is done on this stream from now on sees the values.
        described = availability.gpu_module().DlpackView(value.__dlpack__(stream=_DEFAULT_STREAM))
    except (TypeError, ValueError, BufferError) as error:
        raise TypeError(f"{name} cannot be read from the GPU: {error}") from error
    return DeviceView(
        address=described.address,
        shape=tuple(described.shape),
        strides=tuple(described.strides),
        dtype=np.dtype(np.float64 if described.is_double else np.float32),
        device=value.__dlpack_device__()[1],
        stream=_DEFAULT_STREAM,
        owner=described,
    )


def _view_of_interface(name: str, value: object, interface: Mapping[str, Any]) -> DeviceView:
    """Read versions 2 and 3 of Numba's protocol."""
    if interface["version"] < 2:
        raise ValueError(
            f"{name} has version {interface['version']} of __cuda_array_interface__, which says "
            "too little; 2 and 3 are read"
        )
    if interface.get("mask") is not None:
        raise ValueError(f"{name} has a mask; fill what it hides, or leave out those rows")
    dtype = np.dtype(interface["typestr"])
    validation.require_type(name, value, dtype, None)
    if not dtype.isnative:
        raise TypeError(f"{name} must have this machine's byte order, not {dtype.str}")
    address, shape = interface["data"][0], tuple(interface["shape"])
    return DeviceView(
        address=address,
        shape=shape,
        strides=_strides(name, shape, interface.get("strides"), dtype.itemsize),
        dtype=dtype,
        device=_device_of(name, address) if np.prod(shape) > 0 else None,
        stream=_stream(name, interface.get("stream")),
        owner=value,
    )


def _strides(
    name: str, shape: tuple[int, ...], in_bytes: tuple[int, ...] | None, itemsize: int
) -> tuple[int, ...]:
    """Return strides in elements, of which the protocol has none for C order."""
    if in_bytes is None:
        return tuple(int(np.prod(shape[i + 1 :])) for i in range(len(shape)))
    if any(stride % itemsize for stride in in_bytes):
        raise ValueError(f"{name} has strides that are no multiples of its {itemsize} bytes; copy")
    return tuple(stride // itemsize for stride in in_bytes)


def _device_of(name: str, address: int) -> int:
    device: int = availability.gpu_module().device_of(address)
    if device < 0:
        raise ValueError(f"{name} says that it is on a GPU, and its memory is the host's")
    return device


def _stream(name: str, stream: int | None) -> int | None:
    if stream == 0:
        raise ValueError(f"{name} names stream 0, which __cuda_array_interface__ forbids; use 1")
    return stream
