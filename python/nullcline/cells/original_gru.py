"""The gated recurrent unit as it was first published, with the reset gate before the product."""

from __future__ import annotations

from typing import ClassVar

from nullcline.cells.compiled import CompiledCell


class OriginalGRU(CompiledCell):
    """The GRU of Cho et al. (2014), Keras's with `reset_after=False`.

    ::

        r  = σ(W_ir x + b_ir + W_hr h + b_hr)
        z  = σ(W_iz x + b_iz + W_hz h + b_hz)
        n  = tanh(W_in x + b_in + W_hn (r ∘ h) + b_hn)
        h' = F(h, x) = (1 - z) ∘ n + z ∘ h

    Weights are stacked in the order r, z, n.

    A state is h, and every one that is reached from zero lies in the cube (-1, 1)^H. The reduced
    residual is n(h, x) - h, since F(h) - h = (1 - z) ∘ (n(h) - h) and z < 1. Its Jacobian
    holds a product of two weight matrices, W_hn diag(h ∘ r ∘ (1 - r)) W_hr: products with vectors
    take one step more than the GRU's, and no more arithmetic.

    Parameters
    ----------
    weight_ih
        Input weights, shape (3H, D).
    weight_hh
        Recurrent weights, shape (3H, H).
    bias_ih, bias_hh
        Biases, shape (3H,); None for zeros.

    See Also
    --------
    nullcline.cells.CompiledCell : What is copied, what is refused, and what methods take.
    """

    _gates: ClassVar = ("r", "z", "n")
    _order: ClassVar = (2, 0, 1)
    _kind = "original_gru"
