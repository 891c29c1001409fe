"""What is measured of a network with the weights of one snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nullcline.interop import from_torch
from nullcline.linearization.dimensionality import participation_ratio_of_variances
from nullcline.linearization.linear_map import linearize
from nullcline.linearization.readout import readout_vector
from nullcline.linearization.resolution import GROWTH, side_of_circle
from nullcline.linearization.stability import UNSTABLE
from nullcline.search.kinds import FIXED, MINIMUM, SLOW
from nullcline.study.analysis import common_words, draw_reviews, readout_of
from nullcline.study.completion import complete
from nullcline.study.dynamics import analyse_dynamics
from nullcline.study.isolation import nearest_distances
from nullcline.study.layer_analysis import search_layer
from nullcline.study.layer_results import linearized_first
from nullcline.study.learning_results import LayerAtStep
from nullcline.study.network_rows import plain
from nullcline.study.pca import Moments
from nullcline.study.point_analysis import N_LINEARIZED
from nullcline.study.states import VisitedStates, review_inputs, sample_states
from nullcline.study.table import dynamics_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nullcline._support.validation import Floats
    from nullcline.cells import Cell
    from nullcline.linearization.linear_map import Linearization
    from nullcline.search.fixed_points import FixedPoints
    from nullcline.study.dynamics import Words
    from nullcline.study.settings import AnalysisSettings
    from nullcline.training import Checkpoint
    from nullcline.training.bag_of_words import BagOfWords
    from nullcline.training.batches import EncodedReviews

N_CLOUD = 1000
"""States of a snapshot that figures show."""

_COUNTED = {"fixed": FIXED, "slow": SLOW, "minima": MINIMUM}

_OF_POINT = (
    "spectral_radius", "growing_modes", "distance_to_cloud", "line_aspect", "line_offset",
    "readout_to_left", "readout_to_right",
)  # fmt: skip
"""Columns of the point that a layer is linearized around, and of the line."""


@dataclass(frozen=True, eq=False)
class _Material:
    """A layer, the states that it visits, what it reads, and what reads it."""

    layer: int
    cell: Cell
    visited: VisitedStates
    reviews: Sequence[Floats]
    readout: NDArray[np.float64] | None
    words: Words | None


class _Around(NamedTuple):
    """What the linearization of a layer tells, as in `LayerAtStep`."""

    stability: NDArray[np.str_]
    point: int | None
    eigenvalues: NDArray[np.complex128]
    errors: NDArray[np.float64]
    numbers: dict[str, Any]


def measure(
    checkpoint: Checkpoint,
    reviews: EncodedReviews,
    n_classes: int,
    bag: BagOfWords,
    settings: AnalysisSettings,
    step: int,
) -> tuple[LayerAtStep, ...]:
    """Search a network with the weights after a step, linearize it, and measure its line.

    As in `nullcline.study.analysis.analyse`, but that principal components are those of a sample of
    states, and that nothing is proved. `LayerAtStep.numbers` are columns of
    `nullcline.study.table`, and

    - "unstable", how many fixed points are, and "minima", how many ends are minima that are not
      slow;
    - "spectral_radius" and "growing_modes", the largest |λ| at the point that is linearized around,
      and how many are outside of the circle beyond their error;
    - "line_aspect" and "line_offset";
    - "readout_to_left" and "readout_to_right", the angles in degrees between the readout and the
      left and the right eigenvector of the longest time constant at that point (to the plane of
      real and imaginary part of a complex one), of the last layer alone;
    - "distance_to_cloud", from that point to the nearest sampled state, in the cloud's RMS radii.

    Parameters
    ----------
    checkpoint
        A finished run.
    reviews
        Those whose states are analysed.
    n_classes
        The number of classes.
    bag
        The baseline, whose weights words' effects are compared with.
    settings
        What is drawn and searched.
    step
        The step.

    Returns
    -------
    tuple of LayerAtStep
        One per layer.
    """
    model = checkpoint.at(step)
    sampled = sample_states(
        model,
        reviews,
        n_sample=max(settings.n_sample, settings.n_starts),
        seed=settings.seed,
    )
    read = review_inputs(model, draw_reviews(reviews, settings))
    last = len(sampled) - 1
    found = []
    for at, cell in enumerate(from_torch(model.rnn)):
        states = sampled[at]
        moments = Moments(cell.state_size)
        moments.add(states.sample)
        material = _Material(
            layer=at + 1,
            cell=cell,
            visited=VisitedStates(**vars(states), moments=moments),
            reviews=read[at],
            readout=readout_of(model) if at == last else None,
            words=common_words(checkpoint, model, bag, settings) if at == 0 else None,
        )
        found.append(_layer(material, n_classes, settings))
    return tuple(found)


def _layer(material: _Material, n_classes: int, settings: AnalysisSettings) -> LayerAtStep:
    cell, visited = material.cell, material.visited
    unique, _ = complete(cell, search_layer(cell, visited, settings, progress=False), settings)
    components = visited.moments.principal_components(visited.towards(n_classes - 1))
    around = _linearized(material, unique)
    ratio = components.explained_variance_ratio
    numbers = {
        "participation_ratio": participation_ratio_of_variances(ratio),
        **{name: int(np.sum(unique.kind == kind)) for name, kind in _COUNTED.items()},
        "unstable": int(np.sum((unique.kind == FIXED) & (around.stability == UNSTABLE))),
        "degree": unique.completeness().summary or None,
        **around.numbers,
    }
    return LayerAtStep(
        layer=material.layer,
        unique=unique,
        stability=around.stability,
        point=around.point,
        eigenvalues=around.eigenvalues,
        errors=around.errors,
        mean=components.mean,
        components=components.first(2),
        cloud=components.project(visited.sample[:N_CLOUD]).astype(np.float32),
        labels=visited.sample_labels[:N_CLOUD],
        numbers={name: plain(value) for name, value in numbers.items()},
    )


def _linearized(material: _Material, unique: FixedPoints) -> _Around:
    """Linearize a layer at its points, and measure what that explains."""
    cell, visited = material.cell, material.visited
    stability = np.full(len(unique), FIXED, "U11")
    rows = linearized_first(unique)[:N_LINEARIZED]
    if len(rows) == 0:
        nothing = {**dynamics_row(None), **dict.fromkeys(_OF_POINT)}
        return _Around(stability, None, np.empty(0, np.complex128), np.empty(0), nothing)
    shown = unique.select(rows)
    modes = linearize(cell, shown)
    stability[rows] = modes.stability
    at = int(np.argmax(shown.count))
    eigenvalues, errors = modes.eigenvalues[at], modes.eigenvalue_errors[at]
    dynamics = analyse_dynamics(
        modes, shown, rows, visited, material.reviews,
        readout=material.readout, words=material.words,
    )  # fmt: skip
    own = (
        np.abs(eigenvalues).max(),
        int(np.sum(side_of_circle(eigenvalues, errors) == GROWTH)),
        nearest_distances(shown.h, visited.sample)[at] / visited.moments.radius(),
        dynamics.line and dynamics.line.aspect,
        dynamics.line and dynamics.line.offset,
        *_angles(modes, at, material.readout),
    )
    numbers = {**dynamics_row(dynamics), **dict(zip(_OF_POINT, own, strict=True))}
    return _Around(stability, int(rows[at]), eigenvalues, errors, numbers)


def _angles(
    modes: Linearization, at: int, readout: NDArray[np.float64] | None
) -> tuple[float | None, float | None]:
    """Return the angles between the readout and the left and right eigenvector of longest τ."""
    if readout is None:
        return None, None
    weights = readout_vector(modes.cell, readout)
    slowest = modes.select([at]).by_time_constant()
    return angle_to(weights, slowest.left[0, 0]), angle_to(weights, slowest.right[0, :, 0])


def angle_to(direction: NDArray[np.float64], mode: NDArray[np.complex128]) -> float | None:
    """Return the angle from a direction to a mode, in degrees from 0 to 90.

    To the plane of its real and imaginary part, if it is complex; None if it is not finite.
    """
    if not np.isfinite(mode).all():
        return None
    parts = np.stack([mode.real, mode.imag])[: 2 if np.iscomplex(mode).any() else 1]
    plane, _ = np.linalg.qr(parts.T)
    cosine = float(np.linalg.norm(plane.T @ direction) / np.linalg.norm(direction))
    return float(np.degrees(np.arccos(min(cosine, 1.0))))
