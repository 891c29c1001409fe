"""A cell in float64 along many orbits at once: steps and Jacobians at the inputs of each phase."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from nullcline._support import validation
from nullcline.cells.double_precision import in_float64
from nullcline.cells.protocol import HasPrecision, Layered, require_cell
from nullcline.certify.jacobian_rounding import jacobian_rounding

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell

    Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Driven:
    """A cell and the inputs that it reads in turn.

    Attributes
    ----------
    cell
        The cell in float64; a function of float32 as it is.
    inputs
        None, or shape (1 | n, m, D): what each of n orbits, or all, read in turn, again and again.
    """

    cell: Cell
    inputs: Array | None

    @classmethod
    def of(cls, cell: Cell, inputs: ArrayLike | None, n: int) -> Driven:
        """Read and check a cell and the inputs of n orbits.

        Raises
        ------
        TypeError, ValueError
            If `cell` is no cell, or one that has two directions, or `inputs` have another shape.
        """
        require_one_way(cell)
        return cls(in_float64(cell), read_inputs(inputs, n, cell))

    @property
    def turn(self) -> int:
        """M, after how many steps the inputs begin again: 1 for a constant one."""
        return 1 if self.inputs is None else self.inputs.shape[1]

    @cached_property
    def rounding(self) -> float:
        """The unit of rounding that the cell's values have."""
        cell = self.cell
        precision = cell.precision if isinstance(cell, HasPrecision) else cell.dtype
        return float(np.finfo(precision).eps)

    def take(self, rows: NDArray[np.intp]) -> Driven:
        """Return the same of some of the orbits."""
        if self.inputs is None or len(self.inputs) == 1:
            return self
        return Driven(self.cell, self.inputs[rows])

    def at_phases(self, n: int, first: int, k: int) -> Array | None:
        """Return what n orbits read in k steps from a phase on, shape (n, k, D)."""
        if self.inputs is None:
            return None
        read = self.inputs[:, (first + np.arange(k)) % self.turn]
        return np.broadcast_to(read, (n, *read.shape[1:]))

    def step(self, states: Array, phase: int) -> Array:
        """Return the next states (n, S) of orbits at one phase."""
        return self._called(self.cell.step, states, self._at(phase))

    def jacobian(self, states: Array, phase: int) -> Array:
        """Return the Jacobians (n, S, S) of orbits at one phase."""
        return self._called(self.cell.jacobian, states, self._at(phase))

    def jvp(self, states: Array, phase: int, vectors: Array) -> Array:
        """Return products with the Jacobians, shape (n, S, k), of vectors (n, S, k)."""
        n, size, k = vectors.shape
        x = self._at(phase)
        if x is not None and len(x) > 1:
            x = np.repeat(x, k, axis=0)
        flat = np.ascontiguousarray(vectors.transpose(0, 2, 1)).reshape(n * k, size)
        images = self._called(self.cell.jvp, np.repeat(states, k, axis=0), x, flat)
        return images.reshape(n, k, size).transpose(0, 2, 1)

    def steps_of(self, orbits: Array) -> Array:
        """Return the next states of all states of orbits (n, k, S), the first at the phase 0."""
        n, k, size = orbits.shape
        flat = self._called(self.cell.step, orbits.reshape(n * k, size), self._flat(n, k))
        return flat.reshape(n, k, size)

    def jacobians_of(self, orbits: Array) -> Array:
        """Return the Jacobians (n, k, S, S) at all states of orbits (n, k, S)."""
        n, k, size = orbits.shape
        flat = self._called(self.cell.jacobian, orbits.reshape(n * k, size), self._flat(n, k))
        return flat.reshape(n, k, size, size)

    def jacobian_roundings(self, orbit: Array, jacobians: Array) -> Array:
        """Return bounds of the norms of what Jacobians along one orbit (k, S) are off by, (k,)."""
        rounded, read = jacobian_rounding(self.cell), self.at_phases(1, 0, len(orbit))
        return np.array(
            [
                rounded(state, None if read is None else read[0, j], jacobians[j])
                for j, state in enumerate(orbit)
            ]
        )

    def orbit(self, states: Array, k: int) -> Array:
        """Return the k states that orbits go through from states (n, S), shape (n, k, S)."""
        orbits = np.empty((len(states), k, states.shape[1]))
        for j in range(k):
            orbits[:, j] = states
            if j + 1 < k:
                states = self.step(states, j)
        return orbits

    def _at(self, phase: int) -> Array | None:
        if self.inputs is None:
            return None
        return np.ascontiguousarray(self.inputs[:, phase % self.turn])

    def _flat(self, n: int, k: int) -> Array | None:
        read = self.at_phases(n, 0, k)
        return None if read is None else np.ascontiguousarray(read).reshape(n * k, read.shape[2])

    def _called(self, method: Callable[..., Floats], *rows: Array | None) -> Array:
        """Return what a method makes of states, inputs and maybe vectors, row by row.

        It computes in the cell's type. Rows that are not finite, which cells refuse, stay so.
        """
        dtype = self.cell.dtype
        given = [None if of is None else of.astype(dtype, copy=False) for of in rows]
        vectors = [of for of in (given[0], *given[2:]) if of is not None]
        finite = np.logical_and.reduce([np.isfinite(of).all(axis=1) for of in vectors])
        if finite.all():
            return method(*given).astype(np.float64, copy=False)
        # Zeros in their place: the last bits of other rows depend on where these stand.
        n = len(finite)
        kept = [
            of if of is None or len(of) != n else np.where(finite[:, None], of, dtype.type(0))
            for of in given
        ]
        whole = method(*kept).astype(np.float64, copy=False)
        whole[~finite] = np.nan
        return whole


def require_one_way(cell: Cell) -> None:
    """Raise TypeError unless this is a cell whose steps are those of a network in time."""
    require_cell(cell)
    if isinstance(cell, Layered) and cell.has_directions:
        raise TypeError(
            "cell must step as the network does, and a layer of two directions goes through time "
            "both ways: pass one of stack.cells"
        )


def read_inputs(value: ArrayLike | None, n: int, cell: Cell) -> Array | None:
    """Return None or inputs of shape (1 | n, m, D): each orbit's, or all orbits', in turn.

    A sequence that repeats itself is cut to what it repeats.
    """
    if value is None:
        return None
    array = validation.floats("inputs", value, cell.dtype).astype(np.float64)
    width = cell.input_size
    if array.ndim < 3:
        validation.require_inputs("inputs", array.shape, (n, width))
        return np.atleast_2d(array)[:, None, :].copy()
    if array.ndim > 3 or len(array) not in {1, n} or array.shape[1] == 0 or array.shape[2] != width:
        raise ValueError(
            f"inputs must be None or constant, of shape ({width},), (1, {width}) or ({n}, {width}),"
            f" or m inputs in turn, of shape (1, m, {width}) or ({n}, m, {width}), not "
            f"{array.shape}"
        )
    m = array.shape[1]
    repeats = (d for d in divisors(m) if (array == np.tile(array[:, :d], (1, m // d, 1))).all())
    return array[:, : next(repeats)]


def divisors(number: int) -> list[int]:
    """Return the divisors of a number, rising."""
    return [d for d in range(1, number + 1) if number % d == 0]
