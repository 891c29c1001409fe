"""What a function of JAX is found to be: a map of rows, and how it is differentiated.

It is traced rather than called, so that little is compiled: twice for a few rows, which tells
whether it is the same function each time, and once for one, which is what a search computes.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline.cells._jax_derivatives import JaxDerivatives
from nullcline.cells._jax_modes import as_outside
from nullcline.cells._jax_row import WAYS, require_states
from nullcline.interop._examination import (
    Examined,
    Words,
    compare_with_differences,
    require_rows,
    sample,
)
from nullcline.interop._explain import said
from nullcline.interop._frameworks import framework
from nullcline.interop._jax_explain import UNRELATED, why_it_fails, why_not_differentiable
from nullcline.interop._jax_modules import lasting
from nullcline.interop._jaxpr import Trace, read
from nullcline.interop._products import IN_SINGLE, alike
from nullcline.interop._undisturbed import same_random_numbers

if TYPE_CHECKING:
    from collections.abc import Callable

    from nullcline._support.validation import Floats
    from nullcline.cells._jax_row import Row
    from nullcline.cells.box import Box

_WORDS = Words(
    library="JAX",
    detaching="stop_gradient",
    widening="jax.tree.map(lambda w: w.astype('float64'), weights) within jax.enable_x64(True)",
)

_CHANGING = (
    "f must return the same for the same: it holds numbers that change, such as NumPy's random "
    "ones or a count of its calls"
)

_NOISE = (
    "f draws random numbers, other ones in each row: take dropout and noise out (deterministic=True"
    " in Flax, module.eval() in nnx, equinox.nn.inference_mode)"
)

_ONE_DRAW = (
    "f draws random numbers, the same ones at every call: its fixed points are those of this draw. "
    "Take dropout and noise out (deterministic=True in Flax, module.eval() in nnx, "
    "equinox.nn.inference_mode), and draw weights before"
)

_AS_IT_IS = (
    "f is called one row at a time and never compiled, which is much slower: it decides by values "
    "(if, float(), masks), and JAX cannot trace that. Use jax.numpy.where or jax.lax.cond"
)


def examine_jax(f: Any, box: Box, n_inputs: int, dtype: np.dtype[Any]) -> Examined:
    """Return what `f` is found to be; raise unless it is a map of rows that is differentiable."""
    framework("jax", "jax")
    rng = np.random.default_rng(1)
    h, x = sample(box, n_inputs, dtype)
    f = lasting(f)
    derivatives = JaxDerivatives(f)
    with same_random_numbers(), as_outside(dtype):
        try:
            alone = derivatives.step(h, x)
            together, again = _batches(f, h, x, derivatives.row(dtype))
        except MemoryError:
            raise
        except Exception as error:
            raise why_it_fails(f, error, h, x) from error
        row = derivatives.row(dtype)
        trace = Trace(depends=True) if row is None else read(row.traced)
        if trace.draws and not np.allclose(together, alone, equal_nan=True):
            raise ValueError(_NOISE)
        if not np.array_equal(together, again, equal_nan=True):
            raise ValueError(_CHANGING)
        require_rows(together, alone, h)
        _require_full_precision(trace.types, dtype)
        if not trace.depends:
            raise TypeError(UNRELATED)
        examined = Examined(derivatives, not trace.has_kinks, dtype)
        slower = _require_derivatives(derivatives, h, x)
        compare_with_differences(examined, h, x, rng, _WORDS)
    if row is not None and examined.precision == np.float64:
        derivatives.takes_single = _takes_single_precision(derivatives, h, x)
    if not derivatives.takes_single:  # which a search multiplies with, and is known of it if so
        _require_finite(derivatives.vjp(h, x, h))
    if trace.draws:
        examined.doubts.append(_ONE_DRAW)
    if row is None:
        examined.doubts.append(_AS_IT_IS)
    elif slower:
        ways = ", ".join(f"{name} {slower[name][0]}" for name in WAYS if name in slower)
        refusal = said(next(iter(slower.values()))[1])
        examined.doubts.append(f"f is differentiated in a slower way ({ways}): {refusal}")
    return examined


def _require_full_precision(types: set[np.dtype[Any]], dtype: np.dtype[Any]) -> None:
    narrow = [kind for kind in types if kind.itemsize < 4]
    if narrow:
        raise TypeError(
            f"f must compute in {dtype}, and uses {narrow[0]} in part, too coarse for fixed "
            "points: leave out the casts and dtype= in its layers"
        )


def _require_derivatives(
    derivatives: JaxDerivatives, h: Floats, x: Floats
) -> dict[str, tuple[str, Exception]]:
    """Return what is computed in a slower way.

    Raise unless derivatives can be had, are finite, and do not vanish where values move.
    """
    try:
        slower = derivatives.slower(h, x)
        jacobian = derivatives.jacobian(h[:1], x[:1], by=0)
    except MemoryError:
        raise
    except Exception as error:
        raise why_not_differentiable(error) from error
    _require_finite(jacobian)
    near = h + h.dtype.type(0.01) * np.cos(np.arange(h.shape[1]), dtype=h.dtype)
    if not jacobian.any() and (derivatives.step(near, x)[0] != derivatives.step(h, x)[0]).any():
        raise TypeError(UNRELATED)
    return slower


def _require_finite(derivatives: Floats) -> None:
    if not np.isfinite(derivatives).all():
        raise ValueError("f must have finite derivatives, and JAX found NaN or infinity")


def _takes_single_precision(derivatives: JaxDerivatives, h: Floats, x: Floats) -> bool:
    """Whether a function of float64 has nearly the same products when it computes in float32."""
    states, inputs = h.astype(np.float32), x.astype(np.float32)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # JAX says that it makes float32 of float64
            found = [multiply(states, inputs, states)[0] for multiply in _products(derivatives)]
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - whatever it raises, float64 works
        return False
    jacobian = derivatives.jacobian(h[:1], x[:1], by=0)[0]
    return all(
        alike(one, other, IN_SINGLE)
        for one, other in zip(found, (jacobian @ h[0], h[0] @ jacobian), strict=True)
    )


def _products(derivatives: JaxDerivatives) -> tuple[Callable[..., Floats], ...]:
    return derivatives.jvp, derivatives.vjp


def _batches(f: Any, h: Floats, x: Floats, row: Row | None) -> tuple[Floats, Floats]:
    """Return the next states of all rows as `f` itself makes them, and once again."""
    import jax

    if row is None:
        states, read = map(jax.numpy.asarray, (h, x))
        together, again = (np.asarray(require_states(f(read, states), states)) for _ in range(2))
        return together, again
    of_rows = f if row.takes_rows else jax.vmap(f)
    first, second = (_traced(of_rows, h, x) for _ in range(2))
    together = _evaluated(first, h, x)
    return together, together if _alike(first, second) else _evaluated(second, h, x)


def _traced(f: Any, h: Floats, x: Floats) -> Any:
    """Trace a function anew, which JAX does not do for one that it has seen."""
    import jax

    traced, found = jax.make_jaxpr(lambda *rows: f(*rows), return_shape=True)(x, h)  # noqa: PLW0108 - it is new
    require_states(found, h)
    return traced


def _evaluated(traced: Any, h: Floats, x: Floats) -> Floats:
    import jax

    evaluate = jax.jit(jax.core.eval_jaxpr, static_argnums=0)
    return np.asarray(evaluate(traced.jaxpr, traced.consts, x, h)[0])


def _alike(first: Any, second: Any) -> bool:
    """Whether two traces say the same."""
    return str(first.jaxpr) == str(second.jaxpr) and all(
        np.array_equal(_numbers(a), _numbers(b), equal_nan=True)
        for a, b in zip(first.consts, second.consts, strict=True)
    )


def _numbers(held: Any) -> Any:
    """Return what a function holds as numbers, which keys of random numbers are not at first."""
    import jax

    if jax.numpy.issubdtype(held.dtype, jax.dtypes.prng_key):
        held = jax.random.key_data(held)
    return np.asarray(held)
