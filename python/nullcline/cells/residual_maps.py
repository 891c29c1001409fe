"""The Jacobian of a reduced residual at one state, by its products with vectors alone."""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

import numpy as np

from nullcline._native.blas import one_blas_thread
from nullcline.cells.compiled import CompiledCell
from nullcline.cells.function import FunctionCell
from nullcline.cells.protocol import Layered
from nullcline.cells.stack import cell_numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nullcline.cells.protocol import Cell

    Vector = NDArray[np.float64]
    Matrix = NDArray[np.float64]


class ResidualMap(Protocol):
    """The reduced residual G at outputs h (H,), and its Jacobian J there as a map."""

    @property
    def residual(self) -> Vector:
        """G, shape (H,)."""

    def jvp(self, v: Vector) -> Vector:
        """Return J v."""

    def vjp(self, u: Vector) -> Vector:
        """Return Jᵀ u."""


def residual_map(cell: Cell, h: Vector, x: Vector | None) -> ResidualMap:
    """Return the map of a float64 cell at outputs (H,) and an input (D,), None for zero.

    A compiled cell is linearized once for all products, and at one state in a third of the time
    that `residual` takes, which is made for many. Of a cell that is not known here J is written out
    when first asked for.
    """
    if isinstance(cell, CompiledCell):
        with one_blas_thread():
            found: ResidualMap = cell.compiled.residual_map(h, x)
        return found
    if isinstance(cell, FunctionCell):
        return _FunctionMap(cell, h, x)
    if isinstance(cell, Layered):
        return _StackMap(cell, h, x)
    return _WrittenOut(cell, h, x)


class _WrittenOut:
    """Of any cell."""

    def __init__(self, cell: Cell, h: Vector, x: Vector | None) -> None:
        self._cell, self._h, self._x = cell, h[None], x

    @property
    def residual(self) -> Vector:
        residual: Vector = self._cell.residual(self._h, self._x)[0].astype(np.float64)
        return residual

    @cached_property
    def _jacobian(self) -> Matrix:
        jacobian = self._cell.residual_jacobian(self._h, self._x)
        written: Matrix = jacobian[0].astype(np.float64)
        return written

    def jvp(self, v: Vector) -> Vector:
        product: Vector = self._jacobian @ v
        return product

    def vjp(self, u: Vector) -> Vector:
        product: Vector = u @ self._jacobian
        return product


class _FunctionMap(_WrittenOut):
    """Of a function, whose residual is F(s, x) - s."""

    def jvp(self, v: Vector) -> Vector:
        product: Vector = self._cell.jvp(self._h, self._x, v[None])[0].astype(np.float64)
        return product - v

    def vjp(self, u: Vector) -> Vector:
        product: Vector = self._cell.vjp(self._h, self._x, u[None])[0].astype(np.float64)
        return product - u


class _LayerMap:
    """Of a layer, whose input may move too."""

    def __init__(self, cell: Cell, h: Vector, x: Vector | None) -> None:
        self._cell, self._h, self._x = cell, h, x
        self.own = residual_map(cell, h, x)

    def input_jvp(self, v: Vector) -> Vector:
        """Return what a change of the input makes of G."""
        change = self._cell.residual_input_jvp(self._h[None], self._x, v[None])
        along: Vector = change[0].astype(np.float64)
        return along

    def input_vjp(self, u: Vector) -> Vector:
        """Return its transpose's product."""
        product: Vector = u @ self._input_jacobian
        return product

    @cached_property
    def _input_jacobian(self) -> Matrix:
        """∂G/∂x, (H, D), written out: products with its transpose are asked for at starts alone."""
        size = self._cell.input_size
        rows = np.repeat(self._h[None], size, axis=0)
        columns = self._cell.residual_input_jvp(rows, self._x, np.eye(size))
        return columns.T.astype(np.float64)


class _StackMap:
    """Of layers one above the other, whose cells read the outputs of all cells of the one below."""

    def __init__(self, stack: Layered, h: Vector, x: Vector | None) -> None:
        self._cuts = np.cumsum([cell.hidden_size for cell in stack.cells])[:-1]
        outputs = np.split(h, self._cuts)
        self._below = _below(stack)
        self._cells = [
            _LayerMap(cell, outputs[i], np.concatenate([outputs[j] for j in below]) if below else x)
            for i, (cell, below) in enumerate(zip(stack.cells, self._below, strict=True))
        ]

    @property
    def residual(self) -> Vector:
        return np.concatenate([cell.own.residual for cell in self._cells])

    def jvp(self, v: Vector) -> Vector:
        parts = np.split(v, self._cuts)
        products = [cell.own.jvp(part) for cell, part in zip(self._cells, parts, strict=True)]
        for i, below in enumerate(self._below):
            if below:
                change = np.concatenate([parts[j] for j in below])
                products[i] = products[i] + self._cells[i].input_jvp(change)
        return np.concatenate(products)

    def vjp(self, u: Vector) -> Vector:
        parts = np.split(u, self._cuts)
        products = [cell.own.vjp(part) for cell, part in zip(self._cells, parts, strict=True)]
        for i, below in enumerate(self._below):
            if below:
                cuts = np.cumsum([len(parts[j]) for j in below])[:-1]
                shares = np.split(self._cells[i].input_vjp(parts[i]), cuts)
                for j, share in zip(below, shares, strict=True):
                    products[j] = products[j] + share
        return np.concatenate(products)


def _below(stack: Layered) -> list[range]:
    """Return the numbers of the cells that each cell of a stack reads; none in the first layer."""
    layers = [range(0), *cell_numbers(stack.layers)]
    return [below for below, layer in pairwise(layers) for _ in layer]
