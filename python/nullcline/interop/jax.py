"""Cells of any differentiable function of JAX."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline.interop._function_cell import function_cell
from nullcline.interop._jax_examination import examine_jax

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import DTypeLike

    from nullcline.cells.function import FunctionCell


def from_jax(
    f: Callable[[Any, Any], Any],
    n_states: int,
    n_inputs: int,
    *,
    bounds: tuple[float, float] | None = None,
    smooth: bool | None = None,
    dtype: DTypeLike = np.float64,
) -> FunctionCell:
    """Make a cell of any function of JAX that computes a network's next states.

    It is then searched as `from_function` says, with derivatives by `jax.jvp` and `jax.vjp`. `f` is
    traced once, here, for one row, and what is compiled is this trace, by `jax.vmap` for batches of
    a few sizes. So `f` is not called by a search, and the cell has the weights that `f` has now: of
    a network that is trained further, make the cell anew.

    Parameters
    ----------
    f
        ``f(inputs, states)``: inputs of shape (n, D) and states of shape (n, S), arrays of `dtype`;
        returns the next states, (n, S), a row for each row and no row with a part in another's. Or
        the same of one row, ``f(input, state)`` of shapes (D,) and (S,), as modules of Equinox
        are. A function, compiled by `jax.jit` or not, or a module of Flax (of linen, bound) or
        Equinox with this call. Dropout and batch normalization must be switched off.
    n_states, n_inputs
        S, at least 1, and D; D may be 0.
    bounds
        The least and the largest number that a state can hold, (-1, 1) for most gated cells; None
        for no bounds.
    smooth
        Whether the derivatives of `f` are continuous, as `trace` and `follow_input` need them.
        None: look for operations with kinks or jumps (ReLU, clip, abs, max, and choices by a value
        that depends on states or inputs, such as `jnp.where`) in what JAX has traced of `f`. Say
        True if one that is found is never reached, as that of `LayerNorm`.
    dtype
        What `f` gets and returns. With float64, JAX's 64-bit mode is on while `f` is traced and
        called, in this thread alone: `jax_enable_x64` stays as it is. Weights of float32 are
        promoted to float64 where they meet a state, which is exact, so that modules need no cast;
        casts to float32 within `f` are found and said. With float32, the mode is yours.

    Returns
    -------
    FunctionCell
        The cell. Its arrays are NumPy's. What is computed is computed where the weights are
        committed to, or else on JAX's default device.

    Raises
    ------
    ModuleNotFoundError
        If JAX is not installed.
    TypeError
        If `f` is not callable or cannot be called with inputs and states, takes states first,
        returns no array or one of another type, is not differentiable, is a function of NumPy or
        PyTorch, changes what it holds, or computes in half precision; if `smooth` is neither a
        truth value nor None.
    ValueError
        If `f` returns another shape, mixes rows, is random, or is not finite at states within
        `bounds`; if a size is out of range, or `bounds` are not two numbers in their order.
    RuntimeError
        If `f` itself raises for the shapes and type said above; its error is the cause. Later, if
        a process is forked after JAX was used, and its child calls the cell.

    Warns
    -----
    FunctionWarning
        If `f` decides by values (``if``, ``float()``, masks), so that it cannot be traced and is
        called one row at a time, which is much slower and gives the same; if forward or reverse
        mode refuses it, so that some products take as many passes as there are units; if it draws
        random numbers, the same ones each time; if it computes in float32 in part and returns
        float64, so that it is searched in float32 (`FunctionCell.precision`); if its derivatives
        are not those of its values. Its category is `nullcline.interop.FunctionWarning`.

    Examples
    --------
    >>> cell = nc.from_jax(lambda x, h: jnp.tanh(h @ w + x), 64, 64)  # doctest: +SKIP
    >>> cell = nc.from_jax(equinox_gru_cell, 64, 10, bounds=(-1, 1))  # doctest: +SKIP
    """
    return function_cell(
        examine_jax, f, n_states, n_inputs, bounds=bounds, smooth=smooth, dtype=dtype
    )
