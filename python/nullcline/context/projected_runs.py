"""Sequences run through a cell that is kept from moving in some directions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from nullcline._native.blas import one_blas_thread
from nullcline._support import validation
from nullcline.context.setting import require_sequential
from nullcline.context.subspace import orthonormal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from nullcline._support.validation import Floats
    from nullcline.cells import Cell

ROWS_AT_ONCE = 512
"""Sequences that are stepped together: of like length, so that few wait for others."""


@one_blas_thread()
def run_projected(
    cell: Cell,
    inputs: Sequence[ArrayLike] | Floats,
    directions: ArrayLike | None,
    *,
    origin: ArrayLike | None = None,
    start: ArrayLike | None = None,
) -> Floats:
    """Run sequences with a subspace projected out of the state after every step.

    ::

        h_t = h° + (I - Qᵀ Q) (F(h_{t-1}, x_t) - h°)

    with the rows of Q an orthonormal basis of the directions: the state keeps the origin's
    coordinates there, and all else is free. With the modifier subspace as directions a network
    reads as if no modifier had moved it (Maheswaranathan and Sussillo, ICML 2020).

    Parameters
    ----------
    cell
        The cell.
    inputs
        One array for each sequence, (T, D); sequences of one length can be one array, (n, T, D).
    directions
        Shape (m, S) or (S,), of any length; None, or m = 0, projects nothing out.
    origin
        h°, shape (S,): zero by default.
    start
        The state before the first step, shape (S,): zero by default. It is not projected.

    Returns
    -------
    numpy.ndarray
        The state after the last step of each sequence, shape (n, S); of an empty one the start.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, width or value.
    """
    require_sequential(cell)
    given: object = inputs
    if not isinstance(given, Iterable) or getattr(given, "ndim", 3) != 3:
        raise ValueError(
            "inputs must hold an array (T, D) for each sequence: for one pass [inputs]"
        )
    rows = [
        validation.rows(f"inputs[{i}]", sequence, cell.input_size, cell.dtype)
        for i, sequence in enumerate(inputs)
    ]
    basis = _basis(cell, directions)
    centre, first = (_state(cell, name, at) for name, at in (("origin", origin), ("start", start)))
    last = np.tile(first, (len(rows), 1))
    order = np.argsort([-len(row) for row in rows], kind="stable")
    for begin in range(0, len(order), ROWS_AT_ONCE):
        chosen = order[begin : begin + ROWS_AT_ONCE]
        last[chosen] = _run(cell, [rows[i] for i in chosen], basis, centre, first)
    return last


def _run(cell: Cell, rows: list[Floats], basis: Floats, centre: Floats, first: Floats) -> Floats:
    """Run one sequence or more together, the longest first."""
    lengths = np.array([len(row) for row in rows])
    states = np.tile(first, (len(rows), 1))
    for t in range(int(lengths[0])):
        active = int(np.count_nonzero(lengths > t))
        after = cell.step(states[:active], np.stack([row[t] for row in rows[:active]]))
        if len(basis):
            after = after - ((after - centre) @ basis.T) @ basis
        states[:active] = after
    return states


def _basis(cell: Cell, directions: ArrayLike | None) -> Floats:
    none = np.empty((0, cell.state_size), cell.dtype)
    if directions is None:
        return none
    given = validation.floats("directions", directions)
    if given.shape == none.shape:
        return none
    return orthonormal("directions", given, cell.state_size).astype(cell.dtype)


def _state(cell: Cell, name: str, state: ArrayLike | None) -> Floats:
    if state is None:
        return np.zeros(cell.state_size, cell.dtype)
    found = validation.floats(name, state, cell.dtype)
    if found.shape != (cell.state_size,):
        raise ValueError(f"{name} must be one state, of shape ({cell.state_size},)")
    return found
