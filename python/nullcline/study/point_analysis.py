"""The analysis of a layer's points at one input: proofs, distances, linear maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline.certify import can_be_enclosed
from nullcline.linearization.linear_map import linearize
from nullcline.search.degree import Verdict
from nullcline.study.dynamics import analyse_dynamics
from nullcline.study.isolation import measure_isolation
from nullcline.study.layer_results import linearized_first
from nullcline.study.point_results import PointsAtInput
from nullcline.study.spectrum import Spectrum

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nullcline.cells import Cell
    from nullcline.linearization.linear_map import Linearization
    from nullcline.search.degree import Completeness
    from nullcline.search.fixed_points import FixedPoints
    from nullcline.study.dynamics import Words
    from nullcline.study.dynamics_results import DynamicsAnalysis
    from nullcline.study.layer_material import LayerMaterial
    from nullcline.study.stopwatch import Stopwatch

N_LINEARIZED = 10
"""Points of a layer that it is linearized around, at most."""


def analyse_points(
    at: str,
    material: LayerMaterial,
    unique: FixedPoints,
    watch: Stopwatch,
    *,
    words: Words | None = None,
) -> PointsAtInput:
    """Prove a layer's points, measure how far they are from its states, and linearize at them.

    Parameters
    ----------
    at
        The input, one of `nullcline.study.point_results.INPUTS`.
    material
        The layer.
    unique
        Its distinct points there.
    watch
        What the parts' times are added to.
    words
        Words whose effects are measured at the points; None for none.
    """
    with watch.time("certify"):
        radius_exists, radius_unique = _prove(material.cell, unique)
        told = unique.completeness()
    with watch.time("isolation"):
        visited = material.visited
        isolation = measure_isolation(unique.h, visited.sample, visited.moments.radius())
    rows = linearized_first(unique)[:N_LINEARIZED]
    spectra, dynamics = _linearize(material, unique, rows, words, watch)
    return PointsAtInput(
        input=at,
        unique=unique,
        degree=told.summary or None,
        completeness=str(told),
        is_consistent=_is_consistent(told),
        radius_exists=radius_exists,
        radius_unique=radius_unique,
        isolation=isolation,
        spectra=spectra,
        dynamics=dynamics,
    )


def _prove(cell: Cell, unique: FixedPoints) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the radii proved at each point; NaN with a cell that cannot be certified."""
    if not can_be_enclosed(cell):
        return np.full(len(unique), np.nan), np.full(len(unique), np.nan)
    certificates = unique.certify()
    return certificates.radius_exists, certificates.radius_unique


def _is_consistent(told: Completeness) -> bool | None:
    """Return whether the indices sum to 1 at every input; None where that is not known."""
    if Verdict.INCOMPLETE in told.verdict:
        return False
    return True if told.is_consistent else None


def _linearize(
    material: LayerMaterial,
    unique: FixedPoints,
    rows: NDArray[np.intp],
    words: Words | None,
    watch: Stopwatch,
) -> tuple[tuple[Spectrum, ...], DynamicsAnalysis | None]:
    if len(rows) == 0:
        return (), None
    shown = unique.select(rows)
    with watch.time("linearize"):
        modes = linearize(material.cell, shown)
    with watch.time("dynamics"):
        dynamics = analyse_dynamics(
            modes,
            shown,
            rows,
            material.visited,
            material.reviews,
            readout=material.readout,
            words=words,
        )
    return _spectra(shown, modes), dynamics


def _spectra(shown: FixedPoints, modes: Linearization) -> tuple[Spectrum, ...]:
    """Return the eigenvalues at the points."""
    return tuple(
        Spectrum(
            kind=str(shown.kind[i]),
            q=float(shown.q[i]),
            count=int(shown.count[i]),
            norm=float(np.linalg.norm(shown.h[i])),
            eigenvalues=modes.eigenvalues[i],
            errors=modes.eigenvalue_errors[i],
        )
        for i in range(len(shown))
    )
