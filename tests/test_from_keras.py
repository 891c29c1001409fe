"""Keras's layers become cells that do what the layers do; what cannot is refused clearly."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import nullcline as nc

os.environ["KERAS_BACKEND"] = "torch"  # the backend that the tests have; Keras reads it once
keras: Any = importlib.import_module("keras")
layers: Any = keras.layers

EPS = float(np.finfo(np.float32).eps)
"""Keras multiplies matrices in float32, in layers of float64 too (not on TensorFlow)."""

KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "RNN tanh": ("SimpleRNN", {"activation": "tanh"}),
    "RNN relu": ("SimpleRNN", {"activation": "relu"}),
    "GRU, reset after": ("GRU", {"reset_after": True}),
    "GRU, reset before": ("GRU", {"reset_after": False}),
    "LSTM": ("LSTM", {}),
}


def make(kind: str, units: int, suffix: str = "", **options: Any) -> Any:
    name, arguments = KINDS[kind]
    return getattr(layers, name + suffix)(units, **arguments, **options)


def eighths(shape: Any, seed: int) -> Any:
    """Return numbers in [-1, 1] whose products add up exactly, in float32 too."""
    return np.random.default_rng(seed).integers(-8, 9, shape) / 8


def fill(layer: Any, seed: int) -> None:
    """Give every weight a random value; biases start at zero or one."""
    for number, weight in enumerate(layer.weights):
        weight.assign(eighths(weight.shape, seed + number))


def tensor(array: Any) -> Any:
    return torch.from_numpy(array).float()


def rows(parts: Any) -> Any:
    """Return a layer's states as one array (n, S); of an LSTM [h, c]."""
    return torch.cat(list(parts), dim=1).detach().numpy().astype(np.float64)


@pytest.mark.parametrize("kind", sorted(KINDS))
@settings(max_examples=15)
@given(
    st.integers(1, 6),
    st.integers(1, 5),
    st.booleans(),
    st.sampled_from([1, 2]),
    st.integers(0, 99),
)
def test_a_cell_steps_as_keras_does(
    kind: str, size: int, input_size: int, use_bias: bool, implementation: int, seed: int
) -> None:
    options = {} if "RNN" in kind else {"implementation": implementation}
    original = make(kind, size, "Cell", use_bias=use_bias, **options)
    original.build((None, input_size))
    fill(original, seed)
    parts = 2 if kind == "LSTM" else 1
    states = [tensor(eighths((3, size), seed + part)) for part in range(10, 10 + parts)]
    x = eighths((3, input_size), seed + 20)
    expected = rows(original(tensor(x), states)[1])
    (cell,) = nc.from_keras(original)
    # The sums are exact but for one of r ∘ h; what is left is the rounding of gates and products.
    atol = 4 * EPS * (size if kind == "GRU, reset before" else 1)
    np.testing.assert_allclose(cell.step(rows(states), x), expected, rtol=0, atol=atol)


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("go_backwards", [False, True])
def test_a_layer_reads_a_sequence_step_by_step(kind: str, go_backwards: bool) -> None:
    layer = make(
        kind, 4, return_state=True, go_backwards=go_backwards, dropout=0.5, recurrent_dropout=0.5
    )
    x = eighths((2, 3, 3), 0)
    layer.build(x.shape)
    fill(layer, 1)
    (cell,) = nc.from_keras(layer)
    state = np.zeros((2, sum(layer.state_size)))
    for step in range(3):
        state = cell.step(state, x[:, -1 - step if go_backwards else step])
    np.testing.assert_allclose(state, rows(layer(tensor(x))[1:]), rtol=0, atol=64 * EPS)


def test_a_stateful_layer_is_read() -> None:
    layer = make("GRU, reset after", 4, stateful=True)
    layer.build((2, None, 3))
    assert [cell.input_size for cell in nc.from_keras(layer)] == [3]


def test_both_directions_are_cells() -> None:
    layer = layers.Bidirectional(make("LSTM", 4, return_state=True))
    x = eighths((2, 1, 3), 0)
    layer.build(x.shape)
    fill(layer, 1)
    (pair,) = nc.from_keras(layer)
    states = layer(tensor(x))[1:]
    for cell, expected in ((pair.forward, states[:2]), (pair.backward, states[2:])):
        step = cell.step(np.zeros((2, 8)), x[:, 0])
        np.testing.assert_allclose(step, rows(expected), rtol=0, atol=4 * EPS)


def test_several_cells_in_one_layer_are_read_in_order() -> None:
    stack = [make("LSTM", 4, "Cell"), make("GRU, reset after", 2, "Cell")]
    layer = layers.RNN(stack)
    layer.build((None, None, 3))
    assert [(cell.input_size, cell.hidden_size) for cell in nc.from_keras(layer)] == [
        (3, 4),
        (4, 2),
    ]
    with pytest.raises(NotImplementedError, match="pass its forward_layer and its backward_layer"):
        nc.from_keras(layers.Bidirectional(layer))


def test_the_recurrent_layers_of_a_model_are_found() -> None:
    inner = keras.Sequential([layers.Input((None, 5)), make("GRU, reset before", 2)])
    model = keras.Sequential(
        [
            layers.Input((None, 3)),
            make("LSTM", 4, return_sequences=True),
            layers.Dense(5),
            inner,
            layers.Dense(1),
        ]
    )
    assert [(cell.input_size, cell.hidden_size) for cell in nc.from_keras(model)] == [
        (3, 4),
        (5, 2),
    ]


def test_the_type_to_compute_in_is_the_one_asked_for() -> None:
    layer = layers.GRU(4, dtype="mixed_bfloat16")
    layer.build((None, None, 3))
    for dtype in (np.float64, np.float32):
        (cell,) = nc.from_keras(layer, dtype=dtype)
        assert cell.dtype == dtype
    with pytest.raises(TypeError, match=r"dtype must be numpy.float64 or numpy.float32"):
        nc.from_keras(layer, dtype=np.float16)


def test_narrow_weights_are_promoted_exactly() -> None:
    layer = layers.SimpleRNN(1, dtype="bfloat16", recurrent_initializer="uniform")
    layer.build((None, None, 1))
    kernel, recurrent = (
        weight.value.detach().double().numpy()
        for weight in (layer.cell.kernel, layer.cell.recurrent_kernel)
    )
    (cell,) = nc.from_keras(layer)
    h, x = np.full((1, 1), 0.25), np.full((1, 1), 0.5)
    expected = np.tanh(kernel * x + recurrent * h)
    np.testing.assert_allclose(cell.step(h, x), expected, rtol=1e-15)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (layers.SimpleRNN(2, activation="elu"), "activation='elu'.*takes tanh or relu"),
        (layers.SimpleRNN(2, activation=None), "activation='linear'"),
        (layers.GRU(2, activation="relu"), "activation='relu'.*takes tanh"),
        (layers.LSTM(2, activation="relu"), "activation='relu'.*takes tanh"),
        (layers.GRU(2, recurrent_activation="hard_sigmoid"), "recurrent_activation='hard_sigmoid'"),
        (layers.LSTM(2, recurrent_activation="tanh"), "recurrent_activation='tanh'.*sigmoid"),
    ],
)
def test_other_activations_are_refused(layer: Any, message: str) -> None:
    layer.build((None, None, 3))
    with pytest.raises(NotImplementedError, match=message):
        nc.from_keras(layer)


def test_activations_by_another_name_are_known() -> None:
    layer = layers.GRU(2, activation=keras.ops.tanh, recurrent_activation=keras.ops.sigmoid)
    layer.build((None, None, 3))
    assert len(nc.from_keras(layer)) == 1


@pytest.mark.parametrize(
    "layer",
    [layers.GRU(2, name="memory"), keras.Sequential([layers.LSTM(2, name="memory")])],
)
def test_a_layer_has_to_be_built(layer: Any) -> None:
    with pytest.raises(ValueError, match="has no weights yet: build its layer"):
        nc.from_keras(layer)


def test_other_cells_are_refused() -> None:
    class Derived(layers.GRUCell):  # type: ignore[misc]
        pass

    for cell in (Derived(2), layers.ConvLSTM1D(2, 3).cell):
        with pytest.raises(NotImplementedError, match=f"not .*{type(cell).__name__}"):
            nc.from_keras(layers.RNN(cell))


@pytest.mark.parametrize(
    "thing", [None, "gru.keras", np.zeros(3), layers.Dense(2), keras.Sequential([layers.Dense(2)])]
)
def test_anything_else_is_refused(thing: Any) -> None:
    with pytest.raises(TypeError, match="layer must be a Keras SimpleRNN, GRU or LSTM"):
        nc.from_keras(thing)


def test_weights_that_are_not_finite_are_refused() -> None:
    layer = layers.LSTM(2, name="memory")
    layer.build((None, None, 3))
    recurrent = np.zeros((2, 8))
    recurrent[1, 5] = np.nan
    layer.cell.recurrent_kernel.assign(recurrent)
    with pytest.raises(ValueError, match=r"recurrent_kernel of .* must be finite.*\[1, 5\]"):
        nc.from_keras(layer)


def test_a_missing_package_is_named_with_its_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'nullcline\[keras\]'"):
        nc.from_keras(None)
