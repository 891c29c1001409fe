"""Networks that are functions of JAX: derivatives, searches, and what is refused."""

from __future__ import annotations

import copy
import importlib
import multiprocessing
import os
import pickle
import re
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

import nullcline as nc
from nullcline.cells import Cell
from nullcline.cells._jax_derivatives import JaxDerivatives
from nullcline.cells._jax_pieces import SIZES, pieces
from nullcline.interop import FunctionWarning
from nullcline.interop._jaxpr import read
from nullcline.interop._library import is_of_jax
from testing.every_cell import Network, leaks, random_network

jax: Any = importlib.import_module("jax")
jnp: Any = importlib.import_module("jax.numpy")
linen: Any = importlib.import_module("flax.linen")
nnx: Any = importlib.import_module("flax.nnx")


@pytest.fixture(autouse=True)
def _what_is_the_users_stays_as_it_is() -> Any:
    """JAX's 64-bit mode, above all, which every test here works against."""
    yield
    assert not jax.config.jax_enable_x64
    assert jnp.ones(1).dtype == np.float32


def step_of(network: Network, x: Any, h: Any) -> Any:
    """Return the next states of a network, rows of them, by JAX."""
    w_i, w_h, b_i, b_h = network.weights
    of_input, of_state = x @ w_i.T + b_i, h[:, : network.size] @ w_h.T + b_h
    sums = jnp.split(of_input + of_state, len(b_i) // network.size, axis=1)
    if network.kind == "gru":
        r, z = map(jax.nn.sigmoid, sums[:2])
        n = jnp.tanh(jnp.split(of_input, 3, 1)[2] + r * jnp.split(of_state, 3, 1)[2])
        return (1 - z) * n + z * h
    if network.kind == "lstm":
        i, f, o = (jax.nn.sigmoid(sums[k]) for k in (0, 1, 3))
        c = f * h[:, network.size :] + i * jnp.tanh(sums[2])
        return jnp.concatenate([o * jnp.tanh(c), c], axis=1)
    if network.kind == "rate":
        a = leaks(network.size)
        return (1 - a) * h + a * (x @ w_i.T + b_i + jnp.tanh(h) @ w_h.T + b_h)
    return jnp.tanh(sums[0])


KINDS = ("gru", "lstm", "tanh", "rate")


@pytest.mark.parametrize("kind", KINDS)
def test_a_function_of_a_cell_is_the_cell(kind: str) -> None:
    network = random_network(kind, 5, 3, gain=0.9, seed=1)
    native = network.cell()
    cell = nc.from_jax(partial(step_of, network), network.state_size, 3)
    assert isinstance(cell, Cell)
    assert cell.is_smooth
    assert cell.precision == cell.dtype == np.float64
    rng = np.random.default_rng(0)
    h, x = rng.uniform(-1, 1, (9, network.state_size)), rng.normal(size=(9, 3))
    u, v, w = rng.normal(size=h.shape), rng.normal(size=h.shape), rng.normal(size=x.shape)
    vectors_of = {"jvp": (v,), "vjp": (u,), "input_jvp": (w,), "input_vjp": (u,)}
    for name in ("step", "speed", "jacobian", "input_jacobian", *vectors_of):
        vectors = vectors_of.get(name, ())
        found, right = (getattr(of, name)(h, x, *vectors) for of in (cell, native))
        np.testing.assert_allclose(found, right, rtol=0, atol=1e-13, err_msg=name)
    with jax.enable_x64(True):
        of_row = jax.hessian(lambda s, r, a: step_of(network, r[None], s[None])[0] @ a)
        dense = np.asarray(jax.jit(jax.vmap(of_row))(h, x, u))
    bent = cell._derivatives.curvature(h, x, u, v)
    right = np.einsum("njk,nk->nj", dense, v)
    np.testing.assert_allclose(bent, right, rtol=0, atol=1e-12)
    found, known = (nc.find_fixed_points(of, h, x) for of in (cell, native))
    np.testing.assert_array_equal(found.kind, known.kind)
    np.testing.assert_allclose(found.h, known.h, rtol=0, atol=1e-11)
    stable, right = (nc.linearize(of, known).is_stable for of in (cell, native))
    np.testing.assert_array_equal(stable, right)


def test_all_fixed_points_of_independent_units_are_found() -> None:
    """h' = h + 0.3 (h - h³), unit by unit: every combination of -1, 0 and 1 is a fixed point."""
    cell = nc.from_jax(lambda _, h: h + 0.3 * (h - h**3), 2, 0)
    starts = np.random.default_rng(0).uniform(-1.3, 1.3, (400, 2))
    points = nc.find_fixed_points(cell, starts).select("fixed").unique()
    found = sorted(map(tuple, np.round(points.h, 9) + 0.0))
    assert found == [(a, b) for a in (-1.0, 0.0, 1.0) for b in (-1.0, 0.0, 1.0)]


def test_a_minimum_that_is_no_zero_is_slow() -> None:
    cell = nc.from_jax(lambda x, h: h + (h**2 + 1e-4) + 0 * x, 1, 1)
    found = nc.find_fixed_points(cell, np.array([[-0.3], [0.2]]))
    assert set(found.kind) == {"slow"}
    np.testing.assert_allclose(found.h, 0, rtol=0, atol=1e-3)


W = np.array([[0.3, -0.2], [0.1, 0.4]])


def plain(x: Any, h: Any) -> Any:
    return jnp.tanh(h @ W + x)


# What is compiled


def test_little_is_compiled_and_f_is_traced_when_the_cell_is_made() -> None:
    calls, compiled = [0], [0]

    def f(x: Any, h: Any) -> Any:
        calls[0] += 1
        return plain(x, h)

    def count(event: str, *_: Any, **__: Any) -> None:
        compiled[0] += "backend_compile" in event

    jax.monitoring.register_event_duration_secs_listener(count)
    cell = nc.from_jax(f, 2, 2)
    assert calls[0] <= 4
    calls[0] = 0
    assert compiled[0] <= 7  # step, all rows, Jacobians, two products in float32, two constants
    compiled[0] = 0
    for n in (1, 2, 5, 8, 9, 30, 31, 64, 65, 100, 257, 300, 512, 513, 700, 1100):
        assert cell.step(np.full((n, 2), 0.5)).shape == (n, 2)
        assert cell.jvp(np.full((n, 2), 0.5), None, np.ones((n, 2))).shape == (n, 2)
    assert calls[0] == 0
    assert 0 < compiled[0] <= 2 * len(SIZES)


def test_a_batch_is_cut_into_few_sizes_all_but_filled() -> None:
    for n_rows in (*range(1, 140), *range(240, 280), *range(500, 530), 1100):
        for most in (10**9, 100, 3):
            parts = list(pieces(n_rows, most))
            assert [row for begin, end, _ in parts for row in range(begin, end)] == [*range(n_rows)]
            assert {size for _, _, size in parts} <= {1, *SIZES}
            assert all(size <= max(most, 1) for _, _, size in parts)
            computed = sum(size for _, _, size in parts)
            assert computed <= max(2 * n_rows, SIZES[0])


def test_rows_are_the_same_wherever_they_stand() -> None:
    cell = nc.from_jax(plain, 2, 2)
    h, x = np.random.default_rng(0).normal(size=(2, 700, 2))
    together = cell.step(h, x)
    np.testing.assert_allclose(together, np.tanh(h @ W + x), rtol=0, atol=1e-15)
    for piece in (slice(0, 3), slice(100, 165), slice(690, 700)):
        np.testing.assert_allclose(cell.step(h[piece], x[piece]), together[piece], atol=1e-15)
    together[:] = 0  # what is returned is the caller's
    assert cell.step(h, x).any()


def test_a_cell_has_the_weights_that_f_had() -> None:
    weights = {"w": jnp.eye(2) / 2}
    cell = nc.from_jax(lambda _, h: h @ weights["w"], 2, 0)
    weights["w"] = jnp.eye(2) / 4
    for n in (1, 30):
        np.testing.assert_array_equal(cell.step(np.ones((n, 2))), 0.5)
    assert (copy.deepcopy(cell).step(np.ones((1, 2))) == 0.5).all()


# How it is known to be one of JAX


class Leaky(nnx.Module):  # type: ignore[misc]
    """A network of nnx that is none of Flax's own."""

    def __init__(self, size: int, **more: Any) -> None:
        rngs = nnx.Rngs(0)
        self.w = nnx.Linear(size, size, rngs=rngs)
        self.more = nnx.Dict({name: make(rngs) for name, make in more.items()})

    def __call__(self, x: Any, h: Any) -> Any:
        for layer in self.more.values():
            h = layer(h)
        return 0.5 * h + 0.5 * jnp.tanh(self.w(h) + x)


class LinenLeaky(linen.Module):  # type: ignore[misc]
    size: int

    @linen.compact  # type: ignore[untyped-decorator]
    def __call__(self, x: Any, h: Any) -> Any:
        return 0.5 * h + 0.5 * jnp.tanh(linen.Dense(self.size)(h) + x)


LINEN = LinenLeaky(2)
VARIABLES = LINEN.init(jax.random.key(0), jnp.ones((1, 2)), jnp.ones((1, 2)))


class OneRow:
    """A module with the call of Equinox's `nn.GRUCell`, of one row: (input, hidden)."""

    def __init__(self) -> None:
        self.w = jnp.asarray(W)

    def __call__(self, x: Any, h: Any) -> Any:
        assert x.shape == h.shape == (2,)
        return jnp.tanh(self.w.T @ h + x)


OF_JAX: dict[str, Any] = {
    "a function": plain,
    "compiled": jax.jit(plain),
    "vmap": jax.vmap(lambda x, h: jnp.tanh(W.T @ h + x)),
    "partial": partial(lambda w, x, h: jnp.tanh(h @ w + x), W),
    "one row": OneRow(),
    "linen": LINEN.bind(VARIABLES),
    "linen's apply": lambda x, h: LINEN.apply(VARIABLES, x, h),
    "nnx": Leaky(2),
}


@pytest.mark.parametrize("case", OF_JAX)
def test_from_function_takes_what_is_jaxs(case: str) -> None:
    f = OF_JAX[case]
    h, x = np.random.default_rng(0).normal(size=(2, 3, 2))
    assert is_of_jax(f, h, x)
    if case not in {"one row", "linen", "nnx"}:
        return
    cell = nc.from_function(f, 2, 2)
    assert isinstance(cell._derivatives, JaxDerivatives)
    with jax.enable_x64(True):
        of_rows = jax.vmap(f) if case == "one row" else f
        right = np.asarray(of_rows(jnp.asarray(x), jnp.asarray(h)))
    np.testing.assert_allclose(cell.step(h, x), right, rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    "f", [lambda _, h: torch.tanh(h), lambda x, h: h / 2 + x, torch.nn.GRUCell(2, 2).double()]
)
def test_what_pytorch_takes_is_pytorchs(f: Any) -> None:
    assert not isinstance(nc.from_function(f, 2, 2)._derivatives, JaxDerivatives)


def test_a_bad_function_of_jax_is_told_so_by_from_function() -> None:
    with pytest.raises(ValueError, match=r"^f must return states of the shape .* not \(1, 1\)$"):
        nc.from_function(lambda _, h: jnp.tanh(h)[:, :1], 2, 2)
    with pytest.raises(TypeError, match="not tuple; return its state alone, and for an LSTM jnp"):
        nc.from_function(lambda _, h: (jnp.tanh(h), h), 2, 2)


class Derived(nnx.GRUCell):  # type: ignore[misc]
    """A cell that from_flax cannot know."""

    def __call__(self, carry: Any, x: Any) -> Any:
        h, out = super().__call__(carry, x)
        return 0.5 * h, out


UNKNOWN: dict[str, Any] = {
    "of nnx": Derived(3, 2, rngs=nnx.Rngs(0)),
    "of linen": linen.MGUCell(2, reset_gate=False),
    "of linen, bound": linen.SimpleCell(2, residual=True),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_what_from_flax_refuses_goes_the_way_that_it_says(case: str) -> None:
    cell = UNKNOWN[case]
    variables = None
    x, h = np.random.default_rng(0).normal(size=(4, 3)), np.zeros((4, 2))
    if "linen" in case:
        variables = jax.jit(cell.init)(jax.random.key(0), h, x)
    if "bound" in case:
        cell = cell.bind(variables)
    with pytest.raises(NotImplementedError) as refused:
        nc.from_flax(cell, None if cell is UNKNOWN["of nnx"] else variables)
    (call,) = re.findall(
        r"nullcline\.from_jax\(.*?\)\[0\], n_states, n_inputs\)", str(refused.value)
    )
    names = {"nullcline": nc, "cell": cell, "variables": variables, "n_states": 2, "n_inputs": 3}
    made = eval(call, names)  # noqa: S307 - it is ours
    with jax.enable_x64(True):
        step = (
            cell if cell is UNKNOWN["of nnx"] or "bound" in case else partial(cell.apply, variables)
        )
        right = np.asarray(step(jnp.asarray(h), jnp.asarray(x))[0])
    np.testing.assert_allclose(made.step(h, x), right, rtol=0, atol=1e-14)


def test_a_module_of_equinox_is_a_function_of_one_row() -> None:
    equinox = pytest.importorskip("equinox")
    cell = equinox.nn.GRUCell(3, 2, key=jax.random.key(0))
    found = nc.from_function(cell, 2, 3)
    assert isinstance(found._derivatives, JaxDerivatives)
    x, h = np.random.default_rng(0).normal(size=(4, 3)), np.full((4, 2), 0.5)
    with jax.enable_x64(True):
        right = jax.vmap(cell)(jnp.asarray(x), jnp.asarray(h))
    np.testing.assert_allclose(found.step(h, x), right, rtol=0, atol=1e-14)
    again = pickle.loads(pickle.dumps(found))  # noqa: S301
    np.testing.assert_array_equal(again.step(h, x), found.step(h, x))
    assert set(nc.find_fixed_points(found, h).kind) == {"fixed"}
    compiled = nc.from_jax(equinox.filter_jit(cell), 2, 3)
    again = pickle.loads(pickle.dumps(compiled))  # noqa: S301
    np.testing.assert_array_equal(again.step(h, x), found.step(h, x))
    dropout = equinox.nn.Dropout(0.5)
    with pytest.raises((RuntimeError, TypeError), match=r"(Dropout|key)"):
        nc.from_jax(lambda _, h: dropout(jnp.tanh(h)), 2, 0)
    off = equinox.nn.inference_mode(dropout)
    assert nc.from_jax(lambda _, h: off(jnp.tanh(h)), 2, 0).step([[0.0, 0.0]]).shape == (1, 2)


# What is refused

DROPOUT = Leaky(2, dropout=lambda rngs: nnx.Dropout(0.5, rngs=rngs))
NORM = Leaky(2, norm=lambda rngs: nnx.BatchNorm(2, rngs=rngs))
LINEN_DROPOUT = linen.Dropout(0.5, deterministic=False)
KEPT: list[Any] = []
CALLS = [0]


def counts(_: Any, h: Any) -> Any:
    CALLS[0] += 1
    return jnp.tanh(h) * CALLS[0]


def keeps(_: Any, h: Any) -> Any:
    KEPT.append(h)
    return jnp.tanh(h + KEPT[0].sum())


def narrow_scan(_: Any, h: Any) -> Any:
    start = jnp.zeros(2, np.float32)
    return h + jax.lax.scan(lambda c, row: (c + row[0], None), start, h)[0]


def two_parts(_: Any, s: Any) -> Any:
    h, c, _ = s
    return h, c


KEY = jax.random.key(0)

BAD: dict[str, tuple[Any, type[Exception], str]] = {
    "no function": (3, TypeError, "f must be a function"),
    "another shape": (lambda _, h: h[:, :1], ValueError, r"\(1, 2\), not \(1, 1\)"),
    "one row": (lambda _, h: h[0], ValueError, r"\(1, 2\), not \(2,\)"),
    "three rows": (lambda _, h: h + jnp.zeros((3, 2)), ValueError, r"\(1, 2\), not \(3, 2\)"),
    "a tuple": (lambda _, h: (h, h), TypeError, r"not tuple; .*jnp.concatenate\(\[h, c\], axis=1"),
    "None": (lambda *_: None, TypeError, "not NoneType"),
    "a number": (lambda *_: 3, ValueError, r"not \(\)"),
    "another type": (
        lambda _, h: h.astype(np.float32),
        TypeError,
        "compute in float64, and returned float32: leave out casts.*or say dtype=float32",
    ),
    "integers": (lambda _, h: h.astype(int), TypeError, "returned int64: leave out"),
    "comparisons": (lambda _, h: h > 0, TypeError, "returned bool"),
    "complex": (lambda _, h: h + 0j, TypeError, "returned complex128"),
    "NaN": (lambda _, h: jnp.sqrt(h - 1), ValueError, "finite states.*say by bounds="),
    "NaN derivatives": (
        lambda _, h: jnp.where(h > -9, h, jnp.sqrt(h - 9)),
        ValueError,
        "finite derivatives, and JAX found",
    ),
    "no state in it": (lambda _, h: jnp.zeros_like(h), TypeError, "does not depend on them"),
    "stop_gradient": (lambda _, h: jax.lax.stop_gradient(h) * 2, TypeError, "does not depend on"),
    "a jump alone": (lambda _, h: (h > 0.1) * 1.0, TypeError, "does not depend on them"),
    "NumPy within": (lambda _, h: jnp.asarray(np.tanh(h)), TypeError, "f uses NumPy.*jax.numpy"),
    "NumPy": (
        lambda _, h: np.tanh(h @ W),
        TypeError,
        "not ndarray; NumPy has no derivatives.*jax.numpy",
    ),
    "PyTorch": (lambda _, h: torch.tanh(h), TypeError, "of PyTorch.*from_function takes it"),
    "a narrow carry": (
        narrow_scan,
        TypeError,
        r"does not take float64, and takes float32: cast its weights.*or say dtype=float32",
    ),
    "half in part": (
        lambda _, h: jnp.tanh(h.astype(jnp.bfloat16)).astype(h.dtype),
        TypeError,
        "uses bfloat16 in part.*leave out the casts",
    ),
    "an error": (lambda _, h: 1 // 0 * h, RuntimeError, r"f raised ZeroDivisionError.*\(1, 2\)"),
    "states first": (
        lambda h, x: jnp.tanh(h @ W + x @ jnp.ones((1, 2))),
        TypeError,
        r"states first: pass `lambda x, h: f\(h, x\)`",
    ),
    "no inputs": (jnp.tanh, TypeError, r"two arguments.*pass `lambda x, h: f\(h\)`"),
    "a key wanted": (
        lambda _, h, key: h + key,
        TypeError,
        "two arguments.*'key'.*functools.partial",
    ),
    "a state in two parts": (two_parts, RuntimeError, r"`lambda x, s: jnp.concatenate\(f\(x, jnp"),
    "mixed rows": (lambda _, h: jnp.tanh(h - h.mean(0)), ValueError, "each row by itself"),
    "NumPy's noise": (
        lambda _, h: jnp.tanh(h) + np.random.rand(2),  # noqa: NPY002
        ValueError,
        "the same for the same",
    ),
    "a count": (counts, ValueError, "the same for the same: it holds numbers that change"),
    "a tracer kept": (keeps, TypeError, "changes what it holds"),
    "noise": (
        lambda _, h: jnp.tanh(h) + jax.random.normal(jax.random.key(0), h.shape),
        ValueError,
        r"random numbers, other ones in each row.*module.eval\(\)",
    ),
    "noise of a key that it holds": (
        lambda _, h: jnp.tanh(h) + jax.random.normal(KEY, h.shape),
        ValueError,
        "random numbers, other ones in each row",
    ),
    "dropout of nnx": (DROPOUT, TypeError, r"changes what it holds.*module.eval\(\)"),
    "normalization in training": (NORM, TypeError, r"changes what it holds.*module.eval\(\)"),
    "dropout of linen": (
        lambda _, h: LINEN_DROPOUT.apply({}, jnp.tanh(h)),
        TypeError,
        "draws random numbers and has no key.*deterministic=True",
    ),
    "unbound": (LINEN, TypeError, r"without its parameters: pass module.bind\(variables\)"),
    "a cell of nnx": (
        nnx.GRUCell(2, 2, rngs=nnx.Rngs(0)),
        TypeError,
        r"a GRUCell takes its carry first.*from_flax.*`lambda x, h: cell\(h, x\)\[0\]`",
    ),
    "a cell of linen": (
        linen.GRUCell(2),
        TypeError,
        r"`lambda x, h: cell.apply\(variables, h, x\)\[0\]`",
    ),
}


@pytest.mark.filterwarnings("ignore:scatter inputs:FutureWarning")  # of Flax's normalization
@pytest.mark.parametrize("case", BAD)
def test_bad_functions_are_refused(case: str) -> None:
    f, error, message = BAD[case]
    numbers = np.random.get_state()[1].tolist()  # type: ignore[index] # noqa: NPY002
    with pytest.raises(error, match=message):
        nc.from_jax(f, 2, 1 if case == "states first" else 2)
    assert np.random.get_state()[1].tolist() == numbers  # type: ignore[index] # noqa: NPY002


def test_a_module_that_is_switched_to_use_is_taken() -> None:
    NORM.eval()
    cell = nc.from_jax(NORM, 2, 2)
    h = np.random.default_rng(0).normal(size=(4, 2))
    with jax.enable_x64(True):
        np.testing.assert_allclose(
            cell.step(h), NORM(jnp.zeros((4, 2)), jnp.asarray(h)), atol=1e-14
        )


def test_other_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="n_states must lie"):
        nc.from_jax(plain, 0, 1)
    with pytest.raises(ValueError, match="n_inputs must lie"):
        nc.from_jax(plain, 1, -1)
    with pytest.raises(ValueError, match="bounds must be two numbers"):
        nc.from_jax(plain, 2, 2, bounds=(1, -1))
    with pytest.raises(TypeError, match="smooth must be True, False or None"):
        nc.from_jax(plain, 2, 2, smooth="yes")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"dtype must be numpy\.float64 or numpy\.float32, not"):
        nc.from_jax(plain, 2, 2, dtype=np.float16)


def test_a_missing_package_is_named_with_its_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(ModuleNotFoundError, match=r"jax is needed .*pip install 'nullcline\["):
        nc.from_jax(plain, 2, 2)


# What is said


def by_value(x: Any, h: Any) -> Any:
    return plain(x, h) if (h < 9).all() and len(h[h < 9]) else 0 * h


def in_a_loop(x: Any, h: Any) -> Any:
    def once(carry: Any) -> Any:
        return carry[0] + 1, plain(x, carry[1])

    return jax.lax.while_loop(lambda carry: carry[0] < 1, once, (0, h))[1]


@jax.custom_vjp  # type: ignore[untyped-decorator]
def own_tanh(a: Any) -> Any:
    return jnp.tanh(a)


own_tanh.defvjp(lambda a: (jnp.tanh(a),) * 2, lambda y, g: (g * (1 - y**2),))


@jax.custom_jvp  # type: ignore[untyped-decorator]
def called_back(a: Any) -> Any:
    """Return tanh by NumPy, which `vmap` refuses."""
    return jax.pure_callback(np.tanh, jax.ShapeDtypeStruct(a.shape, a.dtype), a)


@called_back.defjvp  # type: ignore[untyped-decorator]
def _(a: Any, b: Any) -> Any:
    y = called_back(*a)
    return y, (1 - y**2) * b[0]


SLOWER: dict[str, tuple[Any, str]] = {
    "if": (by_value, "one row at a time and never compiled.*jax.lax.cond"),
    "a loop": (
        in_a_loop,
        r"slower way \(vjp by forward mode, curvature by forward mode\)",
    ),
    "own vjp": (
        lambda x, h: own_tanh(h @ W + x),
        r"slower way \(jacobian by reverse mode, jvp by reverse mode\): TypeError",
    ),
    "a callback": (lambda x, h: called_back(h @ W + x), "slower way .*one row after another"),
}


@pytest.mark.parametrize("case", SLOWER)
def test_what_jax_refuses_in_part_is_differentiated_in_other_ways(case: str) -> None:
    f, how = SLOWER[case]
    with pytest.warns(FunctionWarning, match=how) as said:
        cell = nc.from_jax(f, 2, 2, smooth=True)
    assert len(said) == 1
    assert said[0].filename == __file__
    h, x, u, v = np.random.default_rng(0).normal(size=(4, 3, 2))
    y = np.tanh(h @ W + x)
    jacobian = (1 - y**2)[:, :, None] * W.T
    bent = np.einsum("ni,ij,ni,nj->ni", -2 * u * y * (1 - y**2), W.T, np.ones_like(y), v) @ W.T
    for found, right in (
        (cell.step(h, x), y),
        (cell.jacobian(h, x), jacobian),
        (cell.input_jacobian(h, x), (1 - y**2)[:, :, None] * np.eye(2)),
        (cell.jvp(h, x, v), np.einsum("nij,nj->ni", jacobian, v)),
        (cell.vjp(h, x, u), np.einsum("ni,nij->nj", u, jacobian)),
        (cell._derivatives.curvature(h, x, u, v), bent),
    ):
        np.testing.assert_allclose(found, right, rtol=0, atol=1e-13)


def test_rows_decide_each_for_itself() -> None:
    """With one row beyond 1 and one within, `if` over all rows would decide for both."""

    def f(x: Any, h: Any) -> Any:
        return 0.5 * h + x if (h < 1).all() else 0.25 * h + x

    def traced(x: Any, h: Any) -> Any:
        return jax.lax.cond((h < 1).all(), lambda: 0.5 * h + x, lambda: 0.25 * h + x)

    with pytest.warns(FunctionWarning, match="one row at a time"):
        called = nc.from_jax(f, 1, 1)
    h, x = np.array([[0.5], [2.0]]), np.array([[0.25], [3.0]])
    for cell in (called, nc.from_jax(traced, 1, 1)):
        np.testing.assert_array_equal(cell.step(h, x), [[0.5], [3.5]])
        np.testing.assert_array_equal(cell.jacobian(h, x), [[[0.5]], [[0.25]]])
        assert not cell.is_smooth or cell is called
    np.testing.assert_allclose(nc.find_fixed_points(called, h[1:], x[1]).h, [[4.0]], atol=1e-13)


def test_one_draw_of_random_numbers_is_said() -> None:
    def f(_: Any, h: Any) -> Any:
        return jnp.tanh(h) + jax.random.normal(jax.random.key(0), (2,), h.dtype)

    with pytest.warns(FunctionWarning, match="the same ones at every call"):
        nc.from_jax(f, 2, 0)


def test_derivatives_that_are_not_those_of_the_values_are_doubted() -> None:
    def f(x: Any, h: Any) -> Any:
        return 0.95 * h + 0.05 * jnp.tanh(jax.lax.stop_gradient(h) + x)

    with pytest.warns(FunctionWarning, match="derivatives, as JAX finds them, that are not"):
        assert nc.from_jax(f, 3, 3).precision == np.float64


# Precision


def test_weights_of_float32_are_promoted_and_it_is_searched_in_float64() -> None:
    w = jnp.asarray(W.copy())
    assert w.dtype == np.float32
    cell = nc.from_jax(lambda x, h: jnp.tanh(h @ w + x), 2, 2)  # a warning is an error
    assert cell.precision == np.float64
    h, x = np.random.default_rng(0).normal(size=(2, 3, 2))
    exact = np.tanh(h @ np.asarray(w, np.float64) + x)
    np.testing.assert_allclose(cell.step(h, x), exact, rtol=0, atol=1e-15)
    derivatives: Any = pickle.loads(pickle.dumps(cell))._derivatives  # noqa: S301
    assert derivatives.takes_single  # for directions, which need not be exact
    narrow = derivatives.vjp(*(array.astype(np.float32) for array in (h, x, h)))
    assert narrow.dtype == np.float32
    np.testing.assert_allclose(narrow, cell.vjp(h, x, h), rtol=0, atol=1e-5)
    np.testing.assert_array_equal(nc.find_fixed_points(cell, h, x).kind, "fixed")


def test_directions_are_in_float64_where_float32_does_not_serve() -> None:
    def f(_: Any, h: Any) -> Any:
        if h.dtype == np.float32:
            raise TypeError("no")
        return jnp.tanh(h)

    derivatives: Any = nc.from_jax(f, 1, 0)._derivatives
    assert not derivatives.takes_single


def test_float32_within_float64_is_said_and_searched_as_such() -> None:
    def mixed(_: Any, h: Any) -> Any:
        narrow = jnp.tanh(h).astype(np.float32) @ W.astype(np.float32)
        return 0.5 * h + 0.5 * (narrow + 0.1).astype(h.dtype)

    with pytest.warns(FunctionWarning, match="float32 in part.*enable_x64"):
        cell = nc.from_jax(mixed, 2, 0)
    assert cell.dtype == np.float64
    assert cell.precision == np.float32
    found = nc.find_fixed_points(cell, np.random.default_rng(0).normal(size=(5, 2)))
    assert found.h.dtype == np.float64
    assert set(found.kind) == {"fixed"}


def test_single_precision_finds_points_of_the_cell() -> None:
    network = random_network("tanh", 4, 2, gain=0.9, seed=3)
    rounded: list[Any] = [weights.astype(np.float32) for weights in network.weights]
    narrow = Network("tanh", *rounded)
    cell = nc.from_jax(partial(step_of, narrow), 4, 2, dtype="float32")
    starts = np.random.default_rng(0).uniform(-1, 1, (10, 4)).astype(np.float32)
    assert cell.step(starts).dtype == np.float32
    found = nc.find_fixed_points(cell, starts)
    assert set(found.kind) == {"fixed"}
    right = nc.find_fixed_points(network.cell(), found.h.astype(np.float64))
    np.testing.assert_allclose(found.h, right.h, rtol=0, atol=1e-4)


def test_weights_of_float64_are_told_to_a_search_in_float32() -> None:
    with jax.enable_x64(True):
        w = jnp.asarray(W)
        with pytest.raises(TypeError, match="returned float64: give it weights of float32, or say"):
            nc.from_jax(lambda x, h: jnp.tanh(h @ w + x), 2, 2, dtype="float32")
        assert nc.from_jax(lambda x, h: jnp.tanh(h @ w + x), 2, 2).precision == np.float64


def test_products_of_a_search_are_those_of_the_cell() -> None:
    derivatives: Any = nc.from_jax(plain, 2, 2)._derivatives
    h, x, u, v = np.random.default_rng(0).normal(size=(4, 70, 2))
    at = derivatives.linearized(h, x, u)
    product, bent = at.curved(v)
    np.testing.assert_allclose(product, derivatives.jvp(h, x, v), rtol=0, atol=1e-14)
    np.testing.assert_allclose(at.pulled, derivatives.vjp(h, x, u), rtol=0, atol=1e-14)
    near = [derivatives.vjp(h + sign * 1e-5 * v, x, u) for sign in (1, -1)]
    np.testing.assert_allclose(bent, (near[0] - near[1]) / 2e-5, rtol=0, atol=1e-8)


def test_the_callers_modes_have_no_part_in_it() -> None:
    cell = nc.from_jax(plain, 2, 2)
    h = np.random.default_rng(0).normal(size=(3, 2))
    right = cell.jacobian(h)
    with jax.enable_x64(False), jax.default_matmul_precision("bfloat16"):
        np.testing.assert_array_equal(cell.jacobian(h), right)
    with jax.enable_x64(True):
        np.testing.assert_array_equal(cell.jacobian(h), right)


# Kinks

KINKS: dict[str, Any] = {
    "relu": jax.nn.relu,
    "leaky": jax.nn.leaky_relu,
    "hard tanh": jax.nn.hard_tanh,
    "clip": lambda a: jnp.clip(a, 0, 1),
    "clamp": lambda a: jax.lax.clamp(-1.0, a, 1.0),
    "abs": jnp.abs,
    "maximum": lambda a: jnp.maximum(a, 0),
    "round": lambda a: a + jnp.round(a),
    "inside": lambda a: jnp.tanh(jax.nn.relu(a)),
    "vmap": jax.vmap(jax.nn.relu),
    "jit": jax.jit(jax.nn.relu),
    "checkpoint": jax.checkpoint(jax.nn.relu),
    "scan": lambda a: jax.lax.scan(lambda c, _: (jax.nn.relu(c), None), a, None, length=2)[0],
    "where": lambda a: jnp.where(a > 0, a, 2 * a),
    "a comparison": lambda a: a + (a > 0),
    "cond": lambda a: jax.lax.cond(a.sum() > 0, jnp.sin, jnp.cos, a),
    "while": lambda a: jax.lax.while_loop(lambda c: c.sum() < 3, lambda c: c + 1, a),
    "an index": lambda a: a + jnp.ones((2, 2))[a.argmax(axis=1)],
    "sort": lambda a: jnp.sort(a, axis=1),
}
SMOOTH: dict[str, Any] = {
    "tanh": jnp.tanh,
    "softplus": jax.nn.softplus,
    "gelu": jax.nn.gelu,
    "silu": jax.nn.silu,
    "softmax": lambda a: jax.nn.softmax(a, 1),
    "log_softmax": lambda a: jax.nn.log_softmax(a, 1),
    "beside": lambda a: jnp.tanh(a) + jax.nn.relu(jnp.ones(2)).sum(),
    "dead": lambda a: (jax.nn.relu(a), jnp.tanh(a))[1],
    "a mask of weights": lambda a: jnp.where(W[:1] > 0, jnp.tanh(a), 0),
    "a permutation": lambda a: jnp.tanh(a)[:, jnp.array([1, 0])],
    "scan": lambda a: jax.lax.scan(lambda c, _: (jnp.tanh(c), None), a, None, length=2)[0],
    "a counted loop": lambda a: jax.lax.fori_loop(0, 3, lambda i, c: jnp.tanh(c) * i, a),
}


@pytest.mark.parametrize("case", [*KINKS, *(f"smooth: {name}" for name in SMOOTH)])
def test_kinks_are_seen_where_states_meet_them(case: str) -> None:
    smooth = case.startswith("smooth: ")
    phi = SMOOTH[case.removeprefix("smooth: ")] if smooth else KINKS[case]
    for of in (lambda x, h: phi(h @ W + x), lambda x, h: jnp.tanh(h) + phi(x)):
        found = read(jax.make_jaxpr(of)(jnp.ones((1, 2)), jnp.ones((1, 2))))
        assert found.has_kinks != smooth
        assert found.depends


def test_kinks_are_known_of_a_cell_unless_it_is_said() -> None:
    def f(_: Any, h: Any) -> Any:
        return jax.nn.relu(h)

    assert [nc.from_jax(f, 1, 0, smooth=said).is_smooth for said in (None, True)] == [False, True]


# Processes and threads


def tanh_at_top(x: Any, h: Any) -> Any:
    return jnp.tanh(h @ W + x)


PICKLED: dict[str, Any] = {
    "by name": tanh_at_top,
    "by value": lambda x, h: jnp.tanh(h @ W + x),
    "linen": LINEN.bind(VARIABLES),
    "nnx": Leaky(2),
}


@pytest.mark.parametrize("case", PICKLED)
def test_a_cell_pickles_where_its_function_does(case: str) -> None:
    cell = nc.from_jax(PICKLED[case], 2, 2)
    content = pickle.dumps(cell)
    assert b"_native" not in content
    h = np.random.default_rng(0).normal(size=(3, 2))
    for twin in (pickle.loads(content), copy.copy(cell), copy.deepcopy(cell)):  # noqa: S301
        np.testing.assert_array_equal(twin.step(h), cell.step(h))
        assert repr(twin) == repr(cell)


def test_a_worker_that_is_spawned_computes_the_same() -> None:
    cell = nc.from_jax(tanh_at_top, 2, 2)
    h = np.random.default_rng(0).normal(size=(3, 2))
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        np.testing.assert_array_equal(pool.submit(cell.step, h).result(), cell.step(h))


def test_a_child_of_a_fork_is_told_that_it_would_hang() -> None:
    script = """if True:
        import os, warnings, jax, numpy as np, nullcline as nc
        cell = nc.from_jax(lambda _, h: jax.numpy.tanh(h / 2), 2, 0)
        warnings.simplefilter("ignore")  # JAX's own, that it would hang
        if os.fork() == 0:
            try:
                cell.step(np.ones((600, 2)))
            except RuntimeError as error:
                print(error, flush=True)
            os._exit(0)
        os.wait()
        print(cell.step(np.zeros((1, 2))))
    """
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=600
    )
    first, second = ended.stdout.splitlines()
    assert "JAX cannot compute in the child of a fork" in first
    assert "'spawn' or 'forkserver'" in first
    assert second == "[[0. 0.]]"


def test_threads_may_share_a_cell() -> None:
    cell = nc.from_jax(plain, 2, 2)
    starts = np.random.default_rng(0).normal(size=(40, 2))
    right = nc.find_fixed_points(cell, starts)
    found: list[Any] = []
    fresh = pickle.loads(pickle.dumps(cell))  # noqa: S301 - traced by whichever comes first

    def search() -> None:
        found.append(nc.find_fixed_points(fresh, starts))

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    for one in found:
        np.testing.assert_array_equal(one.h, right.h)


def test_weights_stay_on_their_device_and_results_come_back() -> None:
    script = """if True:
        import jax, jax.numpy as jnp, numpy as np, nullcline as nc
        first, second = jax.devices()
        with jax.default_device(first):
            w = jax.device_put(jnp.eye(2) / 2, second)
            def f(x, h):
                return jnp.tanh(h @ w + x)
            for g in (f, jax.jit(f)):
                cell = nc.from_jax(g, 2, 2)
                values = cell.step(np.ones((3, 2)))
                assert type(values) is np.ndarray, type(values)
                np.testing.assert_allclose(values, np.tanh(0.5), atol=1e-15)
                weights = cell._derivatives.row(cell.dtype).weights
                assert all(one.devices() == {second} for one in weights), weights
                assert set(nc.find_fixed_points(cell, np.ones((3, 2))).kind) == {"fixed"}
    """
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=2", "JAX_PLATFORMS": "cpu"}
    subprocess.run([sys.executable, "-c", script], check=True, timeout=600, env=os.environ | flags)
