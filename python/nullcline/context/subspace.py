"""The few directions in which contexts move the state, beside the one that integrates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nullcline._native.blas import one_blas_thread
from nullcline._support import validation
from nullcline._support.shown import Shown, Table, first_rows

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

SMALLEST = 1e-10
"""Singular values below this part of the largest are rounding."""


@dataclass(frozen=True, eq=False, repr=False)
class ModifierSubspace(Shown):
    """The directions in which modifiers move the state off the line that integrates.

    Attributes
    ----------
    directions
        Orthonormal rows, shape (r, S), the one that explains most first; r = 0 where all modifiers
        move the state along the line, or not at all.
    singular_values
        Of the displacements without what lies along the line, shape (r,).
    explained_variance_ratio
        The share of their sum of squares along each direction, shape (r,).
    dimension
        How many directions it takes for `share` of that.
    share
        The share that was asked for.
    along_line
        Which share of the displacements' sum of squares lay along the line, and was taken out.
    """

    directions: Array
    singular_values: Array
    explained_variance_ratio: Array
    dimension: int
    share: float
    along_line: float

    def basis(self, dimension: int | None = None) -> Array:
        """Return the first directions, by default as many as explain `share`, shape (m, S).

        Raises
        ------
        TypeError, ValueError
            If `dimension` is no whole number from 0 to the number of directions.
        """
        if dimension is None:
            return self.directions[: self.dimension]
        most = len(self.directions)
        return self.directions[: validation.whole_number("dimension", dimension, 0, most)]

    def __repr__(self) -> str:
        return (
            f"ModifierSubspace({self.dimension} of {len(self.directions)} directions explain "
            f"{self.share:.0%})"
        )

    def _table(self) -> Table:
        rows = [(i, self.explained_variance_ratio[i]) for i in first_rows(len(self.directions))]
        return Table(("direction", "explained"), rows, len(self.directions))


@one_blas_thread()
def modifier_subspace(
    displacements: ArrayLike, integration: ArrayLike | None = None, *, share: float = 0.9
) -> ModifierSubspace:
    """Return the subspace in which modifiers move the state, the line attractor projected out.

    The displacements Δ_i = h_mod,i - h* are freed of what lies along the integration directions,
    and split by their singular values,

    ::

        Δ (I - Q Qᵀ) = U Σ Vᵀ

    whose right vectors V are the directions, and Σ_j² / Σ Σ² what each explains. The displacements
    are not centred: where modifiers are is as much of them as how they differ. After the modifier
    subspace of Maheswaranathan and Sussillo (ICML 2020).

    Parameters
    ----------
    displacements
        One row a modifier, shape (C, S).
    integration
        Directions to leave out, (S,) or (m, S), of any length: the eigenvector of the slowest mode,
        or the line attractor's tangent. None leaves out none.
    share
        Of the sum of squares, in (0, 1], that `dimension` directions are to explain.

    Returns
    -------
    ModifierSubspace

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or value, or there is no displacement.
    """
    rows = validation.floats("displacements", displacements).astype(np.float64)
    if rows.ndim != 2 or not rows.size:
        raise ValueError(
            f"displacements must have shape (C, S), one row for each of at least one modifier, not "
            f"{rows.shape}"
        )
    if not 0 < validation.tolerance("share", share) <= 1:
        raise ValueError(f"share must lie in (0, 1], not be {share}")
    largest = float(np.abs(rows).max()) or 1.0
    rows = rows / largest  # squares neither overflow nor vanish
    total = float((rows**2).sum())
    off_line = rows
    if integration is not None:
        line = orthonormal("integration", integration, rows.shape[1])
        off_line = rows - (rows @ line.T) @ line
    _, values, directions = np.linalg.svd(off_line, full_matrices=False)
    kept = values > SMALLEST * np.sqrt(total)
    values, directions = values[kept], directions[kept]
    left = float(np.sum(values**2))
    explained = values**2 / (left or 1)
    dimension = int(np.searchsorted(np.cumsum(explained), share - 1e-12) + 1)
    return ModifierSubspace(
        directions=directions,
        singular_values=largest * values,
        explained_variance_ratio=explained,
        dimension=min(dimension, len(values)),
        share=float(share),
        along_line=1 - left / total if total else 0.0,
    )


def orthonormal(name: str, directions: ArrayLike, width: int) -> Array:
    """Return an orthonormal basis of what rows (m, S), or a vector (S,), span.

    Raises
    ------
    TypeError, ValueError
        If they have another shape, are not finite, or are all zero.
    """
    given = np.atleast_2d(validation.floats(name, directions).astype(np.float64))
    if given.ndim != 2 or given.shape[1] != width or not given.size:
        raise ValueError(f"{name} must have shape ({width},) or (m, {width}), not {given.shape}")
    largest = float(np.abs(given).max())
    if largest == 0:
        raise ValueError(f"{name} must not be zero")
    _, values, rows = np.linalg.svd(given / largest, full_matrices=False)
    basis: Array = rows[values > SMALLEST * values[0]]
    return basis
