"""Every input's share of a logit, exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nullcline._support import validation
from nullcline.attribution.baseline import (
    Baseline,
    given_baseline,
    input_of,
    resting,
    states_of,
)
from nullcline.attribution.network import Network, network_of
from nullcline.attribution.propagation import (
    logits,
    run_layers,
    shares_of,
    split_by_modes,
)
from nullcline.attribution.result import Attribution
from nullcline.attribution.sequences import Sequences, padded, sequences_of
from nullcline.cells.compiled import thread_count
from nullcline.distribution import Chunk, spread_over
from nullcline.linearization import Linearization

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from nullcline._support.validation import Floats
    from nullcline.attribution.network import Layers
    from nullcline.distribution.executors import GivenExecutor
    from nullcline.search import FixedPoints


MOST_TEXTS, LARGEST_SENT = 256, 2**19
"""Texts that a worker gets at a time, and numbers of states and inputs that it keeps of them:
4 MiB in float64, some of which are sent."""


def attribute(
    cells: Layers,
    inputs: ArrayLike | Sequence[ArrayLike],
    readout: ArrayLike,
    *,
    intercept: ArrayLike = 0.0,
    lengths: ArrayLike | None = None,
    initial_state: ArrayLike | Sequence[ArrayLike] | None = None,
    baseline: FixedPoints | ArrayLike | Sequence[ArrayLike] | None = None,
    baseline_input: ArrayLike | None = None,
    linearization: Linearization | Sequence[Linearization | None] | None = None,
    executor: GivenExecutor | None = None,
    chunk_size: int | None = None,
) -> Attribution:
    """Return every input's share of a logit, exactly: shares sum to its change, to rounding.

    Changes are counted from a baseline, a run of the same network: by default one that rests at a
    fixed point, so that it is one state at every step and nothing about it is chosen. The network's
    own equations, with Δ(ab) = ā Δb + b̄ Δa for a product (ā is the mean of both runs) and
    Δσ = [σ(a) - σ(a0)] / (a - a0) Δa for an activation, say how a step passes changes on,

        Δh_t = J̄_t Δh_(t-1) + B̄_t Δx_t,

    without a remainder. So with λ_T the readout and λ_(t-1) = J̄_tᵀ λ_t, the change of the logit is
    the sum of λ_tᵀ B̄_t Δx_t, the shares, and λ_0ᵀ Δh_0, that of the initial state. It costs one run
    forward and one back. The rule for activations is the rescale rule of DeepLIFT (Shrikumar,
    Greenside and Kundaje, ICML 2017, section 3.5); that for products is the product rule of
    differences, which treats both factors alike.

    Parameters
    ----------
    cells
        The network: a cell, a `Bidirectional` pair, a `Stack`, or a list of layers from the first
        to the last, each a cell or a pair. A layer reads the outputs of the one below it step by
        step, those of a pair side by side. A backward cell reads a text from its last step to its
        first.
    inputs
        One text, shape (T, D); or several, shape (n, T, D), padded at their ends, or a list of
        arrays (T_i, D). T may be 0. What padding holds is not read.
    readout
        The weights of a logit of the last layer's outputs after a text's last step, shape (H,), or
        of several, (C, H). For a pair these are the forward cell's outputs after the last word and
        the backward cell's after the first, side by side, as PyTorch's `h_n` has them. A head that
        is not linear has no readout: attribute to its inputs, for example the units of its first
        layer.
    intercept
        What the head adds to the logit, a number or shape (C,); it is in `logit`, and in no share.
    lengths
        How many steps each of n padded texts has, shape (n,); None for all T. Not with a list.
    initial_state
        States to start from, those of all layers side by side, of a pair's cells forward first,
        shape (S,) or (n, S), or a list with an array for each layer; zeros by default.
    baseline
        Where changes are counted from. None: from the stable fixed point at which the network
        settles from its (first) initial state at `baseline_input`, or, where it settles at none,
        from its run at that input, which begins like each text and moves. Otherwise a result of a
        search with one point, or states as `initial_state` takes them: if they are at rest, that is
        the baseline, and if not, the run from there.
    baseline_input
        The constant input of the baseline, shape (D,); zero by default. A point of a search brings
        its own.
    linearization
        A `Linearization` of one point, for `by_mode`; for several layers a list with one, or None,
        for each. Not for layers of two directions.
    executor, chunk_size
        Who attributes, and how many texts a worker gets at a time, as in `find_fixed_points`.

    Returns
    -------
    Attribution
        The shares, and what else is told by them.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or value; the message names it and the fix. Numbers
        have the cells' type: float64 is refused by cells of float32.

    Notes
    -----
    All of nullcline's cells are exact, ReLU networks too. For `from_function` J̄ and B̄ are the mean
    Jacobians along the segment between both runs, by Gauss's rule with up to 128 nodes, which are
    enough where the function is smooth: `Attribution.error` says so. It runs on the processor.

    A text's numbers do not depend, bit for bit, on the texts beside it or on the number of threads.

    Examples
    --------
    >>> found = nc.attribute(nc.from_torch(rnn), embedded, head.weight[0])  # doctest: +SKIP
    >>> found.shares.sum(axis=1) + found.start - found.change  # zero to rounding, doctest: +SKIP
    """
    network = network_of(cells)
    texts = sequences_of(inputs, lengths, network.input_size, network.dtype)
    weights, is_one = _readout(readout, network)
    offsets = _intercept(intercept, len(weights))
    n = len(texts.lengths)
    start = _start(network, initial_state, n)
    x = input_of(network, baseline, baseline_input)
    if baseline is None:
        rest = resting(network, start, x)
    else:
        rest = given_baseline(network, states_of(network, baseline, n), x)
    modes = _modes(linearization, network)
    spread = spread_over(executor, chunk_size, None, thread_count(None))
    shared = {"network": network, "readouts": weights, "modes": modes}
    found = _Columns(texts, network, len(weights), modes)
    numbers = _numbers_per_step(network)
    if spread is None:
        for rows in texts.chunks(numbers):
            found.fill(rows, _shares(shared, *_texts_at(texts, rows, start, rest)))
    else:
        every = list(texts.chunks(numbers, spread.chunk_size or MOST_TEXTS, LARGEST_SENT))
        chunks = [Chunk(_texts_at(texts, rows, start, rest), len(rows)) for rows in every]
        for rows, own in zip(every, spread.answers(_shares, chunks, shared), strict=True):
            found.fill(rows, own)
    found.logit += offsets
    found.baseline_logit += offsets
    return found.attribution(rest, isinstance(linearization, list | tuple), is_one)


class _Columns:
    """The arrays of a result, in the making: a column for each text and readout."""

    def __init__(
        self,
        texts: Sequences,
        network: Network,
        n_readouts: int,
        modes: list[tuple[Any, Any] | None],
    ) -> None:
        n, steps, layers = len(texts.lengths), texts.n_steps, len(network.layers)
        self.texts, self.network, self.modes = texts, network, modes
        self.by_layer = np.zeros((n, layers, steps, n_readouts))
        self.at_once = np.zeros((n, steps, n_readouts))
        self.start_by_layer = np.zeros((n, layers, n_readouts))
        self.logit = np.zeros((n, n_readouts))
        self.baseline_logit = np.zeros((n, n_readouts))
        self.by_mode = [
            None if mode is None else np.zeros((n, steps, n_readouts, mode[0].shape[1]))
            for mode in modes
        ]

    def fill(self, rows: NDArray[np.intp], own: _Shares) -> None:
        """Write what was computed of some texts."""
        self.logit[rows], self.baseline_logit[rows] = own.logit, own.baseline_logit
        steps = own.at_once.shape[1]
        self.by_layer[rows, :, :steps] = own.by_layer
        self.at_once[rows, :steps] = own.at_once
        self.start_by_layer[rows] = own.start_by_layer
        for column, through in zip(self.by_mode, own.by_mode, strict=True):
            if column is not None:
                column[rows, :steps] = through

    def attribution(self, rest: Baseline, is_list: bool, is_one: bool) -> Attribution:
        """Return the result, without the axes that were not asked for."""

        def shaped(array: Any, axis: int = -1) -> Any:
            if array is None:
                return None
            array = np.take(array, 0, axis=axis) if is_one else array
            return array[0] if self.texts.is_single else array

        by_mode = tuple(shaped(column, axis=-2) for column in self.by_mode)
        return Attribution(
            shares=shaped(self.by_layer[:, 0]),
            start=shaped(self.start_by_layer.sum(axis=1)),
            logit=shaped(self.logit),
            baseline_logit=shaped(self.baseline_logit),
            at_once=shaped(self.at_once),
            by_layer=shaped(self.by_layer),
            start_by_layer=shaped(self.start_by_layer),
            by_mode=by_mode if is_list else by_mode[0],
            lengths=self.texts.lengths[0] if self.texts.is_single else self.texts.lengths,
            baseline=tuple(rest.states),
            baseline_kind=rest.kind,
        )


class _Shares(NamedTuple):
    """The columns of a result for some texts."""

    logit: NDArray[np.float64]
    baseline_logit: NDArray[np.float64]
    by_layer: NDArray[np.float64]
    at_once: NDArray[np.float64]
    start_by_layer: NDArray[np.float64]
    by_mode: list[NDArray[np.float64] | None]


def _texts_at(
    texts: Sequences, rows: NDArray[np.intp], start: list[Floats], rest: Baseline
) -> tuple[list[Floats], list[Floats], Baseline]:
    """Return the inputs of some texts, their initial states and their baseline."""
    own_start = [states if len(states) == 1 else states[rows] for states in start]
    own_rest = Baseline(
        [states if len(states) == 1 else states[rows] for states in rest.states],
        rest.input,
        rest.kind,
    )
    return [texts.rows[row] for row in rows], own_start, own_rest


def _shares(
    shared: Mapping[str, Any],
    rows: list[Floats],
    start: list[Floats],
    rest: Baseline,
    **_: Any,
) -> _Shares:
    """Compute the columns of some texts, the longest first, on a worker or here."""
    network, readouts, modes = shared["network"], shared["readouts"], shared["modes"]
    lengths = np.array([len(row) for row in rows], np.intp)
    inputs = padded(rows, network.input_size, network.dtype)
    runs = run_layers(network, inputs, lengths, start, rest)
    last = runs[-1]
    n, steps, shape = len(rows), len(inputs), (len(network.layers), len(readouts))
    found = _Shares(
        logit=logits(last.layer, last.actual, readouts),
        baseline_logit=logits(last.layer, last.base, readouts),
        by_layer=np.zeros((n, shape[0], steps, shape[1])),
        at_once=np.zeros((n, steps, shape[1])),
        start_by_layer=np.zeros((n, *shape)),
        by_mode=[
            None if mode is None else np.zeros((n, steps, shape[1], mode[0].shape[1]))
            for mode in modes
        ],
    )
    keep = [mode is not None for mode in modes]
    for c, readout in enumerate(readouts):
        for i, layer in enumerate(shares_of(runs, lengths, readout, keep=keep)):
            found.by_layer[:, i, :, c] = layer.inputs.T
            found.start_by_layer[:, i, c] = layer.start
            if i == 0:
                found.at_once[:, :, c] = layer.at_once.T
            mode, column = modes[i], found.by_mode[i]
            if mode is not None and column is not None:
                column[:, :, c] = split_by_modes(runs[i], layer, lengths, *mode)
    return found


def _readout(readout: ArrayLike, network: Network) -> tuple[Floats, bool]:
    """Return readouts as rows (C, H), and whether it was a single vector."""
    weights = validation.floats("readout", readout, network.dtype)
    size = network.output_size
    if weights.ndim not in {1, 2} or weights.shape[-1] != size or not len(weights):
        raise ValueError(
            f"readout must have shape ({size},) or (C, {size}), the outputs of the last layer, "
            f"not {weights.shape}"
        )
    return np.atleast_2d(weights), weights.ndim == 1


def _intercept(intercept: ArrayLike, count: int) -> NDArray[np.float64]:
    offsets = validation.floats("intercept", intercept).astype(np.float64)
    if offsets.shape not in {(), (1,), (count,)}:
        raise ValueError(
            f"intercept must be a number or have shape ({count},), not {offsets.shape}"
        )
    return offsets


def _start(
    network: Network, initial: ArrayLike | Sequence[ArrayLike] | None, n: int
) -> list[Floats]:
    if initial is None:
        return [np.zeros((1, layer.state_size), network.dtype) for layer in network.layers]
    return network.states("initial_state", initial, n)


def _modes(
    given: Linearization | Sequence[Linearization | None] | None, network: Network
) -> list[tuple[Any, Any] | None]:
    """Return right and left vectors, (S, k) and (k, S), for each layer for which they are given."""
    listed = list(given) if isinstance(given, list | tuple) else [given]
    if not isinstance(given, list | tuple):
        if given is not None and len(network.layers) > 1:
            raise ValueError(
                f"linearization must be a list of {len(network.layers)}, one a layer, None where "
                "it is not wanted"
            )
        listed += [None] * (len(network.layers) - 1)
    if len(listed) != len(network.layers):
        raise ValueError(
            f"linearization must have {len(network.layers)} entries, one a layer, not {len(listed)}"
        )
    modes: list[tuple[Any, Any] | None] = []
    for i, (linear, layer) in enumerate(zip(listed, network.layers, strict=True)):
        if linear is None:
            modes.append(None)
            continue
        name = f"linearization[{i}]" if isinstance(given, list | tuple) else "linearization"
        if not isinstance(linear, Linearization):
            raise TypeError(f"{name} must be a Linearization, not {type(linear).__name__}")
        if len(layer.directions) > 1:
            raise ValueError(f"{name} must be None: layer {i} has two directions")
        if linear.right.shape[:2] != (1, layer.state_size):
            raise ValueError(
                f"{name} must be of one point with {layer.state_size} numbers a state, not of "
                f"{linear.right.shape[0]} with {linear.right.shape[1]}"
            )
        if not np.isfinite(linear.left).all():
            raise ValueError(f"{name} has defective modes, through which nothing can be measured")
        modes.append((linear.right[0], linear.left[0]))
    return modes


def _numbers_per_step(network: Network) -> int:
    return sum(layer.input_size + layer.state_size for layer in network.layers)
