"""What a page shows of a point's linear map: its eigenvalues, and its slowest modes in a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support.tolerances import MARGINAL
from nullcline.interactive.packing import number, packed_floats
from nullcline.linearization.linear_map import linearize

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from nullcline.cells import Cell
    from nullcline.interactive.axes import Axes
    from nullcline.linearization.linear_map import Linearization
    from nullcline.search.fixed_points import FixedPoints

N_MODES = 10
"""Rows of the table, a conjugate pair in one."""

AT_ONCE = 8
"""Points that are linearized together, so that their eigenvectors do not fill the memory."""

ALL_MODES = 1024
"""States up to this long have all their eigenvalues shown; longer ones the largest `N_LARGEST`."""

N_LARGEST = 100


def linearized(
    cell: Cell, points: FixedPoints, rows: NDArray[np.intp]
) -> Iterator[tuple[int, Linearization, int]]:
    """Yield rows of points, each with a linearization and its place there."""
    k = None if cell.state_size <= ALL_MODES else N_LARGEST
    for first in range(0, len(rows), AT_ONCE):
        some = rows[first : first + AT_ONCE]
        maps = linearize(cell, points.select(some), k=k)
        for place, row in enumerate(some.tolist()):
            yield row, maps, place


def describe_modes(maps: Linearization, place: int, axes: Axes, dt: float) -> dict[str, Any]:
    """Return a point's eigenvalues and its slowest modes, times in units of `dt` steps.

    An infinite time constant is None: on the unit circle, as the eigenvalue 1 of a slow point is.
    """
    values = maps.eigenvalues[place]
    order = np.argsort(-maps.time_constants[place], kind="stable")
    slowest = [j for j in order.tolist() if values[j].imag >= 0][:N_MODES]
    modes = [_mode(complex(values[j]), maps.right[place, :, j], axes, dt) for j in slowest]
    return {
        "stability": str(maps.stability[place]),
        "repels": len(values) == maps.h.shape[1] and bool(np.abs(values).min() > 1),
        "largest": number(np.abs(values).max()),
        "slowest": modes[0]["tau"] if modes else 0.0,
        "eigenvalues": packed_floats([values.real, values.imag]),
        "all": len(values) == maps.h.shape[1],
        "modes": modes,
    }


def _mode(value: complex, right: NDArray[np.complex128], axes: Axes, dt: float) -> dict[str, Any]:
    modulus = abs(value)
    with np.errstate(divide="ignore"):
        tau = 0.0 if modulus == 0 else 1 / abs(np.log(modulus)) if modulus != 1 else np.inf
    on_circle = abs(modulus - 1) <= MARGINAL
    angle = abs(np.angle(value)) if value.imag else 0.0
    seen = right[: axes.directions.shape[1]].real @ axes.directions.T
    return {
        "re": number(value.real),
        "im": number(value.imag),
        "modulus": number(modulus),
        "tau": None if on_circle else number(tau * dt),
        "grows": bool(modulus > 1 + MARGINAL),
        "period": number(2 * np.pi / angle * dt) if angle else None,
        "direction": None if value.imag else [number(part) for part in seen],
    }
