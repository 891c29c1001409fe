"""PyTorch's modules become cells that do what the modules do; what cannot is refused clearly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import nullcline as nc


@settings(max_examples=20)
@given(
    st.integers(1, 4),
    st.integers(1, 6),
    st.integers(1, 5),
    st.booleans(),
    st.booleans(),
    st.integers(0, 99),
)
def test_every_layer_steps_as_the_module_does(
    layers: int, size: int, input_size: int, bias: bool, batch_first: bool, seed: int
) -> None:
    torch.manual_seed(seed)
    rnn = torch.nn.GRU(input_size, size, layers, bias=bias, batch_first=batch_first).double()
    h = torch.randn(layers, 3, size, dtype=torch.float64)
    x = torch.randn(3, input_size, dtype=torch.float64)
    with torch.no_grad():
        after = rnn(x[:, None] if batch_first else x[None], h)[1]
    below: Any = x
    for cell, state, expected in zip(nc.from_torch(rnn), h, after, strict=True):
        below = cell.step(state, below)
        np.testing.assert_allclose(below, expected.numpy(), rtol=0, atol=1e-13)


@pytest.mark.parametrize("bias", [True, False])
def test_a_cell_module(bias: bool) -> None:
    module = torch.nn.GRUCell(3, 4, bias=bias).double()
    (cell,) = nc.from_torch(module)
    h, x = torch.randn(5, 4).double(), torch.randn(5, 3).double()
    np.testing.assert_allclose(cell.step(h, x), module(x, h).detach().numpy(), atol=1e-14)


def test_a_module_in_training_with_dropout() -> None:
    rnn = torch.nn.GRU(3, 4, num_layers=2, dropout=0.5).train()
    assert [cell.input_size for cell in nc.from_torch(rnn)] == [3, 4]
    assert rnn.training


def test_the_type_to_compute_in() -> None:
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
def test_a_module_on_a_gpu() -> None:
    rnn = torch.nn.GRU(3, 4)
    h = np.full((1, 4), 0.25)
    expected = nc.from_torch(rnn)[0].step(h)
    np.testing.assert_array_equal(nc.from_torch(rnn.cuda())[0].step(h), expected)


@pytest.mark.parametrize(
    "module",
    [
        torch.nn.LSTM(3, 4),
        torch.nn.LSTM(3, 4, proj_size=2),
        torch.nn.RNN(3, 4),
        torch.nn.LSTMCell(3, 4),
        torch.nn.RNNCell(3, 4),
    ],
)
def test_other_recurrent_modules_are_refused(module: torch.nn.Module) -> None:
    name = type(module).__name__
    with pytest.raises(NotImplementedError, match=rf"torch.nn.GRU and .*GRUCell, not .*{name}"):
        nc.from_torch(module)


def test_a_bidirectional_gru_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="bidirectional=False"):
        nc.from_torch(torch.nn.GRU(3, 4, bidirectional=True))


def test_a_model_around_a_gru_is_refused_with_the_way_to_it() -> None:
    model = torch.nn.ModuleDict({"embed": torch.nn.Embedding(5, 3), "rnn": torch.nn.GRU(3, 4)})
    with pytest.raises(TypeError, match="pass the part of it that is one: rnn"):
        nc.from_torch(model)


@pytest.mark.parametrize("thing", [None, "gru.pt", np.zeros(3), torch.nn.Linear(2, 2), {}])
def test_anything_else_is_refused(thing: Any) -> None:
    with pytest.raises(TypeError, match=r"module must be a torch.nn.GRU or torch.nn.GRUCell"):
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
