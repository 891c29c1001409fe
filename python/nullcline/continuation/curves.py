"""Curves that were traced, and the points that were met on them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from nullcline._support.deprecation import deprecated_attribute
from nullcline._support.shown import Shown, Table, first_rows
from nullcline.certify.index import index_states
from nullcline.certify.tubes import Tube, certify_curve
from nullcline.continuation.curve_problem import LARGEST_WRITTEN_OUT, CurveStop, solve
from nullcline.continuation.fiber_problem import fiber_beyond, fiber_in_box
from nullcline.continuation.orientation import fault_of
from nullcline.continuation.pseudo_arclength import Branch
from nullcline.continuation.zeros_on_curve import Zeros, zeros_on
from nullcline.linearization.linear_map import spectral_radius

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell
    from nullcline.continuation.curve_problem import Matrix, Vector
    from nullcline.search.fixed_points import FixedPoints


AT_ZERO = 1e-10
"""A τ where a curve begins that is a fixed point's."""

SLACK = 1e-8
"""How far outside of the box a saturated unit's rounding may put a fixed point."""

POLISHES = 3
"""Newton's steps to the last digits of a fixed point on a curve. Without one 21 of the 39 that
`benchmarks.constants` meets are off by more than 1e-13; one is enough for all, and two to spare."""

FINE = 1e-4
"""How long they may be: a longer one leads elsewhere."""


@dataclass(frozen=True, eq=False)
class Curve(Shown):
    """A curve of states whose outputs h have G(h) = τ w, w a fixed unit vector, in order along it.

    Outside of the cell's box, where a curve of `trace(..., beyond=True)` goes, G is that of the
    map n(ψ(h)), which keeps what the cell reads near the box.

    Attributes
    ----------
    h
        States, shape (m, S).
    tau, tau_slope
        τ and dτ / d arclength, shape (m,): τ is zero at fixed points, |τ| has a minimum by a ghost.
    q
        Speeds, shape (m,); NaN outside of the box.
    arclength
        Along (h, τ), shape (m,); 0 at the point that the curve was traced from.
    tangents
        d outputs / d arclength, shape (m, H).
    direction
        w, shape (H,).
    branch_h
        Where another curve of the same equation crosses this one, to rounding, shape (b, S), as in
        networks with a symmetry. The curve is followed straight on.
    branch_arclength
        Their place along the curve, shape (b,).
    ends
        Why the curve ends, on the side where it begins and on the other: one of the sentences of
        `CurveStop`.
    cell
        The cell that was traced.
    inputs
        The constant input that the curve was traced with, shape (1, D); None for zero.
    is_inside
        Whether each state is in the cell's box, shape (m,).
    tube
        What is proved of each step from one state to the next, of a curve of `trace(...,
        certified=True)`; else None.
    """

    h: Matrix
    tau: Vector
    tau_slope: Vector
    q: Floats
    arclength: Vector
    tangents: Matrix
    direction: Vector
    branch_h: Matrix
    branch_arclength: Vector
    ends: tuple[str, str]
    cell: Cell
    inputs: Floats | None
    is_inside: NDArray[np.bool_]
    tube: Tube | None = None

    slowest = deprecated_attribute("spectral_radius", goes="0.3.0")

    def __len__(self) -> int:
        return len(self.h)

    def __repr__(self) -> str:
        length = self.arclength[-1] - self.arclength[0]
        fault = vars(self).get("fault")  # it is told if it is known, and not looked for here
        told = "" if fault is None else f"; fault: {fault}"
        if self.tube is not None and self.tube.is_whole:
            told = "; proved"
        return f"Curve({len(self)} states, {length:.3g} long; S = {self.h.shape[1]}{told})"

    @cached_property
    def spectral_radius(self) -> Vector:
        """The largest |λ| of J_rec at each state, shape (m,), computed when first asked for.

        NaN outside of the box.
        """
        radii = np.full(len(self), np.nan)
        inside = [spectral_radius(self.cell, h, self.inputs) for h in self.h[self.is_inside]]
        radii[self.is_inside] = inside
        return radii

    @property
    def fixed_h(self) -> Matrix:
        """The fixed points on the curve, in order along it, each once, shape (k, S)."""
        states = self.cell.state_of(self._zeros.points[:, :-1], self.inputs)
        return states.astype(np.float64, copy=False)

    @property
    def fixed_arclength(self) -> Vector:
        """Their places along the curve, shape (k,)."""
        return self._zeros.arclength

    @cached_property
    def indices(self) -> NDArray[np.int8]:
        """Their indices sign det(I - Dn), shape (k,): +1 or -1, or 0 where it is not determined.

        Along a curve they alternate, but for branch points on the way. They are not determined for
        more than 4096 units, whose Jacobians are not written out.
        """
        states = self.fixed_h
        if self.cell.hidden_size > LARGEST_WRITTEN_OUT:
            return np.zeros(len(states), np.int8)
        return index_states(self.cell, states, self._repeated_inputs(len(states)))

    @property
    def index_sum(self) -> int:
        """The sum of `indices`: 1 of a curve from infinity to infinity, 0 of a closed one."""
        return int(self.indices.sum())

    @property
    def is_whole(self) -> bool:
        """Whether nothing of the curve is left out: it is closed, or goes to infinity both ways."""
        whole = {CurveStop.CLOSED.value, CurveStop.AWAY.value}
        return set(self.ends) <= whole

    @cached_property
    def fault(self) -> str | None:
        """What shows that a step has jumped to another curve; None where nothing does.

        Indices that do not alternate, that sum to another number than 1 or 0 on a whole curve, or a
        fixed point that is passed twice.
        """
        stops = CurveStop(self.ends[0]), CurveStop(self.ends[1])
        outputs = self._zeros.points[:, :-1]
        return fault_of(stops, self.tau, outputs, self.indices, len(self.branch_h) > 0)

    def certify(self, *, max_arcs: int = 1000) -> Tube:
        """Prove that this is one curve, and the only one nearby, so that no step has jumped.

        Where an arc between two states is not proved, its middle is put onto the curve and both
        halves are tried, until they are proved or `max_arcs` are spent: what remains are steps that
        may have jumped, or branch points. See `certify_curve`.

        Parameters
        ----------
        max_arcs
            How many arcs may be tried, each at the cost of an inverse of H x H.

        Raises
        ------
        TypeError
            If the cell is a stack, or cannot be certified.
        ValueError
            If the curve has fewer than two states, or leaves the box of the cell.
        """
        return certify_curve(self, max_arcs=max_arcs)

    @cached_property
    def _zeros(self) -> Zeros:
        """The points (h, τ) with τ = 0, polished."""
        make = fiber_in_box if self.is_inside.all() else fiber_beyond
        problem = make(self.cell, self.inputs, self.direction)
        outputs = self.cell.outputs_of(self.h)
        branch = Branch(
            np.column_stack([outputs, self.tau]),
            np.column_stack([self.tangents, self.tau_slope]),
            self.arclength,
            np.zeros((0, outputs.shape[1] + 1)),
            np.zeros(0),
            CurveStop(self.ends[1]),
        )
        begin = self.tau[self.arclength == 0]  # nothing of a part of a curve
        found = zeros_on(problem, branch, len(begin) > 0 and abs(float(begin[0])) <= AT_ZERO)
        # Outside of the box there is none, unless a function leaves its bounds near their faces.
        is_inside = self.cell.box_at(self.inputs).room(found.points[:, :-1]) >= -SLACK
        kept = is_inside.all(axis=1)
        points = np.array([self._polished(point) for point in found.points[kept]])
        return Zeros(points.reshape(-1, found.points.shape[1]), found.arclength[kept])

    def _polished(self, point: Vector) -> Vector:
        """Return a zero to rounding, if Newton's method has only a little to do."""
        h = point[:-1]
        if len(h) > LARGEST_WRITTEN_OUT:
            return point
        for _ in range(POLISHES):
            residual = self.cell.residual(h[None], self.inputs)[0]
            change = solve(self.cell.residual_jacobian(h[None], self.inputs)[0], residual)
            if change is None or not np.abs(change).max() <= FINE:
                break
            h = h - change
        return np.append(h, 0.0)

    def _repeated_inputs(self, n: int) -> Floats | None:
        return None if self.inputs is None else np.repeat(self.inputs, n, axis=0)


@dataclass(frozen=True, eq=False)
class Trace(Shown):
    """What `trace` found: the curves, and the distinct points on them.

    Attributes
    ----------
    curves
        One per point and direction that was asked for.
    points
        The fixed points that the curves cross and the ghosts that they pass: polished, labelled and
        merged as in a search; `count` says how often each was met.
    faults
        Of curves beyond the box: a sentence for each that has jumped, with its number; see
        `Curve.fault`. None is expected.
    """

    curves: tuple[Curve, ...]
    points: FixedPoints
    faults: tuple[str, ...] = ()

    def __repr__(self) -> str:
        n_states = sum(map(len, self.curves))
        size = self.points.h.shape[1]
        told = f"; {len(self.faults)} curves at fault" if self.faults else ""
        return (
            f"Trace({len(self.curves)} curves of {n_states} states, {len(self.points)} points; "
            f"S = {size}{told})"
        )

    def _table(self) -> Table:
        n = len(self.curves)
        rows = [(f"curve {i}", repr(self.curves[i])) for i in first_rows(n)]
        return Table(("", ""), [("points", repr(self.points)), *rows], n + 1)
