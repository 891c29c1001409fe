"""The secants of a cell: its own where the core knows them, else means of its Jacobians.

Between two states and inputs a smooth F changes by its mean derivatives along the segment,

    F(h, x) - F(h0, x0) = ∫ J_rec ds (h - h0) + ∫ J_inp ds (x - x0),

which Gauss's rule finds to rounding with enough nodes: that they were enough is seen from the two
sides themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline.cells.protocol import HasSecants

if TYPE_CHECKING:
    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell

NODES = 4, 8, 16, 32, 64, 128
"""Tried one after the other until both sides agree, or a product changes no more."""

ENOUGH = 16
"""Both sides agree if they do to so many units of rounding of their largest terms."""


def secants_of(cell: Cell) -> HasSecants:
    """Return what has the secants of a cell: itself, or the means of its Jacobians."""
    return cell if isinstance(cell, HasSecants) else MeanJacobians(cell)


class MeanJacobians:
    """Means of a cell's Jacobians along segments, by Gauss's rule.

    Parameters
    ----------
    cell
        The cell.
    """

    def __init__(self, cell: Cell) -> None:
        self.cell = cell

    def secant_vjp(
        self, h0: Floats, x0: Floats, h: Floats, x: Floats, u: Floats
    ) -> tuple[Floats, Floats]:
        """Return uᵀ times the mean Jacobians, (n, S) and (n, D)."""
        dh, dx = h - h0, x - x0
        change = np.einsum("ns,ns->n", u, self.cell.step(h, x) - self.cell.step(h0, x0))
        size = np.abs(u).sum(axis=1) * (1 + np.abs(h).max(axis=1, initial=0))
        for n_nodes in NODES:
            by_state, by_input = np.zeros_like(dh), np.zeros_like(dx)
            for node, weight in zip(*_unit_interval(n_nodes), strict=True):
                at = h0 + node * dh, x0 + node * dx
                by_state += weight * self.cell.vjp(*at, u)
                by_input += weight * self.cell.input_vjp(*at, u)
            found = np.einsum("ns,ns->n", by_state, dh) + np.einsum("nd,nd->n", by_input, dx)
            if (np.abs(found - change) <= ENOUGH * np.finfo(h.dtype).eps * size).all():
                break
        return by_state, by_input

    def secant_jvp(
        self, h0: Floats, x0: Floats, h: Floats, x: Floats, v: Floats, w: Floats
    ) -> Floats:
        """Return the mean Jacobians times changes of the state and of the input, (n, S)."""
        before = np.full_like(v, np.inf)
        for n_nodes in NODES:
            product = np.zeros_like(v)
            for node, weight in zip(*_unit_interval(n_nodes), strict=True):
                at = h0 + node * (h - h0), x0 + node * (x - x0)
                product += weight * (self.cell.jvp(*at, v) + self.cell.input_jvp(*at, w))
            largest = np.abs(product).max(initial=0)
            if (np.abs(product - before) <= ENOUGH * np.finfo(h.dtype).eps * largest).all():
                break
            before = product
        return product


def _unit_interval(n_nodes: int) -> tuple[list[float], list[float]]:
    """Return the nodes and weights of Gauss's rule on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(n_nodes)
    return ((1 + nodes) / 2).tolist(), (weights / 2).tolist()
