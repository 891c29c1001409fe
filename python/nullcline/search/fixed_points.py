"""What a search found: one row per start, merged into distinct points on request."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support import validation
from nullcline._support.reading import reading
from nullcline._support.row_numbers import require_rows_alone, row_numbers
from nullcline._support.shown import Shown, Table, first_rows
from nullcline._support.state import own_state
from nullcline.cells.cell_record import known_cell
from nullcline.cells.compiled import thread_count
from nullcline.cells.protocol import HasCoreWeights, Layered
from nullcline.certify.certificates import certify_states
from nullcline.certify.hypotheses import why_no_degree
from nullcline.certify.index import Located, locate_states
from nullcline.distribution import spread_over
from nullcline.gpu.arrays import host
from nullcline.interop._tables import dataframe, dataset
from nullcline.search.degree import Completeness, judge
from nullcline.search.distinct import distinct_rows
from nullcline.search.joining import joined_conditions, joined_inputs, one_cell, require_equal
from nullcline.search.kinds import FIXED, KINDS, MINIMUM, UNCONVERGED
from nullcline.search.merging import alike, from_best_to_worst, owners
from nullcline.search.outliers import far_from
from nullcline.search.points_file import read_points, write_points

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    import pandas as pd
    import xarray as xr
    from numpy.typing import NDArray

    from nullcline._support.row_numbers import Rows
    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell
    from nullcline.certify.certificates import Certificates
    from nullcline.distribution.executors import GivenExecutor


_SHOWN = ("kind", "q", "iterations", "count", "condition", "reason")
"""The columns of tables, as far as there are any."""

SOON = 2**28
"""Indices are told unasked where the points are so few and so small that n H³ is at most this:
a tenth of a second (16 points of 256 units took 70 ms)."""


@dataclass(frozen=True, eq=False, repr=False)
class FixedPoints(Shown):
    """The ends of a search, one row per start, or the distinct points among them.

    ``points[rows]`` are some of the rows, as `FixedPoints`: by a number (which gives one row), a
    slice, a mask, several numbers or a kind, as `select` takes them; iteration goes row by row.
    `nullcline.concatenate` joins several. They pickle and copy with their cell, on the host.

    A search on a GPU from starts that are there leaves `h`, `q`, `starts` and maybe `inputs` there,
    as arrays of the starts' library. Methods then work on a copy of them on the host, and so do
    `linearize` and the like: if you call several, call `numpy` first, which makes that copy.

    Attributes
    ----------
    h
        Where each start ended, shape (n, S): the cell's states, S = H but for an LSTM's [h, c].
    q
        The speed there, `mean((h - F(h, x))**2)`, shape (n,).
    kind
        What the end is, shape (n,): "fixed", a zero of the reduced residual to rounding; "slow", a
        local minimum of q over the box of the cell's outputs with 0 < q <= tol_slow (for the
        gradient method any state with q <= tol_slow); "minimum", a local minimum with q >
        tol_slow; "unconverged", everything else. For a `Stack`, the worst of the kinds of its
        layers, in this order.
    reason
        A sentence that says why it is of this kind, shape (n,).
    iterations
        Steps that the search took, shape (n,).
    starts
        Where it started, shape (n, S).
    inputs
        The input at each row, shape (n, D); None for zero input.
    condition
        The label of each row's input, a string or a number, shape (n,); None where inputs were
        given without labels.
    tol_unique
        How close in every coordinate two ends must be to count as one point.
    count
        How many starts a row stands for, shape (n,): one until `unique` merges rows.
    cell
        The cell that was searched; None after `load` from a file that was saved without it. Give
        it to the points then by ``dataclasses.replace(points, cell=cell)``.
    """

    h: Floats
    q: NDArray[np.float64]
    kind: NDArray[np.str_]
    reason: NDArray[np.str_]
    iterations: NDArray[np.int32]
    starts: Floats
    inputs: Floats | None
    tol_unique: float
    count: NDArray[np.int64]
    condition: NDArray[Any] | None = None
    cell: Cell | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            column = getattr(self, field.name)
            needed = field.name not in {"tol_unique", "cell"} and not (
                column is None and field.name in {"inputs", "condition"}
            )
            if needed and not hasattr(column, "shape"):
                raise TypeError(f"{field.name} must be an array, not {repr(column)[:60]}")
        if len(self.h.shape) != 2:
            raise ValueError(f"h must have shape (n, S), not {tuple(self.h.shape)}")
        n = len(self)
        # An array on a GPU need have no more than a shape.
        shapes = {name: tuple(array.shape) for name, array in self._rows().items()}
        for name, shape in shapes.items():
            n_dimensions = 2 if name in {"h", "starts", "inputs"} else 1
            if len(shape) != n_dimensions or shape[0] != n:
                raise ValueError(
                    f"{name} must have {n_dimensions} dimension(s) and {n} rows, as h has, "
                    f"not shape {shape}"
                )
        if shapes["starts"] != shapes["h"]:
            raise ValueError(f"starts must have h's shape {shapes['h']}, not {shapes['starts']}")
        if unknown := set(self.kind.tolist()) - set(KINDS):
            raise ValueError(f"kind must hold {', '.join(KINDS)}, not {sorted(unknown)}")
        if self.condition is not None and self.condition.dtype.kind not in "Uiuf":
            raise ValueError(f"condition must hold strings or numbers, not {self.condition.dtype}")

    def __len__(self) -> int:
        return int(self.h.shape[0])

    def __getitem__(self, which: str | Rows) -> FixedPoints:
        require_rows_alone(which)
        return self.select(which)

    def __iter__(self) -> Iterator[FixedPoints]:
        points = self.numpy()
        return (points._take(np.array([i])) for i in range(len(self)))

    def __array__(self, *_: Any, **__: Any) -> NDArray[Any]:
        raise TypeError("FixedPoints are no array: pass their states, points.h")

    def __getstate__(self) -> dict[str, Any]:
        """Return what a pickle or a copy holds: the columns on the host, and the cell."""
        return own_state(self.numpy())

    def __repr__(self) -> str:
        n, n_starts = len(self), int(self.count.sum())
        rows = f"{n} starts" if n == n_starts else f"{n} points from {n_starts} starts"
        counts = {kind: int(np.sum(self.kind == kind)) for kind in KINDS}
        if counts[MINIMUM] == 0:  # a rare kind
            del counts[MINIMUM]
        kinds = ", ".join(f"{count} {kind}" for kind, count in counts.items())
        degree = "" if n == n_starts or not self._are_soon_indexed() else self._degree_in_words()
        return f"FixedPoints({rows}: {kinds}; S = {self.h.shape[1]}{degree})"

    def numpy(self) -> FixedPoints:
        """Return these points with every column on the host, as an array of NumPy."""
        columns = self._rows()
        moved: dict[str, Any] = {
            name: host(column)
            for name, column in columns.items()
            if not isinstance(column, np.ndarray)
        }
        return replace(self, **moved) if moved else self

    def select(self, which: str | Rows) -> FixedPoints:
        """Return some of the rows: what ``points[which]`` is.

        Parameters
        ----------
        which
            A kind ("fixed", "slow", "minimum" or "unconverged"), a mask of shape (n,), row numbers
            in the order wanted, a slice, or the number of one row; those below 0 count from the
            end.

        Raises
        ------
        ValueError
            If it is an unknown kind, or an array of another shape.
        TypeError
            If it is neither of these, such as an array of neither booleans nor integers.
        IndexError
            If there is no row of a number.
        """
        return self.numpy()._take(self._row_numbers(which))

    def unique(self, *, unconverged: bool = False) -> FixedPoints:
        """Merge ends that are one point: every coordinate within `tol_unique`, inputs equal.

        Where inputs are labelled conditions, their labels must be equal too.

        Ends are taken from the best to the worst: fixed ones before slow ones, those before other
        minima, and by rising q among each. An end within `tol_unique` of a point that was kept is
        merged into the first such point; any other is kept. So each kept point has the lowest q of
        all that were merged into it, kept points are further than `tol_unique` apart, a chain of
        close ends does not collapse into one point, and the order of the starts has no influence.

        Parameters
        ----------
        unconverged
            Whether unconverged ends take part; by default they are left out.

        Returns
        -------
        FixedPoints
            One row per distinct point, from the best to the worst; `count` says how many starts
            each stands for. The other columns are those of the end that was kept.
        """
        converged = self.numpy() if unconverged else self.select(self.kind != UNCONVERGED)
        candidates = converged._take(from_best_to_worst(converged))
        owner = owners(candidates, self.tol_unique)
        kept = np.flatnonzero(owner == np.arange(len(candidates)))
        count = np.zeros(len(candidates), np.int64)
        np.add.at(count, owner, candidates.count)
        return replace(candidates._take(kept), count=count[kept])

    def outliers(self, threshold: float = 10.0) -> NDArray[np.bool_]:
        """Tell which ends lie far from where all starts were, by FixedPointFinder's distance rule.

        An end is one if its distance to the centroid of the starts is at least `threshold` times
        the mean distance of the starts to it (Golub and Sussillo, JOSS 3 (2018) 1003; the default
        is theirs). Ask before `unique`, which keeps one start per point:
        ``points.select(~points.outliers()).unique()``.

        Parameters
        ----------
        threshold
            In mean distances of the starts, 0 or more.

        Returns
        -------
        numpy.ndarray
            A mask, shape (n,).

        Raises
        ------
        TypeError, ValueError
            If `threshold` is no number, negative or not finite.
        """
        threshold = validation.tolerance("threshold", threshold)
        if len(self) == 0:
            return np.zeros(0, np.bool_)
        points = self.numpy()
        return far_from(points.starts, points.h, threshold)

    @property
    def index(self) -> NDArray[np.int8]:
        """The index of each fixed point, sign det(I - Dn), shape (n,), int8.

        +1 where an even number of real eigenvalues of J_rec is above 1, and -1 where an odd one is,
        so that a point of index -1 is unstable. 0 at all else: where rounding leaves the sign open,
        as by a fold or on a line of fixed points, and at rows that are no fixed points. It takes
        about two inverses of H x H a row, when first asked for, so merge them by `unique` before.
        `nullcline.certify.index` says how the sign is proved.

        Raises
        ------
        ValueError
            If there is no cell.
        """
        return self._located.sign

    @cached_property
    def _located(self) -> Located:
        """The index of each row, and how far from it its fixed point may be."""
        points = self.numpy()
        rows = np.flatnonzero(points.kind == FIXED)
        found = Located(np.zeros(len(self), np.int8), np.zeros(len(self)))
        found.sign[rows], found.reach[rows] = points._locate(rows, self._known_cell())
        return found

    def completeness(self, cell: Cell | None = None) -> Completeness:
        """Tell whether the fixed points that were found can be all, input by input.

        Over all fixed points of a bounded cell at one input, the indices sum to 1. Another sum
        proves that some are missing. Distinct points count once, whether the rows are merged or
        not; those that rows show to be two count as two, even within `tol_unique`. Slow points,
        minima and unconverged ends do not count.

        Parameters
        ----------
        cell
            The cell that was searched; needed where the points do not know it.

        Returns
        -------
        Completeness
            A verdict for each input, and under labelled conditions for each of them. Printed, it is
            a sentence for each.

        Raises
        ------
        ValueError
            If there is no cell, or one of another size.
        """
        points, cell = self.numpy(), cell or self._known_cell()
        best_first = np.empty(len(points), np.intp)
        best_first[from_best_to_worst(points)] = np.arange(len(points))
        groups = sorted(alike(points), key=lambda group: int(group[0]))
        if not groups and points.inputs is None:
            groups = [np.zeros(0, np.intp)]
        fixed = [group[points.kind[group] == FIXED] for group in groups]
        distinct, index = distinct_rows(
            points.h,
            cell.outputs_of(points.h),
            [rows[np.argsort(best_first[rows])] for rows in fixed],
            self.tol_unique,
            partial(points._locate, cell=cell),
        )
        at = np.array([group[0] for group in groups if len(group)], np.intp)
        inputs = None if points.inputs is None else points.inputs[at]
        why = [
            why_no_degree(cell, None if inputs is None else inputs[i]) for i in range(len(groups))
        ]
        judged = [judge(index[rows], reason) for rows, reason in zip(distinct, why, strict=True)]
        return Completeness(
            verdict=tuple(verdict for verdict, _ in judged),
            n_points=np.array([len(rows) for rows in distinct], np.int64),
            index_sum=np.array([index[rows].sum() for rows in distinct], np.int64),
            missing=np.array([missing for _, missing in judged], np.int64),
            undetermined=tuple(np.sort(rows[index[rows] == 0]) for rows in distinct),
            why=tuple(reason or "" for reason in why),
            condition=None if points.condition is None else points.condition[at],
            inputs=inputs,
        )

    def _known_cell(self) -> Cell:
        if self.cell is None:
            raise ValueError("the file does not hold the cell: pass the one that was searched")
        return self.cell

    def _locate(self, rows: NDArray[np.intp], cell: Cell) -> Located:
        """Return the indices at some rows of points on the host, and how far off those may be."""
        if cell is self.cell and "_located" in vars(self):
            return Located(self._located.sign[rows], self._located.reach[rows])
        return locate_states(cell, self.h[rows], None if self.inputs is None else self.inputs[rows])

    def _are_soon_indexed(self) -> bool:
        """Whether indices are known, or soon told by a cell that calls nothing of the user's."""
        if "_located" in vars(self):
            return True
        cell = self.cell
        if cell is None:
            return False
        parts = cell.cells if isinstance(cell, Layered) else (cell,)
        if not all(isinstance(part, HasCoreWeights) for part in parts):
            return False
        fits = cell.state_size == self.h.shape[1]
        return fits and int(np.sum(self.kind == FIXED)) * cell.hidden_size**3 <= SOON

    def _degree_in_words(self) -> str:
        _ = self.index  # so that it is computed once for all
        summary = self.completeness().summary
        return f"; {summary}" if summary else ""

    def certify(
        self,
        cell: Cell | None = None,
        *,
        executor: GivenExecutor | None = None,
        chunk_size: int | None = None,
    ) -> Certificates:
        """Prove, in floating point, that exactly one fixed point lies near each row.

        By the Newton–Kantorovich theorem in the form of a radii polynomial, with every rounding
        error bounded; `nullcline.certify.certificates` derives it. The point's index is proved
        with it, and its stability when it is asked for. It takes about as long as three H x H
        inverses per row, of a stack layer by layer. A slow point is refused, as there is no fixed
        point at it. The proof is about exact arithmetic with the weights, inputs and states as they
        are stored, those of a float32 cell too.

        Parameters
        ----------
        cell
            The cell that was searched; needed where the points do not know it.
        executor, chunk_size
            Who proves, and how many rows a worker gets at a time, as in `find_fixed_points`.

        Returns
        -------
        Certificates
            One row per row of these: `certified`, `radius_exists`, `radius_unique` (sup norm),
            `index`, `stability`, and why not.

        Raises
        ------
        ValueError
            If there is no cell, or one of another size.
        TypeError
            If the cell, or one of a stack's, has kinks, as ReLU has, or is a function.
        """
        points = self.numpy()
        spread = spread_over(executor, chunk_size, None, thread_count(None))
        return certify_states(cell or self._known_cell(), points.h, points.inputs, spread)

    def save(self, path: str | os.PathLike[str], *, cell: bool = False) -> None:
        """Write a NumPy archive (.npz) without pickled objects, whole or not at all.

        A file that is there is replaced, as `numpy.savez` does; at every moment it is the old one
        or the new one.

        Parameters
        ----------
        path
            The file.
        cell
            Whether it shall hold the cell too, so that `load` gives it back as `cell`: its class
            and its weights, as arrays. The file is of version 3 then, and otherwise of version 2.

        Raises
        ------
        OSError
            If it cannot be written; what stood under `path` is then unchanged.
        ValueError
            If the cell shall be saved, and the points do not know theirs.
        TypeError
            If the cell shall be saved and no file can hold it, as none can hold a function.
        """
        own = known_cell(self.cell, "points") if cell else None
        write_points(path, self.numpy()._rows(), self.tol_unique, own)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> FixedPoints:
        """Read fixed points from a file that `save` wrote, with their cell where it holds it.

        Raises
        ------
        OSError
            If `path` cannot be opened.
        ValueError
            If it was not written by `save`, or by a newer version, or is damaged, or is no regular
            file.
        """
        with reading(path, "a file of fixed points") as file:
            return cls(**read_points(file))

    def to_dataframe(
        self, *, states: bool = False, inputs: bool = False, index: bool = False
    ) -> pd.DataFrame:
        """Return a table of pandas, one row per row of these.

        Parameters
        ----------
        states
            Whether it has the states too, in columns h_0, h_1, ...
        inputs
            Whether it has the inputs too, in columns x_0, x_1, ...; without inputs none.
        index
            Whether it has the indices too, in a column "index".

        Returns
        -------
        pandas.DataFrame
            Columns kind, q, iterations, count, condition (where rows have one) and reason.

        Raises
        ------
        ModuleNotFoundError
            If pandas is not installed.
        """
        points = self.numpy()
        columns = {name: getattr(points, name) for name in _SHOWN}
        if index:
            columns["index"] = self.index
        if states:
            columns |= {f"h_{i}": column for i, column in enumerate(points.h.T)}
        if inputs and points.inputs is not None:
            columns |= {f"x_{i}": column for i, column in enumerate(points.inputs.T)}
        return dataframe(columns)

    def to_xarray(self) -> xr.Dataset:
        """Return a dataset of xarray, with every column under its name.

        Returns
        -------
        xarray.Dataset
            Of dimensions point, unit (of a state, S) and input (D). `tol_unique` is an attribute.

        Raises
        ------
        ModuleNotFoundError
            If xarray is not installed.
        """
        wide = {"h": ("unit",), "starts": ("unit",), "inputs": ("input",)}
        columns = {
            name: (("point", *wide.get(name, ())), column)
            for name, column in self.numpy()._rows().items()
        }
        return dataset(columns, tol_unique=self.tol_unique)

    def _table(self) -> Table:
        points = self.numpy()
        names = [name for name in _SHOWN if getattr(points, name) is not None]
        columns = [getattr(points, name) for name in names]
        if self._are_soon_indexed():
            names.insert(1, "index")
            columns.insert(1, self.index)
        rows = [(i, *(column[i] for column in columns)) for i in first_rows(len(self))]
        return Table(("", *names), rows, len(self))

    def _rows(self) -> dict[str, Any]:
        """Return all that has one entry per row."""
        columns = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name not in {"tol_unique", "cell"}
        }
        return {name: column for name, column in columns.items() if column is not None}

    def _take(self, index: NDArray[np.intp]) -> FixedPoints:
        taken: dict[str, Any] = {name: column[index] for name, column in self._rows().items()}
        return replace(self, **taken)

    def _row_numbers(self, which: str | Rows) -> NDArray[np.intp]:
        if not isinstance(which, str):
            return row_numbers(which, len(self))
        if which not in KINDS:
            raise ValueError(f"which must be one of {', '.join(KINDS)}, not {which!r}")
        return np.flatnonzero(self.kind == which)

    @classmethod
    def _joined(cls, parts: Sequence[FixedPoints]) -> FixedPoints:
        """Return the rows of all parts, see `nullcline.concatenate`."""
        parts = [part.numpy() for part in parts]
        for what, found, mend in (
            ("length of states", [part.h.shape[1] for part in parts], "they are of two cells"),
            ("type of states", [part.h.dtype for part in parts], "search cells of one type"),
            (
                "tol_unique",
                [part.tol_unique for part in parts],
                "choose one with dataclasses.replace(part, tol_unique=...)",
            ),
        ):
            require_equal(what, found, mend)
        columns: dict[str, Any] = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ("h", "q", "kind", "reason", "iterations", "starts", "count")
        }
        inputs = joined_inputs([(len(part), part.inputs) for part in parts])
        return cls(
            **columns,
            inputs=inputs,
            condition=joined_conditions([part.condition for part in parts]),
            tol_unique=parts[0].tol_unique,
            cell=one_cell([part.cell for part in parts], columns["h"], inputs),
        )


def distinct_points(points: FixedPoints) -> FixedPoints:
    """Return points in their order if no two are one, or else those that `unique` keeps.

    Unconverged ends are among them.
    """
    merged = points.unique(unconverged=True)
    return merged if len(merged) < len(points) else points.numpy()
