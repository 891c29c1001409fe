"""The search for all fixed points: round after round of effort, until the degree is satisfied.

1. Search from starts, those given or drawn from all of the cell's box.
2. Draw a direction w, and follow the curves n(h) - h = τ w through all points, beyond the box, and
   take in what they meet. The whole set of that equation is one curve from τ = -∞ to ∞, whose fixed
   points have index sum 1, and closed ones, of sum 0: each brings the points that balance those
   through which it was followed.
3. If the indices sum to 1 and the round brought nothing new, the set is settled: stop.
4. Otherwise search from fresh starts, from some with all known points divided out, and by
   homotopies, whose ends depend on their starts alone and not on basins; then begin again at 2,
   with another direction.

`layer_by_layer` does so for each layer of a stack.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support import validation
from nullcline.cells.cell_record import can_be_packed, same_cell
from nullcline.cells.compiled import thread_count
from nullcline.cells.protocol import Layered, require_cell
from nullcline.completeness.found import DEFLATION, FIBER, HOMOTOPY, START, AllFixedPoints
from nullcline.completeness.known_points import KnownPoints
from nullcline.completeness.layer_by_layer import LayerByLayer
from nullcline.completeness.ways import Ways
from nullcline.distribution import held, require_executor
from nullcline.linearization.joining import concatenate
from nullcline.search.conditions import read_conditions
from nullcline.search.degree import Completeness, Verdict
from nullcline.search.progress import reporter

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell
    from nullcline.distribution.executors import GivenExecutor
    from nullcline.search.progress import Report

N_STARTS = 200
"""Starts that are drawn where none are given, and again in every round. Flat: of 12 networks of 16
units with gains of 2 to 4, 50 to 400 lead to the same 62 points, in 15 rounds to 12; with 50 fibers
bring 15 of them, with 200 five, with 400 none (`benchmarks.constants`)."""

N_STATES = 10_000
"""When the curves of a round have as many states, other points wait for the next one: some ten
seconds of 30 units. Of such a tanh network at gain 4 three curves of 2,100 met all 25 points."""

BATCH = 4
"""Points that are handed over at once: those that lie on their curves need none of their own."""

MOST_SINGULAR = 4
"""Points without an index whose curves are followed: on a line of fixed points all are such. On the
rings of `benchmarks.constants`, whose points have one but for few, 1 to 8 find the same."""

N_DEFLATED = 32
"""Starts of a round with all known points divided out. On the networks of `benchmarks.constants`
none, 16 or 32 of them change no count: fibers had met those points."""

MOST_DEFLATED = 256
"""The most points that are divided out: each costs every step a product, and more leave hardly a
slope to follow."""

N_HOMOTOPIES = 16
"""Homotopies of a round, each of some hundred factorizations: the last resort. On the networks of
`benchmarks.constants`, as few as none and as many as 32 change no count; they are for networks in
which most starts end at no zero."""


def find_all_fixed_points(
    cell: Cell,
    inputs: ArrayLike | Mapping[Any, ArrayLike] | None = None,
    *,
    starts: ArrayLike | None = None,
    effort: int = 6,
    file: str | os.PathLike[str] | None = None,
    tol_unique: float = 1e-3,
    n_threads: int | None = None,
    executor: GivenExecutor | None = None,
    progress: bool | Report = False,
    seed: int = 0,
) -> AllFixedPoints:
    """Search for all fixed points of a cell, until the sum of their indices is 1 and stays so.

    Over all fixed points of a bounded cell sign det(I - Dn) sums to 1: `FixedPoints.completeness`.
    So the search goes on, by directional fibers through every point, by deflation, by homotopies
    and from fresh starts, while the sum is another, and for one more round after it is 1. A sum of
    1 is necessary, not sufficient: a missing pair of indices +1 and -1 cancels. Of a cell whose
    outputs are not bounded, nothing is known of the sum; the search then ends with a round that
    finds nothing new. Points that lie by a fold, or on a line of fixed points, have no index, and
    leave the sum open.

    Parameters
    ----------
    cell
        The cell. A `Stack` is searched layer by layer: each layer at every fixed point of those
        below it, where its own indices sum to 1. A cell with kinks is searched without fibers.
    inputs
        The constant input: None (zero input), or shape (D,); or labelled conditions, as in
        `find_fixed_points`, each of which is searched by itself.
    starts
        States to start from, shape (n, S), e.g. states that the network visits; None to draw them
        from all of the cell's box, which is where all fixed points are.
    effort
        The most rounds to spend on each input, 0 or more; none is a search from the starts alone.
        A round follows curves of some 10,000 states, so that a network with astronomically many
        points ends, too, with the verdict so far.
    file
        A file to write what is known to after every round. If it is there, its points are where
        the search goes on, with `effort` more rounds: so it goes on where it was interrupted.
    tol_unique
        How close in every coordinate two ends must be to count as one point; at least half the
        digits of the cell's numbers, 1.5e-8 in float64 and 3.5e-4 in float32.
    n_threads
        The most threads to use; None for one per processor that this process may use. With an
        executor they are those of each worker, 1 by default.
    executor
        Who searches and follows curves, as in `find_fixed_points`.
    progress
        True for a bar on stderr, or a function that is called with the number of rounds that are
        done and of all there may be; what it raises ends the search.
    seed
        Of the states that are drawn.

    Returns
    -------
    AllFixedPoints
        The distinct points, how each was found, and what the degree says of them.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or value, or `file` holds points of another cell.
    KeyboardInterrupt
        After Ctrl-C; `file` then holds what was known after the last round.
    """
    require_cell(cell)
    effort = validation.whole_number("effort", effort, 0)
    seed = validation.whole_number("seed", seed, 0, 2**64 - 1)
    tol_unique = _read_tolerance(tol_unique, cell)
    thread_count(n_threads)
    require_executor(executor)
    given = _read_starts(cell, starts)
    labels, each = _read_inputs(cell, inputs)
    before = None if file is None else _in_file(file, cell, each)
    results: list[AllFixedPoints] = []

    def of_cell(
        cell: Cell, x: Floats | None, starts: Floats | None, known: AllFixedPoints | None
    ) -> _Work:
        return _Work(Ways(cell, x, tol_unique, n_threads, workers), starts, seed, None, known)

    with (
        held(executor) as workers,
        reporter(progress, effort * len(each), what="rounds", unit="round") as report,
    ):
        for i, x in enumerate(each):
            label = None if labels is None else labels[i : i + 1]
            known = _known_at(before, x)
            work: _Work | LayerByLayer
            if isinstance(cell, Layered):
                work = LayerByLayer(cell, x, given, tol_unique, label, known, of_cell)
            else:
                ways = Ways(cell, x, tol_unique, n_threads, workers)
                work = _Work(ways, given, seed, label, known)
            done = 0
            while done < effort:
                if work.is_over:
                    done = effort
                else:
                    work.spend_a_round()
                    done += 1
                    if file is not None:
                        _joined([*results, work.result()]).save(file)
                if report is not None:
                    report(i * effort + done, effort * len(each))
            results.append(work.result())
    found = _joined(results)
    if file is not None:
        found.save(file)
    return found


class _Work:
    """What is done on one input, and what is known there."""

    def __init__(
        self,
        ways: Ways,
        starts: Floats | None,
        seed: int,
        label: NDArray[Any] | None,
        before: AllFixedPoints | None,
    ) -> None:
        self._ways, self._label = ways, label
        self.rounds = 0 if before is None else int(before.rounds[0])
        self._rng = np.random.default_rng([seed, self.rounds])
        self._n_starts = N_STARTS if starts is None else len(starts)
        self.settled = before is not None and bool(before.settled[0])
        self.is_over = self.settled
        if before is not None:
            self.known = KnownPoints(before.points, before.how, before.directions)
            return
        drawn = starts if starts is not None else ways.drawn(self._n_starts, self._rng)
        self.known = KnownPoints.begun(ways.from_starts(drawn), START)

    def spend_a_round(self) -> None:
        """Follow fibers; unless the sum then is 1 and nothing is new, use all other ways, too."""
        self.rounds += 1
        had = len(self.known)
        self._follow_fibers()
        verdict = self._verdict()
        if verdict is Verdict.CONSISTENT and len(self.known) == had and self._all_were_followed():
            self.settled = self.is_over = True
            return
        self._search_afresh()
        if len(self.known) > had:
            # A line of fixed points has ever more of them.
            news = self.known.points.index[had:]
            self.is_over = verdict is Verdict.UNDETERMINED and not news.any()
        elif self._verdict() is not Verdict.INCOMPLETE:
            self.settled = self._verdict() is Verdict.CONSISTENT
            self.is_over = True

    def result(self) -> AllFixedPoints:
        """Return what is known."""
        known = self.known
        return AllFixedPoints(
            points=known.labelled(self._label),
            how=known.how,
            directions=known.directions,
            completeness=known.judged(self._label),
            rounds=np.array([self.rounds], np.int64),
            settled=np.array([self.settled]),
        )

    def _verdict(self) -> Verdict:
        return self.known.judged().verdict[0]

    def _all_were_followed(self) -> bool:
        return not self._ways.has_fibers or bool((self.known.directions > 0).all())

    def _follow_fibers(self) -> None:
        """Follow all curves of one direction, drawn at random, that known points lie on."""
        if not self._ways.has_fibers:
            return
        known = self.known
        direction = self._rng.normal(size=self._ways.hidden_size)
        followed = np.zeros(len(known), np.bool_)
        left = N_STATES
        while left > 0:
            rows = self._to_follow(followed)[:BATCH]
            if len(rows) == 0:
                break
            traced = self._ways.on_fibers(known.points.select(rows), direction)
            followed[rows] = True
            if traced is None:
                continue
            left -= sum(map(len, traced.curves))
            met = traced.points
            known.add(met, FIBER)
            followed = known.among(met) | np.pad(followed, (0, len(known) - len(followed)))
        known.directions += followed

    def _to_follow(self, followed: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Return the points that lie on no curve yet; of those by a fold or on a line but a few."""
        waits = ~followed
        singular = self.known.points.index == 0
        waits &= ~singular | (np.cumsum(singular) <= MOST_SINGULAR)
        return np.flatnonzero(waits)

    def _search_afresh(self) -> None:
        """Search from other starts, and with the known points divided out, and by homotopies."""
        ways, known = self._ways, self.known
        drawn = ways.drawn(self._n_starts, self._rng)
        known.add(ways.from_starts(drawn), START)
        if 0 < len(known) <= MOST_DEFLATED:
            known.add(ways.by_deflation(drawn[:N_DEFLATED], known.points), DEFLATION)
        if ways.is_bounded:
            known.add(ways.by_homotopy(ways.drawn(N_HOMOTOPIES, self._rng)), HOMOTOPY)


def _read_tolerance(tol_unique: float, cell: Cell) -> float:
    """Check a distance: were ends that rounding parts points, there would be no end of them."""
    found, least = validation.tolerance("tol_unique", tol_unique), np.finfo(cell.dtype).eps ** 0.5
    if found < least:
        raise ValueError(
            f"tol_unique must be at least {least:.2g} for a cell of {cell.dtype}, not {found:g}: "
            "ends that are closer may differ by rounding alone"
        )
    return found


def _read_inputs(
    cell: Cell, inputs: ArrayLike | Mapping[Any, ArrayLike] | None
) -> tuple[NDArray[Any] | None, list[Floats | None]]:
    """Return the labels of conditions, if there are any, and each input as None or (1, D)."""
    if isinstance(inputs, Mapping):
        labels, each = read_conditions(cell, inputs)
        return labels, [x[None] for x in each]
    return None, [validation.inputs("inputs", inputs, (1, cell.input_size), cell.dtype)]


def _read_starts(cell: Cell, starts: ArrayLike | None) -> Floats | None:
    if starts is None:
        return None
    states = validation.rows("starts", starts, cell.state_size, cell.dtype, cell.hidden_size)
    if len(states) == 0:
        raise ValueError("starts must hold a state, or be None, so that they are drawn")
    return states


def _in_file(
    file: str | os.PathLike[str], cell: Cell, each: list[Floats | None]
) -> AllFixedPoints | None:
    """Return what a file holds of a cell at some of these inputs; None if it is not there."""
    if not Path(file).exists():
        return None
    before = AllFixedPoints.load(file, None if can_be_packed(cell) else cell)
    own = before.points.cell
    if own is None or not same_cell(own, cell):
        raise ValueError(f"file must hold points of this cell, or not be there yet: {file}")
    known = before.completeness.inputs
    zero = np.zeros((1, cell.input_size), cell.dtype)
    asked = np.concatenate([zero if x is None else x for x in each])
    held = zero if known is None else known
    if not all((asked == x).all(axis=1).any() for x in held):
        raise ValueError(f"file must hold points at these inputs, and has others: {file}")
    return replace(before, points=replace(before.points, cell=cell))


def _known_at(before: AllFixedPoints | None, x: Floats | None) -> AllFixedPoints | None:
    """Return what is known at one input; None if nothing is."""
    if before is None or before.completeness.inputs is None:
        return before
    of_input = (before.completeness.inputs == x).all(axis=1)
    if not of_input.any():
        return None
    i = int(np.argmax(of_input))
    inputs = before.points.inputs
    rows = np.zeros(0, np.intp) if inputs is None else np.flatnonzero((inputs == x).all(axis=1))
    points = replace(before.points.select(rows), condition=None)
    return AllFixedPoints(
        points=points,
        how=before.how[rows],
        directions=before.directions[rows],
        completeness=points.completeness(),
        rounds=before.rounds[i : i + 1],
        settled=before.settled[i : i + 1],
    )


def _joined(results: Sequence[AllFixedPoints]) -> AllFixedPoints:
    """Return what was found at all inputs."""
    if len(results) == 1:
        return results[0]
    return AllFixedPoints(
        points=concatenate([result.points for result in results]),
        how=np.concatenate([result.how for result in results]),
        directions=np.concatenate([result.directions for result in results]),
        completeness=Completeness.joined(
            [result.completeness for result in results], [len(result) for result in results]
        ),
        rounds=np.concatenate([result.rounds for result in results]),
        settled=np.concatenate([result.settled for result in results]),
    )
