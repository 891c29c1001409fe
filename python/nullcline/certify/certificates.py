"""Proofs, in floating point, that one and only one fixed point lies near a state.

The statement proved is about real numbers: about the network whose weights, input and state are the
floating-point numbers given, evaluated exactly. It is the Newton–Kantorovich theorem in the form of
a radii polynomial (Day, Lessard and Mischaikow, SIAM J. Numer. Anal. 45 (2007) 1398, section 2;
for the form with a Lipschitz constant: Ortega, Amer. Math. Monthly 75 (1968) 658).

Let G(h) = n(h) - h, whose zeros are the fixed points, A any matrix, and T(h) = h - A G(h). In the
sup norm, for all states within ρ of the state h̄, let

    ‖A G(h̄)‖ <= Y,    ‖I - A DG(h̄)‖ <= Z,    ‖A (DG(h) - DG(h̄))‖ <= K ‖h - h̄‖.

If Y + Z r + K r² / 2 <= r and Z + K r < 1 for an r <= ρ, then T maps the ball of radius r into
itself and contracts it, so that it holds exactly one fixed point of T; and A is regular, since
‖I - A DG‖ < 1, so that this is a zero of G. The smallest such r is `radius_exists`. T contracts
every ball with Z + K r < 1, so that no other zero lies in any of those: the largest such r, at most
ρ, is `radius_unique`.

A is the inverse of DG(h̄) as floating point finds it; how good it is shows in Z. Every rounding
error is bounded: `nullcline.certify.enclosure` says how.

Distances are in the state. An LSTM's c is a function of h at a fixed point: the ball of existence
is one of h, and c over it is enclosed. So the larger of both distances is `radius_exists`; and no
other fixed point has its h, and so its state, within `radius_unique`.

The layers of a stack are proved from the first up. What a layer reads at the joint fixed point is
known to within the ball of existence of the layer below, and all of its bounds hold for every input
in that ball: it has exactly one fixed point near, whichever of these inputs is the true one.

Since ‖I - A DG(h)‖ < 1 over the ball of existence, det DG has one sign there, that of A's; so has
det(I - Dn) = det(-DG), the fixed point's index. And the step's Jacobian is enclosed over the same
ball, which tells how many eigenvalues are outside the unit circle: `nullcline.certify.spectrum`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._native.blas import one_blas_thread
from nullcline._support.shown import Shown, Table, first_rows
from nullcline.certify.balls import UP, bound
from nullcline.certify.determinants import Factored
from nullcline.certify.fitting import require_states_of
from nullcline.certify.layers import enclosed_layers
from nullcline.certify.radii import best_radii
from nullcline.certify.spectrum import Spectrum, enclosed_spectrum
from nullcline.distribution import Chunk, by_cost, row_ranges

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell
    from nullcline.certify.balls import Matrix, Vector
    from nullcline.certify.enclosure import Enclosure
    from nullcline.certify.layers import Layers
    from nullcline.distribution import Spread

REASONS = (
    "one and only one fixed point lies within radius_unique, and within radius_exists",
    "the state, the network's value there, or a bound of its error is not finite",
    "the Jacobian of n(h) - h is singular to rounding: a ghost, a fold, a multiple root, or a line "
    "of fixed points",
    "the residual is too large beside the Jacobian's changes: no fixed point need be near, several "
    "may be, or the state is not polished",
    "the bounds of rounding errors are too large to prove anything: the weights are too large for "
    "float64",
)
"""What `Certificates.reason` says."""

PROVED, NOT_FINITE, SINGULAR, TOO_FAR, COARSE = range(len(REASONS))

BLURRED = 0.01
"""A Jacobian of n(h) - h, of which -1 is a part, is not known where its error is as large."""


@dataclass(frozen=True, eq=False, repr=False)
class Certificates(Shown):
    """What is proved of each of n states; all distances are in the sup norm.

    Attributes
    ----------
    certified
        Whether exactly one fixed point is proved to lie within `radius_unique`, shape (n,).
    radius_exists
        It lies within this distance of the state, shape (n,); NaN where nothing is proved.
    radius_unique
        No other one lies within this distance, shape (n,); NaN where nothing is proved.
    index
        sign det(I - Dn) at it, +1 or -1, shape (n,), int8; 0 where nothing is proved. Over all
        fixed points of a bounded network the indices sum to 1: another sum of certified points,
        each once, proves that some are missing.
    residual_bound, defect_bound, curvature_bound
        Y, Z and K of the theorem that `nullcline.certify.certificates` states, shape (n,), the
        largest of a stack's layers; infinite or NaN where they could not be bounded.
    reason
        A sentence, shape (n,).
    h
        The states, shape (n, S).
    inputs
        The input at each, shape (n, D); None for zero input.
    cell
        The cell.
    output_radii
        Within what distance of their outputs those of the fixed point lie, of each of L layers'
        cells, shape (n, L); NaN where nothing is proved.
    """

    certified: NDArray[np.bool_]
    radius_exists: Vector
    radius_unique: Vector
    index: NDArray[np.int8]
    residual_bound: Vector
    defect_bound: Vector
    curvature_bound: Vector
    reason: NDArray[np.str_]
    h: Floats
    inputs: Floats | None
    cell: Cell
    output_radii: Matrix

    def __len__(self) -> int:
        return len(self.h)

    def __repr__(self) -> str:
        n_certified = int(np.sum(self.certified))
        return f"Certificates({len(self)} states, {n_certified} certified; S = {self.h.shape[1]})"

    def _table(self) -> Table:
        names = ("certified", "radius_exists", "radius_unique", "index", "reason")
        columns = [getattr(self, name) for name in names]
        rows = [(i, *(column[i] for column in columns)) for i in first_rows(len(self))]
        return Table(("", *names), rows, len(self))

    @property
    def n_unstable(self) -> NDArray[np.int64]:
        """How many eigenvalues of the step's Jacobian are outside the unit circle, shape (n,).

        It is proved of the fixed point itself, none being on the circle; -1 where that is open or
        no fixed point is proved. It is computed when first asked for, and takes about as long as
        `linearize`.
        """
        counts = [-1 if found.n_outside is None else found.n_outside for found in self._spectra]
        return np.array(counts, np.int64)

    @property
    def stability(self) -> NDArray[np.str_]:
        """What `n_unstable` says, in words, shape (n,).

        "stable", "exactly 1 unstable mode", "exactly k unstable modes", or "open".
        """
        return np.array([_STABILITY.get(n, f"exactly {n} unstable modes") for n in self.n_unstable])

    @property
    def eigenvalue_error(self) -> Vector:
        """The largest radius of discs that hold the eigenvalues, shape (n,).

        They are those of the step's Jacobian at the fixed point, and the discs are around the
        eigenvalues that LAPACK finds; infinite where there are none, and where nothing is proved.
        """
        return np.array([found.error for found in self._spectra])

    @cached_property
    def _spectra(self) -> list[Spectrum]:
        layers = enclosed_layers(self.cell)
        with one_blas_thread():
            return [
                _spectrum(layers, self.h[i], self._input(i), self.output_radii[i])
                for i in range(len(self))
            ]

    def _input(self, i: int) -> Floats | None:
        return None if self.inputs is None else self.inputs[i]

    def same_point(self, i: int, j: int) -> bool | None:
        """Tell whether two states, of one network and input, stand for one fixed point or for two.

        Parameters
        ----------
        i, j
            Rows.

        Returns
        -------
        bool or None
            True or False where that is proved; None where it is open, or one is not certified.
        """
        if not (self.certified[i] and self.certified[j]):
            return None
        first, second = (self.h[row].astype(np.float64) for row in (i, j))
        distance = float(np.max(np.abs(first - second), initial=0))
        if distance * (1 - 1e-10) > (self.radius_exists[i] + self.radius_exists[j]) * UP:
            return False
        for here, there in ((i, j), (j, i)):
            if (distance + self.radius_exists[there]) * UP <= self.radius_unique[here]:
                return True
        return None


_STABILITY = {-1: "open", 0: "stable", 1: "exactly 1 unstable mode"}


_SECONDS = 3e-9
"""That the bounds of a state take, over H³."""


def certify_states(
    cell: Cell, h: Floats, inputs: Floats | None = None, spread: Spread | None = None
) -> Certificates:
    """Prove what can be proved of states, each at an input of its own.

    Parameters
    ----------
    cell
        The cell.
    h
        States, shape (n, S).
    inputs
        The input at each, shape (n, D); None for zero input.
    spread
        The executor whose workers prove, if any.

    Returns
    -------
    Certificates
        One row per state.

    Raises
    ------
    TypeError
        If the cell is not one whose equations are enclosed: a function, or one with kinks.
    ValueError
        If the states are not as long as those of the cell, or the inputs are not.
    """
    require_states_of(cell, h, inputs)
    layers = enclosed_layers(cell)
    if spread is None:
        outcomes = _outcomes({"cell": cell}, h, inputs)
    else:
        size = by_cost(spread.chunk_size, _SECONDS * cell.hidden_size**3, h[:1].nbytes)
        chunks = [
            Chunk((h[rows], None if inputs is None else inputs[rows]), rows.stop - rows.start)
            for rows in row_ranges(len(h), size)
        ]
        parts = spread.answers(_outcomes, chunks, {"cell": cell})
        outcomes = [outcome for part in parts for outcome in part]

    def column(name: str) -> Vector:
        return np.array([getattr(outcome, name) for outcome in outcomes], np.float64)

    reason = np.array([outcome.reason for outcome in outcomes], np.intp)
    radii = [outcome.radii or (np.nan,) * layers.n_cells for outcome in outcomes]
    return Certificates(
        certified=reason == PROVED,
        radius_exists=column("exists"),
        radius_unique=column("unique"),
        index=np.array([outcome.index for outcome in outcomes], np.int8),
        residual_bound=column("y"),
        defect_bound=column("z"),
        curvature_bound=column("k"),
        reason=np.array(REASONS)[reason],
        h=h,
        inputs=inputs,
        cell=cell,
        output_radii=np.array(radii, np.float64).reshape(len(h), layers.n_cells),
    )


@dataclass(frozen=True)
class _Outcome:
    """One state's radii and bounds; `reason` is an index into REASONS.

    `radii` are those of existence of the outputs alone, of one cell or of all of a stack.
    """

    reason: int
    exists: float = np.nan
    unique: float = np.nan
    index: int = 0
    y: float = np.nan
    z: float = np.nan
    k: float = np.nan
    radii: tuple[float, ...] = ()


@one_blas_thread()
def _outcomes(
    shared: Mapping[str, Any], h: Floats, inputs: Floats | None, **_: Any
) -> list[_Outcome]:
    """Certify states, here or on a worker."""
    layers = enclosed_layers(shared["cell"])
    return [_certify(layers, h[i], None if inputs is None else inputs[i]) for i in range(len(h))]


def _certify(layers: Layers, state: Floats, x: Floats | None) -> _Outcome:
    """Certify a state layer by layer, each at all inputs that the layer below may put out."""
    found: list[_Outcome] = []
    for enclose, own, read in layers.at(state, x, lambda i: found[i].radii[0]):
        outcome = _certify_cell(enclose(own, read), own)
        if outcome.reason != PROVED:
            return outcome
        found.append(outcome)
    return found[0] if len(found) == 1 else _together(found)


def _together(found: list[_Outcome]) -> _Outcome:
    """Return what is proved of a joint state, given what is of each layer's."""
    exists = max(part.exists for part in found)
    unique = min(part.unique for part in found)
    bounds = {name: max(getattr(part, name) for part in found) for name in ("y", "z", "k")}
    if not exists <= unique:
        return _Outcome(TOO_FAR, **bounds)
    index = int(np.prod([part.index for part in found]))
    radii = tuple(part.radii[0] for part in found)
    return _Outcome(PROVED, exists, unique, index, radii=radii, **bounds)


def _certify_cell(at: Enclosure, state: Vector) -> _Outcome:
    with np.errstate(all="ignore"):  # what overflows is looked for, and refused
        if not (np.isfinite(state).all() and at.is_finite()):
            return _Outcome(NOT_FINITE)
        factored = Factored(-at.jacobian)
        if factored.inverse is None:
            return _Outcome(SINGULAR)
        magnitude = np.abs(factored.inverse)
        y = bound(magnitude @ at.residual.magnitude())
        z = bound(factored.defects + magnitude @ at.jacobian_error.sum(axis=1))
        blurred = bound(at.jacobian_error.sum(axis=1)) >= BLURRED
        if not z < 1:
            return _Outcome(COARSE if blurred else SINGULAR, y=y, z=z)
        found = best_radii(at.curvature, magnitude, y, z)
        if np.isnan(found.unique):
            is_coarse = blurred or not np.isfinite(found.k)
            return _Outcome(COARSE if is_coarse else TOO_FAR, y=y, z=z)
        # ‖I - A DG‖ < 1 over the ball and at -DG's middle, whose determinant has the same sign.
        index = factored.determinant_sign()
        outcome = _Outcome(PROVED, found.exists, found.unique, index, y, z, found.k)
        return _of_whole_state(at, state, outcome)


def _of_whole_state(at: Enclosure, state: Vector, outcome: _Outcome) -> _Outcome:
    """Return what is proved of a state of which the outputs are a part."""
    exists = outcome.exists
    radii = (exists,)
    if len(state) > len(at.jacobian):
        near = at.states(exists)
        exists = max(exists, bound(np.abs(state - near.middle) + near.radius))
    if not exists <= outcome.unique:
        return _Outcome(TOO_FAR, y=outcome.y, z=outcome.z, k=outcome.k)
    return replace(outcome, exists=exists, radii=radii)


def _spectrum(layers: Layers, state: Floats, x: Floats | None, radii: Vector) -> Spectrum:
    """Return what is proved of the eigenvalues at a certified state: the union of its layers'."""
    if np.isnan(radii).any():
        return Spectrum(None, np.inf)
    parts = [
        enclosed_spectrum(enclose(own, read).step_jacobian(radius))
        for (enclose, own, read), radius in zip(
            layers.at(state, x, radii.__getitem__), radii, strict=True
        )
    ]
    counts = [part.n_outside for part in parts]
    decided = [n for n in counts if n is not None]
    total = sum(decided) if len(decided) == len(counts) else None
    return Spectrum(total, max(part.error for part in parts))
