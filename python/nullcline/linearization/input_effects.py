"""What a word does near a point: how it moves the slow modes, and the readout, now and later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._native.blas import one_blas_thread
from nullcline._support import validation
from nullcline._support.shown import Shown
from nullcline._support.tolerances import MARGINAL
from nullcline.linearization.linear_map import require_steps_in_time
from nullcline.linearization.readout import readout_vector

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from nullcline.linearization.linear_map import Linearization

    Vector = NDArray[np.float64]
    Matrix = NDArray[np.float64]

STABLE = 1 - MARGINAL
"""A point whose largest |λ| is below this is stable beyond doubt.

At a ghost one eigenvalue is 1, exactly but for where the ghost was found to lie: an effect summed
over all time would there be a number, large and without meaning.
"""


@dataclass(frozen=True)
class RankCorrelation(Shown):
    """Spearman's ρ between what words do and their weights, with its two-sided p-value.

    NaN where the words do not differ in what they do.
    """

    rho: float
    p_value: float


@dataclass(frozen=True, eq=False)
class WordEffects(Shown):
    """What each of W words does, to first order, to a network that rests at a point.

    Attributes
    ----------
    eigenvalues, time_constants
        Of the k slowest modes, shape (k,), by falling time constant.
    projections
        ℓ_j · J_inp (x - x*), shape (W, k), complex: how far a word moves the state along the right
        eigenvector r_j (which has length 1) of each slow mode.
    mode_readouts
        readout · r_j, shape (k,), not negative by choice of the sign of r_j; None without readout.
    instantaneous
        readout · J_inp (x - x*), shape (W,): what the word does to the readout at once.
    steady
        Σ_j Re((readout · r_j) ℓ_j · J_inp (x - x*)) over the slow modes, shape (W,): what is left
        of it when the other modes have died away, and before the slow ones do.
    held
        readout · (I - J_rec)⁻¹ J_inp (x - x*), shape (W,): where the readout goes if the word is
        repeated for ever, which is also the sum of what one word does over all time. NaN unless
        the point is stable, |λ| < 1 - 1e-5.
    eigenvalue_errors
        How far each of the eigenvalues may be off (`Linearization.eigenvalue_errors`), shape (k,);
        None in early files.
    """

    eigenvalues: NDArray[np.complex128]
    time_constants: Vector
    projections: NDArray[np.complex128]
    mode_readouts: Vector | None
    instantaneous: Vector | None
    steady: Vector | None
    held: Vector | None
    eigenvalue_errors: Vector | None = None

    def __len__(self) -> int:
        return len(self.projections)

    def __repr__(self) -> str:
        n_modes = len(self.eigenvalues)
        readout = "no readout" if self.instantaneous is None else "a readout"
        return f"WordEffects({len(self)} words, {n_modes} slow modes, {readout})"

    def rank_correlations(self, weights: ArrayLike) -> dict[str, RankCorrelation]:
        """Return how the words' effects rank beside their weights in another model.

        Weights in a logistic regression on bags of words are what each word says for itself; a
        network that integrates words along a line attractor ranks them alike (Maheswaranathan et
        al., NeurIPS 2019). Without a readout the sign of a mode, and of its ρ, is a convention.

        Parameters
        ----------
        weights
            One per word, shape (W,).

        Returns
        -------
        dict
            Spearman's ρ of the real part of the projection on each slow mode, "mode 1" to "mode k",
            and with a readout of "instantaneous", "steady" and "held".

        Raises
        ------
        TypeError, ValueError
            If `weights` is no finite vector (W,), there are fewer than 3 words, or all weights are
            equal.
        """
        ranked = validation.floats("weights", weights).astype(np.float64)
        if ranked.shape != (len(self),) or len(self) < 3:
            raise ValueError(
                f"weights must have shape ({len(self)},), one for each of at least 3 words, "
                f"not {ranked.shape}"
            )
        if not np.ptp(ranked):
            raise ValueError("weights must differ: equal ones have no order")
        effects = {f"mode {j + 1}": column.real for j, column in enumerate(self.projections.T)}
        for name in ("instantaneous", "steady", "held"):
            if getattr(self, name) is not None:
                effects[name] = getattr(self, name)
        return {name: _spearman(values, ranked) for name, values in effects.items()}


def word_effects(
    linearization: Linearization,
    embeddings: ArrayLike,
    readout: ArrayLike | None = None,
    *,
    point: int = 0,
    n_modes: int = 1,
) -> WordEffects:
    """Return what words do to the slow modes and to the readout, near a point.

    One word x, then inputs x* again, leave after t more steps the displacement

    ::

        J_rec^t J_inp (x - x*) = Σ_j λ_j^t r_j ℓ_j · J_inp (x - x*)

    with right and left eigenvectors scaled to ℓ_j · r_j = 1 (the sum over modes of Maheswaranathan
    et al., NeurIPS 2019). At t = 0 all modes take part: the instantaneous effect. On a line
    attractor the slowest mode has λ ≈ 1 and all others are gone after a few of their time
    constants; what is left is the steady effect, in which the slow modes' λ_j^t counts as 1. A word
    may do much at once and nothing that lasts, as those that change the meaning of the next ones
    do. The effect of a word that is held comes from the sum over t, Σ_t J_rec^t = (I - J_rec)⁻¹,
    and is how fast the fixed point itself moves with the input (`follow_input` follows it further).

    Parameters
    ----------
    linearization
        The linear maps.
    embeddings
        What the layer reads, one row per word, shape (W, D).
    readout
        Weights of the outputs, shape (H,), or of the whole state, shape (S,); for a lower layer,
        which has none, None.
    point
        Row of the point in the linearization.
    n_modes
        How many modes count as slow, those with the largest time constants; if that would part a
        conjugate pair, one more. The steady effect means something where the next time constant is
        much smaller, as at a slow point within a line attractor, and can even have the wrong sign
        where it is not: `impulse_response` shows whether a plateau is there.

    Returns
    -------
    WordEffects
        One row per word.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or value, there is no such point, a slow mode is
        defective (it has no left eigenvector to project on), or one of its pair was not found.
    """
    drives, j_inp = _drives(linearization, embeddings, point)
    slow = _slow_modes(linearization, point, n_modes)
    eigenvalues, right, left, time_constants, errors = slow
    weights = None if readout is None else readout_vector(linearization.cell, readout)
    phases = _phases(right, weights)
    projections = drives @ (phases.conj()[:, None] * left @ j_inp).T
    if weights is None:
        nothing = (None,) * 4
        return WordEffects(eigenvalues, time_constants, projections, *nothing, errors)
    mode_readouts = (weights @ right * phases).real
    return WordEffects(
        eigenvalues=eigenvalues,
        time_constants=time_constants,
        projections=projections,
        mode_readouts=mode_readouts,
        instantaneous=drives @ (weights @ j_inp),
        steady=projections.real @ mode_readouts,
        held=drives @ (_held_readout(linearization, point, weights) @ j_inp),
        eigenvalue_errors=errors,
    )


@one_blas_thread()
def impulse_response(
    linearization: Linearization,
    embeddings: ArrayLike,
    readout: ArrayLike,
    n_steps: int,
    *,
    point: int = 0,
) -> Matrix:
    """Return what words do to the readout at once and after each of the following steps.

    Row t is readout · J_rec^t J_inp (x - x*), by products alone (`word_effects` has the equation):
    row 0 is the instantaneous effect, and where there is a line attractor later rows stay at the
    steady one for many steps.

    Parameters
    ----------
    linearization, embeddings, readout, point
        As in `word_effects`.
    n_steps
        Steps after the word, 0 or more.

    Returns
    -------
    numpy.ndarray
        Shape (n_steps + 1, W).

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or value, or there is no such point.
    """
    n_steps = validation.whole_number("n_steps", n_steps, 0)
    drives, j_inp = _drives(linearization, embeddings, point)
    seen = readout_vector(linearization.cell, readout)
    j_rec = linearization.J_rec[point].astype(np.float64)
    rows = [seen]
    for _ in range(n_steps):
        rows.append(rows[-1] @ j_rec)
    response: Matrix = np.array(rows) @ j_inp @ drives.T
    return response


def _drives(
    linearization: Linearization, embeddings: ArrayLike, point: int
) -> tuple[Matrix, Matrix]:
    """Return x - x* for each word, shape (W, D), and J_inp, in float64."""
    require_steps_in_time(linearization)
    point = validation.whole_number("point", point, 0, len(linearization) - 1)
    cell = linearization.cell
    words = validation.rows("embeddings", embeddings, cell.input_size, cell.dtype)
    drives = words.astype(np.float64)
    if linearization.inputs is not None:
        drives -= linearization.inputs[point if len(linearization.inputs) > 1 else 0]
    return drives, linearization.J_inp[point].astype(np.float64)


def _slow_modes(linearization: Linearization, point: int, n_modes: int) -> tuple[Any, ...]:
    """Return eigenvalues, right columns, left rows, time constants, errors of the slowest modes."""
    modes = linearization.by_time_constant()
    values = modes.eigenvalues[point]
    k = validation.whole_number("n_modes", n_modes, 1, len(values))
    if values[k - 1].imag > 0:  # the first of a pair: its partner comes next
        k += 1
        if k > len(values):
            raise ValueError(
                "linearization ends within a conjugate pair of modes: find one more with k"
            )
    left = modes.left[point, :k]
    if np.isnan(left).any():
        raise ValueError(
            "linearization has a defective mode among the slow ones, without a left eigenvector: "
            "no effect of a word can be split into modes there"
        )
    time_constants, errors = modes.time_constants[point, :k], modes.eigenvalue_errors[point, :k]
    return values[:k], modes.right[point, :, :k], left, time_constants, errors


def _phases(right: NDArray[np.complex128], readout: Vector | None) -> NDArray[np.complex128]:
    """Return factors of modulus 1 that make the right eigenvectors' readouts real, not negative.

    Without a readout, or where it sees nothing of a mode, the largest entry is made so instead.
    """
    columns = np.arange(right.shape[1])
    seen = right[np.argmax(np.abs(right), axis=0), columns]
    if readout is not None:
        by_readout = readout @ right
        seen = np.where(by_readout == 0, seen, by_readout)
    phases: NDArray[np.complex128] = seen.conj() / np.abs(seen)
    return phases


@one_blas_thread()
def _held_readout(linearization: Linearization, point: int, weights: Vector) -> Vector:
    """Return readout · (I - J_rec)⁻¹, NaN unless the point is stable beyond doubt."""
    if np.abs(linearization.eigenvalues[point]).max() >= STABLE:
        return np.full_like(weights, np.nan)
    j_rec = linearization.J_rec[point].astype(np.float64)
    held: Vector = np.linalg.solve((np.eye(len(weights)) - j_rec).T, weights)
    return held


def _spearman(effects: Vector, weights: Vector) -> RankCorrelation:
    from scipy.stats import spearmanr

    if np.isnan(effects).any() or not np.ptp(effects):
        return RankCorrelation(float("nan"), float("nan"))
    found: Any = spearmanr(effects, weights)
    return RankCorrelation(float(found.statistic), float(found.pvalue))
