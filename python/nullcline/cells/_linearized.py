"""Functions linearized at many states at once, for directions of a search.

A search multiplies with the Jacobians at a state many times before it leaves it. Autograd's record
of uᵀJ, made once, gives each further product for about one evaluation of the function.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from nullcline.cells._autograd import array, as_outside, gradient, gradients, tensor

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from nullcline._support.validation import Floats
    from nullcline.cells._derivatives import Derivatives


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


class Unrecorded:
    """Whatever derivatives a library has, computed anew each time."""

    def __init__(self, derivatives: Derivatives, h: Floats, x: Floats, u: Floats) -> None:
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
        h: Floats,
        x: Floats,
        u: Floats,
    ) -> None:
        with as_outside():
            self._h = tensor(h).requires_grad_()
            self._u = tensor(u).requires_grad_()
            self._following = following(self._h, tensor(x))
            self._pulled = gradient(self._following, self._h, self._u, differentiable=True)

    @property
    def pulled(self) -> Floats:
        """uᵀ J."""
        return array(self._pulled)

    def forward(self, v: Floats) -> Floats:
        """Return J v: the derivative of uᵀ J by u."""
        with as_outside():
            return array(gradient(self._pulled, self._u, tensor(v)))

    def curved(self, v: Floats) -> tuple[Floats, Floats]:
        """Return J v, and Σ_i u_i ∂²F_i/∂s² v for the first u: the derivative of uᵀ J by s."""
        with as_outside():
            product, bent = gradients(self._pulled, (self._u, self._h), tensor(v))
            return array(product), array(bent)

    def backward(self, u: Floats) -> Floats:
        """Return uᵀ J for another u."""
        with as_outside():
            return array(gradient(self._following, self._h, tensor(u)))
