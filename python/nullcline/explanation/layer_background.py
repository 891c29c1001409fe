"""What is known of one layer: the plane of the states that it visits, and its points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray  # noqa: TC002 - fields are read back by their types

from nullcline._support.components import principal_components
from nullcline.linearization.linear_map import linearize
from nullcline.linearization.resolution import known_time_constants
from nullcline.search.find import find_fixed_points

if TYPE_CHECKING:
    from nullcline.cells import Cell

CLOUD = 1500
"""Visited states that a picture shows."""

LINEARIZED = 20
"""Points of a layer whose slowest time constant is computed: those that most starts ended in."""

TOL_SLOW = 1e-3
"""Largest q of a slow point, as in the study (`nullcline.study.settings.AnalysisSettings`)."""


@dataclass(frozen=True, eq=False)
class LayerBackground:
    """What is known of one layer, whose states have S numbers: H, or 2H of an LSTM.

    Attributes
    ----------
    mean, components
        Mean state (S,) and the first two principal components (2, S) of the visited states, turned
        so that the last class lies on the positive side of each, where classes differ along it.
    explained
        Share of the variance along each component, shape (2,).
    radius
        Root mean square distance of the states from their mean.
    cloud, cloud_labels
        A random sample of the states on the components, (m, 2), and their texts' labels, (m,).
    h, kind, count, time_constants
        The distinct fixed and slow points with zero input: states (p, S), "fixed", "slow" or
        "minimum", how many starts ended there, and the time constant of the slowest mode in steps,
        NaN where it was not computed; those that most starts ended in first.
    """

    mean: NDArray[np.float64]
    components: NDArray[np.float64]
    explained: NDArray[np.float64]
    radius: float
    cloud: NDArray[np.float64]
    cloud_labels: NDArray[np.int64]
    h: NDArray[np.float64]
    kind: NDArray[np.str_]
    count: NDArray[np.int64]
    time_constants: NDArray[np.float64]

    def project(self, states: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return states (n, S) on the two components, (n, 2)."""
        return np.asarray((states - self.mean) @ self.components.T)


def layer_background(
    cell: Cell,
    states: NDArray[np.float64],
    starts: NDArray[np.float64],
    labels: NDArray[np.int64] | None = None,
) -> LayerBackground:
    """Return what is found out about a layer.

    Parameters
    ----------
    cell
        The layer.
    states
        Visited states, shape (n, S), n at least 1, whose components are the plane.
    starts
        States (m, S) from which points are searched with zero input.
    labels
        The label of each state's text, (n,), in random order; None for no cloud of states.
    """
    found = principal_components(states, 2)
    components, cloud, cloud_labels = found.components, np.empty((0, 2)), np.empty(0, np.int64)
    if labels is not None:
        projected = found.project(states)
        signs = _towards_last_class(projected, labels)
        components = components * signs[:, None]
        cloud, cloud_labels = (projected * signs)[:CLOUD], labels[:CLOUD]
    h, kind, count = _points_from(cell, starts)
    return LayerBackground(
        mean=found.mean,
        components=components,
        explained=found.explained_variance_ratio,
        radius=float(np.sqrt(((states - found.mean) ** 2).sum(axis=1).mean())),
        cloud=cloud,
        cloud_labels=cloud_labels,
        h=h,
        kind=kind,
        count=count,
        time_constants=_slowest_time_constants(cell, h),
    )


def _towards_last_class(
    projected: NDArray[np.float64], labels: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the signs that make each coordinate rise with the label, on average."""
    slope = (labels - labels.mean()) @ projected
    return np.where(slope < 0, -1.0, 1.0)


def _points_from(
    cell: Cell, starts: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.str_], NDArray[np.int64]]:
    """Return the distinct points of a layer with zero input: states, kinds, counts of starts."""
    found = find_fixed_points(cell, starts, tol_slow=TOL_SLOW).unique()
    order = np.argsort(-found.count, kind="stable")
    return np.asarray(found.h, np.float64)[order], found.kind[order], found.count[order]


def _slowest_time_constants(cell: Cell, h: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the time constant of the slowest mode of the first `LINEARIZED` points, else NaN.

    It is infinite where the mode may as well grow as decay, as far as its eigenvalue is known.
    """
    constants = np.full(len(h), np.nan)
    if len(h):
        modes = linearize(cell, h[:LINEARIZED])
        known = known_time_constants(modes.eigenvalues, modes.eigenvalue_errors)
        constants[:LINEARIZED] = known.max(axis=1)
    return constants
