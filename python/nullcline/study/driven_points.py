"""The points of layers at the inputs that they really receive, beside those at zero input.

A layer above the first reads the states of the one below, which are not zero even where no word
comes: at zero input it is a system that the network never is in. Two inputs stand for what it
reads: the mean over the reviews, and what the layers below put out where they rest.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline.cells.stack import Stack
from nullcline.search.find import find_fixed_points
from nullcline.search.kinds import FIXED
from nullcline.search.merging import merge
from nullcline.study.completion import complete

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nullcline._support.validation import Floats
    from nullcline.cells import Cell
    from nullcline.search.fixed_points import FixedPoints
    from nullcline.study.settings import AnalysisSettings
    from nullcline.study.states import SampledStates


def points_of_joint_stack(
    cells: Sequence[Cell], visited: Sequence[SampledStates], settings: AnalysisSettings
) -> list[FixedPoints | None]:
    """Search all layers jointly, without words, and return each layer's points where it is driven.

    Parameters
    ----------
    cells
        The layers.
    visited
        States of each, sampled at the same steps of the same reviews.
    settings
        How many of these to start from, and how to search.

    Returns
    -------
    list of FixedPoints or None
        For each layer above the first its distinct points at the joint fixed points of the layers
        below: one for each such point that it has points at, with the output of the layer below as
        its input. None for the first layer, which reads no other.
    """
    if len(cells) == 1:
        return [None]
    stack = Stack(cells)
    starts = np.concatenate([its.sample[: settings.n_starts] for its in visited], axis=1)
    ends = find_fixed_points(
        stack,
        starts,
        method=settings.method,
        tol_unique=settings.tol_unique,
        tol_slow=settings.tol_slow,
        n_threads=settings.n_threads,
    )
    joint, _ = complete(stack, ends, settings)
    states: Any = stack.split(joint.h)
    inputs: Any = stack.layer_inputs(joint.h)
    rows = np.arange(len(joint))
    own = _judged(cells[0], states[0], None, settings)
    found: list[FixedPoints | None] = [None]
    for layer in range(1, len(cells)):
        rows = rows[own.kind == FIXED]  # at which all layers below are
        one = _of_one_point([each[rows] for each in states[:layer]], settings)
        # Points below that differ by rounding are one, and put out the same.
        own = _judged(cells[layer], states[layer][rows], inputs[layer][rows][one], settings)
        found.append(replace(own, count=joint.count[rows]).unique())
    return found


def _of_one_point(states: Sequence[Floats], settings: AnalysisSettings) -> NDArray[np.intp]:
    """Return for each row the first one that is in the same points of all layers below."""
    return merge(np.concatenate(states, axis=1), settings.tol_unique)


def _judged(
    cell: Cell, states: Floats, inputs: Floats | None, settings: AnalysisSettings
) -> FixedPoints:
    """Say what a layer's states are at these inputs."""
    return find_fixed_points(
        cell,
        states,
        inputs,
        tol_unique=settings.tol_unique,
        tol_slow=settings.tol_slow,
        max_iterations=0,
    )
