"""What orbits settle on, one row a start."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support.chosen_rows import ChosenRows, named_rows
from nullcline._support.shown import Shown, Table, first_rows
from nullcline.cycles.kinds import ATTRACTOR_KINDS
from nullcline.interop._tables import dataframe, dataset

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from numpy.typing import NDArray

    from nullcline._support.row_numbers import Rows
    from nullcline.cells.protocol import Cell
    from nullcline.cycles.cycle_set import Cycles

_SHOWN = ("kind", "period", "cycle", "exponent", "exponent_error", "reason")


@dataclass(frozen=True, eq=False, repr=False)
class Attractors(ChosenRows, Shown):
    """What the orbits of a cell settle on, one row a start.

    ``attractors[rows]`` are some of the rows, as `Attractors`: by a number (which gives one row), a
    slice, a mask, several numbers or a kind, as `select` takes them; iteration goes row by row.
    They pickle and copy with their cell.

    Attributes
    ----------
    kind
        "fixed", "cycle", "quasi-periodic" (an invariant circle, or a torus), "chaotic" or
        "unsettled", shape (n,).
    reason
        A sentence that says why, shape (n,).
    period
        In steps, shape (n,): the number of states of a cycle; of a quasi-periodic orbit the steps
        of one turn, 1 / `rotation_number` (times m with m inputs in turn); NaN of all others.
    rotation_number
        Turns a step, 0 to 1/2, of the strongest line of a quasi-periodic orbit, shape (n,); with m
        inputs in turn, turns in m steps. NaN of all others.
    exponent
        The largest Lyapunov exponent per step, shape (n,): of fixed points and cycles ln |μ| / k of
        their largest multiplier, of all others from a run.
    exponent_error
        Its standard error, or how far ln |μ| / k may be off, shape (n,).
    h
        The last state of each orbit, shape (n, S); of fixed points and cycles, before Newton's
        method.
    cycle
        The number of each row's fixed point or cycle in `cycles`, -1 of all others, shape (n,).
    cycles
        The distinct fixed points and cycles.
    cell
        The cell.
    """

    kind: NDArray[np.str_]
    reason: NDArray[np.str_]
    period: NDArray[np.float64]
    rotation_number: NDArray[np.float64]
    exponent: NDArray[np.float64]
    exponent_error: NDArray[np.float64]
    h: NDArray[np.float64]
    cycle: NDArray[np.intp]
    cycles: Cycles
    cell: Cell

    _INSTEAD = "their states, attractors.h"

    def select(self, which: str | Rows) -> Attractors:
        """Return some of the rows, with all `cycles`: what ``attractors[which]`` is.

        Parameters
        ----------
        which
            A kind, a mask of shape (n,), row numbers in the order wanted, a slice, or the number of
            one row; those below 0 count from the end.

        Raises
        ------
        ValueError
            If it is an unknown kind, or an array of another shape.
        TypeError
            If it is neither of these, such as an array of neither booleans nor integers.
        IndexError
            If there is no row of a number.
        """
        rows = named_rows(which, self.kind, ATTRACTOR_KINDS)
        taken: dict[str, Any] = {name: column[rows] for name, column in self._rows().items()}
        return replace(self, **taken)

    def to_dataframe(self) -> pd.DataFrame:
        """Return a table of pandas, one row per start, with every column but the states.

        Raises
        ------
        ModuleNotFoundError
            If pandas is not installed.
        """
        return dataframe({name: of for name, of in self._rows().items() if name != "h"})

    def to_xarray(self) -> xr.Dataset:
        """Return a dataset of xarray, with every column under its name, of start and unit.

        Raises
        ------
        ModuleNotFoundError
            If xarray is not installed.
        """
        return dataset(
            {
                name: (("start", "unit") if name == "h" else ("start",), column)
                for name, column in self._rows().items()
            }
        )

    def _rows(self) -> dict[str, Any]:
        own = {of.name for of in fields(self)} - {"cycles", "cell"}
        return {of.name: getattr(self, of.name) for of in fields(self) if of.name in own}

    def _table(self) -> Table:
        rows = [(i, *(getattr(self, name)[i] for name in _SHOWN)) for i in first_rows(len(self))]
        return Table(["", *_SHOWN], rows, len(self))

    def __len__(self) -> int:
        return len(self.kind)

    def __repr__(self) -> str:
        counts = [(kind, int(np.sum(self.kind == kind))) for kind in ATTRACTOR_KINDS]
        kinds = ", ".join(f"{count} {kind}" for kind, count in counts if count)
        return f"Attractors({len(self)} starts: {kinds or 'none'}; S = {self.h.shape[1]})"
