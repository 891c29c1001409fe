"""Cells from the layers of Keras 3, whatever its backend."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline import cells
from nullcline._support import validation
from nullcline.cells.bidirectional import Bidirectional
from nullcline.interop._activations import activation
from nullcline.interop._agreement import BFLOAT16, HALF, REMEDY, SINGLE, require_same_step
from nullcline.interop._frameworks import framework
from nullcline.interop._parameters import parameter

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from nullcline._support.validation import Floats
    from nullcline.cells import CompiledCell


def from_keras(layer: Any, *, dtype: DTypeLike = np.float64) -> list[cells.CompiledCell]:
    """Make cells of a layer or a model of Keras 3, one per recurrent layer.

    Dropout acts in training alone and is left out; `go_backwards`, `stateful`, `unroll` and masks
    decide what a layer reads when, not how it steps. Weights are copied. Each cell is checked
    against Keras's own, which is called on a few states and inputs, and so is a layer of a class
    derived from Keras's with a `call` of its own.

    Parameters
    ----------
    layer
        A built `SimpleRNN` (`tanh` or `relu`), `GRU` (with either `reset_after`) or `LSTM`, one of
        their cells, an `RNN` around one or several of these, a `Bidirectional` of one; or a model
        or any other layer, such as a `TimeDistributed`, for the recurrent layers in it. Where a
        class has a `call` of its own, there must be but one, since the order in which that calls
        several cannot be told. What lies between recurrent layers is not in the cells.
    dtype
        What the cells compute in: float64, to which narrower weights are promoted exactly, or
        float32, to which wider ones are rounded.

    Returns
    -------
    list of RNN, GRU or LSTM
        In the order in which data pass through the layers, with a `Bidirectional` for each
        bidirectional one. The states h and c of Keras's LSTM are the state `[h, c]`, one row.

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
        If a layer has not been built, a weight is NaN or infinite, several recurrent layers are in
        a model whose order cannot be told, or a layer does not step as its weights say.

    Notes
    -----
    Keras stacks a GRU's gates in the order z, r, h and keeps kernels transposed; the cells are in
    PyTorch's layout.
    """
    keras = framework("keras", "keras")
    target = validation.float_type(dtype)
    found = [cell for part in _recurrent(keras, layer) for cell in _cells(keras, part, target)]
    if not found:
        kind = f"{type(layer).__module__}.{type(layer).__qualname__}"
        raise TypeError(
            "layer must be a Keras SimpleRNN, GRU or LSTM, one of their cells, an RNN or a "
            f"Bidirectional of these, or a model with such layers, not {kind}"
        )
    return found


def _recurrent(keras: Any, layer: Any) -> list[Any]:
    """Return the recurrent layers in a layer or a model, or itself, in the order of the data."""
    layers = keras.layers
    if _is_cell(keras, layer) or isinstance(layer, layers.RNN | layers.Bidirectional):
        return [layer]
    if not isinstance(layer, layers.Layer):
        return []
    parts = layer.layers if isinstance(layer, keras.Model) else _inner_layers(layer)
    every = [inner for part in parts for inner in _recurrent(keras, part)]
    found = list({id(inner): inner for inner in every}.values())
    loose = [part.name for part in found if _is_cell(keras, part)]
    if loose:
        raise NotImplementedError(
            f"{layer.name} steps {', '.join(loose)} in a way of its own: pass the cell, if it is "
            "the network, or a function that makes the layer's step to nullcline.from_function"
        )
    if len(found) > 1 and not _calls_in_order(keras, layer):
        names = ", ".join(part.name for part in found)
        raise ValueError(
            f"{layer.name} has a call of its own, which does not say in what order data pass "
            f"through its recurrent layers: pass them one by one ({names})"
        )
    return found


def _is_cell(keras: Any, layer: Any) -> bool:
    layers = keras.layers
    cells = (layers.SimpleRNNCell, layers.GRUCell, layers.LSTMCell, layers.StackedRNNCells)
    return isinstance(layer, cells)


def _inner_layers(layer: Any) -> list[Any]:
    return list(layer._flatten_layers(include_self=False, recursive=False))


def _calls_in_order(keras: Any, model: Any) -> bool:
    """Whether data pass through `model.layers` in that order: in sequential and functional ones."""
    kept = str(type(model).call.__module__).startswith("keras.")
    return kept and (isinstance(model, keras.Sequential) or hasattr(model, "operations"))


def _is_derived(layer: Any) -> bool:
    """Whether a layer is of a class that is not Keras's, which may step in another way."""
    return not type(layer).__module__.startswith("keras.")


def _cells(keras: Any, layer: Any, dtype: np.dtype[Any]) -> list[Any]:
    """Return the cells of a recurrent layer."""
    layers = keras.layers
    if isinstance(layer, layers.Bidirectional):
        return [_bidirectional(keras, layer, dtype)]
    if isinstance(layer, layers.StackedRNNCells):
        return [_cell(keras, cell, dtype) for cell in layer.cells]
    if not isinstance(layer, layers.RNN):
        return [_cell(keras, layer, dtype)]
    found = _cells(keras, layer.cell, dtype)
    if _is_derived(layer):
        _require_called_alike(keras, layer, found)
    return found


def _bidirectional(keras: Any, layer: Any, dtype: np.dtype[Any]) -> Bidirectional:
    if _is_derived(layer):
        raise NotImplementedError(
            f"{layer.name} is of a class derived from Bidirectional, which may step in another "
            "way; pass its forward_layer and its backward_layer, one after the other"
        )
    forward = _cells(keras, layer.forward_layer, dtype)
    backward = _cells(keras, layer.backward_layer, dtype)
    if len(forward) != 1 or len(backward) != 1:
        raise NotImplementedError(
            f"{layer.name} is bidirectional around several cells at once; pass its forward_layer "
            "and its backward_layer, one after the other"
        )
    return Bidirectional(forward[0], backward[0])


def _cell(keras: Any, cell: Any, dtype: np.dtype[Any]) -> CompiledCell:
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
    found = make(keras, cell, dtype)
    require_same_step(cell.name, found, partial(_step, keras, cell), _roundoff(cell))
    return found


def _step(keras: Any, cell: Any, states: Floats, inputs: Floats) -> Floats:
    """Return a Keras cell's own next states."""
    x, *parts = (_tensor(keras, cell, part) for part in (inputs, *_parts(cell, states)))
    _, after = cell(x, parts, training=False)
    return _rows(keras, after)


def _require_called_alike(keras: Any, layer: Any, found: list[Any]) -> None:
    """Raise unless a layer of a derived class makes of one input what its cell does."""
    if len(found) != 1 or layer.stateful:
        raise NotImplementedError(
            f"{layer.name} is of a class derived from Keras's, which cannot be checked where it is "
            f"stateful or around several cells; {REMEDY}"
        )

    def step(states: Floats, inputs: Floats) -> Floats:
        x, *parts = (
            _tensor(keras, layer.cell, part) for part in (inputs, *_parts(layer.cell, states))
        )
        _, *after = layer(x[:, None], initial_state=parts, training=False)
        return _rows(keras, after)

    returns_state = layer.return_state
    layer.return_state = True
    try:
        require_same_step(layer.name, found[0], step, _roundoff(layer.cell))
    finally:
        layer.return_state = returns_state


def _parts(cell: Any, states: Floats) -> list[Floats]:
    return np.split(states, 2, axis=1) if isinstance(cell.state_size, list | tuple) else [states]


def _tensor(keras: Any, cell: Any, array: Floats) -> Any:
    return keras.ops.convert_to_tensor(array, dtype=cell.compute_dtype)


def _rows(keras: Any, parts: Any) -> Floats:
    if not isinstance(parts, list | tuple):
        parts = [parts]
    return np.concatenate([_array(keras, part) for part in parts], axis=1)


def _array(keras: Any, tensor: Any) -> Floats:
    single = keras.ops.cast(tensor, "float32")
    if validation.is_tensor(single):
        single = single.detach().cpu()
        return np.asarray(single.numpy(), np.float64)
    return np.asarray(keras.ops.convert_to_numpy(single), np.float64)


def _roundoff(cell: Any) -> float:
    """Return the unit roundoff of a cell's steps, whose products are in float32 at best."""
    return {"float16": HALF, "bfloat16": BFLOAT16}.get(cell.compute_dtype, SINGLE)


def _rnn(keras: Any, cell: Any, dtype: np.dtype[Any]) -> CompiledCell:
    nonlinearity = _activation(keras, cell, "activation", "tanh", "relu")
    return cells.RNN(*_weights(cell, dtype), nonlinearity=nonlinearity)


def _lstm(keras: Any, cell: Any, dtype: np.dtype[Any]) -> CompiledCell:
    _require_usual_gates(keras, cell)
    return cells.LSTM(*_weights(cell, dtype))


def _gru(keras: Any, cell: Any, dtype: np.dtype[Any]) -> CompiledCell:
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

    def values(x: Floats) -> Floats:
        return _rows(keras, function(keras.ops.convert_to_tensor(x[:, None], dtype="float32")))

    found = activation(values, supported)
    if found is None:
        name = getattr(function, "__name__", None)
        shown = repr(function if name in {None, *supported} else name)
        raise NotImplementedError(
            f"{cell.name} has {attribute}={shown}; from_keras takes {' or '.join(supported)}"
        )
    return found
