"""The two cells of a bidirectional layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from nullcline.cells import Cell


class Bidirectional(NamedTuple):
    """The two cells of a bidirectional layer; neither reads the other's state.

    Each is a map of its own, with fixed points of its own. A layer above reads the outputs of both
    at one place of the sequence, by default `[forward, backward]`, so that its cells' `input_size`
    is the sum of the two `hidden_size`.

    Attributes
    ----------
    forward
        The cell that reads the sequence from its first element to its last.
    backward
        The cell that reads it from the last to the first.
    """

    forward: Cell
    backward: Cell
