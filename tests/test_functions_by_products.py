"""Searches over functions by products with their Jacobians, against those of compiled cells."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

import nullcline as nc
from nullcline.cells._derivatives import Batched, Vectorized
from nullcline.interop import FunctionWarning, _device
from nullcline.interop._device import device_of
from testing.every_cell import Network, random_network
from testing.gru_samples import seeds

if TYPE_CHECKING:
    from nullcline.cells import FunctionCell

N_UNITS = 40
"""More than the size up to which functions are searched with dense factors."""


def written(network: Network) -> Any:
    """Return a network as its user writes it: operations of PyTorch over all rows."""
    step = torch.func.vmap(lambda x, h: network.step(h, x))

    def f(x: torch.Tensor, h: torch.Tensor) -> Any:
        return step(x, h)

    return f


def function_of(network: Network) -> FunctionCell:
    box = network.cell().box
    bounds = None if network.kind == "lstm" else (box.low.min(), box.high.max())  # c has no box
    return nc.from_function(written(network), network.state_size, network.input_size, bounds=bounds)


def starts_of(network: Network, n: int) -> Any:
    rng = np.random.default_rng(0)
    states = rng.uniform(-1, 1, (n, network.state_size))
    for _ in range(3):
        states = network.cell().step(states, rng.normal(size=(n, network.input_size)))
    return states


@settings(max_examples=6)
@given(st.sampled_from(["gru", "lstm", "tanh", "leaky"]), st.sampled_from([0.8, 1.5]), seeds)
def test_a_function_has_the_points_of_the_cell(kind: str, gain: float, seed: int) -> None:
    network = random_network(kind, N_UNITS, 2, gain, seed=seed)
    starts, x = starts_of(network, 6), [0.3, -0.2]
    native, cell = network.cell(), function_of(network)
    found, right = (nc.find_fixed_points(of, starts, x) for of in (cell, native))
    fixed = found.kind == "fixed"
    # What a function calls fixed is so in the cell, where it is a zero to rounding.
    again = nc.find_fixed_points(native, found.h[fixed], x)
    assert set(again.kind) <= {"fixed"}
    np.testing.assert_allclose(again.h, found.h[fixed], rtol=0, atol=1e-7)
    if gain < 1 and set(right.kind) == {"fixed"} and len(right.unique()) == 1:
        assert set(found.kind) == {"fixed"}
        np.testing.assert_allclose(found.h, right.h, rtol=0, atol=1e-8)


@settings(max_examples=5)
@given(st.sampled_from(["gru", "lstm", "tanh"]), st.integers(1, 6), seeds)
def test_second_derivatives_are_those_of_the_cell(kind: str, size: int, seed: int) -> None:
    network = random_network(kind, size, 2, seed=seed)
    native, cell = network.cell(), function_of(network)
    rng = np.random.default_rng(seed)
    h, u, v = rng.uniform(-1, 1, (3, 4, network.state_size))
    x = rng.normal(size=(4, 2))
    np.testing.assert_allclose(cell.hvp(h, x, u, v), native.hvp(h, x, u, v), rtol=0, atol=1e-12)
    assert cell.hvp(h[:0], x[:0], u[:0], v[:0]).shape == (0, network.state_size)
    linearized = cell._derivatives.linearized(h, x, u)  # type: ignore[attr-defined]
    np.testing.assert_allclose(linearized.pulled, native.vjp(h, x, u), rtol=0, atol=1e-12)
    np.testing.assert_allclose(linearized.backward(v), native.vjp(h, x, v), rtol=0, atol=1e-12)
    product, bent = linearized.curved(v)
    np.testing.assert_allclose(linearized.forward(v), product, rtol=0, atol=0)
    np.testing.assert_allclose(product, native.jvp(h, x, v), rtol=0, atol=1e-12)
    np.testing.assert_allclose(bent, native.hvp(h, x, u, v), rtol=0, atol=1e-12)


def test_a_search_converges_to_ghosts_as_newtons_method_does() -> None:
    """Without second derivatives it takes twice as many iterations."""
    network = random_network("tanh", N_UNITS, 2, 2.0, seed=1)
    starts = starts_of(network, 12)
    found = nc.find_fixed_points(function_of(network), starts, method="krylov")
    at_ghost = found.kind == "minimum"
    assert at_ghost.sum() >= 6
    assert np.median(found.iterations[at_ghost]) < 25
    right = nc.find_fixed_points(network.cell(), found.h[at_ghost])
    assert set(right.kind) == {"minimum"}
    np.testing.assert_allclose(right.h, found.h[at_ghost], rtol=0, atol=1e-3)


@pytest.fixture
def jacobians(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many dense Jacobians were made in each call."""
    made: list[int] = []
    for way in (Batched, Vectorized):
        own = way.jacobian

        def counted(self: Any, h: Any, x: Any, *, by: int, own: Any = own) -> Any:
            made.append(len(h))
            return own(self, h, x, by=by)

        monkeypatch.setattr(way, "jacobian", counted)
    return made


@pytest.mark.parametrize("method", ["auto", "krylov"])
def test_no_start_has_a_jacobian_of_its_own(method: str, jacobians: list[int]) -> None:
    network = random_network("gru", N_UNITS, 2, seed=3)
    cell = function_of(network)
    starts = starts_of(network, 60)
    jacobians.clear()
    found = nc.find_fixed_points(cell, starts, method=method)
    assert set(found.kind) == {"fixed"}
    assert jacobians == ([1] if method == "auto" else [])


def test_starts_whose_subspaces_are_dear_are_handed_to_dense_factors(
    jacobians: list[int],
) -> None:
    """Of a chaotic network, whose subspaces are wide; the ends are those of the cell."""
    network = random_network("leaky", N_UNITS, 2, 2.0, seed=1)
    cell, starts = function_of(network), starts_of(network, 30)
    jacobians.clear()
    found = nc.find_fixed_points(cell, starts)
    assert sum(jacobians) > 5 * len(starts)
    assert max(jacobians) > len(starts) / 2
    right = nc.find_fixed_points(network.cell(), found.h)
    np.testing.assert_array_equal(right.kind, found.kind)
    np.testing.assert_allclose(right.h, found.h, rtol=0, atol=1e-4)


def test_a_start_that_converges_is_left_its_subspaces(jacobians: list[int]) -> None:
    """At the price of others, nearly all starts would have dense factors: 45 Jacobians for them."""
    network = random_network("tanh", 64, 2, 1.2, seed=1)
    cell, starts = function_of(network), starts_of(network, 12)
    jacobians.clear()
    found = nc.find_fixed_points(cell, starts)
    assert set(found.kind) == {"fixed"}
    assert sum(jacobians) <= 12


def test_a_large_function_has_dense_factors_at_twice_the_price(jacobians: list[int]) -> None:
    """At that of a small one, three of four starts would have them within six iterations."""
    network = random_network("ugrnn", 256, 2, 2.0, seed=1)
    cell, starts = function_of(network), starts_of(network, 4)
    jacobians.clear()
    nc.find_fixed_points(cell, starts, max_iterations=6)
    assert jacobians == [1]  # the preconditioner's


@pytest.mark.parametrize("single", [True, False])
def test_jacobians_of_steps_are_of_float32_and_answers_exact(
    single: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    types: set[Any] = set()
    own = Vectorized.jacobian

    def seen(self: Any, h: Any, x: Any, *, by: int) -> Any:
        found = own(self, h, x, by=by)
        types.add(found.dtype)
        return found

    network = random_network("gru", N_UNITS, 2, 0.8, seed=4)
    cell, starts = function_of(network), starts_of(network, 20)
    cell._derivatives.takes_single = single  # type: ignore[attr-defined]
    monkeypatch.setattr(Vectorized, "jacobian", seen)
    found = nc.find_fixed_points(cell, starts, method="lm")
    assert types == {np.dtype(np.float32 if single else np.float64)}
    right = nc.find_fixed_points(network.cell(), starts, method="lm")
    np.testing.assert_array_equal(found.kind, right.kind)
    np.testing.assert_allclose(found.h, right.h, rtol=0, atol=1e-10)


class Largest(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """The numbers of the largest tensor that any operation of PyTorch makes."""

    numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for one in made if isinstance(made, tuple | list) else (made,):
            if isinstance(one, torch.Tensor):
                self.numbers = max(self.numbers, one.numel())
        return made


@pytest.mark.parametrize("method", ["auto", "krylov"])
def test_memory_is_that_of_states_and_of_one_jacobian(method: str) -> None:
    layer, n = torch.nn.GRUCell(2, N_UNITS).double(), 100
    cell = nc.from_function(lambda x, h: torch.as_tensor(layer(x, h)), N_UNITS, 2, bounds=(-1, 1))
    starts = np.random.default_rng(0).uniform(-1, 1, (n, N_UNITS))
    with Largest() as largest:  # type: ignore[no-untyped-call]
        found = nc.find_fixed_points(cell, starts, method=method)
    assert set(found.kind) == {"fixed"}
    gates = 3 * n * N_UNITS
    assert n * N_UNITS <= largest.numbers <= 2 * gates < n * N_UNITS**2


def test_threads_change_nothing_of_an_answer() -> None:
    network = random_network("gru", 3 * N_UNITS, 2, 1.5, seed=3)
    cell, starts = function_of(network), starts_of(network, 150)
    one, three = (nc.find_fixed_points(cell, starts, n_threads=n) for n in (1, 3))
    for name in ("h", "q", "kind", "iterations"):
        np.testing.assert_array_equal(getattr(three, name), getattr(one, name), err_msg=name)


def test_a_small_function_is_searched_with_dense_factors(jacobians: list[int]) -> None:
    network = random_network("gru", 6, 2, seed=3)
    nc.find_fixed_points(function_of(network), starts_of(network, 60))
    assert sum(jacobians) >= 60


def test_products_are_few_calls_for_many_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    network = random_network("gru", N_UNITS, 2, 1.5, seed=3)
    cell = function_of(network)
    own = Batched.linearized
    calls: list[int] = []

    def counted(self: Any, *at: Any) -> Any:
        calls.append(len(at[0]))
        return own(self, *at)

    monkeypatch.setattr(Batched, "linearized", counted)
    found = nc.find_fixed_points(cell, starts_of(network, 200))
    assert len(calls) < found.iterations.sum() / 20
    assert max(calls) == 200


@pytest.mark.parametrize("method", ["auto", "krylov"])
def test_a_small_step_of_time_takes_as_many_iterations(method: str) -> None:
    """Residuals of h + Δt f(h), and their Jacobians, are Δt times those of f.

    Not the same many, since J + I is made in single precision, but not hundreds.
    """
    rng = np.random.default_rng(0)
    weights = torch.from_numpy(rng.normal(size=(64, 64)) * 1.5 / 8)
    starts = rng.uniform(-1, 1, (20, 64))

    def search(dt: float) -> nc.FixedPoints:
        cell = nc.from_function(lambda _, h: h + dt * (torch.tanh(h @ weights.T) - h), 64, 0)
        return nc.find_fixed_points(cell, starts, method=method)

    slow, fast = search(1e-3), search(1)
    assert np.mean(slow.iterations) < 2 * np.mean(fast.iterations)
    assert np.sum(slow.kind == "fixed") >= np.sum(fast.kind == "fixed")


def test_a_bent_valley_is_followed_to_its_zero() -> None:
    """On a ring of nearly fixed points, where a step along the ring raises q before it falls."""
    angles = np.arange(40) * 2 * np.pi / 40
    weights = 16 * (2 * np.cos(angles[:, None] - angles) - 0.5) / 40
    w = torch.from_numpy(weights)

    def f(_: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        return h + 0.1 * (torch.sigmoid(h @ w.T) - h)

    cell = nc.from_function(f, 40, 0, bounds=(0, 1))
    starts = np.random.default_rng(0).uniform(0, 1, (20, 40))
    found = nc.find_fixed_points(cell, starts, method="lm")
    assert set(found.kind) == {"fixed"}
    np.testing.assert_allclose(cell.step(found.h), found.h, rtol=0, atol=1e-13)


@pytest.mark.parametrize("dt", [1e-6, 1e-8])
def test_a_small_step_of_time_makes_no_minimum_of_what_is_none(dt: float) -> None:
    """By first derivatives, judged as if ∂F/∂h had rows of norm 1, any state is stationary there.

    The second ones tell; ghosts are those of f, and lie where the first ones allow.
    """
    rng = np.random.default_rng(0)
    weights = torch.from_numpy(rng.normal(size=(20, 20)) * 1.5 / np.sqrt(20))
    starts = rng.uniform(-1, 1, (20, 20))

    def of(dt: float) -> FunctionCell:
        return nc.from_function(lambda _, h: h + dt * (torch.tanh(h @ weights.T) - h), 20, 0)

    cell, plain = of(dt), of(1)
    stayed = nc.find_fixed_points(cell, starts, max_iterations=0, tol_slow=0)
    assert set(stayed.kind) == {"unconverged"}
    found = nc.find_fixed_points(cell, starts, tol_slow=0)
    ghosts = found.h[found.kind == "minimum"]
    right = nc.find_fixed_points(plain, ghosts, tol_slow=0)
    assert len(ghosts) > 0
    assert set(right.kind) == {"minimum"}
    np.testing.assert_allclose(right.h, ghosts, rtol=0, atol=0.02)
    np.testing.assert_allclose(plain.speed(ghosts), right.q, rtol=1e-3)


def test_the_order_of_starts_changes_no_point() -> None:
    """Not to the last bit: a row's products by PyTorch depend on how many rows there are."""
    network = random_network("gru", N_UNITS, 2, 0.8, seed=4)
    cell, starts = function_of(network), starts_of(network, 50)
    found = nc.find_fixed_points(cell, starts)
    order = np.random.default_rng(1).permutation(50)[:20]
    again = nc.find_fixed_points(cell, starts[order])
    np.testing.assert_array_equal(again.kind, found.kind[order])
    np.testing.assert_allclose(again.h, found.h[order], rtol=0, atol=1e-12)


class Backward(torch.autograd.Function):
    """A tanh whose derivative cannot be differentiated again."""

    @staticmethod
    def forward(ctx: Any, a: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(a.tanh())
        return a.tanh()

    @staticmethod
    @torch.autograd.function.once_differentiable  # type: ignore[untyped-decorator, unused-ignore]
    def backward(ctx: Any, g: torch.Tensor) -> Any:
        return g * (1 - ctx.saved_tensors[0] ** 2)


def test_derivatives_that_have_none_are_found_the_long_way() -> None:
    w = torch.from_numpy(np.random.default_rng(0).normal(size=(N_UNITS, N_UNITS)) / N_UNITS)

    def once(x: torch.Tensor, h: torch.Tensor) -> Any:
        return Backward.apply(h @ w + x)  # type: ignore[no-untyped-call]

    def plain(x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        return torch.tanh(h @ w + x)

    with pytest.warns(FunctionWarning, match="vmap refuses it"):
        cell = nc.from_function(once, N_UNITS, N_UNITS)
    right = nc.from_function(plain, N_UNITS, N_UNITS)
    h, x, u, v = np.random.default_rng(1).uniform(-1, 1, (4, 3, N_UNITS))
    np.testing.assert_allclose(cell.jvp(h, x, v), right.jvp(h, x, v), rtol=0, atol=1e-13)
    np.testing.assert_allclose(cell.hvp(h, x, u, v), right.hvp(h, x, u, v), rtol=0, atol=1e-7)
    found, known = (nc.find_fixed_points(of, h, x) for of in (cell, right))
    assert set(found.kind) == {"fixed"}
    np.testing.assert_allclose(found.h, known.h, rtol=0, atol=1e-12)


def test_float32_serves_for_directions_and_float64_for_answers() -> None:
    network = random_network("gru", N_UNITS, 2, seed=5)
    layer = torch.nn.GRUCell(2, N_UNITS).double()
    types: set[torch.dtype] = set()

    def f(x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        types.add(h.dtype)
        return torch.as_tensor(layer(x, h))

    cell = nc.from_function(f, N_UNITS, 2)
    types.clear()
    found = nc.find_fixed_points(cell, starts_of(network, 10))
    assert types == {torch.float64, torch.float32}
    assert found.h.dtype == np.float64
    assert set(found.kind) == {"fixed"}
    np.testing.assert_allclose(cell.step(found.h), found.h, rtol=0, atol=1e-13)
    assert layer.weight_hh.dtype == torch.float64

    def only_double(x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        if h.dtype != torch.float64:
            raise TypeError("float64 alone")
        return torch.as_tensor(layer(x, h))

    picky = nc.from_function(only_double, N_UNITS, 2)
    again = nc.find_fixed_points(picky, starts_of(network, 10))
    np.testing.assert_allclose(again.h, found.h, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: 8 bytes")]
)
def test_rows_are_computed_in_parts_where_memory_is_too_small(error: Exception) -> None:
    network = random_network("gru", N_UNITS, 2, seed=5)
    plain, most = written(network), 1000

    def f(x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        if len(h) > most:
            raise error
        return torch.as_tensor(plain(x, h))

    cell = nc.from_function(f, N_UNITS, 2, bounds=(-1, 1))
    starts = starts_of(network, 11)
    h, x, u, v = starts[:9], np.zeros((9, 2)), starts[1:10], starts[2:]
    whole = cell.step(h), cell.jacobian(h), cell.jvp(h, x, v), cell.vjp(h, x, u)
    found = nc.find_fixed_points(cell, starts)
    most = 4
    parts = cell.step(h), cell.jacobian(h), cell.jvp(h, x, v), cell.vjp(h, x, u)
    for part, right in zip(parts, whole, strict=True):
        np.testing.assert_allclose(part, right, rtol=0, atol=1e-14)
    again = nc.find_fixed_points(cell, starts)
    np.testing.assert_array_equal(again.kind, found.kind)
    np.testing.assert_allclose(again.h, found.h, rtol=0, atol=1e-12)
    most = 0
    with pytest.raises(MemoryError, match="for a single state"):
        nc.find_fixed_points(cell, starts)


def test_a_function_computes_where_its_weights_are(monkeypatch: pytest.MonkeyPatch) -> None:
    def f(x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        return torch.tanh(h)

    assert device_of(f, None) == torch.device("cpu")
    assert device_of(f, "cpu") == torch.device("cpu")
    for named, message in {"gpu": "'cpu' or 'cuda:N', not 'gpu'", "meta": "not 'meta'"}.items():
        with pytest.raises(ValueError, match=message):
            nc.from_function(f, 1, 1, device=named)
    with pytest.raises(TypeError, match="device must be a name"):
        nc.from_function(f, 1, 1, device=0)  # type: ignore[arg-type]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="finds no GPU: leave it out"):
        nc.from_function(f, 1, 1, device="cuda:1")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert device_of(f, "cuda:1") == torch.device("cuda:1")

    def placed(*names: str) -> Any:
        tensors = [SimpleNamespace(device=torch.device(name)) for name in names]
        return lambda _: iter(tensors)

    monkeypatch.setattr(_device, "_tensors_of", placed("cpu", "cuda:1", "cuda:1"))
    assert device_of(f, None) == torch.device("cuda:1")
    monkeypatch.setattr(_device, "_tensors_of", placed("cuda:1", "cuda:0"))
    with pytest.raises(ValueError, match="on cuda:0 and cuda:1: move them to one"):
        device_of(f, None)


class Running:
    """A function that remembers how often it was called."""

    def __init__(self) -> None:
        self.sum = 0.0

    def __call__(self, _: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        self.sum += 0.1
        return torch.tanh(h + self.sum)


DROPOUT = torch.nn.Dropout(0.5)
NORM = torch.nn.BatchNorm1d(2).double()


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (lambda _, h: torch.tanh(h + torch.randn_like(h)), "is random: leave out its noise"),
        (lambda _, h: torch.tanh(DROPOUT(h)), r"Dropout in training mode: call module.eval\(\)"),
        (Running(), "carries a state from one call to the next"),
    ],
)
def test_what_does_not_repeat_is_told_why(f: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        nc.from_function(f, 2, 1)


def test_a_batch_norm_in_training_is_named() -> None:
    with pytest.raises(RuntimeError, match=r"BatchNorm1d in training mode: call module.eval\(\)"):
        nc.from_function(lambda _, h: torch.tanh(NORM(h)), 2, 1)
