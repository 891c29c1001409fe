"""Which part of a spectrum to magnify: what is close to the unit circle, and what is a blob."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Complex = NDArray[np.complex128]

NEAR = 0.12
"""Eigenvalues this close to the unit circle cannot be told from it in a picture of all of it."""

BLOB = 0.6
"""A part of a spectrum that is no wider and no higher is a blob: the circle is 2 wide."""

GAP = 0.15
"""Parts of a spectrum, along the real axis, are so far from each other."""

CROWD = 20
"""Fewer eigenvalues do not hide each other."""

SMALLEST = 0.02
"""The smallest half of a part: one that is smaller shows a single eigenvalue and no ring."""


class Window(NamedTuple):
    """A square part of the plane: its centre, and half of its side."""

    centre: complex
    half: float


def near_the_circle(values: Complex) -> Window | None:
    """Return the part of the unit circle that the slowest eigenvalue is close to, if one is."""
    if len(values) == 0:
        return None
    leading = values[np.argmin(np.abs(np.abs(values) - 1))]
    if abs(abs(leading) - 1) > NEAR:
        return None
    centre = complex(leading / abs(leading))
    distance = np.abs(values - centre)
    half = 1.3 * float(distance[distance <= NEAR].max(initial=0))
    return Window(centre, max(half, SMALLEST))


def the_bulk(values: Complex) -> Window | None:
    """Return the part that holds the slowest blob of those that are not near the unit circle."""
    bulk = values[np.abs(np.abs(values) - 1) > NEAR]
    bulk = bulk[np.argsort(bulk.real)]
    parts = np.split(bulk, np.flatnonzero(np.diff(bulk.real) > GAP) + 1)
    blobs = [_around(part) for part in parts if len(part) >= CROWD]
    fitting = [blob for blob in blobs if 2 * blob.half <= BLOB]
    return max(fitting, key=lambda blob: abs(blob.centre), default=None)


def _around(values: Complex) -> Window:
    low = complex(values.real.min(), values.imag.min())
    high = complex(values.real.max(), values.imag.max())
    half = max((high - low).real, (high - low).imag) / 2
    return Window((low + high) / 2, max(1.1 * half, SMALLEST))
