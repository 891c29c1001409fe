"""The cycles that were found, one row a cycle."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support import validation
from nullcline._support.reading import reading
from nullcline._support.row_numbers import require_rows_alone, row_numbers
from nullcline._support.shown import Shown, Table, first_rows
from nullcline.cells.cell_record import known_cell
from nullcline.cells.protocol import require_cell
from nullcline.cycles.counting import Counted, completeness, sign_of_power
from nullcline.cycles.cycles_file import read_cycles, write_cycles
from nullcline.cycles.kinds import CYCLE, CYCLE_KINDS, FIXED, LOST_KINDS
from nullcline.interop._tables import dataframe, dataset
from nullcline.linearization.stability import STABLE
from nullcline.search.fixed_points import FixedPoints

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    import pandas as pd
    import xarray as xr
    from numpy.typing import NDArray

    from nullcline._support.row_numbers import Rows
    from nullcline.cells.protocol import Cell
    from nullcline.search.degree import Completeness

_SHOWN = ("kind", "period", "stability", "count", "residual")


@dataclass(frozen=True, eq=False, repr=False)
class Cycles(Shown):
    """Cycles of a cell, one row a distinct cycle: states h_1 ... h_k with F(h_j) = h_(j+1).

    ``cycles[rows]`` are some of the rows, as `Cycles`: by a number (which gives one row), a slice,
    a mask, several numbers or a kind, as `select` takes them; iteration goes row by row. They
    pickle and copy with their cell.

    Attributes
    ----------
    h
        The states of all cycles, one cycle after the other, shape (Σ k, S), in float64, those of a
        float32 cell too: `states` has them cycle by cycle. A cycle begins at the state that lies
        furthest in a fixed direction, of those that read the first input.
    period
        The least period of each, in steps, shape (n,): k for a fixed point is 1.
    kind
        "fixed" where the least period is 1, else "cycle", shape (n,).
    multipliers
        The eigenvalues of J_k ... J_1, shape (n, S), complex, by falling modulus. They are the same
        wherever a cycle begins.
    multiplier_errors
        How far each may be off, to first order, shape (n, S): by rounding, and since the states are
        known to some digits only. A multiplier smaller than its error is not known. Infinite where
        a multiplier is defective.
    stability
        "stable" if every multiplier lies within the unit circle, "unstable" if one lies without,
        and "undecided" where the errors leave that open, shape (n,).
    determinant_signs
        The signs of det(I - M) and det(I + M), M = J_k ... J_1, shape (n, 2), int8; 0 where a
        multiplier may be 1, or -1. `index` is made of them.
    residual
        The largest |F(h_j) - h_(j+1)| of any unit and step, shape (n,).
    count
        How many searches ended in each, one of every start and period that was sought, shape (n,).
    inputs
        What each reads in turn, shape (n, m, D), the first state the first of them; m is 1 for a
        constant input. None for zero input.
    unconverged
        Why searches ended in no cycle, a sentence for each, shape (u,).
    ends
        How each search ended, those from all starts for the first period before those for the
        second, shape (s,): "fixed" or "cycle"; what simulation came to, "quasi-periodic", "chaotic"
        or "unsettled"; or "unclosed", where Newton's method found no cycle. None of a file of
        version 1.
    tol_unique
        How close in every coordinate two cycles must be, begun where they are nearest, to be one.
    cell
        The cell that was searched; None after `load` from a file that was saved without it.
    """

    h: NDArray[np.float64]
    period: NDArray[np.int64]
    kind: NDArray[np.str_]
    multipliers: NDArray[np.complex128]
    multiplier_errors: NDArray[np.float64]
    stability: NDArray[np.str_]
    determinant_signs: NDArray[np.int8]
    residual: NDArray[np.float64]
    count: NDArray[np.int64]
    inputs: NDArray[np.float64] | None
    unconverged: NDArray[np.str_]
    tol_unique: float
    cell: Cell | None = None
    ends: NDArray[np.str_] | None = None

    def __post_init__(self) -> None:
        for of in fields(self):
            column = getattr(self, of.name)
            optional = of.name in {"tol_unique", "cell"} or (
                of.name in {"inputs", "ends"} and column is None
            )
            if not optional and not isinstance(column, np.ndarray):
                raise TypeError(f"{of.name} must be an array, not {repr(column)[:60]}")
        if self.h.ndim != 2 or self.period.ndim != 1 or self.period.dtype.kind != "i":
            raise ValueError("h must have shape (Σ k, S), and period shape (n,), of integers")
        n, size = len(self.period), self.h.shape[1]
        if len(self.h) != self.period.sum() or self.period.min(initial=1) < 1:
            raise ValueError(f"h must have a row for each of {self.period.sum()} states")
        widths = {"multipliers": (size,), "multiplier_errors": (size,), "determinant_signs": (2,)}
        for name, column in self._rows().items():
            if column.shape[:1] != (n,) or column.shape[1:] != widths.get(name, column.shape[1:]):
                raise ValueError(f"{name} must have a row for each of {n} cycles")

    @property
    def states(self) -> list[NDArray[np.float64]]:
        """The states of each cycle, (k, S), in the order in which it goes through them."""
        return np.split(self.h, np.cumsum(self.period)[:-1]) if len(self) else []

    @property
    def is_stable(self) -> NDArray[np.bool_]:
        """Whether `stability` is "stable", shape (n,): what is not may be undecided, too."""
        stable: NDArray[np.bool_] = self.stability == STABLE
        return stable

    @property
    def index(self) -> NDArray[np.int8]:
        """The sign of det(I - J_k ... J_1), shape (n,); 0 where a multiplier may be 1.

        It is that of every state of the cycle as a fixed point of F^k, and 1 or -1 as real
        multipliers above 1 are even or odd in number.
        """
        return self.index_of_power(self.period)

    def index_of_power(self, power: NDArray[np.int64] | int) -> NDArray[np.int8]:
        """Return the index of the states as fixed points of F^p, shape (n,).

        Parameters
        ----------
        power
            P, or one for each row: a multiple of the row's period. The multipliers of F^p are then
            those of the cycle to the power p / k.

        Returns
        -------
        numpy.ndarray
            1, -1 or 0 where it is undetermined.

        Raises
        ------
        ValueError
            If p is no multiple of a row's period.
        """
        powers = np.broadcast_to(np.asarray(power, np.int64), self.period.shape)
        if (powers % self.period).any() or (powers < 1).any():
            raise ValueError("power must be a multiple of the period of every row")
        each = zip(self.determinant_signs, powers // self.period, strict=True)
        return np.array([sign_of_power(signs, int(turns)) for signs, turns in each], np.int8)

    def completeness(
        self,
        points: FixedPoints | None = None,
        powers: int | Sequence[int] | None = None,
        *,
        cell: Cell | None = None,
    ) -> Completeness:
        """Tell whether fixed points and cycles can be all, for powers of a bounded cell's step.

        Over all fixed points of F^k, which are those of F and the states of all cycles whose period
        divides k, the indices sum to 1. Another sum proves that some are missing.

        Parameters
        ----------
        points
            Fixed points from a search of the same cell, beside those among these rows.
        powers
            The numbers k, 1 or more; by default the periods of these rows.
        cell
            The cell that was searched; needed where the cycles do not know it.

        Returns
        -------
        nullcline.search.Completeness
            A verdict for each input and power, with the label "F^k". `undetermined` holds rows of
            these, and -1 for a point of `points`.

        Raises
        ------
        TypeError, ValueError
            If there is no cell, `points` are none, or a power is no multiple of the number of
            inputs that are read in turn.
        """
        cell = cell or self.cell
        if cell is None:
            raise ValueError("the file does not hold the cell: pass the one that was searched")
        require_cell(cell)
        if cell.state_size != self.h.shape[1]:
            raise ValueError(
                f"cell must have states of {self.h.shape[1]} numbers, as the cycles have, not of "
                f"{cell.state_size}"
            )
        if points is not None and not isinstance(points, FixedPoints):
            raise TypeError(
                f"points must be what find_fixed_points returns, not {type(points).__name__}"
            )
        if points is not None and points.h.shape[1] != self.h.shape[1]:
            raise ValueError("points must be of the same cell, and have states of other lengths")
        turn = 1 if self.inputs is None else self.inputs.shape[1]
        if points is not None and turn > 1:
            raise ValueError("points must be None: with inputs in turn no state is fixed by them")
        if powers is None:
            powers = np.unique(self.period).tolist() or [1]
        listed = [powers] if isinstance(powers, int | np.integer) else list(powers)
        listed = [validation.whole_number("powers", power, 1) for power in listed]
        if any(power % turn for power in listed):
            raise ValueError(f"powers must be multiples of {turn}, the number of inputs in turn")
        rows = [
            Counted(states, None if self.inputs is None else self.inputs[i], signs, i)
            for i, (states, signs) in enumerate(
                zip(self.states, self.determinant_signs, strict=True)
            )
        ]
        return completeness(cell, rows, points, listed, self.tol_unique)

    def select(self, which: str | Rows) -> Cycles:
        """Return some of the rows: what ``cycles[which]`` is.

        Parameters
        ----------
        which
            A kind ("fixed" or "cycle"), a mask of shape (n,), row numbers in the order wanted, a
            slice, or the number of one row; those below 0 count from the end.

        Raises
        ------
        ValueError
            If it is an unknown kind, or an array of another shape.
        TypeError
            If it is neither of these, such as an array of neither booleans nor integers.
        IndexError
            If there is no row of a number.
        """
        if isinstance(which, str):
            if which not in CYCLE_KINDS:
                raise ValueError(f"which must be one of {', '.join(CYCLE_KINDS)}, not {which!r}")
            which = self.kind == which
        rows = row_numbers(which, len(self))
        states = self.states
        h = np.concatenate([self.h[:0], *(states[i] for i in rows)])
        taken: dict[str, Any] = {name: column[rows] for name, column in self._rows().items()}
        return replace(self, h=h, **taken)

    def save(self, path: str | os.PathLike[str], *, cell: bool = False) -> None:
        """Write a NumPy archive (.npz) without pickled objects, whole or not at all.

        Parameters
        ----------
        path
            The file.
        cell
            Whether it shall hold the cell too, so that `load` gives it back as `cell`.

        Raises
        ------
        OSError
            If it cannot be written; what stood under `path` is then unchanged.
        ValueError
            If the cell shall be saved, and the cycles do not know theirs.
        TypeError
            If the cell shall be saved and no file can hold it, as none can hold a function.
        """
        own = known_cell(self.cell, "cycles") if cell else None
        columns = {**self._rows(), "h": self.h, "unconverged": self.unconverged}
        if self.ends is not None:
            columns["ends"] = self.ends
        write_cycles(path, columns, self.tol_unique, own)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Cycles:
        """Read cycles from a file that `save` wrote, with their cell where it holds it.

        Raises
        ------
        OSError
            If `path` cannot be opened.
        ValueError
            If it was not written by `save`, or by a newer version, or is damaged, or is no regular
            file.
        """
        with reading(path, "a file of cycles") as file:
            return cls(**read_cycles(file))

    def to_dataframe(self, *, states: bool = False) -> pd.DataFrame:
        """Return a table of pandas, one row per cycle.

        Parameters
        ----------
        states
            Whether it has the states: then one row per state of each cycle, with its place in the
            cycle from 0, in columns h_0, h_1, ...

        Returns
        -------
        pandas.DataFrame
            Columns cycle (its number), kind, period, stability, count, residual, and the real and
            imaginary part of the largest multiplier.

        Raises
        ------
        ModuleNotFoundError
            If pandas is not installed.
        """
        largest = self.multipliers[:, 0]
        columns = {"cycle": np.arange(len(self)), **{at: getattr(self, at) for at in _SHOWN}}
        columns |= {"real": largest.real, "imag": largest.imag}
        if states:
            columns = {name: np.repeat(column, self.period) for name, column in columns.items()}
            places = [np.arange(k) for k in self.period]
            columns["place"] = np.concatenate([np.zeros(0, np.int64), *places])
            columns |= {f"h_{i}": column for i, column in enumerate(self.h.T)}
        return dataframe(columns)

    def to_xarray(self) -> xr.Dataset:
        """Return a dataset of xarray, with every column under its name.

        Returns
        -------
        xarray.Dataset
            Of dimensions cycle, unit (of a state, S), mode, state (those of all cycles, whose
            numbers are `cycle_of_state`), at (1 and -1), phase and input. `tol_unique` is an
            attribute.

        Raises
        ------
        ModuleNotFoundError
            If xarray is not installed.
        """
        wide = {
            "multipliers": ("mode",),
            "multiplier_errors": ("mode",),
            "determinant_signs": ("at",),
            "inputs": ("phase", "input"),
        }
        columns: dict[str, Any] = {
            name: (("cycle", *wide.get(name, ())), column) for name, column in self._rows().items()
        }
        columns["h"] = (("state", "unit"), self.h)
        columns["cycle_of_state"] = (("state",), np.repeat(np.arange(len(self)), self.period))
        return dataset(columns, tol_unique=self.tol_unique)

    def _rows(self) -> dict[str, Any]:
        """Return all that has one entry per cycle."""
        others = {"h", "unconverged", "ends", "tol_unique", "cell"}
        columns = {of.name: getattr(self, of.name) for of in fields(self) if of.name not in others}
        return {name: column for name, column in columns.items() if column is not None}

    def _table(self) -> Table:
        header = ["", *_SHOWN, "largest multiplier"]
        rows = [
            (i, *(getattr(self, name)[i] for name in _SHOWN), _written(self.multipliers[i, 0]))
            for i in first_rows(len(self))
        ]
        return Table(header, rows, len(self))

    def __getitem__(self, which: str | Rows) -> Cycles:
        require_rows_alone(which)
        return self.select(which)

    def __iter__(self) -> Iterator[Cycles]:
        return (self.select(i) for i in range(len(self)))

    def __array__(self, *_: Any, **__: Any) -> NDArray[Any]:
        raise TypeError("Cycles are no array: pass their states, cycles.h or cycles.states")

    def __len__(self) -> int:
        return len(self.period)

    def __repr__(self) -> str:
        periods, counts = np.unique(self.period[self.kind == CYCLE], return_counts=True)
        shown = [
            f"{count} of period {period}"
            for period, count in zip(periods[:4].tolist(), counts[:4].tolist(), strict=True)
        ]
        if len(periods) > 4:
            shown.append(f"{int(counts[4:].sum())} of other periods")
        fixed = int(np.sum(self.kind == FIXED))
        if fixed or not shown:
            shown.append(f"{fixed} fixed point{'' if fixed == 1 else 's'}")
        stable = f"{int(np.sum(self.is_stable))} stable"
        return f"Cycles({', '.join(shown)}: {stable}{self._lost()}; S = {self.h.shape[1]})"

    def _lost(self) -> str:
        """Return in words how many searches found no cycle, and what they found."""
        n = len(self.unconverged)
        if n == 0:
            return ""
        ends = [] if self.ends is None else self.ends.tolist()
        kinds = [f"{ends.count(kind)} {kind}" for kind in LOST_KINDS if kind in ends]
        return f", {n} search{'es' * (n > 1)} unconverged" + f" ({', '.join(kinds)})" * bool(kinds)


def _written(value: complex) -> str:
    if value.imag == 0:
        return f"{value.real:.4g}"
    return f"{value.real:.4g} {'+' if value.imag > 0 else '-'} {abs(value.imag):.4g}i"
