"""The index of a fixed point, the sign of det(I - Dn), to be summed over all of them.

Fixed points are the zeros of G(h) = n(h) - h, the cell's reduced residual, and I - Dn is -DG. The
sign is that of det(I - J_rec), too, J_rec being the Jacobian of the whole step F at the point: for
a gated cell I - J_rec = diag(1 - z) (I - Dn) with 0 < z < 1, for a leaky one diag(α) (I - Dn), and
for an LSTM, whose c is eliminated, I - Dn is the Schur complement of diag(1 - f) in I - J_rec. So
it is +1 where an even number of real eigenvalues of J_rec is above 1, and -1 where an odd one is:
a point of index -1 is unstable. That of a stack, whose Jacobian is block triangular, is the product
of its layers' indices.

What is known of DG depends on the cell. Where its equations are enclosed, every rounding error of
DG is bounded. Elsewhere DG is taken to be right to `ROUNDING` units of rounding of the largest
entry of its row: then the sign is proved *to rounding*, of the matrix and not of the equations. A
state is not the fixed point, but near it. So DG may change by twice what it changes by over a
Newton step; a near-singular one, whose step is long, proves nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline._native.blas import one_blas_thread
from nullcline.cells.double_precision import in_float64
from nullcline.cells.protocol import HasPrecision, Layered
from nullcline.certify.balls import UP
from nullcline.certify.determinants import Factored
from nullcline.certify.enclosure import can_be_enclosed, enclosure_for
from nullcline.certify.fitting import require_states_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell
    from nullcline.certify.balls import Matrix, Vector

ROUNDING = 1024
"""Units of rounding to which a Jacobian's entries are taken to be right beside its rows' largest,
where the equations are not enclosed: sums of thousands of terms keep within, as their errors grow
with the root of their number."""


@one_blas_thread()
def index_states(cell: Cell, h: Floats, inputs: Floats | None = None) -> NDArray[np.int8]:
    """Return the index of the fixed point at each of n states.

    Parameters
    ----------
    cell
        The cell.
    h
        States at which fixed points are, to rounding, shape (n, S).
    inputs
        The input at each, shape (n, D); None for zero input.

    Returns
    -------
    numpy.ndarray
        sign det(I - Dn), +1 or -1; 0 where rounding leaves it open, as at a fold or on a line of
        fixed points. Shape (n,), int8.

    Raises
    ------
    TypeError, ValueError
        If `cell` is no cell, or states or inputs are not as long as its own.
    """
    require_states_of(cell, h, inputs)
    if isinstance(cell, Layered):
        return _of_layers(cell, h, inputs)
    twin = in_float64(cell)
    outputs = twin.outputs_of(h.astype(twin.dtype))
    x = None if inputs is None else inputs.astype(twin.dtype)
    signs = [
        _sign(twin, outputs[i : i + 1], None if x is None else x[i : i + 1]) for i in range(len(h))
    ]
    return np.array(signs, np.int8)


def _of_layers(stack: Layered, h: Floats, x: Floats | None) -> NDArray[np.int8]:
    """Return the products of the indices of a stack's layers, each at the input that it reads."""
    found = np.ones(len(h), np.int8)
    states, inputs = stack.split(h), stack.layer_inputs(h, x)
    for cell, own, read in zip(stack.cells, states, inputs, strict=True):
        found *= index_states(cell, own, read)
    return found


def _sign(cell: Cell, h: Floats, x: Floats | None) -> int:
    """Return sign det(-DG) at outputs (1, H); 0 where it is open."""
    with np.errstate(all="ignore"):  # what overflows is looked for, and proves nothing
        jacobian, error = _jacobian(cell, h, x)
        factored = Factored(-jacobian)
        if factored.inverse is None:
            return 0
        step = factored.inverse @ cell.residual(h, x)[0]
        if not np.isfinite(step).all():
            return 0
        corrected = (h + step).astype(h.dtype)
        moved = np.abs(cell.residual_jacobian(corrected, x)[0] - jacobian)
        return factored.determinant_sign(UP * (error + 2 * moved))


def _jacobian(cell: Cell, h: Floats, x: Floats | None) -> tuple[Matrix, Matrix]:
    """Return DG at outputs (1, H) and a bound of its entries' errors."""
    if can_be_enclosed(cell):
        at = enclosure_for(cell)(h[0].astype(np.float64), None if x is None else x[0])
        return at.jacobian, at.jacobian_error
    precision = cell.precision if isinstance(cell, HasPrecision) else cell.dtype
    jacobian: Matrix = cell.residual_jacobian(h, x)[0].astype(np.float64)
    largest: Vector = np.abs(jacobian).max(axis=1, initial=1)
    unit = float(np.finfo(precision).eps) / 2
    return jacobian, np.broadcast_to(ROUNDING * unit * largest[:, None], jacobian.shape)
