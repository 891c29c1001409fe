"""Cells of any differentiable function of PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline._support import validation
from nullcline.cells import FunctionCell

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from nullcline.cells.function import Step


def from_function(
    f: Step,
    n_states: int,
    n_inputs: int,
    *,
    bounds: tuple[float, float] | None = None,
    dtype: DTypeLike = np.float64,
) -> FunctionCell:
    """Make a cell of any differentiable function that computes a network's next states.

    The same solvers then search it as any cell, but slowly: each of their steps calls `f`, and
    Jacobians are dense, by `torch.func`. A network that has a cell of its own is searched tens to
    hundreds of times faster through that. Nothing is known of a reduced residual or of products
    with weights: the search minimizes ‖F - s‖² itself, `method` "krylov" is refused, and an end is
    "fixed" where every |F - s| is at most 64 eps (1 + ‖s‖).

    Parameters
    ----------
    f
        ``f(inputs, states)``: inputs of shape (n, D) and states of shape (n, S), tensors of
        `dtype` on the CPU; returns the next states, (n, S), a row for each row and no row with a
        part in another's. A module with dropout must be in `eval()` mode.
    n_states, n_inputs
        S, at least 1, and D; D may be 0.
    bounds
        The least and the largest number that a state can hold, (-1, 1) for most gated cells; None
        for no bounds. Outside of what a network reaches, a gate that rounds to 1 makes any state
        "fixed".
    dtype
        What `f` computes in: float64 or float32. Modules of PyTorch are float32 until `double()`.

    Returns
    -------
    FunctionCell
        The cell.

    Raises
    ------
    ModuleNotFoundError
        If PyTorch is not installed.
    TypeError
        If `f` is not callable, returns no tensor or one of another type, or is not differentiable.
    ValueError
        If `f` returns another shape, mixes rows, or is random; if a size is out of range, or the
        first of `bounds` not below the second.
    RuntimeError
        What `f` itself raises for the shapes and type said above.

    Examples
    --------
    >>> cell = nc.from_function(lambda x, h: torch.tanh(h @ w.T + x), 64, 64)  # doctest: +SKIP
    """
    from nullcline.interop._frameworks import framework

    framework("torch", "torch")
    if not callable(f):
        raise TypeError(f"f must be a function of inputs and states, not {type(f).__name__}")
    n_states = validation.whole_number("n_states", n_states, 1)
    n_inputs = validation.whole_number("n_inputs", n_inputs, 0)
    target = validation.float_type(dtype)
    largest = float(np.finfo(target).max)
    low, high = (-largest, largest) if bounds is None else bounds
    if not low < high:
        raise ValueError(f"bounds must be two numbers, the first below the second, not {bounds}")
    cell = FunctionCell(f, n_states, n_inputs, target, (max(low, -largest), min(high, largest)))
    _require_a_map(cell)
    return cell


def _require_a_map(cell: FunctionCell) -> None:
    """Raise unless `f` maps each row by itself, the same way each time, and differentiably."""
    import torch

    rng = np.random.default_rng(0)
    h = rng.uniform(-0.5, 0.5, (3, cell.state_size)).astype(cell.dtype)
    x = rng.uniform(-0.5, 0.5, (3, cell.input_size)).astype(cell.dtype)
    together, again = cell.step(h, x), cell.step(h, x)
    if not np.array_equal(together, again, equal_nan=True):
        raise ValueError("f must return the same for the same: put modules with dropout in eval()")
    alone = np.concatenate([cell.step(h[i : i + 1], x[i : i + 1]) for i in range(len(h))])
    tolerance = 1e-6 if cell.dtype == np.float64 else 1e-3
    if not np.allclose(together, alone, rtol=tolerance, atol=tolerance, equal_nan=True):
        raise ValueError("f must map each row by itself: rows of a batch changed one another")
    states = torch.from_numpy(h).requires_grad_()
    found = cell._f(torch.from_numpy(x), states)
    if not found.requires_grad:
        raise TypeError(
            "f must be differentiable by PyTorch in its states: what it returned does not depend "
            "on them through operations that autograd records (no detach, no_grad or NumPy)"
        )
