"""How far the linear map around a point tells what the network does next, and after that."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nullcline._native.blas import one_blas_thread
from nullcline._support import validation
from nullcline._support.row_numbers import row_numbers
from nullcline._support.shown import Shown, Table, first_rows
from nullcline.linearization.linear_map import require_steps_in_time
from nullcline.linearization.readout import readout_vector

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import ArrayLike, NDArray

    from nullcline._support.row_numbers import Rows
    from nullcline._support.validation import Floats
    from nullcline.cells import Cell
    from nullcline.linearization.linear_map import Linearization

    Vector = NDArray[np.float64]
    Matrix = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DistanceBins(Shown):
    """R² of a prediction, for states nearer to and further from the point.

    Attributes
    ----------
    edges
        Distances between which the b bins lie, shape (b + 1,); a bin holds its lower edge, the last
        one both.
    distance
        Median distance in each bin, shape (b,).
    count
        Rows in each bin, shape (b,).
    r2, r2_of_change
        As in `LinearPrediction`, of the rows of each bin alone, shape (b,).
    """

    edges: Vector
    distance: Vector
    count: NDArray[np.int64]
    r2: Vector
    r2_of_change: Vector

    def __len__(self) -> int:
        return len(self.count)

    def __repr__(self) -> str:
        reach = f"from {self.edges[0]:.3g} to {self.edges[-1]:.3g}"
        return f"DistanceBins({len(self)} bins of {np.sum(self.count)} rows, {reach})"

    def _table(self) -> Table:
        names = ("distance", "count", "r2", "r2_of_change")
        columns = [getattr(self, name) for name in names]
        rows = [tuple(column[i] for column in columns) for i in first_rows(len(self))]
        return Table(names, rows, len(self))


@dataclass(frozen=True, eq=False)
class LinearPrediction(Shown):
    """States that the network goes to, and where its linearization says that it goes.

    Attributes
    ----------
    actual, predicted
        States by the network and by the linear map, shape (n, S).
    origin
        What was known, shape (n, S): the state before, or the first state of the sequence.
    point
        The point that was linearized around, by its row in the linearization, shape (n,).
    distance
        Euclidean distance from that point to the network's state before, shape (n,).
    sequence, step
        Which sequence a row's state belongs to, and after how many of its inputs, shape (n,).
    """

    actual: Matrix
    predicted: Matrix
    origin: Matrix
    point: NDArray[np.intp]
    distance: Vector
    sequence: NDArray[np.intp]
    step: NDArray[np.intp]
    _cell: Cell

    def __len__(self) -> int:
        return len(self.actual)

    def __repr__(self) -> str:
        n = len(np.unique(self.sequence))
        size = self.actual.shape[1]
        return f"LinearPrediction({len(self)} states of {n} sequences, of {size} numbers each)"

    @property
    def r2(self) -> float:
        """R² = 1 - Σ‖actual - predicted‖² / Σ‖actual - mean‖², over rows and units together.

        1 is perfect, 0 no better than the mean state; NaN where actual states do not differ.
        """
        return _r2(self.actual, self.predicted)

    @property
    def r2_of_change(self) -> float:
        """R² of how far the state goes from `origin`, which staying there cannot explain.

        In a slow network a state is close to the one before, so that the next *state* is predicted
        well by anything that hardly moves it; its *change* is not.
        """
        return _r2(self.actual - self.origin, self.predicted - self.origin)

    def select(self, which: Rows) -> LinearPrediction:
        """Return the rows that a mask (n,), row numbers or a slice select."""
        rows = row_numbers(which, len(self))
        names = ("actual", "predicted", "origin", "point", "distance", "sequence", "step")
        return replace(self, **{name: getattr(self, name)[rows] for name in names})

    def last(self) -> LinearPrediction:
        """Return the row after the last input of each sequence, in the order of the sequences."""
        ends = np.lexsort((-self.step, self.sequence))
        return self.select(ends[np.unique(self.sequence[ends], return_index=True)[1]])

    def read_out(self, readout: ArrayLike) -> LinearPrediction:
        """Return the prediction of a readout alone, such as the logit: states have shape (n, 1).

        Parameters
        ----------
        readout
            Weights of the outputs, shape (H,), or of the whole state, shape (S,).
        """
        weights = readout_vector(self._cell, readout)[:, None]
        names = ("actual", "predicted", "origin")
        return replace(self, **{name: getattr(self, name) @ weights for name in names})

    def by_distance(self, n_bins: int = 10) -> DistanceBins:
        """Return R² against distance from the point, in bins of equally many rows.

        Parameters
        ----------
        n_bins
            Bins, by quantiles of the distance; fewer come of it where distances are equal.

        Raises
        ------
        TypeError, ValueError
            If `n_bins` is no integer from 1 to the number of rows.
        """
        n_bins = validation.whole_number("n_bins", n_bins, 1, len(self))
        # Edges are distances that occur, so that no bin is empty.
        quantiles = np.linspace(0, 1, n_bins + 1)
        edges = np.unique(np.quantile(self.distance, quantiles, method="lower"))
        if len(edges) == 1:
            edges = np.repeat(edges, 2)
        bin_of = np.searchsorted(edges[1:-1], self.distance, side="right")
        bins = [self.select(bin_of == i) for i in range(len(edges) - 1)]
        return DistanceBins(
            edges=edges,
            distance=np.array([np.median(rows.distance) for rows in bins]),
            count=np.array([len(rows) for rows in bins], np.int64),
            r2=np.array([rows.r2 for rows in bins]),
            r2_of_change=np.array([rows.r2_of_change for rows in bins]),
        )


def predict_next_states(
    linearization: Linearization,
    states: ArrayLike,
    inputs: ArrayLike | None = None,
    *,
    point: int | None = None,
) -> LinearPrediction:
    """Compare the network's next states with those of its linearization.

    ::

        h' ≈ F(h*, x*) + J_rec (h - h*) + J_inp (x - x*)

    to first order, where F(h*, x*) = h* at a fixed point (Sussillo and Barak, Neural Comput. 25
    (2013) 626; Maheswaranathan et al., NeurIPS 2019, eq. 1). At a slow point the term that is not
    zero, F(h*, x*) - h*, is kept.

    Parameters
    ----------
    linearization
        The linear maps, one per point.
    states
        States to predict from, shape (n, S): visited ones, say.
    inputs
        The input at each: None (zero input), shape (D,), (1, D) or (n, D).
    point
        Row of the point to linearize around; None for the nearest one to each state.

    Returns
    -------
    LinearPrediction
        One row per state, each a sequence of one step.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or value, or there is no point.
    """
    require_steps_in_time(linearization)
    cell = linearization.cell
    system = _LinearSystem(linearization, point)
    before = validation.rows("states", states, cell.state_size, cell.dtype, cell.hidden_size)
    n = len(before)
    x = validation.inputs("inputs", inputs, (n, cell.input_size), cell.dtype)
    chosen = system.points_for(before)
    return LinearPrediction(
        actual=cell.step(before, x).astype(np.float64),
        predicted=system.step(before, x, chosen),
        origin=before.astype(np.float64),
        point=chosen,
        distance=system.distances(before, chosen),
        sequence=np.arange(n),
        step=np.ones(n, np.intp),
        _cell=cell,
    )


@one_blas_thread()
def predict_sequences(
    linearization: Linearization,
    inputs: Sequence[ArrayLike] | Floats,
    starts: ArrayLike | None = None,
    *,
    point: int | None = None,
) -> LinearPrediction:
    """Run whole sequences through the network and through its linearization, side by side.

    Both begin in the same state; from then on the linear system goes on from its own prediction,
    and no error is mended (equation of `predict_next_states`, iterated). With the nearest point at
    every step it is piecewise linear, and chooses by the state that it predicted itself. Every
    state is kept, of both, in float64: of a large corpus take a sample.

    Parameters
    ----------
    linearization
        The linear maps, one per point.
    inputs
        One array for each sequence, its inputs in order, shape (T, D): a review's embeddings, say.
        Lengths may differ. Sequences of one length can be one array, (n, T, D).
    starts
        First states, shape (S,) or one per sequence, (n, S); None for zeros.
    point
        Row of the point to linearize around; None for the nearest one.

    Returns
    -------
    LinearPrediction
        One row for each input of each sequence, in their order, with the state after it; `last`
        has where the sequences end, and `distance` is from the network's own state.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or value, or there is no point.
    """
    runs = _Runs(linearization, inputs, starts, point)
    lengths, ends = runs.lengths, np.cumsum(runs.lengths)
    rows, columns = int(lengths.sum()), linearization.cell.state_size
    actual, predicted = np.empty((rows, columns)), np.empty((rows, columns))
    point_of, distance = np.empty(rows, np.intp), np.empty(rows)
    for t, step in enumerate(runs.steps()):
        row = (ends - lengths)[step.running] + t
        point_of[row], distance[row] = step.point, step.distance
        actual[row], predicted[row] = step.actual, step.predicted
    sequence = np.repeat(np.arange(len(lengths)), lengths)
    return LinearPrediction(
        actual=actual,
        predicted=predicted,
        origin=runs.first.astype(np.float64)[sequence],
        point=point_of,
        distance=distance,
        sequence=sequence,
        step=np.arange(rows) - (ends - lengths)[sequence] + 1,
        _cell=linearization.cell,
    )


@one_blas_thread()
def predict_last_states(
    linearization: Linearization,
    inputs: Sequence[ArrayLike] | Floats,
    starts: ArrayLike | None = None,
    *,
    point: int | None = None,
) -> LinearPrediction:
    """Return what `predict_sequences(...).last()` does, and keep no other state.

    A hundred whole reviews of a network of 256 units would be a hundred megabytes otherwise, three
    times.
    """
    runs = _Runs(linearization, inputs, starts, point)
    sequences = np.flatnonzero(runs.lengths)
    shape = len(runs.lengths), linearization.cell.state_size
    actual, predicted = np.empty(shape), np.empty(shape)
    point_of, distance = np.empty(len(runs.lengths), np.intp), np.empty(len(runs.lengths))
    for t, step in enumerate(runs.steps(), 1):
        over = runs.lengths[step.running] == t
        row = step.running[over]
        point_of[row], distance[row] = step.point[over], step.distance[over]
        actual[row], predicted[row] = step.actual[over], step.predicted[over]
    return LinearPrediction(
        actual=actual[sequences],
        predicted=predicted[sequences],
        origin=runs.first.astype(np.float64)[sequences],
        point=point_of[sequences],
        distance=distance[sequences],
        sequence=sequences,
        step=runs.lengths[sequences],
        _cell=linearization.cell,
    )


class _Step(NamedTuple):
    """A step of all sequences that are still running, by their numbers."""

    running: NDArray[np.intp]
    point: NDArray[np.intp]
    distance: Vector
    actual: Floats
    predicted: Matrix


class _Runs:
    """Sequences run through the network and through the linear system, side by side."""

    def __init__(
        self,
        linearization: Linearization,
        inputs: Sequence[ArrayLike] | Floats,
        starts: ArrayLike | None,
        point: int | None,
    ) -> None:
        require_steps_in_time(linearization)
        self._cell = linearization.cell
        self._system = _LinearSystem(linearization, point)
        sequences: object = inputs
        if not isinstance(sequences, Iterable) or getattr(sequences, "ndim", 3) != 3:
            raise ValueError(
                "inputs must hold an array (T, D) for each sequence: for one pass [inputs]"
            )
        self._driven = [
            validation.rows(f"inputs[{i}]", sequence, self._cell.input_size, self._cell.dtype)
            for i, sequence in enumerate(inputs)
        ]
        self.first = _starts(self._cell, starts, len(self._driven))
        self.lengths = np.array([len(sequence) for sequence in self._driven], np.intp)

    def steps(self) -> Iterator[_Step]:
        """Yield what becomes of each sequence in one step after the other."""
        state, guess = self.first.copy(), self.first.astype(np.float64)
        for t in range(int(self.lengths.max(initial=0))):
            running = np.flatnonzero(self.lengths > t)
            x = np.stack([self._driven[i][t] for i in running])
            points = self._system.points_for(guess[running])
            distance = self._system.distances(state[running], points)
            state[running] = self._cell.step(state[running], x)
            guess[running] = self._system.step(guess[running], x, points)
            yield _Step(running, points, distance, state[running], guess[running])


def _starts(cell: Cell, starts: ArrayLike | None, n: int) -> Floats:
    """Return one first state per sequence, shape (n, S)."""
    size = cell.state_size
    if starts is None:
        return np.zeros((n, size), cell.dtype)
    given = validation.floats("starts", starts, cell.dtype)
    if given.shape != (size,):
        validation.require_rows("starts", given.shape, size, cell.hidden_size)
        if len(given) != n:
            raise ValueError(f"starts must have shape ({size},) or {(n, size)}, not {given.shape}")
    return np.broadcast_to(given, (n, size)).copy()


class _LinearSystem:
    """The linear maps, in float64, and the rule that says which one holds for a state."""

    def __init__(self, linearization: Linearization, point: int | None) -> None:
        n = len(linearization)
        if n == 0:
            raise ValueError("linearization must hold a point")
        if point is not None:
            point = validation.whole_number("point", point, 0, n - 1)
        self._point = point
        self._linearization = linearization
        self._h = linearization.h.astype(np.float64)
        after = linearization.cell.step(linearization.h, linearization.inputs)
        self._after = after.astype(np.float64)

    def points_for(self, states: Floats) -> NDArray[np.intp]:
        from scipy.spatial.distance import cdist

        if self._point is not None:
            return np.full(len(states), self._point, np.intp)
        nearest: NDArray[np.intp] = cdist(states, self._h).argmin(axis=1)
        return nearest

    def distances(self, states: Floats, points: NDArray[np.intp]) -> Vector:
        with np.errstate(under="ignore"):  # squares of what is as good as zero
            distances: Vector = np.linalg.norm(states - self._h[points], axis=1)
        return distances

    def step(self, states: Floats, x: Floats | None, points: NDArray[np.intp]) -> Matrix:
        """Return F(h*, x*) + J_rec (h - h*) + J_inp (x - x*), each state about its own point."""
        own = self._linearization.inputs
        predicted: Matrix = self._after[points]
        for i in np.unique(points):
            rows = points == i
            away = (states[rows] - self._h[i]).astype(np.float64)
            predicted[rows] += away @ self._linearization.J_rec[i].T
            if x is None and own is None:
                continue
            drive = _row(x, rows) - _row(own, i)
            predicted[rows] += np.asarray(drive) @ self._linearization.J_inp[i].T
        return predicted


def _row(x: Floats | None, rows: NDArray[np.bool_] | np.intp) -> Floats | float:
    """Return some rows of inputs that may be none or one for all."""
    if x is None:
        return 0.0
    return x if len(x) == 1 else x[rows]


def _r2(actual: Matrix, predicted: Matrix) -> float:
    if len(actual) == 0 or not np.ptp(actual, axis=0).any():
        return float("nan")
    centred = actual - actual.mean(axis=0)
    # In units, a power of two, in which squares neither vanish nor overflow.
    unit = 2.0 ** float(np.frexp(np.abs(centred).max())[1])
    with np.errstate(over="ignore", under="ignore"):
        total = np.sum((centred / unit) ** 2)
        return float(1 - np.sum(((actual - predicted) / unit) ** 2) / total)
