"""Several layers as one cell: what each puts out is what the next one reads, in one time step.

At states h_1, ..., h_L and input u_0 = x let h_l' = F_l(h_l, u_(l-1)), where u_l = P_l h_l' are the
first H_l entries of layer l's *new* state: all of it, but for an LSTM, whose state is [h, c]. With
A_l = ∂F_l/∂h_l and B_l = ∂F_l/∂u at these, the chain rule gives, for k <= l,

    ∂h_l'/∂h_k = B_l P_(l-1) B_(l-1) P_(l-2) ... B_(k+1) P_k A_k,

and zero for k > l: the joint Jacobian is block lower triangular with the A_l on its diagonal, and
its spectrum is the union of theirs. Likewise ∂h_l'/∂x = B_l P_(l-1) ... P_1 B_1. Row l of blocks is
B_l P_(l-1) times row l - 1, and A_l beside it; products go through the layers one by one.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._native.blas import one_blas_thread
from nullcline._support import validation
from nullcline._support.deprecation import deprecated_method
from nullcline._support.shown import LONGEST, Shown, Table
from nullcline.cells.box import Box
from nullcline.cells.protocol import HasTimeStep, Layered, require_cell

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    from numpy.typing import ArrayLike

    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell

    # A cell, its states, and the input that it reads.
    _Layer: TypeAlias = tuple[Cell, Floats, Floats | None]


class Stack(Shown):
    """Recurrent layers one above the other, as `torch.nn.GRU(num_layers=L)` has them, as one cell.

    The output of a layer is the input of the next within the same time step. A joint state is the
    layers' states side by side, the first layer's first, shape (n, S), where S is the sum of their
    state sizes: PyTorch's `h_n` of shape (L, n, H) is `numpy.concatenate(list(h_n), axis=1)`.

    Parameters
    ----------
    cells
        The layers, from the one that reads the input to the last, e.g. `from_torch(rnn)`.

    Attributes
    ----------
    cells : tuple of Cell
        The layers.

    Raises
    ------
    TypeError
        If one of them is no cell, or a stack itself, or they do not compute in one type.
    ValueError
        If there is none, or one does not read as many numbers as the layer below it puts out.

    Notes
    -----
    Methods take states and inputs as those of `GRU` do. `find_fixed_points`, `linearize`, `trace`
    and `follow_input` take a stack as any cell.

    A search finds joint points by block substitution: it takes the first layer to its ends, then
    the second with what the first puts out there, and so on, each from its own part of the starts.
    A joint end is of the worst kind of its layers, in the order "fixed", "slow", "minimum",
    "unconverged". Where a layer's end is slow, the layers above it are solved for its *next*
    output, which is what they read in the joint step: if they are fixed there, `q` has a joint
    local minimum; if one of them is slow too, a minimum in each layer's state given those below it.
    """

    def __init__(self, cells: Sequence[Cell]) -> None:
        self.cells: tuple[Cell, ...] = _fitting(cells)
        self._states = _slices([cell.state_size for cell in self.cells])
        self._units = _slices([cell.hidden_size for cell in self.cells])
        # Where a layer's output is within a joint state.
        self._outputs = [
            slice(part.start, part.start + cell.hidden_size)
            for cell, part in zip(self.cells, self._states, strict=True)
        ]

    @property
    def hidden_size(self) -> int:
        """H, the number of units of all layers."""
        return sum(cell.hidden_size for cell in self.cells)

    @property
    def state_size(self) -> int:
        """S, the length of a joint state."""
        return sum(cell.state_size for cell in self.cells)

    @property
    def input_size(self) -> int:
        """D, the length of the first layer's input."""
        return self.cells[0].input_size

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type that the layers compute in."""
        return self.cells[0].dtype

    @property
    def dt(self) -> float | None:
        """The length of a step, in the layers' unit of time; None where they have not one."""
        steps = {cell.dt if isinstance(cell, HasTimeStep) else None for cell in self.cells}
        return steps.pop() if len(steps) == 1 else None

    @property
    def box(self) -> Box:
        """The bounds of the outputs of all layers at zero input, side by side."""
        return self.box_at(None)

    def box_at(self, x: ArrayLike | Box | None) -> Box:
        """Return the bounds of the outputs at an input, (D,), or at all inputs of a box."""
        boxes = [self.cells[0].box_at(x)]
        for cell in self.cells[1:]:
            boxes.append(cell.box_at(boxes[-1]))
        return Box.joint(boxes)

    @property
    def is_smooth(self) -> bool:
        """Whether all layers are smooth."""
        return all(cell.is_smooth for cell in self.cells)

    @property
    def compiled(self) -> tuple[Any, ...]:
        """The layers' compiled cells."""
        return tuple(cell.compiled for cell in self.cells)

    def split(self, h: ArrayLike) -> list[Floats]:
        """Return each layer's states, shape (n, S_l), of joint ones, shape (n, S)."""
        states = validation.rows("h", h, self.state_size, self.dtype, self.hidden_size)
        return [states[:, part] for part in self._states]

    def layer_inputs(self, h: ArrayLike, x: ArrayLike | None = None) -> list[Floats | None]:
        """Return the input that each layer reads within a step from joint states (n, S).

        For the first layer that is `x`; for any other the next output of the layer below, (n, D_l).
        """
        return [u for _, _, u in self._reading(h, x)]

    def step(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return the next joint state F(h, x), shape (n, S)."""
        states, u = self._checked(h, x)
        following: list[Floats] = []
        for cell, own in zip(self.cells, states, strict=True):
            following.append(cell.step(own, u))
            u = following[-1][:, : cell.hidden_size]
        return np.concatenate(following, axis=1)

    def speed(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return the speed q = mean((h - F(h, x))²) of joint states, shape (n,)."""
        speeds = [cell.speed(own, u) for cell, own, u in self._reading(h, x)]
        sizes = [cell.state_size for cell in self.cells]
        mean: Floats = np.average(speeds, axis=0, weights=sizes).astype(self.dtype, copy=False)
        return mean

    @one_blas_thread()
    def jacobian(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return J_rec = ∂F/∂h, shape (n, S, S), block lower triangular."""
        layers = self._reading(h, x)
        jacobian = np.zeros((len(layers[0][1]), self.state_size, self.state_size), self.dtype)
        for i, (cell, own, u) in enumerate(layers):
            part = self._states[i]
            jacobian[:, part, part] = cell.jacobian(own, u)
            if i > 0:
                below = jacobian[:, self._outputs[i - 1], : part.start]
                jacobian[:, part, : part.start] = cell.input_jacobian(own, u) @ below
        return jacobian

    @one_blas_thread()
    def input_jacobian(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return J_inp = ∂F/∂x, shape (n, S, D)."""
        layers = self._reading(h, x)
        rows = [cell.input_jacobian(own, u) for cell, own, u in layers]
        for i, cell in enumerate(self.cells[:-1]):
            rows[i + 1] = rows[i + 1] @ rows[i][:, : cell.hidden_size]
        return np.concatenate(rows, axis=1)

    def jvp(self, h: ArrayLike, x: ArrayLike | None, v: ArrayLike) -> Floats:
        """Return J_rec v, shape (n, S), for `v` of shape (n, S)."""
        layers = self._reading(h, x)
        product = self._vectors("v", v, layers, self.state_size).copy()
        for i, (cell, own, u) in enumerate(layers):
            part = self._states[i]
            product[:, part] = cell.jvp(own, u, product[:, part])
            if i > 0:
                product[:, part] += cell.input_jvp(own, u, product[:, self._outputs[i - 1]])
        return product

    def vjp(self, h: ArrayLike, x: ArrayLike | None, u: ArrayLike) -> Floats:
        """Return uᵀ J_rec, shape (n, S), for `u` of shape (n, S)."""
        layers = self._reading(h, x)
        product = self._vectors("u", u, layers, self.state_size).copy()
        for i, (cell, own, read) in reversed(list(enumerate(layers))):
            part = self._states[i]
            if i > 0:
                product[:, self._outputs[i - 1]] += cell.input_vjp(own, read, product[:, part])
            product[:, part] = cell.vjp(own, read, product[:, part])
        return product

    def input_jvp(self, h: ArrayLike, x: ArrayLike | None, v: ArrayLike) -> Floats:
        """Return J_inp v, shape (n, S), for `v` of shape (n, D)."""
        layers = self._reading(h, x)
        change = self._vectors("v", v, layers, self.input_size)
        parts: list[Floats] = []
        for cell, own, u in layers:
            parts.append(cell.input_jvp(own, u, change))
            change = parts[-1][:, : cell.hidden_size]
        return np.concatenate(parts, axis=1)

    def input_vjp(self, h: ArrayLike, x: ArrayLike | None, u: ArrayLike) -> Floats:
        """Return uᵀ J_inp, shape (n, D), for `u` of shape (n, S)."""
        layers = self._reading(h, x)
        product = self._vectors("u", u, layers, self.state_size).copy()
        for i, (cell, own, read) in reversed(list(enumerate(layers))):
            change = cell.input_vjp(own, read, product[:, self._states[i]])
            if i > 0:
                product[:, self._outputs[i - 1]] += change
        return change

    def residual(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return the layers' reduced residuals, shape (n, H), for outputs `h` of shape (n, H).

        Layer l's is at the input h_(l-1), not at the next output of the layer below, since the
        zeros are the same.
        """
        return np.concatenate(
            [cell.residual(own, u) for cell, own, u in self._at_equilibrium(h, x)], axis=1
        )

    def outputs_of(self, h: Floats) -> Floats:
        """Return the layers' outputs, shape (n, H), of joint states, shape (n, S)."""
        return np.concatenate([h[:, part] for part in self._outputs], axis=1)

    def state_of(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return the joint states (n, S) with outputs `h` (n, H), all else at its equilibrium."""
        return np.concatenate(
            [cell.state_of(own, u) for cell, own, u in self._at_equilibrium(h, x)], axis=1
        )

    def residual_jacobian(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return the Jacobian of `residual`, shape (n, H, H), block lower bidiagonal."""
        layers = self._at_equilibrium(h, x)
        jacobian = np.zeros((len(layers[0][1]), self.hidden_size, self.hidden_size), self.dtype)
        for (cell, own, u), part in zip(layers, self._units, strict=True):
            jacobian[:, part, part] = cell.residual_jacobian(own, u)
        for (_, below), ((cell, own, u), part) in pairwise(zip(layers, self._units, strict=True)):
            if u is not None:
                jacobian[:, part, below] = _residual_input_jacobian(cell, own, u)
        return jacobian

    def residual_input_jvp(self, h: ArrayLike, x: ArrayLike | None, v: ArrayLike) -> Floats:
        """Return the derivative of `residual` along a change `v` of the input, shape (n, H)."""
        layers = self._at_equilibrium(h, x)
        product = np.zeros((len(layers[0][1]), self.hidden_size), self.dtype)
        change = self._vectors("v", v, layers, self.input_size)
        cell, own, u = layers[0]
        product[:, self._units[0]] = cell.residual_input_jvp(own, u, change)
        return product

    layer_points = deprecated_method(
        "Stack.layer_points",
        "nullcline.layer_points",
        "nullcline.search.points_of_layers:layer_points",
    )

    def __repr__(self) -> str:
        whole = f"Stack({', '.join(map(repr, self.cells))})"
        if len(whole) <= LONGEST:
            return whole
        sizes = f"input_size={self.input_size}, hidden_size={self.hidden_size}, dtype={self.dtype}"
        return f"Stack({len(self.cells)} layers, {sizes})"

    def _table(self) -> Table:
        return Table(("layer", "cell"), enumerate(map(repr, self.cells)), len(self.cells))

    def _checked(self, h: ArrayLike, x: ArrayLike | None) -> tuple[list[Floats], Floats | None]:
        states = self.split(h)
        shape = len(states[0]), self.input_size
        return states, validation.inputs("x", x, shape, self.dtype)

    def _reading(self, h: ArrayLike, x: ArrayLike | None) -> list[_Layer]:
        """Return each layer with its states and the input that it reads within a step."""
        states, u = self._checked(h, x)
        layers = [(self.cells[0], states[0], u)]
        for cell, own in zip(self.cells[1:], states[1:], strict=True):
            layers.append((cell, own, next_output(*layers[-1])))
        return layers

    def _at_equilibrium(self, h: ArrayLike, x: ArrayLike | None) -> list[_Layer]:
        """Return each layer with its outputs and those that it reads at an equilibrium."""
        outputs = validation.rows("h", h, self.hidden_size, self.dtype)
        first = validation.inputs("x", x, (len(outputs), self.input_size), self.dtype)
        own = [outputs[:, part] for part in self._units]
        return list(zip(self.cells, own, [first, *own[:-1]], strict=True))

    def _vectors(self, name: str, value: ArrayLike, layers: list[_Layer], width: int) -> Floats:
        """Check one vector for each state."""
        shape = len(layers[0][1]), width
        return validation.matching_rows(name, value, shape, self.dtype)


def next_output(cell: Cell, h: Floats, x: Floats | None) -> Floats:
    """Return what a layer puts out after a step, shape (n, H): what the layer above it reads."""
    return cell.step(h, x)[:, : cell.hidden_size]


def _fitting(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """Return cells that may stand one above the other."""
    if not isinstance(cells, list | tuple):
        raise TypeError(f"cells must be a list of cells, not {type(cells).__name__}")
    if not cells:
        raise ValueError("cells must hold at least one cell")
    for i, cell in enumerate(cells):
        if isinstance(cell, Layered):
            raise TypeError(f"cells[{i}] is a stack itself: pass its layers, *stack.cells")
        require_cell(cell)
    for i, (below, cell) in enumerate(pairwise(cells), start=1):
        if cell.dtype != below.dtype:
            raise TypeError(
                f"cells[{i}] computes in {cell.dtype} and cells[{i - 1}] in {below.dtype}: make "
                "both of one type"
            )
        if cell.input_size != below.hidden_size:
            raise ValueError(
                f"cells[{i}] reads {cell.input_size} numbers, and cells[{i - 1}] puts out "
                f"{below.hidden_size}: pass layers in order, each reading the one before it"
            )
    return tuple(cells)


def _slices(sizes: list[int]) -> list[slice]:
    """Return where parts of these sizes are, side by side."""
    ends = np.cumsum([0, *sizes]).tolist()
    return [slice(start, stop) for start, stop in pairwise(ends)]


def _residual_input_jacobian(cell: Cell, h: Floats, x: Floats) -> Floats:
    """Return the derivative of a layer's residual with respect to its input, shape (n, H, D)."""
    n, d = x.shape
    along = np.tile(np.eye(d, dtype=x.dtype), (n, 1))
    columns = cell.residual_input_jvp(np.repeat(h, d, axis=0), np.repeat(x, d, axis=0), along)
    return columns.reshape(n, d, h.shape[1]).swapaxes(1, 2)
