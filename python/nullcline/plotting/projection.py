"""Where states are drawn: their coordinates along two or three axes of the space of states."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support import validation
from nullcline._support.components import principal_components
from nullcline.linearization.linear_map import require_linearization
from nullcline.linearization.resolution import (
    known_time_constants,
    side_of_circle,
    write_time_constant,
)
from nullcline.plotting.panels import time_unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from nullcline.cells.protocol import Cell
    from nullcline.linearization.linear_map import Linearization

    Vector = NDArray[np.float64]
    Matrix = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Projection:
    """Axes in the space of states: `projection(states)` are coordinates along them.

    Make one with `principal`, `of_modes`, `onto`, `of_units` or `through`.

    Attributes
    ----------
    axes
        One axis a row, shape (k, S): coordinates are `axes @ (h - centre)`.
    centre
        The state that is drawn at the origin, shape (S,).
    names
        What the axes are called, k of them.
    shares
        The share of the states' variance along each axis, from 0 to 1, shape (k,); None where it
        was not measured.
    basis
        Where a unit along each axis leads, one state a row, shape (k, S): `axes @ basis.T` is the
        identity. For orthonormal axes it is the axes themselves.
    """

    axes: Matrix
    centre: Vector
    names: tuple[str, ...]
    shares: Vector | None
    basis: Matrix

    # Ways to make one

    @classmethod
    def principal(cls, states: ArrayLike, k: int = 2) -> Projection:
        """Return the first principal components of states, shape (n, S), n at least 1.

        Each component's entry of largest modulus is positive. Where states have fewer than `k`
        components, such as those of one unit, the axes that are missing are zero.

        Raises
        ------
        TypeError, ValueError
            If `states` are not finite rows of numbers, there is none, or `k` is not positive.
        """
        k = validation.whole_number("k", k, 1)
        rows = np.asarray(states)
        if rows.ndim != 2 or len(rows) == 0 or rows.shape[1] == 0:
            raise ValueError(f"states must have shape (n, S) with n at least 1, not {rows.shape}")
        found = principal_components(rows, k)
        names = tuple(f"component {i + 1}" for i in range(k))
        axes = found.components
        return cls(axes, found.mean, names, found.explained_variance_ratio, axes)

    @classmethod
    def of_modes(
        cls, linearization: Linearization, modes: Sequence[int] = (0, 1), point: int = 0
    ) -> Projection:
        """Return the coordinates in modes of a linearization: `left @ (h - h*)`.

        A complex mode, one of a conjugate pair, has two coordinates, its real and its imaginary
        part; so the two slowest axes of a rotation are `modes=[0]`. Names have the time constants,
        in steps, or in the unit of the cell's `dt` if it has one.

        Parameters
        ----------
        linearization
            The modes; sort them with `by_time_constant` to choose by how slow they are.
        modes
            Their numbers, in the order of `linearization.eigenvalues`.
        point
            Which of its points.

        Raises
        ------
        TypeError, ValueError, IndexError
            If there is no such point or mode, or a mode is defective.
        """
        require_linearization(linearization)
        n, k = linearization.eigenvalues.shape
        point = _row_number("point", point, n)
        step, _ = time_unit(linearization.cell)
        axes, basis, names = [], [], []
        for mode in (_row_number("modes", mode, k) for mode in modes):
            left, right = linearization.left[point, mode], linearization.right[point, :, mode]
            value, error = (
                array[point, mode]
                for array in (linearization.eigenvalues, linearization.eigenvalue_errors)
            )
            tau = step * float(known_time_constants(value, error))
            name = f"mode {mode + 1} (τ = {write_time_constant(tau, side_of_circle(value, error))})"
            if value.imag == 0:
                axes += [left.real]
                basis += [right.real]
                names += [name]
            else:  # h - h* = a r + its conjugate, a = left @ (h - h*)
                axes += [left.real, left.imag]
                basis += [2 * right.real, -2 * right.imag]
                names += [f"{name}, real part", f"{name}, imaginary part"]
        if not axes:
            raise ValueError("modes must name at least one mode")
        if not np.isfinite(axes).all():
            raise ValueError("modes must not be defective: this one has no left eigenvector")
        centre = np.asarray(linearization.h[point], np.float64)
        return cls(np.array(axes), centre, tuple(names), None, np.array(basis))

    @classmethod
    def onto(
        cls,
        vectors: ArrayLike,
        centre: ArrayLike | None = None,
        names: Sequence[str] | None = None,
    ) -> Projection:
        """Return the coordinates `vectors @ (h - centre)`, such as along readouts.

        Parameters
        ----------
        vectors
            Linearly independent, shape (k, S) or, of a cell whose states are [h, c], (k, H).
        centre
            The state that is drawn at the origin, zero by default.
        names
            What to call them; "axis 1" and so on by default.

        Raises
        ------
        TypeError, ValueError
            If an argument has the wrong type or shape, or vectors depend on each other.
        """
        axes = np.atleast_2d(validation.floats("vectors", vectors)).astype(np.float64)
        k, size = axes.shape if axes.ndim == 2 else (0, 0)
        if k == 0:
            raise ValueError(f"vectors must have shape (k, S), not {np.shape(vectors)}")
        if (
            np.linalg.matrix_rank(axes / np.linalg.norm(axes, axis=1, keepdims=True).clip(1e-300))
            < k
        ):
            raise ValueError("vectors must be linearly independent, and none zero")
        origin = np.zeros(size) if centre is None else validation.floats("centre", centre)
        if origin.shape != (size,):
            raise ValueError(f"centre must have shape ({size},), not {origin.shape}")
        called = tuple(f"axis {i + 1}" for i in range(k)) if names is None else tuple(names)
        if len(called) != k:
            raise ValueError(f"names must be {k}, one for each vector, not {len(called)}")
        basis: Matrix = np.linalg.pinv(axes).T.astype(np.float64)
        return cls(axes, origin.astype(np.float64), called, None, basis)

    @classmethod
    def of_units(cls, units: Sequence[int], size: int) -> Projection:
        """Return the coordinates of single units, of states of length `size`."""
        numbers = [_row_number("units", unit, size) for unit in units]
        return cls.onto(np.eye(size)[numbers], names=[f"unit {i}" for i in numbers])

    @classmethod
    def through(cls, states: ArrayLike) -> Projection:
        """Return the plane through three states (or the space through four), orthonormal.

        The first state is the origin, the second lies on the first axis.

        Raises
        ------
        TypeError, ValueError
            If states are not three or four rows, or lie on a line (or in a plane).
        """
        rows = validation.floats("states", states).astype(np.float64)
        if rows.ndim != 2 or len(rows) not in {3, 4}:
            raise ValueError(f"states must be three or four, shape (3, S), not {rows.shape}")
        away = rows[1:] - rows[0]
        if np.linalg.matrix_rank(away) < len(away):
            raise ValueError("states must not lie on a line (three) or in a plane (four)")
        q, r = np.linalg.qr(away.T)
        axes = (q * np.sign(np.diag(r))).T
        names = ("towards point 1", "across, towards point 2", "across, towards point 3")
        return cls(axes, rows[0], names[: len(axes)], None, axes)

    def towards(self, direction: ArrayLike) -> Projection:
        """Return the same axes, each turned round if it points against a direction, (S,)."""
        along = validation.floats("direction", direction)
        if along.shape != self.centre.shape:
            raise ValueError(f"direction must have shape {self.centre.shape}, not {along.shape}")
        signs = np.where(self.axes @ along < 0, -1.0, 1.0)[:, None]
        return replace(self, axes=signs * self.axes, basis=signs * self.basis)

    # What it does

    def __call__(self, states: ArrayLike) -> Matrix:
        """Return the coordinates of states (..., S), shape (..., k); NaN where a state has any."""
        rows = np.asarray(states)
        if rows.shape[-1:] != self.centre.shape:
            raise ValueError(
                f"states must have {len(self.centre)} entries each, as the projection has, not "
                f"shape {rows.shape}"
            )
        with np.errstate(invalid="ignore"):  # infinite states have no place
            placed: Matrix = (rows.astype(np.float64, copy=False) - self.centre) @ self.axes.T
        return placed

    def directions(self, vectors: ArrayLike) -> Matrix:
        """Return the components of directions (..., S), shape (..., k)."""
        turned: Matrix = np.asarray(vectors, np.float64) @ self.axes.T
        return turned

    def lift(self, coordinates: ArrayLike) -> Matrix:
        """Return the states (..., S) at coordinates (..., k) of the plane through the centre."""
        states: Matrix = self.centre + np.asarray(coordinates, np.float64) @ self.basis
        return states

    def first(self, k: int) -> Projection:
        """Return the first `k` axes alone.

        Raises
        ------
        ValueError
            If there are fewer.
        """
        if not 1 <= k <= len(self):
            raise ValueError(
                f"a picture of {k} dimensions needs as many axes: projection has {len(self)}"
            )
        shares = None if self.shares is None else self.shares[:k]
        return replace(
            self, axes=self.axes[:k], names=self.names[:k], shares=shares, basis=self.basis[:k]
        )

    @property
    def labels(self) -> tuple[str, ...]:
        """What to write on the axes: names, with shares of the variance where they are known."""
        if self.shares is None:
            return self.names
        first = " of variance"
        return tuple(
            f"{name} ({100 * share:.0f}%{'' if i else first})"
            for i, (name, share) in enumerate(zip(self.names, self.shares, strict=True))
        )

    @property
    def size(self) -> int:
        """S, the length of the states that it takes."""
        return len(self.centre)

    def __len__(self) -> int:
        return len(self.axes)

    def __repr__(self) -> str:
        return f"Projection({', '.join(self.labels)}; S = {self.size})"


def in_space(rows: Any, size: int, cell: Cell | None) -> NDArray[Any]:
    """Return states (n, S) as states of length `size`: as they are, or their outputs alone.

    Without a cell, as points from a file are, states of twice the length are taken for an LSTM's
    [h, c].

    Raises
    ------
    ValueError
        If they have neither length.
    """
    given: NDArray[Any] = np.asarray(rows)
    width = given.shape[1]
    if width == size:
        return given
    if cell is not None and (cell.state_size, cell.hidden_size) == (width, size):
        return cell.outputs_of(given)
    if cell is None and width == 2 * size:
        return given[:, :size]
    raise ValueError(
        "points, states, trajectories and projection must have states of one length: here are "
        f"{width} and {size}"
    )


def _row_number(name: str, value: object, n: int) -> int:
    number = validation.whole_number(name, value, -n if n else 0, max(n - 1, 0))
    if n == 0:
        raise IndexError(f"{name} must name one that there is, and there is none")
    return number % n
