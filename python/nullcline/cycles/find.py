"""The search for cycles: asked for and checked here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support import validation
from nullcline.cycles.closing import CLOSED, ITERATIONS, close
from nullcline.cycles.cycle_set import Cycles
from nullcline.cycles.evaluation import Driven
from nullcline.cycles.kinds import CYCLE, FIXED
from nullcline.cycles.multipliers import Multipliers, multipliers
from nullcline.cycles.phases import Found, begun, least, merged
from nullcline.cycles.recurrence import N_STATES, run, settle, states_within

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from nullcline.cells.protocol import Cell

    Array = NDArray[np.float64]

LONGEST = 64
"""The longest cycle that is looked for where no period is given."""

_MOST = 100_000
_LARGEST_SEED = 2**128 - 1


def find_cycles(
    cell: Cell,
    starts: ArrayLike | None = None,
    period: int | Iterable[int] | None = None,
    inputs: ArrayLike | None = None,
    *,
    n_steps: int = 1000,
    tol_unique: float = 1e-6,
    max_iterations: int = ITERATIONS,
    seed: int | None = 0,
) -> Cycles:
    """Find cycles of a cell: states h_1 ... h_k with F(h_j) = h_(j+1) and F(h_k) = h_1.

    With a period k, Newton's method is started at the k states that each start goes through, and
    takes the whole cycle at once; it finds stable and unstable cycles. Without one, starts are run
    for `n_steps`, and the cycles are those that they have then come back to, of up to 64 states;
    Newton's method makes them exact.

    Parameters
    ----------
    cell
        The cell: any of the package's, a function, or a `Stack` whose layers have one direction.
    starts
        States to start from, shape (n, S). None for the states to which 64 states of the cell's
        box, drawn uniformly, have come after `n_steps`.
    period
        How many states a cycle has, 1 or more; or several such numbers, such as ``range(1, 9)``,
        each of which is sought from every start. A cycle with a shorter period that divides it is
        found too, and told by its least period. None for what simulation comes back to.
    inputs
        The input: None (zero input); constant, of shape (D,), (1, D) or (n, D); or m inputs that
        are read in turn, again and again, of shape (1, m, D) or (n, m, D). Periods are then
        multiples of m, and the first state of a cycle reads the first input. Without starts, one
        for all.
    n_steps
        Steps of the simulation, from 0.
    tol_unique
        How close in every coordinate two cycles must be to be one, begun where they are nearest.
    max_iterations
        The most iterations of Newton's method, per start.
    seed
        Of the states that are drawn where no starts are given.

    Returns
    -------
    Cycles
        One row a distinct cycle, by rising period, and those that most starts ended in first. Which
        starts ended in none is counted, with the reason of each, in `unconverged`.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or value; the message names it and the fix.

    Notes
    -----
    Newton's equations of the whole cycle are solved by structured orthogonal elimination (Wright,
    SIAM J. Sci. Stat. Comput. 13 (1992) 742), which forms no product of Jacobians; steps are
    Powell's dogleg in a trust region. Multipliers come from a product of triangular factors
    (Bojanczyk, Golub and Van Dooren 1992). All is in float64; of a float32 cell too, with its
    weights as they are. A cycle takes O(k S³) operations an iteration, and O(k S²) memory.

    Examples
    --------
    A unit that turns its sign round has a cycle of two states, and an unstable fixed point between.

    >>> cell = nc.RNN([[0.0]], [[-2.0]], [0.0], [0.0])  # doctest: +SKIP
    >>> nc.find_cycles(cell)  # doctest: +SKIP
    Cycles(1 of period 2: 1 stable; S = 1)
    """
    n_steps = validation.whole_number("n_steps", n_steps, 0)
    max_iterations = validation.whole_number("max_iterations", max_iterations, 0)
    tolerance = validation.tolerance("tol_unique", tol_unique)
    states, driven = read_starts(cell, starts, inputs, seed)
    if period is None:
        found, verdicts, lost = _recurring(driven, states, n_steps, tolerance)
    else:
        periods = _read_periods(period, driven.turn)
        if starts is None:
            states = run(driven, states, n_steps + -n_steps % driven.turn)
        found, lost = _sought(driven, states, periods, tolerance, max_iterations)
        verdicts = None
    return as_rows(cell, driven, found, verdicts, lost, tolerance)[0]


def read_starts(
    cell: Cell, starts: ArrayLike | None, inputs: ArrayLike | None, seed: int | None
) -> tuple[Array, Driven]:
    """Return starts, (n, S), drawn if there are none, and the cell with its inputs."""
    if seed is not None:
        seed = validation.whole_number("seed", seed, 0, _LARGEST_SEED)
    if starts is None:
        driven = Driven.of(cell, inputs, 1)
        first = None if driven.inputs is None else driven.inputs[0, 0]
        return states_within(driven.cell, first, N_STATES, seed), driven
    size = getattr(cell, "state_size", 0), getattr(cell, "hidden_size", 0)
    if not all(size):
        Driven.of(cell, None, 1)  # it is no cell, and says so
    states = validation.rows("starts", starts, size[0], cell.dtype, size[1]).astype(np.float64)
    return states, Driven.of(cell, inputs, len(states))


def _read_periods(period: Any, turn: int) -> list[int]:
    if isinstance(period, str | bytes | int | np.integer) or not isinstance(period, Iterable):
        periods = [validation.whole_number("period", period, 1, _MOST)]
    else:
        periods = sorted({validation.whole_number("period", k, 1, _MOST) for k in period})
    if not periods:
        raise ValueError("period must hold at least one number of states")
    fitting = [k for k in periods if k % turn == 0]
    if not fitting:
        raise ValueError(
            f"period must be a multiple of {turn}, after so many steps the inputs begin again, not "
            f"{', '.join(map(str, periods))}"
        )
    return fitting


def _recurring(
    driven: Driven, states: Array, n_steps: int, tolerance: float
) -> tuple[list[Found], list[Multipliers], list[str]]:
    """Return the cycles that orbits come back to, one for each orbit, and why others do not."""
    settled = settle(driven, states, n_steps, LONGEST, tolerance)
    found, verdicts = [], []
    for number in settled.which[settled.which >= 0]:
        found.append(settled.cycles[number])
        verdicts.append(settled.multipliers[number])
    finite = np.isfinite(settled.orbits[:, -1].sum(axis=1))
    lost = [
        f"it came back to no cycle of up to {LONGEST} states within {n_steps} steps"
        if whole
        else "it ran away to infinity"
        for whole in finite[settled.which < 0]
    ]
    return found, verdicts, lost


def _sought(
    driven: Driven, states: Array, periods: list[int], tolerance: float, max_iterations: int
) -> tuple[list[Found], list[str]]:
    """Return the cycles that Newton's method finds from all starts, and why others ended."""
    found: list[Found] = []
    lost: list[str] = []
    for k in periods:
        with np.errstate(all="ignore"):
            orbits = driven.orbit(states, k)
        ends = close(driven, orbits, max_iterations)
        found += least(driven, ends, tolerance)
        lost += ends.reason[ends.reason != CLOSED].tolist()
    return found, lost


def as_rows(
    cell: Cell,
    driven: Driven,
    found: list[Found],
    verdicts: list[Multipliers] | None,
    lost: Sequence[str],
    tolerance: float,
) -> tuple[Cycles, NDArray[np.intp]]:
    """Return distinct cycles as rows, and the row of each that was found.

    Multipliers are computed where they are not given.
    """
    owner = merged(found, driven, tolerance)
    kept, counts = np.unique(owner, return_counts=True)
    rows = []
    for i, count in zip(kept.tolist(), counts.tolist(), strict=True):
        states = begun(found[i].states, driven.turn)
        rows.append((len(states), -count, tuple(states[0]), i, states))
    rows.sort(key=lambda row: row[:4])
    size = cell.state_size
    cycles = [states for *_, states in rows]
    numbers = [row[3] for row in rows]
    own = [
        multipliers(driven.take(np.array([found[i].orbit])), found[i].states, found[i].correction)
        if verdicts is None
        else verdicts[i]
        for i in numbers
    ]
    inputs = driven.inputs
    if inputs is not None:
        orbits = np.array([found[i].orbit if len(inputs) > 1 else 0 for i in numbers], np.intp)
        inputs = inputs[orbits]
    period = np.array([len(states) for states in cycles], np.int64)
    row_of = np.empty(len(found), np.intp)
    row_of[numbers] = np.arange(len(numbers))
    cycles_found = Cycles(
        h=np.concatenate([np.empty((0, size)), *cycles]),
        period=period,
        kind=np.where(period == 1, FIXED, CYCLE),
        multipliers=np.array([m.values for m in own], np.complex128).reshape(len(own), size),
        multiplier_errors=np.array([m.errors for m in own], np.float64).reshape(len(own), size),
        stability=np.array([m.stability for m in own], "U9"),
        determinant_signs=np.array([m.signs for m in own], np.int8).reshape(len(own), 2),
        residual=np.array([found[i].residual for i in numbers], np.float64),
        count=np.array([-row[1] for row in rows], np.int64),
        inputs=inputs,
        unconverged=np.array(lost, np.str_) if lost else np.zeros(0, "U1"),
        tol_unique=tolerance,
        cell=cell,
    )
    return cycles_found, row_of[owner]
