"""Recurrent modules as they are used: ways to call them, their states, and what is refused."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import nullcline as nc
from nullcline._support import nested
from nullcline.cells import Cell
from nullcline.interop import FunctionWarning

D, H = 2, 4


class Pair(NamedTuple):
    """A state that a module knows by its names."""

    v: torch.Tensor
    a: torch.Tensor


class Leaky(nn.Module):
    """A leaky network without an attribute that says anything; the step of all modules below."""

    def __init__(self, reads: int = D, size: int = H) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.read, self.recur = nn.Linear(reads, size), nn.Linear(size, size, bias=False)
        self.out = nn.Linear(size, 3)

    def step(self, x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        """Return next states, of inputs and states with any axes before the last."""
        return 0.7 * h + 0.3 * torch.tanh(1.5 * self.recur(h) + self.read(x) + h**2 / 9)


class CellOfState(Leaky):
    def forward(self, x: Any, h: Any) -> Any:
        return self.step(x, h)


class CellWithOutput(Leaky):
    def forward(self, x: Any, hx: Any) -> Any:
        h = self.step(x, hx)
        return self.out(h), h


class CellStateFirst(Leaky):
    def forward(self, hidden: Any, inputs: Any) -> Any:
        h = self.step(inputs, hidden)
        return h, self.out(h)


class CellByName(Leaky):
    def forward(self, x: Any, verbose: bool = False, *, initial_state: Any = None) -> Any:
        assert not verbose
        h = self.step(x, initial_state)
        return {"output": self.out(h), "state": h}


class Columns(Leaky):
    """Written for one row alone."""

    def forward(self, x: Any, h: Any) -> Any:
        weight, bias = self.read.weight, self.read.bias
        drive = 1.5 * torch.mv(self.recur.weight, h) + torch.mv(weight, x) + bias
        return 0.7 * h + 0.3 * torch.tanh(drive + h**2 / 9)


class TimeFirst(Leaky):
    def forward(self, inputs: Any, hidden: Any = None) -> Any:
        if hidden is None:
            hidden = torch.zeros(inputs.shape[1], H)
        every = []
        for t in range(len(inputs)):
            hidden = self.step(inputs[t], hidden)
            every.append(hidden)
        return self.out(torch.stack(every)), hidden


class BatchFirst(TimeFirst):
    def forward(self, inputs: Any, hidden: Any = None) -> Any:
        out, h = super().forward(inputs.transpose(0, 1), hidden)
        return out.transpose(0, 1), h


class AllStates(TimeFirst):
    """Returns the states of every step."""

    def forward(self, inputs: Any, hidden: Any = None) -> Any:
        if hidden is None:
            hidden = torch.zeros(inputs.shape[1], H)
        every = []
        for t in range(len(inputs)):
            hidden = self.step(inputs[t], hidden)
            every.append(hidden)
        return self.out(hidden), torch.stack(every)


class LayerAxis(TimeFirst):
    """States of shape (1, n, H), as torch.nn has them."""

    def forward(self, inputs: Any, hidden: Any = None) -> Any:
        out, h = super().forward(inputs, None if hidden is None else hidden.squeeze(0))
        return out, h.unsqueeze(0)


class OneSequence(Leaky):
    """Takes one sequence, (T, D), without a batch."""

    def forward(self, inputs: Any, hidden: Any) -> Any:
        assert inputs.dim() == 2
        assert hidden.dim() == 1
        for x in inputs:
            hidden = self.step(x, hidden)
        return hidden


def right_step(module: Leaky, x: Any, h: Any) -> Any:
    with torch.no_grad():
        double = copy.deepcopy(module).double()
        return double.step(torch.from_numpy(x), torch.from_numpy(h)).numpy()


@pytest.mark.parametrize(
    "kind",
    [
        CellOfState,
        CellWithOutput,
        CellStateFirst,
        CellByName,
        Columns,
        TimeFirst,
        BatchFirst,
        AllStates,
        LayerAxis,
        OneSequence,
    ],
)
def test_a_module_is_stepped_in_the_way_it_is_called(kind: type[Leaky]) -> None:
    module = kind()
    cell = nc.from_module(module, D, H)
    assert isinstance(cell, Cell)
    assert repr(cell) == f"ModuleCell({kind.__name__}, state=(h: {H}), n_inputs={D})"
    rng = np.random.default_rng(0)
    h, x = rng.normal(size=(6, H)), rng.normal(size=(6, D))
    np.testing.assert_allclose(cell.step(h, x), right_step(module, x, h), rtol=0, atol=1e-14)


class EI(nn.Module):
    """A state of two arrays in a tuple, the second of which is made of the first."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.input_size, self.alpha = D, 0.2
        self.read, self.recur = nn.Linear(D, H), nn.Linear(H, H)

    def forward(self, inputs: Any, hidden: Any = None) -> Any:
        if hidden is None:
            hidden = tuple(torch.zeros(inputs.shape[1], H) for _ in range(2))
        v, r = hidden
        for x in inputs:
            v = 0.8 * v + 0.2 * (self.read(x) + self.recur(r))
            r = torch.tanh(v)
        return r[None], (v, r)


class Synapses(nn.Module):
    """States by their names, of two sizes."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.read, self.recur = nn.Linear(D, H), nn.Linear(H, H)

    def forward(self, x: Any, state: Any) -> Any:
        r, u = state["r"], state["u"]
        after = torch.tanh(self.read(x) + self.recur(r) * u)
        return {"r": after, "u": 0.9 * u + 0.1 * after.mean(-1, keepdim=True), "out": after.sum(-1)}


class Named(Synapses):
    def forward(self, x: Any, state: Any) -> Any:
        after = super().forward(x, {"r": state.v, "u": state.a})
        return after["out"], Pair(after["r"], after["u"])


class Spread(nn.Module):
    """Takes every array as an argument, and returns them after an output."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Synapses()

    def forward(self, x: Any, h: Any, c: Any) -> Any:
        after = self.inner(x, {"r": h, "u": c})
        return after["out"], after["r"], after["u"]


class Layers(nn.Module):
    """A list of a pair for each layer."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.layers = nn.ModuleList([nn.LSTMCell(D, H), nn.LSTMCell(H, 3)])

    def forward(self, x: Any, states: Any) -> Any:
        after = []
        for layer, state in zip(self.layers, states, strict=True):
            after.append(layer(x, state))
            x = after[-1][0]
        return x, after


def zeros(*shape: int) -> torch.Tensor:
    return torch.zeros(shape)


@pytest.mark.parametrize(
    ("module", "state", "columns"),
    [
        (EI(), None, {"0": (0, 4), "1": (4, 8)}),
        (EI(), (H, H), {"0": (0, 4), "1": (4, 8)}),
        (Synapses(), {"r": zeros(H), "u": zeros(1)}, {"r": (0, 4), "u": (4, 5)}),
        (Synapses(), {"u": 1, "r": zeros(9, H)}, {"u": (0, 1), "r": (1, 5)}),
        (Named(), Pair(zeros(6, H), zeros(6, 1)), {"v": (0, 4), "a": (4, 5)}),
        (Spread(), (zeros(H), zeros(1)), {"h": (0, 4), "c": (4, 5)}),
        (nn.LSTM(D, 3, proj_size=2), None, {"h": (0, 2), "c": (2, 5)}),
        (
            Layers(),
            [(H, H), (3, 3)],
            {"0.0": (0, 4), "0.1": (4, 8), "1.0": (8, 11), "1.1": (11, 14)},
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_several_arrays_are_one_state_with_parts(
    module: Any, state: Any, columns: dict[str, tuple[int, int]]
) -> None:
    cell: Any = nc.from_module(module, D, state, native=False)
    assert {part.name: (part.columns.start, part.columns.stop) for part in cell.parts} == columns
    rng = np.random.default_rng(0)
    h, x = rng.uniform(-1, 1, (5, cell.state_size)), rng.normal(size=(5, D))
    own = cell.split(h)
    assert type(own) is (tuple if state is None else type(state))
    np.testing.assert_array_equal(cell.join(own), h)
    double, is_sequence = copy.deepcopy(module).double(), hasattr(module, "input_size")
    inputs = torch.from_numpy(x)[None] if is_sequence else torch.from_numpy(x)
    with torch.no_grad():
        if isinstance(module, nn.LSTM):
            after = double(inputs, tuple(torch.from_numpy(part)[None].clone() for part in own))[1]
        elif isinstance(module, Spread):
            after = double(inputs, *map(torch.from_numpy, own))[1:]
        else:
            tensors = nested.rebuilt(
                own, [torch.from_numpy(part) for _, part in nested.leaves(own)]
            )
            after = double(inputs, tensors)
            after = after[1] if isinstance(after, tuple) else after
    np.testing.assert_allclose(cell.step(h, x), cell.join(after), rtol=0, atol=1e-14)
    again = pickle.loads(pickle.dumps(cell))  # noqa: S301 - our own
    np.testing.assert_array_equal(again.step(h, x), cell.step(h, x))
    assert repr(again) == repr(cell)
    assert "\n" not in repr(cell)


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (TimeFirst, None),
        (TimeFirst, zeros(H)),
        (TimeFirst, zeros(1, H)),
        (TimeFirst, zeros(5, H).double()),
        (BatchFirst, np.zeros(H)),
        (AllStates, None),
        (LayerAxis, H),
        (LayerAxis, zeros(1, H)),
        (LayerAxis, zeros(1, 1, H)),
        (LayerAxis, zeros(1, 7, H)),
    ],
)
def test_a_state_is_known_by_a_size_or_an_example(kind: type[Leaky], state: Any) -> None:
    cell: Any = nc.from_module(kind(), D, state)
    h, x = np.random.default_rng(0).normal(size=(3, H)), np.ones((3, D))
    np.testing.assert_allclose(cell.step(h, x), right_step(kind(), x, h), rtol=0, atol=1e-14)
    assert [part.shape for part in cell.parts] == [(H,)]
    np.testing.assert_array_equal(cell.join(h), h)
    np.testing.assert_array_equal(cell.join(torch.from_numpy(h)[None]), h)
    np.testing.assert_array_equal(cell.join(h=h[0]), h[:1])


def test_sizes_are_read_where_a_module_says_them() -> None:
    module: Any = CellOfState()
    module.n_inputs, module.hidden_dim = D, H
    assert nc.from_module(module).state_size == H
    module = TimeFirst()
    module.input_size = D
    assert nc.from_module(module).state_size == H


def own_state(module: Any, states: torch.Tensor) -> Any:
    """Return random states as a module of torch.nn has them."""
    shape = (module.num_layers, len(states), module.hidden_size)
    parts = states.reshape(len(states), -1, *shape[::2]).permute(1, 2, 0, 3)
    return (
        tuple(part.clone() for part in parts) if isinstance(module, nn.LSTM) else parts[0].clone()
    )


@settings(max_examples=12)
@given(
    st.sampled_from([nn.GRU, nn.LSTM, nn.RNN]),
    st.integers(1, 3),
    st.booleans(),
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(1, 4),
)
def test_a_module_and_the_native_cell_that_stands_in_for_it_step_alike(
    kind: Any, layers: int, batch_first: bool, size: int, reads: int, n: int
) -> None:
    torch.manual_seed(size)
    module = kind(reads, size, num_layers=layers, batch_first=batch_first, dtype=torch.float64)
    slow: Any = nc.from_module(module, native=False)
    native: Any = nc.from_module(module)
    assert type(slow) is nc.ModuleCell
    assert type(native).__name__ == ("Stack" if layers > 1 else kind.__name__)
    states = torch.rand((n, slow.state_size), dtype=torch.float64) - 0.5
    own, x = own_state(module, states), torch.rand((n, reads), dtype=torch.float64)
    with torch.no_grad():
        after = module(x.unsqueeze(1 if batch_first else 0), own)[1]
    found = slow.step(slow.join(own), x)
    np.testing.assert_allclose(found, slow.join(after), rtol=0, atol=1e-12)
    without = (lambda part: np.asarray(part)[0]) if layers == 1 else np.asarray
    right = tuple(map(without, own)) if kind is nn.LSTM else without(own)
    np.testing.assert_array_equal(slow.split(slow.join(own)), right)
    if layers == 1:
        np.testing.assert_array_equal(native.join(own), slow.join(own))
        np.testing.assert_allclose(native.step(native.join(own), x), found, rtol=0, atol=1e-12)
    by_layer = [np.hstack(layer) for layer in zip(*own, strict=True)] if kind is nn.LSTM else own
    after = [np.hstack(layer) for layer in zip(*after, strict=True)] if kind is nn.LSTM else after
    joint = native.step(np.hstack([np.asarray(layer) for layer in by_layer]), x)
    np.testing.assert_allclose(joint, np.hstack([np.asarray(h) for h in after]), atol=1e-12)


@pytest.mark.parametrize(
    ("module", "kind"),
    [
        (nn.GRUCell(D, H), nc.GRU),
        (nn.LSTMCell(D, H), nc.LSTM),
        (nn.RNNCell(D, H, nonlinearity="relu"), nc.RNN),
        (nn.DataParallel(nn.GRU(D, H)), nc.GRU),
        (nn.GRU(D, H).half(), nc.GRU),
    ],
)
def test_a_native_cell_stands_in_for_torch_modules(module: Any, kind: Any) -> None:
    assert type(nc.from_module(module)) is kind
    assert type(nc.from_module(module, native=True)) is kind


class Written(nn.Module):
    """A module by others, with weights under any names."""

    def __init__(self, alpha: float = 1 / 3) -> None:
        super().__init__()
        torch.manual_seed(4)
        self.alpha = alpha
        self.input2h, self.h2h = nn.Linear(D, H), nn.Linear(H, H)
        self.readout = nn.Linear(H, 2)
        self.both = nn.Linear(D + H, H)
        self.gru, self.lstm = nn.GRUCell(D, H), nn.LSTM(D, H, batch_first=True)
        self.tau = nn.Parameter(torch.tensor([0.1, 0.2, 0.3, 0.7]))
        self.transposed = nn.Parameter(torch.randn(H, H) / 2)


def leaky(m: Any, x: Any, h: Any) -> Any:
    return (1 - m.alpha) * h + m.alpha * torch.relu(m.input2h(x) + m.h2h(h))


def rate(m: Any, x: Any, h: Any) -> Any:
    return h + m.alpha * (-h + m.h2h(torch.tanh(h)) + m.input2h(x))


def leaky_by_unit(m: Any, x: Any, h: Any) -> Any:
    return (1 - m.tau) * h + m.tau * nn.functional.softplus(m.input2h(x) + h @ m.transposed)


def leaky_within(m: Any, x: Any, h: Any) -> Any:
    return torch.relu((1 - m.alpha) * h + m.alpha * (m.input2h(x) + m.h2h(h)))


def in_float32(m: Any, x: Any, h: Any) -> Any:
    return leaky(m, x, h) + m.h2h(torch.zeros(H)) - m.h2h(torch.zeros(H))


def vanilla(m: Any, x: Any, h: Any) -> Any:
    return torch.tanh(m.both(torch.cat([h, x], dim=1)))


def around_gru(m: Any, x: Any, h: Any) -> Any:
    return m.readout(m.gru(x, h)), m.gru(x, h)


def clipped(m: Any, x: Any, h: Any) -> Any:
    return leaky(m, x, h).clamp(max=2)


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (leaky, nc.LeakyRNN),
        (rate, nc.RateRNN),
        (leaky_by_unit, nc.LeakyRNN),
        (leaky_within, nc.RNN),
        (vanilla, nc.RNN),
        (around_gru, nc.GRU),
        (clipped, nc.ModuleCell),
    ],
)
def test_a_module_by_others_that_steps_as_a_native_cell_is_one(call: Any, kind: Any) -> None:
    cell: Any = nc.from_module(Written(), D, H, call=call)
    assert type(cell) is kind
    own = nc.from_module(Written(), D, H, call=call, native=False)
    h, x = np.random.default_rng(0).uniform(-3, 3, (5, H)), np.ones((5, D))
    np.testing.assert_allclose(cell.step(h, x), own.step(h, x), rtol=0, atol=1e-14)
    if call in {leaky, rate}:
        np.testing.assert_allclose(cell.alpha, 1 / 3, rtol=1e-15, atol=0)
    if kind is nc.ModuleCell:
        with pytest.raises(ValueError, match="module steps as none of the native cells does"):
            nc.from_module(Written(), D, H, call=call, native=True)


def test_a_native_cell_computes_in_float64_where_the_module_cannot() -> None:
    cell: Any = nc.from_module(Written(0.2), D, H, call=in_float32)
    right = nc.from_module(Written(0.2), D, H, call=leaky)
    assert isinstance(cell, nc.LeakyRNN)
    assert cell.dtype == np.float64
    np.testing.assert_array_equal(cell.step(np.ones((1, H))), right.step(np.ones((1, H))))
    assert nc.from_module(Written(), D, H, call=in_float32, dtype="float32").dtype == np.float32


def test_a_model_around_an_lstm_is_searched_as_that() -> None:
    class Model(Written):
        def forward(self, x: Any, state: Any = None) -> Any:
            out, state = self.lstm(x, state)
            return self.readout(out), state

    cell: Any = nc.from_module(Model(), D)
    (right,) = nc.from_torch(Model().lstm)
    assert isinstance(cell, nc.LSTM)
    np.testing.assert_array_equal(cell.weight_hh, right.weight_hh)
    h, c = np.random.default_rng(0).uniform(-1, 1, (2, 4, H))
    rows = np.hstack([h, c])
    for joined in (cell.join((h, c)), cell.join(h=h, c=c), cell.join((h[None], c[None]))):
        np.testing.assert_array_equal(joined, rows)
    np.testing.assert_array_equal(cell.split(rows), (h, c))
    assert repr(cell.parts) == f"StateParts(h: {H}, c: {H})"


def test_the_points_of_a_module_are_those_of_the_native_cell_and_have_its_parts() -> None:
    torch.manual_seed(5)
    module = nn.LSTM(D, 3)
    own: Any = nc.from_module(module, native=False, bounds=(-3, 3))
    native: Any = nc.from_module(module)
    starts = np.random.default_rng(1).uniform(-0.5, 0.5, (6, 6))
    found = nc.find_fixed_points(own, starts)
    right = nc.find_fixed_points(native, starts)
    assert set(found.kind) == set(right.kind) == {"fixed"}
    np.testing.assert_allclose(found.h, right.h, rtol=0, atol=1e-9)
    h, c = own.split(found.h)
    np.testing.assert_array_equal(h, found.h[:, own.parts["h"].columns])
    np.testing.assert_array_equal(np.hstack([h, c]), found.h)
    np.testing.assert_allclose(own.jacobian(found.h), native.jacobian(found.h), rtol=0, atol=1e-12)


def test_a_derived_class_with_a_step_of_its_own_is_stepped_by_it() -> None:
    class Half(nn.GRUCell):
        def forward(self, x: Any, h: Any = None) -> Any:
            return (h + super().forward(x, h)) / 2

    torch.manual_seed(6)
    module = Half(D, H)
    cell = nc.from_module(module, state=H)
    assert isinstance(cell, nc.ModuleCell)
    h = np.random.default_rng(0).uniform(-1, 1, (3, H))
    ordinary = nn.GRUCell(D, H)
    ordinary.load_state_dict(module.state_dict())
    right = (h + nc.from_torch(ordinary)[0].step(h)) / 2
    np.testing.assert_allclose(cell.step(h), right, rtol=0, atol=1e-14)


class Busy(TimeFirst):
    """Drops units and normalizes batches in train mode, and counts its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.drop, self.norm = nn.Dropout(0.5), nn.BatchNorm1d(H)
        self.calls: torch.Tensor
        self.register_buffer("calls", torch.zeros(1))

    def step(self, x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        self.calls = self.calls + 1
        after: torch.Tensor = self.drop(self.norm(super().step(x, h)))
        return after


def test_a_module_is_left_as_it_is() -> None:
    module = Busy()
    module.out(torch.zeros(H)).sum().backward()
    before = copy.deepcopy(module.state_dict())
    torch.manual_seed(7)
    np.random.seed(7)  # noqa: NPY002 - a user's
    expected = torch.rand(3), np.random.rand(3)  # noqa: NPY002
    torch.manual_seed(7)
    np.random.seed(7)  # noqa: NPY002
    with pytest.warns(FunctionWarning, match=r"module is in train mode.*Call module.eval\(\)"):
        cell: Any = nc.from_module(module, D, H)
    nc.find_fixed_points(cell, np.zeros((2, H)))
    assert torch.equal(torch.rand(3), expected[0])
    np.testing.assert_array_equal(np.random.rand(3), expected[1])  # noqa: NPY002
    assert all(part.training for part in module.modules())
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    assert all(weight.requires_grad for weight in module.parameters())
    assert {name for name, weight in module.named_parameters() if weight.grad is not None} == {
        "out.weight",
        "out.bias",
    }
    assert torch.get_default_dtype() == torch.float32
    first = cell.step(np.zeros((1, H)))
    with torch.no_grad():
        module.read.bias.add_(1)
    np.testing.assert_array_equal(cell.step(np.zeros((1, H))), first)


def test_what_steps_alike_in_both_modes_is_not_warned_about() -> None:
    module = TimeFirst().train()
    nc.from_module(module, D)
    busy = Busy().eval()
    nc.from_module(busy, D)


def test_a_call_of_ones_own_says_how_a_module_steps() -> None:
    class Trajectories(Leaky):
        def forward(self, inputs: Any, time: float, return_dynamics: bool, start: Any) -> Any:
            every = [start]
            for t in range(inputs.shape[1]):
                every.append(self.step(time * inputs[:, t], every[-1]))
            return torch.stack(every, dim=1) if return_dynamics else None

    def call(module: Any, x: Any, h: Any) -> Any:
        return module(x[:, None], 1.0, True, start=h)[:, -1]

    module = Trajectories()
    with pytest.raises(TypeError, match=r"takes more than an input and a state: say what time and"):
        nc.from_module(module, D, H)
    cell = nc.from_module(module, D, H, call=call)
    h, x = np.random.default_rng(0).normal(size=(4, H)), np.ones((4, D))
    np.testing.assert_allclose(cell.step(h, x), right_step(module, x, h), rtol=0, atol=1e-14)
    pickle.loads(pickle.dumps(cell)).step(h, x)  # noqa: S301 - our own, with a function in it


class Bad(Leaky):
    """What the next classes have to misuse."""

    def __init__(self) -> None:
        super().__init__()
        self.h = torch.zeros(H)
        self.over_time = nn.Conv1d(D, H, 3)


class TakesNoState(Bad):
    def forward(self, x: Any) -> Any:
        return self.out(torch.tanh(self.read(x)))


class IgnoresState(Bad):
    def forward(self, x: Any, h: Any) -> Any:
        return torch.tanh(self.read(x)) + 0 * h.sum(-1, keepdim=True)


class Detaches(Bad):
    def forward(self, x: Any, h: Any) -> Any:
        return self.step(x, h.detach())


class KeepsState(Bad):
    def forward(self, x: Any, h: Any) -> Any:
        self.h = self.step(x, 0.5 * self.h + h)
        return self.h


class Noisy(Bad):
    def forward(self, x: Any, h: Any) -> Any:
        return self.step(x, h) + 0.1 * torch.randn_like(h)


class NeedsThreeSteps(Bad):
    def forward(self, inputs: Any, h: Any) -> Any:
        return torch.tanh(self.over_time(inputs.permute(1, 2, 0))[..., -1] + self.recur(h))


class ReturnsOutput(Bad):
    def forward(self, x: Any, h: Any) -> Any:
        return {"y": self.out(self.step(x, h)), "n": 3}


class MixesRows(Bad):
    def forward(self, x: Any, h: Any) -> Any:
        return self.step(x, h) - h.mean(0)


class Packed(Bad):
    def forward(self, x: Any, h: Any) -> Any:
        if not isinstance(x, nn.utils.rnn.PackedSequence):
            raise TypeError("packed sequences only")
        return h


class MakesComplex(Bad):
    def forward(self, x: Any, h: Any) -> Any:
        return self.step(x, h) + 0j


class Overflows(Bad):
    def forward(self, x: Any, h: Any) -> Any:
        return self.step(x, h) / 0


class TakesLengths(Bad):
    def forward(self, x: Any, h: Any, lengths: Any) -> Any:
        return self.step(x, h * lengths)


@pytest.mark.parametrize(
    ("kind", "error", "message"),
    [
        (TakesNoState, TypeError, r"its forward\(x\) takes no state: pass the recurrent part"),
        (IgnoresState, ValueError, "module does not use the state that it is given"),
        (Detaches, TypeError, "module must be differentiable by PyTorch in its states"),
        (KeepsState, ValueError, "module remembers something from one call to the next"),
        (Noisy, ValueError, "module draws random numbers in evaluation mode too.*noise to zero"),
        (NeedsThreeSteps, ValueError, r"of input \(1, n, 2\) and state \(n, 4\), .*Kernel size"),
        (ReturnsOutput, ValueError, r"it returned {'y': \(3, 3\), 'n': int}, in which no next"),
        (MixesRows, ValueError, "rows of a batch changed one another"),
        (Packed, ValueError, "TypeError: packed sequences only. Say what it takes by n_inputs="),
        (MakesComplex, TypeError, "module makes complex states"),
        (Overflows, ValueError, "module must return finite states, and returned NaN or infinity"),
        (TakesLengths, TypeError, r"forward\(x, h, lengths\) takes more .*say what lengths is by"),
    ],
)
def test_a_module_that_is_no_map_of_a_state_is_refused(
    kind: type[Bad], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        nc.from_module(kind(), D, H)


@pytest.mark.parametrize(
    ("module", "given", "error", "message"),
    [
        (
            leaky,
            {},
            TypeError,
            "must be a torch.nn.Module, not function; nullcline.from_f",
        ),
        (CellOfState(), {}, TypeError, r"n_inputs must be said, as in from_module\(module, n_inp"),
        (CellOfState(), {"n_inputs": D}, TypeError, "does not say what its state is.*say what its"),
        (CellOfState(), {"n_inputs": -1}, ValueError, "n_inputs must lie"),
        (CellOfState(), {"n_inputs": 3, "state": H}, ValueError, r"of input \(n, 3\) and state"),
        (CellOfState(), {"n_inputs": D, "state": 5}, ValueError, "could not make a step"),
        (CellOfState(), {"n_inputs": D, "state": [H]}, ValueError, "could not make a step"),
        (CellOfState(), {"n_inputs": D, "state": ()}, ValueError, "state must have an array"),
        (CellOfState(), {"n_inputs": D, "state": "h"}, TypeError, "state must be a size, an arr"),
        (CellOfState(), {"n_inputs": D, "state": 0}, ValueError, "state must lie"),
        (
            CellOfState(),
            {"n_inputs": D, "state": zeros(0, 3)},
            ValueError,
            "state must not be empty",
        ),
        (CellOfState(), {"n_inputs": D, "state": {"t": np.arange(3)}}, TypeError, "real numbers"),
        (CellOfState(), {"n_inputs": D, "state": H, "native": "yes"}, ValueError, "native must be"),
        (CellOfState(), {"n_inputs": D, "state": H, "native": True}, ValueError, "none of the nat"),
        (CellOfState(), {"n_inputs": D, "state": H, "call": 3}, TypeError, "call must be a funct"),
        (CellOfState(), {"n_inputs": D, "state": H, "smooth": 3}, TypeError, "smooth must be"),
        (CellOfState(), {"n_inputs": D, "state": H, "bounds": 3}, ValueError, "bounds must be two"),
        (nn.GRU(D, H), {"batch_first": "no"}, TypeError, "batch_first must be True, False or None"),
        (nn.GRU(D, H), {"batch_first": True}, ValueError, r"of input \(n, 1, 2\).*batch_first="),
        (nn.GRU(D, H), {"n_inputs": 3}, ValueError, "must be equal to input_size. Expected 2, got"),
        (nn.GRU(D, H), {"state": 5}, ValueError, "could not make a step.*Expected hidden size"),
        (nn.LSTM(D, H), {"state": H}, ValueError, "could not make a step"),
        (nn.GRU(D, H), {"dtype": np.int8}, TypeError, "dtype must be"),
        (nn.GRU(D, H, bidirectional=True), {}, ValueError, "module must have one direction"),
        (nn.GRU(D, H, device="meta"), {}, ValueError, "parameters on the meta device"),
        (nn.Linear(D, H), {"state": H}, TypeError, "takes no state"),
    ],
)
def test_arguments_that_are_wrong_are_named(
    module: Any, given: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        nc.from_module(module, **given)


def test_of_two_arrays_that_may_be_the_state_the_last_is_taken_and_said() -> None:
    class Swapped(Leaky):
        def forward(self, x: Any, h: Any) -> Any:
            h = self.step(x, h)
            return h, self.recur(h)

    with pytest.warns(FunctionWarning, match="returns more than one array of the shape of its"):
        cell = nc.from_module(Swapped(), D, H)
    h, x = np.random.default_rng(0).normal(size=(2, H)), np.zeros((2, D))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        other = nc.from_module(Swapped(), D, H, call=lambda module, x, h: module(x, h)[0])
    np.testing.assert_allclose(other.step(h, x), right_step(Swapped(), x, h), rtol=0, atol=1e-14)
    assert np.abs(cell.step(h, x) - other.step(h, x)).max() > 0.1


def test_a_step_that_depends_on_its_place_is_said() -> None:
    class Clock(TimeFirst):
        def forward(self, inputs: Any, hidden: Any = None) -> Any:
            if hidden is None:
                hidden = torch.zeros(inputs.shape[1], H)
            for t in range(len(inputs)):
                hidden = self.step(inputs[t] + t, hidden)
            return hidden[None], hidden

    h, x = np.random.default_rng(0).normal(size=(2, H)), np.zeros((2, D))
    with pytest.warns(FunctionWarning, match="module makes of two inputs at once another state"):
        cell = nc.from_module(Clock(), D, H)
    np.testing.assert_allclose(cell.step(h, x), right_step(Clock(), x, h), rtol=0, atol=1e-14)


def test_a_module_of_float32_alone_is_a_cell_of_float32_and_said() -> None:
    class Casts(Leaky):
        def forward(self, x: Any, h: Any) -> Any:
            return self.step(x, h + self.recur(torch.zeros(H)))

    with pytest.warns(FunctionWarning, match="module does not compute in float64"):
        single = nc.from_module(Casts(), D, H)
    assert single.dtype == np.float32
    with pytest.raises(ValueError, match="same dtype"):
        nc.from_module(Casts(), D, H, dtype=np.float64)


def test_states_of_another_form_are_refused() -> None:
    cell: Any = nc.from_module(nn.LSTM(D, H), native=False)
    h = np.zeros((3, H))
    for state, error, message in [
        ((h,), TypeError, r"state must have the form \('h', 'c'\), not that of tuple"),
        ({"h": h, "c": h}, TypeError, "state must have the form"),
        ((h, h[:2]), ValueError, "as many rows, not 3 of h, 2 of c"),
        ((h, h[:, :2]), ValueError, r"c must have shape \(n, 4\), not \(3, 2\)"),
        ((h, h.astype(complex)), TypeError, "c must"),
    ]:
        with pytest.raises(error, match=message):
            cell.join(state)
    with pytest.raises(TypeError, match="join takes all parts of a state, h, c, not"):
        cell.join(h=h)
    with pytest.raises(TypeError, match="and not both"):
        cell.join((h, h), h=h)
    with pytest.raises(ValueError, match=r"h must have shape \(n, 8\)"):
        cell.split(h)
    with pytest.raises(KeyError, match="'v' is none of the parts of a state: h, c"):
        cell.parts["v"]


def test_a_cell_in_single_precision_keeps_to_it() -> None:
    cell: Any = nc.from_module(CellOfState(), D, H, dtype=torch.float32)
    assert cell.dtype == cell.step(np.zeros((2, H), np.float32)).dtype == np.float32
    assert cell.join(zeros(2, H)).dtype == np.float32
