"""Whether fixed points and cycles can be all: the degree of I - F^k is 1 for every k.

A cell whose step F takes a box into itself has F^k do so, too, and so, by the homotopy in
`nullcline.certify.hypotheses`, the indices of all fixed points of F^k sum to 1. Those are the fixed
points of F, and all states of all cycles whose period divides k: a cycle of p states with the
multipliers μ counts p times, with the sign of Π (1 - μ^(k / p)), and p / m times where m inputs are
read in turn: those of its states are meant that read the first. An LSTM's whole step is meant, of
[h, c]: with |h| < 1 its forget gates stay below some f < 1, and so |c| <= 1 / (1 - f) is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nullcline.certify.hypotheses import why_no_degree
from nullcline.cycles.evaluation import Driven
from nullcline.cycles.multipliers import multipliers
from nullcline.search.degree import Completeness, judge
from nullcline.search.kinds import FIXED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nullcline.cells.protocol import Cell
    from nullcline.search.degree import Verdict
    from nullcline.search.fixed_points import FixedPoints

    Array = NDArray[np.float64]


class Counted(NamedTuple):
    """A cycle as it counts: its states (k, S), inputs (m, D), signs of determinants, and row."""

    states: Array
    inputs: Array | None
    signs: NDArray[np.int8]
    row: int


def sign_of_power(signs: NDArray[np.int8], turns: int) -> int:
    """Return the sign of Π (1 - μ^turns) over the multipliers; 0 where it is open.

    `signs` are those of Π (1 - μ) and Π (1 + μ). For a real μ, 1 - μ^t is 1 - μ times a positive
    number if t is odd, and (1 - μ) (1 + μ) times one if it is even.
    """
    return int(signs[0] if turns % 2 else signs[0] * signs[1])


def completeness(
    cell: Cell,
    rows: Sequence[Counted],
    points: FixedPoints | None,
    powers: Sequence[int],
    tol: float,
) -> Completeness:
    """Judge fixed points and cycles together, for every input and every power of F."""
    groups: dict[bytes, list[Counted]] = {}
    for cycle in [*rows, *_fixed(cell, rows, points, tol)]:
        groups.setdefault(_key(cycle.inputs), []).append(cycle)
    judged = [_judged(cell, group, power) for group in groups.values() or [[]] for power in powers]
    each = [group[0].inputs for group in groups.values()]
    constant = [of for of in each if of is not None and len(of) == 1]
    shown = len(constant) == len(each) > 0
    return Completeness(
        verdict=tuple(of.verdict for of in judged),
        n_points=np.array([of.n_points for of in judged], np.int64),
        index_sum=np.array([of.index_sum for of in judged], np.int64),
        missing=np.array([of.missing for of in judged], np.int64),
        undetermined=tuple(of.undetermined for of in judged),
        why=tuple(of.why for of in judged),
        condition=np.array([of.label for of in judged]),
        inputs=np.repeat(np.concatenate(constant), len(powers), axis=0) if shown else None,
        entries="powers of F" if len(each) <= 1 else "powers of F and inputs",
    )


class _Judged(NamedTuple):
    """An entry of each column of `Completeness`, at one input, of one power."""

    verdict: Verdict
    n_points: int
    index_sum: int
    missing: int
    undetermined: NDArray[np.intp]
    why: str
    label: str


def _judged(cell: Cell, group: Sequence[Counted], power: int) -> _Judged:
    """Judge what was found at one input by the fixed points of one power of F."""
    own = [of for of in group if power % len(of.states) == 0]
    signs = [sign_of_power(of.signs, power // len(of.states)) for of in own]
    states = [len(of.states) // (1 if of.inputs is None else len(of.inputs)) for of in own]
    index = np.repeat(np.array(signs, np.int8), states)
    reason = _why(cell, group[0].inputs if group else None)
    verdict, missing = judge(index, reason)
    open_ = [of.row for of, sign in zip(own, signs, strict=True) if sign == 0]
    label = "F" if power == 1 else f"F^{power}"
    return _Judged(
        verdict=verdict,
        n_points=len(index),
        index_sum=int(index.sum()),
        missing=missing,
        undetermined=np.array(open_, np.intp),
        why=reason or "",
        label=label,
    )


def _fixed(
    cell: Cell, rows: Sequence[Counted], points: FixedPoints | None, tol: float
) -> list[Counted]:
    """Return the fixed points of a search that are not among the rows."""
    if points is None:
        return []
    distinct = points.select(FIXED).unique()
    near = max(tol, points.tol_unique)
    own: list[Counted] = []
    for i in range(len(distinct)):
        state = distinct.h[i : i + 1].astype(np.float64)
        read = None if distinct.inputs is None else distinct.inputs[i : i + 1].astype(np.float64)
        if any(
            len(of.states) == 1
            and _key(of.inputs) == _key(read)
            and np.abs(of.states - state).max() <= near
            for of in rows
        ):
            continue
        driven = Driven.of(cell, None if read is None else read.astype(cell.dtype), 1)
        with np.errstate(all="ignore"):
            step = driven.step(state, 0)[0] - state[0]
            jacobian = driven.jacobian(state, 0)[0]
        found = np.linalg.lstsq(np.eye(len(step)) - jacobian, step, rcond=None)[0]
        verdict = multipliers(driven, state, float(np.abs(found).max()))
        own.append(Counted(state, read, verdict.signs, -1))
    return own


def _key(inputs: Array | None) -> bytes:
    return b"" if inputs is None or not inputs.any() else (inputs + 0.0).tobytes()


def _why(cell: Cell, inputs: Array | None) -> str | None:
    each = [None] if inputs is None else [x.astype(cell.dtype) for x in inputs]
    reasons = (why_no_degree(cell, x) for x in each)
    return next((reason for reason in reasons if reason is not None), None)
