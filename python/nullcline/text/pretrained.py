"""The word vectors that a corpus starts from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline.text.download import fetch
from nullcline.text.synthetic import generate_vectors
from nullcline.text.synthetic_context import generate_context_vectors
from nullcline.text.synthetic_ordered import ORDERED
from nullcline.text.synthetic_unordered import UNORDERED
from nullcline.text.vector_files import load_word_vectors
from nullcline.text.vectors import WordVectors, draw_for_word

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable

__all__ = ["load_vectors_for_corpus"]

_GLOVE_DIMENSIONS = (50, 100, 200, 300)
_COMPRESSIONS = ("", ".gz", ".xz", ".bz2")
_SPREAD = 0.4

_GENERATED: dict[Any, Callable[..., WordVectors]] = {
    "synthetic": generate_vectors,
    "synthetic-context": generate_context_vectors,
    **{language.name: language.vectors for language in (UNORDERED, ORDERED)},
}
"""What makes the vectors of corpora that are generated."""

RANDOM = "random"
"""What stands for no file of vectors."""


def load_vectors_for_corpus(
    name: str | os.PathLike[str],
    words: Iterable[str],
    *,
    data_dir: str | os.PathLike[str] | None = None,
    dimension: int = 100,
    seed: int = 0,
    progress: bool = True,
    vectors: str | os.PathLike[str] | None = None,
) -> WordVectors:
    """Load the word vectors for a corpus that `load_corpus` gave.

    Generated corpora have generated vectors. All others have those of GloVe 6B (Pennington et
    al. 2014), from a local copy (``glove.6B.zip``, or ``glove.6B.100d.txt`` as it is, compressed,
    or limited to some words: ``glove.6B.100d.*.txt``) or downloaded. `vectors` names others, for
    which nothing is downloaded.

    Parameters
    ----------
    name
        As given to `load_corpus`.
    words
        The words to load, those of the vocabulary for instance.
    data_dir, progress
        As for `load_corpus`.
    dimension
        How many numbers a vector has: for GloVe 50, 100, 200 or 300.
    seed
        Seed of the generated vectors, and of random ones.
    vectors
        A file that `load_word_vectors` reads, or ``"random"``: drawn for each word from a normal
        distribution with mean 0 and standard deviation 0.4, near that of GloVe's numbers.

    Returns
    -------
    WordVectors
        The vectors of those words that have one.

    Raises
    ------
    ValueError
        There are no such vectors, or the file is damaged, or has vectors of another dimension.
    OSError
        A file or folder cannot be read, or a download fails.
    """
    if vectors == RANDOM:
        return _draw(words, dimension, seed)
    if vectors is not None:
        return load_word_vectors(vectors, words, dimension=dimension)
    if name in _GENERATED:
        return _GENERATED[name](words, dimension=dimension, seed=seed)
    if dimension not in _GLOVE_DIMENSIONS:
        raise ValueError(f"dimension must be one of {_GLOVE_DIMENSIONS} for GloVe, not {dimension}")
    whole = [f"glove.6B.{dimension}d.txt{suffix}" for suffix in _COMPRESSIONS]
    limited = [f"glove.6B.{dimension}d.*.txt{suffix}" for suffix in _COMPRESSIONS]
    path = fetch("glove", data_dir, progress, copies=[*whole, "glove.6B.zip", *limited])
    return load_word_vectors(path, words, dimension=dimension)


def _draw(words: Iterable[str], dimension: int, seed: int) -> WordVectors:
    listed = tuple(dict.fromkeys(words))
    drawn = [draw_for_word(word, dimension, seed) for word in listed]
    numbers = np.array(drawn, np.float32).reshape(-1, dimension)
    return WordVectors(listed, np.float32(_SPREAD) * numbers)
