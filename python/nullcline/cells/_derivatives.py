"""How a function of rows is differentiated, and PyTorch's three ways, the fastest to the surest.

Products with Jacobians cost a few evaluations of the function, for all rows at once: uᵀJ is one
backward pass, J v the derivative of uᵀJ by u, and the second derivatives' uᵀ∂²F v are the
derivative of uᵀJ by s along v. (`python -m benchmarks.functions --count leaky chaotic 256` says
what each takes in a search.)
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from nullcline.cells._autograd import array, as_outside, gradient, gradient_of_each, tensor
from nullcline.cells._linearized import Recorded, Unrecorded
from nullcline.cells._single import in_single_precision

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import torch

    from nullcline._support.validation import Floats
    from nullcline.cells._linearized import Linearized

    Step = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


_MOST_NUMBERS = 2**23
"""Numbers of Jacobians that are made at once for products with them."""


class Derivatives(Protocol):
    """A function of rows and its derivatives, for whichever library computes them.

    States h have shape (n, S) and inputs x (n, D); there is at least one of each row. None of the
    arrays is written to, and what is returned is the caller's. Derivatives are by the state where
    `by` is 0, and by the input where it is 1.
    """

    f: Any
    """The function itself, which a pickle holds."""

    def of(self, f: Any) -> Derivatives:
        """Return the same for another function, such as what stands for `f` in a pickle."""
        ...

    def step(self, h: Floats, x: Floats) -> Floats:
        """Return F(s, x), shape (n, S)."""
        ...

    def jacobian(self, h: Floats, x: Floats, *, by: int) -> Floats:
        """Return each row's Jacobian, shape (n, S, S) or (n, S, D)."""
        ...

    def jvp(self, h: Floats, x: Floats, v: Floats, *, by: int = 0) -> Floats:
        """Return J v, shape (n, S), for `v` of shape (n, S) or (n, D)."""
        ...

    def vjp(self, h: Floats, x: Floats, u: Floats, *, by: int = 0) -> Floats:
        """Return uᵀ J, shape (n, S) or (n, D), for `u` of shape (n, S)."""
        ...

    def curvature(self, h: Floats, x: Floats, u: Floats, v: Floats) -> Floats:
        """Return Σ_i u_i ∂²F_i/∂s² v, shape (n, S), for `u` and `v` of shape (n, S)."""
        ...


class Batched:
    """Plain autograd over all rows at once: one backward pass for each unit.

    The sum over rows has each row's own derivatives, because no row has a part in another's.

    Parameters
    ----------
    f
        ``f(inputs, states)``, as `from_function` takes it.
    device
        Where it gets its arguments; None for the CPU.

    Attributes
    ----------
    pulls_back_linearly
        Whether autograd differentiates uᵀ J by u. If not, J v is made from J.
    is_twice_differentiable
        Whether it differentiates uᵀ J by s. If not, second derivatives are by differences.
    takes_single
        Whether `f` of float64 serves in float32 too, for directions.
    """

    pulls_back_linearly = True
    is_twice_differentiable = True
    takes_single = False

    def __init__(self, f: Step, device: torch.device | None = None) -> None:
        self.f = f
        self.device = device

    def tensor(self, array: Floats) -> torch.Tensor:
        """Return a copy of an array as a tensor where `f` computes."""
        return tensor(array, self.device)

    def of(self, f: Any) -> Batched:
        """Return the same for another function, such as what stands for `f` in a pickle."""
        other = copy(self)
        other.f = f
        return other

    def step(self, h: Floats, x: Floats) -> Floats:
        """Return F(s, x), shape (n, S)."""
        import torch

        with as_outside(), torch.no_grad():
            return array(self.following(self.tensor(h), self.tensor(x)))

    def jacobian(self, h: Floats, x: Floats, *, by: int) -> Floats:
        """Return each row's derivative by its state (0) or its input (1), shape (n, S, ...)."""
        import torch

        with as_outside():
            arguments = self.tensor(h), self.tensor(x)
            wanted = arguments[by].requires_grad_()
            following = self._following_in(h.dtype)(*arguments)
            rows = []
            for i in range(h.shape[1]):
                unit = torch.zeros_like(following)
                unit[:, i] = 1
                rows.append(gradient(following, wanted, unit))
            return array(torch.stack(rows, dim=1))

    def vjp(self, h: Floats, x: Floats, u: Floats, *, by: int = 0) -> Floats:
        """Return uᵀ times each row's derivative, shape (n, S) or (n, D)."""
        with as_outside():
            arguments = self.tensor(h), self.tensor(x)
            wanted = arguments[by].requires_grad_()
            return array(gradient(self.following(*arguments), wanted, self.tensor(u)))

    def jvp(self, h: Floats, x: Floats, v: Floats, *, by: int = 0) -> Floats:
        """Return each row's derivative times v, shape (n, S): the derivative of uᵀ J by u."""
        import torch

        if not self.pulls_back_linearly:
            return self._jvp_by_jacobians(h, x, v, by=by)
        with as_outside():
            arguments = self.tensor(h), self.tensor(x)
            wanted = arguments[by].requires_grad_()
            following = self.following(*arguments)
            u = torch.zeros_like(following, requires_grad=True)
            pulled = gradient(following, wanted, u, differentiable=True)
            return array(gradient(pulled, u, self.tensor(v)))

    def curvature(self, h: Floats, x: Floats, u: Floats, v: Floats) -> Floats:
        """Return Σ_i u_i ∂²F_i/∂s² v, shape (n, S): the derivative of uᵀ J v by s."""
        if not self.is_twice_differentiable:
            return self.curvature_by_differences(h, x, u, v)
        with as_outside():
            states = self.tensor(h).requires_grad_()
            following = self.following(states, self.tensor(x))
            pulled = gradient(following, states, self.tensor(u), differentiable=True)
            return array(gradient(pulled, states, self.tensor(v)))

    def linearized(self, h: Floats, x: Floats, u: Floats) -> Linearized:
        """Return the function linearized at states; all arrays may be of float32 if it is taken."""
        if not self.is_recorded:
            return Unrecorded(self, h, x, u)
        return Recorded(self._following_in(h.dtype), *map(self.tensor, (h, x, u)))

    @property
    def is_recorded(self) -> bool:
        """Whether products at a state are made from one record of autograd's."""
        return self.pulls_back_linearly and self.is_twice_differentiable

    def _jvp_by_jacobians(self, h: Floats, x: Floats, v: Floats, *, by: int) -> Floats:
        """Multiply with Jacobians, of a few rows at a time."""
        most = max(1, _MOST_NUMBERS // (h.shape[1] * v.shape[1]))
        products = [
            np.einsum("njk,nk->nj", self.jacobian(h[some], x[some], by=by), v[some])
            for some in (slice(first, first + most) for first in range(0, len(h), most))
        ]
        return np.concatenate(products)

    def curvature_by_differences(self, h: Floats, x: Floats, u: Floats, v: Floats) -> Floats:
        """Return the derivative of uᵀ J along v by central differences."""
        size = np.linalg.norm(v, axis=1, keepdims=True)
        width = float(np.finfo(h.dtype).eps) ** (1 / 3) * (1 + np.abs(h).max())
        width = width / np.where(size > 0, size, 1)
        step = (width * v).astype(h.dtype)
        after, before = self.vjp(h + step, x, u), self.vjp(h - step, x, u)
        bent: Floats = ((after - before) / (2 * width)).astype(h.dtype)
        return bent

    def _following_in(self, dtype: np.dtype[Any]) -> Step:
        is_single = self.takes_single and dtype == np.float32
        return self._following_in_single if is_single else self.following

    def _following_in_single(self, h: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        with in_single_precision():
            found = self.f(x.clone(), h.clone())
        return require_states(found.float(), h)

    def following(self, h: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Return the next states; `f` gets copies, which it may write to."""
        return require_states(self.f(x.clone(), h.clone()), h)


class Vectorized(Batched):
    """All units pulled back at once, from one evaluation; not for every `f`.

    `torch.func.jacrev` would do so too, and would import PyTorch's compiler for it, which takes
    longer than most searches.
    """

    def jacobian(self, h: Floats, x: Floats, *, by: int) -> Floats:
        """Return each row's derivative by its state (0) or its input (1), shape (n, S, ...)."""
        with as_outside():
            arguments = self.tensor(h), self.tensor(x)
            wanted = arguments[by].requires_grad_()
            following = self._following_in(h.dtype)(*arguments)
            return array(gradient_of_each(following, wanted))

    def step_of_each(self, h: Floats, x: Floats) -> Floats:
        """Return F(s, x), shape (n, S), by `torch.func.vmap`.

        It refuses an `f` that decides by the values that it is given, which a batch would mix.
        """
        import torch

        def following_one(state: torch.Tensor, read: torch.Tensor) -> torch.Tensor:
            return self.following(state[None], read[None])[0]

        with as_outside(), torch.no_grad():
            return array(torch.func.vmap(following_one)(self.tensor(h), self.tensor(x)))


class RowByRow(Batched):
    """Plain autograd, each row alone: for an `f` that decides by the values that it is given."""

    def step(self, h: Floats, x: Floats) -> Floats:
        """Return F(s, x), shape (n, S)."""
        alone = super().step
        return np.concatenate([alone(*row) for row in _rows(h, x)])

    def jacobian(self, h: Floats, x: Floats, *, by: int) -> Floats:
        """Return each row's derivative by its state (0) or its input (1), shape (n, S, ...)."""
        alone = super().jacobian
        return np.concatenate([alone(*row, by=by) for row in _rows(h, x)])

    def vjp(self, h: Floats, x: Floats, u: Floats, *, by: int = 0) -> Floats:
        """Return uᵀ times each row's derivative, shape (n, S) or (n, D)."""
        alone = super().vjp
        return np.concatenate([alone(*row, by=by) for row in _rows(h, x, u)])

    def jvp(self, h: Floats, x: Floats, v: Floats, *, by: int = 0) -> Floats:
        """Return each row's derivative times v, shape (n, S): the derivative of uᵀ J by u."""
        alone = super().jvp
        return np.concatenate([alone(*row, by=by) for row in _rows(h, x, v)])

    def curvature(self, h: Floats, x: Floats, u: Floats, v: Floats) -> Floats:
        """Return Σ_i u_i ∂²F_i/∂s² v, shape (n, S): the derivative of uᵀ J v by s."""
        alone = super().curvature
        return np.concatenate([alone(*row) for row in _rows(h, x, u, v)])

    @property
    def is_recorded(self) -> bool:
        """Whether products at a state are made from one record: rows have one each."""
        return False


def require_states(found: object, h: torch.Tensor) -> torch.Tensor:
    """Return what `f` has returned, if it is states like those that it was given."""
    import torch

    if not isinstance(found, torch.Tensor):
        hint = (
            "; return its state alone, and for an LSTM torch.cat([h, c], dim=1), or pass a module "
            "to nullcline.from_module"
        )
        raise TypeError(
            f"f must return the next states as a tensor, not {type(found).__name__}"
            + (hint if isinstance(found, tuple | list) else "")
        )
    if found.shape != h.shape:
        raise ValueError(
            f"f must return states of the shape that it was given, {tuple(h.shape)}, "
            f"not {tuple(found.shape)}"
        )
    if found.dtype != h.dtype:
        wanted, returned = (str(of.dtype).removeprefix("torch.") for of in (h, found))
        mend = f", or say dtype={returned}" if returned in {"float32", "float64"} else ""
        raise TypeError(
            f"f must compute in {wanted}, and returned {returned}: "
            f"give it weights of that type{mend}"
        )
    if found.device != h.device or found.layout != h.layout:
        raise TypeError(
            f"f must return a dense tensor on {_place(h)}, not one that is "
            f"{str(found.layout).removeprefix('torch.')} on {found.device}: "
            f"move its weights there, module.to({str(h.device)!r}), or end with .to_dense()"
        )
    return found


def _place(h: torch.Tensor) -> str:
    return "the CPU" if h.device.type == "cpu" else str(h.device)


def _rows(*arrays: Floats) -> Iterator[tuple[Floats, ...]]:
    return zip(*(np.split(array, len(array)) for array in arrays), strict=True)
