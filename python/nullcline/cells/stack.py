"""Several layers as one cell: what each puts out is what the next one reads, in one time step.

At states h_1, ..., h_L and input u_0 = x let h_l' = F_l(h_l, u_(l-1)), where u_l = P_l h_l' are the
first H_l entries of layer l's *new* state: all of it, but for an LSTM, whose state is [h, c]. With
A_l = ∂F_l/∂h_l and B_l = ∂F_l/∂u at these, the chain rule gives, for k <= l,

    ∂h_l'/∂h_k = B_l P_(l-1) B_(l-1) P_(l-2) ... B_(k+1) P_k A_k,

and zero for k > l: the joint Jacobian is block lower triangular with the A_l on its diagonal, and
its spectrum is the union of theirs. Likewise ∂h_l'/∂x = B_l P_(l-1) ... P_1 B_1. Row l of blocks is
B_l P_(l-1) times row l - 1, and A_l beside it; products go through the layers one by one.

A layer of two directions has two cells, which read the same u_(l-1) and not each other: its A_l is
block diagonal, and u_l is both outputs side by side. Where the input is constant for ever, each
direction of the running network comes to rest where its cell does, and so joint fixed points are
those of the network. The joint step, in which both directions go on together, is not a step of it:
there they go through time in opposite ways.
"""

from __future__ import annotations

from itertools import pairwise, starmap
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._native.blas import one_blas_thread
from nullcline._support import validation
from nullcline._support.deprecation import deprecated_method
from nullcline._support.shown import LONGEST, Shown, Table
from nullcline.cells.bidirectional import Bidirectional
from nullcline.cells.box import Box
from nullcline.cells.protocol import HasTimeStep, Layered, require_cell

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    from numpy.typing import ArrayLike

    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell

    # A cell, its states, and the input that it reads.
    _Part: TypeAlias = tuple[Cell, Floats, Floats | None]


class Stack(Shown):
    """Recurrent layers one above the other, as `torch.nn.GRU(num_layers=L)` has them, as one cell.

    The output of a layer is the input of the next within the same time step. A joint state is the
    layers' states side by side, the first layer's first, shape (n, S), where S is the sum of their
    state sizes: PyTorch's `h_n` of shape (L, n, H) is `numpy.concatenate(list(h_n), axis=1)`.

    A layer of two directions has two states, the forward one first, as in PyTorch's `h_n` of shape
    (2L, n, H); the layer above reads `[forward, backward]`.

    Parameters
    ----------
    cells
        The layers, from the one that reads the input to the last, e.g. `from_torch(rnn)`: a cell
        for each, or a `Bidirectional` pair.

    Attributes
    ----------
    layers : tuple of Cell or Bidirectional
        The layers, as they were given.
    cells : tuple of Cell
        Their cells: one of each layer, or two, the forward one first.
    names : tuple of str
        What each cell is called: "layer 1", or "layer 1 forward" and "layer 1 backward".

    Raises
    ------
    TypeError
        If one of them is no cell, or a stack itself, or they do not compute in one type.
    ValueError
        If there is none, or one does not read as many numbers as the layer below it puts out.

    Notes
    -----
    Methods take states and inputs as those of `GRU` do. `find_fixed_points`, `linearize`, `trace`
    and `follow_input` take a stack as any cell. With layers of two directions, fixed points, their
    stability and their spectrum are those of the network at an input that is constant for ever; the
    joint step is not a step of the network, whose backward cells go through time the other way, and
    so what predicts steps, `predict_sequences` say, refuses such a stack.

    A search finds joint points by block substitution: it takes the first layer to its ends, then
    the second with what the first puts out there, and so on, each from its own part of the starts.
    A joint end is of the worst kind of its layers, in the order "fixed", "slow", "minimum",
    "unconverged". Where a layer's end is slow, the layers above it are solved for its *next*
    output, which is what they read in the joint step: if they are fixed there, `q` has a joint
    local minimum; if one of them is slow too, a minimum in each layer's state given those below it.
    """

    def __init__(self, cells: Sequence[Cell | Bidirectional]) -> None:
        self.layers: tuple[Cell | Bidirectional, ...] = _fitting(cells)
        self.cells: tuple[Cell, ...] = tuple(
            cell for layer in self.layers for cell in directions(layer)
        )
        self.names: tuple[str, ...] = tuple(
            f"layer {number}{way}"
            for number, layer in enumerate(self.layers, start=1)
            for way in ((" forward", " backward") if isinstance(layer, tuple) else ("",))
        )
        self._layers = cell_numbers(self.layers)
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
        boxes: list[Box] = []
        for layer in self.layers:
            own = [cell.box_at(x) for cell in directions(layer)]
            boxes += own
            x = Box.joint(own)
        return Box.joint(boxes)

    @property
    def is_smooth(self) -> bool:
        """Whether all layers are smooth."""
        return all(cell.is_smooth for cell in self.cells)

    @property
    def has_directions(self) -> bool:
        """Whether a layer has two directions, so that the joint step is not one in time."""
        return len(self.cells) > len(self.layers)

    @property
    def compiled(self) -> tuple[Any, ...]:
        """The compiled cells."""
        return tuple(cell.compiled for cell in self.cells)

    def split(self, h: ArrayLike) -> list[Floats]:
        """Return each cell's states, shape (n, S_l), of joint ones, shape (n, S).

        In the order of `cells`: layer by layer, and of two directions the forward one first.
        """
        states = validation.rows("h", h, self.state_size, self.dtype, self.hidden_size)
        return [states[:, part] for part in self._states]

    def layer_inputs(self, h: ArrayLike, x: ArrayLike | None = None) -> list[Floats | None]:
        """Return the input that each cell reads within a step from joint states (n, S).

        For the first layer that is `x`; for any other the next output of the layer below, (n, D_l),
        of two directions side by side.
        """
        return [u for _, _, u in self._reading(h, x)]

    def step(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return the next joint state F(h, x), shape (n, S)."""
        states, u = self._checked(h, x)
        following: list[Floats] = []
        for layer in self._layers:
            following += [self.cells[i].step(states[i], u) for i in layer]
            u = self._side_by_side([following[i][:, : self.cells[i].hidden_size] for i in layer])
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
        parts = self._reading(h, x)
        jacobian = np.zeros((len(parts[0][1]), self.state_size, self.state_size), self.dtype)
        for below, layer in self._with_below():
            lower = slice(0, self._states[layer[0]].start)
            outputs = [jacobian[:, self._outputs[j], lower] for j in below]
            for i in layer:
                cell, own, u = parts[i]
                part = self._states[i]
                jacobian[:, part, part] = cell.jacobian(own, u)
                if below:
                    upward = np.concatenate(outputs, axis=1)
                    jacobian[:, part, lower] = cell.input_jacobian(own, u) @ upward
        return jacobian

    @one_blas_thread()
    def input_jacobian(self, h: ArrayLike, x: ArrayLike | None = None) -> Floats:
        """Return J_inp = ∂F/∂x, shape (n, S, D)."""
        rows = [cell.input_jacobian(own, u) for cell, own, u in self._reading(h, x)]
        for below, layer in self._with_below():
            outputs = [rows[j][:, : self.cells[j].hidden_size] for j in below]
            for i in layer if below else ():
                rows[i] = rows[i] @ np.concatenate(outputs, axis=1)
        return np.concatenate(rows, axis=1)

    def jvp(self, h: ArrayLike, x: ArrayLike | None, v: ArrayLike) -> Floats:
        """Return J_rec v, shape (n, S), for `v` of shape (n, S)."""
        parts = self._reading(h, x)
        product = self._vectors("v", v, parts, self.state_size).copy()
        for below, layer in self._with_below():
            change = [product[:, self._outputs[j]] for j in below]
            for i in layer:
                cell, own, u = parts[i]
                part = self._states[i]
                product[:, part] = cell.jvp(own, u, product[:, part])
                if below:
                    product[:, part] += cell.input_jvp(own, u, self._side_by_side(change))
        return product

    def vjp(self, h: ArrayLike, x: ArrayLike | None, u: ArrayLike) -> Floats:
        """Return uᵀ J_rec, shape (n, S), for `u` of shape (n, S)."""
        parts = self._reading(h, x)
        product = self._vectors("u", u, parts, self.state_size).copy()
        for below, layer in reversed(self._with_below()):
            for i in layer:
                cell, own, read = parts[i]
                part = self._states[i]
                if below:
                    self._add_below(product, below, cell.input_vjp(own, read, product[:, part]))
                product[:, part] = cell.vjp(own, read, product[:, part])
        return product

    def input_jvp(self, h: ArrayLike, x: ArrayLike | None, v: ArrayLike) -> Floats:
        """Return J_inp v, shape (n, S), for `v` of shape (n, D)."""
        parts = self._reading(h, x)
        change = self._vectors("v", v, parts, self.input_size)
        products: list[Floats] = []
        for layer in self._layers:
            own = [cell.input_jvp(h, u, change) for cell, h, u in (parts[i] for i in layer)]
            products += own
            change = self._side_by_side(
                [part[:, : self.cells[i].hidden_size] for part, i in zip(own, layer, strict=True)]
            )
        return np.concatenate(products, axis=1)

    def input_vjp(self, h: ArrayLike, x: ArrayLike | None, u: ArrayLike) -> Floats:
        """Return uᵀ J_inp, shape (n, D), for `u` of shape (n, S)."""
        parts = self._reading(h, x)
        product = self._vectors("u", u, parts, self.state_size).copy()
        for below, layer in reversed(self._with_below()):
            changes = []
            for i in layer:
                cell, own, read = parts[i]
                changes.append(cell.input_vjp(own, read, product[:, self._states[i]]))
            change: Floats = sum(changes[1:], start=changes[0])
            if below:
                self._add_below(product, below, change)
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
        parts = self._at_equilibrium(h, x)
        jacobian = np.zeros((len(parts[0][1]), self.hidden_size, self.hidden_size), self.dtype)
        for below, layer in self._with_below():
            for i in layer:
                cell, own, u = parts[i]
                part = self._units[i]
                jacobian[:, part, part] = cell.residual_jacobian(own, u)
                if u is not None and below:
                    read = slice(self._units[below[0]].start, self._units[below[-1]].stop)
                    jacobian[:, part, read] = _residual_input_jacobian(cell, own, u)
        return jacobian

    def residual_input_jvp(self, h: ArrayLike, x: ArrayLike | None, v: ArrayLike) -> Floats:
        """Return the derivative of `residual` along a change `v` of the input, shape (n, H)."""
        parts = self._at_equilibrium(h, x)
        product = np.zeros((len(parts[0][1]), self.hidden_size), self.dtype)
        change = self._vectors("v", v, parts, self.input_size)
        for i in self._layers[0]:
            cell, own, u = parts[i]
            product[:, self._units[i]] = cell.residual_input_jvp(own, u, change)
        return product

    layer_points = deprecated_method(
        "Stack.layer_points",
        "nullcline.layer_points",
        "nullcline.search.points_of_layers:layer_points",
        goes="0.3.0",
    )

    def __repr__(self) -> str:
        whole = f"Stack({', '.join(map(repr, self.layers))})"
        if len(whole) <= LONGEST:
            return whole
        sizes = f"input_size={self.input_size}, hidden_size={self.hidden_size}, dtype={self.dtype}"
        return f"Stack({len(self.layers)} layers, {sizes})"

    def _table(self) -> Table:
        return Table(("layer", "cell"), enumerate(map(repr, self.layers)), len(self.layers))

    def _checked(self, h: ArrayLike, x: ArrayLike | None) -> tuple[list[Floats], Floats | None]:
        states = self.split(h)
        shape = len(states[0]), self.input_size
        return states, validation.inputs("x", x, shape, self.dtype)

    def _reading(self, h: ArrayLike, x: ArrayLike | None) -> list[_Part]:
        """Return each cell with its states and the input that it reads within a step."""
        states, u = self._checked(h, x)
        parts: list[_Part] = []
        for below, layer in self._with_below():
            if below:
                u = self._side_by_side([next_output(*parts[j]) for j in below])
            parts += [(self.cells[i], states[i], u) for i in layer]
        return parts

    def _at_equilibrium(self, h: ArrayLike, x: ArrayLike | None) -> list[_Part]:
        """Return each cell with its outputs and those that it reads at an equilibrium."""
        outputs = validation.rows("h", h, self.hidden_size, self.dtype)
        u = validation.inputs("x", x, (len(outputs), self.input_size), self.dtype)
        parts: list[_Part] = []
        for below, layer in self._with_below():
            if below:
                u = outputs[:, self._units[below[0]].start : self._units[below[-1]].stop]
            parts += [(self.cells[i], outputs[:, self._units[i]], u) for i in layer]
        return parts

    def _with_below(self) -> list[tuple[range, range]]:
        """Return the numbers of the cells of each layer after those that it reads, if any."""
        return list(pairwise([range(0), *self._layers]))

    def _add_below(self, product: Floats, below: range, change: Floats) -> None:
        """Add covectors of what a cell reads to those of the outputs that it is made of."""
        sizes = [self.cells[j].hidden_size for j in below]
        for j, part in zip(below, _slices(sizes), strict=True):
            product[:, self._outputs[j]] += change[:, part]

    @staticmethod
    def _side_by_side(outputs: list[Floats]) -> Floats:
        return outputs[0] if len(outputs) == 1 else np.concatenate(outputs, axis=1)

    def _vectors(self, name: str, value: ArrayLike, parts: list[_Part], width: int) -> Floats:
        """Check one vector for each state."""
        shape = len(parts[0][1]), width
        return validation.matching_rows(name, value, shape, self.dtype)


def next_output(cell: Cell, h: Floats, x: Floats | None) -> Floats:
    """Return what a cell puts out after a step, shape (n, H): what the layer above it reads."""
    return cell.step(h, x)[:, : cell.hidden_size]


def directions(layer: Cell | Bidirectional) -> tuple[Cell, ...]:
    """Return the cells of a layer: one, or the forward and the backward one."""
    return layer if isinstance(layer, tuple) else (layer,)


def cell_numbers(layers: Sequence[Cell | Bidirectional]) -> list[range]:
    """Return the numbers, among the cells of all layers, of those of each layer."""
    ends = np.cumsum([0, *(len(directions(layer)) for layer in layers)]).tolist()
    return list(starmap(range, pairwise(ends)))


def _fitting(layers: Any) -> tuple[Cell | Bidirectional, ...]:
    """Return layers that may stand one above the other."""
    if isinstance(layers, Bidirectional):
        raise TypeError("cells must be a list of layers, not Bidirectional: pass [pair]")
    if not isinstance(layers, list | tuple):
        raise TypeError(f"cells must be a list of cells, not {type(layers).__name__}")
    if not layers:
        raise ValueError("cells must hold at least one cell")
    for i, layer in enumerate(layers):
        _require_layer(i, layer)
    for i, (below, layer) in enumerate(pairwise(layers), start=1):
        own, lower = directions(layer)[0], directions(below)
        if own.dtype != lower[0].dtype:
            raise TypeError(
                f"cells[{i}] computes in {own.dtype} and cells[{i - 1}] in {lower[0].dtype}: make "
                "both of one type"
            )
        if own.input_size != sum(cell.hidden_size for cell in lower):
            raise ValueError(
                f"cells[{i}] reads {own.input_size} numbers, and cells[{i - 1}] puts out "
                f"{sum(cell.hidden_size for cell in lower)}: pass layers in order, each reading "
                "the one before it"
            )
    return tuple(layers)


def _require_layer(i: int, layer: Any) -> None:
    """Raise unless this is a cell, or two that read the same."""
    if isinstance(layer, Layered):
        raise TypeError(f"cells[{i}] is a stack itself: pass its layers, *stack.layers")
    if not isinstance(layer, Bidirectional):
        require_cell(layer)
        return
    for cell in layer:
        require_cell(cell)
    forward, backward = layer
    if forward.dtype != backward.dtype:
        raise TypeError(
            f"cells[{i}] computes in {forward.dtype} forward and {backward.dtype} backward: make "
            "both of one type"
        )
    if forward.input_size != backward.input_size:
        raise ValueError(
            f"cells[{i}] reads {forward.input_size} numbers forward and {backward.input_size} "
            "backward: both directions read the same sequence"
        )


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
