"""How many dimensions a set of states fills."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline._support import validation

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def participation_ratio(states: ArrayLike) -> float:
    """Return how many dimensions visited states fill: (Σ λ_i)² / Σ λ_i².

    λ_i are the variances along the principal components: (tr C)² / tr(C²) for the covariance C, by
    which no eigenvalue has to be found. It is S where all directions vary alike, 1 on a line, and d
    for d equal variances among zeros (Abbott, Rajan and Sompolinsky, in The Dynamic Brain, 2011;
    Gao et al., bioRxiv 214262, 2017). Few states seem to fill fewer dimensions than
    they are drawn from: n states never more than n - 1.

    Parameters
    ----------
    states
        Visited states, shape (n, S).

    Returns
    -------
    float
        Between 1 and min(n - 1, S).

    Raises
    ------
    TypeError, ValueError
        If `states` is no finite array of two dimensions, or its rows are all equal.
    """
    array = validation.floats("states", states)
    if array.ndim != 2:
        raise ValueError(f"states must have shape (n, S), not {array.shape}")
    centred = array.astype(np.float64)
    centred -= centred.mean(axis=0) if len(centred) else 0
    largest = float(np.abs(centred).max(initial=0))
    if largest == 0:
        raise ValueError("states must differ: equal ones fill no dimension")
    centred /= largest  # squares of squares neither overflow nor vanish
    # tr(C²) is the sum over the smaller of the two matrices of products.
    wide = centred.shape[0] < centred.shape[1]
    products = centred @ centred.T if wide else centred.T @ centred
    return float(np.trace(products) ** 2 / np.sum(products**2))


def participation_ratio_of_variances(variances: ArrayLike) -> float:
    """Return the participation ratio from variances along principal components, in any unit.

    Parameters
    ----------
    variances
        Eigenvalues of the covariance, or the shares that they have of its trace, shape (S,).

    Returns
    -------
    float
        Between 1 and S.

    Raises
    ------
    TypeError, ValueError
        If `variances` is no finite vector, one is negative, or all are zero.
    """
    values = validation.floats("variances", variances).astype(np.float64)
    if values.ndim != 1:
        raise ValueError(f"variances must have shape (S,), not {values.shape}")
    if (values < 0).any():
        raise ValueError("variances must not be negative")
    if not values.any():
        raise ValueError("variances must not all be zero")
    shares = values / values.max()
    return float(shares.sum() ** 2 / np.sum(shares**2))
