"""The update-gate recurrent network."""

from __future__ import annotations

from typing import ClassVar

from nullcline.cells.compiled import CompiledCell


class UGRNN(CompiledCell):
    """The update-gate recurrent network of Collins, Sohl-Dickstein and Sussillo (ICLR 2017).

    ::

        c  = tanh(W_ic x + b_ic + W_hc h + b_hc)
        g  = σ(W_ig x + b_ig + W_hg h + b_hg)
        h' = F(h, x) = g ∘ h + (1 - g) ∘ c

    Weights are stacked in the order c, g.

    A state is h, and every one that is reached from zero lies in the cube (-1, 1)^H. The reduced
    residual is c(h, x) - h, since F(h) - h = (1 - g) ∘ (c(h) - h) and g < 1.

    Parameters
    ----------
    weight_ih
        Input weights, shape (2H, D).
    weight_hh
        Recurrent weights, shape (2H, H).
    bias_ih, bias_hh
        Biases, shape (2H,); None for zeros.

    See Also
    --------
    nullcline.cells.CompiledCell : What is copied, what is refused, and what methods take.
    """

    _gates: ClassVar = ("c", "g")
    _order: ClassVar = (0, 1)
    _kind = "ugrnn"
