"""What a page shows of a point's linear map: its eigenvalues, and its slowest modes in a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline.interactive.packing import number, packed_floats
from nullcline.linearization.linear_map import linearize
from nullcline.linearization.resolution import GROWTH, known_time_constants, side_of_circle

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
    """Return a point's eigenvalues and its slowest modes, with times where a step lasts `dt`.

    An infinite time constant is None: where the error of |λ| reaches across the unit circle.
    """
    values, errors = maps.eigenvalues[place], maps.eigenvalue_errors[place]
    taus, sides = known_time_constants(values, errors), side_of_circle(values, errors)
    order = np.argsort(-taus, kind="stable")
    slowest = [j for j in order.tolist() if values[j].imag >= 0][:N_MODES]  # one of each pair
    complete = len(values) == maps.h.shape[1]
    return {
        "stability": str(maps.stability[place]),
        "repels": complete and bool((sides == GROWTH).all()),
        "largest": number(np.abs(values).max()),
        "slowest": number(taus[order[0]] * dt),
        "eigenvalues": packed_floats([values.real, values.imag]),
        "all": complete,
        "modes": [
            _mode(values[j], taus[j] * dt, sides[j], maps.right[place, :, j], axes, dt)
            for j in slowest
        ],
    }


def _mode(
    value: complex,
    tau: float,
    side: int,
    right: NDArray[np.complex128],
    axes: Axes,
    dt: float,
) -> dict[str, Any]:
    seen = right[: axes.directions.shape[1]].real @ axes.directions.T
    return {
        "re": number(value.real),
        "im": number(value.imag),
        "modulus": number(abs(value)),
        "tau": number(tau),
        "grows": bool(side == GROWTH),
        "period": number(2 * np.pi / np.angle(value) * dt) if value.imag else None,
        "direction": None if value.imag else [number(part) for part in seen],
    }
