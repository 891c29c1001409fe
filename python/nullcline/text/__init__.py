"""Text for the study: corpora, tokens, vocabularies and word vectors."""

from __future__ import annotations

from nullcline.text.corpora import load_corpus
from nullcline.text.corpus import Corpus, Split
from nullcline.text.download import fetch
from nullcline.text.pretrained import load_vectors_for_corpus
from nullcline.text.tokens import tokenize
from nullcline.text.vector_files import load_word_vectors
from nullcline.text.vectors import WordVectors
from nullcline.text.vocabulary import PAD, UNK, Vocabulary

__all__ = [
    "PAD",
    "UNK",
    "Corpus",
    "Split",
    "Vocabulary",
    "WordVectors",
    "fetch",
    "load_corpus",
    "load_vectors_for_corpus",
    "load_word_vectors",
    "tokenize",
]
