"""Text for the study: corpora, tokens, vocabularies and word vectors."""

from __future__ import annotations

from nullcline.text.corpora import Corpus, Split, load_corpus
from nullcline.text.tokens import tokenize
from nullcline.text.vectors import WordVectors, load_vectors_for_corpus, load_word_vectors
from nullcline.text.vocabulary import PAD, UNK, Vocabulary

__all__ = [
    "PAD",
    "UNK",
    "Corpus",
    "Split",
    "Vocabulary",
    "WordVectors",
    "load_corpus",
    "load_vectors_for_corpus",
    "load_word_vectors",
    "tokenize",
]
