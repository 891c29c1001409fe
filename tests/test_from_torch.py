"""PyTorch's modules become cells that do what the modules do; what cannot is refused clearly."""

from __future__ import annotations

import importlib
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import nullcline as nc
from nullcline.training import recurrent

if TYPE_CHECKING:
    from collections.abc import Callable

nn: Any = torch.nn
jit: Any = torch.jit
utils: Any = torch.nn.utils
prune: Any = importlib.import_module("torch.nn.utils.prune")

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
@pytest.mark.parametrize("make", [recurrent.UGRNN, partial(recurrent.LeakyRNN, alpha=0.2)])
def test_our_own_networks_are_read(make: Any, layers: int) -> None:
    module = make(3, 4, layers).double()
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


class LeakyRNN(nn.RNN):  # type: ignore[misc]
    def forward(self, x: Any, h: Any) -> Any:
        after = 0.8 * h + 0.2 * super().forward(x, h)[1]
        return after, after


class LeakyCell(nn.RNNCell):  # type: ignore[misc]
    def forward(self, x: Any, h: Any) -> Any:
        return 0.8 * h + 0.2 * super().forward(x, h)


class OneWeightLessGRU(nn.GRU):  # type: ignore[misc]
    """One of a thousand recurrent weights does not act."""

    def forward(self, x: Any, h: Any) -> Any:
        weight = self.weight_hh_l0.detach().clone()
        weight[7, 3] = 0
        return torch.func.functional_call(
            torch.nn.GRU(self.input_size, self.hidden_size),
            {**dict(self.named_parameters()), "weight_hh_l0": weight},
            (x, h),
        )


class ClippedLSTM(nn.LSTM):  # type: ignore[misc]
    def forward(self, x: Any, state: Any) -> Any:
        outputs, (h, c) = super().forward(x, state)
        return outputs, (h, c.clamp(-2, 2))


class NoisyGRU(nn.GRU):  # type: ignore[misc]
    def forward(self, x: Any, h: Any) -> Any:
        outputs, after = super().forward(x, h)
        return outputs, after + 0.01 * torch.randn_like(after)


class UpperLayerScaled(nn.GRU):  # type: ignore[misc]
    def forward(self, x: Any, h: Any) -> Any:
        outputs, after = super().forward(x, h)
        return outputs, torch.cat([after[:1], 0.99 * after[1:]])


def hooked() -> torch.nn.Module:
    rnn = torch.nn.GRU(3, 4)
    rnn.register_forward_hook(lambda _, __, result: (result[0], result[1] / 2))
    return rnn


OWN_STEPS: dict[str, Callable[[], torch.nn.Module]] = {
    "RNN": lambda: LeakyRNN(3, 4),
    "RNNCell": lambda: LeakyCell(3, 4),
    "GRU": lambda: OneWeightLessGRU(3, 20),
    "LSTM": lambda: ClippedLSTM(3, 4),
    "a random step": lambda: NoisyGRU(3, 4),
    "the second layer": lambda: UpperLayerScaled(3, 4, num_layers=2),
    "a hook": hooked,
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", OWN_STEPS)
def test_a_module_with_a_step_of_its_own_is_refused(kind: str, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    module = OWN_STEPS[kind]().to(dtype)
    with pytest.raises(ValueError, match=r"does not step as the .* weights make.*from_module"):
        nc.from_torch(module)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_module_that_steps_differently_at_other_times_is_refused(
    layers: int, dtype: torch.dtype
) -> None:
    class Clockwork(nn.GRU):  # type: ignore[misc]
        def forward(self, x: Any, h: Any) -> Any:
            for i in range(len(x)):
                outputs, after = super().forward(x[i : i + 1], h)
                h = h + (0.5 if i % 2 else 1) * (after - h)
            return outputs, h

    torch.manual_seed(0)
    with pytest.raises(ValueError, match=r"of two inputs at once another state.*from_module"):
        nc.from_torch(Clockwork(3, 4, layers).to(dtype))


@settings(max_examples=15)
@given(
    st.sampled_from(sorted(STACKS)),
    st.sampled_from([torch.float32, torch.float64, torch.bfloat16]),
    st.integers(1, 3),
    st.sampled_from([1, 30]),
    st.sampled_from([1e-3, 1.0, 10.0, 1e3]),
    st.integers(0, 99),
)
def test_rounding_of_two_steps_is_no_difference(
    kind: str, dtype: torch.dtype, layers: int, size: int, gain: float, seed: int
) -> None:
    torch.manual_seed(seed)
    rnn = STACKS[kind](2, size, layers)
    rnn.register_forward_hook(lambda *_: None)
    with torch.no_grad():
        for parameter in rnn.parameters():
            parameter.mul_(gain)
    assert len(nc.from_torch(rnn.to(dtype))) == layers


def test_a_derived_class_that_steps_as_its_parent_is_read() -> None:
    class Named(nn.GRU):  # type: ignore[misc]
        def __init__(self, *sizes: int) -> None:
            super().__init__(*sizes)
            self.weight_of_words = torch.ones(3)

        def __len__(self) -> int:
            return 0

        def forward(self, *given: Any) -> Any:
            return super().forward(*given)

    module = Named(3, 4)
    (cell,) = nc.from_torch(module)
    np.testing.assert_array_equal(cell.weight_hh, module.weight_hh_l0.detach().double().numpy())


def test_a_module_that_is_called_in_another_way_is_refused() -> None:
    class Encoder(nn.GRU):  # type: ignore[misc]
        def forward(self, words: Any) -> Any:
            return super().forward(words)[1][-1]

    with pytest.raises(ValueError, match=r"could not be called on states and inputs.*TypeError"):
        nc.from_torch(Encoder(3, 4))


REPARAMETRIZED: dict[str, Callable[[], Any]] = {
    "weight_norm": lambda: utils.weight_norm(torch.nn.GRU(3, 4), "weight_hh_l0"),
    "spectral_norm": lambda: utils.spectral_norm(torch.nn.GRU(3, 4), "weight_hh_l0"),
    "prune": lambda: pruned(torch.nn.GRU(3, 4)),
    "of a cell": lambda: utils.weight_norm(torch.nn.GRUCell(3, 4), "weight_hh"),
    "parametrized by weight_norm": lambda: utils.parametrizations.weight_norm(
        torch.nn.GRU(3, 4), "weight_hh_l0"
    ),
    "parametrized by spectral_norm": lambda: utils.parametrizations.spectral_norm(
        torch.nn.GRU(3, 4), "weight_hh_l0"
    ),
}


def pruned(rnn: torch.nn.GRU) -> torch.nn.GRU:
    prune.random_unstructured(rnn, "weight_hh_l0", amount=0.5)
    return rnn


def snapshot(module: torch.nn.Module) -> dict[str, Any]:
    """Return what an import must leave as it is."""
    return {
        "training": [part.training for part in module.modules()],
        "values": {name: value.clone() for name, value in module.state_dict().items()},
        "gradients": [parameter.grad for parameter in module.parameters()],
        "random": torch.get_rng_state(),
        "hooks": [list(part._forward_pre_hooks) for part in module.modules()],
    }


@pytest.mark.filterwarnings("ignore:.*weight_norm. is deprecated:FutureWarning")
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("kind", REPARAMETRIZED)
def test_weights_that_hooks_compute_are_those_of_the_next_call(kind: str, training: bool) -> None:
    torch.manual_seed(0)
    module, other = REPARAMETRIZED[kind]().double(), REPARAMETRIZED[kind]().double()
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.normal_()
    module.load_state_dict(other.state_dict())
    module.train(training)
    for parameter in module.parameters():
        parameter.grad = torch.ones_like(parameter)
    before = snapshot(module)
    (cell,) = nc.from_torch(module)
    for name, value in snapshot(module).items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)
    h, x = torch.randn(5, 4).double(), torch.randn(5, 3).double()
    module.eval()
    after = module(x, h) if "cell" in kind else module(x[None], h[None])[1][0]
    np.testing.assert_allclose(cell.step(h, x), after.detach(), rtol=0, atol=1e-14)


def test_a_weight_that_a_module_computes_when_it_is_called_is_read_as_computed() -> None:
    class Halved(nn.GRU):  # type: ignore[misc]
        def forward(self, x: Any, h: Any) -> Any:
            self.weight_hh_l0 = self.whole / 2
            return super().forward(x, h)

    module = Halved(3, 4).double()
    module.register_parameter("whole", torch.nn.Parameter(torch.randn(12, 4).double()))
    del module._parameters["weight_hh_l0"]
    module.weight_hh_l0 = torch.zeros(12, 4).double()
    (cell,) = nc.from_torch(module)
    np.testing.assert_array_equal(cell.weight_hh, module.whole.detach() / 2)
    assert not module.weight_hh_l0.any()


def test_a_weight_that_is_set_from_outside_is_refused() -> None:
    rnn = torch.nn.GRU(3, 4)
    raw = rnn._parameters.pop("weight_hh_l0")
    rnn.weight_hh_l0 = torch.nn.functional.dropout(raw, 0.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"weight_hh_l0 is not a parameter.*weight drop"):
        nc.from_torch(rnn)


def test_what_hooks_remember_is_left_as_it_is() -> None:
    class Recorder:
        def __init__(self) -> None:
            self.seen: list[Any] = []

        def record(self, *given: Any) -> None:
            self.seen.append(given)

    recorder, rnn = Recorder(), torch.nn.GRU(3, 4)
    rnn.register_forward_hook(recorder.record)
    rnn(torch.zeros(1, 1, 3))
    nc.from_torch(rnn)
    assert len(recorder.seen) == 1


def test_a_hook_that_cannot_be_copied_does_no_harm() -> None:
    class Guarded:
        def __init__(self) -> None:
            self.own = threading.Lock()

        def hook(self, *_: Any) -> None:
            with self.own:
                pass

    rnn = torch.nn.GRU(3, 4)
    rnn.register_forward_hook(Guarded().hook)
    assert len(nc.from_torch(rnn)) == 1


@settings(max_examples=25)
@given(
    st.sampled_from(sorted(STACKS)),
    st.sampled_from([torch.float32, torch.float64, torch.bfloat16, torch.float16]),
    st.sampled_from([1, 3, 40]),
    st.sampled_from([1e-3, 1.0, 1e3, 1e6]),
    st.sampled_from([0.0, 40.0, -40.0]),
    st.integers(0, 99),
)
def test_rounding_is_no_difference_however_large_the_weights(
    kind: str, dtype: torch.dtype, size: int, gain: float, bias: float, seed: int
) -> None:
    torch.manual_seed(seed)
    rnn = STACKS[kind](2, size, 2)
    with torch.no_grad():
        for name, parameter in rnn.named_parameters():
            parameter.mul_(min(gain, 1e3) if dtype == torch.float16 else gain)
            if "bias" in name:
                parameter.add_(bias)
    for target in (np.float64, np.float32):
        assert len(nc.from_torch(rnn.to(dtype), dtype=target)) == 2


def test_a_wrapped_module_is_read_as_what_is_in_it() -> None:
    rnn = torch.nn.GRU(3, 4)
    (expected,) = nc.from_torch(rnn)
    parallel = torch.nn.DataParallel(rnn)
    compiled: Any = torch.compile(rnn, backend="eager")
    for wrapped in (parallel, compiled):
        (cell,) = nc.from_torch(wrapped)
        np.testing.assert_array_equal(cell.weight_hh, expected.weight_hh)


def test_an_import_within_other_modes_is_the_same() -> None:
    rnn = torch.nn.GRU(3, 4)
    (expected,) = nc.from_torch(rnn)
    for mode in (torch.no_grad(), torch.inference_mode(), torch.autocast("cpu")):
        with mode:
            (cell,) = nc.from_torch(rnn)
        np.testing.assert_array_equal(cell.weight_hh, expected.weight_hh)
    with torch.inference_mode():
        made = torch.nn.GRU(3, 4)
    assert len(nc.from_torch(made)) == 1


def test_an_object_of_an_old_file_is_read_or_refused() -> None:
    rnn = torch.nn.LSTM(3, 4)
    del rnn.__dict__["proj_size"]
    assert len(nc.from_torch(rnn)) == 1
    del rnn.__dict__["_flat_weights_names"]
    with pytest.raises(ValueError, match=r"could not be copied.*old file.*load_state_dict"):
        nc.from_torch(rnn)


class Quantized(torch.nn.Module):
    """PyTorch's own warns that it will go."""


Quantized.__module__ = "torch.ao.nn.quantized.dynamic.modules.rnn"

NEARLY: dict[str, tuple[Callable[[], Any], str]] = {
    "its state_dict": (lambda: torch.nn.GRU(3, 4).state_dict(), "load_state_dict them"),
    "its checkpoint": (
        lambda: {"model": torch.nn.GRU(3, 4).state_dict(), "epoch": 3},
        "load_state_dict them",
    ),
    "its file": (lambda: "gru.pt", "not read from a file: load it"),
    "TorchScript": (
        lambda: jit.trace_module(torch.nn.Linear(2, 2), {"forward": (torch.ones(2),)}),
        "TorchScript has no classes",
    ),
    "quantized": (Quantized, "quantized and computes in integers"),
}


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.parametrize("case", NEARLY)
def test_what_is_nearly_a_module_is_refused_with_the_way_to_one(case: str) -> None:
    make, message = NEARLY[case]
    with pytest.raises(TypeError, match=message):
        nc.from_torch(make())
