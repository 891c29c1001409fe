"""Cells of a recurrent module that is stepped by its own code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nullcline._support.shown import in_one_line
from nullcline._support.state import own_state
from nullcline.cells.function import FunctionCell
from nullcline.cells.state_parts import HasParts

if TYPE_CHECKING:
    from nullcline.cells.state_parts import StateParts


class ModuleCell(HasParts, FunctionCell):
    """A recurrent module as a map F(s, x), whose states may be several arrays side by side.

    `from_module` makes it. It is a `FunctionCell` in all else: the same solvers search it, and each
    of their steps calls the module. `join` makes rows of the module's own states, and `split`
    those of rows.

    Parameters
    ----------
    cell
        The module's step.
    parts
        What a state is made of.
    """

    def __init__(self, cell: FunctionCell, parts: StateParts) -> None:
        vars(self).update(own_state(cell, "_compiled"))
        self._parts = parts
        self._compile()

    def __repr__(self) -> str:
        state = repr(self._parts).removeprefix("StateParts")
        return f"ModuleCell({self._name()}, state={state}, n_inputs={self.input_size})"

    def _name(self) -> str:
        """Return of what class the module is."""
        return in_one_line(type(self._derivatives.f.module).__qualname__, 60)

    @property
    def parts(self) -> StateParts:
        """The names, columns and shapes of the arrays that a state is made of."""
        return self._parts
