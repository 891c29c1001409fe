"""The trained leaky network: its equation, its gradients, its leak."""

from __future__ import annotations

import pickle
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.utils.rnn import pack_padded_sequence

import nullcline as nc
from nullcline.training import RNN, LeakyRNN, SentimentRNN, TrainingSettings


def by_equation(module: LeakyRNN, sequences: torch.Tensor) -> torch.Tensor:
    """Return the outputs (T, n, H) as autograd sees the equation."""
    for layer in range(module.num_layers):
        w, u, b, c = (
            getattr(module, f"{name}_l{layer}")
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        h = torch.zeros(sequences.shape[1], module.hidden_size, dtype=sequences.dtype)
        outputs = []
        for x in sequences:
            h = (1 - module.alpha) * h + module.alpha * torch.tanh(x @ w.T + b + h @ u.T + c)
            outputs.append(h)
        sequences = torch.stack(outputs)
    return sequences


@settings(max_examples=15)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(1, 20),
    sizes=st.tuples(st.integers(1, 20), st.integers(1, 40)),
    layers=st.integers(1, 3),
    steps=st.integers(1, 9),
    alpha=st.floats(0.01, 1),
    threads=st.integers(1, 3),
)
def test_outputs_and_gradients_are_those_of_the_equation(
    seed: int, n: int, sizes: tuple[int, int], layers: int, steps: int, alpha: float, threads: int
) -> None:
    torch.manual_seed(seed)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        module = LeakyRNN(*sizes, layers, alpha=alpha).double()
        sequences = torch.randn(steps, n, sizes[0], dtype=torch.float64, requires_grad=True)
        lengths = torch.sort(torch.randint(1, steps + 1, (n,)), descending=True).values
        expected = by_equation(module, sequences)
        last = expected[lengths - 1, torch.arange(n)]
        _, states = module(pack_padded_sequence(sequences, lengths))
        torch.testing.assert_close(states[-1], last, rtol=0, atol=1e-12)
        of = [sequences, *module.parameters()]
        weights = torch.randn_like(last)
        found = torch.autograd.grad((states[-1] * weights).sum(), of)
        wanted = torch.autograd.grad((last * weights).sum(), of)
        for one, other in zip(found, wanted, strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=1e-11)
        torch.testing.assert_close(module(sequences)[0], expected, rtol=0, atol=1e-12)
    finally:
        torch.set_num_threads(before)


def test_without_a_leak_it_is_the_vanilla_network() -> None:
    torch.manual_seed(0)
    leaky, vanilla = LeakyRNN(3, 5, 2, alpha=1).double(), RNN(3, 5, 2).double()
    vanilla.load_state_dict({k: v for k, v in leaky.state_dict().items() if k != "alpha"})
    sequences = torch.randn(6, 4, 3, dtype=torch.float64)
    torch.testing.assert_close(leaky(sequences)[0], vanilla(sequences)[0], rtol=0, atol=1e-14)


def test_its_weights_start_as_a_vanilla_networks_do() -> None:
    torch.manual_seed(0)
    leaky = LeakyRNN(3, 5, 2, alpha=0.1)
    torch.manual_seed(0)
    vanilla = RNN(3, 5, 2)
    for one, other in zip(leaky.parameters(), vanilla.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_compiled_cell_takes_the_same_step(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    module = LeakyRNN(3, 5, alpha=0.1).to(dtype)
    h, x = torch.randn(1, 7, 5, dtype=dtype), torch.randn(1, 7, 3, dtype=dtype)
    (cell,) = nc.from_torch(module)
    assert isinstance(cell, nc.LeakyRNN)
    np.testing.assert_array_equal(cell.alpha, float(module.alpha))
    stepped = cell.step(h[0].double().numpy(), x[0].double().numpy())
    found = module(x, h)[1][0].detach().numpy()
    np.testing.assert_allclose(found, stepped, rtol=0, atol=1e-6 if dtype.itemsize == 4 else 1e-14)


def test_other_operations_of_pytorch_see_the_same_network() -> None:
    """Autocast, transforms and a leak that is learned are left to PyTorch's own operations."""
    torch.manual_seed(0)
    module = LeakyRNN(3, 5, alpha=0.3)
    sequences = torch.randn(6, 4, 3)
    outputs = module(sequences)[0]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(module(sequences)[0].float(), outputs, rtol=0, atol=0.05)
    leak = torch.tensor(0.3, requires_grad=True)
    called = torch.func.functional_call(module, {"alpha": leak}, (sequences,))[0]
    torch.testing.assert_close(called, outputs, rtol=0, atol=1e-6)
    (slope,) = torch.autograd.grad(called.sum(), leak)
    with torch.no_grad():
        module.alpha += 1e-3
        difference = (module(sequences)[0] - outputs).sum() / 1e-3
    torch.testing.assert_close(slope, difference, rtol=0.01, atol=0.01)


def test_the_leak_is_kept_with_the_weights() -> None:
    module = LeakyRNN(3, 5, alpha=0.3)
    assert [name for name, _ in module.named_buffers()] == ["alpha"]
    assert all(p.requires_grad for p in module.parameters())
    other = LeakyRNN(3, 5, alpha=0.9)
    other.load_state_dict(module.state_dict())
    assert other.alpha == module.alpha
    sequences = torch.randn(6, 4, 3)
    same = pickle.loads(pickle.dumps(module))  # noqa: S301
    assert torch.equal(same(sequences)[0], module(sequences)[0])
    assert repr(module) == "LeakyRNN(3, 5, num_layers=1, batch_first=False, alpha=0.3)"


@pytest.mark.parametrize(
    ("alpha", "kind"),
    [(0, ValueError), (1.1, ValueError), (float("nan"), ValueError), ("fast", TypeError)],
)
def test_a_leak_out_of_range_is_named(alpha: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="alpha must be"):
        LeakyRNN(3, 5, alpha=alpha)
    if kind is ValueError:
        with pytest.raises(ValueError, match=r"alpha must be None or in \(0, 1\]"):
            TrainingSettings(cell="leaky", alpha=alpha)


def test_a_networks_leak_is_that_of_its_settings() -> None:
    make = partial(SentimentRNN, 20, cell="leaky", layers=2, hidden_size=4, embedding_size=3)
    assert make(alpha=0.3).state_dict()["rnn.alpha"].item() == pytest.approx(0.3)
    assert make().state_dict()["rnn.alpha"].item() == pytest.approx(0.1)
    with pytest.raises(ValueError, match=r"alpha must be in \(0, 1\], not 0"):
        make(alpha=0)
