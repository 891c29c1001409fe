"""The Stanford Sentiment Treebank (Socher et al., EMNLP 2013)."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from nullcline.text.archives import read_members
from nullcline.text.corpus import Corpus, Split
from nullcline.text.download import fetch

if TYPE_CHECKING:
    import os
    from pathlib import Path

__all__ = ["load_sst"]

_TREES = {"train": 8_544, "test": 2_210}
_ROOT = re.compile(r"\(([0-4]) .*\)")
_LEAF = re.compile(r"\([0-4] ([^\s()]+)\)")
_ESCAPED = {"-LRB-": "(", "-RRB-": ")", r"\/": "/", r"\*": "*"}
_NEUTRAL = 2


def load_sst(*, data_dir: str | os.PathLike[str] | None = None, progress: bool = True) -> Corpus:
    """Read whole sentences from the trees: labels 0 and 1 are negative, 3 and 4 positive.

    Neutral sentences (label 2) are left out, and so is the development split: the study holds out
    a part of the train split itself.

    Parameters
    ----------
    data_dir, progress
        As for `nullcline.text.load_corpus`.

    Returns
    -------
    Corpus
        6,920 train and 1,821 test sentences, cut into tokens, with a space between two.

    Raises
    ------
    ValueError
        The archive is damaged or cut short, or a line is not a tree.
    """
    path = fetch("sst", data_dir, progress)
    files = {
        PurePosixPath(name).stem: content
        for name, content in read_members(path, lambda name: name.endswith(".txt"))
    }
    train, test = (_split(path, split, files.get(split, b"")) for split in _TREES)
    return Corpus("sst", train, test)


def _split(path: Path, split: str, content: bytes) -> Split:
    try:
        lines = content.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is damaged: {split}.txt is not UTF-8 text") from error
    trees = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if len(trees) != _TREES[split]:
        raise ValueError(
            f"{path} holds {len(trees)} trees in {split}.txt, not {_TREES[split]}: "
            "it is cut short or not this corpus; copy it again"
        )
    texts, labels = [], []
    for number, line in trees:
        root = _ROOT.fullmatch(line.strip())
        if root is None or line.count("(") != line.count(")"):
            raise ValueError(f"{path}: line {number} of {split}.txt is not a tree: {line[:60]!r}")
        label = int(root[1])
        if label != _NEUTRAL:
            texts.append(" ".join(_plain(leaf) for leaf in _LEAF.findall(line)))
            labels.append(label > _NEUTRAL)
    return Split(tuple(texts), np.array(labels, dtype=np.int64))


def _plain(leaf: str) -> str:
    for escaped, mark in _ESCAPED.items():
        leaf = leaf.replace(escaped, mark)
    return leaf
