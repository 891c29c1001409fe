"""Reviews with labels: minimal for now."""

from __future__ import annotations

import os
import re
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Split:
    texts: tuple[str, ...]
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class Corpus:
    name: str
    train: Split
    test: Split
    classes: tuple[str, str] = ("negative", "positive")


_REVIEW = re.compile(r"(?:^|/)aclImdb/(train|test)/(neg|pos)/(\d+)_\d+\.txt$")


def load_corpus(name, *, data_dir=None, seed=0, progress=True) -> Corpus:
    assert name == "imdb"
    path = next(Path(data_dir or os.environ["NULLCLINE_DATA"]).glob("aclImdb_v1.tar*"))
    found = {"train": [], "test": []}
    with tarfile.open(path) as tar:
        for member in tar:
            if match := _REVIEW.search(member.name):
                text = tar.extractfile(member).read().decode("utf-8")
                found[match[1]].append((match[2], int(match[3]), text))
    splits = {}
    for split, reviews in found.items():
        reviews.sort()
        splits[split] = Split(
            tuple(text for _, _, text in reviews),
            np.array([label == "pos" for label, _, _ in reviews], dtype=np.int64),
        )
    return Corpus("imdb", **splits)
