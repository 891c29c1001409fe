"""How many modes of a linear map are slow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline._support import validation
from nullcline.linearization.linear_map import require_linearization

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nullcline.linearization.linear_map import Linearization

LONGEST = 1000.0
"""Steps beyond which time constants count as equally long: at an eigenvalue of 1 it is endless."""

SHORTEST = 2.0
"""Steps below which they count as equally short.

An LSTM's modes fall into those of its memory, down to about two steps in the networks of
docs/classes.md, and as many others that are gone at once: that gap says nothing of what is held.
"""


def slow_modes(linearization: Linearization, longer_than: float | None = None) -> NDArray[np.int64]:
    """Return how many modes are slow at each point, decaying or growing.

    What a network holds for long it holds in such modes: where it integrates d numbers, d of its
    eigenvalues are near the unit circle and all others well inside (Aitken et al., ICLR 2021,
    arXiv 2010.15114, where N - 1 time constants of a classifier of N classes are of the length of a
    document).

    Parameters
    ----------
    linearization
        The points' linear maps.
    longer_than
        Steps: modes whose time constant 1 / ``|ln|λ||`` is at least this are slow. None looks for
        the gap: with τ_1 ≥ τ_2 ≥ ..., the k for which τ_k / τ_k+1 is largest, where every τ counts
        as at least 2 steps and at most 1000. At k = S there is no gap, so that S is never found.

    Returns
    -------
    array of int64, shape (m,)
        For each of the m points.

    Raises
    ------
    TypeError, ValueError
        An argument has the wrong type or value, or the points have one mode and there is no gap.
    """
    require_linearization(linearization)
    taus = -np.sort(-linearization.time_constants, axis=1)
    if longer_than is not None:
        least = validation.tolerance("longer_than", longer_than)
        return np.asarray(np.sum(taus >= least, axis=1), np.int64)
    if taus.shape[1] < 2:
        raise ValueError("longer_than must be given: of one mode there is no gap to the next")
    bounded = np.clip(taus, SHORTEST, LONGEST)
    ratios = bounded[:, :-1] / bounded[:, 1:]
    return np.asarray(ratios.argmax(axis=1) + 1, np.int64)
