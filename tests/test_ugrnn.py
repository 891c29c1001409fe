"""The update-gate module computes and differentiates what its equations say, step by step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import nullcline as nc
from nullcline.training import UGRNN


def by_steps(module: UGRNN, inputs: torch.Tensor, start: torch.Tensor) -> torch.Tensor:
    """Return the outputs for inputs (T, n, D), one step at a time, recorded by autograd."""
    sequence, size = inputs, module.hidden_size
    for layer in range(module.num_layers):
        w_ih, w_hh, b_ih, b_hh = (
            module.get_parameter(f"{name}_l{layer}")
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        state, states = start[layer], []
        for x in sequence:
            both = x @ w_ih.T + b_ih + state @ w_hh.T + b_hh
            c, g = torch.tanh(both[:, :size]), torch.sigmoid(both[:, size:])
            state = g * state + (1 - g) * c
            states.append(state)
        sequence = torch.stack(states)
    return sequence


def module_and_inputs(
    seed: int, sizes: tuple[int, int, int], layers: int
) -> tuple[UGRNN, torch.Tensor, torch.Tensor]:
    torch.manual_seed(seed)
    n, width, size = sizes
    module = UGRNN(width, size, layers).double()
    start = torch.randn(layers, n, size, dtype=torch.float64, requires_grad=True)
    inputs = torch.randn(5, n, width, dtype=torch.float64, requires_grad=True)
    return module, inputs, start


@given(
    seed=st.integers(0, 1000),
    sizes=st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 6)),
    layers=st.integers(1, 3),
)
def test_outputs_and_gradients_are_those_of_the_equations(
    seed: int, sizes: tuple[int, int, int], layers: int
) -> None:
    module, inputs, start = module_and_inputs(seed, sizes, layers)
    outputs, last = module(inputs, start)
    expected = by_steps(module, inputs, start)
    torch.testing.assert_close(outputs, expected, rtol=0, atol=1e-14)
    torch.testing.assert_close(last[-1], expected[-1], rtol=0, atol=1e-14)
    weights = torch.randn_like(expected)
    of = [inputs, start, *module.parameters()]
    found = torch.autograd.grad((outputs * weights).sum(), of)
    for ours, theirs in zip(
        found, torch.autograd.grad((expected * weights).sum(), of), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


def test_batch_first_is_the_same_the_other_way_round() -> None:
    module, inputs, start = module_and_inputs(0, (3, 2, 4), 2)
    turned = UGRNN(2, 4, 2, batch_first=True).double()
    turned.load_state_dict(module.state_dict())
    expected, last = module(inputs, start)
    outputs, same = turned(inputs.transpose(0, 1), start)
    torch.testing.assert_close(outputs.transpose(0, 1), expected)
    torch.testing.assert_close(same, last)


def test_it_starts_from_zero_unless_told() -> None:
    module, inputs, start = module_and_inputs(0, (3, 2, 4), 1)
    torch.testing.assert_close(module(inputs)[0], module(inputs, torch.zeros_like(start))[0])


def test_the_compiled_cell_takes_the_same_step() -> None:
    module, inputs, start = module_and_inputs(0, (3, 2, 4), 2)
    for cell, layer in zip(nc.from_torch(module), range(2), strict=True):
        x = inputs if layer == 0 else start[0].detach()[None]
        single = UGRNN(x.shape[2], 4).double()
        single.load_state_dict(
            {f"{name[:-1]}0": value for name, value in module.state_dict().items()
             if name.endswith(f"_l{layer}")}
        )  # fmt: skip
        with torch.no_grad():
            expected = single(x[:1], start[layer][None])[0][0]
        np.testing.assert_allclose(
            cell.step(start[layer].detach().numpy(), x[0].detach().numpy()), expected, atol=1e-14
        )


def test_weights_start_small() -> None:
    module = UGRNN(3, 16)
    for parameter in module.parameters():
        values = parameter.detach().numpy()
        assert np.abs(values).max() <= 0.25
        assert values.std() == pytest.approx(0.25 / np.sqrt(3), rel=0.3)


BAD: dict[str, tuple[Any, Any, type[Exception], str]] = {
    "no tensor": (None, None, TypeError, "inputs must be a torch.Tensor, not NoneType"),
    "another type": (torch.zeros(5, 2, 3).double(), None, TypeError, r"of torch.float32"),
    "sparse": (torch.zeros(5, 2, 3).to_sparse(), None, TypeError, r"\.to_dense\(\)"),
    "another width": (torch.zeros(5, 2, 4), None, ValueError, r"\(T, n, D\) with D = 3"),
    "a single sequence": (torch.zeros(5, 3), None, ValueError, "has n = 1"),
    "no sequences": (torch.zeros(5, 0, 3), None, ValueError, "one sequence of one step or more"),
    "no steps": (torch.zeros(0, 2, 3), None, ValueError, "one sequence of one step or more"),
    "no layers": (torch.zeros(5, 2, 3), torch.zeros(2, 4), ValueError, r"= \(1, 2, 4\), not"),
    "two states": (torch.zeros(5, 2, 3), (torch.zeros(1, 2, 4),) * 2, TypeError, "not tuple"),
}


@pytest.mark.parametrize(("inputs", "state", "kind", "message"), BAD.values(), ids=BAD)
def test_bad_arguments_are_named(
    inputs: Any, state: Any, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        UGRNN(3, 4)(inputs, state)


@pytest.mark.parametrize("sizes", [(0, 4, 1), (3, 0, 1), (3, 4, 0), (3, 4.5, 1), (3, "4", 1)])
def test_sizes_are_whole_numbers(sizes: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"_size|num_layers"):
        UGRNN(*sizes)


def test_it_shows_its_sizes() -> None:
    shown = repr(UGRNN(3, 4, 2, batch_first=True))
    assert shown == "UGRNN(3, 4, num_layers=2, batch_first=True)"
