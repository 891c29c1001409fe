"""Which modes of the recurrence carry a context."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nullcline._native.blas import one_blas_thread
from nullcline._support import validation
from nullcline._support.shown import Shown, Table, first_rows
from nullcline.context.setting import setting_of
from nullcline.linearization.linear_map import require_steps_in_time

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from nullcline.context.setting import Setting
    from nullcline.linearization.linear_map import Linearization

    Array = NDArray[np.float64]

STEP = 1e-4
"""Of the difference quotient, along a direction of length 1.

Of states of order 1 it leaves an error of 1e-8 by curvature and 1e-12 by rounding in float64; in
float32 the step is `STEP_OF_FLOAT32`, with 1e-4 and 1e-5.
"""

STEP_OF_FLOAT32 = 1e-2


@dataclass(frozen=True, eq=False, repr=False)
class ContextModes(Shown):
    """What each mode carries of C contexts, to first order.

    Attributes
    ----------
    eigenvalues, time_constants
        Of the k modes, shape (k,), by falling time constant.
    coordinates
        ℓ_j · (h_mod - h*), shape (C, k), complex: how far each context moves the state along each
        right eigenvector, which has length 1.
    size
        Root mean square over words, and readouts, of what the context changes in their effects
        through this mode alone, shape (C, k). The two modes of a conjugate pair have half of what
        the pair carries. Sizes do not add up where modes cancel each other.
    change
        What they change together, to first order, shape (C, V), or (C, K, V).
    """

    eigenvalues: NDArray[np.complex128]
    time_constants: Array
    coordinates: NDArray[np.complex128]
    size: Array
    change: Array

    @property
    def strongest(self) -> NDArray[np.intp]:
        """The mode that carries most of each context, shape (C,)."""
        return np.asarray(np.argmax(self.size, axis=1))

    def __len__(self) -> int:
        return len(self.size)

    def __repr__(self) -> str:
        return f"ContextModes({len(self)} contexts in {self.size.shape[1]} modes)"

    def _table(self) -> Table:
        rows = [
            (i, self.strongest[i], self.time_constants[self.strongest[i]])
            for i in first_rows(len(self))
        ]
        return Table(("context", "strongest mode", "its τ, steps"), rows, len(self))


@one_blas_thread()
def context_modes(
    linearization: Linearization,
    contexts: ArrayLike,
    embeddings: ArrayLike,
    readout: ArrayLike,
    *,
    point: int = 0,
) -> ContextModes:
    """Return which modes of J_rec carry what contexts change in the effects of words.

    To first order in the displacement of the state, and with its coordinates in the modes,

    ::

        wᵀ [J_inp(h_mod) - J_inp(h*)] (x - x*) ≈ Σ_j ℓ_j · (h_mod - h*)  D_j · (x - x*)

        D_j = d/dε  wᵀ J_inp(h* + ε r_j, x*)

    Term j falls as λ_j^t while the input is x*: a context lasts as long as the modes that carry it
    (after Maheswaranathan and Sussillo, ICML 2020). The derivative is a central difference. Where
    contexts are far from the point, the sum is not what they do: compare `change` with that of
    `context_effects`.

    Parameters
    ----------
    linearization
        The linear map at the origin, with the neutral input.
    contexts, embeddings, readout
        As in `context_effects`.
    point
        Row of the point in the linearization.

    Returns
    -------
    ContextModes
        A row for each context.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, width or value, there is no such point, or a mode is
        defective, without a left eigenvector.
    """
    require_steps_in_time(linearization)
    point = validation.whole_number("point", point, 0, len(linearization) - 1)
    inputs = linearization.inputs
    x = None if inputs is None else inputs[point if len(inputs) > 1 else 0]
    origin = linearization.h[point]
    given = setting_of(linearization.cell, contexts, embeddings, readout, origin, x)
    modes = linearization.by_time_constant()
    left = modes.left[point]
    if np.isnan(left).any():
        raise ValueError(
            "linearization has a defective mode, without a left eigenvector: nothing can be split "
            "into modes there"
        )
    coordinates = (given.contexts.astype(np.float64) - given.origin) @ left.T
    bends = _derivatives(given, modes.right[point]) @ given.drives.T  # (k, K, V)
    size = [
        np.sqrt(np.mean((own[:, None, None] * bends).real ** 2, axis=(1, 2))) for own in coordinates
    ]
    change = np.einsum("cj,jkv->ckv", coordinates, bends).real
    return ContextModes(
        eigenvalues=modes.eigenvalues[point],
        time_constants=modes.time_constants[point],
        coordinates=coordinates,
        size=np.array(size),
        change=change[:, 0] if given.is_single else change,
    )


def _derivatives(given: Setting, right: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Return the derivative of wᵀ J_inp along each column of eigenvectors, (k, K, D)."""
    step = STEP if given.cell.dtype == np.float64 else STEP_OF_FLOAT32

    def along(directions: Array) -> Array:
        away = (step * directions.T).astype(given.cell.dtype)
        there, back = (given.sensitivities(given.origin + sign * away, 0) for sign in (1, -1))
        return (there - back) / (2 * step)

    derivatives: NDArray[np.complex128] = along(right.real) + 1j * along(right.imag)
    return derivatives
