"""What a run was made of, as SHA-256: the corpus, and the word vectors that it starts from."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nullcline.text import Corpus, WordVectors


def corpus_sha256(corpus: Corpus) -> str:
    """Return the hash of a corpus's classes, and of its texts and labels in their order."""
    digest = hashlib.sha256()
    own = corpus.validation
    for texts, labels in (
        (corpus.classes, range(len(corpus.classes))),
        (corpus.train.texts, corpus.train.labels),
        (corpus.test.texts, corpus.test.labels),
        *(() if own is None else ((own.texts, own.labels),)),
    ):
        _add_texts(digest, texts)
        digest.update(np.asarray(labels, "<i8").tobytes())
    return digest.hexdigest()


def vectors_sha256(vectors: WordVectors) -> str:
    """Return the hash of words and of their vectors, in their order."""
    digest = hashlib.sha256()
    _add_texts(digest, vectors.words)
    digest.update(np.ascontiguousarray(vectors.vectors, "<f4").tobytes())
    return digest.hexdigest()


def _add_texts(digest: hashlib._Hash, texts: Sequence[str]) -> None:
    """Add texts, each after its length, so that no two lists of texts are the same bytes."""
    digest.update(len(texts).to_bytes(8, "little"))
    for text in texts:
        encoded = text.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8, "little"))
        digest.update(encoded)
