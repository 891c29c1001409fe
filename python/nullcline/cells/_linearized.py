"""Functions linearized at many states at once, for directions of a search.

A search multiplies with the Jacobians at a state many times before it leaves it. Autograd's record
of uᵀJ, made once, gives each further product without another evaluation of the function.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from nullcline.cells._autograd import array, as_outside, gradient, gradients, tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import torch

    from nullcline._support.validation import Floats


class Linearized(Protocol):
    """A function at states s of shape (n, S), and u of shape (n, S); all arrays are as long."""

    @property
    def pulled(self) -> Floats:
        """uᵀ J."""
        ...

    def forward(self, v: Floats) -> Floats:
        """Return J v."""
        ...

    def curved(self, v: Floats) -> tuple[Floats, Floats]:
        """Return J v, and Σ_i u_i ∂²F_i/∂s² v for the first u."""
        ...

    def backward(self, u: Floats) -> Floats:
        """Return uᵀ J for another u."""
        ...


class _HasProducts(Protocol):
    """What `nullcline.cells._derivatives.Derivatives` says of products."""

    def jvp(self, h: Floats, x: Floats, v: Floats, *, by: int = 0) -> Floats: ...

    def vjp(self, h: Floats, x: Floats, u: Floats, *, by: int = 0) -> Floats: ...

    def curvature(self, h: Floats, x: Floats, u: Floats, v: Floats) -> Floats: ...


class Unrecorded:
    """Whatever derivatives a library has, computed anew each time."""

    def __init__(self, derivatives: _HasProducts, h: Floats, x: Floats, u: Floats) -> None:
        self._derivatives = derivatives
        self._at = h.copy(), x.copy()
        self._u = u.copy()

    @property
    def pulled(self) -> Floats:
        """uᵀ J."""
        return self.backward(self._u)

    def forward(self, v: Floats) -> Floats:
        """Return J v."""
        return self._derivatives.jvp(*self._at, v)

    def curved(self, v: Floats) -> tuple[Floats, Floats]:
        """Return J v, and Σ_i u_i ∂²F_i/∂s² v for the first u."""
        return self.forward(v), self._derivatives.curvature(*self._at, self._u, v)

    def backward(self, u: Floats) -> Floats:
        """Return uᵀ J for another u."""
        return self._derivatives.vjp(*self._at, u)


class InParts:
    """A function that is linearized at some of the states, and at the others."""

    def __init__(self, parts: Sequence[Linearized]) -> None:
        self._parts = parts
        self._ends = np.cumsum([len(part.pulled) for part in parts])[:-1]

    @property
    def pulled(self) -> Floats:
        """uᵀ J."""
        return np.concatenate([part.pulled for part in self._parts])

    def forward(self, v: Floats) -> Floats:
        """Return J v."""
        return np.concatenate([part.forward(some) for part, some in self._with(v)])

    def curved(self, v: Floats) -> tuple[Floats, Floats]:
        """Return J v, and Σ_i u_i ∂²F_i/∂s² v for the first u."""
        found = [part.curved(some) for part, some in self._with(v)]
        products, bent = map(np.concatenate, zip(*found, strict=True))
        return products, bent

    def backward(self, u: Floats) -> Floats:
        """Return uᵀ J for another u."""
        return np.concatenate([part.backward(some) for part, some in self._with(u)])

    def _with(self, array: Floats) -> Iterator[tuple[Linearized, Floats]]:
        return zip(self._parts, np.split(array, self._ends), strict=True)


class Recorded:
    """What autograd records of F and of uᵀ J.

    Parameters
    ----------
    following
        The function of states and inputs.
    h, x, u
        States, inputs, and the first u, (n, S), (n, D) and (n, S).
    """

    def __init__(
        self,
        following: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
        h: torch.Tensor,
        x: torch.Tensor,
        u: torch.Tensor,
    ) -> None:
        with as_outside():
            self._h = h.requires_grad_()
            self._u = u.requires_grad_()
            self._following = following(self._h, x)
            self._pulled = gradient(self._following, self._h, self._u, differentiable=True)

    @property
    def pulled(self) -> Floats:
        """uᵀ J."""
        return array(self._pulled)

    def forward(self, v: Floats) -> Floats:
        """Return J v: the derivative of uᵀ J by u."""
        with as_outside():
            return array(gradient(self._pulled, self._u, self._there(v)))

    def curved(self, v: Floats) -> tuple[Floats, Floats]:
        """Return J v, and Σ_i u_i ∂²F_i/∂s² v for the first u: the derivative of uᵀ J by s."""
        with as_outside():
            product, bent = gradients(self._pulled, (self._u, self._h), self._there(v))
            return array(product), array(bent)

    def backward(self, u: Floats) -> Floats:
        """Return uᵀ J for another u."""
        with as_outside():
            return array(gradient(self._following, self._h, self._there(u)))

    def _there(self, array: Floats) -> torch.Tensor:
        return tensor(array, self._h.device)
