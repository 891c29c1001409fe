"""Word vectors: minimal for now."""

from __future__ import annotations

import hashlib
import lzma
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nullcline.text.vocabulary import PAD


@dataclass(frozen=True)
class WordVectors:
    words: tuple[str, ...]
    vectors: np.ndarray

    def matrix(self, vocabulary, seed=0):
        numbers = {w: i for i, w in enumerate(self.words)}
        known = [word in numbers for word in vocabulary.words]
        out = np.empty((len(vocabulary), self.vectors.shape[1]), dtype=np.float32)
        out[known] = self.vectors[[numbers[w] for w in vocabulary.words if w in numbers]]
        std = float(out[known].std(dtype=np.float64))
        for row, word in enumerate(vocabulary.words):
            if not known[row]:
                digest = hashlib.sha256(word.encode()).digest()
                generator = np.random.default_rng([seed, int.from_bytes(digest[:8], "little")])
                out[row] = generator.normal(0.0, std, out.shape[1])
        out[PAD] = 0
        return out


def load_word_vectors(path, words=None):
    path = Path(path)
    wanted = None if words is None else set(words)
    opener = lzma.open if path.suffix == ".xz" else open
    ws, vs = [], []
    with opener(path, "rt", encoding="utf-8") as f:
        for line in f:
            w, rest = line.split(" ", 1)
            if wanted is None or w in wanted:
                ws.append(w)
                vs.append(np.array(rest.split(), dtype=np.float32))
    return WordVectors(tuple(ws), np.stack(vs))


def load_vectors_for_corpus(name, words, *, data_dir=None, dimension=100, seed=0, progress=True):
    root = Path(data_dir or os.environ["NULLCLINE_DATA"])
    return load_word_vectors(next(root.glob(f"glove.6B.{dimension}d*.txt*")), words)
