"""Networks that are functions: derivatives, searches, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import nullcline as nc
from nullcline.cells import Cell
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


@pytest.mark.parametrize("method", [name for name in METHODS if name != "krylov"])
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


BAD: dict[str, tuple[Any, type[Exception], str]] = {
    "no function": (3, TypeError, "f must be a function"),
    "another shape": (lambda _, h: h[:, :1], ValueError, r"not \(3, 1\)"),
    "no tensor": (lambda _, h: h.numpy(), TypeError, "as a tensor, not ndarray"),
    "a tuple": (lambda _, h: (h, h), TypeError, "return its state alone"),
    "another type": (lambda _, h: h.float(), TypeError, "must compute in float64"),
    "detached": (lambda _, h: h.detach() * 2, TypeError, "must be differentiable"),
    "NumPy within": (
        lambda _, h: torch.from_numpy(np.tanh(h.detach().numpy())),
        TypeError,
        "must be differentiable",
    ),
    "mixed rows": (lambda _, h: torch.tanh(h - h.mean(0)), ValueError, "each row by itself"),
    "random": (lambda _, h: h + torch.rand_like(h), ValueError, "the same for the same"),
}


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
    with pytest.raises(ValueError, match="'krylov' needs products"):
        nc.find_fixed_points(cell, np.zeros((1, 2)), method="krylov")
    with pytest.raises(ValueError, match=r"starts must have shape \(n, 2\)"):
        nc.find_fixed_points(cell, np.zeros((1, 3)))
    with pytest.raises(TypeError, match=r"only a nullcline.GRU can be"):
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
