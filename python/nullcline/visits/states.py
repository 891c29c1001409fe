"""States that a layer has visited, each with what came before it."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support import validation
from nullcline._support.reading import reading
from nullcline._support.row_numbers import require_rows_alone, row_numbers
from nullcline._support.shown import Shown, Table, first_rows, in_one_line
from nullcline.cells.cell_record import known_cell
from nullcline.interop._tables import dataframe
from nullcline.visits.states_file import read_states, write_states

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    import pandas as pd
    from numpy.typing import NDArray

    from nullcline._support.row_numbers import Rows
    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell

_WHOLE = ("layer", "n_visited", "cell")
"""The attributes that are not one for each row."""


@dataclass(frozen=True, eq=False, repr=False)
class VisitedStates(Shown):
    """States that one layer visited, in one direction, with what came before each.

    ``visited[rows]`` are some of the rows, as `VisitedStates`: by a number (which gives one row), a
    slice, a mask, or several numbers. They pickle and copy with their cell.

    Attributes
    ----------
    layer
        What the layer is called in the model: "rnn.l0", "rnn.l0.reverse".
    states
        The states, shape (n, S): S = H but for an LSTM's [h, c]. Starts for `find_fixed_points`.
    inputs
        What the layer read in the step that led to each, shape (n, D).
    previous
        The state before that step, shape (n, S).
    positions
        Where in its sequence that input stood, from 0, shape (n,).
    sequences
        The number of the sequence, in the loader's order from 0, shape (n,).
    labels
        The label of the sequence, a number or a text, shape (n,); None where there are none.
    n_visited
        How many states the layer visited, of which these were drawn.
    cell
        The layer as a cell; None where `from_torch` takes no such layer, and after `load` from a
        file that was saved without it.
    """

    layer: str
    states: Floats
    inputs: NDArray[Any]
    previous: Floats
    positions: NDArray[np.int64]
    sequences: NDArray[np.int64]
    labels: NDArray[Any] | None
    n_visited: int
    cell: Cell | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.layer, str):
            raise TypeError(f"layer must be a text, not {type(self.layer).__name__}")
        validation.whole_number("n_visited", self.n_visited, 0, 2**63 - 1)
        for at in fields(self):
            column = getattr(self, at.name)
            may_lack = at.name in _WHOLE or (at.name == "labels" and column is None)
            if not (may_lack or isinstance(column, np.ndarray)):
                raise TypeError(f"{at.name} must be an array, not {type(column).__name__}")
        n = len(self.states) if self.states.ndim else 0
        for name, column in self._rows().items():
            wide = 2 if name in {"states", "inputs", "previous"} else 1
            if column.ndim != wide or len(column) != n:
                raise ValueError(
                    f"{name} must have {wide} dimension(s) and {n} rows, as states has, not shape "
                    f"{column.shape}"
                )
        if self.previous.shape != self.states.shape:
            raise ValueError(
                f"previous must have the shape of states, {self.states.shape}, not "
                f"{self.previous.shape}"
            )

    def __len__(self) -> int:
        return len(self.states)

    def __getitem__(self, which: Rows) -> VisitedStates:
        require_rows_alone(which)
        return self.select(which)

    def __iter__(self) -> Iterator[VisitedStates]:
        return (self.select([i]) for i in range(len(self)))

    def __array__(self, *_: Any, **__: Any) -> NDArray[Any]:
        raise TypeError("VisitedStates are no array: pass their states, visited.states")

    def __repr__(self) -> str:
        n, size = self.states.shape
        name = in_one_line(self.layer, 40)
        return f"VisitedStates({name}: {n} of {self.n_visited} states; S = {size})"

    def select(self, which: Rows) -> VisitedStates:
        """Return some of the rows: what ``visited[which]`` is.

        Parameters
        ----------
        which
            A mask of shape (n,), row numbers in the order wanted, a slice, or the number of one
            row; those below 0 count from the end. ``visited.labels == 1`` and
            ``visited.positions > 10`` are masks.

        Raises
        ------
        TypeError, ValueError, IndexError
            If it is none of these, or there is no row of a number.
        """
        index = row_numbers(which, len(self))
        taken: dict[str, Any] = {name: column[index] for name, column in self._rows().items()}
        return replace(self, **taken)

    def save(self, path: str | os.PathLike[str], *, cell: bool = False) -> None:
        """Write a NumPy archive (.npz) without pickled objects, whole or not at all.

        Parameters
        ----------
        path
            The file; one that is there is replaced.
        cell
            Whether it shall hold the cell too.

        Raises
        ------
        OSError
            If it cannot be written; what stood under `path` is then unchanged.
        ValueError
            If the cell shall be saved, and there is none.
        TypeError
            If the cell shall be saved and no file can hold it.
        """
        own = known_cell(self.cell, "visited") if cell else None
        write_states(path, self.layer, self._rows(), self.n_visited, own)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> VisitedStates:
        """Read states from a file that `save` wrote, with their cell where it holds it.

        Raises
        ------
        OSError
            If `path` cannot be opened.
        ValueError
            If it was not written by `save`, or by a newer version, or is damaged, or is no regular
            file.
        """
        with reading(path, "a file of visited states") as file:
            return cls(**read_states(file))

    def to_dataframe(self, *, states: bool = False, inputs: bool = False) -> pd.DataFrame:
        """Return a table of pandas, one row per state.

        Parameters
        ----------
        states
            Whether it has the states too, in columns h_0, h_1, ...
        inputs
            Whether it has the inputs too, in columns x_0, x_1, ...

        Returns
        -------
        pandas.DataFrame
            Columns sequence, position and label (where there are labels).

        Raises
        ------
        ModuleNotFoundError
            If pandas is not installed.
        """
        columns = dict(self._told())
        if states:
            columns |= {f"h_{i}": column for i, column in enumerate(self.states.T)}
        if inputs:
            columns |= {f"x_{i}": column for i, column in enumerate(self.inputs.T)}
        return dataframe(columns)

    def _told(self) -> dict[str, NDArray[Any] | None]:
        """Return what is told of each row, in a table's words."""
        return {"sequence": self.sequences, "position": self.positions, "label": self.labels}

    def _table(self) -> Table:
        norms = np.linalg.norm(self.states, axis=1)
        columns = {name: it for name, it in self._told().items() if it is not None}
        columns["‖state‖"] = norms
        rows = [(i, *(column[i] for column in columns.values())) for i in first_rows(len(self))]
        return Table(("", *columns), rows, len(self))

    def _rows(self) -> dict[str, Any]:
        """Return all that has one entry per row."""
        columns = {at.name: getattr(self, at.name) for at in fields(self) if at.name not in _WHOLE}
        return {name: column for name, column in columns.items() if column is not None}
