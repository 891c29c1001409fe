"""The two cells of a bidirectional layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nullcline._support.shown import Table, html_table

if TYPE_CHECKING:
    from nullcline.cells.compiled import CompiledCell


class Bidirectional(NamedTuple):
    """The two cells of a bidirectional layer; neither reads the other's state.

    Each is a map of its own, with fixed points of its own. A layer above reads the outputs of both
    at one place of the sequence, by default `[forward, backward]`, so that its cells' `input_size`
    is the sum of the two `hidden_size`. A `Stack` takes such layers.

    Attributes
    ----------
    forward
        The cell that reads the sequence from its first element to its last.
    backward
        The cell that reads it from the last to the first.
    """

    forward: CompiledCell
    backward: CompiledCell

    def __repr__(self) -> str:
        kinds = dict.fromkeys(type(cell).__name__ for cell in self)
        return (
            f"Bidirectional({' and '.join(kinds)}, input_size={self.forward.input_size}, "
            f"hidden_size={self.forward.hidden_size} + {self.backward.hidden_size}, "
            f"dtype={self.forward.dtype})"
        )

    def _repr_html_(self) -> str:
        rows = list(zip(self._fields, map(repr, self), strict=True))
        return html_table(repr(self), Table(("direction", "cell"), rows, len(rows)))
