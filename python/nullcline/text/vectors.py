"""One vector per word, and the matrix that an embedding starts from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nullcline._support.shown import MOST_ROWS, Shown, Table
from nullcline.text.vocabulary import PAD

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nullcline.text.vocabulary import Vocabulary

__all__ = ["LARGEST_SEED", "WordVectors", "draw_for_word"]

LARGEST_SEED = 2**63 - 1
"""The largest seed of texts and vectors that are drawn."""


def draw_for_word(word: str, size: int, seed: int) -> NDArray[np.float64]:
    """Draw `size` standard normal numbers that depend on the word and the seed alone.

    Parameters
    ----------
    word
        The word.
    size
        How many.
    seed
        Any integer from 0 on.

    Returns
    -------
    (size,) array
    """
    digest = hashlib.sha256(word.encode()).digest()
    generator = np.random.default_rng([seed, int.from_bytes(digest[:8], "little")])
    return generator.standard_normal(size)


@dataclass(frozen=True, eq=False)
class WordVectors(Shown):
    """Words and their vectors.

    Parameters
    ----------
    words
        The words, each once.
    vectors : (len(words), dimension) array of float32
        Their vectors, finite.

    Raises
    ------
    ValueError
        The shapes do not fit, a word comes twice, or a vector is not finite.
    """

    words: tuple[str, ...]
    vectors: NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.vectors.ndim != 2 or len(self.vectors) != len(self.words):
            raise ValueError(
                f"vectors must have shape ({len(self.words)}, dimension), one row per word, "
                f"not {self.vectors.shape}"
            )
        if len(set(self.words)) != len(self.words):
            raise ValueError("words must differ from each other")
        finite = np.isfinite(self.vectors).all(axis=1)
        if not finite.all():
            word = self.words[int(np.argmin(finite))]
            raise ValueError(f"vectors must be finite, and that of {word!r} is not")

    def __repr__(self) -> str:
        return f"WordVectors({len(self)} words, {self.vectors.shape[1]} numbers each)"

    def _table(self) -> Table:
        lengths = np.linalg.norm(self.vectors[:MOST_ROWS].astype(np.float64), axis=1)
        rows = list(zip(self.words, lengths, strict=False))
        return Table(("word", "length of its vector"), rows, len(self))

    def __len__(self) -> int:
        return len(self.words)

    @property
    def dimension(self) -> int:
        """How many numbers a vector has."""
        return int(self.vectors.shape[1])

    def matrix(self, vocabulary: Vocabulary, seed: int = 0) -> NDArray[np.float32]:
        """Return a row for every word of a vocabulary.

        The row of ``<pad>`` is zero. Words without a vector, ``<unk>`` among them, are drawn from
        a normal distribution with mean 0 and the standard deviation of all the numbers in the rows
        that are known. A word's draw depends on the word and the seed alone, not on its place.

        Parameters
        ----------
        vocabulary
            The words.
        seed
            Seed of the draws, from 0 on.

        Returns
        -------
        (len(vocabulary), dimension) array of float32

        Raises
        ------
        ValueError
            No word of the vocabulary has a vector.
        """
        place = {word: row for row, word in enumerate(self.words)}
        known = [word in place for word in vocabulary.words]
        if not any(known):
            raise ValueError(
                "no word of the vocabulary has a vector: are these word vectors of another "
                "language, or of words that are not in lower case?"
            )
        matrix = np.empty((len(vocabulary), self.dimension), dtype=np.float32)
        matrix[known] = self.vectors[[place[word] for word in vocabulary.words if word in place]]
        spread = float(matrix[known].std(dtype=np.float64))
        for row, word in enumerate(vocabulary.words):
            if not known[row]:
                matrix[row] = spread * draw_for_word(word, self.dimension, seed)
        matrix[PAD] = 0
        return matrix
