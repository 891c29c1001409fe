"""A plane through the space of states: which one, how far it is drawn, and the states on it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support import validation
from nullcline.cells import require_cell
from nullcline.plotting.projection import Projection, in_space
from nullcline.search.fixed_points import FixedPoints

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell

    Matrix = NDArray[np.float64]

MARGIN = 0.15
"""Room around the states that are to be seen, in their extent."""

ROWS_AT_ONCE = 4096
"""States that a cell steps at once: what bounds the memory."""


@dataclass(frozen=True, eq=False)
class Grid:
    """States on a plane at the nodes of a grid, y by y and x by x.

    Attributes
    ----------
    cell
        The cell whose states they are.
    plane
        The axes of the plane.
    x, y
        The coordinates of the nodes, shapes (nx,) and (ny,).
    inputs
        The input, shape (1, D), or None.
    """

    cell: Cell
    plane: Projection
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    inputs: Floats | None

    @cached_property
    def states(self) -> Floats:
        """The states, shape (ny nx, S), in the cell's type."""
        at = np.stack(np.meshgrid(self.x, self.y), axis=-1).reshape(-1, 2)
        lifted = self.plane.lift(at).astype(self.cell.dtype)
        if self.plane.size == self.cell.state_size:
            return lifted
        return in_batches(lambda h: self.cell.state_of(h, self.inputs), lifted)

    @cached_property
    def is_inside(self) -> NDArray[np.bool_]:
        """Whether a state's outputs lie in the cell's box, shape (ny nx,): others are never met."""
        box = self.cell.box if self.inputs is None else self.cell.box_at(self.inputs[0])
        room = box.room(self.cell.outputs_of(self.states))
        return np.asarray((room >= 0).all(axis=1))

    def map(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return values of the states, shape (ny nx, ...), as a map, shape (ny, nx, ...)."""
        return values.reshape(len(self.y), len(self.x), *values.shape[1:])


def grid_on(
    cell: Cell,
    plane: Projection | ArrayLike,
    around: FixedPoints | ArrayLike | None,
    inputs: ArrayLike | None,
    extent: Sequence[float] | None,
    resolution: int,
) -> Grid:
    """Return the grid on a plane, of `resolution` nodes along each side.

    Parameters
    ----------
    cell
        The cell.
    plane
        Its axes, or three states that it runs through.
    around
        States or points that the picture is to hold; None for those that the plane runs through.
    inputs
        The constant input, (D,); None for that of the points, or zero.
    extent
        (x from, x to, y from, y to); None for as much as `around` takes.
    resolution
        Nodes along a side.
    """
    require_cell(cell)
    resolution = validation.whole_number("resolution", resolution, 2, 4001)
    axes = plane if isinstance(plane, Projection) else Projection.through(plane)
    if len(axes) != 2:
        raise ValueError(f"plane must have two axes, not those of {axes!r}")
    if not np.any(axes.axes, axis=1).all():
        raise ValueError(
            "plane must be spanned by two axes, and the states that it was made of are one or "
            "lie on a line: make it of more of them, such as Projection.principal(states)"
        )
    if axes.size not in {cell.state_size, cell.hidden_size}:
        raise ValueError(
            f"plane must be of states of length {cell.state_size}, as the cell's are, not "
            f"{axes.size}"
        )
    if extent is None:
        shown = around
        if shown is None and not isinstance(plane, Projection):
            shown = plane
        extent = _extent(cell, axes, shown)
    x_from, x_to, y_from, y_to = _numbers(extent)
    return Grid(
        cell,
        axes,
        np.linspace(x_from, x_to, resolution),
        np.linspace(y_from, y_to, resolution),
        constant_input(cell, around, inputs),
    )


def constant_input(cell: Cell, points: object, inputs: ArrayLike | None) -> Floats | None:
    """Return the one input, (1, D), that is given or that points carry; None for zero."""
    if isinstance(points, FixedPoints) and points.inputs is not None and len(points):
        own = np.unique(np.asarray(points.numpy().inputs), axis=0)
        if inputs is not None:
            raise ValueError("inputs must be None: these points carry the inputs of their search")
        if len(own) > 1:
            raise ValueError(
                f"points must have one input, not {len(own)}: select those of one condition"
            )
        inputs = own[0]
    return validation.inputs("inputs", inputs, (1, cell.input_size), cell.dtype)


def on_plane(cell: Cell, plane: Projection, states: FixedPoints | ArrayLike) -> Matrix:
    """Return the coordinates of states or points on a plane of states, or of outputs alone."""
    rows = states.numpy().h if isinstance(states, FixedPoints) else states
    h = validation.floats("states", rows, finite=False)
    if h.ndim != 2:
        raise ValueError(f"states must have shape (n, {cell.state_size}), not {h.shape}")
    return plane(in_space(h, plane.size, cell))


def in_batches(function: Callable[[Any], Floats], states: Floats) -> Floats:
    """Return a function of states (n, S), a batch at a time."""
    parts = range(0, len(states), ROWS_AT_ONCE)
    return np.concatenate([function(states[i : i + ROWS_AT_ONCE]) for i in parts])


def _extent(cell: Cell, plane: Projection, shown: FixedPoints | ArrayLike | None) -> list[float]:
    """Return how far states reach on a plane, and room around them."""
    places = np.zeros((0, 2)) if shown is None else on_plane(cell, plane, shown)
    places = places[np.isfinite(places).all(axis=1)]
    if len(places) == 0:
        raise ValueError("extent must be given where there are no states to draw the plane around")
    low, high = places.min(axis=0), places.max(axis=0)
    size = high - low
    # A single point is seen within a tenth of a unit, points on a line within a square.
    size = np.where(size > 1e-9 * size.max(), size, size.max() if size.any() else 0.1)
    middle = (low + high) / 2
    half = size * (0.5 + MARGIN)
    return [
        float(edge)
        for axis in range(2)
        for edge in (middle[axis] - half[axis], middle[axis] + half[axis])
    ]


def _numbers(extent: Sequence[float]) -> list[float]:
    found = np.asarray(extent, np.float64)
    if found.shape != (4,) or not np.isfinite(found).all() or not (found[::2] < found[1::2]).all():
        raise ValueError(
            f"extent must be (x from, x to, y from, y to), rising and finite, not {extent!r}"
        )
    return [float(edge) for edge in found]
