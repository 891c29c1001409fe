"""Cells from Flax's, of both of its interfaces: linen and nnx."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from nullcline import cells
from nullcline._support import validation
from nullcline.cells.bidirectional import Bidirectional
from nullcline.interop._activations import activation
from nullcline.interop._agreement import BFLOAT16, DOUBLE, HALF, SINGLE, require_same_step
from nullcline.interop._frameworks import framework
from nullcline.interop._parameters import parameter

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from nullcline._support.validation import Floats
    from nullcline.cells import CompiledCell

Dense: TypeAlias = tuple[Any, Any]
"""A kernel, which multiplies from the right, and a bias or None."""


class _Layout(NamedTuple):
    """The dense maps that a cell is made of, by name, in the order of PyTorch's gates."""

    input: tuple[str, ...]
    recurrent: tuple[str, ...]
    biased: frozenset[str] = frozenset()
    """Those of linen that have a bias."""


_ONE_MAP = _Layout(("dense_i",), ("dense_h",))
_LSTM = _Layout(
    ("ii", "if", "ig", "io"), ("hi", "hf", "hg", "ho"), frozenset({"hi", "hf", "hg", "ho"})
)
_LINEN = {
    "SimpleCell": _Layout(("i",), ("h",), frozenset({"i"})),
    "GRUCell": _Layout(("ir", "iz", "in"), ("hr", "hz", "hn"), frozenset({"ir", "iz", "in", "hn"})),
    "LSTMCell": _LSTM,
    "OptimizedLSTMCell": _LSTM,
    "MGUCell": _Layout(("if", "in"), ("hf", "hn"), frozenset({"if", "in", "hn"})),
}
_NNX = {
    "SimpleCell": _ONE_MAP,
    "GRUCell": _ONE_MAP,
    "LSTMCell": _Layout(("ii", "if_", "ig", "io"), ("hi", "hf", "hg", "ho")),
    "OptimizedLSTMCell": _ONE_MAP,
}


def from_flax(
    cell: Any, params: Mapping[str, Any] | None = None, *, dtype: DTypeLike = np.float64
) -> list[cells.CompiledCell]:
    """Make a cell of one of Flax, of linen or nnx.

    The cell is checked against Flax's own, which is called on a few states and inputs.

    Parameters
    ----------
    cell
        A `SimpleCell`, `GRUCell`, `LSTMCell` or `OptimizedLSTMCell` of `flax.linen` or `flax.nnx`,
        an `MGUCell` of linen, or an `RNN` or `Bidirectional` around such cells.
    params
        For a cell of linen, which holds no parameters itself: what `cell.init` returned or training
        made of it, with or without the outer `{"params": ...}`, and with or without boxes such as
        `Partitioned`. None for a bound one and for nnx.
    dtype
        What the cell computes in: float64, to which narrower parameters are promoted exactly, or
        float32, to which wider ones are rounded.

    Returns
    -------
    list of RNN, GRU, LSTM or MGU
        A list of one, as the other importers give it; of a `Bidirectional` a list of one
        `nullcline.Bidirectional`. Flax's carry `(c, h)` of an LSTM is the state `[h, c]`, one row.

    Raises
    ------
    ModuleNotFoundError
        If Flax is not installed.
    NotImplementedError
        For another cell, for a gate or activation function other than `sigmoid` and `tanh` (or
        `relu` in a `SimpleCell`), for a `SimpleCell` with `residual=True`, and for an `MGUCell`
        with `reset_gate=False`. The message has the call of `from_jax` that takes such a cell.
    TypeError
        If `cell` is none of Flax's, or `params` is no mapping, or given with a cell of nnx.
    ValueError
        If parameters are missing or do not belong to the cell, one is NaN, infinite or abstract, or
        Flax's cell does not step as they say.
    """
    linen, nnx = framework("flax.linen", "flax"), framework("flax.nnx", "flax")
    target = validation.float_type(dtype)
    found: Any
    if isinstance(cell, nnx.Module):
        if params is not None:
            raise TypeError("params must be None for a cell of nnx, which holds its parameters")
        found = _from_nnx(nnx, cell, target)
    elif isinstance(cell, linen.Module):
        found = _from_linen(linen, cell, _tree(cell, params), target)
    else:
        raise TypeError(
            "cell must be a cell of flax.linen or flax.nnx, not "
            f"{type(cell).__module__}.{type(cell).__qualname__}; nullcline.from_jax makes a cell "
            "of any function of inputs and states"
        )
    return [found]


def _from_nnx(nnx: Any, module: Any, dtype: np.dtype[Any]) -> CompiledCell | Bidirectional:
    if type(module) is nnx.Bidirectional:
        return Bidirectional(
            _nnx_cell(nnx, module.forward_rnn, dtype), _nnx_cell(nnx, module.backward_rnn, dtype)
        )
    return _nnx_cell(nnx, module, dtype)


def _nnx_cell(nnx: Any, module: Any, dtype: np.dtype[Any]) -> CompiledCell:
    cell = module.cell if type(module) is nnx.RNN else module
    layout = _layout(nnx, _NNX, cell)

    def dense(name: str) -> Dense:
        linear = getattr(cell, name)
        return linear.kernel, linear.bias

    return _cell(cell, layout, dense, cell, dtype)


def _from_linen(
    linen: Any, module: Any, params: Mapping[str, Any], dtype: np.dtype[Any]
) -> CompiledCell | Bidirectional:
    if type(module) is linen.Bidirectional:
        forward, backward = (
            _linen_cell(linen, getattr(module, name), _branch(params, name), dtype)
            for name in ("forward_rnn", "backward_rnn")
        )
        return Bidirectional(forward, backward)
    return _linen_cell(linen, module, params, dtype)


def _linen_cell(
    linen: Any, module: Any, params: Mapping[str, Any], dtype: np.dtype[Any]
) -> CompiledCell:
    if type(module) is linen.RNN:
        return _linen_cell(linen, module.cell, _branch(params, "cell"), dtype)
    layout = _layout(linen, _LINEN, module)

    def dense(name: str) -> Dense:
        found = _branch(params, name)
        if ("bias" in found) != (name in layout.biased):
            kind = type(module).__name__
            raise ValueError(
                f"params has {name}/bias, which a {kind} of linen does not read"
                if "bias" in found
                else f"params has no {name}/bias, which a {kind} of linen reads: pass zeros if the "
                "network was trained without"
            )
        return _branch(found, "kernel"), found.get("bias")

    def step(carry: Any, x: Any) -> Any:
        return module.clone(parent=None).apply({"params": params}, carry, x)

    return _cell(module, layout, dense, step, dtype)


def _tree(cell: Any, params: object) -> Mapping[str, Any]:
    """Return the tree of a cell's parameters, without what linen wraps around it."""
    if params is None:
        if cell.scope is None:
            raise ValueError(
                "a cell of linen holds no parameters: pass params, which cell.init(...) returned"
            )
        params = cell.variables
    if not isinstance(params, Mapping):
        raise TypeError(f"params must be a mapping, as cell.init(...) returns, not {params!r}")
    tree: Mapping[str, Any] = framework("flax.core.meta", "flax").unbox(
        params.get("params", params)
    )
    return tree


def _branch(params: Mapping[str, Any], name: str) -> Any:
    if name not in params:
        raise ValueError(
            f"params has no {name!r} where this cell keeps it, but {sorted(params)}: they are "
            "another cell's, or a part of the tree"
        )
    return params[name]


def _layout(interface: Any, layouts: dict[str, _Layout], cell: Any) -> _Layout:
    """Return where one of Flax's own cells keeps its parameters; one derived may differ."""
    for name, layout in layouts.items():
        if type(cell) is getattr(interface, name):
            return layout
    raise NotImplementedError(
        f"from_flax takes {', '.join(layouts)} and an RNN or Bidirectional around them, not "
        f"{type(cell).__module__}.{type(cell).__qualname__}: {_recipe(cell)}"
    )


def _recipe(cell: Any) -> str:
    """Return how a cell that has none of ours becomes one of a function."""
    bound = getattr(cell, "scope", cell) is not None
    call = "cell(h, x)[0]" if bound else "cell.apply(variables, h, x)[0]"
    of = "" if bound else ", of variables = cell.init(...)"
    return f"nullcline.from_jax(lambda x, h: {call}, n_states, n_inputs) takes its step{of}"


def _cell(
    cell: Any,
    layout: _Layout,
    dense: Callable[[str], Dense],
    step: Callable[[Any, Any], Any],
    dtype: np.dtype[Any],
) -> CompiledCell:
    """Make a cell of dense maps, and check it against `step(carry, x)`, which calls Flax's."""
    make = _constructor(cell)
    weight_ih, bias_ih = _stacked(layout.input, dense, dtype)
    weight_hh, bias_hh = _stacked(layout.recurrent, dense, dtype)
    found = make(weight_ih, weight_hh, bias_ih, bias_hh)
    has_c = "LSTM" in type(cell).__name__
    require_same_step(type(cell).__name__, found, partial(_step, step, has_c), _roundoff(cell))
    return found


def _step(step: Callable[[Any, Any], Any], has_c: bool, states: Floats, inputs: Floats) -> Floats:
    """Return the next states of a cell of Flax, whose products are made as exactly as they can."""
    jax = framework("jax", "flax")
    h, *c = np.split(states, 2, axis=1) if has_c else [states]
    with jax.default_matmul_precision("highest"):
        carry, _ = step((*c, h) if has_c else h, inputs)
    parts = carry[::-1] if has_c else (carry,)
    return np.concatenate([np.asarray(part, np.float64) for part in parts], axis=1)


def _roundoff(cell: Any) -> float:
    """Return the unit roundoff of a cell's steps; JAX makes all float32 unless told otherwise."""
    jnp = framework("jax.numpy", "flax")
    types = {str(jnp.dtype(name)) for name in (cell.dtype or cell.param_dtype, cell.param_dtype)}
    if "bfloat16" in types:
        return BFLOAT16
    if "float16" in types:
        return HALF
    wide = jnp.zeros((), jnp.result_type(float)).dtype == np.float64
    return DOUBLE if types == {"float64"} and wide else SINGLE


def _constructor(cell: Any) -> Callable[..., CompiledCell]:
    kind = type(cell).__name__
    if kind == "SimpleCell":
        if cell.residual:
            raise NotImplementedError(
                f"a SimpleCell with residual=True has no cell here: {_recipe(cell)}"
            )
        nonlinearity = _function(cell, "activation_fn", "tanh", "relu")
        return partial(cells.RNN, nonlinearity=nonlinearity)
    _function(cell, "activation_fn", "tanh")
    _function(cell, "gate_fn", "sigmoid")
    if kind == "MGUCell":
        if not cell.reset_gate:
            raise NotImplementedError(
                f"an MGUCell with reset_gate=False has no cell here: {_recipe(cell)}"
            )
        return cells.MGU
    return cells.GRU if kind == "GRUCell" else cells.LSTM


def _function(cell: Any, attribute: str, *supported: str) -> str:
    """Return which of the supported functions a cell has."""
    function = getattr(cell, attribute)
    with framework("jax", "flax").ensure_compile_time_eval():
        found = activation(function, supported)
    if found is None:
        name = getattr(function, "__name__", None)
        shown = repr(function) if name in {None, *supported} else name
        raise NotImplementedError(
            f"{type(cell).__name__} has {attribute}={shown}; from_flax takes "
            f"{' or '.join(supported)}, and {_recipe(cell)}"
        )
    return found


def _stacked(
    names: tuple[str, ...], dense: Callable[[str], Dense], dtype: np.dtype[Any]
) -> tuple[Floats, Floats]:
    """Stack dense maps as PyTorch does its gates; those without a bias have zeros."""
    weights, biases = [], []
    for name in names:
        kernel, bias = dense(name)
        weights.append(parameter(f"{name}/kernel", kernel, dtype).T)
        biases.append(
            np.zeros(len(weights[-1]), dtype)
            if bias is None
            else parameter(f"{name}/bias", bias, dtype)
        )
    return np.concatenate(weights), np.concatenate(biases)
