"""The long short-term memory."""

from __future__ import annotations

from typing import ClassVar

from nullcline.cells.compiled import CompiledCell


class LSTM(CompiledCell):
    """PyTorch's long short-term memory: Hochreiter and Schmidhuber (1997) with a forget gate.

    ::

        i  = σ(W_ii x + b_ii + W_hi h + b_hi)
        f  = σ(W_if x + b_if + W_hf h + b_hf)
        g  = tanh(W_ig x + b_ig + W_hg h + b_hg)
        o  = σ(W_io x + b_io + W_ho h + b_ho)
        c' = f ∘ c + i ∘ g
        h' = o ∘ tanh(c')

    Weights are stacked in the order i, f, g, o, as `torch.nn.LSTM` keeps them, and are copied. The
    cell computes in float32 if all of them are float32, in float64 otherwise.

    A state is [h, c], of length 2H. At a fixed point c = i ∘ g / (1 - f), so that its 2H unknowns
    are the H of h: the reduced residual is o ∘ tanh(i ∘ g / (1 - f)) - h, in h alone, and
    `state_of(h)` is [h, i ∘ g / (1 - f)]. The search keeps h in (-1, 1)^H, where every fixed point
    lies, and leaves c free.

    Parameters
    ----------
    weight_ih
        Input weights, shape (4H, D).
    weight_hh
        Recurrent weights, shape (4H, H).
    bias_ih, bias_hh
        Biases, shape (4H,); None for zeros.

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

    _gates: ClassVar = ("i", "f", "g", "o")
    _order: ClassVar = (0, 1, 2, 3)
    _kind = "lstm"
