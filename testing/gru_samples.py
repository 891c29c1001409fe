"""Networks and memory layouts that the tests of cells and of the search draw from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st

from testing.reference import ReferenceGRU

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    import nullcline as nc


def random_gru(size: int, input_size: int, gain: float = 1.0, seed: int = 0) -> ReferenceGRU:
    """Return a GRU with normal weights; gain 0.3 contracts, 3 makes for several fixed points."""
    rng = np.random.default_rng(seed)
    return ReferenceGRU(
        gain * rng.normal(size=(3 * size, input_size)) / np.sqrt(input_size),
        gain * rng.normal(size=(3 * size, size)) / np.sqrt(size),
        0.3 * rng.normal(size=3 * size),
        0.3 * rng.normal(size=3 * size),
    )


def independent_units(slopes: NDArray[np.float64], bias: NDArray[np.float64]) -> ReferenceGRU:
    """Return a GRU of units that do not see each other: n_i = tanh(slope_i h_i + bias_i).

    r is 1 to rounding, z is 1/2. With zero bias, a unit of slope <= 1 has the fixed point 0 and one
    of slope > 1 has three, so that the network's are known: all their combinations.
    """
    size = len(slopes)
    weight_hh = np.vstack([np.zeros((2 * size, size)), np.diag(slopes)])
    bias_ih = np.concatenate([np.full(size, 50.0), np.zeros(size), bias])
    return ReferenceGRU(np.zeros((3 * size, 1)), weight_hh, bias_ih, np.zeros(3 * size))


def outer_rest(slope: float) -> float:
    """Return the positive h with h = tanh(slope h), for a slope above 1."""
    h = 1.0
    for _ in range(100):
        h = float(np.tanh(slope * h))
    return h


def ghost_unit(gap: float) -> tuple[ReferenceGRU, float]:
    """Return one unit whose two fixed points below 0 have just met, and its ghost.

    Just past the fold of h = tanh(s h + b), by `gap` in b, q has a minimum where the slope
    s (1 - n²) is 1.
    """
    slope = 2.0
    n = -np.sqrt(1 - 1 / slope)
    bias = np.arctanh(n) - slope * n + gap
    return independent_units(np.array([slope]), np.array([bias])), (np.arctanh(n) - bias) / slope


def cell_of(gru: ReferenceGRU, dtype: Any = np.float64) -> nc.GRU:
    """Return the same network as a cell."""
    import nullcline as nc

    arrays = (gru.weight_ih, gru.weight_hh, gru.bias_ih, gru.bias_hh)
    return nc.GRU(*(array.astype(dtype) for array in arrays))


def _reversed(array: NDArray[Any]) -> NDArray[Any]:
    return array[::-1].copy()[::-1]


def _with_gaps(array: NDArray[Any]) -> NDArray[Any]:
    wide = np.full((*array.shape[:-1], 2 * array.shape[-1]), np.nan, array.dtype)
    wide[..., ::2] = array
    return wide[..., ::2]


def _swapped(array: NDArray[Any]) -> NDArray[Any]:
    return array.astype(array.dtype.newbyteorder(">"))


def _unaligned(array: NDArray[Any]) -> NDArray[Any]:
    buffer = np.empty(array.nbytes + 1, np.uint8)
    view = buffer[1:].view(array.dtype).reshape(array.shape)
    view[...] = array
    return view


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    array = array.copy()
    array.flags.writeable = False
    return array


LAYOUTS: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "contiguous": np.ascontiguousarray,
    "Fortran order": np.asfortranarray,
    "reversed": _reversed,
    "with gaps": _with_gaps,
    "other byte order": _swapped,
    "unaligned": _unaligned,
    "read-only": _read_only,
}
"""Ways to hold the same values in memory."""

layouts = st.sampled_from(sorted(LAYOUTS))
seeds = st.integers(0, 2**32 - 1)
