"""Proofs that a traced curve is one curve, and the only one within a tube around it.

Between two of its states the curve is an arc that `nullcline.certify.arcs` proves, and arcs are
joined to one curve as it says. Where an arc is not proved it is halved.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, starmap
from typing import TYPE_CHECKING, Protocol

import numpy as np

from nullcline._native.blas import one_blas_thread
from nullcline._support import validation
from nullcline._support.shown import Shown, Table, first_rows
from nullcline.cells.protocol import Layered
from nullcline.certify.arcs import Arc, ArcProver, are_joined
from nullcline.certify.balls import UNIT
from nullcline.certify.enclosure import enclosure_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell
    from nullcline.certify.balls import Matrix, Vector

CORRECTIONS = 6
"""Newton steps that take a state onto the curve; they end at rounding."""


class TracedCurve(Protocol):
    """What is asked of a curve: states, τ, the direction w, and what was traced."""

    @property
    def h(self) -> Floats:
        """States, shape (m, S)."""

    @property
    def tau(self) -> Vector:
        """τ at each, shape (m,)."""

    @property
    def direction(self) -> Vector:
        """w, shape (H,)."""

    @property
    def cell(self) -> Cell:
        """The cell that was traced."""

    @property
    def inputs(self) -> Floats | None:
        """The constant input, shape (1, D); None for zero."""

    @property
    def is_inside(self) -> NDArray[np.bool_]:
        """Whether each state is in the cell's box, shape (m,)."""


@dataclass(frozen=True, eq=False, repr=False)
class Tube(Shown):
    """What is proved of a curve, arc by arc; distances are in the sup norm over (h, τ).

    Attributes
    ----------
    h, tau
        The ends of m arcs, outputs and τ, shapes (m + 1, H) and (m + 1,): the curve's own states,
        polished, and those where an arc was halved.
    certified
        Whether exactly one curve lies within `radius_unique` of the chord, shape (m,).
    radius_exists
        It lies within this distance of the chord, shape (m,); NaN where nothing is proved.
    radius_unique
        No other zero in a plane across the chord lies within this distance, shape (m,); NaN where
        nothing is proved.
    joined
        Whether an arc's curve is proved to go on as the next one's, shape (m - 1,).
    """

    h: Matrix
    tau: Vector
    certified: NDArray[np.bool_]
    radius_exists: Vector
    radius_unique: Vector
    joined: NDArray[np.bool_]

    @classmethod
    def of_arcs(cls, arcs: Sequence[Arc]) -> Tube:
        """Return the tube of arcs, each of which begins where the one before it ends."""
        ends = np.array([arcs[0].a, *(arc.b for arc in arcs)])
        exists, unique = (
            np.array([getattr(arc, name) for arc in arcs]) for name in ("exists", "unique")
        )
        return cls(
            h=ends[:, :-1],
            tau=ends[:, -1],
            certified=np.isfinite(unique),
            radius_exists=exists,
            radius_unique=unique,
            joined=np.array(list(starmap(are_joined, pairwise(arcs))), bool),
        )

    @property
    def is_whole(self) -> bool:
        """Whether all of it is proved to be one curve, and the only one in the tube."""
        return bool(self.certified.all() and self.joined.all())

    def __len__(self) -> int:
        return len(self.certified)

    def __repr__(self) -> str:
        whole = "one curve" if self.is_whole else f"{int(self.certified.sum())} certified"
        return f"Tube({len(self)} arcs, {whole}; H = {self.h.shape[1]})"

    def _table(self) -> Table:
        names = ("certified", "radius_exists", "radius_unique")
        columns = [getattr(self, name) for name in names]
        rows = [(i, *(column[i] for column in columns)) for i in first_rows(len(self))]
        return Table(("", *names), rows, len(self))


@one_blas_thread()
def certify_curve(curve: TracedCurve, *, max_arcs: int = 1000) -> Tube:
    """Prove that a traced curve is one curve, and the only one nearby.

    Parameters
    ----------
    curve
        A curve of `trace`.
    max_arcs
        How many arcs may be tried, each at the cost of an inverse of H x H; those that are left are
        not proved.

    Returns
    -------
    Tube
        Arc by arc, what is proved.

    Raises
    ------
    TypeError
        If the cell is a stack, or cannot be certified.
    ValueError
        If the curve has fewer than two states, or leaves the cell's box, where it is the curve of
        another map.
    """
    limit = validation.whole_number("max_arcs", max_arcs, 1)
    if isinstance(curve.cell, Layered):
        raise TypeError("the curves of a stack cannot be certified: trace one of its layers")
    if len(curve.h) < 2:
        raise ValueError(f"curve must have at least 2 states to have an arc, not {len(curve.h)}")
    if not curve.is_inside.all():
        raise ValueError("curve must stay in the cell's box: trace it without beyond=True")
    with np.errstate(all="ignore"):  # what overflows proves nothing
        return _Prover(curve, limit).run()


class _Prover:
    def __init__(self, curve: TracedCurve, limit: int) -> None:
        x = None if curve.inputs is None else np.asarray(curve.inputs, np.float64).reshape(-1)
        self._cell = curve.cell
        self._x = x
        self._w = np.asarray(curve.direction, np.float64)
        enclose = enclosure_for(curve.cell)
        self._prover = ArcProver(lambda h: enclose(h, x), self._w)
        outputs = self._cell.outputs_of(np.asarray(curve.h, np.float64))
        self._states = np.column_stack([outputs, curve.tau])
        self._left = limit

    def run(self) -> Tube:
        """Prove all arcs."""
        nodes = [self._corrected(u, self._chord(i)) for i, u in enumerate(self._states)]
        arcs = [arc for a, b in pairwise(nodes) for arc in self._proved(a, b)]
        return Tube.of_arcs(arcs)

    def _chord(self, i: int) -> Vector:
        first = max(i - 1, 0)
        chord: Vector = self._states[min(i + 1, len(self._states) - 1)] - self._states[first]
        return chord

    def _proved(self, a: Vector, b: Vector) -> list[Arc]:
        """Return arcs from a to b, halved until they are proved or the effort is spent."""
        done, todo = [], [(a, b)]
        while todo:
            start, end = todo.pop()
            if self._left <= 0:
                done.append(Arc(start, end))
                continue
            self._left -= 1
            arc = self._prover.prove(start, end)
            middle = self._corrected((start + end) / 2, end - start)
            is_short = np.abs(end - start).max() < 1e-9
            if arc.is_proved or is_short or not np.isfinite(middle).all():
                done.append(arc)
            else:
                todo += [(middle, end), (start, middle)]
        return done

    def _corrected(self, u: Vector, across: Vector) -> Vector:
        """Return the zero of F in the plane through u that is normal to a chord."""
        try:
            inverse = np.linalg.inv(self._derivative(u[None, :-1], across))
        except np.linalg.LinAlgError:
            return u
        moved = u
        for _ in range(CORRECTIONS):
            residual = self._cell.residual(moved[None, :-1], self._x)[0] - moved[-1] * self._w
            step = inverse @ np.append(residual, across @ (moved - u))
            moved = moved - step
            if not np.abs(step).max() > 4 * UNIT:
                break
        return moved

    def _derivative(self, h: Matrix, across: Vector) -> Matrix:
        size = len(self._w)
        derivative = np.empty((size + 1, size + 1))
        derivative[:size, :size] = self._cell.residual_jacobian(h, self._x)[0]
        derivative[:size, size] = -self._w
        derivative[size] = across
        return derivative
