"""The Stanford Sentiment Treebank (Socher et al., EMNLP 2013)."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from nullcline._support.reading import FileError
from nullcline.text.archives import read_members
from nullcline.text.corpus import Corpus, Split

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["read_sst"]

_TREES = {"train": 8_544, "test": 2_210}
_ROOT = re.compile(r"\(([0-4]) .*\)")
_LEAF = re.compile(r"\([0-4] ([^\s()]+)\)")
_ESCAPED = {"-LRB-": "(", "-RRB-": ")", r"\/": "/", r"\*": "*"}
_NEUTRAL = 2

_GRADES = {
    2: ("negative", "positive"),
    3: ("negative", "neutral", "positive"),
    5: ("very negative", "negative", "neutral", "positive", "very positive"),
}
"""What the classes are called, by their number."""


def read_sst(path: Path, *, classes: int = 2) -> Corpus:
    """Read whole sentences from the trees.

    With two classes, labels 0 and 1 of the trees are negative, 3 and 4 positive, and neutral
    sentences (label 2) are left out; with three these are the middle one; with five, each label is
    a class. The development split is left out: the study holds out a part of the train split
    itself. Tokens with a no-break space in them, three numbers of the train split, are left out.

    Parameters
    ----------
    path
        The archive, in any format that `read_members` reads, or its folder.
    classes
        2, 3 or 5.

    Returns
    -------
    Corpus
        6,920 train and 1,821 test sentences of two classes, or 8,544 and 2,210 of three or five,
        cut into tokens, with a space between two.

    Raises
    ------
    ValueError
        The archive is damaged or cut short, or a line is not a tree.
    """
    files = {
        PurePosixPath(name).stem: content
        for name, content in read_members(path, lambda name: name.endswith(".txt"))
    }
    trees = (_trees(path, split, files.get(split, b"")) for split in _TREES)
    train, test = (_of_classes(classes, texts, labels) for texts, labels in trees)
    return Corpus("sst", train, test, _GRADES[classes])


def _of_classes(classes: int, texts: tuple[str, ...], labels: NDArray[np.int64]) -> Split:
    if classes == 2:
        kept = np.flatnonzero(labels != _NEUTRAL)
        return Split(tuple(texts[row] for row in kept), (labels[kept] > _NEUTRAL).astype(np.int64))
    return Split(texts, np.sign(labels - _NEUTRAL) + 1 if classes == 3 else labels)


def _trees(path: Path, split: str, content: bytes) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return the sentence and the label, 0 to 4, of each tree of a split."""
    try:
        lines = content.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise FileError(f"{path} is damaged: {split}.txt is not UTF-8 text") from error
    trees = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if len(trees) != _TREES[split]:
        raise FileError(
            f"{path} holds {len(trees)} trees in {split}.txt, not {_TREES[split]}: "
            "it is cut short or not this corpus; copy it again"
        )
    texts, labels = [], []
    for number, line in trees:
        root = _ROOT.fullmatch(line.strip())
        if root is None or line.count("(") != line.count(")"):
            raise FileError(f"{path}: line {number} of {split}.txt is not a tree: {line[:60]!r}")
        texts.append(" ".join(_plain(leaf) for leaf in _LEAF.findall(line)))
        labels.append(int(root[1]))
    return tuple(texts), np.array(labels, dtype=np.int64)


def _plain(leaf: str) -> str:
    for escaped, mark in _ESCAPED.items():
        leaf = leaf.replace(escaped, mark)
    return leaf
