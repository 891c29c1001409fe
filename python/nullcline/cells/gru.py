"""The gated recurrent unit."""

from __future__ import annotations

from typing import ClassVar

from nullcline.cells.compiled import CompiledCell


class GRU(CompiledCell):
    """PyTorch's gated recurrent unit: Cho et al. (2014), with the reset gate after the product.

    ::

        r  = σ(W_ir x + b_ir + W_hr h + b_hr)
        z  = σ(W_iz x + b_iz + W_hz h + b_hz)
        n  = tanh(W_in x + b_in + r ∘ (W_hn h + b_hn))
        h' = F(h, x) = (1 - z) ∘ n + z ∘ h

    Weights are stacked in the order r, z, n, as `torch.nn.GRU` keeps them.

    A state is h, and every one that is reached from zero lies in the cube (-1, 1)^H. The reduced
    residual is n(h, x) - h, since F(h) - h = (1 - z) ∘ (n(h) - h) and z < 1.

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
    _order: ClassVar = (0, 2, 1)
    _inner_gate: ClassVar = 2
    _kind = "gru"
