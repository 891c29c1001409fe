"""The words that move a network most, where it rests at a point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support import validation
from nullcline.interactive.packing import clean, number
from nullcline.linearization.input_effects import WordEffects, word_effects

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nullcline._support.validation import Floats
    from nullcline.linearization.linear_map import Linearization

N_WORDS = 8
"""Words that are shown in each direction."""


@dataclass(frozen=True, eq=False)
class Words:
    """W words, with the vectors that the layer reads, or with what they do at each point."""

    words: tuple[str, ...]
    embeddings: Floats | None
    effects: tuple[WordEffects, ...]

    def given_at(self, row: int) -> dict[str, Any] | None:
        """Return the words that do most at a point by the effects that were given, if they were."""
        return _most(self.words, self.effects[row]) if self.effects else None

    def found_at(
        self, maps: Linearization, place: int, readout: NDArray[np.float64] | None
    ) -> dict[str, Any] | None:
        """Return the words that do most at a linearized point, or why that cannot be said."""
        if self.embeddings is None:
            return None
        read = self.embeddings.astype(maps.cell.dtype)
        try:
            return _most(self.words, word_effects(maps, read, readout, point=place))
        except ValueError as error:  # a defective mode, on which nothing can be projected
            return {"why_not": str(error)}


def read_words(given: Any, n_points: int, input_size: int | None) -> Words:
    """Return the words that `explore` was given, checked."""
    if isinstance(given, Mapping):
        names: list[Any] = list(given)
        vectors: Any = [np.asarray(vector) for vector in given.values()]
    elif isinstance(given, tuple) and len(given) == 2:
        names, vectors = list(given[0]), given[1]
    else:
        raise TypeError(
            "words must map each word to its vector, or be a pair: the words, and their vectors "
            f"(W, D) or their WordEffects, not {type(given).__name__}"
        )
    words = tuple(clean(word) for word in names)
    if isinstance(vectors, WordEffects):
        vectors = [vectors]
    if isinstance(vectors, Sequence) and vectors and isinstance(vectors[0], WordEffects):
        if len(vectors) != n_points or any(len(effects) != len(words) for effects in vectors):
            raise ValueError(
                f"words must come with WordEffects of {len(words)} words for each of "
                f"{n_points} points"
            )
        return Words(words, None, tuple(vectors))
    embeddings = validation.floats("words", vectors if words else np.zeros((0, 0)))
    if embeddings.ndim != 2 or len(embeddings) != len(words) or not words:
        raise ValueError(
            f"words must come with vectors of shape ({len(words)}, D), at least one, not "
            f"{embeddings.shape}"
        )
    if input_size is not None and embeddings.shape[1] != input_size:
        raise ValueError(
            f"words must have vectors of length {input_size}, as the cell reads them, not "
            f"{embeddings.shape[1]}"
        )
    return Words(words, embeddings, ())


def _most(words: Sequence[str], effects: WordEffects) -> dict[str, Any]:
    """Return the words with the largest effects, by the lasting one on the readout if there is one.

    Without a readout what counts is how far a word moves the slowest mode; the sign is then a
    convention, and a pair of modes has none.
    """
    at_once = None
    if effects.steady is not None:
        score, measure, at_once = effects.steady, "readout", effects.instantaneous
    elif abs(effects.eigenvalues[0].imag) > 0:
        score, measure = np.abs(effects.projections[:, 0]), "pair"
    else:
        score, measure = effects.projections[:, 0].real, "mode"
    order = np.argsort(-score, kind="stable")
    up = [j for j in order.tolist() if score[j] > 0][:N_WORDS]
    down = [j for j in order[::-1].tolist() if score[j] < 0][:N_WORDS]
    return {
        "measure": measure,
        "total": len(words),
        "rows": [
            [words[j], number(score[j]), None if at_once is None else number(at_once[j])]
            for j in (*up, *down)
        ],
    }
