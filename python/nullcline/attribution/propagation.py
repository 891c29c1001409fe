"""Through all layers of a network: every run forward, and a readout's covector back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nullcline._support import validation
from nullcline.attribution.baseline import AT_REST, Baseline, outputs_of
from nullcline.attribution.passes import (
    Covectors,
    Trajectory,
    active_counts,
    pull_back,
    push_inputs,
    reverse,
    run,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nullcline._support.validation import Floats
    from nullcline.attribution.network import Direction, Layer, Network


@dataclass(frozen=True)
class LayerRun:
    """The trajectories of a layer's directions, each in the order in which it reads."""

    layer: Layer
    base: list[Trajectory]
    actual: list[Trajectory]


@dataclass(frozen=True)
class LayerShares:
    """What a layer's own changes add to a logit."""

    inputs: NDArray[np.float64]
    """Those of its inputs, (T, n)."""
    start: NDArray[np.float64]
    """Those of its initial state, (n,)."""
    at_once: NDArray[np.float64]
    """Those of its inputs if the logit were read right after each, (T, n)."""
    covectors: list[Floats]
    """Of each direction's states after its steps, (T, n, S)."""


def run_layers(
    network: Network,
    inputs: Floats,
    lengths: NDArray[np.intp],
    start: list[Floats],
    baseline: Baseline,
) -> list[LayerRun]:
    """Run all layers along sequences (T, n, D), the longest first, beside their baseline."""
    is_resting = baseline.kind == AT_REST
    base_inputs = baseline.input[None]
    if not is_resting:
        base_inputs = np.broadcast_to(base_inputs, inputs.shape)
    runs = []
    for layer, own, rest in zip(network.layers, start, baseline.states, strict=True):
        actual = _run_layer(layer, own, inputs, lengths)
        if is_resting:
            base = [Trajectory(rest[None, :, d.state], base_inputs) for d in layer.directions]
        else:
            base = _run_layer(layer, rest, base_inputs, lengths)
        runs.append(LayerRun(layer, base, actual))
        inputs = _outputs(layer, actual, lengths)
        base_inputs = _outputs(layer, base, lengths)
    return runs


def logits(layer: Layer, trajectories: list[Trajectory], readouts: Floats) -> NDArray[np.float64]:
    """Return readouts (C, H) after each sequence's last step, (n, C), or (1, C) at rest."""
    states = np.concatenate([trajectory.states[-1] for trajectory in trajectories], axis=1)
    outputs = outputs_of(layer, states)
    return np.stack([_products(outputs, readout) for readout in readouts], axis=1)


def shares_of(
    runs: list[LayerRun], lengths: NDArray[np.intp], readout: Floats, *, keep: list[bool]
) -> list[LayerShares]:
    """Return what each layer's changes add to the logit of a readout, (H,), of the last outputs.

    Covectors of states are kept of the layers for which `keep` says so.
    """
    of = Covectors(readout, None, readout[None, None])
    found = []
    for own, keep_states in zip(reversed(runs), reversed(keep), strict=True):
        shares, of = _layer_shares(own, lengths, of, keep_states=keep_states)
        found.append(shares)
    return found[::-1]


def split_by_modes(
    own: LayerRun, shares: LayerShares, lengths: NDArray[np.intp], right: Floats, left: Floats
) -> NDArray[np.float64]:
    """Return what goes through each mode of a layer of one direction, (n, T, k).

    Sequences are taken one by one: a row of a product depends, in its last bits, on how many there
    are.
    """
    (direction,), (base,), (actual,) = own.layer.directions, own.base, own.actual
    covectors = shares.covectors[0]
    through = np.zeros((len(lengths), len(covectors), right.shape[1]))
    for i, length in enumerate(lengths.tolist()):
        pushed = push_inputs(direction.cell, base, actual, i, length)
        pulled = np.ascontiguousarray(covectors[:length, i])
        through[i, :length] = ((pulled @ right) * (pushed @ left.T)).real
    return through


def _run_layer(
    layer: Layer, start: Floats, inputs: Floats, lengths: NDArray[np.intp]
) -> list[Trajectory]:
    """Run a layer's directions from `start`, (1 | n, S_l).

    Raises
    ------
    ValueError
        If the states leave the range of numbers.
    """
    active = active_counts(lengths)
    trajectories = []
    for d in layer.directions:
        states = np.broadcast_to(start[:, d.state], (len(lengths), d.cell.state_size))
        trajectories.append(run(d.cell, states, _oriented(d, inputs, lengths), active))
        validation.require_finite("the network's states", trajectories[-1].states)
    return trajectories


def _outputs(layer: Layer, trajectories: list[Trajectory], lengths: NDArray[np.intp]) -> Floats:
    """Return what a layer puts out at each step of the sequences, (T, n, H_l)."""
    parts = []
    for d, trajectory in zip(layer.directions, trajectories, strict=True):
        outputs = trajectory.states[:, :, : d.cell.hidden_size]
        parts.append(outputs if trajectory.is_resting else _oriented(d, outputs[1:], lengths))
    return np.concatenate(parts, axis=2)


def _layer_shares(
    own: LayerRun, lengths: NDArray[np.intp], of: Covectors, *, keep_states: bool
) -> tuple[LayerShares, Covectors]:
    """Return a layer's shares, and the covectors of the outputs that it reads."""
    active = active_counts(lengths)
    actual, base = own.actual[0].inputs, own.base[0].inputs
    to_inputs, at_once = np.zeros_like(actual), np.zeros_like(actual)
    start, covectors = np.zeros(len(lengths)), []
    for d, rest, moved in zip(own.layer.directions, own.base, own.actual, strict=True):
        part = _of_direction(d, of, lengths)
        back = pull_back(d.cell, rest, moved, part, active, keep_states=keep_states)
        covectors.append(back.at_state)
        start += _products(back.at_start, moved.states[0] - rest.states[0])
        to_inputs += _oriented(d, back.at_input, lengths)
        at_once += _oriented(d, back.at_once, lengths)
    shares = LayerShares(
        _products(to_inputs, actual - base), start, _products(at_once, actual - base), covectors
    )
    return shares, Covectors(None, to_inputs, at_once)


def _of_direction(direction: Direction, of: Covectors, lengths: NDArray[np.intp]) -> Covectors:
    """Return the covectors of a direction's own outputs, step after step as it reads."""

    def own(array: Floats) -> Floats:
        part = array[..., direction.outputs]
        return part if array.shape[:2] == (1, 1) else _oriented(direction, part, lengths)

    return Covectors(
        None if of.last is None else of.last[direction.outputs],
        None if of.every is None else own(of.every),
        own(of.directly),
    )


def _products(a: Floats, b: Floats) -> NDArray[np.float64]:
    """Return inner products in float64, each computed as if it were alone."""
    products: NDArray[np.float64] = np.einsum("...d,...d->...", a, b, dtype=np.float64)
    return products


def _oriented(direction: Direction, array: Floats, lengths: NDArray[np.intp]) -> Floats:
    """Return steps as the direction reads them; or, twice, as they were."""
    return reverse(array, lengths) if direction.is_backward else array
