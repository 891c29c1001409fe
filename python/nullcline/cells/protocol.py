"""What every user of a cell asks of it: searches, certificates, linearizations, curves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from nullcline._support.validation import Floats
    from nullcline.cells.box import Box


@runtime_checkable
class Cell(Protocol):
    """One recurrent layer `s' = F(s, x)`, as every analysis sees it.

    A state `s` is a row of S numbers, of which the first H are the outputs `h`: for most cells
    they are all, S = H; an LSTM's state is `[h, c]`. States have shape (n, S) and inputs (n, D).
    """

    @property
    def hidden_size(self) -> int:
        """H, the number of units."""

    @property
    def state_size(self) -> int:
        """S, the length of a state."""

    @property
    def input_size(self) -> int:
        """D, the length of an input."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type that the cell computes in."""

    @property
    def box(self) -> Box:
        """The bounds of the outputs at zero input, which may be infinite."""

    def box_at(self, x: ArrayLike | Box | None) -> Box:
        """Return the bounds of the outputs at an input, (D,), or at all inputs of a box."""

    @property
    def is_smooth(self) -> bool:
        """Whether the derivatives of F are continuous: no unit has a kink."""

    @property
    def compiled(self) -> Any:
        """The compiled cell, which searches."""

    def step(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return F(s, x), shape (n, S)."""

    def speed(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return q = mean((s - F(s, x))²), shape (n,)."""

    def jacobian(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return J_rec = ∂F/∂s, shape (n, S, S)."""

    def jvp(self, h: ArrayLike, x: ArrayLike | None, v: ArrayLike) -> Floats:
        """Return J_rec v, shape (n, S)."""

    def vjp(self, h: ArrayLike, x: ArrayLike | None, u: ArrayLike) -> Floats:
        """Return uᵀ J_rec, shape (n, S)."""

    def input_jacobian(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return J_inp = ∂F/∂x, shape (n, S, D)."""

    def input_jvp(self, h: ArrayLike, x: ArrayLike | None, v: ArrayLike) -> Floats:
        """Return J_inp v, shape (n, S)."""

    def input_vjp(self, h: ArrayLike, x: ArrayLike | None, u: ArrayLike) -> Floats:
        """Return uᵀ J_inp, shape (n, D)."""

    def residual(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return the residual, of outputs alone, whose zeros are the fixed points, (n, H)."""

    def residual_jacobian(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return the Jacobian of the residual, shape (n, H, H)."""

    def residual_input_jvp(self, h: ArrayLike, x: ArrayLike | None, v: ArrayLike) -> Floats:
        """Return the residual's derivative along a change of the input, shape (n, H)."""

    def outputs_of(self, h: Floats) -> Floats:
        """Return the outputs (n, H) of states (n, S)."""

    def state_of(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return the states (n, S) with these outputs (n, H), all else at its equilibrium."""


@runtime_checkable
class HasCoreWeights(Protocol):
    """A cell whose equations the compiled core knows, so that a GPU can search it."""

    def core_weights(self) -> tuple[Any, ...]:
        """Return what the core makes the cell from: see `CompiledCell.core_weights`."""


@runtime_checkable
class HasSecants(Protocol):
    """A cell that knows how it changes between two states and inputs, exactly.

    J̄ (S×S) and B̄ (S×D) are its secants from `(h0, x0)` to `(h, x)`: matrices for which
    F(h, x) - F(h0, x0) = J̄ (h - h0) + B̄ (x - x0), and which are J_rec and J_inp where the two meet.
    """

    def secant_vjp(
        self, h0: Floats, x0: Floats, h: Floats, x: Floats, u: Floats
    ) -> tuple[Floats, Floats]:
        """Return uᵀ J̄ and uᵀ B̄, shapes (n, S) and (n, D)."""

    def secant_jvp(
        self, h0: Floats, x0: Floats, h: Floats, x: Floats, v: Floats, w: Floats
    ) -> Floats:
        """Return J̄ v + B̄ w, shape (n, S)."""


@runtime_checkable
class RunsSequences(Protocol):
    """A cell that goes along many sequences in one call.

    Arrays are C-contiguous, of the cell's type, step after step with the n sequences side by side,
    (T, n, ...), the longest first: of them, the first `active[t]` have a step t.
    """

    def run_sequences(self, start: Floats, x: Floats, active: NDArray[np.int64]) -> Floats:
        """Return the states, (T + 1, n, S), from `start`, (n, S), with inputs `x`, (T, n, D).

        Beyond its last step a sequence keeps its state.
        """

    def pull_back_sequences(self, *arrays: Any, keep_states: bool) -> tuple[Floats, ...]:
        """Pull covectors back through the secants from one run to another.

        Parameters
        ----------
        arrays
            States (T + 1, n, S) and inputs (T, n, D) from which changes are counted, or one of
            each, (1, 1, S) and (1, 1, D), at rest; states and inputs of the actual run; covectors
            of the last states, (n, S); covectors of the outputs after each step, (T, n, H), or
            None; the same, or one for all, (1, 1, H), for the inputs of their own steps alone; and
            `active`, (T,).
        keep_states
            Whether the covectors of the states are wanted.

        Returns
        -------
        tuple of ndarray
            Covectors of the states after each step, (T, n, S), or of none; of those before the
            first, (n, S); and of the inputs, (T, n, D), of all and of their own steps alone.
        """


@runtime_checkable
class HasPrecision(Protocol):
    """A cell whose values may be coarser than its type."""

    @property
    def precision(self) -> np.dtype[Any]:
        """The type to whose rounding its values are exact."""


@runtime_checkable
class HasSecondDerivatives(Protocol):
    """A cell that has products with second derivatives."""

    def hvp(self, h: ArrayLike, x: ArrayLike | None, u: ArrayLike, v: ArrayLike) -> Floats:
        """Return Σ_i u_i ∂²F_i/∂s² v, shape (n, S)."""


@runtime_checkable
class HasTimeStep(Protocol):
    """A cell whose steps may have a length in the user's unit of time."""

    @property
    def dt(self) -> float | None:
        """The length of a step; None where no unit of time is known."""


@runtime_checkable
class Layered(Protocol):
    """A cell that is made of others, one above the other, and is searched from the first up.

    `layers` are cells, or pairs of them that read the same; `cells` are those of all layers, in
    order, and `names` what they are called. `has_directions` says whether there is such a pair.
    """

    layers: tuple[Any, ...]
    cells: tuple[Cell, ...]
    names: tuple[str, ...]

    @property
    def has_directions(self) -> bool:
        """Whether a layer has two directions, so that the joint step is not one in time."""

    def split(self, h: ArrayLike) -> list[Floats]:
        """Return each cell's states (n, S_l) of joint ones (n, S)."""

    def layer_inputs(self, h: ArrayLike, x: ArrayLike | None = None) -> list[Floats | None]:
        """Return the input that each cell reads within a step from joint states (n, S)."""


def require_cell(cell: object) -> None:
    """Raise TypeError unless `cell` is a cell; the message says how to get one."""
    if isinstance(cell, Cell):
        return
    if isinstance(cell, list):
        raise TypeError(
            "cell must be one cell, not a list: choose a layer, e.g. cells[0], or pass all as "
            "nullcline.Stack(cells)"
        )
    if isinstance(cell, tuple):
        raise TypeError(
            "cell must be one cell, not a pair: choose .forward or .backward, or pass both as "
            "nullcline.Stack([pair])"
        )
    raise TypeError(
        f"cell must be a nullcline cell, not {type(cell).__module__}.{type(cell).__qualname__}; "
        "nullcline.from_module makes one of a PyTorch module, and from_torch a list of its layers"
    )
