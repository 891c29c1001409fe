"""Why a function of JAX cannot be a cell, in a sentence that says what to do."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline.cells._jax_modes import as_outside
from nullcline.cells._jax_row import Row
from nullcline.interop._explain import said

if TYPE_CHECKING:
    from nullcline._support.validation import Floats

UNRELATED = (
    "f must be differentiable by JAX in its states: what it returned does not depend on them "
    "(through stop_gradient, whole numbers or NumPy it does not count)"
)
"""What is said of a function that no derivative leads through."""

_NUMPY = "f uses NumPy, which has no derivatives: write it with jax.numpy"
_CHANGES = (
    "f changes what it holds while it is called, and must be a function of inputs and states "
    "alone: call module.eval() for batch normalization and dropout, or split the module and drop "
    "what it changes"
)
_UNBOUND = (
    "f is a module of flax.linen without its parameters: pass module.bind(variables), or "
    "lambda x, h: module.apply(variables, x, h)"
)
_DRAWS = (
    "f draws random numbers and has no key for them: take dropout and noise out, "
    "as by deterministic=True"
)
_PARTS = (
    ". Several arrays of a state are one for us: for a state of two, pass `lambda x, s: "
    "jnp.concatenate(f(x, jnp.split(s, 2, axis=-1)), axis=-1)`"
)
_KNOWN = {
    "TracerArrayConversionError": _NUMPY,
    "TraceContextError": _CHANGES,
    "ModifyScopeVariableError": _CHANGES,
    "UnexpectedTracerError": _CHANGES,
    "CallCompactUnboundModuleError": _UNBOUND,
    "ScopeParamNotFoundError": _UNBOUND,
    "InvalidRngError": _DRAWS,
}
"""Exceptions of JAX and Flax by name, and what they mean here."""


def why_it_fails(f: Any, error: Exception, h: Floats, x: Floats) -> Exception:
    """Return what to raise where `f` raised `error` when it was traced."""
    if str(error).startswith("f must"):  # by `require_states`
        return error
    if sentence := _KNOWN.get(type(error).__name__) or _of_its_arguments(f, h, x):
        return TypeError(sentence)
    if "must be Tensor, not" in str(error) or "torch" in str(error):
        return TypeError(
            "f is a function of PyTorch, and from_jax takes those of JAX: "
            "nullcline.from_function takes it"
        )
    double = h.dtype == np.float64
    other_type = np.dtype(np.float32 if double else np.float64)
    if _works(f, h.astype(other_type), x.astype(other_type)):
        return TypeError(
            f"f does not take {h.dtype}, and takes {other_type}: {_casting(other_type, h.dtype)}, "
            f"or say dtype={other_type}"
        )
    return RuntimeError(
        f"f raised {said(error)}, for inputs of shape {x[:1].shape} and states of shape "
        f"{h[:1].shape}, {h.dtype}: it must take any number of rows of these sizes, or a single "
        "row without its axis" + (_PARTS if "unpack" in str(error) else "")
    )


def _of_its_arguments(f: Any, h: Floats, x: Floats) -> str | None:
    """Return what is wrong with the arguments that `f` takes, if anything is known to be."""
    try:
        inspect.signature(f).bind(x, h)
    except ValueError:  # it has none that is known
        return None
    except TypeError as refusal:
        return (
            f"f must take two arguments, inputs and states, and cannot be called so ({refusal}): "
            "pass `lambda x, h: f(h)` where it reads no inputs, and give other arguments their "
            "values, as by functools.partial"
        )
    if _works(lambda read, states: f(states, read), h, x):
        return (
            "f must take inputs first and states second, and takes states first: pass "
            "`lambda x, h: f(h, x)`"
        )
    return None


def why_not_differentiable(error: Exception) -> TypeError:
    """Return what to raise where JAX raised `error` when it differentiated a function."""
    sentence = _KNOWN.get(type(error).__name__)
    return TypeError(sentence or f"f must be differentiable by JAX, which raised {said(error)}")


def _casting(present: np.dtype[Any], wanted: np.dtype[Any]) -> str:
    """Return how weights of one type are made of another; they are of JAX's own unless told."""
    cast = f"cast its weights, jax.tree.map(lambda w: w.astype('{wanted}'), weights)"
    if present == np.float32:
        return f"{cast}, after jax.config.update('jax_enable_x64', True)"
    return cast


def _works(f: Any, h: Floats, x: Floats) -> bool:
    with as_outside(h.dtype):
        try:
            Row(f, h[:1], x[:1])
        except Exception:  # noqa: BLE001 - whatever it raises
            return False
    return True
