"""Cells of any differentiable function, of PyTorch or JAX."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline.interop._device import device_of
from nullcline.interop._examination import Examined, examine, sample
from nullcline.interop._frameworks import framework
from nullcline.interop._function_cell import function_cell
from nullcline.interop._jax_examination import examine_jax
from nullcline.interop._library import is_of_jax
from nullcline.interop._undisturbed import undisturbed

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from numpy.typing import DTypeLike

    from nullcline.cells.box import Box
    from nullcline.cells.function import FunctionCell


def from_function(
    f: Callable[[Any, Any], Any],
    n_states: int,
    n_inputs: int,
    *,
    bounds: tuple[float, float] | None = None,
    smooth: bool | None = None,
    dtype: DTypeLike | torch.dtype = np.float64,
    device: str | torch.device | None = None,
) -> FunctionCell:
    """Make a cell of any differentiable function that computes a network's next states.

    The same solvers search it as any cell, at the cost of calling it. Methods "auto" and "krylov"
    multiply with its Jacobians, for all starts at once: each product costs about as much as `f`
    itself. In float32, if `f` can compute in it: directions need not be exact, and answers are
    those of `dtype`. Up to 32 numbers a state, "auto" is "lm", whose Jacobians are dense. Nothing
    is known of a reduced residual: the search minimizes ‖F - s‖² itself, and an end is "fixed"
    where every |F - s| is at most 64 eps (1 + ‖s‖), unless that is more than 1e-3 and s / 2 passes
    it too. The ends of a start do not depend on the others but by rounding: how PyTorch multiplies
    a row may depend on how many there are.

    Parameters
    ----------
    f
        ``f(inputs, states)``: inputs of shape (n, D) and states of shape (n, S), tensors of
        `dtype` on `device`; returns the next states, (n, S), a row for each row and no row with a
        part in another's. A module with dropout must be in `eval()` mode. It is called a few times
        here, which changes neither its buffers nor the state of random numbers.
    n_states, n_inputs
        S, at least 1, and D; D may be 0.
    bounds
        The least and the largest number that a state can hold, (-1, 1) for most gated cells; None
        for no bounds. Outside of what a network reaches, a gate that rounds to 1 makes any state
        "fixed".
    smooth
        Whether the derivatives of `f` are continuous, as `trace` and `follow_input` need them.
        None: look for operations with kinks (ReLU, clamp, abs, maximum and the like) in the graph
        that autograd records of `f`. What that does not show, `torch.where`, an ``if`` or a
        function with derivatives of its own, counts as smooth: say False if it is not, and True if
        a kink that is found is never reached.
    dtype
        What `f` computes in: float64 or float32, of NumPy or PyTorch. Modules of PyTorch are
        float32 until `double()`.
    device
        Where `f` computes, "cpu" or "cuda:N". None: the GPU that holds the modules and tensors that
        it uses, if one does, or else the CPU. The search itself is on the CPU.

    Returns
    -------
    FunctionCell
        The cell.

    Raises
    ------
    ModuleNotFoundError
        If PyTorch is not installed, or for a function of JAX, JAX.
    TypeError
        If `f` is not callable, returns no tensor or one of another type, is not differentiable, is
        a function of NumPy, or computes in half precision; if `smooth` is neither a truth
        value nor None.
    ValueError
        If `f` returns another shape, mixes rows, is random, carries a state from one call to the
        next, or is not finite at states within `bounds`; if it has tensors on several GPUs; if a
        size is out of range, `bounds` are not two numbers in their order, or there is no such
        `device`.
    RuntimeError
        If `f` itself raises for the shapes and type said above; its error is the cause.
    MemoryError
        If there is too little memory for it, here or in a search.

    Warns
    -----
    FunctionWarning
        If `torch.func.vmap` refuses `f`, which reads values or cannot be differentiated twice, so
        that derivatives are by plain autograd, slower and the same; if `f` computes in float32 in
        part and returns float64, so that it is searched in float32 (`FunctionCell.precision`); if
        its derivatives are not those of its values. Its category is
        `nullcline.interop.FunctionWarning`.

    Notes
    -----
    A function of JAX, or a module of Flax or Equinox, goes the way of `from_jax`. It is told by its
    class, or by trying: if PyTorch's tensors do not pass through `f`, and JAX can trace it, or `f`
    reaches a module or an array of JAX's, it is one. What both libraries take, such as operators
    alone, is PyTorch's where PyTorch is installed.

    Examples
    --------
    >>> cell = nc.from_function(lambda x, h: torch.tanh(h @ w.T + x), 64, 64)  # doctest: +SKIP
    """
    return function_cell(
        partial(_examine, device=device),
        *(f, n_states, n_inputs),
        bounds=bounds,
        smooth=smooth,
        dtype=dtype,
    )


def _examine(
    f: Any,
    box: Box,
    n_inputs: int,
    dtype: np.dtype[Any],
    *,
    device: str | torch.device | None,
) -> Examined:
    if is_of_jax(f, *sample(box, n_inputs, dtype)):
        if device is not None:
            raise TypeError(
                "device must be None for a function of JAX, which computes where its weights are"
            )
        return examine_jax(f, box, n_inputs, dtype)
    return examine_torch(f, box, n_inputs, dtype, device=device)


def examine_torch(
    f: Any,
    box: Box,
    n_inputs: int,
    dtype: np.dtype[Any],
    *,
    device: str | torch.device | None = None,
) -> Examined:
    """Return what is found of a function of PyTorch, which is left as it was."""
    framework("torch", "torch")
    where = device_of(f, device)
    with undisturbed(f):
        return examine(f, box, n_inputs, dtype, where)
