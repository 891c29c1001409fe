"""The analysis of one layer: its points, what is proved of them, and what explains them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from nullcline.search.find import find_fixed_points
from nullcline.study.class_analysis import analyse_classes
from nullcline.study.completion import complete
from nullcline.study.layer_results import Descent, LayerAnalysis
from nullcline.study.point_analysis import analyse_points
from nullcline.study.point_results import JOINT, MEAN, ZERO

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nullcline._support.validation import Floats
    from nullcline.cells import Cell
    from nullcline.search.fixed_points import FixedPoints
    from nullcline.study.layer_material import LayerMaterial
    from nullcline.study.point_results import PointsAtInput
    from nullcline.study.settings import AnalysisSettings
    from nullcline.study.states import SampledStates
    from nullcline.study.stopwatch import Stopwatch

N_SPECTRA = 3
"""Points of a layer whose eigenvalues are shown, at most."""

TOL_DESCENT = 1e-6
"""Where the paper's method, a descent of q, is stopped."""


def analyse_layer(
    material: LayerMaterial, settings: AnalysisSettings, watch: Stopwatch, *, progress: bool
) -> LayerAnalysis:
    """Search the layer and complete what was found, prove, linearize and measure it."""
    cell, visited, components = material.cell, material.visited, material.components
    with watch.time("search"):
        points = search_layer(cell, visited, settings, progress=progress)
    with watch.time("completion"):
        unique, how = complete(cell, points, settings)
    descent: Descent | None = None
    if material.is_papers_cell:
        with watch.time("descent"):
            descent = _descend(cell, points.starts, settings)
    at_zero = analyse_points(ZERO, material, unique, watch, words=material.words)
    at_inputs = [at_zero, *_driven(material, settings, watch)]
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
        components=components.first(2),
        sample=visited.sample,
        sample_projection=components.project(visited.sample),
        sample_labels=visited.sample_labels,
        walks=material.walks,
        points=points,
        unique=unique,
        radius_exists=at_zero.radius_exists,
        radius_unique=at_zero.radius_unique,
        descent=descent,
        unique_projection=components.project(unique.h),
        end_projection=components.project(points.h),
        distance_to_cloud=at_zero.isolation.radii,
        spectra=at_zero.spectra[:N_SPECTRA],
        dynamics=at_zero.dynamics,
        degree=at_zero.degree,
        completeness=at_zero.completeness,
        how=how,
        classes=classes,
        at_inputs=tuple(replace(at, dynamics=None) if at is at_zero else at for at in at_inputs),
    )


def _driven(
    material: LayerMaterial, settings: AnalysisSettings, watch: Stopwatch
) -> Iterator[PointsAtInput]:
    """Yield what is found of the layer at the inputs that it receives beside zero."""
    cell, mean = material.cell, material.mean_input.astype(material.cell.dtype)
    with watch.time("search, driven"):
        ends = search_layer(cell, material.visited, settings, inputs=mean, progress=False)
        unique, _ = complete(cell, ends, settings, inputs=mean)
    yield analyse_points(MEAN, material, unique, watch)
    if material.driven is not None:
        yield analyse_points(JOINT, material, material.driven, watch)


def search_layer(
    cell: Cell,
    visited: SampledStates,
    settings: AnalysisSettings,
    *,
    inputs: Floats | None = None,
    device: str = "cpu",
    progress: bool,
) -> FixedPoints:
    """Search from the first sampled states, which are a random sample themselves."""
    return find_fixed_points(
        cell,
        visited.sample[: settings.n_starts],
        inputs,
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
