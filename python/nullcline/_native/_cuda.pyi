"""Types of the compiled search on NVIDIA GPUs, which is built where there is `nvcc`."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, TypeVar

from numpy import float32, float64, int32, uint8
from numpy.typing import NDArray

class Source:
    """An array, on the host or on a GPU, to be read; strides count elements."""

    def __init__(
        self,
        address: int,
        shape: tuple[int, int],
        strides: tuple[int, int],
        is_double: bool,
        on_device: bool,
    ) -> None: ...

class DeviceArray:
    """An array that owns memory of a GPU, in C order; its values are not set."""

    def __init__(self, shape: tuple[int, ...], is_double: bool, device: int) -> None: ...
    @property
    def address(self) -> int: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def is_double(self) -> bool: ...
    @property
    def device(self) -> int: ...
    def numpy(self) -> NDArray[Any]:
        """Return a copy on the host."""

    def assign(self, source: Source) -> None:
        """Take the values of an array of two dimensions on the host, of as many numbers."""

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]: ...
    def __dlpack__(self, *, stream: int | None = None, **kwargs: object) -> object: ...
    def __dlpack_device__(self) -> tuple[int, int]: ...

class DlpackView:
    """What a capsule of DLPack describes, kept alive."""

    def __init__(self, capsule: object) -> None: ...
    @property
    def address(self) -> int: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def strides(self) -> tuple[int, ...]: ...  # in elements
    @property
    def is_double(self) -> bool: ...
    @property
    def device(self) -> int: ...
    @property
    def on_device(self) -> bool: ...

def blas_init(capsules: Mapping[str, object]) -> None:
    """Take the BLAS and LAPACK routines from SciPy's `__pyx_capi__` capsules, by name."""

def blas_ready() -> bool:
    """Whether the routines have been taken."""

def load_cublas(path: str) -> None:
    """Take cuBLAS from a file, or from a name that the system's loader knows."""

def device_count() -> int: ...
def device_name(device: int) -> str: ...
def compute_capability(device: int) -> tuple[int, int]: ...
def least_compute_capability() -> tuple[int, int]:
    """Return what a GPU must have at the least for this build's code to run on it."""

def device_of(address: int) -> int:
    """Return the number of the GPU that an address lies on, -1 for memory of the host."""

def copy(source: Source, is_double: bool, device: int, streams: list[int]) -> DeviceArray:
    """Copy an array to a GPU, float32 to float64 if need be."""

class SearchResult:
    @property
    def kind(self) -> NDArray[uint8]: ...  # (n,), an index into nullcline._native._core.KINDS
    @property
    def reason(self) -> NDArray[uint8]: ...  # (n,), an index into nullcline._native._core.REASONS
    @property
    def iterations(self) -> NDArray[int32]: ...  # (n,)
    @property
    def n_products(self) -> int: ...

# What _core.Cell32 and Cell64 are made from: kind, weight_ih, weight_hh,
# bias, parameters, activations.
_F = TypeVar("_F", float32, float64)
_Cell: TypeAlias = tuple[
    str,
    NDArray[_F],
    NDArray[_F] | tuple[NDArray[_F], NDArray[_F]],
    NDArray[_F],
    NDArray[_F] | None,
    list[str] | None,
]

# How fast a GPU does what searches do, in operations or bytes a second, by name.
def measure32(
    cell: _Cell[float32],
    n_states: int,
    square: int,
    device: int = 0,
) -> dict[str, float]: ...
def measure64(
    cell: _Cell[float64],
    n_states: int,
    square: int,
    device: int = 0,
) -> dict[str, float]: ...

# inputs: None (zero input), (1, D) or (n, D).
# h, q: addresses, on the host or the GPU, to write (n, S) of the cell's type and (n,) doubles to.
# streams: handles of CUDA streams whose work must end before arrays are read.
# n_threads: of the processor, for passes over a few starts; launch_seconds: what a kernel takes at
# the least, by which the two share the work; 0 leaves all to the GPU.
def search32(
    cell: _Cell[float32],
    starts: Source,
    inputs: Source | None,
    *,
    h: int,
    q: int,
    deflated: NDArray[float32] | None,
    method: str,
    tol_slow: float,
    max_iterations: int | None,
    learning_rate: float = 0.01,
    device: int,
    streams: list[int],
    progress: Callable[[int, int], None] | None,
    n_threads: int = 1,
    launch_seconds: float = ...,
) -> SearchResult: ...
def search64(
    cell: _Cell[float64],
    starts: Source,
    inputs: Source | None,
    *,
    h: int,
    q: int,
    deflated: NDArray[float64] | None,
    method: str,
    tol_slow: float,
    max_iterations: int | None,
    learning_rate: float = 0.01,
    device: int,
    streams: list[int],
    progress: Callable[[int, int], None] | None,
    n_threads: int = 1,
    launch_seconds: float = ...,
) -> SearchResult: ...
