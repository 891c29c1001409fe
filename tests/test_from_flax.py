"""Flax's cells become cells that do what they do; what cannot is refused clearly."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nullcline as nc

if TYPE_CHECKING:
    from collections.abc import Iterator

jax: Any = importlib.import_module("jax")
linen: Any = importlib.import_module("flax.linen")
nnx: Any = importlib.import_module("flax.nnx")


@pytest.fixture(autouse=True, scope="module")
def _float64() -> Iterator[None]:
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)


KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "RNN tanh": ("SimpleCell", {}),
    "RNN relu": ("SimpleCell", {"activation_fn": jax.nn.relu}),
    "GRU": ("GRUCell", {}),
    "LSTM": ("LSTMCell", {}),
    "LSTM, optimized": ("OptimizedLSTMCell", {}),
    "MGU": ("MGUCell", {}),
}
sizes = st.sampled_from([1, 4])  # JAX compiles every operation anew for every shape
seeds = st.integers(0, 99)


def carry_and_input(kind: str, size: int, input_size: int, seed: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    h, c = rng.normal(size=(2, 3, size))
    return (c, h) if "LSTM" in kind else h, rng.normal(size=(3, input_size))


def row(carry: Any) -> Any:
    """Return a carry as an array (n, S); of an LSTM, whose carry is (c, h), [h, c]."""
    return np.hstack(carry[::-1]) if isinstance(carry, tuple) else np.asarray(carry)


def randomized(shapes: Any, seed: int) -> Any:
    """Return a tree with a random value for every parameter, instead of compiling initializers."""
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda leaf: rng.normal(size=leaf.shape) / 2, shapes)


def linen_cell(kind: str, size: int, input_size: int, seed: int) -> tuple[Any, Any]:
    name, options = KINDS[kind]
    cell = getattr(linen, name)(size, param_dtype=np.float64, **options)
    shapes = jax.eval_shape(
        cell.init, jax.random.key(0), *carry_and_input(kind, size, input_size, seed)
    )
    return cell, randomized(shapes, seed)


def nnx_cell(kind: str, size: int, input_size: int, seed: int) -> Any:
    name, options = KINDS[kind]
    float64 = {"dtype": np.float64, "param_dtype": np.float64}
    definition, shapes = nnx.split(nnx_shapes(name, input_size, size, **float64, **options))
    return nnx.merge(definition, randomized(shapes, seed))


def nnx_shapes(name: str, *sizes: int, **options: Any) -> Any:
    """Return a module of nnx without values."""
    return nnx.eval_shape(lambda: getattr(nnx, name)(*sizes, rngs=nnx.Rngs(0), **options))


@pytest.mark.parametrize("kind", sorted(KINDS))
@settings(max_examples=8)
@given(sizes, sizes, seeds, st.booleans())
def test_a_cell_of_linen_steps_as_flax_does(
    kind: str, size: int, input_size: int, seed: int, outer: bool
) -> None:
    original, params = linen_cell(kind, size, input_size, seed)
    carry, x = carry_and_input(kind, size, input_size, seed + 1)
    (cell,) = nc.from_flax(original, params if outer else params["params"])
    expected = row(original.apply(params, carry, x)[0])
    np.testing.assert_allclose(cell.step(row(carry), x), expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"MGU"}))
@settings(max_examples=8)
@given(sizes, sizes, seeds)
def test_a_cell_of_nnx_steps_as_flax_does(kind: str, size: int, input_size: int, seed: int) -> None:
    original = nnx_cell(kind, size, input_size, seed)
    carry, x = carry_and_input(kind, size, input_size, seed + 1)
    (cell,) = nc.from_flax(original)
    expected = row(original(carry, x)[0])
    np.testing.assert_allclose(cell.step(row(carry), x), expected, rtol=0, atol=1e-14)


def test_a_bound_cell_needs_no_parameters() -> None:
    original, params = linen_cell("GRU", 4, 3, 0)
    (free,), (bound,) = nc.from_flax(original, params), nc.from_flax(original.bind(params))
    np.testing.assert_array_equal(bound.weight_hh, free.weight_hh)


def test_layers_of_linen_are_read_as_their_cells() -> None:
    forward, backward = linen.GRUCell(4), linen.LSTMCell(2)
    x = np.zeros((1, 5, 3), np.float32)
    for module, sizes in (
        (linen.RNN(forward), [(3, 4)]),
        (linen.Bidirectional(linen.RNN(forward), linen.RNN(backward)), [(3, 4), (3, 2)]),
    ):
        params = randomized(jax.eval_shape(module.init, jax.random.key(0), x), 0)
        (entry,) = cast("list[Any]", nc.from_flax(module, params))
        cells = entry if isinstance(entry, nc.Bidirectional) else (entry,)
        assert [(cell.input_size, cell.hidden_size) for cell in cells] == sizes


def test_layers_of_nnx_are_read_as_their_cells() -> None:
    forward, backward = nnx_cell("GRU", 4, 3, 0), nnx_cell("LSTM", 2, 3, 0)
    (cell,) = nc.from_flax(nnx.RNN(forward))
    both_ways = nc.from_flax(nnx.Bidirectional(nnx.RNN(forward), nnx.RNN(backward)))
    (pair,) = cast("list[nc.Bidirectional]", both_ways)
    np.testing.assert_array_equal(cell.weight_hh, pair.forward.weight_hh)
    assert (pair.backward.input_size, pair.backward.hidden_size) == (3, 2)


def test_the_type_to_compute_in_is_the_one_asked_for() -> None:
    original, params = linen_cell("GRU", 4, 3, 0)
    for dtype in (np.float64, np.float32):
        (cell,) = nc.from_flax(original, params, dtype=dtype)
        assert cell.dtype == dtype
    with pytest.raises(TypeError, match=r"dtype must be numpy.float64 or numpy.float32"):
        nc.from_flax(original, params, dtype=np.float16)


def test_narrow_parameters_are_promoted_exactly() -> None:
    original, params = linen_cell("GRU", 4, 3, 0)
    narrow = jax.tree.map(lambda leaf: jax.numpy.asarray(leaf, jax.numpy.bfloat16), params)
    wide = jax.tree.map(lambda leaf: np.asarray(leaf.astype(np.float64)), narrow)
    (cell,), (expected,) = nc.from_flax(original, narrow), nc.from_flax(original, wide)
    np.testing.assert_array_equal(cell.weight_hh, expected.weight_hh)
    np.testing.assert_array_equal(cell.bias_ih, expected.bias_ih)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (linen.GRUCell(4, gate_fn=jax.nn.hard_sigmoid), "gate_fn=hard_sigmoid.*takes sigmoid"),
        (linen.GRUCell(4, activation_fn=jax.nn.relu), "activation_fn=relu.*takes tanh"),
        (linen.LSTMCell(4, activation_fn=jax.nn.relu), "activation_fn=relu.*takes tanh"),
        (linen.SimpleCell(4, activation_fn=jax.nn.elu), "activation_fn=elu.*takes tanh or relu"),
        (linen.SimpleCell(4, residual=True), "residual=True"),
        (linen.MGUCell(4, reset_gate=False), "reset_gate=False"),
        (linen.ConvLSTMCell(4, (3,)), "not .*ConvLSTMCell"),
        (linen.Dense(4), "not .*Dense"),
    ],
)
def test_what_has_no_cell_is_refused(cell: Any, message: str) -> None:
    with pytest.raises(NotImplementedError, match=message):
        nc.from_flax(cell, {})


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("GRUCell", {"gate_fn": jax.nn.hard_sigmoid}, "gate_fn=hard_sigmoid"),
        ("SimpleCell", {"residual": True}, "residual=True"),
        ("Linear", {}, "not .*Linear"),
    ],
)
def test_what_has_no_cell_in_nnx_is_refused(
    name: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(NotImplementedError, match=message):
        nc.from_flax(nnx_shapes(name, 3, 4, **options))


def test_a_derived_cell_is_refused() -> None:
    class Derived(nnx.GRUCell):  # type: ignore[misc]
        pass

    class DerivedRNN(linen.RNN):  # type: ignore[misc]
        pass

    with pytest.raises(NotImplementedError, match=r"not .*Derived"):
        nc.from_flax(nnx.eval_shape(lambda: Derived(3, 4, rngs=nnx.Rngs(0))))
    with pytest.raises(NotImplementedError, match=r"not .*DerivedRNN"):
        nc.from_flax(DerivedRNN(linen.GRUCell(4)), {})


@pytest.mark.parametrize("thing", [None, "cell.msgpack", np.zeros(3), linen.GRUCell])
def test_anything_else_is_refused(thing: Any) -> None:
    with pytest.raises(TypeError, match=r"cell must be a cell of flax.linen or flax.nnx"):
        nc.from_flax(thing)


def test_parameters_have_to_be_given_to_linen_alone() -> None:
    with pytest.raises(ValueError, match="pass params"):
        nc.from_flax(linen.GRUCell(4))
    with pytest.raises(TypeError, match="params must be a mapping"):
        nc.from_flax(linen.GRUCell(4), np.zeros(3))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="params must be None for a cell of nnx"):
        nc.from_flax(nnx_cell("GRU", 4, 3, 0), {})


def test_parameters_of_another_cell_are_refused() -> None:
    params = linen_cell("LSTM", 4, 3, 0)[1]
    with pytest.raises(ValueError, match=r"params has no 'ir'.*another cell's"):
        nc.from_flax(linen.GRUCell(4), params)


def test_parameters_that_are_not_finite_are_refused() -> None:
    cell, params = linen_cell("GRU", 4, 3, 0)
    params["params"]["hz"]["kernel"][1, 2] = np.inf
    with pytest.raises(ValueError, match=r"hz/kernel must be finite.*\[1, 2\]"):
        nc.from_flax(cell, params)


def test_parameters_that_are_no_numbers_are_refused() -> None:
    cell, params = linen_cell("GRU", 4, 3, 0)
    params["params"]["hz"]["kernel"] = np.ones((4, 4), np.int8)
    with pytest.raises(TypeError, match="hz/kernel must have a floating-point type, not int8"):
        nc.from_flax(cell, params)


def test_a_missing_package_is_named_with_its_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "flax", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'nullcline\[flax\]'"):
        nc.from_flax(None)


@pytest.mark.parametrize("kind", ["GRU", "LSTM, optimized"])
def test_a_cell_whose_step_was_changed_is_refused(kind: str) -> None:
    class Scaled(nnx.Linear):  # type: ignore[misc]
        def __call__(self, x: Any) -> Any:
            return 0.99 * super().__call__(x)

    cell = nnx_cell(kind, 4, 3, 0)
    scaled = nnx.eval_shape(lambda: Scaled(1, 1, use_bias=False, rngs=nnx.Rngs(0)))
    vars(scaled).update(vars(cell.dense_h))
    cell.dense_h = scaled
    with pytest.raises(ValueError, match=r"does not step as the .* weights make.*from_function"):
        nc.from_flax(cell)


def test_biases_are_those_that_flax_reads() -> None:
    cell, params = linen_cell("GRU", 4, 3, 0)
    more = {**params["params"], "hr": {**params["params"]["hr"], "bias": np.ones(4)}}
    with pytest.raises(ValueError, match="hr/bias, which a GRUCell of linen does not read"):
        nc.from_flax(cell, more)
    less = {**params["params"], "hn": {"kernel": params["params"]["hn"]["kernel"]}}
    with pytest.raises(ValueError, match="no hn/bias, which a GRUCell of linen reads: pass zeros"):
        nc.from_flax(cell, less)


def test_boxed_parameters_are_unboxed() -> None:
    cell, params = linen_cell("GRU", 4, 3, 0)
    (expected,) = nc.from_flax(cell, params)
    for box in (linen.Partitioned, linen.LogicallyPartitioned):
        boxed = jax.tree.map(lambda leaf, box=box: box(leaf, (None,) * leaf.ndim), params)
        (found,) = nc.from_flax(cell, boxed)
        np.testing.assert_array_equal(found.weight_hh, expected.weight_hh)


def test_parameters_without_values_are_refused() -> None:
    cell, params = linen_cell("GRU", 4, 3, 0)
    shapes = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), params)
    for make in (
        lambda: nc.from_flax(cell, shapes),
        lambda: nc.from_flax(nnx_shapes("GRUCell", 3, 4)),
        lambda: jax.jit(lambda traced: nc.from_flax(cell, traced))(params),
    ):
        with pytest.raises(ValueError, match="kernel is abstract: it has a shape and no values"):
            make()


def test_an_activation_is_known_by_its_values() -> None:
    params = linen_cell("GRU", 4, 3, 0)[1]
    alike = linen.GRUCell(
        4, activation_fn=lambda x: -jax.numpy.tanh(-x), gate_fn=jax.scipy.special.expit
    )
    assert len(nc.from_flax(alike, params)) == 1
    other = linen.GRUCell(4, activation_fn=lambda x: 1.01 * jax.numpy.tanh(x))
    with pytest.raises(NotImplementedError, match=r"activation_fn=.*takes tanh"):
        nc.from_flax(other, params)


@pytest.mark.filterwarnings("ignore:Explicitly requested dtype:UserWarning")
@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("width", [16, 32, 64])
def test_rounding_is_no_difference_however_large_the_weights(kind: str, width: int) -> None:
    """Without 64 bits JAX computes a cell of float64 in float32, and says so in a warning."""
    params = linen_cell(kind, 4, 3, 0)[1]
    compute = {16: jax.numpy.bfloat16, 32: None, 64: np.float64}[width]
    name, options = KINDS[kind]
    cell = getattr(linen, name)(4, dtype=compute, **options)
    jax.config.update("jax_enable_x64", False)
    try:
        for gain in (1e-2, 1.0, 1e3):
            scaled = jax.tree.map(lambda leaf, gain=gain: gain * leaf, params)
            assert len(nc.from_flax(cell, scaled)) == 1
    finally:
        jax.config.update("jax_enable_x64", True)


def test_a_linen_cell_whose_step_is_intercepted_is_refused() -> None:
    cell, params = linen_cell("GRU", 4, 3, 0)

    def scale(call: Any, given: Any, options: Any, context: Any) -> Any:
        result = call(*given, **options)
        return result if context.module.name else (0.99 * result[0], result[1])

    with (
        linen.intercept_methods(scale),
        pytest.raises(ValueError, match="GRUCell does not step as the GRU that its weights make"),
    ):
        nc.from_flax(cell, params)
