"""How the plane that states lie in is turned against what a readout reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline._native.blas import one_blas_thread
from nullcline._support import validation
from nullcline.geometry.components import plane_of, require_moderate, states_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

RANK = 1e-10
"""Singular values of a readout below this part of the largest are none."""


@one_blas_thread()
def readout_angles(states: ArrayLike, readout: ArrayLike, dimension: int) -> NDArray[np.float64]:
    """Return the principal angles between the states' plane and the readout's row space.

    The plane is that of the first principal components. The classes' probabilities see the
    readout's rows only by how they differ from their mean, so that K logits read K - 1 directions.
    Of two subspaces of a and b dimensions there are min(a, b) principal angles (Björck and Golub,
    Math. Comput. 27 (1973) 579): all are 0 where one holds the other, and 90 where they are
    orthogonal. Two random planes of few among many dimensions are near 90 apart.

    Parameters
    ----------
    states
        Shape (n, S).
    readout
        Weights of the K logits, shape (K, H) or (K, S); of one logit, which two classes share,
        (1, H) or (H,). Where the states hold more than the H outputs, such as an LSTM's [h, c], the
        readout sees the first H.
    dimension
        Dimensions of the plane, 1 or more.

    Returns
    -------
    array of float64
        Angles in degrees, by rising size.

    Raises
    ------
    TypeError, ValueError
        An argument has the wrong type, shape or value, the readout is zero, or states do not differ
        in so many directions.
    """
    from scipy.linalg import subspace_angles

    array = states_of("states", states)
    dimension = validation.whole_number("dimension", dimension, 1)
    rows = np.atleast_2d(validation.floats("readout", readout)).astype(np.float64)
    if rows.ndim != 2 or rows.size == 0 or rows.shape[1] > array.shape[1]:
        raise ValueError(
            f"readout must have shape (K, H) with H at most {array.shape[1]}, the numbers of a "
            f"state, not {rows.shape}"
        )
    require_moderate("readout", rows)
    if len(rows) > 1:
        rows = rows - rows.mean(axis=0)
    _, lengths, read = np.linalg.svd(rows, full_matrices=False)
    if not lengths[0]:
        raise ValueError("readout must tell classes apart: all of its rows are equal")
    read = read[lengths > RANK * lengths[0]]
    read = np.pad(read, ((0, 0), (0, array.shape[1] - read.shape[1])))
    angles = subspace_angles(plane_of(array, dimension).T, read.T)
    return np.sort(np.degrees(angles))
