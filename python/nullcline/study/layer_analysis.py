"""The analysis of one layer: its points, what is proved of them, and what explains them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial.distance import cdist

from nullcline.certify import can_be_enclosed
from nullcline.linearization.linear_map import linearize
from nullcline.search.find import find_fixed_points
from nullcline.study.class_analysis import analyse_classes
from nullcline.study.completion import complete
from nullcline.study.dynamics import analyse_dynamics
from nullcline.study.layer_results import Descent, LayerAnalysis, linearized_first
from nullcline.study.spectrum import Spectrum

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nullcline._support.components import PrincipalComponents
    from nullcline._support.validation import Floats
    from nullcline.cells import Cell
    from nullcline.linearization.linear_map import Linearization
    from nullcline.search.fixed_points import FixedPoints
    from nullcline.study.dynamics import Words
    from nullcline.study.dynamics_results import DynamicsAnalysis
    from nullcline.study.layer_results import Walk
    from nullcline.study.settings import AnalysisSettings
    from nullcline.study.states import SampledStates, VisitedStates
    from nullcline.study.stopwatch import Stopwatch

N_LINEARIZED = 10
"""Points of a layer that it is linearized around, at most."""

N_SPECTRA = 3
"""Points of a layer whose eigenvalues are shown, at most."""

TOL_DESCENT = 1e-6
"""Where the paper's method, a descent of q, is stopped."""


@dataclass(frozen=True, eq=False)
class LayerMaterial:
    """What a layer's analysis is made of.

    Parameters
    ----------
    number
        Number of the layer, from 1.
    cell
        The layer.
    visited
        The states that it visits.
    components, untrained_components
        Principal components of these, and of those visited before training.
    walks
        The paths of the example reviews.
    reviews
        The layer's inputs in whole reviews, one array (T, D) each.
    readout
        The readout of its outputs, (H,); None unless it is the last layer.
    words
        The words that it reads; None unless it is the first layer.
    is_papers_cell
        Whether the layer is of the paper's cell, whose points the paper's method looks for, too.
    final, final_labels
        The states after whole reviews, (m, S), and the classes of these, (m,).
    logits
        All rows of the readout, (K, H), or (1, H) for two classes; None unless it is the last
        layer.
    """

    number: int
    cell: Cell
    visited: VisitedStates
    components: PrincipalComponents
    untrained_components: PrincipalComponents
    walks: tuple[Walk, ...]
    reviews: Sequence[Floats]
    readout: NDArray[np.float64] | None
    words: Words | None
    is_papers_cell: bool
    final: NDArray[np.float32]
    final_labels: NDArray[np.int64]
    logits: NDArray[np.float64] | None


def analyse_layer(
    material: LayerMaterial, settings: AnalysisSettings, watch: Stopwatch, *, progress: bool
) -> LayerAnalysis:
    """Search the layer and complete what was found, prove, linearize and measure it."""
    cell, visited, components = material.cell, material.visited, material.components
    with watch.time("search"):
        points = search_layer(cell, visited, settings, progress=progress)
    with watch.time("completion"):
        unique, how = complete(cell, points, settings)
    with watch.time("certify"):
        radius_exists, radius_unique = _prove(cell, unique)
        told = unique.completeness()
    descent: Descent | None = None
    if material.is_papers_cell:
        with watch.time("descent"):
            descent = _descend(cell, points.starts, settings)
    spectra, dynamics = _linearize(material, unique, watch)
    with watch.time("classes"):
        classes = analyse_classes(
            cell, material.final, material.final_labels, unique, readout=material.logits
        )
    return LayerAnalysis(
        layer=material.number,
        n_states=visited.moments.count,
        explained_variance_ratio=components.explained_variance_ratio,
        explained_variance_ratio_untrained=material.untrained_components.explained_variance_ratio,
        mean=components.mean,
        components=components.components[:2],
        sample=visited.sample,
        sample_projection=components.project(visited.sample),
        sample_labels=visited.sample_labels,
        walks=material.walks,
        points=points,
        unique=unique,
        radius_exists=radius_exists,
        radius_unique=radius_unique,
        descent=descent,
        unique_projection=components.project(unique.h),
        end_projection=components.project(points.h),
        distance_to_cloud=_distance_to_cloud(unique, visited),
        spectra=spectra,
        dynamics=dynamics,
        degree=told.summary or None,
        completeness=str(told),
        how=how,
        classes=classes,
    )


def search_layer(
    cell: Cell,
    visited: SampledStates,
    settings: AnalysisSettings,
    *,
    device: str = "cpu",
    progress: bool,
) -> FixedPoints:
    """Search from the first sampled states, which are a random sample themselves."""
    return find_fixed_points(
        cell,
        visited.sample[: settings.n_starts],
        method=settings.method,
        tol_unique=settings.tol_unique,
        tol_slow=settings.tol_slow,
        n_threads=settings.n_threads,
        device=device,
        progress=progress,
    )


def _descend(cell: Cell, starts: Floats, settings: AnalysisSettings) -> Descent:
    """Search as the paper did, from the same starts."""
    ends = find_fixed_points(
        cell,
        starts,
        method="gradient",
        tol_unique=settings.tol_unique,
        tol_slow=TOL_DESCENT,
        n_threads=settings.n_threads,
    )
    distinct = ends.select(ends.q <= TOL_DESCENT).unique(unconverged=True)
    return Descent(
        tol_slow=TOL_DESCENT,
        below=int(distinct.count.sum()),
        distinct=len(distinct),
        fixed=int(np.sum(distinct.kind == "fixed")),
    )


def _linearize(
    material: LayerMaterial, unique: FixedPoints, watch: Stopwatch
) -> tuple[tuple[Spectrum, ...], DynamicsAnalysis | None]:
    """Linearize at the fixed points first, the ends of most starts first, as far as there are."""
    rows = linearized_first(unique)[:N_LINEARIZED]
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
            words=material.words,
        )
    return _spectra(shown, modes), dynamics


def _prove(cell: Cell, unique: FixedPoints) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the radii proved at each point; NaN with a cell that cannot be certified."""
    if not can_be_enclosed(cell):
        return np.full(len(unique), np.nan), np.full(len(unique), np.nan)
    certificates = unique.certify()
    return certificates.radius_exists, certificates.radius_unique


def _distance_to_cloud(unique: FixedPoints, visited: VisitedStates) -> NDArray[np.float64]:
    """Return each point's distance to the nearest sampled state, in RMS radii of the cloud."""
    if len(unique) == 0:
        return np.empty(0)
    nearest: NDArray[np.float64] = cdist(unique.h, visited.sample).min(axis=1)
    return nearest / visited.moments.radius()


def _spectra(shown: FixedPoints, modes: Linearization) -> tuple[Spectrum, ...]:
    """Return the eigenvalues at the first points."""
    return tuple(
        Spectrum(
            kind=str(shown.kind[i]),
            q=float(shown.q[i]),
            count=int(shown.count[i]),
            norm=float(np.linalg.norm(shown.h[i])),
            eigenvalues=modes.eigenvalues[i],
            errors=modes.eigenvalue_errors[i],
        )
        for i in range(min(N_SPECTRA, len(shown)))
    )
