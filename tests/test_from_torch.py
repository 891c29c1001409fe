"""PyTorch's modules become cells that do what the modules do; what cannot is refused clearly."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import nullcline as nc
from nullcline.training.ugrnn import UGRNN

STACKS: dict[str, Any] = {
    "RNN tanh": partial(torch.nn.RNN, nonlinearity="tanh"),
    "RNN relu": partial(torch.nn.RNN, nonlinearity="relu"),
    "GRU": torch.nn.GRU,
    "LSTM": torch.nn.LSTM,
}


def rows(state: Any) -> Any:
    """Return a module's state as arrays (n, S), one a layer and direction; of an LSTM [h, c]."""
    parts = state if isinstance(state, tuple) else (state,)
    return torch.cat([part.detach() for part in parts], dim=-1).numpy()


@pytest.mark.parametrize("kind", sorted(STACKS))
@settings(max_examples=15)
@given(
    st.integers(1, 4),
    st.integers(1, 6),
    st.integers(1, 5),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.integers(0, 99),
)
def test_every_layer_steps_as_the_module_does(
    kind: str,
    layers: int,
    size: int,
    input_size: int,
    bias: bool,
    batch_first: bool,
    bidirectional: bool,
    seed: int,
) -> None:
    torch.manual_seed(seed)
    rnn = STACKS[kind](
        input_size, size, layers, bias=bias, batch_first=batch_first, bidirectional=bidirectional
    ).double()
    directions = 2 if bidirectional else 1
    h, c = torch.randn(2, layers * directions, 3, size, dtype=torch.float64)
    state = (h, c) if kind == "LSTM" else h
    x = torch.randn(3, input_size, dtype=torch.float64)
    before, after = rows(state), rows(rnn(x[:, None] if batch_first else x[None], state)[1])
    below: Any = x.numpy()
    entries = nc.from_torch(rnn)
    assert len(entries) == layers
    for layer, entry in enumerate(entries):
        assert isinstance(entry, nc.Bidirectional) == bidirectional
        outputs = []
        for direction, cell in enumerate(entry if bidirectional else (entry,)):
            index = layer * directions + direction
            step = cell.step(before[index], below)
            np.testing.assert_allclose(step, after[index], rtol=0, atol=1e-13)
            outputs.append(step[:, :size])
        below = np.hstack(outputs)


CELLS: dict[str, Any] = {
    "RNN tanh": partial(torch.nn.RNNCell, nonlinearity="tanh"),
    "RNN relu": partial(torch.nn.RNNCell, nonlinearity="relu"),
    "GRU": torch.nn.GRUCell,
    "LSTM": torch.nn.LSTMCell,
}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", sorted(CELLS))
def test_a_cell_module_steps_as_torch_does(kind: str, bias: bool) -> None:
    module = CELLS[kind](3, 4, bias=bias).double()
    (cell,) = nc.from_torch(module)
    h, c = torch.randn(2, 5, 4).double()
    state = (h, c) if kind == "LSTM" else h
    x = torch.randn(5, 3).double()
    expected = rows(module(x, state))
    np.testing.assert_allclose(cell.step(rows(state), x.numpy()), expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("layers", [1, 3])
def test_our_update_gate_network_is_read(layers: int) -> None:
    module = UGRNN(3, 4, layers).double()
    h, x = torch.randn(layers, 5, 4).double(), torch.randn(5, 3).double()
    below: Any = x.numpy()
    after = rows(module(x[None], h)[1])
    for cell, state, expected in zip(nc.from_torch(module), rows(h), after, strict=True):
        below = cell.step(state, below)
        np.testing.assert_allclose(below, expected, rtol=0, atol=1e-14)


def test_weights_that_are_computed_from_others_are_read_as_computed() -> None:
    module = torch.nn.utils.parametrizations.weight_norm(torch.nn.GRU(3, 4), "weight_hh_l0")
    with torch.no_grad():
        module.parametrizations.weight_hh_l0.original0.mul_(2)
    (cell,) = nc.from_torch(module)
    np.testing.assert_array_equal(cell.weight_hh, module.weight_hh_l0.detach().double().numpy())


def test_a_module_in_training_with_dropout_is_read_and_left_in_training() -> None:
    rnn = torch.nn.GRU(3, 4, num_layers=2, dropout=0.5).train()
    assert [cell.input_size for cell in nc.from_torch(rnn)] == [3, 4]
    assert rnn.training


def test_the_type_to_compute_in_is_the_one_asked_for() -> None:
    rnn = torch.nn.GRU(3, 4)
    assert nc.from_torch(rnn)[0].dtype == np.float64
    assert nc.from_torch(rnn, dtype=np.float32)[0].dtype == np.float32
    with pytest.raises(TypeError, match=r"dtype must be numpy.float64 or numpy.float32"):
        nc.from_torch(rnn, dtype=np.float16)


@pytest.mark.parametrize("narrow", [torch.float16, torch.bfloat16])
def test_narrow_parameters_are_promoted_exactly(narrow: torch.dtype) -> None:
    rnn = torch.nn.GRU(3, 4).to(narrow)
    h = np.full((1, 4), 0.25)
    wide = torch.nn.GRU(3, 4).double()
    wide.load_state_dict({name: value.double() for name, value in rnn.state_dict().items()})
    np.testing.assert_array_equal(nc.from_torch(rnn)[0].step(h), nc.from_torch(wide)[0].step(h))


def test_the_module_is_left_alone() -> None:
    rnn = torch.nn.GRU(3, 4)
    before = {name: value.clone() for name, value in rnn.state_dict().items()}
    cell = nc.from_torch(rnn)[0]
    step = cell.step(np.zeros((1, 4)))
    assert all(parameter.requires_grad for parameter in rnn.parameters())
    for name, value in rnn.state_dict().items():
        assert torch.equal(value, before[name])
    with torch.no_grad():
        for parameter in rnn.parameters():
            parameter.zero_()
    np.testing.assert_array_equal(cell.step(np.zeros((1, 4))), step)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_module_on_a_gpu_is_read_as_on_the_host() -> None:
    rnn = torch.nn.GRU(3, 4)
    h = np.full((1, 4), 0.25)
    expected = nc.from_torch(rnn)[0].step(h)
    np.testing.assert_array_equal(nc.from_torch(rnn.cuda())[0].step(h), expected)


def test_a_projection_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="proj_size=2"):
        nc.from_torch(torch.nn.LSTM(3, 4, proj_size=2))


def test_another_recurrent_module_is_refused() -> None:
    class Other(torch.nn.RNNCellBase):
        pass

    with pytest.raises(NotImplementedError, match=r"RNN, GRU or LSTM.*, not .*Other"):
        nc.from_torch(Other(3, 4, bias=True, num_chunks=1))


def test_a_direction_has_to_be_chosen() -> None:
    entries = nc.from_torch(torch.nn.GRU(3, 4, bidirectional=True))
    with pytest.raises(TypeError, match=r"choose \.forward or \.backward"):
        nc.find_fixed_points(entries[0], np.zeros((1, 4)))


def test_a_model_around_a_gru_is_refused_with_the_way_to_it() -> None:
    model = torch.nn.ModuleDict({"embed": torch.nn.Embedding(5, 3), "rnn": torch.nn.GRU(3, 4)})
    with pytest.raises(TypeError, match="pass the part of it that is one: rnn"):
        nc.from_torch(model)


@pytest.mark.parametrize("thing", [None, "gru.pt", np.zeros(3), torch.nn.Linear(2, 2), {}])
def test_anything_else_is_refused(thing: Any) -> None:
    with pytest.raises(TypeError, match=r"module must be a torch.nn.RNN, GRU or LSTM"):
        nc.from_torch(thing)


def test_parameters_without_values_are_refused() -> None:
    with pytest.raises(ValueError, match="weight_ih_l0 lies on the meta device"):
        nc.from_torch(torch.nn.GRU(3, 4, device="meta"))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_parameters_that_are_not_finite_are_refused(value: float) -> None:
    rnn = torch.nn.GRU(3, 4, num_layers=2)
    with torch.no_grad():
        dict(rnn.named_parameters())["bias_hh_l1"][7] = value
    with pytest.raises(ValueError, match=r"bias_hh_l1 must be finite.*\[7\]"):
        nc.from_torch(rnn)


def test_a_missing_package_is_named_with_its_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'nullcline\[torch\]'"):
        nc.from_torch(torch.nn.GRU(3, 4))
