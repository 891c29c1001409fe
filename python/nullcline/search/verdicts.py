"""Judging fixed points by the degree: those of a cell input by input, of a stack layer by layer.

The joint Jacobian of a stack is block triangular. What a layer does at rest depends on those below
it alone: at each fixed point of theirs, the indices of all fixed points of its own sum to 1. That
says more than the joint sum, in which what is missing may cancel.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from nullcline.cells.protocol import Layered
from nullcline.cells.stack import directions
from nullcline.certify.hypotheses import why_no_degree
from nullcline.certify.index import locate_states
from nullcline.search.degree import Completeness, Verdict, judge
from nullcline.search.distinct import distinct_rows
from nullcline.search.kinds import FIXED
from nullcline.search.merging import _Ends, alike, from_best_to_worst

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell
    from nullcline.certify.index import Located

    Rows = NDArray[np.intp]


class _Points(_Ends, Protocol):
    """The columns of `FixedPoints` that are judged."""

    @property
    def tol_unique(self) -> float: ...
    def __len__(self) -> int: ...


class _Groups(NamedTuple):
    """States of one cell that are judged group by group.

    Attributes
    ----------
    h
        The states, shape (n, S).
    rows
        Those of the fixed points in each group, the best first.
    inputs
        The input of each group, None or (D,).
    tol_unique
        As that of points.
    """

    h: Floats
    rows: list[Rows]
    inputs: list[Floats | None]
    tol_unique: float

    def judged(
        self, cell: Cell, locate: Callable[[Rows], Located]
    ) -> tuple[Completeness, list[Rows]]:
        """Return the verdict on each group, and the distinct rows in it."""
        outputs = cell.outputs_of(self.h)
        distinct, index = distinct_rows(self.h, outputs, self.rows, self.tol_unique, locate)
        why = [why_no_degree(cell, x) for x in self.inputs]
        judged = [judge(index[rows], reason) for rows, reason in zip(distinct, why, strict=True)]
        said = Completeness(
            verdict=tuple(verdict for verdict, _ in judged),
            n_points=np.array([len(rows) for rows in distinct], np.int64),
            index_sum=np.array([index[rows].sum() for rows in distinct], np.int64),
            missing=np.array([missing for _, missing in judged], np.int64),
            undetermined=tuple(np.sort(rows[index[rows] == 0]) for rows in distinct),
            why=tuple(reason or "" for reason in why),
        )
        return said, distinct


def judge_points(points: _Points, cell: Cell, locate: Callable[[Rows], Located]) -> Completeness:
    """Judge points on the host, input by input; `locate` returns the indices of rows."""
    best_first = np.empty(len(points), np.intp)
    best_first[from_best_to_worst(points)] = np.arange(len(points))
    groups = sorted(alike(points), key=lambda group: int(group[0]))
    if not groups and points.inputs is None:
        groups = [np.zeros(0, np.intp)]
    fixed = [group[points.kind[group] == FIXED] for group in groups]
    fixed = [rows[np.argsort(best_first[rows])] for rows in fixed]
    at = np.array([group[0] for group in groups if len(group)], np.intp)
    inputs = None if points.inputs is None else points.inputs[at]
    each = [None] * len(groups) if inputs is None else list(inputs)
    asked = _Groups(points.h, fixed, each, points.tol_unique)
    labels = None if points.condition is None else points.condition[at]
    joint = replace(asked.judged(cell, locate)[0], condition=labels, inputs=inputs)
    return _by_layers(cell, points, asked, joint) if isinstance(cell, Layered) else joint


class _Below(NamedTuple):
    """Rows at one fixed point of the layers below: the number of their input, and their name."""

    entry: int
    rows: Rows
    name: str


def _by_layers(stack: Any, points: _Points, asked: _Groups, joint: Completeness) -> Completeness:
    """Return the joint verdicts, sharpened by those of each layer at each point of those below."""
    states, read = stack.split(points.h), stack.layer_inputs(points.h, points.inputs)
    labels = [""] * len(joint) if joint.condition is None else [f"{of}: " for of in joint.condition]
    below = [_Below(i, rows, "") for i, rows in enumerate(asked.rows)]
    layers: list[Completeness] = []
    incomplete: dict[int, str] = {}
    for layer in stack.layers:
        apart = []
        for cell in directions(layer):
            i = len(layers)
            x = read[i]
            inputs = [
                asked.inputs[of.entry] if x is None or len(of.rows) == 0 else x[of.rows[0]]
                for of in below
            ]
            groups = _Groups(states[i], [of.rows for of in below], inputs, asked.tol_unique)
            said, distinct = groups.judged(cell, partial(_located, cell, states[i], x))
            names = [f"{labels[of.entry]}{stack.names[i]}{of.name}" for of in below]
            said = replace(said, condition=np.array(names, np.str_))
            layers.append(said)
            apart.append(
                [_nearest(states[i], *pair) for pair in zip(groups.rows, distinct, strict=True)]
            )
            for n, of in enumerate(below):
                if said.verdict[n] is Verdict.INCOMPLETE:
                    incomplete.setdefault(of.entry, said.sentence(n))
        below = _split(below, apart, " and ".join(stack.names[i - len(apart) + 1 : i + 1]))
    return _sharpened(replace(joint, layers=tuple(layers)), incomplete)


def _located(cell: Cell, states: Floats, x: Floats | None, rows: Rows) -> Located:
    return locate_states(cell, states[rows], None if x is None else x[rows])


def _nearest(states: Floats, rows: Rows, distinct: Rows) -> NDArray[np.intp]:
    """Return for each row the number of the distinct one that it is nearest to."""
    away = [np.abs(states[rows] - states[i]).max(axis=1) for i in distinct]
    return np.argmin(away, axis=0) if len(distinct) else np.zeros(0, np.intp)


def _split(below: list[_Below], apart: list[list[NDArray[np.intp]]], layer: str) -> list[_Below]:
    """Return rows apart by the points, of all cells of a layer, that they are at."""
    found = []
    for of, *numbers in zip(below, *apart, strict=True):
        where = np.stack(numbers, axis=1)
        for number, point in enumerate(np.unique(where, axis=0), start=1):
            rows = of.rows[(where == point).all(axis=1)]
            found.append(_Below(of.entry, rows, f" at point {number} of {layer}{of.name}"))
    return found


def _sharpened(joint: Completeness, incomplete: dict[int, str]) -> Completeness:
    """Return joint verdicts, incomplete too where a layer is at some point of those below."""
    verdict, why = list(joint.verdict), list(joint.why)
    for entry, sentence in incomplete.items():
        if verdict[entry] in {Verdict.CONSISTENT, Verdict.UNDETERMINED}:
            verdict[entry], why[entry] = Verdict.INCOMPLETE, sentence
    return replace(joint, verdict=tuple(verdict), why=tuple(why))
