"""Types of the compiled core: one class a floating-point type, the same methods in each."""

from collections.abc import Callable, Mapping
from typing import Final

from numpy import float32, float64, int32, uint8
from numpy.typing import NDArray

__all__ = [
    "GRU32",
    "GRU64",
    "KINDS",
    "REASONS",
    "SearchResult32",
    "SearchResult64",
    "blas_init",
    "blas_ready",
]

KINDS: Final[tuple[str, ...]]
"""What `SearchResult.kind` counts into: "fixed", "slow", "unconverged"."""

REASONS: Final[tuple[str, ...]]
"""A human sentence for every value of `SearchResult.reason`."""

def blas_init(capsules: Mapping[str, object]) -> None:
    """Take the BLAS and LAPACK routines from SciPy's `__pyx_capi__` capsules, by name."""

def blas_ready() -> bool:
    """Whether `blas_init` has been called; until then every method raises RuntimeError."""

class SearchResult64:
    @property
    def h(self) -> NDArray[float64]: ...  # (n, H)
    @property
    def q(self) -> NDArray[float64]: ...  # (n,)
    @property
    def kind(self) -> NDArray[uint8]: ...  # (n,), an index into KINDS
    @property
    def reason(self) -> NDArray[uint8]: ...  # (n,), an index into REASONS
    @property
    def iterations(self) -> NDArray[int32]: ...  # (n,)

class SearchResult32:
    @property
    def h(self) -> NDArray[float32]: ...
    @property
    def q(self) -> NDArray[float64]: ...
    @property
    def kind(self) -> NDArray[uint8]: ...
    @property
    def reason(self) -> NDArray[uint8]: ...
    @property
    def iterations(self) -> NDArray[int32]: ...

class GRU64:
    def __init__(
        self,
        weight_ih: NDArray[float64],  # (3H, D)
        weight_hh: NDArray[float64],  # (3H, H)
        bias_ih: NDArray[float64],  # (3H,)
        bias_hh: NDArray[float64],  # (3H,)
    ) -> None: ...
    @property
    def hidden_size(self) -> int: ...
    @property
    def input_size(self) -> int: ...

    # h: (n, H); x: None (zero input), (1, D) (one input for all) or (n, D).
    def step(
        self, h: NDArray[float64], x: NDArray[float64] | None = None, n_threads: int = 1
    ) -> NDArray[float64]: ...
    def residual(
        self, h: NDArray[float64], x: NDArray[float64] | None = None, n_threads: int = 1
    ) -> NDArray[float64]: ...
    def speed(
        self, h: NDArray[float64], x: NDArray[float64] | None = None, n_threads: int = 1
    ) -> NDArray[float64]: ...
    def jacobian(
        self, h: NDArray[float64], x: NDArray[float64] | None = None, n_threads: int = 1
    ) -> NDArray[float64]: ...
    def input_jacobian(
        self, h: NDArray[float64], x: NDArray[float64] | None = None, n_threads: int = 1
    ) -> NDArray[float64]: ...
    def jvp(
        self,
        h: NDArray[float64],
        x: NDArray[float64] | None,
        v: NDArray[float64],  # (n, H)
        n_threads: int = 1,
    ) -> NDArray[float64]: ...
    def vjp(
        self,
        h: NDArray[float64],
        x: NDArray[float64] | None,
        u: NDArray[float64],  # (n, H)
        n_threads: int = 1,
    ) -> NDArray[float64]: ...
    def input_jvp(
        self,
        h: NDArray[float64],
        x: NDArray[float64] | None,
        v: NDArray[float64],  # (n, D)
        n_threads: int = 1,
    ) -> NDArray[float64]: ...
    def input_vjp(
        self,
        h: NDArray[float64],
        x: NDArray[float64] | None,
        u: NDArray[float64],  # (n, H)
        n_threads: int = 1,
    ) -> NDArray[float64]: ...

    # max_iterations None: the method's own default. learning_rate: "gradient" only.
    # progress(done, total) runs in the calling thread; what it raises ends the search.
    def search(
        self,
        starts: NDArray[float64],
        x: NDArray[float64] | None = None,
        *,
        method: str = "auto",
        tol_slow: float = 1e-6,
        max_iterations: int | None = None,
        learning_rate: float = 0.01,
        n_threads: int = 1,
        progress: Callable[[int, int], None] | None = None,
    ) -> SearchResult64: ...

class GRU32:
    def __init__(
        self,
        weight_ih: NDArray[float32],
        weight_hh: NDArray[float32],
        bias_ih: NDArray[float32],
        bias_hh: NDArray[float32],
    ) -> None: ...
    @property
    def hidden_size(self) -> int: ...
    @property
    def input_size(self) -> int: ...
    def step(
        self, h: NDArray[float32], x: NDArray[float32] | None = None, n_threads: int = 1
    ) -> NDArray[float32]: ...
    def residual(
        self, h: NDArray[float32], x: NDArray[float32] | None = None, n_threads: int = 1
    ) -> NDArray[float32]: ...
    def speed(
        self, h: NDArray[float32], x: NDArray[float32] | None = None, n_threads: int = 1
    ) -> NDArray[float32]: ...
    def jacobian(
        self, h: NDArray[float32], x: NDArray[float32] | None = None, n_threads: int = 1
    ) -> NDArray[float32]: ...
    def input_jacobian(
        self, h: NDArray[float32], x: NDArray[float32] | None = None, n_threads: int = 1
    ) -> NDArray[float32]: ...
    def jvp(
        self,
        h: NDArray[float32],
        x: NDArray[float32] | None,
        v: NDArray[float32],
        n_threads: int = 1,
    ) -> NDArray[float32]: ...
    def vjp(
        self,
        h: NDArray[float32],
        x: NDArray[float32] | None,
        u: NDArray[float32],
        n_threads: int = 1,
    ) -> NDArray[float32]: ...
    def input_jvp(
        self,
        h: NDArray[float32],
        x: NDArray[float32] | None,
        v: NDArray[float32],
        n_threads: int = 1,
    ) -> NDArray[float32]: ...
    def input_vjp(
        self,
        h: NDArray[float32],
        x: NDArray[float32] | None,
        u: NDArray[float32],
        n_threads: int = 1,
    ) -> NDArray[float32]: ...
    def search(
        self,
        starts: NDArray[float32],
        x: NDArray[float32] | None = None,
        *,
        method: str = "auto",
        tol_slow: float = 1e-6,
        max_iterations: int | None = None,
        learning_rate: float = 0.01,
        n_threads: int = 1,
        progress: Callable[[int, int], None] | None = None,
    ) -> SearchResult32: ...
