"""The vanilla recurrent network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from nullcline.cells.compiled import CompiledCell

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

NONLINEARITIES = ("tanh", "relu")
"""What an `RNN`'s units may be."""


class RNN(CompiledCell):
    """The vanilla recurrent network of Elman (1990), as `torch.nn.RNN` has it.

    ::

        h' = F(h, x) = φ(W_ih x + b_ih + W_hh h + b_hh)

    with φ = tanh or φ(a) = max(a, 0). A state is h; the reduced residual is F(h, x) - h.

    With tanh, every state that is reached lies in the cube (-1, 1)^H. With max(a, 0), states are
    not negative, and F is linear wherever the same units are active: a step of Newton's method is
    exact where their pattern is right. Such a network may diverge, or have a whole flat of fixed
    points; q has kinks, and a search calls a minimum on one "unconverged".

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

    See Also
    --------
    nullcline.cells.CompiledCell : What is copied, what is refused, and what methods take.
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

    def arguments(self) -> dict[str, Any]:
        """Return what the class makes the same cell of: `type(cell)(**cell.arguments())`."""
        return {**super().arguments(), "nonlinearity": self._nonlinearity}

    @property
    def nonlinearity(self) -> str:
        """The units' φ, "tanh" or "relu"."""
        return self._nonlinearity
