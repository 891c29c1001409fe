"""Lyapunov exponents: at what rates neighbouring orbits part, by QR along runs.

With J_t the Jacobian at step t and Q_t R_t = J_t Q_(t-1), the i-th exponent is the mean of
ln (R_t)_ii over the steps (Benettin, Galgani, Giorgilli and Strelcyn, Meccanica 15 (1980) 9; of
recurrent networks: Engelken, Wolf and Abbott, Phys. Rev. Research 5 (2023) 043044). Their sum over
all S is the mean of ln |det J_t|.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._native.blas import one_blas_thread
from nullcline._support import validation
from nullcline._support.chosen_rows import ChosenRows
from nullcline._support.row_numbers import row_numbers
from nullcline._support.shown import Shown, Table, first_rows
from nullcline.cells.compiled import thread_count
from nullcline.cycles.chunks import SECONDS_OF_STEP, over_orbits
from nullcline.cycles.recurrence import run
from nullcline.cycles.starts import read_starts
from nullcline.distribution import spread_over
from nullcline.search.progress import reporter

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from nullcline._support.row_numbers import Rows
    from nullcline.cells.protocol import Cell
    from nullcline.cycles.evaluation import Driven
    from nullcline.distribution.executors import GivenExecutor
    from nullcline.search.progress import Report

    Array = NDArray[np.float64]

N_BLOCKS = 16
"""Blocks of steps whose means give the standard error."""

_MOST = 10**9
"""The most steps that may be asked for: a day of the smallest cell."""

BY_PRODUCTS = 32
"""Up to a share of 1/32 of all exponents, products with the vectors take the place of Jacobians. On
a GRU of 128 units a step of 4 orbits took 0.17 ms by their Jacobians, and 0.35 by products with 8
vectors."""


@dataclass(frozen=True, eq=False, repr=False)
class LyapunovExponents(ChosenRows, Shown):
    """The leading k Lyapunov exponents of n orbits, per step, the largest first.

    ``exponents[rows]`` are those of some of the orbits.

    Attributes
    ----------
    values
        Shape (n, k), per step; minus infinity where a direction is lost in a single step.
    errors
        Their standard errors, shape (n, k), from the means of 16 blocks of steps, as if these were
        independent; NaN of an infinite one.
    n_steps
        How many steps were averaged over.
    h
        The state after the last of them, shape (n, S).
    """

    values: NDArray[np.float64]
    errors: NDArray[np.float64]
    n_steps: int
    h: NDArray[np.float64]

    _INSTEAD = "exponents.values"

    @property
    def dimension(self) -> NDArray[np.float64]:
        """The Kaplan–Yorke dimension, shape (n,): NaN where it needs more exponents than there are.

        Of j exponents whose sum is the last that is not negative, j + that sum / |the next|.
        """
        sums = np.cumsum(self.values, axis=1)
        n, k = self.values.shape
        found = np.full(n, np.nan)
        for i in range(n):
            j = int(np.sum(np.cumprod(sums[i] >= 0)))
            if j < k:
                rest = sums[i, j - 1] / abs(self.values[i, j]) if j else 0.0
                found[i] = j + rest
            elif k == self.h.shape[1]:
                found[i] = k
        return found

    @property
    def entropy(self) -> NDArray[np.float64]:
        """The sum of the positive exponents, in nats a step, shape (n,): a bound of the entropy.

        Pesin's equality holds where the attractor has an SRB measure; the sum is that of the
        exponents that were asked for.
        """
        return np.asarray(np.maximum(self.values, 0).sum(axis=1))

    def select(self, which: Rows) -> LyapunovExponents:
        """Return those of some of the orbits: what ``exponents[which]`` is.

        Parameters
        ----------
        which
            A mask of shape (n,), row numbers in the order wanted, a slice, or the number of one
            row; those below 0 count from the end.

        Raises
        ------
        ValueError
            If it is an array of another shape.
        TypeError
            If it is neither of these, such as an array of neither booleans nor integers.
        IndexError
            If there is no row of a number.
        """
        rows = row_numbers(which, len(self))
        columns: dict[str, Any] = {
            of.name: getattr(self, of.name)[rows] for of in fields(self) if of.name != "n_steps"
        }
        return replace(self, **columns)

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        n, k = self.values.shape
        largest = f", largest {self.values[:, 0].max():.4g}" if n else ""
        return f"LyapunovExponents({n} orbits, {k} each{largest}; {self.n_steps} steps)"

    def _table(self) -> Table:
        k = min(self.values.shape[1], 5)
        header = ["", *(f"λ{i + 1}" for i in range(k)), "standard error of λ1"]
        rows = [(i, *self.values[i, :k], float(self.errors[i, 0])) for i in first_rows(len(self))]
        return Table(header, rows, len(self))


def lyapunov_exponents(
    cell: Cell,
    starts: ArrayLike | None = None,
    n_steps: int | None = None,
    inputs: ArrayLike | None = None,
    *,
    k: int | None = None,
    transient: int | None = None,
    seed: int | None = 0,
    executor: GivenExecutor | None = None,
    chunk_size: int | None = None,
    progress: bool | Report = False,
) -> LyapunovExponents:
    """Return the Lyapunov exponents of orbits of a cell, from every start.

    Parameters
    ----------
    cell
        The cell: any of the package's, a function, or a `Stack` whose layers have one direction.
    starts
        States to start from, shape (n, S); None for 64 states drawn uniformly from the cell's box.
    n_steps
        Steps to average over, 1 or more; by default 2000, and of recorded inputs all that are left
        after the transient.
    inputs
        The input: None (zero input); frozen, of shape (D,), (1, D) or (n, D); or recorded, of shape
        (1, T, D) or (n, T, D), the first of which is read by the starts. Where steps are more than
        T, they are read again from the first.
    k
        How many exponents, the largest; None for all S.
    transient
        Steps before, in which the orbit comes to its attractor and the vectors to their directions;
        by default 1000, and of recorded inputs a tenth.
    seed
        Of the states and of the first vectors, which are drawn.
    executor, chunk_size
        Who follows the orbits, and how many a worker gets at a time, as in `find_fixed_points`: a
        multiple of 64, to which other numbers are rounded up.
    progress
        True for a bar on stderr, or a function that is called with the number of steps that are
        done and of all, or of orbits where an executor follows them; what it raises ends it.

    Returns
    -------
    LyapunovExponents
        The exponents per step and their standard errors.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or value, or an orbit runs away to infinity.

    Notes
    -----
    Benettin et al. (1980); Engelken, Wolf and Abbott (2023). At a stable fixed point they are
    ln |λ| of the eigenvalues of `J_rec`; of a stable cycle, ln |μ| / k of the multipliers; on an
    invariant circle the largest is 0; where it is above 0, the network is chaotic. With recorded
    inputs they are the exponents conditional on these.
    """
    states, driven = read_starts(cell, starts, inputs, seed)
    length = driven.turn if driven.turn > 1 else None
    if transient is None:
        transient = 1000 if length is None else length // 10
    transient = validation.whole_number("transient", transient, 0, _MOST)
    if n_steps is None:
        n_steps = 2000 if length is None else max(length - transient, 1)
    n_steps = validation.whole_number("n_steps", n_steps, 1, _MOST)
    size = cell.state_size
    k = size if k is None else validation.whole_number("k", k, 1, size)
    spread = spread_over(executor, chunk_size, None, thread_count(None))
    limits = n_steps, k, transient, seed
    if spread is None or len(states) == 0:
        with reporter(progress, n_steps + transient, what="exponents", unit="step") as report:
            return along(driven, states, *limits, report)
    seconds = (n_steps + transient) * SECONDS_OF_STEP * k * size**2
    with reporter(progress, len(states), what="exponents", unit="orbit") as report:
        parts = over_orbits(spread, along, driven, states, *limits, seconds=seconds, report=report)
    return LyapunovExponents(
        values=np.concatenate([part.values for part in parts]),
        errors=np.concatenate([part.errors for part in parts]),
        n_steps=n_steps,
        h=np.concatenate([part.h for part in parts]),
    )


@one_blas_thread()
def along(
    driven: Driven,
    states: Array,
    n_steps: int,
    k: int,
    transient: int,
    seed: int | None,
    report: Report | None = None,
) -> LyapunovExponents:
    """Return the k largest exponents along orbits from states (n, S) at the phase 0."""
    n, size = states.shape
    # The vectors need a transient of their own: half of it is theirs.
    settling = transient // 2
    states = run(driven, states, transient - settling)
    phase = transient - settling
    drawn = np.random.default_rng(seed).normal(size=(size, k))
    vectors = np.tile(np.linalg.qr(drawn)[0], (n, 1, 1))
    n_blocks = min(N_BLOCKS, n_steps)
    ends = np.linspace(0, n_steps, n_blocks + 1).astype(int)
    sums = np.zeros((n_blocks, n, k))
    block = 0
    with np.errstate(all="ignore"):  # what is not finite is refused
        for t in range(settling + n_steps):
            vectors, stretched = _carried(driven, states, phase + t, vectors)
            states = driven.step(states, phase + t)
            if report is not None:
                report(phase + t + 1, transient + n_steps)
            if t < settling:
                continue
            if t - settling >= ends[block + 1]:
                block += 1
            sums[block] += np.log(stretched)
        validation.require_finite("the orbits, which run away,", states)
        means = sums / np.diff(ends)[:, None, None]
        values = sums.sum(axis=0) / n_steps
        errors = means.std(axis=0, ddof=1) / np.sqrt(n_blocks) if n_blocks > 1 else None
    order = np.argsort(-values, axis=1, kind="stable")
    errors = np.full((n, k), np.nan) if errors is None else errors
    return LyapunovExponents(
        values=np.take_along_axis(values, order, axis=1),
        errors=np.take_along_axis(errors, order, axis=1),
        n_steps=n_steps,
        h=states,
    )


def _carried(driven: Driven, states: Array, t: int, vectors: Array) -> tuple[Array, Array]:
    """Return orthonormal vectors carried by a step, (n, S, k), and how they stretched, (n, k)."""
    if BY_PRODUCTS * vectors.shape[2] <= vectors.shape[1]:
        images = driven.jvp(states, t, vectors)
    else:
        images = driven.jacobian(states, t) @ vectors
    if vectors.shape[2] == 1:
        length = np.sqrt(np.square(images).sum(axis=1))
        return images / np.where(length > 0, length, 1)[:, None], length
    if not np.isfinite(images).all():
        return np.full_like(vectors, np.nan), np.full((len(vectors), vectors.shape[2]), np.nan)
    q, r = np.linalg.qr(images)
    return q, np.abs(np.diagonal(r, axis1=1, axis2=2))
