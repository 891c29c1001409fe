"""Modules as they are found in repositories: forms of states and answers, orders, and copies."""

from __future__ import annotations

import pickle
import warnings
from collections import OrderedDict
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import nullcline as nc
from nullcline._support import nested
from nullcline.interop import FunctionWarning

D, H = 2, 4


@dataclass
class Pair:
    """A state of two arrays."""

    h: torch.Tensor
    trace: torch.Tensor


@dataclass
class Answer:
    """What a model returns, the state first and an output of the same shape behind it."""

    hidden_state: torch.Tensor
    logits: torch.Tensor


class Named(OrderedDict[str, Any]):
    """A mapping that is read by places too."""

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(key) if isinstance(key, str) else list(self.values())[key]


class Network(nn.Module):
    """What all of these step by: h' = tanh(read x + recur h) / 2 + h / 2 + h² / 9."""

    def __init__(self, reads: int = D) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.read = nn.Linear(reads, H) if reads else nn.Identity()
        self.recur = nn.Linear(H, H)

    def step(self, x: Any, h: Any) -> Any:
        driven = self.recur(h) + (self.read(x) if x.shape[-1] else 0)
        return torch.tanh(driven) / 2 + h / 2 + h**2 / 9


class OfDataclass(Network):
    def forward(self, x: Any, state: Pair) -> Any:
        h = self.step(x, state.h) - state.trace / 9
        return h.sum(dim=1), Pair(h, 0.9 * state.trace + 0.1 * h)


class AnswersByName(Network):
    def forward(self, x: Any, hidden_state: Any = None) -> Any:
        h = x.new_zeros(len(x), H) if hidden_state is None else hidden_state
        h = self.step(x, h)
        return Answer(h, -h)


class AnswersInMapping(AnswersByName):
    def forward(self, x: Any, hidden_state: Any = None) -> Any:
        answer = super().forward(x, hidden_state)
        return Named(hidden_state=answer.hidden_state, logits=answer.logits)


class InputSecond(Network):
    def forward(self, x: Any, u: Any) -> Any:
        return self.step(u, x)


class OfUnknownOrder(Network):
    def forward(self, p: Any, q: Any) -> Any:
        return self.step(q, p)


class OfSeveralArguments(Network):
    def forward(self, x: Any, rate: Any, fatigue: Any = None) -> Any:
        h = self.step(x, rate) - fatigue / 9
        return h, 0.9 * fatigue + 0.1 * h


class Alone(Network):
    def forward(self, z: Any) -> Any:
        return self.step(z[..., :0], z)


class OfEmptyInputs(Network):
    def forward(self, x: Any, h: Any = None) -> Any:
        assert x.shape[-1] == 0
        return self.step(x, h)


class Masked(Network):
    """Its tensors are in a list, and one of its matrices is sparse."""

    def __init__(self) -> None:
        super().__init__()
        self.masks = [torch.ones(H), torch.linspace(0.5, 1, H)]
        self.register_buffer("sparse", torch.eye(H).to_sparse())

    def forward(self, x: Any, h: Any) -> Any:
        kept = torch.sparse.mm(self.sparse, h.T).T
        return self.step(x, kept) * self.masks[1]


class Silent(Network):
    """Its `eval` and its `to` return nothing."""

    def eval(self) -> Any:
        super().eval()

    def to(self, *_: Any, **__: Any) -> Any:
        return None

    def forward(self, x: Any, h: Any) -> Any:
        return self.step(x, h)


class SpikesBehind(Network):
    def forward(self, x: Any, h: Any) -> Any:
        h = self.step(x, h)
        return h, h > 0


class InPlace(Network):
    def forward(self, x: Any, h: Any) -> Any:
        h.copy_(self.step(x, h.clone()))
        x.zero_()
        return h


class OfComplexWeights(nn.Module):
    """A diagonal linear recurrent unit, its real and imaginary parts side by side."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.decay = nn.Parameter(torch.randn(H, dtype=torch.complex64) / 3)
        self.turn = torch.randn(H, dtype=torch.complex64)  # an attribute alone

    def forward(self, x: Any, h: Any) -> Any:
        z = self.decay * torch.complex(*h.chunk(2, dim=1)) + self.turn * x
        return torch.cat([z.real, z.imag], dim=1)


class SaysSizes(nn.Module):
    """An LSTM that says what its state is by a tuple, as Keras' cells do, or its configuration."""

    def __init__(self, *, by_tuple: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.cell = nn.LSTMCell(D, H)
        self.config = SimpleNamespace(input_size=D, hidden_size=H)
        if by_tuple:
            self.config, self.state_size = SimpleNamespace(input_size=D), (H, H)

    def forward(self, inputs: Any, states: Any) -> Any:
        return self.cell(inputs, states)


def stepped(module: Any, x: Any, h: Any) -> Any:
    """Return the step of all of these, in float64."""
    network = module.double()
    with torch.no_grad():
        return network.step(torch.from_numpy(x), torch.from_numpy(h)).numpy()


def rows(n_inputs: int = D) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(3, n_inputs)), rng.normal(size=(3, H))


@pytest.mark.parametrize(
    ("kind", "n_inputs", "state"),
    [
        (AnswersByName, D, None),
        (AnswersByName, D, H),
        (AnswersInMapping, D, None),
        (InputSecond, D, H),
        (OfUnknownOrder, D, H),
        (Alone, 0, H),
        (OfEmptyInputs, 0, H),
        (Silent, D, H),
        (SpikesBehind, D, H),
        (InPlace, D, H),
    ],
)
def test_a_module_is_stepped_whatever_its_order_and_answer(
    kind: Any, n_inputs: int, state: Any
) -> None:
    cell = nc.from_module(kind(n_inputs), n_inputs, state, native=False)
    x, h = rows(n_inputs)
    expected = stepped(kind(n_inputs), x, h)
    np.testing.assert_allclose(cell.step(h, x), expected, rtol=0, atol=1e-14)
    again = pickle.loads(pickle.dumps(cell))  # noqa: S301 - our own
    np.testing.assert_array_equal(again.step(h, x), cell.step(h, x))


def test_a_state_may_be_a_dataclass() -> None:
    cell: Any = nc.from_module(OfDataclass(), D, Pair(torch.zeros(1, H), torch.zeros(1, H)))
    assert cell.parts.names == ["h", "trace"]
    rng = np.random.default_rng(0)
    state: Any = cell.split(rng.normal(size=(3, 2 * H)))
    assert isinstance(state, Pair)
    module = OfDataclass().double()
    x = rng.normal(size=(3, D))
    _, after = module(torch.from_numpy(x), Pair(*map(torch.tensor, (state.h, state.trace))))
    np.testing.assert_allclose(cell.step(cell.join(state), x), cell.join(after), atol=1e-14)


def test_parts_of_a_state_may_be_arguments_of_any_name() -> None:
    cell: Any = nc.from_module(OfSeveralArguments(), D, (H, H))
    assert cell.parts.names == ["rate", "fatigue"]
    x, h = rows()
    found = cell.split(cell.step(np.hstack([h, h]), x))
    expected = stepped(OfSeveralArguments(), x, h) - h / 9
    np.testing.assert_allclose(found[0], expected, atol=1e-14)


def test_an_order_that_names_and_sizes_leave_open_is_told() -> None:
    with pytest.warns(FunctionWarning, match="taken to take input and state in this order"):
        nc.from_module(OfUnknownOrder(H), H, H)


def test_tensors_in_lists_and_sparse_ones_are_read() -> None:
    cell = nc.from_module(Masked(), D, H)
    x, h = rows()
    expected = stepped(Masked(), x, h) * np.linspace(0.5, 1, H, dtype=np.float32)
    np.testing.assert_allclose(cell.step(h, x), expected, rtol=0, atol=1e-14)


def test_a_parametrized_module_pickles_and_stays_parametrized() -> None:
    module = InputSecond()
    nn.utils.parametrizations.orthogonal(module.recur)
    x, h = rows()
    with torch.no_grad():
        expected = module(torch.from_numpy(h).float(), torch.from_numpy(x).float()).numpy()
    cell = nc.from_module(module, D, H, native=False)
    again = pickle.loads(pickle.dumps(cell))  # noqa: S301 - our own
    np.testing.assert_allclose(again.step(h, x), expected, atol=1e-6)
    assert nn.utils.parametrize.is_parametrized(module.recur)
    assert module.recur.weight.shape == (H, H)


def test_torchscript_pickles() -> None:
    x, h = rows()
    example = torch.from_numpy(x).float(), torch.from_numpy(h).float()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch wants us to leave TorchScript
        trace: Any = torch.jit.trace
        traced = trace(nn.GRUCell(D, H), example)
    cell = nc.from_module(traced, D, H, native=False)
    again = pickle.loads(pickle.dumps(cell))  # noqa: S301 - our own
    np.testing.assert_array_equal(again.step(h, x), cell.step(h, x))


def test_weights_that_are_complex_stay_so() -> None:
    cell = nc.from_module(OfComplexWeights(), 1, 2 * H)
    rng = np.random.default_rng(0)
    x, h = rng.normal(size=(3, 1)), rng.normal(size=(3, 2 * H))
    module = OfComplexWeights()
    decay, turn = module.decay.detach().numpy().astype(complex), module.turn.numpy().astype(complex)
    z = decay * (h[:, :H] + 1j * h[:, H:]) + turn * x
    np.testing.assert_allclose(cell.step(h, x), np.hstack([z.real, z.imag]), atol=1e-14)


@pytest.mark.parametrize("by_tuple", [True, False])
def test_sizes_may_be_a_tuple_or_in_a_configuration(by_tuple: bool) -> None:
    assert isinstance(nc.from_module(SaysSizes(by_tuple=by_tuple)), nc.LSTM)


def test_a_module_without_values_yet_is_refused() -> None:
    module = InputSecond()
    module.read = nn.LazyLinear(H)
    with pytest.raises(ValueError, match="has lazy parameters: call it once before"):
        nc.from_module(module, D, H)


def test_a_model_of_tokens_is_told_apart_from_its_recurrent_part() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words, self.rnn = nn.Embedding(9, D), nn.GRU(D, H)

        def forward(self, tokens: Any, hidden: Any) -> Any:
            return self.rnn(self.words(tokens), hidden)

    with pytest.raises(ValueError, match="It has an embedding, words, and the inputs of a cell"):
        nc.from_module(Model(), D, torch.zeros(1, 1, H))
    nc.from_module(Model().rnn)


def test_a_nest_is_taken_apart_and_put_together_as_it_is() -> None:
    nest = Named(a=Pair(torch.tensor(1.0), torch.tensor(2.0)), b=[None, torch.tensor(3.0)])
    names = [name for name, _ in nested.leaves(nest)]
    assert names == ["a.h", "a.trace", "b.1"]
    again = nested.rebuilt(nest, ["x", "y", "z"])
    assert type(again) is Named
    assert again == {"a": Pair("x", "y"), "b": [None, "z"]}  # type: ignore[arg-type]
    assert nested.matched(nest, again) == ["x", "y", "z"]
    assert nested.matched(nest, {"a": ("x", "y"), "b": [None, "z"]}) is None


def test_a_state_that_rounding_alone_keeps_is_not_called_fixed() -> None:
    """Far out, s + tanh(...) / 10 is s in floating point; halfway to zero, as well."""
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(8, 8))
    turn = torch.from_numpy(weights - weights.T - 0.1 * np.eye(8))

    def f(x: torch.Tensor, s: torch.Tensor) -> torch.Tensor:
        return s + 0.1 * torch.tanh(s @ turn + x)

    cell = nc.from_function(f, 8, 8)
    starts = np.vstack([np.full((2, 8), 1e16), rng.uniform(-1, 1, (20, 8))])
    found = nc.find_fixed_points(cell, starts, rng.normal(size=8), method="newton")
    assert np.linalg.norm(found.h[:2], axis=1).min() > 1e15
    assert set(found.kind[:2]) == {"unconverged"}
    assert "rounding alone may move the residual" in found.reason[0]
    norms = np.linalg.norm(found.h[found.kind == "fixed"], axis=1)
    assert len(norms) == 0 or norms.max() < 100


def test_a_fixed_point_that_is_far_is_one() -> None:
    cell = nc.from_function(lambda x, s: 0.5 * s + x, 2, 2)
    found = nc.find_fixed_points(cell, np.zeros((1, 2)), np.array([1e12, 1.0]))
    assert found.kind[0] == "fixed"
    np.testing.assert_allclose(found.h[0], [2e12, 2.0], rtol=1e-9)


def _integrate(_: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
    return h.mean(1, keepdim=True) + 0.1 + 0 * h


def _accumulate(_: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
    return torch.relu(h + 0.1)


def _drift(_: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
    return h + 0.1 + 0.05 * torch.tanh(h) ** 2


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("method", ["auto", "krylov", "lm", "newton"])
@pytest.mark.parametrize(("step", "size"), [(_integrate, 20), (_accumulate, 5), (_drift, 40)])
def test_a_map_without_fixed_points_has_none_far_out(
    step: Any, size: int, method: str, dtype: str
) -> None:
    """Every step moves a state by as much, however far out it is."""
    cell = nc.from_function(step, size, 0, dtype=dtype)
    starts = np.random.default_rng(0).uniform(-1, 1, (30, size)).astype(dtype)
    assert "fixed" not in nc.find_fixed_points(cell, starts, method=method).kind


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("method", ["auto", "krylov", "lm", "newton"])
def test_a_fixed_point_of_large_rates_is_one(method: str, dtype: str) -> None:
    rng = np.random.default_rng(1)
    w = torch.from_numpy(rng.normal(size=(40, 40)) * 0.1).to(getattr(torch, dtype))
    b = torch.from_numpy(1e6 * rng.normal(size=40)).to(getattr(torch, dtype))

    def step(_: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        return 0.5 * h + 0.5 * nn.functional.elu(h @ w.T + b)

    cell = nc.from_function(step, 40, 0, dtype=dtype)
    starts = rng.uniform(-1, 1, (10, 40)).astype(dtype)
    points = nc.find_fixed_points(cell, starts, method=method)
    assert set(points.kind) == {"fixed"}
    assert np.abs(points.h).max() > 1e5
