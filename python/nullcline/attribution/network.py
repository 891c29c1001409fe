"""A network as its layers, each of one direction or of two."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support import validation
from nullcline.cells.protocol import Cell, Layered, require_cell
from nullcline.interop import Bidirectional

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    from numpy.typing import ArrayLike

    from nullcline._support.validation import Floats

    Layers: TypeAlias = Cell | Bidirectional | Sequence[Cell | Bidirectional]


@dataclass(frozen=True)
class Direction:
    """One cell of a layer: where its state and its outputs are among those of the layer."""

    cell: Cell
    is_backward: bool
    state: slice
    outputs: slice

    @property
    def ends(self) -> tuple[int, int]:
        """Where its state and its outputs end among those of the layer."""
        return int(self.state.stop), int(self.outputs.stop)


@dataclass(frozen=True)
class Layer:
    """What reads one sequence: a cell, or two that read it from either end."""

    directions: tuple[Direction, ...]

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells of its directions."""
        return tuple(direction.cell for direction in self.directions)

    @property
    def input_size(self) -> int:
        """How many numbers it reads in a step."""
        return self.directions[0].cell.input_size

    @property
    def state_size(self) -> int:
        """The states of its directions side by side."""
        return self.directions[-1].ends[0]

    @property
    def output_size(self) -> int:
        """The outputs of its directions side by side."""
        return self.directions[-1].ends[1]


@dataclass(frozen=True)
class Network:
    """Layers from the first to the last."""

    layers: tuple[Layer, ...]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type that it computes in."""
        return self.layers[0].directions[0].cell.dtype

    @property
    def input_size(self) -> int:
        """D of the first layer."""
        return self.layers[0].input_size

    @property
    def output_size(self) -> int:
        """How many outputs the last layer has."""
        return self.layers[-1].output_size

    @property
    def state_size(self) -> int:
        """The states of all layers side by side."""
        return sum(layer.state_size for layer in self.layers)

    def split(self, states: Floats) -> list[Floats]:
        """Return each layer's states (..., S_l) of joint ones (..., S)."""
        ends = accumulate(layer.state_size for layer in self.layers[:-1])
        return np.split(states, list(ends), axis=-1)

    def states(self, name: str, value: ArrayLike | Sequence[ArrayLike], n: int) -> list[Floats]:
        """Return each layer's states (1 | n, S_l) of joint ones, or of a list of those of layers.

        Raises
        ------
        TypeError, ValueError
            If they are no finite numbers of the network's type and of these shapes.
        """
        sizes = [layer.state_size for layer in self.layers]
        if isinstance(value, list | tuple) and len(value) == len(sizes) and _are_arrays(value):
            return [
                self._rows(f"{name}[{i}]", own, size, n)
                for i, (own, size) in enumerate(zip(value, sizes, strict=True))
            ]
        joint: Any = value
        return self.split(self._rows(name, joint, self.state_size, n))

    def _rows(self, name: str, value: ArrayLike, size: int, n: int) -> Floats:
        array = validation.floats(name, value, self.dtype)
        if array.shape not in {(size,), (1, size), (n, size)}:
            one = "" if n == 1 else f" or ({n}, {size})"
            raise ValueError(
                f"{name} must have shape ({size},){one}, a network's states side by side from the "
                f"first layer to the last, not {array.shape}"
            )
        return np.atleast_2d(array)


def network_of(cells: Layers) -> Network:
    """Return a cell, a pair of directions, a stack, or a list of layers as a network.

    Raises
    ------
    TypeError
        If one of them is no cell, or they do not compute in one type.
    ValueError
        If there is none, or one does not read as many numbers as the layer below it puts out.
    """
    given: Any = cells
    if isinstance(given, Layered):
        given = given.layers
    elif isinstance(given, Bidirectional) or not isinstance(given, list | tuple):
        given = [given]
    if not given:
        raise ValueError("cells must hold at least one layer")
    layers = tuple(_layer(f"cells[{i}]", layer) for i, layer in enumerate(given))
    types = {str(cell.dtype) for layer in layers for cell in layer.cells}
    if len(types) > 1:
        raise TypeError(f"cells compute in {' and '.join(sorted(types))}: make all of one type")
    for i, (below, layer) in enumerate(pairwise(layers), start=1):
        if layer.input_size != below.output_size:
            raise ValueError(
                f"cells[{i}] reads {layer.input_size} numbers, and cells[{i - 1}] puts out "
                f"{below.output_size}: pass layers in order, each reading the one before it"
            )
    return Network(layers)


def _layer(name: str, layer: object) -> Layer:
    if isinstance(layer, Layered):
        raise TypeError(f"{name} is a stack itself: pass its layers, *stack.layers")
    cells: tuple[Any, ...] = (layer,)
    if isinstance(layer, Bidirectional):
        cells = layer
        if cells[0].input_size != cells[1].input_size:
            raise ValueError(
                f"{name} reads {cells[0].input_size} numbers forward and {cells[1].input_size} "
                "backward: both directions read the same sequence"
            )
    directions = []
    state = outputs = 0
    for i, cell in enumerate(cells):
        require_cell(cell)
        after = state + cell.state_size, outputs + cell.hidden_size
        directions.append(Direction(cell, i == 1, slice(state, after[0]), slice(outputs, after[1])))
        state, outputs = after
    return Layer(tuple(directions))


def _are_arrays(values: Sequence[Any]) -> bool:
    """Whether every entry has axes of its own, as a layer's states have, and numbers have not."""
    return all(np.ndim(value) > 0 for value in values)
