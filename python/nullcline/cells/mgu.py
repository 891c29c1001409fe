"""The minimal gated unit."""

from __future__ import annotations

from typing import ClassVar

from nullcline.cells.compiled import CompiledCell


class MGU(CompiledCell):
    """The minimal gated unit of Zhou, Wu, Zhang and Zhou (2016), with the gate after the product.

    ::

        f  = σ(W_if x + b_if + W_hf h + b_hf)
        n  = tanh(W_in x + b_in + f ∘ (W_hn h + b_hn))
        h' = F(h, x) = (1 - f) ∘ n + f ∘ h

    Flax has it as `MGUCell`. Weights are stacked in the order f, n.

    A state is h, and every one that is reached from zero lies in the cube (-1, 1)^H. The reduced
    residual is n(h, x) - h, since F(h) - h = (1 - f) ∘ (n(h) - h) and f < 1.

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

    _gates: ClassVar = ("f", "n")
    _order: ClassVar = (0, 1)
    _inner_gate: ClassVar = 1
    _kind = "mgu"
