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

    Weights are stacked in the order c, g, and are copied. The cell computes in float32 if all of
    them are float32, in float64 otherwise.

    A state is h. Every fixed point, and every state that is reached from zero, lies in the cube
    (-1, 1)^H. The reduced residual is c(h, x) - h, since F(h) - h = (1 - g) ∘ (c(h) - h) and g < 1.

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

    _gates: ClassVar = ("c", "g")
    _order: ClassVar = (0, 1)
    _kind = "ugrnn"
