"""Cells from the layers of Keras 3, whatever its backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline import cells
from nullcline._support import validation
from nullcline.interop._bidirectional import Bidirectional
from nullcline.interop._frameworks import framework
from nullcline.interop._parameters import parameter

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from nullcline._support.validation import Floats
    from nullcline.cells import Cell


def from_keras(layer: Any, *, dtype: DTypeLike = np.float64) -> list[Any]:
    """Make cells of a layer or a model of Keras 3, one per recurrent layer.

    Dropout acts in training alone and is left out; `go_backwards`, `stateful`, `unroll` and masks
    decide what a layer reads when, not how it steps. Weights are copied.

    Parameters
    ----------
    layer
        A built `SimpleRNN` (`tanh` or `relu`), `GRU` (with either `reset_after`) or `LSTM`, one of
        their cells, an `RNN` around one or several of these, a `Bidirectional` of one; or a model,
        for the recurrent layers in `model.layers` and in models within it. What lies between a
        model's recurrent layers is not in the cells.
    dtype
        What the cells compute in: float64, to which narrower weights are promoted exactly, or
        float32, to which wider ones are rounded.

    Returns
    -------
    list of RNN, GRU or LSTM
        In the order of the layers, with a `Bidirectional` for each bidirectional one. The states h
        and c of Keras's LSTM are the state `[h, c]`, one row.

    Raises
    ------
    ModuleNotFoundError
        If Keras is not installed.
    NotImplementedError
        For a recurrent layer or cell of another kind, and for an activation other than `tanh` (or
        `relu` in a `SimpleRNN`) or a recurrent activation other than `sigmoid`.
    TypeError
        For anything else, such as a model without a recurrent layer.
    ValueError
        If a layer has not been built, or a weight is NaN or infinite.

    Notes
    -----
    Keras stacks a GRU's gates in the order z, r, h and keeps kernels transposed; the cells are in
    PyTorch's layout.
    """
    keras = framework("keras", "keras")
    target = validation.float_type(dtype)
    found = _cells(keras, layer, target)
    if not found:
        kind = f"{type(layer).__module__}.{type(layer).__qualname__}"
        raise TypeError(
            "layer must be a Keras SimpleRNN, GRU or LSTM, one of their cells, an RNN or a "
            f"Bidirectional of these, or a model with such layers, not {kind}"
        )
    return found


def _cells(keras: Any, layer: Any, dtype: np.dtype[Any]) -> list[Any]:
    """Return the cells in `layer`, none if it is not recurrent."""
    layers = keras.layers
    if isinstance(layer, keras.Model):
        return [cell for part in layer.layers for cell in _cells(keras, part, dtype)]
    if isinstance(layer, layers.Bidirectional):
        return [_bidirectional(keras, layer, dtype)]
    if isinstance(layer, layers.StackedRNNCells):
        return [_cell(keras, cell, dtype) for cell in layer.cells]
    if isinstance(layer, layers.RNN):
        return _cells(keras, layer.cell, dtype) or [_cell(keras, layer.cell, dtype)]
    if isinstance(layer, layers.SimpleRNNCell | layers.GRUCell | layers.LSTMCell):
        return [_cell(keras, layer, dtype)]
    return []


def _bidirectional(keras: Any, layer: Any, dtype: np.dtype[Any]) -> Bidirectional:
    forward = _cells(keras, layer.forward_layer, dtype)
    backward = _cells(keras, layer.backward_layer, dtype)
    if len(forward) != 1 or len(backward) != 1:
        raise NotImplementedError(
            f"{layer.name} is bidirectional around several cells at once; pass its forward_layer "
            "and its backward_layer, one after the other"
        )
    return Bidirectional(forward[0], backward[0])


def _cell(keras: Any, cell: Any, dtype: np.dtype[Any]) -> Cell:
    """Return the cell of a cell of Keras's own classes; one derived may step in another way."""
    layers = keras.layers
    makers = {layers.SimpleRNNCell: _rnn, layers.GRUCell: _gru, layers.LSTMCell: _lstm}
    make = makers.get(type(cell))
    if make is None:
        raise NotImplementedError(
            "from_keras takes the cells of SimpleRNN, GRU and LSTM, not "
            f"{type(cell).__module__}.{type(cell).__qualname__}"
        )
    if not cell.built:
        raise ValueError(
            f"{cell.name} has no weights yet: build its layer with .build((None, None, D)), or "
            "call it on data"
        )
    return make(keras, cell, dtype)


def _rnn(keras: Any, cell: Any, dtype: np.dtype[Any]) -> Cell:
    nonlinearity = _activation(keras, cell, "activation", "tanh", "relu")
    return cells.RNN(*_weights(cell, dtype), nonlinearity=nonlinearity)


def _lstm(keras: Any, cell: Any, dtype: np.dtype[Any]) -> Cell:
    _require_usual_gates(keras, cell)
    return cells.LSTM(*_weights(cell, dtype))


def _gru(keras: Any, cell: Any, dtype: np.dtype[Any]) -> Cell:
    _require_usual_gates(keras, cell)
    *weights, bias = _weights(cell, dtype)
    if bias is None:
        biases = []
    elif cell.reset_after:  # a row for the input's side, a row for the recurrent one
        biases = list(bias)
    else:
        biases = [bias]
    make = cells.GRU if cell.reset_after else cells.OriginalGRU
    return make(*(_reset_gate_first(array) for array in (*weights, *biases)))


def _reset_gate_first(array: Floats) -> Floats:
    """Turn rows in the order z, r, h into rows in the order r, z, n."""
    z, r, n = np.split(array, 3)
    return np.concatenate([r, z, n])


def _weights(cell: Any, dtype: np.dtype[Any]) -> tuple[Floats, Floats, Floats | None]:
    """Return both kernels, to multiply from the left, and the bias as Keras keeps it."""

    def weight(name: str) -> Floats:
        return parameter(f"{name} of {cell.name}", getattr(cell, name).value, dtype)

    bias = weight("bias") if cell.use_bias else None
    return weight("kernel").T, weight("recurrent_kernel").T, bias


def _require_usual_gates(keras: Any, cell: Any) -> None:
    _activation(keras, cell, "activation", "tanh")
    _activation(keras, cell, "recurrent_activation", "sigmoid")


def _activation(keras: Any, cell: Any, attribute: str, *supported: str) -> str:
    """Return which of the supported functions a cell's activation is."""
    function = getattr(cell, attribute)
    for name in supported:
        if function in {getattr(keras.activations, name), getattr(keras.ops, name)}:
            return name
    shown = getattr(function, "__name__", repr(function))
    raise NotImplementedError(
        f"{cell.name} has {attribute}={shown!r}; from_keras takes {' or '.join(supported)}"
    )
