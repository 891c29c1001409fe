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

    It is Flax's `MGUCell`. Weights are stacked in the order f, n, and are copied. The cell computes
    in float32 if all of them are float32, in float64 otherwise.

    A state is h. Every fixed point, and every state that is reached from zero, lies in the cube
    (-1, 1)^H. The reduced residual is n(h, x) - h, since F(h) - h = (1 - f) ∘ (n(h) - h) and f < 1.

    Parameters
    ----------
    weight_ih
        Input weights, shape (2H, D).
    weight_hh
        Recurrent weights, shape (2H, H).
    bias_ih, bias_hh
        Biases, shape (2H,); None for zeros.

    Raises
    ------
    TypeError
        If an array is neither float64 nor float32.
    ValueError
        If an array holds NaN or infinity, or shapes do not fit each other.

    Notes
    -----
    What methods take is said at `nullcline.cells.compiled.CompiledCell`.
    """

    _gates: ClassVar = ("f", "n")
    _order: ClassVar = (0, 1)
    _inner_gate: ClassVar = 1
    _kind = "mgu"
