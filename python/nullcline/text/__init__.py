"""Text for the study: corpora, tokens, vocabularies and word vectors.

Each name is loaded when it is first asked for: the command line lists what can be fetched without
the packages that fetch it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nullcline._support.lazy import lazy

if TYPE_CHECKING:
    from nullcline.text.corpora import CORPORA, load_corpus
    from nullcline.text.corpus import Corpus, Split
    from nullcline.text.download import fetch
    from nullcline.text.pretrained import load_vectors_for_corpus
    from nullcline.text.tokens import tokenize
    from nullcline.text.trained_vectors import train_word_vectors
    from nullcline.text.vector_files import SkippedRowsWarning, load_word_vectors
    from nullcline.text.vectors import WordVectors
    from nullcline.text.vocabulary import PAD, UNK, Vocabulary

__all__ = [
    "CORPORA",
    "PAD",
    "UNK",
    "Corpus",
    "SkippedRowsWarning",
    "Split",
    "Vocabulary",
    "WordVectors",
    "fetch",
    "load_corpus",
    "load_vectors_for_corpus",
    "load_word_vectors",
    "tokenize",
    "train_word_vectors",
]

_HOMES = {
    "CORPORA": "corpora",
    "load_corpus": "corpora",
    "Corpus": "corpus",
    "Split": "corpus",
    "fetch": "download",
    "load_vectors_for_corpus": "pretrained",
    "tokenize": "tokens",
    "train_word_vectors": "trained_vectors",
    "SkippedRowsWarning": "vector_files",
    "load_word_vectors": "vector_files",
    "WordVectors": "vectors",
    "PAD": "vocabulary",
    "UNK": "vocabulary",
    "Vocabulary": "vocabulary",
}
"""The file that each public name is in."""

__getattr__, __dir__ = lazy(__name__, _HOMES)
