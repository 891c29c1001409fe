"""How PyTorch names the parameters of a stack of layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nullcline.cells.bidirectional import Bidirectional
from nullcline.cells.leaky_rnn import LeakyRNN

if TYPE_CHECKING:
    from collections.abc import Callable

    from nullcline._support.validation import Floats
    from nullcline.cells import CompiledCell

WEIGHTS = ("weight_ih", "weight_hh")
BIASES = ("bias_ih", "bias_hh")


def stack(cell: Callable[[str], CompiledCell], layers: int, *, bidirectional: bool) -> list[Any]:
    """Return `cell(suffix)` of every layer; the suffix ends the names of the layer's parameters."""
    suffixes = [f"_l{layer}" for layer in range(layers)]
    if bidirectional:
        return [Bidirectional(cell(suffix), cell(f"{suffix}_reverse")) for suffix in suffixes]
    return [cell(suffix) for suffix in suffixes]


def leaky_cell(
    alpha: float,
    weight_ih: Floats,
    weight_hh: Floats,
    bias_ih: Floats | None = None,
    bias_hh: Floats | None = None,
) -> LeakyRNN:
    """Return the cell of a layer of `nullcline.training.LeakyRNN`, whose biases are two."""
    bias = None if bias_ih is None or bias_hh is None else bias_ih + bias_hh
    return LeakyRNN(weight_ih, weight_hh, bias, alpha=alpha)
