"""Networks that are functions: derivatives, searches, and what is refused."""

from __future__ import annotations

import contextlib
import functools
import random
import re
import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.checkpoint import checkpoint

import nullcline as nc
from nullcline.cells import Cell
from nullcline.cells._derivatives import Batched, RowByRow, Vectorized
from nullcline.interop import FunctionWarning
from testing.every_cell import Network, random_network
from testing.gru_samples import seeds
from testing.search_checks import METHODS


def as_function(
    network: Network, dtype: Any = np.float64, bounds: tuple[float, float] | None = None
) -> Any:
    """Return the same network as a function of rows."""
    step = torch.func.vmap(lambda x, h: network.step(h, x))
    sizes = network.state_size, network.input_size
    return nc.from_function(step, *sizes, bounds=bounds, dtype=dtype)


@settings(max_examples=8)
@given(st.sampled_from(["gru", "lstm", "relu"]), st.integers(1, 6), st.integers(1, 4), seeds)
def test_a_function_of_a_cell_is_the_cell(kind: str, size: int, reads: int, seed: int) -> None:
    network = random_network(kind, size, reads, seed=seed)
    native, cell = network.cell(), as_function(network)
    assert isinstance(cell, Cell)
    rng = np.random.default_rng(seed)
    h, x = rng.uniform(-1, 1, (4, network.state_size)), rng.normal(size=(4, reads))
    u, v = rng.normal(size=h.shape), rng.normal(size=x.shape)
    for name in ("step", "speed", "jacobian", "input_jacobian"):
        found, right = getattr(cell, name)(h, x), getattr(native, name)(h, x)
        np.testing.assert_allclose(found, right, rtol=0, atol=1e-13)
        np.testing.assert_allclose(getattr(cell, name)(h), getattr(native, name)(h), atol=1e-13)
    for name, vector in (("jvp", u), ("vjp", u), ("input_jvp", v), ("input_vjp", u)):
        found, right = getattr(cell, name)(h, x, vector), getattr(native, name)(h, x, vector)
        np.testing.assert_allclose(found, right, rtol=0, atol=1e-12)
    np.testing.assert_allclose(cell.residual(h, x), native.step(h, x) - h, rtol=0, atol=1e-13)
    j = native.jacobian(h, x) - np.eye(network.state_size)
    np.testing.assert_allclose(cell.residual_jacobian(h, x), j, rtol=0, atol=1e-13)


@pytest.mark.parametrize("method", METHODS)
def test_the_solvers_find_what_they_find_in_the_cell(method: str) -> None:
    network = random_network("gru", 6, 2, gain=1.5, seed=6)
    rng = np.random.default_rng(0)
    starts, x = rng.uniform(-1, 1, (6, 6)), rng.normal(size=(6, 2))
    cell = as_function(network, bounds=(-1, 1))
    found = nc.find_fixed_points(cell, starts, x, method=method, max_iterations=100, tol_slow=1e-3)
    assert (np.abs(found.h) <= 1).all()
    if method == "gradient":
        right = nc.find_fixed_points(
            network.cell(), starts, x, method=method, max_iterations=100, tol_slow=1e-3
        )
        np.testing.assert_allclose(found.h, right.h, rtol=0, atol=1e-3)
        return
    fixed = found.kind == "fixed"
    assert fixed.mean() > 0.5
    np.testing.assert_allclose(network.cell().step(found.h, x)[fixed], found.h[fixed], atol=1e-12)
    for i in np.flatnonzero(fixed):
        right = nc.find_fixed_points(network.cell(), found.h[[i]], x[i])
        np.testing.assert_allclose(right.h[0], found.h[i], rtol=0, atol=1e-9)


@pytest.mark.parametrize("method", ["auto", "newton"])
def test_all_fixed_points_of_independent_units_are_found(method: str) -> None:
    """h' = h + 0.3 (h - h³), unit by unit: every combination of -1, 0 and 1 is a fixed point."""
    cell = nc.from_function(lambda _, h: h + 0.3 * (h - h**3), 2, 0)
    starts = np.random.default_rng(0).uniform(-1.3, 1.3, (400, 2))
    points = nc.find_fixed_points(cell, starts, method=method).select("fixed").unique()
    found = sorted(map(tuple, np.round(points.h, 9) + 0.0))
    assert found == [(a, b) for a in (-1.0, 0.0, 1.0) for b in (-1.0, 0.0, 1.0)]
    stable = nc.linearize(cell, points).is_stable
    np.testing.assert_array_equal(stable, (np.abs(points.h) > 0.5).all(axis=1))
    known = points.select([0])
    other = nc.find_fixed_points(cell, known.h, deflate=known).select("fixed")
    assert np.abs(other.h - known.h).max() > 0.5


def test_a_minimum_that_is_no_zero_is_slow() -> None:
    cell = nc.from_function(lambda x, h: h + (h**2 + 1e-4) + 0 * x, 1, 1)
    found = nc.find_fixed_points(cell, np.array([[-0.3], [0.2]]))
    assert set(found.kind) == {"slow"}
    np.testing.assert_allclose(found.h, 0, rtol=0, atol=1e-3)
    np.testing.assert_allclose(found.q, 1e-8, rtol=1e-3)


def test_single_precision_finds_points_of_the_cell() -> None:
    torch.manual_seed(0)
    layer = torch.nn.GRUCell(3, 5)
    cell = nc.from_function(layer, 5, 3, dtype=np.float32)
    starts = np.random.default_rng(0).uniform(-1, 1, (10, 5)).astype(np.float32)
    found = nc.find_fixed_points(cell, starts)
    (compiled,) = nc.from_torch(layer, dtype=np.float32)
    native = nc.find_fixed_points(compiled, starts)
    assert found.h.dtype == np.float32
    assert set(found.kind) == {"fixed"}
    slope = compiled.jacobian(native.h[:1])[0]
    stretch = np.linalg.norm(np.linalg.inv(np.eye(5) - slope), 2)
    allowed = 64 * np.finfo(np.float32).eps * (1 + np.linalg.norm(native.h[0])) * np.sqrt(5)
    np.testing.assert_allclose(found.h, native.h, rtol=0, atol=stretch * allowed)


def test_a_function_may_be_the_first_cell_of_a_process() -> None:
    script = (
        "import torch, nullcline as nc\n"
        "cell = nc.from_function(lambda x, h: torch.tanh(0.5 * h), 2, 0)\n"
        "print(set(nc.find_fixed_points(cell, [[0.5, -0.5]]).kind) == {'fixed'})"
    )
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=False
    )
    assert ended.stdout == "True\n", ended.stderr


def test_a_function_needs_nothing_of_pytorchs_compiler() -> None:
    """To import it takes longer than a search."""
    script = (
        "import sys, torch, nullcline as nc\n"
        "w = torch.eye(40, dtype=torch.float64) / 2\n"
        "cell = nc.from_function(lambda x, h: torch.tanh(h @ w), 40, 0)\n"
        "for method in ('auto', 'lm'):\n"
        "    nc.find_fixed_points(cell, [[0.5] * 40], method=method)\n"
        "print('torch._dynamo' in sys.modules)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert ended.stdout == "False\n", ended.stderr


def test_any_number_of_starts_is_searched() -> None:
    cell = nc.from_function(lambda x, h: torch.tanh(0.5 * h + x), 1, 1)
    assert len(nc.find_fixed_points(cell, np.zeros((0, 1)))) == 0
    assert cell.jacobian(np.zeros((0, 1))).shape == (0, 1, 1)
    seen: list[tuple[int, int]] = []
    starts = np.linspace(-1, 1, 700)[:, None]
    found = nc.find_fixed_points(cell, starts, progress=lambda *done: seen.append(done))
    np.testing.assert_allclose(found.h, 0, rtol=0, atol=1e-13)
    assert seen[-1] == (700, 700)


def test_what_a_function_raises_ends_the_search() -> None:
    left: float = np.inf

    def f(x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        nonlocal left
        left -= 1
        if left < 0:
            raise ArithmeticError("enough")
        return torch.tanh(h + x)

    cell = nc.from_function(f, 2, 2)
    left = 20
    with pytest.raises(ArithmeticError, match="enough"):
        nc.find_fixed_points(cell, np.full((3, 2), 0.7))


def test_a_stack_may_have_a_function_for_a_layer() -> None:
    network = random_network("gru", 4, 3, gain=0.5, seed=1)
    other = random_network("tanh", 3, 2, gain=0.5, seed=2)
    stack = nc.Stack([other.cell(), as_function(network)])
    points = nc.find_fixed_points(stack, np.zeros((2, 7)), [0.5, -0.5])
    assert set(points.kind) == {"fixed"}
    np.testing.assert_allclose(stack.step(points.h, [0.5, -0.5]), points.h, rtol=0, atol=1e-12)


LINEAR = torch.nn.Linear(2, 2).double()
NORM = torch.nn.BatchNorm1d(2).double()
with torch.inference_mode():
    INFERENCE = torch.ones(2, dtype=torch.float64)


class Compiled(torch.autograd.Function):
    """What `torch.compile` makes of a function, as far as autograd is concerned."""

    @staticmethod
    def forward(_: Any, h: torch.Tensor) -> torch.Tensor:
        return h.tanh()

    @staticmethod
    def backward(*_: Any) -> torch.Tensor:
        raise RuntimeError("This backward function was compiled with non-empty donated buffers")


BAD: dict[str, tuple[Any, type[Exception], str]] = {
    "no function": (3, TypeError, "f must be a function"),
    "another shape": (lambda _, h: h[:, :1], ValueError, r"not \(3, 1\)"),
    "no tensor": (lambda *_: 3, TypeError, "as a tensor, not int"),
    "None": (lambda *_: None, TypeError, "as a tensor, not NoneType"),
    "one row": (lambda _, h: h[0], ValueError, r"\(3, 2\), not \(2,\)"),
    "a tuple": (lambda _, h: (h, h), TypeError, r"state alone, and for an LSTM torch.cat\(\[h, c"),
    "another type": (lambda _, h: h.float(), TypeError, "must compute in float64.*dtype=float32"),
    "integers": (lambda _, h: h.long(), TypeError, "returned int64: give it weights of that type$"),
    "comparisons": (lambda _, h: h > 0, TypeError, "returned bool: give it weights of that type$"),
    "complex": (lambda _, h: h + 0j, TypeError, "returned complex128"),
    "another device": (lambda _, h: h.to("meta"), TypeError, "dense tensor on the CPU.* on meta"),
    "sparse": (lambda _, h: h.to_sparse(), TypeError, r"sparse_coo on cpu.*\.to_dense\(\)"),
    "NaN": (lambda _, h: torch.sqrt(h - 1), ValueError, "finite states.*say by bounds="),
    "NaN derivatives": (
        lambda _, h: torch.where(h > -9, h, torch.sqrt(h - 9)),
        ValueError,
        "finite derivatives",
    ),
    "no state in it": (lambda _, h: torch.zeros_like(h), TypeError, "does not depend on them"),
    "weights alone": (lambda x, _: LINEAR(x.expand(-1, 2)), TypeError, "does not depend on them"),
    "detached within": (lambda _, h: LINEAR(h.detach()), TypeError, "does not depend on them"),
    "NumPy": (lambda _, h: np.tanh(h @ np.eye(2)), TypeError, "a function of NumPy.*torch's op"),
    "NumPy's result": (
        lambda _, h: np.tanh(h),
        TypeError,
        "a function of NumPy.*torch's operations",
    ),
    "NumPy of a tensor": (lambda _, h: torch.tensor(h.numpy()), TypeError, "f uses NumPy"),
    "float32 weights": (
        torch.nn.GRUCell(1, 2),
        TypeError,
        r"does not take float64, and takes float32.*\.double\(\), or say dtype=float32",
    ),
    "a GRU": (torch.nn.GRU(1, 2).double(), TypeError, r"class GRU.*from_module\(f\)"),
    "an LSTMCell": (torch.nn.LSTMCell(1, 2).double(), TypeError, r"class LSTMCell.*from_module"),
    "half in part": (
        lambda _, h: torch.tanh(h.bfloat16()).double(),
        TypeError,
        "uses bfloat16 in part.*leave out the casts",
    ),
    "inference weights": (
        lambda _, h: torch.tanh(h * INFERENCE),
        TypeError,
        r"inference tensors for weights.*w.clone\(\)",
    ),
    "an old checkpoint": (
        lambda x, h: checkpoint(lambda y: torch.tanh(y + x), h, use_reentrant=True),
        TypeError,
        "differentiable by PyTorch, whose autograd raised .*use_reentrant",
    ),
    "an error": (lambda _, h: 1 // 0 * h, RuntimeError, r"f raised ZeroDivisionError.*\(3, 2\)"),
    "a batch of three": (
        lambda _, h: torch.tanh(h) + torch.zeros(3, 2).double(),
        ValueError,
        r"^f must return states of the shape .* \(1, 2\), not \(3, 2\)$",
    ),
    "a batch of one": (
        lambda _, h: NORM(h),
        RuntimeError,
        r"f raised ValueError: Expected more than 1 value.*states of shape \(1, 2\)",
    ),
    "a single state": (
        lambda _, h: torch.tanh(torch.mv(LINEAR.weight, h)),
        RuntimeError,
        r"takes a single state: pass torch.func.vmap\(f\)$",
    ),
    "states first": (
        lambda h, x: LINEAR(h) + x,
        RuntimeError,
        r"takes states first: pass lambda x, h: f\(h, x\)$",
    ),
    "states alone": (LINEAR, RuntimeError, r"takes states alone: pass lambda x, h: f\(h\)$"),
    "compiled": (lambda _, h: Compiled.apply(h), TypeError, r"torch.compile.*module\._orig_mod"),  # type: ignore[no-untyped-call]
    "detached": (lambda _, h: h.detach() * 2, TypeError, "must be differentiable"),
    "NumPy within": (
        lambda _, h: torch.from_numpy(np.tanh(h.detach().numpy())),
        TypeError,
        "must be differentiable",
    ),
    "mixed rows": (lambda _, h: torch.tanh(h - h.mean(0)), ValueError, "each row by itself"),
    "random": (lambda _, h: h + torch.rand_like(h), ValueError, "the same for the same"),
}


@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")
@pytest.mark.parametrize("case", sorted(BAD))
def test_bad_functions_are_refused(case: str) -> None:
    f, error, message = BAD[case]
    with pytest.raises(error, match=message):
        nc.from_function(f, 2, 1)


def test_other_bad_input_is_refused() -> None:
    cell = nc.from_function(lambda _, h: torch.tanh(h), 2, 0)
    with pytest.raises(ValueError, match="n_states must lie"):
        nc.from_function(lambda _, h: h, 0, 1)
    with pytest.raises(ValueError, match="bounds must be two numbers"):
        nc.from_function(lambda _, h: h, 1, 1, bounds=(1, -1))
    with pytest.raises(ValueError, match=r"starts must have shape \(n, 2\)"):
        nc.find_fixed_points(cell, np.zeros((1, 3)))
    with pytest.raises(TypeError, match="a FunctionCell cannot be certified"):
        nc.find_fixed_points(cell, np.zeros((1, 2))).certify()
    for smooth in (1, "yes"):
        with pytest.raises(TypeError, match="smooth must be True, False or None"):
            nc.from_function(lambda _, h: torch.tanh(h), 1, 1, smooth=smooth)  # type: ignore[arg-type]


# What is known of a function


@pytest.mark.parametrize(
    ("bounds", "low", "high"),
    [
        (None, -np.inf, np.inf),
        ((0, 10), 0, 10),
        ((0, np.inf), 0, np.inf),
        ((-np.inf, 1), -np.inf, 1),
    ],
)
def test_bounds_are_the_box(bounds: tuple[float, float] | None, low: float, high: float) -> None:
    cell = nc.from_function(lambda _, h: h / 2 + 0.5, 2, 1, bounds=bounds)
    np.testing.assert_array_equal(cell.box.low, [low] * 2)
    np.testing.assert_array_equal(cell.box.high, [high] * 2)
    found = nc.find_fixed_points(cell, np.full((1, 2), 0.3))
    np.testing.assert_allclose(found.h, 1)


W = torch.tensor([[0.3, -0.2], [0.1, 0.4]], dtype=torch.float64)

KINKS: dict[str, Any] = {
    "relu": torch.relu,
    "leaky": torch.nn.functional.leaky_relu,
    "hard tanh": torch.nn.functional.hardtanh,
    "clamp": lambda a: a.clamp(min=0),
    "abs": torch.abs,
    "maximum": lambda a: torch.maximum(a, torch.zeros_like(a)),
    "round": lambda a: a + torch.round(a),
    "inside": lambda a: torch.tanh(torch.relu(a)),
    "vmap": torch.func.vmap(torch.relu),
    "module": torch.nn.Sequential(torch.nn.Tanh(), torch.nn.PReLU(dtype=torch.float64)),
}
SMOOTH: dict[str, Any] = {
    "tanh": torch.tanh,
    "softplus": torch.nn.functional.softplus,
    "gelu": torch.nn.functional.gelu,
    "softmax": lambda a: torch.softmax(a, 1),
    "beside": lambda a: torch.tanh(a) + torch.relu(W).sum(),
    "module": torch.nn.Sequential(torch.nn.Linear(2, 2, dtype=torch.float64), torch.nn.SiLU()),
}


@pytest.mark.parametrize("case", KINKS)
def test_kinks_are_seen(case: str) -> None:
    def f(x: torch.Tensor, h: torch.Tensor) -> Any:
        return KINKS[case](h @ W + x)

    assert not nc.from_function(f, 2, 2).is_smooth
    assert nc.from_function(f, 2, 2, smooth=True).is_smooth


@pytest.mark.parametrize("case", SMOOTH)
def test_smooth_functions_are_smooth_unless_it_is_said(case: str) -> None:
    def f(x: torch.Tensor, h: torch.Tensor) -> Any:
        return SMOOTH[case](h @ W + x)

    assert nc.from_function(f, 2, 2).is_smooth
    assert not nc.from_function(f, 2, 2, smooth=False).is_smooth


# Ways to differentiate

WEIGHTS = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 4, 4)) * 0.6)
W_REC, W_IN = WEIGHTS
with warnings.catch_warnings():  # sparse rows are new to PyTorch
    warnings.simplefilter("ignore")
    SPARSE = W_REC.T.to_sparse_csr()
STATES = np.random.default_rng(1).uniform(-0.9, 0.9, (5, 4))
DRIVES = np.random.default_rng(2).uniform(-0.9, 0.9, (5, 4))


def plain(x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
    """Return the next states as every function below does, in one way or another."""
    return 0.8 * h + 0.2 * torch.tanh(h @ W_REC + x @ W_IN)


def into_zeros(x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
    following = torch.zeros(h.shape, dtype=h.dtype)
    for i in range(4):
        total = (h * W_REC[:, i]).sum(1) + (x * W_IN[:, i]).sum(1)
        following[:, i] = 0.8 * h[:, i] + 0.2 * torch.tanh(total)
    return following


def by_mask(x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
    following = plain(x, h).clone()
    following[following > 9] = 9
    return following


def with_item(x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
    return plain(x, h) * (1 if h.abs().max().item() < 9 else 0)


def with_if(x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
    following = plain(x, h)
    return following if (following < 9).all() else 0 * following


def with_numpy(x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
    return plain(x, h) * float(h.detach().numpy().max() < 9)


class OldTanh(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(a.tanh())
        return a.tanh()

    @staticmethod
    def backward(ctx: Any, g: torch.Tensor) -> Any:
        return g * (1 - ctx.saved_tensors[0] ** 2)


def with_own_backward(x: torch.Tensor, h: torch.Tensor) -> Any:
    return 0.8 * h + 0.2 * OldTanh.apply(h @ W_REC + x @ W_IN)  # type: ignore[no-untyped-call]


def with_checkpoint(x: torch.Tensor, h: torch.Tensor) -> Any:
    return checkpoint(plain, x, h, use_reentrant=False)


def with_sparse_weights(x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
    return 0.8 * h + 0.2 * torch.tanh((SPARSE @ h.T).T + x @ W_IN)


class Counting(torch.nn.Module):
    """A module that writes to a buffer whenever it is called."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("last", torch.zeros(4, dtype=torch.float64))
        self.register_buffer("calls", torch.tensor(0))

    def forward(self, x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        self.calls: Any = self.calls + 1
        following = plain(x, h)
        torch.as_tensor(self.last).copy_(following.detach().sum(0))
        return following


VMAP_REFUSES: dict[str, tuple[Any, str | None]] = {
    "into zeros": (into_zeros, None),
    "a mask": (by_mask, None),
    "item": (with_item, "one row at a time"),
    "if": (with_if, "one row at a time"),
    "NumPy": (with_numpy, "one row at a time"),
    "own backward": (with_own_backward, "one pass for each unit"),
    "checkpoint": (with_checkpoint, None),
    "sparse": (with_sparse_weights, None),
    "buffers": (Counting(), None),
}


def assert_same_derivatives(cell: Any, right: Any) -> None:
    for name in ("step", "jacobian", "input_jacobian", "residual_jacobian", "speed"):
        found, known = getattr(cell, name)(STATES, DRIVES), getattr(right, name)(STATES, DRIVES)
        np.testing.assert_allclose(found, known, rtol=0, atol=1e-14, err_msg=name)
    for name in ("jvp", "vjp", "input_jvp", "input_vjp", "residual_input_jvp"):
        found, known = (getattr(of, name)(STATES, DRIVES, DRIVES) for of in (cell, right))
        np.testing.assert_allclose(found, known, rtol=0, atol=1e-14, err_msg=name)


@pytest.mark.parametrize("case", VMAP_REFUSES)
def test_what_vmap_refuses_is_differentiated_by_autograd(case: str) -> None:
    f, how = VMAP_REFUSES[case]
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        cell = nc.from_function(f, 4, 4)
    if how is None:  # a search by products is as fast as ever
        assert not said
    else:
        (one,) = said
        assert one.category is FunctionWarning
        assert re.search(f"{how}.*slower: torch.func.vmap refuses it", str(one.message))
        assert one.filename == __file__
    right = nc.from_function(plain, 4, 4)
    assert_same_derivatives(cell, right)
    found, known = (nc.find_fixed_points(of, STATES, DRIVES) for of in (cell, right))
    np.testing.assert_array_equal(found.kind, known.kind)
    np.testing.assert_allclose(found.h, known.h, rtol=0, atol=1e-12)


@settings(max_examples=8)
@given(st.sampled_from(["gru", "lstm", "tanh", "relu"]), st.integers(1, 5), seeds)
def test_all_ways_give_the_same_derivatives(kind: str, size: int, seed: int) -> None:
    network = random_network(kind, size, 2, seed=seed)

    def f(x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        return torch.stack([network.step(h[i], x[i]) for i in range(len(h))])

    rng = np.random.default_rng(seed)
    h, x = rng.uniform(-1, 1, (3, network.state_size)), rng.normal(size=(3, 2))
    u = rng.normal(size=h.shape)
    right, *others = (way(f) for way in (Vectorized, Batched, RowByRow))
    for other in others:
        np.testing.assert_allclose(other.step(h, x), right.step(h, x), rtol=0, atol=1e-14)
        for by in (0, 1):
            known = right.jacobian(h, x, by=by)
            np.testing.assert_allclose(other.jacobian(h, x, by=by), known, rtol=0, atol=1e-13)
            product = np.einsum("nj,njk->nk", u, known)
            np.testing.assert_allclose(other.vjp(h, x, u, by=by), product, rtol=0, atol=1e-12)


def test_rows_decide_each_for_itself() -> None:
    """With one row beyond 1 and one within, `if` over all rows would decide for both."""

    def f(x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        return 0.5 * h + x if (h < 1).all() else 0.25 * h + x

    with pytest.warns(FunctionWarning, match="one row at a time, since it decides by values"):
        cell = nc.from_function(f, 1, 1)
    h, x = np.array([[0.5], [2.0]]), np.array([[0.25], [3.0]])
    np.testing.assert_array_equal(cell.step(h, x), [[0.5], [3.5]])
    np.testing.assert_array_equal(cell.jacobian(h, x), [[[0.5]], [[0.25]]])
    np.testing.assert_array_equal(cell.vjp(h, x, h), [[0.25], [0.5]])
    found = nc.find_fixed_points(cell, h, x)
    np.testing.assert_allclose(found.h, [[0.5], [4.0]], rtol=0, atol=1e-13)


@pytest.mark.filterwarnings("ignore:`torch.jit.script`")
def test_a_script_that_decides_is_seen_to() -> None:
    script: Any = torch.jit.script(scripted_half)
    with pytest.warns(FunctionWarning, match="one row at a time"):
        cell = nc.from_function(lambda _, h: script(h), 1, 0)
    np.testing.assert_array_equal(cell.step([[0.5], [2.0]]), [[0.25], [0.5]])


def scripted_half(h: torch.Tensor) -> torch.Tensor:
    return 0.5 * h if bool((h < 1).all()) else 0.25 * h


@pytest.mark.parametrize("kind", ["GRU", "LSTM", "RNN"])
def test_a_layer_within_a_function_is_the_layer(kind: str) -> None:
    torch.manual_seed(0)
    layer = getattr(torch.nn, kind)(3, 4, batch_first=True).double()

    def step(x: torch.Tensor, s: torch.Tensor) -> Any:
        if kind != "LSTM":
            return layer(x[:, None], s[None].contiguous())[1][0]
        h, c = (part[None].contiguous() for part in torch.split(s, 4, dim=1))
        return torch.cat(layer(x[:, None], (h, c))[1], dim=2)[0]

    (right,) = nc.from_torch(layer)
    cell = nc.from_function(step, right.state_size, 3)
    rng = np.random.default_rng(0)
    s, x = rng.uniform(-0.9, 0.9, (5, right.state_size)), rng.normal(size=(5, 3))
    np.testing.assert_allclose(cell.jacobian(s, x), right.jacobian(s, x), rtol=0, atol=1e-14)
    found, known = (nc.find_fixed_points(of, s, x) for of in (cell, right))
    np.testing.assert_allclose(found.h, known.h, rtol=0, atol=1e-10)


def test_what_a_function_writes_to_is_not_the_users() -> None:
    buffer = torch.zeros(9, 2, dtype=torch.float64)

    def f(x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        h *= 0.5
        h += x
        with torch.no_grad():
            buffer[: len(h)] = h
        return h

    cell = nc.from_function(f, 2, 2)
    assert not buffer.any()
    h, x = np.ones((3, 2)), np.full((3, 2), 0.25)
    first = cell.step(h, x)
    np.testing.assert_array_equal(h, 1)
    np.testing.assert_array_equal(first, 0.75)
    np.testing.assert_array_equal(cell.speed(h, x), 0.0625)
    np.testing.assert_array_equal(cell.jacobian(h, x), np.tile(np.eye(2) / 2, (3, 1, 1)))


def test_what_a_function_returns_twice_is_not_shared() -> None:
    kept = torch.zeros(3, 2, dtype=torch.float64)

    def f(_: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        if torch.is_grad_enabled() or len(h) != 3:
            return 0.5 * h
        return kept.copy_(0.5 * h)

    cell = nc.from_function(f, 2, 0)
    first = cell.step(np.ones((3, 2)))
    cell.step(np.zeros((3, 2)))
    np.testing.assert_array_equal(first, 0.5)


# Nothing is changed


@pytest.mark.parametrize("training", [True, False])
def test_making_a_cell_changes_nothing_of_a_module(training: bool) -> None:
    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = torch.nn.GRUCell(4, 4).double()
            self.counting = Counting()
            self.norm = torch.nn.BatchNorm1d(4).double().eval()

        def forward(self, x: torch.Tensor, h: torch.Tensor) -> Any:
            self.counting(x, h)
            return self.norm(self.cell(x, h))

    net = Net().train(training)
    net.norm.eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    modes = [module.training for module in net.modules()]

    def by_name(x: torch.Tensor, h: torch.Tensor) -> Any:
        return net(x, h)

    for f in (net, net.forward, by_name, functools.partial(net)):
        nc.from_function(f, 4, 4)
        for name, value in net.state_dict().items():
            assert torch.equal(value, before[name]), name
        assert [module.training for module in net.modules()] == modes
        assert all(parameter.grad is None for parameter in net.parameters())


NOISE = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Dropout()).double()


@pytest.mark.parametrize(
    "f",
    [
        lambda _, h: NOISE(h),
        lambda _, h: NORM.train()(h),
        lambda _, h: h + 0 * torch.rand(1),
        lambda _, h: h + float(0 * np.random.rand() * random.random()),  # noqa: NPY002, S311
    ],
)
def test_making_a_cell_draws_no_random_numbers_that_count(f: Any) -> None:
    def state() -> Any:
        numpys = np.random.rand(3).tolist()  # noqa: NPY002
        return torch.rand(3).tolist(), numpys, random.random()  # noqa: S311

    def seed() -> None:
        torch.manual_seed(0)
        np.random.seed(0)  # noqa: NPY002
        random.seed(0)

    buffers = {name: value.clone() for name, value in NORM.state_dict().items()}
    seed()
    expected = state()
    seed()
    with contextlib.suppress(ValueError, RuntimeError, FunctionWarning):
        nc.from_function(f, 2, 0)
    assert state() == expected
    for name, value in NORM.state_dict().items():
        assert torch.equal(value, buffers[name]), name


MODES: dict[str, Any] = {
    "inference_mode": torch.inference_mode,
    "no_grad": torch.no_grad,
    "autocast": lambda: torch.autocast("cpu"),
}


@pytest.mark.parametrize("f", [plain, with_if])
@pytest.mark.parametrize("mode", MODES)
def test_the_callers_modes_of_autograd_have_no_part_in_it(mode: str, f: Any) -> None:
    slow = pytest.warns(FunctionWarning) if f is with_if else contextlib.nullcontext()
    with slow:
        right = nc.from_function(f, 4, 4)
    with MODES[mode](), pytest.warns(FunctionWarning) if f is with_if else slow:
        cell = nc.from_function(f, 4, 4)
    known = nc.find_fixed_points(right, STATES, DRIVES)
    for one in (cell, right):
        with MODES[mode]():
            assert_same_derivatives(one, nc.from_function(plain, 4, 4))
            found = nc.find_fixed_points(one, torch.tensor(STATES), torch.tensor(DRIVES))
        np.testing.assert_array_equal(found.h, known.h)
        np.testing.assert_array_equal(found.kind, known.kind)


@pytest.mark.parametrize("mode", ["autocast"])
def test_single_precision_is_not_made_coarser_by_the_caller(mode: str) -> None:
    w = W_REC.float()
    cell = nc.from_function(lambda _, h: torch.tanh(h @ w), 4, 0, dtype=torch.float32)
    h = STATES.astype(np.float32)
    right = cell.step(h), cell.jacobian(h)
    with MODES[mode]():
        np.testing.assert_array_equal(cell.step(h), right[0])
        np.testing.assert_array_equal(cell.jacobian(h), right[1])


# Precision


@settings(max_examples=5)
@given(st.integers(1, 8), st.floats(0.001, 1), seeds)
def test_float32_within_float64_is_said_and_searched_as_such(
    size: int, alpha: float, seed: int
) -> None:
    w = torch.from_numpy(np.random.default_rng(seed).normal(size=(size, size)) / np.sqrt(size))
    starts = np.random.default_rng(seed).normal(size=(10, size))

    def exact(_: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        return (1 - alpha) * h + alpha * (torch.tanh(h) @ (0.9 * w) + 0.1)

    def mixed(_: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        return (1 - alpha) * h + alpha * (torch.tanh(h).float() @ (0.9 * w).float() + 0.1)

    right = nc.from_function(exact, size, 0)
    assert right.precision == np.float64
    with pytest.warns(FunctionWarning, match=r"float32 in part.*module.double\(\)"):
        cell = nc.from_function(mixed, size, 0)
    assert cell.dtype == np.float64
    assert cell.precision == np.float32
    found = nc.find_fixed_points(cell, starts)
    known = nc.find_fixed_points(right, starts, max_iterations=200)
    assert found.h.dtype == np.float64
    bound = 64 * np.finfo(np.float32).eps * (1 + np.linalg.norm(found.h, axis=1, keepdims=True))
    fixed = found.kind == "fixed"
    moved = np.abs(right.step(found.h) - found.h)
    assert (moved[fixed] <= 1.1 * np.broadcast_to(bound, moved.shape)[fixed]).all()
    assert fixed.sum() >= (known.kind == "fixed").sum() - 1
    with pytest.raises(TypeError, match="cell computes in float32 in part, too coarse to follow"):
        nc.trace(cell, found)
    with pytest.raises(TypeError, match="too coarse to follow"):
        nc.follow_input(nc.Stack([cell]), starts[:1], np.zeros(0))


@settings(max_examples=6)
@given(
    st.sampled_from(["gru", "lstm", "tanh", "relu", "rate"]), st.sampled_from([0.1, 1, 30]), seeds
)
def test_no_function_of_float64_is_doubted(kind: str, gain: float, seed: int) -> None:
    network = random_network(kind, 6, 2, gain=gain, seed=seed)
    cell = as_function(network)  # a warning is an error
    assert cell.precision == np.float64
    w = torch.from_numpy(network.weight_hh[:6]).float()
    cell = nc.from_function(lambda _, h: torch.tanh(h @ w), 6, 0, dtype=np.float32)
    assert cell.precision == np.float32


def surrogate(x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
    smooth = torch.sigmoid(h + x)
    return 0.5 * h + ((h + x > 0).double() - smooth).detach() + smooth


@pytest.mark.parametrize(
    "f",
    [surrogate, lambda x, h: 0.95 * h + 0.05 * torch.tanh(h.detach() + x)],
    ids=["surrogate", "detached in part"],
)
def test_derivatives_that_are_not_those_of_the_values_are_doubted(f: Any) -> None:
    with pytest.warns(FunctionWarning, match="derivatives, as PyTorch finds them, that are not"):
        assert nc.from_function(f, 3, 3).precision == np.float64


@pytest.mark.parametrize("bounds", [(5, 6), (-6, -5), (2, np.inf), (-np.inf, -3), (-1e300, 1e300)])
def test_a_function_is_asked_for_states_within_its_bounds(bounds: tuple[float, float]) -> None:
    seen: list[float] = []

    def f(_: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        seen.extend(h.detach().flatten().tolist())
        return h / 2

    with pytest.warns(FunctionWarning):  # because it reads values
        nc.from_function(f, 2, 0, bounds=bounds)
    assert bounds[0] <= min(seen)
    assert max(seen) <= bounds[1]
    assert max(map(abs, seen)) < 10


@pytest.mark.parametrize("bounds", [5, (1,), (0, 1, 2), ("a", "b"), (0, None), (np.nan, 1), (1, 1)])
def test_bad_bounds_are_refused(bounds: Any) -> None:
    with pytest.raises(ValueError, match="bounds must be two numbers"):
        nc.from_function(lambda _, h: h / 2, 2, 0, bounds=bounds)


def test_types_are_those_of_numpy_or_pytorch() -> None:
    for dtype in (torch.float32, np.float32, "float32"):
        cell = nc.from_function(lambda _, h: h / 2, 2, 0, dtype=dtype)
        assert cell.dtype == np.float32
    for bad in (torch.float16, torch.int64, int, "nonsense"):
        with pytest.raises(TypeError, match=r"dtype must be numpy\.float64 or numpy\.float32, not"):
            nc.from_function(lambda _, h: h / 2, 2, 0, dtype=bad)
