"""A safetensors file becomes the cells of the module that it was saved from, or is refused."""

from __future__ import annotations

import importlib
import sys
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

import nullcline as nc
from nullcline.training import LeakyRNN
from testing.every_cell import random_network, rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STACKS: dict[str, Any] = {"RNN": torch.nn.RNN, "GRU": torch.nn.GRU, "LSTM": torch.nn.LSTM}
Tensors = dict[str, torch.Tensor]
utils: Any = torch.nn.utils
prune: Any = importlib.import_module("torch.nn.utils.prune")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


def saved(folder: Path, tensors: Tensors, prefix: str = "") -> Path:
    path = folder / "weights.safetensors"
    save_file({prefix + name: value.contiguous() for name, value in tensors.items()}, path)
    return path


def flat(entries: list[Any]) -> list[Any]:
    """Return all cells, both of every pair."""
    pairs = [entry if isinstance(entry, nc.Bidirectional) else (entry,) for entry in entries]
    return [cell for pair in pairs for cell in pair]


def assert_same(entries: list[Any], expected: list[Any]) -> None:
    assert [type(entry) for entry in entries] == [type(entry) for entry in expected]
    for cell, other in zip(flat(entries), flat(expected), strict=True):
        rng = np.random.default_rng(0)
        states = 2 if "LSTM" in type(cell).__name__ else 1
        h = rng.normal(size=(2, states * cell.hidden_size))
        x = rng.normal(size=(2, cell.input_size))
        np.testing.assert_array_equal(cell.step(h, x), other.step(h, x))


@pytest.mark.parametrize("kind", sorted(STACKS))
@settings(max_examples=10)
@given(
    st.integers(1, 3),
    st.integers(1, 6),
    st.integers(1, 5),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["", "rnn.", "model.encoder."]),
)
def test_a_stack_is_read_as_the_module(
    folder: Path,
    kind: str,
    layers: int,
    size: int,
    input_size: int,
    bias: bool,
    bidirectional: bool,
    prefix: str,
) -> None:
    module = STACKS[kind](input_size, size, layers, bias=bias, bidirectional=bidirectional)
    path = saved(folder, {**module.state_dict(), "decoder.weight": torch.ones(2)}, prefix)
    options = {"nonlinearity": "tanh"} if kind == "RNN" else {}
    entries = nc.from_safetensors(path, prefix=prefix, **options)
    assert_same(entries, nc.from_torch(module))
    assert_same(nc.from_safetensors(str(path), prefix=prefix, kind=kind, **options), entries)


@pytest.mark.parametrize("module", [torch.nn.GRUCell(3, 4), torch.nn.LSTMCell(3, 4, bias=False)])
def test_a_cell_is_read_as_the_module(folder: Path, module: torch.nn.Module) -> None:
    path = saved(folder, module.state_dict(), "cell.")
    assert_same(nc.from_safetensors(path, prefix="cell."), nc.from_torch(module))


def test_the_nonlinearity_is_the_one_asked_for(folder: Path) -> None:
    module = torch.nn.RNN(3, 4, nonlinearity="relu")
    path = saved(folder, module.state_dict())
    assert_same(nc.from_safetensors(path, nonlinearity="relu"), nc.from_torch(module))


def test_twice_as_many_rows_are_an_update_gate_network(folder: Path) -> None:
    rng = np.random.default_rng(0)
    network = random_network("ugrnn", 4, 3)
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    tensors = map(torch.from_numpy, network.weights)
    path = saved(folder, dict(zip(names, tensors, strict=True)))
    (cell,) = nc.from_safetensors(path)
    h, x = rng.normal(size=(2, 4)), rng.normal(size=(2, 3))
    np.testing.assert_allclose(cell.step(h, x), rows(network.step, h, x), rtol=0, atol=1e-14)


def test_weights_beside_a_leak_are_a_leaky_network(folder: Path) -> None:
    module = LeakyRNN(3, 4, num_layers=2, alpha=0.2)
    path = saved(folder, module.state_dict())
    found = nc.from_safetensors(path)
    assert_same(found, nc.from_torch(module))
    leaky = nc.from_safetensors(path, kind="LeakyRNN")
    assert_same(leaky, found)
    np.testing.assert_array_equal(leaky[0].alpha, np.float32(0.2))
    plain = nc.from_safetensors(path, kind="RNN", nonlinearity="tanh")
    assert isinstance(plain[0], nc.RNN)


@pytest.mark.parametrize(
    ("alpha", "sentence"),
    [
        (None, "has no leak, alpha, as a LeakyRNN has"),
        (torch.tensor(1.5), r"alpha in .* must be one number in \(0, 1\]"),
        (torch.tensor([0.1, 0.2]), r"alpha in .* must be one number in \(0, 1\]"),
    ],
)
def test_a_leak_that_is_none_is_refused(
    folder: Path, alpha: torch.Tensor | None, sentence: str
) -> None:
    tensors = dict(torch.nn.RNN(3, 4).state_dict())
    path = saved(folder, tensors if alpha is None else {**tensors, "alpha": alpha})
    with pytest.raises(ValueError, match=sentence):
        nc.from_safetensors(path, kind="LeakyRNN")


@pytest.mark.parametrize("narrow", [torch.float16, torch.bfloat16])
def test_narrow_parameters_are_promoted_exactly(folder: Path, narrow: torch.dtype) -> None:
    module = torch.nn.GRU(3, 4).to(narrow)
    path = saved(folder, module.state_dict())
    assert_same(nc.from_safetensors(path), nc.from_torch(module))


def test_the_type_to_compute_in_is_the_one_asked_for(folder: Path) -> None:
    path = saved(folder, torch.nn.GRU(3, 4).double().state_dict())
    assert nc.from_safetensors(path)[0].dtype == np.float64
    assert nc.from_safetensors(path, dtype=np.float32)[0].dtype == np.float32
    with pytest.raises(TypeError, match=r"dtype must be numpy.float64 or numpy.float32"):
        nc.from_safetensors(path, dtype=np.float16)


def gru() -> Tensors:
    return dict(torch.nn.GRU(3, 4, num_layers=2).state_dict())


def without(name: str) -> Callable[[], Tensors]:
    return lambda: {key: value for key, value in gru().items() if key != name}


def with_one(name: str, value: torch.Tensor) -> Callable[[], Tensors]:
    return lambda: {**gru(), name: value}


def moved(prefix: str) -> Callable[[], Tensors]:
    return lambda: {prefix + name: value for name, value in gru().items()}


def reparametrized(how: str) -> Callable[[], Tensors]:
    """Return what a GRU with a weight that is kept as parts has for a state_dict."""

    def tensors() -> Tensors:
        rnn = torch.nn.GRU(3, 4, num_layers=2)
        makers: dict[str, Any] = {
            "weight_norm": utils.weight_norm,
            "spectral_norm": utils.spectral_norm,
            "prune": prune.l1_unstructured,
            "parametrizations.weight_norm": utils.parametrizations.weight_norm,
            "parametrizations.spectral_norm": utils.parametrizations.spectral_norm,
        }
        options = {"amount": 0.5} if how == "prune" else {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # the older weight_norm is deprecated
            makers[how](rnn, "weight_hh_l1", **options)
        return dict(rnn.state_dict())

    return tensors


WRONG: dict[str, tuple[Callable[[], Tensors], dict[str, Any], type[Exception], str]] = {
    "a missing weight": (without("weight_hh_l1"), {}, ValueError, "has no tensor weight_hh_l1"),
    "no first layer": (without("weight_hh_l0"), {}, ValueError, "has no tensor weight_hh_l0"),
    "a missing bias": (without("bias_ih_l1"), {}, ValueError, "has no tensor bias_ih_l1"),
    "a missing layer": (
        with_one("weight_ih_l3", torch.ones(12, 4)),
        {},
        ValueError,
        "has no tensor weight_ih_l2",
    ),
    "half of a direction": (
        with_one("weight_ih_l0_reverse", torch.ones(12, 3)),
        {},
        ValueError,
        "has no tensor weight_hh_l0_reverse",
    ),
    "too short a bias": (
        with_one("bias_ih_l0", torch.ones(11)),
        {},
        ValueError,
        r"bias_ih_l0 in .* must have shape \(12\), not \(11,\)",
    ),
    "another layer's width": (
        with_one("weight_ih_l1", torch.ones(12, 5)),
        {},
        ValueError,
        r"weight_ih_l1 in .* must have shape \(12, 4\), not \(12, 5\)",
    ),
    "a vector for a matrix": (
        with_one("weight_hh_l0", torch.ones(12)),
        {},
        ValueError,
        r"weight_hh_l0 in .* must have shape \(any, any\), not \(12,\)",
    ),
    "no units": (
        with_one("weight_hh_l0", torch.ones(0, 0)),
        {},
        ValueError,
        r"must have shape \(any, any\), not \(0, 0\)",
    ),
    "rows of no cell": (
        with_one("weight_hh_l0", torch.ones(20, 4)),
        {},
        ValueError,
        r"shape \(20, 4\) in .* is no RNN, UGRNN, GRU or LSTM's",
    ),
    "another kind": (gru, {"kind": "LSTM"}, ValueError, r"shape \(12, 4\) in .* is no LSTM's"),
    "an unknown kind": (gru, {"kind": "MGU"}, ValueError, "kind must be None or one of RNN, UGRNN"),
    "a nonlinearity of a GRU": (
        gru,
        {"nonlinearity": "tanh"},
        ValueError,
        "nonlinearity must be None for GRU",
    ),
    "no nonlinearity": (
        lambda: torch.nn.RNN(3, 4).state_dict(),
        {},
        ValueError,
        "nonlinearity must be 'tanh' or 'relu'.*not None",
    ),
    "an unknown nonlinearity": (
        lambda: torch.nn.RNN(3, 4).state_dict(),
        {"nonlinearity": "elu"},
        ValueError,
        "nonlinearity must be 'tanh' or 'relu'.*not 'elu'",
    ),
    "a projection": (
        lambda: torch.nn.LSTM(3, 4, proj_size=2).state_dict(),
        {},
        NotImplementedError,
        "LSTM with a projection",
    ),
    "parts of weight_norm": (
        reparametrized("weight_norm"),
        {},
        NotImplementedError,
        r"weight_norm computes weight_hh_l1: .*remove_weight_norm\(module, 'weight_hh_l1'\)",
    ),
    "parts of spectral_norm": (
        reparametrized("spectral_norm"),
        {},
        NotImplementedError,
        "spectral_norm computes weight_hh_l1: .*from_torch.*remove_spectral_norm",
    ),
    "parts of prune": (
        reparametrized("prune"),
        {},
        NotImplementedError,
        "prune computes weight_hh_l1: .*from_torch.*prune.remove",
    ),
    "parts of a parametrized weight_norm": (
        reparametrized("parametrizations.weight_norm"),
        {},
        NotImplementedError,
        "a parametrization computes weight_hh_l1: .*remove_parametrizations",
    ),
    "parts of a parametrized spectral_norm": (
        reparametrized("parametrizations.spectral_norm"),
        {},
        NotImplementedError,
        "a parametrization computes weight_hh_l1: .*remove_parametrizations",
    ),
    "parts after another prefix": (
        lambda: {f"rnn.{name}": value for name, value in reparametrized("prune")().items()},
        {},
        ValueError,
        "pass prefix=, one of 'rnn.'",
    ),
    "the raw weight of weight drop": (
        lambda: {
            **{f"module.{name}": value for name, value in gru().items()},
            "weight_hh_l0_raw": torch.ones(12, 4),
        },
        {"prefix": "module."},
        NotImplementedError,
        "weight_hh_l0_raw, of which weight drop computes weight_hh_l0 when it is called",
    ),
    "a prefix": (moved("rnn."), {}, ValueError, "pass prefix=, one of 'rnn.'"),
    "another prefix": (moved("a."), {"prefix": "b."}, ValueError, "after prefix 'b.'.*'a.'"),
    "nothing recurrent": (
        lambda: {"weight": torch.ones(2)},
        {},
        ValueError,
        "it holds no recurrent layer",
    ),
    "a stack and a cell": (
        with_one("weight_hh", torch.ones(12, 4)),
        {},
        ValueError,
        "names of a stack .* and of a cell",
    ),
    "a value that is not finite": (
        with_one("bias_hh_l1", torch.full((12,), torch.nan)),
        {},
        ValueError,
        "bias_hh_l1 must be finite",
    ),
    "integers": (
        with_one("bias_hh_l1", torch.ones(12, dtype=torch.int8)),
        {},
        TypeError,
        "bias_hh_l1 must have a floating-point type, not int8",
    ),
    "a type that NumPy lacks": (
        with_one("bias_hh_l1", torch.ones(12).to(torch.float8_e4m3fn)),
        {},
        TypeError,
        r"bias_hh_l1 in .* is stored as F8_E4M3, which NumPy cannot hold",
    ),
}


@pytest.mark.parametrize("case", sorted(WRONG))
def test_a_file_that_does_not_fit_is_refused(folder: Path, case: str) -> None:
    tensors, options, error, message = WRONG[case]
    path = saved(folder, tensors())
    with pytest.raises(error, match=message):
        nc.from_safetensors(path, **options)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.999])
def test_a_file_that_is_cut_short_is_refused(folder: Path, share: float) -> None:
    path = saved(folder, gru())
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match="is not a safetensors file, or it is damaged"):
        nc.from_safetensors(path)


def test_another_file_is_refused(folder: Path) -> None:
    path = folder / "weights.pt"
    torch.save(gru(), path)
    with pytest.raises(ValueError, match="is not a safetensors file, or it is damaged"):
        nc.from_safetensors(path)


def test_a_missing_file_is_named(folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        nc.from_safetensors(folder / "nowhere.safetensors")


def test_a_missing_package_is_named_with_its_mend(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(folder, gru())
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'nullcline\[safetensors\]'"):
        nc.from_safetensors(path)


def test_bfloat16_without_ml_dtypes_names_the_mend(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(folder, torch.nn.GRU(3, 4).bfloat16().state_dict())
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'nullcline\[safetensors\]'"):
        nc.from_safetensors(path)
