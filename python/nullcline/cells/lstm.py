"""The long short-term memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from nullcline._support import validation
from nullcline.cells.compiled import CompiledCell
from nullcline.cells.state_parts import StateParts

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from nullcline._support.validation import Floats


class LSTM(CompiledCell):
    """PyTorch's long short-term memory: Hochreiter and Schmidhuber (1997) with a forget gate.

    ::

        i  = σ(W_ii x + b_ii + W_hi h + b_hi)
        f  = σ(W_if x + b_if + W_hf h + b_hf)
        g  = tanh(W_ig x + b_ig + W_hg h + b_hg)
        o  = σ(W_io x + b_io + W_ho h + b_ho)
        c' = f ∘ c + i ∘ g
        h' = o ∘ tanh(c')

    Weights are stacked in the order i, f, g, o, as `torch.nn.LSTM` keeps them.

    A state is [h, c], of length 2H. At a fixed point c = i ∘ g / (1 - f), so that its 2H unknowns
    are the H of h: the reduced residual is o ∘ tanh(i ∘ g / (1 - f)) - h, in h alone, and
    `state_of(h)` is [h, i ∘ g / (1 - f)]. Every fixed point has its h in (-1, 1)^H, which the
    search does not leave, and its c within `largest_c`.

    Parameters
    ----------
    weight_ih
        Input weights, shape (4H, D).
    weight_hh
        Recurrent weights, shape (4H, H).
    bias_ih, bias_hh
        Biases, shape (4H,); None for zeros.

    See Also
    --------
    nullcline.cells.CompiledCell : What is copied, what is refused, and what methods take.
    """

    _gates: ClassVar = ("i", "f", "g", "o")
    _order: ClassVar = (0, 1, 2, 3)
    _kind = "lstm"

    @property
    def parts(self) -> StateParts:
        """The parts of a state, h and c."""
        return StateParts.in_rows(["h", "c"], self.hidden_size)

    def largest_c(self, x: ArrayLike | None = None) -> Floats:
        """Return a bound of |c| that no step leaves, shape (n, H), n = 1 without `x`.

        With h in (-1, 1)^H no gate is above its value at a sum of drive + Σ_j |W_ij|, so that
        |c'| <= f |c| + i |g| <= C for all |c| <= C = i g / (1 - f) with these i, f and |g|. Every
        fixed point at this input lies within, and so does every state that is reached from zero.

        Parameters
        ----------
        x
            Inputs: None, or of shape (D,), (1, D) or (n, D).
        """
        inputs = None
        if x is not None:
            read = np.atleast_2d(validation.floats("x", x, self.dtype))
            inputs = validation.inputs("x", read, (len(read), self.input_size), self.dtype)
        drive = self.bias_ih + self.bias_hh
        drive = drive[None] if inputs is None else inputs @ self.weight_ih.T + drive
        reach = np.abs(self.weight_hh).sum(axis=1)
        i, f, _, _ = np.split(drive + reach, 4, axis=1)
        g = np.split(np.abs(drive) + reach, 4, axis=1)[2]
        with np.errstate(over="ignore"):  # a gate that never closes has no bound
            bound: Floats = np.tanh(g) * (1 + np.exp(f)) / (1 + np.exp(-i))
        return bound
