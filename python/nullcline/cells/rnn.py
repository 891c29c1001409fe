"""The vanilla recurrent network."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from nullcline.cells.compiled import CompiledCell

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

NONLINEARITIES = ("tanh", "relu")
"""What an `RNN`'s units may be."""


class RNN(CompiledCell):
    """The vanilla recurrent network of Elman (1990), as `torch.nn.RNN` has it.

    ::

        h' = F(h, x) = φ(W_ih x + b_ih + W_hh h + b_hh)

    with φ = tanh or φ(a) = max(a, 0). Weights are copied. The cell computes in float32 if all of
    them are float32, in float64 otherwise. A state is h; the reduced residual is F(h, x) - h.

    With tanh, every state that is reached lies in the cube (-1, 1)^H. With max(a, 0) states are not
    negative, and F is linear wherever the same units are active: a step of Newton's method is
    exact where their pattern is right. Such a network may diverge, or have a whole flat of fixed
    points; q has kinks, and at a minimum on one a search says "unconverged".

    Parameters
    ----------
    weight_ih
        Input weights, shape (H, D).
    weight_hh
        Recurrent weights, shape (H, H).
    bias_ih, bias_hh
        Biases, shape (H,); None for zeros.
    nonlinearity
        φ, "tanh" or "relu".

    Raises
    ------
    TypeError
        If an array is neither float64 nor float32.
    ValueError
        If an array holds NaN or infinity, shapes do not fit each other, or there is no such
        nonlinearity.

    Notes
    -----
    What methods take is said at `nullcline.cells.compiled.CompiledCell`.
    """

    _gates: ClassVar = ("a",)
    _order: ClassVar = (0,)
    _kind = "rnn"

    def __init__(
        self,
        weight_ih: ArrayLike,
        weight_hh: ArrayLike,
        bias_ih: ArrayLike | None = None,
        bias_hh: ArrayLike | None = None,
        *,
        nonlinearity: str = "tanh",
    ) -> None:
        if nonlinearity not in NONLINEARITIES:
            raise ValueError(
                f"nonlinearity must be one of {', '.join(NONLINEARITIES)}, not {nonlinearity!r}"
            )
        self._nonlinearity = nonlinearity
        self._activations = [nonlinearity]
        super().__init__(weight_ih, weight_hh, bias_ih, bias_hh)

    @property
    def nonlinearity(self) -> str:
        """What its units are, "tanh" or "relu"."""
        return self._nonlinearity
