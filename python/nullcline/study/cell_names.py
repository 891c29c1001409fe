"""What the cells are called in a sentence and in tables."""

from __future__ import annotations

CELL_NAMES = {
    "gru": "GRU",
    "lstm": "LSTM",
    "ugrnn": "update-gate",
    "rnn": "vanilla",
    "leaky": "leaky",
}
"""What stands before "network"; in the order of `nullcline.training.CELLS`."""


def name_of_network(cell: str) -> str:
    """Return what a network of the cell is called: "GRU", "vanilla RNN"."""
    name = CELL_NAMES[cell]
    return name if name.isupper() else f"{name} RNN"
