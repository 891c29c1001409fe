"""Keras's layers become cells that do what the layers do; what cannot is refused clearly."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any, cast

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
    (pair,) = cast("list[nc.Bidirectional]", nc.from_keras(layer))
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


def sizes(thing: Any) -> list[tuple[int, int]]:
    return [(cell.input_size, cell.hidden_size) for cell in nc.from_keras(thing)]


class Block(layers.Layer):  # type: ignore[misc]
    """A layer of one's own around others."""

    def __init__(self, *inner: Any) -> None:
        super().__init__()
        self.inner = list(inner)

    def call(self, x: Any) -> Any:
        for layer in reversed(self.inner):
            x = layer(x)
        return x


def gru(units: int, **options: Any) -> Any:
    return layers.GRU(units, return_sequences=True, **options)


def test_recurrent_layers_within_other_layers_are_found() -> None:
    encoder = keras.Sequential([layers.Input((None, 3)), layers.GRU(4)])
    for inner in (encoder, layers.GRU(4)):
        model = keras.Sequential(
            [layers.Input((5, 6, 3)), layers.TimeDistributed(inner), layers.LSTM(7)]
        )
        assert sizes(model) == [(3, 4), (4, 7)]
        assert sizes(model.layers[0]) == [(3, 4)]
    x = layers.Input((6, 3))
    model = keras.Model(x, layers.LSTM(5)(Block(layers.Dense(2), gru(4))(x)))
    assert sizes(model) == [(3, 4), (2, 5)]
    assert sizes(model.layers[1]) == [(3, 4)]
    with pytest.raises(NotImplementedError, match=r"steps .*gru_cell.* in a way of its own"):
        nc.from_keras(Block(layers.GRUCell(4)))


def test_a_derived_model_keeps_its_order_unless_it_is_called_in_another_way() -> None:
    class Trained(keras.Sequential):  # type: ignore[misc]
        def train_step(self, *_: Any) -> dict[str, Any]:
            return {}

    class Turned(Trained):
        def call(self, x: Any, **_: Any) -> Any:
            return x

    parts = [layers.Input((6, 3)), gru(4), gru(5)]
    assert sizes(Trained(parts)) == [(3, 4), (4, 5)]
    with pytest.raises(ValueError, match="does not say in what order"):
        nc.from_keras(Turned(parts))


def test_an_order_is_not_guessed() -> None:
    top, bottom = gru(2, name="top"), gru(4, name="bottom")

    class Twisted(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.top, self.bottom = top, bottom

        def call(self, x: Any) -> Any:
            return self.top(self.bottom(x))

    for model in (Twisted(), Block(top, bottom)):
        model(tensor(np.zeros((1, 6, 3))))
        with pytest.raises(ValueError, match=r"pass them one by one \(top, bottom\)"):
            nc.from_keras(model)


def test_a_derived_layer_is_read_if_it_steps_as_its_parent() -> None:
    class Named(layers.LSTM):  # type: ignore[misc]
        pass

    class Clipped(layers.LSTM):  # type: ignore[misc]
        def call(self, *given: Any, **options: Any) -> Any:
            outputs, h, c = super().call(*given, **options)
            return outputs, h, keras.ops.clip(c, -2, 2)

    class Alone(layers.LSTM):  # type: ignore[misc]
        def call(self, *given: Any, **options: Any) -> Any:
            return super().call(*given, **options)[0]

    for options in ({}, {"return_sequences": True}, {"return_state": True}):
        layer = Named(4, **options)
        layer.build((None, None, 3))
        assert sizes(layer) == [(3, 4)]
        assert layer.return_state == ("return_state" in options)
    for layer, message in (
        (Alone(4), "could not be called on states and inputs|does not step as"),
        (Clipped(4), "does not step as the LSTM that its weights make.*from_function"),
        (Named(4, stateful=True), "cannot be checked where it is stateful"),
    ):
        layer.build((2, None, 3))
        with pytest.raises((ValueError, NotImplementedError), match=message):
            nc.from_keras(layer)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_cell_whose_step_was_changed_is_refused(kind: str) -> None:
    original = make(kind, 4, "Cell")
    original.build((None, 3))
    fill(original, 0)
    step = original.call

    def call(x: Any, states: Any, **options: Any) -> Any:
        h, after = step(x, states, **options)
        return h, [0.99 * part for part in after]

    original.call = call
    with pytest.raises(ValueError, match=r"does not step as the .* weights make.*from_function"):
        nc.from_keras(original)


def test_a_layer_is_left_as_it_is() -> None:
    layer = make("LSTM", 4, stateful=True, dropout=0.5, recurrent_dropout=0.5)
    layer(tensor(eighths((2, 5, 3), 0)), training=True)
    kept = [*layer.variables, layer.cell.seed_generator.state]
    before = [keras.ops.copy(variable.value) for variable in kept]
    nc.from_keras(layer)
    for variable, value in zip(kept, before, strict=True):
        assert torch.equal(variable.value, value)


@settings(max_examples=15)
@given(
    st.sampled_from(sorted(KINDS)),
    st.sampled_from(["float32", "mixed_bfloat16", "mixed_float16"]),
    st.sampled_from([1, 30]),
    st.sampled_from([1e-2, 1.0, 1e2, 1e4]),
    st.integers(0, 99),
)
def test_rounding_is_no_difference_however_large_the_weights(
    kind: str, policy: str, size: int, gain: float, seed: int
) -> None:
    original = make(kind, size, "Cell", dtype=policy)
    original.build((None, 3))
    for number, weight in enumerate(original.weights):
        weight.assign(gain * eighths(weight.shape, seed + number))
    for dtype in (np.float64, np.float32):
        assert len(nc.from_keras(original, dtype=dtype)) == 1


def test_an_activation_is_known_by_its_values() -> None:
    def tanh(x: Any) -> Any:
        return 1.01 * torch.tanh(x)

    alike = layers.GRU(
        2, activation=torch.tanh, recurrent_activation=lambda x: 1 / (1 + keras.ops.exp(-x))
    )
    other = layers.GRU(2, activation=tanh)
    for layer in (alike, other):
        layer.build((None, None, 3))
    assert sizes(alike) == [(3, 2)]
    with pytest.raises(
        NotImplementedError, match=r"activation=.*tanh at 0x.*from_keras takes tanh"
    ):
        nc.from_keras(other)
