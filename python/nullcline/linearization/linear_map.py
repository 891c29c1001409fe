"""The linear map around a point: Jacobians, modes, time constants, stability."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from nullcline._native import _core
from nullcline._native.blas import one_blas_thread
from nullcline._support import validation
from nullcline._support.reading import reading
from nullcline._support.row_numbers import require_rows_alone, row_numbers
from nullcline._support.shown import Shown, Table, first_rows
from nullcline._support.state import own_state
from nullcline.cells import require_cell, thread_count
from nullcline.cells.protocol import HasTimeStep, Layered
from nullcline.distribution import Chunk, by_cost, row_ranges, spread_over
from nullcline.interop._tables import dataframe, dataset
from nullcline.linearization.linear_map_file import read_linearization, write_linearization
from nullcline.linearization.modes import Modes, all_modes, slowest_modes
from nullcline.linearization.resolution import known_time_constants
from nullcline.linearization.stability import (
    LARGEST_DENSE,
    STABILITIES,
    STABLE,
    UNDECIDED,
    Judgement,
    judge,
)
from nullcline.search.fixed_points import FixedPoints
from nullcline.search.joining import joined_inputs, one_cell, require_equal

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import pandas as pd
    import xarray as xr
    from numpy.typing import ArrayLike, NDArray

    from nullcline._support.row_numbers import Rows
    from nullcline._support.validation import Floats
    from nullcline.cells import Cell
    from nullcline.distribution import Spread
    from nullcline.distribution.executors import GivenExecutor

    _Point: TypeAlias = tuple[Modes, Judgement]


@dataclass(frozen=True, eq=False, repr=False)
class Linearization(Shown):
    """The linear maps around n points: `h' ≈ h* + J_rec (h - h*) + J_inp (x - x*)`.

    ``modes[rows]`` are those of some points, as `Linearization`: by a number (which gives one), a
    slice, a mask, several numbers or a stability, as `select` takes them; iteration goes point by
    point. `nullcline.concatenate` joins several. They pickle and copy with their cell.

    Attributes
    ----------
    cell
        The cell.
    h
        The states, shape (n, S).
    inputs
        The input at each point, shape (n, D), or (1, D) for one at all; None for zero input.
    eigenvalues
        Of `J_rec`, shape (n, k), complex, k = S unless fewer were asked for; by falling modulus, so
        the slowest mode of a stable point comes first, and of a conjugate pair the one with
        positive imaginary part.
    right
        Right eigenvectors, shape (n, S, k): *column* `right[i, :, j]`, of length 1, belongs to
        `eigenvalues[i, j]`.
    left
        Left eigenvectors, shape (n, k, S): *row* `left[i, j]`, scaled so that its product with
        `right[i, :, j]` is 1. Where eigenvalues are distinct, `left[i] @ right[i]` is the identity,
        and `left[i] @ (h - h*)` are the coordinates of a state in the modes. The length of a row is
        the condition number of its eigenvalue. Where that is infinite to rounding (a defective
        eigenvalue: the two vectors are orthogonal), no such scale exists and the row is NaN.
    time_constants
        τ = 1 / |ln|λ|| in steps, shape (n, k): how long a mode takes to fall, or to grow, by a
        factor of e. Infinite where |λ| = 1, zero where λ = 0.
    eigenvalue_errors
        How far each eigenvalue may be off, to first order, shape (n, k): by rounding, of the
        Jacobian and of its modes, and since the state is known to some digits only. Where the state
        is no fixed point to rounding, such as a slow point, 1e-5 more (in float32, 1e-3): there one
        eigenvalue is 1, and is found on either side. Infinite where an eigenvalue is defective.
    stability
        "stable" if every |λ| < 1, "unstable" if one is above, and "undecided" where the errors
        leave that open, shape (n,): at slow points, at folds and on kinks, and where gates are
        saturated to the last digit. (This is a map, not a flow: the sign of a real part says
        nothing.)
    """

    cell: Cell
    h: Floats
    inputs: Floats | None
    eigenvalues: NDArray[np.complex128]
    right: NDArray[np.complex128]
    left: NDArray[np.complex128]
    time_constants: NDArray[np.float64]
    eigenvalue_errors: NDArray[np.float64]
    stability: NDArray[np.str_]

    @property
    def is_stable(self) -> NDArray[np.bool_]:
        """Whether `stability` is "stable", shape (n,): what is not may be undecided, too."""
        stable: NDArray[np.bool_] = self.stability == STABLE
        return stable

    @cached_property
    def J_rec(self) -> Floats:  # noqa: N802 - what it is called in every paper
        """∂F/∂h, shape (n, S, S), in the cell's type; computed when first asked for."""
        return self.cell.jacobian(self.h, self.inputs)

    @cached_property
    def J_inp(self) -> Floats:  # noqa: N802
        """∂F/∂x, shape (n, S, D), in the cell's type; computed when first asked for."""
        return self.cell.input_jacobian(self.h, self.inputs)

    @cached_property
    def physical_time_constants(self) -> NDArray[np.float64]:
        """Time constants in the unit of the cell's `dt` and `tau`, shape (n, k).

        Raises
        ------
        ValueError
            If the cell has no `dt`: it was not made with one, or knows no unit of time.
        """
        dt = self.dt
        if dt is None:
            raise ValueError("the cell knows no unit of time: make it with dt and tau")
        return self.time_constants * dt

    @property
    def dt(self) -> float | None:
        """The length of a step in the unit of time of the cell; None where it knows none."""
        return self.cell.dt if isinstance(self.cell, HasTimeStep) else None

    def select(self, which: str | Rows) -> Linearization:
        """Return some of the points: what ``modes[which]`` is.

        Parameters
        ----------
        which
            A stability ("stable", "unstable" or "undecided"), a mask of shape (n,), row numbers in
            the order wanted, a slice, or the number of one row; those below 0 count from the end.

        Raises
        ------
        ValueError
            If it is an unknown stability, or an array of another shape.
        TypeError
            If it is neither of these, such as an array of neither booleans nor integers.
        IndexError
            If there is no row of a number.
        """
        if isinstance(which, str):
            if which not in STABILITIES:
                raise ValueError(f"which must be one of {', '.join(STABILITIES)}, not {which!r}")
            which = self.stability == which
        rows = row_numbers(which, len(self))
        taken: dict[str, Any] = {name: column[rows] for name, column in self._columns().items()}
        if self.inputs is not None and len(self.inputs) > 1:  # one at each point
            taken["inputs"] = self.inputs[rows]
        return replace(self, **taken)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a NumPy archive (.npz) without pickled objects, whole or not at all.

        It holds the modes and the cell, as its class and weights, but no Jacobians, which are
        computed again when they are asked for.

        Raises
        ------
        OSError
            If it cannot be written; what stood under `path` is then unchanged.
        TypeError
            If no file can hold the cell, as none can hold a function.
        """
        inputs = {} if self.inputs is None else {"inputs": self.inputs}
        write_linearization(path, self.cell, {**self._columns(), **inputs})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Linearization:
        """Read a linearization from a file that `save` wrote.

        Raises
        ------
        OSError
            If `path` cannot be opened.
        ValueError
            If it was not written by `save`, or by a newer version, or is damaged, or is no regular
            file.
        """
        with reading(path, "a file of a linearization") as file:
            return cls(**read_linearization(file))

    def to_dataframe(self) -> pd.DataFrame:
        """Return a table of pandas, one row per mode of each point.

        Returns
        -------
        pandas.DataFrame
            Columns point and mode (their numbers), real, imag and modulus of the eigenvalue, its
            error, time_constant in steps, physical_time_constant where the cell has a `dt`, and
            the stability of the point.

        Raises
        ------
        ModuleNotFoundError
            If pandas is not installed.
        """
        n, k = self.eigenvalues.shape
        return dataframe(
            {
                "point": np.repeat(np.arange(n), k),
                "mode": np.tile(np.arange(k), n),
                "real": self.eigenvalues.real.ravel(),
                "imag": self.eigenvalues.imag.ravel(),
                "modulus": np.abs(self.eigenvalues).ravel(),
                "error": self.eigenvalue_errors.ravel(),
                "time_constant": self.time_constants.ravel(),
                "physical_time_constant": (
                    None if self.dt is None else self.physical_time_constants.ravel()
                ),
                "stability": np.repeat(self.stability, k),
            }
        )

    def to_xarray(self) -> xr.Dataset:
        """Return a dataset of xarray, with every array under its name but the Jacobians.

        Returns
        -------
        xarray.Dataset
            Of dimensions point, mode, unit (of a state, S) and input (D).

        Raises
        ------
        ModuleNotFoundError
            If xarray is not installed.
        """
        wide = {
            "h": ("unit",),
            "right": ("unit", "mode"),
            "left": ("mode", "unit"),
            "stability": (),
        }
        columns: dict[str, tuple[tuple[str, ...], NDArray[Any] | None]] = {
            name: (("point", *wide.get(name, ("mode",))), column)
            for name, column in self._columns().items()
        }
        inputs = self.inputs
        if inputs is not None:
            inputs = np.broadcast_to(inputs, (len(self), inputs.shape[1]))
        return dataset(columns | {"inputs": (("point", "input"), inputs)})

    def _columns(self) -> dict[str, NDArray[Any]]:
        """Return all that has one entry per point."""
        names = [field.name for field in fields(self) if field.name not in {"cell", "inputs"}]
        return {name: getattr(self, name) for name in names}

    @classmethod
    def _joined(cls, parts: Sequence[Linearization]) -> Linearization:
        """Return the points of all parts, see `nullcline.concatenate`."""
        for what, found, mend in (
            ("length of states", [part.h.shape[1] for part in parts], "they are of two cells"),
            ("type of states", [part.h.dtype for part in parts], "linearize cells of one type"),
            (
                "number of modes",
                [part.eigenvalues.shape[1] for part in parts],
                "give the same k",
            ),
        ):
            require_equal(what, found, mend)
        columns: dict[str, Any] = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in parts[0]._columns()
        }
        inputs = joined_inputs([(len(part), part.inputs) for part in parts])
        one_cell([part.cell for part in parts], columns["h"], inputs)
        return replace(parts[0], **columns, inputs=inputs)

    def _table(self) -> Table:
        header = ["", "stability", "largest |λ|", "largest τ, steps"]
        known = known_time_constants(self.eigenvalues, self.eigenvalue_errors)
        slowest = np.max(known, axis=1, initial=0)
        columns: list[NDArray[Any]] = [
            self.stability,
            np.max(np.abs(self.eigenvalues), axis=1, initial=0),
            slowest,
        ]
        if self.dt is not None:
            header.append("largest τ, in the unit of dt")
            columns.append(slowest * self.dt)
        rows = [(i, *(column[i] for column in columns)) for i in first_rows(len(self))]
        return Table(header, rows, len(self))

    def __getitem__(self, which: str | Rows) -> Linearization:
        require_rows_alone(which)
        return self.select(which)

    def __iter__(self) -> Iterator[Linearization]:
        return (self.select(i) for i in range(len(self)))

    def __array__(self, *_: Any, **__: Any) -> NDArray[Any]:
        raise TypeError("a Linearization is no array: pass one of its attributes, such as modes.h")

    def __getstate__(self) -> dict[str, Any]:
        """Return what a pickle or a copy holds: not the Jacobians, which can be had again."""
        return own_state(self)

    def by_time_constant(self) -> Linearization:
        """Return the linearization with its modes, left and right, by falling time constant.

        Modes come by falling |λ| from `linearize`, those that grow fastest first. The slowest, in
        which a state is held longest, is the one with |λ| nearest to 1 (Maheswaranathan et al.,
        NeurIPS 2019: τ = 1 / |ln|λ||); τ = ∞ comes first. Equals, conjugate pairs
        among them, keep their order. Where only some modes were found, those are sorted.
        """
        order = np.argsort(-self.time_constants, axis=1, kind="stable")
        return replace(
            self,
            eigenvalues=np.take_along_axis(self.eigenvalues, order, axis=1),
            right=np.take_along_axis(self.right, order[:, None, :], axis=2),
            left=np.take_along_axis(self.left, order[:, :, None], axis=1),
            time_constants=np.take_along_axis(self.time_constants, order, axis=1),
            eigenvalue_errors=np.take_along_axis(self.eigenvalue_errors, order, axis=1),
        )

    def __len__(self) -> int:
        return len(self.h)

    def __repr__(self) -> str:
        counts = f"{np.sum(self.is_stable)} stable"
        n_undecided = np.sum(self.stability == UNDECIDED)
        if n_undecided:
            counts += f", {n_undecided} undecided"
        return f"Linearization({len(self)} points, {counts}; S = {self.h.shape[1]})"


def linearize(
    cell: Cell,
    points: FixedPoints | ArrayLike,
    inputs: ArrayLike | None = None,
    *,
    k: int | None = None,
    n_threads: int | None = None,
    executor: GivenExecutor | None = None,
    chunk_size: int | None = None,
) -> Linearization:
    """Linearize a cell around points, fixed or not.

    The eigenvalue problem is solved in float64 whatever the cell's type: all modes by LAPACK's
    `geev`, the k slowest by ARPACK (Lehoucq, Sorensen and Yang 1998) with products of `J_rec`,
    which is then not formed: memory is O(n S k). What ARPACK finds is checked; where it cannot tell
    the slowest modes from the rest, since many are equal or defective, as where J_rec is zero or
    orthogonal, and where stability is in doubt, the Jacobian is formed after all.

    Parameters
    ----------
    cell
        The cell.
    points
        Result of a search, or states of shape (n, S).
    inputs
        The input at the points: None (zero input), shape (D,), (1, D) or (n, D). The result of a
        search carries its own, so that none may be given with it.
    k
        How many modes to find, those of largest |λ|; None for all. Meant for large S, where only
        the slowest matter. From k = S - 1 on, all are found and the first k kept.
    n_threads
        The most threads to use, up to 512, each with points of its own; None for as many as this
        process may use processors. With an executor they are those of each worker, 1 by default.
    executor, chunk_size
        Who linearizes, and how many points a worker gets at a time, as in `find_fixed_points`.

    Returns
    -------
    Linearization
        The modes, one entry per point, and Jacobians on demand.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or shape, or the Jacobian overflows.
    RuntimeError
        If ARPACK cannot tell the k slowest modes from the rest, and S is above 4,096: ask for all.
    """
    require_cell(cell)
    if isinstance(points, FixedPoints):
        if inputs is not None:
            raise ValueError("inputs must be None: these points carry the inputs of their search")
        points = points.numpy()
        states: ArrayLike = points.h
        inputs = points.inputs
    else:
        states = points
    h = validation.rows("points", states, cell.state_size, cell.dtype, cell.hidden_size).copy()
    x = validation.inputs("inputs", inputs, (len(h), cell.input_size), cell.dtype)
    size = cell.state_size
    k = size if k is None else validation.whole_number("k", k, 1, size)
    threads = thread_count(n_threads)
    spread = spread_over(executor, chunk_size, n_threads, threads)
    found = (
        _columns(cell, h, x, k, threads) if spread is None else _in_chunks(cell, h, x, k, spread)
    )
    with np.errstate(divide="ignore"):
        time_constants = 1 / np.abs(np.log(np.abs(found.eigenvalues)))
    return Linearization(
        cell=cell,
        h=h,
        inputs=None if x is None else x.copy(),
        time_constants=time_constants,
        **found._asdict(),
    )


class _Columns(NamedTuple):
    """What is computed of each point: see `Linearization`."""

    eigenvalues: NDArray[np.complex128]
    right: NDArray[np.complex128]
    left: NDArray[np.complex128]
    eigenvalue_errors: NDArray[np.float64]
    stability: NDArray[np.str_]


def _columns(cell: Cell, h: Floats, x: Floats | None, k: int, n_threads: int) -> _Columns:
    """Linearize at states (n, S) in threads, each with points of its own."""

    def at(i: int) -> _Point:
        own = x if x is None or len(x) == 1 else x[i : i + 1]
        return _linearized(cell, h[i : i + 1], own, k)

    n, size = h.shape
    found = _Columns(
        np.empty((n, k), np.complex128),
        np.empty((n, size, k), np.complex128),
        np.empty((n, k, size), np.complex128),
        np.empty((n, k)),
        np.full(n, UNDECIDED),
    )
    with one_blas_thread():
        for i, (modes, judgement) in enumerate(_spread(at, n, n_threads)):
            found.eigenvalues[i], found.right[i], found.left[i] = modes
            found.eigenvalue_errors[i], found.stability[i] = judgement
    return found


_SECONDS = 5e-9
"""That all modes of a state take, over S³: `geev` took 84 ms of 256 units."""


def _in_chunks(cell: Cell, h: Floats, x: Floats | None, k: int, spread: Spread) -> _Columns:
    """Linearize at states by an executor's workers."""
    n, size = h.shape
    rows_of_a_chunk = by_cost(spread.chunk_size, _SECONDS * size**3, 32 * k * size)
    has_own = x is not None and len(x) > 1
    chunks = [
        Chunk((h[rows], x[rows] if x is not None and has_own else None, k), rows.stop - rows.start)
        for rows in row_ranges(n, rows_of_a_chunk)
    ]
    shared = {"cell": cell, "inputs": None if has_own else x}
    parts = spread.answers(_chunk_columns, chunks, shared)
    if not parts:
        return _columns(cell, h, x, k, 1)
    return _Columns(*map(np.concatenate, zip(*parts, strict=True)))


def _chunk_columns(
    shared: Mapping[str, Any],
    h: Floats,
    x: Floats | None,
    k: int,
    *,
    n_threads: int,
    report: Callable[[int, int], None] | None,  # noqa: ARG001 - chunks are short
) -> _Columns:
    """Linearize at some states, on a worker."""
    return _columns(shared["cell"], h, shared["inputs"] if x is None else x, k, n_threads)


def _linearized(cell: Cell, h: Floats, x: Floats | None, k: int) -> _Point:
    """Return the k slowest modes at one state (1, S), and how stable it is."""
    with np.errstate(all="ignore"):  # what overflows is looked for, and refused or counted as error
        if k < cell.state_size - 1:
            modes = slowest_modes(cell, h, x, k)
            if modes is not None:
                return modes, judge(cell, h, x, modes, None)
            if cell.state_size > LARGEST_DENSE:
                raise RuntimeError(
                    f"the {k} slowest modes cannot be told by products from the rest (they are "
                    "equal, or all but equal, or defective): ask for all with k=None"
                )
        jacobian = cell.jacobian(h, x)[0].astype(np.float64)
        every = all_modes(jacobian)
        judgement = judge(cell, h, x, every, jacobian)
    kept = Modes(every.eigenvalues[:k], every.right[:, :k], every.left[:k])
    return kept, Judgement(judgement.errors[:k], judgement.stability)


def _spread(work: Callable[[int], _Point], n: int, n_threads: int) -> Iterator[_Point]:
    """Yield work(0), ..., work(n - 1), done in threads; Ctrl-C drops what has not begun."""
    n_threads = _core.threads_with_room(min(n, n_threads))
    if n_threads <= 1:
        yield from map(work, range(n))
        return
    pool = ThreadPoolExecutor(n_threads)
    try:
        found = pool.map(work, range(n))
    except RuntimeError:  # the system has no thread left
        pool.shutdown(cancel_futures=True)
        yield from map(work, range(n))
        return
    try:
        yield from found
    finally:
        pool.shutdown(cancel_futures=True)


def require_linearization(value: object) -> None:
    """Raise TypeError unless `value` is a linearization; the message says how to get one."""
    if not isinstance(value, Linearization):
        raise TypeError(
            f"linearization must be what nullcline.linearize returns, not {type(value).__name__}"
        )


def require_steps_in_time(linearization: Linearization) -> None:
    """Raise TypeError unless this is a linearization of a cell whose steps are a network's.

    Those of a stack with layers of two directions are not: its fixed points are those of the
    network at a constant input, but backward cells go through time the other way.
    """
    require_linearization(linearization)
    cell = linearization.cell
    if isinstance(cell, Layered) and cell.has_directions:
        raise TypeError(
            "linearization must be of a cell that steps as the network does, and a layer of two "
            "directions goes through time both ways: linearize one of stack.cells, at its "
            "points of nullcline.layer_points(stack, points)"
        )


@one_blas_thread()
def spectral_radius(cell: Cell, h: Floats, x: Floats | None) -> float:
    """Return the largest |λ| of J_rec at one state, shape (S,)."""
    jacobian = cell.jacobian(h[None], x)[0]
    validation.require_finite("J_rec", jacobian)
    return float(np.abs(np.linalg.eigvals(jacobian)).max())
