"""The word vectors that a corpus starts from."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nullcline._support.validation import whole_number
from nullcline.text.corpora import own_name
from nullcline.text.download import fetch
from nullcline.text.published_vectors import PUBLISHED
from nullcline.text.synthetic import generate_vectors
from nullcline.text.synthetic_context import generate_context_vectors
from nullcline.text.synthetic_ordered import ORDERED
from nullcline.text.synthetic_unordered import UNORDERED
from nullcline.text.trained_vectors import TRAINED
from nullcline.text.vector_files import load_word_vectors
from nullcline.text.vectors import LARGEST_SEED, WordVectors, draw_for_word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["load_vectors_for_corpus"]

_GLOVE_DIMENSIONS = (50, 100, 200, 300)
_SPREAD = 0.4

_GENERATED: dict[str, Callable[..., WordVectors]] = {
    "synthetic": generate_vectors,
    "synthetic-context": generate_context_vectors,
    **{language.name: language.vectors for language in (UNORDERED, ORDERED)},
}
"""What makes the vectors of corpora that are generated."""

RANDOM = "random"
"""What stands for no file of vectors."""

NAMED_VECTORS = (RANDOM, *TRAINED, *PUBLISHED)
"""Every word vectors that have a name; others are a file."""


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
    or limited to some words: ``glove.6B.100d.*.txt``) or downloaded. `vectors` names others.

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
        A file that `load_word_vectors` reads. Or ``"random"``: drawn for each word from a normal
        distribution with mean 0 and standard deviation 0.4, near that of GloVe's numbers. Or one of
        these that are published, from a local copy or downloaded: ``"glove-6b-50"`` (100, 200,
        300), ``"word2vec-google-news"`` (Mikolov et al. 2013), ``"fasttext-wiki-news"`` and
        ``"fasttext-crawl"`` (Mikolov et al. 2018), of 300 numbers each. Of a file as large as these
        only the vectors of `words` are held in memory.

    Returns
    -------
    WordVectors
        The vectors of those words that have one.

    Raises
    ------
    TypeError, ValueError
        `dimension` is no whole number from 1 on, or the seed of what is drawn none from 0 on; there
        are no such vectors, or the file is damaged, or has vectors of another dimension.
    OSError
        A file or folder cannot be read, or a download fails.
    """
    whole_number("dimension", dimension, 1)
    if vectors in TRAINED:
        raise ValueError(
            f"vectors={vectors!r} are trained on texts: call nullcline.text.train_word_vectors"
        )
    if vectors == RANDOM:
        return _draw(words, dimension, seed)
    if vectors is None and (generate := _GENERATED.get(own_name(name))):
        return generate(words, dimension=dimension, seed=seed)
    if vectors is None:
        if dimension not in _GLOVE_DIMENSIONS:
            known = f"one of {_GLOVE_DIMENSIONS}"
            raise ValueError(f"dimension must be {known} for GloVe, not {dimension}")
        vectors = f"glove-6b-{dimension}"
    if published := PUBLISHED.get(os.fspath(vectors)):
        if dimension != published.dimension:
            raise ValueError(
                f"the vectors of {vectors} have {published.dimension} numbers, not {dimension}; "
                f"ask for {published.dimension} (embedding_size in training)"
            )
        vectors = fetch(published.original, data_dir, progress, copies=published.copies)
    if not Path(vectors).exists():
        raise FileNotFoundError(
            errno.ENOENT,
            f"vectors must be a file, or one of {', '.join(NAMED_VECTORS)}; there is no file",
            os.fspath(vectors),
        )
    return load_word_vectors(vectors, words, dimension=dimension)


def _draw(words: Iterable[str], dimension: int, seed: int) -> WordVectors:
    whole_number("seed", seed, 0, LARGEST_SEED)
    listed = tuple(dict.fromkeys(words))
    drawn = [draw_for_word(word, dimension, seed) for word in listed]
    numbers = np.array(drawn, np.float32).reshape(-1, dimension)
    return WordVectors(listed, np.float32(_SPREAD) * numbers)
