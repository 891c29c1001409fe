"""One row of a function of JAX: traced once, and differentiated by whichever modes take it.

Forward mode is not for functions with a `custom_vjp`, reverse mode not for loops whose length is
known at run time alone. Each product can be had by either: uᵀJ is linear in u, so that its own
reverse mode gives J v; and where J v is all there is, J has S of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    Map: TypeAlias = Callable[[Any], Any]
    """A vector from a vector: the next state from the state, or from the input."""


class Row:
    """F of one row as JAX has traced it.

    Its weights are those that `f` had then, whatever becomes of what it closes over: they are
    arguments of what is compiled, on their own device, and not constants within it.

    Parameters
    ----------
    f
        ``f(inputs, states)`` of any number of rows, or of a single one, which has no axis of rows.
    h, x
        A state and an input, (1, S) and (1, D).
    """

    def __init__(self, f: Any, h: Any, x: Any) -> None:
        import jax

        trace = jax.make_jaxpr(f, return_shape=True)
        self.takes_rows = True
        try:
            self.traced, found = trace(x, h)
        except reads_values():
            raise
        except Exception as error:  # noqa: BLE001 - it may be a function of one row
            h, x = h[0], x[0]
            try:
                self.traced, found = trace(x, h)
                require_states(found, h)
            except Exception:  # noqa: BLE001 - whatever it raises: the first error counts
                raise error from None
            self.takes_rows = False
        require_states(found, h)

    @property
    def weights(self) -> Any:
        """What `f` closes over."""
        return self.traced.consts

    def following(self, weights: Any, x: Any, h: Any) -> Any:
        """Return the next state, (S,), of a state (S,) and an input (D,)."""
        import jax

        if self.takes_rows:
            x, h = x[None], h[None]
        (found,) = jax.core.eval_jaxpr(self.traced.jaxpr, weights, x, h)
        return found[0] if self.takes_rows else found


def step(f: Map, at: Any) -> Any:
    """Return f itself."""
    return f(at)


def forward_jvp(f: Map, at: Any, v: Any) -> Any:
    """Return J v."""
    import jax

    return jax.jvp(f, (at,), (v,))[1]


def reverse_jvp(f: Map, at: Any, v: Any) -> Any:
    """Return J v as the derivative of uᵀJ by u."""
    import jax

    following, pull = jax.vjp(f, at)
    return jax.vjp(lambda u: pull(u)[0], following)[1](v)[0]


def reverse_vjp(f: Map, at: Any, u: Any) -> Any:
    """Return uᵀJ."""
    import jax

    return jax.vjp(f, at)[1](u)[0]


def forward_vjp(f: Map, at: Any, u: Any) -> Any:
    """Return uᵀJ by all of J."""
    return u @ forward_jacobian(f, at)


def forward_jacobian(f: Map, at: Any) -> Any:
    """Return J, a product for each column."""
    import jax

    return jax.jacfwd(f)(at)


def reverse_jacobian(f: Map, at: Any) -> Any:
    """Return J, a product for each row."""
    import jax

    return jax.jacrev(f)(at)


def mixed_curvature(f: Map, at: Any, u: Any, v: Any) -> tuple[Any, Any]:
    """Return J v and Σ_i u_i ∂²f_i v, the derivatives of f and of uᵀJ along v."""
    import jax

    def both(there: Any) -> tuple[Any, Any]:
        following, pull = jax.vjp(f, there)
        return following, pull(u)[0]

    product, bent = jax.jvp(both, (at,), (v,))[1]
    return product, bent


def reverse_curvature(f: Map, at: Any, u: Any, v: Any) -> tuple[Any, Any]:
    """Return J v and Σ_i u_i ∂²f_i v, the gradient of uᵀJ v."""
    import jax

    bent = jax.grad(lambda there: reverse_vjp(f, there, u) @ v)(at)
    return reverse_jvp(f, at, v), bent


def forward_curvature(f: Map, at: Any, u: Any, v: Any) -> tuple[Any, Any]:
    """Return J v and Σ_i u_i ∂²f_i v, the derivatives of uᵀJ v one by one."""
    import jax

    bent = jax.jacfwd(lambda there: u @ forward_jvp(f, there, v))(at)
    return forward_jvp(f, at, v), bent


WAYS: dict[str, tuple[Callable[..., Any], ...]] = {
    "step": (step,),
    "jacobian": (forward_jacobian, reverse_jacobian),
    "jvp": (forward_jvp, reverse_jvp),
    "vjp": (reverse_vjp, forward_vjp),
    "curvature": (mixed_curvature, reverse_curvature, forward_curvature),
}
"""How to compute each, the fastest way first."""


def reads_values() -> tuple[type[Exception], ...]:
    """Return what JAX raises where a function asks a traced array for its values."""
    import jax

    errors = jax.errors
    return (
        errors.ConcretizationTypeError,  # if, while, float(), item()
        errors.TracerArrayConversionError,  # NumPy
        errors.TracerIntegerConversionError,  # range(), an index of a list
        errors.NonConcreteBooleanIndexError,  # a mask for an index
    )


def require_states(found: object, h: Any) -> Any:
    """Return what `f` has returned, if it is states like those that it was given."""
    import jax

    hint = "; return its state alone, and for an LSTM jnp.concatenate([h, c], axis=1)"
    if isinstance(found, tuple | list):
        raise TypeError(
            f"f must return the next states as an array, not {type(found).__name__}{hint}"
        )
    if not isinstance(found, jax.Array | jax.ShapeDtypeStruct):
        mend = "; NumPy has no derivatives: write it with jax.numpy"
        raise TypeError(
            f"f must return the next states as an array of JAX, not {type(found).__name__}"
            + (mend if isinstance(found, np.ndarray) else "")
        )
    if found.shape != h.shape:
        raise ValueError(
            f"f must return states of the shape that it was given, {h.shape}, not {found.shape}"
        )
    if found.dtype != h.dtype:
        mend = f", or say dtype={found.dtype}" if found.dtype in (np.float32, np.float64) else ""
        what = (
            f"give it weights of {h.dtype}"
            if found.dtype == np.float64
            else "leave out casts and dtype= in its layers"
        )
        raise TypeError(f"f must compute in {h.dtype}, and returned {found.dtype}: {what}{mend}")
    return found
