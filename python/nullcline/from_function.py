"""Cells of any differentiable function of PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline import _validation
from nullcline.cells.uncompiled import UncompiledCell

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from numpy.typing import DTypeLike

    from nullcline._validation import Floats

    Step = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


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
    Jacobians are dense, by `torch.func`. A network that has a cell of its own is searched tens of
    times faster through that. Nothing is known of a reduced residual or of products with weights:
    the search minimizes ‖F - s‖² itself, `method` "krylov" is refused, and an end is "fixed" where
    every |F - s| is at most 64 eps (1 + ‖s‖).

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
    n_states = _validation.whole_number("n_states", n_states, 1)
    n_inputs = _validation.whole_number("n_inputs", n_inputs, 0)
    target = _validation.float_type(dtype)
    largest = float(np.finfo(target).max)
    low, high = (-largest, largest) if bounds is None else bounds
    if not low < high:
        raise ValueError(f"bounds must be two numbers, the first below the second, not {bounds}")
    cell = FunctionCell(f, n_states, n_inputs, target, (max(low, -largest), min(high, largest)))
    _require_a_map(cell)
    return cell


class FunctionCell(UncompiledCell):
    """A cell that `from_function` makes; it has the methods of all cells."""

    def __init__(
        self,
        f: Step,
        n_states: int,
        n_inputs: int,
        dtype: np.dtype[Any],
        bounds: tuple[float, float],
    ) -> None:
        super().__init__(n_states, n_inputs, dtype, bounds)
        self._f = f

    def __repr__(self) -> str:
        return f"FunctionCell({self._f!r}, n_states={self.state_size}, n_inputs={self.input_size})"

    def _step(self, h: Floats, x: Floats) -> Floats:
        import torch

        with torch.no_grad():
            return self._array(self._next(_tensor(h), _tensor(x)))

    def _jacobian(self, h: Floats, x: Floats) -> Floats:
        return self._derivative(h, x, by=0)

    def _input_jacobian(self, h: Floats, x: Floats) -> Floats:
        return self._derivative(h, x, by=1)

    def _vjp(self, h: Floats, x: Floats, u: Floats) -> Floats:
        import torch

        inputs = _tensor(x)
        found: tuple[Any, ...] = torch.func.vjp(
            lambda states: self._next(states, inputs), _tensor(h)
        )
        return self._array(found[1](_tensor(u))[0])

    def _next(self, h: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        found = self._f(x, h)
        self._require_states(found, h)
        return found

    def _next_of_one(self, h: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return self._next(h[None], x[None])[0]

    def _derivative(self, h: Floats, x: Floats, *, by: int) -> Floats:
        """Return each row's Jacobian by its state (0) or its input (1)."""
        import torch

        shape = len(h), self.state_size, (h, x)[by].shape[1]
        if 0 in shape:  # vmap takes no empty batch
            return np.zeros(shape, self.dtype)
        function = torch.func.jacrev(self._next_of_one, argnums=by)
        return self._array(torch.func.vmap(function)(_tensor(h), _tensor(x)))

    def _array(self, tensor: torch.Tensor) -> Floats:
        array: Floats = tensor.detach().numpy()
        return array

    def _require_states(self, found: object, h: torch.Tensor) -> None:
        """Raise unless `f` has returned states like those that it was given."""
        import torch

        if not isinstance(found, torch.Tensor):
            raise TypeError(
                f"f must return the next states as a tensor, not {type(found).__name__}"
                + ("; return its state alone" if isinstance(found, tuple) else "")
            )
        if found.shape != h.shape:
            raise ValueError(
                f"f must return states of the shape that it was given, {tuple(h.shape)}, "
                f"not {tuple(found.shape)}"
            )
        if found.dtype != h.dtype:
            raise TypeError(
                f"f must compute in {self.dtype}, and returned {found.dtype}: "
                f"give it weights of that type, or say dtype={found.dtype}".replace("torch.", "")
            )


def _tensor(array: Floats) -> torch.Tensor:
    """Return an array as a tensor; PyTorch has none that are read-only."""
    import torch

    return torch.from_numpy(np.require(array, requirements=["C", "W"]))


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
