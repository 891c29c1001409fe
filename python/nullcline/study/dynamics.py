"""What the linearization of a layer explains: next states, whole reviews, the line, the words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nullcline.continuation.fibers import trace
from nullcline.continuation.line_attractor import measure_line_attractor
from nullcline.linearization.input_effects import word_effects
from nullcline.linearization.prediction import predict_last_states, predict_next_states
from nullcline.linearization.resolution import GROWTH, known_time_constants, side_of_circle
from nullcline.study.dynamics_results import DynamicsAnalysis, WordAnalysis

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nullcline._support.validation import Floats
    from nullcline.cells import Cell
    from nullcline.continuation.line_attractor import LineAttractor
    from nullcline.linearization.linear_map import Linearization
    from nullcline.search.fixed_points import FixedPoints
    from nullcline.study.states import VisitedStates

N_TIME_CONSTANTS = 5
"""How many of the longest time constants are kept."""

N_POSITIONS = 10
"""Places along the line where its direction and its modes are compared."""


@dataclass(frozen=True, eq=False)
class Words:
    """Words, the vectors that the network reads them as, and their weights in the bag of words.

    Parameters
    ----------
    words
        W words.
    embeddings
        Shape (W, D).
    weights
        For the last class against the first, shape (W,).
    """

    words: tuple[str, ...]
    embeddings: Floats
    weights: NDArray[np.float64]


def analyse_dynamics(
    modes: Linearization,
    shown: FixedPoints,
    rows: NDArray[np.intp],
    visited: VisitedStates,
    reviews: Sequence[Floats],
    *,
    readout: NDArray[np.float64] | None,
    words: Words | None,
) -> DynamicsAnalysis:
    """Ask the linear maps around a layer's points what they explain of it.

    Parameters
    ----------
    modes
        The linearization at the points, at least one.
    shown, rows
        These points, and the row of each among all distinct points.
    visited
        The layer's visited states.
    reviews
        The layer's inputs in whole reviews, one array (T, D) each.
    readout
        The readout of this layer's outputs, (H,); None for a layer that has none.
    words
        The words that are this layer's inputs; None for a layer that reads another.

    Returns
    -------
    DynamicsAnalysis
    """
    step = predict_next_states(modes, visited.sample_before, visited.sample_inputs)
    last = predict_last_states(modes, reviews)
    point = int(np.argmax(shown.count))
    eigenvalues, errors = modes.eigenvalues[point], modes.eigenvalue_errors[point]
    time_constants = known_time_constants(eigenvalues, errors)
    longest = np.argsort(-time_constants, kind="stable")[:N_TIME_CONSTANTS]
    return DynamicsAnalysis(
        point=int(rows[point]),
        time_constants=time_constants[longest],
        growing=side_of_circle(eigenvalues, errors)[longest] == GROWTH,
        next_state_r2=step.r2,
        next_change_r2=step.r2_of_change,
        next_by_distance=step.by_distance(min(10, len(step))),
        review_state_r2=last.r2,
        review_readout_r2=None if readout is None else last.read_out(readout).r2,
        line=_line(modes.cell, shown, visited, readout),
        words=None if words is None else _words(modes, point, readout, words),
    )


def _line(
    cell: Cell, points: FixedPoints, visited: VisitedStates, readout: NDArray[np.float64] | None
) -> LineAttractor | None:
    """Return the first curve through a point, the end of most starts first, that states lie by."""
    for row in np.argsort(-points.count, kind="stable"):
        curve = trace(cell, points.select([row])).curves[0]
        try:
            return measure_line_attractor(
                cell, curve, visited.sample, readout=readout, n_positions=N_POSITIONS
            )
        except ValueError:  # no visited state is nearest to its inside
            continue
    return None


def _words(
    modes: Linearization, point: int, readout: NDArray[np.float64] | None, words: Words
) -> WordAnalysis:
    effects = word_effects(modes, words.embeddings, readout, point=point)
    return WordAnalysis(words.words, words.weights, effects)
