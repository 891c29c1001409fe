"""Where a network rests, from which it is told what every input adds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nullcline._support import validation
from nullcline.linearization import linearize
from nullcline.search import FixedPoints, find_fixed_points
from nullcline.search.kinds import FIXED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from nullcline._support.validation import Floats
    from nullcline.attribution.network import Layer, Network
    from nullcline.cells.protocol import Cell

SETTLING = 1000
"""Steps at the baseline's input before the fixed point nearest to rest is looked for."""

ROUNDING = 64
"""A state is at rest if no step changes it by more units of rounding."""

AT_REST = "fixed point"
MOVING = "trajectory"


@dataclass(frozen=True)
class Baseline:
    """States of every layer, (1 | n, S_l), the constant input, (1, D), and whether they rest."""

    states: list[Floats]
    input: Floats
    kind: str


def resting(network: Network, start: list[Floats], x: Floats) -> Baseline:
    """Return where the network settles from `start` at a constant input, or its run from there.

    Layer after layer, since a layer at rest reads what the one below it puts out at rest.
    """
    settled: list[Floats] = []
    read = x
    for layer, own in zip(network.layers, start, strict=True):
        parts = []
        for direction in layer.directions:
            point = _rest(direction.cell, own[:1, direction.state], read)
            if point is None:
                return given_baseline(network, start, x)
            parts.append(point)
        settled.append(np.concatenate(parts, axis=1))
        read = outputs_of(layer, settled[-1])
    return Baseline(settled, x, AT_REST)


def given_baseline(network: Network, states: list[Floats], x: Floats) -> Baseline:
    """Return a baseline from these states, which is constant if no layer moves there."""
    read = x
    for layer, own in zip(network.layers, states, strict=True):
        following = step(layer, own, read)
        size = np.maximum(np.abs(own), 1)
        if len(own) > 1 or (np.abs(following - own) > ROUNDING * _eps(own) * size).any():
            return Baseline(states, x, MOVING)
        read = outputs_of(layer, own)
    return Baseline(states, x, AT_REST)


def input_of(network: Network, baseline: object, baseline_input: ArrayLike | None) -> Floats:
    """Return the baseline's constant input, (1, D): zero unless it is given or a point's own."""
    shape = 1, network.input_size
    if isinstance(baseline, FixedPoints) and baseline.inputs is not None:
        if baseline_input is not None:
            raise ValueError("baseline_input must be None: the point carries its own input")
        baseline_input = baseline.numpy().inputs
    found = validation.inputs("baseline_input", baseline_input, shape, network.dtype)
    return np.zeros(shape, network.dtype) if found is None else found


def states_of(
    network: Network, baseline: FixedPoints | ArrayLike | Sequence[ArrayLike], n: int
) -> list[Floats]:
    """Return the states of a baseline that was given, a point or an array."""
    if isinstance(baseline, FixedPoints):
        if len(baseline) != 1:
            raise ValueError(
                f"baseline must be one point, not {len(baseline)}: choose one, points.select([0])"
            )
        return network.states("baseline", baseline.numpy().h, 1)
    return network.states("baseline", baseline, n)


def step(layer: Layer, states: Floats, x: Floats) -> Floats:
    """Return a layer's next states, (n, S_l)."""
    parts = [d.cell.step(states[:, d.state], x) for d in layer.directions]
    return np.concatenate(parts, axis=1)


def outputs_of(layer: Layer, states: Floats) -> Floats:
    """Return the outputs of a layer's states, (..., H_l)."""
    parts = [states[..., d.state][..., : d.cell.hidden_size] for d in layer.directions]
    return np.concatenate(parts, axis=-1)


def _rest(cell: Cell, state: Floats, x: Floats) -> Floats | None:
    """Return the stable fixed point that a state settles at, (1, S), if there is one."""
    for _ in range(SETTLING):
        following = cell.step(state, x)
        if (following == state).all():
            break
        state = following
    if not np.isfinite(state).all():
        return None
    points = find_fixed_points(cell, state, x, n_threads=1)
    if points.kind[0] != FIXED or not linearize(cell, points, n_threads=1).is_stable[0]:
        return None
    return points.h


def _eps(array: Floats) -> float:
    return float(np.finfo(array.dtype).eps)
