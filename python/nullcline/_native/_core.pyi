"""Types of the compiled core: one class per floating-point type, with the same methods."""

from collections.abc import Callable, Mapping
from typing import Final, Generic, Protocol, TypeAlias, TypeVar

from numpy import float32, float64, int8, int32, int64, uint8
from numpy.typing import NDArray

__all__ = [
    "ACTIVATIONS",
    "KINDS",
    "REASONS",
    "SMOOTH_ACTIVATIONS",
    "Cell32",
    "Cell64",
    "CellEnclosure",
    "EnumerationLimits",
    "Function32",
    "Function64",
    "ResidualMap32",
    "ResidualMap64",
    "SearchResult32",
    "SearchResult64",
    "blas_init",
    "blas_ready",
    "block_orders",
    "bounded_relu",
    "differentiate_layer",
    "enumerate_cell",
    "enumerate_latent",
    "enumerate_relu",
    "n_preactivations",
    "run_layer",
    "threads_with_room",
    "trust_region_step",
]

KINDS: Final[tuple[str, ...]]
"""What `SearchResult.kind` counts into: "fixed", "slow", "unconverged"."""

REASONS: Final[tuple[str, ...]]
"""A human sentence for every value of `SearchResult.reason`."""

ACTIVATIONS: Final[tuple[str, ...]]
"""The names of the activation functions that rate units may have."""

SMOOTH_ACTIVATIONS: Final[tuple[str, ...]]
"""Those of them without kinks."""

def blas_init(capsules: Mapping[str, object]) -> None:
    """Take the BLAS and LAPACK routines from SciPy's `__pyx_capi__` capsules, by name."""

def trust_region_step(
    a: NDArray[float64], g: NDArray[float64], radius: float
) -> tuple[bool, NDArray[float64], float, float]: ...
def blas_ready() -> bool:
    """Whether `blas_init` has been called; until then no cell can be made."""

def threads_with_room(n_threads: int) -> int:
    """How many of these threads there is address space for, BLAS's buffers included."""

_F = TypeVar("_F", float32, float64)

# Layers that are trained. Rows are those of packed sequences, step after step; blocks of weights
# are in the orders that `block_orders` says.
def block_orders(kind: str) -> tuple[list[int], list[int]]:
    """Which of a cell's blocks come first, second, ...: in `weight_hh`, and in `weight_ih`."""

def n_preactivations(kind: str) -> int:
    """How many numbers a unit's equations read at a step."""

def run_layer(
    kind: str,
    inputs: NDArray[_F],
    weight_ih: NDArray[_F],
    weight_hh: NDArray[_F],
    bias_ih: NDArray[_F],
    bias_hh: NDArray[_F],
    start: NDArray[_F],
    active: NDArray[int64],
    preactivations: NDArray[_F] | None,
    n_threads: int,
    parameters: NDArray[_F] | None = None,  # of a cell that has some: (n, H), such as its leak
) -> NDArray[_F]:  # states after each step, (P, S); fills `preactivations`, (P, n_preactivations H)
    ...
def differentiate_layer(
    kind: str,
    inputs: NDArray[_F],
    weight_ih: NDArray[_F],
    weight_hh: NDArray[_F],
    start: NDArray[_F],
    states: NDArray[_F],
    preactivations: NDArray[_F],
    of_outputs: NDArray[_F] | None,
    of_last: NDArray[_F],
    active: NDArray[int64],
    by_inputs: bool,
    n_threads: int,
    parameters: NDArray[_F] | None = None,
) -> tuple[NDArray[_F], ...]:
    """Gradients by inputs, weights, biases and the start; `preactivations` is overwritten."""

# A cell's equations over boxes of states and inputs, every rounding bounded. Boxes are pairs of
# their low and high ends; `drive` is what the input and the biases add, as `drive` returns it.
class CellEnclosure:
    def __init__(
        self,
        kind: str,
        weight_ih: NDArray[float64],
        weight_hh: NDArray[float64] | tuple[NDArray[float64], NDArray[float64]],
        biases: NDArray[float64],  # (n, blocks H), which add up
        parameters: NDArray[float64] | None,
        activations: list[str] | None,
    ) -> None: ...
    def drive(self, low: NDArray[float64], high: NDArray[float64]) -> _Box: ...
    def zero_input_drive(self) -> _Box: ...
    def linearize(
        self,
        is_reduced: bool,
        low: NDArray[float64],
        high: NDArray[float64],
        drive_low: NDArray[float64],
        drive_high: NDArray[float64],
    ) -> tuple[NDArray[float64], NDArray[float64], NDArray[float64], NDArray[float64]]:
        """Return a residual's ends, and its Jacobian with the radius of each entry.

        The reduced residual's of outputs (H,), or that of F(s) - s at states (S,).
        """

    def curvature(
        self,
        low: NDArray[float64],
        high: NDArray[float64],
        drive_low: NDArray[float64],
        drive_high: NDArray[float64],
        v: NDArray[float64] | None = None,
        w: NDArray[float64] | None = None,
    ) -> NDArray[float64]:
        """Return a bound of the reduced residual's second derivative along v and w, (H,).

        Without one, of all directions that are at most 1 in the sup norm.
        """

    def complete(
        self,
        low: NDArray[float64],
        high: NDArray[float64],
        drive_low: NDArray[float64],
        drive_high: NDArray[float64],
    ) -> _Box:
        """Return the states with these outputs, all else at equilibrium, (S,)."""

_Box: TypeAlias = tuple[NDArray[float64], NDArray[float64]]

# The two bases are the stub's own: at run time each class below stands alone.
class _SearchResult(Generic[_F]):
    @property
    def h(self) -> NDArray[_F]: ...  # (n, S)
    @property
    def q(self) -> NDArray[float64]: ...  # (n,)
    @property
    def kind(self) -> NDArray[uint8]: ...  # (n,), an index into KINDS
    @property
    def reason(self) -> NDArray[uint8]: ...  # (n,), an index into REASONS
    @property
    def iterations(self) -> NDArray[int32]: ...  # (n,)
    @property
    def n_products(self) -> int: ...  # in float32, of a state with W and with its transpose

# The reduced residual at one state, and its Jacobian's products with vectors, all (H,).
class _ResidualMap(Generic[_F]):
    @property
    def residual(self) -> NDArray[_F]: ...
    def jvp(self, v: NDArray[_F]) -> NDArray[_F]: ...
    def vjp(self, u: NDArray[_F]) -> NDArray[_F]: ...

class ResidualMap32(_ResidualMap[float32]): ...
class ResidualMap64(_ResidualMap[float64]): ...

class _Cell(Generic[_F]):
    # Gates in the order of the cell's header in cpp/include/nullcline/cells.
    def __init__(
        self,
        kind: str,
        weight_ih: NDArray[_F],  # (gates H, D)
        # (gates H, H); or L and R, each (H, rank), of L Rᵀ, for cells of one gate
        weight_hh: NDArray[_F] | tuple[NDArray[_F], NDArray[_F]],
        bias: NDArray[_F],  # (gates H,)
        parameters: NDArray[_F] | None = None,  # (their number, H), where the kind has any
        activations: list[str] | None = None,  # one for all units, or H, where the kind has any
    ) -> None: ...
    @property
    def hidden_size(self) -> int: ...
    @property
    def state_size(self) -> int: ...
    @property
    def input_size(self) -> int: ...
    # The least and the largest value of each output, (H,), at the input x, (1, D) or None.
    def bounds(self, x: NDArray[_F] | None = None) -> tuple[NDArray[_F], NDArray[_F]]: ...

    # h: (n, S), or outputs (n, H) for the reduced residual's and for complete;
    # x: None (zero input), (1, D) (one input for all) or (n, D).
    def step(
        self, h: NDArray[_F], x: NDArray[_F] | None = None, n_threads: int = 1
    ) -> NDArray[_F]: ...
    def residual(
        self, h: NDArray[_F], x: NDArray[_F] | None = None, n_threads: int = 1
    ) -> NDArray[_F]: ...
    def complete(
        self, h: NDArray[_F], x: NDArray[_F] | None = None, n_threads: int = 1
    ) -> NDArray[_F]: ...
    def speed(
        self, h: NDArray[_F], x: NDArray[_F] | None = None, n_threads: int = 1
    ) -> NDArray[_F]: ...
    def jacobian(
        self, h: NDArray[_F], x: NDArray[_F] | None = None, n_threads: int = 1
    ) -> NDArray[_F]: ...
    def speed_hessian(
        self, h: NDArray[_F], x: NDArray[_F] | None = None, n_threads: int = 1
    ) -> NDArray[_F]: ...
    def residual_jacobian(
        self, h: NDArray[_F], x: NDArray[_F] | None = None, n_threads: int = 1
    ) -> NDArray[_F]: ...
    # h: (H,), outputs; x: (D,) or None.
    def residual_map(self, h: NDArray[_F], x: NDArray[_F] | None = None) -> _ResidualMap[_F]: ...
    def input_jacobian(
        self, h: NDArray[_F], x: NDArray[_F] | None = None, n_threads: int = 1
    ) -> NDArray[_F]: ...

    # v: (n, S), or (n, D) for the input's; u: (n, S).
    def jvp(
        self, h: NDArray[_F], x: NDArray[_F] | None, v: NDArray[_F], n_threads: int = 1
    ) -> NDArray[_F]: ...
    def vjp(
        self, h: NDArray[_F], x: NDArray[_F] | None, u: NDArray[_F], n_threads: int = 1
    ) -> NDArray[_F]: ...
    def hvp(
        self,
        h: NDArray[_F],
        x: NDArray[_F] | None,
        u: NDArray[_F],
        v: NDArray[_F],
        n_threads: int = 1,
    ) -> NDArray[_F]: ...
    def input_jvp(
        self, h: NDArray[_F], x: NDArray[_F] | None, v: NDArray[_F], n_threads: int = 1
    ) -> NDArray[_F]: ...
    def residual_input_jvp(
        self, h: NDArray[_F], x: NDArray[_F] | None, v: NDArray[_F], n_threads: int = 1
    ) -> NDArray[_F]: ...
    def secant_vjp(
        self,
        h0: NDArray[_F],  # (n, S)
        x0: NDArray[_F],  # (n, D)
        h: NDArray[_F],  # (n, S)
        x: NDArray[_F],  # (n, D)
        u: NDArray[_F],  # (n, S)
        n_threads: int = 1,
    ) -> tuple[NDArray[_F], NDArray[_F]]: ...  # (n, S), (n, D)
    def secant_jvp(
        self,
        h0: NDArray[_F],
        x0: NDArray[_F],
        h: NDArray[_F],
        x: NDArray[_F],
        v: NDArray[_F],  # (n, S)
        w: NDArray[_F],  # (n, D)
        n_threads: int = 1,
    ) -> NDArray[_F]: ...  # (n, S)
    # Sequences: see `RunsSequences` in nullcline/cells/protocol.py.
    def run_sequences(
        self, start: NDArray[_F], x: NDArray[_F], active: NDArray[int64], n_threads: int = 1
    ) -> NDArray[_F]: ...
    def pull_back_sequences(
        self,
        h0: NDArray[_F],
        x0: NDArray[_F],
        h: NDArray[_F],
        x: NDArray[_F],
        covectors: NDArray[_F],
        outputs: NDArray[_F] | None,
        directly: NDArray[_F],
        active: NDArray[int64],
        keep_states: bool,
        n_threads: int = 1,
    ) -> tuple[NDArray[_F], NDArray[_F], NDArray[_F], NDArray[_F]]: ...
    def input_vjp(
        self, h: NDArray[_F], x: NDArray[_F] | None, u: NDArray[_F], n_threads: int = 1
    ) -> NDArray[_F]: ...

    # max_iterations None: the method's own default. learning_rate: "gradient" only.
    # progress(done, total) runs in the calling thread; what it raises ends the search.
    def search(
        self,
        starts: NDArray[_F],
        x: NDArray[_F] | None = None,
        *,
        deflated: NDArray[_F] | None = None,
        method: str = "auto",
        tol_slow: float = 1e-6,
        max_iterations: int | None = None,
        learning_rate: float = 0.01,
        n_threads: int = 1,
        progress: Callable[[int, int], None] | None = None,
    ) -> _SearchResult[_F]: ...

class SearchResult32(_SearchResult[float32]): ...
class SearchResult64(_SearchResult[float64]): ...
class Cell32(_Cell[float32]): ...
class Cell64(_Cell[float64]): ...

class _Linearized(Protocol):
    def pulled(self) -> NDArray[float32]: ...
    def forward(self, v: NDArray[float32], /) -> NDArray[float32]: ...
    def curved(self, v: NDArray[float32], /) -> tuple[NDArray[float32], NDArray[float32]]: ...
    def backward(self, u: NDArray[float32], /) -> NDArray[float32]: ...

# step(h, x), jacobian(h, x) and vjp(h, x, u) are called with states (n, S), inputs (n, D) and
# covectors (n, S), and return (n, S), (n, S, S) and (n, S). linearized(h, x, u) returns an
# object that keeps them, with products for directions. n_threads is for likeness: they have
# threads of their own.
class _Function(Generic[_F]):
    def __init__(
        self,
        size: int,
        input_size: int,
        low: float,  # of every coordinate of a state
        high: float,
        step: Callable[[NDArray[_F], NDArray[_F]], NDArray[_F]],
        jacobian: Callable[[NDArray[_F], NDArray[_F]], NDArray[_F]],
        rough_jacobian: Callable[[NDArray[_F], NDArray[_F]], NDArray[float32]],
        vjp: Callable[[NDArray[_F], NDArray[_F], NDArray[_F]], NDArray[_F]],
        linearized: Callable[[NDArray[_F], NDArray[_F], NDArray[float32]], _Linearized],
    ) -> None: ...
    def search(
        self,
        starts: NDArray[_F],
        x: NDArray[_F] | None = None,
        *,
        deflated: NDArray[_F] | None = None,
        method: str = "auto",
        tol_slow: float = 1e-6,
        max_iterations: int | None = None,
        learning_rate: float = 0.01,
        n_threads: int = 1,
        progress: Callable[[int, int], None] | None = None,
    ) -> _SearchResult[_F]: ...

class Function32(_Function[float32]): ...
class Function64(_Function[float64]): ...

# Enumerations of fixed points. They return the ends of the boxes in which one exists, its index,
# the ends of the open boxes, the number of boxes, and the number of why it ended.
_Enumerated: TypeAlias = tuple[_Box, NDArray[int8], _Box, int, int]

class EnumerationLimits:
    def __init__(
        self,
        max_boxes: int,
        patience: float,
        resolution: float,
        n_threads: int,
        progress: Callable[[float], None] | None = None,
    ) -> None: ...

def enumerate_cell(
    kind: str,
    weight_hh: NDArray[float64],
    drive_low: NDArray[float64],
    drive_high: NDArray[float64],
    parameters: NDArray[float64] | None,
    activations: list[str] | None,
    low: NDArray[float64],
    high: NDArray[float64],
    limits: EnumerationLimits,
) -> _Enumerated:
    """All fixed points of a cell whose outputs lie in a box."""

def enumerate_latent(
    left: NDArray[float64],
    right: NDArray[float64],
    remainder: NDArray[float64],
    drive_low: NDArray[float64],
    drive_high: NDArray[float64],
    activations: list[str],
    of_arguments: bool,
    low: NDArray[float64],
    high: NDArray[float64],
    limits: EnumerationLimits,
) -> _Enumerated:
    """All of h = φ(W h + b), or of h = W φ(h) + b, by latent variables in a box."""

def enumerate_relu(
    weight: NDArray[float64],
    drive_low: NDArray[float64],
    drive_high: NDArray[float64],
    bound: float,
    of_arguments: bool,
    limits: EnumerationLimits,
) -> _Enumerated:
    """All of r = max(W r + b, 0) with r <= bound, as r or as W r + b."""

def bounded_relu(
    weight: NDArray[float64],
    drive_low: NDArray[float64],
    drive_high: NDArray[float64],
    bound: float,
    limits: EnumerationLimits,
) -> tuple[bool, int, int]:
    """Whether all of them are proved to lie within the bound; boxes, and why it ended."""
